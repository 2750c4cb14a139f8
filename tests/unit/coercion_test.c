#include "inspect/access/coercion.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static uint32_t common(uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t types[] = {a, b, c};
	return coercion_common(terms_dictionary, types, 3);
}

/* int4 becomes numeric by itself, numeric int4 only when asked, and a uuid no number at all. */
static void possible(void **state)
{
	(void)state;
	assert_true(coercion_possible(terms_dictionary, TYPE_INT4, TYPE_NUMERIC, COERCION_IMPLICIT));
	assert_false(coercion_possible(terms_dictionary, TYPE_NUMERIC, TYPE_INT4, COERCION_IMPLICIT));
	assert_true(coercion_possible(terms_dictionary, TYPE_NUMERIC, TYPE_INT4, COERCION_ASSIGNMENT));
	assert_false(coercion_possible(terms_dictionary, TYPE_UUID, TYPE_INT4, COERCION_EXPLICIT));
	assert_false(coercion_possible(terms_dictionary, TYPE_UUID, TYPE_TEXT, COERCION_IMPLICIT));
	assert_true(coercion_possible(terms_dictionary, TYPE_UUID, TYPE_TEXT, COERCION_EXPLICIT));
	assert_true(coercion_possible(terms_dictionary, TYPE_UNKNOWN, TYPE_UUID, COERCION_IMPLICIT));
	assert_false(coercion_possible(terms_dictionary, TYPE_INT4, TYPE_ANYARRAY, COERCION_IMPLICIT));
	assert_true(coercion_is_polymorphic(TYPE_ANYARRAY));
	assert_false(coercion_is_polymorphic(TYPE_TEXT));
}

/* What costs nothing is a relabelling, what has a function is a call, and text is a way through. */
static void applied(void **state)
{
	(void)state;
	assert_int_equal(terms_of("name::text")->kind, TERM_RELABEL);
	assert_int_equal(terms_of("n::int8")->kind, TERM_CALL);
	assert_int_equal(terms_of("n::text")->kind, TERM_CONVERT);
	assert_int_equal(terms_of("name::varchar(50)")->kind, TERM_COLUMN);
	assert_int_equal(terms_of("name::varchar(80)")->kind, TERM_RELABEL);
	assert_int_equal(terms_of("name::varchar(10)")->kind, TERM_CALL);
	assert_int_equal(terms_of("'5'::int8")->kind, TERM_CONSTANT);
	assert_int_equal(terms_of("uid::int4")->kind, TERM_OPAQUE);
}

/* One relabelling on another leaves the last, and back again leaves none. */
static void relabelled_twice(void **state)
{
	(void)state;
	assert_int_equal(terms_of("mail::text::varchar")->items[0]->kind, TERM_COLUMN);
	assert_int_equal(terms_of("note::varchar::text")->kind, TERM_COLUMN);
}

/* IN, CASE and COALESCE settle on the type that all of them become. */
static void in_common(void **state)
{
	(void)state;
	assert_int_equal(common(TYPE_INT4, TYPE_UNKNOWN, TYPE_NUMERIC), TYPE_NUMERIC);
	assert_int_equal(common(TYPE_UNKNOWN, TYPE_UNKNOWN, TYPE_UNKNOWN), TYPE_TEXT);
	assert_int_equal(common(TYPE_INT4, TYPE_TEXT, TYPE_UNKNOWN), TYPE_NONE);
}

/* anyarray and anyelement must agree. */
static void polymorphic(void **state)
{
	(void)state;
	uint32_t integers = dictionary_type_named(terms_dictionary, NULL, "int4", true)->oid;
	uint32_t actual[] = {integers, TYPE_INT4}, declared[] = {TYPE_ANYARRAY, TYPE_ANYELEMENT};
	uint32_t result = TYPE_ANYARRAY;
	assert_true(coercion_resolve(terms_dictionary, actual, declared, 2, &result));
	assert_int_equal(declared[1], TYPE_INT4);
	assert_int_equal(result, integers);
	uint32_t wrong[] = {integers, TYPE_TEXT}, again[] = {TYPE_ANYARRAY, TYPE_ANYELEMENT};
	assert_false(coercion_resolve(terms_dictionary, wrong, again, 2, &result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(possible, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(applied, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(relabelled_twice, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(in_common, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(polymorphic, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
