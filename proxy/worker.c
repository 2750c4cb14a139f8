#include "proxy/worker.h"

#include "inspect/rules/documents.h"
#include "inspect/withdrawn.h"
#include "config/limits.h"
#include "proxy/listener.h"
#include "proxy/session.h"
#include "proxy/study.h"
#include "proxy/workers.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	/* How long a finished line may wait for its parcel. */
	WORKER_TICK_MS = 100,
	WORKER_SETTLED_MS = 1500, /* longer than the reporter waits between two sums, and a tick */
	/* How long the last parcel may wait for a reporter that is stuck. */
	WORKER_LAST_PARCEL_MS = 2000,
};

struct worker_catalog {
	struct mailbox_letter letter;
	struct catalog *catalog;
};

struct worker_arrival {
	struct mailbox_letter letter;
	uint64_t session_id;
	int fd;
	enum link_transport transport;
};

static void worker_run(void *worker);
static void worker_on_wake(uv_async_t *async);
static void worker_take_arrivals(struct worker *worker);
static void worker_take_catalogs(struct worker *worker);
static void worker_audit(struct worker *worker, const struct catalog *catalog);
static struct stats_finding worker_found(const struct finding *finding, const char *database);
static void worker_tell_first(struct worker *worker, const struct stats_finding *seen, uint64_t key);
static void worker_take_tls(struct worker *worker);
static void worker_take_verifiers(struct worker *worker);
static void worker_take_texts(struct worker *worker);
static void worker_take_usage(struct worker *worker);
static struct usage *worker_usage(struct worker *worker);
static void worker_tell_summed(struct worker *worker);
static void worker_on_tick(uv_timer_t *timer);
static void worker_on_settled(uv_timer_t *timer);
static void worker_on_interval(uv_timer_t *timer);
static void worker_time_interval(struct worker *worker);
static bool worker_hand_over(struct worker *worker);
static void worker_begin_stop(struct worker *worker);
static void worker_on_deadline(uv_timer_t *timer);
static void worker_end_sessions(struct worker *worker);
static void worker_close_handles(struct worker *worker);

struct worker *worker_new(struct workers *workers, uint32_t index, const struct rule_settings *rules,
                          struct reporter *reporter)
{
	struct worker *worker = calloc(1, sizeof *worker);
	CHECK(worker != NULL);
	const struct settings *settings = worker->settings = workers->settings;
	worker->workers = workers;
	worker->index = index;
	worker->interval_number = 1;
	worker->rules = *rules;
	worker->reporter = reporter;
	worker->format = reporter_format(reporter);
	if (settings->io_uring == SETTINGS_IO_URING_AUTO)
		worker->scratch.ring = ring_new(&link_ring_events, worker->no_ring, sizeof worker->no_ring);
	worker->parcel = parcel_new();
	worker->spare = parcel_new();
	worker->inspector = inspector_new(settings, &worker->rules);
	inspector_watch(worker->inspector);
	stats_sights_init(&worker->sights);
	audit_init(&worker->audit);
	struct rlimit limit;
	bool limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX;
	worker->descriptors = limited ? (int)limit.rlim_cur : INT_MAX;
	CHECK(uv_loop_init(&worker->loop) == 0);
	CHECK(uv_async_init(&worker->loop, &worker->wake, worker_on_wake) == 0);
	CHECK(uv_timer_init(&worker->loop, &worker->tick) == 0);
	CHECK(uv_timer_init(&worker->loop, &worker->settled) == 0);
	CHECK(uv_timer_init(&worker->loop, &worker->interval) == 0);
	CHECK(uv_timer_init(&worker->loop, &worker->deadline) == 0);
	worker->study = study_new(&worker->wake);
	worker->wake.data = worker->tick.data = worker->settled.data = worker->interval.data = worker->deadline.data = worker;
	if (index == 0)
		workers->started_ms = uv_now(&worker->loop);
	worker_time_interval(worker);
	return worker;
}

int worker_start(struct worker *worker, struct feed *feed)
{
	const uv_thread_options_t options = {
	    .flags = UV_THREAD_HAS_STACK_SIZE,
	    .stack_size = LIMIT_PARSE_STACK_BYTES,
	};
	worker->feed = feed;
	int status = uv_thread_create_ex(&worker->thread, &options, worker_run, worker);
	if (status == 0)
		worker->life = WORKER_STARTED;
	return status;
}

void worker_arrive(struct worker *worker, uint64_t session_id, int fd, enum link_transport transport)
{
	struct worker_arrival *arrival = malloc(sizeof *arrival);
	CHECK(arrival != NULL);
	*arrival = (struct worker_arrival){.session_id = session_id, .fd = fd, .transport = transport};
	mailbox_post(&worker->arrivals, &arrival->letter);
	uv_async_send(&worker->wake);
}

void worker_publish(struct worker *worker, struct catalog *catalog)
{
	struct worker_catalog *fresh = malloc(sizeof *fresh);
	CHECK(fresh != NULL);
	fresh->catalog = catalog;
	mailbox_post(&worker->catalogs, &fresh->letter);
	uv_async_send(&worker->wake);
}

void worker_put_tls(struct worker *worker, const struct tls_pair *fresh)
{
	struct tls_pair *own = malloc(sizeof *own);
	CHECK(own != NULL);
	tls_pair_share(own, fresh);
	struct tls_pair *overtaken = mailbox_put(&worker->tls_pairs, own);
	if (overtaken)
		tls_pair_fini(overtaken);
	free(overtaken);
	uv_async_send(&worker->wake);
}

void worker_put_verifiers(struct worker *worker, struct verifiers *fresh)
{
	verifiers_unref(mailbox_put(&worker->verifiers, fresh));
	uv_async_send(&worker->wake);
}

void worker_put_usage(struct worker *worker, struct usage *usage)
{
	usage_unref(mailbox_put(&worker->usages, usage));
	uv_async_send(&worker->wake);
}

void worker_stop(struct worker *worker, bool at_once)
{
	worker->stop_wanted = at_once ? 2 : 1;
	uv_async_send(&worker->wake);
}

bool worker_done(const struct worker *worker)
{
	return worker->done;
}

void worker_join(struct worker *worker)
{
	if (worker->life != WORKER_STARTED)
		return;
	uv_thread_join(&worker->thread);
	worker->life = WORKER_JOINED;
}

void worker_free(struct worker *worker)
{
	if (worker->life == WORKER_MADE) {
		if (worker->listener)
			listener_close(worker->listener);
		worker_close_handles(worker);
		uv_run(&worker->loop, UV_RUN_DEFAULT);
	}
	worker_take_arrivals(worker);
	worker_take_catalogs(worker);
	worker_take_tls(worker);
	worker_take_verifiers(worker);
	worker_take_usage(worker);
	tls_pair_fini(&worker->tls);
	secrets_fini(&worker->secrets);
	buffer_free(&worker->scratch.output);
	ring_free(worker->scratch.ring);
	CHECK(uv_loop_close(&worker->loop) == 0);
	study_free(worker->study);
	inspector_free(worker->inspector);
	stats_sights_fini(&worker->sights);
	audit_fini(&worker->audit);
	if (worker->parcel)
		parcel_free(worker->parcel);
	if (worker->spare)
		parcel_free(worker->spare);
	free(worker);
}

int64_t worker_wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct logline *worker_line(struct worker *worker, enum log_level level, const char *event,
                            const struct session *session)
{
	struct logline *line = &worker->line;
	logline_begin(line, worker->format, worker_wall_ms(), level, event);
	if (!session)
		return line;
	logline_text(line, "database", session->state.database);
	logline_text(line, "user", session->state.user);
	logline_text(line, "application", session->application);
	logline_text(line, "client_address", session->client_address);
	logline_int(line, "session", (int64_t)session->id);
	if (session->tags) {
		logline_text(line, "route", session->tags->route);
		logline_text(line, "controller", session->tags->controller);
		logline_text(line, "traceparent", session->tags->traceparent);
	}
	return line;
}

void worker_log(struct worker *worker, struct logline *line)
{
	logline_end(line);
	parcel_add_line(worker->parcel, line->text, line->len);
	worker_hurry(worker);
}

void worker_log_first(struct worker *worker, struct logline *line, uint64_t key)
{
	logline_end(line);
	parcel_add_first(worker->parcel, line->text, line->len, key);
	worker_hurry(worker);
}

void worker_find(struct worker *worker, const struct stats_finding *seen)
{
	stats_find(&worker->parcel->stats, seen);
	/* Its own sights spare it the lines; among those of all workers the reporter tells the first. */
	uint64_t key = stats_sight(seen);
	if (stats_sights_add(&worker->sights, key))
		worker_tell_first(worker, seen, key);
}

void worker_ran(struct worker *worker, struct session *session, struct statement *statement)
{
	struct usage *also = worker_usage(worker);
	bool fresh = inspector_ran(worker->inspector, statement, &session->state, worker->interval_number,
	                           session->tags ? session->tags->route : "", also);
	/* What is used for the first time, others should know soon; that it still is, can wait for the interval. */
	if (fresh && also)
		worker_hurry(worker);
}

void worker_missed(struct worker *worker, const struct session *session)
{
	inspector_missed(worker->inspector, session->state.database, worker_usage(worker));
}

void worker_hurry(struct worker *worker)
{
	if (!uv_is_active((uv_handle_t *)&worker->tick) && !uv_is_closing((uv_handle_t *)&worker->tick))
		uv_timer_start(&worker->tick, worker_on_tick, WORKER_TICK_MS, 0);
}

void worker_share_documents(struct worker *worker, bool soon)
{
	struct usage *also = worker_usage(worker);
	if (!also)
		return;
	inspector_share_documents(worker->inspector, also, worker->index + 1);
	if (soon)
		worker_hurry(worker);
}

void worker_crowded(struct worker *worker)
{
	struct workers *workers = worker->workers;
	if (!trouble_hit(&workers->crowded))
		return;
	workers->crowded_sessions = workers->session_count;
	struct logline *line = worker_line(worker, LOG_LEVEL_ERROR, "error", NULL);
	logline_text(line, "message", "out of file descriptors; clients are refused until there are some (ulimit -n)");
	logline_int(line, "limit", worker->descriptors);
	logline_int(line, "sessions", workers->session_count);
	worker_log(worker, line);
}

void worker_roomy(struct worker *worker)
{
	/* Not as soon as one has got in: the catalog's connection comes and goes, and each time frees a descriptor. */
	struct workers *workers = worker->workers;
	uint64_t refused;
	if (!trouble_is_on(&workers->crowded) || workers->session_count > workers->crowded_sessions * 3 / 4 ||
	    !trouble_over(&workers->crowded, &refused))
		return;
	struct logline *line = worker_line(worker, LOG_LEVEL_INFO, "warning", NULL);
	logline_text(line, "message", "there are file descriptors again");
	logline_int(line, "refused", (int64_t)refused);
	worker_log(worker, line);
}

void worker_session_gone(struct worker *worker)
{
	if (worker->stopping && worker->session_count == 0)
		worker_close_handles(worker);
}

static void worker_run(void *context)
{
	struct worker *worker = context;
	char name[16]; /* top -H tells them apart */
	snprintf(name, sizeof name, worker->workers->count > 1 ? "worker %u" : "worker", worker->index + 1);
	(void)pthread_setname_np(pthread_self(), name);
	if (worker->scratch.ring)
		ring_run(worker->scratch.ring, &worker->loop);
	else
		uv_run(&worker->loop, UV_RUN_DEFAULT);
	for (unsigned waited = 0; !worker_hand_over(worker) && waited < WORKER_LAST_PARCEL_MS; waited += 10)
		usleep(10000);
	worker->done = true;
}

static void worker_on_wake(uv_async_t *async)
{
	struct worker *worker = async->data;
	worker_take_catalogs(worker);
	worker_take_tls(worker);
	worker_take_verifiers(worker);
	worker_take_usage(worker);
	worker_take_texts(worker);
	worker_take_arrivals(worker);
	if (worker->stop_wanted && !worker->stopping)
		worker_begin_stop(worker);
	if (worker->stop_wanted == 2)
		worker_end_sessions(worker);
}

/* None are left when its loop has ended, but for those that came too late: their clients find the end. */
static void worker_take_arrivals(struct worker *worker)
{
	struct worker_arrival *arrival = (struct worker_arrival *)mailbox_take_all(&worker->arrivals);
	while (arrival) {
		struct worker_arrival *next = (struct worker_arrival *)arrival->letter.next;
		if (uv_is_closing((uv_handle_t *)&worker->wake))
			close(arrival->fd);
		else
			session_take(worker, arrival->session_id, arrival->fd, arrival->transport);
		free(arrival);
		arrival = next;
	}
}

static void worker_take_catalogs(struct worker *worker)
{
	struct worker_catalog *fresh = (struct worker_catalog *)mailbox_take_all(&worker->catalogs);
	bool any = fresh != NULL;
	while (fresh) {
		struct worker_catalog *next = (struct worker_catalog *)fresh->letter.next;
		struct catalog *catalog = catalog_ref(fresh->catalog);
		const struct catalog *known = inspector_catalog(worker->inspector, catalog_database(catalog));
		struct catalog *before = known ? catalog_ref((struct catalog *)known) : NULL;
		inspector_put_catalog(worker->inspector, fresh->catalog);
		/* Once for the table, not once for each worker. */
		if (worker->index == 0)
			worker_audit(worker, catalog);
		if (worker->index == 0 && before)
			withdrawn_audits(worker->parcel->stats.withdrawn, &worker->rules, before, catalog);
		catalog_unref(before);
		catalog_unref(catalog);
		free(fresh);
		fresh = next;
	}
	for (struct session *session = worker->sessions; any && session; session = session->next) {
		if (session->catalog_wait_ns)
			session_pace(session);
	}
}

/* What the catalog alone says of its tables: told once for each. */
static void worker_audit(struct worker *worker, const struct catalog *catalog)
{
	for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
		const struct verdict *verdict = inspector_audit(worker->inspector, catalog, at);
		for (uint8_t i = 0; verdict && i < verdict->count; i++) {
			const struct finding *finding = &verdict->findings[i];
			struct stats_finding seen = worker_found(finding, catalog_database(catalog));
			uint64_t key = stats_sight(&seen);
			if (!stats_sights_add(&worker->sights, key))
				continue;
			stats_find(&worker->parcel->stats, &seen);
			worker_tell_first(worker, &seen, key);
		}
	}
}

/* What no session has caused. */
static struct stats_finding worker_found(const struct finding *finding, const char *database)
{
	struct stats_finding seen = {
	    .rule = finding->rule,
	    .severity = finding->severity,
	    .action = ACTION_LOG,
	    .evidence = finding->evidence,
	    .query = (char *)"",
	    .table = (char *)finding->table,
	    .column = (char *)finding->column,
	    .message = (char *)finding->message,
	    .hint = (char *)finding->hint,
	    .fix_sql = (char *)finding->fix_sql,
	    .fix_django = (char *)finding->fix_django,
	    .table_rows = finding->table_rows,
	    .count = 1,
	};
	snprintf(seen.database, sizeof seen.database, "%s", database);
	return seen;
}

static void worker_tell_first(struct worker *worker, const struct stats_finding *seen, uint64_t key)
{
	logline_finding(&worker->line, worker->format, worker_wall_ms(), seen, NULL);
	parcel_add_first(worker->parcel, worker->line.text, worker->line.len, key);
	worker_hurry(worker);
}

static void worker_take_texts(struct worker *worker)
{
	struct study_text *text;
	while ((text = study_take(worker->study)) != NULL) {
		struct session *session = text->session;
		inspector_end(worker->inspector, text->reading);
		free(text);
		session_studied(session);
	}
}

static void worker_take_tls(struct worker *worker)
{
	struct tls_pair *fresh = mailbox_take(&worker->tls_pairs);
	if (!fresh)
		return;
	tls_pair_fini(&worker->tls);
	worker->tls = *fresh;
	free(fresh);
}

static void worker_take_verifiers(struct worker *worker)
{
	struct verifiers *fresh = mailbox_take(&worker->verifiers);
	if (fresh)
		secrets_replace(&worker->secrets, fresh);
}

/* Where the others learn from what its sessions use; NULL: there are none. */
static struct usage *worker_usage(struct worker *worker)
{
	return worker->workers->count > 1 ? &worker->parcel->usage : NULL;
}

static void worker_take_usage(struct worker *worker)
{
	struct usage *fresh = mailbox_take(&worker->usages);
	if (!fresh)
		return;
	inspector_put_usage(worker->inspector, fresh);
	worker->unsettled = true;
	if (!uv_is_active((uv_handle_t *)&worker->settled) && !uv_is_closing((uv_handle_t *)&worker->settled))
		worker_on_settled(&worker->settled);
}

/* What the others had counted, but not handed over when the last sum was made, is in it by now. */
static void worker_on_settled(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	worker_tell_summed(worker);
	if (worker->unsettled)
		uv_timer_start(timer, worker_on_settled, WORKER_SETTLED_MS, 0);
	worker->unsettled = false;
}

/* What only all workers together have seen enough of, twice. */
static void worker_tell_summed(struct worker *worker)
{
	uint32_t at = 0;
	struct documents_told of;
	const struct verdict *verdict;
	while ((verdict = inspector_summed(worker->inspector, &at, &of)) != NULL) {
		for (uint8_t i = 0; i < verdict->count; i++) {
			struct stats_finding seen = worker_found(&verdict->findings[i], of.database);
			seen.fingerprint = of.fingerprint;
			seen.query = (char *)of.query;
			worker_find(worker, &seen);
		}
	}
}

static void worker_on_tick(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	if (!worker_hand_over(worker))
		worker_hurry(worker);
}

static void worker_on_interval(uv_timer_t *timer)
{
	struct worker *worker = timer->data;
	worker_time_interval(worker);
	worker->interval_number += worker->interval_number == UINT32_MAX ? 2 : 1; /* 0 is no interval */
	for (struct session *session = worker->sessions; session; session = session->next) {
		if (session->phase == SESSION_BLIND && session->purpose != SESSION_REPLICATION)
			worker_missed(worker, session);
	}
	worker->parcel->interval_ends = true;
	if (!worker_hand_over(worker))
		worker_hurry(worker);
}

/* By the clock, not so long after the last: a busy loop is late by some each time, and not for all workers alike. */
static void worker_time_interval(struct worker *worker)
{
	const uint64_t period_ms = worker->settings->stats_period_ms;
	uv_timer_start(&worker->interval, worker_on_interval,
	               period_ms - (uv_now(&worker->loop) - worker->workers->started_ms) % period_ms, 0);
}

/* False while the reporter has not given the other parcel back: this one goes on filling. */
static bool worker_hand_over(struct worker *worker)
{
	if (!worker->spare)
		worker->spare = reporter_take(worker->reporter, worker->index);
	if (!worker->spare)
		return false;
	const struct inspector_figures figures = inspector_figures(worker->inspector);
	struct parcel *parcel = worker->parcel;
	parcel->sessions = worker->session_count;
	parcel->connects = worker->connects;
	parcel->cache_hits = figures.hits;
	parcel->cache_misses = figures.misses;
	parcel->cache_evictions = figures.evictions;
	parcel->cache_statements = figures.statements;
	parcel->parse_us = figures.parse_ns / 1000;
	inspector_take_withdrawn(worker->inspector, parcel->stats.withdrawn);
	if (!reporter_put(worker->reporter, worker->index, parcel))
		return false;
	worker->parcel = worker->spare;
	worker->spare = NULL;
	return true;
}

static void worker_begin_stop(struct worker *worker)
{
	worker->stopping = true;
	if (worker->listener)
		listener_close(worker->listener);
	if (worker->session_count == 0) {
		worker_close_handles(worker);
		return;
	}
	uv_timer_start(&worker->deadline, worker_on_deadline, worker->settings->shutdown_timeout_ms, 0);
	struct session *next;
	for (struct session *session = worker->sessions; session; session = next) {
		next = session->next;
		session_drain(session);
	}
}

static void worker_on_deadline(uv_timer_t *timer)
{
	worker_end_sessions(timer->data);
}

static void worker_end_sessions(struct worker *worker)
{
	struct session *next;
	for (struct session *session = worker->sessions; session; session = next) {
		next = session->next;
		/* As the server itself does it: in the middle of a statement, but not of a message. */
		if (session->phase == SESSION_RELAY && session->ready_ns && frame_at_boundary(&session->server_frame))
			session_say_fatal(session, "57P01", "pgproctor is shutting down");
		session_abort(session, "shutdown");
	}
}

static void worker_close_handles(struct worker *worker)
{
	uv_handle_t *const handles[] = {
	    (uv_handle_t *)&worker->wake,
	    (uv_handle_t *)&worker->tick,
	    (uv_handle_t *)&worker->settled,
	    (uv_handle_t *)&worker->interval,
	    (uv_handle_t *)&worker->deadline,
	};
	for (size_t at = 0; at < ARRAY_LEN(handles); at++)
		if (!uv_is_closing(handles[at]))
			uv_close(handles[at], NULL);
	/* Nobody is left to wait for an answer. */
	if (worker->secrets.query)
		auth_query_stop(worker->secrets.query);
}
