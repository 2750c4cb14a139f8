/* The queries of WITH and of FROM, and whether they are read where they are named: a part of walk.c's work. To be included
 * only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_WITH_H
#define PGPROCTOR_INSPECT_WALK_WITH_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* A WITH query is visible to those after it; under RECURSIVE to all, itself included. One that is read in place is
 * walked there. */
void walk_with(struct gather *gather, const WithClause *with, uint16_t level, int depth);
/* A query that is read in the place of a relation: what it reads comes first, so that it is of a join's side, too. */
void walk_with_query(struct gather *gather, const Node *query, struct fact_relation *as, const List *columns, int depth);
/* False when it is no WITH query, or one that is computed apart. */
bool walk_with_in_place(struct gather *gather, const RangeVar *relation, uint16_t level, int depth);
/* Counts one more place where it is named. */
void walk_with_named(struct gather *gather, const struct gather_cte *cte);

#endif
