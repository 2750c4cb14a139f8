/* The columns of a query that is read in the place of a relation (facts.h), as terms on what it reads: a part of
 * typing.h's work. */
#ifndef PGPROCTOR_INSPECT_OUTPUT_H
#define PGPROCTOR_INSPECT_OUTPUT_H

#include "inspect/access/typed_operator.h"

/* The column of that name of facts' relation `at`, which has a query; NULL when it has none, or it can't be told. One
 * that is computed before any condition from outside can reach it is a TERM_OPAQUE. */
const struct term *output_column(struct typer *t, int16_t at, const char *name);
/* The names of its columns, from the first one on; `at` may be any relation. */
void output_names(struct typer *t, int16_t at, void (*name)(void *context, const char *name), void *context);
/* The one column of a sub-select, by its level; NULL when there are several, or it can't be told. */
const struct term *output_only(struct typer *t, uint16_t level);
/* Nothing is known of the columns of facts' relation `at`. */
bool output_unknown(const struct typing *typing, int16_t at);

#endif
