#include "proxy/rejection.h"

#include "config/limits.h"
#include "inspect/inspector.h"
#include "inspect/rules/rules.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "proxy/worker.h"

#include <stdarg.h>
#include <string.h>

/* A character of two bytes in UTF-8 is one of four in GB18030. */
enum { REJECTION_ENCODED_BYTES = 2 * LIMIT_REJECTION_TEXT_BYTES };

static void rejection_append(struct session *session, char *message, char *detail, char *hint);
static char *rejection_text(const char *format, ...) PRINTF_LIKE(1, 2);
static size_t rejection_bind(const struct session *session, const struct rejection_stead *stead, const char *text);

void rejection_of_finding(struct session *session, const struct finding *finding)
{
	char rows[64] = "";
	if (finding->table_rows >= 0)
		snprintf(rows, sizeof rows, ", about %.0f rows", finding->table_rows);
	rejection_append(
	    session, rejection_text("pgproctor: %s: %s", finding->rule->slug, finding->message),
	    rejection_text("%s%s%s%s%s (rule %s).", finding->table[0] ? "Table " : "", finding->table,
	                   finding->column[0] ? ", column " : "", finding->column, rows, finding->rule->code),
	    rejection_text("%s%s%s", finding->hint, finding->fix_django[0] ? "\nDjango: " : "", finding->fix_django));
}

void rejection_of_setting(struct session *session, const char *message, const char *detail, const char *hint)
{
	rejection_append(session, rejection_text("%s", message), rejection_text("%s", detail),
	                 rejection_text("%s", hint));
}

static void rejection_append(struct session *session, char *message, char *detail, char *hint)
{
	struct session_rejection *rejection = calloc(1, sizeof *rejection);
	CHECK(rejection != NULL);
	*rejection = (struct session_rejection){.message = message, .detail = detail, .hint = hint};
	*session->rejections_end = rejection;
	session->rejections_end = &rejection->next;
	session->rejection_count++;
}

/* Up to LIMIT_REJECTION_TEXT_BYTES of it. */
static char *rejection_text(const char *format, ...)
{
	char text[LIMIT_REJECTION_TEXT_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	/* Few encodings have that character. */
	for (char *at = text; (at = strstr(at, "…")) != NULL;)
		memcpy(at, "...", 3);
	char *copy = strdup(text);
	CHECK(copy != NULL);
	return copy;
}

/* In a transaction that has failed the server says so (25P02) to all but its end, before it looks what tables or
 * columns there are, but after it has parsed. So a column that can't exist is what fails just where the rejected
 * statement would have failed, had the server its rule: whether the transaction fails before is known to the server
 * alone when the two come in one pipeline. Of "ROLLBACK; …" the server would have run the first part: there nothing but
 * a text that can't be parsed says no in any state. */
void rejection_send(struct session *session, struct relay_out *out, const struct rejection_stead *stead)
{
	struct worker *worker = session->worker;
	/* As an identifier of more than 63 bytes it would be cut, with a notice to the client. */
	char reason[LIMIT_NAME_BYTES], text[sizeof reason + sizeof "SELECT \"\""];
	snprintf(reason, sizeof reason, "rejected by pgproctor: %s", stead->reason);
	snprintf(text, sizeof text, stead->ends_transaction ? "%s" : "SELECT \"%s\"", reason);
	struct bytes name = stead->name;
	/* The server keeps no more of a name (StorePreparedStatement), and the client's may be a megabyte. */
	if (name.len >= LIMIT_NAME_BYTES)
		name.len = LIMIT_NAME_BYTES - 1;
	relay_out_flush(out);
	size_t len = 0;
	switch (stead->kind) {
	case FLIGHT_QUERY:
		len = request_write_query(worker->own, sizeof worker->own, text);
		break;
	case FLIGHT_PARSE:
		len = request_write_parse(worker->own, sizeof worker->own, name, text);
		break;
	case FLIGHT_FUNCTION_CALL:
		len = request_write_function_call(worker->own, sizeof worker->own);
		break;
	default:
		CHECK(stead->kind == FLIGHT_BIND);
		len = rejection_bind(session, stead, reason);
		break;
	}
	CHECK(len <= sizeof worker->own);
	relay_out_add(out, worker->own, len);
	relay_out_flush(out);
}

/* A statement that isn't there tells the server's log why, but is refused with 26000 in a transaction that has failed
 * too. Where that may happen unseen, a malformed Bind of the right one is not. */
static size_t rejection_bind(const struct session *session, const struct rejection_stead *stead, const char *text)
{
	struct worker *worker = session->worker;
	if (!session->flight.settled) {
		size_t len = request_write_odd_bind(worker->own, sizeof worker->own, stead->name, stead->parameters);
		if (len <= sizeof worker->own)
			return len;
	}
	return request_write_bind(worker->own, sizeof worker->own, text);
}

bool rejection_yields(struct bytes body)
{
	char sqlstate[6];
	/* That it shuts down, or that this session was terminated, is for the client to know, and no ReadyForQuery
	 * follows it. */
	return reply_is_fatal(body) || (reply_decode_sqlstate(body, sqlstate) && strcmp(sqlstate, "25P02") == 0);
}

size_t rejection_write(const struct session *session, uint8_t *to)
{
	/* The head of the flight is the rejected request, and rejections are kept in the same order. */
	const struct session_rejection *rejection = session->rejections;
	CHECK(rejection != NULL);
	/* Names of tables may be in any script, and drivers decode strictly. */
	char message[REJECTION_ENCODED_BYTES], detail[REJECTION_ENCODED_BYTES], hint[REJECTION_ENCODED_BYTES];
	struct inspector *inspector = session->worker->inspector;
	inspector_write(inspector, &session->state, rejection->message, message, sizeof message);
	inspector_write(inspector, &session->state, rejection->detail, detail, sizeof detail);
	inspector_write(inspector, &session->state, rejection->hint, hint, sizeof hint);
	const struct reply_error error = {
	    .severity = "ERROR",
	    .sqlstate = "42501",
	    .message = message,
	    .detail = detail,
	    .hint = hint,
	    .encoded = true,
	};
	size_t len = reply_write_error(to, LIMIT_LOG_LINE_BYTES, &error);
	if (len > LIMIT_LOG_LINE_BYTES) {
		const struct reply_error brief = {
		    .severity = "ERROR", .sqlstate = "42501", .message = "rejected by pgproctor"};
		len = reply_write_error(to, LIMIT_LOG_LINE_BYTES, &brief);
	}
	return len;
}

void rejection_drop(struct session *session)
{
	struct session_rejection *rejection = session->rejections;
	CHECK(rejection != NULL);
	session->rejections = rejection->next;
	session->rejection_count--;
	if (!session->rejections)
		session->rejections_end = &session->rejections;
	free(rejection->message);
	free(rejection->detail);
	free(rejection->hint);
	free(rejection);
}
