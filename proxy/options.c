#include "proxy/options.h"

#include "config/setting_keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_FILE = 1, STATUS_USAGE = 2, ECHO_BYTES = SETTING_KEYS_ECHO_BYTES };

static const char HELP[] =
    "pgproctor stands between an application and PostgreSQL, recognises every statement,\n"
    "judges it against the live catalog, and says what is slow or dangerous and how to mend it.\n"
    "\n"
    "Usage:\n"
    "  pgproctor serve [OPTION]...      the proxy; works without any option\n"
    "  pgproctor report [OPTION] LOG... the review, made from its log\n"
    "  pgproctor check [OPTION] [FILE]  the same rules over SQL files; check --rules lists them\n"
    "  pgproctor explain RULE           the page of one: why, an example, what to do, how to silence it\n"
    "  pgproctor COMMAND --help         the options of a command\n"
    "  pgproctor --version | --help\n"
    "\n"
    "To try it, with PostgreSQL on this machine:\n"
    "  pgproctor serve --log-format json --logfile proctor.log &\n"
    "  psql -h 127.0.0.1 -p 6433 mydatabase\n"
    "  pgproctor report proctor.log\n";

static const char HELP_SERVE[] =
    "Usage: pgproctor serve [OPTION]...\n"
    "\n"
    "Listens for PostgreSQL clients, relays them to the server, and logs what it sees.\n"
    "\n"
    "Connections:\n"
    "  --listen ADDR:PORT        where clients connect; *:PORT is every address (127.0.0.1:6433)\n"
    "  --unix-socket-dir DIR     also listen on DIR/.s.PGSQL.PORT\n"
    "  --upstream ADDR:PORT      the server; also DIR or DIR:PORT of its unix socket (127.0.0.1:5432)\n"
    "  --workers N|auto          threads that serve clients; auto: one for each processor (1)\n"
    "  --catalog DSN             the connection that reads tables and indexes (libpq's defaults)\n"
    "\n"
    "Judgement:\n"
    "  --mode observe|enforce    enforce refuses what would block a large table (observe)\n"
    "  --large-table-rows N      a table is large from here on (1000000)\n"
    "\n"
    "Log:\n"
    "  --logfile FILE            (standard output); SIGHUP opens it anew\n"
    "  --log-format json|text|auto\n"
    "                            auto: text on a terminal, else json (auto)\n"
    "\n"
    "Everything else:\n"
    "  --config FILE             an INI file; config/pgproctor.ini shows every key\n"
    "  --set KEY=VALUE           one key of its [pgproctor] section; may be repeated\n"
    "  --help\n"
    "\n"
    "In brackets: the default. The command line counts more than the file.\n"
    "SIGTERM and SIGINT let open transactions end, for shutdown_timeout at most.\n"
    "\n"
    "  pgproctor serve --upstream /run/postgresql --mode enforce\n"
    "  pgproctor serve --config /etc/pgproctor.ini --set stats_period=10\n";

static const char HELP_REPORT[] =
    "Usage: pgproctor report [--format text|markdown] LOG...\n"
    "\n"
    "Reads JSON logs of `pgproctor serve` and prints the review: which statements take the time, what was\n"
    "found and how to mend it, what was rejected, and what could not be judged. Several logs, of several\n"
    "machines or days, are added up. - is standard input.\n"
    "\n"
    "  --format text|markdown    text for a terminal, markdown to paste into an issue (text)\n"
    "  --help\n"
    "\n"
    "  pgproctor report proctor.log\n"
    "  zcat proctor.log.*.gz | pgproctor report --format markdown - > review.md\n";

static const char HELP_EXPLAIN[] =
    "Usage: pgproctor explain RULE\n"
    "\n"
    "Prints the page of one rule, named by its name or code: why, an example, the safe variant, how it\n"
    "decides, and how to silence it.\n"
    "\n"
    "  pgproctor explain Q101\n"
    "  pgproctor explain set-not-null-scans\n";

static const char VERSION[] = "pgproctor " PGPROCTOR_VERSION "\n";

/* An option of `serve`, and the key that its value is for; the others are known by name. */
struct flag {
	const char *name;
	const char *key;
};

static const struct flag SERVE_FLAGS[] = {
    {"--listen", NULL},
    {"--upstream", "upstream"},
    {"--workers", "workers"},
    {"--unix-socket-dir", "unix_socket_dir"},
    {"--catalog", "catalog"},
    {"--mode", "mode"},
    {"--large-table-rows", "large_table_rows"},
    {"--logfile", "logfile"},
    {"--log-format", "log_format"},
    {"--config", NULL},
    {"--set", NULL},
};

/* The arguments as they are read, one after the other. */
struct reader {
	struct options *options;
	const char *command;
	int argc, at;
	char **argv;
};

static int parse_serve(struct reader *reader);
static int parse_report(struct reader *reader);
static int parse_explain(struct reader *reader);
static bool take_flag(struct reader *reader, const char *const *names, size_t count, const char **name,
                      const char **value);
static bool apply_flag(struct options *options, const char *name, const char *value);
static bool apply_listen(struct options *options, const char *value);
static bool apply_set(struct options *options, const char *value);
static void refuse(struct options *options, const char *format, ...) PRINTF_LIKE(2, 3);
static bool is_one_of(const char *text, const char *a, const char *b);
static int print(struct options *options, const char *text);

int options_parse(struct options *options, int argc, char **argv)
{
	static const char *const commands[] = {"serve", "report", "check", "explain", "--help", "--version"};
	CHECK(options != NULL && argv != NULL);
	memset(options, 0, sizeof(*options));
	settings_defaults(&options->settings);
	if (argc < 2) {
		refuse(options, "no command; there are serve, report, check and explain, and --help explains them");
		return STATUS_USAGE;
	}
	struct reader reader = {options, argv[1], argc, 2, argv};
	if (is_one_of(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)
		return print(options, HELP);
	if (is_one_of(argv[1], "--version", "-V"))
		return print(options, VERSION);
	if (strcmp(argv[1], "serve") == 0)
		return parse_serve(&reader);
	if (strcmp(argv[1], "report") == 0)
		return parse_report(&reader);
	if (strcmp(argv[1], "check") == 0)
		return check_options_parse(options, argc, argv);
	if (strcmp(argv[1], "explain") == 0)
		return parse_explain(&reader);
	char shown[ECHO_BYTES];
	setting_keys_echo(argv[1], shown);
	const char *nearest = settings_nearest(argv[1], commands, ARRAY_LEN(commands));
	if (nearest != NULL)
		refuse(options, "unknown command \"%s\"; did you mean \"%s\"?", shown, nearest);
	else if (argv[1][0] == '-')
		refuse(options, "unknown option \"%s\"; options follow a command: pgproctor serve %s", shown, shown);
	else
		refuse(options, "unknown command \"%s\"; there are serve, report, check and explain", shown);
	return STATUS_USAGE;
}

/* Twice over the arguments: the file comes before the flags, wherever --config stands. */
static int parse_serve(struct reader *reader)
{
	struct options *options = reader->options;
	const char *names[ARRAY_LEN(SERVE_FLAGS) + 1];
	for (size_t at = 0; at < ARRAY_LEN(SERVE_FLAGS); at++)
		names[at] = SERVE_FLAGS[at].name;
	names[ARRAY_LEN(SERVE_FLAGS)] = "--help";
	const char *name, *value, *config = NULL;
	options->command = OPTIONS_SERVE;
	while (reader->at < reader->argc) {
		if (!take_flag(reader, names, ARRAY_LEN(names), &name, &value))
			return STATUS_USAGE;
		if (strcmp(name, "--help") == 0)
			return print(options, HELP_SERVE);
		if (name[0] != '-') {
			char shown[ECHO_BYTES];
			setting_keys_echo(name, shown);
			refuse(options, "serve: \"%s\" is no option; serve takes nothing else", shown);
			return STATUS_USAGE;
		}
		if (strcmp(name, "--config") != 0)
			continue;
		if (config != NULL) {
			refuse(options, "serve: --config is given twice");
			return STATUS_USAGE;
		}
		config = value;
	}
	if (config != NULL && !settings_read(&options->settings, config, options->error, sizeof(options->error)))
		return STATUS_FILE;
	reader->at = 2;
	while (reader->at < reader->argc) {
		bool taken = take_flag(reader, names, ARRAY_LEN(names), &name, &value);
		CHECK(taken);
		if (!apply_flag(options, name, value))
			return STATUS_USAGE;
	}
	return 0;
}

static int parse_report(struct reader *reader)
{
	static const char *const names[] = {"--format", "--help"};
	struct options *options = reader->options;
	const char *name, *value;
	options->command = OPTIONS_REPORT;
	options->logs = reader->argv + 2;
	while (reader->at < reader->argc) {
		if (!take_flag(reader, names, ARRAY_LEN(names), &name, &value))
			return STATUS_USAGE;
		if (strcmp(name, "--help") == 0)
			return print(options, HELP_REPORT);
		if (name[0] != '-' || strcmp(name, "-") == 0) {
			options->logs[options->log_count++] = reader->argv[reader->at - 1];
		} else if (strcmp(value, "markdown") == 0) {
			options->report_format = OPTIONS_FORMAT_MARKDOWN;
		} else if (strcmp(value, "text") == 0) {
			options->report_format = OPTIONS_FORMAT_TEXT;
		} else {
			char shown[ECHO_BYTES];
			setting_keys_echo(value, shown);
			refuse(options, "report: --format is text or markdown: \"%s\" is not available", shown);
			return STATUS_USAGE;
		}
	}
	if (options->log_count == 0) {
		refuse(options, "report: which log? Give its name, or - for standard input");
		return STATUS_USAGE;
	}
	return 0;
}

static int parse_explain(struct reader *reader)
{
	struct options *options = reader->options;
	if (reader->at < reader->argc && is_one_of(reader->argv[reader->at], "--help", "-h"))
		return print(options, HELP_EXPLAIN);
	if (reader->argc != reader->at + 1) {
		refuse(options, "explain: which rule? Give its name or code; pgproctor check --rules has them all");
		return STATUS_USAGE;
	}
	options->command = OPTIONS_EXPLAIN;
	options->rule = reader->argv[reader->at];
	return 0;
}

/* The next argument: an option, with its value in this argument or the next one, or a name, which comes as it is. False
 * for an option that is not known or lacks its value. */
static bool take_flag(struct reader *reader, const char *const *names, size_t count, const char **name,
                      const char **value)
{
	const char *argument = reader->argv[reader->at++];
	*name = argument;
	*value = NULL;
	if (argument[0] != '-' || strcmp(argument, "-") == 0)
		return true;
	if (is_one_of(argument, "--help", "-h")) {
		*name = "--help";
		return true;
	}
	const char *equals = strchr(argument, '=');
	size_t len = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
	for (size_t at = 0; at < count; at++) {
		if (strlen(names[at]) != len || strncmp(names[at], argument, len) != 0 ||
		    strcmp(names[at], "--help") == 0)
			continue;
		*name = names[at];
		if (equals != NULL) {
			*value = equals + 1;
			return true;
		}
		if (reader->at < reader->argc) {
			*value = reader->argv[reader->at++];
			return true;
		}
		refuse(reader->options, "%s: %s needs a value", reader->command, *name);
		return false;
	}
	char shown[ECHO_BYTES];
	setting_keys_echo(argument, shown);
	if (len < sizeof(shown))
		shown[len] = '\0';
	const char *nearest = settings_nearest(shown, names, count);
	if (nearest != NULL)
		refuse(reader->options, "%s: unknown option \"%s\"; did you mean \"%s\"?", reader->command, shown,
		       nearest);
	else
		refuse(reader->options, "%s: unknown option \"%s\"; see pgproctor %s --help", reader->command, shown,
		       reader->command);
	return false;
}

static bool apply_flag(struct options *options, const char *name, const char *value)
{
	if (strcmp(name, "--config") == 0)
		return true;
	if (strcmp(name, "--listen") == 0)
		return apply_listen(options, value);
	if (strcmp(name, "--set") == 0)
		return apply_set(options, value);
	for (size_t at = 0; at < ARRAY_LEN(SERVE_FLAGS); at++)
		if (strcmp(SERVE_FLAGS[at].name, name) == 0)
			return settings_set(&options->settings, SERVE_FLAGS[at].key, value, name, options->error,
			                    sizeof(options->error));
	CHECK(false);
	return false;
}

static bool apply_listen(struct options *options, const char *value)
{
	char shown[ECHO_BYTES];
	setting_keys_echo(value, shown);
	if (value[0] == '/') {
		refuse(options, "--listen: for a unix socket there is --unix-socket-dir %s", shown);
		return false;
	}
	if (settings_parse_address(value, options->settings.listen.port, &options->settings.listen))
		return true;
	refuse(options, "--listen: ADDR:PORT, [IPV6]:PORT or *:PORT, not \"%s\"", shown);
	return false;
}

static bool apply_set(struct options *options, const char *value)
{
	const char *equals = strchr(value, '=');
	char key[ECHO_BYTES];
	if (equals == NULL || equals == value || (size_t)(equals - value) >= sizeof(key)) {
		/* Not repeated: a mistyped --set may hold a password. */
		refuse(options, "--set: KEY=VALUE, such as --set stats_period=10");
		return false;
	}
	memcpy(key, value, (size_t)(equals - value));
	key[equals - value] = '\0';
	return settings_set(&options->settings, key, equals + 1, "--set", options->error, sizeof(options->error));
}

static void refuse(struct options *options, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(options->error, sizeof(options->error), format, arguments);
	va_end(arguments);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int print(struct options *options, const char *text)
{
	options->command = OPTIONS_PRINT;
	options->text = text;
	return 0;
}
