/* auth = terminate: pgproctor itself lets the client in, by SCRAM, as the server would; what it learns in that, the
 * ClientKey, logs it in to the server as the same user. So each leg has its own log-in, and channel binding binds each
 * to the certificate that its two ends see.
 *
 *      client           pgproctor                      server
 *        │ StartupMessage  │ ──────────────────────────▶ │   as the client wrote it
 *        │ ◀───────────────┼── NegotiateProtocolVersion, notices, errors: as the server wrote them
 *        │                 │ ◀──────── offer, challenge ─│   the challenge is kept until there is an answer
 *        │ ◀── offer ──────│  (auth_query meanwhile)      │
 *        │ ◀── SCRAM ─────▶│                              │
 *        │                 │── proof ───────────────────▶ │
 *        │ ◀── signature ──│ ◀──────────────── signature ─│
 *        │ ◀───────────────┼──────── AuthenticationOk ────│   from here on relay.h's
 *
 * A server that trusts asks for nothing; the client has to prove itself all the same. For a user who isn't known the
 * salt and the count of iterations are those that the server shows for that name, so that nothing tells him from
 * others. */
#ifndef PGPROCTOR_PROXY_AUTHENTICATION_H
#define PGPROCTOR_PROXY_AUTHENTICATION_H

#include "proxy/session.h"

/* The server is reached: sends it the start-up packet, empty where it has it already, and moves the session to
 * AUTHENTICATION. `early` is what the client has sent behind the packet. */
void authentication_begin(struct session *session, struct bytes packet, struct bytes early);
/* While the phase lasts. */
void authentication_from_client(struct session *session, struct bytes input);
void authentication_from_server(struct session *session, struct bytes input);
/* Which side is to be read. */
bool authentication_awaits_client(const struct session *session);
bool authentication_awaits_server(const struct session *session);
/* The phase is over: nothing secret stays. The memory does, because a callback of a link may be under way in it. */
void authentication_close(struct session *session);
/* Harmless when there is nothing. */
void authentication_free(struct session *session);

#endif
