/* What a JSON log says of what ran, line by line, for `pgproctor check --traffic`. */
#ifndef PGPROCTOR_REPORT_LOG_TRAFFIC_H
#define PGPROCTOR_REPORT_LOG_TRAFFIC_H

#include "inspect/logged.h"

/* logged_read_fn */
MUST_USE bool log_traffic_read(const char *path, logged_take_fn *take, void *context);
/* One line without its newline; false when it is none of pgproctor's. */
bool log_traffic_line(const char *line, size_t len, logged_take_fn *take, void *context);

#endif
