#include "inspect/tree/operand.h"

#include "config/limits.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------------- */

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

static const char *const kinds[] = {
    [OPERAND_LITERAL] = "literal",   [OPERAND_PARAMETER] = "parameter", [OPERAND_COLUMN] = "column",
    [OPERAND_SUBQUERY] = "subquery", [OPERAND_OTHER] = "other",         [OPERAND_NONE] = "none",
};

/* "literal leading wild", "parameter ..$1", "literal ?" for a pattern of which nothing is known. */
static const char *describe(const char *expression, enum clause_reading reading)
{
	static char text[256];
	struct operand operand = {.reading = reading};
	operand_fold(&operand, tree_node(expression));
	const enum operand_kind kind = operand_kind_of(&operand);
	const struct pattern_shape *shape = &operand.shape;
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", kinds[kind]);
	if (kind == OPERAND_PARAMETER)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s$%u%s", operand.prefixed ? ".." : "",
		                        operand.parameter, operand.suffixed ? ".." : "");
	if (reading == READING_NONE || (kind != OPERAND_LITERAL && kind != OPERAND_PARAMETER))
		return text;
	if (operand.unknown || !shape->known)
		snprintf(text + len, sizeof(text) - len, " ?");
	else
		snprintf(text + len, sizeof(text) - len, "%s%s%s%s%s", shape->leading_wildcard ? " leading" : "",
		         shape->has_wildcard ? " wild" : "", shape->only_wildcards ? " only" : "",
		         shape->has_trigram ? " trigram" : "", shape->has_prefix ? " prefix" : "");
	return text;
}

struct operand_case {
	const char *expression, *description;
};

static void compare(const struct operand_case *cases, size_t count, enum clause_reading reading)
{
	for (size_t at = 0; at < count; at++) {
		const char *got = describe(cases[at].expression, reading);
		if (strcmp(got, cases[at].description) != 0)
			fail_msg("%s: %s", cases[at].expression, got);
	}
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void kinds_of_operands(void **state)
{
	/* A column anywhere makes it a column's, then a sub-select its own; then what isn't folded makes it unknown. */
	(void)state;
	static const struct operand_case cases[] = {
	    {"1", "literal"},
	    {"-1", "literal"},
	    {"+ 1.5", "literal"},
	    {"NULL", "literal"},
	    {"TRUE", "literal"},
	    {"'x'::date", "literal"},
	    {"UPPER('x')", "literal"},
	    {"'a' || 'b'", "literal"},
	    {"ARRAY[1, 2]", "literal"},
	    {"ARRAY[]::int[]", "literal"},
	    {"$3", "parameter $3"},
	    {"$3::text::int", "parameter $3"},
	    {"lower($3)", "parameter $3"},
	    {"ARRAY[1, $3]", "parameter $3"},
	    {"ARRAY[$2, $3]", "parameter $2"},
	    {"a", "column"},
	    {"- a", "column"},
	    {"t.a + 1", "column"},
	    {"$1 || a", "column"},
	    {"f(g(a))", "column"},
	    {"replace('x', a, 'y')", "column"},
	    {"ARRAY[1, a]", "column"},
	    {"CASE WHEN a THEN 1 END", "column"},
	    {"f(a, (SELECT 1))", "column"},
	    {"(SELECT a)", "subquery"},
	    {"1 + (SELECT a)", "subquery"},
	    {"replace('x', (SELECT a), 'y')", "subquery"},
	    {"ARRAY(SELECT a)", "subquery"},
	    {"now()", "other"},
	    {"CURRENT_DATE", "other"},
	    {"1 + 1", "other"},
	    {"- $1", "other"},
	    {"$1 || $2", "other"},
	    {"ARRAY[$1 || $2]", "other"},
	    {"s.upper('x')", "other"},
	    {"upper('x', 'y')", "other"},
	    {"concat()", "other"},
	    {"concat(VARIADIC ARRAY['a'])", "other"},
	    {"replace()", "other"},
	    {"COALESCE(1, 2)", "other"},
	};
	compare(cases, ARRAY_LEN(cases), READING_NONE);
}

static void like_patterns(void **state)
{
	/* A pattern has one shape, whether it comes whole or in pieces, through casts, case and escaping; an escape that is
	 * no constant, or a value out of several, leaves nothing known. */
	(void)state;
	static const struct operand_case cases[] = {
	    {"'abc'", "literal trigram prefix"},
	    {"'%abc%'", "literal leading wild trigram"},
	    {"'abc%'::text COLLATE \"C\"", "literal wild trigram prefix"},
	    {"'%'", "literal leading wild only"},
	    {"UPPER('%ab%')", "literal leading wild"},
	    {"'%' || 'abc'", "literal leading wild trigram"},
	    {"'abc' || '%'", "literal wild trigram prefix"},
	    {"'' || '%abc'", "literal leading wild trigram"},
	    {"concat('%', 'abc', '%')", "literal leading wild trigram"},
	    {"'%' || '%'", "literal leading wild only"},
	    {"'%' || replace('x', '%', '\\%') || '%'", "literal leading wild trigram"},
	    {"'%' || 'abc' || NULL", "literal ?"},
	    {"like_escape('%abc', '\\')", "literal leading wild trigram"},
	    {"like_escape('%abc', '!')", "literal leading wild trigram"},
	    {"like_escape('%abc', $1)", "literal ?"},
	    {"ARRAY['%abc', 'x']", "literal ?"},
	    {"ARRAY['%abc']", "literal ?"},
	    {"5", "literal trigram prefix"},
	};
	compare(cases, ARRAY_LEN(cases), READING_LIKE);
}

static void parameters_in_patterns(void **state)
{
	/* What stands before and after a parameter is told, and the shape is that of the constants alone: what follows
	 * the parameter says nothing of how the pattern begins. An empty constant is nothing. */
	(void)state;
	static const struct operand_case cases[] = {
	    {"'%' || $2", "parameter ..$2 leading wild only"},
	    {"'abc' || $2", "parameter ..$2 trigram prefix"},
	    {"$2 || '%'", "parameter $2.. wild only"},
	    {"$2 || 'abc%'", "parameter $2.. wild trigram"},
	    {"'%' || $2 || '%'", "parameter ..$2.. leading wild only"},
	    {"concat('%', lower($2::text), '%')", "parameter ..$2.. leading wild only"},
	    {"'%' || replace($2, '%', '\\%') || '%'", "parameter ..$2.. leading wild only"},
	    {"'' || $2 || ''", "parameter $2 only"},
	};
	compare(cases, ARRAY_LEN(cases), READING_LIKE);
}

static void regular_expressions(void **state)
{
	/* A regex's shape is its own; upper() and lower() may turn \d into \D, so of their results nothing is known. */
	(void)state;
	static const struct operand_case regexes[] = {
	    {"'^abc'", "literal wild trigram prefix"},
	    {"'abc'", "literal leading trigram"},
	    {"'abc'::text", "literal leading trigram"},
	    {"upper('^abc')", "literal ?"},
	    {"upper(replace('a', 'b', 'c'))", "literal trigram"},
	    {"upper(replace('a', 'b', 'c')) || 'a.c'", "literal wild trigram"},
	};
	static const struct operand_case similars[] = {
	    {"'%abc'", "literal leading wild trigram"},
	    {"similar_to_escape('%abc')", "literal leading wild trigram"},
	    {"similar_to_escape('%abc', '!')", "literal ?"},
	    {"lower('%abc')", "literal ?"},
	};
	compare(regexes, ARRAY_LEN(regexes), READING_REGEX);
	compare(similars, ARRAY_LEN(similars), READING_SIMILAR);
}

static void types_and_collations(void **state)
{
	/* The outermost cast and COLLATE of the first piece are the operand's. */
	(void)state;
	struct operand operand = {.reading = READING_NONE};
	operand_fold(&operand, tree_node("('x'::text)::varchar COLLATE \"C\" COLLATE \"de_DE\""));
	assert_string_equal(operand.type, "varchar");
	assert_string_equal(operand.collation, "de_DE");
	operand = (struct operand){.reading = READING_NONE};
	operand_fold(&operand, tree_node("'x' || 'y'::text"));
	assert_null(operand.type);
	assert_null(operand.collation);
	operand = (struct operand){.reading = READING_NONE};
	operand_fold(&operand, tree_node("ARRAY[$1::int8, $2]"));
	assert_string_equal(operand.type, "int8");
	operand = (struct operand){.reading = READING_NONE};
	operand_fold(&operand, tree_node("ARRAY[1]::s.ids"));
	assert_string_equal(operand.type, "ids");
}

static void columns(void **state)
{
	/* A column counts wherever it stands, but for the inside of a sub-select. */
	(void)state;
	static const char *const yes[] = {"a", "f(1, g(t.a))", "1 + a[1]", "a IN (SELECT 1)", "ARRAY[1, -a]"};
	static const char *const no[] = {"1", "$1", "f()", "EXISTS (SELECT a)", "1 IN (SELECT a FROM t)", "'a'"};
	for (size_t at = 0; at < ARRAY_LEN(yes); at++)
		assert_true(operand_has_column(tree_node(yes[at])));
	for (size_t at = 0; at < ARRAY_LEN(no); at++)
		assert_false(operand_has_column(tree_node(no[at])));
}

static void depth(void **state)
{
	/* Nesting is followed down to the limit of every walk, and beyond it the operand is of no known kind. */
	(void)state;
	static char text[16 * LIMIT_WALK_DEPTH];
	for (int more = 0; more < 2; more++) {
		char *to = text;
		for (int at = 0; at < LIMIT_WALK_DEPTH + more; at++)
			to = stpcpy(to, "upper(");
		to = stpcpy(to, "'x'");
		for (int at = 0; at < LIMIT_WALK_DEPTH + more; at++)
			to = stpcpy(to, ")");
		assert_string_equal(describe(text, READING_NONE), more ? "other" : "literal");
		to = stpcpy(strchr(text, '\''), "a ");
		memset(to, ')', (size_t)LIMIT_WALK_DEPTH + more);
		to[LIMIT_WALK_DEPTH + more] = '\0';
		assert_int_equal(operand_has_column(tree_node(text)), !more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kinds_of_operands, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(like_patterns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(parameters_in_patterns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(regular_expressions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(types_and_collations, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(depth, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
