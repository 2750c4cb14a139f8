#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/handshake.h"
#include "proxy/worker.h"
#include "tests/unit/certificates.h"
#include "tests/unit/wire.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- fixture: a session whose two links are connected to sockets of the test -------------------------------- */

struct fixture {
	struct settings settings;
	struct worker worker;
	struct session session;
	int client, server; /* the other ends */
	struct tls *tls;    /* the other end's, of the leg under test */
	struct buffer output;
	int done, status, secure, ended, closed, data; /* what the session was told */
};

static struct fixture *current;

static void on_data(struct link *link, struct bytes input)
{
	(void)link;
	(void)input;
	current->data++;
}

static void on_end(struct link *link, int status)
{
	(void)link;
	(void)status;
	current->ended++;
}

static void on_nothing(struct link *link)
{
	(void)link;
}

static void on_closed(struct link *link)
{
	(void)link;
	current->closed++;
}

static void on_secure(struct link *link)
{
	(void)link;
	current->secure++;
}

static const struct link_events events = {on_data, on_end, on_nothing, on_end, on_nothing, on_closed, on_secure};

static void on_done(struct session *session, int status)
{
	assert_ptr_equal(session, &current->session);
	current->done++;
	current->status = status;
}

static int open_link(struct fixture *fixture, struct link *link, enum link_transport transport)
{
	struct worker *worker = &fixture->worker;
	int ends[2];
	assert_int_equal(link_init(link, &worker->loop, transport, &worker->scratch, &events, &fixture->session), 0);
	if (transport == LINK_TCP) {
		wire_pair(ends);
		assert_int_equal(uv_tcp_open(&link->uv.tcp, ends[0]), 0);
	} else {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		assert_int_equal(uv_pipe_open(&link->uv.pipe, ends[0]), 0);
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	return ends[1];
}

/* `client` is the mode of the client's leg, `server` that of the server's. */
static void begin(struct fixture *fixture, enum settings_sslmode client, enum settings_sslmode server,
                  enum link_transport transport)
{
	char error[512] = "";
	certificates_use(&certificates_shared, &fixture->settings.client_tls, client, "server");
	certificates_use(&certificates_shared, &fixture->settings.server_tls, server, "");
	snprintf(fixture->settings.upstream.host, sizeof fixture->settings.upstream.host, "localhost");
	if (!tls_pair_init(&fixture->worker.tls, &fixture->settings, error, sizeof error))
		fail_msg("%s", error);
	fixture->client = open_link(fixture, &fixture->session.client, transport);
	fixture->server = open_link(fixture, &fixture->session.server, transport);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	signal(SIGPIPE, SIG_IGN);
	settings_defaults(&fixture->settings);
	assert_int_equal(uv_loop_init(&fixture->worker.loop), 0);
	fixture->worker.settings = &fixture->settings;
	fixture->session.worker = &fixture->worker;
	fixture->client = fixture->server = -1;
	*state = current = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	link_close(&fixture->session.client);
	link_close(&fixture->session.server);
	uv_run(&fixture->worker.loop, UV_RUN_DEFAULT);
	assert_int_equal(fixture->closed, 2);
	assert_int_equal(uv_loop_close(&fixture->worker.loop), 0);
	close(fixture->client);
	close(fixture->server);
	tls_free(fixture->tls);
	tls_pair_fini(&fixture->worker.tls);
	buffer_free(&fixture->worker.scratch.output);
	buffer_free(&fixture->output);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int at = 0; at < 20; at++)
		uv_run(&fixture->worker.loop, UV_RUN_NOWAIT);
}

/* Moves bytes between the link and the other end's TLS until both are silent. */
static void shake(struct fixture *fixture, int fd)
{
	for (int silent = 0; silent < 3;) {
		uint8_t wire[16384], plain[256];
		size_t len;
		if (fixture->output.len > 0)
			assert_int_equal(write(fd, fixture->output.data, fixture->output.len), fixture->output.len);
		buffer_free(&fixture->output);
		turn(fixture);
		ssize_t count = read(fd, wire, sizeof wire);
		silent = count > 0 ? 0 : silent + 1;
		if (count <= 0)
			continue;
		tls_feed(fixture->tls, (struct bytes){wire, (size_t)count});
		while (tls_read(fixture->tls, plain, sizeof plain, &len) == TLS_OPEN)
			;
	}
}

static void expect_request(struct fixture *fixture)
{
	static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	uint8_t got[64];
	turn(fixture);
	assert_int_equal(read(fixture->server, got, sizeof got), sizeof request);
	assert_memory_equal(got, request, sizeof request);
}

static void answer(struct fixture *fixture, const char *bytes, size_t len)
{
	assert_int_equal(write(fixture->server, bytes, len), len);
	turn(fixture);
}

/* Told once, with an error that says this; the link is the session's again. */
static void expect_failure(struct fixture *fixture, const char *reason)
{
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->status, UV_EPROTO);
	if (!strstr(fixture->session.tls_error, reason))
		fail_msg("not \"%s\": %s", reason, fixture->session.tls_error);
	assert_ptr_equal(fixture->session.server.events, &events);
}

static void expect_success(struct fixture *fixture, bool encrypted)
{
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->status, 0);
	assert_string_equal(fixture->session.tls_error, "");
	assert_ptr_equal(fixture->session.server.events, &events);
	assert_int_equal(fixture->session.server.tls && tls_is_open(fixture->session.server.tls), encrypted);
}

/* -- cases -------------------------------------------------------------------------------------------------- */

static void test_who_is_offered_tls(void **state)
{
	/* Clients by TCP where it is not disabled; those without it are refused from require on. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_PREFER, SETTINGS_TLS_DISABLE, LINK_TCP);
	assert_true(handshake_offered(&fixture->session));
	assert_false(handshake_demanded(&fixture->session));
	fixture->settings.client_tls.mode = SETTINGS_TLS_REQUIRE;
	assert_true(handshake_demanded(&fixture->session));
	fixture->settings.client_tls.mode = SETTINGS_TLS_VERIFY_FULL;
	assert_true(handshake_demanded(&fixture->session));
}

static void test_who_is_not_offered_tls(void **state)
{
	/* Nobody where it is disabled. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_DISABLE, SETTINGS_TLS_REQUIRE, LINK_TCP);
	assert_false(handshake_offered(&fixture->session));
	assert_false(handshake_demanded(&fixture->session));
}

static void test_unix_sockets_never_have_it(void **state)
{
	/* On unix sockets TLS is neither offered, nor demanded, nor asked for, whatever the settings say. */
	struct fixture *fixture = *state;
	uint8_t byte;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_VERIFY_FULL, LINK_UNIX);
	assert_false(handshake_offered(&fixture->session));
	assert_false(handshake_demanded(&fixture->session));
	handshake_with_server(&fixture->session, on_done);
	expect_success(fixture, false);
	turn(fixture);
	assert_true(read(fixture->server, &byte, 1) < 0);
}

static void test_a_client_shakes_hands(void **state)
{
	/* The ClientHello is taken from the wire as well as from bytes that have come already. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_REQUIRE, LINK_TCP);
	fixture->tls = tls_new_client(fixture->worker.tls.server, "localhost", &fixture->output);
	struct bytes early = {fixture->output.data, fixture->output.len / 2};
	handshake_with_client(&fixture->session, early);
	link_read(&fixture->session.client, true);
	size_t rest = fixture->output.len - early.len;
	assert_int_equal(write(fixture->client, fixture->output.data + early.len, rest), rest);
	buffer_free(&fixture->output);
	shake(fixture, fixture->client);
	assert_int_equal(fixture->secure, 1);
	assert_true(tls_is_open(fixture->session.client.tls) && tls_is_open(fixture->tls));
}

static void test_a_server_that_is_not_asked(void **state)
{
	/* Where it is disabled the server sees no byte, and done comes at once. */
	struct fixture *fixture = *state;
	uint8_t byte;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_DISABLE, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	expect_success(fixture, false);
	turn(fixture);
	assert_true(read(fixture->server, &byte, 1) < 0);
}

static void test_a_server_that_says_yes(void **state)
{
	/* After the S both ends open, done comes then and not before, and the link's events are the session's again. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_VERIFY_FULL, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	expect_request(fixture);
	answer(fixture, "S", 1);
	assert_int_equal(fixture->done, 0);
	fixture->tls = tls_new_server(fixture->worker.tls.client, &fixture->output);
	shake(fixture, fixture->server);
	expect_success(fixture, true);
	assert_false(fixture->session.server.reading);
	assert_int_equal(fixture->secure + fixture->data + fixture->ended, 0);
}

static void test_a_server_that_says_no(void **state)
{
	/* Under prefer an N means to go on in the clear, and bytes from then on are the session's. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	expect_request(fixture);
	answer(fixture, "N", 1);
	expect_success(fixture, false);
	assert_false(fixture->session.server.reading);
	link_read(&fixture->session.server, true);
	answer(fixture, "R", 1);
	assert_int_equal(fixture->data, 1);
	assert_int_equal(fixture->done, 1);
}

static void test_no_is_not_enough(void **state)
{
	/* From require on an N is refused. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_REQUIRE, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	answer(fixture, "N", 1);
	expect_failure(fixture, "server_tls_sslmode");
}

static void test_other_answers(void **state)
{
	/* An error, or anything else, is a failure even under prefer, and is not quoted. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	answer(fixture, "Ecanary", 7);
	expect_failure(fixture, "with an error");
	assert_null(strstr(fixture->session.tls_error, "canary"));
}

static void test_bytes_behind_an_s(void **state)
{
	/* Bytes along with an S are refused before any of them is taken for an encrypted one. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	answer(fixture, "Scanary", 7);
	expect_failure(fixture, "unencrypted data");
	assert_null(strstr(fixture->session.tls_error, "canary"));
	assert_null(fixture->session.server.tls);
}

static void test_bytes_behind_an_n(void **state)
{
	/* Bytes along with an N are refused as well. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	answer(fixture, "NR", 2);
	expect_failure(fixture, "unencrypted data");
}

static void test_a_server_that_hangs_up(void **state)
{
	/* The end in place of an answer is a failure that says so, and the session is not told of it twice. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	expect_request(fixture);
	shutdown(fixture->server, SHUT_WR);
	turn(fixture);
	expect_failure(fixture, "closed the connection");
	assert_int_equal(fixture->ended, 0);
}

static void test_a_handshake_that_fails(void **state)
{
	/* What is no TLS after the S is a failure with TLS's own reason. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	answer(fixture, "S", 1);
	answer(fixture, "HTTP/1.1 400 canary\r\n\r\n", 23);
	expect_failure(fixture, "SSL handshake: ");
	assert_non_null(strstr(fixture->session.tls_error, link_error(&fixture->session.server)));
	assert_null(strstr(fixture->session.tls_error, "canary"));
}

static void test_a_session_that_closes_meanwhile(void **state)
{
	/* A link closed during the handshake tells the session of its close, and of nothing else. */
	struct fixture *fixture = *state;
	begin(fixture, SETTINGS_TLS_REQUIRE, SETTINGS_TLS_PREFER, LINK_TCP);
	handshake_with_server(&fixture->session, on_done);
	expect_request(fixture);
	assert_int_equal(write(fixture->server, "S", 1), 1);
	link_close(&fixture->session.server);
	turn(fixture);
	assert_int_equal(fixture->closed, 1);
	assert_int_equal(fixture->done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CASE(test_who_is_offered_tls),
	    CASE(test_who_is_not_offered_tls),
	    CASE(test_unix_sockets_never_have_it),
	    CASE(test_a_client_shakes_hands),
	    CASE(test_a_server_that_is_not_asked),
	    CASE(test_a_server_that_says_yes),
	    CASE(test_a_server_that_says_no),
	    CASE(test_no_is_not_enough),
	    CASE(test_other_answers),
	    CASE(test_bytes_behind_an_s),
	    CASE(test_bytes_behind_an_n),
	    CASE(test_a_server_that_hangs_up),
	    CASE(test_a_handshake_that_fails),
	    CASE(test_a_session_that_closes_meanwhile),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
