#include "inspect/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

enum { SHOP = 1, OTHER = 2, TABLE = 16384 };

static struct usage usage;

static int set_up(void **state)
{
	(void)state;
	usage_init(&usage);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usage_fini(&usage);
	return 0;
}

static bool use(struct usage *of, uint32_t relation, int16_t column, int64_t at_ms, uint64_t session)
{
	const struct usage_use one = {.at_ms = at_ms, .session = session, .fingerprint = (uint64_t)at_ms};
	return usage_add(of, SHOP, relation, column, &one);
}

/* When it was used last by another session than that one; 0: never. */
static int64_t found(uint32_t relation, int16_t column, uint64_t except)
{
	const struct usage_use *last = usage_find(&usage, SHOP, relation, column, except);
	return last ? last->at_ms : 0;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* The last use is kept, and by each key its own. */
static void finds(void **state)
{
	(void)state;
	assert_int_equal(found(TABLE, 0, 0), 0);
	assert_true(use(&usage, TABLE, 1, 100, 7));
	assert_false(use(&usage, TABLE, 1, 200, 8));
	assert_int_equal(found(TABLE, 1, 0), 200);
	assert_int_equal(found(TABLE, 2, 0), 0);
	assert_int_equal(found(TABLE + 1, 1, 0), 0);
	assert_null(usage_find(&usage, OTHER, TABLE, 1, 0));
}

/* A session's own uses are left out, in whatever order they came. */
static void leaves_own_uses_out(void **state)
{
	(void)state;
	use(&usage, TABLE, 1, 100, 7);
	assert_int_equal(found(TABLE, 1, 7), 0);
	use(&usage, TABLE, 1, 90, 8);
	assert_int_equal(found(TABLE, 1, 7), 90);
	use(&usage, TABLE, 1, 300, 9);
	assert_int_equal(found(TABLE, 1, 9), 100);
	use(&usage, TABLE, 1, 400, 9);
	assert_int_equal(found(TABLE, 1, 9), 100);
	assert_int_equal(found(TABLE, 1, 7), 400);
}

/* Two tables make one as if all had been added to it; a copy is another's. */
static void merges(void **state)
{
	struct usage other;
	(void)state;
	usage_init(&other);
	use(&usage, TABLE, 1, 100, 7);
	use(&other, TABLE, 1, 200, 8);
	use(&other, TABLE, 2, 50, 8);
	usage_watch(&other, SHOP, 10);
	usage_unclear(&other, SHOP, 20);
	usage_merge(&usage, &other);
	assert_int_equal(found(TABLE, 1, 0), 200);
	assert_int_equal(found(TABLE, 1, 8), 100);
	assert_int_equal(found(TABLE, 2, 0), 50);
	assert_int_equal(usage_database(&usage, SHOP)->since_ms, 10);
	assert_int_equal(usage_database(&usage, SHOP)->unclear_ms, 20);
	struct usage *copy = usage_ref(usage_copy(&usage));
	usage_reset(&usage);
	assert_true(usage_is_empty(&usage));
	assert_int_equal(usage_find(copy, SHOP, TABLE, 1, 0)->at_ms, 200);
	usage_unref(copy);
	usage_unref(copy);
	usage_unref(NULL);
	usage_fini(&other);
}

/* Watching begins once; what is unclear is so by its last time. */
static void watches(void **state)
{
	(void)state;
	assert_null(usage_database(&usage, SHOP));
	usage_watch(&usage, SHOP, 10);
	usage_watch(&usage, SHOP, 20);
	usage_unclear(&usage, SHOP, 40);
	usage_unclear(&usage, SHOP, 30);
	assert_int_equal(usage_database(&usage, SHOP)->since_ms, 10);
	assert_int_equal(usage_database(&usage, SHOP)->unclear_ms, 40);
	for (uint64_t key = 100; key < 100 + LIMIT_DATABASES; key++)
		usage_watch(&usage, key, 1);
	assert_int_equal(usage.database_count, LIMIT_DATABASES);
}

/* Full: what is known goes on, what is new makes it unclear. */
static void full(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < LIMIT_USAGE_COLUMNS; at++)
		assert_true(use(&usage, TABLE + at, (int16_t)(at % 100), 100, 7));
	for (uint32_t at = 0; at < LIMIT_USAGE_COLUMNS; at++)
		assert_int_equal(found(TABLE + at, (int16_t)(at % 100), 0), 100);
	assert_null(usage_database(&usage, SHOP));
	assert_false(use(&usage, 1, 1, 200, 7));
	assert_int_equal(found(1, 1, 0), 0);
	assert_int_equal(usage_database(&usage, SHOP)->unclear_ms, 200);
	assert_false(use(&usage, TABLE, 0, 300, 7));
	assert_int_equal(found(TABLE, 0, 0), 300);
	assert_int_equal(usage.capacity, 2 * LIMIT_USAGE_COLUMNS);
}

/* Texts are summed, are no use by themselves, and who saw them first stays that. */
static void texts(void **state)
{
	struct usage other;
	(void)state;
	usage_init(&other);
	usage_add_texts(&usage, SHOP, TABLE, 2, 3, 1, 7);
	usage_add_texts(&other, SHOP, TABLE, 2, 10, 9, 8);
	usage_merge(&usage, &other);
	const struct usage_entry *entry = usage_texts(&usage, SHOP, TABLE, 2);
	assert_non_null(entry);
	assert_int_equal(entry->texts, 13);
	assert_int_equal(entry->documents, 10);
	assert_int_equal(entry->owner, 7);
	assert_null(usage_find(&usage, SHOP, TABLE, 2, 0));
	assert_null(usage_texts(&usage, SHOP, TABLE, 3));
	assert_null(usage_texts(&usage, OTHER, TABLE, 2));
	const struct usage_use use = {.at_ms = 5, .session = 1};
	usage_add(&usage, SHOP, TABLE, 2, &use);
	assert_non_null(usage_find(&usage, SHOP, TABLE, 2, 0));
	assert_int_equal(usage_texts(&usage, SHOP, TABLE, 2)->texts, 13);
	usage_fini(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(leaves_own_uses_out, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(merges, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(watches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(full, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
