#include "inspect/change/effect_partition.h"

#include "inspect/change/bound.h"
#include "inspect/change/effect_key.h"
#include "inspect/change/rewrite.h"

#include <string.h>

static bool has_indexes_of(const struct catalog_relation *table, const struct catalog_relation *whole);
static void refuse_unlike(struct effect_list *list, const struct catalog_relation *table,
                          const struct catalog_relation *whole);
static void refuse_bounds(struct effect_list *list, const struct fact_action *action,
                          const struct catalog_relation *whole);
static void touch_both_ends(struct effect_list *list, const struct catalog_relation *whole);

void effect_partition_create(struct effect_list *list, const struct fact_action *action)
{
	struct effect *parent = effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	if (!parent || !parent->table)
		return;
	if (parent->table->kind != CATALOG_PARTITIONED_TABLE && !parent->table->assumed)
		effect_list_refuse(list, "it is no partitioned table");
	refuse_bounds(list, action, parent->table);
	touch_both_ends(list, parent->table);
	/* Rows that belong into the new partition must not be among those that belonged nowhere. */
	const struct catalog_relation *other = effect_partition_default(parent->table);
	if (!other)
		return;
	if (action->is_default) {
		if (effect_list_untouched(list, other))
			effect_list_refuse(list, "there is a DEFAULT partition already");
		return;
	}
	struct effect *effect = effect_list_touch(list, other, LOCK_ACCESS_EXCLUSIVE);
	if (effect)
		effect->scan = !bound_excluded(other, parent->table->partition_column, action);
}

void effect_partition_attach(struct effect_list *list, const struct fact_action *action)
{
	struct effect *child = effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	struct effect *parent = effect_list_touch_fact(list, action->relation, action->lock);
	const struct catalog_relation *whole = parent ? parent->table : NULL;
	if (child && child->table && whole)
		refuse_unlike(list, child->table, whole);
	if (child)
		child->scan = !action->is_default || !whole || whole->partition_count > 0;
	if (child && child->table && whole && bound_implied(child->table, whole->partition_column, action))
		child->scan = !has_indexes_of(child->table, whole);
	if (child && child->table && whole && action->is_default && bound_excluded_by_all(child->table, whole))
		child->scan = !has_indexes_of(child->table, whole);
	if (whole)
		refuse_bounds(list, action, whole);
	for (uint16_t i = 0; whole && i < whole->constraint_count; i++) {
		const struct catalog_relation *referenced = whole->constraints[i].referenced;
		bool has = !child || !child->table;
		if (whole->constraints[i].kind != CATALOG_FOREIGN_KEY || !referenced)
			continue;
		for (uint16_t c = 0; !has && c < child->table->constraint_count; c++)
			has =
			    child->table->constraints[c].valid && child->table->constraints[c].referenced == referenced;
		/* The new partition gets the foreign key, and is verified by it. */
		if (child)
			child->scan |= !has;
	}
	if (whole)
		touch_both_ends(list, whole);
	const struct catalog_relation *other = whole ? effect_partition_default(whole) : NULL;
	if (other && action->is_default && effect_list_untouched(list, other))
		effect_list_refuse(list, "there is a DEFAULT partition already");
	struct effect *effect =
	    other && !action->is_default ? effect_list_touch(list, other, LOCK_ACCESS_EXCLUSIVE) : NULL;
	if (effect)
		effect->scan = !bound_excluded(other, whole->partition_column, action);
}

void effect_partition_detach(struct effect_list *list, const struct fact_action *action)
{
	struct effect *child = effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	struct effect *parent = effect_list_touch_fact(list, action->relation, action->lock);
	if (action->form != DDL_DETACH_PARTITION) {
		if (child && child->table && !child->table->is_detaching && effect_list_untouched(list, child->table))
			effect_list_refuse(list, "no detaching of it was left unfinished");
		return;
	}
	const struct catalog_relation *other = parent && parent->table ? effect_partition_default(parent->table) : NULL;
	if (parent && parent->table && !action->concurrently)
		effect_key_touch_referenced(list, parent->table, LOCK_SHARE_ROW_EXCLUSIVE);
	if (child && child->table) {
		/* No row may refer to one that goes: the two are joined. */
		bool referred = effect_key_touch_referring(list, child->table, LOCK_ACCESS_EXCLUSIVE, true);
		child->scan |= referred;
		effect_list_touch_children(list, child->table, LOCK_ACCESS_EXCLUSIVE, false, referred);
	}
	if (action->concurrently) {
		effect_list_refuse_in_transaction(list);
		if (other)
			effect_list_refuse(list, "with a DEFAULT partition there is no detaching CONCURRENTLY");
	} else if (other) {
		effect_list_touch(list, other, LOCK_ACCESS_EXCLUSIVE);
	}
}

/* A new partition gets the foreign keys of the whole, and those that refer to it. */
static void touch_both_ends(struct effect_list *list, const struct catalog_relation *whole)
{
	effect_key_touch_referenced(list, whole, LOCK_SHARE_ROW_EXCLUSIVE);
	effect_key_touch_referring(list, whole, LOCK_SHARE_ROW_EXCLUSIVE, false);
}

/* Bounds that are none, or that a partition has that is there. */
static void refuse_bounds(struct effect_list *list, const struct fact_action *action,
                          const struct catalog_relation *whole)
{
	if (whole->kind == CATALOG_PARTITIONED_TABLE && bound_is_empty(whole, action))
		effect_list_refuse(list, "no row is within these bounds");
	for (uint32_t i = 0; i < whole->partition_count; i++) {
		const struct catalog_relation *partition = whole->partitions[i];
		if (effect_list_untouched(list, partition) && !partition->gone &&
		    bound_overlaps(whole, partition, action, rewrite_time_zone_utc(list->input)))
			effect_list_refuse(list, "the bounds overlap with those of another partition");
	}
}

/* A table that the server won't take for a partition. */
static void refuse_unlike(struct effect_list *list, const struct catalog_relation *table,
                          const struct catalog_relation *whole)
{
	if (table->assumed || whole->assumed)
		return;
	if (whole->kind != CATALOG_PARTITIONED_TABLE)
		effect_list_refuse(list, "it is no partitioned table");
	if (table->is_partition && effect_list_untouched(list, table))
		effect_list_refuse(list, "it is a partition already");
	if (!table->is_partition && table->parent)
		effect_list_refuse(list, "it inherits from another table");
	if (table->kind == CATALOG_TABLE && table->partition_count > 0)
		effect_list_refuse(list, "another table inherits from it");
	if (table->amended || whole->amended)
		return;
	if (table->column_count != whole->column_count)
		effect_list_refuse(list, "it has not the same columns");
	for (uint16_t i = 0; i < whole->column_count; i++) {
		const struct catalog_column *wanted = &whole->columns[i];
		const struct catalog_column *column = catalog_column(table, wanted->name);
		if (!column || column->type_oid != wanted->type_oid || column->type_modifier != wanted->type_modifier ||
		    (wanted->not_null && !column->not_null))
			effect_list_refuse(list, "it has not the same columns");
	}
}

/* An index of the partitioned table that the new partition lacks is built on it. */
static bool has_indexes_of(const struct catalog_relation *table, const struct catalog_relation *whole)
{
	for (uint16_t i = 0; i < whole->index_count; i++) {
		const struct catalog_index *wanted = &whole->indexes[i];
		bool found = false;
		for (uint16_t j = 0; j < table->index_count && !found; j++) {
			const struct catalog_index *index = &table->indexes[j];
			found = index->valid && strcmp(index->method, wanted->method) == 0 &&
			        index->key_count == wanted->key_count && (index->unique || !wanted->unique) &&
			        !index->predicate == !wanted->predicate;
			for (uint16_t key = 0; found && key < index->key_count; key++)
				found = strcmp(index->keys[key].expression, wanted->keys[key].expression) == 0;
		}
		if (!found)
			return false;
	}
	return true;
}

const struct catalog_relation *effect_partition_default(const struct catalog_relation *parent)
{
	for (uint32_t i = 0; i < parent->partition_count; i++) {
		if (parent->partitions[i]->is_default_partition)
			return parent->partitions[i];
	}
	return NULL;
}
