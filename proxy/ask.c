#include "proxy/ask.h"

#include "config/limits.h"
#include "inspect/inspector.h"
#include "protocol/message.h"
#include "protocol/request.h"
#include "proxy/answer.h"
#include "proxy/audit.h"
#include "proxy/judgement.h"
#include "proxy/plans.h"
#include "proxy/rejection.h"
#include "proxy/worker.h"

#include <string.h>

/* PQ_SMALL_MESSAGE_LIMIT, for messages that carry no SQL or data, and PQ_LARGE_MESSAGE_LIMIT (libpq/libpq.h), both
 * without the length word: at the header of a longer message the server ends the session, so there is no body to wait
 * for. */
enum {
	ASK_SMALL_MESSAGE_BYTES = 10000 - 4,
	ASK_LARGE_MESSAGE_BYTES = 0x3ffffffe - 4,
};

/* What a prepared statement's name may mean when a Bind is reached, newest first. */
struct ask_meanings {
	const struct flight_entry *pending;
	bool begun, over;
};

/* One of them, and how the server plans it. */
struct ask_choice {
	struct statement *meaning;
	bool counts_plans, generic_plan;
};

static void ask_query(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
static void ask_parse(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
static void ask_bind(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
static bool ask_bind_to(struct session *session, struct relay_out *out, const struct request_bind *bind,
                        uint64_t name, const struct bound_shape *shapes, uint16_t count, uint64_t now_ns);
static const struct verdict *ask_judge(struct session *session, const struct ask_choice *choice,
                                       struct statement **judged, const struct bound_shape *shapes, uint16_t count,
                                       bool *rejected);
static void ask_target(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
static void ask_execute(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
static void ask_unseen(struct session *session, struct relay_out *out, const struct flight_entry *request,
                       struct bytes name);
static bool ask_refuses_oversize(const struct session *session);
static struct statement *ask_recognise(struct session *session, struct bytes sql, const struct inspector_types *types);
static struct inspector_types ask_types(const struct request_parse *parse, uint32_t oids[LIMIT_BOUND_PARAMETERS]);
static uint64_t ask_name(const struct session *session, struct bytes name);
static struct statement *ask_meaning(const struct session *session, uint64_t name, struct ask_meanings *meanings);
static void ask_wants(const struct statement *statement, struct shape_wants *wants);
static uint16_t ask_shapes(struct session *session, const struct request_bind *bind, const struct shape_wants *wants,
                           struct bound_shape *shapes);
static struct statement *ask_portal(const struct session *session, uint64_t name);
static struct statement *ask_attributed(const struct session *session, struct statement *statement);
static void ask_reject(struct session *session, struct relay_out *out, const struct flight_entry *entry,
                       const struct statement *statement, const struct verdict *verdict, struct bytes name,
                       uint16_t parameters);
static void ask_unparsed(struct session *session, struct statement *statement, size_t sql_bytes);
static void ask_push(struct session *session, enum flight_kind kind, uint64_t name, struct statement *statement,
                     uint64_t now_ns);
static void ask_push_entry(struct session *session, const struct flight_entry *entry);
static bool ask_may_undo(const struct session *session, const struct flight_entry *entry);
static void ask_may_set(struct session *session, const struct flight_entry *entry);
static uint64_t ask_batch(struct session *session, uint64_t now_ns);
static struct bytes ask_body(struct bytes message);

enum session_intake ask_header(struct session *session, struct relay_out *out, uint8_t type, uint32_t body_bytes,
                               uint64_t now_ns)
{
	struct flight_entry entry;
	switch (type) {
	case MESSAGE_QUERY:
	case MESSAGE_PARSE:
	case MESSAGE_BIND:
		if (!session->ready_ns && body_bytes > LIMIT_STARTUP_PACKET_BYTES) {
			session_refuse(session, "08P01", "message too long before authentication");
			return INTAKE_DISCARD;
		}
		if (body_bytes > ASK_LARGE_MESSAGE_BYTES)
			return INTAKE_STREAM;
		if (type == MESSAGE_BIND)
			return body_bytes <= LIMIT_BIND_BYTES ? INTAKE_HOLD : INTAKE_PREFIX;
		if (body_bytes <= LIMIT_INSPECT_BYTES)
			return INTAKE_HOLD;
		/* The name a Parse begins with is needed either way. */
		if (type == MESSAGE_PARSE)
			return INTAKE_PREFIX;
		entry = (struct flight_entry){
		    .kind = FLIGHT_QUERY,
		    .sent_ns = now_ns,
		    .rejected = ask_refuses_oversize(session),
		};
		ask_unseen(session, out, &entry, (struct bytes){0});
		return entry.rejected ? INTAKE_DISCARD : INTAKE_STREAM;
	case MESSAGE_CLOSE:
	case MESSAGE_DESCRIBE:
	case MESSAGE_EXECUTE:
		return body_bytes <= ASK_SMALL_MESSAGE_BYTES ? INTAKE_HOLD : INTAKE_STREAM;
	case MESSAGE_SYNC:
		session->batch_ns = 0;
		ask_push(session, FLIGHT_SYNC, NAMES_UNNAMED, NULL, now_ns);
		return INTAKE_STREAM;
	case MESSAGE_COPY_DONE:
	case MESSAGE_COPY_FAIL:
		ask_push(session, FLIGHT_COPY_END, NAMES_UNNAMED, NULL, now_ns);
		return INTAKE_STREAM;
	case MESSAGE_FUNCTION_CALL:
		if (body_bytes > ASK_LARGE_MESSAGE_BYTES)
			return INTAKE_STREAM;
		session->batch_ns = 0;
		entry = (struct flight_entry){
		    .kind = FLIGHT_FUNCTION_CALL,
		    .sent_ns = now_ns,
		    .rejected =
		        session->worker->settings->fastpath == SETTINGS_UNSEEN_REJECT && !flight_discards(&session->flight),
		};
		ask_unseen(session, out, &entry, (struct bytes){0});
		return entry.rejected ? INTAKE_DISCARD : INTAKE_STREAM;
	case MESSAGE_TERMINATE:
		if (!session->end_reason)
			session->end_reason = "client terminated";
		return INTAKE_STREAM;
	default:
		/* CopyData, Flush, passwords; and what is no frontend message, which the server itself refuses. */
		return INTAKE_STREAM;
	}
}

void ask_message(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	switch (message.data[0]) {
	case MESSAGE_QUERY:
		ask_query(session, out, message, now_ns);
		break;
	case MESSAGE_PARSE:
		ask_parse(session, out, message, now_ns);
		break;
	case MESSAGE_BIND:
		ask_bind(session, out, message, now_ns);
		break;
	case MESSAGE_CLOSE:
	case MESSAGE_DESCRIBE:
		ask_target(session, out, message, now_ns);
		break;
	case MESSAGE_EXECUTE:
		ask_execute(session, out, message, now_ns);
		break;
	default:
		CHECK(!"ask_header holds no other type");
	}
}

struct inspector_reading *ask_study(struct session *session, struct bytes message)
{
	struct request_parse parse = {0};
	if (flight_discards(&session->flight) ||
	    !(message.data[0] == MESSAGE_QUERY   ? request_decode_query(ask_body(message), &parse.query)
	      : message.data[0] == MESSAGE_PARSE ? request_decode_parse(ask_body(message), &parse)
	                                         : false))
		return NULL;
	uint32_t oids[LIMIT_BOUND_PARAMETERS];
	const struct inspector_types types = ask_types(&parse, oids);
	return inspector_begin(session->worker->inspector, &session->state, (const char *)parse.query.data,
	                       parse.query.len, &types);
}

bool ask_prefix(struct session *session, struct relay_out *out, uint8_t type, struct bytes body, uint64_t now_ns)
{
	if (type == MESSAGE_BIND) {
		struct request_bind bind = {0};
		if (!request_decode_bind(body, true, &bind))
			bind = (struct request_bind){0};
		return ask_bind_to(session, out, &bind, ask_name(session, bind.statement), NULL, 0, now_ns);
	}
	const uint8_t *end = memchr(body.data, 0, body.len);
	struct bytes name = {body.data, end ? (size_t)(end - body.data) : 0};
	const struct flight_entry entry = {
	    .kind = FLIGHT_PARSE,
	    .name = ask_name(session, name),
	    .sent_ns = ask_batch(session, now_ns),
	    .rejected = ask_refuses_oversize(session),
	};
	ask_unseen(session, out, &entry, name);
	return !entry.rejected;
}

static bool ask_refuses_oversize(const struct session *session)
{
	return session->worker->settings->oversize == SETTINGS_OVERSIZE_REJECT && !flight_discards(&session->flight);
}

/* -- simple query -------------------------------------------------------------------------------- */

static void ask_query(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	struct bytes sql;
	struct flight_entry entry = {.kind = FLIGHT_QUERY, .sent_ns = now_ns};
	session->batch_ns = 0;
	if (flight_discards(&session->flight) || !request_decode_query(ask_body(message), &sql)) {
		ask_push_entry(session, &entry);
		relay_out_add(out, message.data, message.len);
		return;
	}
	struct statement *statement = ask_recognise(session, sql, NULL), *judged = statement;
	const struct verdict *verdict = judgement_of(session, &judged, NULL, 0, &entry.rejected);
	judgement_log(session, judged, verdict, entry.rejected);
	if (!entry.rejected) {
		judgement_observe(session, statement, NULL, 0);
		if (judged->unaudited)
			audit_statement(session, judged);
	}
	struct statement *attributed = ask_attributed(session, statement);
	entry.borrowed = attributed != statement;
	entry.statement = cache_ref(attributed);
	if (entry.rejected)
		ask_reject(session, out, &entry, statement, verdict, (struct bytes){0}, 0);
	else
		relay_out_add(out, message.data, message.len);
	ask_push_entry(session, &entry);
	cache_unref(statement);
}

/* -- extended query ------------------------------------------------------------------------------- */

static void ask_parse(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	struct request_parse parse;
	struct flight_entry entry = {.kind = FLIGHT_PARSE, .sent_ns = ask_batch(session, now_ns)};
	if (flight_discards(&session->flight) || !request_decode_parse(ask_body(message), &parse)) {
		ask_push_entry(session, &entry);
		relay_out_add(out, message.data, message.len);
		return;
	}
	uint32_t oids[LIMIT_BOUND_PARAMETERS];
	const struct inspector_types types = ask_types(&parse, oids);
	struct statement *statement = ask_recognise(session, parse.query, &types), *judged = statement;
	const struct verdict *verdict = judgement_of(session, &judged, NULL, 0, &entry.rejected);
	entry.name = ask_name(session, parse.name);
	entry.statement = statement; /* the reference goes with it */
	plans_forget(session->plans, entry.name);
	if (entry.rejected) {
		/* A statement that goes on is counted at each Bind instead: that is when it runs. */
		judgement_log(session, judged, verdict, true);
		ask_reject(session, out, &entry, statement, verdict, parse.name, 0);
	} else {
		relay_out_add(out, message.data, message.len);
	}
	ask_push_entry(session, &entry);
}

static void ask_bind(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	struct request_bind bind;
	if (flight_discards(&session->flight) || !request_decode_bind(ask_body(message), false, &bind)) {
		ask_push(session, FLIGHT_BIND, NAMES_UNNAMED, NULL, ask_batch(session, now_ns));
		relay_out_add(out, message.data, message.len);
		return;
	}
	struct bound_shape shapes[LIMIT_BOUND_PARAMETERS];
	struct ask_meanings meanings = {0};
	const struct statement *statement;
	uint64_t name = ask_name(session, bind.statement);
	struct shape_wants wants;
	wants.count = 0;
	while ((statement = ask_meaning(session, name, &meanings)) != NULL)
		ask_wants(statement, &wants);
	uint16_t count = ask_shapes(session, &bind, &wants, shapes);
	if (ask_bind_to(session, out, &bind, name, count > 0 ? shapes : NULL, count, now_ns))
		relay_out_add(out, message.data, message.len);
}

/* What it wants to know of the values, where they matter. */
static void ask_wants(const struct statement *statement, struct shape_wants *wants)
{
	unsigned only = 0;
	if (statement->stores_parameters)
		only |= SHAPE_WANT_DOCUMENT;
	if (statement->wants_parameters || statement->plan_matters)
		only |= SHAPE_WANT_ALL;
	if (!only)
		return;
	if (wants->count == 0)
		*wants = (struct shape_wants){0};
	shape_wants_join(wants, &statement->wants, only);
}

/* How many of them are looked at. */
static uint16_t ask_shapes(struct session *session, const struct request_bind *bind, const struct shape_wants *wants,
                           struct bound_shape *shapes)
{
	uint16_t count = bind->parameters < wants->count ? bind->parameters : wants->count;
	for (uint16_t at = 0; at < count; at++) {
		struct request_value value;
		shapes[at] = (struct bound_shape){0};
		if (!wants->of[at] || !request_bind_value(bind, at, &value) || value.null)
			continue;
		if (wants->of[at] == SHAPE_WANT_DOCUMENT) {
			shapes[at].value = value_json((const char *)value.value.data, value.value.len);
			continue;
		}
		/* A text in binary is the same bytes (textrecv in varlena.c), and has no zero byte. */
		if (value.binary && memchr(value.value.data, '\0', value.value.len))
			continue;
		const char *text = (const char *)value.value.data;
		size_t len = value.value.len;
		/* If it is no text in the current encoding it may be one in the next: where its wildcards stand is seen
		 * all the same, as no character's second byte is a percent sign. */
		if (!inspector_text(session->worker->inspector, &session->state, &text, &len) && session->flight.settled)
			continue;
		shapes[at] = shape_wanted(text, len, wants->of[at]);
		if (!value.binary && text == (const char *)value.value.data) {
			shapes[at].text = text;
			shapes[at].len = len;
		}
	}
	return count;
}

/* `name` is that of its statement. False when something else was sent in its place. */
static bool ask_bind_to(struct session *session, struct relay_out *out, const struct request_bind *bind,
                        uint64_t name, const struct bound_shape *shapes, uint16_t count, uint64_t now_ns)
{
	struct ask_meanings meanings = {0};
	struct ask_choice choice = {0};
	struct statement *meaning, *newest = NULL, *judged = NULL;
	const struct verdict *verdict = NULL;
	uint32_t meaning_count = 0;
	struct flight_entry entry = {
	    .kind = FLIGHT_BIND,
	    .name = ask_name(session, bind->portal),
	    .sent_ns = ask_batch(session, now_ns),
	};
	/* Nearly always there is one. Of several, the first that is rejected decides. */
	while (!entry.rejected && (meaning = ask_meaning(session, name, &meanings)) != NULL) {
		struct plan *plan = newest ? NULL : plans_of(&session->plans, meaning, name);
		const struct ask_choice one = {meaning, plans_count(plan), plans_generic(plan)};
		judged = meaning;
		verdict = ask_judge(session, &one, &judged, shapes, count, &entry.rejected);
		plans_bound(plan, verdict);
		if (!newest || entry.rejected)
			choice = one;
		if (!newest)
			newest = meaning;
		meaning_count++;
	}
	/* A verdict is good until its statement is judged again, as another meaning's reading may have been. */
	if (meaning_count > 1) {
		judged = choice.meaning;
		verdict = ask_judge(session, &choice, &judged, shapes, count, &entry.rejected);
	}
	if (newest) {
		entry.statement = cache_ref(newest);
		judgement_log(session, judged, verdict, entry.rejected);
		if (!entry.rejected) {
			judgement_observe(session, newest, shapes, count);
			if (judged->unaudited)
				audit_statement(session, judged);
		}
	}
	if (entry.rejected)
		ask_reject(session, out, &entry, newest, verdict, bind->statement, bind->parameters);
	ask_push_entry(session, &entry);
	return !entry.rejected;
}

static const struct verdict *ask_judge(struct session *session, const struct ask_choice *choice,
                                       struct statement **judged, const struct bound_shape *shapes, uint16_t count,
                                       bool *rejected)
{
	session->state.counts_plans = choice->counts_plans;
	session->state.generic_plan = choice->generic_plan;
	const struct verdict *verdict = judgement_of(session, judged, shapes, count, rejected);
	session->state.counts_plans = session->state.generic_plan = false;
	return verdict;
}

static void ask_target(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	struct request_target target = {0};
	if (!request_decode_target(ask_body(message), &target))
		target = (struct request_target){0};
	struct flight_entry entry = {
	    .kind = message.data[0] == MESSAGE_CLOSE ? FLIGHT_CLOSE : FLIGHT_DESCRIBE,
	    .target = target.kind,
	    .name = ask_name(session, target.name),
	    .sent_ns = ask_batch(session, now_ns),
	};
	ask_push_entry(session, &entry);
	relay_out_add(out, message.data, message.len);
}

static void ask_execute(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns)
{
	struct request_execute execute = {0};
	if (!request_decode_execute(ask_body(message), &execute))
		execute = (struct request_execute){0};
	uint64_t portal = ask_name(session, execute.portal);
	struct statement *statement = ask_portal(session, portal);
	struct statement *attributed = statement ? ask_attributed(session, statement) : NULL;
	const struct flight_entry entry = {
	    .kind = FLIGHT_EXECUTE,
	    .name = portal,
	    .borrowed = attributed != statement,
	    .statement = attributed ? cache_ref(attributed) : NULL,
	    .sent_ns = ask_batch(session, now_ns),
	};
	session->batch_ns = 0;
	session->statements++;
	ask_push_entry(session, &entry);
	relay_out_add(out, message.data, message.len);
}

/* -- what they share --------------------------------------------------------------------------------- */

/* What is not looked at, because it is too long or no SQL: counted and, when `rejected`, refused. */
static void ask_unseen(struct session *session, struct relay_out *out, const struct flight_entry *request,
                       struct bytes name)
{
	struct flight_entry entry = *request;
	bool fastpath = entry.kind == FLIGHT_FUNCTION_CALL;
	struct inspector *inspector = session->worker->inspector;
	struct statement *statement = fastpath ? inspector_fastpath(inspector) : inspector_oversize(inspector);
	ask_unparsed(session, statement, LIMIT_INSPECT_BYTES);
	session->statements++;
	entry.statement = statement;
	if (entry.rejected) {
		if (fastpath)
			rejection_of_setting(session, "pgproctor: fastpath: a function is called by its oid",
			                     "fastpath = reject refuses what can't be judged.", "Call it in a SELECT.");
		else
			rejection_of_setting(
			    session, "pgproctor: oversize: the statement is longer than what is inspected",
			    "oversize = reject refuses what can't be judged.", "Send smaller batches, or COPY.");
		const struct rejection_stead stead = {
		    .kind = entry.kind,
		    .name = name,
		    .ends_transaction = true, /* for all we know */
		    .reason = "oversize",
		};
		rejection_send(session, out, &stead);
	}
	ask_push_entry(session, &entry);
}

/* What is declared, up to the last that is, or that a rule may want to know. */
static struct inspector_types ask_types(const struct request_parse *parse, uint32_t oids[LIMIT_BOUND_PARAMETERS])
{
	struct inspector_types types = {.oids = oids};
	for (uint16_t at = 0; at < parse->parameter_types && at < LIMIT_BOUND_PARAMETERS; at++) {
		oids[at] = request_parse_type(parse, at);
		if (oids[at] != 0)
			types.count = (uint16_t)(at + 1);
	}
	return types;
}

static struct statement *ask_recognise(struct session *session, struct bytes sql, const struct inspector_types *types)
{
	struct worker *worker = session->worker;
	const char *text = (const char *)sql.data;
	session->statements++;
	struct comment_tags tags;
	if (comment_read(text, sql.len, &tags)) {
		if (!session->tags)
			session->tags = malloc(sizeof *session->tags);
		CHECK(session->tags != NULL);
		*session->tags = tags;
	} else if (session->tags) {
		*session->tags = (struct comment_tags){0};
	}
	session->state.unsettled = !session->flight.settled;
	struct statement *statement = inspector_recognise_typed(worker->inspector, &session->state, text, sql.len, types);
	if (statement->opaque != OPAQUE_NONE)
		ask_unparsed(session, statement, sql.len);
	return statement;
}

/* SQL has the same names, and is read in UTF-8. What is not in client_encoding names nothing: the server refuses it. */
static uint64_t ask_name(const struct session *session, struct bytes name)
{
	const char *text = (const char *)name.data;
	size_t len = name.len;
	if (len == 0)
		return NAMES_UNNAMED;
	if (!inspector_text(session->worker->inspector, &session->state, &text, &len))
		return names_hash(name);
	return names_hash((struct bytes){(const uint8_t *)text, len});
}

/* A name counts from ParseComplete, but a pipeline may use it before that has come back; and a Parse may fail, as one
 * of a name that is taken does. What stands behind it is discarded up to the next Sync, but from there on the name
 * means what it did before. NULL: that was all. */
static struct statement *ask_meaning(const struct session *session, uint64_t name, struct ask_meanings *meanings)
{
	const struct flight *flight = &session->flight;
	while (!meanings->over) {
		const struct flight_entry *pending = meanings->begun ? flight_pending_before(flight, meanings->pending)
		                                                     : flight_pending(flight, FLIGHT_PARSE, name);
		meanings->begun = true;
		meanings->pending = pending;
		if (!pending) {
			meanings->over = true;
			return names_get(&session->names, NAMES_STATEMENT, name);
		}
		/* Even one that fails drops the unnamed statement (exec_parse_message in tcop/postgres.c). */
		if (!flight_synced_since(flight, pending) || name == NAMES_UNNAMED)
			meanings->over = true;
		if (!pending->rejected && pending->statement)
			return pending->statement;
	}
	return NULL;
}

static struct statement *ask_portal(const struct session *session, uint64_t name)
{
	const struct flight_entry *pending = flight_pending(&session->flight, FLIGHT_BIND, name);
	return pending ? pending->statement : names_get(&session->names, NAMES_PORTAL, name);
}

/* FETCH spends its cursor's query's time, EXECUTE its prepared statement's. */
static struct statement *ask_attributed(const struct session *session, struct statement *statement)
{
	if (statement->statement_count != 1)
		return statement;
	const struct facts *facts = &statement->facts[0];
	if (!facts->name || (facts->kind != STATEMENT_FETCH && facts->kind != STATEMENT_EXECUTE))
		return statement;
	uint64_t name = names_hash((struct bytes){(const uint8_t *)facts->name, strlen(facts->name)});
	enum names_space space = facts->kind == STATEMENT_FETCH ? NAMES_PORTAL : NAMES_STATEMENT;
	struct statement *found = names_get(&session->names, space, name);
	return found ? found : statement;
}

/* To be followed by ask_push_entry. */
static void ask_reject(struct session *session, struct relay_out *out, const struct flight_entry *entry,
                       const struct statement *statement, const struct verdict *verdict, struct bytes name,
                       uint16_t parameters)
{
	const struct finding *finding = &verdict->findings[verdict->rejected_by];
	rejection_of_finding(session, finding);
	const struct rejection_stead stead = {
	    .kind = entry->kind,
	    .name = name,
	    .parameters = parameters,
	    .ends_transaction = judgement_ends_transaction(statement),
	    .reason = finding->rule->slug,
	};
	rejection_send(session, out, &stead);
}

static void ask_unparsed(struct session *session, struct statement *statement, size_t sql_bytes)
{
	struct worker *worker = session->worker;
	worker->parcel->stats.opaque++;
	if (statement->readings)
		statement = statement->readings[0];
	if (statement->logged)
		return;
	statement->logged = true;
	struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "unparsed", session);
	logline_text(line, "reason", statement->query);
	if (statement->opaque != OPAQUE_FASTPATH)
		logline_int(line, statement->opaque == OPAQUE_OVERSIZE ? "bytes_over" : "bytes", (int64_t)sql_bytes);
	worker_log_first(worker, line, stats_sight_of(statement->key.low));
}

static void ask_push(struct session *session, enum flight_kind kind, uint64_t name, struct statement *statement,
                     uint64_t now_ns)
{
	const struct flight_entry entry = {
	    .kind = kind,
	    .name = name,
	    .statement = statement ? cache_ref(statement) : NULL,
	    .sent_ns = now_ns,
	};
	ask_push_entry(session, &entry);
}

/* What the server will discard unanswered leaves nothing to remember. */
static void ask_push_entry(struct session *session, const struct flight_entry *entry)
{
	session->undoing |= ask_may_undo(session, entry);
	ask_may_set(session, entry);
	if (!flight_push(&session->flight, entry))
		cache_unref(entry->statement);
	answer_take(session);
}

/* May it undo or drop what the open transaction has created? */
static bool ask_may_undo(const struct session *session, const struct flight_entry *entry)
{
	if (entry->kind == FLIGHT_SYNC)
		return session->flight.status != 'T'; /* the end of an implicit transaction */
	if (entry->kind != FLIGHT_QUERY && entry->kind != FLIGHT_EXECUTE)
		return false;
	const struct statement *statement = entry->statement;
	if (!statement || statement->opaque != OPAQUE_NONE || statement->readings)
		return true;
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		const struct facts *facts = &statement->facts[at];
		switch (facts->kind) {
		case STATEMENT_COMMIT:
		case STATEMENT_ROLLBACK:
		case STATEMENT_ROLLBACK_TO:
		case STATEMENT_DISCARD:
		case STATEMENT_CALL:
		case STATEMENT_DO:
			return true;
		default:
			break;
		}
		for (uint16_t i = 0; i < facts->action_count; i++)
			if (facts->actions[i].form == DDL_DROP_TABLE || facts->actions[i].form == DDL_RENAME ||
			    facts->actions[i].form == DDL_DROP_OTHER)
				return true;
	}
	return false;
}

/* May another search_path be current by the next statement? */
static void ask_may_set(struct session *session, const struct flight_entry *entry)
{
	const struct statement *statement = entry->statement;
	if (!statement || entry->rejected || entry->borrowed ||
	    (entry->kind != FLIGHT_QUERY && entry->kind != FLIGHT_EXECUTE))
		return;
	session_state_sent(&session->state, statement->facts, statement->statement_count);
	for (uint16_t at = 1; at < statement->reading_count; at++) {
		const struct statement *reading = statement->readings[at];
		session_state_sent(&session->state, reading->facts, reading->statement_count);
	}
}

/* Parse, Bind and Execute of one statement are one piece of work to the client: it begins with the first. */
static uint64_t ask_batch(struct session *session, uint64_t now_ns)
{
	if (!session->batch_ns)
		session->batch_ns = now_ns;
	return session->batch_ns;
}

static struct bytes ask_body(struct bytes message)
{
	return (struct bytes){message.data + MESSAGE_HEADER_BYTES, message.len - MESSAGE_HEADER_BYTES};
}
