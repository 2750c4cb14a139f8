/* When PostgreSQL has to write a table anew, read it from end to end, or rebuild an index, for the sake of one column
 * or constraint. */
#ifndef PGPROCTOR_INSPECT_REWRITE_H
#define PGPROCTOR_INSPECT_REWRITE_H

#include "inspect/context.h"

/* IF NOT EXISTS of what does exist, and an index on a partitioned table alone: nothing is built. */
bool rewrite_adds_nothing(const struct context *input, const struct fact_action *action,
                          const struct catalog_relation *relation);
/* The volatile function in a new column's default, NULL when there is none. */
const struct fact_call *rewrite_volatile_call(const struct context *input, const struct fact_action *action);
/* Why a new column of that kind needs a value of its own in each row: serial, identity, generated, a constrained
 * domain; NULL when it does not. In `arena`. */
const char *rewrite_column_type(const struct context *input, const struct fact_action *action, struct arena *arena);
/* The session's, unless an earlier statement of this message sets it: its ParameterStatus is yet to come. */
bool rewrite_time_zone_utc(const struct context *input);
/* No row can hold a NULL there: the column is NOT NULL, or a valid CHECK says so. */
bool rewrite_proves_not_null(const struct catalog_relation *relation, const char *column);
/* Of a change of type that leaves the table itself as it is: must that index be built anew? As CheckIndexCompatible
 * (commands/indexcmds.c) decides. */
bool rewrite_rebuilds_index(const struct catalog *catalog, const struct catalog_index *index,
                            const struct catalog_column *column, const struct fact_action *action);
/* Does the index have to do with the column: as a key, in an expression or in its predicate? */
bool rewrite_index_names(const struct catalog_index *index, const char *column);

#endif
