#include "inspect/stats.h"

#include "config/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
	/* Twice the ceiling: chains stay short. Powers of two, so that a hash is cut by a mask. */
	ROW_BUCKETS = 2 * LIMIT_STATS_FINGERPRINTS,
	FINDING_BUCKETS = 2 * LIMIT_STATS_FINDINGS,
	SIGHT_SLOTS = 2 * LIMIT_STATS_FINDINGS,
};

static_assert((ROW_BUCKETS & (ROW_BUCKETS - 1)) == 0, "a hash is cut by a mask");
static_assert((FINDING_BUCKETS & (FINDING_BUCKETS - 1)) == 0, "a hash is cut by a mask");
static_assert((SIGHT_SLOTS & (SIGHT_SLOTS - 1)) == 0, "a hash is cut by a mask");

static struct stats_row *row_for(struct stats *stats, const char *database, uint64_t fingerprint, const char *query);
static struct stats_row **row_slot(const struct stats *stats, const char *database, uint64_t fingerprint,
                                   const char *query);
static void row_add(struct stats_row *into, const struct stats_row *from);
static struct stats_row *row_new(const char *database, uint64_t fingerprint, const char *query);
static void row_free(struct stats_row *row);
static void finding_free(struct stats_finding *finding);
static char *copy_text(const char *text);
static void *allocate(size_t count, size_t size);

void stats_init(struct stats *stats)
{
	CHECK(stats != NULL);
	memset(stats, 0, sizeof(*stats));
}

void stats_fini(struct stats *stats)
{
	stats_reset(stats);
}

void stats_record(struct stats *stats, const struct stats_call *call)
{
	CHECK(stats != NULL && call != NULL && call->database != NULL && call->query != NULL && call->sqlstate != NULL);
	struct stats_row *row = row_for(stats, call->database, call->fingerprint, call->query);
	bool failed = call->sqlstate[0] != '\0';
	row->calls++;
	row->rows += call->rows;
	row->bytes += call->bytes;
	row->total_us += call->took_us;
	row->first_byte_us += call->first_byte_us;
	histogram_record(&row->latency, call->took_us);
	stats->statements++;
	if (row == stats->other)
		stats->other_statements++;
	if (failed) {
		row->errors++;
		row->errors_by_class[stats_error_class(call->sqlstate)]++;
		stats->errors++;
	}
	if (call->rejected) {
		row->rejected++;
		stats->rejected++;
	}
}

static const char *text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* What many statements show is no matter of the one that came last. */
static uint64_t statement_of(const struct stats_finding *finding)
{
	return finding->evidence == EVIDENCE_TRAFFIC ? 0 : finding->fingerprint;
}

static bool is_same(const struct stats_finding *known, const struct stats_finding *seen)
{
	return known->rule == seen->rule && statement_of(known) == statement_of(seen) &&
	       strcmp(text_or_empty(known->table), text_or_empty(seen->table)) == 0 &&
	       strcmp(text_or_empty(known->column), text_or_empty(seen->column)) == 0 &&
	       strcmp(known->database, seen->database) == 0;
}

void stats_find(struct stats *stats, const struct stats_finding *seen)
{
	CHECK(stats != NULL && seen != NULL && seen->rule != NULL);
	if (stats->findings == NULL)
		stats->findings = allocate(FINDING_BUCKETS, sizeof(struct stats_finding *));
	struct stats_finding **slot = &stats->findings[stats_sight(seen) & (FINDING_BUCKETS - 1)];
	for (; *slot != NULL; slot = &(*slot)->chain) {
		struct stats_finding *known = *slot;
		if (is_same(known, seen)) {
			known->count += seen->count;
			/* One rejected call must not hide behind many that were only logged. */
			if (seen->action > known->action)
				known->action = seen->action;
			return;
		}
	}
	if (stats->finding_count == LIMIT_STATS_FINDINGS) {
		stats->findings_dropped += seen->count;
		return;
	}
	struct stats_finding *finding = allocate(1, sizeof(*finding));
	*finding = *seen;
	finding->counted = true;
	finding->chain = NULL;
	finding->query = copy_text(seen->query);
	finding->table = copy_text(seen->table);
	finding->column = copy_text(seen->column);
	finding->message = copy_text(seen->message);
	finding->hint = copy_text(seen->hint);
	finding->fix_sql = copy_text(seen->fix_sql);
	finding->fix_django = copy_text(seen->fix_django);
	*slot = finding;
	stats->finding_count++;
}

void stats_merge(struct stats *into, const struct stats *from)
{
	CHECK(into != NULL && from != NULL && into != from);
	for (size_t at = 0; from->rows != NULL && at < ROW_BUCKETS; at++) {
		for (const struct stats_row *row = from->rows[at]; row != NULL; row = row->chain) {
			struct stats_row *to = row_for(into, row->database, row->fingerprint, row->query);
			row_add(to, row);
			if (to == into->other)
				into->other_statements += row->calls;
		}
	}
	if (from->other != NULL) {
		if (into->other == NULL)
			into->other = row_new("", 0, "other");
		row_add(into->other, from->other);
		into->other_statements += from->other_statements;
	}
	for (size_t at = 0; from->findings != NULL && at < FINDING_BUCKETS; at++)
		for (const struct stats_finding *finding = from->findings[at]; finding != NULL;
		     finding = finding->chain)
			stats_find(into, finding);
	into->findings_dropped += from->findings_dropped;
	for (size_t rule = 0; rule < LIMIT_RULES; rule++)
		into->withdrawn[rule] += from->withdrawn[rule];
	into->statements += from->statements;
	into->errors += from->errors;
	into->rejected += from->rejected;
	into->opaque += from->opaque;
	into->blind_sessions += from->blind_sessions;
	into->bytes_in += from->bytes_in;
	into->bytes_out += from->bytes_out;
}

void stats_reset(struct stats *stats)
{
	CHECK(stats != NULL);
	for (size_t at = 0; stats->rows != NULL && at < ROW_BUCKETS; at++) {
		while (stats->rows[at] != NULL) {
			struct stats_row *row = stats->rows[at];
			stats->rows[at] = row->chain;
			row_free(row);
		}
	}
	for (size_t at = 0; stats->findings != NULL && at < FINDING_BUCKETS; at++) {
		while (stats->findings[at] != NULL) {
			struct stats_finding *finding = stats->findings[at];
			stats->findings[at] = finding->chain;
			finding_free(finding);
		}
	}
	if (stats->other != NULL)
		row_free(stats->other);
	free(stats->rows);
	free(stats->findings);
	stats_init(stats);
}

static int compare_totals(const void *left, const void *right)
{
	const struct stats_row *a = *(const struct stats_row *const *)left;
	const struct stats_row *b = *(const struct stats_row *const *)right;
	if (a->total_us != b->total_us)
		return a->total_us < b->total_us ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	/* An order that does not hang on where the rows happen to lie. */
	int by_database = strcmp(a->database, b->database);
	if (by_database != 0)
		return by_database;
	if (a->fingerprint != b->fingerprint)
		return a->fingerprint < b->fingerprint ? -1 : 1;
	return strcmp(a->query, b->query);
}

struct stats_row **stats_by_total(const struct stats *stats, uint32_t *count)
{
	CHECK(stats != NULL && count != NULL);
	struct stats_row **rows = allocate(stats->row_count + 1, sizeof(*rows));
	uint32_t found = 0;
	for (size_t at = 0; stats->rows != NULL && at < ROW_BUCKETS; at++)
		for (struct stats_row *row = stats->rows[at]; row != NULL; row = row->chain)
			rows[found++] = row;
	CHECK(found == stats->row_count);
	if (stats->other != NULL)
		rows[found++] = stats->other;
	qsort(rows, found, sizeof(*rows), compare_totals);
	*count = found;
	return rows;
}

struct stats_finding **stats_findings(const struct stats *stats, uint32_t *count)
{
	CHECK(stats != NULL && count != NULL);
	struct stats_finding **findings = allocate(stats->finding_count + 1, sizeof(struct stats_finding *));
	*count = 0;
	for (size_t at = 0; stats->findings != NULL && at < FINDING_BUCKETS; at++)
		for (struct stats_finding *finding = stats->findings[at]; finding != NULL; finding = finding->chain)
			findings[(*count)++] = finding;
	CHECK(*count == stats->finding_count);
	return findings;
}

const struct stats_row *stats_row_of(const struct stats *stats, const char *database, uint64_t fingerprint)
{
	CHECK(stats != NULL && database != NULL);
	if (stats->rows == NULL || fingerprint == 0)
		return NULL;
	return *row_slot(stats, database, fingerprint, "");
}

void stats_sights_init(struct stats_sights *sights)
{
	CHECK(sights != NULL);
	sights->hashes = allocate(SIGHT_SLOTS, sizeof(*sights->hashes));
	sights->count = 0;
}

void stats_sights_fini(struct stats_sights *sights)
{
	free(sights->hashes);
	sights->hashes = NULL;
}

uint64_t stats_sight(const struct stats_finding *finding)
{
	CHECK(finding != NULL && finding->rule != NULL);
	const char *table = text_or_empty(finding->table), *column = text_or_empty(finding->column);
	uint64_t hash = XXH3_64bits_withSeed(table, strlen(table), statement_of(finding));
	hash = XXH3_64bits_withSeed(column, strlen(column), hash);
	return XXH3_64bits_withSeed(finding->database, strlen(finding->database),
	                            hash ^ (uint64_t)(uintptr_t)finding->rule);
}

uint64_t stats_sight_of(uint64_t what)
{
	return XXH3_64bits(&what, sizeof(what));
}

uint64_t stats_sight_in(const char *database, uint64_t fingerprint, const char *what)
{
	CHECK(database != NULL && what != NULL);
	return XXH3_64bits_withSeed(database, strlen(database), XXH3_64bits_withSeed(what, strlen(what), fingerprint));
}

bool stats_sights_add(struct stats_sights *sights, uint64_t key)
{
	CHECK(sights != NULL && sights->hashes != NULL);
	uint64_t hash = key != 0 ? key : 1; /* 0 is an empty slot */
	size_t at = hash & (SIGHT_SLOTS - 1);
	for (; sights->hashes[at] != 0; at = (at + 1) & (SIGHT_SLOTS - 1))
		if (sights->hashes[at] == hash)
			return false;
	if (sights->count == LIMIT_STATS_FINDINGS) {
		memset(sights->hashes, 0, SIGHT_SLOTS * sizeof(*sights->hashes));
		sights->count = 0;
		at = hash & (SIGHT_SLOTS - 1);
	}
	sights->hashes[at] = hash;
	sights->count++;
	return true;
}

enum stats_error_class stats_error_class(const char *sqlstate)
{
	static const struct {
		char class[3];
		enum stats_error_class is;
	} classes[] = {
	    {"23", STATS_ERROR_INTEGRITY},   {"42", STATS_ERROR_SYNTAX_ACCESS}, {"25", STATS_ERROR_TRANSACTION},
	    {"40", STATS_ERROR_TRANSACTION}, {"22", STATS_ERROR_DATA},          {"57", STATS_ERROR_OPERATOR},
	    {"08", STATS_ERROR_CONNECTION},
	};
	for (size_t at = 0; at < ARRAY_LEN(classes); at++)
		if (strncmp(sqlstate, classes[at].class, 2) == 0)
			return classes[at].is;
	return STATS_ERROR_OTHER;
}

const char *stats_error_class_name(enum stats_error_class error_class)
{
	static const char *const names[STATS_ERROR_CLASSES] = {
	    [STATS_ERROR_INTEGRITY] = "integrity",
	    [STATS_ERROR_SYNTAX_ACCESS] = "syntax_access",
	    [STATS_ERROR_TRANSACTION] = "transaction",
	    [STATS_ERROR_DATA] = "data",
	    [STATS_ERROR_OPERATOR] = "operator",
	    [STATS_ERROR_CONNECTION] = "connection",
	    [STATS_ERROR_OTHER] = "other",
	};
	CHECK((unsigned)error_class < STATS_ERROR_CLASSES);
	return names[error_class];
}

/* The row, made when there is room for it, else `other`. */
static struct stats_row *row_for(struct stats *stats, const char *database, uint64_t fingerprint, const char *query)
{
	if (stats->rows == NULL)
		stats->rows = allocate(ROW_BUCKETS, sizeof(struct stats_row *));
	struct stats_row **slot = row_slot(stats, database, fingerprint, query);
	if (*slot != NULL)
		return *slot;
	if (stats->row_count == LIMIT_STATS_FINGERPRINTS) {
		if (stats->other == NULL)
			stats->other = row_new("", 0, "other");
		return stats->other;
	}
	*slot = row_new(database, fingerprint, query);
	stats->row_count++;
	return *slot;
}

/* Where the row hangs, or where it would. */
static struct stats_row **row_slot(const struct stats *stats, const char *database, uint64_t fingerprint,
                                   const char *query)
{
	uint64_t hash = XXH3_64bits_withSeed(database, strlen(database), fingerprint);
	if (fingerprint == 0)
		hash = XXH3_64bits_withSeed(query, strlen(query), hash);
	struct stats_row **slot = &stats->rows[hash & (ROW_BUCKETS - 1)];
	while (*slot != NULL && ((*slot)->fingerprint != fingerprint ||
	                         strncmp((*slot)->database, database, sizeof((*slot)->database) - 1) != 0 ||
	                         (fingerprint == 0 && strcmp((*slot)->query, query) != 0)))
		slot = &(*slot)->chain;
	return slot;
}

static void row_add(struct stats_row *into, const struct stats_row *from)
{
	into->calls += from->calls;
	into->errors += from->errors;
	into->rows += from->rows;
	into->bytes += from->bytes;
	into->rejected += from->rejected;
	into->total_us += from->total_us;
	into->first_byte_us += from->first_byte_us;
	for (size_t at = 0; at < STATS_ERROR_CLASSES; at++)
		into->errors_by_class[at] += from->errors_by_class[at];
	histogram_merge(&into->latency, &from->latency);
}

static struct stats_row *row_new(const char *database, uint64_t fingerprint, const char *query)
{
	struct stats_row *row = allocate(1, sizeof(*row));
	snprintf(row->database, sizeof(row->database), "%s", database);
	row->fingerprint = fingerprint;
	row->query = copy_text(query);
	return row;
}

static void row_free(struct stats_row *row)
{
	free(row->query);
	free(row);
}

static void finding_free(struct stats_finding *finding)
{
	free(finding->query);
	free(finding->table);
	free(finding->column);
	free(finding->message);
	free(finding->hint);
	free(finding->fix_sql);
	free(finding->fix_django);
	free(finding);
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text != NULL ? text : "");
	CHECK(copy != NULL);
	return copy;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	CHECK(memory != NULL);
	return memory;
}
