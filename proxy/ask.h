/* What the client asks: each frontend message is recognised, judged, noted in the flight, and sent on, or
 * replaced by one that the server must refuse. */
#ifndef PGPROCTOR_PROXY_ASK_H
#define PGPROCTOR_PROXY_ASK_H

#include "proxy/relay.h"

/* How to take in a message, by its header. Emits a replacement itself when the header alone is reason to
 * refuse it (oversize = reject), and then says INTAKE_DISCARD. */
enum session_intake ask_header(struct session *session, struct relay_out *out, uint8_t type, uint32_t body_bytes,
                               uint64_t now_ns);
/* A whole message; `message` includes the header and stays good until the out is flushed. */
void ask_message(struct session *session, struct relay_out *out, struct bytes message, uint64_t now_ns);
/* The first bytes of the body of a Parse or Bind too long to be held; the rest streams. False when something else was
 * sent in its place, so that nothing of it may be passed on. */
MUST_USE bool ask_prefix(struct session *session, struct relay_out *out, uint8_t type, struct bytes body,
                         uint64_t now_ns);
/* What it takes to have a Query's or Parse's text parsed elsewhere, for messages from LIMIT_PARSE_BYTES_AT_ONCE on: that
 * takes long. NULL: judge it now. */
MUST_USE struct inspector_reading *ask_study(struct session *session, struct bytes message);

#endif
