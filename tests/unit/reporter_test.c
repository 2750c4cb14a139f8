#include "proxy/reporter.h"

#include "inspect/rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

/* -- fixture and helpers ----------------------------------------------------------------------- */

static struct settings settings;
static char directory[] = "/tmp/pgproctor-reporter-XXXXXX";
static char path[64], other_path[64];
static char error[256];

static int make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(other_path, sizeof(other_path), "%s/log.1", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int set_up(void **state)
{
	(void)state;
	settings_defaults(&settings);
	snprintf(settings.logfile, sizeof(settings.logfile), "%s", path);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(path);
	unlink(other_path);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(void)
{
	struct timespec time = {.tv_nsec = 5 * 1000000};
	nanosleep(&time, NULL);
}

static struct reporter *start(void)
{
	struct reporter *reporter = reporter_start(&settings, error, sizeof(error));
	if (reporter == NULL)
		fail_msg("%s", error);
	return reporter;
}

/* The whole file, "" when there is none; the caller's. */
static char *slurp(const char *name)
{
	char *text = calloc(1, 4 << 20);
	assert_non_null(text);
	int fd = open(name, O_RDONLY);
	if (fd >= 0) {
		size_t len = 0;
		ssize_t got;
		while ((got = read(fd, text + len, (4 << 20) - 1 - len)) > 0)
			len += (size_t)got;
		close(fd);
	}
	return text;
}

static bool wait_for(const char *name, const char *text)
{
	for (int64_t until = now_ms() + 20000; now_ms() < until; nap()) {
		char *file = slurp(name);
		bool found = strstr(file, text) != NULL;
		free(file);
		if (found)
			return true;
	}
	return false;
}

static void put_from(struct reporter *reporter, uint32_t worker, struct parcel *parcel)
{
	for (int64_t until = now_ms() + 20000; !reporter_put(reporter, worker, parcel); nap())
		assert_true(now_ms() < until);
}

static struct parcel *take_back(struct reporter *reporter, uint32_t worker)
{
	struct parcel *parcel;
	for (int64_t until = now_ms() + 20000; (parcel = reporter_take(reporter, worker)) == NULL; nap())
		assert_true(now_ms() < until);
	return parcel;
}

static void put(struct reporter *reporter, struct parcel *parcel)
{
	put_from(reporter, 0, parcel);
}

static struct parcel *take(struct reporter *reporter)
{
	return take_back(reporter, 0);
}

static void add_line(struct parcel *parcel, const char *line)
{
	parcel_add_line(parcel, line, strlen(line));
}

static void record(struct parcel *parcel, uint64_t fingerprint, uint64_t took_us)
{
	struct stats_call call = {
	    .database = "shop", .fingerprint = fingerprint, .query = "SELECT $1", .took_us = took_us, .sqlstate = ""};
	stats_record(&parcel->stats, &call);
}

static void find(struct parcel *parcel, uint64_t fingerprint)
{
	struct stats_finding seen = {.database = "shop",
	                             .fingerprint = fingerprint,
	                             .rule = rules_find("Q101"),
	                             .severity = SEVERITY_WARN,
	                             .action = ACTION_LOG,
	                             .count = 1,
	                             .table_rows = -1};
	stats_find(&parcel->stats, &seen);
}

static unsigned count(const char *text, const char *what)
{
	unsigned found = 0;
	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		found++;
	return found;
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Lines come out as they went in, in order, and the parcel comes back empty. */
static void lines_pass_through(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	assert_int_equal(reporter_format(reporter), SETTINGS_FORMAT_JSON);
	assert_null(reporter_take(reporter, 0));
	for (int at = 0; at < 5; at++) {
		char line[32];
		snprintf(line, sizeof(line), "line %d\n", at);
		add_line(parcel, line);
		put(reporter, parcel);
		parcel = take(reporter);
		assert_true(parcel_empty(parcel));
	}
	parcel_free(parcel);
	assert_true(wait_for(path, "line 4\n"));
	char *text = slurp(path);
	assert_string_equal(text, "line 0\nline 1\nline 2\nline 3\nline 4\n");
	free(text);
	reporter_stop(reporter);
}

/* A parcel that ends an interval brings a line for each fingerprint, most time first, for each finding with the figures
 * of its statement, and one with the totals, by rule as well; figures of earlier parcels are added. */
static void an_interval(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	record(parcel, 1, 1000);
	record(parcel, 2, 50000);
	find(parcel, 2);
	put(reporter, parcel);
	parcel = take(reporter);
	record(parcel, 1, 3000);
	find(parcel, 2);
	parcel->interval_ends = true;
	parcel->sessions = 3;
	parcel->cache_hits = 9;
	parcel->stats.withdrawn[rules_index(rules_find("M202"))] = 4;
	put(reporter, parcel);
	assert_true(wait_for(path, "\"event\":\"stats\""));
	char *text = slurp(path);
	assert_int_equal(count(text, "\n"), 4);
	char *lines[4], *rest = text;
	for (int at = 0; at < 4; at++)
		lines[at] = strsep(&rest, "\n");
	assert_non_null(strstr(lines[0], "\"event\":\"fingerprint\""));
	assert_non_null(strstr(lines[0], "\"fingerprint\":\"0000000000000002\""));
	assert_non_null(strstr(lines[1], "\"fingerprint\":\"0000000000000001\""));
	assert_non_null(strstr(lines[1], "\"calls\":2,"));
	assert_non_null(strstr(lines[1], "\"total_ms\":4,"));
	assert_non_null(strstr(lines[2], "\"event\":\"finding\""));
	assert_non_null(strstr(lines[2], "\"count\":2,\"calls\":1,\"p95_ms\":50"));
	assert_null(strstr(lines[2], "\"first\""));
	assert_non_null(strstr(lines[3], "\"statements\":3,\"errors\":0,\"rejected\":0"));
	assert_non_null(strstr(lines[3], "\"sessions\":3"));
	assert_non_null(strstr(lines[3], "\"cache_hits\":9"));
	assert_non_null(strstr(lines[3], "\"lost_lines\":0"));
	assert_non_null(strstr(lines[3], "\"findings\":2,\"findings_by_rule\":\"Q101:2\""));
	assert_non_null(strstr(lines[3], "\"withdrawn\":4,\"withdrawn_by_rule\":\"M202:4\""));
	free(text);
	reporter_stop(reporter);
	/* Nothing came since, so the stop adds nothing. */
	text = slurp(path);
	assert_int_equal(count(text, "\"event\":\"fingerprint\""), 2);
	assert_int_equal(count(text, "\"event\":\"stats\""), 1);
	free(text);
}

/* The interval of several workers has ended when it has for each; their figures are one, and so are their gauges. */
static void an_interval_of_several(void **state)
{
	(void)state;
	settings.workers = 3;
	struct reporter *reporter = start();
	struct parcel *parcels[3];
	for (uint32_t worker = 0; worker < 3; worker++) {
		parcels[worker] = parcel_new();
		record(parcels[worker], 1, 1000 * (worker + 1));
		find(parcels[worker], 1);
		parcels[worker]->interval_ends = true;
		parcels[worker]->sessions = 10 + worker;
		parcels[worker]->connects = 100;
		parcels[worker]->cache_hits = 7;
		put_from(reporter, worker, parcels[worker]);
		parcels[worker] = take_back(reporter, worker);
		if (worker < 2) {
			/* What comes between is of the same interval. */
			record(parcels[worker], 1, 1000);
			put_from(reporter, worker, parcels[worker]);
			parcels[worker] = take_back(reporter, worker);
			char *text = slurp(path);
			assert_string_equal(text, "");
			free(text);
		}
	}
	assert_true(wait_for(path, "\"event\":\"stats\""));
	/* And the next one starts from nothing. */
	for (uint32_t worker = 0; worker < 3; worker++) {
		parcels[worker]->interval_ends = true;
		parcels[worker]->sessions = 1;
		put_from(reporter, worker, parcels[worker]);
	}
	assert_true(wait_for(path, "\"sessions_by_worker\":\"1 1 1\""));
	char *text = slurp(path);
	assert_int_equal(count(text, "\"event\":\"stats\""), 2);
	assert_int_equal(count(text, "\"event\":\"fingerprint\""), 1);
	assert_non_null(strstr(text, "\"calls\":5,"));
	assert_non_null(strstr(text, "\"total_ms\":8,"));
	assert_int_equal(count(text, "\"event\":\"finding\""), 1);
	assert_non_null(strstr(text, "\"count\":3,"));
	assert_non_null(strstr(text, "\"statements\":5,"));
	assert_non_null(strstr(text, "\"sessions\":33,\"sessions_by_worker\":\"10 11 12\",\"connects\":300,"));
	assert_non_null(strstr(text, "\"cache_hits\":21,"));
	free(text);
	reporter_stop(reporter);
}

/* A worker that says nothing, because its thread has ended, holds the others' interval up for a second, not for ever. */
static void an_interval_that_one_misses(void **state)
{
	(void)state;
	settings.workers = 2;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	record(parcel, 1, 1000);
	parcel->interval_ends = true;
	int64_t before = now_ms();
	put_from(reporter, 1, parcel);
	assert_true(wait_for(path, "\"event\":\"stats\""));
	assert_in_range(now_ms() - before, 900, 3000);
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_int_equal(count(text, "\"event\":\"stats\""), 1);
	free(text);
}

/* What is told once is told once, whichever worker is first to. */
static void first_of_several(void **state)
{
	(void)state;
	settings.workers = 2;
	struct reporter *reporter = start();
	for (uint32_t worker = 0; worker < 2; worker++) {
		struct parcel *parcel = parcel_new();
		add_line(parcel, "before\n");
		parcel_add_first(parcel, "the first\n", strlen("the first\n"), 4711);
		add_line(parcel, "behind\n");
		put_from(reporter, worker, parcel);
		parcel_free(take_back(reporter, worker));
	}
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_string_equal(text, "before\nthe first\nbehind\nbefore\nbehind\n");
	free(text);
}

/* Without figures since the last interval, or since the start, there is no interval to tell of at the stop: lines
 * alone don't make one. */
static void nothing_to_tell(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_string_equal(text, "");
	free(text);

	reporter = start();
	struct parcel *parcel = parcel_new();
	add_line(parcel, "a line\n");
	put(reporter, parcel);
	reporter_stop(reporter);
	text = slurp(path);
	assert_string_equal(text, "a line\n");
	free(text);
}

/* A session that ends after the last interval, and one that comes and says nothing, are told of at the stop; the same
 * number again is not. */
static void who_is_there_at_the_stop(void **state)
{
	(void)state;
	for (uint64_t left = 0; left <= 2; left++) {
		struct reporter *reporter = start();
		struct parcel *parcel = parcel_new();
		parcel->sessions = 2;
		parcel->connects = 5;
		parcel->interval_ends = true;
		put(reporter, parcel);
		assert_true(wait_for(path, "\"sessions\":2,\"connects\":5,"));
		parcel = take(reporter);
		parcel->sessions = left;
		parcel->connects = 5;
		put(reporter, parcel);
		reporter_stop(reporter);
		char wanted[64], *text = slurp(path);
		snprintf(wanted, sizeof(wanted), "\"sessions\":%d,\"connects\":5,", (int)left);
		assert_non_null(strstr(text, wanted));
		assert_int_equal(count(text, "\"event\":\"stats\""), left == 2 ? 1 : 2);
		free(text);
		unlink(path);
	}
}

/* What another thread said before a parcel was put is written before its lines: `started` is the log's first line. */
static void lines_keep_their_place(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	for (int round = 0; round < 20; round++) {
		struct logline said;
		char text[32];
		logline_begin(&said, SETTINGS_FORMAT_JSON, 0, LOG_LEVEL_INFO, "said");
		logline_int(&said, "round", round);
		logline_end(&said);
		reporter_line(reporter, &said);
		snprintf(text, sizeof(text), "parcel %d\n", round);
		add_line(parcel, text);
		put(reporter, parcel);
		parcel = take(reporter);
		if (round % 7 == 3) /* long enough for a tick */
			for (int64_t until = now_ms() + 150; now_ms() < until; nap())
				;
	}
	parcel_free(parcel);
	reporter_stop(reporter);
	char *text = slurp(path), *at = text;
	for (int round = 0; round < 20; round++) {
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "\"round\":%d}\nparcel %d\n", round, round);
		at = strstr(at, wanted);
		assert_non_null(at);
	}
	free(text);
}

/* Stopping writes out what is under way: figures without an interval's end, and the lines of other threads after them.
 */
static void stop_flushes(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	struct logline stopped;
	record(parcel, 7, 1000);
	add_line(parcel, "a line\n");
	put(reporter, parcel);
	logline_begin(&stopped, reporter_format(reporter), 0, LOG_LEVEL_INFO, "stopped");
	logline_end(&stopped);
	reporter_line(reporter, &stopped);
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_int_equal(count(text, "a line\n"), 1);
	assert_int_equal(count(text, "\"fingerprint\":\"0000000000000007\""), 1);
	assert_int_equal(count(text, "\"event\":\"stats\""), 1);
	assert_int_equal(count(text, "\"event\":\"stopped\""), 1);
	assert_true(strstr(text, "\"event\":\"stopped\"") > strstr(text, "\"event\":\"stats\""));
	free(text);
}

/* A FIFO that nobody reads holds up neither the start nor reporter_put, and the stop for little more than two seconds.
 */
static void blocked_output(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	struct reporter *reporter = start();
	static char line[LIMIT_LOG_LINE_BYTES];
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	struct parcel *filling = parcel_new(), *spare = parcel_new();
	unsigned puts = 0;
	unsigned slow = 0;
	for (int round = 0; round < 50; round++) {
		for (int at = 0; at < 50; at++)
			parcel_add_line(filling, line, sizeof(line));
		record(filling, 1, 10);
		if (spare == NULL)
			spare = reporter_take(reporter, 0);
		int64_t before = now_ms();
		if (spare != NULL && reporter_put(reporter, 0, filling)) {
			filling = spare;
			spare = NULL;
			puts++;
		}
		slow += now_ms() - before >= 50;
		nap();
	}
	assert_int_equal(puts, 1); /* the reporter is stuck in it */
	assert_true(slow < 25); /* some may be: the machine has other things to do */
	assert_true(filling->lost_lines > 0);
	assert_int_equal(filling->stats.statements, 49);
	int64_t before = now_ms();
	reporter_stop(reporter);
	assert_true(now_ms() - before < 3500);
	parcel_free(filling);
	parcel_free(spare);
}

/* A disk that is full costs lines, which are counted and told of as soon as there is room. */
static void full_disk(void **state)
{
	(void)state;
	assert_int_equal(symlink("/dev/full", path), 0);
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	add_line(parcel, "one\n");
	add_line(parcel, "two\n      and its second row\n");
	parcel->lost_lines = 5;
	put(reporter, parcel);
	parcel = take(reporter);
	assert_int_equal(unlink(path), 0);
	reporter_reopen(reporter);
	assert_true(wait_for(path, "\"event\":\"lost_lines\",\"level\":\"warning\",\"count\":7,\"total\":7"));
	add_line(parcel, "three\n");
	parcel->interval_ends = true;
	put(reporter, parcel);
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_non_null(strstr(text, "three\n"));
	assert_null(strstr(text, "one\n"));
	assert_int_equal(count(text, "\"event\":\"lost_lines\""), 1);
	assert_non_null(strstr(text, "\"lost_lines\":7"));
	free(text);
}

/* After a rotation the old file is left and a new one begun. */
static void rotation(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct parcel *parcel = parcel_new();
	add_line(parcel, "before\n");
	put(reporter, parcel);
	parcel = take(reporter);
	assert_true(wait_for(path, "before\n"));
	assert_int_equal(rename(path, other_path), 0);
	reporter_reopen(reporter);
	for (int64_t until = now_ms() + 20000; access(path, F_OK) != 0; nap())
		assert_true(now_ms() < until);
	add_line(parcel, "after\n");
	put(reporter, parcel);
	assert_true(wait_for(path, "after\n"));
	char *text = slurp(other_path);
	assert_string_equal(text, "before\n");
	free(text);
	reporter_stop(reporter);
}

/* A reader that goes away ends neither the process nor the thread. */
static void broken_pipe(void **state)
{
	(void)state;
	int ends[2], saved = dup(STDOUT_FILENO);
	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
	close(ends[1]);
	settings.logfile[0] = '\0';
	struct reporter *reporter = reporter_start(&settings, error, sizeof(error));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_non_null(reporter);
	close(ends[0]);
	struct parcel *parcel = parcel_new();
	for (int at = 0; at < 3; at++) {
		add_line(parcel, "into the void\n");
		put(reporter, parcel);
		parcel = take(reporter);
	}
	parcel_free(parcel);
	reporter_stop(reporter);
}

/* Many lines from other threads: what fits is written, what does not is counted. */
static void lines_of_others(void **state)
{
	(void)state;
	struct reporter *reporter = start();
	struct logline line;
	logline_begin(&line, SETTINGS_FORMAT_JSON, 0, LOG_LEVEL_INFO, "catalog");
	logline_end(&line);
	unsigned lines = 3 * (LIMIT_PARCEL_BYTES / (unsigned)line.len);
	for (unsigned at = 0; at < lines; at++)
		reporter_line(reporter, &line);
	reporter_stop(reporter);
	char *text = slurp(path);
	unsigned written = count(text, "\"event\":\"catalog\"");
	char *told = strstr(text, "\"event\":\"lost_lines\",\"level\":\"warning\",\"count\":");
	unsigned lost = 0;
	for (; told != NULL; told = strstr(told, "\"event\":\"lost_lines\",\"level\":\"warning\",\"count\":")) {
		told += strlen("\"event\":\"lost_lines\",\"level\":\"warning\",\"count\":");
		lost += (unsigned)strtoul(told, NULL, 10);
	}
	assert_true(written >= LIMIT_PARCEL_BYTES / line.len);
	assert_int_equal(written + lost, lines);
	free(text);
}

/* A log file that can't be opened is told in one line, and nothing is left behind. */
static void unusable_logfile(void **state)
{
	(void)state;
	snprintf(settings.logfile, sizeof(settings.logfile), "/nonexistent/log");
	assert_null(reporter_start(&settings, error, sizeof(error)));
	assert_string_equal(error, "logfile /nonexistent/log: cannot open it: No such file or directory");
	snprintf(settings.logfile, sizeof(settings.logfile), "%s", directory);
	assert_null(reporter_start(&settings, error, sizeof(error)));
	assert_non_null(strstr(error, "Is a directory"));
}

/* What the interval writes is what the text format says, when it is asked for. */
static void text_format(void **state)
{
	(void)state;
	settings.log_format = SETTINGS_FORMAT_TEXT;
	struct reporter *reporter = start();
	assert_int_equal(reporter_format(reporter), SETTINGS_FORMAT_TEXT);
	struct parcel *parcel = parcel_new();
	record(parcel, 1, 1000);
	put(reporter, parcel);
	reporter_stop(reporter);
	char *text = slurp(path);
	assert_non_null(strstr(text, " INFO  fingerprint 0000000000000001       1 call   total   1.0 ms"));
	assert_non_null(strstr(text, " INFO  stats    interval_s=0"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(lines_pass_through, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(an_interval, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(an_interval_of_several, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(an_interval_that_one_misses, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(first_of_several, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(nothing_to_tell, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(who_is_there_at_the_stop, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(lines_keep_their_place, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(stop_flushes, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(blocked_output, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(full_disk, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(rotation, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(broken_pipe, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(lines_of_others, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(unusable_logfile, set_up, remove_files),
	    cmocka_unit_test_setup_teardown(text_format, set_up, remove_files),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
