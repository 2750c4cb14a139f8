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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_in_order),
	    cmocka_unit_test(full),
	    cmocka_unit_test(reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
