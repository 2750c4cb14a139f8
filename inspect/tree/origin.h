/* Where a column of a statement's FROM gets its values from: the expressions of a VALUES list, a sub-select or a WITH
 * query, through as many of them as there are. What is read from a table is none. To be included only by files that
 * have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_ORIGIN_H
#define PGPROCTOR_INSPECT_ORIGIN_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* How columns are found; the caller's memory, as are `from` and `with`. */
struct origin {
	const struct gather *gather; /* WITH queries further out */
	const void *from; /* a List, or one item, as MERGE has it */
	const WithClause *with; /* may be NULL */
	uint32_t *steps;        /* taken so far, at most LIMIT_ORIGIN_STEPS: names may multiply */
};

/* `value` may be what the column is; columns in it are found by `inner`. */
typedef void origin_fn(void *context, const struct origin *inner, const Node *value);

/* For each expression that the column may be. */
void origin_column(const struct origin *origin, const ColumnRef *column, origin_fn *found, void *context);
/* The same for the `place`-th column, from 0, of what `*` stands for where there is one FROM item. */
void origin_place(const struct origin *origin, int place, origin_fn *found, void *context);
/* The query that the one item of FROM is, and what its first columns are called; NULL where it is another thing. */
const SelectStmt *origin_query(const struct origin *origin, const List **names);

#endif
