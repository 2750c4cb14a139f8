#include "inspect/session/readings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct session_state session;
static struct readings_way ways[READINGS_MAX];

static size_t list(const char *encoding, const char *sql, bool misread)
{
	session_state_parameter(&session, "client_encoding", 15, encoding, strlen(encoding));
	return readings_list(&session, sql, strlen(sql), misread, ways);
}

static bool has(size_t count, const char *encoding, bool conforming)
{
	for (size_t at = 0; at < count; at++)
		if (ways[at].encoding == encoding_named(encoding, strlen(encoding)) &&
		    ways[at].standard_conforming_strings == conforming)
			return true;
	return false;
}

static int set_up(void **state)
{
	(void)state;
	session_state_init(&session, "shop", 4, "anna", 4);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	session_state_fini(&session);
	return 0;
}

/* Most texts are the same in all ways, also with literals and comments in any language. */
static void nothing_to_doubt(void **state)
{
	(void)state;
	assert_int_equal(list("UTF8", "SELECT 1", false), 0);
	assert_int_equal(list("UTF8", "", false), 0);
	assert_int_equal(list("LATIN1", "SELECT '\xf6\xdf' -- \xe4\n", false), 0);
	assert_int_equal(list("UTF8", "SELECT '\xd1\x8d\xd1\x82\xd0\xbe', $a$\xd1\x8d$a$ /* \xd1\x8d */", false), 0);
	assert_int_equal(list("UTF8", "SELECT U&\"gr\\00f6\" FROM t", false), 1); /* the backslash */
}

/* A backslash makes two, and the current one is not among those that are listed. */
static void by_backslash(void **state)
{
	(void)state;
	assert_int_equal(list("UTF8", "SELECT '\\'", false), 1);
	assert_true(has(1, "UTF8", false));
	session.standard_conforming_strings = false;
	assert_int_equal(list("UTF8", "SELECT '\\'", false), 1);
	assert_true(has(1, "UTF8", true));
}

/* Where a character could end in an ASCII byte those count that would let it, and from one of those one that doesn't. */
static void by_characters(void **state)
{
	(void)state;
	size_t count = list("UTF8", "SELECT '\x83\\'", false);
	assert_int_equal(count, 2 * 6 + 1);
	assert_true(has(count, "SJIS", true));
	assert_true(has(count, "GB18030", false));
	assert_false(has(count, "UTF8", true));
	assert_false(has(count, "LATIN1", true));
	count = list("BIG5", "SELECT '\x83\\'", false);
	assert_int_equal(count, 2 * 6 + 1);
	assert_true(has(count, "UTF8", true));
	assert_false(has(count, "BIG5", true));
	assert_true(has(count, "BIG5", false));
	/* What is no text in the current one may be one in any other. */
	count = list("EUC_JP", "SELECT '\x83'", true);
	assert_true(has(count, "UTF8", true));
	assert_true(has(count, "SJIS", true));
}

/* A name is another one in each encoding, quoted or not. */
static void by_names(void **state)
{
	static const char *const texts[] = {
	    "CREATE INDEX ON gro\xdf (a)",
	    "CREATE INDEX ON \"\xc3\xb6\" (a)",
	    "SELECT t.\xe4 FROM t",
	    /* In one of its two readings only. */
	    "SELECT 'a\\', \xe4, ', '",
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		size_t backslash = strchr(texts[at], '\\') ? 2 : 1;
		size_t count = list("UTF8", texts[at], false);
		assert_int_equal(count, backslash * ENCODING_COUNT - 1);
		assert_true(has(count, "LATIN1", true));
		assert_true(has(count, "KOI8R", true));
		assert_true(has(count, "EUC_JP", true));
		assert_false(has(count, "UTF8", true));
		assert_int_equal(list("WIN1251", texts[at], false), backslash * ENCODING_COUNT - 1);
	}
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(nothing_to_doubt),
	    CASE(by_backslash),
	    CASE(by_characters),
	    CASE(by_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
