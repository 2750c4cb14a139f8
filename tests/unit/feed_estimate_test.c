#include "proxy/feed/feed_estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct catalog_relation estimate(enum catalog_relkind kind, struct feed_estimate_input input)
{
	struct catalog_relation relation = {.schema = "s", .name = "t", .kind = kind, .rows = -1, .bytes = -1};
	input.block_bytes = 8192;
	feed_estimate_rows(&input, &relation);
	return relation;
}

static void scales_by_the_pages_there_are(void **state)
{
	/* Rows per page as counted, times today's pages: grown, shrunk or as it was. */
	(void)state;
	struct feed_estimate_input input = {
	    .reltuples = 1000, .relpages = 10, .bytes = 10 * 8192, .zero_is_counted = true, .live = 5, .width = 4};
	assert_true(estimate(CATALOG_TABLE, input).rows == 1000);
	input.bytes = 40 * 8192;
	assert_true(estimate(CATALOG_TABLE, input).rows == 4000);
	assert_true(estimate(CATALOG_TABLE, input).bytes == 40 * 8192);
	assert_true(estimate(CATALOG_MATERIALIZED_VIEW, input).analyzed);
	input.bytes = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows == 0);
	assert_true(estimate(CATALOG_TABLE, input).analyzed);
}

static void guesses_by_width_what_nobody_counted(void **state)
{
	/* Never analyzed, or counted when it was empty: as many rows as fit the pages, and said to be a guess. */
	(void)state;
	struct feed_estimate_input input = {.reltuples = -1, .bytes = 100 * 8192, .zero_is_counted = true, .width = 36};
	/* (8192 - 24) / (36 + 28), rounded down, a page. */
	assert_true(estimate(CATALOG_TABLE, input).rows == 127 * 100);
	assert_false(estimate(CATALOG_TABLE, input).analyzed);
	input.reltuples = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows == 127 * 100);
	assert_false(estimate(CATALOG_TABLE, input).analyzed);
}

static void zero_rows_mean_different_things(void **state)
{
	/* From PostgreSQL 14 on 0 is a count; before, it is also what a new table says. */
	(void)state;
	struct feed_estimate_input input = {.reltuples = 0, .bytes = 0, .zero_is_counted = true};
	assert_true(estimate(CATALOG_TABLE, input).analyzed);
	input.zero_is_counted = false;
	assert_false(estimate(CATALOG_TABLE, input).analyzed);
	assert_true(estimate(CATALOG_TABLE, input).rows == 0);
}

static void without_a_size_takes_the_next_best(void **state)
{
	/* A locked table: the larger of the count and the statistics; of one that was never counted the statistics
	 * alone; nothing is unknown, and not zero. */
	(void)state;
	struct feed_estimate_input input = {.reltuples = 1000,
	                                    .relpages = 10,
	                                    .bytes = -1,
	                                    .last_rows = -1,
	                                    .last_bytes = -1,
	                                    .live = 3000,
	                                    .zero_is_counted = true};
	assert_true(estimate(CATALOG_TABLE, input).rows == 3000);
	assert_int_equal(estimate(CATALOG_TABLE, input).bytes, 10 * 8192);
	input.live = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows == 1000);
	input.reltuples = -1;
	input.relpages = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows < 0);
	assert_true(estimate(CATALOG_TABLE, input).bytes < 0);
	input.live = 70;
	assert_true(estimate(CATALOG_TABLE, input).rows == 70);
	assert_false(estimate(CATALOG_TABLE, input).analyzed);
}

static void without_a_size_remembers_the_last(void **state)
{
	/* A locked table is at least what it was when it was last looked at; one that is new since then holds what the
	 * statistics have counted, where they count. */
	(void)state;
	struct feed_estimate_input input = {
	    .reltuples = -1, .bytes = -1, .last_rows = 500, .last_bytes = 5 * 8192, .zero_is_counted = true};
	assert_true(estimate(CATALOG_TABLE, input).rows == 500);
	assert_int_equal(estimate(CATALOG_TABLE, input).bytes, 5 * 8192);
	assert_false(estimate(CATALOG_TABLE, input).analyzed);
	input.live = 800;
	assert_true(estimate(CATALOG_TABLE, input).rows == 800);
	input.live = 0;
	input.last_rows = 0;
	input.last_bytes = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows == 0);
	input.reltuples = 100;
	input.relpages = 2;
	assert_true(estimate(CATALOG_TABLE, input).rows == 100);
	assert_int_equal(estimate(CATALOG_TABLE, input).bytes, 2 * 8192);
	input.last_rows = 900;
	input.last_bytes = 9 * 8192;
	assert_true(estimate(CATALOG_TABLE, input).rows == 900);
	assert_int_equal(estimate(CATALOG_TABLE, input).bytes, 9 * 8192);
	/* Where the file was looked at, that counts. */
	input.bytes = 0;
	assert_true(estimate(CATALOG_TABLE, input).rows == 0);

	struct feed_estimate_input new = {
	    .reltuples = -1, .bytes = -1, .last_rows = -1, .last_bytes = -1, .zero_is_counted = true, .live_is_all = true};
	assert_true(estimate(CATALOG_TABLE, new).rows == 0);
	assert_true(estimate(CATALOG_TABLE, new).bytes < 0);
	new.live = 2000000;
	assert_true(estimate(CATALOG_TABLE, new).rows == 2000000);
	new.live = 0;
	new.live_is_all = false;
	assert_true(estimate(CATALOG_TABLE, new).rows < 0);
}

static void leaves_the_others_unknown(void **state)
{
	/* Views have no rows to count, parents are summed, foreign tables have only what ANALYZE counted. */
	(void)state;
	struct feed_estimate_input input = {.reltuples = 9, .relpages = 1, .bytes = 8192, .zero_is_counted = true};
	assert_true(estimate(CATALOG_VIEW, input).rows < 0);
	assert_true(estimate(CATALOG_PARTITIONED_TABLE, input).rows < 0);
	assert_true(estimate(CATALOG_FOREIGN_TABLE, input).rows == 9);
	assert_true(estimate(CATALOG_FOREIGN_TABLE, input).bytes < 0);
	input.reltuples = -1;
	assert_true(estimate(CATALOG_FOREIGN_TABLE, input).rows < 0);
}

static void knows_widths(void **state)
{
	/* Fixed lengths as they are, short maxima whole, long ones half, bpchar always whole, the rest 32. */
	(void)state;
	assert_true(feed_estimate_width("int8", -1, 8, 4) == 8);
	assert_true(feed_estimate_width("uuid", -1, 16, 4) == 16);
	assert_true(feed_estimate_width("text", -1, -1, 4) == 32);
	assert_true(feed_estimate_width("varchar", -1, -1, 4) == 32);
	assert_true(feed_estimate_width("varchar", 5 + 4, -1, 4) == 24);
	/* 50 characters of 4 bytes and a header: 32 + (204 - 32) / 2. */
	assert_true(feed_estimate_width("varchar", 50 + 4, -1, 4) == 118);
	assert_true(feed_estimate_width("varchar", 50 + 4, -1, 1) == 43);
	assert_true(feed_estimate_width("varchar", 100000 + 4, -1, 4) == 516);
	assert_true(feed_estimate_width("bpchar", 100 + 4, -1, 1) == 104);
	/* 10 digits and padding are 4 groups of 4. */
	assert_true(feed_estimate_width("numeric", (10 << 16) + 2 + 4, -1, 4) == 16);
	assert_true(feed_estimate_width("numeric", -1, -1, 4) == 32);
	assert_true(feed_estimate_width("bit", 12, -1, 4) == 10);
	assert_true(feed_estimate_width("_varchar", 54, -1, 4) == 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scales_by_the_pages_there_are),   cmocka_unit_test(guesses_by_width_what_nobody_counted),
	    cmocka_unit_test(zero_rows_mean_different_things), cmocka_unit_test(without_a_size_takes_the_next_best),
	    cmocka_unit_test(leaves_the_others_unknown),       cmocka_unit_test(knows_widths),
	    cmocka_unit_test(without_a_size_remembers_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
