/* All workers, and the little they share. The first one's loop has the listener; it hands each new connection to the
 * worker that has fewest and, when that is another, its descriptor through a mailbox:
 *
 *     listener ── workers_accept ─┬─▶ the first worker          (uv_accept, on its own loop)
 *                                 └─▶ worker 2 …  ── arrivals ─▶ session
 *
 * What comes from outside, catalogs and what SIGHUP reads anew, is read once and goes to each by mailbox. */
#ifndef PGPROCTOR_PROXY_WORKERS_H
#define PGPROCTOR_PROXY_WORKERS_H

#include "proxy/trouble.h"
#include "proxy/worker.h"

/* Counters that workers share are touched when a client comes, goes or can't be served, never for a message. */
struct workers {
	const struct settings *settings;
	struct worker *each[LIMIT_WORKERS];
	uint32_t count;
	uint64_t started_ms; /* the loops' clock: intervals are counted from here, so that they end for all at once */

	struct listener *listener; /* all that follows, until the gap, is the first worker's */
	uint32_t next;             /* where to look first for the next connection, so that ties go round */
	uint64_t session_id;       /* of the last session */

	_Atomic uint32_t client_count;  /* clients that were let in: max_client_conn at most; cancels don't count */
	_Atomic uint32_t session_count; /* those, and all others that have a connection */
	struct trouble upstream;        /* the server can't be reached */
	struct trouble auth_query;      /* it can't be run */
	struct trouble crowded;         /* clients are refused for want of descriptors */
	_Atomic uint32_t crowded_sessions; /* session_count when that began */
	atomic_bool binding_told;          /* that channel binding can't work with these certificates */
};

/* Makes as many as the settings say, and binds their addresses. NULL and one line in `error` when it can't. */
struct workers *workers_new(const struct settings *settings, const struct rule_settings *rules,
                            struct reporter *reporter, char *error, size_t error_size);
/* Starts the threads, which ask `feed` for catalogs; the feed must outlive them. When one can't be had, those that run
 * are still to be stopped. */
MUST_USE int workers_start(struct workers *workers, struct feed *feed);
/* feed_publish_fn */
void workers_publish(void *workers, struct catalog *catalog);
/* reporter_publish_fn */
void workers_publish_usage(void *workers, struct usage *usage);
/* Reads certificates and keys anew, for new connections; what is wrong with them is one line in `error`, and all stays
 * as it was. True without doing anything where TLS is off. Called by one thread only. */
MUST_USE bool workers_reload(struct workers *workers, char *error, size_t error_size);
/* The same for auth_file; `exposed` as in verifiers.h. True without doing anything where none is used. */
MUST_USE bool workers_reload_users(struct workers *workers, bool *exposed, char *error, size_t error_size);
/* Stops listening and lets transactions end (`at_once` doesn't); harmless when said twice. */
void workers_stop(struct workers *workers, bool at_once);
/* Their threads have ended, or are about to. */
bool workers_done(const struct workers *workers);
/* Waits for the threads that were started. */
void workers_join(struct workers *workers);
/* Joins, and frees all. */
void workers_free(struct workers *workers);

/* On the first worker's thread: takes the connection that waits on `listener`. */
void workers_accept(struct workers *workers, uv_stream_t *listener);

#endif
