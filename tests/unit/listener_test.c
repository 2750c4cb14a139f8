#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/listener.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* -- fixture ---------------------------------------------------------------------------------------------------- */

typedef int resolve_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* "half" is an address that no machine has (RFC 5737) and one that each has; "none" is the former alone. */
int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
	resolve_fn *resolve = (resolve_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
	bool half = node && strcmp(node, "half") == 0;
	if (!half && !(node && strcmp(node, "none") == 0))
		return resolve(node, service, hints, found);
	int status = resolve("192.0.2.1", service, hints, found);
	if (status != 0 || !half)
		return status;
	struct addrinfo *last = *found;
	while (last->ai_next)
		last = last->ai_next;
	return resolve("127.0.0.1", service, hints, &last->ai_next);
}

static int listening_socket(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void listen_on(struct wire *wire, const char *host)
{
	uint16_t port;
	close(listening_socket(&port));
	wire->settings.listen.port = port;
	snprintf(wire->settings.listen.host, sizeof wire->settings.listen.host, "%s", host);
	wire->settings.unix_socket_dir[0] = '\0';
}

static bool answers(uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
	close(fd);
	return ok;
}

/* A worker that is to fail, and what it says. */
static void expect_failure(struct wire *wire, const char *text)
{
	char error[512] = "";
	assert_true(rules_configure(&wire->rules, &wire->settings, error, sizeof error));
	struct reporter *reporter = reporter_start(&wire->settings, error, sizeof error);
	assert_non_null(reporter);
	assert_null(workers_new(&wire->settings, &wire->rules, reporter, error, sizeof error));
	reporter_stop(reporter);
	if (!strstr(error, text) || strchr(error, '\n'))
		fail_msg("\"%s\" does not say \"%s\"", error, text);
}

static void socket_path(const struct wire *wire, char path[108])
{
	snprintf(path, 108, "%s/.s.PGSQL.6433", wire->dir);
}

/* -- cases ------------------------------------------------------------------------------------------------------ */

static void test_a_port(void **state)
{
	/* It answers while the worker runs, and no longer; the description is what goes into the log. */
	struct wire *wire = *state;
	listen_on(wire, "127.0.0.1");
	uint16_t port = wire->settings.listen.port;
	assert_false(answers(port));
	wire_start(wire);
	assert_true(answers(port));
	char expected[64];
	snprintf(expected, sizeof expected, "127.0.0.1:%u", port);
	assert_string_equal(listener_description(wire->worker->listener), expected);
	free(wire_stop(wire));
	assert_false(answers(port));
	wire_init(wire);
}

static void test_every_address(void **state)
{
	/* "*" is all addresses. */
	struct wire *wire = *state;
	listen_on(wire, "*");
	wire_start(wire);
	assert_true(answers(wire->settings.listen.port));
}

static void test_an_address_that_is_missing(void **state)
{
	/* One of a name's two is not this machine's: the other is listened on. None is: an error. */
	struct wire *wire = *state;
	listen_on(wire, "none");
	expect_failure(wire, "cannot listen on none port ");
	listen_on(wire, "half");
	wire_start(wire);
	assert_true(answers(wire->settings.listen.port));
	assert_null(strchr(listener_description(wire->worker->listener), ','));
}

static void test_a_port_in_use(void **state)
{
	/* One line that names it; and a second address in use is an error as well, not half a service. */
	struct wire *wire = *state;
	uint16_t port;
	int taken = listening_socket(&port);
	listen_on(wire, "127.0.0.1");
	wire->settings.listen.port = port;
	expect_failure(wire, "address already in use");
	listen_on(wire, "half");
	wire->settings.listen.port = port;
	expect_failure(wire, "address already in use");
	close(taken);
}

static void test_what_can_not_be_listened_on(void **state)
{
	/* Nothing at all, a name that is none, a directory that is too long or missing. */
	struct wire *wire = *state;
	wire->settings.unix_socket_dir[0] = '\0';
	expect_failure(wire, "nothing to listen on");
	listen_on(wire, "no such host");
	expect_failure(wire, "cannot listen on no such host port ");
	wire->settings.listen.host[0] = '\0';
	memset(wire->settings.unix_socket_dir, 'd', sizeof wire->settings.unix_socket_dir - 1);
	wire->settings.unix_socket_dir[0] = '/';
	expect_failure(wire, "too long");
	snprintf(wire->settings.unix_socket_dir, sizeof wire->settings.unix_socket_dir, "%s/nowhere", wire->dir);
	expect_failure(wire, "nowhere: no such file or directory");
	snprintf(wire->settings.unix_socket_dir, sizeof wire->settings.unix_socket_dir, "/dev/null");
	expect_failure(wire, "/dev/null: not a directory");
}

static void test_a_unix_socket(void **state)
{
	/* It has the mode of the settings, and is gone when the worker has stopped. */
	struct wire *wire = *state;
	wire->settings.unix_socket_mode = 0640;
	wire_start(wire);
	char path[108];
	socket_path(wire, path);
	struct stat there;
	assert_int_equal(lstat(path, &there), 0);
	assert_true(S_ISSOCK(there.st_mode));
	assert_int_equal(there.st_mode & 0777, 0640);
	assert_string_equal(listener_description(wire->worker->listener), path);
	free(wire_stop(wire));
	assert_int_equal(lstat(path, &there), -1);
	wire_init(wire);
}

static void test_what_lies_in_the_socket_s_place(void **state)
{
	/* A socket nobody answers is replaced; one that somebody does, and a file, are left alone. */
	struct wire *wire = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[108];
	socket_path(wire, path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);

	int file = open(path, O_CREAT | O_WRONLY, 0600);
	expect_failure(wire, "cannot listen on");
	struct stat there;
	assert_int_equal(lstat(path, &there), 0);
	assert_true(S_ISREG(there.st_mode));
	close(file);
	unlink(path);

	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(other, 5), 0);
	expect_failure(wire, "somebody else does already");
	assert_int_equal(lstat(path, &there), 0);
	close(other);

	wire_start(wire);
	wire_login(wire);
}

static double cpu_s(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void test_out_of_descriptors(void **state)
{
	/* Connections past what the process may open are closed, told of once and not waited for in a loop; sessions go
	 * on, and when there are descriptors again, so do clients. */
	struct wire *wire = *state;
	struct rlimit before, few;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int clients[40];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socket_path(wire, address.sun_path);
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		clients[at] = socket(AF_UNIX, SOCK_STREAM, 0);
	few = before;
	few.rlim_cur = (rlim_t)clients[ARRAY_LEN(clients) - 1] + 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	wire_start(wire);
	wire_login(wire);
	const int client = wire->client, server = wire->server;
	double before_s = cpu_s();
	for (size_t at = 0; at < ARRAY_LEN(clients); at++) {
		assert_int_equal(connect(clients[at], (struct sockaddr *)&address, sizeof address), 0);
		usleep(2000);
	}
	usleep(300000);
	assert_true(cpu_s() - before_s < 0.2);
	wire_expect_end(clients[ARRAY_LEN(clients) - 1]);
	wire_expect_silence(clients[0]);
	wire_send(client, "H\0\0\0\4", 5);
	wire_expect(server, "H\0\0\0\4", 5);

	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		close(clients[at]);
	usleep(50000);
	wire_login(wire);
	close(client);
	close(server);
	usleep(300000);
	char *log = wire_stop(wire);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	wire_init(wire);
	char *first = strstr(log, "out of file descriptors; clients are refused");
	assert_non_null(first);
	assert_null(strstr(first + 1, "out of file descriptors; clients are refused"));
	assert_non_null(strstr(first, "there are file descriptors again"));
	free(log);
}

static void test_no_descriptor_left_for_accept(void **state)
{
	/* Not even one for what is to be closed: libuv's reserve does it, and the loop doesn't spin. */
	struct wire *wire = *state;
	wire_start(wire);
	struct rlimit before, none;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int clients[5];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socket_path(wire, address.sun_path);
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		clients[at] = socket(AF_UNIX, SOCK_STREAM, 0);
	none = before;
	none.rlim_cur = (rlim_t)clients[0];
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	double before_s = cpu_s();
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		assert_int_equal(connect(clients[at], (struct sockaddr *)&address, sizeof address), 0);
	usleep(300000);
	assert_true(cpu_s() - before_s < 0.15);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t at = 0; at < ARRAY_LEN(clients); at++)
		close(clients[at]);
	wire_login(wire);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_a_port),
	    CASE(test_every_address),
	    CASE(test_an_address_that_is_missing),
	    CASE(test_a_port_in_use),
	    CASE(test_what_can_not_be_listened_on),
	    CASE(test_a_unix_socket),
	    CASE(test_what_lies_in_the_socket_s_place),
	    CASE(test_out_of_descriptors),
	    CASE(test_no_descriptor_left_for_accept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
