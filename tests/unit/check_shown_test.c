#include "proxy/check/check_shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ---------------------------------------------------------------------------------------- */

static void expect(const char *text, bool conforming, const char *wanted)
{
	struct check_shown shown;
	check_shown_init(&shown, text, strlen(text));
	check_shown_hide(&shown, text, strlen(text), conforming);
	assert_memory_equal(check_shown_at(&shown, text), wanted, strlen(wanted));
	assert_int_equal(strlen(text), strlen(wanted));
	check_shown_fini(&shown);
}

/* -- cases ------------------------------------------------------------------------------------------ */

/* Strings of all kinds lose what is in them, and nothing else does; lines stay lines. */
static void strings(void **state)
{
	(void)state;
	expect("SELECT 'ab', \"c\", 5 -- d", true, "SELECT '**', \"c\", 5 -- d");
	expect("SELECT 'it''s', E'a\\'b', $$x$$, $t$y$t$, B'1'", true, "SELECT '*****', E'****', $$*$$, $t$*$t$, B'*'");
	expect("SELECT 'a\nb'", true, "SELECT '*\n*'");
	expect("SELECT 'a\\'b', c", false, "SELECT '****', c");
	expect("SELECT 'ab", true, "SELECT '**");
	expect("SELECT $$ab", true, "SELECT $***");
	expect("", true, "");
}

/* Only the statement that is named, and nothing before anything is. */
static void others_stay(void **state)
{
	(void)state;
	static const char text[] = "SELECT 'a'; SELECT 'b'; SELECT 'c'";
	struct check_shown shown;
	check_shown_init(&shown, text, strlen(text));
	assert_ptr_equal(check_shown_at(&shown, text + 3), text + 3);
	check_shown_hide(&shown, text + 12, 10, true);
	assert_memory_equal(check_shown_at(&shown, text), "SELECT 'a'; SELECT '*'; SELECT 'c'", strlen(text));
	assert_string_equal(text, "SELECT 'a'; SELECT 'b'; SELECT 'c'");
	check_shown_fini(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings),
	    cmocka_unit_test(others_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
