/* What an expression may store in a column: constants by their kinds, parameters, through casts, CASE, COALESCE, ||
 * functions that leave a text what it is, and columns of VALUES and sub-selects. To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_STORED_H
#define PGPROCTOR_INSPECT_STORED_H

#include "config/limits.h"
#include "inspect/tree/nodes.h"
#include "inspect/tree/origin.h"

struct stored {
	bool secret;     /* all kinds of values count, not only documents; set by the caller, the rest is zero at first */
	const struct origin *origin; /* where columns get their values; NULL: nobody knows. Set by the caller, too */
	uint32_t values; /* a set of value_bit */
	bool hashed;     /* one of them is a constant in a hash function */
	uint16_t parameters[LIMIT_BOUND_PARAMETERS]; /* of those that are looked at when they are bound */
	uint16_t parameter_count;
};

/* Adds what `value` may store; NULL stores nothing. */
void stored_add(struct stored *stored, const Node *value);
/* The same for the `place`-th column, from 0, of what * stands for. */
void stored_add_place(struct stored *stored, int place);

#endif
