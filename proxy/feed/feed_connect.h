/* Opens the catalog connection to one database, and auth_query's: out of its DSN, or libpq's own defaults against the
 * upstream. */
#ifndef PGPROCTOR_PROXY_FEED_CONNECT_H
#define PGPROCTOR_PROXY_FEED_CONNECT_H

#include "config/settings.h"

#include <libpq-fe.h>

/* Connects, unless `interrupt_fd` becomes readable meanwhile (looking up a host name can't be interrupted). `user`
 * counts where neither DSN nor environment names one. NULL and one line in `error` when it can't: without the password,
 * and where libpq might quote a piece of it because the DSN is malformed, in words of our own. */
PGconn *feed_connect_open(const struct settings *settings, const char *database, const char *user, int interrupt_fd,
                          char *error, size_t error_size);
/* The same for another purpose, by this role whatever DSN and environment say. */
PGconn *feed_connect_open_as(const struct settings *settings, const char *database, const char *role,
                             const char *application_name, int interrupt_fd, char *error, size_t error_size);
/* Whether libpq reads the DSN as it was meant; else one line in `error` that quotes nothing of it. */
MUST_USE bool feed_connect_dsn_valid(const char *dsn, char *error, size_t error_size);

#endif
