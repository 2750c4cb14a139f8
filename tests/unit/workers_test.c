#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/workers.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* -- fixture: a client and a server for each session; workers that do not end are a test that does not, but for the
 * alarm ---------------------------------------------------------------------------------------------------------- */

enum { SESSIONS_MAX = 16 };

struct sessions {
	int clients[SESSIONS_MAX], servers[SESSIONS_MAX];
	size_t count;
};

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

static void log_in(struct wire *wire, struct sessions *sessions, size_t count)
{
	for (size_t at = 0; at < count; at++) {
		assert_true(sessions->count < SESSIONS_MAX);
		wire_login(wire);
		sessions->clients[sessions->count] = wire->client;
		sessions->servers[sessions->count++] = wire->server;
	}
	wire->client = wire->server = -1;
}

static void hang_up(struct sessions *sessions)
{
	for (size_t at = 0; at < sessions->count; at++) {
		close(sessions->clients[at]);
		close(sessions->servers[at]);
	}
	sessions->count = 0;
}

static void expect_loads(struct wire *wire, const uint32_t *loads)
{
	for (uint32_t at = 0; at < wire->workers->count; at++)
		for (int waited = 0; wire->workers->each[at]->load != loads[at]; waited++) {
			if (waited == 2000)
				fail_msg("worker %u has %u, not %u", at, wire->workers->each[at]->load, loads[at]);
			usleep(1000);
		}
}

static void query(int client, int server, const char *sql, uint8_t status)
{
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'Q', "s", sql);
	script_add(&answered, 'C', "s", "SELECT 1");
	script_add(&answered, 'Z', "b", status);
	script_send(client, &asked);
	script_expect(server, &asked);
	script_send(server, &answered);
	script_expect(client, &answered);
}

static void expect_fatal(int client, const char *sqlstate)
{
	struct script error;
	char field[8];
	snprintf(field, sizeof field, "C%s", sqlstate);
	assert_int_equal(wire_read_message(client, &error), 'E');
	assert_non_null(memmem(error.bytes, error.len, field, strlen(field)));
}

static void expect_count(const char *log, const char *part, unsigned expected)
{
	unsigned found = 0;
	for (const char *at = log; (at = strstr(at, part)) != NULL; at += strlen(part))
		found++;
	if (found != expected)
		fail_msg("%u times, not %u: %s\n%s", found, expected, part, log);
}

static bool try_to_connect(const struct wire *wire, int client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.6433", wire->dir);
	return connect(client, (struct sockaddr *)&address, sizeof address) == 0;
}

static void wait_until_done(struct wire *wire)
{
	while (!workers_done(wire->workers))
		usleep(1000);
}

/* -- cases --------------------------------------------------------------------------------------------------------- */

static void test_an_even_spread(void **state)
{
	/* Ten over four are 3, 3, 2, 2; each of them is served; and who leaves makes room where he was. */
	struct wire *wire = *state;
	wire->settings.workers = 4;
	wire_start(wire);
	struct sessions sessions = {0};
	log_in(wire, &sessions, 10);
	expect_loads(wire, (const uint32_t[]){3, 3, 2, 2});
	for (size_t at = 0; at < sessions.count; at++)
		query(sessions.clients[at], sessions.servers[at], "SELECT 1", 'I');
	/* The second of each round. */
	for (size_t at = 1; at < sessions.count; at += 4) {
		close(sessions.clients[at]);
		close(sessions.servers[at]);
		sessions.clients[at] = sessions.servers[at] = -1;
	}
	expect_loads(wire, (const uint32_t[]){3, 0, 2, 2});
	struct sessions more = {0};
	log_in(wire, &more, 4);
	expect_loads(wire, (const uint32_t[]){3, 2, 3, 3});
	hang_up(&sessions);
	hang_up(&more);
	expect_loads(wire, (const uint32_t[]){0, 0, 0, 0});
}

static void test_one_after_the_other(void **state)
{
	/* Those that come and go take turns, so that no worker has all the log-ins; sessions are numbered over all. */
	struct wire *wire = *state;
	wire->settings.workers = 2;
	wire_start(wire);
	struct sessions sessions = {0};
	for (int at = 0; at < 6; at++) {
		log_in(wire, &sessions, 1);
		hang_up(&sessions);
		expect_loads(wire, (const uint32_t[]){0, 0});
	}
	workers_stop(wire->workers, true);
	wait_until_done(wire);
	assert_int_equal(wire->workers->each[0]->connects, 3);
	assert_int_equal(wire->workers->each[1]->connects, 3);
	char *log = wire_stop(wire);
	wire_init(wire);
	for (int id = 1; id <= 6; id++) {
		char field[32];
		snprintf(field, sizeof field, "\"session\":%d,", id);
		expect_count(log, field, 2); /* connect, disconnect */
	}
	free(log);
}

static void test_tcp(void **state)
{
	/* A connection that is handed over is what it would be on the first worker: its client's address is known. */
	struct wire *wire = *state;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	wire->settings.workers = 2;
	wire->settings.unix_socket_dir[0] = '\0';
	snprintf(wire->settings.listen.host, sizeof wire->settings.listen.host, "127.0.0.1");
	wire->settings.listen.port = ntohs(address.sin_port);
	wire_start(wire);
	static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";
	char expected[2][64];
	for (int at = 0; at < 2; at++) {
		struct sockaddr_in own;
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
		len = sizeof own;
		assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
		snprintf(expected[at], sizeof expected[at], "\"client_address\":\"127.0.0.1:%u\"", ntohs(own.sin_port));
		wire_send(fd, startup, sizeof startup);
		int server = wire_accept(wire);
		wire_expect(server, startup, sizeof startup);
		struct script ready = {.len = 0};
		script_add(&ready, 'R', "i", 0);
		script_add(&ready, 'Z', "b", 'I');
		script_send(server, &ready);
		script_expect(fd, &ready);
		query(fd, server, "SELECT 1", 'I');
		close(server);
		close(fd);
	}
	wire->server = -1;
	expect_loads(wire, (const uint32_t[]){0, 0});
	char *log = wire_stop(wire);
	wire_init(wire);
	expect_count(log, expected[0], 2);
	expect_count(log, expected[1], 2);
	free(log);
}

static void test_max_client_conn_is_for_all(void **state)
{
	/* However they are spread, so many are let in and no more; one that leaves makes room for one on any worker. */
	struct wire *wire = *state;
	wire->settings.workers = 3;
	wire->settings.max_client_conn = 4;
	wire_start(wire);
	static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";
	struct sessions sessions = {0};
	log_in(wire, &sessions, 4);
	for (int at = 0; at < 5; at++) {
		wire_connect(wire);
		wire_send(wire->client, startup, sizeof startup);
		expect_fatal(wire->client, "53300");
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = -1;
	assert_int_equal(wire->workers->client_count, 4);
	close(sessions.clients[2]);
	close(sessions.servers[2]);
	sessions.clients[2] = sessions.servers[2] = -1;
	while (wire->workers->client_count > 3)
		usleep(1000);
	log_in(wire, &sessions, 1);
	hang_up(&sessions);
	while (wire->workers->session_count > 0)
		usleep(1000);
	assert_int_equal(wire->workers->client_count, 0);
}

static void test_a_server_that_is_away_is_told_once(void **state)
{
	/* By the first worker that notices, and once that it is back, with all that were refused. */
	struct wire *wire = *state;
	wire->settings.workers = 4;
	const char *away = wire->settings.upstream.host;
	snprintf(wire->settings.upstream.host, sizeof wire->settings.upstream.host, "%s/away", wire->dir);
	wire_start(wire);
	static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";
	for (int at = 0; at < 8; at++) {
		wire_connect(wire);
		wire_send(wire->client, startup, sizeof startup);
		expect_fatal(wire->client, "08006");
		close(wire->client);
	}
	wire->client = -1;
	assert_int_equal(symlink(wire->dir, away), 0);
	struct sessions sessions = {0};
	log_in(wire, &sessions, 4);
	hang_up(&sessions);
	assert_int_equal(unlink(away), 0);
	char *log = wire_stop(wire);
	wire_init(wire);
	expect_count(log, "cannot connect to the server; clients are refused", 1);
	expect_count(log, "\"message\":\"the server is back\",\"refused\":8", 1);
	free(log);
}

static void test_one_log(void **state)
{
	/* The same statements on each worker: one line tells a finding first, one a text that can't be parsed; the calls
	 * are one sum, and so are the findings. */
	struct wire *wire = *state;
	wire->settings.workers = 3;
	wire_start(wire);
	wire_publish_shop(wire);
	struct sessions sessions = {0};
	log_in(wire, &sessions, 3);
	for (size_t at = 0; at < sessions.count; at++) {
		query(sessions.clients[at], sessions.servers[at], "SELECT id FROM shop_product WHERE name LIKE '%x%'", 'I');
		query(sessions.clients[at], sessions.servers[at], "SELEKT 1", 'I');
		query(sessions.clients[at], sessions.servers[at], "SELECT 'x' LIMIT 1", 'I');
	}
	hang_up(&sessions);
	char *log = wire_stop(wire);
	wire_init(wire);
	expect_count(log, "\"event\":\"unparsed\"", 1);
	expect_count(log, "\"first\":true", 2); /* that, and what the catalog says */
	expect_count(log, "\"event\":\"fingerprint\"", 3);
	expect_count(log, "\"calls\":3,\"errors\":0", 3);
	expect_count(log, "\"event\":\"stats\"", 1);
	expect_count(log, "\"statements\":9,", 1);
	expect_count(log, "\"findings_by_rule\":\"Q101:3 D507:1\"", 1);
	expect_count(log, "\"connects\":3,", 1);
	free(log);
}

static void test_catalogs_reach_all(void **state)
{
	/* A rule that rejects by the catalog does so on each worker; what the catalog alone says is told once. */
	struct wire *wire = *state;
	wire->settings.workers = 4;
	wire_reject(wire, "index-build-blocks-writes");
	wire_start(wire);
	wire_publish_shop(wire);
	wire_publish_shop(wire);
	struct sessions sessions = {0};
	log_in(wire, &sessions, 4);
	for (size_t at = 0; at < sessions.count; at++) {
		struct script asked = {.len = 0}, told;
		script_add(&asked, 'Q', "s", "CREATE INDEX i ON shop_product (stock)");
		script_send(sessions.clients[at], &asked);
		assert_int_equal(wire_read_message(sessions.servers[at], &told), 'Q');
		assert_null(memmem(told.bytes, told.len, "CREATE INDEX", 12));
	}
	hang_up(&sessions);
	char *log = wire_stop(wire);
	wire_init(wire);
	expect_count(log, "\"rule\":\"no-primary-key\"", 2); /* the first, and at the end of the interval */
	expect_count(log, "D507:1", 1);
	expect_count(log, "M202:4", 1);
	free(log);
}

static void test_a_stop_reaches_all(void **state)
{
	/* Idle sessions end at once, open transactions when they end or time is up; nobody is let in any more. */
	struct wire *wire = *state;
	wire->settings.workers = 4;
	wire->settings.shutdown_timeout_ms = 400;
	wire_start(wire);
	struct sessions sessions = {0};
	log_in(wire, &sessions, 8);
	for (size_t at = 0; at < 4; at++)
		query(sessions.clients[at], sessions.servers[at], "BEGIN", 'T');
	workers_stop(wire->workers, false);
	for (size_t at = 4; at < 8; at++)
		expect_fatal(sessions.clients[at], "57P01");
	for (size_t at = 0; at < 2; at++) {
		query(sessions.clients[at], sessions.servers[at], "COMMIT", 'I');
		expect_fatal(sessions.clients[at], "57P01");
	}
	assert_false(workers_done(wire->workers));
	for (size_t at = 2; at < 4; at++)
		expect_fatal(sessions.clients[at], "57P01");
	wait_until_done(wire);
	hang_up(&sessions);
}

static void test_a_stop_while_clients_come(void **state)
{
	/* Whatever is on its way from one worker to another when all stop ends with them: no descriptor is left. */
	struct wire *wire = *state;
	for (int round = 0; round < 20; round++) {
		wire->settings.workers = 3;
		wire_start(wire);
		int clients[32];
		for (size_t at = 0; at < ARRAY_LEN(clients); at++) {
			clients[at] = socket(AF_UNIX, SOCK_STREAM, 0);
			(void)try_to_connect(wire, clients[at]); /* once they listen no more it fails */
			if (at == ARRAY_LEN(clients) / 2)
				workers_stop(wire->workers, round % 2 == 0);
		}
		wait_until_done(wire);
		free(wire_stop(wire));
		for (size_t at = 0; at < ARRAY_LEN(clients); at++) {
			char words[256];
			while (recv(clients[at], words, sizeof words, 0) > 0)
				;
			close(clients[at]);
		}
		wire_init(wire);
	}
}

static void test_no_descriptor_for_the_hand_over(void **state)
{
	/* Of six descriptors five are five sessions'. With the last one used for the accept the client is turned away, it is told once, and when there are
	 * descriptors again all go on. */
	struct wire *wire = *state;
	wire->settings.workers = 2;
	wire_start(wire);
	/* A loop's first connection takes one more, which libuv keeps in reserve. */
	struct sessions sessions = {0};
	log_in(wire, &sessions, 2);
	struct rlimit before, few;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int clients[20];
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		clients[at] = socket(AF_UNIX, SOCK_STREAM, 0);
	int next = dup(clients[0]);
	close(next);
	few = before;
	few.rlim_cur = (rlim_t)next + 6;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		assert_true(try_to_connect(wire, clients[at]));
	while (!trouble_is_on(&wire->workers->crowded))
		usleep(1000);
	usleep(20000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		close(clients[at]);
	hang_up(&sessions);
	expect_loads(wire, (const uint32_t[]){0, 0});
	log_in(wire, &sessions, 4);
	expect_loads(wire, (const uint32_t[]){2, 2});
	hang_up(&sessions);
	char *log = wire_stop(wire);
	wire_init(wire);
	expect_count(log, "out of file descriptors", 1);
	expect_count(log, "there are file descriptors again", 1);
	free(log);
}

static void test_reloads_reach_all(void **state)
{
	/* What is wrong with a file is said, and all stays as it was; what is right is each worker's. */
	struct wire *wire = *state;
	char path[128], error[512] = "";
	bool exposed;
	wire_terminate(wire, path);
	wire->settings.workers = 3;
	wire_start(wire);
	const struct verifiers *first = wire->worker->secrets.file;
	for (uint32_t at = 1; at < 3; at++) {
		assert_ptr_equal(wire->workers->each[at]->secrets.file, first);
		/* A user who doesn't exist shows the same salt wherever he asks. */
		assert_memory_equal(wire->workers->each[at]->secrets.mock, wire->worker->secrets.mock,
		                    sizeof wire->worker->secrets.mock);
	}
	for (int at = 0; at < 3; at++)
		assert_true(workers_reload_users(wire->workers, &exposed, error, sizeof error));
	assert_int_equal(unlink(path), 0);
	assert_false(workers_reload_users(wire->workers, &exposed, error, sizeof error));
	assert_non_null(strstr(error, path));
	assert_true(workers_reload(wire->workers, error, sizeof error));
	workers_stop(wire->workers, false);
	wait_until_done(wire);
	workers_join(wire->workers);
	const struct verifiers *fresh = wire->worker->secrets.file;
	assert_ptr_not_equal(fresh, first);
	for (uint32_t at = 1; at < 3; at++)
		assert_ptr_equal(wire->workers->each[at]->secrets.file, fresh);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_an_even_spread),
	    CASE(test_one_after_the_other),
	    CASE(test_tcp),
	    CASE(test_max_client_conn_is_for_all),
	    CASE(test_a_server_that_is_away_is_told_once),
	    CASE(test_one_log),
	    CASE(test_catalogs_reach_all),
	    CASE(test_a_stop_reaches_all),
	    CASE(test_a_stop_while_clients_come),
	    CASE(test_no_descriptor_for_the_hand_over),
	    CASE(test_reloads_reach_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
