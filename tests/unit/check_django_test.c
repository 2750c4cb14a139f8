#include "proxy/check/check_django.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* Only what is not applied, in the plan's order; a line that is none of the plan's is passed over. */
static void the_plan(void **state)
{
	const char *plan = "[X]  auth.0001_initial\n[ ]  shop.0002_price\nnonsense\n[ ]  \n[ ]  nodot\n"
	                   "[ ]  shop.0003_squashed_0002_x  (shop.0002_price)\n[ ]  last.0001_initial";
	struct check_django_migration migration;
	(void)state;
	assert_true(check_django_next(&plan, &migration));
	assert_string_equal(migration.app, "shop");
	assert_string_equal(migration.name, "0002_price");
	assert_true(check_django_next(&plan, &migration));
	assert_string_equal(migration.name, "0003_squashed_0002_x");
	assert_true(check_django_next(&plan, &migration));
	assert_string_equal(migration.app, "last");
	assert_false(check_django_next(&plan, &migration));
}

/* What settings print is no SQL; where nothing looks like sqlmigrate's, all is. */
static void the_sql(void **state)
{
	static const char *const cases[][2] = {
	    {"BEGIN;\nSELECT 1;\n", "BEGIN;\nSELECT 1;\n"},
	    {"hello\n\nBEGINNING;\n--\n-- Raw SQL\n--\nSELECT 1;", "--\n-- Raw SQL\n--\nSELECT 1;"},
	    {"no newline", "no newline"},
	    {"", ""},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		assert_string_equal(check_django_sql(cases[at][0]), cases[at][1]);
}

/* What it prints, and its arguments as they are; a failure is told by NULL. */
static void running(void **state)
{
	char directory[] = "/tmp/pgproctor-django-XXXXXX", path[64];
	const char *const good[] = {"sqlmigrate", "a b", "$HOME", NULL}, *const bad[] = {"fail", NULL};
	size_t len;
	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/manage.py", directory);
	FILE *manage = fopen(path, "we");
	assert_non_null(manage);
	fputs("import sys\nprint('|'.join(sys.argv))\nsys.exit(sys.argv[1] == 'fail')\n", manage);
	fclose(manage);
	char *text = check_django_run(directory, good, &len);
	assert_non_null(text);
	assert_string_equal(text, "manage.py|sqlmigrate|a b|$HOME\n");
	assert_int_equal(len, strlen(text));
	free(text);
	assert_null(check_django_run(directory, bad, &len));
	unlink(path);
	rmdir(directory);
	assert_null(check_django_run(directory, good, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_plan), cmocka_unit_test(the_sql),
	    cmocka_unit_test(running),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
