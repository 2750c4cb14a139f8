/* One event loop on its own thread: its sessions, its inspector, its figures, its part of the log. Shares
 * nothing; catalogs come in and parcels go out through mailboxes.
 *
 * The thread has LIMIT_PARSE_STACK_BYTES of stack, because libpg_query recurses on it. */
#ifndef PGPROCTOR_PROXY_WORKER_H
#define PGPROCTOR_PROXY_WORKER_H

#include "config/settings.h"
#include "inspect/inspector.h"
#include "inspect/stats.h"
#include "proxy/feed.h"
#include "proxy/link.h"
#include "proxy/logline.h"
#include "proxy/mailbox.h"
#include "proxy/parcel.h"
#include "proxy/reporter.h"
#include "proxy/secrets.h"
#include "proxy/tls.h"

#include <uv.h>

struct listener;
struct session;
struct study;

struct worker {
	const struct settings *settings;
	struct reporter *reporter;
	struct feed *feed;
	struct listener *listener;
	struct inspector *inspector;
	struct study *study; /* where long texts are parsed */
	struct rule_settings rules;

	uv_loop_t loop;
	uv_thread_t thread;
	uv_async_t wake;         /* a catalog, certificates, verifiers or a text that was read, or stop_wanted is set */
	uv_timer_t tick;         /* hands parcels over; runs while there is something to hand over */
	uv_timer_t interval;     /* stats_period */
	struct mailbox catalogs; /* struct worker_catalog, the newest first */
	struct mailbox tls_pairs; /* struct tls_pair, read anew */
	struct mailbox verifiers; /* struct verifiers, read anew */
	_Atomic int stop_wanted;  /* 1: drain, 2: at once */
	_Atomic bool done;        /* the thread is about to end */

	struct session *sessions;
	uint32_t session_count;
	uint32_t starting_count; /* of them, how many have not said yet what they want: max_client_conn at most */
	uint32_t client_count;   /* and how many were let in: max_client_conn at most; cancels don't count */
	uint64_t next_session_id;
	uint64_t connects;
	bool started;
	bool stopping;
	uv_timer_t deadline; /* of draining */

	struct parcel *parcel; /* being filled; never NULL */
	struct parcel *spare;  /* empty, or NULL while the reporter has it */
	struct stats_sights sights;
	enum settings_format format;
	bool upstream_down;        /* told once, until it is back */
	uint64_t upstream_refused; /* connections that failed meanwhile */
	int descriptors;           /* that the process may have (RLIMIT_NOFILE) */
	uint64_t crowded_out; /* clients refused for want of them; told at the first, and when there are some again */
	uint32_t crowded_sessions; /* at the first of them */

	struct tls_pair tls; /* for new connections */
	bool binding_told;   /* that channel binding can't work with these */
	struct secrets secrets;
	bool secrets_failing; /* auth_query; told once, until it works again */
	struct link_scratch scratch;
	struct logline line;
	uint8_t own[LIMIT_LOG_LINE_BYTES]; /* messages of our own, until they are flushed */
};

/* Binds the addresses of the settings. NULL and one line in `error` when it can't. */
struct worker *worker_new(const struct settings *settings, const struct rule_settings *rules, struct reporter *reporter,
                          char *error, size_t error_size);
/* Starts the thread, which asks `feed` for catalogs; the feed must outlive it. */
MUST_USE int worker_start(struct worker *worker, struct feed *feed);
/* feed_publish_fn */
void worker_publish(void *worker, struct catalog *catalog);
/* Reads certificates and keys anew, for new connections; what is wrong with them is one line in `error`, and all stays
 * as it was. True without doing anything where TLS is off. Called by one thread only. */
MUST_USE bool worker_reload(struct worker *worker, char *error, size_t error_size);
/* The same for auth_file; `exposed` as in verifiers.h. True without doing anything where none is used. */
MUST_USE bool worker_reload_users(struct worker *worker, bool *exposed, char *error, size_t error_size);
/* Stops listening and lets transactions end (`at_once` doesn't); harmless when said twice. */
void worker_stop(struct worker *worker, bool at_once);
/* Its thread has ended, or is about to. */
bool worker_done(const struct worker *worker);
/* Waits for its thread, if it was started, and frees it. */
void worker_free(struct worker *worker);

/* -- on its own thread ------------------------------------------------------------------------- */

int64_t worker_wall_ms(void);
/* Begins worker->line, with the session's fields that are known; the caller adds to it and calls worker_log. */
struct logline *worker_line(struct worker *worker, enum log_level level, const char *event,
                            const struct session *session);
void worker_log(struct worker *worker, struct logline *line);
/* Something is in the parcel that should not wait for the interval. */
void worker_hurry(struct worker *worker);
/* A client was turned away for want of descriptors; one was let in. */
void worker_crowded(struct worker *worker);
void worker_roomy(struct worker *worker);
void worker_session_gone(struct worker *worker);

#endif
