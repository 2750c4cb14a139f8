/* The offer of a SASL log-in: AuthenticationSASL, an 'R' message with code 10 and a list of mechanisms. */
#ifndef PGPROCTOR_PROTOCOL_SASL_H
#define PGPROCTOR_PROTOCOL_SASL_H

#include "protocol/bytes.h"

#include "config/check.h"

/* The code of an Authentication message (PostgreSQL's libpq/pqcomm.h, from 18 on libpq/protocol.h); -1 without one. */
int32_t sasl_authentication_code(struct bytes body);
/* The list has a mechanism that binds the log-in to the TLS connection (SCRAM-SHA-256-PLUS). */
bool sasl_offers_binding(struct bytes body);
/* The same body without those mechanisms; its length, at most the body's. It is copied unchanged when it is no such
 * offer, is malformed, or would have nothing left. */
size_t sasl_without_binding(struct bytes body, uint8_t *to, size_t size);

#endif
