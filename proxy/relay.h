/* The bytes between the two links of a session: cut into messages, forwarded as ranges of the read buffer,
 * small ones shown to ask.h (what the client wants) and answer.h (what came of it). */
#ifndef PGPROCTOR_PROXY_RELAY_H
#define PGPROCTOR_PROXY_RELAY_H

#include "proxy/session.h"

/* Pieces on their way to one link in the current wake-up; adjoining ones are one range. */
struct relay_out {
	struct link *to;
	unsigned count;
	uv_buf_t pieces[16];
};

static inline void relay_out_init(struct relay_out *out, struct link *to)
{
	out->to = to;
	out->count = 0; /* the pieces are left as they are: setting sixteen takes as long as a short message does */
}

/* A new piece, whether or not it adjoins the last. */
void relay_out_begin(struct relay_out *out, const void *data, size_t len);
/* The view must stay good until relay_out_flush. */
static inline void relay_out_add(struct relay_out *out, const void *data, size_t len)
{
	uv_buf_t *last = &out->pieces[out->count > 0 ? out->count - 1 : 0];
	if (len == 0)
		return;
	if (out->count > 0 && last->base + last->len == (const char *)data)
		last->len += len;
	else
		relay_out_begin(out, data, len);
}

void relay_out_flush(struct relay_out *out);

void relay_from_client(struct session *session, struct bytes input, uint64_t now_ns);
/* session->held has been studied: goes on with it, and with what came behind it. */
void relay_studied(struct session *session, uint64_t now_ns);
void relay_from_server(struct session *session, struct bytes input, uint64_t now_ns);

#endif
