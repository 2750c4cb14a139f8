/* The command line: which command, its settings from defaults, file and flags in that order, and the help texts. */
#ifndef PGPROCTOR_PROXY_OPTIONS_H
#define PGPROCTOR_PROXY_OPTIONS_H

#include "config/check.h"
#include "config/settings.h"
#include "proxy/check/check_options.h"

enum options_command {
	OPTIONS_PRINT, /* write `text` to standard output and be done, status 0 */
	OPTIONS_SERVE, /* with `settings` */
	OPTIONS_REPORT,
	OPTIONS_CHECK,   /* with `settings` and `check` */
	OPTIONS_RULES,   /* the table of the rules, in report_format */
	OPTIONS_EXPLAIN, /* the page of the rule `rule` */
};

enum options_format { OPTIONS_FORMAT_TEXT, OPTIONS_FORMAT_MARKDOWN };

/* Large (settings): not for the stack. */
struct options {
	enum options_command command;
	const char *text;
	struct settings settings;
	enum options_format report_format;
	char **logs; /* names, "-" for standard input; part of argv */
	int log_count;
	struct check_options check; /* its texts are part of argv */
	const char *rule;           /* part of argv */
	char error[768];            /* one line, without "pgproctor: " */
};

/* 0, or the exit status: 2 for a command line that makes no sense, 1 for a configuration file that does not; `error`
 * then says why. Moves the names of logs together in argv. */
MUST_USE int options_parse(struct options *options, int argc, char **argv);

#endif
