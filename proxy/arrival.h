/* A client's arrival: its first packets are read and answered, the server is reached, and the start-up packet handed
 * on. */
#ifndef PGPROCTOR_PROXY_ARRIVAL_H
#define PGPROCTOR_PROXY_ARRIVAL_H

#include "proxy/session.h"

/* STARTUP: acts on the packets that are whole in `held`. */
void arrival_read(struct session *session);
/* CONNECTING is over: the server is reached, or by this libuv error is not. */
void arrival_connected(struct session *session, int status);

#endif
