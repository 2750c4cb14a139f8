/* Do a table's CHECKs say that its rows keep to a partition's bounds? Then ATTACH PARTITION reads none of them. The
 * simple cases that PostgreSQL proves (predtest.c): comparisons of the key column with constants, and-ed; anything
 * else is no. */
#ifndef PGPROCTOR_INSPECT_BOUND_H
#define PGPROCTOR_INSPECT_BOUND_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

/* `column` is the partition key; the bounds are the action's. The column must be NOT NULL, too. */
bool bound_implied(const struct catalog_relation *table, const char *column, const struct fact_action *action);

#endif
