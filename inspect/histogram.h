/* A log-linear latency histogram: fixed buckets from 1 µs to over an hour, 16 to each doubling, so that any
 * quantile is off by at most 1/16 (6.25 %). Two histograms merge by adding their counts: across workers,
 * intervals and machines. */
#ifndef PGPROCTOR_INSPECT_HISTOGRAM_H
#define PGPROCTOR_INSPECT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_SUB_BUCKETS = 16, HISTOGRAM_DOUBLINGS = 32, HISTOGRAM_BUCKETS = 16 * 30 };

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
/* Largest value of the bucket. */
uint64_t histogram_upper_us(uint32_t bucket);
/* "bucket:count bucket:count …" of the buckets in use; returns the length, cut at size - 1. And back, adding;
 * returns how many buckets were read, -1 for text that is not one. */
size_t histogram_write(const struct histogram *histogram, char *to, size_t size);
int histogram_read(struct histogram *histogram, const char *text);

#endif
