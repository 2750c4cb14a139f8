#include "proxy/parcel.h"

#include "config/check.h"

#include <stdlib.h>
#include <string.h>

struct parcel *parcel_new(void)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	CHECK(parcel != NULL);
	parcel->lines = malloc(LIMIT_PARCEL_BYTES);
	CHECK(parcel->lines != NULL);
	stats_init(&parcel->stats);
	return parcel;
}

void parcel_free(struct parcel *parcel)
{
	if (parcel == NULL)
		return;
	stats_fini(&parcel->stats);
	free(parcel->lines);
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

void parcel_reset(struct parcel *parcel)
{
	CHECK(parcel != NULL);
	char *lines = parcel->lines;
	stats_reset(&parcel->stats);
	memset(parcel, 0, sizeof(*parcel));
	parcel->lines = lines;
}

bool parcel_empty(const struct parcel *parcel)
{
	CHECK(parcel != NULL);
	return parcel->lines_len == 0 && parcel->lost_lines == 0 && !parcel->interval_ends && parcel_idle(parcel);
}

bool parcel_idle(const struct parcel *parcel)
{
	CHECK(parcel != NULL);
	const struct stats *stats = &parcel->stats;
	return stats->row_count == 0 && stats->other == NULL && stats->finding_count == 0 &&
	       stats->findings_dropped == 0 && stats->statements == 0 && stats->opaque == 0 &&
	       stats->blind_sessions == 0 && stats->bytes_in == 0 && stats->bytes_out == 0;
}
