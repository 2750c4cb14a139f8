#include "proxy/check/check_options.h"

#include "config/setting_keys.h"
#include "proxy/options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_USAGE = 2, ECHO_BYTES = SETTING_KEYS_ECHO_BYTES };

static const char HELP[] =
    "Usage: pgproctor check [OPTION]... [FILE]...\n"
    "       pgproctor check --rules [--format text|markdown]\n"
    "\n"
    "Judges the statements of SQL files, or of standard input (-), by the same rules as at the wire.\n"
    "\n"
    "  --dsn DSN                 the database whose tables and indexes count; it is only read\n"
    "  --config FILE             an INI file, the same as for serve\n"
    "  --set KEY=VALUE           one key of its [pgproctor] section; may be repeated\n"
    "  --large-table-rows N      a table is large from here on (1000000)\n"
    "  --assume-rows N           without a DSN: how many rows each table has (unknown)\n"
    "  --format text|json|github|gitlab\n"
    "                            github: annotations; gitlab: a Code Quality report (text)\n"
    "  --fail-on info|warning|error|block|never\n"
    "                            exit status 1 from this severity on (error)\n"
    "  --locks                   what each schema change locks, reads and rewrites, too\n"
    "  --access                  which index serves each condition, too\n"
    "  --traffic LOG             what ran, by a log of serve with log_format = json; may be repeated\n"
    "  --migrations [DIR]        the SQL of all migrations that the Django project in DIR has yet to apply (.)\n"
    "  --rules                   the rules, a line each\n"
    "  --help\n"
    "\n"
    "In brackets: the default. Exit status: 0 no finding, 1 findings, 2 it could not be done.\n"
    "\n"
    "  python manage.py sqlmigrate shop 0007 | pgproctor check --dsn service=shop\n"
    "  pgproctor check --dsn 'host=db dbname=shop' --format github migrations/*.sql\n";

struct reader {
	struct options *options;
	int argc, at;
	char **argv;
	const char *config;
	bool rules, format_given;
	enum check_print_format format;
	bool markdown;
};

static bool apply(struct reader *reader, const char *name, const char *value);
static bool apply_format(struct reader *reader, const char *value);
static bool apply_fail_on(struct reader *reader, const char *value);
static bool apply_assume_rows(struct reader *reader, const char *value);
static bool apply_set(struct reader *reader, const char *value);
static bool next(struct reader *reader, const char **name, const char **value);
static void refuse(struct options *options, const char *format, const char *argument);
static bool is_directory(const char *name);

int check_options_parse(struct options *options, int argc, char **argv)
{
	struct reader reader = {.options = options, .argc = argc, .at = 2, .argv = argv};
	struct check_options *check = &options->check;
	const char *name, *value;

	check->fail_on = SEVERITY_ERROR;
	check->assume_rows = -1;
	check->files = argv + 2;
	/* Twice over the arguments: the file comes before the flags, wherever --config stands. */
	while (reader.at < argc) {
		if (!next(&reader, &name, &value))
			return STATUS_USAGE;
		if (strcmp(name, "--help") == 0) {
			options->command = OPTIONS_PRINT;
			options->text = HELP;
			return 0;
		}
		if (strcmp(name, "--config") == 0)
			reader.config = value;
	}
	if (reader.config != NULL &&
	    !settings_read(&options->settings, reader.config, options->error, sizeof(options->error)))
		return STATUS_USAGE;
	for (reader.at = 2; reader.at < argc;) {
		bool taken = next(&reader, &name, &value);
		CHECK(taken);
		if (name[0] != '-' || strcmp(name, "-") == 0)
			check->files[check->file_count++] = (char *)name;
		else if (!apply(&reader, name, value))
			return STATUS_USAGE;
	}
	if (reader.rules) {
		if (check->file_count > 0 || (reader.format_given && reader.format != CHECK_PRINT_TEXT)) {
			refuse(options, "check: --rules prints the rules, as text or markdown, and judges nothing%s",
			       "");
			return STATUS_USAGE;
		}
		options->command = OPTIONS_RULES;
		options->report_format = reader.markdown ? OPTIONS_FORMAT_MARKDOWN : OPTIONS_FORMAT_TEXT;
		return 0;
	}
	if (reader.markdown) {
		refuse(options, "check: --format is text, json, github or gitlab, not \"%s\"", "markdown");
		return STATUS_USAGE;
	}
	options->command = OPTIONS_CHECK;
	check->format = reader.format;
	if (check->file_count > 0 || check->migrations != NULL)
		return 0;
	if (isatty(STDIN_FILENO)) {
		refuse(options, "check: which file? Give its name, or SQL on standard input%s", "");
		return STATUS_USAGE;
	}
	static char standard_input[] = "-";
	static char *only[] = {standard_input};
	check->files = only;
	check->file_count = 1;
	return 0;
}

/* An option with its value, or the name of a file. */
static bool next(struct reader *reader, const char **name, const char **value)
{
	static const char *const with_value[] = {"--dsn",         "--config", "--set",    "--large-table-rows",
	                                         "--assume-rows", "--format", "--fail-on", "--traffic"};
	static const char *const without[] = {"--locks", "--access", "--rules", "--help"};
	const char *argument = reader->argv[reader->at++];
	*name = argument;
	*value = NULL;
	if (argument[0] != '-' || strcmp(argument, "-") == 0)
		return true;
	if (strcmp(argument, "-h") == 0) {
		*name = "--help";
		return true;
	}
	for (size_t at = 0; at < ARRAY_LEN(without); at++) {
		if (strcmp(argument, without[at]) == 0)
			return true;
	}
	const char *equals = strchr(argument, '=');
	size_t len = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
	if (len == strlen("--migrations") && strncmp(argument, "--migrations", len) == 0) {
		*name = "--migrations";
		*value = equals != NULL ? equals + 1 : ".";
		if (equals == NULL && reader->at < reader->argc && is_directory(reader->argv[reader->at]))
			*value = reader->argv[reader->at++];
		return true;
	}
	for (size_t at = 0; at < ARRAY_LEN(with_value); at++) {
		if (strlen(with_value[at]) != len || strncmp(argument, with_value[at], len) != 0)
			continue;
		*name = with_value[at];
		*value = equals != NULL ? equals + 1 : reader->at < reader->argc ? reader->argv[reader->at++] : NULL;
		if (*value != NULL)
			return true;
		refuse(reader->options, "check: %s needs a value", *name);
		return false;
	}
	/* Its value may be a password. */
	char shown[ECHO_BYTES];
	setting_keys_echo(argument, shown);
	if (len < sizeof(shown))
		shown[len] = '\0';
	refuse(reader->options, "check: \"%s\" is not understood; see pgproctor check --help", shown);
	return false;
}

static bool apply(struct reader *reader, const char *name, const char *value)
{
	struct options *options = reader->options;
	if (strcmp(name, "--locks") == 0)
		return options->check.locks = true;
	if (strcmp(name, "--access") == 0)
		return options->check.access = true;
	if (strcmp(name, "--rules") == 0)
		return reader->rules = true;
	if (strcmp(name, "--config") == 0)
		return true;
	if (strcmp(name, "--format") == 0)
		return apply_format(reader, value);
	if (strcmp(name, "--fail-on") == 0)
		return apply_fail_on(reader, value);
	if (strcmp(name, "--assume-rows") == 0)
		return apply_assume_rows(reader, value);
	if (strcmp(name, "--set") == 0)
		return apply_set(reader, value);
	if (strcmp(name, "--traffic") == 0) {
		options->check.traffic[options->check.traffic_count++] = value;
		if (options->check.traffic_count < CHECK_OPTIONS_LOGS)
			return true;
		refuse(options, "check: --traffic takes 63 logs at most; \"%s\" is one more", value);
		return false;
	}
	if (strcmp(name, "--migrations") == 0) {
		options->check.migrations = value;
		return true;
	}
	if (strcmp(name, "--dsn") == 0)
		return settings_set(&options->settings, "catalog", value, "--dsn", options->error,
		                    sizeof(options->error));
	CHECK(strcmp(name, "--large-table-rows") == 0);
	return settings_set(&options->settings, "large_table_rows", value, name, options->error,
	                    sizeof(options->error));
}

static bool apply_format(struct reader *reader, const char *value)
{
	static const char *const names[] = {
	    [CHECK_PRINT_TEXT] = "text",
	    [CHECK_PRINT_JSON] = "json",
	    [CHECK_PRINT_GITHUB] = "github",
	    [CHECK_PRINT_GITLAB] = "gitlab",
	};
	reader->format_given = true;
	reader->markdown = strcmp(value, "markdown") == 0;
	if (reader->markdown)
		return true;
	for (size_t at = 0; at < ARRAY_LEN(names); at++) {
		if (strcmp(value, names[at]) == 0) {
			reader->format = (enum check_print_format)at;
			return true;
		}
	}
	refuse(reader->options, "check: --format is text, json, github or gitlab, not \"%s\"", value);
	return false;
}

static bool apply_fail_on(struct reader *reader, const char *value)
{
	for (int severity = SEVERITY_INFO; severity <= SEVERITY_BLOCK; severity++) {
		bool warn = severity == SEVERITY_WARN && strcmp(value, "warn") == 0;
		if (warn || strcmp(value, verdict_severity_name((enum severity)severity)) == 0) {
			reader->options->check.fail_on = severity;
			return true;
		}
	}
	reader->options->check.fail_on = SEVERITY_BLOCK + 1;
	if (strcmp(value, "never") == 0)
		return true;
	refuse(reader->options, "check: --fail-on is info, warning, error, block or never, not \"%s\"", value);
	return false;
}

static bool apply_assume_rows(struct reader *reader, const char *value)
{
	char *end;
	double rows = strtod(value, &end);
	if (end != value && *end == '\0' && rows >= 0 && rows <= 1e15) {
		reader->options->check.assume_rows = rows;
		return true;
	}
	refuse(reader->options, "check: --assume-rows is a number of rows, not \"%s\"", value);
	return false;
}

static bool apply_set(struct reader *reader, const char *value)
{
	const char *equals = strchr(value, '=');
	char key[ECHO_BYTES];
	if (equals == NULL || equals == value || (size_t)(equals - value) >= sizeof(key)) {
		refuse(reader->options, "--set: KEY=VALUE, such as --set large_table_rows=100000%s", "");
		return false;
	}
	memcpy(key, value, (size_t)(equals - value));
	key[equals - value] = '\0';
	return settings_set(&reader->options->settings, key, equals + 1, "--set", reader->options->error,
	                    sizeof(reader->options->error));
}

/* `format` has one %s, for what was given, which is shown as far as a terminal takes it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void refuse(struct options *options, const char *format, const char *argument)
{
	char shown[ECHO_BYTES];
	setting_keys_echo(argument, shown);
	snprintf(options->error, sizeof(options->error), format, shown);
}
#pragma GCC diagnostic pop

static bool is_directory(const char *name)
{
	struct stat status;
	return name[0] != '-' && stat(name, &status) == 0 && S_ISDIR(status.st_mode);
}
