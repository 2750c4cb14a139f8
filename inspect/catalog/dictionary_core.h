/* The dictionary of a PostgreSQL 15 with pg_trgm and citext, as scripts/dictionary wrote it down: for want of a server. The numbers
 * of PostgreSQL's own are the same everywhere; functions are those that conditions are mostly made of. */
#ifndef PGPROCTOR_INSPECT_DICTIONARY_CORE_H
#define PGPROCTOR_INSPECT_DICTIONARY_CORE_H

#include "inspect/catalog/dictionary.h"

/* A new one, sealed, with one reference for the caller. */
struct dictionary *dictionary_core(void);

#endif
