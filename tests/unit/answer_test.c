#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/answer.h"
#include "tests/unit/wire.h"

#include <inttypes.h>
#include <pg_query.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state)
{
	wire_set_up(state);
	struct wire *wire = *state;
	wire->settings.slow_query_ms = 200;
	wire_start(wire);
	wire_login(wire);
	return 0;
}

static void exchange(struct wire *wire, const struct script *asked, const struct script *answered)
{
	script_send(wire->client, asked);
	script_expect(wire->server, asked);
	script_send(wire->server, answered);
	script_expect(wire->client, answered);
}

static void query(struct wire *wire, const char *sql, const char *tag, uint8_t status)
{
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'Q', "s", sql);
	script_add(&answered, 'C', "s", tag);
	script_add(&answered, 'Z', "b", status);
	exchange(wire, &asked, &answered);
}

/* The `fingerprint` line of the last interval for this text; fails when there is none. Fields are read from it as text.
 */
static const char *fingerprint_line(const char *log, const char *sql)
{
	PgQueryFingerprintResult expected = pg_query_fingerprint(sql);
	assert_null(expected.error);
	char field[64];
	snprintf(field, sizeof field, "\"fingerprint\":\"%s\"", expected.fingerprint_str);
	pg_query_free_fingerprint_result(expected);
	static char line[16384];
	for (const char *at = log; (at = strstr(at, "\"event\":\"fingerprint\"")) != NULL; at++) {
		size_t len = strcspn(at, "\n");
		snprintf(line, sizeof line, "%.*s", (int)len, at);
		if (strstr(line, field))
			return line;
	}
	fail_msg("no fingerprint line for %s", sql);
	return NULL;
}

static double number(const char *line, const char *name)
{
	char field[64];
	snprintf(field, sizeof field, "\"%s\":", name);
	const char *at = strstr(line, field);
	if (!at)
		fail_msg("no %s in %s", name, line);
	return strtod(at + strlen(field), NULL);
}

static char *stop(struct wire *wire)
{
	char *log = wire_stop(wire);
	wire_init(wire);
	return log;
}

static void test_calls_rows_and_errors(void **state)
{
	/* Two texts that differ in a literal are one row with both calls, the rows of both, and the error of one. */
	struct wire *wire = *state;
	query(wire, "SELECT a FROM t WHERE id = 1", "SELECT 3", 'I');
	query(wire, "SELECT a FROM t WHERE id = 22", "SELECT 4", 'I');
	struct script asked = {.len = 0}, failed = {.len = 0};
	script_add(&asked, 'Q', "s", "SELECT a FROM t WHERE id = 333");
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C22012", "Mdivision by zero", 0);
	script_add(&failed, 'Z', "b", 'I');
	exchange(wire, &asked, &failed);
	char *log = stop(wire);
	const char *line = fingerprint_line(log, "SELECT a FROM t WHERE id = 1");
	assert_int_equal(number(line, "calls"), 3);
	assert_int_equal(number(line, "rows"), 7);
	assert_int_equal(number(line, "errors"), 1);
	assert_null(strstr(log, "division"));
	assert_null(strstr(log, "id = 333"));
	free(log);
}

static void test_time_of_a_prepared_statement(void **state)
{
	/* A named statement's executions are counted under the text it was prepared with, in whichever batch they come.
	 */
	struct wire *wire = *state;
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'P', "ssh", "s1", "SELECT b FROM t WHERE id = $1", 0);
	script_add(&asked, 'S', "");
	script_add(&answered, '1', "");
	script_add(&answered, 'Z', "b", 'I');
	exchange(wire, &asked, &answered);
	for (int at = 0; at < 2; at++) {
		asked.len = answered.len = 0;
		script_add(&asked, 'B', "sshhiSh", "p1", "s1", 0, 1, 1, "7", 0);
		script_add(&asked, 'E', "si", "p1", 0);
		script_add(&asked, 'S', "");
		script_add(&answered, '2', "");
		script_add(&answered, 'C', "s", "SELECT 1");
		script_add(&answered, 'Z', "b", 'I');
		exchange(wire, &asked, &answered);
	}
	char *log = stop(wire);
	const char *line = fingerprint_line(log, "SELECT b FROM t WHERE id = $1");
	assert_int_equal(number(line, "calls"), 2);
	assert_int_equal(number(line, "rows"), 2);
	free(log);
}

static void test_fetch_belongs_to_its_cursor(void **state)
{
	/* DECLARE is quick, FETCH is slow: the time and the rows belong to the cursor's query. */
	struct wire *wire = *state;
	static const char declare[] = "DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT x FROM t ORDER BY y";
	query(wire, declare, "DECLARE CURSOR", 'I');
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'Q', "s", "FETCH FORWARD 100 FROM c");
	script_add(&answered, 'C', "s", "FETCH 100");
	script_add(&answered, 'Z', "b", 'I');
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	usleep(250000);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
	query(wire, "CLOSE c", "CLOSE CURSOR", 'I');
	char *log = stop(wire);
	const char *line = fingerprint_line(log, declare);
	assert_int_equal(number(line, "calls"), 2);
	assert_int_equal(number(line, "rows"), 100);
	assert_true(number(line, "max_ms") >= 240);
	const char *slow = strstr(log, "\"event\":\"slow\"");
	assert_non_null(slow);
	assert_non_null(strstr(slow, "DECLARE"));
	free(log);
}

static void test_a_cursor_without_hold_ends_with_its_transaction(void **state)
{
	/* After COMMIT the name means nothing any more: a FETCH is then counted as itself. */
	struct wire *wire = *state;
	query(wire, "BEGIN", "BEGIN", 'T');
	query(wire, "DECLARE c CURSOR FOR SELECT z FROM t", "DECLARE CURSOR", 'T');
	query(wire, "COMMIT", "COMMIT", 'I');
	struct script asked = {.len = 0}, failed = {.len = 0};
	script_add(&asked, 'Q', "s", "FETCH 10 FROM c");
	script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C34000", "Mcursor does not exist", 0);
	script_add(&failed, 'Z', "b", 'I');
	exchange(wire, &asked, &failed);
	char *log = stop(wire);
	assert_int_equal(number(fingerprint_line(log, "DECLARE c CURSOR FOR SELECT z FROM t"), "calls"), 1);
	assert_int_equal(number(fingerprint_line(log, "FETCH 10 FROM c"), "errors"), 1);
	free(log);
}

static void test_a_failed_parse_names_nothing(void **state)
{
	/* A name counts from ParseComplete: the text of a Parse that failed is not what a later Bind of that name runs.
	 */
	struct wire *wire = *state;
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'P', "ssh", "s1", "SELECT good FROM t", 0);
	script_add(&asked, 'S', "");
	script_add(&answered, '1', "");
	script_add(&answered, 'Z', "b", 'I');
	exchange(wire, &asked, &answered);
	asked.len = answered.len = 0;
	script_add(&asked, 'P', "ssh", "s1", "SELECT other FROM u", 0);
	script_add(&asked, 'S', "");
	script_add(&answered, 'E', "ssssb", "SERROR", "VERROR", "C42P05", "Malready exists", 0);
	script_add(&answered, 'Z', "b", 'I');
	exchange(wire, &asked, &answered);
	asked.len = answered.len = 0;
	script_add(&asked, 'B', "sshhh", "", "s1", 0, 0, 0);
	script_add(&asked, 'E', "si", "", 0);
	script_add(&asked, 'S', "");
	script_add(&answered, '2', "");
	script_add(&answered, 'C', "s", "SELECT 5");
	script_add(&answered, 'Z', "b", 'I');
	exchange(wire, &asked, &answered);
	char *log = stop(wire);
	assert_int_equal(number(fingerprint_line(log, "SELECT good FROM t"), "rows"), 5);
	assert_int_equal(number(fingerprint_line(log, "SELECT other FROM u"), "errors"), 1);
	free(log);
}

static void test_a_statement_that_does_not_parse(void **state)
{
	/* Forwarded, counted, logged once, without a word of it. */
	struct wire *wire = *state;
	for (int at = 0; at < 2; at++) {
		struct script asked = {.len = 0}, failed = {.len = 0};
		script_add(&asked, 'Q', "s", "SELEKT secretword FROM");
		script_add(&failed, 'E', "ssssb", "SERROR", "VERROR", "C42601", "Msyntax error", 0);
		script_add(&failed, 'Z', "b", 'I');
		exchange(wire, &asked, &failed);
	}
	char *log = stop(wire);
	char *first = strstr(log, "\"event\":\"unparsed\"");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\"event\":\"unparsed\""));
	assert_null(strstr(log, "secretword"));
	assert_null(strstr(log, "SELEKT"));
	free(log);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_calls_rows_and_errors),        CASE(test_time_of_a_prepared_statement),
	    CASE(test_fetch_belongs_to_its_cursor),  CASE(test_a_cursor_without_hold_ends_with_its_transaction),
	    CASE(test_a_failed_parse_names_nothing), CASE(test_a_statement_that_does_not_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
