/* What making, attaching and detaching a partition does to the table, its partitions, and what their foreign keys refer
 * to. */
#ifndef PGPROCTOR_INSPECT_EFFECT_PARTITION_H
#define PGPROCTOR_INSPECT_EFFECT_PARTITION_H

#include "inspect/change/effect_list.h"

/* CREATE TABLE … PARTITION OF. */
void effect_partition_create(struct effect_list *list, const struct fact_action *action);
void effect_partition_attach(struct effect_list *list, const struct fact_action *action);
/* Also FINALIZE. */
void effect_partition_detach(struct effect_list *list, const struct fact_action *action);
/* NULL when it has none. */
const struct catalog_relation *effect_partition_default(const struct catalog_relation *parent);

#endif
