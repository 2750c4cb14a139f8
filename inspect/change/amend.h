/* What a script's earlier statements have changed, written into the catalog that its later ones are judged by: columns,
 * NOT NULL, constraints, indexes; a table with one that can't be read is vague from then on. Only for a catalog that
 * nobody else reads. Tables that are new or renamed stay out of it, and nothing is taken back by a ROLLBACK. */
#ifndef PGPROCTOR_INSPECT_AMEND_H
#define PGPROCTOR_INSPECT_AMEND_H

#include "inspect/arena.h"
#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

/* What is added lives in `arena`, which has to outlive the catalog. */
void amend_apply(struct catalog *catalog, const struct facts *facts, const char *search_path, const char *user,
                 struct arena *arena);

#endif
