#include "inspect/access/term.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static enum term_truth same(const char *one, const char *other)
{
	return term_equal(terms_canonical(one), terms_canonical(other));
}

/* What the planner takes for one expression is equal, however it is written; what differs in a value isn't. */
static void equality(void **state)
{
	(void)state;
	assert_int_equal(same("upper(name)", "UPPER(t.name::text)"), TERM_YES);
	assert_int_equal(same("upper(name)", "upper(note)"), TERM_NO);
	assert_int_equal(same("data -> 'k'", "(data -> 'k'::text)"), TERM_YES);
	assert_int_equal(same("data -> 'k'", "data -> 'l'"), TERM_NO);
	assert_int_equal(same("data -> 'k'", "data ->> 'k'"), TERM_NO);
	assert_int_equal(same("at AT TIME ZONE 'UTC'", "timezone('UTC', at)"), TERM_YES);
	assert_int_equal(same("n = length('abc')", "n = 3"), TERM_MAYBE);
	assert_int_equal(same("name = 'x'", "name COLLATE \"C\" = 'x'"), TERM_NO);
}

/* NOT goes down to what has an opposite (negate_clause). */
static void negation(void **state)
{
	(void)state;
	assert_int_equal(same("NOT (n = 5)", "n <> 5"), TERM_YES);
	assert_int_equal(same("NOT (n = 5 AND n IS NOT NULL)", "n <> 5 OR n IS NULL"), TERM_YES);
	assert_int_equal(same("NOT NOT flag", "flag"), TERM_YES);
	assert_int_equal(same("NOT (n IN (1, 2))", "n NOT IN (1, 2)"), TERM_YES);
	assert_int_equal(same("NOT (flag IS TRUE)", "flag IS NOT TRUE"), TERM_YES);
	assert_int_equal(same("flag = true", "flag"), TERM_YES);
	assert_int_equal(same("flag = false", "NOT flag"), TERM_YES);
	assert_int_equal(same("flag <> true", "NOT flag"), TERM_YES);
	assert_int_equal(terms_canonical("NOT flag")->kind, TERM_NOT);
}

/* What all arms of an OR have in common stands before it. */
static void common_arms(void **state)
{
	(void)state;
	assert_int_equal(same("n = 1 AND id = 2 OR n = 1 AND id = 3", "n = 1 AND (id = 2 OR id = 3)"), TERM_YES);
	assert_int_equal(same("n = 1 OR n = 1 AND id = 3", "n = 1"), TERM_YES);
	assert_int_equal(terms_canonical("n = 1 OR id = 2")->kind, TERM_OR);
	assert_int_equal(terms_canonical("n = 1 AND (id = 2 AND flag)")->count, 3);
	/* A NULL leaves an OR, and is all that is left of an AND. */
	assert_int_equal(terms_canonical("n = 1 OR n = NULL")->kind, TERM_OPERATOR);
	assert_int_equal(terms_canonical("n = 1 OR id = 2 OR n = NULL")->count, 2);
	assert_true(terms_canonical("n = 1 AND n = NULL")->null);
	assert_true(terms_canonical("n = NULL OR id = NULL")->null);
	assert_true(terms_canonical("NOT (n = NULL)")->null);
}

/* Comparisons are not true of NULL, COALESCE may be. */
static void strictness(void **state)
{
	(void)state;
	const struct term *n = terms_of("n");
	assert_true(term_strict_for(terms_canonical("n > 5"), n, terms_dictionary));
	assert_true(term_strict_for(terms_canonical("abs(n) + 1 = 5"), n, terms_dictionary));
	assert_true(term_strict_for(terms_canonical("n IN (1, 2)"), n, terms_dictionary));
	assert_false(term_strict_for(terms_canonical("coalesce(n, 0) = 5"), n, terms_dictionary));
	assert_false(term_strict_for(terms_canonical("n IS NULL"), n, terms_dictionary));
	assert_false(term_strict_for(terms_canonical("id > 5"), n, terms_dictionary));
}

static void mentions(void **state)
{
	(void)state;
	assert_true(term_mentions(terms_of("1 + n"), 0));
	assert_false(term_mentions(terms_of("1 + n"), 1));
	assert_int_equal(term_relation(terms_of("n + id")), 0);
	assert_int_equal(term_relation(terms_of("1 + 1")), -1);
	assert_int_equal(term_strip(terms_of("name::text"))->kind, TERM_COLUMN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(equality, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(negation, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(common_arms, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(strictness, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(mentions, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
