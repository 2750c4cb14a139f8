#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/upstream.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* -- fixture: names that this program resolves itself --------------------------------------------------------- */

enum { SLOW_MS = 400 };

typedef int resolve_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* "slow" takes long to say that there is no such host; "two" has a dead address and a live one. */
int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
	resolve_fn *resolve = (resolve_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && strcmp(node, "slow") == 0) {
		usleep(SLOW_MS * 1000);
		return EAI_NONAME;
	}
	if (node && strcmp(node, "two") == 0) {
		struct addrinfo *last;
		int status = resolve("127.0.0.2", service, hints, found);
		if (status != 0)
			return status;
		for (last = *found; last->ai_next; last = last->ai_next)
			;
		return resolve("127.0.0.1", service, hints, &last->ai_next);
	}
	return resolve(node, service, hints, found);
}

static int set_up(void **state)
{
	wire_set_up(state);
	/* What hangs here would hang in joining the worker. */
	alarm(20);
	return 0;
}

static int tear_down(void **state)
{
	int result = wire_tear_down(state);
	alarm(0);
	return result;
}

static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";

/* Replaces the wire's unix upstream by one on 127.0.0.1; returns its port. */
static uint16_t listen_on_tcp(struct wire *wire)
{
	close(wire->upstream);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof address;
	wire->upstream = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(wire->upstream, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(wire->upstream, 10), 0);
	assert_int_equal(getsockname(wire->upstream, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

static void use(struct wire *wire, const char *host, uint16_t port)
{
	wire->settings.upstream.port = port;
	snprintf(wire->settings.upstream.host, sizeof wire->settings.upstream.host, "%s", host);
}

static void expect_refusal(struct wire *wire, const char *sqlstate)
{
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	assert_non_null(memmem(error.bytes, error.len, sqlstate, strlen(sqlstate)));
	wire_expect_end(wire->client);
}

/* -- cases ---------------------------------------------------------------------------------------------------- */

static void test_every_address_is_tried(void **state)
{
	/* A name's first address refuses, its second answers: the client is served, and none is told of the first. */
	struct wire *wire = *state;
	use(wire, "two", listen_on_tcp(wire));
	wire_start(wire);
	wire_login(wire);
	usleep(300000);
	char *log = wire_stop(wire);
	assert_null(strstr(log, "cannot connect"));
	assert_non_null(strstr(log, "\"event\":\"connect\""));
	free(log);
	wire_init(wire);
}

static void test_no_address_answers(void **state)
{
	/* The reason of the last address is what the client and the log are told. */
	struct wire *wire = *state;
	uint16_t port = listen_on_tcp(wire);
	close(wire->upstream);
	wire->upstream = -1;
	use(wire, "two", port);
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	expect_refusal(wire, "C08006");
}

static void test_the_name_takes_longer_than_the_client_waits(void **state)
{
	/* The client is refused at server_connect_timeout, and gone before the look-up ends; the session goes with the
	 * look-up, so that the worker can end. */
	struct wire *wire = *state;
	use(wire, "slow", 5432);
	wire->settings.server_connect_timeout_ms = 50;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	expect_refusal(wire, "C08006");
	close(wire->client);
	wire->client = -1;
	usleep((SLOW_MS + 200) * 1000);
}

static void test_stop_while_a_name_is_looked_up(void **state)
{
	/* At once, with the look-up under way. */
	struct wire *wire = *state;
	use(wire, "slow", 5432);
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	usleep(50000);
}

static void test_stop_while_connecting(void **state)
{
	/* A server whose queue of connections is full neither accepts nor refuses: the client is told at the timeout,
	 * and a second one's connection is given up by the stop. */
	struct wire *wire = *state;
	uint16_t port = listen_on_tcp(wire);
	assert_int_equal(listen(wire->upstream, 0), 0);
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fillers[4];
	for (size_t at = 0; at < ARRAY_LEN(fillers); at++) {
		fillers[at] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[at], (struct sockaddr *)&address, sizeof address);
	}
	use(wire, "127.0.0.1", port);
	wire->settings.server_connect_timeout_ms = 200;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	expect_refusal(wire, "C08006");
	close(wire->client);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	usleep(20000);
	worker_stop(wire->worker, true);
	expect_refusal(wire, "C57P03");
	for (size_t at = 0; at < ARRAY_LEN(fillers); at++)
		close(fillers[at]);
}

static void test_a_unix_socket_path_that_is_too_long(void **state)
{
	/* An error at the first client, not a cut path. */
	struct wire *wire = *state;
	char host[150];
	memset(host, 'd', sizeof host);
	host[0] = '/';
	host[sizeof host - 1] = '\0';
	use(wire, host, 5432);
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	expect_refusal(wire, "C08006");
}

static void test_socket_path(void **state)
{
	/* PostgreSQL's name for the socket; the longest that fits a socket address, and one byte more. */
	(void)state;
	char path[200];
	assert_true(upstream_socket_path("/run/postgresql", 5432, path, sizeof path));
	assert_string_equal(path, "/run/postgresql/.s.PGSQL.5432");
	char dir[200];
	const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - strlen("/.s.PGSQL.5432");
	memset(dir, 'd', sizeof dir);
	dir[room] = '\0';
	assert_true(upstream_socket_path(dir, 5432, path, sizeof path));
	assert_false(upstream_socket_path(dir, 5432, path, strlen(path)));
	dir[room] = 'd';
	dir[room + 1] = '\0';
	assert_false(upstream_socket_path(dir, 5432, path, sizeof path));
}

static void test_probe(void **state)
{
	/* Answers: a unix socket, an address, the second address of a name. Doesn't: a missing socket, a closed port, a
	 * name that is none; each with a reason. */
	struct wire *wire = *state;
	char reason[128] = "";
	struct settings_address address = wire->settings.upstream;
	assert_true(upstream_probe(&address, 500, reason, sizeof reason));
	address.port = 5433;
	assert_false(upstream_probe(&address, 500, reason, sizeof reason));
	assert_string_equal(reason, "No such file or directory");

	address = (struct settings_address){.host = "127.0.0.1", .port = listen_on_tcp(wire)};
	assert_true(upstream_probe(&address, 500, reason, sizeof reason));
	snprintf(address.host, sizeof address.host, "two");
	assert_true(upstream_probe(&address, 500, reason, sizeof reason));
	close(wire->upstream);
	wire->upstream = -1;
	assert_false(upstream_probe(&address, 500, reason, sizeof reason));
	assert_string_equal(reason, "Connection refused");
	snprintf(address.host, sizeof address.host, "slow");
	reason[0] = '\0';
	assert_false(upstream_probe(&address, 500, reason, sizeof reason));
	assert_true(reason[0] != '\0');
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_every_address_is_tried),
	    CASE(test_no_address_answers),
	    CASE(test_the_name_takes_longer_than_the_client_waits),
	    CASE(test_stop_while_a_name_is_looked_up),
	    CASE(test_stop_while_connecting),
	    CASE(test_a_unix_socket_path_that_is_too_long),
	    CASE(test_socket_path),
	    CASE(test_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
