/* How many rows a table has, out of what the catalog and the file system say of it: the planner's own rules. */
#ifndef PGPROCTOR_PROXY_FEED_ESTIMATE_H
#define PGPROCTOR_PROXY_FEED_ESTIMATE_H

#include "inspect/catalog/catalog.h"

struct feed_estimate_input {
	double reltuples; /* < 0: never counted */
	int64_t relpages; /* when reltuples was counted */
	int64_t bytes;    /* now; < 0: not known, because the table is locked */
	double live;      /* live rows by the cumulative statistics, 0 when they know nothing */
	double width;     /* of a row's columns in bytes */
	int64_t block_bytes;
	double last_rows;     /* where bytes are not known: by the last catalog; < 0: it did not know them, or the table */
	int64_t last_bytes;   /* likewise */
	bool live_is_all;     /* made since then, and the statistics count every row: live 0 means no rows */
	bool zero_is_counted; /* reltuples 0 means no rows, from PostgreSQL 14 on; before, it may mean never counted */
};

/* Sets rows, bytes and analyzed of a relation that has them unknown so far. What is partitioned is summed elsewhere. */
void feed_estimate_rows(const struct feed_estimate_input *input, struct catalog_relation *relation);
/* The average width of a column that has no statistics. `length` is pg_type.typlen. */
double feed_estimate_width(const char *type, int32_t modifier, int length, int character_bytes_max);

#endif
