/* What the server has counted of its tables: changes since ANALYZE, scans of indexes, the most common values, how far
 * sequences are. No rule needs it to be right about a statement, so none of it is worth an error. */
#ifndef PGPROCTOR_PROXY_FEED_USAGE_H
#define PGPROCTOR_PROXY_FEED_USAGE_H

#include "proxy/feed/feed_tables.h"

/* Outside a transaction; `before` (may be NULL) knows since when an index has been there. False only when the
 * connection is lost; what can't be read, for want of a privilege or because it is locked, stays unknown. */
MUST_USE bool feed_usage_read(struct feed_tables *tables, struct feed_result *result, const struct catalog *before);

#endif
