#include "proxy/judgement.h"

#include "inspect/inspector.h"
#include "proxy/worker.h"

#include <string.h>

/* In how many ways the server may find a statement, while nobody knows what came of what was sent before. */
struct ways {
	struct statement *whole;
	uint32_t readings, paths;
	bool undone;
};

/* Of the statements that EXECUTE may run. */
struct execution {
	struct statement *prepared; /* NULL: none has a verdict worse than `severity` */
	const struct facts *facts;  /* the EXECUTE's */
	int severity;
};

static const struct verdict *strictest_of(struct session *session, struct statement **statement,
                                          const struct bound_shape *shapes, uint16_t count, bool *rejected);
static const struct session_state *way_of(const struct session *session, const struct ways *ways, uint32_t way,
                                          struct statement **statement, struct session_state *other);
static void execution_of(struct session *session, struct statement *whole, struct execution *strictest);
static void execution_may_be(struct session *session, struct statement *prepared, const struct facts *facts,
                             struct execution *strictest);
static bool prepares(const struct statement *statement, const char *name);
static bool is_needless(const struct session *session, const struct statement *statement);

const struct verdict *judgement_of(struct session *session, struct statement **statement,
                                   const struct bound_shape *shapes, uint16_t count, bool *rejected)
{
	struct statement *whole = *statement;
	const struct verdict *verdict = strictest_of(session, statement, shapes, count, rejected);
	if (!whole->executes || *rejected)
		return verdict;
	struct execution strictest = {.severity = verdict_severity(verdict)};
	execution_of(session, whole, &strictest);
	/* What is executed may be prepared in the same text, so that judging it has taken this verdict's place. */
	if (!strictest.prepared) {
		*statement = whole;
		return strictest_of(session, statement, shapes, count, rejected);
	}
	*statement = strictest.prepared;
	return strictest_of(session, statement, strictest.facts->arguments, strictest.facts->argument_count, rejected);
}

void judgement_log(struct session *session, const struct statement *statement, const struct verdict *verdict,
                   bool rejected)
{
	struct worker *worker = session->worker;
	if (verdict->count == 0 || is_needless(session, statement))
		return;
	for (uint8_t at = 0; at < verdict->count; at++) {
		const struct finding *finding = &verdict->findings[at];
		struct stats_finding seen = {
		    .fingerprint = statement->fingerprint,
		    .query = (char *)statement->query,
		    .rule = finding->rule,
		    .severity = finding->severity,
		    .action = rejected && at == verdict->rejected_by ? ACTION_REJECT : ACTION_LOG,
		    .evidence = finding->evidence,
		    .table = (char *)finding->table,
		    .column = (char *)finding->column,
		    .message = (char *)finding->message,
		    .hint = (char *)finding->hint,
		    .fix_sql = (char *)finding->fix_sql,
		    .fix_django = (char *)finding->fix_django,
		    .table_rows = finding->table_rows,
		    .count = 1,
		};
		snprintf(seen.database, sizeof seen.database, "%s", session->state.database);
		snprintf(seen.user, sizeof seen.user, "%s", session->state.user);
		snprintf(seen.application, sizeof seen.application, "%s", session->application);
		if (session->tags) {
			snprintf(seen.route, sizeof seen.route, "%s", session->tags->route);
			snprintf(seen.controller, sizeof seen.controller, "%s", session->tags->controller);
			snprintf(seen.traceparent, sizeof seen.traceparent, "%s", session->tags->traceparent);
		}
		worker_find(worker, &seen);
	}
}

void judgement_observe(struct session *session, const struct statement *statement, const struct bound_shape *shapes,
                       uint16_t count)
{
	worker_share_documents(session->worker, statement->stores_documents || (statement->stores_parameters && shapes));
	const struct verdict *seen =
	    inspector_observe(session->worker->inspector, statement, &session->state, shapes, count);
	if (seen)
		judgement_log(session, statement, seen, false);
}

bool judgement_ends_transaction(const struct statement *statement)
{
	for (uint16_t at = 0; at < (statement->readings ? statement->reading_count : 1); at++) {
		const struct statement *reading = statement->readings ? statement->readings[at] : statement;
		if (reading->statement_count == 0)
			continue;
		enum statement_kind first = reading->facts[0].kind;
		if (first == STATEMENT_COMMIT || first == STATEMENT_ROLLBACK || first == STATEMENT_ROLLBACK_TO)
			return true;
	}
	return false;
}

/* In all ways in which the server may find it. */
static const struct verdict *strictest_of(struct session *session, struct statement **statement,
                                          const struct bound_shape *shapes, uint16_t count, bool *rejected)
{
	struct inspector *inspector = session->worker->inspector;
	session->undoing &= !session->flight.settled;
	if (session->flight.settled)
		session_state_settled(&session->state);
	const struct ways ways = {
	    .whole = *statement,
	    .readings = (*statement)->readings ? (*statement)->reading_count : 1,
	    .paths = 1 + session_state_paths(&session->state),
	    .undone = session->undoing && session->state.created,
	};
	uint32_t certain = ways.readings * ways.paths, all = certain * (ways.undone ? 2 : 1), strictest = 0;
	int severity = -1;
	struct session_state other;
	for (uint32_t way = 0; all > 1 && way < all; way++) {
		const struct session_state *state = way_of(session, &ways, way, statement, &other);
		const struct verdict *verdict = inspector_judge(inspector, *statement, state, shapes, count);
		/* That a table is an older one again is less likely than not, and no reason for a word in the log. */
		bool counts = way < certain || verdict->rejected_by >= 0;
		if (counts && verdict_severity(verdict) > severity && !is_needless(session, *statement)) {
			severity = verdict_severity(verdict);
			strictest = way;
		}
	}
	const struct session_state *state = way_of(session, &ways, strictest, statement, &other);
	const struct verdict *verdict = inspector_judge(inspector, *statement, state, shapes, count);
	*rejected = verdict->rejected_by >= 0 && !is_needless(session, *statement);
	return verdict;
}

/* The statement as the server would read it, and the session as it would be: the real one, or made in `other`. */
static const struct session_state *way_of(const struct session *session, const struct ways *ways, uint32_t way,
                                          struct statement **statement, struct session_state *other)
{
	*statement = ways->whole->readings ? ways->whole->readings[way % ways->readings] : ways->whole;
	uint32_t path = way / ways->readings % ways->paths;
	bool undone = way >= ways->readings * ways->paths;
	if (path == 0 && !undone)
		return &session->state;
	if (path > 0)
		session_state_with_path(&session->state, path - 1, other);
	else
		*other = session->state;
	/* What the transaction created may be gone by then, and the name be another table's again. */
	if (undone)
		other->created = NULL;
	return other;
}

/* The name may be prepared in the same text, by what is still under way, or since long. */
static void execution_of(struct session *session, struct statement *whole, struct execution *strictest)
{
	const struct flight *flight = &session->flight;
	static const enum flight_kind kinds[] = {FLIGHT_QUERY, FLIGHT_EXECUTE};
	for (uint16_t at = 0; at < (whole->readings ? whole->reading_count : 1); at++) {
		struct statement *reading = whole->readings ? whole->readings[at] : whole;
		for (uint16_t i = 0; i < reading->statement_count; i++) {
			const struct facts *facts = &reading->facts[i];
			if (!facts->executes || (facts->kind == STATEMENT_EXPLAIN && !facts->analyze))
				continue;
			if (prepares(reading, facts->executes))
				execution_may_be(session, reading, facts, strictest);
			for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
				const struct flight_entry *entry = flight_pending(flight, kinds[kind], NAMES_UNNAMED);
				for (; entry; entry = flight_pending_before(flight, entry))
					if (entry->statement && !entry->borrowed && !entry->rejected &&
					    prepares(entry->statement, facts->executes))
						execution_may_be(session, entry->statement, facts, strictest);
			}
			uint64_t name = names_hash(
			    (struct bytes){(const uint8_t *)facts->executes, strlen(facts->executes)});
			const struct flight_entry *parse = flight_pending(flight, FLIGHT_PARSE, name);
			for (; parse; parse = flight_pending_before(flight, parse))
				if (parse->statement && !parse->rejected)
					execution_may_be(session, parse->statement, facts, strictest);
			struct statement *known = names_get(&session->names, NAMES_STATEMENT, name);
			if (known)
				execution_may_be(session, known, facts, strictest);
		}
	}
}

static void execution_may_be(struct session *session, struct statement *prepared, const struct facts *facts,
                             struct execution *strictest)
{
	struct statement *reading = prepared;
	bool rejected;
	const struct verdict *verdict =
	    strictest_of(session, &reading, facts->arguments, facts->argument_count, &rejected);
	if (verdict_severity(verdict) > strictest->severity)
		*strictest = (struct execution){prepared, facts, verdict_severity(verdict)};
}

static bool prepares(const struct statement *statement, const char *name)
{
	for (uint16_t at = 0; at < (statement->readings ? statement->reading_count : 1); at++) {
		const struct statement *reading = statement->readings ? statement->readings[at] : statement;
		for (uint16_t i = 0; i < reading->statement_count; i++)
			if (reading->facts[i].kind == STATEMENT_PREPARE && strcmp(reading->facts[i].name, name) == 0)
				return true;
	}
	return false;
}

/* In a transaction that has failed the server refuses by itself, and with its own words, whatever does not begin
 * with the transaction's end: "ROLLBACK; DROP TABLE t" is one message, and runs. So does what follows a ROLLBACK that
 * has been answered, but without the ReadyForQuery that would say so. */
static bool is_needless(const struct session *session, const struct statement *statement)
{
	if (session->flight.status != 'E' || !session->flight.settled || statement->statement_count == 0)
		return false;
	return !judgement_ends_transaction(statement);
}
