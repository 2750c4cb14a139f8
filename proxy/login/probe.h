/* A look at the server's TLS when pgproctor starts, so that what cannot work is told before a client finds it out. */
#ifndef PGPROCTOR_PROXY_PROBE_H
#define PGPROCTOR_PROXY_PROBE_H

#include "config/settings.h"
#include "proxy/tls.h"

enum probe_finding {
	PROBE_FINE,    /* or the server declines, and may */
	PROBE_REFUSED, /* clients will be refused, for this reason */
	PROBE_DIFFERS, /* both legs have TLS, and their certificates differ */
};

/* Blocks for at most `timeout_ms`. Takes `fd`, a connected socket, and closes it. */
MUST_USE enum probe_finding probe_tls(int fd, const struct settings *settings, const struct tls_pair *pair,
                                      unsigned timeout_ms, char *reason, size_t size);

#endif
