/* What the subcommands of ALTER TABLE do to their table. */
#ifndef PGPROCTOR_INSPECT_EFFECT_ALTER_H
#define PGPROCTOR_INSPECT_EFFECT_ALTER_H

#include "inspect/change/effect_list.h"

/* `action` is ALTER TABLE's, or adds a foreign key to a new table. */
void effect_alter(struct effect_list *list, const struct fact_action *action);

#endif
