#include "proxy/parcel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lines stand one after the other as they came. */
static void lines_in_order(void **state)
{
	(void)state;
	struct parcel *parcel = parcel_new();
	assert_true(parcel_empty(parcel));
	parcel_add_line(parcel, "one\n", 4);
	parcel_add_line(parcel, "two\n", 4);
	assert_int_equal(parcel->lines_len, 8);
	assert_memory_equal(parcel->lines, "one\ntwo\n", 8);
	assert_false(parcel_empty(parcel));
	parcel_free(parcel);
}

/* What no longer fits is counted, the rest stays whole; a shorter line may still fit; the last byte can be used. */
static void full(void **state)
{
	(void)state;
	static char line[LIMIT_LOG_LINE_BYTES];
	struct parcel *parcel = parcel_new();
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	parcel_add_line(parcel, "\n", 1);
	for (int at = 0; at < LIMIT_PARCEL_BYTES / LIMIT_LOG_LINE_BYTES; at++)
		parcel_add_line(parcel, line, sizeof(line));
	assert_int_equal(parcel->lost_lines, 1);
	parcel_add_line(parcel, line + 1, sizeof(line) - 1);
	assert_int_equal(parcel->lines_len, LIMIT_PARCEL_BYTES);
	parcel_add_line(parcel, "\n", 1);
	assert_int_equal(parcel->lost_lines, 2);
	assert_int_equal(parcel->lines[LIMIT_PARCEL_BYTES - 1], '\n');
	parcel_free(parcel);
}

/* After a reset it is as new and can be filled again; anything worth handing over makes it not empty. */
static void reset(void **state)
{
	(void)state;
	struct parcel *parcel = parcel_new();
	struct stats_call call = {.database = "shop", .fingerprint = 1, .query = "q", .sqlstate = ""};
	stats_record(&parcel->stats, &call);
	assert_false(parcel_empty(parcel));
	parcel_add_line(parcel, "one\n", 4);
	parcel->lost_lines = 1;
	parcel->interval_ends = true;
	parcel->sessions = 4;
	parcel_reset(parcel);
	assert_true(parcel_empty(parcel));
	assert_int_equal(parcel->sessions, 0);
	parcel_add_line(parcel, "two\n", 4);
	assert_memory_equal(parcel->lines, "two\n", 4);
	parcel_reset(parcel);
	assert_true(parcel_idle(parcel)); /* a line is no figure */
	parcel->lost_lines = 1;
	assert_false(parcel_empty(parcel));
	parcel_reset(parcel);
	parcel->interval_ends = true;
	assert_false(parcel_empty(parcel));
	parcel_reset(parcel);
	parcel->stats.bytes_in = 1;
	assert_false(parcel_empty(parcel));
	assert_false(parcel_idle(parcel));
	parcel_free(parcel);
	parcel_free(NULL);
}

static void add_first(struct parcel *parcel, const char *line, uint64_t key)
{
	parcel_add_first(parcel, line, strlen(line), key);
}

static void expect_lines(struct parcel *parcel, struct stats_sights *sights, const char *lines)
{
	parcel_drop_told(parcel, sights);
	assert_int_equal(parcel->lines_len, strlen(lines));
	assert_memory_equal(parcel->lines, lines, strlen(lines));
	parcel_reset(parcel);
}

/* A line that has been told is taken out wherever it stands, and what is around it stays. */
static void told_once(void **state)
{
	(void)state;
	struct parcel *parcel = parcel_new();
	struct stats_sights sights;
	stats_sights_init(&sights);
	expect_lines(parcel, &sights, "");
	parcel_add_line(parcel, "one\n", 4);
	add_first(parcel, "first\n", 1);
	parcel_add_line(parcel, "two\n", 4);
	add_first(parcel, "second\n", 2);
	add_first(parcel, "first, again\n", 1);
	expect_lines(parcel, &sights, "one\nfirst\ntwo\nsecond\n");
	add_first(parcel, "first of another worker\n", 1);
	parcel_add_line(parcel, "three\n", 6);
	add_first(parcel, "second of another worker\n", 2);
	add_first(parcel, "third\n", 3);
	parcel_add_line(parcel, "four\n", 5);
	add_first(parcel, "third, again\n", 3);
	expect_lines(parcel, &sights, "three\nthird\nfour\n");
	add_first(parcel, "first\n", 1);
	expect_lines(parcel, &sights, "");
	parcel_free(parcel);
	stats_sights_fini(&sights);
}

/* One too many is counted as lost, and so is one for which there is no room. */
static void too_many_first_ones(void **state)
{
	(void)state;
	static char line[LIMIT_LOG_LINE_BYTES];
	struct parcel *parcel = parcel_new();
	for (uint64_t at = 0; at <= LIMIT_PARCEL_FIRSTS; at++)
		add_first(parcel, "x\n", at);
	assert_int_equal(parcel->first_count, LIMIT_PARCEL_FIRSTS);
	assert_int_equal(parcel->lost_lines, 1);
	parcel_reset(parcel);
	assert_int_equal(parcel->first_count, 0);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int at = 0; at <= LIMIT_PARCEL_BYTES / LIMIT_LOG_LINE_BYTES; at++)
		parcel_add_first(parcel, line, sizeof(line), (uint64_t)at);
	assert_int_equal(parcel->lost_lines, 1);
	assert_int_equal(parcel->first_count, LIMIT_PARCEL_BYTES / LIMIT_LOG_LINE_BYTES);
	parcel_free(parcel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_in_order),
	    cmocka_unit_test(full),
	    cmocka_unit_test(reset),
	    cmocka_unit_test(told_once),
	    cmocka_unit_test(too_many_first_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
