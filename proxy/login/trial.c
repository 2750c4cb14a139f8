#include "proxy/login/trial.h"

#include "config/limits.h"
#include "protocol/bytes.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "proxy/worker.h"

#include <string.h>

enum trial_verdict {
	TRIAL_UNDECIDED, /* there is more to come */
	TRIAL_GOES_ON,
	TRIAL_WANTS_TLS,
};

static void trial_on_data(struct link *link, struct bytes input);
static void trial_on_end(struct link *link, int status);
static void trial_on_nothing(struct link *link);
static void trial_on_closed(struct link *link);
static enum trial_verdict trial_verdict(struct bytes answer);
static void trial_finish(struct session *session, int status);

static const struct link_events trial_events = {
    .on_data = trial_on_data,
    .on_end = trial_on_end,
    .on_drained = trial_on_nothing,
    .on_broken = trial_on_end,
    .on_sent = trial_on_nothing,
    .on_closed = trial_on_closed,
    .on_secure = trial_on_nothing,
};

bool trial_wanted(const struct session *session)
{
	/* A cancel is taken in the clear by any server. */
	return session->worker->settings->server_tls.mode == SETTINGS_TLS_ALLOW && !session->trial_sent &&
	       session->worker->tls.server && session->server.uv.handle.type == UV_TCP &&
	       (session->purpose == SESSION_QUERIES || session->purpose == SESSION_REPLICATION);
}

void trial_begin(struct session *session, trial_done_fn *done)
{
	struct link *server = &session->server;
	CHECK(trial_wanted(session));
	session->trial_sent = true;
	session->handshake_done = done;
	session->server_events = server->events;
	server->events = &trial_events;
	link_tune(server, &session->worker->settings->keepalive);
	uv_buf_t piece = uv_buf_init((char *)session->held.data, bytes_get_u32(session->held.data));
	link_write(server, &piece, 1);
	link_read(server, true);
}

static void trial_on_data(struct link *link, struct bytes input)
{
	struct session *session = link->owner;
	struct buffer *answer = &session->trial_answer;
	buffer_put(answer, input.data, input.len, LIMIT_REPLY_PREFIX_BYTES + LIMIT_READ_BYTES);
	switch (trial_verdict((struct bytes){answer->data, answer->len})) {
	case TRIAL_UNDECIDED:
		break;
	case TRIAL_GOES_ON:
		trial_finish(session, 0);
		break;
	case TRIAL_WANTS_TLS:
		session->trial_refused = true;
		link_close(link);
		break;
	}
}

/* The session hears of an end by itself, from the link. */
static void trial_on_end(struct link *link, int status)
{
	trial_finish(link->owner, status);
}

static void trial_on_nothing(struct link *link)
{
	(void)link;
}

static void trial_on_closed(struct link *link)
{
	struct session *session = link->owner;
	link->events = session->server_events;
	if (session->phase == SESSION_CONNECTING && session->trial_refused)
		session->handshake_done(session, TRIAL_AGAIN);
	else
		link->events->on_closed(link);
}

static enum trial_verdict trial_verdict(struct bytes answer)
{
	for (;;) {
		if (answer.len > 0 && answer.data[0] != MESSAGE_ERROR_RESPONSE &&
		    answer.data[0] != MESSAGE_NEGOTIATE_PROTOCOL_VERSION)
			return TRIAL_GOES_ON;
		if (answer.len < MESSAGE_HEADER_BYTES)
			return TRIAL_UNDECIDED;
		size_t len = 1 + (size_t)bytes_get_u32(answer.data + 1);
		/* Longer than either ever is, or no message at all. */
		if (len < MESSAGE_HEADER_BYTES || len > LIMIT_REPLY_PREFIX_BYTES)
			return TRIAL_GOES_ON;
		if (answer.len < len)
			return TRIAL_UNDECIDED;
		char sqlstate[6];
		struct bytes body = {answer.data + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES};
		/* The version is agreed on before pg_hba.conf is asked. */
		if (answer.data[0] == MESSAGE_ERROR_RESPONSE)
			return reply_decode_sqlstate(body, sqlstate) && strcmp(sqlstate, "28000") == 0 ? TRIAL_WANTS_TLS
			                                                                               : TRIAL_GOES_ON;
		answer = (struct bytes){answer.data + len, answer.len - len};
	}
}

static void trial_finish(struct session *session, int status)
{
	struct link *server = &session->server;
	if (server->state != LINK_OPEN || server->events != &trial_events)
		return;
	link_read(server, false);
	server->events = session->server_events;
	session->handshake_done(session, status);
}
