#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/ask.h"
#include "tests/unit/wire.h"

#include <string.h>
#include <unistd.h>

/* -- fixture: CREATE INDEX and leading wildcards are rejected on the large table shop_product -------------- */

static void reject(struct wire *wire, const char *rule)
{
	struct settings_rule *setting = &wire->settings.rules[wire->settings.rule_count++];
	snprintf(setting->rule, sizeof setting->rule, "%s", rule);
	snprintf(setting->key, sizeof setting->key, "action");
	snprintf(setting->value, sizeof setting->value, "reject");
}

static int set_up(void **state)
{
	struct wire *wire = malloc(sizeof *wire);
	wire_init(wire);
	reject(wire, "index-build-blocks-writes");
	reject(wire, "leading-wildcard-unindexed");
	wire->settings.oversize = SETTINGS_OVERSIZE_REJECT;
	wire_start(wire);
	wire_login(wire);
	wire_publish_shop(wire);
	*state = wire;
	return 0;
}

static int tear_down(void **state)
{
	struct wire *wire = *state;
	free(wire_stop(wire));
	free(wire);
	return 0;
}

static const char create_index[] = "CREATE INDEX i ON shop_product (stock)";
static const char icontains[] = "SELECT id FROM shop_product WHERE UPPER(name::text) LIKE UPPER('%canary%')";

/* What the server is sent in place of a rejected statement must not hold a word of it. */
static void expect_replacement(struct wire *wire, uint8_t type)
{
	struct script message;
	assert_int_equal(wire_read_message(wire->server, &message), type);
	assert_null(memmem(message.bytes, message.len, "canary", 6));
	assert_null(memmem(message.bytes, message.len, "CREATE INDEX", 12));
}

static void server_refuses(struct wire *wire, uint8_t status)
{
	struct script error = {.len = 0};
	script_add(&error, 'E', "sssssb", "SERROR", "VERROR", "C42601", "Msyntax error at or near \"rejected\"", "P1",
	           0);
	if (status)
		script_add(&error, 'Z', "b", status);
	script_send(wire->server, &error);
}

/* Our own error: 42501, the rule's name, a hint; nothing of the server's text, and no literal. */
static void expect_rejection(struct wire *wire, const char *rule)
{
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	char text[128];
	snprintf(text, sizeof text, "Mpgproctor: %s: ", rule);
	assert_non_null(memmem(error.bytes, error.len, "SERROR\0VERROR\0C42501\0", 21));
	assert_non_null(memmem(error.bytes, error.len, text, strlen(text)));
	assert_non_null(memmem(error.bytes, error.len, "shop_product", 12));
	assert_null(memmem(error.bytes, error.len, "syntax error", 12));
	assert_null(memmem(error.bytes, error.len, "canary", 6));
}

static void expect_ready(struct wire *wire, uint8_t status)
{
	struct script ready;
	assert_int_equal(wire_read_message(wire->client, &ready), 'Z');
	assert_int_equal(ready.bytes[5], status);
}

static void query_passes(struct wire *wire, const char *sql, const char *tag, uint8_t status)
{
	struct script query = {.len = 0}, reply = {.len = 0};
	script_add(&query, 'Q', "s", sql);
	script_add(&reply, 'C', "s", tag);
	script_add(&reply, 'Z', "b", status);
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_send(wire->server, &reply);
	script_expect(wire->client, &reply);
}

/* -- cases --------------------------------------------------------------------------------------------------- */

static void test_rejects_a_query(void **state)
{
	/* The server is sent what it must refuse, the client reads our words, and the session lives on. */
	struct wire *wire = *state;
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", create_index);
	script_send(wire->client, &query);
	expect_replacement(wire, 'Q');
	server_refuses(wire, 'I');
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'I');
	query_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_the_safe_variant_passes(void **state)
{
	/* CONCURRENTLY is the remedy: it must go through untouched. */
	struct wire *wire = *state;
	query_passes(wire, "CREATE INDEX CONCURRENTLY i ON shop_product (stock)", "CREATE INDEX", 'I');
	query_passes(wire, "SELECT id FROM shop_product WHERE id = 7", "SELECT 1", 'I');
}

static void test_rejects_the_whole_of_a_multi_statement_query(void **state)
{
	/* One bad statement among several refuses the message: nothing of it may have run. */
	struct wire *wire = *state;
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s",
	           "UPDATE shop_product SET stock = 1 WHERE id = 1; CREATE INDEX i ON shop_product (stock)");
	script_send(wire->client, &query);
	expect_replacement(wire, 'Q');
	server_refuses(wire, 'I');
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'I');
}

static void test_in_a_transaction(void **state)
{
	/* The server's own ReadyForQuery says that the transaction has failed; what follows in it is forwarded as it
	 * is. */
	struct wire *wire = *state;
	query_passes(wire, "BEGIN", "BEGIN", 'T');
	struct script query = {.len = 0}, aborted = {.len = 0};
	script_add(&query, 'Q', "s", create_index);
	script_send(wire->client, &query);
	expect_replacement(wire, 'Q');
	server_refuses(wire, 'E');
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'E');
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_add(&aborted, 'E', "ssssb", "SERROR", "VERROR", "C25P02", "Mcurrent transaction is aborted", 0);
	script_add(&aborted, 'Z', "b", 'E');
	script_send(wire->server, &aborted);
	script_expect(wire->client, &aborted);
	query_passes(wire, "ROLLBACK", "ROLLBACK", 'I');
}

static void test_rejects_at_parse_in_a_pipeline(void **state)
{
	/* The second of three: the first's replies come first, then our error; the rest goes to the server, which
	 * discards it up to Sync. */
	struct wire *wire = *state;
	struct script first = {.len = 0}, bad = {.len = 0}, rest = {.len = 0}, replies = {.len = 0};
	script_add(&first, 'P', "ssh", "", "SELECT 1", 0);
	script_add(&first, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&first, 'E', "si", "", 0);
	script_add(&bad, 'P', "ssh", "named", create_index, 0);
	script_add(&rest, 'B', "sshhh", "", "named", 0, 0, 0);
	script_add(&rest, 'E', "si", "", 0);
	script_add(&rest, 'S', "");
	script_send(wire->client, &first);
	script_send(wire->client, &bad);
	script_send(wire->client, &rest);
	script_expect(wire->server, &first);
	struct script message;
	assert_int_equal(wire_read_message(wire->server, &message), 'P');
	assert_string_equal((const char *)message.bytes + 5, "named");
	assert_null(memmem(message.bytes, message.len, "CREATE INDEX", 12));
	script_expect(wire->server, &rest);
	script_add(&replies, '1', "");
	script_add(&replies, '2', "");
	script_add(&replies, 'C', "s", "SELECT 1");
	script_send(wire->server, &replies);
	server_refuses(wire, 'I');
	script_expect(wire->client, &replies);
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'I');
	query_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_rejects_a_parse_with_an_endless_name(void **state)
{
	/* PostgreSQL keeps 63 bytes of a name, and so does what is sent in the statement's place. */
	struct wire *wire = *state;
	static struct script bad, replaced;
	static char name[40000];
	memset(name, 'n', sizeof name - 1);
	bad.len = 0;
	script_add(&bad, 'P', "ssh", name, create_index, 0);
	script_add(&bad, 'S', "");
	script_send(wire->client, &bad);
	assert_int_equal(wire_read_message(wire->server, &replaced), 'P');
	assert_int_equal(strlen((const char *)replaced.bytes + 5), 63);
	assert_int_equal(wire_read_message(wire->server, &replaced), 'S');
	server_refuses(wire, 'I');
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'I');
}

static void parse(struct wire *wire, const char *name, const char *sql)
{
	struct script parse = {.len = 0}, complete = {.len = 0};
	script_add(&parse, 'P', "ssh", name, sql, 0);
	script_add(&parse, 'S', "");
	script_add(&complete, '1', "");
	script_add(&complete, 'Z', "b", 'I');
	script_send(wire->client, &parse);
	script_expect(wire->server, &parse);
	script_send(wire->server, &complete);
	script_expect(wire->client, &complete);
}

static void test_rejects_at_bind(void **state)
{
	/* Only the parameter tells a leading wildcard: '%canary%' is refused at Bind, 'canary%' of the same statement
	 * passes. */
	struct wire *wire = *state;
	parse(wire, "s1", "SELECT id FROM shop_product WHERE name LIKE $1");
	struct script bad = {.len = 0}, rest = {.len = 0}, good = {.len = 0}, replies = {.len = 0};
	script_add(&bad, 'B', "sshhiSh", "", "s1", 0, 1, 8, "%canary%", 0);
	script_add(&rest, 'E', "si", "", 0);
	script_add(&rest, 'S', "");
	script_send(wire->client, &bad);
	script_send(wire->client, &rest);
	expect_replacement(wire, 'B');
	script_expect(wire->server, &rest);
	server_refuses(wire, 'I');
	expect_rejection(wire, "leading-wildcard-unindexed");
	expect_ready(wire, 'I');

	script_add(&good, 'B', "sshhiSh", "", "s1", 0, 1, 7, "canary%", 0);
	script_add(&good, 'E', "si", "", 0);
	script_add(&good, 'S', "");
	script_add(&replies, '2', "");
	script_add(&replies, 'C', "s", "SELECT 0");
	script_add(&replies, 'Z', "b", 'I');
	script_send(wire->client, &good);
	script_expect(wire->server, &good);
	script_send(wire->server, &replies);
	script_expect(wire->client, &replies);
}

static void test_bind_right_behind_its_parse(void **state)
{
	/* The Bind of a statement whose ParseComplete has not come back yet is judged all the same. */
	struct wire *wire = *state;
	struct script ahead = {.len = 0}, bad = {.len = 0}, rest = {.len = 0}, complete = {.len = 0};
	script_add(&ahead, 'P', "ssh", "", "SELECT id FROM shop_product WHERE name LIKE $1", 0);
	script_add(&bad, 'B', "sshhiSh", "", "", 0, 1, 8, "%canary%", 0);
	script_add(&rest, 'E', "si", "", 0);
	script_add(&rest, 'S', "");
	script_send(wire->client, &ahead);
	script_send(wire->client, &bad);
	script_send(wire->client, &rest);
	script_expect(wire->server, &ahead);
	expect_replacement(wire, 'B');
	script_expect(wire->server, &rest);
	script_add(&complete, '1', "");
	script_send(wire->server, &complete);
	server_refuses(wire, 'I');
	script_expect(wire->client, &complete);
	expect_rejection(wire, "leading-wildcard-unindexed");
	expect_ready(wire, 'I');
}

static void test_rejection_behind_another_error(void **state)
{
	/* When an earlier message of the pipeline fails, the server discards the replacement: one error, the server's,
	 * and the next rejection is again told in the right place. */
	struct wire *wire = *state;
	struct script ahead = {.len = 0}, bad = {.len = 0}, sync = {.len = 0}, failed = {.len = 0};
	script_add(&ahead, 'P', "ssh", "", "SELECT nonsense", 0);
	script_add(&bad, 'P', "ssh", "", create_index, 0);
	script_add(&sync, 'S', "");
	script_send(wire->client, &ahead);
	script_send(wire->client, &bad);
	script_send(wire->client, &sync);
	script_expect(wire->server, &ahead);
	expect_replacement(wire, 'P');
	script_expect(wire->server, &sync);
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C42703", "Mcolumn does not exist", 0);
	script_add(&failed, 'Z', "b", 'I');
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	test_rejects_a_query(state);
}

static void test_a_fatal_error_is_not_ours_to_rewrite(void **state)
{
	/* The server shuts down just when it is asked for what we rejected: the client reads 57P01, not 42501, and the
	 * error comes through whole however it is cut, however long it is. */
	struct wire *wire = *state;
	static char message[3000];
	memset(message, 'M', sizeof message - 1);
	const size_t cuts[] = {0, 3, 5, 6, 12, 20, 1100};
	for (size_t at = 0; at < ARRAY_LEN(cuts); at++) {
		struct script query = {.len = 0}, fatal = {.len = 0};
		script_add(&query, 'Q', "s", create_index);
		script_send(wire->client, &query);
		expect_replacement(wire, 'Q');
		script_add(&fatal, 'E', "ssssb", "SFATAL", "VFATAL", "C57P01",
		           cuts[at] > 1000 ? message : "Mterminating connection", 0);
		wire_send(wire->server, fatal.bytes, cuts[at]);
		usleep(2000);
		wire_send(wire->server, fatal.bytes + cuts[at], fatal.len - cuts[at]);
		close(wire->server);
		script_expect(wire->client, &fatal);
		wire_expect_end(wire->client);
		close(wire->client);
		wire_login(wire);
	}
}

static void test_an_error_to_what_was_rejected_comes_in_pieces(void **state)
{
	/* Byte by byte, and longer than what is kept of it: still our words, once. */
	struct wire *wire = *state;
	static char text[3000];
	memset(text, 'M', sizeof text - 1);
	struct script query = {.len = 0}, error = {.len = 0};
	script_add(&query, 'Q', "s", create_index);
	script_send(wire->client, &query);
	expect_replacement(wire, 'Q');
	script_add(&error, 'E', "ssssb", "SERROR", "VERROR", "C42601", text, 0);
	script_add(&error, 'Z', "b", 'I');
	for (size_t at = 0; at < error.len; at += at < 40 ? 1 : 500)
		wire_send(wire->server, error.bytes + at, at < 40 ? 1 : error.len - at < 500 ? error.len - at : 500);
	expect_rejection(wire, "index-build-blocks-writes");
	expect_ready(wire, 'I');
	query_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_the_end_of_a_failed_transaction_is_no_shelter(void **state)
{
	/* After ROLLBACK in the same message the server runs what comes next, so it is judged; without one the server
	 * refuses by itself, and is asked. */
	struct wire *wire = *state;
	static const char *const harmful[] = {"ROLLBACK; CREATE INDEX i ON shop_product (stock)",
	                                      "COMMIT; CREATE INDEX i ON shop_product (stock)",
	                                      "ROLLBACK TO a; CREATE INDEX i ON shop_product (stock)"};
	query_passes(wire, "SELECT 1", "SELECT 1", 'E');
	for (size_t at = 0; at < ARRAY_LEN(harmful); at++) {
		struct script query = {.len = 0};
		script_add(&query, 'Q', "s", harmful[at]);
		script_send(wire->client, &query);
		expect_replacement(wire, 'Q');
		server_refuses(wire, 'E');
		expect_rejection(wire, "index-build-blocks-writes");
		expect_ready(wire, 'E');
	}
	query_passes(wire, "CREATE INDEX i ON shop_product (stock); ROLLBACK", "ROLLBACK", 'E');
}

static void test_a_name_behind_a_rejected_parse(void **state)
{
	/* The second Parse of s1 is rejected, so from the next Sync on s1 is still the first, and its Bind is judged;
	 * whether the first has been answered yet or not. */
	struct wire *wire = *state;
	static const char search[] = "SELECT id FROM shop_product WHERE name LIKE $1";
	for (int answered = 0; answered < 2; answered++) {
		struct script first = {.len = 0}, bad = {.len = 0}, sync = {.len = 0}, replies = {.len = 0};
		script_add(&sync, 'S', "");
		if (answered) {
			parse(wire, "s1", search);
		} else {
			script_add(&first, 'P', "ssh", "s1", search, 0);
			script_add(&first, 'S', "");
			script_add(&replies, '1', "");
			script_add(&replies, 'Z', "b", 'I');
			script_send(wire->client, &first);
			script_expect(wire->server, &first);
		}
		script_add(&bad, 'P', "ssh", "s1", create_index, 0);
		script_send(wire->client, &bad);
		script_send(wire->client, &sync);
		expect_replacement(wire, 'P');
		script_expect(wire->server, &sync);
		struct script bind = {.len = 0}, rest = {.len = 0};
		script_add(&bind, 'B', "sshhiSh", "", "s1", 0, 1, 8, "%canary%", 0);
		script_add(&rest, 'E', "si", "", 0);
		script_add(&rest, 'S', "");
		script_send(wire->client, &bind);
		script_send(wire->client, &rest);
		expect_replacement(wire, 'B');
		script_expect(wire->server, &rest);
		script_send(wire->server, &replies);
		server_refuses(wire, 'I');
		server_refuses(wire, 'I');
		script_expect(wire->client, &replies);
		expect_rejection(wire, "index-build-blocks-writes");
		expect_ready(wire, 'I');
		expect_rejection(wire, "leading-wildcard-unindexed");
		expect_ready(wire, 'I');

		struct script close = {.len = 0}, closed = {.len = 0};
		script_add(&close, 'C', "bs", 'S', "s1");
		script_add(&close, 'S', "");
		script_add(&closed, '3', "");
		script_add(&closed, 'Z', "b", 'I');
		script_send(wire->client, &close);
		script_expect(wire->server, &close);
		script_send(wire->server, &closed);
		script_expect(wire->client, &closed);
	}
}

static void test_in_doubt_it_is_judged(void **state)
{
	/* The Sync was sent before it was known that the COPY IN had failed: it may have been discarded with the COPY's
	 * data, or not. What comes next may run, so the harmful is not sent. */
	struct wire *wire = *state;
	struct script copy = {.len = 0}, sync = {.len = 0}, begun = {.len = 0}, failed = {.len = 0}, bad = {.len = 0};
	script_add(&copy, 'P', "ssh", "", "COPY shop_product FROM STDIN", 0);
	script_add(&copy, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&copy, 'E', "si", "", 0);
	script_add(&begun, '1', "");
	script_add(&begun, '2', "");
	script_add(&begun, 'G', "bhh", 0, 1, 0);
	script_send(wire->client, &copy);
	script_expect(wire->server, &copy);
	script_send(wire->server, &begun);
	script_expect(wire->client, &begun);
	script_add(&sync, 'S', "");
	script_send(wire->client, &sync);
	script_expect(wire->server, &sync);
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C22P02", "Mbad row", 0);
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	script_add(&bad, 'Q', "s", create_index);
	script_send(wire->client, &bad);
	expect_replacement(wire, 'Q');
	/* Had the COPY failed before it read the Sync, which takes a cancel or a timeout, there is an answer to what
	 * was taken as discarded: the session can't be followed, and says so. Nothing of the harmful has been sent. */
	struct script ready = {.len = 0};
	script_add(&ready, 'Z', "b", 'I');
	script_send(wire->server, &ready);
	script_expect(wire->client, &ready);
	struct script refused = {.len = 0};
	script_add(&refused, 'E', "sssb", "SERROR", "VERROR", "C42703", 0);
	script_add(&refused, 'Z', "b", 'I');
	script_send(wire->server, &refused);
	script_expect(wire->client, &refused);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "\"event\":\"blind\""));
	free(log);
	wire_init(wire);
}

static void test_prepared_ddl_is_judged_whenever_it_is_bound(void **state)
{
	/* CREATE INDEX was harmless when it was prepared, on a table made in the same transaction. Bound later it is
	 * refused, also by a Bind with more bytes than are held, of which the rest then goes nowhere. */
	struct wire *wire = *state;
	query_passes(wire, "BEGIN", "BEGIN", 'T');
	query_passes(wire, "DROP TABLE IF EXISTS other; CREATE TABLE shop_product (stock int)", "CREATE TABLE", 'T');
	struct script ahead = {.len = 0}, complete = {.len = 0};
	script_add(&ahead, 'P', "ssh", "s1", create_index, 0);
	script_add(&ahead, 'S', "");
	script_add(&complete, '1', "");
	script_add(&complete, 'Z', "b", 'T');
	script_send(wire->client, &ahead);
	script_expect(wire->server, &ahead);
	script_send(wire->server, &complete);
	script_expect(wire->client, &complete);
	query_passes(wire, "ROLLBACK", "ROLLBACK", 'I');

	const size_t bodies[] = {4 + 6, 200 << 10};
	for (size_t at = 0; at < ARRAY_LEN(bodies); at++) {
		const size_t body = bodies[at];
		uint8_t *message = calloc(1, 5 + body);
		message[0] = 'B';
		bytes_put_u32(message + 1, (uint32_t)body + 4);
		memcpy(message + 5, "\0s1\0", 4);
		wire_send(wire->client, message, 5 + body);
		free(message);
		struct script rest = {.len = 0};
		script_add(&rest, 'E', "si", "", 0);
		script_add(&rest, 'S', "");
		script_send(wire->client, &rest);
		expect_replacement(wire, 'B');
		script_expect(wire->server, &rest);
		server_refuses(wire, 'I');
		expect_rejection(wire, "index-build-blocks-writes");
		expect_ready(wire, 'I');
	}
}

static void test_oversize_while_the_server_discards(void **state)
{
	/* A Query too long to be judged, sent where the server discards it anyway, is streamed and leaves no words
	 * behind: the next rejection is told in its own. */
	struct wire *wire = *state;
	struct script ahead = {.len = 0}, failed = {.len = 0}, sync = {.len = 0}, ready = {.len = 0};
	script_add(&ahead, 'P', "ssh", "", "SELECT nonsense", 0);
	script_add(&ahead, 'H', "");
	script_send(wire->client, &ahead);
	script_expect(wire->server, &ahead);
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C42703", "Mcolumn does not exist", 0);
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	const size_t body = LIMIT_INSPECT_BYTES + 1;
	uint8_t *message = malloc(5 + body);
	message[0] = 'Q';
	bytes_put_u32(message + 1, (uint32_t)body + 4);
	memset(message + 5, 'x', body);
	for (size_t at = 0; at < 5 + body;) {
		size_t piece = 5 + body - at < 30000 ? 5 + body - at : 30000;
		wire_send(wire->client, message + at, piece);
		wire_expect(wire->server, message + at, piece);
		at += piece;
	}
	free(message);
	script_add(&sync, 'S', "");
	script_add(&ready, 'Z', "b", 'I');
	script_send(wire->client, &sync);
	script_expect(wire->server, &sync);
	script_send(wire->server, &ready);
	script_expect(wire->client, &ready);
	test_rejects_a_query(state);
}

static void test_bytes_behind_the_text(void **state)
{
	/* The server refuses such a Query before it reads the text (pq_getmsgend): it is asked, in the client's own
	 * bytes, whatever stands on either side of the zero. */
	struct wire *wire = *state;
	struct script query = {.len = 0}, failed = {.len = 0};
	script_add(&query, 'Q', "ss", "SELECT 1", create_index);
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C08P01", "Minvalid message format", 0);
	script_add(&failed, 'Z', "b", 'I');
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	test_rejects_a_query(state);
}

/* Harmful where a backslash quotes, and where it does not. */
static const char harmful_off[] = "SELECT 'a\\', '; CREATE INDEX i ON shop_product (stock); --'";
static const char harmful_on[] = "SELECT 'a\\'; CREATE INDEX i ON shop_product (stock); --'";

/* Sent at once, or in pieces that end anywhere. */
static void send_cut(int fd, const struct script *script, size_t piece)
{
	for (size_t at = 0; at < script->len; at += piece) {
		wire_send(fd, script->bytes + at, script->len - at < piece ? script->len - at : piece);
		if (piece < script->len)
			usleep(300);
	}
}

static void server_sets(struct wire *wire, const char *value)
{
	struct script reply = {.len = 0};
	script_add(&reply, 'C', "s", "SET");
	script_add(&reply, 'S', "ss", "standard_conforming_strings", value);
	script_add(&reply, 'Z', "b", 'I');
	script_send(wire->server, &reply);
	script_expect(wire->client, &reply);
}

static void test_a_set_under_way(void **state)
{
	/* Behind a SET that has not been answered a text is judged by both of its readings, whichever is the current
	 * one, however the bytes come. */
	struct wire *wire = *state;
	static const size_t pieces[] = {SIZE_MAX, 1, 7, 53};
	const char *value = "off";
	for (size_t at = 0; at < 2 * ARRAY_LEN(pieces); at++) {
		struct script set = {.len = 0}, both = {.len = 0};
		char sql[64];
		snprintf(sql, sizeof sql, "SET standard_conforming_strings = %s", value);
		script_add(&set, 'Q', "s", sql);
		both = set;
		script_add(&both, 'Q', "s", strcmp(value, "off") == 0 ? harmful_off : harmful_on);
		send_cut(wire->client, &both, pieces[at / 2]);
		script_expect(wire->server, &set);
		expect_replacement(wire, 'Q');
		server_sets(wire, value);
		server_refuses(wire, 'I');
		expect_rejection(wire, "index-build-blocks-writes");
		expect_ready(wire, 'I');
		/* Settled again, the harmless reading is the only one. */
		query_passes(wire, strcmp(value, "off") == 0 ? harmful_on : harmful_off, "SELECT 1", 'I');
		value = strcmp(value, "off") == 0 ? "on" : "off";
	}
}

static void test_a_setting_is_only_reported_with_ready(void **state)
{
	/* All of it is answered, but without a Sync there is no ReadyForQuery, and before that no ParameterStatus: the
	 * next Parse is read in both ways, without waiting for anything. */
	struct wire *wire = *state;
	struct script set = {.len = 0}, replies = {.len = 0}, next = {.len = 0};
	script_add(&set, 'P', "ssh", "", "SET standard_conforming_strings = off", 0);
	script_add(&set, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&set, 'E', "si", "", 0);
	script_add(&set, 'H', "");
	script_send(wire->client, &set);
	script_expect(wire->server, &set);
	script_add(&replies, '1', "");
	script_add(&replies, '2', "");
	script_add(&replies, 'C', "s", "SET");
	script_send(wire->server, &replies);
	script_expect(wire->client, &replies);
	script_add(&next, 'P', "ssh", "", harmful_off, 0);
	script_add(&next, 'H', "");
	script_send(wire->client, &next);
	expect_replacement(wire, 'P');
	struct script flush = {.len = 0};
	script_add(&flush, 'H', "");
	script_expect(wire->server, &flush);
	server_refuses(wire, 0);
	expect_rejection(wire, "index-build-blocks-writes");
}

static void test_rolled_back_without_ready(void **state)
{
	/* A ROLLBACK has been answered, but the last ReadyForQuery still says that the transaction has failed: what
	 * comes next will run. */
	struct wire *wire = *state;
	struct script end = {.len = 0}, replies = {.len = 0}, next = {.len = 0};
	query_passes(wire, "SELECT 1/0", "SELECT 1", 'E');
	script_add(&end, 'P', "ssh", "", "ROLLBACK", 0);
	script_add(&end, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&end, 'E', "si", "", 0);
	script_add(&end, 'H', "");
	script_send(wire->client, &end);
	script_expect(wire->server, &end);
	script_add(&replies, '1', "");
	script_add(&replies, '2', "");
	script_add(&replies, 'C', "s", "ROLLBACK");
	script_send(wire->server, &replies);
	script_expect(wire->client, &replies);
	script_add(&next, 'P', "ssh", "", create_index, 0);
	script_send(wire->client, &next);
	expect_replacement(wire, 'P');
}

static void test_a_name_that_is_taken(void **state)
{
	/* The second Parse of a name fails, so behind the next Sync the name is what it was; and until the failure has
	 * come back it may be either. */
	struct wire *wire = *state;
	struct script pipeline = {.len = 0}, bad = {.len = 0};
	parse(wire, "taken", "SELECT id FROM shop_product WHERE name LIKE $1");
	script_add(&pipeline, 'P', "ssh", "taken", "SELECT 1", 0);
	script_add(&pipeline, 'S', "");
	for (int more = 0; more < 20; more++) {
		char sql[64];
		snprintf(sql, sizeof sql, "SELECT %d, t%d", more, more);
		script_add(&pipeline, 'P', "ssh", "taken", sql, 0);
		script_add(&pipeline, 'S', "");
	}
	script_add(&bad, 'B', "sshhiSh", "", "taken", 0, 1, 8, "%canary%", 0);
	script_send(wire->client, &pipeline);
	script_send(wire->client, &bad);
	script_expect(wire->server, &pipeline);
	expect_replacement(wire, 'B');
}

static void test_a_name_without_a_sync(void **state)
{
	/* Without a Sync between them the Bind is only reached when the Parse was good. */
	struct wire *wire = *state;
	struct script pipeline = {.len = 0};
	parse(wire, "s", "SELECT id FROM shop_product WHERE name LIKE $1");
	script_add(&pipeline, 'C', "bs", 'S', "s");
	script_add(&pipeline, 'P', "ssh", "s", "SELECT 1 WHERE $1 <> ''", 0);
	script_add(&pipeline, 'B', "sshhiSh", "", "s", 0, 1, 8, "%canary%", 0);
	script_send(wire->client, &pipeline);
	script_expect(wire->server, &pipeline);
}

static void test_many_rejections_in_a_row(void **state)
{
	/* A thousand rejected Queries in one write, answered in one: all are told, in order, and the client is slowed
	 * down rather than hoarded for. */
	struct wire *wire = *state;
	enum { QUERIES = 1000 };
	static struct script queries, replaced;
	queries.len = 0;
	for (unsigned at = 0; at < QUERIES; at++)
		script_add(&queries, 'Q', "s", create_index);
	script_send(wire->client, &queries);
	for (unsigned answered = 0; answered < QUERIES;) {
		unsigned came = 0;
		while (came + answered < QUERIES && came < LIMIT_REJECTIONS) {
			assert_int_equal(wire_read_message(wire->server, &replaced), 'Q');
			came++;
		}
		for (unsigned at = 0; at < came; at++)
			server_refuses(wire, 'I');
		for (unsigned at = 0; at < came; at++) {
			expect_rejection(wire, "index-build-blocks-writes");
			expect_ready(wire, 'I');
		}
		answered += came;
	}
	query_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_oversize_can_be_refused(void **state)
{
	/* With oversize = reject a Query too long to be judged never reaches the server, and the next one does. */
	struct wire *wire = *state;
	const size_t body = (2 << 20);
	uint8_t *message = malloc(5 + body);
	message[0] = 'Q';
	bytes_put_u32(message + 1, (uint32_t)body + 4);
	memset(message + 5, 'x', body);
	message[5 + body - 1] = 0;
	wire_send(wire->client, message, 5 + body);
	free(message);
	struct script replaced;
	assert_int_equal(wire_read_message(wire->server, &replaced), 'Q');
	assert_true(replaced.len < 200);
	server_refuses(wire, 'I');
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	assert_non_null(memmem(error.bytes, error.len, "oversize", 8));
	expect_ready(wire, 'I');
	query_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_findings_are_logged_once_and_counted(void **state)
{
	/* Three rejections of the same shape: one line at first sight, then one at the end of the interval with the
	 * count; no literal in either. */
	struct wire *wire = *state;
	for (int at = 0; at < 3; at++) {
		struct script query = {.len = 0};
		script_add(&query, 'Q', "s", icontains);
		script_send(wire->client, &query);
		expect_replacement(wire, 'Q');
		server_refuses(wire, 'I');
		expect_rejection(wire, "leading-wildcard-unindexed");
		expect_ready(wire, 'I');
	}
	char *log = wire_stop(wire);
	unsigned lines = 0;
	for (char *at = log; (at = strstr(at, "\"rule\":\"leading-wildcard-unindexed\"")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 2);
	assert_non_null(strstr(log, "\"count\":3"));
	assert_non_null(strstr(log, "\"action\":\"rejected\""));
	assert_non_null(strstr(log, "\"rejected\":3"));
	char *stats = strstr(log, "\"event\":\"stats\"");
	assert_non_null(stats);
	assert_null(strstr(stats + 1, "\"event\":\"stats\""));
	assert_non_null(strstr(stats, "\"rejected\":3"));
	assert_null(strstr(log, "canary"));
	free(log);
	wire_init(wire);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_rejects_a_query),
	    CASE(test_the_safe_variant_passes),
	    CASE(test_rejects_the_whole_of_a_multi_statement_query),
	    CASE(test_in_a_transaction),
	    CASE(test_rejects_at_parse_in_a_pipeline),
	    CASE(test_rejects_a_parse_with_an_endless_name),
	    CASE(test_rejects_at_bind),
	    CASE(test_bind_right_behind_its_parse),
	    CASE(test_rejection_behind_another_error),
	    CASE(test_a_fatal_error_is_not_ours_to_rewrite),
	    CASE(test_an_error_to_what_was_rejected_comes_in_pieces),
	    CASE(test_the_end_of_a_failed_transaction_is_no_shelter),
	    CASE(test_a_name_behind_a_rejected_parse),
	    CASE(test_in_doubt_it_is_judged),
	    CASE(test_prepared_ddl_is_judged_whenever_it_is_bound),
	    CASE(test_oversize_while_the_server_discards),
	    CASE(test_bytes_behind_the_text),
	    CASE(test_a_set_under_way),
	    CASE(test_a_setting_is_only_reported_with_ready),
	    CASE(test_rolled_back_without_ready),
	    CASE(test_a_name_that_is_taken),
	    CASE(test_a_name_without_a_sync),
	    CASE(test_many_rejections_in_a_row),
	    CASE(test_oversize_can_be_refused),
	    CASE(test_findings_are_logged_once_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
