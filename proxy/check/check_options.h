/* The command line of `pgproctor check`. */
#ifndef PGPROCTOR_PROXY_CHECK_OPTIONS_H
#define PGPROCTOR_PROXY_CHECK_OPTIONS_H

#include "config/check.h"
#include "inspect/logged.h"
#include "proxy/check/check_print.h"

struct options;

enum { CHECK_OPTIONS_LOGS = 64 };

struct check_options {
	enum check_print_format format;
	int fail_on;        /* enum severity; one past the last: never */
	double assume_rows; /* of every table while there is no catalog; < 0: unknown */
	bool locks, access;
	const char *traffic[CHECK_OPTIONS_LOGS]; /* logs of what ran; "-": standard input */
	int traffic_count;
	logged_read_fn *read_log; /* reads them: main's to fill in */
	const char *migrations; /* the directory of a Django project; NULL: none */
	char **files;           /* "-": standard input */
	int file_count;
};

/* argv[1] is "check". As options_parse: fills in `options`, 0 or the exit status, which is 2 for a configuration file
 * that makes no sense, too, so that 1 means findings and nothing else. Moves the names of files together in argv. */
MUST_USE int check_options_parse(struct options *options, int argc, char **argv);

#endif
