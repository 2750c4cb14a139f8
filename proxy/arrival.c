#include "proxy/arrival.h"

#include "config/limits.h"
#include "protocol/startup.h"
#include "proxy/login/admission.h"
#include "proxy/login/authentication.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/relay.h"
#include "proxy/login/trial.h"
#include "proxy/upstream.h"
#include "proxy/workers.h"

#include <string.h>

/* What SSLRequest and GSSENCRequest are answered with. */
static const char ARRIVAL_NO = 'N', ARRIVAL_YES = 'S';

static void arrival_open(struct session *session, const struct startup *startup);
static void arrival_connect(struct session *session);
static void arrival_reached(struct session *session, int status);
static void arrival_tried(struct session *session, int status);
static void arrival_answered(struct session *session);
static void arrival_refused(struct session *session);

void arrival_read(struct session *session)
{
	while (session->phase == SESSION_STARTUP) {
		struct bytes input = {session->held.data, session->held.len};
		struct startup startup = startup_parse(input);
		switch (startup.kind) {
		case STARTUP_MORE:
			return;
		case STARTUP_SSL_REQUEST:
		case STARTUP_GSSENC_REQUEST: {
			bool ssl = startup.kind == STARTUP_SSL_REQUEST;
			bool *refused = ssl ? &session->ssl_answered : &session->gssenc_refused;
			if (*refused || session->client.tls) {
				session_refuse(session, "0A000",
				               "unsupported frontend protocol: encryption asked for twice");
				return;
			}
			*refused = true;
			bool yes = ssl && handshake_offered(session);
			uv_buf_t piece = uv_buf_init((char *)(yes ? &ARRIVAL_YES : &ARRIVAL_NO), 1);
			bool more = input.len > startup.packet_bytes;
			if (more && yes) {
				/* Whoever put clear text behind the request hoped to have it read as encrypted:
				 * CVE-2021-23214. */
				session_refuse(session, "08P01", "received unencrypted data after SSL request");
				return;
			}
			link_write(&session->client, &piece, 1);
			if (more) {
				/* As the server does it, after its answer. */
				session_refuse(session, "08P01",
				               ssl ? "received unencrypted data after SSL request"
				                   : "received unencrypted data after GSSAPI encryption request");
				return;
			}
			buffer_free(&session->held);
			if (yes)
				handshake_with_client(session, (struct bytes){NULL, 0});
			return;
		}
		case STARTUP_CANCEL_REQUEST:
			session->purpose = SESSION_CANCELLING;
			arrival_connect(session);
			return;
		case STARTUP_MESSAGE:
			arrival_open(session, &startup);
			return;
		case STARTUP_DIRECT_TLS: {
			if (!handshake_offered(session) || session->client.tls || session->ssl_answered) {
				session_abort(session, "direct TLS asked for, which is not offered");
				return;
			}
			session->direct_tls = true;
			struct buffer hello = session->held;
			session->held = (struct buffer){0};
			handshake_with_client(session, input);
			buffer_free(&hello);
			return;
		}
		case STARTUP_BAD_LENGTH:
			/* As the server does: closed without a word. */
			session_abort(session, "invalid length of startup packet");
			return;
		case STARTUP_BAD_VERSION:
		case STARTUP_BAD_LAYOUT:
			session->purpose = SESSION_MISFIT;
			session->end_reason = startup.kind == STARTUP_BAD_VERSION ? "unsupported protocol version"
			                                                          : "invalid startup packet layout";
			arrival_connect(session);
			return;
		}
	}
}

static void arrival_open(struct session *session, const struct startup *startup)
{
	struct worker *worker = session->worker;
	session_state_init(&session->state, (const char *)startup->database.data, startup->database.len,
	                   (const char *)startup->user.data, startup->user.len);
	session->state.number = session->id;
	size_t application_len = startup->application_name.len;
	if (application_len >= sizeof session->application)
		application_len = sizeof session->application - 1;
	if (application_len > 0)
		memcpy(session->application, startup->application_name.data, application_len);
	char option[sizeof session->state.search_path];
	/* The server will say what it makes of these, but with trust a client's first messages may come before that. */
	if (startup->client_encoding.len > 0)
		session_state_parameter(&session->state, "client_encoding", strlen("client_encoding"),
		                        (const char *)startup->client_encoding.data, startup->client_encoding.len);
	const char *const early[] = {"client_encoding", "standard_conforming_strings"};
	for (size_t at = 0; at < ARRAY_LEN(early); at++)
		if (startup_option(startup->options, early[at], option, sizeof option))
			session_state_parameter(&session->state, early[at], strlen(early[at]), option, strlen(option));
	if (startup->search_path.len > 0)
		session_state_search_path(&session->state, (const char *)startup->search_path.data,
		                          startup->search_path.len);
	else if (startup_option(startup->options, "search_path", option, sizeof option))
		session_state_search_path(&session->state, option, strlen(option));
	if (startup->lock_timeout.len > 0)
		session_state_lock_timeout(&session->state, (const char *)startup->lock_timeout.data,
		                           startup->lock_timeout.len);
	else if (startup_option(startup->options, "lock_timeout", option, sizeof option))
		session_state_lock_timeout(&session->state, option, strlen(option));
	if (startup->plan_cache_mode.len > 0)
		session_state_plan_cache_mode(&session->state, (const char *)startup->plan_cache_mode.data,
		                              startup->plan_cache_mode.len);
	else if (startup_option(startup->options, "plan_cache_mode", option, sizeof option))
		session_state_plan_cache_mode(&session->state, option, strlen(option));

	if (!session->client.tls && handshake_demanded(session)) {
		session_refuse(session, "28000", "SSL is required (client_tls_sslmode)");
		return;
	}
	const char *refused = admission_refuses(session);
	if (refused) {
		session_refuse(session, worker->stopping ? "57P03" : "53300", refused);
		return;
	}
	if (startup_replicates(startup)) {
		/* What the server says when pg_hba.conf lets nobody replicate. */
		if (worker->settings->replication == SETTINGS_UNSEEN_REJECT) {
			session_refuse(session, "28000",
			               "pgproctor: replication connections are refused (replication = reject)");
			return;
		}
		session->purpose = SESSION_REPLICATION;
	}
	arrival_connect(session);
}

static void arrival_connect(struct session *session)
{
	session_move(session, SESSION_CONNECTING);
	session_pace(session);
	session_deadline(session, session->worker->settings->server_connect_timeout_ms);
	int status = upstream_connect(session, &session_server_events, arrival_reached);
	if (status < 0)
		arrival_connected(session, status);
}

static void arrival_reached(struct session *session, int status)
{
	bool goes_on = status == 0 && session->phase == SESSION_CONNECTING;
	if (goes_on && trial_wanted(session))
		trial_begin(session, arrival_tried);
	else if (goes_on)
		handshake_with_server(session, arrival_connected);
	else
		arrival_connected(session, status);
}

static void arrival_tried(struct session *session, int status)
{
	if (status == TRIAL_AGAIN)
		status = upstream_connect(session, &session_server_events, arrival_reached);
	if (status < 0 || !session->trial_refused)
		arrival_connected(session, status);
}

void arrival_connected(struct session *session, int status)
{
	struct worker *worker = session->worker;
	if (session->phase != SESSION_CONNECTING) {
		/* It ended meanwhile, and perhaps only this kept it. */
		session_free_when_gone(session);
		return;
	}
	const struct settings_address *upstream = &worker->settings->upstream;
	if (status < 0 && session->trial_refused) {
		/* In the clear it was reached, and this is what it had to say. */
		arrival_refused(session);
		return;
	}
	if (status < 0) {
		const char *reason = session->tls_error[0] ? session->tls_error : uv_strerror(status);
		if (trouble_hit(&worker->workers->upstream)) {
			struct logline *line = worker_line(worker, LOG_LEVEL_ERROR, "error", NULL);
			logline_text(line, "message",
			             "cannot connect to the server; clients are refused until it is back");
			logline_text(line, "upstream", upstream->host);
			logline_int(line, "port", upstream->port);
			logline_text(line, "reason", reason);
			worker_log(worker, line);
		}
		if (session->purpose == SESSION_CANCELLING) {
			session_abort(session, "cannot connect to the server");
			return;
		}
		char message[512];
		snprintf(message, sizeof message, "pgproctor cannot connect to the server at %s port %u: %s",
		         upstream->host, upstream->port, reason);
		session_say_fatal(session, "08006", message);
		session_end(session, "cannot connect to the server");
		return;
	}
	uint64_t refused;
	if (trouble_over(&worker->workers->upstream, &refused)) {
		struct logline *line = worker_line(worker, LOG_LEVEL_INFO, "warning", NULL);
		logline_text(line, "message", "the server is back");
		logline_int(line, "refused", (int64_t)refused);
		worker_log(worker, line);
	}
	link_tune(&session->server, &worker->settings->keepalive);
	login_check_binding(session);
	session_deadline(session, worker->settings->client_login_timeout_ms);

	struct buffer start = session->held;
	session->held = (struct buffer){0};
	size_t packet_bytes = bytes_get_u32(start.data);
	uv_buf_t piece = uv_buf_init((char *)start.data, (unsigned)packet_bytes);
	bool tried = session->trial_sent && !session->trial_refused; /* then the server has it */
	if (session->purpose == SESSION_CANCELLING || session->purpose == SESSION_MISFIT) {
		/* The timer goes on: a server that hangs mustn't keep cancels for ever. */
		session_move(session, SESSION_PARTING);
		link_write(&session->server, &piece, 1);
	} else if (worker->settings->auth == SETTINGS_AUTH_TERMINATE) {
		authentication_begin(session, (struct bytes){start.data, tried ? 0 : packet_bytes},
		                     (struct bytes){start.data + packet_bytes, start.len - packet_bytes});
	} else {
		session_move(session, SESSION_RELAY);
		const struct flight_entry entry = {.kind = FLIGHT_STARTUP, .sent_ns = uv_hrtime()};
		CHECK(flight_push(&session->flight, &entry));
		if (!tried)
			link_write(&session->server, &piece, 1);
		/* With trust a client may have sent its first messages along. */
		if (start.len > packet_bytes)
			relay_from_client(session, (struct bytes){start.data + packet_bytes, start.len - packet_bytes},
			                  uv_hrtime());
	}
	buffer_free(&start);
	if (tried)
		arrival_answered(session);
	buffer_free(&session->trial_answer);
	/* Who is gone cannot be asked to log in. */
	if (session->client.ended && session->phase == SESSION_AUTHENTICATION)
		session_abort(session, "client closed");
	else if (session->client.ended && session->phase != SESSION_CLOSING)
		session_pass_end(session);
	session_pace(session);
}

/* What came while the server was tried. */
static void arrival_answered(struct session *session)
{
	struct link *server = &session->server;
	const struct buffer *answer = &session->trial_answer;
	if (answer->len > 0)
		session_server_events.on_data(server, (struct bytes){answer->data, answer->len});
	if (server->ended && session->phase != SESSION_CLOSING)
		session_server_events.on_end(server, 0);
}

/* Tried in the clear and refused, and with TLS to no avail. */
static void arrival_refused(struct session *session)
{
	uv_buf_t piece = uv_buf_init((char *)session->trial_answer.data, (unsigned)session->trial_answer.len);
	link_write(&session->client, &piece, 1);
	memcpy(session->end_sqlstate, "28000", sizeof session->end_sqlstate);
	session_end(session, "the server refuses the clear, and TLS with it failed");
}
