/* The thread that reads the catalogs: one libpq connection per database that has sessions, opened with the DSN of the
 * settings or libpq's own defaults against the upstream. It never holds up traffic: blocking is fine here, and every
 * statement of it has a lock_timeout and a statement_timeout. */
#ifndef PGPROCTOR_PROXY_FEED_H
#define PGPROCTOR_PROXY_FEED_H

#include "config/settings.h"
#include "inspect/catalog.h"
#include "proxy/reporter.h"

struct feed;

/* Called on the feed's thread with a new catalog; takes over the reference. */
typedef void feed_publish_fn(void *context, struct catalog *catalog);

struct feed *feed_start(const struct settings *settings, struct reporter *reporter, feed_publish_fn *publish,
                        void *context);
/* From any thread, never blocks for long: this database is in use; `user` is who logged in first, tried when no DSN
 * says otherwise. Idempotent. */
void feed_want(struct feed *feed, const char *database, const char *user);
/* From any thread: DDL has committed there; refresh soon (several within 200 ms count as one). */
void feed_refresh(struct feed *feed, const char *database);
/* Stops: interrupts a statement under way (PQcancel), joins, frees. */
void feed_stop(struct feed *feed);

/* Reads one database's catalog over an open connection (a PGconn). NULL and one line in `error` when it can't. */
struct catalog *feed_load(void *connection, const char *database, char *error, size_t error_size);

#endif
