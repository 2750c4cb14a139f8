/* What a statement will do to the tables that were there before: which locks it takes, which tables it reads or writes
 * anew from end to end, and whether the server will take it at all. As PostgreSQL 15 does it, found in its source and
 * by experiment (tests/truth). */
#ifndef PGPROCTOR_INSPECT_EFFECT_H
#define PGPROCTOR_INSPECT_EFFECT_H

#include "inspect/change/effect_list.h"

/* Schema changes, LOCK, TRUNCATE, VACUUM, ANALYZE, UPDATE and DELETE; other statements have no effect worth telling. */
bool effect_applies(const struct facts *facts);
/* Of input->facts; the texts live in `arena`. */
void effect_of(const struct context *input, struct arena *arena, struct effects *effects);

#endif
