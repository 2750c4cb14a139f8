/* What a worker hands to the reporter: finished log lines and, once per interval, its figures. Parcels are
 * made once and go back and forth; at most one is under way, so a reporter that is stuck on a slow disk costs lines,
 * which are counted, and never time. */
#ifndef PGPROCTOR_PROXY_PARCEL_H
#define PGPROCTOR_PROXY_PARCEL_H

#include "config/limits.h"
#include "inspect/stats.h"
#include "inspect/usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line that is told once, whichever worker is first to: the reporter drops the others'. */
struct parcel_first {
	uint64_t key; /* stats_sight's */
	size_t at, len;
};

struct parcel {
	char *lines; /* LIMIT_PARCEL_BYTES */
	size_t lines_len;
	struct parcel_first *firsts; /* LIMIT_PARCEL_FIRSTS, in the order of their lines */
	uint32_t first_count;
	uint64_t lost_lines; /* dropped for want of room since the last parcel */
	struct stats stats;
	struct usage usage; /* what was used since the last parcel; empty where there is one worker */
	bool interval_ends; /* stats are whole: report them */
	/* Gauges of the worker, for the `stats` line. */
	uint32_t sessions;
	uint64_t connects;
	uint64_t cache_hits, cache_misses, cache_evictions, cache_statements, parse_us;
};

struct parcel *parcel_new(void);
void parcel_free(struct parcel *parcel);
/* Appends a finished line, or counts it as lost. */
void parcel_add_line(struct parcel *parcel, const char *line, size_t len);
/* The same for a line that is told once; with LIMIT_PARCEL_FIRSTS of them it is lost as well. */
void parcel_add_first(struct parcel *parcel, const char *line, size_t len, uint64_t key);
/* Takes the lines out that `sights` knows already, and adds the others. */
void parcel_drop_told(struct parcel *parcel, struct stats_sights *sights);
void parcel_reset(struct parcel *parcel);
/* Nothing in it to hand over; nothing in its figures to report. */
bool parcel_empty(const struct parcel *parcel);
bool parcel_idle(const struct parcel *parcel);

#endif
