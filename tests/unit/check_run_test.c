#include "proxy/check/check_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct settings settings;
static char output[64 * 1024];

/* Runs over a file of that text, without a catalog; the status, and what it wrote in `output`. */
static int run(const char *sql, double assume_rows, int fail_on, const char *dsn)
{
	char name[] = "/tmp/pgproctor-check-XXXXXX", out_name[] = "/tmp/pgproctor-check-XXXXXX";
	char *files[] = {name};
	struct check_options options = {
	    .format = CHECK_PRINT_JSON,
	    .fail_on = fail_on,
	    .assume_rows = assume_rows,
	    .locks = true,
	    .files = files,
	    .file_count = 1,
	};
	int file = mkstemp(name), out = mkstemp(out_name);
	assert_true(file >= 0 && out >= 0);
	assert_int_equal(write(file, sql, strlen(sql)), strlen(sql));
	close(file);
	settings_defaults(&settings);
	snprintf(settings.catalog, sizeof(settings.catalog), "%s", dsn);
	settings.catalog_timeout_ms = 1000;

	fflush(stdout);
	int before = dup(STDOUT_FILENO);
	dup2(out, STDOUT_FILENO);
	int status = check_run(&settings, &options);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	ssize_t len = pread(out, output, sizeof(output) - 1, 0);
	assert_true(len >= 0);
	output[len] = '\0';
	close(out);
	unlink(name);
	unlink(out_name);
	return status;
}

/* Findings on tables that are taken for large fail; on small ones there are none. */
static void assumed_sizes(void **state)
{
	(void)state;
	assert_int_equal(run("CREATE INDEX i ON t (a);", 1e7, SEVERITY_ERROR, ""), CHECK_RUN_FOUND);
	assert_non_null(strstr(output, "\"code\":\"M202\",\"severity\":\"block\""));
	assert_int_equal(run("CREATE INDEX i ON t (a);", 10, SEVERITY_ERROR, ""), CHECK_RUN_FINE);
	assert_null(strstr(output, "\"event\":\"finding\""));
	assert_int_equal(run("CREATE INDEX i ON t (a);", -1, SEVERITY_ERROR, ""), CHECK_RUN_FOUND);
	assert_non_null(strstr(output, "\"code\":\"M202\",\"severity\":\"error\""));
	assert_int_equal(run("CREATE INDEX i ON t (a);", -1, SEVERITY_BLOCK, ""), CHECK_RUN_FINE);
}

/* What the file makes in the same transaction is nobody's to wait for. */
static void followed(void **state)
{
	(void)state;
	assert_int_equal(
	    run("BEGIN; CREATE TABLE t (a int);\nCREATE INDEX i ON t (a); COMMIT;", 1e7, SEVERITY_INFO, ""),
	    CHECK_RUN_FINE);
	assert_int_equal(
	    run("SET TIME ZONE 'UTC';\nBEGIN; SET LOCAL TIME ZONE 'Europe/Berlin'; COMMIT;", 1e7, SEVERITY_INFO, ""),
	    CHECK_RUN_FINE);
}

/* A statement that can't be parsed is said, and what stands around it is judged. */
static void unparsed(void **state)
{
	(void)state;
	assert_int_equal(run("SELEC 1;\n\\set x 1\nCREATE INDEX i ON t (a);", 1e7, SEVERITY_ERROR, ""),
	                 CHECK_RUN_FOUND);
	assert_non_null(strstr(output, "\"event\":\"unparsed\",\"level\":\"warning\""));
	assert_non_null(strstr(output, "backslash"));
	assert_non_null(strstr(output, "\"line\":3"));
}

/* No server, no judgement: status 2, without a word of the password. */
static void no_server(void **state)
{
	(void)state;
	assert_int_equal(run("SELECT 1", -1, SEVERITY_ERROR, "host=/nowhere password=hunter22"), CHECK_RUN_FAILED);
	assert_null(strstr(output, "hunter22"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(assumed_sizes),
	    cmocka_unit_test(followed),
	    cmocka_unit_test(unparsed),
	    cmocka_unit_test(no_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
