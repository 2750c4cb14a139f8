/* What building, changing, dropping and rebuilding indexes does to their tables. */
#ifndef PGPROCTOR_INSPECT_EFFECT_INDEX_H
#define PGPROCTOR_INSPECT_EFFECT_INDEX_H

#include "inspect/change/effect_list.h"

void effect_index_create(struct effect_list *list, const struct fact_action *action);
/* DROP INDEX, ALTER INDEX and their RENAME. */
void effect_index_touch(struct effect_list *list, const struct fact_action *action);
void effect_index_reindex(struct effect_list *list, const struct fact_action *action);
/* Refuses REPLICA IDENTITY USING that INDEX, unless each row can be found by it; NULL: by none. */
void effect_index_identify(struct effect_list *list, const struct catalog_relation *table, const char *name);

#endif
