/* The lock that PostgreSQL's syntax alone decides: what ALTER TABLE's subcommands take on their table. To be included
 * only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_LOCK_H
#define PGPROCTOR_INSPECT_WALK_LOCK_H

#include "inspect/tree/lock.h"
#include "inspect/tree/nodes.h"

/* As AlterTableGetLockLevel (commands/tablecmds.c) has it; ALTER TABLE itself takes the strongest of its
 * subcommands' before it begins. */
enum lock_mode walk_lock_alter(const AlterTableCmd *command);
/* The mode's number in the tree is PostgreSQL's, and so is the enum's. */
enum lock_mode walk_lock_mode(int mode);

#endif
