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

/* The view must stay good until relay_out_flush. */
void relay_out_add(struct relay_out *out, const void *data, size_t len);
void relay_out_flush(struct relay_out *out);

void relay_from_client(struct session *session, struct bytes input, uint64_t now_ns);
/* session->held has been studied: goes on with it, and with what came behind it. */
void relay_studied(struct session *session, uint64_t now_ns);
void relay_from_server(struct session *session, struct bytes input, uint64_t now_ns);

#endif
