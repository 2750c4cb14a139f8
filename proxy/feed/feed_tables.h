/* The relations of a catalog while it is being read, with what only the reading needs. */
#ifndef PGPROCTOR_PROXY_FEED_TABLES_H
#define PGPROCTOR_PROXY_FEED_TABLES_H

#include "inspect/catalog/catalog.h"
#include "proxy/feed/feed_estimate.h"
#include "proxy/feed/feed_result.h"
#include "proxy/feed/feed_texts.h"

struct feed_table {
	struct catalog_relation *relation;
	struct catalog_index *indexes;          /* the relation's own, still to be written to */
	struct catalog_constraint *constraints; /* likewise */
	struct feed_estimate_input estimate;
	uint32_t parent; /* 0: not a partition */
	uint32_t child_count;
	bool has_expressions; /* in its indexes or CHECKs; their texts are missing until `opened` */
	bool opened;
};

struct feed_tables {
	struct feed_table *list; /* by oid */
	uint32_t count;
};

struct feed_table *feed_tables_find(const struct feed_tables *tables, uint32_t oid);
/* Asks for what PostgreSQL opens a table for: its size, and the expressions of its indexes and CHECKs (the deparser
 * reads column names that way). Tables that somebody holds or awaits ACCESS EXCLUSIVE on are left alone: what is asked
 * of them comes from `before` (may be NULL), and where that doesn't know an index's expressions either the table is
 * vague, so that nobody judges by indexes that are there but can't be read. False only when the connection is lost.
 */
MUST_USE bool feed_tables_open(struct feed_tables *tables, struct feed_result *result, struct feed_texts *texts,
                               const struct catalog *before);

#endif
