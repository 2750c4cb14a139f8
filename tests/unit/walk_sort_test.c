#include "inspect/tree/facts.h"

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
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static const struct facts *facts_of(const char *sql)
{
	int count;
	return tree_facts(sql, &arena, &count);
}

/* DISTINCT of columns and a lone min() or max() ask for an order, too; what else is put out takes it from them. */
static void implied(void **state)
{
	(void)state;
	const struct facts *facts = facts_of("SELECT DISTINCT a, b FROM t");
	assert_int_equal(facts->sort_count, 2);
	assert_int_equal(facts->sorts[1].order, ORDER_DISTINCT);
	facts = facts_of("SELECT max(a) FROM t");
	assert_int_equal(facts->sorts[0].order, ORDER_EXTREME);
	assert_true(facts->sorts[0].descending);
	assert_false(facts_of("SELECT min(a) FROM t")->sorts[0].descending);
	assert_int_equal(facts_of("SELECT max(a), min(a) FROM t")->sort_count, 0);
	assert_int_equal(facts_of("SELECT max(a) FROM t GROUP BY b")->sort_count, 0);
	assert_int_equal(facts_of("SELECT DISTINCT a + 1 FROM t")->sort_count, 0);
	assert_int_equal(facts_of("SELECT sum(a) FROM t")->sort_count, 0);
}

/* An ordinal and an alias stand for what is put out under them. */
static void named(void **state)
{
	(void)state;
	assert_string_equal(facts_of("SELECT a, b FROM t ORDER BY 2")->sorts[0].expression, "b");
	assert_string_equal(facts_of("SELECT a AS x FROM t ORDER BY x DESC")->sorts[0].expression, "a");
	assert_int_equal(facts_of("SELECT * FROM t ORDER BY 3")->sort_count, 0);
	assert_string_equal(facts_of("SELECT DISTINCT ON (a) * FROM t")->sorts[0].expression, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(implied, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(named, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
