#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/session.h"
#include "tests/unit/wire.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";

/* The fields of an ErrorResponse hold this text. */
static void expect_fatal(int fd, const char *sqlstate, const char *text)
{
	struct script error;
	assert_int_equal(wire_read_message(fd, &error), 'E');
	char flat[1024] = "";
	for (size_t at = 5; at < error.len && at < sizeof flat; at++)
		flat[at - 5] = error.bytes[at] ? (char)error.bytes[at] : '|';
	if (!strstr(flat, "VFATAL") || !strstr(flat, sqlstate) || !strstr(flat, text))
		fail_msg("not FATAL %s \"%s\": %s", sqlstate, text, flat);
}

static void test_start_up_is_verbatim(void **state)
{
	/* The start-up packet and the server's greeting pass unchanged, and the log has a connect line. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	usleep(300000);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "\"event\":\"connect\""));
	assert_non_null(strstr(log, "\"database\":\"shop\",\"user\":\"alice\""));
	free(log);
	wire_init(wire);
}

static void cancel_and_expect_the_end(struct wire *wire)
{
	static const char cancel[] = {0, 0, 0, 16, 4, (char)0xd2, 0x16, 0x2e, 0, 0, 0x12, 0x67, 0, 0, 0x30, 0x39};
	wire_connect(wire);
	wire_send(wire->client, cancel, sizeof cancel);
	wire_accept(wire);
	wire_expect(wire->server, cancel, sizeof cancel);
	wire_expect_silence(wire->client);
	close(wire->server);
	wire->server = -1;
	wire_expect_end(wire->client);
}

static void test_cancel_request(void **state)
{
	/* Passed on as it is; the client sees the end only after the server has closed. */
	struct wire *wire = *state;
	wire_start(wire);
	cancel_and_expect_the_end(wire);
}

static void test_client_half_close(void **state)
{
	/* After the client's FIN the server's last replies still arrive, then the end. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_send(wire->client, &query);
	shutdown(wire->client, SHUT_WR);
	script_expect(wire->server, &query);
	wire_expect_end(wire->server);
	struct script reply = {.len = 0};
	script_add(&reply, 'C', "s", "SELECT 0");
	script_add(&reply, 'Z', "b", 'I');
	script_send(wire->server, &reply);
	close(wire->server);
	wire->server = -1;
	script_expect(wire->client, &reply);
	wire_expect_end(wire->client);
}

static void test_a_client_waits_while_its_text_is_parsed_elsewhere(void **state)
{
	/* A megabyte behind a long text that is not known waits outside, and all of it reaches the server in its order.
	 */
	enum { NUMBERS = 30000, NUMBER_BYTES = 8, BEHIND = 4000, BEHIND_BYTES = 5 + 256 };
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	static const char beginning[] = "SELECT 1 WHERE 7 IN (0";
	size_t text = sizeof beginning - 1 + NUMBERS * NUMBER_BYTES + 2;
	size_t len = 5 + text + BEHIND * BEHIND_BYTES;
	char *sent = malloc(len), *at = sent;
	*at = 'Q';
	bytes_put_u32((uint8_t *)at + 1, (uint32_t)text + 4);
	memcpy(at + 5, beginning, sizeof beginning - 1);
	at += 5 + sizeof beginning - 1;
	for (int n = 0; n < NUMBERS; n++, at += NUMBER_BYTES)
		memcpy(at, ", 271828", NUMBER_BYTES);
	memcpy(at, ")", 2);
	at += 2;
	for (int n = 0; n < BEHIND; n++, at += BEHIND_BYTES) {
		memset(at, ' ', BEHIND_BYTES);
		*at = 'Q';
		bytes_put_u32((uint8_t *)at + 1, BEHIND_BYTES - 1);
		at[BEHIND_BYTES - 1] = 0;
	}
	assert_ptr_equal(at, sent + len);
	pid_t sender = fork();
	if (sender == 0) {
		for (size_t done = 0; done < len;) {
			ssize_t count = write(wire->client, sent + done, len - done);
			if (count <= 0)
				_exit(1);
			done += (size_t)count;
		}
		_exit(0);
	}
	wire_expect(wire->server, sent, len);
	int status;
	assert_int_equal(waitpid(sender, &status, 0), sender);
	assert_int_equal(status, 0);
	free(sent);
}

static void test_server_dies_in_a_query(void **state)
{
	/* What the server said before it went is delivered, then the end; the log tells what was unanswered. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	struct script fatal = {.len = 0};
	script_add(&fatal, 'E', "ssssb", "SFATAL", "VFATAL", "C57P01", "Mterminating connection", 0);
	script_send(wire->server, &fatal);
	close(wire->server);
	wire->server = -1;
	script_expect(wire->client, &fatal);
	wire_expect_end(wire->client);
	close(wire->client);
	wire->client = -1;
	usleep(300000);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "\"event\":\"disconnect\""));
	assert_non_null(strstr(log, "57P01"));
	assert_non_null(strstr(log, "\"unanswered\":1"));
	assert_null(strstr(log, "terminating connection"));
	free(log);
	wire_init(wire);
}

static void reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

static void test_a_client_that_breaks_off_in_every_phase(void **state)
{
	/* The server's side ends too, no process does, and the next client is served. */
	struct wire *wire = *state;
	wire_start(wire);
	for (size_t len = 0; len < sizeof startup; len += 11) {
		wire_connect(wire);
		wire_send(wire->client, startup, len);
		reset(wire->client);
	}
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	reset(wire->client); /* perhaps before its server is reached */
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	wire_expect_end(wire->server);
	close(wire->server);

	static const char *const parts[] = {
	    "", "Q", "Q\0\0\0\x0dSEL", "Q\0\0\0\x0dSELECT 1", "P\0\1\0\0", "d\0\1\0\0data"};
	static const size_t lens[] = {0, 1, 8, 14, 5, 9};
	for (size_t at = 0; at < ARRAY_LEN(parts); at++) {
		wire_login(wire);
		wire_send(wire->client, parts[at], lens[at]);
		usleep(2000);
		reset(wire->client);
		/* Up to there the server sees what it would have seen without us. */
		wire_expect(wire->server, parts[at], lens[at]);
		wire_expect_end(wire->server);
		close(wire->server);
	}
	wire_login(wire);
}

static void test_a_server_that_breaks_off_in_every_phase(void **state)
{
	/* What it said so far reaches the client to the last byte, cut off in a header or a body, and then the end. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);
	struct script query = {.len = 0}, row = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_add(&row, 'D', "hiS", 1, 3, "row");
	for (size_t len = 0; len <= row.len; len++) {
		wire_login(wire);
		script_send(wire->client, &query);
		script_expect(wire->server, &query);
		wire_send(wire->server, row.bytes, len);
		close(wire->server);
		wire_expect(wire->client, row.bytes, len);
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = wire->server = -1;
}

static void test_a_cancel_that_the_server_never_ends(void **state)
{
	/* Not for longer than a log-in may take. */
	struct wire *wire = *state;
	wire->settings.client_login_timeout_ms = 200;
	wire_start(wire);
	static const char cancel[] = {0, 0, 0, 16, 4, (char)0xd2, 0x16, 0x2e, 0, 0, 0x12, 0x67, 0, 0, 0x30, 0x39};
	wire_connect(wire);
	wire_send(wire->client, cancel, sizeof cancel);
	wire_accept(wire);
	wire_expect(wire->server, cancel, sizeof cancel);
	wire_expect_end(wire->client);
}

static void test_blind_before_it_is_logged_in(void **state)
{
	/* The time to log in is over for a session that nobody can see logging in. */
	struct wire *wire = *state;
	wire->settings.client_login_timeout_ms = 100;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	struct script odd = {.len = 0};
	script_add(&odd, '2', "");
	script_send(wire->server, &odd);
	script_expect(wire->client, &odd);
	usleep(200000);
	wire_send(wire->client, "still here", 10);
	wire_expect(wire->server, "still here", 10);
}

static void test_stop_while_logging_in(void **state)
{
	/* A client that is asked for its password has no transaction to end: it is told at once. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	struct script ask = {.len = 0};
	script_add(&ask, 'R', "i", 3);
	script_send(wire->server, &ask);
	script_expect(wire->client, &ask);
	worker_stop(wire->worker, false);
	expect_fatal(wire->client, "57P03", "shutting down");
	wire_expect_end(wire->client);
	wire_expect_end(wire->server);
}

static void test_a_password_takes_its_time(void **state)
{
	/* Once the server has asked, nobody but the server is in a hurry; before that, a server that says nothing is
	 * given up in time. */
	struct wire *wire = *state;
	wire->settings.client_login_timeout_ms = 150;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	struct script ask = {.len = 0}, password = {.len = 0}, welcome = {.len = 0};
	script_add(&ask, 'R', "i", 3);
	script_send(wire->server, &ask);
	script_expect(wire->client, &ask);
	usleep(400000);
	script_add(&password, 'p', "s", "secret");
	script_send(wire->client, &password);
	script_expect(wire->server, &password);
	script_add(&welcome, 'R', "i", 0);
	script_add(&welcome, 'Z', "b", 'I');
	script_send(wire->server, &welcome);
	script_expect(wire->client, &welcome);
	close(wire->client);
	close(wire->server);

	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	expect_fatal(wire->client, "08P01", "client_login_timeout");
}

static void test_login_timeout(void **state)
{
	/* A client that says nothing is closed at client_login_timeout. */
	struct wire *wire = *state;
	wire->settings.client_login_timeout_ms = 100;
	wire_start(wire);
	wire_connect(wire);
	wire_expect_end(wire->client);
}

static void test_drains_on_stop(void **state)
{
	/* An idle session is told 57P01 at once, one in a transaction when its transaction ends. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script begin = {.len = 0}, began = {.len = 0}, ended = {.len = 0};
	script_add(&begin, 'Q', "s", "BEGIN");
	script_add(&began, 'C', "s", "BEGIN");
	script_add(&began, 'Z', "b", 'T');
	script_add(&ended, 'C', "s", "COMMIT");
	script_add(&ended, 'Z', "b", 'I');
	script_send(wire->client, &begin);
	script_expect(wire->server, &begin);
	script_send(wire->server, &began);
	script_expect(wire->client, &began);
	worker_stop(wire->worker, false);
	wire_expect_silence(wire->client);
	script_send(wire->client, &begin);
	script_expect(wire->server, &begin);
	script_send(wire->server, &ended);
	script_expect(wire->client, &ended);
	expect_fatal(wire->client, "57P01", "shutting down");
	wire_expect_end(wire->client);
	wire_expect(wire->server, "X\0\0\0\4", 5);
	wire_expect_end(wire->server);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_start_up_is_verbatim),
	    CASE(test_cancel_request),
	    CASE(test_client_half_close),
	    CASE(test_a_client_waits_while_its_text_is_parsed_elsewhere),
	    CASE(test_server_dies_in_a_query),
	    CASE(test_a_client_that_breaks_off_in_every_phase),
	    CASE(test_a_server_that_breaks_off_in_every_phase),
	    CASE(test_a_cancel_that_the_server_never_ends),
	    CASE(test_blind_before_it_is_logged_in),
	    CASE(test_stop_while_logging_in),
	    CASE(test_a_password_takes_its_time),
	    CASE(test_login_timeout),
	    CASE(test_drains_on_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
