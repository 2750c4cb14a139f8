#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/link.h"
#include "tests/unit/certificates.h"
#include "tests/unit/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- fixture: a link on one end of a socket pair, plain reads and writes on the other; through an io_uring as well */

struct seen {
	uint8_t data[1 << 20];
	size_t len;
	int ends, end_status, drained, broken, sent, closed, secure;
};

struct fixture {
	uv_loop_t loop;
	struct link_scratch scratch;
	struct link link;
	struct seen seen;
	int peer;
	/* The other end's TLS, where a case begins it; its plain text lands in `got`. */
	struct tls_pair pair;
	struct tls *tls;
	struct buffer output;
	uint8_t got[2 << 20];
	size_t got_len;
	enum tls_event last;
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

static void on_link_gone(struct link *link)
{
	(void)link;
}

static void on_secure(struct link *link)
{
	((struct fixture *)link->owner)->seen.secure++;
}

static const struct link_events events = {on_data, on_end, on_drained, on_broken, on_sent, on_closed, on_secure};

static int set_up_with(void **state, struct ring *ring)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	int ends[2];
	fixture->scratch.ring = ring;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(link_init(&fixture->link, &fixture->loop, LINK_UNIX, &fixture->scratch, &events, fixture), 0);
	assert_int_equal(uv_pipe_open(&fixture->link.uv.pipe, ends[0]), 0);
	fixture->peer = ends[1];
	fcntl(fixture->peer, F_SETFL, O_NONBLOCK);
	*state = fixture;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, NULL);
}

static int set_up_ring(void **state)
{
	char reason[64];
	struct ring *ring = ring_new(&link_ring_events, reason, sizeof reason);
	if (!ring)
		print_message("no io_uring here, so this is libuv's case again: %s\n", reason);
	return set_up_with(state, ring);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	link_close(&fixture->link);
	if (fixture->scratch.ring)
		ring_run(fixture->scratch.ring, &fixture->loop);
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	ring_free(fixture->scratch.ring);
	assert_int_equal(fixture->seen.closed, 1);
	assert_true(link_gone(&fixture->link));
	assert_int_equal(uv_loop_close(&fixture->loop), 0);
	if (fixture->peer >= 0)
		close(fixture->peer);
	tls_free(fixture->tls);
	tls_pair_fini(&fixture->pair);
	buffer_free(&fixture->output);
	buffer_free(&fixture->scratch.output);
	free(fixture);
	return 0;
}

static void one_turn(struct fixture *fixture)
{
	if (fixture->scratch.ring)
		(void)ring_turn(fixture->scratch.ring, &fixture->loop, false);
	else
		uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void turn(struct fixture *fixture)
{
	for (int at = 0; at < 20; at++)
		one_turn(fixture);
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
		one_turn(fixture);
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
		one_turn(fixture);
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

static void test_a_turn_is_short(void **state)
{
	/* However much there is to read, the loop comes to its other connections after one read; and all of it comes in
	 * the end. */
	struct fixture *fixture = *state;
	int size = 1 << 20;
	assert_int_equal(setsockopt(fixture->peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	static const uint8_t much[600 * 1024];
	ssize_t wrote = write(fixture->peer, much, sizeof much);
	assert_true(wrote > 2 * LIMIT_READ_BYTES);
	link_read(&fixture->link, true);
	for (int at = 0; at < 100; at++) {
		size_t before = fixture->seen.len;
		one_turn(fixture);
		assert_true(fixture->seen.len - before <= LIMIT_READ_BYTES);
	}
	assert_int_equal(fixture->seen.len, wrote);
	assert_int_equal(fixture->seen.ends, 0);
}

static void test_keepalive(void **state)
{
	/* Each option is set as it is said, is left to the system at 0, and all of them when keepalive is off. */
	(void)state;
	struct link_scratch scratch = {0};
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	static const struct settings_keepalive cases[] = {{true, 61, 7, 3}, {true, 0, 0, 0}, {false, 61, 7, 3}};
	static const int names[] = {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct link link;
		int usual[ARRAY_LEN(names)], value;
		socklen_t len = sizeof value;
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			assert_int_equal(getsockopt(fd, IPPROTO_TCP, names[i], &usual[i], &len), 0);
		assert_int_equal(
		    link_init(&link, &loop, LINK_TCP, &scratch, &(struct link_events){.on_closed = on_link_gone}, NULL),
		    0);
		assert_int_equal(uv_tcp_open(&link.uv.tcp, fd), 0);
		link_tune(&link, &cases[at]);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
		assert_int_equal(value, cases[at].on);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
		assert_int_not_equal(value, 0);
		const uint32_t wanted[] = {cases[at].idle_s, cases[at].interval_s, cases[at].probes};
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			assert_int_equal(getsockopt(fd, IPPROTO_TCP, names[i], &value, &len), 0);
			assert_int_equal(value, cases[at].on && wanted[i] > 0 ? (int)wanted[i] : usual[i]);
		}
		link_close(&link);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* A TCP connection, the other end in `peer`. */
static void connected(struct link *link, uv_loop_t *loop, struct link_scratch *scratch, int *peer)
{
	static const struct link_events gone_events = {.on_closed = on_link_gone};
	int ends[2];
	wire_pair(ends);
	*peer = ends[0];
	assert_int_equal(link_init(link, loop, LINK_TCP, scratch, &gone_events, NULL), 0);
	assert_int_equal(uv_tcp_open(&link->uv.tcp, ends[1]), 0);
}

static void test_reset(void **state)
{
	/* A reset can be seen without reading, an end can't, as there may be something to read before it; and it is
	 * passed on as what it is. */
	(void)state;
	struct link_scratch scratch = {0};
	uv_loop_t loop;
	struct link link;
	int peer;
	char byte;
	const struct linger none = {.l_onoff = 1};
	assert_int_equal(uv_loop_init(&loop), 0);
	for (int reset = 0; reset < 2; reset++) {
		connected(&link, &loop, &scratch, &peer);
		assert_int_equal(write(peer, "x", 1), 1);
		assert_false(link_is_reset(&link));
		if (reset)
			assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
		close(peer);
		usleep(10000);
		assert_int_equal(link_is_reset(&link), reset);
		link_close(&link);
		assert_false(link_is_reset(&link));
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	for (int reset = 0; reset < 2; reset++) {
		connected(&link, &loop, &scratch, &peer);
		if (reset)
			link_reset(&link);
		else
			link_close(&link);
		link_reset(&link); /* too late, and harmless */
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_int_equal(read(peer, &byte, 1), reset ? -1 : 0);
		if (reset)
			assert_int_equal(errno, ECONNRESET);
		close(peer);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* -- over TLS: the link accepts, the peer connects ------------------------------------------------------------ */

static void peer_send(struct fixture *fixture, size_t chunk)
{
	for (size_t at = 0; at < fixture->output.len; at += chunk) {
		size_t len = fixture->output.len - at < chunk ? fixture->output.len - at : chunk;
		assert_int_equal(write(fixture->peer, fixture->output.data + at, len), len);
		one_turn(fixture);
	}
	fixture->output.len = 0;
}

/* What the link has sent: 0 at its FIN, negative when there is nothing now. */
static ssize_t peer_receive(struct fixture *fixture)
{
	uint8_t piece[65536];
	ssize_t count = read(fixture->peer, piece, sizeof piece);
	if (count <= 0)
		return count;
	tls_feed(fixture->tls, (struct bytes){piece, (size_t)count});
	size_t len;
	do {
		fixture->last = tls_read(fixture->tls, fixture->got + fixture->got_len,
		                         sizeof fixture->got - fixture->got_len, &len);
		fixture->got_len += len;
	} while (fixture->last == TLS_DATA || fixture->last == TLS_OPEN);
	return count;
}

static void secure(struct fixture *fixture, size_t chunk)
{
	struct settings settings;
	char error[512];
	settings_defaults(&settings);
	certificates_use(&certificates_shared, &settings.client_tls, SETTINGS_TLS_REQUIRE, "server");
	certificates_use(&certificates_shared, &settings.server_tls, SETTINGS_TLS_VERIFY_FULL, "");
	assert_true(tls_pair_init(&fixture->pair, &settings, error, sizeof error));
	fixture->tls = tls_new_client(fixture->pair.server, "localhost", &fixture->output);
	link_secure(&fixture->link, tls_new_server(fixture->pair.client, &fixture->scratch.output),
	            (struct bytes){NULL, 0});
	link_read(&fixture->link, true);
	for (int rounds = 0; rounds < 5; rounds++) {
		peer_send(fixture, chunk);
		turn(fixture);
		(void)peer_receive(fixture);
	}
	assert_int_equal(fixture->seen.secure, 1);
	assert_true(tls_is_open(fixture->tls));
	assert_int_equal(fixture->seen.len, 0);
}

static void test_tls_carries_both_ways(void **state)
{
	/* However it is cut, what is written comes out, on both ends, and the pieces of one write share a record. */
	struct fixture *fixture = *state;
	secure(fixture, 100);
	assert_true(tls_write(fixture->tls, "question", 8));
	peer_send(fixture, 1);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 8);
	assert_memory_equal(fixture->seen.data, "question", 8);
	uv_buf_t pieces[] = {uv_buf_init("an", 2), uv_buf_init("", 0), uv_buf_init("swer", 4)};
	link_write(&fixture->link, pieces, 3);
	uint8_t record[100];
	assert_int_equal(recv(fixture->peer, record, sizeof record, MSG_PEEK), 6 + 22);
	assert_true(peer_receive(fixture) > 0);
	assert_int_equal(fixture->got_len, 6);
	assert_memory_equal(fixture->got, "answer", 6);
	assert_int_equal(fixture->scratch.output.len, 0);
}

static void test_tls_queues_and_ends(void **state)
{
	/* Back-pressure as in the clear: a queue, full, drained; then close_notify, then FIN, and nothing after them.
	 */
	struct fixture *fixture = *state;
	secure(fixture, SIZE_MAX / 2);
	static uint8_t data[1 << 20];
	for (size_t at = 0; at < sizeof data; at++)
		data[at] = (uint8_t)(at * 31 + at / 251);
	size_t put_bytes = 0;
	while (!link_full(&fixture->link) && put_bytes < sizeof data) {
		put(fixture, data + put_bytes, 50000);
		put_bytes += 50000;
	}
	assert_true(link_full(&fixture->link));
	assert_int_equal(fixture->seen.drained, 0);
	link_shutdown(&fixture->link);
	put(fixture, "late", 4);
	ssize_t count = -1;
	for (int rounds = 0; count != 0 && rounds < 10000; rounds++) {
		count = peer_receive(fixture);
		one_turn(fixture);
	}
	assert_int_equal(count, 0);
	assert_int_equal(fixture->last, TLS_END);
	assert_int_equal(fixture->got_len, put_bytes);
	assert_memory_equal(fixture->got, data, put_bytes);
	assert_int_equal(fixture->seen.drained, 1);
	assert_int_equal(fixture->seen.sent, 1);
}

static void test_tls_end_with_close_notify(void **state)
{
	/* The peer's close_notify is its end, told once, after what came with it. */
	struct fixture *fixture = *state;
	secure(fixture, SIZE_MAX / 2);
	assert_true(tls_write(fixture->tls, "last", 4));
	tls_shutdown(fixture->tls);
	peer_send(fixture, SIZE_MAX / 2);
	close(fixture->peer);
	fixture->peer = -1;
	turn(fixture);
	assert_int_equal(fixture->seen.len, 4);
	assert_int_equal(fixture->seen.ends, 1);
	assert_int_equal(fixture->seen.end_status, 0);
}

static void test_tls_end_without_close_notify(void **state)
{
	/* A FIN alone counts as well, also in the middle of a record. */
	struct fixture *fixture = *state;
	secure(fixture, SIZE_MAX / 2);
	assert_true(tls_write(fixture->tls, "last", 4));
	fixture->output.len -= 3;
	peer_send(fixture, SIZE_MAX / 2);
	close(fixture->peer);
	fixture->peer = -1;
	turn(fixture);
	assert_int_equal(fixture->seen.len, 0);
	assert_int_equal(fixture->seen.ends, 1);
	assert_int_equal(fixture->seen.end_status, 0);
	assert_string_equal(link_error(&fixture->link), "");
}

static void test_tls_garbage(void **state)
{
	/* A wrong record is an end with an error and a reason, once; the peer gets an alert; writing is over. */
	struct fixture *fixture = *state;
	secure(fixture, SIZE_MAX / 2);
	assert_true(tls_write(fixture->tls, "secret", 6));
	fixture->output.data[fixture->output.len - 1] ^= 1;
	peer_send(fixture, SIZE_MAX / 2);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 0);
	assert_int_equal(fixture->seen.ends, 1);
	assert_int_equal(fixture->seen.end_status, UV_EPROTO);
	assert_true(link_error(&fixture->link)[0] != '\0');
	assert_true(peer_receive(fixture) > 0);
	assert_int_equal(fixture->last, TLS_BROKEN);
	put(fixture, "more", 4);
	turn(fixture);
	assert_true(peer_receive(fixture) < 0);
}

static void test_tls_close_says_so(void **state)
{
	/* Closing at once still sends close_notify, when nothing is queued before it. */
	struct fixture *fixture = *state;
	secure(fixture, SIZE_MAX / 2);
	link_close(&fixture->link);
	turn(fixture);
	assert_true(peer_receive(fixture) > 0);
	assert_int_equal(fixture->last, TLS_END);
	assert_int_equal(peer_receive(fixture), 0);
}

static void test_what_comes_unasked_waits(void **state)
{
	/* A receive that was under way when reading stopped is told when it goes on, before what came later; so is an
	 * end, and a reset is known meanwhile. */
	struct fixture *fixture = *state;
	link_read(&fixture->link, true);
	turn(fixture);
	link_read(&fixture->link, false);
	assert_int_equal(write(fixture->peer, "abc", 3), 3);
	turn(fixture);
	assert_int_equal(write(fixture->peer, "def", 3), 3);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 0);
	link_read(&fixture->link, true);
	assert_int_equal(fixture->seen.len, 0);
	link_read(&fixture->link, false);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 0);
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.len, 6);
	assert_memory_equal(fixture->seen.data, "abcdef", 6);
	link_read(&fixture->link, false);
	close(fixture->peer);
	fixture->peer = -1;
	turn(fixture);
	assert_int_equal(fixture->seen.ends, 0);
	link_read(&fixture->link, true);
	turn(fixture);
	assert_int_equal(fixture->seen.ends, 1);
	assert_int_equal(fixture->seen.end_status, 0);
}

static void test_closes_while_it_reads(void **state)
{
	/* The peer sees the end although a receive was under way, and with bytes that nobody has read. */
	struct fixture *fixture = *state;
	char byte;
	link_read(&fixture->link, true);
	turn(fixture);
	link_read(&fixture->link, false);
	assert_int_equal(write(fixture->peer, "abc", 3), 3);
	turn(fixture);
	link_read(&fixture->link, true);
	link_close(&fixture->link);
	turn(fixture);
	assert_int_equal(fixture->seen.closed, 1);
	assert_int_equal(fixture->seen.len, 0);
	ssize_t count = read(fixture->peer, &byte, 1);
	assert_true(count == 0 || (count < 0 && errno == ECONNRESET));
}

/* Each with libuv alone, and through an io_uring. */
#define CASE(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down), \
	    { \
		    .name = #test "_ring", .test_func = test, .setup_func = set_up_ring, .teardown_func = tear_down \
	    }

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keepalive),
	    cmocka_unit_test(test_reset),
	    CASE(test_reads_only_when_told),
	    CASE(test_a_turn_is_short),
	    CASE(test_tells_the_end_once),
	    CASE(test_queues_what_the_socket_does_not_take),
	    CASE(test_shuts_down_after_the_queue),
	    CASE(test_a_dead_peer_breaks_it_once),
	    CASE(test_closing_twice_is_harmless),
	    CASE(test_what_comes_unasked_waits),
	    CASE(test_closes_while_it_reads),
	    CASE(test_tls_carries_both_ways),
	    CASE(test_tls_queues_and_ends),
	    CASE(test_tls_end_with_close_notify),
	    CASE(test_tls_end_without_close_notify),
	    CASE(test_tls_garbage),
	    CASE(test_tls_close_says_so),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
