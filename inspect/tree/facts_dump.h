/* Facts as text: every field that is not at its default, one line a relation, predicate, sort, level, action. For
 * tests and debugging. */
#ifndef PGPROCTOR_INSPECT_FACTS_DUMP_H
#define PGPROCTOR_INSPECT_FACTS_DUMP_H

#include "inspect/tree/facts.h"

#include <stddef.h>

/* Zero-terminated; what does not fit is cut off. */
void facts_dump(const struct facts *facts, char *to, size_t size);
/* The same, and behind it what would make it hard to read: conditions and what a query puts out as clauses, locks, the
 * columns that are used. Two facts are equal when these texts are. */
void facts_dump_fully(const struct facts *facts, char *to, size_t size);

#endif
