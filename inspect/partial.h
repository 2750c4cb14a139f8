/* Does a statement say that it wants only rows that a partial index holds? */
#ifndef PGPROCTOR_INSPECT_PARTIAL_H
#define PGPROCTOR_INSPECT_PARTIAL_H

#include "inspect/facts.h"

#include <stdbool.h>

/* `index_predicate` is canonical (expression.h). True when `predicate`, or others and-ed to the same appearance of its
 * table, imply it. Literals are not in the facts: a comparison with some constant counts for the one that the index
 * asks for, because staying silent costs less than a wrong alarm. */
bool partial_implied(const char *index_predicate, const struct facts *facts, const struct fact_predicate *predicate);

#endif
