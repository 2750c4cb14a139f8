/* Facts of schema changes that name a table only by the way: views, rules, policies, sequences, domains, statistics,
 * publications, comments. To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_OBJECT_H
#define PGPROCTOR_INSPECT_WALK_OBJECT_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* False when it is none of them. */
bool walk_object(struct gather *gather, const Node *statement);

#endif
