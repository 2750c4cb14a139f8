#include "report/log_traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------------ */

static int taken;
static enum logged_kind kind;
static int64_t at_ms;
static uint64_t fingerprint;
static char query[64], database[64];

static void take(void *context, const struct logged *line)
{
	(void)context;
	taken++;
	kind = line->kind;
	at_ms = line->at_ms;
	fingerprint = line->fingerprint;
	snprintf(query, sizeof(query), "%s", line->query);
	snprintf(database, sizeof(database), "%s", line->database);
}

static bool line(const char *text)
{
	taken = 0;
	return log_traffic_line(text, strlen(text), take, NULL);
}

#define RAN(rest)                                                                                                      \
	"{\"ts\":\"2026-11-30T21:05:41.250Z\",\"level\":\"info\",\"event\":\"fingerprint\"," rest "}\n"

/* -- cases -------------------------------------------------------------------------------------------- */

/* What ran, with its time to the millisecond. */
static void ran(void **state)
{
	(void)state;
	assert_true(line(RAN("\"database\":\"shop\",\"fingerprint\":\"8f1c0e5ad9b0c2aa\",\"query\":\"SELECT a FROM t\","
	                     "\"calls\":3,\"errors\":1,\"rejected\":1")));
	assert_int_equal(kind, LOGGED_RAN);
	assert_true(at_ms == INT64_C(1796072741250));
	assert_true(fingerprint == UINT64_C(0x8f1c0e5ad9b0c2aa));
	assert_string_equal(query, "SELECT a FROM t");
	assert_string_equal(database, "shop");
}

/* What failed or was refused each time did not; what is not told whole may have used anything. */
static void other_lines(void **state)
{
	(void)state;
	assert_true(line(RAN("\"database\":\"shop\",\"query\":\"SELECT a FROM t\",\"calls\":2,\"errors\":1,\"rejected\":1")));
	assert_int_equal(kind, LOGGED_OTHER);
	assert_true(line(RAN("\"database\":\"\",\"query\":\"other\",\"calls\":2")));
	assert_int_equal(kind, LOGGED_UNCLEAR);
	assert_true(line(RAN("\"database\":\"shop\",\"query\":\"(not parsed: too long)\",\"calls\":2")));
	assert_int_equal(kind, LOGGED_UNCLEAR);
	assert_true(line(RAN("\"database\":\"shop\",\"query\":\"SELECT a, b…\",\"calls\":2")));
	assert_int_equal(kind, LOGGED_UNCLEAR);
	assert_true(line("{\"ts\":\"2026-11-30T21:05:41Z\",\"event\":\"started\"}"));
	assert_int_equal(kind, LOGGED_STARTED);
	assert_true(line("{\"ts\":\"2026-11-30T21:05:41Z\",\"event\":\"lost_lines\",\"count\":2}"));
	assert_int_equal(kind, LOGGED_UNCLEAR);
}

/* Anything else is passed over. */
static void not_ours(void **state)
{
	static const char *const lines[] = {
	    "",     "\n",  "{",  "[]", "null", "{}", "{\"event\":\"fingerprint\"}", "{\"event\":1,\"ts\":2}",
	    "{\"event\":\"fingerprint\",\"ts\":\"yesterday\"}",
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(lines); at++) {
		assert_false(line(lines[at]));
		assert_int_equal(taken, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ran),
	    cmocka_unit_test(other_lines),
	    cmocka_unit_test(not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
