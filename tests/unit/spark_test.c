#include "report/spark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *spark(const struct histogram *histogram)
{
	static char text[SPARK_TEXT_BYTES];
	spark_write(histogram, false, text);
	assert_int_equal(strlen(text), SPARK_COLUMNS);
	return text;
}

/* Each doubling has its column; what is outside falls into the first and the last. */
static void columns(void **state)
{
	(void)state;
	for (int bit = 0; bit < 40; bit++) {
		struct histogram histogram = {0};
		histogram_record(&histogram, 1ULL << bit);
		int expected = bit < SPARK_FIRST_BIT ? 0 : bit - SPARK_FIRST_BIT + 1;
		if (expected >= SPARK_COLUMNS)
			expected = SPARK_COLUMNS - 1;
		assert_int_equal(strchr(spark(&histogram), '@') - spark(&histogram), expected);
		assert_int_equal(strspn(spark(&histogram), " "), expected);
	}
}

/* The highest column is full, one with a single call among millions is not empty, one without any is. */
static void heights(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	histogram.counts[histogram_bucket(70)] = UINT32_MAX;
	histogram.counts[histogram_bucket(300)] = UINT32_MAX / 2;
	histogram.counts[histogram_bucket(1100)] = 1;
	assert_string_equal(spark(&histogram), " @ = .           ");
}

/* Nothing is all blank, and blocks are as many as letters. */
static void empty_and_unicode(void **state)
{
	(void)state;
	struct histogram histogram = {0};
	char text[SPARK_TEXT_BYTES];
	assert_int_equal(strspn(spark(&histogram), " "), SPARK_COLUMNS);
	for (size_t at = 0; at < HISTOGRAM_BUCKETS; at++)
		histogram.counts[at] = 1000;
	spark_write(&histogram, true, text);
	assert_int_equal(strlen(text), 3 * SPARK_COLUMNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns),
	    cmocka_unit_test(heights),
	    cmocka_unit_test(empty_and_unicode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
