/* The facts of a constraint, of a table or of one column. */
#ifndef PGPROCTOR_INSPECT_WALK_CONSTRAINT_H
#define PGPROCTOR_INSPECT_WALK_CONSTRAINT_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* ADD CONSTRAINT, and those of CREATE TABLE: fills in the action, its form included. */
void walk_constraint(struct gather *gather, const Constraint *constraint, struct fact_action *action);
/* How the foreign key, or else the unique or primary key, among a column's own constraints goes on. */
void walk_constraint_inline(struct gather *gather, const List *constraints, struct fact_action *action);

#endif
