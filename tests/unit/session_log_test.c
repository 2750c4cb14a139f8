#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/session_log.h"
#include "tests/unit/wire.h"

#include <string.h>
#include <unistd.h>

/* What the log says once the session has ended by itself. */
static char *log_of(struct wire *wire)
{
	usleep(50000);
	char *log = wire_stop(wire);
	wire_init(wire);
	return log;
}

static void expect(const char *log, const char *text)
{
	if (!strstr(log, text))
		fail_msg("no %s in\n%s", text, log);
}

static void test_a_session_that_ends_as_it_should(void **state)
{
	/* One line at each end, with who, why and how much; not a warning. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0}, reply = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_add(&reply, 'C', "s", "SELECT 1");
	script_add(&reply, 'Z', "b", 'I');
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_send(wire->server, &reply);
	script_expect(wire->client, &reply);
	wire_send(wire->client, "X\0\0\0\4", 5);
	wire_expect(wire->server, "X\0\0\0\4", 5);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);
	wire->client = wire->server = -1;
	char *log = log_of(wire);
	expect(log, "\"event\":\"connect\",\"level\":\"info\",\"database\":\"shop\",\"user\":\"alice\"");
	expect(log, "\"took_ms\":");
	expect(log, "\"event\":\"disconnect\",\"level\":\"info\",\"database\":\"shop\",\"user\":\"alice\"");
	expect(log, "\"reason\":\"client terminated\",\"statements\":1,");
	assert_null(strstr(log, "unanswered"));
	free(log);
}

static void test_a_session_that_ends_badly(void **state)
{
	/* A warning: with an SQLSTATE, with something unanswered, or before it was logged in. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	wire_send(wire->client, "S\0\0\0\4S\0\0\0\4", 10);
	wire_expect(wire->server, "S\0\0\0\4S\0\0\0\4", 10);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);
	wire_connect(wire);
	static const char ssl_request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	wire_send(wire->client, ssl_request, 8);
	wire_expect(wire->client, "N", 1);
	wire_send(wire->client, ssl_request, 8);
	struct script error;
	wire_read_message(wire->client, &error);
	close(wire->client);
	wire_connect(wire);
	wire_send(wire->client, "\0\0\0\x09\0\2\0\0\0", 9);
	wire_accept(wire);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);
	wire->client = wire->server = -1;
	char *log = log_of(wire);
	expect(log, "\"event\":\"disconnect\",\"level\":\"warning\",\"database\":\"shop\"");
	expect(log, "\"reason\":\"server closed\",\"unanswered\":2,");
	expect(log, "\"reason\":\"unsupported frontend protocol: encryption asked for twice\",\"sqlstate\":\"0A000\"");
	expect(log, "\"reason\":\"unsupported protocol version\"");
	free(log);
}

static void test_what_is_not_worth_a_line(void **state)
{
	/* A health check, a cancel, and everything when the settings say so. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	close(wire->client);
	static const char cancel[] = {0, 0, 0, 16, 4, (char)0xd2, 0x16, 0x2e, 0, 0, 0x12, 0x67, 0, 0, 0x30, 0x39};
	wire_connect(wire);
	wire_send(wire->client, cancel, sizeof cancel);
	wire_accept(wire);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);
	wire->client = wire->server = -1;
	char *log = log_of(wire);
	assert_null(strstr(log, "\"event\":\"connect\""));
	assert_null(strstr(log, "\"event\":\"disconnect\""));
	free(log);

	wire->settings.log_connections = wire->settings.log_disconnections = false;
	wire_start(wire);
	wire_login(wire);
	log = log_of(wire);
	assert_null(strstr(log, "\"event\":\"connect\""));
	assert_null(strstr(log, "\"event\":\"disconnect\""));
	free(log);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_a_session_that_ends_as_it_should),
	    CASE(test_a_session_that_ends_badly),
	    CASE(test_what_is_not_worth_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
