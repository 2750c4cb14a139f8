#include "inspect/text/canonical.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture: what literal.c does is seen in canonical's key ------------------------------------------------ */

static struct canonical canonical;

static int make_canonical(void **state)
{
	(void)state;
	canonical_init(&canonical);
	return 0;
}

static int free_canonical(void **state)
{
	(void)state;
	canonical_fini(&canonical);
	return 0;
}

static void make(const char *sql)
{
	if (canonical_make(&canonical, sql, strlen(sql), true, CANONICAL_QUERY) != CANONICAL_OK)
		fail_msg("not understood: %s", sql);
}

static bool is_in_key(const char *sql, const char *text)
{
	make(sql);
	return memmem(canonical.key.bytes, canonical.key.len, text, strlen(text)) != NULL;
}

static bool same_key(const char *a, const char *b)
{
	make(a);
	size_t len = canonical.key.len;
	char *key = malloc(len);
	memcpy(key, canonical.key.bytes, len);
	make(b);
	bool same = len == canonical.key.len && memcmp(key, canonical.key.bytes, len) == 0;
	free(key);
	return same;
}

struct twins {
	const char *kept, *shaped;
};

struct pair {
	const char *a, *b;
};

static void expect_twins(const struct twins *twins, size_t count, const char *text)
{
	for (size_t at = 0; at < count; at++) {
		if (!is_in_key(twins[at].kept, text))
			fail_msg("lost: %s", twins[at].kept);
		if (is_in_key(twins[at].shaped, text))
			fail_msg("kept: %s", twins[at].shaped);
	}
}

static void expect_pairs(const struct pair *pairs, size_t count, bool same)
{
	for (size_t at = 0; at < count; at++) {
		if (same_key(pairs[at].a, pairs[at].b) != same)
			fail_msg("%s: %s | %s", same ? "differ" : "same", pairs[at].a, pairs[at].b);
	}
}

/* -- cases -------------------------------------------------------------------------------------------------- */

/* A literal is in the key in full where an index expression or the grammar looks at it, and nowhere else. */
static void what_counts_in_full_stays(void **state)
{
	static const struct twins twins[] = {
	    {"SELECT d -> 'canary'", "SELECT d || 'canary'"},
	    {"SELECT d #>> 'canary'", "SELECT d #- 'canary'"},
	    {"SELECT d -> text 'canary'", "SELECT d = text 'canary'"},
	    {"SELECT d ->> ('canary')", "SELECT d < ('canary')"},
	    {"SELECT z AT TIME ZONE 'canary'", "SELECT z + INTERVAL 'canary'"},
	    {"SELECT z AT TIME ZONE -'canary'", "SELECT z + -'canary'"},
	    {"SELECT to_tsquery('canary', b)", "SELECT to_tsquery('canary')"},
	    {"SELECT to_tsquery('canary', b)", "SELECT to_tsquery('canary'::pg_catalog.text)"},
	    {"SELECT X'canary'", "SELECT 'canary'"},
	    {"SELECT U&'canary'", "SELECT N'canary'"},
	    {"SELECT E'canary\\x41'", "SELECT E'canary\\n'"},
	    {"SELECT E'canary\\\\\\u0041'", "SELECT E'canary\\\\u0041'"},
	    {"SET a = 'canary'", "SELECT a = 'canary'"},
	    {"COPY t FROM 'canary'", "COPY (SELECT 'canary') TO STDOUT"},
	    {"EXPLAIN (FORMAT 'canary') SELECT 1", "EXPLAIN (FORMAT 'json') SELECT 'canary'"},
	};
	(void)state;
	expect_twins(twins, ARRAY_LEN(twins), "canary");
}

/* The operand that counts in full ends where its operator's binding does. */
static void the_operand_ends(void **state)
{
	static const struct twins twins[] = {
	    {"SELECT d -> a::jsonb -> 'canary'", "SELECT d -> 'a' = 'canary'"},
	    {"SELECT d -> 'a' -> 'canary'", "SELECT d -> 'a' AND 'canary'"},
	    {"SELECT d -> 'a', d -> 'canary'", "SELECT d -> 'a', 'canary'"},
	    {"SELECT z AT TIME ZONE 'UTC' AT TIME ZONE 'canary'", "SELECT z AT TIME ZONE 'UTC' + 'canary'"},
	};
	(void)state;
	expect_twins(twins, ARRAY_LEN(twins), "canary");
}

/* Where it is unclear how far an operand reaches, the whole statement counts in full, literals before it too. */
static void doubt_keeps_the_whole_statement(void **state)
{
	static const struct twins twins[] = {
	    {"SELECT 'canary', d -> 'a' - b", "SELECT 'canary', d -> 'a' = b"},
	    {"SELECT 'canary', d -> @ b", "SELECT 'canary', d -> - b"},
	    {"SELECT 'canary', d -> CASE WHEN a THEN b END", "SELECT 'canary', CASE WHEN a THEN b END"},
	    {"SELECT 'canary', d -> 'a' - 5", "SELECT 'canary', d -> 'a' = 5 - 3"},
	    {"SELECT 'canary', d -> 'a'::text - b", "SELECT 'canary', d = 'a'::text - b"},
	    {"SELECT 'canary', d -> 'a' - b", "SELECT 'canary', d -> 'a', - b"},
	    {"SELECT 'canary', varchar(5) 'a'", "SELECT 'canary', varchar 'a'"},
	};
	(void)state;
	expect_twins(twins, ARRAY_LEN(twins), "canary");
}

/* A type's modifier and a column's place in ORDER BY count; the same number elsewhere does not. */
static void numbers_that_are_no_values_stay(void **state)
{
	static const struct twins twins[] = {
	    {"SELECT a::numeric(7777)", "SELECT numericish(7777)"},
	    {"SELECT CAST(a AS geo.point(7777))", "SELECT CAST(a + geo.point(7777) AS text)"},
	    {"SELECT a::int ARRAY[7777]", "SELECT a = ARRAY[7777]"},
	    {"SELECT a ORDER BY 7777", "SELECT a ORDER BY a LIMIT 7777"},
	    {"SELECT a ORDER BY b, 7777", "SELECT a ORDER BY b + 7777"},
	    {"SELECT 7_777, 7777e, 0x7777", "SELECT 7777, 7777.0, 7777e1"},
	};
	(void)state;
	expect_twins(twins, ARRAY_LEN(twins), "777");
}

/* Integers of one type are alike, leading zeros or not; OFFSET tells deep from shallow; a decimal is a decimal. */
static void values_of_a_class_share_a_key(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT 0", "SELECT 2147483647"},
	    {"SELECT 2147483648", "SELECT 9223372036854775807"},
	    {"SELECT 9223372036854775808", "SELECT 99999999999999999999999999999999"},
	    {"SELECT 9223372036854775808", "SELECT 18446744073709551617"},
	    {"SELECT 1", "SELECT 00000000000000000000000000000001"},
	    {"SELECT 1.5", "SELECT 2e300"},
	    {"SELECT a OFFSET 0", "SELECT a OFFSET 10000"},
	    {"SELECT a OFFSET 10001", "SELECT a OFFSET 2147483647"},
	    {"SELECT a LIMIT 10000", "SELECT a LIMIT 10001"},
	    {"SELECT a = 12", "SELECT a = 123"},
	    {"SELECT a = 'abc'", "SELECT a = E'a\\nbc'"},
	    {"SELECT a LIKE '%abc'", "SELECT a LIKE $$%abcd$$"},
	    {"SELECT a LIKE E'\\\\%abc'", "SELECT a LIKE '\\%abc'"},
	};
	(void)state;
	expect_pairs(pairs, ARRAY_LEN(pairs), true);
}

/* One step over a type's or a class's border is another key, and so is another kind of literal. */
static void values_of_two_classes_do_not(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT 2147483647", "SELECT 2147483648"},
	    {"SELECT 9223372036854775807", "SELECT 9223372036854775808"},
	    {"SELECT 2147483648", "SELECT 99999999999999999999999999999999"},
	    {"SELECT a OFFSET 10000", "SELECT a OFFSET 10001"},
	    {"SELECT 1", "SELECT 1.0"},
	    {"SELECT 'a'", "SELECT N'a'"},
	    {"SELECT a ~ 12", "SELECT a ~ 123"},
	    {"SELECT a LIKE '%abc'", "SELECT a LIKE '\\%abc'"},
	    {"SELECT a LIKE 'it''s'", "SELECT a LIKE '%''s'"},
	};
	(void)state;
	expect_pairs(pairs, ARRAY_LEN(pairs), false);
}

/* The value of a custom setting is hidden even as a bare word; a bare word that is a name is not. */
static void bare_values_are_hidden(void **state)
{
	static const struct pair pairs[] = {
	    {"SET app.token = canary", "SET app.token = $1"},
	    {"SET SESSION app.key.token TO canary, \"canary\"", "SET SESSION app.key.token TO $1, $2"},
	    {"SET search_path = canary", "SET search_path = canary"},
	    {"SET canary.token = DEFAULT", "SET canary.token = $1"},
	    {"SHOW app.canary", "SHOW app.canary"},
	    {"UPDATE t SET a.b = canary", "UPDATE t SET a.b = canary"},
	    {"ALTER TABLE t SET (a.b = canary)", "ALTER TABLE t SET (a.b = canary)"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		make(pairs[at].a);
		assert_string_equal(canonical.query.bytes, pairs[at].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_counts_in_full_stays),       cmocka_unit_test(the_operand_ends),
	    cmocka_unit_test(doubt_keeps_the_whole_statement), cmocka_unit_test(numbers_that_are_no_values_stay),
	    cmocka_unit_test(values_of_a_class_share_a_key),   cmocka_unit_test(values_of_two_classes_do_not),
	    cmocka_unit_test(bare_values_are_hidden),
	};
	return cmocka_run_group_tests(tests, make_canonical, free_canonical);
}
