#include "inspect/text/canonical.h"
#include "inspect/text/sqlkey.h"
#include "inspect/tree/parse.h"
#include "config/check.h"
#include "config/limits.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
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

/* `before`, so many times `member` in brackets, `behind`; the caller's. */
static char *with_list(const char *before, const char *member, uint32_t count, const char *behind)
{
	size_t size = strlen(before) + count * (strlen(member) + 2) + strlen(behind) + 3;
	char *sql = malloc(size), *at = sql;

	CHECK(sql);
	at += snprintf(at, size, "%s(", before);
	for (uint32_t number = 0; number < count; number++)
		at += snprintf(at, size - (size_t)(at - sql), "%s%s", number > 0 ? ", " : "", member);
	snprintf(at, size - (size_t)(at - sql), ")%s", behind);
	return sql;
}

static struct sqlkey key_of(struct sqlkey_scratch *scratch, const char *sql, bool conforming)
{
	const struct sqlkey_options options = {.standard_conforming_strings = conforming};
	struct sqlkey key;

	assert_int_equal(sqlkey_of(scratch, sql, strlen(sql), &options, &key), SQLKEY_OK);
	return key;
}

static bool says_long(const char *sql, bool conforming, uint16_t at)
{
	struct arena arena;
	struct parsed parsed;
	bool said;

	arena_init(&arena);
	assert_int_equal(parse_sql_conforming(sql, strlen(sql), conforming, &arena, &parsed), PARSE_OK);
	assert_true(at < parsed.statement_count);
	said = parsed.facts[at].long_list;
	arena_fini(&arena);
	return said;
}

/* The law for the length of a list: two texts that differ in nothing else have the same key just when both or neither
 * have more members than the ceiling, and that is what the facts say; whichever way the members are passed over, and
 * whichever text has been learnt before. */
static void long_lists_are_told_apart(void **state)
{
	static const struct {
		const char *before, *member, *behind;
	} kinds[] = {
	    {"SELECT a FROM t WHERE b IN ", "1", ""},
	    {"SELECT a FROM t WHERE b NOT IN ", "'x''y'", " LIMIT 5"},
	    {"SELECT a FROM t WHERE b IN ", "'x'::uuid", " AND c IN (1, 2, 3)"},
	    {"SELECT a FROM t WHERE b IN ", "E'x'", ""},
	    {"SELECT a FROM t WHERE (b, c) IN ", "(1, 'x')", ""},
	    {"SELECT a FROM t WHERE b IN (1, 2) AND c IN ", "-5", ""},
	    {"UPDATE t SET a = 1 WHERE b IN ", "'x'", ""},
	    {"DELETE FROM t WHERE b IN ", "2.5", ""},
	};
	static const uint32_t lengths[] = {2, 3, 40, 999, 1000, 1001, 1002, 1500, 4000};

	(void)state;
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (unsigned order = 0; order < 4; order++) {
			const bool conforming = order < 2;
			struct sqlkey_scratch *scratch = sqlkey_scratch_new(), *fresh = sqlkey_scratch_new();
			struct sqlkey keys[2];
			bool seen[2] = {false, false};

			for (size_t at = 0; at < ARRAY_LEN(lengths); at++) {
				uint32_t length = lengths[order % 2 ? ARRAY_LEN(lengths) - 1 - at : at];
				bool is_long = length > LIMIT_LIST_MEMBERS;
				char *sql = with_list(kinds[kind].before, kinds[kind].member, length, kinds[kind].behind);
				struct sqlkey key = key_of(scratch, sql, conforming);
				struct sqlkey anew = key_of(fresh, sql, conforming);

				assert_true(key.low == anew.low && key.high == anew.high);
				sqlkey_learn(scratch, sql);
				key = key_of(scratch, sql, conforming);
				assert_true(key.low == anew.low && key.high == anew.high);
				if (seen[is_long])
					assert_true(key.low == keys[is_long].low && key.high == keys[is_long].high);
				if (seen[!is_long])
					assert_false(key.low == keys[!is_long].low && key.high == keys[!is_long].high);
				keys[is_long] = key;
				seen[is_long] = true;
				assert_int_equal(says_long(sql, conforming, 0), is_long);
				free(sql);
			}
			sqlkey_scratch_free(scratch);
			sqlkey_scratch_free(fresh);
		}
	}
}

/* Which of several statements it is; what is no list of constants; and what is not in a condition. */
static void whose_list_is_long(void **state)
{
	char *sql = with_list("SELECT 1 ;; SELECT a FROM t WHERE b IN ", "7", 1001, "; SELECT 2");

	(void)state;
	assert_false(says_long(sql, true, 0));
	assert_true(says_long(sql, true, 1));
	assert_false(says_long(sql, true, 2));
	free(sql);
	sql = with_list("SELECT a FROM t WHERE b IN ", "c", 1001, "");
	assert_true(says_long(sql, true, 0));
	free(sql);
	sql = with_list("INSERT INTO t VALUES ", "1), (2", 1001, "");
	assert_false(says_long(sql, true, 0));
	free(sql);
	sql = with_list("SELECT f", "1", 1001, "");
	assert_false(says_long(sql, true, 0));
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_that_add_nothing_go),
	    cmocka_unit_test(other_rows_stay),
	    cmocka_unit_test(members_that_are_alike_go),
	    cmocka_unit_test(backslashes_are_seen),
	    cmocka_unit_test(long_lists_are_told_apart),
	    cmocka_unit_test(whose_list_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
