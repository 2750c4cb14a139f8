/* What is dropped with a table or one of its columns. */
#ifndef PGPROCTOR_INSPECT_EFFECT_DROP_H
#define PGPROCTOR_INSPECT_EFFECT_DROP_H

#include "inspect/change/effect_list.h"

/* Dropping a table or one of its columns takes its foreign keys along, and locks what they refer to; the server refuses
 * it while something outside depends on it, unless by CASCADE. `column` NULL: the table. */
void effect_drop(struct effect_list *list, const struct catalog_relation *table, const char *column,
                 bool cascade);
/* DROP TABLE a, b, c: does it drop all that inherit from the table, too? */
bool effect_drop_has_children(const struct effect_list *list, const struct catalog_relation *table);

#endif
