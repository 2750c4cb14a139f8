#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/rejection.h"
#include "tests/unit/wire.h"

#include <string.h>

/* -- fixture: CREATE INDEX, leading wildcards, long texts and fastpath are rejected -------------------------------- */

static int set_up(void **state)
{
	wire_set_up(state);
	struct wire *wire = *state;
	wire_reject(wire, "index-build-blocks-writes");
	wire_reject(wire, "leading-wildcard-unindexed");
	wire->settings.oversize = SETTINGS_OVERSIZE_REJECT;
	wire->settings.fastpath = SETTINGS_UNSEEN_REJECT;
	wire_start(wire);
	wire_login(wire);
	wire_publish_shop(wire);
	return 0;
}

static const char create_index[] = "CREATE INDEX i ON shop_product (stock)";

static void server_fails(struct wire *wire, const char *sqlstate, uint8_t status)
{
	struct script error = {.len = 0};
	char code[8];
	snprintf(code, sizeof code, "C%s", sqlstate);
	script_add(&error, 'E', "ssssb", "SERROR", "VERROR", code, "Mthe server's own words", 0);
	if (status)
		script_add(&error, 'Z', "b", status);
	script_send(wire->server, &error);
}

static void client_reads(struct wire *wire, const char *sqlstate, const char *words, uint8_t status)
{
	struct script message;
	char code[8];
	snprintf(code, sizeof code, "C%s", sqlstate);
	assert_int_equal(wire_read_message(wire->client, &message), 'E');
	assert_non_null(memmem(message.bytes, message.len, code, strlen(code) + 1));
	if (!memmem(message.bytes, message.len, words, strlen(words)))
		fail_msg("no '%s' in what the client reads", words);
	if (!status)
		return;
	assert_int_equal(wire_read_message(wire->client, &message), 'Z');
	assert_int_equal(message.bytes[5], status);
}

/* -- cases --------------------------------------------------------------------------------------------------------- */

static void test_a_column_that_can_not_be(void **state)
{
	/* The text in its place can be parsed, and is no longer than a name: the server's log says why, and no notice
	 * says that it was cut. */
	struct wire *wire = *state;
	struct script query = {.len = 0}, instead = {.len = 0};
	script_add(&query, 'Q', "s", create_index);
	script_add(&instead, 'Q', "s", "SELECT \"rejected by pgproctor: index-build-blocks-writes\"");
	script_send(wire->client, &query);
	script_expect(wire->server, &instead);
	server_fails(wire, "42703", 'I');
	client_reads(wire, "42501", "Mpgproctor: index-build-blocks-writes: ", 'I');
}

static void test_behind_the_end_of_a_transaction(void **state)
{
	/* What the server would run in a failed transaction too is replaced by what it refuses there too. */
	struct wire *wire = *state;
	static const char *const ends[] = {"ROLLBACK", "COMMIT", "ROLLBACK TO a"};
	for (size_t at = 0; at < ARRAY_LEN(ends); at++) {
		struct script query = {.len = 0}, instead = {.len = 0};
		char sql[128];
		snprintf(sql, sizeof sql, "%s; %s", ends[at], create_index);
		script_add(&query, 'Q', "s", sql);
		script_add(&instead, 'Q', "s", "rejected by pgproctor: index-build-blocks-writes");
		script_send(wire->client, &query);
		script_expect(wire->server, &instead);
		server_fails(wire, "42601", 'T');
		client_reads(wire, "42501", "Mpgproctor: ", 'T');
	}
}

static void test_a_transaction_that_fails_meanwhile(void **state)
{
	/* Whether the server was right to refuse for that reason is known to it alone, so its word goes through,
	 * however it is cut; and the next rejection has words of its own. */
	struct wire *wire = *state;
	struct script pipeline = {.len = 0}, first = {.len = 0}, instead = {.len = 0}, failed = {.len = 0};
	script_add(&first, 'Q', "s", "SELECT 1/0");
	pipeline = first;
	script_add(&pipeline, 'Q', "s", create_index);
	script_add(&instead, 'Q', "s", "SELECT \"rejected by pgproctor: index-build-blocks-writes\"");
	for (size_t cut = 1; cut < 40; cut += 3) {
		script_send(wire->client, &pipeline);
		script_expect(wire->server, &first);
		script_expect(wire->server, &instead);
		server_fails(wire, "22012", 'E');
		client_reads(wire, "22012", "own words", 'E');
		failed.len = 0;
		script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C25P02", "Mcurrent transaction is aborted", 0);
		script_add(&failed, 'Z', "b", 'E');
		wire_send(wire->server, failed.bytes, cut);
		wire_send(wire->server, failed.bytes + cut, failed.len - cut);
		script_expect(wire->client, &failed);

		struct script rollback = {.len = 0}, done = {.len = 0};
		script_add(&rollback, 'Q', "s", "ROLLBACK");
		script_add(&done, 'C', "s", "ROLLBACK");
		script_add(&done, 'Z', "b", 'I');
		script_send(wire->client, &rollback);
		script_expect(wire->server, &rollback);
		script_send(wire->server, &done);
		script_expect(wire->client, &done);
	}
}

static void test_bind(void **state)
{
	/* With nothing under way the server's log says why; behind something that may fail, it is the statement's own
	 * name with its own number of NULLs, and one byte too many. */
	struct wire *wire = *state;
	struct script parse = {.len = 0}, parsed = {.len = 0}, bind = {.len = 0}, sync = {.len = 0};
	script_add(&parse, 'P', "ssh", "s", "SELECT id FROM shop_product WHERE name LIKE $1", 0);
	script_add(&parse, 'S', "");
	script_add(&parsed, '1', "");
	script_add(&parsed, 'Z', "b", 'I');
	script_send(wire->client, &parse);
	script_expect(wire->server, &parse);
	script_send(wire->server, &parsed);
	script_expect(wire->client, &parsed);

	script_add(&bind, 'B', "sshhiSh", "portal", "s", 0, 1, 3, "%a%", 0);
	script_add(&sync, 'S', "");
	struct script plain = {.len = 0}, odd = {.len = 0};
	script_add(&plain, 'B', "sshhh", "", "rejected by pgproctor: leading-wildcard-unindexed", 0, 0, 0);
	script_add(&odd, 'B', "sshhihb", "", "s", 0, 1, -1, 0, 0);
	script_send(wire->client, &bind);
	script_send(wire->client, &sync);
	script_send(wire->client, &bind);
	script_send(wire->client, &sync);
	script_expect(wire->server, &plain);
	script_expect(wire->server, &sync);
	script_expect(wire->server, &odd);
	script_expect(wire->server, &sync);
	server_fails(wire, "26000", 'T');
	client_reads(wire, "42501", "Mpgproctor: leading-wildcard-unindexed: ", 'T');
	server_fails(wire, "08P01", 'T');
	client_reads(wire, "42501", "Mpgproctor: leading-wildcard-unindexed: ", 'T');
}

static void test_fastpath(void **state)
{
	/* A function that there isn't is called instead; nothing of the call gets through, however it is cut. Behind an
	 * error it is discarded like anything else. */
	struct wire *wire = *state;
	struct script call = {.len = 0}, instead = {.len = 0};
	script_add(&call, 'F', "ihhiSh", 1601, 0, 1, 6, "canary", 0);
	script_add(&instead, 'F', "ihhh", 0, 0, 0, 0);
	for (size_t cut = 0; cut <= 20; cut += 5) {
		wire_send(wire->client, call.bytes, cut);
		wire_send(wire->client, call.bytes + cut, call.len - cut);
		script_expect(wire->server, &instead);
		server_fails(wire, "42883", 'I');
		client_reads(wire, "42501", "Mpgproctor: fastpath: ", 'I');
	}
	struct script parse = {.len = 0}, sync = {.len = 0}, ready = {.len = 0};
	script_add(&parse, 'P', "ssh", "", "SELEC", 0);
	script_add(&sync, 'S', "");
	script_send(wire->client, &parse);
	script_expect(wire->server, &parse);
	server_fails(wire, "42601", 0);
	client_reads(wire, "42601", "own words", 0);
	script_send(wire->client, &call);
	script_send(wire->client, &sync);
	script_expect(wire->server, &call);
	script_expect(wire->server, &sync);
	script_add(&ready, 'Z', "b", 'I');
	script_send(wire->server, &ready);
	script_expect(wire->client, &ready);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "(function call by oid)"));
	assert_null(strstr(log, "canary"));
	free(log);
	wire_init(wire);
}

static void test_an_oversize_parse_keeps_its_name(void **state)
{
	/* What is sent instead has the client's name: one that fails takes the unnamed statement with it. */
	struct wire *wire = *state;
	uint8_t head[] = {'P', 0, 0, 0, 0, 's', '7', 0};
	uint32_t len = 4 + 3 + LIMIT_INSPECT_BYTES + 10;
	for (int at = 0; at < 4; at++)
		head[1 + at] = (uint8_t)(len >> (24 - 8 * at));
	wire_send(wire->client, head, sizeof head);
	static char text[LIMIT_INSPECT_BYTES + 10];
	memset(text, ' ', sizeof text);
	wire_send(wire->client, text, sizeof text);
	struct script instead = {.len = 0};
	script_add(&instead, 'P', "ssh", "s7", "rejected by pgproctor: oversize", 0);
	script_expect(wire->server, &instead);
	server_fails(wire, "42601", 0);
	client_reads(wire, "42501", "Mpgproctor: oversize: ", 0);
}

static void test_yields(void **state)
{
	/* Only to the server's last words, and to a transaction that had failed already; half an error says nothing
	 * yet. */
	(void)state;
	static const char failed[] = "SERROR\0VERROR\0C25P02\0Mno\0";
	static const char syntax[] = "SERROR\0VERROR\0C42601\0Mno\0";
	static const char fatal[] = "SFATAL\0VFATAL\0C57P01\0Mno\0";
	assert_true(rejection_yields((struct bytes){(const uint8_t *)failed, sizeof failed}));
	assert_false(rejection_yields((struct bytes){(const uint8_t *)failed, 16}));
	assert_false(rejection_yields((struct bytes){(const uint8_t *)syntax, sizeof syntax}));
	assert_true(rejection_yields((struct bytes){(const uint8_t *)fatal, sizeof fatal}));
	assert_false(rejection_yields((struct bytes){(const uint8_t *)fatal, 0}));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_a_column_that_can_not_be),
	    CASE(test_behind_the_end_of_a_transaction),
	    CASE(test_a_transaction_that_fails_meanwhile),
	    CASE(test_bind),
	    CASE(test_fastpath),
	    CASE(test_an_oversize_parse_keeps_its_name),
	    cmocka_unit_test(test_yields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
