/* What of a log-in cannot pass unchanged where pgproctor ends TLS. A client that logs in by SCRAM may bind that to the
 * certificate it saw (channel binding); the server compares with the one it showed.
 *
 *      client leg   server leg
 *      clear        TLS          the offer to bind is taken out: a client without TLS has nothing to bind to
 *      TLS          clear        the server does not offer it
 *      TLS          TLS          works when both legs show the same certificate; otherwise the server refuses, and
 *                                the client is told what helps
 */
#ifndef PGPROCTOR_PROXY_LOGIN_H
#define PGPROCTOR_PROXY_LOGIN_H

#include "proxy/relay.h"

/* This message is to be held whole, and given to login_message. */
bool login_wants(const struct session *session, uint8_t type, uint32_t body_bytes);
/* Adds to `out` what goes to the client in its place. */
void login_message(struct session *session, struct relay_out *out, uint8_t type, struct bytes body);
/* What is said in the log, once for each set of certificates. */
extern const char login_binding_advice[];

/* The server link has just got its TLS: says once, in the log, when channel binding cannot work. */
void login_check_binding(struct session *session);

#endif
