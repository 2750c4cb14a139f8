/* What the bounds of partitions and a table's CHECKs say of each other: whether two partitions overlap, and whether the
 * CHECKs say that no row has to be looked at. The simple cases that PostgreSQL proves (predtest.c): comparisons of the
 * key column with constants, and-ed; anything else is no. Of a key of several columns nothing is known. */
#ifndef PGPROCTOR_INSPECT_BOUND_H
#define PGPROCTOR_INSPECT_BOUND_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

/* ATTACH PARTITION: do the table's CHECKs say that its rows keep to the action's bounds? `column` is the partition key;
 * it must be NOT NULL, too. */
bool bound_implied(const struct catalog_relation *table, const char *column, const struct fact_action *action);
/* Do the CHECKs of a DEFAULT partition say that none of its rows belongs into the action's bounds? */
bool bound_excluded(const struct catalog_relation *table, const char *column, const struct fact_action *action);
/* ATTACH PARTITION … DEFAULT: do they say that none belongs into any partition that there is? */
bool bound_excluded_by_all(const struct catalog_relation *table, const struct catalog_relation *whole);
/* The action's bounds are none by themselves. */
bool bound_is_empty(const struct catalog_relation *whole, const struct fact_action *action);
/* Would they share rows with that partition's? `utc`: the session's time zone. False where that is not known. */
bool bound_overlaps(const struct catalog_relation *whole, const struct catalog_relation *partition,
                    const struct fact_action *action, bool utc);

#endif
