#include "proxy/feed/feed_connect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* The canary: no piece of it of three letters may come back. */
static const char password[] = "zqx";

static struct settings *settings_with(const char *dsn)
{
	struct settings *settings = malloc(sizeof(*settings));
	assert_non_null(settings);
	settings_defaults(settings);
	snprintf(settings->catalog, sizeof(settings->catalog), "%s", dsn);
	settings->catalog_timeout_ms = 2000;
	return settings;
}

static void assert_refused(const char *dsn, char *error, size_t error_size)
{
	struct settings *settings = settings_with(dsn);
	int never = eventfd(0, EFD_CLOEXEC);
	PGconn *connection = feed_connect_open(settings, "shop", "anna", never, error, error_size);
	assert_null(connection);
	assert_true(strlen(error) > 0);
	assert_null(strchr(error, '\n'));
	close(never);
	free(settings);
}

static void a_malformed_dsn_is_not_quoted(void **state)
{
	/* Whatever libpq stumbles over in a DSN may be half a password, and is not repeated. */
	(void)state;
	static const char *const dsns[] = {
	    "host=localhost password=a zqx",
	    "host=localhost password='zqx",
	    "password=abc zqx=1",
	    "postgresql://u:p@zqx@localhost/shop",
	    "postgresql://u:p/zqx@localhost/shop",
	    "postgresql://u:zqx/p@localhost/shop",
	    "postgresql://u:12/zqx@localhost/shop",
	    "postgresql://u:%zqx@localhost/shop",
	    "postgresql://u:p@[zqx/shop",
	    "postgres://u:p#zqx@x@localhost/shop",
	};
	for (size_t at = 0; at < ARRAY_LEN(dsns); at++) {
		char error[512] = "";
		if (feed_connect_dsn_valid(dsns[at], error, sizeof(error)))
			fail_msg("taken for valid: %s", dsns[at]);
		assert_null(strstr(error, password));
		assert_refused(dsns[at], error, sizeof(error));
		assert_null(strstr(error, password));
	}
}

static void ordinary_dsns_are_valid(void **state)
{
	/* Passwords may hold anything where it is escaped, and sockets and several hosts are fine. */
	(void)state;
	static const char *const dsns[] = {
	    "",
	    "host=/run/postgresql port=5432 dbname=shop",
	    "host=a,b port=5432,5433 password='it\\'s @ : / zqx' dbname=x@y",
	    "host=@abstract user=anna",
	    "service=shop",
	    "postgresql://",
	    "postgresql:///shop?host=/run/postgresql",
	    "postgresql://anna:p%40%2F%3Azqx@db.example:5432/shop?sslmode=require",
	    "postgresql://u:p?zqx@localhost/shop",
	    "postgresql://a:1,[::1]:2/shop",
	};
	for (size_t at = 0; at < ARRAY_LEN(dsns); at++) {
		char error[512] = "";
		if (!feed_connect_dsn_valid(dsns[at], error, sizeof(error)))
			fail_msg("%s: %s", dsns[at], error);
	}
}

static void nobody_there_says_who(void **state)
{
	/* The line names the place that was tried, is one line, has no advice of libpq's, and no password. */
	(void)state;
	char error[512] = "";
	assert_refused("host=/nonexistent-zqx-directory password=zqx port=7", error, sizeof(error));
	assert_non_null(strstr(error, "/nonexistent-"));
	assert_non_null(strstr(error, ".s.PGSQL.7"));
	assert_null(strstr(error, "Is the server running"));
	assert_string_equal(strstr(error, "No such file"), "No such file or directory");
	assert_null(strstr(error, password));
	assert_refused("postgresql://anna:zqx@127.0.0.1:1/shop", error, sizeof(error));
	assert_non_null(strstr(error, "127.0.0.1"));
	assert_non_null(strstr(error, "refused"));
	assert_null(strstr(error, password));
}

static void a_role_of_its_own(void **state)
{
	/* It goes before the DSN's; what is said of the failure keeps the password out all the same. */
	(void)state;
	char error[512] = "";
	int never = eventfd(0, EFD_CLOEXEC);
	struct settings *settings = settings_with("host=127.0.0.1 port=1 user=anna password=zqx");
	assert_null(feed_connect_open_as(settings, "shop", "bert", "test", never, error, sizeof(error)));
	assert_non_null(strstr(error, "127.0.0.1"));
	assert_null(strstr(error, password));
	snprintf(settings->catalog, sizeof(settings->catalog), "password=a zqx");
	assert_null(feed_connect_open_as(settings, "shop", "bert", "test", never, error, sizeof(error)));
	assert_null(strstr(error, password));
	close(never);
	free(settings);
}

static void a_small_buffer_is_enough(void **state)
{
	/* An error is cut to its buffer. */
	(void)state;
	char error[16] = "";
	assert_refused("host=127.0.0.1 port=1", error, sizeof(error));
	assert_true(strlen(error) < sizeof(error));
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int listen_deaf(uint16_t *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void a_deaf_server_is_given_up(void **state)
{
	/* One that accepts and says nothing costs the timeout, and an interruption costs nothing. */
	(void)state;
	uint16_t port;
	int deaf = listen_deaf(&port);
	struct settings *settings = settings_with("");
	assert_true(settings_parse_address("127.0.0.1:1", 5432, &settings->upstream));
	settings->upstream.port = port;
	settings->catalog_timeout_ms = 300;
	char error[256] = "";
	int interrupt = eventfd(0, EFD_CLOEXEC);
	int64_t started_ms = now_ms();
	assert_null(feed_connect_open(settings, "shop", "anna", interrupt, error, sizeof(error)));
	int64_t took_ms = now_ms() - started_ms;
	assert_true(took_ms >= 290 && took_ms < 20000);
	assert_string_equal(error, "no connection within 0.3 s");

	settings->catalog_timeout_ms = 60000;
	const uint64_t once = 1;
	assert_int_equal(write(interrupt, &once, sizeof(once)), sizeof(once));
	started_ms = now_ms();
	assert_null(feed_connect_open(settings, "shop", "anna", interrupt, error, sizeof(error)));
	assert_true(now_ms() - started_ms < 20000);
	close(interrupt);
	close(deaf);
	free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_malformed_dsn_is_not_quoted),
	    cmocka_unit_test(ordinary_dsns_are_valid),
	    cmocka_unit_test(nobody_there_says_who),
	    cmocka_unit_test(a_small_buffer_is_enough),
	    cmocka_unit_test(a_role_of_its_own),
	    cmocka_unit_test(a_deaf_server_is_given_up),
	};
	unsetenv("PGSERVICE");
	unsetenv("PGUSER");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
