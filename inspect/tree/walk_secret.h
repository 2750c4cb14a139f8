/* Secrets that stand in a statement itself: passwords of roles and connections, keys of pgcrypto's functions. To be
 * included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_SECRET_H
#define PGPROCTOR_INSPECT_WALK_SECRET_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* Of a utility statement. */
void walk_secret(struct gather *gather, const Node *statement);
/* Of a function call in an expression. */
void walk_secret_call(struct gather *gather, const FuncCall *call);

#endif
