#include "inspect/tree/parse.h"
#include "config/limits.h"
#include "tests/unit/vary.h"

#include <pg_query.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static enum parse_result parse_conforming(const char *sql, bool conforming, struct arena *arena, struct parsed *parsed)
{
	arena_init(arena);
	return parse_sql_conforming(sql, strlen(sql), conforming, arena, parsed);
}

/* The fingerprint is the library's own, also of several statements, none, and lists that were reduced. */
static void the_fingerprint_is_pg_querys(void **state)
{
	static const char *const texts[] = {
	    "",
	    " ; ",
	    "SELECT 1",
	    "SELECT 1; SELECT 2; UPDATE t SET a = 5 WHERE b IN (1, 2, 3)",
	    "SELECT x FROM t WHERE a IN (1, 2, 3, 4, 5) AND b IN ('a')",
	    "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), (3, 'z') ON CONFLICT DO NOTHING",
	    "SELECT x FROM t WHERE (a, b) IN ((1, 'a'), (2, 'b'), (3, 'c'))",
	    "VALUES (1, 2), (3, 4), (5, 6)",
	    "/* a */ SELECT x -- b\n FROM t",
	    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
	    "SELECT $1::text, ($2)",
	    "COPY (SELECT 1) TO STDOUT",
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		PgQueryFingerprintResult theirs = pg_query_fingerprint(texts[at]);
		struct parsed parsed;
		struct arena arena;

		assert_null(theirs.error);
		assert_int_equal(parse_conforming(texts[at], true, &arena, &parsed), PARSE_OK);
		if (parsed.fingerprint != theirs.fingerprint)
			fail_msg("%s: %016lx, not %016lx", texts[at], (unsigned long)parsed.fingerprint,
			         (unsigned long)theirs.fingerprint);
		pg_query_free_fingerprint_result(theirs);
		arena_fini(&arena);
	}
}

/* Facts come for each statement, in order, and the text without its values. */
static void each_statement_has_facts(void **state)
{
	struct parsed parsed;
	struct arena arena;

	(void)state;
	assert_int_equal(parse_conforming("BEGIN; SELECT 'a' FROM t; COMMIT", true, &arena, &parsed), PARSE_OK);
	assert_int_equal(parsed.statement_count, 3);
	assert_int_equal(parsed.facts[0].kind, STATEMENT_BEGIN);
	assert_int_equal(parsed.facts[1].kind, STATEMENT_SELECT);
	assert_int_equal(parsed.facts[2].kind, STATEMENT_COMMIT);
	assert_string_equal(parsed.facts[1].relations[0].name, "t");
	assert_string_equal(parsed.query, "BEGIN; SELECT $1 FROM t; COMMIT");
	assert_false(parsed.truncated);
	arena_fini(&arena);

	assert_int_equal(parse_conforming(" -- nothing", true, &arena, &parsed), PARSE_OK);
	assert_int_equal(parsed.statement_count, 0);
	assert_string_equal(parsed.query, "");
	arena_fini(&arena);
}

/* Statements past the ceiling are counted out, and the last one that is there says so. */
static void many_statements_are_truncated(void **state)
{
	char sql[(LIMIT_FACTS_STATEMENTS + 10) * 10];
	struct parsed parsed;
	struct arena arena;
	size_t len = 0;

	(void)state;
	for (int at = 0; at < LIMIT_FACTS_STATEMENTS + 1; at++, len += 9)
		memcpy(sql + len, "SELECT 1;", 10);
	assert_int_equal(parse_conforming(sql, true, &arena, &parsed), PARSE_OK);
	assert_int_equal(parsed.statement_count, LIMIT_FACTS_STATEMENTS);
	assert_true(parsed.truncated);
	assert_true(parsed.facts[LIMIT_FACTS_STATEMENTS - 1].truncated);
	arena_fini(&arena);
}

/* What the grammar refuses is told apart, and leaves nothing behind for the next parse. */
static void what_does_not_parse_is_told(void **state)
{
	static const char *const texts[] = {"SELEC 1", "SELECT FROM WHERE", "SELECT 'a", "SELECT (",
	                                    "SELECT 1; garbage"};
	struct parsed parsed;
	struct arena arena;

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		assert_int_equal(parse_conforming(texts[at], true, &arena, &parsed), PARSE_SYNTAX);
		assert_int_equal(parsed.statement_count, 0);
		arena_fini(&arena);
		assert_int_equal(parse_conforming("SELECT 1", true, &arena, &parsed), PARSE_OK);
		arena_fini(&arena);
	}
	arena_init(&arena);
	assert_int_equal(parse_sql("SELECT 1\0 2", 11, &arena, &parsed), PARSE_SYNTAX);
	arena_fini(&arena);
}

/* Without standard_conforming_strings a backslash escapes; what follows is read as the server reads it. */
static void backslashes_are_read_as_the_session_does(void **state)
{
	static const char sql[] = "SELECT x FROM t WHERE a = 'it\\'s' AND b LIKE '%c'";
	struct parsed parsed;
	struct arena arena;

	(void)state;
	assert_int_equal(parse_conforming(sql, false, &arena, &parsed), PARSE_OK);
	assert_string_equal(parsed.query, "SELECT x FROM t WHERE a = $1 AND b LIKE $2");
	assert_int_equal(parsed.facts[0].predicate_count, 2);
	arena_fini(&arena);
	assert_int_equal(parse_conforming(sql, true, &arena, &parsed), PARSE_SYNTAX);
	arena_fini(&arena);
	assert_int_equal(parse_conforming("SELECT '\\'", true, &arena, &parsed), PARSE_OK);
	arena_fini(&arena);
}

struct pair {
	const char *sql, *text;
};

/* An expression that stands alone is brought to the text that predicates have; anything else is none. */
static void expressions_are_canonical(void **state)
{
	static const struct pair pairs[] = {
	    {"upper(name::text)", "upper(name)"},
	    {"UPPER(\"name\")", "upper(name)"},
	    {"name", "name"},
	    {"(data ->> 'color'::text)", "data ->> 'color'"},
	};
	static const char *const none[] = {"",  "a, b",      "1 FROM t",     "a AS b", "a; SELECT b",
	                                   "(", "a WHERE b", "a ORDER BY 1", "*("};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++)
		assert_string_equal(parse_expression(pairs[at].sql, &arena), pairs[at].text);
	for (size_t at = 0; at < ARRAY_LEN(none); at++)
		assert_null(parse_expression(none[at], &arena));
	arena_fini(&arena);
}

/* -- hostile texts -------------------------------------------------------------------------------- */

struct hostile {
	const char *name, *head, *piece, *middle, *tail_piece;
	size_t times;
};

/* Each piece `times` times: head piece… middle tail_piece… . Numbers as in the ceilings, and far past them. */
static const struct hostile hostiles[] = {
    {"sum of 128 KB", "SELECT 1", "+1", "", "", 65536},
    {"sum to the ceiling", "SELECT 1", "+1", "", "", LIMIT_PARSE_OPERATORS - 4},
    {"sum nested to the right", "SELECT 1", "+(1", "", ")", LIMIT_PARSE_DEPTH},
    {"100,000 brackets", "SELECT ", "(", "1", ")", 100000},
    {"brackets to the ceiling", "SELECT ", "(", "1", ")", LIMIT_PARSE_DEPTH},
    {"100,000 ORs", "SELECT 1 FROM t WHERE a=1", " OR a=1", "", "", 100000},
    {"ORs to the ceiling", "SELECT 1 FROM t WHERE a=1", " OR a=1", "", "", LIMIT_PARSE_OPERATORS / 2 - 2},
    {"LIKEs to the ceiling", "SELECT 1 FROM t WHERE a=1", " OR a LIKE '%b%'", "", "", LIMIT_PARSE_OPERATORS - 4},
    {"1,000 sub-SELECTs", "", "SELECT * FROM (", "SELECT 1", ") x", 1000},
    {"sub-SELECTs to the ceiling", "", "SELECT * FROM (", "SELECT 1", ") x", LIMIT_PARSE_DEPTH},
    {"IN (SELECT to the ceiling", "", "SELECT * FROM t WHERE a IN (", "SELECT 1", ")", LIMIT_PARSE_DEPTH},
    {"calls to the ceiling", "SELECT ", "f(a,1,", "1", ")", LIMIT_PARSE_DEPTH},
    {"CASE to the ceiling", "SELECT ", "CASE WHEN a THEN 1 ELSE ", "1", " END", LIMIT_PARSE_OPERATORS - 2},
    {"NOTs", "SELECT ", "NOT ", "a", "", LIMIT_PARSE_OPERATORS - 2},
    {"signs", "SELECT ", "- ", "1", "", LIMIT_PARSE_OPERATORS - 2},
    {"UNIONs", "SELECT 1", " UNION SELECT 1", "", "", LIMIT_PARSE_OPERATORS / 2 - 2},
    {"INSERT of 1 MB", "INSERT INTO t VALUES (1,'a',2.5)", ",(1,'a',2.5)", "", "", 80000},
    {"INSERT of unlike rows", "INSERT INTO t VALUES (1)", ",(1),(a)", "", "", LIMIT_PARSE_TOKENS / 9},
    {"IN of 1 MB", "SELECT 1 FROM t WHERE a IN (1", ",123456", ")", "", 140000},
    {"IN of unlike members", "SELECT 1 FROM t WHERE a IN (1", ",'a',1", ")", "", LIMIT_PARSE_TOKENS / 4 - 8},
    {"columns", "SELECT a", ",a", "", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"arguments", "SELECT f(a", ",a", ")", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"array", "SELECT ARRAY[1", ",1", "]", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"joins", "SELECT 1 FROM a", " JOIN b ON a.x=b.x", "", "", LIMIT_PARSE_OPERATORS - 4},
    {"ALTER TABLE", "ALTER TABLE t ADD c int", ",ADD c int", "", "", LIMIT_PARSE_TOKENS / 4 - 4},
    {"statements", "SELECT 1", ";TABLE t", "", "", LIMIT_PARSE_TOKENS / 3},
    {"subscripts", "SELECT a", "[1]", "", "", LIMIT_PARSE_TOKENS / 3 - 2},
    {"casts", "SELECT a", "::int", "", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"names", "SELECT a", ".a", "", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"a long string", "SELECT a ~ '", "a.b%", "'", "", 250000},
    {"a long name", "SELECT \"", "abcd", "\"", "", 250000},
    {"open quotes", "SELECT '", "abcd", "", "", 250000},
    {"open comments", "SELECT ", "/*", "", "", 500000},
    {"open dollars", "SELECT ", "$a", "", "", 400000},
    {"open brackets", "SELECT ", "([", "", "", LIMIT_PARSE_DEPTH / 2},
    {"closed brackets", "SELECT ", ")]", "", "", LIMIT_PARSE_TOKENS / 2 - 4},
    {"DO", "DO $$", "abcd", "$$", "", 250000},
    {"signs in operators", "SELECT 1", "+-", "", "", LIMIT_PARSE_OPERATORS / 2},
    {"time zones", "SELECT a", " AT TIME ZONE 'UTC'", "", "", LIMIT_PARSE_TOKENS / 5},
    {"json keys", "SELECT a", "->'b'", "", "", LIMIT_PARSE_OPERATORS - 2},
};

enum {
#ifdef PGPROCTOR_DCHECK
	PATIENCE_MS = 4000, /* with sanitizers, on a machine that does other things */
#else
	PATIENCE_MS = 100,
#endif
};

static char *hostile_text(const struct hostile *hostile)
{
	size_t piece = strlen(hostile->piece), tail = strlen(hostile->tail_piece), len = strlen(hostile->head);
	char *sql = malloc(len + strlen(hostile->middle) + hostile->times * (piece + tail) + 1);

	assert_non_null(sql);
	memcpy(sql, hostile->head, len);
	for (size_t at = 0; at < hostile->times; at++, len += piece)
		memcpy(sql + len, hostile->piece, piece);
	memcpy(sql + len, hostile->middle, strlen(hostile->middle));
	len += strlen(hostile->middle);
	for (size_t at = 0; at < hostile->times; at++, len += tail)
		memcpy(sql + len, hostile->tail_piece, tail);
	sql[len] = '\0';
	return sql;
}

static long parse_ms(const char *sql, size_t len)
{
	struct timespec began, ended;
	struct parsed parsed;
	struct arena arena;

	arena_init(&arena);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
	(void)!parse_sql(sql, len, &arena, &parsed);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
	arena_fini(&arena);
	return (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
}

static void *parse_hostile(void *context)
{
	char *failure = context;

	for (size_t at = 0; at < ARRAY_LEN(hostiles); at++) {
		char *sql = hostile_text(&hostiles[at]);
		long ms = parse_ms(sql, strlen(sql));

		if (ms > PATIENCE_MS)
			snprintf(failure, 200, "%s took %ld ms", hostiles[at].name, ms);
		free(sql);
	}
	return NULL;
}

/* No text crashes the parser or holds it for long, within the ceilings or past them. */
static void hostile_texts_are_survived(void **state)
{
	char failure[200] = "";

	(void)state;
	vary_on_parse_stack(parse_hostile, failure);
	if (failure[0])
		fail_msg("%s", failure);
}

static void *parse_random(void *context)
{
	static const char alphabet[] = "'\"$()[],;:.+-*/<>=~!@#%^&|?`\\ \n\t_abeEuUxXnN019\x80\xC3\xA9";
	struct vary vary = {.random = 42};
	char text[300];

	(void)context;
	for (int round = 0; round < 3000; round++) {
		size_t len = vary_random(&vary) % sizeof(text);

		for (size_t at = 0; at < len; at++)
			text[at] = round % 3 == 0 ? (char)vary_random(&vary)
			                          : alphabet[vary_random(&vary) % (sizeof(alphabet) - 1)];
		memcpy(text, round % 2 ? "SELECT " : "       ", len < 7 ? len : 7);
		(void)parse_ms(text, len);
	}
	return NULL;
}

/* Random bytes, and random punctuation, are refused or read, and nothing else. */
static void random_bytes_are_survived(void **state)
{
	(void)state;
	vary_on_parse_stack(parse_random, NULL);
}

/* A CREATE INDEX keeps its own text, out of a message of several, without constants and comments; no other does. */
static void an_index_keeps_its_own_text(void **state)
{
	struct parsed parsed;
	struct arena arena;
	const char *sql = "SELECT 1; CREATE INDEX x /* why */ ON t (a)\n WHERE b > 'hunter2' ;DROP TABLE t";

	(void)state;
	assert_int_equal(parse_conforming(sql, true, &arena, &parsed), PARSE_OK);
	assert_int_equal(parsed.statement_count, 3);
	assert_null(parsed.facts[0].text);
	assert_string_equal(parsed.facts[1].text, "CREATE INDEX x ON t (a) WHERE b > $1");
	assert_null(parsed.facts[2].text);
	arena_fini(&arena);
	assert_int_equal(parse_conforming("create index on t (a)", true, &arena, &parsed), PARSE_OK);
	assert_string_equal(parsed.facts[0].text, "create index on t (a)");
	arena_fini(&arena);
}

/* Bytes that are characters in another encoding than UTF-8 don't keep a text from being read; what is malformed in any
 * does. */
static void escapes_of_other_encodings(void **state)
{
	static const struct {
		const char *sql;
		bool conforming, parsed;
	} cases[] = {
	    {"SELECT E'\\xe9'; CREATE INDEX i ON t (a)", true, true},
	    {"SELECT E'\\351'; CREATE INDEX i ON t (a)", true, true},
	    {"SELECT E'\\xE9\\xff\\x80\\x9A\\377\\200\\677\\xc3'; CREATE INDEX i ON t (a)", true, true},
	    {"SELECT '\\xe9'; CREATE INDEX i ON t (a)", false, true},
	    {"SELECT '\\', E'\\\\\\xe9\\'', '\\xe9'; CREATE INDEX i ON t (a)", true, true},
	    {"SELECT E'\\xe9', 'it\\'; CREATE INDEX i ON t (a)", true, true},
	    {"SELECT E'\\0'; CREATE INDEX i ON t (a)", true, false},
	    {"SELECT E'\\xe9\\000'; CREATE INDEX i ON t (a)", true, false},
	    {"SELECT E'\\xe9' FROM; CREATE INDEX i ON t (a)", true, false},
	    {"SELECT E'\\uD800'; CREATE INDEX i ON t (a)", true, false},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct parsed parsed;
		struct arena arena;
		enum parse_result result = parse_conforming(cases[at].sql, cases[at].conforming, &arena, &parsed);

		if ((result == PARSE_OK) != cases[at].parsed)
			fail_msg("%s is %sparsed", cases[at].sql, cases[at].parsed ? "not " : "");
		if (result == PARSE_OK) {
			assert_int_equal(parsed.statement_count, 2);
			assert_int_equal(parsed.facts[1].kind, STATEMENT_DDL);
		}
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_fingerprint_is_pg_querys), cmocka_unit_test(each_statement_has_facts),
	    cmocka_unit_test(an_index_keeps_its_own_text),  cmocka_unit_test(many_statements_are_truncated),
	    cmocka_unit_test(what_does_not_parse_is_told),  cmocka_unit_test(backslashes_are_read_as_the_session_does),
	    cmocka_unit_test(expressions_are_canonical),    cmocka_unit_test(hostile_texts_are_survived),
	    cmocka_unit_test(random_bytes_are_survived),    cmocka_unit_test(escapes_of_other_encodings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
