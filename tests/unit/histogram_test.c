#include "inspect/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every bucket begins where the one before it ended, and its edges fall into it. */
static void buckets_are_contiguous(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < HISTOGRAM_BUCKETS; at++) {
		assert_int_equal(histogram_bucket(histogram_upper_us(at)), at);
		if (at + 1 < HISTOGRAM_BUCKETS)
			assert_int_equal(histogram_bucket(histogram_upper_us(at) + 1), at + 1);
	}
	assert_int_equal(histogram_upper_us(HISTOGRAM_BUCKETS - 1), UINT32_MAX);
	assert_true(histogram_upper_us(HISTOGRAM_BUCKETS - 1) > 3600ULL * 1000000);
}

/* Over the whole range a value is reported at most 6.25 % too high and never too low. */
static void error_is_bounded(void **state)
{
	(void)state;
	for (uint64_t took = 1; took < (1ULL << 32); took += took / 97 + 1) {
		struct histogram one = {0};
		histogram_record(&one, took);
		one.max_us = UINT64_MAX; /* the cap at the longest time must not hide the bucket's own error */
		uint64_t told = took < histogram_upper_us(HISTOGRAM_BUCKETS - 2) + 1 ? histogram_quantile_us(&one, 0.5)
		                                                                     : UINT32_MAX;
		assert_true(told >= took);
		assert_true((double)(told - took) <= 0.0625 * (double)took);
	}
}

/* Below 16 µs nothing is rounded. */
static void short_times_are_exact(void **state)
{
	(void)state;
	for (uint64_t took = 0; took < 32; took++) {
		struct histogram one = {0};
		histogram_record(&one, took);
		assert_int_equal(histogram_quantile_us(&one, 1), took);
		assert_int_equal(histogram_upper_us(histogram_bucket(took)), took);
	}
}

/* A quantile is the smallest value that so many calls stay within: 95 of 100 are p95, not 96. */
static void quantiles_count_calls(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	for (int at = 0; at < 95; at++)
		histogram_record(&histogram, 10);
	for (int at = 0; at < 5; at++)
		histogram_record(&histogram, 1000000);
	assert_int_equal(histogram_quantile_us(&histogram, 0.95), 10);
	assert_int_equal(histogram_quantile_us(&histogram, 0.9501), 1000000);
	assert_int_equal(histogram_quantile_us(&histogram, 1e-9), 10);
	assert_int_equal(histogram.max_us, 1000000);
}

/* No quantile is above the longest time that was seen. */
static void quantile_is_capped_at_max(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	histogram_record(&histogram, 1025);
	assert_true(histogram_upper_us(histogram_bucket(1025)) > 1025);
	assert_int_equal(histogram_quantile_us(&histogram, 0.99), 1025);
}

/* An empty histogram has no quantile. */
static void empty_is_zero(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	assert_int_equal(histogram_quantile_us(&histogram, 0.5), 0);
}

/* What takes longer than 71 minutes is counted, and its quantile is the longest time. */
static void longer_than_the_range(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	histogram_record(&histogram, 1ULL << 32);
	histogram_record(&histogram, UINT64_MAX);
	assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 2);
	assert_int_equal(histogram_quantile_us(&histogram, 0.5), UINT64_MAX);
}

/* Merging two is the same as recording all in one. */
static void merge_is_the_sum(void **state)
{
	(void)state;
	struct histogram left = {0}, right = {0}, all = {0};
	uint64_t seed = 42;
	for (int at = 0; at < 10000; at++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		uint64_t took = (seed >> 33) >> (seed % 31);
		histogram_record(at % 3 == 0 ? &left : &right, took);
		histogram_record(&all, took);
	}
	histogram_merge(&left, &right);
	assert_memory_equal(&left, &all, sizeof(all));
}

/* A count never wraps around. */
static void counts_saturate(void **state)
{
	(void)state;
	struct histogram histogram = {0}, more = {0};
	histogram.counts[3] = UINT32_MAX;
	histogram_record(&histogram, 3);
	assert_int_equal(histogram.counts[3], UINT32_MAX);
	more.counts[3] = 2;
	histogram_merge(&histogram, &more);
	assert_int_equal(histogram.counts[3], UINT32_MAX);
}

/* Text and back gives the same counts and the same quantiles up to a bucket's width. */
static void text_round_trip(void **state)
{
	(void)state;
	struct histogram histogram = {0}, back = {0};
	for (uint64_t took = 1; took < 5000000; took = took * 5 / 4 + 1)
		histogram_record(&histogram, took);
	char text[HISTOGRAM_TEXT_BYTES];
	size_t len = histogram_write(&histogram, text, sizeof(text));
	assert_int_equal(len, strlen(text));
	assert_true(histogram_read(&back, text) > 0);
	assert_memory_equal(back.counts, histogram.counts, sizeof(back.counts));
	assert_int_equal(back.total, histogram.total);
	assert_true(back.max_us <= histogram.max_us && (double)back.max_us >= 0.93 * (double)histogram.max_us);
	assert_int_equal(histogram_quantile_us(&back, 0.5), histogram_quantile_us(&histogram, 0.5));
}

/* Reading adds to what is there, so intervals merge by their texts. */
static void reading_adds(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	assert_int_equal(histogram_read(&histogram, "5:2 20:1"), 2);
	assert_int_equal(histogram_read(&histogram, "5:3"), 1);
	assert_int_equal(histogram_read(&histogram, ""), 0);
	assert_int_equal(histogram.counts[5], 5);
	assert_int_equal(histogram.total, 6);
	assert_int_equal(histogram.max_us, histogram_upper_us(19) + 1);
}

/* A buffer that is too small gets whole entries only, at every size. */
static void text_is_cut_between_entries(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	histogram_read(&histogram, "1:10 22:300 463:4294967295");
	char text[64];
	for (size_t size = 1; size < sizeof(text); size++) {
		struct histogram back = {0};
		size_t len = histogram_write(&histogram, text, size);
		assert_true(len < size);
		int read = histogram_read(&back, text);
		assert_int_equal(read, size < 5 ? 0 : size < 12 ? 1 : size < 27 ? 2 : 3);
	}
}

/* Text that is no histogram is refused, and nothing of it is added. */
static void wrong_text(void **state)
{
	(void)state;
	static const char *const wrong[] = {
	    "x",        "1",       "1:",    ":1",   "464:1", "1:4294967296", "1:2 ",     " 1:2",
	    "1:2  3:4", "1:2,3:4", "1:2 3", "-1:2", "1:-2",  "1:2\n",        "1:2 3:4x", "99999999999999999999:1"};
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
		struct histogram histogram = {0}, empty = {0};
		assert_int_equal(histogram_read(&histogram, wrong[at]), -1);
		assert_memory_equal(&histogram, &empty, sizeof(empty));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_are_contiguous),
	    cmocka_unit_test(error_is_bounded),
	    cmocka_unit_test(short_times_are_exact),
	    cmocka_unit_test(quantiles_count_calls),
	    cmocka_unit_test(quantile_is_capped_at_max),
	    cmocka_unit_test(empty_is_zero),
	    cmocka_unit_test(longer_than_the_range),
	    cmocka_unit_test(merge_is_the_sum),
	    cmocka_unit_test(counts_saturate),
	    cmocka_unit_test(text_round_trip),
	    cmocka_unit_test(reading_adds),
	    cmocka_unit_test(text_is_cut_between_entries),
	    cmocka_unit_test(wrong_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
