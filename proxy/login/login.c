#include "proxy/login/login.h"

#include "config/limits.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "protocol/sasl.h"
#include "proxy/workers.h"

#include <string.h>

enum { LOGIN_OK = 0 };

const char login_binding_advice[] =
    "both sides are TLS with different certificates: clients that log in by SCRAM with channel binding, "
    "libpq's default, will be refused by the server; use the server's own certificate and key for "
    "client_tls, or reach the server without TLS or by a unix socket, or set channel_binding=disable in "
    "the clients, or let pgproctor log them in itself (auth = terminate)";

static bool login_certificates_differ(const struct session *session);
static void login_add(struct session *session, struct relay_out *out, uint8_t type, struct bytes body);

bool login_wants(const struct session *session, uint8_t type, uint32_t body_bytes)
{
	/* No encrypted server link, no offer to bind. */
	if (!session->server.tls || session->ready_ns || body_bytes > LIMIT_REPLY_PREFIX_BYTES)
		return false;
	return type == MESSAGE_AUTHENTICATION || (type == MESSAGE_ERROR_RESPONSE && session->binding_offered);
}

void login_message(struct session *session, struct relay_out *out, uint8_t type, struct bytes body)
{
	if (type == MESSAGE_AUTHENTICATION) {
		if (sasl_offers_binding(body)) {
			session->binding_offered = session->client.tls && login_certificates_differ(session);
			if (!session->client.tls) {
				uint8_t edited[LIMIT_REPLY_PREFIX_BYTES];
				size_t len = sasl_without_binding(body, edited, sizeof edited);
				login_add(session, out, type, (struct bytes){edited, len});
				return;
			}
		} else if (sasl_authentication_code(body) == LOGIN_OK) {
			session->binding_offered = false;
		}
	} else {
		/* What the server says to a wrong binding and to a client that found no offer is the same SQLSTATE
		 * (auth-scram.c); a wrong password is 28P01. */
		char sqlstate[6];
		if (reply_decode_sqlstate(body, sqlstate) && strcmp(sqlstate, "28000") == 0) {
			const struct reply_error error = {
			    .severity = "FATAL",
			    .sqlstate = "28000",
			    .message = "pgproctor: the server refused channel binding, because pgproctor shows another "
			               "certificate than the server",
			    .hint = "Give pgproctor the server's own certificate and key (client_tls_cert_file, "
			            "client_tls_key_file), or let it reach the server without TLS or by a unix socket, "
			            "or connect with channel_binding=disable, or set auth = terminate.",
			};
			uint8_t *own = session->worker->own;
			relay_out_flush(out);
			relay_out_add(out, own, reply_write_error(own, sizeof session->worker->own, &error));
			relay_out_flush(out);
			return;
		}
	}
	login_add(session, out, type, body);
}

void login_check_binding(struct session *session)
{
	struct worker *worker = session->worker;
	/* A log-in of its own on each leg binds each to its own certificate. */
	if (worker->settings->auth == SETTINGS_AUTH_TERMINATE)
		return;
	if (!worker->tls.client || worker->workers->binding_told || !session->server.tls ||
	    !login_certificates_differ(session) || atomic_exchange(&worker->workers->binding_told, true))
		return;
	struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "warning", NULL);
	logline_text(line, "message", login_binding_advice);
	worker_log(worker, line);
}

static bool login_certificates_differ(const struct session *session)
{
	const struct tls_context *own = session->worker->tls.client;
	return own && !tls_peer_shows(session->server.tls, own);
}

/* From worker->own: the caller's bytes may not live until the next flush. */
static void login_add(struct session *session, struct relay_out *out, uint8_t type, struct bytes body)
{
	uint8_t *own = session->worker->own;
	static_assert(MESSAGE_HEADER_BYTES + LIMIT_REPLY_PREFIX_BYTES <= sizeof session->worker->own, "it fits");
	relay_out_flush(out);
	own[0] = type;
	bytes_put_u32(own + 1, (uint32_t)body.len + 4);
	if (body.len > 0)
		memcpy(own + MESSAGE_HEADER_BYTES, body.data, body.len);
	relay_out_add(out, own, MESSAGE_HEADER_BYTES + body.len);
	relay_out_flush(out);
}
