#include "inspect/session/session_setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct session_setting setting;

static int tear_down(void **state)
{
	(void)state;
	session_setting_fini(&setting);
	return 0;
}

static void now_is(const char *text)
{
	assert_false(setting.now.unknown);
	if (text)
		assert_string_equal(setting.now.text, text);
	else
		assert_null(setting.now.text);
}

static void set(const char *text, bool local, bool block, uint32_t depth)
{
	const struct session_setting_value value = {.text = (char *)text, .unknown = !text};
	session_setting_set(&setting, &value, local, block, depth);
}

static void reset(void)
{
	const struct session_setting_value value = setting.reset;
	session_setting_set(&setting, &value, false, false, 0);
}

/* What the start-up packet says is there after a RESET; before, and with none, nothing is. */
static void resets(void **state)
{
	(void)state;
	set("a", false, false, 0);
	reset();
	now_is(NULL);
	session_setting_start(&setting, "startup", strlen("startup"));
	set(NULL, false, false, 0);
	assert_true(setting.now.unknown);
	reset();
	now_is("startup");
	session_setting_told(&setting, "told", strlen("told"));
	now_is("told");
	session_setting_told(&setting, "a\0b", 3);
	assert_true(setting.now.unknown);
}

/* A local change ends with the transaction, any with its ROLLBACK; outside there is no local one. */
static void transactions(void **state)
{
	(void)state;
	set("a", false, false, 0);
	session_setting_end(&setting, true);
	set("nothing", true, false, 0);
	now_is("a");
	set("b", true, true, 0);
	now_is("b");
	session_setting_end(&setting, true);
	now_is("a");
	set("b", false, true, 0);
	set("c", true, true, 0);
	session_setting_end(&setting, true);
	now_is("b");
	set("c", false, true, 0);
	session_setting_end(&setting, false);
	now_is("b");
	session_setting_end(&setting, false);
	now_is("b");
}

/* ROLLBACK TO the outer one of two savepoints undoes what the inner one's changes were, released or not. */
static void savepoints(void **state)
{
	(void)state;
	session_setting_told(&setting, "a", 1);
	set("b", false, true, 1);
	set("c", true, true, 2);
	session_setting_rollback(&setting, 2);
	now_is("b");
	set("c", false, true, 2);
	session_setting_release(&setting, 2);
	now_is("c");
	session_setting_rollback(&setting, 1);
	now_is("a");
	session_setting_end(&setting, true);
	now_is("a");
	/* One that came after the change keeps it. */
	set("b", false, true, 0);
	session_setting_rollback(&setting, 1);
	now_is("b");
}

static void doubts(void **state)
{
	(void)state;
	session_setting_told(&setting, "a", 1);
	session_setting_doubt(&setting);
	now_is("a");
	set("a", false, true, 0);
	session_setting_doubt(&setting);
	now_is("a");
	set("b", true, true, 0);
	session_setting_doubt(&setting);
	assert_true(setting.now.unknown);
	session_setting_end(&setting, true);
	assert_true(setting.now.unknown);
}

/* What is set before the Sync goes with the block that begins before it, and with an error. */
static void before_sync(void **state)
{
	(void)state;
	session_setting_told(&setting, "a", 1);
	set("b", false, false, 0);
	set("c", true, true, 0);
	set("d", true, true, 1);
	assert_string_equal(session_setting_earlier(&setting, 0)->text, "a");
	assert_string_equal(session_setting_earlier(&setting, 1)->text, "b");
	assert_string_equal(session_setting_earlier(&setting, 2)->text, "c");
	assert_null(session_setting_earlier(&setting, 3));
	session_setting_end(&setting, false);
	now_is("a");
	assert_null(session_setting_earlier(&setting, 0));
}

/* A copy's way is its own. */
static void copies(void **state)
{
	(void)state;
	struct session_setting copy;
	session_setting_start(&setting, "a", 1);
	set("b", false, true, 2);
	session_setting_copy(&copy, &setting);
	session_setting_rollback(&copy, 1);
	assert_string_equal(copy.now.text, "a");
	session_setting_end(&copy, true);
	assert_string_equal(copy.now.text, "a");
	session_setting_fini(&copy);
	now_is("b");
	session_setting_end(&setting, true);
	now_is("b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(resets, tear_down),     cmocka_unit_test_teardown(transactions, tear_down),
	    cmocka_unit_test_teardown(savepoints, tear_down), cmocka_unit_test_teardown(doubts, tear_down),
	    cmocka_unit_test_teardown(copies, tear_down),     cmocka_unit_test_teardown(before_sync, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
