#include "proxy/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* -- helpers ----------------------------------------------------------------------------------- */

static struct options options;

/* The words of a command line after the program's name, as main would get them; the last is NULL. */
static int parse(const char *first, ...)
{
	static char *argv[32];
	int argc = 0;
	va_list words;
	argv[argc++] = (char *)"pgproctor";
	va_start(words, first);
	for (const char *word = first; word != NULL; word = va_arg(words, const char *))
		argv[argc++] = (char *)word;
	va_end(words);
	return options_parse(&options, argc, argv);
}

static void assert_refused(int status, const char *message)
{
	assert_int_equal(status, 2);
	assert_string_equal(options.error, message);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* `serve` alone has the defaults. */
static void serve_alone(void **state)
{
	(void)state;
	static struct settings defaults;
	settings_defaults(&defaults);
	assert_int_equal(parse("serve", NULL), 0);
	assert_int_equal(options.command, OPTIONS_SERVE);
	assert_memory_equal(&options.settings, &defaults, sizeof(defaults));
}

/* Every flag lands in its setting, as two words or with an equals sign. */
static void every_flag(void **state)
{
	(void)state;
	assert_int_equal(parse("serve", "--listen", "0.0.0.0:7000", "--upstream=/run/postgresql", "--unix-socket-dir",
	                       "/tmp", "--mode=enforce", "--log-format", "json", "--logfile=/tmp/a=b",
	                       "--large-table-rows", "5", "--catalog", "host=a dbname=b", "--set", "stats_period=2",
	                       "--set=slow_query=0", "--workers", "2", NULL),
	                 0);
	assert_int_equal(options.settings.workers, 2);
	assert_string_equal(options.settings.listen.host, "0.0.0.0");
	assert_int_equal(options.settings.listen.port, 7000);
	assert_string_equal(options.settings.upstream.host, "/run/postgresql");
	assert_int_equal(options.settings.upstream.port, 5432);
	assert_string_equal(options.settings.unix_socket_dir, "/tmp");
	assert_int_equal(options.settings.mode, SETTINGS_ENFORCE);
	assert_int_equal(options.settings.log_format, SETTINGS_FORMAT_JSON);
	assert_string_equal(options.settings.logfile, "/tmp/a=b");
	assert_true(options.settings.large_table_rows == 5);
	assert_string_equal(options.settings.catalog, "host=a dbname=b");
	assert_int_equal(options.settings.stats_period_ms, 2000);
	assert_int_equal(options.settings.slow_query_ms, 0);
}

/* The command line counts more than the file, wherever --config stands; what it leaves alone is the file's. */
static void flags_beat_the_file(void **state)
{
	(void)state;
	char path[] = "/tmp/pgproctor-options-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "[pgproctor]\nmode = enforce\nlisten_port = 7001\nlisten_addr = ::1\n") > 0);
	close(fd);
	assert_int_equal(parse("serve", "--mode", "observe", "--config", path, "--listen=127.0.0.1", NULL), 0);
	assert_int_equal(options.settings.mode, SETTINGS_OBSERVE);
	assert_string_equal(options.settings.listen.host, "127.0.0.1");
	assert_int_equal(options.settings.listen.port, 7001);
	assert_refused(parse("serve", "--config", path, "--config", path, NULL), "serve: --config is given twice");
	unlink(path);
}

/* A file that can't be used is another exit status than a wrong command line. */
static void broken_file(void **state)
{
	(void)state;
	assert_int_equal(parse("serve", "--config", "/nonexistent.ini", NULL), 1);
	assert_string_equal(options.error,
	                    "/nonexistent.ini: cannot open the configuration: No such file or directory");
}

/* A wrong command line gets one clear line, with what was probably meant. */
static void mistakes(void **state)
{
	(void)state;
	assert_refused(parse(NULL), "no command; there are serve, report, check and explain, and --help explains them");
	assert_refused(parse("sevre", NULL), "unknown command \"sevre\"; did you mean \"serve\"?");
	assert_refused(parse("chekc", NULL), "unknown command \"chekc\"; did you mean \"check\"?");
	assert_refused(parse("judge", NULL), "unknown command \"judge\"; there are serve, report, check and explain");
	assert_refused(parse("--listen", "x:1", NULL),
	               "unknown option \"--listen\"; options follow a command: pgproctor serve --listen");
	assert_refused(parse("serve", "--lisen", "x:1", NULL),
	               "serve: unknown option \"--lisen\"; did you mean \"--listen\"?");
	assert_refused(parse("serve", "--lisen=x:1", NULL),
	               "serve: unknown option \"--lisen\"; did you mean \"--listen\"?");
	assert_refused(parse("serve", "-x", NULL), "serve: unknown option \"-x\"; see pgproctor serve --help");
	assert_refused(parse("serve", "--listen", NULL), "serve: --listen needs a value");
	assert_refused(parse("serve", "now", NULL), "serve: \"now\" is no option; serve takes nothing else");
	assert_refused(parse("serve", "--listen", "nonsense:x", NULL),
	               "--listen: ADDR:PORT, [IPV6]:PORT or *:PORT, not \"nonsense:x\"");
	assert_refused(parse("serve", "--listen", "/tmp", NULL),
	               "--listen: for a unix socket there is --unix-socket-dir /tmp");
	assert_refused(parse("serve", "--mode", "strict", NULL),
	               "--mode: mode is one of observe, enforce: not \"strict\"");
	assert_refused(parse("serve", "--set", "moed=x", NULL),
	               "--set: unknown key \"moed\" in [pgproctor]; did you mean \"mode\"?");
	assert_refused(parse("serve", "--set", "password", NULL), "--set: KEY=VALUE, such as --set stats_period=10");
	assert_refused(parse("serve", "--set", "=x", NULL), "--set: KEY=VALUE, such as --set stats_period=10");
	assert_refused(parse("report", NULL), "report: which log? Give its name, or - for standard input");
	assert_refused(parse("report", "--fromat", "text", "x", NULL),
	               "report: unknown option \"--fromat\"; did you mean \"--format\"?");
	assert_refused(parse("report", "--format", "html", "x", NULL),
	               "report: --format is text or markdown: \"html\" is not available");
	assert_refused(parse("re\nport\x1b[2J", NULL),
	               "unknown command \"re?port?[2J\"; there are serve, report, check and explain");
}

/* Logs come in their order, options between them or not. */
static void report_logs(void **state)
{
	(void)state;
	assert_int_equal(parse("report", "a", "--format", "markdown", "-", "b", NULL), 0);
	assert_int_equal(options.command, OPTIONS_REPORT);
	assert_int_equal(options.report_format, OPTIONS_FORMAT_MARKDOWN);
	assert_int_equal(options.log_count, 3);
	assert_string_equal(options.logs[0], "a");
	assert_string_equal(options.logs[1], "-");
	assert_string_equal(options.logs[2], "b");
	assert_int_equal(parse("report", "x", NULL), 0);
	assert_int_equal(options.report_format, OPTIONS_FORMAT_TEXT);
}

/* The rules are printed as a table or by the page; neither takes what it does not know. */
static void rules(void **state)
{
	(void)state;
	assert_int_equal(parse("check", "--rules", NULL), 0);
	assert_int_equal(options.command, OPTIONS_RULES);
	assert_int_equal(options.report_format, OPTIONS_FORMAT_TEXT);
	assert_int_equal(parse("check", "--format=markdown", "--rules", NULL), 0);
	assert_int_equal(options.report_format, OPTIONS_FORMAT_MARKDOWN);
	assert_int_equal(parse("check", "--rules", "--format", "markdown", NULL), 0);
	assert_int_equal(options.report_format, OPTIONS_FORMAT_MARKDOWN);
	assert_refused(parse("check", "--rules", "--format", "html", NULL),
	               "check: --format is text, json, github or gitlab, not \"html\"");
	assert_int_equal(parse("explain", "Q101", NULL), 0);
	assert_int_equal(options.command, OPTIONS_EXPLAIN);
	assert_string_equal(options.rule, "Q101");
	assert_refused(parse("explain", NULL),
	               "explain: which rule? Give its name or code; pgproctor check --rules has them all");
	assert_refused(parse("explain", "Q101", "Q102", NULL),
	               "explain: which rule? Give its name or code; pgproctor check --rules has them all");
	assert_int_equal(parse("explain", "--help", NULL), 0);
	assert_int_equal(options.command, OPTIONS_PRINT);
}

/* Help is asked for anywhere, and names every option that there is; none that there is not. */
static void help(void **state)
{
	(void)state;
	static const char *const flags[] = {
	    "--listen",           "--upstream", "--unix-socket-dir", "--catalog", "--mode",
	    "--large-table-rows", "--logfile",  "--log-format",      "--config",  "--set",
	    "--workers"};
	assert_int_equal(parse("serve", "--mode", "observe", "--help", NULL), 0);
	assert_int_equal(options.command, OPTIONS_PRINT);
	for (size_t at = 0; at < ARRAY_LEN(flags); at++)
		assert_non_null(strstr(options.text, flags[at]));
	static char page[1 << 16];
	FILE *file = fopen("docs/pgproctor.1", "r");
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (size_t at = 0; at < ARRAY_LEN(flags); at++) {
		char escaped[64] = "";
		for (const char *byte = flags[at]; *byte != '\0'; byte++)
			snprintf(escaped + strlen(escaped), sizeof(escaped) - strlen(escaped),
			         *byte == '-' ? "\\-" : "%c", *byte);
		if (strstr(page, escaped) == NULL)
			fail_msg("the manual page lacks %s", flags[at]);
	}
	assert_int_equal(parse("report", "-h", NULL), 0);
	assert_non_null(strstr(options.text, "--format text|markdown"));
	assert_null(strstr(options.text, "html"));
	assert_int_equal(parse("--help", NULL), 0);
	assert_non_null(strstr(options.text, "check --rules"));
	assert_int_equal(parse("--version", NULL), 0);
	assert_string_equal(options.text, "pgproctor " PGPROCTOR_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serve_alone), cmocka_unit_test(every_flag), cmocka_unit_test(flags_beat_the_file),
	    cmocka_unit_test(broken_file), cmocka_unit_test(mistakes),   cmocka_unit_test(report_logs),
	    cmocka_unit_test(rules),       cmocka_unit_test(help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
