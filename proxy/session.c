#include "proxy/session.h"

#include "config/limits.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "proxy/login/admission.h"
#include "proxy/answer.h"
#include "proxy/arrival.h"
#include "proxy/login/authentication.h"
#include "proxy/feed/feed.h"
#include "proxy/plans.h"
#include "proxy/relay.h"
#include "proxy/session_log.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

#include <string.h>
#include <unistd.h>

/* After FIN to the client it may still be sending; a close with unread input would turn into an RST that can
 * destroy the last message on its way. So it is read to its end, for this long at most. A client that was idle when
 * pgproctor stops has sent nothing, and often doesn't look before its next query: the stop doesn't wait for that. */
enum { SESSION_LINGER_MS = 5000, SESSION_LINGER_STOPPING_MS = 200 };

/* How often it is looked whether a client that isn't read is still there. */
enum { SESSION_WATCH_MS = 1000 };

/* How long a client may take over the last of what is queued for it, a few hundred kilobytes. */
enum { SESSION_LAST_WORDS_MS = 60 * 1000 };

/* The length word is not counted in MAX_STARTUP_PACKET_LENGTH (ProcessStartupPacket in the server). */
enum { SESSION_START_BYTES_MAX = LIMIT_STARTUP_PACKET_BYTES + 4 + LIMIT_READ_BYTES };

static struct session *session_new(struct worker *worker, uint64_t id);
static void session_begin(struct session *session, int status);
static void session_client_data(struct link *link, struct bytes input);
static void session_client_end(struct link *link, int status);
static void session_client_drained(struct link *link);
static void session_client_broken(struct link *link, int status);
static void session_client_sent(struct link *link);
static void session_client_secure(struct link *link);
static void session_server_data(struct link *link, struct bytes input);
static void session_server_end(struct link *link, int status);
static void session_server_drained(struct link *link);
static void session_server_broken(struct link *link, int status);
static void session_server_sent(struct link *link);
static void session_link_closed(struct link *link);
static void session_look_away(struct session *session);
static void session_let_go(struct link *link, const struct frame *frame, struct buffer *held);
static void session_watch(struct session *session, bool on);
static void session_client_lost(struct session *session);
static void session_on_timer(uv_timer_t *timer);
static void session_on_timer_closed(uv_handle_t *handle);

static const struct link_events session_client_events = {
    .on_data = session_client_data,
    .on_end = session_client_end,
    .on_drained = session_client_drained,
    .on_broken = session_client_broken,
    .on_sent = session_client_sent,
    .on_closed = session_link_closed,
    .on_secure = session_client_secure,
};

const struct link_events session_server_events = {
    .on_data = session_server_data,
    .on_end = session_server_end,
    .on_drained = session_server_drained,
    .on_broken = session_server_broken,
    .on_sent = session_server_sent,
    .on_closed = session_link_closed,
};

void session_accept(struct worker *worker, uint64_t id, uv_stream_t *listener)
{
	struct session *session = session_new(worker, id);
	enum link_transport transport = listener->type == UV_TCP ? LINK_TCP : LINK_UNIX;
	int status =
	    link_init(&session->client, &worker->loop, transport, &worker->scratch, &session_client_events, session);
	if (status == 0)
		status = uv_accept(listener, &session->client.uv.stream);
	session_begin(session, status);
}

void session_take(struct worker *worker, uint64_t id, int fd, enum link_transport transport)
{
	struct session *session = session_new(worker, id);
	struct link *client = &session->client;
	int status = link_init(client, &worker->loop, transport, &worker->scratch, &session_client_events, session);
	if (status == 0)
		status = transport == LINK_TCP ? uv_tcp_open(&client->uv.tcp, fd) : uv_pipe_open(&client->uv.pipe, fd);
	if (status < 0)
		close(fd);
	session_begin(session, status);
	if (worker->stopping)
		session_drain(session);
}

static struct session *session_new(struct worker *worker, uint64_t id)
{
	struct session *session = calloc(1, sizeof *session);
	CHECK(session != NULL);
	session->worker = worker;
	session->id = id;
	session->accepted_ns = uv_hrtime();
	session->rejections_end = &session->rejections;
	flight_init(&session->flight);
	names_init(&session->names);
	frame_init(&session->client_frame);
	frame_init(&session->server_frame);
	CHECK(uv_timer_init(&worker->loop, &session->timer) == 0);
	session->timer.data = session;

	session->next = worker->sessions;
	if (session->next)
		session->next->previous = session;
	worker->sessions = session;
	worker->session_count++;
	worker->connects++;
	admission_arrive(session);
	return session;
}

static void session_begin(struct session *session, int status)
{
	struct worker *worker = session->worker;
	if (status < 0) {
		session_abort(session, "accept failed");
		return;
	}
	if (!admission_bear(session)) {
		session_abort(session, "out of file descriptors");
		return;
	}
	link_tune(&session->client, &worker->settings->keepalive);
	session_log_name_client(session);
	session_deadline(session, worker->settings->client_login_timeout_ms);
	link_read(&session->client, true);
}

void session_blind(struct session *session, const char *why)
{
	struct worker *worker = session->worker;
	if (session->phase != SESSION_RELAY)
		return;
	worker->parcel->stats.blind_sessions++;
	worker_missed(worker, session);
	struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "blind", session);
	logline_text(line, "reason", why);
	bool close = worker->settings->on_blind == SETTINGS_BLIND_CLOSE;
	logline_text(line, "consequence", close ? "session closed" : "session goes on uninspected");
	worker_log(worker, line);
	/* In the middle of a message that was replaced or swallowed there is no way to go on in step. */
	bool midway = (!frame_at_boundary(&session->client_frame) && session->intake == INTAKE_DISCARD) ||
	              (!frame_at_boundary(&session->server_frame) &&
	               (session->server_fate == FLIGHT_SWALLOW || session->server_held));
	if (close || midway) {
		session_end(session, why);
		return;
	}
	session_look_away(session);
}

static void session_look_away(struct session *session)
{
	session_move(session, SESSION_BLIND);
	/* Whether the log-in ends well is no longer seen; the server has a time limit of its own. */
	session_deadline(session, 0);
	session_let_go(&session->server, &session->client_frame, &session->held);
	if (session->late.len > 0) {
		uv_buf_t piece = uv_buf_init((char *)session->late.data, (unsigned)session->late.len);
		link_write(&session->server, &piece, 1);
		buffer_free(&session->late);
	}
	session_let_go(&session->client, &session->server_frame, NULL);
}

void session_studied(struct session *session)
{
	session->studied_elsewhere = false;
	if (session->phase == SESSION_RELAY)
		relay_studied(session, uv_hrtime());
	/* The client's end may have come meanwhile: close_notify, in the same read. */
	if ((session->phase == SESSION_RELAY || session->phase == SESSION_BLIND) && session->client.ended)
		session_pass_end(session);
	session_pace(session);
	if (session->draining && session->phase == SESSION_RELAY)
		session_drain(session);
	session_free_when_gone(session);
}

/* What of a message is kept back while it is followed: some header bytes, or a message to be judged. */
static void session_let_go(struct link *link, const struct frame *frame, struct buffer *held)
{
	if (frame->header_bytes < MESSAGE_HEADER_BYTES && frame->header_bytes > 0) {
		uv_buf_t piece = uv_buf_init((char *)frame->header, frame->header_bytes);
		link_write(link, &piece, 1);
	} else if (held && held->len > 0) {
		uv_buf_t piece = uv_buf_init((char *)held->data, (unsigned)held->len);
		link_write(link, &piece, 1);
		held->len = 0;
	}
}

void session_end(struct session *session, const char *reason)
{
	if (session->phase == SESSION_CLOSING)
		return;
	session->end_reason = reason;
	session_move(session, SESSION_CLOSING);
	link_close(&session->server);
	session_deadline(session, SESSION_LAST_WORDS_MS);
	if (session->client.state != LINK_OPEN || session->client.broken) {
		session_abort(session, reason);
		return;
	}
	link_shutdown(&session->client);
	link_read(&session->client, true);
}

void session_refuse(struct session *session, const char *sqlstate, const char *message)
{
	session_say_fatal(session, sqlstate, message);
	session_end(session, message);
}

void session_say_fatal(struct session *session, const char *sqlstate, const char *message)
{
	const struct reply_error error = {.severity = "FATAL", .sqlstate = sqlstate, .message = message};
	session_say_error(session, &error);
}

void session_say_error(struct session *session, const struct reply_error *error)
{
	uint8_t *own = session->worker->own;
	size_t len = reply_write_error(own, sizeof session->worker->own, error);
	uv_buf_t piece = uv_buf_init((char *)own, (unsigned)len);
	link_write(&session->client, &piece, 1);
	memcpy(session->end_sqlstate, error->sqlstate, 5);
}

void session_drain(struct session *session)
{
	session->draining = true;
	if (session->phase == SESSION_CLOSING && session->said)
		session_deadline(session, SESSION_LINGER_STOPPING_MS);
	if (session->phase == SESSION_BLIND || session->phase == SESSION_PARTING || session->phase == SESSION_CLOSING)
		return;
	bool idle = flight_empty(&session->flight) && session->flight.status != 'T' && session->flight.status != 'E' &&
	            frame_at_boundary(&session->client_frame) && !session->studied_elsewhere;
	if (session->ready_ns && !idle)
		return;
	if (session->ready_ns) {
		static const char terminate[MESSAGE_HEADER_BYTES] = {MESSAGE_TERMINATE, 0, 0, 0, 4};
		uv_buf_t piece = uv_buf_init((char *)terminate, sizeof terminate);
		link_write(&session->server, &piece, 1);
		session_refuse(session, "57P01", "pgproctor is shutting down");
	} else {
		session_refuse(session, "57P03", "pgproctor is shutting down");
	}
}

void session_ready(struct session *session, uint64_t now_ns)
{
	session->ready_ns = now_ns;
	session_deadline(session, 0);
	session_log_connect(session);
	/* A walsender logs in like any other, and then speaks a grammar of its own. */
	if (session->purpose == SESSION_REPLICATION)
		session_look_away(session);
	else if (session->worker->feed &&
	         feed_want(session->worker->feed, session->state.database, session->state.user) &&
	         rules_may_reject(&session->worker->rules))
		session->catalog_wait_ns = now_ns + (uint64_t)LIMIT_FIRST_CATALOG_MS * 1000000;
}

/* A migration may well be the first thing that comes after a restart: what must not get through is not let through
 * because nothing is known yet. */
static bool session_awaits_catalog(struct session *session)
{
	if (session->catalog_wait_ns && (uv_hrtime() >= session->catalog_wait_ns ||
	                                 inspector_catalog(session->worker->inspector, session->state.database)))
		session->catalog_wait_ns = 0;
	return session->catalog_wait_ns != 0;
}

void session_pace(struct session *session)
{
	bool reads;
	switch (session->phase) {
	case SESSION_STARTUP:
	case SESSION_CLOSING:
		link_read(&session->client, true);
		break;
	case SESSION_CONNECTING:
		link_read(&session->client, false);
		break;
	case SESSION_AUTHENTICATION:
		link_read(&session->client, authentication_awaits_client(session));
		link_read(&session->server, authentication_awaits_server(session));
		break;
	case SESSION_RELAY:
		reads = !link_full(&session->server) && !flight_full(&session->flight) &&
		        session->rejection_count < LIMIT_REJECTIONS && !session->studied_elsewhere &&
		        !session_awaits_catalog(session);
		link_read(&session->client, reads);
		link_read(&session->server, !link_full(&session->client));
		if (session->ready_ns)
			session_watch(session, !reads);
		break;
	case SESSION_BLIND:
		session_watch(session, link_full(&session->server));
		/* fall through */
	case SESSION_PARTING:
		link_read(&session->client, !link_full(&session->server));
		link_read(&session->server, !link_full(&session->client));
		break;
	}
}

/* A client that isn't read, because the server is busy and the queue is full, may go away unnoticed; the server would
 * go on working for it, even with client_connection_check_interval. */
static void session_watch(struct session *session, bool on)
{
	if (on != (uv_is_active((uv_handle_t *)&session->timer) != 0))
		session_deadline(session, on ? SESSION_WATCH_MS : 0);
}

/* Which phase may follow which: the drawing in the header, as a table. */
void session_move(struct session *session, enum session_phase phase)
{
	static const uint8_t allowed[] = {
	    [SESSION_STARTUP] = 1 << SESSION_CONNECTING | 1 << SESSION_CLOSING,
	    [SESSION_CONNECTING] = 1 << SESSION_AUTHENTICATION | 1 << SESSION_RELAY | 1 << SESSION_BLIND |
	                           1 << SESSION_PARTING | 1 << SESSION_CLOSING,
	    [SESSION_AUTHENTICATION] = 1 << SESSION_RELAY | 1 << SESSION_PARTING | 1 << SESSION_CLOSING,
	    [SESSION_RELAY] = 1 << SESSION_BLIND | 1 << SESSION_CLOSING,
	    [SESSION_BLIND] = 1 << SESSION_CLOSING,
	    [SESSION_PARTING] = 1 << SESSION_CLOSING,
	    [SESSION_CLOSING] = 0,
	};
	CHECK(allowed[session->phase] & 1 << phase);
	admission_follow(session, phase);
	if (session->phase == SESSION_AUTHENTICATION)
		authentication_close(session);
	session->phase = phase;
}

/* -- the client's side -------------------------------------------------------------------------- */

static void session_client_data(struct link *link, struct bytes input)
{
	struct session *session = link->owner;
	session->worker->parcel->stats.bytes_in += input.len;
	switch (session->phase) {
	case SESSION_STARTUP:
		/* At most a whole packet but for one byte, and one read. */
		buffer_put(&session->held, input.data, input.len, SESSION_START_BYTES_MAX);
		arrival_read(session);
		break;
	case SESSION_AUTHENTICATION:
		authentication_from_client(session, input);
		break;
	case SESSION_RELAY:
		relay_from_client(session, input, uv_hrtime());
		break;
	case SESSION_BLIND: {
		uv_buf_t piece = uv_buf_init((char *)input.data, (unsigned)input.len);
		link_write(&session->server, &piece, 1);
		break;
	}
	case SESSION_PARTING:
		/* Should a server take the packet after all, nothing gets through that nobody would look at. */
	case SESSION_CONNECTING:
	case SESSION_CLOSING:
		break;
	}
	session_pace(session);
}

static void session_client_end(struct link *link, int status)
{
	struct session *session = link->owner;
	if (link_error(link)[0])
		snprintf(session->tls_error, sizeof session->tls_error, "%s", link_error(link));
	switch (session->phase) {
	case SESSION_CONNECTING:
		/* Nothing is read meanwhile, but close_notify may have come in one read with the start-up packet, or
		 * with a cancel. It takes its turn once the server has got those: arrival_connected asks for it. */
		if (status == 0)
			break;
		session_abort(session, "client connection broke");
		break;
	case SESSION_STARTUP:
	case SESSION_AUTHENTICATION:
		session_abort(session, status == 0 ? "client closed" : "client connection broke");
		break;
	case SESSION_CLOSING:
		/* What is still queued for it has a reader yet, unless the connection broke. */
		if (status < 0 || session->said)
			session_abort(session, session->end_reason);
		break;
	case SESSION_RELAY:
	case SESSION_BLIND:
	case SESSION_PARTING:
		if (status < 0) {
			session_client_lost(session);
			break;
		}
		session_pass_end(session);
		break;
	}
}

void session_pass_end(struct session *session)
{
	/* The server answers what came before, reads the end, and closes; its replies still have a reader. What
	 * was kept of a message that never came whole is what the server would have seen of it. */
	if (session->studied_elsewhere)
		return; /* its turn comes behind what waits: session_studied asks again */
	if (session->phase == SESSION_RELAY)
		session_let_go(&session->server, &session->client_frame, &session->held);
	if (!session->end_reason)
		session->end_reason = "client closed";
	link_shutdown(&session->server);
}

static void session_client_drained(struct link *link)
{
	session_pace(link->owner);
}

static void session_client_broken(struct link *link, int status)
{
	(void)status;
	session_client_lost(link->owner);
}

/* The server learns it as it would from the client itself: what is still on its way to it doesn't keep the news back.
 */
static void session_client_lost(struct session *session)
{
	link_reset(&session->server);
	session_abort(session, "client connection broke");
}

static void session_client_sent(struct link *link)
{
	struct session *session = link->owner;
	session->said = true;
	if (session->client.ended)
		session_abort(session, session->end_reason);
	else
		session_deadline(session, session->draining ? SESSION_LINGER_STOPPING_MS : SESSION_LINGER_MS);
}

static void session_client_secure(struct link *link)
{
	struct session *session = link->owner;
	/* Who does not ask first has to say by ALPN what it is going to speak: a server of another protocol on a
	 * mistaken port must not be talked into anything (PostgreSQL 17's ProcessSSLStartup). */
	if (session->direct_tls && !tls_alpn_agreed(link->tls))
		session_abort(session, "direct TLS without ALPN");
}

/* -- the server's side -------------------------------------------------------------------------- */

static void session_server_data(struct link *link, struct bytes input)
{
	struct session *session = link->owner;
	session->worker->parcel->stats.bytes_out += input.len;
	if (session->phase == SESSION_RELAY) {
		relay_from_server(session, input, uv_hrtime());
	} else if (session->phase == SESSION_AUTHENTICATION) {
		authentication_from_server(session, input);
	} else {
		uv_buf_t piece = uv_buf_init((char *)input.data, (unsigned)input.len);
		link_write(&session->client, &piece, 1);
	}
	if (session->draining && session->phase == SESSION_RELAY)
		session_drain(session);
	session_pace(session);
}

static void session_server_end(struct link *link, int status)
{
	struct session *session = link->owner;
	if (status < 0 && !session->end_reason)
		session->end_reason = "server connection broke";
	if (link_error(link)[0]) {
		snprintf(session->tls_error, sizeof session->tls_error, "%s", link_error(link));
		/* With TLS 1.3 the server refuses our certificate after the handshake. */
		if (session->phase == SESSION_AUTHENTICATION || (session->phase == SESSION_RELAY && !session->ready_ns))
			session_say_fatal(session, "08006", "the server ended the SSL connection");
	} else if (session->phase == SESSION_RELAY) {
		session_let_go(&session->client, &session->server_frame, NULL);
	}
	session_end(session, session->end_reason ? session->end_reason : "server closed");
}

static void session_server_drained(struct link *link)
{
	session_pace(link->owner);
}

static void session_server_broken(struct link *link, int status)
{
	/* What the server said before it went away is still to be read: its end is told by on_end. Only when
	 * nothing reads from it (back-pressure) does that come later. */
	(void)status;
	struct session *session = link->owner;
	if (session->phase == SESSION_CLOSING)
		return;
	link_read(&session->client, false);
	session_pace(session);
}

static void session_server_sent(struct link *link)
{
	(void)link; /* its own EOF ends the session */
}

static void session_link_closed(struct link *link)
{
	session_free_when_gone(link->owner);
}

/* -- the end ----------------------------------------------------------------------------------------- */

void session_abort(struct session *session, const char *reason)
{
	if (!session->end_reason)
		session->end_reason = reason;
	if (session->phase != SESSION_CLOSING)
		session_move(session, SESSION_CLOSING);
	upstream_cancel(session);
	link_close(&session->client);
	link_close(&session->server);
	if (!uv_is_closing((uv_handle_t *)&session->timer))
		uv_close((uv_handle_t *)&session->timer, session_on_timer_closed);
}

void session_deadline(struct session *session, uint64_t in_ms)
{
	if (in_ms > 0)
		uv_timer_start(&session->timer, session_on_timer, in_ms, 0);
	else
		uv_timer_stop(&session->timer);
}

static void session_on_timer(uv_timer_t *timer)
{
	struct session *session = timer->data;
	switch (session->phase) {
	case SESSION_STARTUP:
		session_abort(session, "client_login_timeout before a start-up packet");
		break;
	case SESSION_CONNECTING:
		arrival_connected(session, UV_ETIMEDOUT);
		break;
	case SESSION_AUTHENTICATION:
	case SESSION_RELAY:
		if (!session->ready_ns) {
			session_refuse(session, "08P01", "client_login_timeout");
			break;
		}
		/* fall through */
	case SESSION_BLIND:
		if (link_is_reset(&session->client)) {
			session_client_lost(session);
			break;
		}
		/* There may be no catalog to wait for. */
		if (session->catalog_wait_ns &&
		    !feed_want(session->worker->feed, session->state.database, session->state.user))
			session->catalog_wait_ns = 0;
		session_deadline(session, SESSION_WATCH_MS);
		session_pace(session);
		break;
	case SESSION_PARTING:
	case SESSION_CLOSING:
		session_abort(session, "closed");
		break;
	}
}

static void session_on_timer_closed(uv_handle_t *handle)
{
	struct session *session = handle->data;
	session->timer_closed = true;
	session_free_when_gone(session);
}

void session_free_when_gone(struct session *session)
{
	if (!link_gone(&session->client) || !link_gone(&session->server) || !session->timer_closed ||
	    session->resolving || session->studied_elsewhere)
		return;
	session_log_disconnect(session);
	answer_forget(session);
	authentication_free(session);
	flight_fini(&session->flight);
	names_fini(&session->names);
	session_state_fini(&session->state);
	buffer_free(&session->held);
	buffer_free(&session->late);
	buffer_free(&session->prefix);
	buffer_free(&session->trial_answer);
	free(session->tags);
	plans_free(session->plans);
	struct worker *worker = session->worker;
	if (session->next)
		session->next->previous = session->previous;
	if (session->previous)
		session->previous->next = session->next;
	else
		worker->sessions = session->next;
	worker->session_count--;
	admission_gone(worker);
	free(session);
	worker_session_gone(worker);
}
