/* The untyped packets at the start of a connection: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage.
 * Does not answer them. */
#ifndef PGPROCTOR_PROTOCOL_STARTUP_H
#define PGPROCTOR_PROTOCOL_STARTUP_H

#include "protocol/bytes.h"

#include "config/check.h"

enum startup_kind {
	STARTUP_MORE,    /* not all of it is here yet; packet_bytes is 0 while the length is unknown */
	STARTUP_MESSAGE, /* protocol 3.x */
	STARTUP_SSL_REQUEST,
	STARTUP_GSSENC_REQUEST,
	STARTUP_CANCEL_REQUEST,
	STARTUP_DIRECT_TLS,  /* the first byte is a TLS record's (0x16), not a length */
	STARTUP_BAD_LENGTH,  /* outside 8 … LIMIT_STARTUP_PACKET_BYTES + 4 */
	STARTUP_BAD_VERSION, /* a major version other than 3 */
	STARTUP_BAD_LAYOUT,  /* a parameter without terminator, or bytes after the last */
};

struct startup {
	enum startup_kind kind;
	size_t packet_bytes; /* length of this packet in the input */
	uint16_t major, minor;
	/* Views of the input; empty when absent. database falls back to user, as the server does. Of a
	 * repeated parameter the last one counts. */
	struct bytes user, database, application_name, client_encoding, options, replication;
	struct bytes search_path, time_zone, lock_timeout, plan_cache_mode; /* as parameters of their own, or empty */
	struct bytes parameters;                           /* all name/value pairs, for startup_option */
};

MUST_USE struct startup startup_parse(struct bytes input);

/* Whether it asks for a walsender: `replication` with another value than one of false. */
bool startup_replicates(const struct startup *startup);

/* Finds `-c name=value` or `--name=value` in the `options` parameter (process_postgres_switches in
 * postgres.c; backslash escapes the next byte) and copies the unescaped value, the last one when repeated.
 * Names compare without case, and '-' equals '_'. False when absent or longer than the buffer. */
bool startup_option(struct bytes options, const char *name, char *value, size_t value_size);

#endif
