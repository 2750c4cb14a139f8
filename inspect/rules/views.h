/* A statement's facts with its views opened: each view is a query in FROM like a sub-select, down to the tables. The
 * facts themselves know no catalog, and so no view; this is what they become beside one, for as long as one judgement
 * takes. */
#ifndef PGPROCTOR_INSPECT_VIEWS_H
#define PGPROCTOR_INSPECT_VIEWS_H

#include "inspect/context.h"

/* input->facts, or a copy in `arena` with all views in it opened: their levels, relations, conditions and orders stand
 * behind the statement's own. What is written through a view that PostgreSQL itself can update is written to its table. A view
 * past the ceilings, or that could not be parsed, stays closed. Of schema changes none is opened. */
const struct facts *views_open(const struct context *input, struct arena *arena);

#endif
