/* Outer joins that are none: what asks for a value on the nullable side leaves out the rows that have none there
 * (reduce_outer_joins, prepjointree.c). */
#ifndef PGPROCTOR_INSPECT_REDUCTION_H
#define PGPROCTOR_INSPECT_REDUCTION_H

#include "inspect/access/access.h"

/* The conditions of such a join restrict both its sides from then on: their `from` and `to`. */
void reduction_of_joins(struct access *access);

#endif
