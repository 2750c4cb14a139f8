#include "report/report.h"

#include "config/check.h"
#include "config/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* -- fixture and helpers ----------------------------------------------------------------------- */

static const char LINE[] =
    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"fingerprint\",\"fingerprint\":\"1\",\"query\":\"SELECT $1\","
    "\"calls\":2,\"total_ms\":3,\"histogram\":\"110:2\"}\n";

static char directory[] = "/tmp/pgproctor-report-XXXXXX";
static char paths[3][64];
static char said[1 << 16], complained[1 << 16];

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	for (size_t at = 0; at < ARRAY_LEN(paths); at++)
		snprintf(paths[at], sizeof(paths[at]), "%s/%zu", directory, at);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(paths); at++)
		unlink(paths[at]);
	return rmdir(directory);
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static int divert(int fd, const char *path)
{
	int saved = dup(fd), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(saved >= 0 && file >= 0);
	assert_true(dup2(file, fd) >= 0);
	close(file);
	return saved;
}

static void restore(int fd, int saved, const char *path, char *to, size_t size)
{
	dup2(saved, fd);
	close(saved);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	to[fread(to, 1, size - 1, file)] = '\0';
	fclose(file);
	unlink(path);
}

/* report_run, with what it writes in `said` and `complained`. */
static int run(char *const *logs, int count, bool markdown)
{
	char out[80], err[80];
	snprintf(out, sizeof(out), "%s/out", directory);
	snprintf(err, sizeof(err), "%s/err", directory);
	fflush(stdout);
	fflush(stderr);
	int saved_out = divert(STDOUT_FILENO, out), saved_err = divert(STDERR_FILENO, err);
	int status = report_run(logs, count, markdown);
	fflush(stdout);
	fflush(stderr);
	restore(STDOUT_FILENO, saved_out, out, said, sizeof(said));
	restore(STDERR_FILENO, saved_err, err, complained, sizeof(complained));
	return status;
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Several logs are one review; text and markdown tell the same. */
static void several_logs(void **state)
{
	(void)state;
	char *logs[] = {paths[0], paths[1]};
	write_file(paths[0], LINE, strlen(LINE));
	write_file(paths[1], LINE, strlen(LINE) - 1); /* no newline at its end */
	assert_int_equal(run(logs, 2, false), 0);
	assert_non_null(strstr(said, "\n4 statements, 0 errors, 0 rejected"));
	assert_string_equal(complained, "");
	assert_int_equal(run(logs, 2, true), 0);
	assert_non_null(strstr(said, "4 statements, 0 errors, 0 rejected"));
	assert_int_equal(strncmp(said, "# pgproctor review\n", 19), 0);
}

/* "-" is standard input. */
static void standard_input(void **state)
{
	(void)state;
	char *logs[] = {(char *)"-"};
	write_file(paths[0], LINE, strlen(LINE));
	assert_non_null(freopen(paths[0], "r", stdin));
	assert_int_equal(run(logs, 1, false), 0);
	assert_non_null(strstr(said, "\n2 statements"));
}

/* No line is too long to get over: one of any length counts as one that was skipped, and what follows is read. */
static void long_lines(void **state)
{
	(void)state;
	for (size_t len = 2 * LIMIT_LOG_LINE_BYTES - 3; len < 2 * LIMIT_LOG_LINE_BYTES + 3; len++) {
		char *logs[] = {paths[0]};
		char *text = malloc(4 * len + 2 * sizeof(LINE));
		assert_non_null(text);
		memset(text, 'x', len);
		text[len] = '\n';
		memcpy(text + len + 1, LINE, strlen(LINE));
		size_t at = len + 1 + strlen(LINE);
		memset(text + at, 'y', 3 * len);
		write_file(paths[0], text, at + 3 * len);
		free(text);
		assert_int_equal(run(logs, 1, false), 0);
		assert_non_null(strstr(said, "\n2 statements"));
		assert_non_null(strstr(said, "2 of 3 lines read are not pgproctor's JSON"));
	}
}

/* What can't be read, or is no log, is one line on standard error, status 1, and no review. */
static void unusable_logs(void **state)
{
	(void)state;
	char *missing[] = {(char *)"/nonexistent.log"}, *folder[] = {directory}, *empty[] = {paths[0]};
	assert_int_equal(run(missing, 1, false), 1);
	assert_string_equal(complained,
	                    "pgproctor: report: /nonexistent.log: cannot read it: No such file or directory\n");
	assert_string_equal(said, "");
	assert_int_equal(run(folder, 1, false), 1);
	assert_non_null(strstr(complained, ": cannot read it: Is a directory\n"));
	write_file(paths[0], "", 0);
	assert_int_equal(run(empty, 1, false), 1);
	assert_non_null(strstr(complained, "no line of a pgproctor log in "));
	write_file(paths[0], "2026-11-22 19:21:32.123 INFO  started\n", 38);
	assert_int_equal(run(empty, 1, true), 1);
	assert_non_null(strstr(complained, "log_format = json"));
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(several_logs),
	    cmocka_unit_test(standard_input),
	    cmocka_unit_test(long_lines),
	    cmocka_unit_test(unusable_logs),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
