/* The thread that reads the catalogs: by a libpq connection to each database that has sessions, opened for each reading
 * with the DSN of the settings or libpq's own defaults against the upstream. It never holds up traffic: blocking is
 * fine here, and every statement of it has a lock_timeout and a statement_timeout. */
#ifndef PGPROCTOR_PROXY_FEED_H
#define PGPROCTOR_PROXY_FEED_H

#include "config/settings.h"
#include "inspect/catalog/catalog.h"
#include "proxy/reporter.h"

struct feed;

/* Called on the feed's thread, one at a time, with a new catalog; takes over the reference. */
typedef void feed_publish_fn(void *context, struct catalog *catalog);

/* `settings` is copied. NULL, with a line in the log, when no thread can be had; then there is no catalog. */
struct feed *feed_start(const struct settings *settings, struct reporter *reporter, feed_publish_fn *publish,
                        void *context);
/* From any thread, never blocks for long: this database is in use; `user` is who logged in first, tried when no DSN
 * says otherwise. Idempotent. True while its first reading is still to end. */
bool feed_want(struct feed *feed, const char *database, const char *user);
/* From any thread: DDL has committed there; refresh soon (several within 200 ms count as one). */
void feed_refresh(struct feed *feed, const char *database);
/* Stops: interrupts a statement under way (PQcancel), joins, frees. NULL is fine. */
void feed_stop(struct feed *feed);

/* Reads one database's catalog over an open connection (a PGconn) outside a transaction. NULL and one line in `error`
 * when it can't. Parses index expressions: see parse.h for the stack it needs. Temporary tables are left out. A table
 * that is locked against readers is not waited for, and comes with what is known of its size without opening it. */
struct catalog *feed_load(void *connection, const char *database, const struct catalog *before, char *error,
                          size_t error_size);

#endif
