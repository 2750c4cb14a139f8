/* Which columns a statement names, in whatever part of it. To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_USE_H
#define PGPROCTOR_INSPECT_WALK_USE_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* An expression's reference, seen from `level`, whose FROM has been walked. */
void walk_use_reference(struct gather *gather, const ColumnRef *reference, uint16_t level);
/* Columns of one relation by their names, a list of String, ResTarget or IndexElem; NIL: all of them. */
void walk_use_columns(struct gather *gather, int16_t relation, uint16_t level, const List *names);
/* ON CONFLICT's: those that it looks for and those that it sets. */
void walk_use_conflict(struct gather *gather, int16_t target, uint16_t level, const OnConflictClause *conflict);
/* The columns of JOIN … USING. */
void walk_use_joined(struct gather *gather, uint16_t level, const List *names);

#endif
