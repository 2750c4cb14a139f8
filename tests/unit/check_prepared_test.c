#include "proxy/check/check_prepared.h"

#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct check_prepared prepared;

static int set_up(void **state)
{
	(void)state;
	check_prepared_init(&prepared);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	check_prepared_fini(&prepared);
	return 0;
}

static void follow(enum statement_kind kind, const char *name, const char *text)
{
	const struct facts facts = {.kind = kind, .name = name};
	check_prepared_follow(&prepared, &facts, text, strlen(text));
}

static const char *found(const char *name)
{
	const struct check_prepared_text *text = check_prepared_find(&prepared, name);
	return text != NULL ? text->text : "";
}

/* A name holds its text until it is deallocated; a second PREPARE of it is an error and changes nothing. */
static void names(void **state)
{
	(void)state;
	follow(STATEMENT_PREPARE, "a", "PREPARE a AS SELECT 1");
	follow(STATEMENT_PREPARE, "b", "PREPARE b AS SELECT 2");
	follow(STATEMENT_PREPARE, "a", "PREPARE a AS SELECT 3");
	follow(STATEMENT_SELECT, "c", "SELECT 1");
	assert_string_equal(found("a"), "PREPARE a AS SELECT 1");
	assert_string_equal(found("b"), "PREPARE b AS SELECT 2");
	assert_string_equal(found("c"), "");
	follow(STATEMENT_DEALLOCATE, "a", "DEALLOCATE a");
	follow(STATEMENT_DEALLOCATE, "nobody", "DEALLOCATE nobody");
	assert_string_equal(found("a"), "");
	follow(STATEMENT_PREPARE, "a", "PREPARE a AS SELECT 4");
	assert_string_equal(found("a"), "PREPARE a AS SELECT 4");
	follow(STATEMENT_DEALLOCATE, NULL, "DEALLOCATE ALL");
	assert_string_equal(found("a"), "");
	assert_string_equal(found("b"), "");
}

static void discards(void **state)
{
	(void)state;
	follow(STATEMENT_PREPARE, "a", "x");
	follow(STATEMENT_DISCARD, "temp", "DISCARD TEMP");
	assert_string_equal(found("a"), "x");
	follow(STATEMENT_DISCARD, "all", "DISCARD ALL");
	assert_string_equal(found("a"), "");
}

/* Past the ceiling names are not kept. */
static void many(void **state)
{
	(void)state;
	char name[20];
	for (int at = 0; at <= LIMIT_CHECK_PREPARED; at++) {
		snprintf(name, sizeof(name), "n%d", at);
		follow(STATEMENT_PREPARE, name, "x");
	}
	assert_int_equal(prepared.count, LIMIT_CHECK_PREPARED);
	assert_string_equal(found("n0"), "x");
	assert_string_equal(found(name), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(discards, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
