#include "inspect/tree/expression.h"

#include "config/limits.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct pair {
	const char *sent, *stored;
};

static const char *text_of(const char *expression, struct arena *arena)
{
	return tree_expression(expression, false, arena).text;
}

/* What a client sends and what pg_get_indexdef or pg_get_expr of PostgreSQL 15 prints of the same, with and without
 * its pretty-printing, have the same text. */
static void same_as_stored(void **state)
{
	/* clang-format off */
	static const struct pair pairs[] = {
		{"\"t\".\"name\"", "name"},
		{"\"t\".\"Mixed Col\"", "\"Mixed Col\""},
		{"\"t\".\"name\"::text", "name"},
		{"UPPER(\"t\".\"name\"::text)", "upper((name)::text)"},
		{"UPPER(\"t\".\"name\"::text)", "upper(name::text)"},
		{"UPPER(\"t\".\"name\")", "upper((name)::text)"},
		{"UPPER(\"t\".\"name\"::text)", "upper(name)"},
		{"LOWER(CAST(t.note AS varchar))", "lower(note)"},
		{"UPPER(t.code::text)", "upper((code)::text)"},
		{"\"t\".\"d\" -> 'a'", "((d -> 'a'::text))"},
		{"UPPER((\"t\".\"d\" ->> 'a')::text)", "upper((d ->> 'a'::text))"},
		{"(t.d #> ARRAY['a','b'])", "((d #> '{a,b}'::text[]))"},
		{"(t.d #> '{a,b}')", "((d #> ARRAY['a'::text, 'b'::text]))"},
		{"(t.d #>> ARRAY['a','0','b c'])", "((d #>> ARRAY['a'::text, '0'::text, 'b c'::text]))"},
		{"((t.d -> 'a') -> 'b') ->> 0", "((((d -> 'a'::text) -> 'b'::text) ->> 0))"},
		{"t.d -> -1", "((d -> '-1'::integer))"},
		{"(t.created AT TIME ZONE 'UTC')::date", "(((created AT TIME ZONE 'UTC'::text))::date)"},
		{"(t.created AT TIME ZONE 'UTC')::date", "((created AT TIME ZONE 'UTC'::text)::date)"},
		{"EXTRACT(MONTH FROM t.ts)", "EXTRACT(month FROM ts)"},
		{"EXTRACT('month' FROM t.ts AT TIME ZONE 'UTC')", "EXTRACT(month FROM (ts AT TIME ZONE 'UTC'::text))"},
		{"DATE_TRUNC('day', t.ts)", "date_trunc('day'::text, ts)"},
		{"COALESCE(t.name, '')", "COALESCE(name, ''::character varying)"},
		{"(t.name || ' ') || t.note", "((((name)::text || ' '::text) || note))"},
		{"to_tsvector('english'::regconfig, COALESCE(t.note, ''))",
		 "to_tsvector('english'::regconfig, COALESCE(note, ''::text))"},
		{"to_tsvector('english', t.note)", "to_tsvector('english'::regconfig, note)"},
		{"t.amount > 0", "((amount > (0)::numeric))"},
		{"t.amount * 1.5", "((amount * 1.5))"},
		{"t.f > 0", "((f > (0)::double precision))"},
		{"t.big = 5000000000", "((big = '5000000000'::bigint))"},
		{"t.id - -1", "((id - '-1'::integer))"},
		{"- t.id", "((- id))"},
		{"t.tags[1]", "((tags[1]))"},
		{"t.id::bigint", "(((id)::bigint))"},
		{"(t.id / 2)::numeric(10,2)", "((((id / 2))::numeric(10,2)))"},
		{"CAST(t.name AS varchar(10))", "(((name)::character varying(10)))"},
		{"substring(t.name from 1 for 3)", "\"substring\"((name)::text, 1, 3)"},
		{"LEFT(t.name, 3)", "\"left\"((name)::text, 3)"},
		{"TRIM(t.name)", "TRIM(BOTH FROM name)"},
		{"replace(t.name, 'a', 'it''s')", "replace((name)::text, 'a'::text, 'it''s'::text)"},
		{"nullif(t.name, '')", "NULLIF((name)::text, ''::text)"},
		{"CASE WHEN t.active THEN t.name END", "(CASE WHEN active THEN name ELSE NULL::character varying END)"},
		{"CASE t.status WHEN 'a' THEN 1 ELSE 0 END", "(CASE status WHEN 'a'::text THEN 1 ELSE 0 END)"},
		{"t.status = 'paid'", "(((status)::text = 'paid'::text))"},
		{"t.status IN ('a', 'b')",
		 "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))"},
		{"t.status IN ('a')", "((status)::text = 'a'::text)"},
		{"t.status NOT IN ('a', 'b')",
		 "(status::text <> ALL (ARRAY['a'::character varying, 'b'::character varying]::text[]))"},
		{"t.id BETWEEN 1 AND 5", "((id >= 1) AND (id <= 5))"},
		{"t.id NOT BETWEEN 1 AND 5", "((id < 1) OR (id > 5))"},
		{"t.id BETWEEN 1 AND 5 AND t.active", "(((id >= 1) AND (id <= 5)) AND active)"},
		{"(t.a AND t.b) AND t.c", "(a AND b AND c)"},
		{"t.name LIKE 'a%'", "((name)::text ~~ 'a%'::text)"},
		{"t.name NOT ILIKE 'a%'", "((name)::text !~~* 'a%'::text)"},
		{"t.note SIMILAR TO 'a%'", "(note ~ similar_to_escape('a%'::text))"},
		{"t.active = true", "(active = true)"},
		{"NOT (t.active AND t.id = 1)", "(NOT (active AND (id = 1)))"},
		{"t.name IS NOT NULL", "(name IS NOT NULL)"},
		{"t.name IS DISTINCT FROM 'a'", "((name)::text IS DISTINCT FROM 'a'::text)"},
		{"UPPER(t.name COLLATE \"C\")", "upper(((name)::text COLLATE \"C\"))"},
		{"jsonb_extract_path_text(t.d, 'a', 'b')",
		 "jsonb_extract_path_text(d, VARIADIC ARRAY['a'::text, 'b'::text])"},
		{"(t.d ->> 'n')::int", "(((d ->> 'n'::text))::integer)"},
		{"t.ts + INTERVAL '1 day'", "((ts + '1 day'::interval))"},
		{"pg_catalog.upper(t.name)", "upper(name)"},
		{"t.a OPERATOR(pg_catalog.+) 1", "(a + 1)"},
	};
	/* clang-format on */
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		const char *sent = text_of(pairs[at].sent, &arena), *stored = text_of(pairs[at].stored, &arena);
		if (sent == NULL || stored == NULL || strcmp(sent, stored) != 0)
			fail_msg("%s is %s, but %s is %s", pairs[at].sent, sent, pairs[at].stored, stored);
	}
	arena_fini(&arena);
}

/* What is not the same to an index has another text. */
static void near_misses(void **state)
{
	static const struct pair pairs[] = {
	    {"UPPER(name::text)", "lower((name)::text)"},
	    {"UPPER(name::text)", "name"},
	    {"UPPER(name::text)", "upper((title)::text)"},
	    {"UPPER(name)", "s.upper(name)"},
	    {"d -> 'a'", "d -> 'b'"},
	    {"d -> 'a'", "d ->> 'a'"},
	    {"d -> '1'", "d -> 1"},
	    {"d #> ARRAY['a','b']", "d #> '{a}'"},
	    {"d #> ARRAY['a,b']", "d #> '{a,b}'"},
	    {"d #> ARRAY['null']", "d #> '{null}'"},
	    {"(ts AT TIME ZONE 'UTC')::date", "(ts AT TIME ZONE 'Europe/Berlin')::date"},
	    {"(ts AT TIME ZONE 'UTC')::date", "ts::date"},
	    {"EXTRACT(month FROM ts)", "EXTRACT(day FROM ts)"},
	    {"COALESCE(a, '')", "COALESCE(a, 'x')"},
	    {"COALESCE(a, '')", "COALESCE(a, b)"},
	    {"to_tsvector('english', a)", "to_tsvector('german', a)"},
	    {"to_tsvector('english', a)", "to_tsvector(a)"},
	    {"name::varchar(10)", "name::varchar(20)"},
	    {"name::varchar(10)", "name"},
	    {"amount::numeric(10,2)", "amount::numeric(10)"},
	    {"a::int", "a::int[]"},
	    {"a::s.t", "a::t"},
	    {"tags[1]", "tags[2]"},
	    {"tags[1:2]", "tags[1]"},
	    {"a - (b - c)", "(a - b) - c"},
	    {"a - b", "b - a"},
	    {"(a + b)::int", "a + b::int"},
	    {"a AND (b OR c)", "(a AND b) OR c"},
	    {"NOT (a AND b)", "(NOT a) AND b"},
	    {"a IS TRUE", "a"},
	    {"a IS NULL", "a IS NOT NULL"},
	    {"a IN (1, 2)", "a NOT IN (1, 2)"},
	    {"a = 'x'", "a = 'it''s'"},
	    {"a = '5'", "a = 5"},
	    {"a IS DISTINCT FROM b", "a IS NOT DISTINCT FROM b"},
	    {"f(DISTINCT a)", "f(a)"},
	    {"f(VARIADIC a)", "f(a)"},
	    {"sum(a) OVER ()", "sum(a)"},
	    {"count(*)", "count(a)"},
	    {"CASE WHEN a THEN b END", "CASE WHEN a THEN b ELSE c END"},
	    {"UPPER(a COLLATE \"C\")", "UPPER(a)"},
	    {"current_date", "current_timestamp"},
	    {"current_time(3)", "current_time(4)"},
	    {"(r).a", "(r).b"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		const char *sent = text_of(pairs[at].sent, &arena), *stored = text_of(pairs[at].stored, &arena);
		if (sent == NULL || stored == NULL || strcmp(sent, stored) == 0)
			fail_msg("%s is %s, and so is %s", pairs[at].sent, sent, pairs[at].stored);
	}
	arena_fini(&arena);
}

/* The one column in it is named, with its qualifier, and whether anything but text casts is around it. */
static void columns(void **state)
{
	static const struct {
		const char *expression, *column, *qualifier, *collation;
		unsigned columns;
		bool bare, cast, subquery;
	} cases[] = {
	    {"a", "a", NULL, NULL, 1, true, false, false},
	    {"t.a::text", "a", "t", NULL, 1, true, false, false},
	    {"s.t.a", "a", "t", NULL, 1, true, false, false},
	    {"t.a COLLATE \"C\"", "a", "t", "C", 1, true, false, false},
	    {"(t.a COLLATE \"C\")::text COLLATE \"de_DE\"", "a", "t", "de_DE", 1, true, false, false},
	    {"UPPER(a COLLATE \"C\")", "a", NULL, NULL, 1, false, false, false},
	    {"a::int", "a", NULL, NULL, 1, false, true, false},
	    {"upper(a)::date", "a", NULL, NULL, 1, false, true, false},
	    {"a + '5'::int4", "a", NULL, NULL, 1, false, false, false},
	    {"t.a || t.a", "a", "t", NULL, 1, false, false, false},
	    {"t.a || u.a", NULL, NULL, NULL, 2, false, false, false},
	    {"a || b", NULL, NULL, NULL, 2, false, false, false},
	    {"f(a, b, c, d, e, g, h, i, j, k)", NULL, NULL, NULL, 10, false, false, false},
	    {"f(t.*)", NULL, NULL, NULL, 2, false, false, false},
	    {"5", NULL, NULL, NULL, 0, false, false, false},
	    {"a + (SELECT b FROM u)", "a", NULL, NULL, 1, false, false, true},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct expression got = tree_expression(cases[at].expression, false, &arena);
		const char *const pairs[][2] = {{got.column, cases[at].column},
		                                {got.qualifier, cases[at].qualifier},
		                                {got.collation, cases[at].collation}};
		for (size_t pair = 0; pair < ARRAY_LEN(pairs); pair++) {
			if (pairs[pair][1] == NULL)
				assert_null(pairs[pair][0]);
			else
				assert_string_equal(pairs[pair][0], pairs[pair][1]);
		}
		assert_int_equal(got.columns, cases[at].columns);
		assert_int_equal(got.bare, cases[at].bare);
		assert_int_equal(got.cast, cases[at].cast);
		assert_int_equal(got.subquery, cases[at].subquery);
	}
	arena_fini(&arena);
}

/* Masked, a literal is '?' unless an index can name it, and a list of several is as long as any other. */
static void masked(void **state)
{
	static const struct pair cases[] = {
	    {"COALESCE(a, 'x')", "coalesce(a, ?)"},
	    {"a + 5", "a + ?"},
	    {"a = -5", "a = ?"},
	    {"a + '5'::int4", "a + ?"},
	    {"a + 'x'::int4", "a + ?"},
	    {"a > '2020-01-01'::date", "a > ?::date"},
	    {"a IN (1, 2)", "a = any (array[?, …])"},
	    {"a IN ('x'::uuid, 'y'::uuid, 'z'::uuid)", "a = any (array[?, …])"},
	    {"a IN (1)", "a = ?"},
	    {"a IN (b, 1)", "a = any (array[b, ?])"},
	    {"d -> 'a' -> 'b'", "(d -> 'a') -> 'b'"},
	    {"d #>> ARRAY['a','b']", "d #>> '{a,b}'"},
	    {"d @> '{}'", "d @> ?"},
	    {"tags[1]", "tags[1]"},
	    {"EXTRACT(month FROM a + '1 day'::interval)", "extract('month', a + ?::interval)"},
	    {"timezone('UTC', a)", "timezone('UTC', a)"},
	    {"to_tsvector('x')", "to_tsvector(?)"},
	    {"to_tsvector('english', a || 'x')", "to_tsvector('english', a || ?)"},
	    {"s.timezone('UTC', a)", "s.timezone(?, a)"},
	    {"a = NULL AND b = true", "(a = null) and (b = true)"},
	    {"f(a, $1)", "f(a, $1)"},
	    {"a::varchar(10)", "a::varchar(10)"},
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		assert_string_equal(tree_expression(cases[at].sent, true, &arena).text, cases[at].stored);
	assert_true(expression_structural_function("date_trunc"));
	assert_false(expression_structural_function("coalesce"));
	arena_fini(&arena);
}

/* Too long or too deep, or nothing that an index can hold: there is no text rather than half of one. */
static void no_text(void **state)
{
	struct arena arena;
	char sql[8 * LIMIT_WALK_DEPTH];
	char *to;

	(void)state;
	arena_init(&arena);
	assert_null(text_of("xmlelement(name a)", &arena));
	assert_null(tree_expression("GROUPING(a)", false, &arena).text);

	memset(sql, 'x', LIMIT_EXPRESSION_BYTES + 2);
	sql[0] = '\'';
	sql[LIMIT_EXPRESSION_BYTES - 1] = '\'';
	sql[LIMIT_EXPRESSION_BYTES] = '\0';
	assert_int_equal(strlen(text_of(sql, &arena)), LIMIT_EXPRESSION_BYTES);
	sql[LIMIT_EXPRESSION_BYTES - 1] = 'x';
	sql[LIMIT_EXPRESSION_BYTES] = '\'';
	sql[LIMIT_EXPRESSION_BYTES + 1] = '\0';
	assert_null(text_of(sql, &arena));

	/* Casts to text leave no trace, so that nothing but the depth counts. */
	to = stpcpy(sql, "a");
	for (int at = 0; at < LIMIT_WALK_DEPTH - 10; at++)
		to = stpcpy(to, "::text");
	assert_string_equal(text_of(sql, &arena), "a");
	to = sql;
	for (int at = 0; at < LIMIT_WALK_DEPTH + 10; at++)
		to = stpcpy(to, "NOT ");
	stpcpy(to, "a");
	assert_null(text_of(sql, &arena));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_as_stored), cmocka_unit_test(near_misses), cmocka_unit_test(columns),
	    cmocka_unit_test(masked),         cmocka_unit_test(no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
