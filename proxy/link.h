/* One side of a session: a stream with a bounded queue of what it could not take yet, and TLS around it where
 * link_secure says so: from then on data and writes are plain text, the queue is what goes over the wire. Knows nothing
 * of messages. Reads land in a scratch that all links of a worker share, or in its io_uring's buffers, so a view is good
 * for that callback only.
 *
 * Life: link_init → (accept or connect by the owner) → link_read … link_write … → link_close → on_closed. The
 * handle is embedded; its memory belongs to the owner until on_closed, which comes exactly once. */
#ifndef PGPROCTOR_PROXY_LINK_H
#define PGPROCTOR_PROXY_LINK_H

#include "config/check.h"
#include "config/settings.h"
#include "protocol/bytes.h"
#include "proxy/buffer.h"
#include "proxy/ring.h"
#include "proxy/tls.h"

#include <uv.h>

struct link;

struct link_events {
	void (*on_data)(struct link *link, struct bytes input);
	/* The peer has sent its last byte (status 0), or the connection broke (a libuv error). Once. */
	void (*on_end)(struct link *link, int status);
	/* What was queued has gone below LIMIT_QUEUE_LOW_BYTES after having been above LIMIT_QUEUE_HIGH_BYTES. */
	void (*on_drained)(struct link *link);
	/* A write failed: the connection is dead. At most once, and not after on_end with an error. */
	void (*on_broken)(struct link *link, int status);
	/* link_shutdown has sent everything, and FIN. */
	void (*on_sent)(struct link *link);
	void (*on_closed)(struct link *link);
	/* The handshake that link_secure began is done. One that fails is an on_end with UV_EPROTO, and link_error
	 * says why. */
	void (*on_secure)(struct link *link);
};

/* What all links of a worker share. */
struct link_scratch {
	struct ring *ring;                /* made with link_ring_events; NULL: they use libuv alone */
	uint8_t bytes[64 * 1024];         /* as read */
	uint8_t plain[64 * 1024];         /* decrypted */
	uint8_t gather[TLS_RECORD_BYTES]; /* small pieces on their way into one record */
	struct buffer output;             /* encrypted; empty between two calls, its memory is kept */
};

enum link_state {
	LINK_NONE, /* no handle: nothing to close */
	LINK_OPEN,
	LINK_CLOSING,
	LINK_CLOSED,
};

struct link {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	enum link_state state;
	bool reading;
	bool ended; /* on_end has been told */
	bool broken;
	bool above_high;
	bool writing;         /* a uv_write is under way on `sent` */
	bool shutdown_wanted; /* once the queue is empty */
	bool handle_closed;   /* the link is too, once the ring knows it no more */
	struct ring_side side;
	struct link_unread *unread; /* what a receive brought when reading had stopped; NULL: nothing */
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct buffer sent;   /* handed to the kernel's queue through uv_write */
	struct buffer queued; /* waiting for that */
	struct tls *tls;      /* NULL: in the clear */
	struct link_scratch *scratch;
	const struct link_events *events;
	void *owner;
};

enum link_transport { LINK_TCP, LINK_UNIX };

extern const struct ring_events link_ring_events;

MUST_USE int link_init(struct link *link, uv_loop_t *loop, enum link_transport transport, struct link_scratch *scratch,
                       const struct link_events *events, void *owner);
/* TCP_NODELAY, and keepalive. Nothing for a unix socket. */
void link_tune(struct link *link, const struct settings_keepalive *keepalive);
/* Starts or stops reading; doing so twice is harmless. */
void link_read_turn(struct link *link, bool on);
static inline void link_read(struct link *link, bool on)
{
	if (link->reading != on)
		link_read_turn(link, on);
}
/* Sends at once what the socket takes, or when the ring's turn ends, and queues a copy of the rest. The caller stops the other side's reading
 * when link_full says so; at eight times that the link is broken. Does nothing once it is broken or closing. */
void link_write(struct link *link, const uv_buf_t *pieces, unsigned count);
bool link_full(const struct link *link);
/* TLS from here on; takes `tls` over, which puts its output into the scratch's. `early` has come from the peer already
 * and belongs to the handshake. */
void link_secure(struct link *link, struct tls *tls, struct bytes early);
/* Why TLS broke, "" when it did not. */
const char *link_error(const struct link *link);
/* Sends FIN after everything that is queued; under TLS, close_notify before it. */
void link_shutdown(struct link *link);
/* The peer has reset the connection, or is dead: what reading would tell, while nothing is read. Only of TCP: at the end
 * of a unix socket there may still be something to read. */
bool link_is_reset(struct link *link);
/* Closes at once, over TCP by RST. */
void link_reset(struct link *link);
/* Closes at once; harmless when done already. */
void link_close(struct link *link);
/* Nothing of it is alive any more. */
bool link_gone(const struct link *link);

#endif
