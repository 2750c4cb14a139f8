#include "proxy/login/authentication.h"

#include "config/limits.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "protocol/sasl.h"
#include "proxy/login/proof.h"
#include "proxy/relay.h"
#include "proxy/login/scram_client.h"
#include "proxy/login/scram_server.h"
#include "proxy/workers.h"

#include <string.h>

/* What is awaited, in this order; a server that trusts leaves out CHALLENGE, SIGNATURE and OK. */
enum authentication_step {
	AUTHENTICATION_OFFER,     /* the server's way of logging in */
	AUTHENTICATION_CHALLENGE, /* its server-first-message */
	AUTHENTICATION_LOOKUP,    /* the verifier, if it isn't there yet */
	AUTHENTICATION_FIRST,     /* the client's SASLInitialResponse */
	AUTHENTICATION_BELATED,   /* its client-first-message, which was not in there */
	AUTHENTICATION_FINAL,     /* its proof */
	AUTHENTICATION_SIGNATURE, /* the server's server-final-message */
	AUTHENTICATION_OK,        /* and AuthenticationOk */
};

enum {
	/* Sent along with the start-up packet, and read before reading was stopped. */
	AUTHENTICATION_EARLY_BYTES_MAX = 2 * LIMIT_READ_BYTES,
	/* The longest that pgproctor writes: a server-first-message. */
	AUTHENTICATION_BODY_BYTES_MAX = SASL_CODE_BYTES + 2 * SCRAM_MESSAGE_BYTES_MAX,
};

struct authentication {
	enum authentication_step step;
	bool trusted;                         /* the server has said AuthenticationOk: what follows it is in `late` */
	bool known;                           /* there is a verifier */
	bool looked_up;                       /* it is known whether there is one */
	struct auth_query_question *question; /* while it isn't */
	struct scram_verifier verifier;
	struct scram_server to_client; /* pgproctor as the client's server */
	struct scram_client to_server; /* and as the server's client */
	struct scram_server_step said; /* the latest of to_client; at the end, its signature */
	char mechanism[32];            /* the client's, while its message is belated */
	struct buffer early;           /* from the client, who has not been asked yet */
	struct buffer late;            /* from the server that trusts */
};

static void authentication_found(void *context, enum auth_query_result result, const struct scram_verifier *verifier,
                                 const char *error);
static void authentication_tell_failing(struct worker *worker, const char *error);
static bool authentication_server_takes(uint8_t type);
static void authentication_server_message(struct session *session, struct bytes body);
static void authentication_answer_offer(struct session *session, struct bytes body);
static void authentication_answer_challenge(struct session *session, struct bytes message);
static void authentication_ask_client(struct session *session);
static void authentication_read_early(struct session *session);
static void authentication_client_message(struct session *session, struct bytes body);
static void authentication_take_step(struct session *session);
static void authentication_prove(struct session *session);
static void authentication_finish(struct session *session, struct bytes late);
static bool authentication_fits(const struct authentication *authentication);
static void authentication_wrong_password(struct session *session);
static void authentication_tell_mismatch(struct session *session);
static void authentication_refuse(struct session *session, const struct reply_error *error, const char *reason);
static void authentication_cannot(struct session *session, const char *message, const char *hint);
static void authentication_send(struct link *link, uint8_t type, int32_t code, const void *data, size_t len);
static void authentication_drop(struct buffer *buffer);

void authentication_begin(struct session *session, struct bytes packet, struct bytes early)
{
	struct authentication *authentication = calloc(1, sizeof *authentication);
	CHECK(authentication != NULL);
	session_move(session, SESSION_AUTHENTICATION);
	session->authentication = authentication;
	uv_buf_t piece = uv_buf_init((char *)packet.data, (unsigned)packet.len);
	if (packet.len > 0)
		link_write(&session->server, &piece, 1);
	buffer_put(&authentication->early, early.data, early.len, AUTHENTICATION_EARLY_BYTES_MAX);
	authentication->question =
	    secrets_ask(&session->worker->secrets, session->state.user, authentication_found, session);
}

bool authentication_awaits_client(const struct session *session)
{
	enum authentication_step step = session->authentication->step;
	return step == AUTHENTICATION_FIRST || step == AUTHENTICATION_BELATED || step == AUTHENTICATION_FINAL;
}

bool authentication_awaits_server(const struct session *session)
{
	/* Also in between: it may say that it shuts down, or has lost its patience. */
	return !session->authentication->trusted;
}

void authentication_close(struct session *session)
{
	struct authentication *authentication = session->authentication;
	if (authentication->question)
		auth_query_forget(authentication->question);
	authentication_drop(&authentication->early);
	authentication_drop(&authentication->late);
	proof_wipe(authentication, sizeof *authentication);
}

void authentication_free(struct session *session)
{
	free(session->authentication);
	session->authentication = NULL;
}

/* -- the verifier ------------------------------------------------------------------------------------ */

/* auth_query_done_fn */
static void authentication_found(void *context, enum auth_query_result result, const struct scram_verifier *verifier,
                                 const char *error)
{
	struct session *session = context;
	struct worker *worker = session->worker;
	struct authentication *authentication = session->authentication;
	const bool asked = authentication->question != NULL;
	authentication->question = NULL;
	authentication->looked_up = true;
	if (result == AUTH_QUERY_FAILED) {
		authentication_tell_failing(worker, error);
		const struct reply_error refusal = {
		    .severity = "FATAL",
		    .sqlstate = "08006",
		    .message = "pgproctor cannot look up the user's password (auth_query)",
		};
		authentication_refuse(session, &refusal, "auth_query failed");
		return;
	}
	uint64_t failed;
	if (asked && trouble_over(&worker->workers->auth_query, &failed)) {
		struct logline *line = worker_line(worker, LOG_LEVEL_INFO, "warning", NULL);
		logline_text(line, "message", "auth_query works again");
		worker_log(worker, line);
	}
	if (result == AUTH_QUERY_UNUSABLE) {
		struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "warning", session);
		logline_text(line, "message",
		             "auth_query found a password that is no SCRAM verifier: set it anew with "
		             "password_encryption = 'scram-sha-256'");
		worker_log(worker, line);
	}
	if (verifier) {
		authentication->known = true;
		authentication->verifier = *verifier;
	}
	if (authentication->step == AUTHENTICATION_LOOKUP) {
		authentication_ask_client(session);
		session_pace(session);
	}
}

static void authentication_tell_failing(struct worker *worker, const char *error)
{
	if (!trouble_hit(&worker->workers->auth_query))
		return;
	struct logline *line = worker_line(worker, LOG_LEVEL_ERROR, "error", NULL);
	logline_text(line, "message", "auth_query cannot be run; clients that are not in auth_file are refused");
	logline_text(line, "reason", error);
	worker_log(worker, line);
}

/* -- the server's side ------------------------------------------------------------------------------- */

void authentication_from_server(struct session *session, struct bytes input)
{
	struct authentication *authentication = session->authentication;
	size_t at = 0;
	while (at < input.len && session->phase == SESSION_AUTHENTICATION) {
		struct frame_piece piece;
		struct bytes rest = {input.data + at, input.len - at};
		if (authentication->trusted) {
			/* The client is not that far. Nothing was read after this. */
			buffer_put(&authentication->late, rest.data, rest.len, AUTHENTICATION_EARLY_BYTES_MAX);
			return;
		}
		enum frame_event event = frame_next(&session->server_frame, rest, &piece);
		at += piece.input_bytes;
		switch (event) {
		case FRAME_MORE:
			break;
		case FRAME_BROKEN: {
			/* A postmaster that fails to fork answers without a length: its text goes on as it is. */
			uv_buf_t pieces[] = {
			    uv_buf_init((char *)session->server_frame.header, MESSAGE_HEADER_BYTES),
			    uv_buf_init((char *)input.data + at, (unsigned)(input.len - at)),
			};
			session_move(session, SESSION_PARTING);
			link_write(&session->client, pieces, 2);
			return;
		}
		case FRAME_HEADER:
			session->server_type = piece.type;
			if (!authentication_server_takes(piece.type) ||
			    (piece.type == MESSAGE_AUTHENTICATION && piece.body_bytes > LIMIT_REPLY_PREFIX_BYTES)) {
				authentication_cannot(session, "the server's log-in is none that pgproctor knows",
				                      "Set auth = relay.");
				return;
			}
			if (piece.type != MESSAGE_AUTHENTICATION) {
				uv_buf_t header =
				    uv_buf_init((char *)session->server_frame.header, MESSAGE_HEADER_BYTES);
				link_write(&session->client, &header, 1);
			}
			if (piece.body_bytes > 0)
				break;
			event = frame_next(&session->server_frame, (struct bytes){input.data + at, 0}, &piece);
			CHECK(event == FRAME_BODY && piece.last);
			/* fallthrough */
		case FRAME_BODY: {
			size_t room = LIMIT_REPLY_PREFIX_BYTES - session->prefix.len;
			size_t kept = piece.body.len < room ? piece.body.len : room;
			buffer_put(&session->prefix, piece.body.data, kept, LIMIT_REPLY_PREFIX_BYTES);
			if (session->server_type != MESSAGE_AUTHENTICATION && piece.body.len > 0) {
				uv_buf_t body = uv_buf_init((char *)piece.body.data, (unsigned)piece.body.len);
				link_write(&session->client, &body, 1);
			}
			if (!piece.last)
				break;
			struct buffer whole = session->prefix;
			session->prefix = (struct buffer){0};
			struct bytes body = {whole.data, whole.len};
			if (session->server_type == MESSAGE_ERROR_RESPONSE &&
			    !reply_decode_sqlstate(body, session->end_sqlstate))
				session->end_sqlstate[0] = '\0';
			bool ok = session->server_type == MESSAGE_AUTHENTICATION &&
			          sasl_authentication_code(body) == SASL_CODE_OK;
			if (ok && authentication->step == AUTHENTICATION_OK)
				authentication_finish(session, (struct bytes){input.data + at, input.len - at});
			else if (session->server_type == MESSAGE_AUTHENTICATION)
				authentication_server_message(session, body);
			buffer_free(&whole);
			break;
		}
		}
	}
}

/* What may come before AuthenticationOk. */
static bool authentication_server_takes(uint8_t type)
{
	return type == MESSAGE_AUTHENTICATION || type == MESSAGE_ERROR_RESPONSE || type == MESSAGE_NOTICE_RESPONSE ||
	       type == MESSAGE_NEGOTIATE_PROTOCOL_VERSION;
}

static void authentication_server_message(struct session *session, struct bytes body)
{
	struct authentication *authentication = session->authentication;
	int32_t code = sasl_authentication_code(body);
	struct bytes message = {NULL, 0};
	if (body.len > SASL_CODE_BYTES)
		message = (struct bytes){body.data + SASL_CODE_BYTES, body.len - SASL_CODE_BYTES};
	if (authentication->step == AUTHENTICATION_OFFER) {
		authentication_answer_offer(session, body);
	} else if (authentication->step == AUTHENTICATION_CHALLENGE && code == SASL_CODE_CONTINUE) {
		authentication_answer_challenge(session, message);
	} else if (authentication->step == AUTHENTICATION_SIGNATURE && code == SASL_CODE_FINAL &&
	           scram_client_confirmed(&authentication->to_server, authentication->verifier.server_key, message)) {
		authentication->step = AUTHENTICATION_OK;
	} else {
		authentication_cannot(session, "the server did not prove that it knows the user's password",
		                      "Something between pgproctor and the server may pretend to be it.");
	}
}

static void authentication_answer_offer(struct session *session, struct bytes body)
{
	struct authentication *authentication = session->authentication;
	switch (sasl_authentication_code(body)) {
	case SASL_CODE_OK:
		authentication->trusted = true;
		authentication_ask_client(session);
		return;
	case SASL_CODE_CLEARTEXT:
	case SASL_CODE_MD5:
		authentication_cannot(
		    session,
		    "the server asks for a password in clear or by md5, which cannot be made of a SCRAM "
		    "verifier",
		    "Let pg_hba.conf say scram-sha-256, and set the role's password anew with "
		    "password_encryption = 'scram-sha-256'; or set auth = relay.");
		return;
	case SASL_CODE_OFFER:
		if (sasl_offers(body, SCRAM_MECHANISM) || sasl_offers(body, SCRAM_MECHANISM_PLUS))
			break;
		/* fallthrough */
	default:
		authentication_cannot(session,
		                      "the server's log-in is none that auth = terminate can do: it offers no SCRAM",
		                      "Let pg_hba.conf say scram-sha-256, or set auth = relay.");
		return;
	}
	uint8_t hash[SCRAM_BINDING_BYTES_MAX];
	size_t hash_len = 0;
	char flag = 'n';
	if (session->server.tls) {
		hash_len = tls_binding(session->server.tls, true, hash, sizeof hash);
		/* As libpq: who could bind, and finds no offer, says so, which shows the server if it was taken out. */
		if (hash_len > 0)
			flag = sasl_offers(body, SCRAM_MECHANISM_PLUS) ? 'p' : 'y';
	}
	scram_client_init(&authentication->to_server, flag, (struct bytes){hash, flag == 'p' ? hash_len : 0});
	const char *mechanism = flag == 'p' ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM;
	char initial[sizeof SCRAM_MECHANISM_PLUS + 4 + SCRAM_MESSAGE_BYTES_MAX];
	size_t len = strlen(mechanism) + 1;
	memcpy(initial, mechanism, len);
	size_t first_len = scram_client_first(&authentication->to_server, initial + len + 4, sizeof initial - len - 4);
	bytes_put_u32((uint8_t *)initial + len, (uint32_t)first_len);
	authentication_send(&session->server, MESSAGE_PASSWORD, -1, initial, len + 4 + first_len);
	authentication->step = AUTHENTICATION_CHALLENGE;
}

static void authentication_answer_challenge(struct session *session, struct bytes message)
{
	if (!scram_client_challenged(&session->authentication->to_server, message)) {
		authentication_cannot(session, "the server's SCRAM challenge is malformed", "Set auth = relay.");
		return;
	}
	authentication_ask_client(session);
}

/* -- the client's side ------------------------------------------------------------------------------- */

/* The server has said all that it says without a proof. Asks once the verifier is there too. */
static void authentication_ask_client(struct session *session)
{
	struct authentication *authentication = session->authentication;
	authentication->step = AUTHENTICATION_LOOKUP;
	if (!authentication->looked_up)
		return;
	if (!authentication->known) {
		proof_mock(session->worker->secrets.mock, session->state.user, &authentication->verifier);
		const struct scram_server_first *challenge = &authentication->to_server.challenge;
		if (!authentication->trusted) {
			authentication->verifier.iterations = challenge->iterations;
			authentication->verifier.salt_len = challenge->salt_len;
			memcpy(authentication->verifier.salt, challenge->salt, challenge->salt_len);
		}
	}
	uint8_t hash[SCRAM_BINDING_BYTES_MAX];
	size_t hash_len = session->client.tls ? tls_binding(session->client.tls, false, hash, sizeof hash) : 0;
	scram_server_init(&authentication->to_client, &authentication->verifier, !authentication->known,
	                  (struct bytes){hash, hash_len});
	static const char offer[] = SCRAM_MECHANISM_PLUS "\0" SCRAM_MECHANISM "\0";
	const size_t plus_bytes = hash_len > 0 ? 0 : sizeof SCRAM_MECHANISM_PLUS;
	authentication_send(&session->client, MESSAGE_AUTHENTICATION, SASL_CODE_OFFER, offer + plus_bytes,
	                    sizeof offer - plus_bytes);
	authentication->step = AUTHENTICATION_FIRST;
	authentication_read_early(session);
}

void authentication_from_client(struct session *session, struct bytes input)
{
	struct authentication *authentication = session->authentication;
	if (authentication->early.len + input.len > AUTHENTICATION_EARLY_BYTES_MAX) {
		session_refuse(session, "08P01", "too much was sent before the log-in was done");
		return;
	}
	buffer_put(&authentication->early, input.data, input.len, AUTHENTICATION_EARLY_BYTES_MAX);
	authentication_read_early(session);
}

/* As many messages as are whole and are waited for. */
static void authentication_read_early(struct session *session)
{
	while (session->phase == SESSION_AUTHENTICATION && authentication_awaits_client(session)) {
		struct buffer *early = &session->authentication->early;
		if (early->len > 0 && early->data[0] != MESSAGE_PASSWORD) {
			char message[64];
			snprintf(message, sizeof message, "expected SASL response, got message type %d",
			         early->data[0]);
			session_say_fatal(session, "08P01", message);
			session_end(session, "expected SASL response");
			return;
		}
		if (early->len < MESSAGE_HEADER_BYTES)
			return;
		size_t body_bytes = bytes_get_u32(early->data + 1) - 4;
		if (bytes_get_u32(early->data + 1) < 4 || body_bytes > SCRAM_MESSAGE_BYTES_MAX) {
			/* As the server, which does not read it (CheckSASLAuth in libpq/auth-sasl.c). */
			authentication_wrong_password(session);
			return;
		}
		size_t message_bytes = MESSAGE_HEADER_BYTES + body_bytes;
		if (early->len < message_bytes)
			return;
		uint8_t body[SCRAM_MESSAGE_BYTES_MAX];
		memcpy(body, early->data + MESSAGE_HEADER_BYTES, body_bytes);
		memmove(early->data, early->data + message_bytes, early->len - message_bytes);
		proof_wipe(early->data + early->len - message_bytes, message_bytes);
		early->len -= message_bytes;
		authentication_client_message(session, (struct bytes){body, body_bytes});
		proof_wipe(body, sizeof body);
	}
}

static void authentication_client_message(struct session *session, struct bytes body)
{
	struct authentication *authentication = session->authentication;
	struct scram_server *to_client = &authentication->to_client;
	struct sasl_initial initial;
	struct bytes mechanism;
	switch (authentication->step) {
	case AUTHENTICATION_FIRST:
		if (!sasl_read_initial(body, &initial)) {
			session_refuse(session, "08P01", "invalid message format");
			return;
		}
		if (initial.absent) {
			/* It wants to be asked by an empty challenge first. */
			size_t len = initial.mechanism.len;
			if (len >= sizeof authentication->mechanism)
				len = 0;
			memcpy(authentication->mechanism, initial.mechanism.data, len);
			authentication_send(&session->client, MESSAGE_AUTHENTICATION, SASL_CODE_CONTINUE, NULL, 0);
			authentication->step = AUTHENTICATION_BELATED;
			return;
		}
		scram_server_first(to_client, initial.mechanism, initial.message, &authentication->said);
		break;
	case AUTHENTICATION_BELATED:
		mechanism = (struct bytes){(uint8_t *)authentication->mechanism, strlen(authentication->mechanism)};
		scram_server_first(to_client, mechanism, body, &authentication->said);
		break;
	default:
		CHECK(authentication->step == AUTHENTICATION_FINAL);
		scram_server_final(to_client, body, &authentication->said);
		break;
	}
	authentication_take_step(session);
}

static void authentication_take_step(struct session *session)
{
	struct authentication *authentication = session->authentication;
	const struct scram_server_step *said = &authentication->said;
	switch (said->result) {
	case SCRAM_SERVER_GOES_ON:
		authentication_send(&session->client, MESSAGE_AUTHENTICATION, SASL_CODE_CONTINUE, said->answer,
		                    said->answer_len);
		authentication->step = AUTHENTICATION_FINAL;
		break;
	case SCRAM_SERVER_PROVEN:
		authentication_prove(session);
		break;
	case SCRAM_SERVER_FAILED:
		if (authentication->known && !authentication_fits(authentication))
			authentication_tell_mismatch(session);
		authentication_wrong_password(session);
		break;
	case SCRAM_SERVER_REFUSED: {
		const struct reply_error error = {
		    .severity = "FATAL",
		    .sqlstate = said->refusal->sqlstate,
		    .message = said->refusal->message,
		    .detail = said->refusal->detail,
		};
		authentication_refuse(session, &error, said->refusal->message);
		break;
	}
	}
}

/* -- both -------------------------------------------------------------------------------------------- */

/* The client has proven itself: now pgproctor does, with the client's key. */
static void authentication_prove(struct session *session)
{
	struct authentication *authentication = session->authentication;
	if (authentication->trusted) {
		struct buffer late = authentication->late;
		authentication->late = (struct buffer){0};
		authentication_finish(session, (struct bytes){late.data, late.len});
		buffer_free(&late);
		return;
	}
	if (!authentication_fits(authentication)) {
		authentication_tell_mismatch(session);
		const struct reply_error error = {
		    .severity = "FATAL",
		    .sqlstate = "28P01",
		    .message =
		        "pgproctor: the password is right for the SCRAM verifier that pgproctor has, but the server "
		        "has another",
		    .hint = "The password was changed in the server: copy pg_authid.rolpassword to auth_file again and "
		            "send pgproctor SIGHUP, or let auth_query ask that server.",
		};
		authentication_refuse(session, &error, "the server has another SCRAM verifier");
		return;
	}
	char message[2 * SCRAM_MESSAGE_BYTES_MAX];
	size_t len = scram_client_final(&authentication->to_server, authentication->to_client.client_key, message,
	                                sizeof message);
	authentication_send(&session->server, MESSAGE_PASSWORD, -1, message, len);
	proof_wipe(message, sizeof message);
	authentication->step = AUTHENTICATION_SIGNATURE;
}

/* Both know each other. `late`: what the server has said behind its AuthenticationOk. */
static void authentication_finish(struct session *session, struct bytes late)
{
	struct authentication *authentication = session->authentication;
	authentication_send(&session->client, MESSAGE_AUTHENTICATION, SASL_CODE_FINAL, authentication->said.answer,
	                    authentication->said.answer_len);
	authentication_send(&session->client, MESSAGE_AUTHENTICATION, SASL_CODE_OK, NULL, 0);
	/* Writing may have shown that the client is gone. */
	if (session->phase != SESSION_AUTHENTICATION)
		return;
	struct buffer early = authentication->early;
	authentication->early = (struct buffer){0};
	session_move(session, SESSION_RELAY);
	authentication_free(session);
	const struct flight_entry entry = {.kind = FLIGHT_STARTUP, .sent_ns = uv_hrtime()};
	CHECK(flight_push(&session->flight, &entry));
	if (late.len > 0)
		relay_from_server(session, late, uv_hrtime());
	if (early.len > 0 && session->phase == SESSION_RELAY)
		relay_from_client(session, (struct bytes){early.data, early.len}, uv_hrtime());
	authentication_drop(&early);
	session_pace(session);
}

/* The server's challenge is by the verifier that the client was asked by. */
static bool authentication_fits(const struct authentication *authentication)
{
	return authentication->trusted || scram_client_fits(&authentication->to_server, &authentication->verifier);
}

/* -- refusing ---------------------------------------------------------------------------------------- */

static void authentication_wrong_password(struct session *session)
{
	char message[LIMIT_NAME_BYTES + 64];
	snprintf(message, sizeof message, "password authentication failed for user \"%s\"", session->state.user);
	const struct reply_error error = {.severity = "FATAL", .sqlstate = "28P01", .message = message};
	authentication_refuse(session, &error, "password authentication failed");
}

static void authentication_tell_mismatch(struct session *session)
{
	struct logline *line = worker_line(session->worker, LOG_LEVEL_WARNING, "warning", session);
	logline_text(line, "message",
	             "the server has another SCRAM verifier of this user than pgproctor: copy pg_authid.rolpassword to "
	             "auth_file again and send SIGHUP, or let auth_query ask that server");
	worker_log(session->worker, line);
}

static void authentication_refuse(struct session *session, const struct reply_error *error, const char *reason)
{
	session_say_error(session, error);
	session_end(session, reason);
}

/* It is neither the client's fault nor to be mended by it: also for the log. Both are constants. */
static void authentication_cannot(struct session *session, const char *message, const char *hint)
{
	struct worker *worker = session->worker;
	struct logline *line = worker_line(worker, LOG_LEVEL_WARNING, "warning", session);
	logline_text(line, "message", message);
	logline_text(line, "hint", hint);
	worker_log(worker, line);
	char text[256];
	snprintf(text, sizeof text, "pgproctor: %s", message);
	const struct reply_error error = {.severity = "FATAL", .sqlstate = "28000", .message = text, .hint = hint};
	authentication_refuse(session, &error, message);
}

/* -- writing ----------------------------------------------------------------------------------------- */

/* A message with a code before its data, or under -1 without one. */
static void authentication_send(struct link *link, uint8_t type, int32_t code, const void *data, size_t len)
{
	uint8_t message[MESSAGE_HEADER_BYTES + AUTHENTICATION_BODY_BYTES_MAX];
	size_t at = MESSAGE_HEADER_BYTES;
	CHECK(len <= 2 * SCRAM_MESSAGE_BYTES_MAX);
	if (code >= 0) {
		bytes_put_u32(message + at, (uint32_t)code);
		at += SASL_CODE_BYTES;
	}
	if (len > 0)
		memcpy(message + at, data, len);
	at += len;
	message[0] = type;
	bytes_put_u32(message + 1, (uint32_t)(at - 1));
	uv_buf_t piece = uv_buf_init((char *)message, (unsigned)at);
	link_write(link, &piece, 1);
	proof_wipe(message, at);
}

static void authentication_drop(struct buffer *buffer)
{
	if (buffer->data)
		proof_wipe(buffer->data, buffer->capacity);
	buffer_free(buffer);
}
