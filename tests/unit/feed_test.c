#include "proxy/feed/feed.h"

#include "tests/unit/feed_schema.h"
#include "tests/unit/private_postgres.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* -- fixture ------------------------------------------------------------------------------------- */

enum { WAIT_MS = 20000 };

static struct private_postgres postgres;

/* What the feed has published, and the log it writes to. */
struct stand {
	struct settings settings;
	struct reporter *reporter;
	struct feed *feed;
	pthread_mutex_t lock;
	struct catalog *latest;
	unsigned published;
	char logfile[128];
};

static void publish(void *context, struct catalog *catalog)
{
	struct stand *stand = context;
	pthread_mutex_lock(&stand->lock);
	catalog_unref(stand->latest);
	stand->latest = catalog;
	stand->published++;
	pthread_mutex_unlock(&stand->lock);
}

static struct stand *stand_new(void)
{
	static unsigned serial;
	struct stand *stand = calloc(1, sizeof(*stand));
	assert_non_null(stand);
	pthread_mutex_init(&stand->lock, NULL);
	settings_defaults(&stand->settings);
	snprintf(stand->settings.upstream.host, sizeof(stand->settings.upstream.host), "%s", postgres.directory);
	stand->settings.upstream.port = postgres.port;
	stand->settings.log_format = SETTINGS_FORMAT_JSON;
	stand->settings.catalog_refresh_ms = 3600 * 1000;
	snprintf(stand->logfile, sizeof(stand->logfile), "%s/log-%u", postgres.directory, ++serial);
	snprintf(stand->settings.logfile, sizeof(stand->settings.logfile), "%s", stand->logfile);
	return stand;
}

static void stand_start(struct stand *stand)
{
	char error[256];
	stand->reporter = reporter_start(&stand->settings, error, sizeof(error));
	if (stand->reporter == NULL)
		fail_msg("%s", error);
	stand->feed = feed_start(&stand->settings, stand->reporter, publish, stand);
	assert_non_null(stand->feed);
}

/* Stops all; the log is complete then, and the caller's to free. */
static char *stand_stop(struct stand *stand)
{
	feed_stop(stand->feed);
	reporter_stop(stand->reporter);
	catalog_unref(stand->latest);
	pthread_mutex_destroy(&stand->lock);
	FILE *file = fopen(stand->logfile, "re");
	assert_non_null(file);
	char *log = calloc(1, 65536);
	assert_non_null(log);
	size_t len = fread(log, 1, 65535, file);
	log[len] = '\0';
	fclose(file);
	free(stand);
	return log;
}

static unsigned published(struct stand *stand)
{
	pthread_mutex_lock(&stand->lock);
	unsigned count = stand->published;
	pthread_mutex_unlock(&stand->lock);
	return count;
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_published(struct stand *stand, unsigned count)
{
	for (int64_t until_ms = now_ms() + WAIT_MS; published(stand) < count;) {
		if (now_ms() > until_ms)
			fail_msg("%u catalogs published, %u awaited", published(stand), count);
		nap(5);
	}
}

static bool latest_has(struct stand *stand, const char *table)
{
	pthread_mutex_lock(&stand->lock);
	bool has = catalog_find(stand->latest, "public", table, NULL, NULL) != NULL;
	pthread_mutex_unlock(&stand->lock);
	return has;
}

/* Lines of event `catalog` of that level. */
static unsigned count_lines(const char *log, const char *level)
{
	unsigned count = 0;
	char wanted[40];
	snprintf(wanted, sizeof(wanted), "\"level\":\"%s\"", level);
	for (const char *line = log; *line != '\0'; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL)) {
		size_t len = strcspn(line, "\n");
		count += memmem(line, len, "\"event\":\"catalog\"", 17) != NULL &&
		         memmem(line, len, wanted, strlen(wanted)) != NULL;
	}
	return count;
}

static void wait_logged(struct stand *stand, const char *text)
{
	static char log[65536];
	for (int64_t until_ms = now_ms() + WAIT_MS;; nap(20)) {
		FILE *file = fopen(stand->logfile, "re");
		size_t len = file != NULL ? fread(log, 1, sizeof(log) - 1, file) : 0;
		log[len] = '\0';
		if (file != NULL)
			fclose(file);
		if (strstr(log, text) != NULL)
			return;
		if (now_ms() > until_ms)
			fail_msg("the log never said: %s\n%s", text, log);
	}
}

static void run_in(const char *database, const char *sql)
{
	PGconn *connection = private_postgres_connect(&postgres, database);
	private_postgres_run(connection, sql);
	PQfinish(connection);
}

static int set_up(void **state)
{
	(void)state;
	unsetenv("PGUSER");
	unsetenv("PGSERVICE");
	private_postgres_start(&postgres);
	run_in("postgres", "CREATE DATABASE shop");
	run_in("postgres", "CREATE DATABASE books");
	run_in("shop", feed_schema);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	private_postgres_stop(&postgres);
	return 0;
}

/* -- cases --------------------------------------------------------------------------------------- */

static void reads_what_is_wanted(void **state)
{
	/* A database is read as soon as it is wanted, once however often; another is not read at all. The log says it
	 * once. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	nap(50);
	assert_int_equal(published(stand), 0);
	for (int i = 0; i < 5; i++)
		assert_true(feed_want(stand->feed, "shop", "postgres"));
	wait_published(stand, 1);
	assert_true(latest_has(stand, "product"));
	assert_string_equal(catalog_database(stand->latest), "shop");
	nap(300);
	assert_int_equal(published(stand), 1);
	assert_false(feed_want(stand->feed, "shop", "postgres"));
	feed_want(stand->feed, "books", "postgres");
	wait_published(stand, 2);
	assert_string_equal(catalog_database(stand->latest), "books");
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "info"), 2);
	assert_int_equal(count_lines(log, "warning"), 0);
	assert_non_null(strstr(log, "\"database\":\"shop\""));
	assert_non_null(strstr(log, "\"indexes\":"));
	assert_non_null(strstr(log, "\"took_ms\":"));
	free(log);
}

static void reads_as_the_sessions_user(void **state)
{
	/* Without a DSN the first user's name is used, on a connection that says what it is; here it waits for a lock.
	 */
	(void)state;
	PGconn *locker = private_postgres_connect(&postgres, "shop");
	private_postgres_run(locker, "BEGIN; LOCK TABLE pg_proc IN ACCESS EXCLUSIVE MODE");
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "shop", "guest");
	PGconn *connection = private_postgres_connect(&postgres, "postgres");
	PGresult *result = NULL;
	for (int64_t until_ms = now_ms() + WAIT_MS; PQntuples(result) == 0; nap(10)) {
		PQclear(result);
		result = PQexec(connection, "SELECT usename, datname FROM pg_stat_activity"
		                            " WHERE application_name = 'pgproctor catalog'");
		assert_true(now_ms() < until_ms);
	}
	assert_string_equal(PQgetvalue(result, 0, 0), "guest");
	assert_string_equal(PQgetvalue(result, 0, 1), "shop");
	PQclear(result);
	PQfinish(connection);
	PQfinish(locker);
	wait_published(stand, 1);
	free(stand_stop(stand));
}

static void refreshes_after_ddl(void **state)
{
	/* Soon after being asked, once for many requests, and again for one that comes later; what nobody wants is not
	 * read. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "shop", "postgres");
	wait_published(stand, 1);
	run_in("shop", "CREATE TABLE after_ddl (id int)");
	assert_false(latest_has(stand, "after_ddl"));
	int64_t asked_ms = now_ms();
	for (int i = 0; i < 20; i++)
		feed_refresh(stand->feed, "shop");
	feed_refresh(stand->feed, "books");
	wait_published(stand, 2);
	assert_true(now_ms() - asked_ms >= 190);
	assert_true(latest_has(stand, "after_ddl"));
	nap(400);
	assert_int_equal(published(stand), 2);
	run_in("shop", "DROP TABLE after_ddl");
	feed_refresh(stand->feed, "shop");
	wait_published(stand, 3);
	assert_false(latest_has(stand, "after_ddl"));
	char *log = stand_stop(stand);
	/* The number of relations changed twice. */
	assert_int_equal(count_lines(log, "info"), 3);
	free(log);
}

static void refreshes_on_its_interval(void **state)
{
	/* Again and again by itself, without a line while nothing changes. */
	(void)state;
	struct stand *stand = stand_new();
	stand->settings.catalog_refresh_ms = 50;
	stand_start(stand);
	feed_want(stand->feed, "books", "postgres");
	wait_published(stand, 4);
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "info"), 1);
	free(log);
}

static void survives_a_crash_of_the_server(void **state)
{
	/* The server goes: one warning, the last catalog stays in force. It comes back: the feed does too. */
	(void)state;
	struct stand *stand = stand_new();
	stand->settings.catalog_refresh_ms = 100;
	stand_start(stand);
	feed_want(stand->feed, "books", "postgres");
	wait_published(stand, 2);
	private_postgres_crash(&postgres);
	wait_logged(stand, "can't be read again");
	unsigned before = published(stand);
	/* Long enough for a second attempt. */
	nap(1300);
	assert_int_equal(published(stand), before);
	private_postgres_launch(&postgres);
	wait_published(stand, before + 1);
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "info"), 2);
	assert_true(count_lines(log, "warning") >= 1 && count_lines(log, "warning") <= 2);
	free(log);
}

static void a_database_can_be_dropped(void **state)
{
	/* Between two readings there is no connection that would be in the way of DROP DATABASE, which waits five
	 * seconds for others to leave, and fails. */
	(void)state;
	run_in("postgres", "CREATE DATABASE passing");
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "passing", "postgres");
	wait_published(stand, 1);
	int64_t started_ms = now_ms();
	run_in("postgres", "DROP DATABASE passing");
	assert_true(now_ms() - started_ms < 4900);
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "warning"), 0);
	free(log);
}

static void says_what_a_missing_catalog_costs(void **state)
{
	/* One line for each database, with the reason, what it costs and what to do; not one for each attempt. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "nowhere", "postgres");
	feed_want(stand->feed, "shop", "stranger");
	wait_logged(stand, "nowhere");
	wait_logged(stand, "stranger");
	nap(1300);
	feed_refresh(stand->feed, "nowhere");
	assert_int_equal(published(stand), 0);
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "warning"), 2);
	assert_non_null(strstr(log, "rules that need the catalog stay silent for database \\\"nowhere\\\""));
	assert_non_null(strstr(log, "database \\\"nowhere\\\" does not exist"));
	assert_non_null(strstr(log, "--catalog"));
	assert_non_null(strstr(log, "[databases]"));
	free(log);
}

static void follows_the_dsn(void **state)
{
	/* A DSN for all gets the database's name added, a database's own is taken as it is. */
	(void)state;
	struct stand *stand = stand_new();
	snprintf(stand->settings.catalog, sizeof(stand->settings.catalog), "host=%s port=%u user=clerk dbname=postgres",
	         postgres.directory, (unsigned)postgres.port);
	stand->settings.upstream.port = 1;
	stand->settings.database_count = 1;
	snprintf(stand->settings.databases[0].name, sizeof(stand->settings.databases[0].name), "alias");
	snprintf(stand->settings.databases[0].dsn, sizeof(stand->settings.databases[0].dsn),
	         "postgresql:///shop?host=%s&port=%u&user=postgres", postgres.directory, (unsigned)postgres.port);
	stand_start(stand);
	feed_want(stand->feed, "books", "nobody");
	wait_published(stand, 1);
	assert_string_equal(catalog_database(stand->latest), "books");
	assert_false(latest_has(stand, "product"));
	feed_want(stand->feed, "alias", "nobody");
	wait_published(stand, 2);
	assert_string_equal(catalog_database(stand->latest), "alias");
	assert_true(latest_has(stand, "product"));
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "warning"), 0);
	free(log);
}

static void no_password_reaches_the_log(void **state)
{
	/* Neither from a DSN that fails, nor from one that can't be read, nor as the name of a database. */
	(void)state;
	static const char *const dsns[] = {
	    "host=/nonexistent password=canaryzqx",
	    "host=localhost password=some canaryzqx",
	    "postgresql://u:canaryzqx@127.0.0.1:1/shop",
	    "postgresql://u:p@canaryzqx@127.0.0.1:1/shop",
	};
	for (size_t at = 0; at < ARRAY_LEN(dsns); at++) {
		struct stand *stand = stand_new();
		snprintf(stand->settings.catalog, sizeof(stand->settings.catalog), "%s", dsns[at]);
		stand_start(stand);
		feed_want(stand->feed, "shop", "postgres");
		wait_logged(stand, "stay silent");
		char *log = stand_stop(stand);
		assert_null(strstr(log, "canary"));
		assert_int_equal(count_lines(log, "warning"), 1);
		free(log);
	}
}

static void a_database_name_is_not_a_dsn(void **state)
{
	/* What a client calls a database is a name, however much it looks like a connection string. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "dbname=shop user=postgres", "postgres");
	feed_want(stand->feed, "postgresql:///shop?user=postgres", "postgres");
	wait_logged(stand, "\\\"dbname=shop user=postgres\\\" does not exist");
	wait_logged(stand, "\\\"postgresql:///shop?user=postgres\\\" does not exist");
	/* Names that are too long or empty are nobody's. */
	feed_want(stand->feed, "", "postgres");
	feed_want(stand->feed, "a234567890123456789012345678901234567890123456789012345678901234", "postgres");
	nap(100);
	assert_int_equal(published(stand), 0);
	char *log = stand_stop(stand);
	assert_int_equal(count_lines(log, "warning"), 2);
	free(log);
}

static void too_many_databases_are_told_of_once(void **state)
{
	/* The databases past the ceiling get one line together, and the ones before it are still read. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "books", "postgres");
	wait_published(stand, 1);
	for (int at = 0; at < LIMIT_DATABASES + 50; at++) {
		char name[32];
		snprintf(name, sizeof(name), "none_%d", at);
		feed_want(stand->feed, name, "postgres");
	}
	wait_logged(stand, "too many are in use");
	feed_refresh(stand->feed, "books");
	wait_published(stand, 2);
	char *log = stand_stop(stand);
	const char *first = strstr(log, "too many are in use");
	assert_null(strstr(first + 1, "too many are in use"));
	free(log);
}

static void stops_at_once(void **state)
{
	/* Stopping interrupts a statement under way, here one that waits for a lock on the catalog itself, and is over
	 * within a second; the server is rid of the statement too. */
	(void)state;
	PGconn *locker = private_postgres_connect(&postgres, "books");
	private_postgres_run(locker, "BEGIN; LOCK TABLE pg_proc IN ACCESS EXCLUSIVE MODE");
	for (int reading = 0; reading < 2; reading++) {
		struct stand *stand = stand_new();
		stand_start(stand);
		feed_want(stand->feed, "books", "postgres");
		if (reading)
			nap(400);
		int64_t started_ms = now_ms();
		free(stand_stop(stand));
		/* The reporter has a tick of its own. */
		assert_true(now_ms() - started_ms < 1200);
	}
	PQfinish(locker);
	PGconn *connection = private_postgres_connect(&postgres, "postgres");
	for (int64_t until_ms = now_ms() + WAIT_MS;; nap(10)) {
		PGresult *result = PQexec(connection, "SELECT count(*) FROM pg_stat_activity"
		                                      " WHERE application_name = 'pgproctor catalog'");
		bool gone = strcmp(PQgetvalue(result, 0, 0), "0") == 0;
		PQclear(result);
		if (gone)
			break;
		assert_true(now_ms() < until_ms);
	}
	PQfinish(connection);
	feed_stop(NULL);
}

static void many_threads_may_ask(void **state)
{
	/* Requests from several threads while it reads: none is lost, nothing is read twice at once. */
	(void)state;
	struct stand *stand = stand_new();
	stand_start(stand);
	feed_want(stand->feed, "books", "postgres");
	for (int round = 0; round < 3; round++) {
		char sql[64];
		snprintf(sql, sizeof(sql), "CREATE TABLE round_%d (id int)", round);
		run_in("books", sql);
		/* During the first reading, perhaps, or after it. */
		feed_refresh(stand->feed, "books");
		char table[32];
		snprintf(table, sizeof(table), "round_%d", round);
		for (int64_t until_ms = now_ms() + WAIT_MS; published(stand) == 0 || !latest_has(stand, table); nap(5))
			assert_true(now_ms() < until_ms);
	}
	free(stand_stop(stand));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_is_wanted),
	    cmocka_unit_test(reads_as_the_sessions_user),
	    cmocka_unit_test(refreshes_after_ddl),
	    cmocka_unit_test(refreshes_on_its_interval),
	    cmocka_unit_test(survives_a_crash_of_the_server),
	    cmocka_unit_test(a_database_can_be_dropped),
	    cmocka_unit_test(says_what_a_missing_catalog_costs),
	    cmocka_unit_test(follows_the_dsn),
	    cmocka_unit_test(no_password_reaches_the_log),
	    cmocka_unit_test(a_database_name_is_not_a_dsn),
	    cmocka_unit_test(too_many_databases_are_told_of_once),
	    cmocka_unit_test(stops_at_once),
	    cmocka_unit_test(many_threads_may_ask),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
