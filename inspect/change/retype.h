/* Does ALTER COLUMN … TYPE rewrite the table? As ATColumnChangeRequiresRewrite in PostgreSQL's tablecmds.c decides:
 * it does not when the new type holds the same bytes and its modifier refuses none of them. What else a change of
 * type may rebuild or verify, indexes and constraints, is not asked here. */
#ifndef PGPROCTOR_INSPECT_RETYPE_H
#define PGPROCTOR_INSPECT_RETYPE_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

/* True also for a type that is not known: most rewrite. */
bool retype_rewrites(const struct catalog *catalog, const struct catalog_column *column, const struct fact_type *type,
                     enum using_kind using_kind, bool time_zone_utc);

/* Does no cast lead to the type: none that an assignment would take or, for USING with a cast and nothing else
 * (`is_explicit`), none at all? False where a type is not known. */
bool retype_has_no_cast(const struct catalog *catalog, const struct catalog_column *column,
                        const struct fact_type *type, bool is_explicit);

#endif
