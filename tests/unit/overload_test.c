#include "inspect/access/overload.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *operator_of(const char *name, uint32_t left, uint32_t right)
{
	static char text[64];
	const struct dictionary_operator *found = overload_operator(terms_dictionary, name, left, right);
	if (found == NULL)
		return "none";
	snprintf(text, sizeof(text), "%s %s", terms_type(found->left), terms_type(found->right));
	return text;
}

/* As SELECT … FROM pg_operator says after EXPLAIN (VERBOSE) of each comparison on PostgreSQL 15. */
static void operators(void **state)
{
	(void)state;
	uint32_t citext = dictionary_type_named(terms_dictionary, NULL, "citext", false)->oid;
	assert_string_equal(operator_of("=", TYPE_INT4, TYPE_INT4), "int4 int4");
	assert_string_equal(operator_of("=", TYPE_INT4, TYPE_UNKNOWN), "int4 int4");
	assert_string_equal(operator_of("=", TYPE_INT4, TYPE_INT8), "int4 int8");
	assert_string_equal(operator_of("=", TYPE_INT4, TYPE_NUMERIC), "numeric numeric");
	assert_string_equal(operator_of("=", TYPE_NUMERIC, TYPE_FLOAT8), "float8 float8");
	assert_string_equal(operator_of("=", TYPE_VARCHAR, TYPE_UNKNOWN), "text text");
	assert_string_equal(operator_of("~~", TYPE_VARCHAR, TYPE_UNKNOWN), "text text");
	assert_string_equal(operator_of("=", citext, TYPE_UNKNOWN), "citext citext");
	assert_string_equal(operator_of("=", citext, TYPE_TEXT), "text text");
	assert_string_equal(operator_of("->>", TYPE_JSONB, TYPE_UNKNOWN), "jsonb text");
	assert_string_equal(operator_of("=", TYPE_INT4, TYPE_TEXT), "none");
	assert_string_equal(operator_of("-", TYPE_NONE, TYPE_INT4), "none int4");
	assert_string_equal(operator_of("=", TYPE_UNKNOWN, TYPE_UNKNOWN), "text text");
}

/* upper() of a varchar is text's, of a range its own. */
static void functions(void **state)
{
	(void)state;
	const uint32_t varchar[] = {TYPE_VARCHAR}, unknown[] = {TYPE_UNKNOWN}, uuid[] = {TYPE_UUID};
	const uint32_t zone[] = {TYPE_UNKNOWN, TYPE_TIMESTAMPTZ}, many[20] = {0};
	const struct dictionary_function *upper = overload_function(terms_dictionary, "upper", varchar, 1);
	assert_int_equal(upper->arguments[0], TYPE_TEXT);
	assert_ptr_equal(overload_function(terms_dictionary, "upper", unknown, 1), upper);
	assert_null(overload_function(terms_dictionary, "upper", uuid, 1));
	assert_int_equal(overload_function(terms_dictionary, "timezone", zone, 2)->result, TYPE_TIMESTAMP);
	assert_null(overload_function(terms_dictionary, "upper", many, 20));
}

/* concat(VARIADIC "any") takes as many as there are. */
static void variadic(void **state)
{
	(void)state;
	const uint32_t three[] = {TYPE_TEXT, TYPE_INT4, TYPE_UNKNOWN};
	const struct dictionary_function *concat = overload_function(terms_dictionary, "concat", three, 3);
	assert_non_null(concat);
	assert_int_equal(overload_argument(concat, 2, 3), TYPE_ANY);
	assert_int_equal(overload_argument(concat, 0, 0), concat->arguments[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(operators, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(functions, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(variadic, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
