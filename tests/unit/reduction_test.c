#include "inspect/access/reduction.h"

#include "inspect/access/reach.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "item", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* Does the first condition of the statement, a join's, restrict the table that is kept whole, the first one named? */
static bool is_inner(const char *from_and_where)
{
	char sql[500];
	snprintf(sql, sizeof(sql), "SELECT * FROM %s", from_and_where);
	const struct access *access = judge_access(&judge, sql);
	return reach_restricts(access, &access->conditions[0], 0);
}

/* What a condition asks of the nullable side leaves out the rows that it is filled up with. */
static void asked_for(void **state)
{
	(void)state;
	static const char *const asks[] = {
	    "i.qty = 5", "i.qty IN (5, 6)", "i.qty IS NOT NULL", "upper(i.name) = 'X'", "i.qty + 1 = 5", "(i.qty = 5) IS TRUE",
	    "NOT (i.qty = 5)", "i.qty = 5 OR i.qty = 6", "i.qty = p.qty", "i.qty IN (SELECT qty FROM item)", "i.name LIKE '%x'",
	    "(i.qty = 5 AND p.qty = 3 OR i.qty = 6)", "NOT (NOT (i.qty = 5 AND p.qty = 3))", "i.qty = ANY ('{1,2}')",
	};
	static const char *const does_not[] = {
	    "p.qty = 5", "i.qty IS NULL", "coalesce(i.qty, 0) = 5", "i.qty = 5 OR p.qty = 6", "(i.qty = 5) IS NOT TRUE",
	    "i.qty IS DISTINCT FROM 5", "i.qty NOT IN (SELECT qty FROM item)", "CASE WHEN i.qty = 5 THEN false ELSE true END",
	    "NOT (i.qty = 5 AND p.qty = 3)", "i.qty = ALL ((SELECT '{}'::int[])::int[])",
	};
	char text[300];
	for (size_t at = 0; at < sizeof(asks) / sizeof(*asks); at++) {
		snprintf(text, sizeof(text), "product p LEFT JOIN item i ON i.owner = p.id WHERE %s", asks[at]);
		if (!is_inner(text))
			fail_msg("%s: should be none", text);
	}
	for (size_t at = 0; at < sizeof(does_not) / sizeof(*does_not); at++) {
		snprintf(text, sizeof(text), "product p LEFT JOIN item i ON i.owner = p.id WHERE %s", does_not[at]);
		if (is_inner(text))
			fail_msg("%s: should be an outer join", text);
	}
}

/* What is asked outside and what inner joins ask; a join that is none any more asks of those in it. */
static void from_where(void **state)
{
	(void)state;
	assert_true(is_inner("product p LEFT JOIN item i ON i.owner = p.id JOIN item j ON j.qty = i.qty"));
	assert_true(is_inner("product p LEFT JOIN item i USING (id) WHERE i.qty = 5"));
	assert_true(is_inner("product p LEFT JOIN item i ON i.owner = p.id LEFT JOIN item j ON j.id = i.qty WHERE j.note = 'x'"));
	assert_true(is_inner("(SELECT p.id, i.qty FROM product p LEFT JOIN item i ON i.owner = p.id) s WHERE s.qty = 5"));
	assert_false(is_inner("product p LEFT JOIN item i ON i.owner = p.id LEFT JOIN item j ON j.id = i.qty WHERE j.note IS NULL"));
	assert_false(is_inner("product p LEFT JOIN item i ON i.owner = p.id LEFT JOIN item j ON j.id = i.qty"));
	assert_false(is_inner("product p LEFT JOIN item i ON i.owner = p.id AND i.qty = 5"));
	assert_false(is_inner("(SELECT p.id, i.qty FROM product p LEFT JOIN item i ON i.owner = p.id LIMIT 5) s WHERE s.qty = 5"));
	/* Within the nullable side it is asked before the rows are filled up. */
	const struct access *access =
	    judge_access(&judge, "SELECT * FROM product p LEFT JOIN (item i JOIN item j ON j.id = i.qty) ON i.owner = p.id");
	for (uint16_t at = 0; at < access->condition_count; at++)
		assert_false(reach_restricts(access, &access->conditions[at], 0));
	/* What is filled up on the left is the same. */
	access = judge_access(&judge, "SELECT * FROM item i RIGHT JOIN product p ON i.owner = p.id WHERE i.qty = 5");
	assert_true(reach_restricts(access, &access->conditions[0], 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(asked_for, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(from_where, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
