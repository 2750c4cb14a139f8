#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/relay.h"
#include "tests/unit/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* One exchange with every kind of message in it. */
static void conversation(struct script *asked, struct script *answered)
{
	asked->len = answered->len = 0;
	script_add(asked, 'Q', "s", "SELECT 1; SELECT 'two'");
	script_add(answered, 'T', "hsihihih", 1, "?column?", 0, 0, 23, 4, -1, 0);
	script_add(answered, 'D', "hiS", 1, 1, "1");
	script_add(answered, 'C', "s", "SELECT 1");
	script_add(answered, 'N', "ssssb", "SNOTICE", "VNOTICE", "C00000", "Mhello", 0);
	script_add(answered, 'D', "hiS", 1, 3, "two");
	script_add(answered, 'C', "s", "SELECT 1");
	script_add(answered, 'Z', "b", 'I');
	script_add(asked, 'P', "ssh", "s1", "SELECT $1::int", 0);
	script_add(asked, 'B', "sshhiSh", "", "s1", 0, 1, 2, "42", 0);
	script_add(asked, 'D', "bs", 'P', "");
	script_add(asked, 'E', "si", "", 0);
	script_add(asked, 'C', "bs", 'S', "s1");
	script_add(asked, 'H', "");
	script_add(asked, 'S', "");
	script_add(answered, '1', "");
	script_add(answered, '2', "");
	script_add(answered, 'A', "iss", 99, "channel", "payload");
	script_add(answered, 'n', "");
	script_add(answered, 'D', "hiS", 1, 2, "42");
	script_add(answered, 'C', "s", "SELECT 1");
	script_add(answered, '3', "");
	script_add(answered, 'S', "ss", "application_name", "x");
	script_add(answered, 'Z', "b", 'I');
	script_add(asked, 'Q', "s", "COPY t FROM STDIN");
	script_add(asked, 'd', "S", "1\t2\n");
	script_add(asked, 'c', "");
	script_add(answered, 'G', "bhh", 0, 1, 0);
	script_add(answered, 'C', "s", "COPY 1");
	script_add(answered, 'Z', "b", 'I');
}

static void test_every_message_verbatim(void **state)
{
	/* All kinds of messages in one write, both ways: not one byte differs. */
	struct wire *wire = *state;
	static struct script asked, answered;
	conversation(&asked, &answered);
	wire_start(wire);
	wire_login(wire);
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
	wire_expect_silence(wire->client);
	wire_expect_silence(wire->server);
}

static void test_byte_by_byte(void **state)
{
	/* The same, every byte in a write of its own. */
	struct wire *wire = *state;
	static struct script asked, answered;
	conversation(&asked, &answered);
	wire_start(wire);
	wire_login(wire);
	for (size_t at = 0; at < asked.len; at++) {
		wire_send(wire->client, asked.bytes + at, 1);
		usleep(100);
	}
	script_expect(wire->server, &asked);
	for (size_t at = 0; at < answered.len; at++) {
		wire_send(wire->server, answered.bytes + at, 1);
		usleep(100);
	}
	script_expect(wire->client, &answered);
}

static void test_split_at_every_offset(void **state)
{
	/* The same, cut in two at every offset; the session goes on from one to the next, so nothing piles up. */
	struct wire *wire = *state;
	static struct script asked, answered;
	conversation(&asked, &answered);
	wire_start(wire);
	wire_login(wire);
	for (size_t cut = 1; cut < asked.len; cut++) {
		wire_send(wire->client, asked.bytes, cut);
		usleep(200);
		wire_send(wire->client, asked.bytes + cut, asked.len - cut);
		script_expect(wire->server, &asked);
		size_t answer_cut = 1 + cut % (answered.len - 1);
		wire_send(wire->server, answered.bytes, answer_cut);
		usleep(200);
		wire_send(wire->server, answered.bytes + answer_cut, answered.len - answer_cut);
		script_expect(wire->client, &answered);
	}
}

static void test_a_part_of_a_reply_is_not_held_back(void **state)
{
	/* A row that trickles in reaches the client as far as it has come. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0}, row = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_add(&row, 'D', "hiS", 1, 10, "0123456789");
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	wire_send(wire->server, row.bytes, 12);
	wire_expect(wire->client, row.bytes, 12);
	wire_send(wire->server, row.bytes + 12, row.len - 12);
	wire_expect(wire->client, row.bytes + 12, row.len - 12);
}

static void test_long_messages_stream(void **state)
{
	/* A Bind and a Query past their ceilings go through whole, and the session is followed afterwards. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	const uint8_t types[] = {'B', 'Q', 'P'};
	for (size_t at = 0; at < sizeof types; at++) {
		size_t body = LIMIT_INSPECT_BYTES + 300000;
		uint8_t *message = malloc(5 + body);
		message[0] = types[at];
		bytes_put_u32(message + 1, (uint32_t)body + 4);
		memset(message + 5, 'x', body);
		message[5 + body - 1] = 0;
		if (types[at] != 'Q')
			message[5] = message[6] = 0; /* unnamed portal and statement */
		size_t sent = 0, got = 0;
		fcntl(wire->client, F_SETFL, O_NONBLOCK);
		uint8_t *back = malloc(5 + body);
		while (got < 5 + body) {
			ssize_t count = sent < 5 + body ? write(wire->client, message + sent, 5 + body - sent) : 0;
			if (count > 0)
				sent += (size_t)count;
			fcntl(wire->server, F_SETFL, O_NONBLOCK);
			count = read(wire->server, back + got, 5 + body - got);
			if (count > 0)
				got += (size_t)count;
		}
		assert_memory_equal(back, message, 5 + body);
		free(message);
		free(back);
		fcntl(wire->client, F_SETFL, 0);
		fcntl(wire->server, F_SETFL, 0);
		struct script sync = {.len = 0}, failed = {.len = 0};
		script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C42601", "Mno", 0);
		script_add(&failed, 'Z', "b", 'I');
		if (types[at] != 'Q') {
			script_add(&sync, 'S', "");
			script_send(wire->client, &sync);
			script_expect(wire->server, &sync);
		}
		script_send(wire->server, &failed);
		script_expect(wire->client, &failed);
	}
	static struct script asked, answered;
	conversation(&asked, &answered);
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
}

static void test_a_slow_reader_stops_the_other_side(void **state)
{
	/* A client that does not read makes the server wait: only the water marks' worth is kept. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	static uint8_t row[5 + 60000];
	row[0] = 'D';
	bytes_put_u32(row + 1, sizeof row - 1);
	fcntl(wire->server, F_SETFL, O_NONBLOCK);
	size_t sent = 0;
	for (int idle = 0; idle < 200;) {
		ssize_t count = write(wire->server, row + sent % sizeof row, sizeof row - sent % sizeof row);
		if (count > 0) {
			sent += (size_t)count;
			idle = 0;
		} else {
			usleep(1000);
			idle++;
		}
		assert_true(sent < (size_t)16 * 1024 * 1024);
	}
	/* What the two sockets' own buffers hold comes on top. */
	assert_true(sent < LIMIT_QUEUE_HIGH_BYTES + (size_t)2 * 1024 * 1024);
	static uint8_t got[1 << 16];
	for (size_t received = 0; received < sent;) {
		ssize_t count = read(wire->client, got, sizeof got);
		assert_true(count > 0);
		received += (size_t)count;
	}
	fcntl(wire->server, F_SETFL, 0);
	wire_send(wire->server, row + sent % sizeof row, sizeof row - sent % sizeof row);
}

static void test_what_can_not_be_followed_goes_on_blind(void **state)
{
	/* A reply that fits nothing, and an impossible length: the bytes still pass both ways, and the log says so
	 * once. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script odd = {.len = 0};
	script_add(&odd, '2', "");
	script_add(&odd, 'Z', "b", 'I');
	script_send(wire->server, &odd);
	script_expect(wire->client, &odd);
	wire_send(wire->client, "anything at all", 15);
	wire_expect(wire->server, "anything at all", 15);
	wire_send(wire->server, "\0\1\2\3", 4);
	wire_expect(wire->client, "\0\1\2\3", 4);
	close(wire->client);
	close(wire->server);

	wire_login(wire);
	wire_send(wire->client, "Q\0\0\0\3rest", 9);
	wire_expect(wire->server, "Q\0\0\0\3rest", 9);
	close(wire->client);
	close(wire->server);
	wire->client = wire->server = -1;
	usleep(300000);
	char *log = wire_stop(wire);
	char *first = strstr(log, "\"event\":\"blind\"");
	assert_non_null(first);
	char *second = strstr(first + 1, "\"event\":\"blind\"");
	assert_non_null(second);
	assert_null(strstr(second + 1, "\"event\":\"blind\""));
	free(log);
	wire_init(wire);
}

static void test_blind_lets_go_of_what_was_held(void **state)
{
	/* A Query that was half here when the session went blind is passed on, not lost. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	struct script query = {.len = 0}, odd = {.len = 0};
	script_add(&query, 'Q', "s", "SELECT 1");
	script_add(&odd, '2', "");
	wire_send(wire->client, query.bytes, 8);
	wire_expect_silence(wire->server);
	script_send(wire->server, &odd);
	script_expect(wire->client, &odd);
	wire_expect(wire->server, query.bytes, 8);
	wire_send(wire->client, query.bytes + 8, query.len - 8);
	wire_expect(wire->server, query.bytes + 8, query.len - 8);
}

/* Sends `count` of a message without a body, in large writes. */
static void send_many(int fd, uint8_t type, size_t count)
{
	uint8_t *all = calloc(count, 5);
	for (size_t at = 0; at < count; at++) {
		all[at * 5] = type;
		all[at * 5 + 4] = 4;
	}
	wire_send(fd, all, count * 5);
	free(all);
}

static void *drain(void *context)
{
	const struct wire *wire = context;
	static uint8_t got[1 << 16];
	fcntl(wire->server, F_SETFL, 0);
	for (size_t left = 5 * (size_t)100000; left > 0;) {
		ssize_t count = read(wire->server, got, left < sizeof got ? left : sizeof got);
		if (count <= 0)
			return (void *)1;
		left -= (size_t)count;
	}
	return NULL;
}

static void test_what_is_never_answered_takes_no_place(void **state)
{
	/* A hundred thousand CopyDones without a COPY, which the server drops in silence: they don't stop the client
	 * from being read, as as many requests without an answer would. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, drain, wire), 0);
	send_many(wire->client, 'c', 100000);
	void *failed;
	assert_int_equal(pthread_join(reader, &failed), 0);
	assert_null(failed);
	static struct script asked, answered;
	conversation(&asked, &answered);
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
}

static void test_a_full_queue_of_requests_goes_blind(void **state)
{
	/* More Syncs than may be outstanding, and then a reply that fits none: the rest of them passes all the same,
	 * though no answer will ever be counted any more. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, drain, wire), 0);
	send_many(wire->client, 'S', 70000);
	struct script odd = {.len = 0};
	script_add(&odd, '2', "");
	script_send(wire->server, &odd);
	script_expect(wire->client, &odd);
	send_many(wire->client, 'S', 30000);
	void *failed;
	assert_int_equal(pthread_join(reader, &failed), 0);
	assert_null(failed);
}

static void test_blind_can_close(void **state)
{
	/* With on_blind = close nothing passes that was not followed. */
	struct wire *wire = *state;
	wire->settings.on_blind = SETTINGS_BLIND_CLOSE;
	wire_start(wire);
	wire_login(wire);
	struct script odd = {.len = 0};
	script_add(&odd, '2', "");
	script_send(wire->server, &odd);
	wire_expect(wire->client, odd.bytes, odd.len);
	wire_expect_end(wire->client);
	wire_expect_end(wire->server);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_every_message_verbatim),
	    CASE(test_byte_by_byte),
	    CASE(test_split_at_every_offset),
	    CASE(test_a_part_of_a_reply_is_not_held_back),
	    CASE(test_long_messages_stream),
	    CASE(test_a_slow_reader_stops_the_other_side),
	    CASE(test_what_can_not_be_followed_goes_on_blind),
	    CASE(test_blind_lets_go_of_what_was_held),
	    CASE(test_what_is_never_answered_takes_no_place),
	    CASE(test_a_full_queue_of_requests_goes_blind),
	    CASE(test_blind_can_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
