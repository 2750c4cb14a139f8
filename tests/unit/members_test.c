#include "inspect/text/canonical.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct pair {
	const char *sql, *text;
};

static void check(const struct pair *pairs, size_t count, bool conforming)
{
	struct canonical canonical;

	canonical_init(&canonical);
	for (size_t at = 0; at < count; at++) {
		const char *sql = pairs[at].sql;

		assert_int_equal(
		    canonical_make(&canonical, sql, strlen(sql), conforming, CANONICAL_QUERY | CANONICAL_REDUCED),
		    CANONICAL_OK);
		assert_string_equal(canonical.reduced.bytes, pairs[at].text);
	}
	canonical_fini(&canonical);
}

/* Of rows of constants the first stays, the second, and each with a kind of text that is new to its column: the facts
 * of what stays are those of the whole. */
static void rows_that_add_nothing_go(void **state)
{
	static const struct pair pairs[] = {
	    {"INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'd')", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"},
	    {"INSERT INTO t VALUES (1), (NULL), (true), (-5), (2.5)", "INSERT INTO t VALUES (1), (NULL)"},
	    {"INSERT INTO t VALUES (NULL), ('a'), ('b'), (NULL)", "INSERT INTO t VALUES (NULL), ('a'), ('b')"},
	    {"INSERT INTO t VALUES ('a'), ('b'), ('{\"c\": 1}'), ('d'), ('{\"e\": 1}')",
	     "INSERT INTO t VALUES ('a'), ('b'), ('{\"c\": 1}'), ('d')"},
	    {"INSERT INTO t VALUES ('a'::date), ('b'::uuid), ('c') RETURNING id",
	     "INSERT INTO t VALUES ('a'::date), ('b'::uuid) RETURNING id"},
	};

	(void)state;
	check(pairs, ARRAY_LEN(pairs), true);
}

/* A row that holds anything but constants stays, and so does what follows it until a run begins again. */
static void other_rows_stay(void **state)
{
	static const struct pair pairs[] = {
	    {"INSERT INTO t VALUES (1), (now()), (2), (3), (4)", "INSERT INTO t VALUES (1), (now()), (2), (3)"},
	    {"INSERT INTO t VALUES (now()), (1)", "INSERT INTO t VALUES (now()), (1)"},
	    {"INSERT INTO t VALUES (1), (2 + 3)", "INSERT INTO t VALUES (1), (2 + 3)"},
	    {"INSERT INTO t VALUES (1), (+3)", "INSERT INTO t VALUES (1), (+3)"},
	    {"INSERT INTO t VALUES (1), ((VALUES (2), (3), (4))), (5)",
	     "INSERT INTO t VALUES (1), ((VALUES (2), (3))), (5)"},
	};

	(void)state;
	check(pairs, ARRAY_LEN(pairs), true);
}

/* Of an IN list the members that are alike go, whichever way they are passed over. */
static void members_that_are_alike_go(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT a FROM t WHERE b IN (1, 2, 3, 4)", "SELECT a FROM t WHERE b IN (1, 2)"},
	    {"SELECT a FROM t WHERE b IN (1, 2, 3000000000, 4)", "SELECT a FROM t WHERE b IN (1, 2, 3000000000, 4)"},
	    {"SELECT a FROM t WHERE b IN ('a', 'b', 'c''d', E'\\n')", "SELECT a FROM t WHERE b IN ('a', 'b')"},
	    {"SELECT a FROM t WHERE b IN (1, 2, 3, f(4), 5)", "SELECT a FROM t WHERE b IN (1, 2, f(4), 5)"},
	    {"SELECT a FROM t WHERE b IN (1, 2, 3) AND c IN ('a'::uuid, 'b'::uuid, 'c'::uuid)",
	     "SELECT a FROM t WHERE b IN (1, 2) AND c IN ('a'::uuid, 'b'::uuid)"},
	    {"UPDATE t SET a = 1 WHERE b IN ('a', 'b', 'c')", "UPDATE t SET a = 1 WHERE b IN ('a', 'b')"},
	};

	(void)state;
	check(pairs, ARRAY_LEN(pairs), true);
}

/* Where a backslash escapes, a quote behind one ends no member. */
static void backslashes_are_seen(void **state)
{
	static const struct pair pairs[] = {
	    {"INSERT INTO t VALUES ('a'), ('b'), ('c\\'), (d), (, e')", "INSERT INTO t VALUES ('a'), ('b')"},
	};

	(void)state;
	check(pairs, ARRAY_LEN(pairs), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_that_add_nothing_go),
	    cmocka_unit_test(other_rows_stay),
	    cmocka_unit_test(members_that_are_alike_go),
	    cmocka_unit_test(backslashes_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
