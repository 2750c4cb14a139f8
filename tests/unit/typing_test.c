#include "inspect/access/typing.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* The type of each expression, as pg_typeof says it. */
static void types(void **state)
{
	(void)state;
	static const struct {
		const char *expression, *type;
	} cases[] = {
	    {"n", "int4"},
	    {"n + 1", "int4"},
	    {"n + 1.5", "numeric"},
	    {"n = 5", "bool"},
	    {"name || 'x'", "text"},
	    {"upper(name)", "text"},
	    {"data -> 'k'", "jsonb"},
	    {"data ->> 'k'", "text"},
	    {"data['k']", "jsonb"},
	    {"tags[1]", "varchar"},
	    {"tags[1:2]", "_varchar"},
	    {"(at AT TIME ZONE 'UTC')::date", "date"},
	    {"date_trunc('day', at)", "timestamptz"},
	    {"coalesce(n, 1.5)", "numeric"},
	    {"greatest(n, big)", "int8"},
	    {"nullif(n, 0)", "int4"},
	    {"CASE WHEN flag THEN n ELSE big END", "int8"},
	    {"ARRAY[1, 2]", "_int4"},
	    {"now() - interval '1 day'", "timestamptz"},
	    {"current_date", "date"},
	    {"(n, id) > (1, 2)", "bool"},
	    {"n IN (1, 2)", "bool"},
	    {"extract(year FROM at)", "numeric"},
	    {"no_such_column", "none"},
	    {"n = 'x'::uuid", "none"},
	    {"no_such_function(n)", "none"},
	};
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		const char *found = terms_type(terms_of(cases[at].expression)->type);
		if (strcmp(found, cases[at].type) != 0)
			fail_msg("%s: %s, not %s", cases[at].expression, found, cases[at].type);
	}
}

/* What a constant is depends on nothing but constants; now() is none, though it never changes in a scan. */
static void constants(void **state)
{
	(void)state;
	assert_int_equal(terms_of("upper('x')")->kind, TERM_CONSTANT);
	assert_string_equal(terms_of("upper('x')")->text, "X");
	assert_int_equal(terms_of("length('x') + 1")->kind, TERM_CONSTANT);
	assert_int_equal(terms_of("coalesce(NULL, 5)")->kind, TERM_CONSTANT);
	assert_int_not_equal(terms_of("now()")->kind, TERM_CONSTANT);
	/* A strict operator or function of a NULL; = ANY is looked at when it runs. */
	assert_true(terms_of("n = NULL")->null);
	assert_true(terms_of("upper(NULL)")->null);
	assert_false(terms_of("n = ANY (NULL)")->null);
	assert_int_equal(terms_of("ROW(n, id) IS NULL")->kind, TERM_AND);
	assert_true(terms_of("now()")->is_stable);
	assert_true(terms_of("random()")->is_volatile);
}

/* A type's name with its modifier as pg_attribute has it. */
static void named(void **state)
{
	(void)state;
	int32_t modifier;
	assert_int_equal(
	    typing_named(terms_dictionary, &(struct fact_type){.name = "varchar", .modifiers = {50, -1}}, &modifier),
	    TYPE_VARCHAR);
	assert_int_equal(modifier, 54);
	assert_int_equal(
	    typing_named(terms_dictionary, &(struct fact_type){.name = "numeric", .modifiers = {10, 2}}, &modifier),
	    TYPE_NUMERIC);
	assert_int_equal(modifier, ((10 << 16) | 2) + 4);
	assert_int_equal(
	    typing_named(terms_dictionary, &(struct fact_type){.name = "wombat", .modifiers = {-1, -1}}, &modifier),
	    TYPE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(types, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(constants, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(named, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
