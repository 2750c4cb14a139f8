#include "inspect/access/constant.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *constant(const char *expression)
{
	const struct term *term = terms_of(expression);
	return term->count == 2 && term->items[1]->text != NULL ? term->items[1]->text : "not known";
}

static void the_same_value_has_one_text(void **state)
{
	(void)state;
	assert_string_equal(constant("n = '05'"), "5");
	assert_string_equal(constant("n = 5.5::int"), "6");
	assert_string_equal(constant("n = '-5.5'::numeric::int"), "-6");
	assert_string_equal(constant("flag IS DISTINCT FROM 'yes'"), "t");
	assert_string_equal(constant("flag IS DISTINCT FROM 'of'"), "f");
	assert_string_equal(constant("flag IS DISTINCT FROM 'o'"), "not known");
	assert_string_equal(constant("uid = '{DEADBEEF00000000-0000000000000000}'"),
	                    "deadbeef-0000-0000-0000-000000000000");
	assert_string_equal(constant("uid = 'deadbeef'"), "not known");
	assert_string_equal(constant("day = '2020-02-29'"), "2020-02-29");
	assert_string_equal(constant("day = '2020-02-29'::timestamp"), "2020-02-29 00:00:00.000000");
	assert_string_equal(constant("day = 'today'"), "not known");
	assert_string_equal(constant("name = ' x '"), " x ");
}

/* A moment without a zone is one only where the session's is known. */
static void moments_are_those_of_utc(void **state)
{
	(void)state;
	assert_string_equal(constant("at = '2020-03-01 00:30:00+01'"), "2020-02-29 23:30:00.000000+00");
	assert_string_equal(constant("at = '2020-12-31T23:30:00.5-00:45'"), "2021-01-01 00:15:00.500000+00");
	assert_string_equal(constant("at = '1999-12-31Z'"), "1999-12-31 00:00:00.000000+00");
	assert_string_equal(constant("at = '2020-01-01'"), "not known");
	struct term *moment = term_new(TERM_CONSTANT, NULL, 0, &terms_arena);
	moment->type = TYPE_TIMESTAMPTZ;
	moment->text = "2020-01-01";
	constant_settle(moment, terms_dictionary, true, &terms_arena);
	assert_string_equal(moment->text, "2020-01-01 00:00:00.000000+00");
}

static void nonsense_is_not_known(void **state)
{
	static const char *const texts[] = {"",           "2020",          "2020-13-01",        "2020-01-00",
	                                    "2020-01-01 1", "2020-01-01 10:", "2020-01-01 10:00:", "2020-01-01 10:00+",
	                                    "20-01-01",   "2020-01-01x",   "0001-01-01",        "infinity"};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		struct term *moment = term_new(TERM_CONSTANT, NULL, 0, &terms_arena);
		moment->type = TYPE_TIMESTAMPTZ;
		moment->text = texts[at];
		constant_settle(moment, terms_dictionary, true, &terms_arena);
		if (moment->text != NULL)
			fail_msg("%s is %s", texts[at], moment->text);
	}
}

static void whole_numbers_are_reckoned_with(void **state)
{
	(void)state;
	assert_string_equal(constant("n = 2 + 3"), "5");
	assert_string_equal(constant("n = 2 * 3 - 7"), "-1");
	assert_string_equal(constant("n = 7 / 2"), "not known");
	assert_string_equal(terms_canonical("flag = (1 = 1)")->kind == TERM_COLUMN ? "flag" : "", "flag");
	assert_int_equal(terms_canonical("flag = (1 > 1)")->kind, TERM_NOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_value_has_one_text),
	    cmocka_unit_test(moments_are_those_of_utc),
	    cmocka_unit_test(nonsense_is_not_known),
	    cmocka_unit_test(whole_numbers_are_reckoned_with),
	};
	return cmocka_run_group_tests(tests, terms_open, terms_close);
}
