#include "proxy/audit.h"

#include "inspect/inspector.h"
#include "proxy/session.h"
#include "proxy/worker.h"

#include <math.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, KEY_BYTES = 512, INDEXES_MAX = 64 };

static void begin_day(struct audit *audit);
static void tell_usage(struct session *session, uint64_t fingerprint, const struct column_use *usage);
static void tell_indexes(struct session *session, const struct column_use *usage);
static bool is_new(struct session *session, uint64_t fingerprint, const char *what, uint64_t *key);
static void tell(struct worker *worker, struct logline *line, uint64_t key);

void audit_init(struct audit *audit)
{
	*audit = (struct audit){0};
	stats_sights_init(&audit->looked);
	stats_sights_init(&audit->told);
}

void audit_fini(struct audit *audit)
{
	stats_sights_fini(&audit->looked);
	stats_sights_fini(&audit->told);
}

void audit_statement(struct session *session, struct statement *statement)
{
	struct worker *worker = session->worker;
	struct audit *audit = &worker->audit;
	char by[32];
	statement->unaudited = false;
	/* It is for the report, which reads no text; a person at a terminal would not want to. */
	if (worker->format != SETTINGS_FORMAT_JSON)
		return;
	begin_day(audit);
	/* Texts that never come again may be of a kind that does: that is looked at once for each catalog. */
	snprintf(by, sizeof by, "%llu", (unsigned long long)statement->audited);
	if (!stats_sights_add(&audit->looked, stats_sight_in(session->state.database, statement->fingerprint, by)))
		return;
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		uint16_t count;
		const struct column_use *usages =
		    inspector_usages(worker->inspector, statement, &session->state, at, &count);
		for (uint16_t i = 0; i < count; i++) {
			tell_usage(session, statement->fingerprint, &usages[i]);
			tell_indexes(session, &usages[i]);
		}
	}
}

static void begin_day(struct audit *audit)
{
	const int64_t day = worker_wall_ms() / DAY_MS;
	if (audit->day == day)
		return;
	audit_fini(audit);
	audit_init(audit);
	audit->day = day;
}

static void tell_usage(struct session *session, uint64_t fingerprint, const struct column_use *usage)
{
	char what[KEY_BYTES];
	uint64_t key;
	snprintf(what, sizeof what, "%s\n%d %d %s\n%s\n%s", usage->relation, usage->kind, usage->few,
	         usage->operator ? usage->operator : "", usage->index ? usage->index : "", usage->expression);
	if (!is_new(session, fingerprint, what, &key))
		return;
	struct worker *worker = session->worker;
	struct logline *line = &worker->line;
	logline_begin(line, worker->format, worker_wall_ms(), LOG_LEVEL_INFO, "access");
	logline_text(line, "database", session->state.database);
	logline_hex(line, "fingerprint", fingerprint);
	logline_text(line, "relation", usage->relation);
	logline_text(line, "expression", usage->expression);
	logline_text(line, "used", rules_usage_kind_name(usage->kind));
	logline_text(line, "operator", usage->operator);
	logline_bool(line, "served", usage->index != NULL);
	logline_text(line, "index", usage->index);
	if (usage->few)
		logline_bool(line, "few_rows_left", true);
	if (usage->distinct >= 0)
		logline_int(line, "n_distinct", llround(fmin(usage->distinct, 1e15)));
	if (usage->share >= 0)
		logline_real(line, "selectivity_percent", usage->share * 100);
	if (usage->table->rows >= 0)
		logline_int(line, "table_rows", llround(fmin(usage->table->rows, 1e15)));
	tell(worker, line, key);
}

static void tell_indexes(struct session *session, const struct column_use *usage)
{
	const char *names[INDEXES_MAX];
	char what[KEY_BYTES];
	uint64_t key;
	size_t count = 0, len = 0;
	for (uint16_t at = 0; at < usage->table->index_count && count < INDEXES_MAX; at++) {
		if (rules_usage_is_optional(usage->table, &usage->table->indexes[at]))
			names[count++] = usage->table->indexes[at].name;
	}
	if (count == 0)
		return;
	len = (size_t)snprintf(what, sizeof what, "%s", usage->relation);
	for (size_t at = 0; at < count && len < sizeof what; at++)
		len += (size_t)snprintf(what + len, sizeof what - len, "\n%s", names[at]);
	if (!is_new(session, 0, what, &key))
		return;
	struct worker *worker = session->worker;
	struct logline *line = &worker->line;
	logline_begin(line, worker->format, worker_wall_ms(), LOG_LEVEL_INFO, "indexes");
	logline_text(line, "database", session->state.database);
	logline_text(line, "relation", usage->relation);
	if (usage->table->rows >= 0)
		logline_int(line, "table_rows", llround(fmin(usage->table->rows, 1e15)));
	logline_list(line, "indexes", names, count);
	tell(worker, line, key);
}

/* Not yet told that day by this worker, and there is room. */
static bool is_new(struct session *session, uint64_t fingerprint, const char *what, uint64_t *key)
{
	struct worker *worker = session->worker;
	struct audit *audit = &worker->audit;
	*key = stats_sight_in(session->state.database, fingerprint, what);
	if (audit->lines > LIMIT_AUDIT_LINES || !stats_sights_add(&audit->told, *key))
		return false;
	if (++audit->lines <= LIMIT_AUDIT_LINES)
		return true;
	struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "warning", NULL);
	logline_text(line, "message", "the index audit is not whole: there is no room for more of its lines today");
	logline_int(line, "lines", LIMIT_AUDIT_LINES);
	worker_log(worker, line);
	return false;
}

/* The reporter drops it if another worker has told it that day. */
static void tell(struct worker *worker, struct logline *line, uint64_t key)
{
	worker_log_first(worker, line, stats_sight_of(key ^ (uint64_t)worker->audit.day));
}
