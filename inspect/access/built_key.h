/* The key of an index as CREATE INDEX has it, made into what the catalog would say of it once it is built. */
#ifndef PGPROCTOR_INSPECT_BUILT_KEY_H
#define PGPROCTOR_INSPECT_BUILT_KEY_H

#include "inspect/catalog/catalog.h"
#include "inspect/catalog/dictionary.h"

/* `text` is a column or a canonical expression (facts.h); `opclass` NULL: the default one. Strings live in `arena`. False
 * when it can't be told: an expression with a constant, which is hidden, or a type or operator class that is not known. */
MUST_USE bool built_key_read(const struct dictionary *dictionary, const struct catalog_relation *relation,
                             const char *method, const char *text, const char *opclass, struct catalog_index_key *key,
                             struct arena *arena);

#endif
