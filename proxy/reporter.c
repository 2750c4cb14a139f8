#include "proxy/reporter.h"

#include "inspect/rules/rules.h"

#include "config/check.h"
#include "proxy/logfile.h"
#include "proxy/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 100,
	/* How long a stuck output may hold up the end. */
	STOP_MS = 2000,
	/* How long an interval that has ended for one worker waits for the others: they tell the time by the same
	 * clock, but one that has ended says nothing any more. */
	GRACE_MS = 1000,
	/* Usage is published whole, so not for each parcel. */
	PUBLISH_MS = 1000,
};

/* The gauges of the last parcel that had any; compared as bytes, so without padding. */
struct gauges {
	uint64_t sessions, connects, cache_hits, cache_misses, cache_evictions, cache_statements, parse_us;
};

/* Where one worker's parcels go back and forth. `under_way` is true from reporter_put until the parcel is back in
 * `empty`, so that at most one is on the road. */
struct desk {
	struct mailbox full, empty;
	atomic_bool under_way;
	uint64_t put_end; /* waiting_end when the parcel in `full` was put */
	/* The thread's own. */
	struct gauges gauges;
	bool interval_ended;
};

/* What the thread touches and what others touch are apart:
 *
 *     each worker ── reporter_put ──▶ full ──▶ thread ──▶ empty ── reporter_take ──▶ that worker
 *     others ─────── reporter_line ─▶ waiting (lock) ─────▲
 */
struct reporter {
	pthread_t thread;
	int wake_fd; /* eventfd */
	struct desk *desks;
	uint32_t desk_count;
	atomic_bool reopen, stop;

	/* Lines of other threads keep their place among the workers': those that came before a parcel was put are
	 * written before it, the others wait for a tick at least. So `started` is first, and `stopped`, said just
	 * before the stop, comes after the last interval. */
	atomic_uint_fast64_t waiting_end; /* bytes that ever waited, written under the lock */
	pthread_mutex_t lock;             /* guards the next four, for the length of a memcpy */
	char *waiting;                    /* LIMIT_PARCEL_BYTES; ends at waiting_end */
	size_t waiting_len;
	uint64_t waiting_lost;
	int64_t waiting_ms; /* when the last one came, monotonic */

	pthread_mutex_t publish_lock; /* guards the next two, while usage is published as well */
	reporter_publish_fn *publish;
	void *publish_context;

	/* The thread's own. */
	struct logfile file;
	enum settings_format format;
	struct stats stats;
	struct usage usage; /* of all workers, since the start */
	bool usage_changed; /* since it was published */
	int64_t published_ms;
	struct stats_sights sights; /* what was told of as the first of its kind */
	int64_t ended_ms;           /* monotonic: when the interval ended for the first worker; 0: for none */
	bool told;                  /* no other figures have come since the last interval ended, or ever */
	int64_t started_ms, interval_started_ms; /* monotonic */
	char *taken;                             /* LIMIT_PARCEL_BYTES, out of `waiting` */
	struct logline line;

	/* Under way in the thread; here, and not in its functions, because a stuck write ends by cancellation. */
	struct parcel *parcel;
	struct stats_row **rows;
	struct stats_finding **findings;
};

static void *run(void *context);
static void carry_parcel(struct reporter *reporter, struct desk *desk);
static void publish_usage(struct reporter *reporter);
static bool interval_has_ended(struct reporter *reporter);
static void carry_waiting(struct reporter *reporter, uint64_t end);
static void carry_aged(struct reporter *reporter, bool last);
static void end_interval(struct reporter *reporter);
static void write_stats(struct reporter *reporter, int64_t wall_ms);
static void tell_losses(struct reporter *reporter);
static void add(struct reporter *reporter);
static void reopen(struct reporter *reporter);
static void destroy(struct reporter *reporter);
static int64_t now_ms(clockid_t clock);

struct reporter *reporter_start(const struct settings *settings, char *error, size_t error_size)
{
	CHECK(settings != NULL && error != NULL && error_size > 0);
	struct reporter *reporter = calloc(1, sizeof(*reporter));
	CHECK(reporter != NULL);
	reporter->desk_count = settings->workers;
	reporter->desks = calloc(settings->workers, sizeof(*reporter->desks));
	CHECK(settings->workers > 0 && reporter->desks != NULL);
	stats_sights_init(&reporter->sights);
	reporter->wake_fd = -1;
	pthread_mutex_init(&reporter->lock, NULL);
	pthread_mutex_init(&reporter->publish_lock, NULL);
	stats_init(&reporter->stats);
	reporter->told = true;
	if (!logfile_open(&reporter->file, settings->logfile)) {
		snprintf(error, error_size, "logfile %s: cannot open it: %s", settings->logfile, strerror(errno));
		goto fail;
	}
	reporter->format = settings->log_format;
	if (reporter->format == SETTINGS_FORMAT_AUTO)
		reporter->format = isatty(reporter->file.fd) ? SETTINGS_FORMAT_TEXT : SETTINGS_FORMAT_JSON;
	reporter->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reporter->wake_fd < 0) {
		snprintf(error, error_size, "cannot start the reporter: %s", strerror(errno));
		goto fail;
	}
	reporter->waiting = malloc(LIMIT_PARCEL_BYTES);
	reporter->taken = malloc(LIMIT_PARCEL_BYTES);
	CHECK(reporter->waiting != NULL && reporter->taken != NULL);
	reporter->started_ms = reporter->interval_started_ms = now_ms(CLOCK_MONOTONIC);

	/* Signals are the loop's; and SIGPIPE must not end the process when the log's reader goes away. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&reporter->thread, NULL, run, reporter);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0) {
		snprintf(error, error_size, "cannot start the reporter: %s", strerror(failed));
		goto fail;
	}
	return reporter;
fail:
	destroy(reporter);
	return NULL;
}

enum settings_format reporter_format(const struct reporter *reporter)
{
	return reporter->format;
}

static void wake(struct reporter *reporter)
{
	/* A full counter means that a wake-up is due anyway. */
	uint64_t one = 1;
	ssize_t ignored = write(reporter->wake_fd, &one, sizeof(one));
	(void)ignored;
}

bool reporter_put(struct reporter *reporter, uint32_t worker, struct parcel *parcel)
{
	CHECK(reporter != NULL && worker < reporter->desk_count && parcel != NULL);
	struct desk *desk = &reporter->desks[worker];
	if (atomic_exchange_explicit(&desk->under_way, true, memory_order_acq_rel))
		return false;
	desk->put_end = atomic_load(&reporter->waiting_end);
	struct parcel *older = mailbox_put(&desk->full, parcel);
	CHECK(older == NULL);
	wake(reporter);
	return true;
}

struct parcel *reporter_take(struct reporter *reporter, uint32_t worker)
{
	CHECK(reporter != NULL && worker < reporter->desk_count);
	return mailbox_take(&reporter->desks[worker].empty);
}

/* Does not wake the thread: such lines are few, and a tick is soon. */
void reporter_line(struct reporter *reporter, const struct logline *line)
{
	CHECK(reporter != NULL && line != NULL);
	CHECK(line->len > 0 && line->text[line->len - 1] == '\n');
	pthread_mutex_lock(&reporter->lock);
	if (line->len <= LIMIT_PARCEL_BYTES - reporter->waiting_len) {
		memcpy(reporter->waiting + reporter->waiting_len, line->text, line->len);
		reporter->waiting_len += line->len;
		reporter->waiting_ms = now_ms(CLOCK_MONOTONIC);
		atomic_fetch_add(&reporter->waiting_end, line->len);
	} else {
		reporter->waiting_lost++;
	}
	pthread_mutex_unlock(&reporter->lock);
}

void reporter_reopen(struct reporter *reporter)
{
	CHECK(reporter != NULL);
	atomic_store(&reporter->reopen, true);
	wake(reporter);
}

void reporter_publish_to(struct reporter *reporter, reporter_publish_fn *publish, void *context)
{
	CHECK(reporter != NULL);
	pthread_mutex_lock(&reporter->publish_lock);
	reporter->publish = publish;
	reporter->publish_context = context;
	pthread_mutex_unlock(&reporter->publish_lock);
}

void reporter_stop(struct reporter *reporter)
{
	if (reporter == NULL)
		return;
	atomic_store(&reporter->stop, true);
	wake(reporter);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_MS / 1000;
	if (pthread_timedjoin_np(reporter->thread, NULL, &until) != 0) {
		/* It can only be in logfile_write's write(2), the one place where it can be cancelled. A write that not
		 * even that ends (a dead network disk) keeps its memory: the process is about to end. */
		pthread_cancel(reporter->thread);
		until.tv_sec += 1;
		if (pthread_timedjoin_np(reporter->thread, NULL, &until) != 0)
			return;
	}
	destroy(reporter);
}

static void *run(void *context)
{
	struct reporter *reporter = context;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	for (;;) {
		struct pollfd ready = {.fd = reporter->wake_fd, .events = POLLIN};
		poll(&ready, 1, TICK_MS);
		uint64_t wakes;
		ssize_t ignored = read(reporter->wake_fd, &wakes, sizeof(wakes));
		(void)ignored;
		bool last = atomic_load(&reporter->stop);
		if (atomic_exchange(&reporter->reopen, false))
			reopen(reporter);
		for (uint32_t at = 0; at < reporter->desk_count; at++)
			carry_parcel(reporter, &reporter->desks[at]);
		publish_usage(reporter);
		if (interval_has_ended(reporter) || (last && !reporter->told))
			end_interval(reporter);
		carry_aged(reporter, last);
		tell_losses(reporter);
		if (last)
			return NULL;
	}
}

static void carry_parcel(struct reporter *reporter, struct desk *desk)
{
	struct parcel *parcel = mailbox_take(&desk->full);
	if (parcel == NULL)
		return;
	reporter->parcel = parcel;
	carry_waiting(reporter, desk->put_end);
	parcel_drop_told(parcel, &reporter->sights);
	logfile_write(&reporter->file, parcel->lines, parcel->lines_len);
	logfile_lose(&reporter->file, parcel->lost_lines);
	stats_merge(&reporter->stats, &parcel->stats);
	reporter->usage_changed |= !usage_is_empty(&parcel->usage);
	usage_merge(&reporter->usage, &parcel->usage);
	reporter->told = reporter->told && parcel_idle(parcel);
	struct gauges gauges = {parcel->sessions,     parcel->connects,        parcel->cache_hits,
	                        parcel->cache_misses, parcel->cache_evictions, parcel->cache_statements,
	                        parcel->parse_us};
	static const struct gauges none;
	if (parcel->interval_ends || memcmp(&gauges, &none, sizeof(gauges)) != 0) {
		reporter->told = reporter->told && memcmp(&gauges, &desk->gauges, sizeof(gauges)) == 0;
		desk->gauges = gauges;
	}
	if (parcel->interval_ends && reporter->ended_ms == 0)
		reporter->ended_ms = now_ms(CLOCK_MONOTONIC);
	desk->interval_ended |= parcel->interval_ends;
	parcel_reset(parcel);
	reporter->parcel = NULL;
	/* Back before the way is free again: then a worker that may put always finds one to take. */
	struct parcel *unclaimed = mailbox_put(&desk->empty, parcel);
	parcel_free(unclaimed);
	atomic_store_explicit(&desk->under_way, false, memory_order_release);
}

static void publish_usage(struct reporter *reporter)
{
	int64_t now = now_ms(CLOCK_MONOTONIC);
	if (!reporter->usage_changed || now - reporter->published_ms < PUBLISH_MS)
		return;
	pthread_mutex_lock(&reporter->publish_lock);
	if (reporter->publish) {
		reporter->publish(reporter->publish_context, usage_copy(&reporter->usage));
		reporter->usage_changed = false;
		reporter->published_ms = now;
	}
	pthread_mutex_unlock(&reporter->publish_lock);
}

static bool interval_has_ended(struct reporter *reporter)
{
	bool all = true;
	for (uint32_t at = 0; at < reporter->desk_count; at++)
		all = all && reporter->desks[at].interval_ended;
	return all || (reporter->ended_ms > 0 && now_ms(CLOCK_MONOTONIC) - reporter->ended_ms > GRACE_MS);
}

/* The waiting lines up to `end`, a place in all that ever waited; it always lies between two lines. */
static void carry_waiting(struct reporter *reporter, uint64_t end)
{
	pthread_mutex_lock(&reporter->lock);
	uint64_t start = atomic_load(&reporter->waiting_end) - reporter->waiting_len;
	size_t len = end > start ? (size_t)(end - start) : 0;
	CHECK(len <= reporter->waiting_len);
	memcpy(reporter->taken, reporter->waiting, len);
	reporter->waiting_len -= len;
	memmove(reporter->waiting, reporter->waiting + len, reporter->waiting_len);
	uint64_t lost = reporter->waiting_lost;
	reporter->waiting_lost = 0;
	pthread_mutex_unlock(&reporter->lock);
	logfile_lose(&reporter->file, lost);
	logfile_write(&reporter->file, reporter->taken, len);
}

static void carry_aged(struct reporter *reporter, bool last)
{
	pthread_mutex_lock(&reporter->lock);
	uint64_t end = atomic_load(&reporter->waiting_end);
	bool aged = now_ms(CLOCK_MONOTONIC) - reporter->waiting_ms >= TICK_MS;
	bool many = reporter->waiting_len > LIMIT_PARCEL_BYTES / 2;
	pthread_mutex_unlock(&reporter->lock);
	if (last || aged || many)
		carry_waiting(reporter, end);
}

static int compare_findings(const void *left, const void *right)
{
	const struct stats_finding *a = *(const struct stats_finding *const *)left;
	const struct stats_finding *b = *(const struct stats_finding *const *)right;
	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

static void end_interval(struct reporter *reporter)
{
	int64_t wall_ms = now_ms(CLOCK_REALTIME);
	uint32_t count;
	reporter->rows = stats_by_total(&reporter->stats, &count);
	for (uint32_t at = 0; at < count; at++) {
		logline_fingerprint(&reporter->line, reporter->format, wall_ms, reporter->rows[at]);
		add(reporter);
	}
	free(reporter->rows);
	reporter->rows = NULL;
	struct stats_finding **findings = reporter->findings = stats_findings(&reporter->stats, &count);
	if (count > 0)
		qsort(findings, count, sizeof(*findings), compare_findings);
	for (uint32_t at = 0; at < count; at++) {
		const struct stats_row *calls =
		    stats_row_of(&reporter->stats, findings[at]->database, findings[at]->fingerprint);
		logline_finding(&reporter->line, reporter->format, wall_ms, findings[at], calls);
		add(reporter);
	}
	free(findings);
	reporter->findings = NULL;
	write_stats(reporter, wall_ms);
	logfile_flush(&reporter->file);
	reporter->told = true;
	reporter->ended_ms = 0;
	for (uint32_t at = 0; at < reporter->desk_count; at++)
		reporter->desks[at].interval_ended = false;
	stats_reset(&reporter->stats);
	reporter->interval_started_ms = now_ms(CLOCK_MONOTONIC);
}

/* "Q101:12 M202:1": what there is of each rule, or the sum alone where there is none. */
static void put_by_rule(struct logline *line, const char *sum_name, const char *name, const uint64_t *counts)
{
	char text[LIMIT_RULES * sizeof("Q101:18446744073709551615 ")];
	size_t len = 0;
	uint64_t sum = 0;
	for (size_t rule = 0; rule < rules_count(); rule++) {
		sum += counts[rule];
		if (counts[rule] > 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%llu", len > 0 ? " " : "",
			                        rules_at(rule)->code, (unsigned long long)counts[rule]);
	}
	logline_int(line, sum_name, (int64_t)sum);
	logline_text_n(line, name, text, len);
}

/* Of all workers; `sessions_by_worker` has a number for each. */
static struct gauges add_gauges(const struct reporter *reporter, char *sessions_by_worker, size_t size)
{
	struct gauges sum = {0};
	size_t len = 0;
	for (uint32_t at = 0; at < reporter->desk_count; at++) {
		const struct gauges *gauges = &reporter->desks[at].gauges;
		sum.sessions += gauges->sessions;
		sum.connects += gauges->connects;
		sum.cache_hits += gauges->cache_hits;
		sum.cache_misses += gauges->cache_misses;
		sum.cache_evictions += gauges->cache_evictions;
		sum.cache_statements += gauges->cache_statements;
		sum.parse_us += gauges->parse_us;
		len += (size_t)snprintf(sessions_by_worker + len, size - len, "%s%llu", at > 0 ? " " : "",
		                        (unsigned long long)gauges->sessions);
		CHECK(len < size);
	}
	return sum;
}

static void write_stats(struct reporter *reporter, int64_t wall_ms)
{
	const struct stats *stats = &reporter->stats;
	char sessions_by_worker[LIMIT_WORKERS * sizeof("4294967295 ")];
	const struct gauges gauges = add_gauges(reporter, sessions_by_worker, sizeof(sessions_by_worker));
	int64_t now = now_ms(CLOCK_MONOTONIC);
	struct logline *line = &reporter->line;
	logline_begin(line, reporter->format, wall_ms, LOG_LEVEL_INFO, "stats");
	logline_real(line, "interval_s", (double)(now - reporter->interval_started_ms) / 1000);
	logline_int(line, "statements", (int64_t)stats->statements);
	logline_int(line, "errors", (int64_t)stats->errors);
	logline_int(line, "rejected", (int64_t)stats->rejected);
	logline_int(line, "opaque", (int64_t)stats->opaque);
	logline_int(line, "blind_sessions", (int64_t)stats->blind_sessions);
	logline_int(line, "sessions", (int64_t)gauges.sessions);
	if (reporter->desk_count > 1)
		logline_text(line, "sessions_by_worker", sessions_by_worker);
	logline_int(line, "connects", (int64_t)gauges.connects);
	logline_int(line, "bytes_in", (int64_t)stats->bytes_in);
	logline_int(line, "bytes_out", (int64_t)stats->bytes_out);
	logline_int(line, "cache_hits", (int64_t)gauges.cache_hits);
	logline_int(line, "cache_misses", (int64_t)gauges.cache_misses);
	logline_int(line, "cache_evictions", (int64_t)gauges.cache_evictions);
	logline_int(line, "cache_statements", (int64_t)gauges.cache_statements);
	logline_real(line, "parse_ms", (double)gauges.parse_us / 1000);
	logline_int(line, "other_statements", (int64_t)stats->other_statements);
	uint64_t found[LIMIT_RULES] = {0};
	uint32_t count;
	struct stats_finding **findings = stats_findings(stats, &count);
	for (uint32_t at = 0; at < count; at++)
		found[rules_index(findings[at]->rule)] += findings[at]->count;
	free(findings);
	put_by_rule(line, "findings", "findings_by_rule", found);
	put_by_rule(line, "withdrawn", "withdrawn_by_rule", stats->withdrawn);
	logline_int(line, "findings_dropped", (int64_t)stats->findings_dropped);
	logline_int(line, "lost_lines", (int64_t)reporter->file.lost_total);
	logline_int(line, "uptime_s", (now - reporter->started_ms) / 1000);
	logline_end(line);
	add(reporter);
}

/* A line for the lines that are missing. */
static void tell_losses(struct reporter *reporter)
{
	logfile_flush(&reporter->file);
	if (reporter->file.lost_now == 0)
		return;
	struct logline *line = &reporter->line;
	logline_begin(line, reporter->format, now_ms(CLOCK_REALTIME), LOG_LEVEL_WARNING, "lost_lines");
	logline_int(line, "count", (int64_t)reporter->file.lost_now);
	logline_int(line, "total", (int64_t)reporter->file.lost_total);
	logline_text(line, "message", "the output could not keep up, or refused them");
	logline_end(line);
	logfile_tell_lost(&reporter->file, line->text, line->len);
}

static void add(struct reporter *reporter)
{
	static_assert((int)LIMIT_LOG_LINE_BYTES <= (int)LOGFILE_BATCH_BYTES, "a line fits a batch");
	logfile_add(&reporter->file, reporter->line.text, reporter->line.len);
}

static void reopen(struct reporter *reporter)
{
	if (logfile_reopen(&reporter->file))
		return;
	struct logline *line = &reporter->line;
	int failure = errno;
	logline_begin(line, reporter->format, now_ms(CLOCK_REALTIME), LOG_LEVEL_ERROR, "error");
	logline_text(line, "message", "cannot open the log file anew; writing goes on to the old one");
	logline_text(line, "logfile", reporter->file.path);
	logline_text(line, "reason", strerror(failure));
	logline_end(line);
	add(reporter);
}

static void destroy(struct reporter *reporter)
{
	for (uint32_t at = 0; at < reporter->desk_count; at++) {
		parcel_free(mailbox_take(&reporter->desks[at].full));
		parcel_free(mailbox_take(&reporter->desks[at].empty));
	}
	free(reporter->desks);
	parcel_free(reporter->parcel);
	stats_sights_fini(&reporter->sights);
	free(reporter->rows);
	free(reporter->findings);
	stats_fini(&reporter->stats);
	pthread_mutex_destroy(&reporter->lock);
	pthread_mutex_destroy(&reporter->publish_lock);
	usage_fini(&reporter->usage);
	logfile_close(&reporter->file);
	if (reporter->wake_fd >= 0)
		close(reporter->wake_fd);
	free(reporter->waiting);
	free(reporter->taken);
	free(reporter);
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
