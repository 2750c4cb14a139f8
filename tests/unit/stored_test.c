#include "inspect/tree/stored.h"

#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HASH "pbkdf2_sha256$260000$c2FsdA$Zm9vYmFyYmF6"

/* -- fixture and helpers ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	tree_open();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_close();
	return 0;
}

/* "plain empty hashed $1 $2". */
static void expect(const char *expression, bool secret, const char *wanted)
{
	struct stored stored = {.secret = secret};
	char found[512] = "";
	stored_add(&stored, tree_node(expression));
	for (unsigned kind = 0; kind < VALUE_KINDS; kind++) {
		if (stored.values & value_bit(kind))
			snprintf(found + strlen(found), sizeof(found) - strlen(found), " %s", value_name(kind));
	}
	if (stored.hashed)
		strcat(found, " hashed");
	for (uint16_t at = 0; at < stored.parameter_count; at++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), " $%u", stored.parameters[at]);
	if (strcmp(found[0] ? found + 1 : found, wanted) != 0)
		fail_msg("%s\nexpected: %s\nbut got:%s", expression, wanted, found);
}

/* -- cases ------------------------------------------------------------------------------------------ */

/* What comes out of a branch counts, what decides which branch it is doesn't. */
static void branches(void **state)
{
	(void)state;
	expect("'hunter2'", true, "plain");
	expect("4111111111111111", true, "card");
	expect("4111111111111112", true, "");
	expect("4111111111111111.0", true, "");
	expect("4111", true, "");
	expect("4111111111111111", false, "");
	expect("'hunter2'::varchar(20) COLLATE \"C\"", true, "plain");
	expect("CASE WHEN id = 1 THEN 'hunter2' WHEN n = '' THEN '" HASH "' ELSE '' END", true, "plain empty hash");
	expect("CASE n WHEN 'hunter2' THEN '' END", true, "empty");
	expect("CASE WHEN id = $1 THEN $2 WHEN id = $3 THEN $4::text END", true, "$2 $4");
	expect("COALESCE($1, n, 'hunter2')", true, "plain $1");
	expect("NULLIF('', 'hunter2')", true, "empty");
	expect("(SELECT 'hunter2')", true, "plain");
	expect("(VALUES ('hunter2'))", true, "plain");
	expect("(SELECT n FROM t WHERE m = 'hunter2')", true, "");
	expect("(SELECT 'a' UNION SELECT 'b')", true, "");
	expect("EXISTS (SELECT 'hunter2')", true, "");
	expect("ARRAY['hunter2']", true, "");
	expect("NULL", true, "");
	expect("42", true, "");
	expect("CASE WHEN id = 1 THEN '{\"a\": 1}' ELSE 'x' END", false, "plain json");
}

/* Pieces put together are known where all are constants and nothing that the other would change. */
static void pieces(void **state)
{
	(void)state;
	expect("'hunter' || '2'", true, "plain");
	expect("'' || 'a' || 'b' || ''", true, "plain");
	expect("concat('a', 'b', 'c')", true, "plain");
	expect("concat('a', n)", true, "");
	expect("'" HASH "' || ''", true, "hash");
	expect("'' || '" HASH "'", true, "hash");
	expect("'x' || '" HASH "'", true, "");
	expect("'sk_live_51H8abcdEFGHijklMN' || 'OPqrst'", true, "credential");
	expect("n || 'hunter2'", true, "");
	expect("'hunter2' || n", true, "");
	expect("'x' || $1", true, "");
	expect("'x' || COALESCE($1, 'y')", true, "");
	expect("1 - 'x'", true, "");
	expect("'{\"a\": 1}' || ''", false, "");
}

/* A text stays what it is in other letters; a fast hash function makes a weak hash of what is given to it. */
static void functions(void **state)
{
	(void)state;
	expect("upper(trim('hunter2'))", true, "plain");
	expect("lower($1)", true, "$1");
	expect("length('hunter2')", true, "");
	expect("md5('hunter2')", true, "weak_hash hashed");
	expect("md5($1)", true, "weak_hash");
	expect("md5(n)", true, "");
	expect("md5('x' || n)", true, "");
	expect("md5(random()::text)", true, "");
	expect("encode(public.digest('hunter2', 'sha1'), 'hex')", true, "weak_hash hashed");
	expect("encode(sha256('hunter2'::bytea), 'base64')", true, "weak_hash hashed");
	expect("encode('hunter2', 'base64')", true, "");
	expect("'md5' || md5('hunter2' || 'name')", true, "weak_hash hashed");
	expect("md5('hunter2')", false, "");
	expect("upper()", true, "");
}

/* A parameter that is not looked at when it is bound is not listed; nothing stands for nothing. */
static void bounds(void **state)
{
	(void)state;
	struct stored stored = {0};
	stored_add(&stored, NULL);
	assert_int_equal(stored.values, 0);
	expect("$100", true, "$100");
	expect("$101", true, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(branches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pieces, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(functions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bounds, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
