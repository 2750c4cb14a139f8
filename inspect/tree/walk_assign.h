/* What a statement writes into columns: facts of INSERT, UPDATE, MERGE and ON CONFLICT. To be included only by files
 * that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_ASSIGN_H
#define PGPROCTOR_INSPECT_WALK_ASSIGN_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* INSERT's columns, NIL where it names none; `source` may be NULL (DEFAULT VALUES). Of a SELECT its own constants and
 * parameters count, and those of VALUES and sub-selects that it reads from; of a UNION each arm's. */
void walk_assign_insert(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source);
/* SET, of UPDATE, MERGE and ON CONFLICT; columns in it are of `from`, a List or one item. */
void walk_assign_update(struct gather *gather, int16_t target, const List *targets, const void *from);
/* MERGE … INSERT (columns) VALUES (values). */
void walk_assign_merge(struct gather *gather, int16_t target, const List *columns, const List *values,
                       const void *from);
/* CREATE TABLE (names) AS, SELECT INTO: what goes into columns that are called like a secret's. */
void walk_assign_created(struct gather *gather, int16_t target, const List *names, const SelectStmt *source);

#endif
