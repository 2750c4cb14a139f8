/* TLS as a transformation of bytes: what came from the wire goes in, plain text comes out, and the other way round.
 * Knows no sockets and never waits; link.h moves the bytes. Only it and proof.h see OpenSSL.
 *
 *          wire ──tls_feed──▶ ┌─────┐ ──tls_read──▶ plain
 *                             │ tls │
 *          wire ◀── output ── └─────┘ ◀─tls_write── plain
 *
 * Every call may leave bytes for the wire in `output`, which the caller sends on before it calls again. */
#ifndef PGPROCTOR_PROXY_TLS_H
#define PGPROCTOR_PROXY_TLS_H

#include "config/check.h"
#include "config/settings.h"
#include "protocol/bytes.h"
#include "proxy/buffer.h"

#include <stdbool.h>

/* Certificates, key and rules of one leg, read from its files once. A tls that was made from it keeps what it needs of
 * it, so a newer one may take its place at any time. */
struct tls_context;

/* Both legs; NULL where TLS is disabled. */
struct tls_pair {
	struct tls_context *client, *server;
};

/* On failure false, nothing to free, and one line in `error` that begins with the setting's name. */
MUST_USE bool tls_pair_init(struct tls_pair *pair, const struct settings *settings, char *error, size_t error_size);
/* What `from` has, once more, for another thread: of the same files as they were read then. */
void tls_pair_share(struct tls_pair *pair, const struct tls_pair *from);
void tls_pair_fini(struct tls_pair *pair);

enum tls_event {
	TLS_MORE,   /* what was fed is used up */
	TLS_DATA,   /* plain text was read */
	TLS_OPEN,   /* the handshake has just been completed; told once */
	TLS_END,    /* the peer's close_notify: nothing more comes from it */
	TLS_BROKEN, /* the handshake failed, or a record is wrong: see tls_error; what is in `output` tells the peer */
};

enum { TLS_ERROR_BYTES = 160, TLS_RECORD_BYTES = 16 * 1024, TLS_RECORD_OVERHEAD_BYTES = 1024 };

/* The side that accepts. `output` is the caller's and outlives it; several may share one. */
struct tls *tls_new_server(const struct tls_context *context, struct buffer *output);
/* The side that connects; the first message is in `output` when it returns. `host` is whom the certificate must name
 * under verify-full. */
struct tls *tls_new_client(const struct tls_context *context, const char *host, struct buffer *output);
void tls_free(struct tls *tls);

/* The view must stay good until tls_read has said anything but TLS_DATA and TLS_OPEN. */
void tls_feed(struct tls *tls, struct bytes wire);
/* At most `size` bytes, never more in all than were fed and one record. TLS_END and TLS_BROKEN stay. */
MUST_USE enum tls_event tls_read(struct tls *tls, uint8_t *plain, size_t size, size_t *len);
/* Encrypts. False when it is broken. Before the handshake is done there is nobody who could read it: dropped. */
MUST_USE bool tls_write(struct tls *tls, const void *plain, size_t len);
/* close_notify, once; harmless at any time. */
void tls_shutdown(struct tls *tls);

bool tls_is_open(const struct tls *tls);
/* Why it broke, without anything that the peer has sent; "" while it is not broken. */
const char *tls_error(const struct tls *tls);
/* "TLSv1.3" */
const char *tls_version(const struct tls *tls);
/* The peers have agreed by ALPN that this is PostgreSQL's protocol. */
bool tls_alpn_agreed(const struct tls *tls);
/* The peer has shown the certificate that `own` shows: then channel binding holds through both legs. */
bool tls_peer_shows(const struct tls *tls, const struct tls_context *own);
/* The data of the channel binding tls-server-end-point (RFC 5929, section 4.1): a hash of the certificate that this
 * side has shown, or under `peer` the other. Its length, at most `size`; 0 without a certificate, or when the
 * certificate's signature has no hash (Ed25519). */
size_t tls_binding(const struct tls *tls, bool peer, uint8_t *to, size_t size);

#endif
