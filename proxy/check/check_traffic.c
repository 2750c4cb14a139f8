#include "proxy/check/check_traffic.h"

#include "inspect/rules/traffic.h"

#include <string.h>

/* Is it stopped for longer, watching begins anew with its start. */
enum { PAUSE_MS = 10 * 60 * 1000 };

struct reading {
	struct inspector *inspector;
	const struct rule_settings *rules;
	struct session_state session;
	uint64_t database;
	struct usage usage;
	int64_t since_ms, last_ms; /* of all lines */
	uint64_t sessions;         /* each line that ran is one of its own, and none is the file's */
};

static void take(void *context, const struct logged *line);
static void ran(struct reading *reading, const struct logged *line);

bool check_traffic_read(const struct check_options *options, struct inspector *inspector,
                        const struct rule_settings *rules, const char *database, const char *user)
{
	struct reading reading = {.inspector = inspector, .rules = rules, .database = usage_database_key(database),
	                          .sessions = UINT64_C(1) << 63};
	bool good = true;
	usage_init(&reading.usage);
	session_state_init(&reading.session, database, strlen(database), user, strlen(user));
	reading.session.standard_conforming_strings = true;
	for (int at = 0; at < options->traffic_count && good; at++)
		good = options->read_log(options->traffic[at], take, &reading);
	if (good) {
		usage_watch(&reading.usage, reading.database, reading.since_ms);
		inspector_recall(inspector, &reading.usage, reading.last_ms);
	}
	session_state_fini(&reading.session);
	usage_fini(&reading.usage);
	return good;
}

static void take(void *context, const struct logged *line)
{
	struct reading *reading = context;
	bool paused = line->kind == LOGGED_STARTED && line->at_ms - reading->last_ms > PAUSE_MS;
	if (reading->since_ms == 0 || line->at_ms < reading->since_ms || paused)
		reading->since_ms = line->at_ms;
	if (line->at_ms > reading->last_ms)
		reading->last_ms = line->at_ms;
	bool its = line->database[0] == '\0' || strcmp(line->database, reading->session.database) == 0;
	if (its && line->kind == LOGGED_UNCLEAR)
		usage_unclear(&reading->usage, reading->database, line->at_ms);
	if (its && line->kind == LOGGED_RAN)
		ran(reading, line);
}

/* The normalised text has all names of the statement, and parses as it did. */
static void ran(struct reading *reading, const struct logged *line)
{
	struct statement *statement =
	    inspector_recognise(reading->inspector, &reading->session, line->query, strlen(line->query));
	const struct usage_use use = {
	    .at_ms = line->at_ms,
	    .session = ++reading->sessions,
	    .fingerprint = line->fingerprint,
	};
	bool catalog_missing = false;
	struct context input = {
	    .catalog = inspector_catalog(reading->inspector, reading->session.database),
	    .session = &reading->session,
	    .settings = reading->rules,
	    .earlier = statement->facts,
	    .catalog_missing = &catalog_missing,
	};
	if (statement->opaque != OPAQUE_NONE)
		usage_unclear(&reading->usage, reading->database, line->at_ms);
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		input.facts = &statement->facts[at];
		input.earlier_count = at;
		traffic_ran(&reading->usage, NULL, &input, &use);
	}
	cache_unref(statement);
}
