#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/handshake.h"
#include "proxy/login/trial.h"
#include "proxy/worker.h"
#include "tests/unit/certificates.h"
#include "tests/unit/wire.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* -- fixture: a session that has reached a socket of the test, and holds a start-up packet ----------------- */

struct fixture {
	struct settings settings;
	struct worker worker;
	struct session session;
	int server; /* the other end */
	int done, status, ended, closed;
};

static struct fixture *current;

static const char packet[] = "\0\0\0\x0e\0\3\0\0user\0\0";

static void on_data(struct link *link, struct bytes input)
{
	(void)link;
	(void)input;
	fail_msg("the session hears of data during the trial");
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

static const struct link_events events = {on_data, on_end, on_nothing, on_end, on_nothing, on_closed, on_nothing};

static void on_done(struct session *session, int status)
{
	assert_ptr_equal(session, &current->session);
	current->done++;
	current->status = status;
}

static void connect_link(struct fixture *fixture)
{
	int ends[2];
	wire_pair(ends);
	fixture->server = ends[1];
	fcntl(fixture->server, F_SETFL, O_NONBLOCK);
	struct link *link = &fixture->session.server;
	assert_int_equal(link_init(link, &fixture->worker.loop, LINK_TCP, &fixture->worker.scratch, &events,
	                           &fixture->session),
	                 0);
	assert_int_equal(uv_tcp_open(&link->uv.tcp, ends[0]), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char error[512] = "";
	settings_defaults(&fixture->settings);
	certificates_use(&certificates_shared, &fixture->settings.server_tls, SETTINGS_TLS_ALLOW, "");
	if (!tls_pair_init(&fixture->worker.tls, &fixture->settings, error, sizeof error))
		fail_msg("%s", error);
	assert_int_equal(uv_loop_init(&fixture->worker.loop), 0);
	fixture->worker.settings = &fixture->settings;
	fixture->session.worker = &fixture->worker;
	fixture->session.phase = SESSION_CONNECTING;
	buffer_put(&fixture->session.held, packet, sizeof packet - 1, 100);
	buffer_put(&fixture->session.held, "more", 4, 100);
	connect_link(fixture);
	*state = current = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	link_close(&fixture->session.server);
	uv_run(&fixture->worker.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fixture->worker.loop), 0);
	close(fixture->server);
	tls_pair_fini(&fixture->worker.tls);
	buffer_free(&fixture->session.held);
	buffer_free(&fixture->session.trial_answer);
	buffer_free(&fixture->worker.scratch.output);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int at = 0; at < 20; at++)
		uv_run(&fixture->worker.loop, UV_RUN_NOWAIT);
}

static void begin(struct fixture *fixture)
{
	uint8_t got[64];
	trial_begin(&fixture->session, on_done);
	turn(fixture);
	/* The packet, and nothing of what stands behind it. */
	assert_int_equal(read(fixture->server, got, sizeof got), sizeof packet - 1);
	assert_memory_equal(got, packet, sizeof packet - 1);
	assert_int_equal(fixture->done, 0);
}

/* Byte by byte; the trial may be over before the last. */
static void answer(struct fixture *fixture, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len && fixture->done == 0 && !fixture->session.trial_refused; at++) {
		assert_int_equal(write(fixture->server, bytes + at, 1), 1);
		turn(fixture);
	}
	turn(fixture);
}

#define ANSWER(fixture, text) answer(fixture, text, sizeof(text) - 1)

#define VERSION "v\0\0\0\x0c\0\3\0\0\0\0\0\0"
#define ERROR(sqlstate) "E\0\0\0\x15SFATAL\0C" sqlstate "\0M\0\0"

static void test_who_is_tried(void **state)
{
	/* Who logs in, once, under allow. */
	struct fixture *fixture = *state;
	struct session *session = &fixture->session;
	assert_true(trial_wanted(session));
	session->purpose = SESSION_REPLICATION;
	assert_true(trial_wanted(session));
	session->purpose = SESSION_CANCELLING;
	assert_false(trial_wanted(session));
	session->purpose = SESSION_MISFIT;
	assert_false(trial_wanted(session));
	session->purpose = SESSION_QUERIES;
	fixture->settings.server_tls.mode = SETTINGS_TLS_PREFER;
	assert_false(trial_wanted(session));
	fixture->settings.server_tls.mode = SETTINGS_TLS_ALLOW;
	session->trial_sent = true;
	assert_false(trial_wanted(session));
}

static void test_it_goes_on(void **state)
{
	/* A request for a password, another error: kept as it came, and the link is the session's again. */
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, VERSION "R\0\0\0\x08\0\0\0\3");
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->status, 0);
	assert_ptr_equal(fixture->session.server.events, &events);
	assert_int_equal(fixture->session.trial_answer.len, sizeof VERSION);
	assert_memory_equal(fixture->session.trial_answer.data, VERSION "R", sizeof VERSION);
	assert_false(fixture->session.trial_refused);
}

static void test_another_error(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, ERROR("53300"));
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->session.trial_answer.len, sizeof ERROR("53300") - 1);
	assert_false(fixture->session.trial_refused);
}

static void test_it_is_refused(void **state)
{
	/* The link is closed, and only then it is said; the next handshake asks for TLS, and takes no N for an answer. */
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, VERSION ERROR("28000"));
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->status, TRIAL_AGAIN);
	assert_true(fixture->session.trial_refused);
	assert_true(link_gone(&fixture->session.server));
	assert_int_equal(fixture->closed, 0);
	close(fixture->server);
	connect_link(fixture);
	assert_false(trial_wanted(&fixture->session));
	handshake_with_server(&fixture->session, on_done);
	turn(fixture);
	uint8_t got[64];
	assert_int_equal(read(fixture->server, got, sizeof got), sizeof handshake_ssl_request);
	assert_int_equal(write(fixture->server, "N", 1), 1);
	turn(fixture);
	assert_int_equal(fixture->done, 2);
	assert_int_equal(fixture->status, UV_EPROTO);
}

static void test_a_server_that_hangs_up(void **state)
{
	/* Nothing more comes: the trial is over, and what came is kept. */
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, "E\0");
	assert_int_equal(fixture->done, 0);
	shutdown(fixture->server, SHUT_WR);
	turn(fixture);
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->status, 0);
	assert_int_equal(fixture->session.trial_answer.len, 2);
	assert_true(fixture->session.server.ended);
	assert_int_equal(fixture->ended, 0);
}

static void test_lengths_that_are_none(void **state)
{
	/* A message that is too long to be either, or shorter than its own length word, decides at once. */
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, "E\0\0\0\0");
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->session.trial_answer.len, 5);
}

static void test_a_length_that_is_too_long(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture);
	ANSWER(fixture, "v\xff\xff\xff\xff");
	assert_int_equal(fixture->done, 1);
	assert_int_equal(fixture->session.trial_answer.len, 5);
}

static void test_a_session_that_closes_meanwhile(void **state)
{
	/* It hears of its link's close, and nothing of the trial, refused or not. */
	struct fixture *fixture = *state;
	begin(fixture);
	fixture->session.phase = SESSION_CLOSING;
	fixture->session.trial_refused = true;
	link_close(&fixture->session.server);
	turn(fixture);
	assert_int_equal(fixture->done, 0);
	assert_int_equal(fixture->closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CASE(test_who_is_tried),
	    CASE(test_it_goes_on),
	    CASE(test_another_error),
	    CASE(test_it_is_refused),
	    CASE(test_a_server_that_hangs_up),
	    CASE(test_lengths_that_are_none),
	    CASE(test_a_length_that_is_too_long),
	    CASE(test_a_session_that_closes_meanwhile),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
