#include "proxy/serve.h"

#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* -- fixture: serve_run in a child, its clients and its server in this process ------------------- */

enum { PATIENCE_MS = 20000 };

static struct wire wire; /* its own worker is never started */
static char rotated[128];
static pid_t child;
static int child_stderr;

static int set_up(void **state)
{
	(void)state;
	wire_init(&wire);
	snprintf(rotated, sizeof(rotated), "%s/log.1", wire.dir);
	/* Else the feed would try libpq's defaults, and its connection would come to our server. */
	snprintf(wire.settings.catalog, sizeof(wire.settings.catalog), "host=/nonexistent");
	child = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (child != 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(child_stderr);
	}
	char socket_path[128];
	snprintf(socket_path, sizeof(socket_path), "%s/.s.PGSQL.6433", wire.dir);
	unlink(socket_path);
	unlink(rotated);
	free(wire_stop(&wire));
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void serve(void)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	fflush(stderr);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		/* Its own, so that the end of the server can be told from that of a copy in here. */
		close(wire.upstream);
		_exit(serve_run(&wire.settings));
	}
	close(ends[1]);
	child_stderr = ends[0];
}

/* The child's exit status; `said` has what it wrote to standard error. */
static int end_of_child(char said[1024])
{
	size_t len = 0;
	for (int64_t until = now_ms() + PATIENCE_MS;;) {
		struct pollfd ready = {.fd = child_stderr, .events = POLLIN};
		if (poll(&ready, 1, (int)(until - now_ms())) != 1)
			fail_msg("it is still running");
		ssize_t got = read(child_stderr, said + len, 1023 - len);
		assert_true(got >= 0);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	said[len] = '\0';
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	close(child_stderr);
	if (!WIFEXITED(status))
		fail_msg("ended by signal %d: %s", WTERMSIG(status), said);
	return WEXITSTATUS(status);
}

static const char *slurp(const char *path)
{
	static char text[1 << 18];
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;
	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		found++;
	return found;
}

static void wait_for_log(const char *part)
{
	for (int64_t until = now_ms() + PATIENCE_MS; strstr(slurp(wire.log_path), part) == NULL; usleep(5000))
		if (now_ms() > until)
			fail_msg("the log has no %s:\n%s", part, slurp(wire.log_path));
}

/* Up, and its check of the server answered. */
static void serve_and_wait(void)
{
	serve();
	close(wire_accept(&wire));
	wire.server = -1;
	wait_for_log("\"event\":\"started\"");
}

static void begin_transaction(void)
{
	struct script script = {.len = 0};
	wire_login(&wire);
	script_add(&script, 'Q', "s", "BEGIN");
	script_send(wire.client, &script);
	script_expect(wire.server, &script);
	script.len = 0;
	script_add(&script, 'C', "s", "BEGIN");
	script_add(&script, 'Z', "b", 'T');
	script_send(wire.server, &script);
	script_expect(wire.client, &script);
}

static void hang_up(void)
{
	close(wire.client);
	close(wire.server);
	wire.client = wire.server = -1;
	wait_for_log("\"event\":\"disconnect\"");
}

/* -- cases --------------------------------------------------------------------------------------- */

static void wrong_rule_settings(void **state)
{
	/* A rule that doesn't exist is a mistake in the file: status 1, one line, and not even a log file. */
	(void)state;
	char said[1024];
	wire.settings.rule_count = 1;
	wire.settings.rules[0] = (struct settings_rule){.rule = "no-such-rule", .key = "action", .value = "log"};
	serve();
	assert_int_equal(end_of_child(said), 1);
	assert_non_null(strstr(said, "no-such-rule"));
	assert_ptr_equal(strstr(said, "pgproctor: "), said);
	assert_int_equal(count(said, "\n"), 1);
	assert_int_equal(access(wire.log_path, F_OK), -1);
}

static void port_in_use(void **state)
{
	/* Who can't listen says so in one line, and leaves no word in a log that may be the running one's. */
	(void)state;
	char said[1024], port[16];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t address_len = sizeof(address);
	int taken = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(taken, 1), 0);
	assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &address_len), 0);
	wire.settings.listen =
	    (struct settings_address){.host = "127.0.0.1", .port = (uint16_t)ntohs(address.sin_port)};
	snprintf(port, sizeof(port), "port %u:", wire.settings.listen.port);
	serve();
	assert_int_equal(end_of_child(said), 1);
	close(taken);
	assert_ptr_equal(strstr(said, "pgproctor: "), said);
	assert_non_null(strstr(said, port));
	assert_non_null(strstr(said, "in use"));
	assert_int_equal(count(said, "\n"), 1);
	assert_string_equal(slurp(wire.log_path), "");
}

static void unwritable_log(void **state)
{
	/* A log that can't be opened is a failure to start, told before anything listens. */
	(void)state;
	char said[1024];
	snprintf(wire.settings.logfile, sizeof(wire.settings.logfile), "%s/missing/log", wire.dir);
	serve();
	assert_int_equal(end_of_child(said), 1);
	assert_non_null(strstr(said, "/missing/log: cannot open it"));
	assert_int_equal(count(said, "\n"), 1);
	char socket_path[128];
	snprintf(socket_path, sizeof(socket_path), "%s/.s.PGSQL.6433", wire.dir);
	assert_int_equal(access(socket_path, F_OK), -1);
}

static void server_down(void **state)
{
	/* A server that doesn't answer is a warning, and no reason not to start: it may come up later. */
	(void)state;
	char said[1024];
	wire.settings.upstream.port = 1;
	serve();
	wait_for_log("does not answer");
	assert_non_null(strstr(slurp(wire.log_path), "\"level\":\"warning\""));
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(end_of_child(said), 0);
	assert_string_equal(said, "");
}

static void first_and_last_lines(void **state)
{
	/* Either signal ends an idle proxy with status 0; `started` is the log's first line and `stopped` its last, and
	 * between them stands no interval in which nothing happened. */
	(void)state;
	static const int signals[] = {SIGTERM, SIGINT};
	static const char *const names[] = {"\"signal\":\"SIGTERM\"", "\"signal\":\"SIGINT\""};
	for (size_t at = 0; at < ARRAY_LEN(signals); at++) {
		char said[1024];
		unlink(wire.log_path);
		serve_and_wait();
		assert_int_equal(kill(child, signals[at]), 0);
		assert_int_equal(end_of_child(said), 0);
		assert_string_equal(said, "");
		const char *log = slurp(wire.log_path);
		const char *started = strstr(log, "\"event\":\"started\"");
		assert_non_null(started);
		assert_true(started < strchr(log, '\n'));
		const char *stopped = strstr(log, "\"event\":\"stopped\"");
		assert_non_null(stopped);
		assert_string_equal(strchr(stopped, '\n'), "\n");
		assert_non_null(strstr(log, names[at]));
		assert_int_equal(count(log, "\"event\":\"stopping\""), 1);
		assert_int_equal(count(log, "\"event\":\"stats\""), 0);
	}
}

static void one_last_interval(void **state)
{
	/* What ran since the last interval is told once at the stop, and before `stopped`. */
	(void)state;
	char said[1024];
	serve_and_wait();
	begin_transaction();
	hang_up();
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(end_of_child(said), 0);
	const char *log = slurp(wire.log_path);
	assert_int_equal(count(log, "\"event\":\"stats\""), 1);
	assert_non_null(strstr(log, "\"statements\":1,"));
	assert_true(strstr(log, "\"event\":\"stats\"") < strstr(log, "\"event\":\"stopped\""));
}

static void rotation(void **state)
{
	/* SIGHUP begins a new log file under the old name, and nothing else: who is connected stays so. */
	(void)state;
	char said[1024];
	serve_and_wait();
	begin_transaction();
	wait_for_log("\"event\":\"connect\"");
	assert_int_equal(rename(wire.log_path, rotated), 0);
	assert_int_equal(kill(child, SIGHUP), 0);
	for (int64_t until = now_ms() + PATIENCE_MS; access(wire.log_path, F_OK) != 0; usleep(5000))
		assert_true(now_ms() < until);
	wire_expect_silence(wire.client);
	hang_up();
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(end_of_child(said), 0);
	assert_non_null(strstr(slurp(rotated), "\"event\":\"started\""));
	assert_null(strstr(slurp(rotated), "\"event\":\"disconnect\""));
	assert_null(strstr(slurp(wire.log_path), "\"event\":\"started\""));
}

static void open_transaction_is_waited_for(void **state)
{
	/* The first signal lets a transaction end, and then ends its session and the process at once. */
	(void)state;
	char said[1024];
	struct script script = {.len = 0};
	wire.settings.shutdown_timeout_ms = 60000;
	serve_and_wait();
	begin_transaction();
	assert_int_equal(kill(child, SIGTERM), 0);
	wait_for_log("\"event\":\"stopping\"");
	wire_expect_silence(wire.client);
	script_add(&script, 'Q', "s", "COMMIT");
	script_send(wire.client, &script);
	script_expect(wire.server, &script);
	script.len = 0;
	script_add(&script, 'C', "s", "COMMIT");
	script_add(&script, 'Z', "b", 'I');
	script_send(wire.server, &script);
	script_expect(wire.client, &script);
	assert_int_equal(end_of_child(said), 0);
}

static void second_signal_is_less_patient(void **state)
{
	/* The second doesn't wait for an open transaction, however long it might be given. */
	(void)state;
	char said[1024];
	wire.settings.shutdown_timeout_ms = 60000;
	serve_and_wait();
	begin_transaction();
	assert_int_equal(kill(child, SIGTERM), 0);
	wait_for_log("\"event\":\"stopping\"");
	wire_expect_silence(wire.client);
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(end_of_child(said), 0);
	assert_int_equal(count(slurp(wire.log_path), "\"event\":\"stopping\""), 2);
	assert_non_null(strstr(slurp(wire.log_path), "\"event\":\"disconnect\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(wrong_rule_settings, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(port_in_use, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unwritable_log, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(server_down, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(first_and_last_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_last_interval, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rotation, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(open_transaction_is_waited_for, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(second_signal_is_less_patient, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
