/* Agreeing on TLS, on either side of a session, as client_tls_sslmode and server_tls_sslmode say. Unix sockets never
 * have it.
 *
 *      server:  connected ──SSLRequest──▶ ──S──▶ handshake ──▶ done
 *                                         ──N──▶ done, in the clear; or refused
 */
#ifndef PGPROCTOR_PROXY_HANDSHAKE_H
#define PGPROCTOR_PROXY_HANDSHAKE_H

#include "proxy/session.h"

/* The packet that asks a server for TLS. */
extern const uint8_t handshake_ssl_request[8];

typedef void handshake_done_fn(struct session *session, int status);

/* A client that asks for TLS gets it. */
bool handshake_offered(const struct session *session);
/* A client without TLS is refused. */
bool handshake_demanded(const struct session *session);
/* The client's next bytes, or `early` ones that are here already, are its ClientHello. */
void handshake_with_client(struct session *session, struct bytes early);

/* Asks the connected server for TLS where the settings want it. `done` comes once, perhaps at once: 0, in the clear or
 * not; or an error, and session->tls_error has more than its name. Until then the link's events are not the session's.
 * A session that closes meanwhile is not told. */
void handshake_with_server(struct session *session, handshake_done_fn *done);

#endif
