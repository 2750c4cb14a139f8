/* One client connection and its one server connection: phases, closing. How it begins is arrival.h's, what flows
 * afterwards relay.h's. A session lives and dies on one worker.
 *
 *      STARTUP ──StartupMessage──▶ CONNECTING ──▶ RELAY ──▶ BLIND
 *         │                            │  └▶ AUTHENTICATION ─▶ RELAY, under auth = terminate
 *         ├──CancelRequest─▶ CONNECTING ─▶ PARTING  │         │
 *         ▼                            ▼      ▼     ▼         ▼
 *       CLOSING ◀────────────────────────────────────────────────
 */
#ifndef PGPROCTOR_PROXY_SESSION_H
#define PGPROCTOR_PROXY_SESSION_H

#include "inspect/cache.h"
#include "inspect/text/comment.h"
#include "inspect/session/session_state.h"
#include "protocol/flight.h"
#include "protocol/frame.h"
#include "protocol/names.h"
#include "proxy/buffer.h"
#include "proxy/link.h"

#include <uv.h>

struct authentication;
struct reply_error;
struct upstream_attempt;
struct worker;

enum session_phase {
	SESSION_STARTUP,        /* reading the client's first packets */
	SESSION_CONNECTING,     /* the packet is held in `held`; the server is being reached */
	SESSION_AUTHENTICATION, /* pgproctor logs the client in, and itself to the server */
	SESSION_RELAY,          /* messages are followed */
	SESSION_BLIND,          /* bytes flow on, nothing is looked at any more */
	SESSION_PARTING, /* a packet that starts no session has been passed on: what the server says to it, and its EOF
	                  */
	SESSION_CLOSING,
};

/* What its start-up packet asked for. */
enum session_purpose {
	SESSION_QUERIES,
	SESSION_REPLICATION, /* a walsender speaks another grammar, and CopyBoth: passed on, not looked into */
	SESSION_CANCELLING,
	SESSION_MISFIT, /* nothing that a server takes: it is told so in the server's words */
};

/* How the client message under way is treated. */
enum session_intake {
	INTAKE_HOLD,    /* kept until it is whole, then judged, then sent */
	INTAKE_PREFIX,  /* a long Parse or Bind: its names are read from a prefix, then it streams */
	INTAKE_STREAM,  /* passed on piece by piece */
	INTAKE_DISCARD, /* something else was sent in its place */
};

/* Our words for a request that was rejected: they replace the server's ErrorResponse to what was sent instead.
 * Kept in the order of the requests. */
struct session_rejection {
	struct session_rejection *next;
	char *message, *detail, *hint;
};

struct session {
	struct worker *worker;
	struct session *next, *previous; /* the worker's list */
	enum session_phase phase;
	enum session_purpose purpose;
	uint64_t id; /* in the order they came, over all workers */

	struct link client, server;
	const struct link_events *server_events; /* handshake.c's and trial.c's, while TLS is agreed on with the server */
	void (*handshake_done)(struct session *session, int status);
	char tls_error[192]; /* why TLS failed, on either side */
	struct buffer trial_answer; /* trial.c's: the server's first words in the clear */
	bool trial_sent, trial_refused;
	uv_timer_t timer;    /* log-in, connect and linger ceilings; only one of them runs at a time */
	bool timer_closed;
	struct upstream_attempt *attempt; /* upstream.c's, while the server is being reached */
	bool resolving;
	uint64_t accepted_ns;
	uint64_t ready_ns; /* the first ReadyForQuery; 0 before */
	char client_address[64];
	const char *end_reason; /* a constant; NULL while nothing has ended it */
	char end_sqlstate[6];

	struct authentication *authentication; /* of AUTHENTICATION; empty when that has ended without a log-in */

	/* client → server */
	struct frame client_frame;
	enum session_intake intake;
	uint8_t client_type;
	struct buffer held;     /* the message under way, its header included; before RELAY the start-up bytes */
	struct buffer late;     /* what came behind `held` while that is being studied */
	bool studied_elsewhere; /* `held` is a whole message whose text is being parsed by study.h: the client waits */
	uint64_t batch_ns;      /* when the first extended-protocol message since the last Execute came; 0: none */

	/* server → client */
	struct frame server_frame;
	uint8_t server_type;
	uint64_t server_bytes; /* of the message under way */
	enum flight_reply server_fate;
	bool server_held;     /* the message under way is login.c's: nothing of it has gone to the client */
	bool binding_offered; /* the server offers a channel binding that it is going to refuse */
	struct buffer prefix; /* of a small reply that came in pieces */

	/* what it means */
	struct flight flight;
	struct names names;
	struct session_state state;
	struct plans *plans;       /* NULL while none is followed */
	struct comment_tags *tags; /* of the last tagged statement; NULL while none was seen */
	char application[64];
	struct session_rejection *rejections, **rejections_end;
	uint32_t rejection_count;
	bool undoing;             /* what is under way may undo what the open transaction created */
	uint64_t catalog_wait_ns; /* the client isn't read before then, unless its catalog comes; 0: no wait */
	bool catalog_changed;     /* DDL or ANALYZE completed in the open transaction */
	bool ssl_answered, gssenc_refused;
	bool direct_tls; /* began with a ClientHello, without asking */
	bool counted;    /* among workers->client_count */
	bool draining;   /* shutting down: ends as soon as no transaction is open */
	bool said;       /* CLOSING: what was queued for the client has been sent, and FIN */
	uint64_t statements;
};

/* Takes the connection that waits on `listener`, which is on the worker's loop. */
void session_accept(struct worker *worker, uint64_t id, uv_stream_t *listener);
/* Takes over a connection that was accepted elsewhere. */
void session_take(struct worker *worker, uint64_t id, int fd, enum link_transport transport);
/* It can't be followed any more: go blind, or close, as `on_blind` says. `why` is a constant. */
void session_blind(struct session *session, const char *why);
/* Ends both sides at once, after what is queued for the client has been sent. */
void session_end(struct session *session, const char *reason);
/* Sends the client a FATAL error of our own, then ends; `message`, a constant, is also the reason. */
void session_refuse(struct session *session, const char *sqlstate, const char *message);
/* The error alone: the caller ends it. */
void session_say_error(struct session *session, const struct reply_error *error);
void session_say_fatal(struct session *session, const char *sqlstate, const char *message);
/* Closes both sides at once, whatever is under way. */
void session_abort(struct session *session, const char *reason);
/* What it waited for has been parsed. */
void session_studied(struct session *session);
/* Shutting down: ends now when it is idle, or when its transaction ends. */
void session_drain(struct session *session);
/* The client has sent its last byte, and what came before is on its way: the server is told, and may still answer. */
void session_pass_end(struct session *session);
/* The first ReadyForQuery has come: the client is logged in. */
void session_ready(struct session *session, uint64_t now_ns);
/* Reads from each side as far as the other side's queue allows. */
void session_pace(struct session *session);

/* -- for those who play a phase ------------------------------------------------------------------ */

/* What the server's link tells, once it is connected. */
extern const struct link_events session_server_events;

void session_move(struct session *session, enum session_phase phase);
/* What happens when the phase takes longer is the phase's; 0: as long as it likes. */
void session_deadline(struct session *session, uint64_t in_ms);
/* Frees it when nothing of it is alive: the last of the three handles and the name resolution takes it along. */
void session_free_when_gone(struct session *session);

#endif
