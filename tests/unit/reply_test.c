#include "protocol/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

static void assert_complete(const char *text, const char *tag, uint64_t rows)
{
	size_t len = strlen(text);
	struct reply_complete complete;
	struct bytes body = guard_copy(text, len + 1);
	assert_true(reply_decode_complete(body, &complete));
	assert_true(bytes_equal(complete.tag, tag));
	assert_true(complete.rows == rows);
	for (size_t cut = 0; cut <= len; cut++)
		assert_false(reply_decode_complete(guard_copy(text, cut), &complete));
}

/* The tags the server sends: words, then numbers, the last of which counts rows. */
static void test_complete(void **state)
{
	(void)state;
	assert_complete("SELECT 5", "SELECT", 5);
	assert_complete("SELECT 0", "SELECT", 0);
	assert_complete("INSERT 0 12", "INSERT", 12);
	assert_complete("INSERT 98765 1", "INSERT", 1);
	assert_complete("COPY 1234567890123", "COPY", 1234567890123);
	assert_complete("MERGE 3", "MERGE", 3);
	assert_complete("FETCH 100", "FETCH", 100);
	assert_complete("BEGIN", "BEGIN", 0);
	assert_complete("CREATE TABLE", "CREATE TABLE", 0);
	assert_complete("CREATE TABLE AS", "CREATE TABLE AS", 0);
	assert_complete("START_REPLICATION", "START_REPLICATION", 0);
	assert_complete("", "", 0);
}

/* Tags no server sends are taken as words, and a number past 64 bits is the largest, not a small one. */
static void test_complete_strange(void **state)
{
	(void)state;
	assert_complete("5", "5", 0);
	assert_complete(" 5", "", 5);
	assert_complete("SELECT 5x", "SELECT 5x", 0);
	assert_complete("SELECT -5", "SELECT -5", 0);
	assert_complete("SELECT ", "SELECT ", 0);
	assert_complete("SELECT 18446744073709551615", "SELECT", UINT64_MAX);
	assert_complete("SELECT 18446744073709551616", "SELECT", UINT64_MAX);
	assert_complete("SELECT 99999999999999999999999999999999", "SELECT", UINT64_MAX);
	struct reply_complete complete;
	assert_false(reply_decode_complete(LITERAL("SELECT 5\0x"), &complete));
}

#define ERROR_BODY "SERROR\0VERROR\0C42P01\0Mrelation \"a\" does not exist\0P15\0Fparse_relation.c\0L1392\0\0"

/* The SQLSTATE is found as soon as the prefix holds it, and never before. */
static void test_sqlstate_at_every_prefix(void **state)
{
	(void)state;
	struct bytes body = LITERAL(ERROR_BODY);
	size_t needed = sizeof "SERROR\0VERROR\0C42P01";
	for (size_t len = 0; len <= body.len; len++) {
		char sqlstate[6];
		assert_int_equal(reply_decode_sqlstate(guard_copy(body.data, len), sqlstate), len >= needed);
		assert_string_equal(sqlstate, len >= needed ? "42P01" : "");
	}
}

/* Only five of the characters an SQLSTATE has are one: what goes into a log is never the server's free text. */
static void test_sqlstate_wrong(void **state)
{
	(void)state;
	char sqlstate[6];
	assert_false(reply_decode_sqlstate(LITERAL("SERROR\0Mno code\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("\0C42P01\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("C42P0\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("C42P011\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("C42p01\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("C4 P01\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL("C\0\0"), sqlstate));
	assert_false(reply_decode_sqlstate(LITERAL(""), sqlstate));
	assert_string_equal(sqlstate, "");
	/* The C inside another field's text is no field. */
	assert_false(reply_decode_sqlstate(LITERAL("MC42P01\0\0"), sqlstate));
}

/* FATAL and PANIC close; V decides, since S is in the server's language, and S does where V is missing. */
static void test_fatal(void **state)
{
	(void)state;
	assert_true(reply_is_fatal(LITERAL("SFATAL\0VFATAL\0C57P01\0Mx\0\0")));
	assert_true(reply_is_fatal(LITERAL("SPANIK\0VPANIC\0CXX000\0Mx\0\0")));
	assert_true(reply_is_fatal(LITERAL("SSCHWERWIEGEND\0VFATAL\0C57P01\0\0")));
	assert_true(reply_is_fatal(LITERAL("VFATAL\0SSCHWERWIEGEND\0C57P01\0\0")));
	assert_true(reply_is_fatal(LITERAL("SFATAL\0C57P01\0Mx\0\0")));
	assert_false(reply_is_fatal(LITERAL("SERROR\0VERROR\0C42P01\0\0")));
	assert_false(reply_is_fatal(LITERAL("SFATAL\0VERROR\0C42P01\0\0")));
	assert_false(reply_is_fatal(LITERAL("SERROR\0C42P01\0MFATAL\0\0")));
	assert_false(reply_is_fatal(LITERAL("")));
	struct bytes body = LITERAL("SFEHLER\0VFATAL\0C57P01\0\0");
	for (size_t len = 0; len <= body.len; len++)
		assert_int_equal(reply_is_fatal(guard_copy(body.data, len)), len >= 15);
}

/* A ParameterStatus is two strings and no more. */
static void test_parameter(void **state)
{
	(void)state;
	struct bytes body = LITERAL("client_encoding\0UTF8\0");
	struct reply_parameter parameter;
	for (size_t len = 0; len < body.len; len++)
		assert_false(reply_decode_parameter(guard_copy(body.data, len), &parameter));
	assert_true(reply_decode_parameter(guard_copy(body.data, body.len), &parameter));
	assert_true(bytes_equal(parameter.name, "client_encoding"));
	assert_true(bytes_equal(parameter.value, "UTF8"));
	assert_false(reply_decode_parameter(LITERAL("a\0b\0c"), &parameter));
	assert_true(reply_decode_parameter(LITERAL("a\0\0"), &parameter));
	assert_int_equal(parameter.value.len, 0);
}

/* ReadyForQuery's three states, and zero for any other byte or length. */
static void test_ready(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		uint8_t body = (uint8_t)byte;
		bool known = byte == 'I' || byte == 'T' || byte == 'E';
		assert_int_equal(reply_decode_ready(guard_copy(&body, 1)), known ? byte : 0);
	}
	assert_int_equal(reply_decode_ready(LITERAL("")), 0);
	assert_int_equal(reply_decode_ready(LITERAL("II")), 0);
}

/* All fields, in the server's order, byte for byte. */
static void test_write_all_fields(void **state)
{
	(void)state;
	const struct reply_error error = {
	    .severity = "ERROR", .sqlstate = "42501", .message = "no", .detail = "because", .hint = "do"};
	static const char expected[] = "E\0\0\0\x2b"
	                               "SERROR\0VERROR\0C42501\0Mno\0Dbecause\0Hdo\0";
	uint8_t area[64];
	size_t bytes = reply_write_error(area, sizeof area, &error);
	assert_bytes((struct bytes){area, bytes}, expected, sizeof expected);
	assert_int_equal(bytes_get_u32(area + 1), bytes - 1);

	char sqlstate[6];
	struct bytes body = {area + 5, bytes - 5};
	assert_true(reply_decode_sqlstate(body, sqlstate));
	assert_string_equal(sqlstate, "42501");
	assert_false(reply_is_fatal(body));
}

/* Fields without text are left out, as the server does. */
static void test_write_without_optional_fields(void **state)
{
	(void)state;
	const struct reply_error error = {.severity = "FATAL", .sqlstate = "08P01", .message = "x", .detail = ""};
	static const char expected[] = "E\0\0\0\x1d"
	                               "SFATAL\0VFATAL\0C08P01\0Mx\0";
	uint8_t area[64];
	size_t bytes = reply_write_error(area, sizeof area, &error);
	assert_bytes((struct bytes){area, bytes}, expected, sizeof expected);
	assert_true(reply_is_fatal((struct bytes){area + 5, bytes - 5}));
}

/* Every size below the length needed leaves the buffer alone; the length itself suffices and is all that is touched. */
static void test_write_sizes(void **state)
{
	(void)state;
	const struct reply_error error = {.severity = "ERROR", .sqlstate = "42501", .message = "m", .hint = "h"};
	size_t needed = reply_write_error(NULL, 0, &error);
	uint8_t before[64], area[64];
	memset(before, 0xaa, sizeof before);
	for (size_t size = 0; size <= needed; size++) {
		memset(area, 0xaa, sizeof area);
		assert_int_equal(reply_write_error(area, size, &error), needed);
		if (size < needed)
			assert_memory_equal(area, before, sizeof area);
		else
			assert_memory_equal(area + size, before, sizeof area - size);
	}
	assert_int_equal(area[0], 'E');
}

/* Only plain ASCII goes out, whatever the client's encoding: other bytes become question marks, one each, and
 * the ellipsis of our own texts three points. */
static void test_write_is_ascii(void **state)
{
	(void)state;
	const struct reply_error error = {.severity = "ERROR",
	                                  .sqlstate = "42501",
	                                  .message = "caf\xc3\xa9\x7f\x01\r",
	                                  .detail = "f(\u2026, \u2026)",
	                                  .hint = "two\nlines\tof ~ it"};
	uint8_t area[128];
	size_t bytes = reply_write_error(area, sizeof area, &error);
	assert_non_null(memmem(area, bytes, "Mcaf?????\0D", 11));
	assert_non_null(memmem(area, bytes, "Df(..., ...)\0H", 14));
	assert_non_null(memmem(area, bytes, "Htwo\nlines\tof ~ it\0", 19));

	/* Unless it is in the client's encoding already. */
	const struct reply_error encoded = {
	    .severity = "ERROR", .sqlstate = "42501", .message = "gr\xf6\xdf" "e\x01", .detail = "\x95\\", .encoded = true};
	bytes = reply_write_error(area, sizeof area, &encoded);
	assert_non_null(memmem(area, bytes, "Mgr\xf6\xdf" "e?\0D\x95\\", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_complete_strange),
	    cmocka_unit_test(test_sqlstate_at_every_prefix),
	    cmocka_unit_test(test_sqlstate_wrong),
	    cmocka_unit_test(test_fatal),
	    cmocka_unit_test(test_parameter),
	    cmocka_unit_test(test_ready),
	    cmocka_unit_test(test_write_all_fields),
	    cmocka_unit_test(test_write_without_optional_fields),
	    cmocka_unit_test(test_write_sizes),
	    cmocka_unit_test(test_write_is_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
