#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/link.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- fixture: a link on one end of a socket pair, plain reads and writes on the other ------------------- */

struct seen {
	uint8_t data[1 << 20];
	size_t len;
	int ends, end_status, drained, broken, sent, closed;
};

struct fixture {
	uv_loop_t loop;
	struct link_scratch scratch;
	struct link link;
	struct seen seen;
	int peer;
};

static void on_data(struct link *link, struct bytes input)
{
	struct seen *seen = &((struct fixture *)link->owner)->seen;
	assert_true(seen->len + input.len <= sizeof seen->data);
	memcpy(seen->data + seen->len, input.data, input.len);
	seen->len += input.len;
}

static void on_end(struct link *link, int status)
{
	struct seen *seen = &((struct fixture *)link->owner)->seen;
	seen->ends++;
	seen->end_status = status;
}

static void on_drained(struct link *link)
{
	((struct fixture *)link->owner)->seen.drained++;
}

static void on_broken(struct link *link, int status)
{
	assert_true(status < 0);
	((struct fixture *)link->owner)->seen.broken++;
}

static void on_sent(struct link *link)
{
	((struct fixture *)link->owner)->seen.sent++;
}

static void on_closed(struct link *link)
{
	((struct fixture *)link->owner)->seen.closed++;
}

static const struct link_events events = {on_data, on_end, on_drained, on_broken, on_sent, on_closed};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(link_init(&fixture->link, &fixture->loop, LINK_UNIX, &fixture->scratch, &events, fixture), 0);
	assert_int_equal(uv_pipe_open(&fixture->link.uv.pipe, ends[0]), 0);
	fixture->peer = ends[1];
	fcntl(fixture->peer, F_SETFL, O_NONBLOCK);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	link_close(&fixture->link);
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	assert_int_equal(fixture->seen.closed, 1);
	assert_true(link_gone(&fixture->link));
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	if (fixture->peer >= 0)
		close(fixture->peer);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int at = 0; at < 20; at++)
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void put(struct fixture *fixture, const void *data, size_t len)
{
	uv_buf_t piece = uv_buf_init((char *)data, (unsigned)len);
	link_write(&fixture->link, &piece, 1);
}

/* -- cases -------------------------------------------------------------------------------------------------- */

static void test_reads_only_when_told(void **state)
{
	/* Reading starts and stops on demand, and saying so twice changes nothing. */
	struct fixture *fixture = *state;
	assert_int_equal(write(fixture->peer, "abc", 3), 3);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 0);
	link_read(&fixture->link, true);
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 3);
	link_read(&fixture->link, false);
	link_read(&fixture->link, false);
	assert_int_equal(write(fixture->peer, "def", 3), 3);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 3);
}

static void test_tells_the_end_once(void **state)
{
	/* The peer's FIN is an end with status 0, told once, after everything it sent. */
	struct fixture *fixture = *state;
	assert_int_equal(write(fixture->peer, "abc", 3), 3);
	close(fixture->peer);
	fixture->peer = -1;
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 3);
	assert_int_equal(fixture->seen.ends, 1);
	assert_int_equal(fixture->seen.end_status, 0);
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.ends, 1);
}

static void test_queues_what_the_socket_does_not_take(void **state)
{
	/* More than the socket buffer holds is kept in order, above the high water mark the link is full, and
	 * when the peer has read enough it says so, once. */
	struct fixture *fixture = *state;
	static uint8_t data[LIMIT_QUEUE_HIGH_BYTES + 400 * 1024];
	for (size_t at = 0; at < sizeof data; at++)
		data[at] = (uint8_t)(at * 31 + at / 251);
	size_t put_bytes = 0;
	while (!link_full(&fixture->link) && put_bytes < sizeof data) {
		size_t len = sizeof data - put_bytes < LIMIT_READ_BYTES ? sizeof data - put_bytes : LIMIT_READ_BYTES;
		put(fixture, data + put_bytes, len);
		put_bytes += len;
	}
	assert_true(link_full(&fixture->link));
	assert_int_equal(fixture->seen.drained, 0);
	static uint8_t got[sizeof data];
	size_t got_bytes = 0;
	for (int rounds = 0; got_bytes < put_bytes && rounds < 10000; rounds++) {
		ssize_t count = read(fixture->peer, got + got_bytes, sizeof got - got_bytes);
		if (count > 0)
			got_bytes += (size_t)count;
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(got_bytes, put_bytes);
	assert_memory_equal(got, data, put_bytes);
	assert_int_equal(fixture->seen.drained, 1);
	assert_false(link_full(&fixture->link));
	assert_int_equal(fixture->link.queued.capacity, 0);
	assert_int_equal(fixture->link.sent.capacity, 0);
}

static void test_shuts_down_after_the_queue(void **state)
{
	/* FIN follows the last queued byte, never overtakes it, and what is written after it is dropped. */
	struct fixture *fixture = *state;
	static uint8_t data[600 * 1024];
	memset(data, 'x', sizeof data);
	put(fixture, data, 500 * 1024);
	link_shutdown(&fixture->link);
	link_shutdown(&fixture->link);
	put(fixture, "late", 4);
	size_t got = 0;
	bool ended = false;
	for (int rounds = 0; !ended && rounds < 10000; rounds++) {
		uint8_t piece[65536];
		ssize_t count = read(fixture->peer, piece, sizeof piece);
		if (count > 0)
			got += (size_t)count;
		ended = count == 0;
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	assert_true(ended);
	assert_int_equal(got, 500 * 1024);
	assert_int_equal(fixture->seen.sent, 1);
}

static void test_a_dead_peer_breaks_it_once(void **state)
{
	/* Writing to a peer that is gone is told once; further writes are dropped quietly. */
	struct fixture *fixture = *state;
	signal(SIGPIPE, SIG_IGN);
	close(fixture->peer);
	fixture->peer = -1;
	for (int at = 0; at < 3; at++) {
		put(fixture, "abc", 3);
		turn(fixture);
	}
	assert_int_equal(fixture->seen.broken, 1);
}

static void test_closing_twice_is_harmless(void **state)
{
	/* The close callback comes once, also with bytes still queued; nothing is written or read afterwards. */
	struct fixture *fixture = *state;
	static uint8_t data[300 * 1024];
	put(fixture, data, sizeof data);
	link_close(&fixture->link);
	link_close(&fixture->link);
	put(fixture, "abc", 3);
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.closed, 1);
	assert_int_equal(fixture->seen.len, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_reads_only_when_told),
	    CASE(test_tells_the_end_once),
	    CASE(test_queues_what_the_socket_does_not_take),
	    CASE(test_shuts_down_after_the_queue),
	    CASE(test_a_dead_peer_breaks_it_once),
	    CASE(test_closing_twice_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
