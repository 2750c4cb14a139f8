/* What the lines of a log add up to. Lines come in any order, from any number of logs; figures merge by addition.
 * Knows what a line says, not where it comes from or how it is shown.
 *
 * A finding is written twice: at once when it is first seen ("first": true, count 1), and at the end of the interval
 * with all sights of that interval, the first one included. So the intervals' counts are added, and first sights
 * count only where no interval followed (a log that ends early). */
#ifndef PGPROCTOR_REPORT_REVIEW_H
#define PGPROCTOR_REPORT_REVIEW_H

#include "config/check.h"
#include "config/limits.h"
#include "inspect/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REVIEW_TS_BYTES = 32 };

/* One kind of statement in one database. */
struct review_row {
	struct review_row *next; /* in no order */
	const char *database, *fingerprint, *query;
	uint64_t calls, errors, rows, rejected;
	double total_ms;
	struct histogram latency;
};

enum review_severity { REVIEW_INFO, REVIEW_WARNING, REVIEW_ERROR, REVIEW_BLOCK, REVIEW_SEVERITIES };

enum review_text {
	REVIEW_CODE,
	REVIEW_QUERY,
	REVIEW_COLUMN,
	REVIEW_EVIDENCE,
	REVIEW_MESSAGE,
	REVIEW_HINT,
	REVIEW_FIX_SQL,
	REVIEW_FIX_DJANGO,
	REVIEW_USER,
	REVIEW_APPLICATION,
	REVIEW_ROUTE,
	REVIEW_CONTROLLER,
	REVIEW_TEXTS,
};

struct review_finding {
	struct review_finding *next;
	const char *database, *rule, *fingerprint, *table; /* together they say which finding it is */
	char *texts[REVIEW_TEXTS];                         /* the rest of what is told, as told last; never NULL */
	enum review_severity severity;
	bool rejected;     /* at least once */
	double table_rows; /* < 0: unknown */
	uint64_t first_sights, counted;
	char first_ts[REVIEW_TS_BYTES], last_ts[REVIEW_TS_BYTES];
};

/* Something that could not be judged, or did not work: an event and why, so many times. */
struct review_reason {
	struct review_reason *next;
	const char *event, *reason;
	uint64_t count;
};

/* What one kind of statement asks of a table's column, expression or order, as told last. */
struct review_access {
	struct review_access *next;
	const char *database, *fingerprint, *relation, *expression, *used, *operator; /* which one it is */
	char *index;                                                                  /* "": none serves */
	bool few;                                 /* other conditions leave few rows */
	double distinct, share_percent, rows;     /* of the column; of one value; of the table; < 0: unknown */
	char last_ts[REVIEW_TS_BYTES];
};

/* The indexes of a table that no constraint needs, as told last. */
struct review_indexes {
	struct review_indexes *next;
	const char *database, *relation;
	const char **names;
	uint32_t count;
	char last_ts[REVIEW_TS_BYTES];
};

struct review;

struct review *review_new(void);
void review_free(struct review *review);

enum review_line { REVIEW_TAKEN, REVIEW_OTHER_EVENT, REVIEW_NOT_OURS };
/* One line without its newline. REVIEW_NOT_OURS: not JSON, or no `event` and `ts` in it; counted as skipped. */
enum review_line review_add(struct review *review, const char *line, size_t len);
/* A line that was too long to be handed over. */
void review_skip(struct review *review);

struct review_totals {
	uint64_t lines, skipped, dropped; /* read; not ours; past a ceiling */
	uint64_t statements, errors, rejected, opaque, blind_sessions, connects, lost_lines;
	double total_ms;
	uint32_t rows, findings;
	char first_ts[REVIEW_TS_BYTES], last_ts[REVIEW_TS_BYTES]; /* "" without a line */
};
struct review_totals review_totals(const struct review *review);

/* Arrays that are the caller's to free; what they point to stays the review's. Rows: most total time first. Findings:
 * worst first, then most seen. */
const struct review_row **review_rows(const struct review *review, uint32_t *count);
const struct review_finding **review_findings(const struct review *review, uint32_t *count);
const struct review_reason **review_reasons(const struct review *review, uint32_t *count);
/* In no order, from the first one on by `next`; NULL: none. */
const struct review_access *review_accesses(const struct review *review);
const struct review_indexes *review_indexes(const struct review *review);
/* NULL when the statement never ran. */
const struct review_row *review_row_by(const struct review *review, const char *database, const char *fingerprint);
const struct review_row *review_row_of(const struct review *review, const struct review_finding *finding);
/* How often it was seen, each sight once. */
uint64_t review_count(const struct review_finding *finding);
const char *review_severity_name(enum review_severity severity); /* "INFO" "WARN" "ERROR" "BLOCK" */

#endif
