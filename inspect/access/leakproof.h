/* Whether a condition may run before a security barrier has left out the rows that nobody may see
 * (contain_leaked_vars, clauses.c). */
#ifndef PGPROCTOR_INSPECT_LEAKPROOF_H
#define PGPROCTOR_INSPECT_LEAKPROOF_H

#include "inspect/access/term.h"

/* True only for what is known to tell nothing of a column but by its result: comparisons of simple types. */
bool leakproof_term(const struct term *term, const struct dictionary *dictionary);

#endif
