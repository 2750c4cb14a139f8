/* What a script's earlier statements have changed, written into the catalog that its later ones are judged by: columns,
 * NOT NULL, constraints, indexes; a table with one that can't be read is vague from then on. Only for a catalog that
 * nobody else reads. Tables that are new stay out of it, and nothing is taken back by a ROLLBACK. */
#ifndef PGPROCTOR_INSPECT_AMEND_H
#define PGPROCTOR_INSPECT_AMEND_H

#include "inspect/arena.h"
#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

/* What was written over, and the memory of what stands there now. Zeroed it is ready; as long as it is not undone the
 * catalog needs it. */
struct amendments {
	struct arena arena;
	struct amendment *newest; /* NULL: the catalog is as it was read */
};

void amend_apply(struct catalog *catalog, const struct facts *facts, const char *search_path, const char *user,
                 struct amendments *amendments);
/* The catalog is as it was read again; `amendments` is ready for others. */
void amend_undo(struct catalog *catalog, struct amendments *amendments);
/* Frees the memory, after which the catalog must not be read. */
void amend_fini(struct amendments *amendments);

#endif
