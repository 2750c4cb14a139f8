#include "report/review.h"

#include "inspect/arena.h"

#include <assert.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BUCKETS = 16384 };
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a hash is cut by a mask");

struct table_entry {
	uint64_t hash;
	struct table_entry *chain;
	void *value;
};

/* From a hash of the key to a value; equality is the caller's. */
struct table {
	struct table_entry *buckets[BUCKETS];
};

struct review {
	struct arena arena; /* texts and entries */
	struct json_tokener *tokener;
	struct table row_table, finding_table, reason_table, access_table, indexes_table;
	struct review_row *rows;
	struct review_finding *findings;
	struct review_reason *reasons;
	struct review_access *accesses;
	struct review_indexes *indexes;
	uint32_t row_count, finding_count, reason_count, access_count, indexes_count;
	struct review_totals totals; /* of the `stats` lines */
	bool has_stats;
};

static const char *const TEXT_NAMES[REVIEW_TEXTS] = {
    [REVIEW_CODE] = "code",       [REVIEW_QUERY] = "query",
    [REVIEW_COLUMN] = "column",   [REVIEW_EVIDENCE] = "evidence",
    [REVIEW_MESSAGE] = "message", [REVIEW_HINT] = "hint",
    [REVIEW_FIX_SQL] = "fix_sql", [REVIEW_FIX_DJANGO] = "fix_django",
    [REVIEW_USER] = "user",       [REVIEW_APPLICATION] = "application",
    [REVIEW_ROUTE] = "route",     [REVIEW_CONTROLLER] = "controller",
};

static bool add_fingerprint(struct review *review, struct json_object *line);
static bool add_finding(struct review *review, struct json_object *line, const char *ts);
static bool add_access(struct review *review, struct json_object *line, const char *ts);
static bool add_indexes(struct review *review, struct json_object *line, const char *ts);
static void add_stats(struct review *review, struct json_object *line);
static void add_reason(struct review *review, const char *event, const char *reason, uint64_t count);
static void see_time(char first[REVIEW_TS_BYTES], char last[REVIEW_TS_BYTES], const char *ts);
static const char *item_of(struct json_object *list, size_t at);
static const char *text_of(struct json_object *line, const char *name);
static double real_of(struct json_object *line, const char *name, double otherwise);
static uint64_t count_of(struct json_object *line, const char *name);
static uint64_t hash_texts(const char *const *texts, size_t count);
static void table_put(struct review *review, struct table *table, uint64_t hash, void *value);
static void replace_text(char **text, const char *with);

struct review *review_new(void)
{
	struct review *review = calloc(1, sizeof(*review));
	CHECK(review != NULL);
	arena_init(&review->arena);
	/* A line of ours is flat; what nests deeper is not. */
	review->tokener = json_tokener_new_ex(8);
	CHECK(review->tokener != NULL);
	return review;
}

void review_free(struct review *review)
{
	if (review == NULL)
		return;
	for (struct review_finding *finding = review->findings; finding != NULL; finding = finding->next)
		for (size_t at = 0; at < REVIEW_TEXTS; at++)
			free(finding->texts[at]);
	for (struct review_access *access = review->accesses; access != NULL; access = access->next)
		free(access->index);
	json_tokener_free(review->tokener);
	arena_fini(&review->arena);
	free(review);
}

enum review_line review_add(struct review *review, const char *line, size_t len)
{
	CHECK(review != NULL && (line != NULL || len == 0));
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	if (len == 0)
		return REVIEW_OTHER_EVENT;
	review->totals.lines++;
	json_tokener_reset(review->tokener);
	struct json_object *object = json_tokener_parse_ex(review->tokener, line, (int)len);
	/* The event and its time are what every line of ours has. */
	const char *event = "", *ts = "";
	if (json_object_is_type(object, json_type_object) && json_tokener_get_parse_end(review->tokener) == len) {
		event = text_of(object, "event");
		ts = text_of(object, "ts");
	}
	if (event[0] == '\0' || ts[0] == '\0') {
		review->totals.skipped++;
		json_object_put(object);
		return REVIEW_NOT_OURS;
	}
	see_time(review->totals.first_ts, review->totals.last_ts, ts);
	enum review_line result = REVIEW_TAKEN;
	const char *level = text_of(object, "level");
	bool bad = strcmp(level, "warning") == 0 || strcmp(level, "error") == 0;
	if (strcmp(event, "fingerprint") == 0) {
		if (!add_fingerprint(review, object))
			review->totals.dropped++;
	} else if (strcmp(event, "finding") == 0) {
		if (!add_finding(review, object, ts))
			review->totals.dropped++;
	} else if (strcmp(event, "access") == 0) {
		if (!add_access(review, object, ts))
			review->totals.dropped++;
	} else if (strcmp(event, "indexes") == 0) {
		if (!add_indexes(review, object, ts))
			review->totals.dropped++;
	} else if (strcmp(event, "stats") == 0) {
		add_stats(review, object);
	} else if (strcmp(event, "lost_lines") == 0) {
		review->totals.lost_lines += count_of(object, "count");
	} else if (strcmp(event, "unparsed") == 0 || strcmp(event, "blind") == 0) {
		uint64_t count = count_of(object, "count");
		add_reason(review, event, text_of(object, "reason"), count > 0 ? count : 1);
	} else if (bad && strcmp(event, "slow") != 0 && strcmp(event, "connect") != 0 &&
	           strcmp(event, "disconnect") != 0) {
		const char *message = text_of(object, "message");
		add_reason(review, event, message[0] != '\0' ? message : text_of(object, "reason"), 1);
	} else {
		result = REVIEW_OTHER_EVENT;
	}
	json_object_put(object);
	return result;
}

void review_skip(struct review *review)
{
	review->totals.lines++;
	review->totals.skipped++;
}

struct review_totals review_totals(const struct review *review)
{
	struct review_totals totals = review->totals;
	totals.rows = review->row_count;
	totals.findings = review->finding_count;
	uint64_t calls = 0, errors = 0, rejected = 0;
	for (const struct review_row *row = review->rows; row != NULL; row = row->next) {
		calls += row->calls;
		errors += row->errors;
		rejected += row->rejected;
		totals.total_ms += row->total_ms;
	}
	/* A log that was cut may lack the lines with the totals. */
	if (!review->has_stats) {
		totals.statements = calls;
		totals.errors = errors;
		totals.rejected = rejected;
	}
	return totals;
}

static int compare_rows(const void *left, const void *right)
{
	const struct review_row *a = *(const struct review_row *const *)left;
	const struct review_row *b = *(const struct review_row *const *)right;
	if (a->total_ms != b->total_ms)
		return a->total_ms < b->total_ms ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	int order = strcmp(a->fingerprint, b->fingerprint);
	return order != 0 ? order : strcmp(a->database, b->database);
}

const struct review_row **review_rows(const struct review *review, uint32_t *count)
{
	const struct review_row **rows = calloc(review->row_count + 1, sizeof(*rows));
	CHECK(rows != NULL);
	*count = 0;
	for (const struct review_row *row = review->rows; row != NULL; row = row->next)
		rows[(*count)++] = row;
	qsort(rows, *count, sizeof(*rows), compare_rows);
	return rows;
}

static int compare_findings(const void *left, const void *right)
{
	const struct review_finding *a = *(const struct review_finding *const *)left;
	const struct review_finding *b = *(const struct review_finding *const *)right;
	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	if (review_count(a) != review_count(b))
		return review_count(a) < review_count(b) ? 1 : -1;
	int order = strcmp(a->rule, b->rule);
	if (order == 0)
		order = strcmp(a->table, b->table);
	return order != 0 ? order : strcmp(a->fingerprint, b->fingerprint);
}

const struct review_finding **review_findings(const struct review *review, uint32_t *count)
{
	const struct review_finding **findings = calloc(review->finding_count + 1, sizeof(*findings));
	CHECK(findings != NULL);
	*count = 0;
	for (const struct review_finding *finding = review->findings; finding != NULL; finding = finding->next)
		findings[(*count)++] = finding;
	qsort(findings, *count, sizeof(*findings), compare_findings);
	return findings;
}

static int compare_reasons(const void *left, const void *right)
{
	const struct review_reason *a = *(const struct review_reason *const *)left;
	const struct review_reason *b = *(const struct review_reason *const *)right;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	int order = strcmp(a->event, b->event);
	return order != 0 ? order : strcmp(a->reason, b->reason);
}

const struct review_reason **review_reasons(const struct review *review, uint32_t *count)
{
	const struct review_reason **reasons = calloc(review->reason_count + 1, sizeof(*reasons));
	CHECK(reasons != NULL);
	*count = 0;
	for (const struct review_reason *reason = review->reasons; reason != NULL; reason = reason->next)
		reasons[(*count)++] = reason;
	qsort(reasons, *count, sizeof(*reasons), compare_reasons);
	return reasons;
}

/* Statements without a fingerprint share the number 0 and are told apart by their text. */
static bool is_opaque(const char *fingerprint)
{
	return fingerprint[strspn(fingerprint, "0")] == '\0';
}

static uint64_t row_hash(const char *database, const char *fingerprint, const char *query)
{
	const char *const key[] = {database, fingerprint, is_opaque(fingerprint) ? query : ""};
	return hash_texts(key, ARRAY_LEN(key));
}

static struct review_row *find_row(const struct review *review, const char *database, const char *fingerprint,
                                   const char *query)
{
	uint64_t hash = row_hash(database, fingerprint, query);
	for (struct table_entry *at = review->row_table.buckets[hash & (BUCKETS - 1)]; at != NULL; at = at->chain) {
		struct review_row *row = at->value;
		if (at->hash == hash && strcmp(row->fingerprint, fingerprint) == 0 &&
		    strcmp(row->database, database) == 0 && (!is_opaque(fingerprint) || strcmp(row->query, query) == 0))
			return row;
	}
	return NULL;
}

const struct review_row *review_row_of(const struct review *review, const struct review_finding *finding)
{
	return find_row(review, finding->database, finding->fingerprint, finding->texts[REVIEW_QUERY]);
}

const struct review_row *review_row_by(const struct review *review, const char *database, const char *fingerprint)
{
	return find_row(review, database, fingerprint, "");
}

const struct review_access *review_accesses(const struct review *review)
{
	return review->accesses;
}

const struct review_indexes *review_indexes(const struct review *review)
{
	return review->indexes;
}

uint64_t review_count(const struct review_finding *finding)
{
	return finding->counted > 0 ? finding->counted : finding->first_sights;
}

const char *review_severity_name(enum review_severity severity)
{
	static const char *const names[REVIEW_SEVERITIES] = {"INFO", "WARN", "ERROR", "BLOCK"};
	CHECK((unsigned)severity < REVIEW_SEVERITIES);
	return names[severity];
}

static bool add_fingerprint(struct review *review, struct json_object *line)
{
	const char *database = text_of(line, "database");
	const char *fingerprint = text_of(line, "fingerprint");
	const char *query = text_of(line, "query");
	struct review_row *row = find_row(review, database, fingerprint, query);
	if (row == NULL) {
		if (review->row_count == LIMIT_REVIEW_ROWS)
			return false;
		row = arena_alloc(&review->arena, sizeof(*row));
		row->database = arena_text(&review->arena, database);
		row->fingerprint = arena_text(&review->arena, fingerprint);
		row->query = arena_text(&review->arena, query);
		row->next = review->rows;
		review->rows = row;
		review->row_count++;
		table_put(review, &review->row_table, row_hash(database, fingerprint, query), row);
	}
	row->calls += count_of(line, "calls");
	row->errors += count_of(line, "errors");
	row->rows += count_of(line, "rows");
	row->rejected += count_of(line, "rejected");
	row->total_ms += real_of(line, "total_ms", 0);
	/* A text that is no histogram costs the quantiles of that interval, not the line. */
	if (histogram_read(&row->latency, text_of(line, "histogram")) < 0)
		review->totals.dropped++;
	double max_us = real_of(line, "max_ms", 0) * 1000;
	if (max_us > (double)row->latency.max_us && max_us < 1e18)
		row->latency.max_us = (uint64_t)llround(max_us);
	return true;
}

static enum review_severity severity_of(const char *name)
{
	if (strcmp(name, "block") == 0)
		return REVIEW_BLOCK;
	if (strcmp(name, "error") == 0)
		return REVIEW_ERROR;
	return strcmp(name, "info") == 0 ? REVIEW_INFO : REVIEW_WARNING;
}

static bool add_finding(struct review *review, struct json_object *line, const char *ts)
{
	const char *const key[] = {text_of(line, "database"), text_of(line, "rule"), text_of(line, "fingerprint"),
	                           text_of(line, "table"), text_of(line, "column")};
	uint64_t hash = hash_texts(key, ARRAY_LEN(key));
	struct review_finding *finding = NULL;
	struct table_entry **bucket = &review->finding_table.buckets[hash & (BUCKETS - 1)];
	for (struct table_entry *at = *bucket; at != NULL && finding == NULL; at = at->chain) {
		struct review_finding *known = at->value;
		if (at->hash == hash && strcmp(known->database, key[0]) == 0 && strcmp(known->rule, key[1]) == 0 &&
		    strcmp(known->fingerprint, key[2]) == 0 && strcmp(known->table, key[3]) == 0 &&
		    strcmp(known->texts[REVIEW_COLUMN], key[4]) == 0)
			finding = known;
	}
	if (finding == NULL) {
		if (review->finding_count == LIMIT_REVIEW_FINDINGS)
			return false;
		finding = arena_alloc(&review->arena, sizeof(*finding));
		finding->table_rows = -1;
		for (size_t at = 0; at < REVIEW_TEXTS; at++) {
			finding->texts[at] = strdup("");
			CHECK(finding->texts[at] != NULL);
		}
		finding->database = arena_text(&review->arena, key[0]);
		finding->rule = arena_text(&review->arena, key[1]);
		finding->fingerprint = arena_text(&review->arena, key[2]);
		finding->table = arena_text(&review->arena, key[3]);
		finding->next = review->findings;
		review->findings = finding;
		review->finding_count++;
		table_put(review, &review->finding_table, hash, finding);
	}
	see_time(finding->first_ts, finding->last_ts, ts);
	struct json_object *first = NULL;
	if (json_object_object_get_ex(line, "first", &first) && json_object_get_boolean(first))
		finding->first_sights += count_of(line, "count");
	else
		finding->counted += count_of(line, "count");
	enum review_severity severity = severity_of(text_of(line, "severity"));
	if (severity > finding->severity)
		finding->severity = severity;
	if (strcmp(text_of(line, "action"), "rejected") == 0)
		finding->rejected = true;
	finding->table_rows = real_of(line, "table_rows", finding->table_rows);
	/* What is wrong and how to mend it go together: a newer reason without a remedy must not stand beside the
	 * remedy of an older one. */
	for (size_t at = REVIEW_MESSAGE; at <= REVIEW_FIX_DJANGO && text_of(line, "message")[0] != '\0'; at++)
		replace_text(&finding->texts[at], "");
	for (size_t at = 0; at < REVIEW_TEXTS; at++) {
		if (text_of(line, TEXT_NAMES[at])[0] != '\0')
			replace_text(&finding->texts[at], text_of(line, TEXT_NAMES[at]));
	}
	return true;
}

static bool add_access(struct review *review, struct json_object *line, const char *ts)
{
	const char *const key[] = {text_of(line, "database"),   text_of(line, "fingerprint"), text_of(line, "relation"),
	                           text_of(line, "expression"), text_of(line, "used"),        text_of(line, "operator")};
	/* `check --access` has events of that name, too, for no traffic. */
	if (key[1][0] == '\0')
		return true;
	uint64_t hash = hash_texts(key, ARRAY_LEN(key));
	struct review_access *access = NULL;
	struct table_entry *at = review->access_table.buckets[hash & (BUCKETS - 1)];
	for (; at != NULL && access == NULL; at = at->chain) {
		struct review_access *known = at->value;
		if (at->hash == hash && strcmp(known->database, key[0]) == 0 &&
		    strcmp(known->fingerprint, key[1]) == 0 && strcmp(known->relation, key[2]) == 0 &&
		    strcmp(known->expression, key[3]) == 0 && strcmp(known->used, key[4]) == 0 &&
		    strcmp(known->operator, key[5]) == 0)
			access = known;
	}
	if (access == NULL) {
		if (review->access_count == LIMIT_REVIEW_ROWS)
			return false;
		access = arena_alloc(&review->arena, sizeof(*access));
		access->database = arena_text(&review->arena, key[0]);
		access->fingerprint = arena_text(&review->arena, key[1]);
		access->relation = arena_text(&review->arena, key[2]);
		access->expression = arena_text(&review->arena, key[3]);
		access->used = arena_text(&review->arena, key[4]);
		access->operator = arena_text(&review->arena, key[5]);
		access->index = strdup("");
		CHECK(access->index != NULL);
		access->next = review->accesses;
		review->accesses = access;
		review->access_count++;
		table_put(review, &review->access_table, hash, access);
	}
	if (strcmp(ts, access->last_ts) < 0)
		return true;
	snprintf(access->last_ts, sizeof(access->last_ts), "%s", ts);
	replace_text(&access->index, text_of(line, "index"));
	struct json_object *few = NULL;
	access->few = json_object_object_get_ex(line, "few_rows_left", &few) && json_object_get_boolean(few);
	access->distinct = real_of(line, "n_distinct", -1);
	access->share_percent = real_of(line, "selectivity_percent", -1);
	access->rows = real_of(line, "table_rows", -1);
	return true;
}

static bool add_indexes(struct review *review, struct json_object *line, const char *ts)
{
	const char *const key[] = {text_of(line, "database"), text_of(line, "relation")};
	uint64_t hash = hash_texts(key, ARRAY_LEN(key));
	struct review_indexes *indexes = NULL;
	struct table_entry *at = review->indexes_table.buckets[hash & (BUCKETS - 1)];
	for (; at != NULL && indexes == NULL; at = at->chain) {
		struct review_indexes *known = at->value;
		if (at->hash == hash && strcmp(known->database, key[0]) == 0 && strcmp(known->relation, key[1]) == 0)
			indexes = known;
	}
	if (indexes == NULL) {
		if (review->indexes_count == LIMIT_REVIEW_ROWS)
			return false;
		indexes = arena_alloc(&review->arena, sizeof(*indexes));
		indexes->database = arena_text(&review->arena, key[0]);
		indexes->relation = arena_text(&review->arena, key[1]);
		indexes->next = review->indexes;
		review->indexes = indexes;
		review->indexes_count++;
		table_put(review, &review->indexes_table, hash, indexes);
	}
	struct json_object *names = NULL;
	if (strcmp(ts, indexes->last_ts) < 0 || !json_object_object_get_ex(line, "indexes", &names) ||
	    !json_object_is_type(names, json_type_array))
		return true;
	snprintf(indexes->last_ts, sizeof(indexes->last_ts), "%s", ts);
	size_t count = json_object_array_length(names);
	bool same = count == indexes->count;
	for (size_t i = 0; i < count && same; i++)
		same = strcmp(item_of(names, i), indexes->names[i]) == 0;
	if (same)
		return true;
	indexes->names = arena_alloc(&review->arena, (count + 1) * sizeof(*indexes->names));
	indexes->count = (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		indexes->names[i] = arena_text(&review->arena, item_of(names, i));
	return true;
}

static const char *item_of(struct json_object *list, size_t at)
{
	struct json_object *item = json_object_array_get_idx(list, at);
	return json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
}

static void add_stats(struct review *review, struct json_object *line)
{
	review->has_stats = true;
	review->totals.statements += count_of(line, "statements");
	review->totals.errors += count_of(line, "errors");
	review->totals.rejected += count_of(line, "rejected");
	review->totals.opaque += count_of(line, "opaque");
	review->totals.blind_sessions += count_of(line, "blind_sessions");
}

static void add_reason(struct review *review, const char *event, const char *reason, uint64_t count)
{
	const char *const key[] = {event, reason};
	uint64_t hash = hash_texts(key, ARRAY_LEN(key));
	for (struct table_entry *at = review->reason_table.buckets[hash & (BUCKETS - 1)]; at != NULL; at = at->chain) {
		struct review_reason *known = at->value;
		if (at->hash == hash && strcmp(known->event, event) == 0 && strcmp(known->reason, reason) == 0) {
			known->count += count;
			return;
		}
	}
	if (review->reason_count == LIMIT_REVIEW_REASONS) {
		review->totals.dropped++;
		return;
	}
	struct review_reason *added = arena_alloc(&review->arena, sizeof(*added));
	added->event = arena_text(&review->arena, event);
	added->reason = arena_text(&review->arena, reason);
	added->count = count;
	added->next = review->reasons;
	review->reasons = added;
	review->reason_count++;
	table_put(review, &review->reason_table, hash, added);
}

/* Times are written such that their order is that of their texts. */
static void see_time(char first[REVIEW_TS_BYTES], char last[REVIEW_TS_BYTES], const char *ts)
{
	if (first[0] == '\0' || strcmp(ts, first) < 0)
		snprintf(first, REVIEW_TS_BYTES, "%s", ts);
	if (strcmp(ts, last) > 0)
		snprintf(last, REVIEW_TS_BYTES, "%s", ts);
}

static const char *text_of(struct json_object *line, const char *name)
{
	struct json_object *value = NULL;
	if (!json_object_object_get_ex(line, name, &value) || !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

static double real_of(struct json_object *line, const char *name, double otherwise)
{
	struct json_object *value = NULL;
	if (!json_object_object_get_ex(line, name, &value) ||
	    (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double)))
		return otherwise;
	double number = json_object_get_double(value);
	return isfinite(number) && number >= 0 ? number : otherwise;
}

/* Bounded far below 2^64, so that no sum of them wraps around. */
static uint64_t count_of(struct json_object *line, const char *name)
{
	double number = real_of(line, name, 0);
	return number < 1e15 ? (uint64_t)number : 0;
}

static uint64_t hash_texts(const char *const *texts, size_t count)
{
	uint64_t hash = 0;
	for (size_t at = 0; at < count; at++)
		hash = XXH3_64bits_withSeed(texts[at], strlen(texts[at]), hash);
	return hash;
}

static void table_put(struct review *review, struct table *table, uint64_t hash, void *value)
{
	struct table_entry *entry = arena_alloc(&review->arena, sizeof(*entry));
	struct table_entry **bucket = &table->buckets[hash & (BUCKETS - 1)];
	*entry = (struct table_entry){.hash = hash, .chain = *bucket, .value = value};
	*bucket = entry;
}

/* What is said later counts; what is not said again stays. */
static void replace_text(char **text, const char *with)
{
	if (strcmp(*text, with) == 0)
		return;
	free(*text);
	*text = strdup(with);
	CHECK(*text != NULL);
}
