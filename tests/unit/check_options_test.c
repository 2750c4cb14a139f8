#include "proxy/check/check_options.h"

#include "proxy/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { ARGUMENTS_MAX = 16 };

static struct options options;

static int parse(const char *first, ...)
{
	static char *argv[ARGUMENTS_MAX + 3];
	int argc = 0;
	va_list arguments;
	argv[argc++] = (char *)"pgproctor";
	argv[argc++] = (char *)"check";
	va_start(arguments, first);
	for (const char *argument = first; argument; argument = va_arg(arguments, const char *)) {
		assert_true(argc < ARGUMENTS_MAX + 2);
		argv[argc++] = (char *)argument;
	}
	va_end(arguments);
	argv[argc] = NULL;
	memset(&options, 0, sizeof(options));
	settings_defaults(&options.settings);
	return check_options_parse(&options, argc, argv);
}

/* Files and options in any order; the DSN is the catalog's. */
static void all_of_them(void **state)
{
	(void)state;
	assert_int_equal(parse("a.sql", "--dsn", "dbname=shop", "--format=json", "-", "--fail-on", "warning",
	                       "--assume-rows", "1e6", "--locks", "--access", "--large-table-rows", "500",
	                       "--traffic", "a.log", "--traffic=b.log", NULL),
	                 0);
	assert_int_equal(options.command, OPTIONS_CHECK);
	assert_int_equal(options.check.file_count, 2);
	assert_string_equal(options.check.files[0], "a.sql");
	assert_string_equal(options.check.files[1], "-");
	assert_string_equal(options.settings.catalog, "dbname=shop");
	assert_int_equal(options.check.format, CHECK_PRINT_JSON);
	assert_int_equal(options.check.fail_on, SEVERITY_WARN);
	assert_true(options.check.assume_rows == 1e6);
	assert_true(options.check.locks && options.check.access);
	assert_true(options.settings.large_table_rows == 500);
	assert_int_equal(options.check.traffic_count, 2);
	assert_string_equal(options.check.traffic[0], "a.log");
	assert_string_equal(options.check.traffic[1], "b.log");
}

/* By default errors fail, and how large a table is is not known. */
static void defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("a.sql", NULL), 0);
	assert_int_equal(options.check.fail_on, SEVERITY_ERROR);
	assert_true(options.check.assume_rows < 0);
	assert_int_equal(options.check.format, CHECK_PRINT_TEXT);
	assert_false(options.check.locks || options.check.access);
	assert_null(options.check.migrations);
	assert_int_equal(parse("--fail-on", "never", "a.sql", NULL), 0);
	assert_true(options.check.fail_on > SEVERITY_BLOCK);
}

/* The project's directory may be left out. */
static void migrations(void **state)
{
	(void)state;
	assert_int_equal(parse("--migrations", NULL), 0);
	assert_string_equal(options.check.migrations, ".");
	assert_int_equal(parse("--migrations", "tests", NULL), 0);
	assert_string_equal(options.check.migrations, "tests");
	assert_int_equal(options.check.file_count, 0);
	assert_int_equal(parse("--migrations=elsewhere", "a.sql", NULL), 0);
	assert_string_equal(options.check.migrations, "elsewhere");
	assert_int_equal(options.check.file_count, 1);
}

/* What makes no sense is refused with status 2 and a sentence, which never repeats the value of an option. */
static void refusals(void **state)
{
	(void)state;
	assert_int_equal(parse("--dsn", NULL), 2);
	assert_string_equal(options.error, "check: --dsn needs a value");
	assert_int_equal(parse("--format", "xml", "a.sql", NULL), 2);
	assert_int_equal(parse("--format", "markdown", "a.sql", NULL), 2);
	assert_int_equal(parse("--fail-on", "sometimes", "a.sql", NULL), 2);
	assert_int_equal(parse("--assume-rows", "many", "a.sql", NULL), 2);
	assert_int_equal(parse("--rules", "a.sql", NULL), 2);
	assert_int_equal(parse("--config", "/nowhere/at/all.ini", "a.sql", NULL), 2);
	assert_int_equal(parse("--dns=password=secret", "a.sql", NULL), 2);
	assert_null(strstr(options.error, "secret"));
	assert_int_equal(parse("--set", "nothing", "a.sql", NULL), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_of_them),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(migrations),
	    cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
