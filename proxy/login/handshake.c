#include "proxy/login/handshake.h"

#include "proxy/worker.h"

#include <string.h>

/* Length and code. */
const uint8_t handshake_ssl_request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

static void handshake_on_answer(struct link *link, struct bytes input);
static void handshake_on_secure(struct link *link);
static void handshake_on_end(struct link *link, int status);
static void handshake_on_nothing(struct link *link);
static void handshake_on_closed(struct link *link);
static void handshake_fail(struct session *session, const char *reason);
static void handshake_finish(struct session *session, int status);

static const struct link_events handshake_events = {
    .on_data = handshake_on_answer,
    .on_end = handshake_on_end,
    .on_drained = handshake_on_nothing,
    .on_broken = handshake_on_end,
    .on_sent = handshake_on_nothing,
    .on_closed = handshake_on_closed,
    .on_secure = handshake_on_secure,
};

bool handshake_offered(const struct session *session)
{
	return session->worker->tls.client && session->client.uv.handle.type == UV_TCP;
}

bool handshake_demanded(const struct session *session)
{
	return session->worker->settings->client_tls.mode >= SETTINGS_TLS_REQUIRE && handshake_offered(session);
}

void handshake_with_client(struct session *session, struct bytes early)
{
	struct worker *worker = session->worker;
	link_secure(&session->client, tls_new_server(worker->tls.client, &worker->scratch.output), early);
}

void handshake_with_server(struct session *session, handshake_done_fn *done)
{
	struct link *server = &session->server;
	bool allowed = session->worker->settings->server_tls.mode == SETTINGS_TLS_ALLOW && !session->trial_refused;
	if (!session->worker->tls.server || server->uv.handle.type != UV_TCP || allowed) {
		done(session, 0);
		return;
	}
	session->handshake_done = done;
	session->server_events = server->events;
	server->events = &handshake_events;
	link_tune(server, &session->worker->settings->keepalive);
	uv_buf_t piece = uv_buf_init((char *)handshake_ssl_request, sizeof handshake_ssl_request);
	link_write(server, &piece, 1);
	link_read(server, true);
}

static void handshake_on_answer(struct link *link, struct bytes input)
{
	struct session *session = link->owner;
	struct worker *worker = session->worker;
	uint8_t answer = input.data[0];
	if (answer != 'S' && answer != 'N') {
		/* An ErrorResponse; or a text of a server that fails to fork. It may quote anything. */
		handshake_fail(session, "the server answered the SSL request with an error");
	} else if (input.len > 1) {
		/* Bytes behind the answer were put there by somebody who hopes to have them taken for encrypted ones:
		 * CVE-2021-23222. */
		handshake_fail(session, "the server sent unencrypted data after its answer to the SSL request");
	} else if (answer == 'S') {
		const char *host = worker->settings->upstream.host;
		link_secure(link, tls_new_client(worker->tls.server, host, &worker->scratch.output),
		            (struct bytes){NULL, 0});
	} else if (worker->settings->server_tls.mode >= SETTINGS_TLS_REQUIRE || session->trial_refused) {
		handshake_fail(session, "the server offers no SSL, and server_tls_sslmode demands it");
	} else {
		handshake_finish(session, 0);
	}
}

static void handshake_on_secure(struct link *link)
{
	handshake_finish(link->owner, 0);
}

static void handshake_on_end(struct link *link, int status)
{
	const char *error = link_error(link);
	char reason[TLS_ERROR_BYTES + 32];
	if (error[0])
		snprintf(reason, sizeof reason, "SSL handshake: %s", error);
	else
		snprintf(reason, sizeof reason, "SSL handshake: %s",
		         status < 0 ? uv_strerror(status) : "the server closed the connection");
	handshake_fail(link->owner, reason);
}

static void handshake_on_nothing(struct link *link)
{
	(void)link;
}

static void handshake_on_closed(struct link *link)
{
	struct session *session = link->owner;
	session->server_events->on_closed(link);
}

static void handshake_fail(struct session *session, const char *reason)
{
	snprintf(session->tls_error, sizeof session->tls_error, "%s", reason);
	handshake_finish(session, UV_EPROTO);
}

static void handshake_finish(struct session *session, int status)
{
	if (session->server.state != LINK_OPEN || session->server.events != &handshake_events)
		return;
	link_read(&session->server, false);
	session->server.events = session->server_events;
	session->handshake_done(session, status);
}
