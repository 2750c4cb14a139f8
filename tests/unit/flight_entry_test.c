#include "protocol/flight.h"

#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* What an entry says when it is taken, and the queue's own bounds; flight_test.c has the order of replies. */

static struct flight_entry push(struct flight *flight, enum flight_kind kind, uint64_t name, uint64_t sent_ns)
{
	struct flight_entry entry = {.kind = kind, .name = name, .sent_ns = sent_ns};
	assert_true(flight_push(flight, &entry));
	return entry;
}

static void reply(struct flight *flight, uint8_t type, struct bytes body, uint64_t begin_ns, uint64_t end_ns)
{
	assert_int_equal(flight_reply_begin(flight, type, begin_ns), FLIGHT_FORWARD);
	flight_reply_end(flight, type, body, body.len + 5, end_ns);
}

static void assert_took(struct flight *flight, uint64_t sent_ns, uint64_t first_ns, uint64_t done_ns)
{
	struct flight_entry entry;
	assert_true(flight_take(flight, &entry));
	assert_int_equal(entry.sent_ns, sent_ns);
	assert_int_equal(entry.first_ns, first_ns);
	assert_int_equal(entry.done_ns, done_ns);
}

/* Times of a query alone: asked, first reply, ready; a notice is no reply. */
static void test_times_alone(void **state)
{
	(void)state;
	struct flight flight;
	flight_init(&flight);
	push(&flight, FLIGHT_QUERY, 0, 100);
	reply(&flight, 'N', LITERAL("\0"), 110, 111);
	reply(&flight, 'T', LITERAL(""), 150, 151);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 190, 191);
	reply(&flight, 'Z', LITERAL("I"), 200, 201);
	assert_took(&flight, 100, 150, 201);
	flight_fini(&flight);
}

/* Waiting in a pipeline is nobody's time: each begins when the server was done with the one before. */
static void test_times_in_a_pipeline(void **state)
{
	(void)state;
	struct flight flight;
	flight_init(&flight);
	push(&flight, FLIGHT_QUERY, 0, 100);
	push(&flight, FLIGHT_QUERY, 0, 101);
	push(&flight, FLIGHT_QUERY, 0, 450);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 290, 290);
	reply(&flight, 'Z', LITERAL("I"), 300, 300);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 390, 390);
	reply(&flight, 'Z', LITERAL("I"), 400, 400);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 490, 490);
	reply(&flight, 'Z', LITERAL("I"), 500, 500);
	assert_took(&flight, 100, 290, 300);
	assert_took(&flight, 300, 390, 400);
	assert_took(&flight, 450, 490, 500);
	flight_fini(&flight);
}

/* The server holds back ParseComplete and BindComplete and sends them with the rows: the time is the Execute's. */
static void test_times_of_held_replies(void **state)
{
	(void)state;
	struct flight flight;
	flight_init(&flight);
	push(&flight, FLIGHT_PARSE, 0, 100);
	push(&flight, FLIGHT_BIND, 0, 101);
	push(&flight, FLIGHT_EXECUTE, 0, 102);
	push(&flight, FLIGHT_SYNC, 0, 103);
	reply(&flight, '1', LITERAL(""), 900, 900);
	reply(&flight, '2', LITERAL(""), 901, 901);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 902, 903);
	reply(&flight, 'Z', LITERAL("I"), 904, 905);
	assert_took(&flight, 100, 900, 900);
	assert_took(&flight, 101, 901, 901);
	assert_took(&flight, 102, 902, 903);
	assert_took(&flight, 903, 904, 905);
	flight_fini(&flight);
}

/* Bytes are of all replies to an entry, headers included, and of no other's; commands count completions. */
static void test_bytes_and_commands(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	push(&flight, FLIGHT_QUERY, 0, 1);
	push(&flight, FLIGHT_QUERY, 0, 1);
	assert_int_equal(flight_reply_begin(&flight, 'D', 2), FLIGHT_FORWARD);
	flight_reply_end(&flight, 'D', LITERAL("prefix"), UINT64_C(0x1000000000), 3);
	reply(&flight, 'N', LITERAL("123456789\0"), 4, 4);
	reply(&flight, 'C', LITERAL("SELECT 1\0"), 5, 5);
	reply(&flight, 'C', LITERAL("INSERT 0 7\0"), 5, 5);
	reply(&flight, 'I', LITERAL(""), 5, 5);
	reply(&flight, 'Z', LITERAL("T"), 6, 6);
	assert_int_equal(flight.status, 'T');
	assert_true(flight_take(&flight, &entry));
	assert_true(entry.reply_bytes == UINT64_C(0x1000000000) + 14 + 16 + 5 + 6);
	assert_int_equal(entry.rows, 8);
	assert_int_equal(entry.commands, 3);
	reply(&flight, 'E', LITERAL("SERROR\0VERROR\0C42601\0\0"), 7, 7);
	reply(&flight, 'Z', LITERAL("E"), 8, 8);
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.reply_bytes, 27 + 6);
	assert_int_equal(entry.commands, 0);
	flight_fini(&flight);
}

/* Replies whose body says nothing readable still keep the order; an error without a code is one all the same, and an
 * unknown status leaves the last one standing. */
static void test_unreadable_bodies(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	push(&flight, FLIGHT_QUERY, 0, 1);
	reply(&flight, 'C', LITERAL("no terminator 5"), 2, 2);
	reply(&flight, 'Z', LITERAL("T"), 2, 2);
	push(&flight, FLIGHT_PARSE, 0, 3);
	push(&flight, FLIGHT_SYNC, 0, 3);
	reply(&flight, 'E', LITERAL(""), 4, 4);
	reply(&flight, 'Z', LITERAL("?"), 5, 5);
	assert_int_equal(flight.status, 'T');
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.outcome, FLIGHT_COMPLETED);
	assert_int_equal(entry.commands, 1);
	assert_int_equal(entry.rows, 0);
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.outcome, FLIGHT_FAILED);
	assert_string_equal(entry.sqlstate, "XX000");
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.kind, FLIGHT_SYNC);
	flight_fini(&flight);
}

/* An error that began while nothing was asked stays nobody's, though a query is sent before it has ended. */
static void test_request_inside_reply(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	assert_int_equal(flight_reply_begin(&flight, 'E', 1), FLIGHT_FORWARD);
	push(&flight, FLIGHT_QUERY, 0, 2);
	flight_reply_end(&flight, 'E', LITERAL("SFATAL\0VFATAL\0C57P01\0\0"), 28, 3);
	assert_true(flight_take_any(&flight, &entry));
	assert_string_equal(entry.sqlstate, "");
	assert_int_equal(entry.reply_bytes, 0);

	/* CopyInResponse has begun but not ended when the Sync is sent: the COPY ignores it all the same. */
	push(&flight, FLIGHT_EXECUTE, 0, 4);
	assert_int_equal(flight_reply_begin(&flight, 'G', 5), FLIGHT_FORWARD);
	push(&flight, FLIGHT_SYNC, 0, 6);
	flight_reply_end(&flight, 'G', LITERAL("\0\0\1\0\0"), 10, 7);
	push(&flight, FLIGHT_COPY_END, 0, 8);
	reply(&flight, 'C', LITERAL("COPY 1\0"), 9, 9);
	assert_true(flight_take(&flight, &entry));
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.kind, FLIGHT_SYNC);
	assert_int_equal(entry.outcome, FLIGHT_SKIPPED);
	assert_true(flight_take(&flight, &entry));
	assert_int_equal(entry.kind, FLIGHT_COPY_END);
	assert_true(flight_empty(&flight));
	flight_fini(&flight);
}

/* The newest unanswered request of that kind and name is found, and none that was answered, failed or skipped. */
static void test_pending(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry = {.kind = FLIGHT_PARSE, .name = 7, .sent_ns = 1};
	flight_init(&flight);
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 7));
	entry.statement = &entry;
	assert_true(flight_push(&flight, &entry));
	push(&flight, FLIGHT_BIND, 7, 2);
	push(&flight, FLIGHT_PARSE, 8, 3);
	assert_ptr_equal(flight_pending(&flight, FLIGHT_PARSE, 7)->statement, &entry);
	assert_int_equal(flight_pending(&flight, FLIGHT_BIND, 7)->sent_ns, 2);
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 9));
	assert_null(flight_pending(&flight, FLIGHT_CLOSE, 7));
	push(&flight, FLIGHT_PARSE, 7, 4);
	assert_int_equal(flight_pending(&flight, FLIGHT_PARSE, 7)->sent_ns, 4);

	reply(&flight, '1', LITERAL(""), 5, 5);
	assert_int_equal(flight_pending(&flight, FLIGHT_PARSE, 7)->sent_ns, 4);
	reply(&flight, 'E', LITERAL("SERROR\0VERROR\0C26000\0\0"), 6, 6);
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 7));
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 8));
	assert_null(flight_pending(&flight, FLIGHT_BIND, 7));
	while (flight_take_any(&flight, &entry)) {
	}
	flight_fini(&flight);
}

/* In a pipeline of thirty thousand the one unanswered Parse is found at each Bind, and none for the names that have
 * none, also where the entries' numbers wrap around and while entries leave. */
static void test_pending_in_a_long_pipeline(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	/* Numbers wrap around amid the pipeline. */
	flight.head = UINT32_MAX - 5000;
	push(&flight, FLIGHT_PARSE, 7, 1);
	for (uint64_t round = 0; round < 10000; round++) {
		assert_int_equal(flight_pending(&flight, FLIGHT_PARSE, 7)->sent_ns, 1);
		assert_null(flight_pending(&flight, FLIGHT_PARSE, 8));
		assert_null(flight_pending(&flight, FLIGHT_PARSE, 7 + FLIGHT_BUCKETS));
		push(&flight, FLIGHT_BIND, 0, 2 + round);
		assert_int_equal(flight_pending(&flight, FLIGHT_BIND, 0)->sent_ns, 2 + round);
		push(&flight, FLIGHT_EXECUTE, 0, 2 + round);
	}
	while (flight_take_any(&flight, &entry)) {
		if (entry.kind == FLIGHT_BIND && entry.sent_ns < 2 + 9999)
			assert_int_equal(flight_pending(&flight, FLIGHT_BIND, 0)->sent_ns, 2 + 9999);
	}
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 7));
	assert_null(flight_pending(&flight, FLIGHT_BIND, 0));
	flight_fini(&flight);
}

/* Taking all at a session's end gives every entry back in order, finished and not, also where later ones were
 * finished before the first. */
static void test_take_any(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	push(&flight, FLIGHT_PARSE, 1, 1);
	push(&flight, FLIGHT_EXECUTE, 2, 1);
	push(&flight, FLIGHT_SYNC, 3, 1);
	push(&flight, FLIGHT_COPY_END, 4, 1);
	push(&flight, FLIGHT_PARSE, 5, 1);
	reply(&flight, '1', LITERAL(""), 2, 2);
	reply(&flight, 'G', LITERAL("\0\0\0"), 3, 3);
	static const enum flight_outcome outcomes[] = {FLIGHT_COMPLETED, FLIGHT_PENDING, FLIGHT_SKIPPED,
	                                               FLIGHT_COMPLETED, FLIGHT_PENDING};
	for (size_t index = 0; index < ARRAY_LEN(outcomes); index++) {
		assert_true(flight_take_any(&flight, &entry));
		assert_int_equal(entry.name, index + 1);
		assert_int_equal(entry.outcome, outcomes[index]);
	}
	assert_false(flight_take_any(&flight, &entry));
	assert_null(flight_pending(&flight, FLIGHT_PARSE, 5));
	flight_fini(&flight);
}

/* The queue says full at its ceiling, still takes what one read may hold, keeps the order while it grows, and gives the
 * memory back when it is empty. */
static void test_full(void **state)
{
	(void)state;
	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	uint64_t pushed = 0, taken = 0;
	/* A few taken first, so that the ring has wrapped when it grows. */
	for (; pushed < 12; pushed++)
		push(&flight, FLIGHT_SYNC, pushed, 1);
	for (; taken < 9; taken++) {
		reply(&flight, 'Z', LITERAL("I"), 2, 2);
		assert_true(flight_take(&flight, &entry));
		assert_int_equal(entry.name, taken);
	}
	for (; flight.count < LIMIT_FLIGHT_REQUESTS; pushed++) {
		assert_false(flight_full(&flight));
		push(&flight, FLIGHT_SYNC, pushed, 1);
	}
	assert_true(flight_full(&flight));
	for (int further = 0; further < LIMIT_QUEUE_HIGH_BYTES / 5; further++, pushed++)
		push(&flight, FLIGHT_SYNC, pushed, 1);
	for (; taken < pushed; taken++) {
		reply(&flight, 'Z', LITERAL("I"), 2, 2);
		assert_true(flight_take(&flight, &entry));
		assert_int_equal(entry.name, taken);
	}
	assert_false(flight_full(&flight));
	assert_true(flight_empty(&flight));
	assert_null(flight.ring);
	/* And it works on. */
	push(&flight, FLIGHT_SYNC, 0, 3);
	reply(&flight, 'Z', LITERAL("I"), 4, 4);
	assert_true(flight_take(&flight, &entry));
	flight_fini(&flight);
}
/* Two courses that are never told apart keep their entries, up to a limit; and those can be given back. */
static void test_undecided(void **state)
{
	(void)state;
	struct flight flight;
	flight_init(&flight);
	push(&flight, FLIGHT_EXECUTE, 0, 1);
	push(&flight, FLIGHT_SYNC, 0, 1);
	push(&flight, FLIGHT_BIND, 0, 1);
	push(&flight, FLIGHT_SYNC, 0, 1);
	reply(&flight, 'G', LITERAL(""), 2, 2);
	reply(&flight, 'E', LITERAL("SERROR\0C22P02\0\0"), 2, 2);
	reply(&flight, 'Z', LITERAL("I"), 2, 2);
	uint32_t pushed = 4;
	struct flight_entry entry;
	enum flight_reply last = FLIGHT_FORWARD;
	while (last == FLIGHT_FORWARD) {
		push(&flight, FLIGHT_BIND, 0, 3);
		push(&flight, FLIGHT_SYNC, 0, 3);
		pushed += 2;
		assert_false(flight.settled);
		last = flight_reply_begin(&flight, '2', 4);
		if (last == FLIGHT_FORWARD) {
			flight_reply_end(&flight, '2', LITERAL(""), 5, 4);
			reply(&flight, 'Z', LITERAL("I"), 4, 4);
			assert_false(flight_take(&flight, &entry));
		}
	}
	assert_int_equal(last, FLIGHT_LOST);
	assert_true(pushed > LIMIT_FLIGHT_DOUBTFUL && pushed < LIMIT_FLIGHT_DOUBTFUL + 4);
	while (flight_take_any(&flight, &entry))
		pushed--;
	assert_int_equal(pushed, 0);
	flight_fini(&flight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times_alone),
	    cmocka_unit_test(test_times_in_a_pipeline),
	    cmocka_unit_test(test_times_of_held_replies),
	    cmocka_unit_test(test_bytes_and_commands),
	    cmocka_unit_test(test_unreadable_bodies),
	    cmocka_unit_test(test_request_inside_reply),
	    cmocka_unit_test(test_pending),
	    cmocka_unit_test(test_pending_in_a_long_pipeline),
	    cmocka_unit_test(test_take_any),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_undecided),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
