#include "inspect/change/effect_drop.h"

#include "inspect/change/effect_key.h"
#include "inspect/change/effect_part.h"
#include "inspect/change/rewrite.h"

#include <string.h>

static void drop_view(struct effect_list *list, const struct catalog_relation *view, int depth);
static bool in_same_drop(const struct effect_list *list, const struct catalog_relation *table);

void effect_drop(struct effect_list *list, const struct catalog_relation *table, const char *column, bool cascade)
{
	const struct catalog_column *known = column ? catalog_column(table, column) : NULL;
	for (uint16_t i = 0; i < table->index_count; i++) {
		if (!column || rewrite_index_names(&table->indexes[i], column))
			effect_list_touch_own_index(list, &table->indexes[i], LOCK_ACCESS_EXCLUSIVE);
	}
	if (!column || known)
		effect_part_sequences(list, table, known, LOCK_ACCESS_EXCLUSIVE);
	for (uint32_t i = 0; i < table->dependent_count; i++) {
		const struct catalog_dependent *dependent = &table->dependents[i];
		if (column && (!known || dependent->column != known->number))
			continue;
		if ((dependent->relation == table && !column) || dependent->relation->gone)
			continue;
		if (!cascade && !(dependent->kind == CATALOG_DEPENDENT_VIEW && in_same_drop(list, dependent->relation)))
			effect_list_refuse(list, "a view or another object depends on it");
		else if (dependent->kind == CATALOG_DEPENDENT_VIEW)
			drop_view(list, dependent->relation, 0);
	}
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *constraint = &table->constraints[i];
		/* A partition leaves the partitioned table's as it is. */
		if (constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced &&
		    (column || !constraint->inherited) && (!column || effect_list_names(constraint->columns, constraint->column_count, column))) {
			effect_list_touch(list, constraint->referenced, LOCK_ACCESS_EXCLUSIVE);
			if (constraint->referenced->kind == CATALOG_PARTITIONED_TABLE)
				effect_list_touch_children(list, constraint->referenced, LOCK_ACCESS_EXCLUSIVE, false, false);
		}
	}
	for (struct effect_referring other = {0}; effect_key_referring(list->input->catalog, table, &other);) {
		if (other.table == table ||
		    (column && !effect_list_names(other.key->referenced_columns, other.key->column_count, column)))
			continue;
		if (cascade || in_same_drop(list, other.table))
			effect_list_touch(list, other.table, LOCK_ACCESS_EXCLUSIVE);
		else
			effect_list_refuse(list, "a foreign key of another table depends on it");
	}
}

bool effect_drop_has_children(const struct effect_list *list, const struct catalog_relation *table)
{
	for (uint32_t i = 0; i < table->partition_count; i++) {
		if (!in_same_drop(list, table->partitions[i]))
			return false;
	}
	return true;
}

/* With a view go those that are made of it. */
static void drop_view(struct effect_list *list, const struct catalog_relation *view, int depth)
{
	enum { DEPTH_MAX = 32 };
	effect_list_touch(list, view, LOCK_ACCESS_EXCLUSIVE);
	for (uint32_t i = 0; i < view->dependent_count && depth < DEPTH_MAX; i++) {
		if (view->dependents[i].kind == CATALOG_DEPENDENT_VIEW && view->dependents[i].relation != view)
			drop_view(list, view->dependents[i].relation, depth + 1);
	}
}

/* DROP TABLE a, b: what one of them depends on goes with it. */
static bool in_same_drop(const struct effect_list *list, const struct catalog_relation *table)
{
	const struct facts *facts = list->input->facts;
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct catalog_relation *dropped;
		bool drops = facts->actions[i].form == DDL_DROP_TABLE || facts->actions[i].form == DDL_DROP_OTHER;
		if (drops && facts->actions[i].relation >= 0 &&
		    effect_list_find(list, facts->actions[i].relation, &dropped) == EFFECT_KNOWN && dropped == table)
			return true;
	}
	return false;
}
