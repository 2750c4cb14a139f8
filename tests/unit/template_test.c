#include "inspect/text/template.h"
#include "config/limits.h"
#include "inspect/text/canonical.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct template_store *store;
static struct canonical canonical;
static struct trace trace;

static int make_store(void **state)
{
	(void)state;
	store = template_store_new();
	canonical_init(&canonical);
	canonical.trace = &trace;
	return 0;
}

static int free_store(void **state)
{
	(void)state;
	canonical_fini(&canonical);
	template_store_free(store);
	return 0;
}

static void keep(const char *sql, const char *payload)
{
	assert_int_equal(canonical_make(&canonical, sql, strlen(sql), true, CANONICAL_KEY_ONLY), CANONICAL_OK);
	template_keep(store, sql, &trace, payload);
}

static const void *find(const char *sql)
{
	return template_find(store, sql, strlen(sql));
}

struct pair {
	const char *kept, *text;
};

/* A text that differs from a kept one in nothing but its literals, and those in nothing that counts, is found. */
static void what_differs_in_values_is_found(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT a FROM t", "SELECT a FROM t"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 234567"},
	    {"SELECT a FROM t WHERE b = 1", " /* route='x' */ SELECT a FROM t WHERE b = 1 /* trace='y' */\n"},
	    {"SELECT a FROM t WHERE b = 1.5", "SELECT a FROM t WHERE b = 22.75"},
	    {"SELECT a FROM t WHERE b = 'abc'", "SELECT a FROM t WHERE b = 'another'"},
	    {"SELECT a FROM t WHERE b = E'abc'", "SELECT a FROM t WHERE b = E'another'"},
	    {"SELECT a FROM t WHERE b LIKE '%abc%'", "SELECT a FROM t WHERE b LIKE '%other%'"},
	    {"SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1, 2,3 , 4)"},
	    {"SELECT a FROM t WHERE b IN (1, 2, 3, 4)", "SELECT a FROM t WHERE b IN (5, 6)"},
	    {"SELECT a FROM t WHERE b IN ('a', '%')", "SELECT a FROM t WHERE b IN ('', 'b', 'it''s')"},
	    {"SELECT a FROM t WHERE b IN ('a'::uuid, 'b'::uuid) LIMIT 5",
	     "SELECT a FROM t WHERE b IN ('a'::uuid, 'b'::uuid, 'c'::uuid) LIMIT 6"},
	    {"INSERT INTO t (a, b) VALUES (1, 'a'), (2, 'b') RETURNING id",
	     "INSERT INTO t (a, b) VALUES (7, '%'), (NULL, true), (3, DEFAULT) RETURNING id"},
	    {"INSERT INTO t VALUES (1, 'a'), (2, 'b') RETURNING id",
	     "INSERT INTO t VALUES (7, 'other'), (NULL, true), (3, DEFAULT) RETURNING id"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		char payload[17];

		snprintf(payload, sizeof(payload), "payload %8zu", at);
		keep(pairs[at].kept, payload);
		if (!find(pairs[at].text) || memcmp(find(pairs[at].text), payload, 16) != 0)
			fail_msg("not found: %s", pairs[at].text);
	}
}

/* What differs in anything that counts, or can't be told apart from that by comparing, is not. */
static void what_differs_otherwise_is_not(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT a FROM t", "SELECT a FROM u"},
	    {"SELECT a FROM t", "SELECT a FROM t b"},
	    {"SELECT a FROM t", "SELECT a FROM t /* a /* nested */ one */"},
	    {"SELECT a FROM t", "SELECT a FROM t -- why"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 3000000000"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1.5"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1e5"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1_000"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 'a'"},
	    {"SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = "},
	    {"SELECT a FROM t WHERE b = 1.5", "SELECT a FROM t WHERE b = 1."},
	    {"SELECT a FROM t LIMIT 5 OFFSET 5", "SELECT a FROM t LIMIT 5 OFFSET 500000"},
	    {"SELECT a FROM t WHERE b LIKE '%abc%'", "SELECT a FROM t WHERE b LIKE 'abc%'"},
	    {"SELECT a FROM t WHERE b LIKE '%abc%'", "SELECT a FROM t WHERE b LIKE '%it''s%'"},
	    {"SELECT a FROM t WHERE b = E'abc'", "SELECT a FROM t WHERE b = E'a\\'c'"},
	    {"SELECT a FROM t WHERE b = 'abc'", "SELECT a FROM t WHERE b = 'abc"},
	    {"SELECT a FROM t WHERE b = 'abc'", "SELECT a FROM t WHERE b = 'abc'\n'def'"},
	    {"SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1)"},
	    {"SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1, 3000000000)"},
	    {"INSERT INTO t VALUES (1), (2)", "INSERT INTO t VALUES (1), (now())"},
	    {"SELECT a -> 'key' FROM t", "SELECT a -> 'yek' FROM t"},
	    {"SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = $2"},
	    {"INSERT INTO t VALUES (1, 'hunter2')", "INSERT INTO t VALUES (1, '')"},
	    {"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (1, 'a'), (2, '5f4dcc3b5aa765d61d8327deb882cf99')"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		keep(pairs[at].kept, "0123456789abcdef");
		if (find(pairs[at].text))
			fail_msg("found: %s", pairs[at].text);
		assert_non_null(find(pairs[at].kept));
		template_store_free(store);
		store = template_store_new();
	}
}

/* Statements whose literals count in full, passwords among them, are not kept; nor what is too long. */
static void some_texts_are_not_kept(void **state)
{
	static const char *const all[] = {
	    "ALTER USER anna PASSWORD 'secret'",
	    "SET a.b = 'secret'",
	    "SELECT 1; SET a.b = 'secret'",
	    "SELECT a FROM t WHERE b ~ 'a.c' AND c = 5",
	};
	static char long_text[LIMIT_TEMPLATE_BYTES + 100] = "SELECT ";

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++) {
		assert_int_equal(canonical_make(&canonical, all[at], strlen(all[at]), true, CANONICAL_KEY_ONLY),
		                 CANONICAL_OK);
		assert_false(trace.usable);
		template_keep(store, all[at], &trace, "0123456789abcdef");
		if (find(all[at]))
			fail_msg("kept: %s", all[at]);
	}
	memset(long_text + 7, 'a', sizeof(long_text) - 8);
	keep(long_text, "0123456789abcdef");
	assert_null(find(long_text));
}

/* Of more than there is room for, the newest are found; memory is bounded, which the leak check and the count show. */
static void the_newest_stay(void **state)
{
	char sql[100];
	unsigned found = 0;

	(void)state;
	for (unsigned at = 0; at < 3 * LIMIT_TEMPLATES; at++) {
		snprintf(sql, sizeof(sql), "SELECT a%u FROM table_%u WHERE b = 1", at % 7, at);
		keep(sql, "0123456789abcdef");
		assert_non_null(find(sql));
	}
	for (unsigned at = 0; at < 3 * LIMIT_TEMPLATES; at++) {
		snprintf(sql, sizeof(sql), "SELECT a%u FROM table_%u WHERE b = 1", at % 7, at);
		found += find(sql) != NULL;
	}
	assert_in_range(found, 1, LIMIT_TEMPLATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_differs_in_values_is_found, make_store, free_store),
	    cmocka_unit_test_setup_teardown(what_differs_otherwise_is_not, make_store, free_store),
	    cmocka_unit_test_setup_teardown(some_texts_are_not_kept, make_store, free_store),
	    cmocka_unit_test_setup_teardown(the_newest_stay, make_store, free_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
