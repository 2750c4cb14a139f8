/* From a condition's parse tree to predicates: column side left, the operator's class, and what stands on the
 * right, by kind and shape. Doesn't enter sub-selects; names must be resolvable, so FROM comes first. To be included
 * only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_PREDICATE_H
#define PGPROCTOR_INSPECT_PREDICATE_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

struct predicate_place {
	uint16_t level;
	bool conjunct; /* the condition is and-ed to what the level reads */
	bool negated;
	/* An outer join's ON filters only the side that is filled up with NULLs: conjuncts are those on relations
	 * from ≤ index < to. */
	int16_t from, to;
	int16_t join_from, join_to; /* fact_condition's */
};

/* Everywhere in the level. */
struct predicate_place predicate_place(uint16_t level, bool conjunct);
void predicate_gather(struct gather *gather, const Node *condition, struct predicate_place place);
/* Of HAVING. What in it has no aggregate is on what is grouped by, and filters rows before they are grouped
 * (subquery_planner, planner.c), unless there are several groupings. */
void predicate_gather_having(struct gather *gather, const SelectStmt *select, uint16_t level);

/* What a value is, as an assignment's right side. */
enum operand_kind predicate_operand(const Node *value, uint16_t *parameter);
/* The relation that all columns of an expression belong to; -1 when not just one, or none. */
int16_t predicate_relation(const struct gather *gather, const Node *expression, uint16_t level);

#endif
