#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/ask.h"
#include "tests/unit/refusal.h"

#include <string.h>
#include <unistd.h>

/* What a name or a setting means when the server has not answered yet: each case has a reading that must be rejected.
 */

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
	script_add(&bad, 'Q', "s", refusal_create_index);
	script_send(wire->client, &bad);
	refusal_expect_replacement(wire, 'Q');
	/* The COPY had failed before it read the Sync, so the first ReadyForQuery is that one's; and then the rejected
	 * request's turn has come. */
	struct script ready = {.len = 0};
	script_add(&ready, 'Z', "b", 'I');
	script_send(wire->server, &ready);
	script_expect(wire->client, &ready);
	refusal_by_server(wire, 'I');
	refusal_expect_error(wire, "index-build-blocks-writes");
	refusal_expect_ready(wire, 'I');
	char *log = wire_stop(wire);
	assert_null(strstr(log, "\"event\":\"blind\""));
	free(log);
	wire_init(wire);
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
			refusal_defines(wire, "s1", search);
		} else {
			script_add(&first, 'P', "ssh", "s1", search, 0);
			script_add(&first, 'S', "");
			script_add(&replies, '1', "");
			script_add(&replies, 'Z', "b", 'I');
			script_send(wire->client, &first);
			script_expect(wire->server, &first);
		}
		script_add(&bad, 'P', "ssh", "s1", refusal_create_index, 0);
		script_send(wire->client, &bad);
		script_send(wire->client, &sync);
		refusal_expect_replacement(wire, 'P');
		script_expect(wire->server, &sync);
		struct script bind = {.len = 0}, rest = {.len = 0};
		script_add(&bind, 'B', "sshhiSh", "", "s1", 0, 1, 8, "%canary%", 0);
		script_add(&rest, 'E', "si", "", 0);
		script_add(&rest, 'S', "");
		script_send(wire->client, &bind);
		script_send(wire->client, &rest);
		refusal_expect_replacement(wire, 'B');
		script_expect(wire->server, &rest);
		script_send(wire->server, &replies);
		refusal_by_server(wire, 'I');
		refusal_by_server(wire, 'I');
		script_expect(wire->client, &replies);
		refusal_expect_error(wire, "index-build-blocks-writes");
		refusal_expect_ready(wire, 'I');
		refusal_expect_error(wire, "leading-wildcard-unindexed");
		refusal_expect_ready(wire, 'I');

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
		refusal_expect_replacement(wire, 'Q');
		server_sets(wire, value);
		refusal_by_server(wire, 'I');
		refusal_expect_error(wire, "index-build-blocks-writes");
		refusal_expect_ready(wire, 'I');
		/* Settled again, the harmless reading is the only one. */
		refusal_passes(wire, strcmp(value, "off") == 0 ? harmful_on : harmful_off, "SELECT 1", 'I');
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
	refusal_expect_replacement(wire, 'P');
	struct script flush = {.len = 0};
	script_add(&flush, 'H', "");
	script_expect(wire->server, &flush);
	refusal_by_server(wire, 0);
	refusal_expect_error(wire, "index-build-blocks-writes");
}

static void test_rolled_back_without_ready(void **state)
{
	/* A ROLLBACK has been answered, but the last ReadyForQuery still says that the transaction has failed: what
	 * comes next will run. */
	struct wire *wire = *state;
	struct script end = {.len = 0}, replies = {.len = 0}, next = {.len = 0};
	refusal_passes(wire, "SELECT 1/0", "SELECT 1", 'E');
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
	script_add(&next, 'P', "ssh", "", refusal_create_index, 0);
	script_send(wire->client, &next);
	refusal_expect_replacement(wire, 'P');
}

static void test_a_name_that_is_taken(void **state)
{
	/* The second Parse of a name fails, so behind the next Sync the name is what it was; and until the failure has
	 * come back it may be either. */
	struct wire *wire = *state;
	struct script pipeline = {.len = 0}, bad = {.len = 0};
	refusal_defines(wire, "taken", "SELECT id FROM shop_product WHERE name LIKE $1");
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
	refusal_expect_replacement(wire, 'B');
}

static void test_a_name_without_a_sync(void **state)
{
	/* Without a Sync between them the Bind is only reached when the Parse was good. */
	struct wire *wire = *state;
	struct script pipeline = {.len = 0};
	refusal_defines(wire, "s", "SELECT id FROM shop_product WHERE name LIKE $1");
	script_add(&pipeline, 'C', "bs", 'S', "s");
	script_add(&pipeline, 'P', "ssh", "s", "SELECT 1 WHERE $1 <> ''", 0);
	script_add(&pipeline, 'B', "sshhiSh", "", "s", 0, 1, 8, "%canary%", 0);
	script_send(wire->client, &pipeline);
	script_expect(wire->server, &pipeline);
}

static void publish(struct wire *wire)
{
	static const struct wire_table tables[] = {
	    {"public", "shop_product"},
	    {"public", "gr\xc3\xb6\xc3\x9f"
	               "e"},
	    {"tenant", "orders"},
	};
	wire_publish(wire, tables, ARRAY_LEN(tables));
}

static void server_answers(struct wire *wire, const char *tag, uint8_t status)
{
	struct script reply = {.len = 0};
	script_add(&reply, 'C', "s", tag);
	script_add(&reply, 'Z', "b", status);
	script_send(wire->server, &reply);
	script_expect(wire->client, &reply);
}

/* Behind one query that is not answered a second one is refused; settled again the second passes when it may. */
static void refused_behind(struct wire *wire, const char *first, const char *tag, const char *second, uint8_t status)
{
	struct script query = {.len = 0}, both;
	script_add(&query, 'Q', "s", first);
	both = query;
	script_add(&both, 'Q', "s", second);
	script_send(wire->client, &both);
	script_expect(wire->server, &query);
	refusal_expect_replacement(wire, 'Q');
	server_answers(wire, tag, status);
	refusal_by_server(wire, status == 'T' ? 'E' : 'I');
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	assert_non_null(memmem(error.bytes, error.len, "index-build-blocks-writes", 25));
	refusal_expect_ready(wire, status == 'T' ? 'E' : 'I');
}

static void test_a_name_in_another_encoding(void **state)
{
	/* The table is one of UTF-8 or of LATIN1, as long as nobody knows which of them the client's texts are in. */
	struct wire *wire = *state;
	static const char latin[] = "CREATE INDEX i ON gr\xf6\xdf"
	                            "e (stock)";
	static const char utf8[] = "CREATE INDEX i ON gr\xc3\xb6\xc3\x9f"
	                           "e (stock)";
	publish(wire);
	refused_behind(wire, "SET client_encoding = LATIN1", "SET", latin, 'I');
	refused_behind(wire, "SET client_encoding = LATIN1", "SET", utf8, 'I');
	refused_behind(wire, "SELECT 1", "SELECT 1", latin, 'I');
	/* The column's name, too, and the safe variant in any. */
	refusal_passes(wire, latin, "CREATE INDEX", 'I');
	struct script safe = {.len = 0};
	script_add(&safe, 'Q', "s", "SET client_encoding = LATIN1");
	script_add(&safe, 'Q', "s", "CREATE INDEX CONCURRENTLY i ON gr\xf6\xdf"
	                            "e (stock)");
	script_send(wire->client, &safe);
	script_expect(wire->server, &safe);
}

static void test_a_path_under_way(void **state)
{
	/* The table is a large one on the path that is being set, or on the one that a ROLLBACK brings back. */
	struct wire *wire = *state;
	static const char sql[] = "CREATE INDEX i ON orders (stock)";
	publish(wire);
	refusal_passes(wire, sql, "CREATE INDEX", 'I');
	refused_behind(wire, "SET search_path = tenant", "SET", sql, 'I');
	refused_behind(wire, "SET search_path = public", "SET", sql, 'I');
	refusal_passes(wire, sql, "CREATE INDEX", 'I');
	refused_behind(wire, "SELECT 1; SET search_path = tenant", "SET", sql, 'I');
	refusal_passes(wire, "BEGIN", "BEGIN", 'T');
	refusal_passes(wire, "SET search_path = public", "SET", 'T');
	refused_behind(wire, "ROLLBACK", "ROLLBACK", sql, 'I');
	refusal_passes(wire, "SET search_path = public", "SET", 'I');
	struct script other = {.len = 0};
	script_add(&other, 'Q', "s", "SET search_path = elsewhere");
	script_add(&other, 'Q', "s", sql);
	script_send(wire->client, &other);
	script_expect(wire->server, &other);
}

static void test_a_path_that_fails(void **state)
{
	/* The Execute has set the path and is answered, but what follows in the same pipeline fails, so it is the old
	 * one again: while that is unknown, and afterwards. */
	struct wire *wire = *state;
	static const char sql[] = "CREATE INDEX i ON orders (stock)";
	publish(wire);
	refusal_passes(wire, "SET search_path = tenant", "SET", 'I');
	struct script set = {.len = 0}, done = {.len = 0}, rest = {.len = 0}, sync = {.len = 0}, failed = {.len = 0};
	script_add(&set, 'P', "ssh", "", "SET search_path = public", 0);
	script_add(&set, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&set, 'E', "si", "", 0);
	script_add(&set, 'H', "");
	script_send(wire->client, &set);
	script_expect(wire->server, &set);
	script_add(&done, '1', "");
	script_add(&done, '2', "");
	script_add(&done, 'C', "s", "SET");
	script_send(wire->server, &done);
	script_expect(wire->client, &done);
	script_add(&rest, 'P', "ssh", "", "SELECT 1/0", 0);
	script_add(&rest, 'S', "");
	script_send(wire->client, &rest);
	script_expect(wire->server, &rest);
	script_add(&sync, 'Q', "s", sql);
	script_send(wire->client, &sync);
	refusal_expect_replacement(wire, 'Q');
	script_add(&failed, 'E', "sssb", "SERROR", "VERROR", "C22012", 0);
	script_add(&failed, 'Z', "b", 'I');
	script_send(wire->server, &failed);
	script_expect(wire->client, &failed);
	refusal_by_server(wire, 'I');
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	refusal_expect_ready(wire, 'I');
	script_send(wire->client, &sync);
	refusal_expect_replacement(wire, 'Q');
}

static void test_prepared_for_another_path(void **state)
{
	/* The server plans it anew when the path has changed: so it is judged anew, too, and back again. */
	struct wire *wire = *state;
	publish(wire);
	refusal_passes(wire, "SET search_path = public", "SET", 'I');
	refusal_defines(wire, "s", "SELECT id FROM orders WHERE name LIKE '%canary%'");
	struct script bind = {.len = 0}, bound = {.len = 0}, rest = {.len = 0}, done = {.len = 0};
	script_add(&bind, 'B', "sshhh", "", "s", 0, 0, 0);
	script_add(&rest, 'E', "si", "", 0);
	script_add(&rest, 'S', "");
	script_add(&bound, '2', "");
	script_add(&done, 'C', "s", "SELECT 0");
	script_add(&done, 'Z', "b", 'I');
	for (int turn = 0; turn < 2; turn++) {
		script_send(wire->client, &bind);
		script_send(wire->client, &rest);
		script_expect(wire->server, &bind);
		script_expect(wire->server, &rest);
		script_send(wire->server, &bound);
		script_send(wire->server, &done);
		script_expect(wire->client, &bound);
		script_expect(wire->client, &done);
		refusal_passes(wire, "SET search_path = tenant", "SET", 'I');
		script_send(wire->client, &bind);
		script_send(wire->client, &rest);
		refusal_expect_replacement(wire, 'B');
		script_expect(wire->server, &rest);
		refusal_by_server(wire, 'I');
		struct script error;
		assert_int_equal(wire_read_message(wire->client, &error), 'E');
		refusal_expect_ready(wire, 'I');
		refusal_passes(wire, "SET search_path = public", "SET", 'I');
	}
}

static void refused_with(struct wire *wire, const char *sql, uint8_t status)
{
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", sql);
	script_send(wire->client, &query);
	refusal_expect_replacement(wire, 'Q');
	refusal_by_server(wire, status);
	refusal_expect_error(wire, "leading-wildcard-unindexed");
	refusal_expect_ready(wire, status);
}

static void test_execute(void **state)
{
	/* What EXECUTE gives to a PREPARE is judged as what a Bind gives to a Parse, wherever EXECUTE may stand; and what
	 * is harmless, or not run, passes. */
	struct wire *wire = *state;
	refusal_passes(wire, "PREPARE q (text, int) AS SELECT id FROM shop_product WHERE name LIKE $1 LIMIT $2", "PREPARE",
	               'I');
	refusal_passes(wire, "EXECUTE q('canary%', 3)", "SELECT 1", 'I');
	refused_with(wire, "EXECUTE q('%canary%', 3)", 'I');
	refused_with(wire, "EXECUTE q('%canary%'::text, 3)", 'I');
	refused_with(wire, "SELECT 1; EXECUTE q('canary%', 3); EXECUTE q('%canary%', 3)", 'I');
	refused_with(wire, "EXPLAIN ANALYZE EXECUTE q('%canary%', 3)", 'I');
	refused_with(wire, "CREATE TEMP TABLE t AS EXECUTE q('%canary%', 3)", 'I');
	refusal_passes(wire, "EXPLAIN EXECUTE q('%canary%', 3)", "EXPLAIN", 'I');
	refusal_passes(wire, "EXECUTE q(NULL, 3)", "SELECT 0", 'I');
	refusal_passes(wire, "EXECUTE q(lower('%canary%'), 3)", "SELECT 0", 'I');
	refusal_passes(wire, "EXECUTE other('%canary%', 3)", "SELECT 0", 'I');
	/* Protocol and SQL share the names. */
	refusal_defines(wire, "parsed", "SELECT id FROM shop_product WHERE name LIKE $1");
	refused_with(wire, "EXECUTE parsed('%canary%')", 'I');
	refusal_passes(wire, "DEALLOCATE parsed", "DEALLOCATE", 'I');
	refusal_passes(wire, "EXECUTE parsed('%canary%')", "SELECT 0", 'I');
	/* In a Parse, as it is one. */
	struct script parse = {.len = 0}, sync = {.len = 0};
	script_add(&parse, 'P', "ssh", "", "EXECUTE q('%canary%', 3)", 0);
	script_add(&sync, 'S', "");
	script_send(wire->client, &parse);
	script_send(wire->client, &sync);
	refusal_expect_replacement(wire, 'P');
	script_expect(wire->server, &sync);
}

static void test_execute_of_what_is_under_way(void **state)
{
	/* The PREPARE stands in the same text, or in front of it in the same pipeline. */
	struct wire *wire = *state;
	static const char prepare[] = "PREPARE q AS SELECT id FROM shop_product WHERE name LIKE $1";
	static const char execute[] = "EXECUTE q('%canary%')";
	char both[128];
	snprintf(both, sizeof both, "%s; %s", prepare, execute);
	refused_with(wire, both, 'I');
	static const char *const harmless[] = {"'canary'", "NULL"};
	for (size_t at = 0; at < ARRAY_LEN(harmless); at++) {
		snprintf(both, sizeof both, "%s; EXECUTE q(%s)", prepare, harmless[at]);
		refusal_passes(wire, both, "SELECT 1", 'I');
		refusal_passes(wire, "DEALLOCATE q", "DEALLOCATE", 'I');
	}

	struct script first = {.len = 0}, second = {.len = 0}, sync = {.len = 0};
	script_add(&first, 'Q', "s", prepare);
	script_add(&second, 'Q', "s", execute);
	script_send(wire->client, &first);
	script_send(wire->client, &second);
	script_expect(wire->server, &first);
	refusal_expect_replacement(wire, 'Q');
	server_answers(wire, "PREPARE", 'I');
	refusal_by_server(wire, 'I');
	refusal_expect_error(wire, "leading-wildcard-unindexed");
	refusal_expect_ready(wire, 'I');

	refusal_passes(wire, "DEALLOCATE q", "DEALLOCATE", 'I');
	first.len = second.len = 0;
	script_add(&first, 'P', "ssh", "", prepare, 0);
	script_add(&first, 'B', "sshhh", "", "", 0, 0, 0);
	script_add(&first, 'E', "si", "", 0);
	script_add(&second, 'P', "ssh", "", execute, 0);
	script_add(&sync, 'S', "");
	script_send(wire->client, &first);
	script_send(wire->client, &second);
	script_send(wire->client, &sync);
	script_expect(wire->server, &first);
	refusal_expect_replacement(wire, 'P');
	script_expect(wire->server, &sync);
}

static void test_execute_behind_the_end_of_a_transaction(void **state)
{
	/* What is sent in its place must fail in a failed transaction, too, and end nothing. */
	struct wire *wire = *state;
	refusal_passes(wire, "PREPARE q AS SELECT id FROM shop_product WHERE name LIKE $1", "PREPARE", 'I');
	refusal_passes(wire, "SELECT 1/0", "SELECT 1", 'E');
	refusal_passes(wire, "EXECUTE q('%canary%')", "SELECT 1", 'E');
	struct script query = {.len = 0}, replacement;
	script_add(&query, 'Q', "s", "ROLLBACK; EXECUTE q('%canary%')");
	script_send(wire->client, &query);
	assert_int_equal(wire_read_message(wire->server, &replacement), 'Q');
	assert_null(memmem(replacement.bytes, replacement.len, "SELECT", 6));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, refusal_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_a_name_behind_a_rejected_parse),
	    CASE(test_in_doubt_it_is_judged),
	    CASE(test_a_set_under_way),
	    CASE(test_a_setting_is_only_reported_with_ready),
	    CASE(test_rolled_back_without_ready),
	    CASE(test_a_name_that_is_taken),
	    CASE(test_a_name_without_a_sync),
	    CASE(test_a_name_in_another_encoding),
	    CASE(test_a_path_under_way),
	    CASE(test_a_path_that_fails),
	    CASE(test_prepared_for_another_path),
	    CASE(test_execute),
	    CASE(test_execute_of_what_is_under_way),
	    CASE(test_execute_behind_the_end_of_a_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
