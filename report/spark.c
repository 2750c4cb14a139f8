#include "report/spark.h"

#include "config/check.h"

#include <string.h>

enum { LEVELS = 8 };

static const char *const BLOCKS[LEVELS + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const LETTERS[LEVELS + 1] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};

static size_t column_of(uint32_t bucket)
{
	size_t column = 0;
	for (uint64_t upper = histogram_upper_us(bucket) >> SPARK_FIRST_BIT; upper != 0; upper >>= 1)
		column++;
	return column < SPARK_COLUMNS ? column : SPARK_COLUMNS - 1;
}

void spark_write(const struct histogram *histogram, bool unicode, char to[SPARK_TEXT_BYTES])
{
	CHECK(histogram != NULL && to != NULL);
	uint64_t columns[SPARK_COLUMNS] = {0}, highest = 0;
	for (uint32_t at = 0; at < HISTOGRAM_BUCKETS; at++)
		columns[column_of(at)] += histogram->counts[at];
	for (size_t at = 0; at < SPARK_COLUMNS; at++)
		if (columns[at] > highest)
			highest = columns[at];
	size_t len = 0;
	for (size_t at = 0; at < SPARK_COLUMNS; at++) {
		/* Counts are below 2^32 each, so the product stays in range. */
		size_t level = columns[at] == 0 ? 0 : (size_t)((columns[at] * LEVELS + highest - 1) / highest);
		const char *block = (unicode ? BLOCKS : LETTERS)[level];
		size_t block_len = strlen(block);
		memcpy(to + len, block, block_len);
		len += block_len;
	}
	to[len] = '\0';
}
