#include "proxy/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/pgproctor-logfile-XXXXXX";
static char path[sizeof(directory) + 8];
static char other[sizeof(directory) + 8];

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(other, sizeof(other), "%s/old", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(directory);
}

static struct logfile open_it(void)
{
	struct logfile file;
	assert_true(logfile_open(&file, path));
	return file;
}

static void add(struct logfile *file, const char *line)
{
	logfile_add(file, line, strlen(line));
}

static void assert_holds(const char *name, const char *wanted)
{
	char text[4096] = "";
	int fd = open(name, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(len >= 0);
	assert_string_equal(text, wanted);
}

/* Files can grow to `bytes`, then write(2) takes what fits, and then nothing (EFBIG). */
static void limit_files_to(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void limit_files_no_more(void)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Nothing of a batch is there before it is flushed, and what is written at once comes after it. */
static void lines_keep_their_order(void **state)
{
	(void)state;
	struct logfile file = open_it();
	add(&file, "one\n");
	add(&file, "two\n");
	assert_holds(path, "");
	logfile_write(&file, "three\nfour\n", 11);
	assert_holds(path, "one\ntwo\nthree\nfour\n");
	add(&file, "five\n");
	logfile_flush(&file);
	assert_holds(path, "one\ntwo\nthree\nfour\nfive\n");
	assert_int_equal(file.lost_total, 0);
	logfile_close(&file);
	file = open_it();
	logfile_write(&file, "six\n", 4);
	logfile_close(&file);
	assert_holds(path, "one\ntwo\nthree\nfour\nfive\nsix\n");
}

/* A batch that a line no longer fits is written, and the line begins the next. */
static void a_full_batch(void **state)
{
	(void)state;
	static char line[LOGFILE_BATCH_BYTES];
	struct logfile file = open_it();
	struct stat status;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	add(&file, "short\n");
	logfile_add(&file, line, sizeof(line));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 6);
	logfile_flush(&file);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, 6 + LOGFILE_BATCH_BYTES);
	logfile_close(&file);
}

/* What doesn't fit the disk any more is lost, by lines: the torn one as well, and a row that goes with the line before
 * it not again. Then what follows begins a line of its own. */
static void a_full_disk(void **state)
{
	(void)state;
	static const char lines[] = "first\nsecond\nthird\n      with a row\nfourth\n";
	struct logfile file = open_it();
	limit_files_to(9);
	logfile_write(&file, lines, sizeof(lines) - 1);
	limit_files_no_more();
	assert_holds(path, "first\nsec");
	assert_int_equal(file.lost_now, 3);
	assert_int_equal(file.lost_total, 3);
	logfile_write(&file, "fifth\n", 6);
	assert_holds(path, "first\nsec\nfifth\n");
	assert_int_equal(file.lost_total, 3);
	logfile_close(&file);
}

/* The line about lost ones is not itself a lost one, and is told again when there is room. */
static void telling_of_the_lost(void **state)
{
	(void)state;
	struct logfile file = open_it();
	logfile_lose(&file, 2);
	limit_files_to(0);
	logfile_tell_lost(&file, "2 lost\n", 7);
	assert_int_equal(file.lost_now, 2);
	assert_int_equal(file.lost_total, 2);
	limit_files_no_more();
	logfile_tell_lost(&file, "2 lost\n", 7);
	assert_int_equal(file.lost_now, 0);
	assert_int_equal(file.lost_total, 2);
	assert_holds(path, "2 lost\n");
	logfile_close(&file);
}

/* The old file has what came before; when the path can't be opened writing goes on to the old one. */
static void opened_anew(void **state)
{
	(void)state;
	struct logfile file = open_it();
	add(&file, "before\n");
	assert_int_equal(rename(path, other), 0);
	assert_true(logfile_reopen(&file));
	add(&file, "behind\n");
	logfile_flush(&file);
	assert_holds(other, "before\n");
	assert_holds(path, "behind\n");

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(logfile_reopen(&file));
	assert_int_equal(errno, EISDIR);
	logfile_write(&file, "still\n", 6);
	assert_int_equal(file.lost_total, 0);
	assert_int_equal(rmdir(path), 0);
	logfile_close(&file);
}

/* A torn line of the old file is none of the new one's. */
static void torn_then_opened_anew(void **state)
{
	(void)state;
	struct logfile file = open_it();
	limit_files_to(3);
	logfile_write(&file, "torn line\n", 10);
	limit_files_no_more();
	assert_int_equal(rename(path, other), 0);
	assert_true(logfile_reopen(&file));
	logfile_write(&file, "whole\n", 6);
	assert_holds(other, "tor");
	assert_holds(path, "whole\n");
	logfile_close(&file);
}

static void no_such_file(void **state)
{
	(void)state;
	struct logfile file;
	assert_false(logfile_open(&file, "/nonexistent/log"));
	assert_int_equal(errno, ENOENT);
	logfile_close(&file);
}

/* A FIFO is opened, and takes lines, though nobody reads it yet. */
static void a_fifo(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	struct logfile file = open_it();
	logfile_write(&file, "a line\n", 7);
	assert_int_equal(file.lost_total, 0);
	char text[16];
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(read(reader, text, sizeof(text)), 7);
	close(reader);
	logfile_close(&file);
}

/* Standard output that somebody made non-blocking is waited for; with its reader gone lines are lost. */
static void standard_output(void **state)
{
	(void)state;
	enum { LINES = 4096, LINE_BYTES = 64 };
	int ends[2], kept = dup(STDOUT_FILENO);
	fflush(stdout);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	struct logfile file;
	bool opened = logfile_open(&file, "");
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	assert_true(opened);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	close(ends[1]);
	assert_true(logfile_reopen(&file));

	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* The reader: late, and then thorough. */
		usleep(150000);
		logfile_close(&file);
		char some[1000];
		size_t sum = 0;
		ssize_t got;
		while (sum < (size_t)LINES * LINE_BYTES && (got = read(ends[0], some, sizeof(some))) > 0)
			sum += (size_t)got;
		_exit(sum == (size_t)LINES * LINE_BYTES ? 0 : 1);
	}
	close(ends[0]);
	char line[LINE_BYTES];
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int at = 0; at < LINES; at++)
		logfile_add(&file, line, sizeof(line));
	logfile_flush(&file);
	assert_int_equal(file.lost_total, 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	logfile_write(&file, "gone\n", 5);
	assert_int_equal(file.lost_total, 1);
	logfile_close(&file);
	close(kept);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines_keep_their_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_full_batch, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_full_disk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(telling_of_the_lost, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(opened_anew, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(torn_then_opened_anew, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_such_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_fifo, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(standard_output, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
