#include "proxy/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct verdict verdict;
static struct statement statement;
static struct plans *plans;

static int set_up(void **state)
{
	(void)state;
	verdict = (struct verdict){0};
	statement.plan_matters = true;
	plans = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	plans_free(plans);
	return 0;
}

/* Bound with values for which the index is of use, or not; whether its plan is for all values by then. */
static bool bind_once(uint64_t name, bool serves)
{
	struct plan *plan = plans_of(&plans, &statement, name);
	const bool generic = plans_generic(plan);
	verdict.plan_serves = serves;
	plans_bound(plan, &verdict);
	return generic;
}

/* The sixth plan is for all values, and so are those after it. */
static void five_are_custom(void **state)
{
	(void)state;
	for (int at = 0; at < 5; at++)
		assert_false(bind_once(1, false));
	assert_true(bind_once(1, true));
	assert_true(bind_once(1, true));
	/* Another name is another plan, the unnamed statement too. */
	assert_false(bind_once(2, false));
	assert_false(bind_once(0, false));
}

/* One value that the index serves makes the average cheaper than the plan for all. */
static void one_served_is_enough(void **state)
{
	(void)state;
	for (int at = 0; at < 20; at++) {
		assert_int_equal(plans_count(plans_of(&plans, &statement, 1)), at <= 3);
		assert_false(bind_once(1, at == 3));
	}
	/* Nor does it matter any more once it is made for all. */
	for (int at = 0; at < 20; at++) {
		assert_int_equal(plans_count(plans_of(&plans, &statement, 2)), at < 5);
		bind_once(2, false);
	}
	assert_false(plans_count(NULL));
}

static void parsed_anew(void **state)
{
	(void)state;
	plans_forget(plans, 1);
	for (int at = 0; at < 5; at++)
		assert_false(bind_once(1, false));
	bind_once(2, false);
	plans_forget(plans, 1);
	assert_false(bind_once(1, true));
	assert_false(bind_once(2, false));
}

/* What does not matter takes no room, and what finds none is planned for its values. */
static void room(void **state)
{
	(void)state;
	struct statement other = {0};
	assert_null(plans_of(&plans, &other, 1));
	statement.plan_matters = false;
	assert_null(plans_of(&plans, &statement, 1));
	assert_null(plans);
	assert_false(plans_generic(NULL));
	plans_bound(NULL, &verdict);
	statement.plan_matters = true;
	for (uint64_t name = 1; name <= LIMIT_PLANS_PER_SESSION; name++)
		assert_non_null(plans_of(&plans, &statement, name));
	assert_null(plans_of(&plans, &statement, LIMIT_PLANS_PER_SESSION + 1));
	plans_forget(plans, 7);
	assert_non_null(plans_of(&plans, &statement, LIMIT_PLANS_PER_SESSION + 1));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(five_are_custom), CASE(one_served_is_enough), CASE(parsed_anew), CASE(room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
