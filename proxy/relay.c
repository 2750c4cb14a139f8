#include "proxy/relay.h"

#include "config/limits.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "proxy/answer.h"
#include "proxy/ask.h"
#include "proxy/login/login.h"
#include "proxy/study.h"
#include "proxy/rejection.h"
#include "proxy/worker.h"

#include <string.h>

static size_t relay_client_message(struct session *session, struct relay_out *out, struct bytes message,
                                   struct bytes input, uint64_t now_ns);
static bool relay_studies(struct session *session, struct bytes message);
static void relay_client_body(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                              const uint8_t *message, uint64_t now_ns);
static size_t relay_server_message(struct session *session, struct relay_out *out, struct bytes message,
                                   struct bytes input, uint64_t now_ns);
static void relay_server_begin(struct session *session, uint8_t type, uint32_t body_bytes, uint64_t now_ns);
static void relay_server_body(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                              uint64_t now_ns);
static void relay_server_end(struct session *session, struct relay_out *out, struct bytes body, uint64_t now_ns);
static void relay_swallow(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                          struct bytes body, size_t kept);

void relay_out_begin(struct relay_out *out, const void *data, size_t len)
{
	if (out->count == ARRAY_LEN(out->pieces))
		relay_out_flush(out);
	out->pieces[out->count++] = uv_buf_init((char *)data, (unsigned)len);
}

void relay_out_flush(struct relay_out *out)
{
	if (out->count > 0)
		link_write(out->to, out->pieces, out->count);
	out->count = 0;
}

/* A header's five bytes may have come in two reads: then they are no range of this one, and are sent from a copy
 * that lives on the caller's stack until the flush. */
static const uint8_t *relay_header(const struct frame *frame, struct bytes input, size_t header_end,
                                   uint8_t copy[MESSAGE_HEADER_BYTES])
{
	if (header_end >= MESSAGE_HEADER_BYTES)
		return input.data + header_end - MESSAGE_HEADER_BYTES;
	memcpy(copy, frame->header, MESSAGE_HEADER_BYTES);
	return copy;
}

void relay_from_client(struct session *session, struct bytes input, uint64_t now_ns)
{
	struct relay_out out;
	uint8_t header_copy[MESSAGE_HEADER_BYTES];
	const uint8_t *header = header_copy; /* of the message under way, when it began in this input */
	size_t at = 0;

	relay_out_init(&out, &session->server);
	while (at < input.len && session->phase == SESSION_RELAY && !session->studied_elsewhere) {
		struct bytes rest = {input.data + at, input.len - at};
		struct bytes message = frame_whole(&session->client_frame, rest);
		if (message.len > 0) {
			at += relay_client_message(session, &out, message, rest, now_ns);
			continue;
		}
		struct frame_piece piece;
		enum frame_event event = frame_next(&session->client_frame, rest, &piece);
		at += piece.input_bytes;
		switch (event) {
		case FRAME_MORE:
			if (session->client_frame.header_bytes > 0 &&
			    !request_type_exists(session->client_frame.header[0])) {
				relay_out_flush(&out);
				session_blind(session, "a client message of a type that there is not");
			}
			break;
		case FRAME_BROKEN:
			/* The server will say so and close: it has to see what we saw. */
			relay_out_add(&out, session->client_frame.header, MESSAGE_HEADER_BYTES);
			relay_out_flush(&out);
			session_blind(session, "a client message has an impossible length");
			break;
		case FRAME_HEADER:
			header = relay_header(&session->client_frame, input, at, header_copy);
			session->client_type = piece.type;
			session->intake = ask_header(session, &out, piece.type, piece.body_bytes, now_ns);
			if (session->intake == INTAKE_STREAM)
				relay_out_add(&out, header, MESSAGE_HEADER_BYTES);
			else if (session->intake == INTAKE_PREFIX ||
			         (session->intake == INTAKE_HOLD &&
			          (at + piece.body_bytes > input.len || header == header_copy)))
				buffer_put(&session->held, header, MESSAGE_HEADER_BYTES, MESSAGE_HEADER_BYTES);
			/* An empty body's event needs no further input. */
			if (piece.body_bytes == 0) {
				event = frame_next(&session->client_frame, (struct bytes){input.data + at, 0}, &piece);
				CHECK(event == FRAME_BODY && piece.last);
				relay_client_body(session, &out, &piece, header, now_ns);
			}
			break;
		case FRAME_BODY:
			relay_client_body(session, &out, &piece, header, now_ns);
			break;
		}
	}
	relay_out_flush(&out);
	if (at < input.len && session->phase == SESSION_BLIND) {
		uv_buf_t rest = uv_buf_init((char *)input.data + at, (unsigned)(input.len - at));
		link_write(&session->server, &rest, 1);
	}
	if (session->studied_elsewhere)
		buffer_put(&session->late, input.data + at, input.len - at, LIMIT_QUEUE_HIGH_BYTES);
	else if (frame_at_boundary(&session->client_frame))
		buffer_free(&session->held);
}

void relay_studied(struct session *session, uint64_t now_ns)
{
	struct relay_out out;
	struct buffer late = session->late;
	relay_out_init(&out, &session->server);
	session->late = (struct buffer){0};
	ask_message(session, &out, (struct bytes){session->held.data, session->held.len}, now_ns);
	relay_out_flush(&out);
	buffer_free(&session->held);
	if (late.len > 0 && session->phase == SESSION_RELAY) {
		relay_from_client(session, (struct bytes){late.data, late.len}, now_ns);
	} else if (late.len > 0 && session->phase == SESSION_BLIND) {
		uv_buf_t rest = uv_buf_init((char *)late.data, (unsigned)late.len);
		link_write(&session->server, &rest, 1);
	}
	buffer_free(&late);
}

/* One that came in one piece, at the beginning of `input`; with CopyData, those that follow. Returns what it took. */
static size_t relay_client_message(struct session *session, struct relay_out *out, struct bytes message,
                                   struct bytes input, uint64_t now_ns)
{
	struct bytes body = {message.data + MESSAGE_HEADER_BYTES, message.len - MESSAGE_HEADER_BYTES};
	uint32_t count;
	session->client_type = message.data[0];
	session->intake = ask_header(session, out, session->client_type, (uint32_t)body.len, now_ns);
	switch (session->intake) {
	case INTAKE_DISCARD:
		break;
	case INTAKE_STREAM:
		if (session->client_type == MESSAGE_COPY_DATA)
			message.len = frame_run(input, MESSAGE_COPY_DATA, &count);
		relay_out_add(out, message.data, message.len);
		break;
	case INTAKE_PREFIX:
		if (body.len > LIMIT_BIND_BYTES)
			body.len = LIMIT_BIND_BYTES;
		if (ask_prefix(session, out, session->client_type, body, now_ns))
			relay_out_add(out, message.data, message.len);
		break;
	case INTAKE_HOLD:
		if (!relay_studies(session, message))
			ask_message(session, out, message, now_ns);
		break;
	}
	return message.len;
}

/* A long text that is not known is parsed elsewhere, and the message waits in session->held. */
static bool relay_studies(struct session *session, struct bytes message)
{
	if (message.len < LIMIT_PARSE_BYTES_AT_ONCE)
		return false;
	struct inspector_reading *reading = ask_study(session, message);
	if (!reading)
		return false;
	session->studied_elsewhere = study_put(session->worker->study, session, reading);
	if (!session->studied_elsewhere)
		inspector_end(session->worker->inspector, reading);
	else if (session->held.len == 0)
		buffer_put(&session->held, message.data, message.len, MESSAGE_HEADER_BYTES + LIMIT_INSPECT_BYTES);
	return session->studied_elsewhere;
}

/* `header` stands right before the body in the input when nothing of the message is held. */
static void relay_client_body(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                              const uint8_t *header, uint64_t now_ns)
{
	struct buffer *held = &session->held;
	switch (session->intake) {
	case INTAKE_DISCARD:
		return;
	case INTAKE_STREAM:
		relay_out_add(out, piece->body.data, piece->body.len);
		return;
	case INTAKE_PREFIX: {
		size_t held_max = MESSAGE_HEADER_BYTES + LIMIT_BIND_BYTES;
		size_t wanted = held_max - held->len < piece->body.len ? held_max - held->len : piece->body.len;
		buffer_put(held, piece->body.data, wanted, held_max);
		if (held->len < held_max && !piece->last)
			return;
		struct bytes body = {held->data + MESSAGE_HEADER_BYTES, held->len - MESSAGE_HEADER_BYTES};
		bool passes = ask_prefix(session, out, session->client_type, body, now_ns);
		if (passes) {
			relay_out_add(out, held->data, held->len);
			relay_out_add(out, piece->body.data + wanted, piece->body.len - wanted);
			relay_out_flush(out);
		}
		buffer_free(held);
		session->intake = passes ? INTAKE_STREAM : INTAKE_DISCARD;
		return;
	}
	case INTAKE_HOLD:
		if (held->len == 0) {
			CHECK(piece->last);
			struct bytes message = {header, MESSAGE_HEADER_BYTES + piece->body.len};
			if (!relay_studies(session, message))
				ask_message(session, out, message, now_ns);
			return;
		}
		buffer_put(held, piece->body.data, piece->body.len, MESSAGE_HEADER_BYTES + LIMIT_INSPECT_BYTES);
		if (!piece->last || relay_studies(session, (struct bytes){held->data, held->len}))
			return;
		ask_message(session, out, (struct bytes){held->data, held->len}, now_ns);
		relay_out_flush(out);
		held->len = 0;
		return;
	}
}

void relay_from_server(struct session *session, struct bytes input, uint64_t now_ns)
{
	struct relay_out out;
	uint8_t header_copy[MESSAGE_HEADER_BYTES];
	size_t at = 0;

	relay_out_init(&out, &session->client);
	while (at < input.len && session->phase == SESSION_RELAY) {
		struct bytes rest = {input.data + at, input.len - at};
		struct bytes message = frame_whole(&session->server_frame, rest);
		if (message.len > 0) {
			at += relay_server_message(session, &out, message, rest, now_ns);
			continue;
		}
		struct frame_piece piece;
		enum frame_event event = frame_next(&session->server_frame, rest, &piece);
		at += piece.input_bytes;
		switch (event) {
		case FRAME_MORE:
			break;
		case FRAME_BROKEN:
			/* A postmaster that fails to fork answers without a length: its text goes on as it is. */
			relay_out_add(&out, session->server_frame.header, MESSAGE_HEADER_BYTES);
			relay_out_flush(&out);
			session_blind(session, "a server message has an impossible length");
			break;
		case FRAME_HEADER: {
			const uint8_t *header = relay_header(&session->server_frame, input, at, header_copy);
			relay_server_begin(session, piece.type, piece.body_bytes, now_ns);
			if (session->server_fate != FLIGHT_SWALLOW && !session->server_held)
				relay_out_add(&out, header, MESSAGE_HEADER_BYTES);
			if (session->server_fate == FLIGHT_LOST) {
				relay_out_flush(&out);
				session_blind(session, "a reply that answers nothing");
				break;
			}
			if (piece.body_bytes == 0) {
				event = frame_next(&session->server_frame, (struct bytes){input.data + at, 0}, &piece);
				CHECK(event == FRAME_BODY && piece.last);
				relay_server_body(session, &out, &piece, now_ns);
			}
			break;
		}
		case FRAME_BODY:
			relay_server_body(session, &out, &piece, now_ns);
			break;
		}
	}
	relay_out_flush(&out);
	if (at < input.len && session->phase == SESSION_BLIND) {
		uv_buf_t rest = uv_buf_init((char *)input.data + at, (unsigned)(input.len - at));
		link_write(&session->client, &rest, 1);
	}
}

/* One that came in one piece, at the beginning of `input`; with a row, those that follow. Returns what it took. */
static size_t relay_server_message(struct session *session, struct relay_out *out, struct bytes message,
                                   struct bytes input, uint64_t now_ns)
{
	uint8_t type = message.data[0];
	struct bytes body = {message.data + MESSAGE_HEADER_BYTES, message.len - MESSAGE_HEADER_BYTES};
	relay_server_begin(session, type, (uint32_t)body.len, now_ns);
	if (session->server_fate == FLIGHT_FORWARD && (type == MESSAGE_DATA_ROW || type == MESSAGE_COPY_DATA)) {
		uint32_t count;
		message.len = session->server_bytes = frame_run(input, type, &count);
		flight_reply_more(&session->flight, type, count - 1);
	}
	if (session->server_fate == FLIGHT_SWALLOW && rejection_yields(body))
		session->server_fate = FLIGHT_FORWARD;
	if (session->server_fate != FLIGHT_SWALLOW && !session->server_held)
		relay_out_add(out, message.data, message.len);
	if (session->server_fate == FLIGHT_LOST) {
		relay_out_flush(out);
		session_blind(session, "a reply that answers nothing");
	} else {
		relay_server_end(session, out, body, now_ns);
	}
	return message.len;
}

static void relay_server_begin(struct session *session, uint8_t type, uint32_t body_bytes, uint64_t now_ns)
{
	session->server_type = type;
	session->server_bytes = MESSAGE_HEADER_BYTES + (uint64_t)body_bytes;
	session->server_fate = flight_reply_begin(&session->flight, type, now_ns);
	session->server_held = session->server_fate == FLIGHT_FORWARD && login_wants(session, type, body_bytes);
	/* From its first AuthenticationRequest on the time is the server's, which has authentication_timeout: somebody
	 * may have to look for a password. */
	if (type == MESSAGE_AUTHENTICATION)
		session_deadline(session, 0);
}

/* `body` is the prefix of it that is kept, of a message that came in pieces. */
static void relay_server_end(struct session *session, struct relay_out *out, struct bytes body, uint64_t now_ns)
{
	if (session->server_fate == FLIGHT_SWALLOW) {
		struct worker *worker = session->worker;
		relay_out_flush(out);
		relay_out_add(out, worker->own, rejection_write(session, worker->own));
		relay_out_flush(out);
	}
	if (session->server_held)
		login_message(session, out, session->server_type, body);
	answer_message(session, session->server_type, body, session->server_bytes, now_ns);
}

static void relay_server_body(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                              uint64_t now_ns)
{
	struct bytes body = {NULL, 0};
	size_t kept = 0; /* of this piece, what has gone into the prefix */
	if (answer_wants(session->server_type) || session->server_held) {
		body = piece->body;
		bool whole = piece->last && session->prefix.len == 0;
		if (!whole) {
			size_t room = LIMIT_REPLY_PREFIX_BYTES - session->prefix.len;
			kept = piece->body.len < room ? piece->body.len : room;
			buffer_put(&session->prefix, piece->body.data, kept, LIMIT_REPLY_PREFIX_BYTES);
			body = (struct bytes){session->prefix.data, session->prefix.len};
		}
	}
	if (session->server_fate == FLIGHT_FORWARD && !session->server_held)
		relay_out_add(out, piece->body.data, piece->body.len);
	else if (session->server_fate == FLIGHT_SWALLOW)
		relay_swallow(session, out, piece, body, kept);
	if (!piece->last)
		return;
	relay_server_end(session, out, body, now_ns);
	if (session->prefix.capacity > 0)
		buffer_free(&session->prefix);
}

/* What comes in a rejected request's turn is our words, unless they yield to the server's. `body` is as much as is kept
 * of the body so far, `kept` bytes of it from this piece. */
static void relay_swallow(struct session *session, struct relay_out *out, const struct frame_piece *piece,
                          struct bytes body, size_t kept)
{
	if (!rejection_yields(body))
		return;
	session->server_fate = FLIGHT_FORWARD;
	relay_out_add(out, session->server_frame.header, MESSAGE_HEADER_BYTES);
	relay_out_add(out, body.data, body.len);
	if (body.data == session->prefix.data)
		relay_out_add(out, piece->body.data + kept, piece->body.len - kept);
	relay_out_flush(out);
}
