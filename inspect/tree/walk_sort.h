/* What asks for an order: ORDER BY, DISTINCT, min() and max(). To be included only by files that have PostgreSQL's
 * headers. */
#ifndef PGPROCTOR_INSPECT_WALK_SORT_H
#define PGPROCTOR_INSPECT_WALK_SORT_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* An ORDER BY; `targets` are what the level puts out, which its ordinals and names mean first. */
void walk_sort_list(struct gather *gather, const List *sorts, const List *targets, uint16_t level);
/* DISTINCT ON (…) without an ORDER BY. */
void walk_sort_distinct_on(struct gather *gather, const SelectStmt *select, uint16_t level);
/* DISTINCT of columns, and a lone min() or max(). */
void walk_sort_implied(struct gather *gather, const SelectStmt *select, uint16_t level);

#endif
