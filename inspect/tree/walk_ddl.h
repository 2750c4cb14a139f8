/* walk.c's other half: schema changes. Private to the walk files. */
#ifndef PGPROCTOR_INSPECT_WALK_DDL_H
#define PGPROCTOR_INSPECT_WALK_DDL_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* True when the statement is a schema change: its actions are gathered and its kind is STATEMENT_DDL. */
bool walk_ddl(struct gather *gather, const Node *statement);

/* An action's columns: a list of String, and one of IndexElem. */
void walk_ddl_names(struct gather *gather, struct fact_action *action, const List *names);
void walk_ddl_elements(struct gather *gather, struct fact_action *action, const List *elements);

/* -- walk.c's part that schema changes use -- */

/* A query of any kind as a new level below `parent`. */
void walk_query(struct gather *gather, const Node *query, int16_t parent, int depth);
/* A relation that the statement acts upon, in a utility statement; NULL is none. Its index, or -1. */
int16_t walk_target(struct gather *gather, const RangeVar *relation);

#endif
