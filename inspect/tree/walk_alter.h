/* ALTER TABLE, subcommand by subcommand. Private to walk_ddl.c. */
#ifndef PGPROCTOR_INSPECT_WALK_ALTER_H
#define PGPROCTOR_INSPECT_WALK_ALTER_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* One action for each subcommand; one DDL_OTHER for what is no table. */
void walk_alter(struct gather *gather, const AlterTableStmt *alter);
/* Also of CREATE TABLE … PARTITION OF. */
void walk_alter_bounds(struct gather *gather, const PartitionBoundSpec *bound, struct fact_action *action);

#endif
