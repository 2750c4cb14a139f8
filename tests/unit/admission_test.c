#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/admission.h"
#include "tests/unit/wire.h"

#include <string.h>
#include <sys/socket.h>
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

static void test_too_many_clients(void **state)
{
	/* The client over the limit is refused with 53300; a cancel still gets through. */
	struct wire *wire = *state;
	wire->settings.max_client_conn = 1;
	wire_start(wire);
	wire_login(wire);
	int first = wire->client, first_server = wire->server;
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	expect_fatal(wire->client, "53300", "max_client_conn");
	wire_expect_end(wire->client);
	close(wire->client);
	cancel_and_expect_the_end(wire);
	close(first);
	close(first_server);
}

static void test_half_started_clients_keep_nobody_out(void **state)
{
	/* Connections that never say what they want, as many as there may be clients and one more: the oldest is
	 * closed, the others stay, and a client is let in. */
	struct wire *wire = *state;
	wire->settings.max_client_conn = 3;
	wire_start(wire);
	int silent[4];
	for (size_t at = 0; at < ARRAY_LEN(silent); at++) {
		silent[at] = wire_connect(wire);
		usleep(5000);
	}
	wire_expect_end(silent[0]);
	for (size_t at = 1; at < ARRAY_LEN(silent); at++)
		wire_expect_silence(silent[at]);
	wire_login(wire);
	for (size_t at = 0; at < ARRAY_LEN(silent); at++)
		close(silent[at]);
}

static void test_a_place_is_free_when_its_client_has_gone(void **state)
{
	/* With room for one, a hundred come one after the other, each as soon as the one before has hung up. */
	struct wire *wire = *state;
	wire->settings.max_client_conn = 1;
	wire_start(wire);
	for (int at = 0; at < 100; at++) {
		wire_login(wire);
		wire_send(wire->client, "X\0\0\0\4", 5);
		wire_expect(wire->server, "X\0\0\0\4", 5);
		close(wire->server);
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = wire->server = -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_too_many_clients),
	    CASE(test_half_started_clients_keep_nobody_out),
	    CASE(test_a_place_is_free_when_its_client_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
