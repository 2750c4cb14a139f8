/* A log-linear latency histogram: fixed buckets from 1 µs to over an hour. Below 16 µs each microsecond has its own;
 * from there on every doubling is cut into 16 buckets, so that any quantile is off by at most 1/16 (6.25 %). Two
 * histograms merge by adding their counts: across workers, intervals and machines.
 *
 *     took_us      0  1 … 15 | 16 17 … 31 | 32 34 … 62 | 64 68 … 124 | …  2^31 …        2^32 - 1 | longer
 *     bucket       0  1 … 15 | 16 17 … 31 | 32 33 … 47 | 48 49 …  63 | …  448 …              463 | 463
 */
#ifndef PGPROCTOR_INSPECT_HISTOGRAM_H
#define PGPROCTOR_INSPECT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_SUB_BUCKETS = 16, /* a power of two: 2^HISTOGRAM_SUB_BITS */
	HISTOGRAM_SUB_BITS = 4,
	HISTOGRAM_BITS = 32, /* 2^32 µs are 71 minutes; what took longer is in the last bucket */
	HISTOGRAM_BUCKETS = HISTOGRAM_SUB_BUCKETS * (HISTOGRAM_BITS - HISTOGRAM_SUB_BITS + 1),
	/* histogram_write's longest text: 464 times "463:4294967295 ". */
	HISTOGRAM_TEXT_BYTES = HISTOGRAM_BUCKETS * 15,
};

struct histogram {
	uint32_t counts[HISTOGRAM_BUCKETS]; /* saturating */
	uint64_t total;
	uint64_t max_us;
};

void histogram_record(struct histogram *histogram, uint64_t took_us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The upper edge of the bucket that holds the quantile, at most max_us; 0 when empty. 0 < quantile ≤ 1. */
uint64_t histogram_quantile_us(const struct histogram *histogram, double quantile);
uint32_t histogram_bucket(uint64_t took_us);
/* Largest value of the bucket; of the last one what fits below 2^32. */
uint64_t histogram_upper_us(uint32_t bucket);
/* "bucket:count bucket:count …" of the buckets in use; returns the length. What does not fit into size - 1 bytes is
 * left out, whole entries only. */
size_t histogram_write(const struct histogram *histogram, char *to, size_t size);
/* And back, adding; returns how many buckets were read, -1 for text that is not one, of which nothing is added. The
 * text does not say the longest time: max_us becomes at least the lower edge of the last bucket in use, and who knows
 * better raises it. */
int histogram_read(struct histogram *histogram, const char *text);

#endif
