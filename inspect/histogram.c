#include "inspect/histogram.h"

#include "config/check.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static_assert(HISTOGRAM_SUB_BUCKETS == 1 << HISTOGRAM_SUB_BITS, "a bucket's index is taken apart by shifts");

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
	uint32_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static uint64_t lower_us(uint32_t bucket)
{
	return bucket == 0 ? 0 : histogram_upper_us(bucket - 1) + 1;
}

void histogram_record(struct histogram *histogram, uint64_t took_us)
{
	uint32_t *count = &histogram->counts[histogram_bucket(took_us)];
	*count = add_saturating(*count, 1);
	histogram->total++;
	if (took_us > histogram->max_us)
		histogram->max_us = took_us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (size_t at = 0; at < HISTOGRAM_BUCKETS; at++)
		into->counts[at] = add_saturating(into->counts[at], from->counts[at]);
	into->total += from->total;
	if (from->max_us > into->max_us)
		into->max_us = from->max_us;
}

uint64_t histogram_quantile_us(const struct histogram *histogram, double quantile)
{
	CHECK(quantile > 0 && quantile <= 1);
	if (histogram->total == 0)
		return 0;
	/* The smallest number of calls that makes up the quantile; 0.95 × 20 must be 19 whatever the rounding. */
	double wanted = ceil(quantile * (double)histogram->total - 1e-9);
	uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted, seen = 0;
	for (uint32_t at = 0; at < HISTOGRAM_BUCKETS - 1; at++) {
		seen += histogram->counts[at];
		if (seen >= rank) {
			uint64_t upper = histogram_upper_us(at);
			return upper < histogram->max_us ? upper : histogram->max_us;
		}
	}
	return histogram->max_us;
}

uint32_t histogram_bucket(uint64_t took_us)
{
	if (took_us < HISTOGRAM_SUB_BUCKETS)
		return (uint32_t)took_us;
	if (took_us >> HISTOGRAM_BITS != 0)
		return HISTOGRAM_BUCKETS - 1;
	/* The leading bit picks the doubling, the HISTOGRAM_SUB_BITS below it the bucket in it. */
	unsigned shift = 63 - (unsigned)__builtin_clzll(took_us) - HISTOGRAM_SUB_BITS;
	return HISTOGRAM_SUB_BUCKETS * shift + (uint32_t)(took_us >> shift);
}

uint64_t histogram_upper_us(uint32_t bucket)
{
	CHECK(bucket < HISTOGRAM_BUCKETS);
	if (bucket < HISTOGRAM_SUB_BUCKETS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_SUB_BUCKETS - 1;
	uint64_t leading = bucket % HISTOGRAM_SUB_BUCKETS + HISTOGRAM_SUB_BUCKETS;
	return ((leading + 1) << shift) - 1;
}

/* The digits before `end`; returns where they begin. A line has hundreds of entries, too many for snprintf. */
static char *write_digits(char *end, uint32_t number)
{
	do
		*--end = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	return end;
}

size_t histogram_write(const struct histogram *histogram, char *to, size_t size)
{
	CHECK(to != NULL && size > 0);
	size_t len = 0;
	for (uint32_t at = 0; at < HISTOGRAM_BUCKETS; at++) {
		if (histogram->counts[at] == 0)
			continue;
		char entry[24], *end = entry + sizeof(entry);
		char *start = write_digits(end, histogram->counts[at]);
		*--start = ':';
		start = write_digits(start, at);
		if (len > 0)
			*--start = ' ';
		size_t entry_len = (size_t)(end - start);
		if (len + entry_len >= size)
			break;
		memcpy(to + len, start, entry_len);
		len += entry_len;
	}
	to[len] = '\0';
	return len;
}

/* A decimal number of at most `max`; NULL when there is none. */
static const char *read_number(const char *text, uint64_t max, uint64_t *number)
{
	if (*text < '0' || *text > '9')
		return NULL;
	*number = 0;
	while (*text >= '0' && *text <= '9') {
		*number = *number * 10 + (uint64_t)(*text++ - '0');
		if (*number > max)
			return NULL;
	}
	return text;
}

int histogram_read(struct histogram *histogram, const char *text)
{
	CHECK(histogram != NULL && text != NULL);
	struct histogram read = {0};
	int buckets = 0;
	while (*text != '\0') {
		uint64_t bucket, count;
		text = read_number(text, HISTOGRAM_BUCKETS - 1, &bucket);
		if (text == NULL || *text != ':')
			return -1;
		text = read_number(text + 1, UINT32_MAX, &count);
		if (text == NULL || (*text != '\0' && *text != ' '))
			return -1;
		if (*text == ' ' && *++text == '\0')
			return -1;
		read.counts[bucket] = add_saturating(read.counts[bucket], (uint32_t)count);
		read.total += count;
		if (count > 0 && lower_us((uint32_t)bucket) > read.max_us)
			read.max_us = lower_us((uint32_t)bucket);
		buckets++;
	}
	histogram_merge(histogram, &read);
	return buckets;
}
