/* Figures of one interval: a row per (database, fingerprint), a row per (database, rule, fingerprint, table, column),
 * without the fingerprint where many statements together are what was found, and a few totals. Statements without a fingerprint (0, the opaque ones) are told apart by their query text. Tables
 * merge by addition. Bounded: past LIMIT_STATS_FINGERPRINTS everything new goes to one row `other`, counted; past
 * LIMIT_STATS_FINDINGS findings are dropped and counted. */
#ifndef PGPROCTOR_INSPECT_STATS_H
#define PGPROCTOR_INSPECT_STATS_H

#include "inspect/histogram.h"
#include "inspect/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* Classes of SQLSTATE that are counted apart; the rest is `other`. */
enum stats_error_class {
	STATS_ERROR_INTEGRITY,     /* 23 */
	STATS_ERROR_SYNTAX_ACCESS, /* 42 */
	STATS_ERROR_TRANSACTION,   /* 25, 40 */
	STATS_ERROR_DATA,          /* 22 */
	STATS_ERROR_OPERATOR,      /* 57: cancelled, shut down */
	STATS_ERROR_CONNECTION,    /* 08 */
	STATS_ERROR_OTHER,
	STATS_ERROR_CLASSES,
};

struct stats_row {
	char database[64];
	uint64_t fingerprint;
	char *query; /* normalised, the row's own copy */
	uint64_t calls, errors, rows, bytes, rejected;
	uint64_t total_us, first_byte_us; /* sums */
	uint64_t errors_by_class[STATS_ERROR_CLASSES];
	struct histogram latency;
	struct stats_row *chain;
};

struct stats_finding {
	char database[64];
	char user[64], application[64], route[128], controller[128], traceparent[64]; /* of the first sight */
	uint64_t fingerprint;
	char *query;
	const struct rule *rule;
	enum severity severity;
	enum action action;
	enum evidence evidence;
	char *table, *column, *message, *hint, *fix_sql, *fix_django;
	double table_rows;
	uint64_t count;
	bool counted; /* true in a table: `count` is that of the interval, all sights included. One that is not is a
	               * first sight; its line says "first", so that nobody adds it to the interval's. */
	struct stats_finding *chain;
};

struct stats {
	struct stats_row **rows;
	uint32_t row_count;
	struct stats_row *other;   /* NULL until there is one; its fingerprint is 0, its query "other" */
	uint64_t other_statements; /* calls that went to `other` */
	struct stats_finding **findings;
	uint32_t finding_count;
	uint64_t findings_dropped;
	/* By rules_index: findings that a later catalog has taken back or made milder. */
	uint64_t withdrawn[LIMIT_RULES];
	uint64_t statements, errors, rejected, opaque, blind_sessions, bytes_in, bytes_out;
};

struct stats_call {
	const char *database;
	uint64_t fingerprint;
	const char *query;
	uint64_t took_us, first_byte_us, rows, bytes;
	const char *sqlstate; /* "" when it went well */
	bool rejected;
};

void stats_init(struct stats *stats);
void stats_fini(struct stats *stats);
void stats_record(struct stats *stats, const struct stats_call *call);
/* Counts a finding by seen->count; its strings are copied when it is new in this table. */
void stats_find(struct stats *stats, const struct stats_finding *seen);
void stats_merge(struct stats *into, const struct stats *from);
/* Empties it, as after stats_init. */
void stats_reset(struct stats *stats);
/* Rows ordered by total time, most first; the array is the caller's to free, the rows stay the table's. */
struct stats_row **stats_by_total(const struct stats *stats, uint32_t *count);
/* The findings, in no order; the same ownership. */
struct stats_finding **stats_findings(const struct stats *stats, uint32_t *count);
/* NULL when there is none; opaque statements can't be asked for. */
const struct stats_row *stats_row_of(const struct stats *stats, const char *database, uint64_t fingerprint);

/* What has been seen before, over all intervals: the first finding of a kind is logged at once, later ones are
 * counted. Bounded by LIMIT_STATS_FINDINGS; when full it starts over, so a kind may be logged again. */
struct stats_sights {
	uint64_t *hashes;
	uint32_t count;
};
void stats_sights_init(struct stats_sights *sights);
void stats_sights_fini(struct stats_sights *sights);
/* True the first time. The key is a hash, as by stats_sight. */
bool stats_sights_add(struct stats_sights *sights, uint64_t key);
/* The key of a finding, good in this process. */
uint64_t stats_sight(const struct stats_finding *finding);
/* Of anything else that is told once. */
uint64_t stats_sight_of(uint64_t what);
/* The same of a text about a kind of statement of that database. */
uint64_t stats_sight_in(const char *database, uint64_t fingerprint, const char *what);

enum stats_error_class stats_error_class(const char *sqlstate);
const char *stats_error_class_name(enum stats_error_class error_class);

#endif
