#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/worker.h"
#include "tests/unit/wire.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* -- fixture: a worker that does not end is a test that does not end, but for the alarm ------------------------ */

static int set_up(void **state)
{
	wire_set_up(state);
	alarm(30);
	return 0;
}

static int tear_down(void **state)
{
	int result = wire_tear_down(state);
	alarm(0);
	return result;
}

static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void query(struct wire *wire, const char *sql, uint8_t status)
{
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'Q', "s", sql);
	script_add(&answered, 'C', "s", "BEGIN");
	script_add(&answered, 'Z', "b", status);
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
}

/* -- cases ------------------------------------------------------------------------------------------------------ */

static void test_ends_without_having_run(void **state)
{
	/* A worker whose thread was never started, with a catalog that nobody took, is freed whole. */
	struct wire *wire = *state;
	char error[512];
	assert_true(rules_configure(&wire->rules, &wire->settings, error, sizeof error));
	struct reporter *reporter = reporter_start(&wire->settings, error, sizeof error);
	struct workers *workers = workers_new(&wire->settings, &wire->rules, reporter, error, sizeof error);
	assert_non_null(workers);
	struct catalog *catalog = catalog_new("shop");
	catalog_seal(catalog);
	workers_publish(workers, catalog);
	workers_free(workers);
	reporter_stop(reporter);
}

static void test_verifiers_read_anew(void **state)
{
	/* A file with an error changes nothing, a good one is taken by the thread or, at the latest, freed with the
	 * worker; with auth = relay there is nothing to read. */
	struct wire *wire = *state;
	char path[128], error[512] = "";
	bool exposed;
	wire_terminate(wire, path);
	wire_start(wire);
	const struct verifiers *first = wire->worker->secrets.file;
	assert_non_null(first);
	for (int at = 0; at < 3; at++)
		assert_true(workers_reload_users(wire->workers, &exposed, error, sizeof error));
	assert_int_equal(unlink(path), 0);
	assert_false(workers_reload_users(wire->workers, &exposed, error, sizeof error));
	assert_non_null(strstr(error, path));
	wire->settings.auth = SETTINGS_AUTH_RELAY;
	assert_true(workers_reload_users(wire->workers, &exposed, error, sizeof error));
}

static void test_stops_when_idle(void **state)
{
	/* At once, and being asked again, politely or not, changes nothing. */
	struct wire *wire = *state;
	wire_start(wire);
	double before_s = now_s();
	worker_stop(wire->worker, false);
	worker_stop(wire->worker, false);
	while (!worker_done(wire->worker))
		usleep(1000);
	assert_true(now_s() - before_s < 4.5);
	worker_stop(wire->worker, true);
	worker_stop(wire->worker, false);
}

static void test_stops_whatever_its_sessions_do(void **state)
{
	/* One session in each state it can be in, and the loop ends with no handle left (worker_free checks). */
	struct wire *wire = *state;
	for (int at_once = 0; at_once < 2; at_once++) {
		wire->settings.shutdown_timeout_ms = 300;
		wire_start(wire);
		int clients[16], servers[16], count = 0;
		/* silent; half a start-up packet; in a password exchange; idle; idle in a transaction */
		clients[count] = wire_connect(wire);
		servers[count++] = -1;
		clients[count] = wire_connect(wire);
		wire_send(wire->client, startup, 7);
		servers[count++] = -1;
		clients[count] = wire_connect(wire);
		wire_send(wire->client, startup, sizeof startup);
		servers[count++] = wire_accept(wire);
		wire_login(wire);
		clients[count] = wire->client, servers[count++] = wire->server;
		wire_login(wire);
		query(wire, "BEGIN", 'T');
		clients[count] = wire->client, servers[count++] = wire->server;
		/* in a query; with half a message; blind; cancelling */
		wire_login(wire);
		wire_send(wire->client, "Q\0\0\0\6;", 7);
		clients[count] = wire->client, servers[count++] = wire->server;
		wire_login(wire);
		wire_send(wire->client, "Q\0\0\1\6SEL", 8);
		clients[count] = wire->client, servers[count++] = wire->server;
		wire_login(wire);
		wire_send(wire->server, "2\0\0\0\4", 5);
		clients[count] = wire->client, servers[count++] = wire->server;
		static const char cancel[] = {0, 0, 0, 16, 4, (char)0xd2, 0x16, 0x2e, 0, 0, 0x12, 0x67, 0, 0, 0, 1};
		clients[count] = wire_connect(wire);
		wire_send(wire->client, cancel, sizeof cancel);
		servers[count++] = wire_accept(wire);
		/* the client has hung up one way; the server has; refused, and not hung up */
		wire_login(wire);
		shutdown(wire->client, SHUT_WR);
		clients[count] = wire->client, servers[count++] = wire->server;
		wire_login(wire);
		close(wire->server);
		clients[count] = wire->client, servers[count++] = -1;
		clients[count] = wire_connect(wire);
		wire_send(wire->client, "\0\0\0\x09\0\2\0\0\0", 9);
		servers[count++] = -1;
		usleep(20000);
		wire->client = wire->server = -1;

		double before_s = now_s();
		worker_stop(wire->worker, at_once);
		while (!worker_done(wire->worker))
			usleep(1000);
		assert_true(now_s() - before_s < 4.5);
		for (int at = 0; at < count; at++) {
			close(clients[at]);
			if (servers[at] >= 0)
				close(servers[at]);
		}
		free(wire_stop(wire));
		wire_init(wire);
	}
}

static void test_shutdown_timeout(void **state)
{
	/* A transaction that does not end is waited for as long as the settings say, and no longer; its client is told.
	 */
	struct wire *wire = *state;
	wire->settings.shutdown_timeout_ms = 300;
	wire_start(wire);
	wire_login(wire);
	query(wire, "BEGIN", 'T');
	double before_s = now_s();
	worker_stop(wire->worker, false);
	wire_expect_silence(wire->client);
	struct script told = {0};
	assert_int_equal(wire_read_message(wire->client, &told), 'E');
	assert_non_null(memmem(told.bytes, told.len, "C57P01", 7));
	wire_expect_end(wire->client);
	double took_s = now_s() - before_s;
	assert_true(took_s > 0.25 && took_s < 20);
}

static void test_no_catalog_is_overtaken(void **state)
{
	/* Those of several databases, published before the loop had a turn, are all there; of one database it is the
	 * last that counts. */
	struct wire *wire = *state;
	struct settings_rule *setting = &wire->settings.rules[wire->settings.rule_count++];
	*setting = (struct settings_rule){.rule = "index-build-blocks-writes", .key = "action", .value = "reject"};
	wire_start(wire);
	for (int at = 0; at < 50; at++) {
		char name[32];
		snprintf(name, sizeof name, "other%d", at);
		struct catalog *catalog = catalog_new(name);
		catalog_seal(catalog);
		worker_publish(wire->worker, catalog);
		if (at % 10 != 5)
			continue;
		catalog = catalog_new("shop");
		catalog_seal(catalog);
		worker_publish(wire->worker, catalog);
	}
	wire_publish_shop(wire);
	wire_login(wire);
	struct script asked = {.len = 0}, sent;
	script_add(&asked, 'Q', "s", "CREATE INDEX i ON shop_product (stock)");
	script_send(wire->client, &asked);
	assert_int_equal(wire_read_message(wire->server, &sent), 'Q');
	assert_null(memmem(sent.bytes, sent.len, "CREATE INDEX", 12));
}

struct pipe_end {
	int fd;
	char *text;
	size_t len;
};

static void *read_all(void *context)
{
	struct pipe_end *end = context;
	const size_t room = (size_t)8 << 20;
	end->text = malloc(room);
	for (;;) {
		ssize_t count = read(end->fd, end->text + end->len, room - end->len - 1);
		if (count <= 0)
			break;
		end->len += (size_t)count;
	}
	end->text[end->len] = '\0';
	return NULL;
}

static void test_nobody_reads_the_log(void **state)
{
	/* A log that takes nothing costs lines, which are counted, and not a query's time: thousands of lines of two
	 * kilobytes go into a pipe of 64. When it is read at last it says how many are missing. */
	struct wire *wire = *state;
	enum { QUERIES = 2000 };
	assert_int_equal(mkfifo(wire->log_path, 0600), 0);
	wire->settings.slow_query_ms = 1;
	wire_start(wire);
	wire_login(wire);
	static char sql[3000];
	size_t len = (size_t)snprintf(sql, sizeof sql, "SELECT a");
	while (len < 2100)
		len += (size_t)snprintf(sql + len, sizeof sql - len, ", column_%zu", len);
	for (int at = 0; at < QUERIES; at++) {
		struct script asked = {.len = 0}, answered = {.len = 0};
		script_add(&asked, 'Q', "s", sql);
		script_add(&answered, 'C', "s", "SELECT 0");
		script_add(&answered, 'Z', "b", 'I');
		script_send(wire->client, &asked);
		script_expect(wire->server, &asked);
		usleep(1100);
		script_send(wire->server, &answered);
		double before_s = now_s();
		script_expect(wire->client, &answered);
		assert_true(now_s() - before_s < 1);
	}
	struct pipe_end end = {.fd = open(wire->log_path, O_RDONLY)};
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, read_all, &end), 0);
	query(wire, "SELECT 1", 'I');
	usleep(500000);
	unlink(wire->log_path);
	free(wire_stop(wire));
	pthread_join(reader, NULL);
	close(end.fd);
	const char *lost = strstr(end.text, "\"event\":\"lost_lines\"");
	assert_non_null(lost);
	unsigned slow = 0;
	for (const char *at = end.text; (at = strstr(at, "\"event\":\"slow\"")) != NULL; at++)
		slow++;
	assert_in_range(slow, 100, QUERIES - 100);
	/* Every one is either there or among the lost: the total of the last such line. */
	for (const char *next = lost; (next = strstr(next + 1, "\"event\":\"lost_lines\"")) != NULL;)
		lost = next;
	const char *total = strstr(lost, "\"total\":");
	assert_non_null(total);
	assert_in_range(strtoul(total + strlen("\"total\":"), NULL, 10), QUERIES - slow, QUERIES - slow + 10);
	free(end.text);
	wire_init(wire);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_ends_without_having_run), CASE(test_verifiers_read_anew),
	    CASE(test_stops_when_idle),         CASE(test_stops_whatever_its_sessions_do),
	    CASE(test_shutdown_timeout),        CASE(test_no_catalog_is_overtaken),
	    CASE(test_nobody_reads_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
