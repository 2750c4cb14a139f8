/* A histogram as one short row of characters: a column for each doubling of the time, from 64 µs to 4 s, as high as
 * the share of calls in it; the first column holds all that was faster, the last all that was slower. */
#ifndef PGPROCTOR_REPORT_SPARK_H
#define PGPROCTOR_REPORT_SPARK_H

#include "inspect/histogram.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	SPARK_COLUMNS = 17,
	SPARK_FIRST_BIT = 6,                      /* 2^6 µs */
	SPARK_TEXT_BYTES = SPARK_COLUMNS * 3 + 1, /* a block is three bytes of UTF-8 */
};

/* Always SPARK_COLUMNS wide. A column with any call at all is never empty. */
void spark_write(const struct histogram *histogram, bool unicode, char to[SPARK_TEXT_BYTES]);

#endif
