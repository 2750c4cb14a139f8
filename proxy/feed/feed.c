#include "proxy/feed/feed.h"

#include "config/limits.h"
#include "proxy/feed/feed_connect.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	/* DDL comes in bursts, a migration's statements within milliseconds of each other. */
	REFRESH_DEBOUNCE_MS = 200,
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 60 * 1000,
	/* feed_stop: between two attempts to interrupt, and how many before the connection is cut. */
	STOP_WAIT_MS = 100,
	STOP_PATIENCE = 5,
	ERROR_BYTES = 1024,
};

/* One database with sessions. `name` and `user` are set once; `due_ms` is the lock's; all else is the thread's. */
struct source {
	char name[64], user[64];
	int64_t due_ms;   /* monotonic: when to read it next */
	bool tried;       /* its first reading has ended, well or not */
	bool asked;       /* DDL has committed since `due_ms` was set */
	bool backing_off; /* due_ms is not to be hastened */
	PGconn *connection;
	unsigned backoff_ms;
	struct catalog *last;      /* NULL before the first */
	char trouble[ERROR_BYTES]; /* told last; "" while all is well */
	uint32_t relations, indexes, uncounted;
};

struct feed {
	struct settings *settings;
	struct reporter *reporter;
	feed_publish_fn *publish;
	void *context;
	pthread_t thread;
	int wake_fd, stop_fd; /* eventfds */
	atomic_bool stopping;

	pthread_mutex_t lock; /* for what other threads touch; never held while waiting, but in feed_stop */
	struct source *sources[LIMIT_DATABASES];
	uint32_t source_count;
	bool full_told;
	PGcancel *cancel; /* of the statements under way, else NULL */
	int cancel_fd;    /* and their socket */
};

struct counts {
	uint32_t relations, indexes, uncounted;
};

static void *run(void *context);
static struct source *next_due(struct feed *feed, int64_t *wait_ms);
static void wait_for(struct feed *feed, int64_t wait_ms);
static void refresh(struct feed *feed, struct source *source);
static struct catalog *read_catalog(struct feed *feed, struct source *source, char *error, size_t error_size);
static bool connect_to(struct feed *feed, struct source *source, char *error, size_t error_size);
static void disconnect(struct source *source);
static void guard(struct feed *feed, PGconn *connection);
static void interrupt(struct feed *feed, bool cut);
static void schedule(struct feed *feed, struct source *source, bool succeeded);
static struct source *find(struct feed *feed, const char *database);
static void wake(int fd);
static struct counts count(const struct catalog *catalog);
static void tell_success(struct feed *feed, struct source *source, struct counts counts, int64_t took_ms);
static void tell_failure(struct feed *feed, struct source *source, const char *error);
static void tell(struct feed *feed, enum log_level level, const char *database, const char *message, const char *hint);
static int64_t now_ms(void);
static int64_t wall_ms(void);

/* -- from any thread ----------------------------------------------------------------------------- */

struct feed *feed_start(const struct settings *settings, struct reporter *reporter, feed_publish_fn *publish,
                        void *context)
{
	CHECK(settings != NULL && reporter != NULL && publish != NULL);
	struct feed *feed = calloc(1, sizeof(*feed));
	CHECK(feed != NULL);
	feed->settings = malloc(sizeof(*settings));
	CHECK(feed->settings != NULL);
	*feed->settings = *settings;
	feed->reporter = reporter;
	feed->publish = publish;
	feed->context = context;
	feed->cancel_fd = -1;
	pthread_mutex_init(&feed->lock, NULL);
	feed->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	feed->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	/* Index expressions are parsed here, hence the stack; signals are for the main thread. */
	pthread_attr_t attributes;
	sigset_t all, before;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = feed->wake_fd >= 0 && feed->stop_fd >= 0 &&
	               pthread_attr_setstacksize(&attributes, LIMIT_PARSE_STACK_BYTES) == 0 &&
	               pthread_create(&feed->thread, &attributes, run, feed) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (started)
		return feed;

	tell(feed, LOG_LEVEL_WARNING, NULL, "rules that need the catalog stay silent: no thread for reading it", NULL);
	if (feed->wake_fd >= 0)
		close(feed->wake_fd);
	if (feed->stop_fd >= 0)
		close(feed->stop_fd);
	pthread_mutex_destroy(&feed->lock);
	free(feed->settings);
	free(feed);
	return NULL;
}

bool feed_want(struct feed *feed, const char *database, const char *user)
{
	CHECK(feed != NULL && database != NULL);
	bool added = false, full = false;
	pthread_mutex_lock(&feed->lock);
	const struct source *known = find(feed, database);
	bool pending = known != NULL && !known->tried;
	/* A longer name is none of PostgreSQL's. */
	if (known == NULL && database[0] != '\0' && strlen(database) < sizeof(((struct source *)0)->name)) {
		if (feed->source_count < LIMIT_DATABASES) {
			struct source *source = calloc(1, sizeof(*source));
			CHECK(source != NULL);
			snprintf(source->name, sizeof(source->name), "%s", database);
			snprintf(source->user, sizeof(source->user), "%s", user != NULL ? user : "");
			source->due_ms = now_ms();
			feed->sources[feed->source_count++] = source;
			added = true;
		} else {
			full = !feed->full_told;
			feed->full_told = true;
		}
	}
	pthread_mutex_unlock(&feed->lock);
	if (added)
		wake(feed->wake_fd);
	if (full)
		tell(feed, LOG_LEVEL_WARNING, database,
		     "rules that need the catalog stay silent for this database: too many are in use", NULL);
	return added || pending;
}

void feed_refresh(struct feed *feed, const char *database)
{
	CHECK(feed != NULL && database != NULL);
	bool hastened = false;
	pthread_mutex_lock(&feed->lock);
	struct source *source = find(feed, database);
	if (source != NULL && !source->asked && !source->backing_off) {
		int64_t soon_ms = now_ms() + REFRESH_DEBOUNCE_MS;
		source->asked = true;
		if (source->due_ms > soon_ms) {
			source->due_ms = soon_ms;
			hastened = true;
		}
	}
	pthread_mutex_unlock(&feed->lock);
	if (hastened)
		wake(feed->wake_fd);
}

void feed_stop(struct feed *feed)
{
	if (feed == NULL)
		return;
	atomic_store(&feed->stopping, true);
	wake(feed->stop_fd);
	wake(feed->wake_fd);
	/* A cancel request that arrives between two statements hits nothing, so it is sent again; and a server that
	 * doesn't hear it is not waited for. */
	for (int attempt = 0;; attempt++) {
		interrupt(feed, attempt >= STOP_PATIENCE);
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += STOP_WAIT_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		int joined = pthread_timedjoin_np(feed->thread, NULL, &until);
		CHECK(joined == 0 || joined == ETIMEDOUT || joined == EBUSY);
		if (joined == 0)
			break;
	}
	for (uint32_t at = 0; at < feed->source_count; at++) {
		disconnect(feed->sources[at]);
		catalog_unref(feed->sources[at]->last);
		free(feed->sources[at]);
	}
	close(feed->wake_fd);
	close(feed->stop_fd);
	pthread_mutex_destroy(&feed->lock);
	free(feed->settings);
	free(feed);
}

/* -- the thread ---------------------------------------------------------------------------------- */

static void *run(void *context)
{
	struct feed *feed = context;
	pthread_setname_np(pthread_self(), "feed");
	while (!atomic_load(&feed->stopping)) {
		int64_t wait_ms;
		struct source *source = next_due(feed, &wait_ms);
		if (source != NULL)
			refresh(feed, source);
		else
			wait_for(feed, wait_ms);
	}
	return NULL;
}

/* The source that has been due longest; NULL when none is, and then how long there is to wait (-1: for ever). What is
 * asked for from now on counts as new. */
static struct source *next_due(struct feed *feed, int64_t *wait_ms)
{
	const int64_t now = now_ms();
	struct source *first = NULL;
	pthread_mutex_lock(&feed->lock);
	for (uint32_t at = 0; at < feed->source_count; at++) {
		if (first == NULL || feed->sources[at]->due_ms < first->due_ms)
			first = feed->sources[at];
	}
	*wait_ms = first != NULL ? first->due_ms - now : -1;
	if (first != NULL && first->due_ms <= now) {
		/* Far off until `schedule`, but so that a request during the reading counts. */
		first->due_ms = INT64_MAX;
		first->asked = false;
		first->backing_off = false;
	} else {
		first = NULL;
	}
	pthread_mutex_unlock(&feed->lock);
	return first;
}

static void wait_for(struct feed *feed, int64_t wait_ms)
{
	struct pollfd fd = {.fd = feed->wake_fd, .events = POLLIN};
	if (poll(&fd, 1, wait_ms < 0 ? -1 : wait_ms > 60000 ? 60000 : (int)wait_ms) > 0) {
		uint64_t times;
		ssize_t taken = read(feed->wake_fd, &times, sizeof(times));
		(void)taken;
	}
}

static void refresh(struct feed *feed, struct source *source)
{
	char error[ERROR_BYTES] = "";
	const int64_t started_ms = now_ms();
	struct catalog *catalog = read_catalog(feed, source, error, sizeof(error));
	const int64_t took_ms = now_ms() - started_ms;
	/* Nobody could drop a database, rename it or use it as a template while a connection of ours is open there, as
	 * Django's test runner does; and a server process keeps some 5 KB of each table and index it has looked up. A
	 * new connection a minute costs less. */
	disconnect(source);
	if (atomic_load(&feed->stopping)) {
		catalog_unref(catalog);
		return;
	}
	if (catalog != NULL) {
		tell_success(feed, source, count(catalog), took_ms);
		catalog_unref(source->last);
		source->last = catalog_ref(catalog);
		feed->publish(feed->context, catalog);
	} else {
		tell_failure(feed, source, error);
	}
	schedule(feed, source, source->trouble[0] == '\0');
}

/* Two tries: an index may be dropped between the snapshot and its definition, and a connection be ended. Not after a
 * timeout, which would only double the load. */
static struct catalog *read_catalog(struct feed *feed, struct source *source, char *error, size_t error_size)
{
	for (int attempt = 0; attempt < 2 && !atomic_load(&feed->stopping); attempt++) {
		if (source->connection == NULL && !connect_to(feed, source, error, error_size))
			return NULL;
		guard(feed, source->connection);
		struct catalog *catalog = feed_load(source->connection, source->name, source->last, error, error_size);
		guard(feed, NULL);
		if (catalog != NULL)
			return catalog;
		if (PQstatus(source->connection) != CONNECTION_OK)
			disconnect(source);
		if (strstr(error, "(57014)") != NULL)
			return NULL;
	}
	return NULL;
}

static bool connect_to(struct feed *feed, struct source *source, char *error, size_t error_size)
{
	source->connection =
	    feed_connect_open(feed->settings, source->name, source->user, feed->stop_fd, error, error_size);
	if (source->connection == NULL)
		return false;
	char sql[160];
	unsigned long long timeout_ms = feed->settings->catalog_timeout_ms;
	snprintf(sql, sizeof(sql), "SET statement_timeout = %llu; SET idle_in_transaction_session_timeout = %llu",
	         timeout_ms, timeout_ms);
	guard(feed, source->connection);
	PGresult *result = PQexec(source->connection, sql);
	guard(feed, NULL);
	bool set = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!set) {
		snprintf(error, error_size, "%s", PQresultErrorMessage(result));
		disconnect(source);
	}
	PQclear(result);
	return set;
}

static void disconnect(struct source *source)
{
	PQfinish(source->connection);
	source->connection = NULL;
}

/* Lets feed_stop reach what is under way on that connection; NULL: nothing any more. */
static void guard(struct feed *feed, PGconn *connection)
{
	PGcancel *cancel = connection != NULL ? PQgetCancel(connection) : NULL;
	pthread_mutex_lock(&feed->lock);
	PGcancel *before = feed->cancel;
	feed->cancel = cancel;
	feed->cancel_fd = connection != NULL ? PQsocket(connection) : -1;
	pthread_mutex_unlock(&feed->lock);
	PQfreeCancel(before);
}

/* From feed_stop. Under the lock, so that the connection is not closed in the middle of it. */
static void interrupt(struct feed *feed, bool cut)
{
	char ignored[256];
	pthread_mutex_lock(&feed->lock);
	if (cut && feed->cancel_fd >= 0)
		shutdown(feed->cancel_fd, SHUT_RDWR);
	else if (feed->cancel != NULL)
		(void)PQcancel(feed->cancel, ignored, sizeof(ignored));
	pthread_mutex_unlock(&feed->lock);
}

static void schedule(struct feed *feed, struct source *source, bool succeeded)
{
	int64_t wait_ms = (int64_t)feed->settings->catalog_refresh_ms;
	if (succeeded)
		source->backoff_ms = 0;
	else if (source->backoff_ms == 0)
		source->backoff_ms = BACKOFF_MIN_MS;
	else
		source->backoff_ms = source->backoff_ms * 2 < BACKOFF_MAX_MS ? source->backoff_ms * 2 : BACKOFF_MAX_MS;
	if (!succeeded)
		wait_ms = source->backoff_ms;
	pthread_mutex_lock(&feed->lock);
	/* Asked for while it was being read: what was read may be older than that. */
	if (succeeded && source->asked)
		wait_ms = REFRESH_DEBOUNCE_MS;
	source->backing_off = !succeeded;
	source->tried = true;
	source->due_ms = now_ms() + wait_ms;
	pthread_mutex_unlock(&feed->lock);
}

static struct source *find(struct feed *feed, const char *database)
{
	for (uint32_t at = 0; at < feed->source_count; at++) {
		if (strcmp(feed->sources[at]->name, database) == 0)
			return feed->sources[at];
	}
	return NULL;
}

static void wake(int fd)
{
	const uint64_t once = 1;
	ssize_t written = write(fd, &once, sizeof(once));
	/* It can fail only when it is full, and then it is awake. */
	(void)written;
}

/* -- the log ------------------------------------------------------------------------------------- */

static struct counts count(const struct catalog *catalog)
{
	struct counts counts = {0};
	for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(catalog, at);
		if (relation->system)
			continue;
		counts.relations++;
		counts.indexes += relation->index_count;
		/* A table without rows is not counted because there is nothing to count. */
		bool table = relation->kind == CATALOG_TABLE || relation->kind == CATALOG_MATERIALIZED_VIEW;
		counts.uncounted += table && !relation->analyzed && relation->rows != 0;
	}
	return counts;
}

/* The first time, after trouble, and when there are more or fewer of anything; the rest is routine. */
static void tell_success(struct feed *feed, struct source *source, struct counts counts, int64_t took_ms)
{
	const bool changed = source->last == NULL || source->trouble[0] != '\0' ||
	                     source->relations != counts.relations || source->indexes != counts.indexes ||
	                     source->uncounted != counts.uncounted;
	source->trouble[0] = '\0';
	source->relations = counts.relations;
	source->indexes = counts.indexes;
	source->uncounted = counts.uncounted;
	if (!changed)
		return;
	struct logline *line = malloc(sizeof(*line));
	CHECK(line != NULL);
	logline_begin(line, reporter_format(feed->reporter), wall_ms(), LOG_LEVEL_INFO, "catalog");
	logline_text(line, "database", source->name);
	logline_int(line, "relations", counts.relations);
	logline_int(line, "indexes", counts.indexes);
	logline_int(line, "never_analyzed", counts.uncounted);
	logline_int(line, "took_ms", took_ms);
	logline_end(line);
	reporter_line(feed->reporter, line);
	free(line);
}

static void tell_failure(struct feed *feed, struct source *source, const char *error)
{
	char reason[ERROR_BYTES];
	snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(error, "\r\n"),
	         error[0] != '\0' ? error : "no reason given");
	if (strcmp(source->trouble, reason) == 0)
		return;
	memcpy(source->trouble, reason, sizeof(reason));
	char message[ERROR_BYTES + 256], hint[512];
	snprintf(message, sizeof(message),
	         source->last != NULL
	             ? "the catalog of database \"%s\" can't be read again, rules go on with what was read "
	               "last: %s"
	             : "rules that need the catalog stay silent for database \"%s\": %s",
	         source->name, reason);
	snprintf(hint, sizeof(hint), "set %s = DSN under [databases], or --catalog DSN", source->name);
	tell(feed, LOG_LEVEL_WARNING, source->name, message, source->last != NULL ? NULL : hint);
}

static void tell(struct feed *feed, enum log_level level, const char *database, const char *message, const char *hint)
{
	struct logline *line = malloc(sizeof(*line));
	CHECK(line != NULL);
	logline_begin(line, reporter_format(feed->reporter), wall_ms(), level, "catalog");
	logline_text(line, "database", database);
	logline_text(line, "message", message);
	logline_text(line, "hint", hint);
	logline_end(line);
	reporter_line(feed->reporter, line);
	free(line);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
