#include "inspect/tree/clauses.h"

#include "inspect/tree/clause_dump.h"
#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	tree_open();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_close();
	arena_fini(&arena);
	return 0;
}

static const char *dumped(const char *expression, bool literals)
{
	static char text[2000];
	const struct clauses_scope scope = {.literals = literals, .arena = &arena};
	clause_dump(clauses_of(&scope, tree_node(expression)), text, sizeof(text));
	return text;
}

/* Each form of expression becomes the clause that says the same. */
static void forms(void **state)
{
	(void)state;
	static const struct {
		const char *expression, *clause;
	} cases[] = {
	    {"n", "column n @-1"},
	    {"t.n", "column t.n @-1"},
	    {"n = 5", "operator = [column n @-1, constant /2 '5']"},
	    {"n > $1", "operator > [column n @-1, parameter #1]"},
	    {"n::int8", "cast int8 (-1,-1) [column n @-1]"},
	    {"upper(n)", "call upper [column n @-1]"},
	    {"n IN (1, 2)", "in [column n @-1, constant /2 '1', constant /2 '2']"},
	    {"n NOT IN (1)", "in ! [column n @-1, constant /2 '1']"},
	    {"n IS NULL", "null_test [column n @-1]"},
	    {"n IS NOT NULL", "null_test ! [column n @-1]"},
	    {"f IS NOT TRUE", "boolean_test /1 [column f @-1]"},
	    {"NOT (a AND b OR c)", "not [or [and [column a @-1, column b @-1], column c @-1]]"},
	    {"n = ANY ('{1}')", "array_operator = [column n @-1, constant /4 '{1}']"},
	    {"n <> ALL (x)", "array_operator <> ! [column n @-1, column x @-1]"},
	    {"n BETWEEN 1 AND 2",
	     "and [operator >= [column n @-1, constant /2 '1'], operator <= [column n @-1, constant /2 '2']]"},
	    {"a[1]", "subscript [column a @-1, constant /2 '1']"},
	    {"coalesce(a, b)", "coalesce [column a @-1, column b @-1]"},
	    {"least(a, b)", "extreme ! [column a @-1, column b @-1]"},
	    {"ARRAY[a]", "array [column a @-1]"},
	    {"a COLLATE \"C\"", "collate C [column a @-1]"},
	    {"a IS DISTINCT FROM b", "distinct [column a @-1, column b @-1]"},
	    {"CASE WHEN a THEN b END", "case [nothing, column a @-1, column b @-1, nothing]"},
	    {"a IN (SELECT 1)", "sublink /1 [column a @-1]"},
	    {"EXISTS (SELECT 1)", "sublink [nothing]"},
	    {"current_date", "keyword date"},
	    {"count(*)", "opaque count"},
	    {"5000000000", "constant /2 #8 '5000000000'"},
	};
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++)
		assert_string_equal(dumped(cases[at].expression, true), cases[at].clause);
}

/* No literal is kept where it is not to be seen, but for what an index can be named by. */
static void hidden(void **state)
{
	(void)state;
	assert_null(
	    strstr(dumped("n = 'secret' AND m IN ('secret', 'secret') AND upper('secret') = x", false), "secret"));
	assert_non_null(strstr(dumped("d -> 'open' = 'secret'", false), "open"));
	assert_null(strstr(dumped("d -> 'open' = 'secret'", false), "secret"));
	assert_non_null(strstr(dumped("at AT TIME ZONE 'UTC'", false), "UTC"));
}

/* Of a pattern the shape stays, whatever becomes of its text. */
static void patterns(void **state)
{
	(void)state;
	const struct clauses_scope scope = {.arena = &arena};
	const struct clause *like = clauses_of(&scope, tree_node("a LIKE '%abc%'"));
	assert_true(like->pattern->shape.known && like->pattern->shape.leading_wildcard);
	assert_true(like->pattern->shape.has_trigram);
	const struct clause *bound = clauses_of(&scope, tree_node("a LIKE '%' || $2"));
	assert_int_equal(bound->pattern->operand, OPERAND_PARAMETER);
	assert_int_equal(bound->pattern->parameter, 2);
	assert_true(bound->pattern->prefixed);
	assert_null(clauses_of(&scope, tree_node("a = 'x'"))->pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(forms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hidden, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(patterns, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
