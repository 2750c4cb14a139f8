/* From raw parse nodes to clauses (clause.h). To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_CLAUSES_H
#define PGPROCTOR_INSPECT_CLAUSES_H

#include "inspect/tree/clause.h"
#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

/* What names mean; gather NULL: nothing is known of any relation, as for an index expression. */
struct clauses_scope {
	struct gather *gather; /* changed by nothing but what waits for a sub-select's level */
	uint16_t level;
	bool literals; /* keep their texts */
	struct arena *arena;
};

/* NULL only for a NULL node. */
const struct clause *clauses_of(const struct clauses_scope *scope, const Node *node);
/* left.name = right.name, of JOIN … USING: each of one of the relations from ≤ index < to that has it. NULL: of each
 * name that both have, as NATURAL JOIN compares. */
const struct clause *clauses_using(const struct clauses_scope *scope, const char *name, int16_t left, int16_t right,
                                   int16_t end);

#endif
