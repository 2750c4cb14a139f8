#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/ask.h"
#include "tests/unit/refusal.h"

#include <string.h>
#include <unistd.h>

/* -- cases --------------------------------------------------------------------------------------------------- */

static void test_rejects_a_query(void **state)
{
	/* The server is sent what it must refuse, the client reads our words, and the session lives on. */
	struct wire *wire = *state;
	refusal_of(wire, refusal_create_index, "index-build-blocks-writes", 'I');
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_the_safe_variant_passes(void **state)
{
	/* CONCURRENTLY is the remedy: it must go through untouched. */
	struct wire *wire = *state;
	refusal_passes(wire, "CREATE INDEX CONCURRENTLY i ON shop_product (stock)", "CREATE INDEX", 'I');
	refusal_passes(wire, "SELECT id FROM shop_product WHERE id = 7", "SELECT 1", 'I');
}

static void test_rejects_the_whole_of_a_multi_statement_query(void **state)
{
	/* One bad statement among several refuses the message: nothing of it may have run. */
	struct wire *wire = *state;
	refusal_of(wire, "UPDATE shop_product SET stock = 1 WHERE id = 1; CREATE INDEX i ON shop_product (stock)",
	           "index-build-blocks-writes", 'I');
}

static void test_in_a_transaction(void **state)
{
	/* The server's own ReadyForQuery says that the transaction has failed; what follows in it is forwarded as it
	 * is. */
	struct wire *wire = *state;
	refusal_passes(wire, "BEGIN", "BEGIN", 'T');
	struct script query = {.len = 0}, aborted = {.len = 0};
	script_add(&query, 'Q', "s", refusal_create_index);
	script_send(wire->client, &query);
	refusal_expect_replacement(wire, 'Q');
	refusal_by_server(wire, 'E');
	refusal_expect_error(wire, "index-build-blocks-writes");
	refusal_expect_ready(wire, 'E');
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_add(&aborted, 'E', "ssssb", "SERROR", "VERROR", "C25P02", "Mcurrent transaction is aborted", 0);
	script_add(&aborted, 'Z', "b", 'E');
	script_send(wire->server, &aborted);
	script_expect(wire->client, &aborted);
	refusal_passes(wire, "ROLLBACK", "ROLLBACK", 'I');
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
	script_add(&bad, 'P', "ssh", "named", refusal_create_index, 0);
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
	refusal_by_server(wire, 'I');
	script_expect(wire->client, &replies);
	refusal_expect_error(wire, "index-build-blocks-writes");
	refusal_expect_ready(wire, 'I');
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_rejects_a_parse_with_an_endless_name(void **state)
{
	/* PostgreSQL keeps 63 bytes of a name, and so does what is sent in the statement's place. */
	struct wire *wire = *state;
	static struct script bad, replaced;
	static char name[40000];
	memset(name, 'n', sizeof name - 1);
	bad.len = 0;
	script_add(&bad, 'P', "ssh", name, refusal_create_index, 0);
	script_add(&bad, 'S', "");
	script_send(wire->client, &bad);
	assert_int_equal(wire_read_message(wire->server, &replaced), 'P');
	assert_int_equal(strlen((const char *)replaced.bytes + 5), 63);
	assert_int_equal(wire_read_message(wire->server, &replaced), 'S');
	refusal_by_server(wire, 'I');
	refusal_expect_error(wire, "index-build-blocks-writes");
	refusal_expect_ready(wire, 'I');
}

static void test_rejects_at_bind(void **state)
{
	/* Only the parameter tells a leading wildcard: '%canary%' is refused at Bind, 'canary%' of the same statement
	 * passes. */
	struct wire *wire = *state;
	refusal_defines(wire, "s1", "SELECT id FROM shop_product WHERE name LIKE $1");
	struct script bad = {.len = 0}, rest = {.len = 0}, good = {.len = 0}, replies = {.len = 0};
	script_add(&bad, 'B', "sshhiSh", "", "s1", 0, 1, 8, "%canary%", 0);
	script_add(&rest, 'E', "si", "", 0);
	script_add(&rest, 'S', "");
	script_send(wire->client, &bad);
	script_send(wire->client, &rest);
	refusal_expect_replacement(wire, 'B');
	script_expect(wire->server, &rest);
	refusal_by_server(wire, 'I');
	refusal_expect_error(wire, "leading-wildcard-unindexed");
	refusal_expect_ready(wire, 'I');

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
	refusal_expect_replacement(wire, 'B');
	script_expect(wire->server, &rest);
	script_add(&complete, '1', "");
	script_send(wire->server, &complete);
	refusal_by_server(wire, 'I');
	script_expect(wire->client, &complete);
	refusal_expect_error(wire, "leading-wildcard-unindexed");
	refusal_expect_ready(wire, 'I');
}

static void test_rejection_behind_another_error(void **state)
{
	/* When an earlier message of the pipeline fails, the server discards the replacement: one error, the server's,
	 * and the next rejection is again told in the right place. */
	struct wire *wire = *state;
	struct script ahead = {.len = 0}, bad = {.len = 0}, sync = {.len = 0}, failed = {.len = 0};
	script_add(&ahead, 'P', "ssh", "", "SELECT nonsense", 0);
	script_add(&bad, 'P', "ssh", "", refusal_create_index, 0);
	script_add(&sync, 'S', "");
	script_send(wire->client, &ahead);
	script_send(wire->client, &bad);
	script_send(wire->client, &sync);
	script_expect(wire->server, &ahead);
	refusal_expect_replacement(wire, 'P');
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
		script_add(&query, 'Q', "s", refusal_create_index);
		script_send(wire->client, &query);
		refusal_expect_replacement(wire, 'Q');
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
	script_add(&query, 'Q', "s", refusal_create_index);
	script_send(wire->client, &query);
	refusal_expect_replacement(wire, 'Q');
	script_add(&error, 'E', "ssssb", "SERROR", "VERROR", "C42601", text, 0);
	script_add(&error, 'Z', "b", 'I');
	for (size_t at = 0; at < error.len; at += at < 40 ? 1 : 500)
		wire_send(wire->server, error.bytes + at, at < 40 ? 1 : error.len - at < 500 ? error.len - at : 500);
	refusal_expect_error(wire, "index-build-blocks-writes");
	refusal_expect_ready(wire, 'I');
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_the_end_of_a_failed_transaction_is_no_shelter(void **state)
{
	/* After ROLLBACK in the same message the server runs what comes next, so it is judged; without one the server
	 * refuses by itself, and is asked. */
	struct wire *wire = *state;
	static const char *const harmful[] = {"ROLLBACK; CREATE INDEX i ON shop_product (stock)",
	                                      "COMMIT; CREATE INDEX i ON shop_product (stock)",
	                                      "ROLLBACK TO a; CREATE INDEX i ON shop_product (stock)"};
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'E');
	for (size_t at = 0; at < ARRAY_LEN(harmful); at++) {
		refusal_of(wire, harmful[at], "index-build-blocks-writes", 'E');
	}
	refusal_passes(wire, "CREATE INDEX i ON shop_product (stock); ROLLBACK", "ROLLBACK", 'E');
}

static void test_prepared_ddl_is_judged_whenever_it_is_bound(void **state)
{
	/* CREATE INDEX was harmless when it was prepared, on a table made in the same transaction. Bound later it is
	 * refused, also by a Bind with more bytes than are held, of which the rest then goes nowhere. */
	struct wire *wire = *state;
	refusal_passes(wire, "BEGIN", "BEGIN", 'T');
	refusal_passes(wire, "DROP TABLE IF EXISTS other; CREATE TABLE shop_product (stock int)", "CREATE TABLE", 'T');
	struct script ahead = {.len = 0}, complete = {.len = 0};
	script_add(&ahead, 'P', "ssh", "s1", refusal_create_index, 0);
	script_add(&ahead, 'S', "");
	script_add(&complete, '1', "");
	script_add(&complete, 'Z', "b", 'T');
	script_send(wire->client, &ahead);
	script_expect(wire->server, &ahead);
	script_send(wire->server, &complete);
	script_expect(wire->client, &complete);
	refusal_passes(wire, "ROLLBACK", "ROLLBACK", 'I');

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
		refusal_expect_replacement(wire, 'B');
		script_expect(wire->server, &rest);
		refusal_by_server(wire, 'I');
		refusal_expect_error(wire, "index-build-blocks-writes");
		refusal_expect_ready(wire, 'I');
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
	script_add(&query, 'Q', "ss", "SELECT 1", refusal_create_index);
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C08P01", "Minvalid message format", 0);
	script_add(&failed, 'Z', "b", 'I');
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	test_rejects_a_query(state);
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
		script_add(&queries, 'Q', "s", refusal_create_index);
	script_send(wire->client, &queries);
	for (unsigned answered = 0; answered < QUERIES;) {
		unsigned came = 0;
		while (came + answered < QUERIES && came < LIMIT_REJECTIONS) {
			assert_int_equal(wire_read_message(wire->server, &replaced), 'Q');
			came++;
		}
		for (unsigned at = 0; at < came; at++)
			refusal_by_server(wire, 'I');
		for (unsigned at = 0; at < came; at++) {
			refusal_expect_error(wire, "index-build-blocks-writes");
			refusal_expect_ready(wire, 'I');
		}
		answered += came;
	}
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'I');
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
	refusal_by_server(wire, 'I');
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	assert_non_null(memmem(error.bytes, error.len, "oversize", 8));
	refusal_expect_ready(wire, 'I');
	refusal_passes(wire, "SELECT 1", "SELECT 1", 'I');
}

static void test_findings_are_logged_once_and_counted(void **state)
{
	/* Three rejections of the same shape: one line at first sight, then one at the end of the interval with the
	 * count; no literal in either. */
	struct wire *wire = *state;
	for (int at = 0; at < 3; at++) {
		refusal_of(wire, refusal_icontains, "leading-wildcard-unindexed", 'I');
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

#define CASE(test) cmocka_unit_test_setup_teardown(test, refusal_set_up, wire_tear_down)

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
	    CASE(test_prepared_ddl_is_judged_whenever_it_is_bound),
	    CASE(test_oversize_while_the_server_discards),
	    CASE(test_bytes_behind_the_text),
	    CASE(test_many_rejections_in_a_row),
	    CASE(test_oversize_can_be_refused),
	    CASE(test_findings_are_logged_once_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
