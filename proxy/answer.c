#include "proxy/answer.h"

#include "config/limits.h"
#include "inspect/inspector.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "proxy/rejection.h"
#include "proxy/worker.h"

#include <string.h>

enum answer_doubt {
	ANSWER_CERTAIN,
	ANSWER_OF_TABLES, /* which of them it has created or dropped */
	ANSWER_UNKNOWN,   /* or what it has set */
};

static void answer_finished(struct session *session, struct flight_entry *entry);
static void answer_count(struct session *session, const struct flight_entry *entry);
static void answer_used(struct session *session, struct statement *statement);
static void answer_slow(struct session *session, const struct flight_entry *entry, uint64_t took_ns);
static void answer_completed(struct session *session, const struct flight_entry *entry);
static enum answer_doubt answer_doubt(const struct statement *statement);
static void answer_name(struct session *session, enum names_space space, uint64_t name, struct statement *statement);
static void answer_unname(struct session *session, enum names_space space, const char *name);
static void answer_transaction_ended(struct session *session);

bool answer_wants(uint8_t type)
{
	switch (type) {
	case MESSAGE_COMMAND_COMPLETE:
	case MESSAGE_ERROR_RESPONSE:
	case MESSAGE_READY_FOR_QUERY:
	case MESSAGE_PARAMETER_STATUS:
		return true;
	default:
		return false;
	}
}

void answer_message(struct session *session, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns)
{
	flight_reply_end(&session->flight, type, body, bytes, now_ns);
	switch (type) {
	case MESSAGE_PARAMETER_STATUS: {
		struct reply_parameter parameter;
		if (!reply_decode_parameter(body, &parameter))
			break;
		session_state_parameter(&session->state, (const char *)parameter.name.data, parameter.name.len,
		                        (const char *)parameter.value.data, parameter.value.len);
		if (bytes_equal(parameter.name, "application_name")) {
			size_t len = parameter.value.len;
			if (len >= sizeof session->application)
				len = sizeof session->application - 1;
			memcpy(session->application, parameter.value.data, len);
			session->application[len] = '\0';
		}
		break;
	}
	case MESSAGE_ERROR_RESPONSE:
		session_state_failed(&session->state);
		if (reply_is_fatal(body) && reply_decode_sqlstate(body, session->end_sqlstate))
			session->end_reason = "the server ended the session";
		break;
	default:
		break;
	}
	answer_take(session);
	if (type == MESSAGE_READY_FOR_QUERY) {
		session_state_ready(&session->state, session->flight.status);
		if (session->flight.status == 'I')
			answer_transaction_ended(session);
		if (!session->ready_ns)
			session_ready(session, now_ns);
	}
}

void answer_take(struct session *session)
{
	struct flight_entry entry;
	while (flight_take(&session->flight, &entry))
		answer_finished(session, &entry);
}

void answer_forget(struct session *session)
{
	struct flight_entry entry;
	while (flight_take_any(&session->flight, &entry)) {
		if (entry.rejected)
			rejection_drop(session);
		cache_unref(entry.statement);
	}
	struct statement *statement;
	while ((statement = names_take_any(&session->names, NAMES_STATEMENT)) != NULL)
		cache_unref(statement);
	while ((statement = names_take_any(&session->names, NAMES_PORTAL)) != NULL)
		cache_unref(statement);
}

/* The reference that came with the entry is this function's. */
static void answer_finished(struct session *session, struct flight_entry *entry)
{
	struct statement *statement = entry->statement;
	bool completed = entry->outcome == FLIGHT_COMPLETED;
	if (entry->rejected)
		rejection_drop(session);
	switch (entry->kind) {
	case FLIGHT_QUERY:
		/* A simple Query drops the unnamed statement and portal, whatever comes of it. */
		cache_unref(names_take(&session->names, NAMES_STATEMENT, NAMES_UNNAMED));
		cache_unref(names_take(&session->names, NAMES_PORTAL, NAMES_UNNAMED));
		answer_count(session, entry);
		if (statement && completed && !entry->borrowed)
			answer_completed(session, entry);
		break;
	case FLIGHT_PARSE:
		if (completed && statement)
			answer_name(session, NAMES_STATEMENT, entry->name, cache_ref(statement));
		else if (entry->outcome == FLIGHT_FAILED)
			answer_count(session, entry);
		break;
	case FLIGHT_BIND:
		if (completed && statement)
			answer_name(session, NAMES_PORTAL, entry->name, cache_ref(statement));
		else if (entry->outcome == FLIGHT_FAILED)
			answer_count(session, entry);
		break;
	case FLIGHT_EXECUTE:
		if (entry->outcome != FLIGHT_SKIPPED)
			answer_count(session, entry);
		if (statement && completed && !entry->borrowed)
			answer_completed(session, entry);
		break;
	case FLIGHT_CLOSE:
		if (completed)
			cache_unref(names_take(&session->names, entry->target == 'S' ? NAMES_STATEMENT : NAMES_PORTAL,
			                       entry->name));
		break;
	case FLIGHT_FUNCTION_CALL:
		answer_count(session, entry);
		break;
	case FLIGHT_STARTUP:
	case FLIGHT_DESCRIBE:
	case FLIGHT_SYNC:
	case FLIGHT_COPY_END:
		break;
	}
	cache_unref(statement);
}

static void answer_count(struct session *session, const struct flight_entry *entry)
{
	const struct statement *statement = entry->statement;
	bool empty = statement && statement->opaque == OPAQUE_NONE && statement->statement_count == 0;
	if (!statement || empty)
		return;
	struct stats *stats = &session->worker->parcel->stats;
	uint64_t took_ns = entry->done_ns > entry->sent_ns ? entry->done_ns - entry->sent_ns : 0;
	uint64_t first_ns = entry->first_ns > entry->sent_ns ? entry->first_ns - entry->sent_ns : 0;
	const struct stats_call call = {
	    .database = session->state.database,
	    .fingerprint = statement->opaque == OPAQUE_NONE ? statement->fingerprint : statement->key.low,
	    .query = statement->query,
	    .took_us = took_ns / 1000,
	    .first_byte_us = first_ns / 1000,
	    .rows = entry->rows,
	    .bytes = entry->reply_bytes,
	    .sqlstate = entry->rejected ? "" : entry->sqlstate,
	    .rejected = entry->rejected,
	};
	stats_record(stats, &call);
	if (entry->outcome == FLIGHT_COMPLETED && call.sqlstate[0] == '\0' && !call.rejected)
		answer_used(session, entry->statement);
	uint64_t slow_ns = session->worker->settings->slow_query_ms * 1000000;
	if (slow_ns > 0 && took_ns >= slow_ns)
		answer_slow(session, entry, took_ns);
}

static void answer_used(struct session *session, struct statement *statement)
{
	worker_ran(session->worker, session, statement);
	for (uint16_t at = 0; statement->executes && at < statement->statement_count; at++) {
		const char *name = statement->facts[at].executes;
		if (!name)
			continue;
		uint64_t hash = names_hash((struct bytes){(const uint8_t *)name, strlen(name)});
		struct statement *prepared = names_get(&session->names, NAMES_STATEMENT, hash);
		if (prepared)
			worker_ran(session->worker, session, prepared);
	}
}

static void answer_slow(struct session *session, const struct flight_entry *entry, uint64_t took_ns)
{
	const struct statement *statement = entry->statement;
	struct logline *line = worker_line(session->worker, LOG_LEVEL_WARNING, "slow", session);
	logline_hex(line, "fingerprint",
	            statement->opaque == OPAQUE_NONE ? statement->fingerprint : statement->key.low);
	logline_real(line, "took_ms", (double)took_ns / 1e6);
	logline_int(line, "rows", (int64_t)entry->rows);
	logline_text(line, "sqlstate", entry->sqlstate);
	logline_text(line, "query", statement->query);
	worker_log(session->worker, line);
}

/* What the server has confirmed about names, settings and the catalog. */
static void answer_completed(struct session *session, const struct flight_entry *entry)
{
	struct statement *statement = entry->statement;
	/* What came after a belated one has been booked before it. */
	enum answer_doubt doubt = entry->belated ? ANSWER_UNKNOWN : answer_doubt(statement);
	if (doubt != ANSWER_CERTAIN)
		session_state_doubt(&session->state, doubt == ANSWER_UNKNOWN);
	else
		inspector_completed(session->worker->inspector, statement, &session->state);
	session->catalog_changed |= statement->readings && statement->has_ddl;
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		const struct facts *facts = &statement->facts[at];
		switch (facts->kind) {
		case STATEMENT_PREPARE:
		case STATEMENT_DECLARE: {
			enum names_space space = facts->kind == STATEMENT_PREPARE ? NAMES_STATEMENT : NAMES_PORTAL;
			struct bytes name = {(const uint8_t *)facts->name, strlen(facts->name)};
			answer_name(session, space, names_hash(name), cache_ref(statement));
			break;
		}
		case STATEMENT_DEALLOCATE:
			answer_unname(session, NAMES_STATEMENT, facts->name);
			break;
		case STATEMENT_CLOSE:
			answer_unname(session, NAMES_PORTAL, facts->name);
			break;
		case STATEMENT_DISCARD:
			if (facts->name && strcmp(facts->name, "all") == 0) {
				answer_unname(session, NAMES_STATEMENT, NULL);
				answer_unname(session, NAMES_PORTAL, NULL);
			}
			break;
		case STATEMENT_DDL:
		case STATEMENT_ANALYZE:
			session->catalog_changed = true;
			break;
		default:
			break;
		}
	}
}

/* It is unknown which of several readings has run: what difference does that make to the session? */
static enum answer_doubt answer_doubt(const struct statement *statement)
{
	enum answer_doubt doubt = ANSWER_CERTAIN;
	for (uint16_t reading = 0; reading < statement->reading_count; reading++) {
		const struct statement *read = statement->readings[reading], *first = statement->readings[0];
		if (read->statement_count == 0 || read->statement_count != first->statement_count)
			return ANSWER_UNKNOWN;
		for (uint16_t at = 0; at < read->statement_count; at++) {
			const struct facts *facts = &read->facts[at];
			if (facts->kind >= STATEMENT_SELECT && facts->kind <= STATEMENT_MERGE && !facts->name)
				continue;
			/* A change of the schema sets nothing, but of which table? */
			if (facts->kind != STATEMENT_DDL || first->facts[at].kind != STATEMENT_DDL)
				return ANSWER_UNKNOWN;
			doubt = ANSWER_OF_TABLES;
		}
	}
	return doubt;
}

/* Takes over the reference. */
static void answer_name(struct session *session, enum names_space space, uint64_t name, struct statement *statement)
{
	cache_unref(names_put(&session->names, space, name, statement));
}

static void answer_unname(struct session *session, enum names_space space, const char *name)
{
	if (name) {
		uint64_t hash = names_hash((struct bytes){(const uint8_t *)name, strlen(name)});
		cache_unref(names_take(&session->names, space, hash));
		return;
	}
	struct statement *statement;
	while ((statement = names_take_any(&session->names, space)) != NULL)
		cache_unref(statement);
}

/* Portals die with their transaction, the implicit one included; cursors WITH HOLD live on. */
static void answer_transaction_ended(struct session *session)
{
	struct statement *held[16];
	unsigned held_count = 0;
	struct statement *statement;
	while ((statement = names_take_any(&session->names, NAMES_PORTAL)) != NULL) {
		bool hold = statement->statement_count == 1 && statement->facts[0].kind == STATEMENT_DECLARE &&
		            statement->facts[0].hold;
		if (hold && held_count < ARRAY_LEN(held))
			held[held_count++] = statement;
		else
			cache_unref(statement);
	}
	for (unsigned at = 0; at < held_count; at++) {
		const char *name = held[at]->facts[0].name;
		answer_name(session, NAMES_PORTAL, names_hash((struct bytes){(const uint8_t *)name, strlen(name)}),
		            held[at]);
	}
	if (session->catalog_changed && session->worker->feed)
		feed_refresh(session->worker->feed, session->state.database);
	session->catalog_changed = false;
}
