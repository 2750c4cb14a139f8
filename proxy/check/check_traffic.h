/* `pgproctor check --traffic`: what logs say of what ran, as uses of the catalog's tables and columns. */
#ifndef PGPROCTOR_PROXY_CHECK_TRAFFIC_H
#define PGPROCTOR_PROXY_CHECK_TRAFFIC_H

#include "inspect/inspector.h"
#include "inspect/logged.h"
#include "proxy/check/check_options.h"

/* Reads the logs, and lets the inspector know what they say of the session's database. False, and a complaint on
 * standard error, when one can't be read. */
MUST_USE bool check_traffic_read(const struct check_options *options, struct inspector *inspector,
                                 const struct rule_settings *rules, const char *database, const char *user);

#endif
