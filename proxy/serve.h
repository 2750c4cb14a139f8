/* `pgproctor serve`: starts the threads, waits for signals, stops them in order. */
#ifndef PGPROCTOR_PROXY_SERVE_H
#define PGPROCTOR_PROXY_SERVE_H

#include "config/settings.h"

/* Returns the exit status: 0 after a clean stop, 1 when something could not be started, 2 for wrong settings. */
int serve_run(const struct settings *settings);

#endif
