/* One event loop on its own thread: its sessions, its inspector, its figures, its part of the log. Shares
 * nothing, but for what workers.h has; connections and catalogs come in and parcels go out through mailboxes.
 *
 * The thread has LIMIT_PARSE_STACK_BYTES of stack, because libpg_query recurses on it. */
#ifndef PGPROCTOR_PROXY_WORKER_H
#define PGPROCTOR_PROXY_WORKER_H

#include "config/settings.h"
#include "inspect/inspector.h"
#include "inspect/stats.h"
#include "proxy/audit.h"
#include "proxy/feed/feed.h"
#include "proxy/link.h"
#include "proxy/logline.h"
#include "proxy/mailbox.h"
#include "proxy/parcel.h"
#include "proxy/reporter.h"
#include "proxy/login/secrets.h"
#include "proxy/tls.h"

#include <uv.h>

struct listener;
struct session;
struct study;
struct workers;

struct worker {
	struct workers *workers;
	uint32_t index; /* among them */
	const struct settings *settings;
	struct reporter *reporter;
	struct feed *feed;
	struct listener *listener; /* NULL but for the first */
	struct inspector *inspector;
	struct study *study; /* where long texts are parsed */
	struct rule_settings rules;

	uv_loop_t loop;
	uv_thread_t thread;
	enum { WORKER_MADE, WORKER_STARTED, WORKER_JOINED } life;
	uv_async_t wake;         /* something is in a mailbox, a text has been read, or stop_wanted is set */
	uv_timer_t tick;         /* hands parcels over; runs while there is something to hand over */
	uv_timer_t settled;      /* from a sum of all workers' on, until it has what was under way */
	bool unsettled;          /* a newer sum has come while it ran */
	uv_timer_t interval;     /* stats_period */
	struct mailbox arrivals;  /* struct worker_arrival, each posted */
	struct mailbox catalogs;  /* struct worker_catalog, each posted */
	struct mailbox tls_pairs; /* struct tls_pair, read anew */
	struct mailbox verifiers; /* struct verifiers, read anew */
	struct mailbox usages;    /* struct usage, all workers' */
	_Atomic uint32_t load;    /* connections that were handed to it and have not begun to close */
	_Atomic int stop_wanted;  /* 1: drain, 2: at once */
	_Atomic bool done;        /* the thread is about to end */

	struct session *sessions;
	uint32_t session_count;
	uint32_t interval_number; /* from 1 on: statements are counted as used once or twice in each */
	uint32_t starting_count; /* of them, how many have not said yet what they want: see admission.h */
	uint64_t connects;
	bool stopping;
	uv_timer_t deadline; /* of draining */

	struct parcel *parcel; /* being filled; never NULL */
	struct parcel *spare;  /* empty, or NULL while the reporter has it */
	struct stats_sights sights;
	struct audit audit;
	enum settings_format format;
	int descriptors; /* that the process may have (RLIMIT_NOFILE) */

	struct tls_pair tls; /* for new connections */
	struct secrets secrets;
	struct link_scratch scratch;
	char no_ring[64]; /* why scratch has none, though it was to have one */
	struct logline line;
	uint8_t own[LIMIT_LOG_LINE_BYTES]; /* messages of our own, until they are flushed */
};

/* What it has of certificates, secrets and the listener is workers.c's to add. */
struct worker *worker_new(struct workers *workers, uint32_t index, const struct rule_settings *rules,
                          struct reporter *reporter);
/* Starts the thread, which asks `feed` for catalogs; the feed must outlive it. */
MUST_USE int worker_start(struct worker *worker, struct feed *feed);
/* A connection for it, counted in `load` already; takes over the descriptor. */
void worker_arrive(struct worker *worker, uint64_t session_id, int fd, enum link_transport transport);
/* A newer catalog of its database; takes over the reference. */
void worker_publish(struct worker *worker, struct catalog *catalog);
/* For new connections: shares what `fresh` has. */
void worker_put_tls(struct worker *worker, const struct tls_pair *fresh);
/* The same; takes over the reference. */
void worker_put_verifiers(struct worker *worker, struct verifiers *fresh);
/* What the traffic of all has used; takes over the reference. */
void worker_put_usage(struct worker *worker, struct usage *usage);
/* Stops listening and lets transactions end (`at_once` doesn't); harmless when said twice. */
void worker_stop(struct worker *worker, bool at_once);
/* Its thread has ended, or is about to. */
bool worker_done(const struct worker *worker);
/* Waits for its thread, if it was started; harmless when said twice. */
void worker_join(struct worker *worker);
/* After worker_join, when no other thread knows it any more. */
void worker_free(struct worker *worker);

/* -- on its own thread ------------------------------------------------------------------------- */

int64_t worker_wall_ms(void);
/* Begins worker->line, with the session's fields that are known; the caller adds to it and calls worker_log. */
struct logline *worker_line(struct worker *worker, enum log_level level, const char *event,
                            const struct session *session);
void worker_log(struct worker *worker, struct logline *line);
/* The same for what is told once, whichever worker is first to: `key` as by stats_sight. */
void worker_log_first(struct worker *worker, struct logline *line, uint64_t key);
/* A statement of the session has run without error: what it names is used. */
void worker_ran(struct worker *worker, struct session *session, struct statement *statement);
/* What the session runs can't be read. */
void worker_missed(struct worker *worker, const struct session *session);
/* Counts a finding, and tells it when it is the first of its kind. */
void worker_find(struct worker *worker, const struct stats_finding *seen);
/* Something is in the parcel that should not wait for the interval. */
void worker_hurry(struct worker *worker);
/* What is about to be stored counts for all workers; soon, where it may be a document. */
void worker_share_documents(struct worker *worker, bool soon);
/* A client was turned away for want of descriptors; one was let in. */
void worker_crowded(struct worker *worker);
void worker_roomy(struct worker *worker);
void worker_session_gone(struct worker *worker);

#endif
