#include "inspect/text/canonical.h"
#include "config/limits.h"
#include "config/utf8.h"
#include "tests/unit/vary.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

static enum canonical_result make(const char *sql)
{
	return canonical_make(&canonical, sql, strlen(sql), true, CANONICAL_QUERY | CANONICAL_REDUCED);
}

struct pair {
	const char *sql, *text;
};

/* The normalised text reads like the statement, with each value a number of its own. */
static void values_become_numbers(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT … FROM t", "SELECT … FROM t"},
	    {"SELECT \"a\".\"id\" FROM \"a\" WHERE UPPER(\"a\".\"n\"::text) LIKE UPPER('%x%') ORDER BY \"a\".\"id\" "
	     "ASC LIMIT 21",
	     "SELECT \"a\".\"id\" FROM \"a\" WHERE UPPER(\"a\".\"n\"::text) LIKE UPPER($1) ORDER BY \"a\".\"id\" ASC "
	     "LIMIT $2"},
	    {" select  1 ,\n 'a' -- hidden\n, 2.5 /* hidden */ ;", "select $1 , $2 , $3"},
	    {"SELECT $3, 'a', $1, 5", "SELECT $3, $4, $1, $5"},
	    {"SELECT x FROM t WHERE a IN (1)", "SELECT x FROM t WHERE a IN ($1)"},
	    {"SELECT x FROM t WHERE a IN (1, 2, 3) AND b IN ('a','b')",
	     "SELECT x FROM t WHERE a IN ($1, …) AND b IN ($2, …)"},
	    {"SELECT x FROM t WHERE a IN (1, 2, c, 3)", "SELECT x FROM t WHERE a IN ($1, …, c, $2)"},
	    {"SELECT x FROM t WHERE a IN (SELECT y FROM u WHERE z IN (1,2))",
	     "SELECT x FROM t WHERE a IN (SELECT y FROM u WHERE z IN ($1, …))"},
	    {"INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c') RETURNING id",
	     "INSERT INTO t VALUES ($1, $2), … RETURNING id"},
	    {"INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')", "INSERT INTO t VALUES ($1, $2), …"},
	    {"INSERT INTO t VALUES (1, now()), ('b'::text, NULL), ('c', 3)",
	     "INSERT INTO t VALUES ($1, now()), ($2::text, NULL), …"},
	    {"VALUES (1), (2), (3)", "VALUES ($1), …"},
	    {"UPDATE t SET a=1,b='x' WHERE c=-5", "UPDATE t SET a=$1,b=$2 WHERE c=-$3"},
	    {"SELECT d->'k'->>0, a[1], x::varchar(10)", "SELECT d->$1->>$2, a[$3], x::varchar($4)"},
	    {"SELECT date'2024-01-01'", "SELECT date $1"},
	    {"SELECT E'a\\'b', U&'x', B'1', X'f', N'n', $q$r$q$, 1e5, 0x1F, 1_000",
	     "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9"},
	    {"SELECT 'a'\n'b' || 'c'", "SELECT $1 || $2"},
	    {"SET app.token = abc", "SET app.token = $1"},
	    {"SET app.token TO \"abc\", def", "SET app.token TO $1, $2"},
	    {"SET LOCAL app.token = 'abc'", "SET LOCAL app.token = $1"},
	    {"SET search_path = shop, public", "SET search_path = shop, public"},
	    {"ALTER ROLE bob SET app.token TO abc", "ALTER ROLE bob SET app.token TO $1"},
	    {"ALTER ROLE bob PASSWORD 'x'", "ALTER ROLE bob PASSWORD $1"},
	    {"DO $$ BEGIN END $$", "DO $1"},
	    {"SELECT 1; SELECT 'a'; ", "SELECT $1; SELECT $2"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		assert_int_equal(make(pairs[at].sql), CANONICAL_OK);
		assert_string_equal(canonical.query.bytes, pairs[at].text);
		assert_int_equal(canonical.query.len, strlen(pairs[at].text));
	}
}

/* The reduced text keeps two members of a list, every other value, and no comment. */
static void lists_are_reduced(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT 'a'  , 5 -- x\n FROM t", "SELECT 'a' , 5 FROM t"},
	    {"SELECT x FROM t WHERE a IN (1,2,3,4)", "SELECT x FROM t WHERE a IN (1,2)"},
	    {"SELECT x FROM t WHERE a IN (1, 2, 'a', 'b', 'c', 3)", "SELECT x FROM t WHERE a IN (1, 2, 'a', 'b', 3)"},
	    {"INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"},
	    {"INSERT INTO t VALUES (1), (2), (3) ON CONFLICT DO NOTHING",
	     "INSERT INTO t VALUES (1), (2) ON CONFLICT DO NOTHING"},
	    {"INSERT INTO t VALUES (1), ((SELECT 2)), ((SELECT 2)), ((SELECT 2))",
	     "INSERT INTO t VALUES (1), ((SELECT 2)), ((SELECT 2)), ((SELECT 2))"},
	    {"SELECT f(1, 1, 1)", "SELECT f(1, 1, 1)"},
	    {"SELECT ARRAY[1, 1, 1]", "SELECT ARRAY[1, 1, 1]"},
	    {"SELECT 'a' -- x\n'b'", "SELECT 'a'\n'b'"},
	    {"SELECT a/**/-/**/-1", "SELECT a - -1"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		assert_int_equal(make(pairs[at].sql), CANONICAL_OK);
		assert_string_equal(canonical.reduced.bytes, pairs[at].text);
	}
}

static void repeat(char *to, size_t size, const char *head, const char *piece, const char *tail)
{
	size_t len = strlen(head);

	memcpy(to, head, len);
	while (len + strlen(piece) + strlen(tail) < size) {
		memcpy(to + len, piece, strlen(piece));
		len += strlen(piece);
	}
	memcpy(to + len, tail, strlen(tail) + 1);
}

/* Where a text is too long, the select list goes first, then the end; never in the middle of a character. */
static void long_texts_are_cut(void **state)
{
	char sql[3 * LIMIT_QUERY_TEXT_BYTES];

	(void)state;
	repeat(sql, sizeof(sql), "SELECT a", ", some_column", " FROM t WHERE b = 'x'");
	assert_int_equal(make(sql), CANONICAL_OK);
	assert_string_equal(canonical.query.bytes, "SELECT … FROM t WHERE b = $1");

	repeat(sql, sizeof(sql), "SELECT 1 FROM t WHERE b IN (SELECT c", ", 5", " FROM u) AND d = 5");
	assert_int_equal(make(sql), CANONICAL_OK);
	assert_string_equal(canonical.query.bytes, "SELECT … FROM t WHERE b IN (SELECT … FROM u) AND d = $1");

	for (size_t shift = 0; shift < 4; shift++) {
		char head[16] = "SELECT 1 WHERE ";

		head[15 - shift] = '\0';
		repeat(sql, sizeof(sql), head, "é日😀", "");
		assert_int_equal(make(sql), CANONICAL_OK);
		assert_in_range(canonical.query.len, LIMIT_QUERY_TEXT_BYTES - 4, LIMIT_QUERY_TEXT_BYTES);
		assert_string_equal(canonical.query.bytes + canonical.query.len - strlen("…"), "…");
		assert_true(utf8_width(canonical.query.bytes, canonical.query.len) > 0);
		for (size_t at = 0, taken; at < canonical.query.len; at += taken)
			assert_int_not_equal(utf8_next(canonical.query.bytes + at, canonical.query.len - at, &taken),
			                     UTF8_INVALID);
	}
	/* A list that collapses is no reason to cut. */
	repeat(sql, sizeof(sql), "SELECT abc FROM t WHERE b IN (1", ", 12345", ")");
	assert_int_equal(make(sql), CANONICAL_OK);
	assert_string_equal(canonical.query.bytes, "SELECT abc FROM t WHERE b IN ($1, …)");
}

/* No literal of any kind, in any statement, is in the normalised text. */
static void no_literal_is_left(void **state)
{
	static const char string[] = "CANARYcanary", digits[] = "918273645";
	struct vary vary = {.random = 1, .string = string, .digits = digits};
	size_t count, seen = 0;
	char **corpus = vary_corpus(&count);

	(void)state;
	for (size_t at = 0; at < count; at++) {
		char *sql = vary_statement(&vary, corpus[at], strlen(corpus[at]));

		if (make(sql) == CANONICAL_OK) {
			seen += strstr(sql, string) || strstr(sql, digits);
			if (strstr(canonical.query.bytes, string) || strstr(canonical.query.bytes, digits) ||
			    strchr(canonical.query.bytes, '\''))
				fail_msg("%s\nis %s", sql, canonical.query.bytes);
		}
		free(sql);
	}
	assert_true(seen > count / 2);
	vary_corpus_free(corpus, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_become_numbers),
	    cmocka_unit_test(lists_are_reduced),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(no_literal_is_left),
	};

	return cmocka_run_group_tests(tests, make_canonical, free_canonical);
}
