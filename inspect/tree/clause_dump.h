/* A clause as text, every field that counts: for tests and debugging. */
#ifndef PGPROCTOR_INSPECT_CLAUSE_DUMP_H
#define PGPROCTOR_INSPECT_CLAUSE_DUMP_H

#include "inspect/tree/clause.h"

#include <stddef.h>

/* Zero-terminated; what does not fit is cut off. How long it is. */
size_t clause_dump(const struct clause *clause, char *to, size_t size);

#endif
