/* The messages of SCRAM-SHA-256 (RFC 5802, RFC 7677), read and written by both sides, and the verifier that a server
 * keeps in place of a password. What PostgreSQL refuses (libpq/auth-scram.c) is refused, in its words. Computes
 * nothing: keys and signatures are proxy/login/proof.h's.
 *
 *      client-first   n,,n=*,r=CLIENT                    the header, then the bare part
 *                     p=tls-server-end-point,,n=*,r=CLIENT
 *      server-first   r=CLIENT‥SERVER,s=SALT,i=ITERATIONS
 *      client-final   c=BINDING,r=CLIENT‥SERVER,p=PROOF  the proof signs all that stands before it
 *      server-final   v=SIGNATURE
 */
#ifndef PGPROCTOR_PROTOCOL_SCRAM_H
#define PGPROCTOR_PROTOCOL_SCRAM_H

#include "protocol/base64.h"
#include "protocol/bytes.h"

#include "config/check.h"

#define SCRAM_MECHANISM "SCRAM-SHA-256"
#define SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

enum {
	SCRAM_KEY_BYTES = 32,
	SCRAM_KEY_CHARACTERS = BASE64_CHARACTERS(SCRAM_KEY_BYTES),
	/* PostgreSQL makes 16 bytes; a verifier made elsewhere may have more. */
	SCRAM_SALT_BYTES_MAX = 64,
	SCRAM_SALT_CHARACTERS_MAX = BASE64_CHARACTERS(SCRAM_SALT_BYTES_MAX),
	/* As PostgreSQL makes them (SCRAM_RAW_NONCE_LEN), in base64. */
	SCRAM_NONCE_BYTES = 18,
	SCRAM_NONCE_CHARACTERS = BASE64_CHARACTERS(SCRAM_NONCE_BYTES),
	/* PG_MAX_SASL_MESSAGE_LENGTH (libpq/auth-sasl.c): what a client may send at once. */
	SCRAM_MESSAGE_BYTES_MAX = 1024,
	/* The longest digest that there is, for the certificate's hash. */
	SCRAM_BINDING_BYTES_MAX = 64,
};

struct scram_verifier {
	uint32_t iterations;
	size_t salt_len;
	uint8_t salt[SCRAM_SALT_BYTES_MAX];
	uint8_t stored_key[SCRAM_KEY_BYTES];
	uint8_t server_key[SCRAM_KEY_BYTES];
};

/* What pg_authid.rolpassword may hold (get_password_type in libpq/crypt.c). */
enum scram_secret {
	SCRAM_SECRET_VERIFIER,
	SCRAM_SECRET_MD5,
	SCRAM_SECRET_PLAIN,
	SCRAM_SECRET_BROKEN, /* begins like a verifier and is none, or has a longer salt than is taken */
};

/* Fills `verifier` for SCRAM_SECRET_VERIFIER only. */
enum scram_secret scram_read_secret(struct bytes text, struct scram_verifier *verifier);

/* Why a message is refused; constants. */
struct scram_refusal {
	const char *sqlstate, *message, *detail;
};

/* -- what the client says; views of its message ------------------------------------------------------ */

struct scram_client_first {
	char flag;           /* 'n' it can't bind, 'y' it could but saw no offer, 'p' it binds */
	struct bytes header; /* the flag and what follows it, up to the bare part */
	struct bytes bare, nonce;
};

struct scram_client_final {
	struct bytes binding; /* base64 */
	struct bytes nonce;
	struct bytes unproven; /* all before ",p=" */
	uint8_t proof[SCRAM_KEY_BYTES];
};

/* `plus`: the client chose SCRAM-SHA-256-PLUS. `offered`: it was there to be chosen. NULL when all is well. */
MUST_USE const struct scram_refusal *scram_read_client_first(struct bytes message, bool plus, bool offered,
                                                             struct scram_client_first *out);
MUST_USE const struct scram_refusal *scram_read_client_final(struct bytes message, struct scram_client_final *out);
/* Whether a client-final binds to what the client-first announced: under 'p' to this hash of our certificate. */
MUST_USE const struct scram_refusal *scram_check_binding(const struct scram_client_final *final, char flag,
                                                         struct bytes hash);
extern const struct scram_refusal scram_wrong_mechanism, scram_wrong_nonce;

/* -- what the server says ---------------------------------------------------------------------------- */

struct scram_server_first {
	struct bytes nonce;
	size_t salt_len;
	uint8_t salt[SCRAM_SALT_BYTES_MAX];
	uint32_t iterations;
};

/* False when it is none, or its nonce doesn't begin with `own` and go on. */
MUST_USE bool scram_read_server_first(struct bytes message, struct bytes own, struct scram_server_first *out);
/* False when it is none, as is an error ("e=…"). */
MUST_USE bool scram_read_server_final(struct bytes message, uint8_t signature[SCRAM_KEY_BYTES]);

/* -- writing; each returns its length, CHECKs that it fits, and leaves a terminator ------------------------------- */

/* The header for a flag: "n,,", "y,," or "p=tls-server-end-point,,". */
const char *scram_header(char flag);
/* The value of c=: base64 of the header, and under 'p' of the hash behind it. */
size_t scram_write_binding(char *to, size_t size, char flag, struct bytes hash);
size_t scram_write_server_first(char *to, size_t size, struct bytes client_nonce, const char *server_nonce,
                                const struct scram_verifier *verifier);
/* "p=…" for a proof and "v=…" for a signature. */
size_t scram_write_key(char *to, size_t size, char attribute, const uint8_t key[SCRAM_KEY_BYTES]);

#endif
