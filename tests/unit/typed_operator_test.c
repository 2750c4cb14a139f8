#include "inspect/access/typed_operator.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *compared(const char *expression)
{
	static char text[64];
	const struct term *term = terms_of(expression);
	const struct dictionary_operator *operator= dictionary_operator(terms_dictionary, term->oid);
	if (operator== NULL)
		return "none";
	snprintf(text, sizeof(text), "%s %s %s", terms_type(operator->left), operator->name,
	         terms_type(operator->right));
	return text;
}

/* Which operator a comparison is decides what is cast: the column, or the value. */
static void operators(void **state)
{
	(void)state;
	assert_string_equal(compared("n = 5"), "int4 = int4");
	assert_string_equal(compared("n = '5'"), "int4 = int4");
	assert_string_equal(compared("n = 5.0"), "numeric = numeric");
	assert_string_equal(compared("n IN (1, 2)"), "int4 = int4");
	assert_string_equal(compared("n IN (1, 2.5)"), "numeric = numeric");
	assert_string_equal(compared("n = ANY ('{1,2}')"), "int4 = int4");
	assert_string_equal(compared("mail = 'x'::text"), "text = text");
	assert_string_equal(compared("mail = 'x'"), "citext = citext");
	assert_string_equal(compared("n = 'x'::uuid"), "none");
	assert_string_equal(compared("tags @> ARRAY['a']::varchar[]"), "anyarray @> anyarray");
	assert_string_equal(compared("tags @> ARRAY['a']::text[]"), "none");
}

/* = of rows is and-ed, <> or-ed, and < compares them whole. */
static void rows(void **state)
{
	(void)state;
	assert_int_equal(terms_of("(n, id) = (1, 2)")->kind, TERM_AND);
	assert_int_equal(terms_of("(n, id) <> (1, 2)")->kind, TERM_OR);
	assert_int_equal(terms_of("(n, id) < (1, 2)")->kind, TERM_ROW_COMPARE);
	assert_int_equal(terms_of("(n, id) IN ((1, 2), (3, 4))")->kind, TERM_OR);
	assert_int_equal(terms_of("n IN (1)")->kind, TERM_OPERATOR);
	assert_int_equal(terms_of("n IN (1, id)")->kind, TERM_OR);
	assert_int_equal(terms_of("(n, id) = (1, 2, 3)")->kind, TERM_OPAQUE);
}

/* A type's name around a value of that type does nothing; around another it is a function. */
static void casts(void **state)
{
	(void)state;
	assert_int_equal(terms_of("date(day)")->kind, TERM_COLUMN);
	assert_int_equal(terms_of("date(stamp)")->kind, TERM_CALL);
	assert_int_equal(terms_of("abs(n)")->kind, TERM_CALL);
	assert_string_equal(compared("date(day) = '2020-01-01'"), "date = date");
}

/* The column's own collation goes before the default, an explicit one before all. */
static void collations(void **state)
{
	(void)state;
	uint32_t c = dictionary_collation_named(terms_dictionary, "C")->oid;
	uint32_t posix = dictionary_collation_named(terms_dictionary, "POSIX")->oid;
	assert_int_equal(terms_of("note = 'x'")->input_collation, COLLATION_DEFAULT);
	assert_int_equal(terms_of("latin = 'x'")->input_collation, c);
	assert_int_equal(terms_of("latin = note")->input_collation, c);
	assert_int_equal(terms_of("latin = vague")->input_collation, 0);
	assert_int_equal(terms_of("latin = 'x' COLLATE \"POSIX\"")->input_collation, posix);
	assert_int_equal(terms_of("upper(latin) = 'X'")->input_collation, c);
	assert_int_equal(terms_of("n = 5")->input_collation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(operators, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(rows, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(casts, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(collations, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
