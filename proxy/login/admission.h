/* Who is let in: max_client_conn counts those who are, over all workers, and neither cancels nor connections that have
 * not said yet what they want. Those have as many places of their own, an equal share on each worker; and the last file
 * descriptors are for nobody. */
#ifndef PGPROCTOR_PROXY_ADMISSION_H
#define PGPROCTOR_PROXY_ADMISSION_H

#include "proxy/session.h"

/* A connection has come; it may cost the one that has been silent longest its place. */
void admission_arrive(struct session *session);
/* False when there are so few descriptors left that it has to be closed without a word. */
MUST_USE bool admission_bear(struct session *session);
/* It has sent its StartupMessage. NULL when it is let in; otherwise why not, a constant. */
MUST_USE const char *admission_refuses(struct session *session);
/* It is about to move on to `phase`. */
void admission_follow(struct session *session, enum session_phase phase);
/* One that had arrived has been freed. */
void admission_gone(struct worker *worker);

#endif
