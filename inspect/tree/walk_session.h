/* walk.c's third part: statements about the session, its transactions, cursors, prepared statements and settings.
 * Private to walk.c. */
#ifndef PGPROCTOR_INSPECT_WALK_SESSION_H
#define PGPROCTOR_INSPECT_WALK_SESSION_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* True when the statement is one of these: its kind, name and so on are set. What it carries (a cursor's query, the
 * statement that EXPLAIN or PREPARE holds) is put into `inner`, else NULL. */
bool walk_session(struct gather *gather, const Node *statement, const Node **inner);
/* A SELECT's set_config('name', …), see facts.h. */
void walk_session_set_config(struct gather *gather, const FuncCall *call);
/* What EXECUTE runs, and with which arguments. */
void walk_session_execute(struct gather *gather, const ExecuteStmt *execute);

#endif
