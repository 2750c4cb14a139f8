/* What came of it: finished requests go to the figures, and prepared statements, portals and the session's
 * state follow what the server has confirmed. */
#ifndef PGPROCTOR_PROXY_ANSWER_H
#define PGPROCTOR_PROXY_ANSWER_H

#include "proxy/relay.h"

/* True for the replies whose body (or a prefix of it) answer_message wants. */
bool answer_wants(uint8_t type);
/* A reply has ended. `body` is empty for those that answer_wants does not name. */
void answer_message(struct session *session, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns);
/* Books what is finished. A CopyDone that no reply stands before is so as it is sent. */
void answer_take(struct session *session);
/* Gives back everything that the flight and the names still hold. */
void answer_forget(struct session *session);

#endif
