#include "proxy/parcel.h"

#include "config/check.h"

#include <stdlib.h>
#include <string.h>

struct parcel *parcel_new(void)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	CHECK(parcel != NULL);
	parcel->lines = malloc(LIMIT_PARCEL_BYTES);
	parcel->firsts = malloc(LIMIT_PARCEL_FIRSTS * sizeof(*parcel->firsts));
	CHECK(parcel->lines != NULL && parcel->firsts != NULL);
	stats_init(&parcel->stats);
	return parcel;
}

void parcel_free(struct parcel *parcel)
{
	if (parcel == NULL)
		return;
	stats_fini(&parcel->stats);
	usage_fini(&parcel->usage);
	free(parcel->lines);
	free(parcel->firsts);
	free(parcel);
}

void parcel_add_line(struct parcel *parcel, const char *line, size_t len)
{
	CHECK(parcel != NULL && line != NULL);
	CHECK(len > 0 && line[len - 1] == '\n');
	if (len > LIMIT_PARCEL_BYTES - parcel->lines_len) {
		parcel->lost_lines++;
		return;
	}
	memcpy(parcel->lines + parcel->lines_len, line, len);
	parcel->lines_len += len;
}

void parcel_add_first(struct parcel *parcel, const char *line, size_t len, uint64_t key)
{
	CHECK(parcel != NULL);
	if (parcel->first_count == LIMIT_PARCEL_FIRSTS) {
		parcel->lost_lines++;
		return;
	}
	const size_t at = parcel->lines_len;
	parcel_add_line(parcel, line, len);
	if (parcel->lines_len > at)
		parcel->firsts[parcel->first_count++] = (struct parcel_first){key, at, len};
}

void parcel_drop_told(struct parcel *parcel, struct stats_sights *sights)
{
	CHECK(parcel != NULL && sights != NULL);
	size_t from = 0, to = 0; /* what is before them has been looked at, and is where it stays */
	for (uint32_t at = 0; at < parcel->first_count; at++) {
		const struct parcel_first *first = &parcel->firsts[at];
		if (stats_sights_add(sights, first->key))
			continue;
		memmove(parcel->lines + to, parcel->lines + from, first->at - from);
		to += first->at - from;
		from = first->at + first->len;
	}
	memmove(parcel->lines + to, parcel->lines + from, parcel->lines_len - from);
	parcel->lines_len -= from - to;
	parcel->first_count = 0;
}

void parcel_reset(struct parcel *parcel)
{
	CHECK(parcel != NULL);
	char *lines = parcel->lines;
	struct parcel_first *firsts = parcel->firsts;
	stats_reset(&parcel->stats);
	usage_fini(&parcel->usage);
	memset(parcel, 0, sizeof(*parcel));
	parcel->lines = lines;
	parcel->firsts = firsts;
}

bool parcel_empty(const struct parcel *parcel)
{
	CHECK(parcel != NULL);
	return parcel->lines_len == 0 && parcel->lost_lines == 0 && !parcel->interval_ends &&
	       usage_is_empty(&parcel->usage) && parcel_idle(parcel);
}

bool parcel_idle(const struct parcel *parcel)
{
	CHECK(parcel != NULL);
	const struct stats *stats = &parcel->stats;
	return stats->row_count == 0 && stats->other == NULL && stats->finding_count == 0 &&
	       stats->findings_dropped == 0 && stats->statements == 0 && stats->opaque == 0 &&
	       stats->blind_sessions == 0 && stats->bytes_in == 0 && stats->bytes_out == 0;
}
