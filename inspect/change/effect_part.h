/* What changes of a table's triggers, rules, policies, statistics, publications and sequences do: to the table that
 * they belong to, and to them. */
#ifndef PGPROCTOR_INSPECT_EFFECT_PART_H
#define PGPROCTOR_INSPECT_EFFECT_PART_H

#include "inspect/change/effect_list.h"

/* True when the action is one of those, and all is said of it. */
bool effect_part(struct effect_list *list, const struct fact_action *action);
/* The sequences that columns of the table own; column NULL: all of them. */
void effect_part_sequences(struct effect_list *list, const struct catalog_relation *table,
                           const struct catalog_column *column, enum lock_mode lock);
/* nextval('name') is called, where the name is as it stands there. */
void effect_part_count(struct effect_list *list, const char *name);
/* Is the relation of the fact a sequence that a column owns? */
bool effect_part_owned(const struct effect_list *list, int16_t relation);
/* Does ENABLE or DISABLE TRIGGER on a partitioned table go on to its partitions, because they have the trigger too? */
bool effect_part_spreads(const struct effect_list *list, const struct catalog_relation *table,
                         const struct fact_action *action);

#endif
