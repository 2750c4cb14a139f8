/* Numbers as people read them, three significant digits at most, with a unit; and queries short enough to be read. */
#ifndef PGPROCTOR_INSPECT_HUMAN_H
#define PGPROCTOR_INSPECT_HUMAN_H

#include <stddef.h>
#include <stdint.h>

enum { HUMAN_BYTES = 24 };         /* of any number, the terminator included */
enum { HUMAN_QUERY_BYTES = 1024 }; /* of a query */

/* "0", "999", "1.2k", "12k", "1.2M", "3.4G"; "?" when negative. Returns `to`. */
const char *human_count(double count, char to[HUMAN_BYTES]);
/* "17 µs", "0.4 ms", "12 ms", "1.3 s", "2.5 min", "1.2 h". */
const char *human_duration(uint64_t us, char to[HUMAN_BYTES]);
/* "17 B", "1.2 kB", "3.4 GB", by 1024. */
const char *human_bytes(double bytes, char to[HUMAN_BYTES]);

/* A query that is longer than `bytes`, without its select list: what it selects from and by is worth more to a reader
 * than the names of all columns. `query` itself when it is short enough or has no long list; otherwise written to `to`,
 * cut where a character begins. */
const char *human_query(const char *query, size_t bytes, char to[HUMAN_QUERY_BYTES]);

#endif
