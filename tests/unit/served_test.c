#include "inspect/served.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_index(&judge, judge_table(&judge, "public", "big", JUDGE_LARGE), "big_qty", "btree", "qty int4_ops",
	            NULL);
	judge_seal(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static uint16_t serve(const char *sql, struct served *list, uint16_t max)
{
	bool missing = false;
	const struct rule_input input = {
	    .facts = judge_parse(&judge, sql),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &missing,
	};
	return served_of(&input, list, max);
}

/* Each condition on a table that the catalog knows: the index that serves it, or why none does. */
static void predicates(void **state)
{
	struct served list[4];
	(void)state;
	assert_int_equal(serve("SELECT * FROM big WHERE qty = 5 AND note LIKE '%abc%'", list, 4), 2);
	assert_true(list[0].served);
	assert_string_equal(list[0].index, "big_qty");
	assert_string_equal(list[0].relation->name, "big");
	assert_false(list[1].served);
	assert_non_null(list[1].reason);
	assert_int_equal(serve("SELECT * FROM big WHERE qty = 5 AND note LIKE '%abc%'", list, 1), 1);
	assert_int_equal(serve("SELECT * FROM nowhere WHERE qty = 5", list, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(predicates, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
