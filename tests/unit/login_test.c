#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "protocol/message.h"
#include "proxy/login/login.h"
#include "proxy/workers.h"
#include "tests/unit/certificates.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- fixture: a session between log-in and the first ReadyForQuery; what goes to the client is read from `peer` - */

struct fixture {
	struct settings settings, theirs; /* `theirs`: .client_tls is the server's */
	struct workers workers;
	struct worker worker;
	struct session session;
	struct tls_pair server; /* .client accepts as the server does */
	struct tls *accepting;
	struct buffer wire;
	struct link to_client;
	struct relay_out out;
	int peer;
};

static void on_data(struct link *link, struct bytes input)
{
	(void)link;
	(void)input;
}

static void on_status(struct link *link, int status)
{
	(void)link;
	(void)status;
}

static void on_nothing(struct link *link)
{
	(void)link;
}

static const struct link_events events = {on_data,    on_status,  on_nothing, on_status,
                                          on_nothing, on_nothing, on_nothing};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	struct worker *worker = &fixture->worker;
	int ends[2];
	settings_defaults(&fixture->settings);
	settings_defaults(&fixture->theirs);
	worker->workers = &fixture->workers;
	worker->settings = &fixture->settings;
	worker->parcel = parcel_new();
	worker->format = SETTINGS_FORMAT_JSON;
	assert_int_equal(uv_loop_init(&worker->loop), 0);
	assert_int_equal(uv_timer_init(&worker->loop, &worker->tick), 0);
	fixture->session.worker = worker;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(
	    link_init(&fixture->to_client, &worker->loop, LINK_UNIX, &worker->scratch, &events, &fixture->session), 0);
	assert_int_equal(uv_pipe_open(&fixture->to_client.uv.pipe, ends[0]), 0);
	fixture->peer = ends[1];
	fixture->out = (struct relay_out){.to = &fixture->to_client};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	struct worker *worker = &fixture->worker;
	link_close(&fixture->to_client);
	uv_close((uv_handle_t *)&worker->tick, NULL);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&worker->loop), 0);
	close(fixture->peer);
	tls_free(fixture->session.server.tls);
	tls_free(fixture->session.client.tls);
	tls_free(fixture->accepting);
	tls_pair_fini(&worker->tls);
	tls_pair_fini(&fixture->server);
	buffer_free(&worker->scratch.output);
	buffer_free(&fixture->wire);
	parcel_free(worker->parcel);
	free(fixture);
	return 0;
}

static void drive(struct tls *tls, struct buffer *from)
{
	uint8_t plain[256];
	size_t len;
	struct buffer input = *from;
	*from = (struct buffer){0};
	tls_feed(tls, (struct bytes){input.data, input.len});
	while (tls_read(tls, plain, sizeof plain, &len) == TLS_OPEN)
		;
	buffer_free(&input);
}

/* The server leg is TLS, and the server has shown this certificate. */
static void secure_server(struct fixture *fixture, const char *shown)
{
	struct buffer *output = &fixture->worker.scratch.output;
	char error[512] = "";
	certificates_use(&certificates_shared, &fixture->theirs.client_tls, SETTINGS_TLS_REQUIRE, shown);
	certificates_use(&certificates_shared, &fixture->settings.server_tls, SETTINGS_TLS_REQUIRE, "");
	if (!tls_pair_init(&fixture->server, &fixture->theirs, error, sizeof error) ||
	    !tls_pair_init(&fixture->worker.tls, &fixture->settings, error, sizeof error))
		fail_msg("%s", error);
	fixture->accepting = tls_new_server(fixture->server.client, &fixture->wire);
	fixture->session.server.tls = tls_new_client(fixture->worker.tls.server, "localhost", output);
	while (output->len > 0 || fixture->wire.len > 0) {
		drive(fixture->accepting, output);
		drive(fixture->session.server.tls, &fixture->wire);
	}
	assert_true(tls_is_open(fixture->session.server.tls));
}

/* Before secure_server: clients are offered TLS with this certificate. */
static void offer_client(struct fixture *fixture, const char *shown)
{
	certificates_use(&certificates_shared, &fixture->settings.client_tls, SETTINGS_TLS_REQUIRE, shown);
}

static void secure_client(struct fixture *fixture)
{
	fixture->session.client.tls = tls_new_server(fixture->worker.tls.client, &fixture->worker.scratch.output);
}

#define BODY(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static const struct bytes offer = BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
static const struct bytes plain_offer = BODY("\0\0\0\12SCRAM-SHA-256\0\0");
static const struct bytes login_ok = BODY("\0\0\0\0");
static const struct bytes binding_error = BODY("SFATAL\0VFATAL\0C28000\0Mchannel binding\0\0");
static const struct bytes password_error = BODY("SFATAL\0VFATAL\0C28P01\0Mpassword\0\0");

static size_t pass(struct fixture *fixture, uint8_t type, struct bytes body, uint8_t *got, size_t size)
{
	login_message(&fixture->session, &fixture->out, type, body);
	relay_out_flush(&fixture->out);
	ssize_t len = recv(fixture->peer, got, size, MSG_DONTWAIT);
	assert_true(len > 0);
	return (size_t)len;
}

static void expect(struct fixture *fixture, uint8_t type, struct bytes sent, struct bytes expected)
{
	uint8_t got[LIMIT_REPLY_PREFIX_BYTES + 64];
	size_t len = pass(fixture, type, sent, got, sizeof got);
	assert_int_equal(len, MESSAGE_HEADER_BYTES + expected.len);
	assert_int_equal(got[0], type);
	assert_int_equal(bytes_get_u32(got + 1), expected.len + 4);
	assert_memory_equal(got + MESSAGE_HEADER_BYTES, expected.data, expected.len);
}

/* -- cases -------------------------------------------------------------------------------------------------- */

static void test_wants_only_what_it_may_change(void **state)
{
	/* Authentication before the client is logged in, whole and over TLS; errors only after an offer to bind. */
	struct fixture *fixture = *state;
	struct session *session = &fixture->session;
	assert_false(login_wants(session, MESSAGE_AUTHENTICATION, 10));
	secure_server(fixture, "server");
	assert_true(login_wants(session, MESSAGE_AUTHENTICATION, LIMIT_REPLY_PREFIX_BYTES));
	assert_false(login_wants(session, MESSAGE_AUTHENTICATION, LIMIT_REPLY_PREFIX_BYTES + 1));
	assert_false(login_wants(session, MESSAGE_ERROR_RESPONSE, 10));
	assert_false(login_wants(session, MESSAGE_READY_FOR_QUERY, 10));
	session->binding_offered = true;
	assert_true(login_wants(session, MESSAGE_ERROR_RESPONSE, 10));
	assert_false(login_wants(session, MESSAGE_READY_FOR_QUERY, 10));
	session->ready_ns = 1;
	assert_false(login_wants(session, MESSAGE_AUTHENTICATION, 10));
	assert_false(login_wants(session, MESSAGE_ERROR_RESPONSE, 10));
}

static void test_a_client_in_the_clear_is_offered_no_binding(void **state)
{
	/* The offer to bind is taken out, the rest of it and every other request stay, and so do later errors. */
	struct fixture *fixture = *state;
	offer_client(fixture, "client");
	secure_server(fixture, "server");
	expect(fixture, MESSAGE_AUTHENTICATION, offer, plain_offer);
	assert_false(fixture->session.binding_offered);
	expect(fixture, MESSAGE_AUTHENTICATION, plain_offer, plain_offer);
	expect(fixture, MESSAGE_AUTHENTICATION, login_ok, login_ok);
	expect(fixture, MESSAGE_AUTHENTICATION, BODY(""), BODY(""));
}

static void test_what_is_added_stays_in_order(void **state)
{
	/* What was on its way goes out before the message, whole, though it lies where messages of our own are made. */
	struct fixture *fixture = *state;
	static const uint8_t types[] = {MESSAGE_AUTHENTICATION, MESSAGE_ERROR_RESPONSE};
	uint8_t got[2048];
	secure_server(fixture, "server");
	for (size_t at = 0; at < ARRAY_LEN(types); at++) {
		memcpy(fixture->worker.own, "before", 6);
		relay_out_add(&fixture->out, fixture->worker.own, 6);
		size_t len = pass(fixture, types[at], at == 0 ? offer : binding_error, got, sizeof got);
		assert_true(len > 6 + MESSAGE_HEADER_BYTES);
		assert_memory_equal(got, "before", 6);
		assert_int_equal(got[6], types[at]);
		assert_int_equal(bytes_get_u32(got + 7), len - 7);
	}
}

static void test_one_certificate_binds_through(void **state)
{
	/* With the server's certificate on both legs the offer stays, and no error is taken for ours. */
	struct fixture *fixture = *state;
	offer_client(fixture, "server");
	secure_server(fixture, "server");
	secure_client(fixture);
	expect(fixture, MESSAGE_AUTHENTICATION, offer, offer);
	assert_false(login_wants(&fixture->session, MESSAGE_ERROR_RESPONSE, 10));
}

static void test_a_refused_binding_is_explained(void **state)
{
	/* With two certificates the offer stays, and the server's 28000 becomes an error that says what helps. */
	struct fixture *fixture = *state;
	uint8_t got[2048] = "";
	offer_client(fixture, "client");
	secure_server(fixture, "server");
	secure_client(fixture);
	expect(fixture, MESSAGE_AUTHENTICATION, offer, offer);
	assert_true(login_wants(&fixture->session, MESSAGE_ERROR_RESPONSE, 10));
	size_t len = pass(fixture, MESSAGE_ERROR_RESPONSE, binding_error, got, sizeof got);
	assert_int_equal(got[0], MESSAGE_ERROR_RESPONSE);
	assert_int_equal(bytes_get_u32(got + 1), len - 1);
	assert_non_null(memmem(got, len, "VFATAL\0C28000", 14));
	assert_non_null(memmem(got, len, "channel_binding=disable", 23));
	assert_non_null(memmem(got, len, "client_tls_cert_file", 20));
}

static void test_other_errors_are_the_servers(void **state)
{
	/* A wrong password, an error without a code, and what comes once the log-in has succeeded, pass unchanged. */
	struct fixture *fixture = *state;
	offer_client(fixture, "client");
	secure_server(fixture, "server");
	secure_client(fixture);
	expect(fixture, MESSAGE_AUTHENTICATION, offer, offer);
	expect(fixture, MESSAGE_ERROR_RESPONSE, password_error, password_error);
	expect(fixture, MESSAGE_ERROR_RESPONSE, BODY("SFATAL\0\0"), BODY("SFATAL\0\0"));
	expect(fixture, MESSAGE_AUTHENTICATION, BODY("\0\0\0\13challenge"), BODY("\0\0\0\13challenge"));
	assert_true(login_wants(&fixture->session, MESSAGE_ERROR_RESPONSE, 10));
	expect(fixture, MESSAGE_AUTHENTICATION, login_ok, login_ok);
	assert_false(login_wants(&fixture->session, MESSAGE_ERROR_RESPONSE, 10));
}

static void test_two_certificates_are_told_once(void **state)
{
	/* One warning, however many sessions come. */
	struct fixture *fixture = *state;
	struct parcel *parcel = fixture->worker.parcel;
	offer_client(fixture, "client");
	secure_server(fixture, "server");
	login_check_binding(&fixture->session);
	size_t len = parcel->lines_len;
	assert_non_null(memmem(parcel->lines, len, "channel_binding=disable", 23));
	assert_non_null(memmem(parcel->lines, len, "\"warning\"", 9));
	login_check_binding(&fixture->session);
	assert_int_equal(parcel->lines_len, len);
}

static void test_what_binds_is_not_told(void **state)
{
	/* No warning with one certificate on both legs, nor while the server link is in the clear. */
	struct fixture *fixture = *state;
	offer_client(fixture, "server");
	secure_server(fixture, "server");
	login_check_binding(&fixture->session);
	assert_int_equal(fixture->worker.parcel->lines_len, 0);
	tls_free(fixture->session.server.tls);
	fixture->session.server.tls = NULL;
	login_check_binding(&fixture->session);
	assert_int_equal(fixture->worker.parcel->lines_len, 0);
}

static void test_clients_in_the_clear_are_not_told_of(void **state)
{
	/* No warning where clients are offered no TLS: there is nothing to bind to. */
	struct fixture *fixture = *state;
	secure_server(fixture, "server");
	login_check_binding(&fixture->session);
	assert_int_equal(fixture->worker.parcel->lines_len, 0);
}

static void test_log_ins_of_its_own_are_not_told_of(void **state)
{
	/* No warning with auth = terminate, which is a remedy that the warning names. */
	struct fixture *fixture = *state;
	assert_non_null(strstr(login_binding_advice, "auth = terminate"));
	fixture->settings.auth = SETTINGS_AUTH_TERMINATE;
	offer_client(fixture, "client");
	secure_server(fixture, "server");
	login_check_binding(&fixture->session);
	assert_int_equal(fixture->worker.parcel->lines_len, 0);
	fixture->settings.auth = SETTINGS_AUTH_RELAY;
	login_check_binding(&fixture->session);
	assert_true(fixture->worker.parcel->lines_len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CASE(test_wants_only_what_it_may_change),        CASE(test_a_client_in_the_clear_is_offered_no_binding),
	    CASE(test_what_is_added_stays_in_order),         CASE(test_one_certificate_binds_through),
	    CASE(test_a_refused_binding_is_explained),       CASE(test_other_errors_are_the_servers),
	    CASE(test_two_certificates_are_told_once),       CASE(test_what_binds_is_not_told),
	    CASE(test_clients_in_the_clear_are_not_told_of), CASE(test_log_ins_of_its_own_are_not_told_of),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
