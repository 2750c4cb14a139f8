#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- fixture: a ring with many sides, each one end of a socket pair ------------------------------------------ */

enum { SIDES = 600 };

struct end {
	struct ring_side side;
	int peer;
	uint8_t got[256 * 1024], unsent[RING_STAGED_BYTES_MAX];
	size_t got_len, unsent_len;
	int received, woken, status, unsent_status, unsents;
	/* What on_received does with the side's own input, while the turn lasts. */
	bool answers, asks_again, staged;
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t timer; /* keeps the loop alive */
	struct ring *ring;
	struct end ends[SIDES];
	unsigned timers;
};

static struct fixture *fixture;

static void stage(struct end *end, const char *text)
{
	uv_buf_t pieces[2] = {uv_buf_init((char *)text, 1), uv_buf_init((char *)text + 1, (unsigned)strlen(text) - 1)};
	end->staged = ring_gathers(fixture->ring) && ring_stage(fixture->ring, &end->side, pieces, 2, strlen(text));
}

static void on_received(struct ring_side *side, struct bytes input, int status)
{
	struct end *end = (struct end *)side;
	end->received++;
	end->status = status;
	assert_true(ring_is_idle(side));
	assert_true(end->got_len + input.len <= sizeof end->got);
	if (input.len > 0)
		memcpy(end->got + end->got_len, input.data, input.len);
	end->got_len += input.len;
	if (end->answers)
		stage(end, "answer");
	if (end->asks_again && input.len > 0)
		ring_receive(fixture->ring, side);
}

static void on_woken(struct ring_side *side)
{
	((struct end *)side)->woken++;
}

static void on_unsent(struct ring_side *side, struct bytes rest, int status)
{
	struct end *end = (struct end *)side;
	end->unsents++;
	end->unsent_status = status;
	end->unsent_len = rest.len;
	memcpy(end->unsent, rest.data, rest.len);
	/* No turn: what is staged now would overwrite what others have not sent. */
	assert_false(ring_gathers(fixture->ring));
}

static const struct ring_events events = {on_received, on_woken, on_unsent};

static void on_timer(uv_timer_t *timer)
{
	(void)timer;
	fixture->timers++;
}

static int set_up(void **state)
{
	(void)state;
	char reason[64];
	fixture = calloc(1, sizeof *fixture);
	const struct rlimit files = {4096, 4096};
	(void)setrlimit(RLIMIT_NOFILE, &files);
	fixture->ring = ring_new(&events, reason, sizeof reason);
	if (!fixture->ring) {
		print_message("no io_uring here: %s\n", reason);
		return 0;
	}
	assert_int_equal(uv_loop_init(&fixture->loop), 0);
	assert_int_equal(uv_timer_init(&fixture->loop, &fixture->timer), 0);
	assert_int_equal(uv_timer_start(&fixture->timer, on_timer, 1000000, 0), 0);
	for (size_t at = 0; at < SIDES; at++) {
		int ends[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
		fixture->ends[at].side.fd = ends[0];
		fixture->ends[at].peer = ends[1];
	}
	return 0;
}

static void turns(int count)
{
	for (int at = 0; at < count; at++)
		assert_true(ring_turn(fixture->ring, &fixture->loop, false));
}

static int tear_down(void **state)
{
	(void)state;
	if (fixture->ring) {
		for (size_t at = 0; at < SIDES; at++) {
			ring_cancel(fixture->ring, &fixture->ends[at].side);
			close(fixture->ends[at].side.fd);
			if (fixture->ends[at].peer >= 0)
				close(fixture->ends[at].peer);
		}
		uv_close((uv_handle_t *)&fixture->timer, NULL);
		ring_run(fixture->ring, &fixture->loop);
		for (size_t at = 0; at < SIDES; at++)
			assert_true(ring_is_idle(&fixture->ends[at].side));
		assert_int_equal(uv_loop_close(&fixture->loop), 0);
		ring_free(fixture->ring);
	}
	free(fixture);
	return 0;
}

static void receive(size_t at)
{
	ring_receive(fixture->ring, &fixture->ends[at].side);
}

static void say(size_t at, const char *text)
{
	assert_int_equal(write(fixture->ends[at].peer, text, strlen(text)), strlen(text));
}

static void expect_said(size_t at, const char *text)
{
	char said[64];
	ssize_t count = read(fixture->ends[at].peer, said, sizeof said);
	assert_int_equal(count, strlen(text));
	assert_memory_equal(said, text, count);
}

#define NEEDS_RING() \
	do { \
		if (!fixture->ring) \
			skip(); \
	} while (0)

/* -- cases -------------------------------------------------------------------------------------------------- */

static void test_receives_once(void **state)
{
	/* One receive is one callback; what comes after it waits to be asked for. The end is nothing, with status 0. */
	(void)state;
	NEEDS_RING();
	struct end *end = &fixture->ends[0];
	receive(0);
	turns(3);
	assert_int_equal(end->received, 0);
	say(0, "abc");
	turns(3);
	assert_int_equal(end->received, 1);
	assert_int_equal(end->got_len, 3);
	say(0, "def");
	turns(3);
	assert_int_equal(end->received, 1);
	close(end->peer);
	end->peer = -1;
	receive(0);
	turns(3);
	assert_int_equal(end->received, 2);
	assert_memory_equal(end->got, "abcdef", 6);
	receive(0);
	turns(3);
	assert_int_equal(end->received, 3);
	assert_int_equal(end->got_len, 6);
	assert_int_equal(end->status, 0);
}

static void test_an_end_is_never_missed(void **state)
{
	/* It came with the last bytes, before anybody asked for those. */
	(void)state;
	NEEDS_RING();
	struct end *end = &fixture->ends[0];
	end->asks_again = true;
	say(0, "abc");
	close(end->peer);
	end->peer = -1;
	receive(0);
	turns(5);
	assert_int_equal(end->got_len, 3);
	assert_int_equal(end->received, 2);
	assert_int_equal(end->status, 0);
}

static void test_a_stream_comes_whole(void **state)
{
	/* Small buffers, then large ones: the same bytes. */
	(void)state;
	NEEDS_RING();
	struct end *end = &fixture->ends[0];
	int size = 1 << 20;
	static uint8_t much[200 * 1024];
	for (size_t at = 0; at < sizeof much; at++)
		much[at] = (uint8_t)(at * 31 + at / 251);
	assert_int_equal(setsockopt(end->peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	assert_int_equal(write(end->peer, much, sizeof much), sizeof much);
	end->asks_again = true;
	receive(0);
	turns(60);
	assert_int_equal(end->got_len, sizeof much);
	assert_memory_equal(end->got, much, sizeof much);
	assert_true(end->received < (int)sizeof much / 8192);
}

static void test_more_at_once_than_it_has_buffers(void **state)
{
	/* None is lost when all sides have something to receive; the kernel hands out some twenty completions a turn. */
	(void)state;
	NEEDS_RING();
	for (size_t at = 0; at < SIDES; at++) {
		receive(at);
		say(at, "abc");
	}
	turns(SIDES / 4);
	for (size_t at = 0; at < SIDES; at++) {
		assert_int_equal(fixture->ends[at].received, 1);
		assert_int_equal(fixture->ends[at].got_len, 3);
	}
}

static void test_gathers_when_several_have_received(void **state)
{
	/* What one says alone is not kept waiting; what two say is sent when the turn ends, in the order it was said. */
	(void)state;
	NEEDS_RING();
	struct end *ends = fixture->ends;
	for (size_t at = 0; at < 3; at++)
		ends[at].answers = true;
	receive(0);
	say(0, "abc");
	turns(2);
	assert_int_equal(ends[0].received, 1);
	assert_false(ends[0].staged);
	for (size_t at = 0; at < 3; at++) {
		receive(at);
		say(at, "abc");
	}
	turns(3);
	for (size_t at = 0; at < 3; at++) {
		assert_true(ends[at].staged);
		assert_int_equal(ends[at].side.staged, 0);
		assert_int_equal(ends[at].unsents, 0);
		expect_said(at, "answer");
	}
	assert_false(ring_gathers(fixture->ring));
}

static bool stage_text(struct end *end, const void *text, size_t len)
{
	uv_buf_t piece = uv_buf_init((char *)text, (unsigned)len);
	return ring_stage(fixture->ring, &end->side, &piece, 1, len);
}

static void test_stages_one_send_for_each(void **state)
{
	/* More of the same side joins what it said last; behind what another has said, or beyond what may be staged, it
	 * has to send first. What is taken back is not sent again. */
	(void)state;
	NEEDS_RING();
	struct end *ends = fixture->ends;
	static const uint8_t much[RING_STAGED_BYTES_MAX];
	assert_true(stage_text(&ends[0], "ab", 2));
	assert_true(stage_text(&ends[0], "cd", 2));
	assert_true(stage_text(&ends[1], "ef", 2));
	assert_false(stage_text(&ends[0], "gh", 2));
	assert_false(stage_text(&ends[1], much, sizeof much));
	struct bytes back = ring_unstage(fixture->ring, &ends[0].side);
	assert_int_equal(back.len, 4);
	assert_memory_equal(back.data, "abcd", 4);
	assert_int_equal(ring_unstage(fixture->ring, &ends[0].side).len, 0);
	assert_true(stage_text(&ends[0], "gh", 2));
	turns(2);
	expect_said(0, "gh");
	expect_said(1, "ef");
	size_t staged = 0;
	while (staged < SIDES && stage_text(&ends[staged], much, sizeof much))
		staged++;
	assert_in_range(staged, 10, SIDES - 1);
	turns(1);
	assert_true(stage_text(&ends[staged], "ij", 2));
	turns(1);
	expect_said(staged, "ij");
}

static void fill(int fd)
{
	static const uint8_t much[4096];
	while (write(fd, much, sizeof much) > 0)
		continue;
	while (write(fd, much, 1) > 0)
		continue;
}

static void test_tells_what_was_not_sent(void **state)
{
	/* A full socket takes nothing, a nearly full one a part, a dead one says so; the others' bytes are sent, and nobody
	 * waits for any of it. */
	(void)state;
	NEEDS_RING();
	struct end *ends = fixture->ends;
	static uint8_t text[RING_STAGED_BYTES_MAX];
	for (size_t at = 0; at < sizeof text; at++)
		text[at] = (uint8_t)(at * 31 + at / 251);
	fill(ends[0].side.fd);
	int size = 1;
	assert_int_equal(setsockopt(ends[1].side.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	shutdown(ends[2].side.fd, SHUT_WR);
	for (size_t at = 0; at < 4; at++)
		assert_true(stage_text(&ends[at], text, sizeof text));
	assert_true(ring_turn(fixture->ring, &fixture->loop, true));
	assert_int_equal(ends[0].unsents, 1);
	assert_int_equal(ends[0].unsent_status, UV_EAGAIN);
	assert_int_equal(ends[0].unsent_len, sizeof text);
	assert_memory_equal(ends[0].unsent, text, sizeof text);
	assert_int_equal(ends[1].unsents, 1);
	assert_int_equal(ends[1].unsent_status, UV_EAGAIN);
	assert_in_range(ends[1].unsent_len, 1, sizeof text - 1);
	size_t sent = sizeof text - ends[1].unsent_len;
	assert_memory_equal(ends[1].unsent, text + sent, ends[1].unsent_len);
	uint8_t got[sizeof text];
	assert_int_equal(read(ends[1].peer, got, sizeof got), sent);
	assert_memory_equal(got, text, sent);
	assert_int_equal(ends[2].unsents, 1);
	assert_int_equal(ends[2].unsent_status, UV_EPIPE);
	assert_int_equal(ends[3].unsents, 0);
	assert_int_equal(read(ends[3].peer, got, sizeof got), sizeof text);
}

static void test_cancels(void **state)
{
	/* Before the kernel knows of it, while it waits, and when it is over already: told once. After the descriptor is
	 * closed the peer sees the end. */
	(void)state;
	NEEDS_RING();
	struct end *ends = fixture->ends;
	char byte;
	receive(0);
	ring_cancel(fixture->ring, &ends[0].side);
	ring_cancel(fixture->ring, &ends[0].side);
	receive(1);
	turns(1);
	ring_cancel(fixture->ring, &ends[1].side);
	close(ends[1].side.fd);
	ends[1].side.fd = -1;
	ring_cancel(fixture->ring, &ends[2].side);
	assert_true(ring_is_idle(&ends[2].side));
	assert_false(ring_is_idle(&ends[1].side));
	turns(3);
	for (size_t at = 0; at < 2; at++) {
		assert_int_equal(ends[at].received, 1);
		assert_int_equal(ends[at].status, UV_ECANCELED);
		assert_true(ring_is_idle(&ends[at].side));
	}
	assert_int_equal(ends[2].received, 0);
	assert_int_equal(read(ends[1].peer, &byte, 1), 0);
}

static struct end *cancels, *cancelled;

static void on_received_cancels(struct ring_side *side, struct bytes input, int status)
{
	on_received(side, input, status);
	if ((struct end *)side == cancels)
		ring_cancel(fixture->ring, &cancelled->side);
}

static void test_cancels_what_came_in_the_same_turn(void **state)
{
	/* The one that is cancelled has received already, and is not told of it before it is off the list. */
	(void)state;
	NEEDS_RING();
	static const struct ring_events cancelling = {on_received_cancels, on_woken, on_unsent};
	char reason[64];
	ring_free(fixture->ring);
	fixture->ring = ring_new(&cancelling, reason, sizeof reason);
	assert_non_null(fixture->ring);
	for (int which = 0; which < 2; which++) {
		cancels = &fixture->ends[2 * which];
		cancelled = &fixture->ends[2 * which + 1];
		receive(which ? 3 : 0);
		receive(which ? 2 : 1);
		for (size_t at = 0; at < 2; at++)
			say((size_t)(2 * which) + at, "abc");
		turns(4);
		assert_int_equal(cancels->received, 1);
		assert_int_equal(cancelled->received, 1);
		assert_true(ring_is_idle(&cancelled->side));
	}
}

static void test_wakes(void **state)
{
	/* Within the next turn, and once. */
	(void)state;
	NEEDS_RING();
	ring_wake(fixture->ring, &fixture->ends[0].side);
	assert_int_equal(fixture->ends[0].woken, 0);
	assert_true(ring_turn(fixture->ring, &fixture->loop, true));
	turns(2);
	assert_int_equal(fixture->ends[0].woken, 1);
}

static void on_readable(uv_poll_t *poll, int status, int what)
{
	(void)status;
	(void)what;
	*(int *)poll->data += 1;
	uv_poll_stop(poll);
}

static void test_the_loop_lives_on(void **state)
{
	/* Its timers and its descriptors, also those that it is told of while receives are under way. */
	(void)state;
	NEEDS_RING();
	receive(0);
	turns(2);
	assert_int_equal(uv_timer_start(&fixture->timer, on_timer, 20, 0), 0);
	uint64_t begin = uv_hrtime();
	/* The first turn waits until it is due, the second serves it. */
	assert_true(ring_turn(fixture->ring, &fixture->loop, true));
	turns(1);
	assert_int_equal(fixture->timers, 1);
	assert_in_range((uv_hrtime() - begin) / 1000000, 15, 5000);
	assert_int_equal(uv_timer_start(&fixture->timer, on_timer, 1000000, 0), 0);
	uv_poll_t poll;
	int readable = 0;
	poll.data = &readable;
	assert_int_equal(uv_poll_init(&fixture->loop, &poll, fixture->ends[1].side.fd), 0);
	for (int at = 1; at <= 3; at++) {
		assert_int_equal(uv_poll_start(&poll, UV_READABLE, on_readable), 0);
		turns(2);
		say(1, "abc");
		turns(2);
		assert_int_equal(readable, at);
	}
	uv_close((uv_handle_t *)&poll, NULL);
	turns(2);
	assert_int_equal(fixture->timers, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_receives_once),
	    CASE(test_an_end_is_never_missed),
	    CASE(test_a_stream_comes_whole),
	    CASE(test_more_at_once_than_it_has_buffers),
	    CASE(test_gathers_when_several_have_received),
	    CASE(test_stages_one_send_for_each),
	    CASE(test_tells_what_was_not_sent),
	    CASE(test_cancels),
	    CASE(test_cancels_what_came_in_the_same_turn),
	    CASE(test_wakes),
	    CASE(test_the_loop_lives_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
