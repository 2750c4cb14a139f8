/* Reaching the server: resolves the upstream's name off the loop and connects a session's server link. */
#ifndef PGPROCTOR_PROXY_UPSTREAM_H
#define PGPROCTOR_PROXY_UPSTREAM_H

#include "config/check.h"
#include "config/settings.h"
#include "proxy/session.h"

typedef void upstream_done_fn(struct session *session, int status);

/* Initialises session->server and connects it; `done` comes once, later, unless an error is returned. */
MUST_USE int upstream_connect(struct session *session, const struct link_events *events, upstream_done_fn *done);
/* Gives up looking a name up; `done` comes all the same. Closing session->server gives up connecting. */
void upstream_cancel(struct session *session);
/* "DIR/.s.PGSQL.PORT"; false when it is too long for a socket address. */
MUST_USE bool upstream_socket_path(const char *dir, uint16_t port, char *path, size_t size);
/* Tries once, blocking, for at most `timeout_ms`; for a word of warning at start. False and a reason. */
MUST_USE bool upstream_probe(const struct settings_address *address, unsigned timeout_ms, char *reason, size_t size);
/* The same; the socket, which doesn't block, or -1. */
MUST_USE int upstream_probe_open(const struct settings_address *address, unsigned timeout_ms, char *reason,
                                 size_t size);

#endif
