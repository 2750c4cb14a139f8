/* `pgproctor check`: the rules over SQL files, with the same engine and the same verdicts as at the wire. The session
 * that would run the file is followed through it: transactions, search_path, time zone, what it has made. */
#ifndef PGPROCTOR_PROXY_CHECK_RUN_H
#define PGPROCTOR_PROXY_CHECK_RUN_H

#include "config/settings.h"
#include "proxy/check/check_options.h"

enum { CHECK_RUN_FINE = 0, CHECK_RUN_FOUND = 1, CHECK_RUN_FAILED = 2 };

/* Writes to standard output, what it can't do to standard error; the exit status. */
int check_run(const struct settings *settings, const struct check_options *options);

#endif
