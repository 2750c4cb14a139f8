/* What stands on the right of a predicate: its kind, and the shape of a pattern that may be put together of several
 * pieces by ||, concat(), upper() and the like. To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_OPERAND_H
#define PGPROCTOR_INSPECT_OPERAND_H

#include "inspect/tree/clause.h"
#include "inspect/tree/nodes.h"

/* What an operand is made of, piece by piece from left to right. */
struct operand {
	enum clause_reading reading;
	bool column, subquery, other;
	uint32_t parameters, constants, pieces;
	uint16_t parameter;
	bool prefixed, suffixed;
	bool opaque; /* within a function whose result is not known, but is no wildcard: replace(…, '%', '\%') */
	bool cased;  /* within upper() or lower() */
	bool unknown;
	bool started; /* a piece that is not empty has been seen */
	struct pattern_shape shape;
	const char *type;
	const char *collation;
};

/* `reading` is set by the caller, everything else is zero at first. */
void operand_fold(struct operand *operand, const Node *node);
enum operand_kind operand_kind_of(const struct operand *operand);
/* A column of any relation stands in the expression; sub-selects don't count. */
bool operand_has_column(const Node *node);

#endif
