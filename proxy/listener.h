/* The sockets that clients connect to: TCP and unix, as the settings say. */
#ifndef PGPROCTOR_PROXY_LISTENER_H
#define PGPROCTOR_PROXY_LISTENER_H

#include "config/check.h"
#include "proxy/workers.h"

/* Binds and listens on that loop, the first worker's. NULL and one line in `error` when an address can't be had. */
struct listener *listener_open(struct workers *workers, uv_loop_t *loop, char *error, size_t error_size);
/* Stops listening and removes the unix socket; its memory goes with the last handle's close callback. */
void listener_close(struct listener *listener);
/* "127.0.0.1:6433, /run/pgproctor/.s.PGSQL.6433" */
const char *listener_description(const struct listener *listener);

#endif
