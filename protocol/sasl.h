/* The envelope of a SASL log-in: the server's offer (AuthenticationSASL, an 'R' message with a list of mechanisms), and
 * the client's first word (SASLInitialResponse). What is in the envelope is scram.h's. */
#ifndef PGPROCTOR_PROTOCOL_SASL_H
#define PGPROCTOR_PROTOCOL_SASL_H

#include "protocol/bytes.h"

#include "config/check.h"

/* Of the codes that an Authentication message may have (PostgreSQL's libpq/pqcomm.h, from 18 on libpq/protocol.h). */
enum sasl_code {
	SASL_CODE_OK = 0,
	SASL_CODE_CLEARTEXT = 3,
	SASL_CODE_MD5 = 5,
	SASL_CODE_OFFER = 10,
	SASL_CODE_CONTINUE = 11,
	SASL_CODE_FINAL = 12,
};

enum { SASL_CODE_BYTES = 4 };

struct sasl_initial {
	struct bytes mechanism, message;
	bool absent; /* it has no message: the client wants to be asked first */
};

/* The code of an Authentication message; -1 without one. */
int32_t sasl_authentication_code(struct bytes body);
/* The list has a mechanism that binds the log-in to the TLS connection (SCRAM-SHA-256-PLUS). */
bool sasl_offers_binding(struct bytes body);
/* The same body without those mechanisms; its length, at most the body's. It is copied unchanged when it is no such
 * offer, is malformed, or would have nothing left. */
size_t sasl_without_binding(struct bytes body, uint8_t *to, size_t size);
/* The list has this mechanism. */
bool sasl_offers(struct bytes body, const char *mechanism);
/* A SASLInitialResponse's body; false when it is malformed. */
MUST_USE bool sasl_read_initial(struct bytes body, struct sasl_initial *out);

#endif
