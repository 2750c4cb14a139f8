/* Does what a statement asks for imply an index's predicate? What PostgreSQL proves, and nothing cleverer
 * (predicate_implied_by, optimizer/util/predtest.c). */
#ifndef PGPROCTOR_INSPECT_IMPLICATION_H
#define PGPROCTOR_INSPECT_IMPLICATION_H

#include "inspect/access/term.h"

/* The conditions are and-ed, all of them and the predicate canonical (term.h). TERM_MAYBE: a value decides that is
 * hidden, or not there yet. */
enum term_truth implication_holds(const struct dictionary *dictionary, const struct term *predicate,
                                  const struct term *const *conditions, uint16_t count);

#endif
