#include "inspect/change/effect_list.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *big, *hidden, *unsized;
static struct effects effects;
static struct effect_list list;
static struct context input;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	hidden = judge_table(&judge, "other", "hidden", JUDGE_LARGE);
	unsized = judge_table(&judge, "public", "unsized", JUDGE_UNKNOWN);
	judge_table(&judge, "public", "medium", JUDGE_MEDIUM);
	judge_seal(&judge);
	effects = (struct effects){0};
	input = (struct context){
	    .facts = judge_parse(&judge, "LOCK TABLE big, nowhere, pg_temp.mine"),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	};
	list = (struct effect_list){.input = &input, .arena = &judge.arena, .effects = &effects};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* A relation comes once, with the strongest of its locks; one outside of public with its schema. */
static void once_each(void **state)
{
	(void)state;
	assert_non_null(effect_list_touch(&list, big, LOCK_SHARE));
	assert_ptr_equal(effect_list_touch(&list, big, LOCK_ACCESS_SHARE), &effects.list[0]);
	effect_list_touch(&list, hidden, LOCK_ROW_SHARE);
	effect_list_touch_index(&list, "public", "big_i", LOCK_SHARE);
	effect_list_touch_index(&list, "public", "big_i", LOCK_ACCESS_EXCLUSIVE);
	assert_int_equal(effects.count, 3);
	assert_int_equal(effects.list[0].lock, LOCK_SHARE);
	assert_string_equal(effects.list[1].relation, "other.hidden");
	assert_int_equal(effects.list[2].lock, LOCK_ACCESS_EXCLUSIVE);
	assert_null(effects.list[2].table);
}

/* What the catalog knows, what it does not, and what is the session's own. */
static void found(void **state)
{
	const struct catalog_relation *table;
	(void)state;
	assert_int_equal(effect_list_find(&list, 0, &table), EFFECT_KNOWN);
	assert_ptr_equal(table, big);
	assert_int_equal(effect_list_find(&list, 1, &table), EFFECT_UNKNOWN);
	assert_int_equal(effect_list_find(&list, 2, &table), EFFECT_NEW);
	assert_null(effect_list_touch_fact(&list, 2, LOCK_SHARE));
	assert_null(effect_list_touch_fact(&list, -1, LOCK_SHARE));
	assert_string_equal(effect_list_touch_fact(&list, 1, LOCK_SHARE)->relation, "nowhere");
	input.catalog = NULL;
	assert_int_equal(effect_list_find(&list, 0, &table), EFFECT_UNKNOWN);
}

/* Dangerous is what reads a large table, or one of unknown size, while writers wait. */
static void dangerous(void **state)
{
	(void)state;
	effect_list_touch(&list, big, LOCK_SHARE)->scan = true;
	effect_list_touch(&list, hidden, LOCK_SHARE_UPDATE_EXCLUSIVE)->scan = true;
	effect_list_touch(&list, unsized, LOCK_ACCESS_EXCLUSIVE)->rewrite = true;
	effect_list_touch(&list, catalog_find(judge.catalog, "public", "medium", NULL, NULL), LOCK_SHARE)->scan = true;
	effect_list_finish(&list);
	assert_true(effects.list[0].dangerous);
	assert_false(effects.list[1].dangerous);
	assert_true(effects.list[2].dangerous);
	assert_true(effects.list[2].scan);
	assert_false(effects.list[3].dangerous);
}

/* A refused statement takes nothing, whatever was collected; the first reason stays. */
static void refused(void **state)
{
	(void)state;
	effect_list_touch(&list, big, LOCK_ACCESS_EXCLUSIVE)->rewrite = true;
	effect_list_touch(&list, hidden, LOCK_ACCESS_EXCLUSIVE);
	effect_list_refuse(&list, "first");
	effect_list_refuse(&list, "second");
	effect_list_finish(&list);
	assert_string_equal(effects.refused, "first");
	assert_int_equal(effects.count, 1);
	assert_int_equal(effects.list[0].lock, LOCK_NONE);
	assert_false(effects.list[0].dangerous);
}

/* Past the ceiling the list says that there is more. */
static void ceiling(void **state)
{
	char name[16];
	(void)state;
	for (int at = 0; at <= LIMIT_EFFECTS; at++) {
		snprintf(name, sizeof(name), "i%d", at);
		struct effect *effect = effect_list_touch_index(&list, NULL, name, LOCK_SHARE);
		assert_int_equal(effect == NULL, at == LIMIT_EFFECTS);
	}
	assert_true(effects.truncated);
}

/* An empty list has one entry, without relation and lock. */
static void empty(void **state)
{
	(void)state;
	effect_list_finish(&list);
	assert_int_equal(effects.count, 1);
	assert_string_equal(effects.list[0].relation, "");
	assert_int_equal(effects.list[0].lock, LOCK_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(once_each, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dangerous, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ceiling, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(empty, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
