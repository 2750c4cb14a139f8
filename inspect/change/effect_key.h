/* Foreign keys: which the server takes, and what they make a statement do to the tables at their other end. */
#ifndef PGPROCTOR_INSPECT_EFFECT_KEY_H
#define PGPROCTOR_INSPECT_EFFECT_KEY_H

#include "inspect/change/effect_list.h"

/* A foreign key that refers to a table; begins with zeros. */
struct effect_referring {
	const struct catalog_relation *table; /* that has it */
	const struct catalog_constraint *key;
	uint32_t at; /* where the search goes on */
	uint16_t next;
};

/* The next of those that refer to it, its own among them; false when there are no more. */
bool effect_key_referring(const struct catalog *catalog, const struct catalog_relation *referenced,
                          struct effect_referring *referring);

/* Refuses the one that ADD CONSTRAINT, ADD COLUMN or CREATE TABLE makes, if the server would. */
void effect_key_refuse(struct effect_list *list, const struct fact_action *action);
/* Validating one of `table` on these columns joins it with the table that it refers to, which takes `lock`: that is
 * read as well, unless its rows are so wide that its index is less to read, or so many that each is looked up. */
void effect_key_validate(struct effect_list *list, const struct catalog_relation *table, const char *const *columns,
                         uint16_t column_count, const struct catalog_relation *referenced, enum lock_mode lock);
/* The tables that `table` refers to. */
void effect_key_touch_referenced(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock);
/* Those that refer to it; `scan` where they are read. False when there are none. */
bool effect_key_touch_referring(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                                bool scan);
/* Refuses SET LOGGED (`logged`) and UNLOGGED: a logged table can't refer to one that a crash empties. */
void effect_key_refuse_unlogged(struct effect_list *list, const struct catalog_relation *table, bool logged);

#endif
