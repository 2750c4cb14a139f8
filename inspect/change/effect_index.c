#include "inspect/change/effect_index.h"

#include "inspect/change/rewrite.h"

#include <string.h>

static void reindex_table(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock);

void effect_index_create(struct effect_list *list, const struct fact_action *action)
{
	struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
	const struct catalog_relation *table = effect ? effect->table : NULL;
	if (action->concurrently)
		effect_list_refuse_in_transaction(list);
	if (!effect)
		return;
	bool partitioned = table && table->kind == CATALOG_PARTITIONED_TABLE;
	if (partitioned && action->concurrently)
		effect_list_refuse(list, "a partitioned table takes no index CONCURRENTLY");
	if (table && action->object && !action->if_exists && effect_list_taken(list, table->schema, action->object))
		effect_list_refuse(list, "a relation of that name is there already");
	if (table && table->kind != CATALOG_TABLE && !partitioned && table->kind != CATALOG_MATERIALIZED_VIEW)
		effect_list_refuse(list, "it has no rows of its own to index");
	if (action->method && strcmp(action->method, "hash") == 0 && (action->unique || action->column_count > 1))
		effect_list_refuse(list, "a hash index is of one key, and not unique");
	const char *key = partitioned && action->unique ? table->partition_column : NULL;
	bool has_key = key == NULL;
	for (uint16_t i = 0; i < action->column_count && !has_key; i++)
		has_key = strcmp(action->columns[i], key) == 0;
	if (!has_key)
		effect_list_refuse(list, "a unique index needs the partition key among its columns");
	bool builds = !table || !rewrite_adds_nothing(list->input, action, table);
	if (partitioned && !action->only)
		effect_list_touch_children(list, table, action->lock, false, builds);
	effect->scan |= builds && (!partitioned || table->partition_count > 0);
}

/* DROP INDEX, ALTER INDEX, RENAME: the table of the index first. */
void effect_index_touch(struct effect_list *list, const struct fact_action *action)
{
	const struct context *input = list->input;
	const struct catalog_relation *table = NULL;
	const struct catalog_index *index = NULL;
	const char *path = input->catalog ? context_search_path(input) : NULL;
	bool drop = action->form == DDL_DROP_INDEX;
	if (drop && action->concurrently)
		effect_list_refuse_in_transaction(list);
	if (!action->object)
		return;
	if (input->catalog && (action->object_schema || path))
		index = catalog_find_index(input->catalog, action->object_schema, action->object, path,
		                           input->session->user, &table);
	if (!index && action->if_exists && input->catalog)
		return;
	if (!index && input->catalog && (action->object_schema || path))
		table = catalog_find(input->catalog, action->object_schema, action->object, path, input->session->user);
	if (!index && table) {
		/* ALTER INDEX may name a table, too. */
		effect_list_touch(list, table, action->form == DDL_RENAME ? LOCK_ACCESS_EXCLUSIVE : action->lock);
		if (action->form != DDL_RENAME)
			effect_list_refuse(list, "it is no index");
		return;
	}
	if (drop && index && index->inherited)
		effect_list_refuse(list, "the index is a part of the partitioned table's");
	if (table && !session_state_created(input->session, table->schema, table->name)) {
		enum lock_mode lock = drop ? action->lock : LOCK_NONE;
		effect_list_touch(list, table, lock);
		if (drop)
			effect_list_touch_children(list, table, lock, false, false);
		if (drop && action->concurrently && table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse(list, "an index of a partitioned table can't be dropped CONCURRENTLY");
		for (uint16_t i = 0; drop && i < table->constraint_count; i++) {
			const struct catalog_constraint *constraint = &table->constraints[i];
			bool built = constraint->kind == CATALOG_PRIMARY_KEY || constraint->kind == CATALOG_UNIQUE ||
			             constraint->kind == CATALOG_EXCLUSION;
			if (built && strcmp(constraint->name, index->name) == 0)
				effect_list_refuse(list, "a constraint needs the index");
		}
	}
	struct effect *effect =
	    effect_list_touch_index(list, index ? index->schema : action->object_schema, action->object, action->lock);
	if (effect)
		effect->index = true;
}

void effect_index_reindex(struct effect_list *list, const struct fact_action *action)
{
	const struct context *input = list->input;
	const struct catalog *catalog = input->catalog;
	const char *kind = action->reindex_kind;
	if (action->concurrently)
		effect_list_refuse_in_transaction(list);
	if (strcmp(kind, "table") == 0) {
		struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
		if (effect && effect->table && effect->table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse_in_transaction(list);
		if (effect && effect->table)
			reindex_table(list, effect->table, action->lock);
		else if (effect)
			effect->scan = true;
	} else if (strcmp(kind, "index") == 0) {
		uint16_t before = list->effects->count;
		effect_index_touch(list, action);
		if (list->effects->count == before)
			return;
		struct effect *effect = &list->effects->list[before];
		if (effect->table && effect->table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse_in_transaction(list);
		if (effect->table) {
			effect->lock = lock_stronger(effect->lock, action->lock);
			effect->scan = true;
		}
		struct effect *index = &list->effects->list[list->effects->count - 1];
		if (!action->concurrently && !index->table)
			index->lock = LOCK_ACCESS_EXCLUSIVE;
	} else {
		effect_list_refuse_in_transaction(list);
		for (uint32_t at = 0; catalog && at < catalog_relation_count(catalog); at++) {
			const struct catalog_relation *table = catalog_relation_at(catalog, at);
			bool one = table->kind == CATALOG_TABLE || table->kind == CATALOG_MATERIALIZED_VIEW;
			bool system = strcmp(kind, "system") == 0;
			if (!one || table->temporary || system != table->system ||
			    (strcmp(kind, "schema") == 0 && action->object &&
			     strcmp(table->schema, action->object) != 0))
				continue;
			if (effect_list_touch(list, table, action->lock))
				reindex_table(list, table, action->lock);
		}
	}
}

static void reindex_table(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock)
{
	enum lock_mode index_lock = lock == LOCK_SHARE ? LOCK_ACCESS_EXCLUSIVE : lock;
	struct effect *effect = effect_list_touch(list, table, lock);
	if (effect)
		effect->scan = table->index_count > 0 ||
		               (table->kind == CATALOG_PARTITIONED_TABLE && table->partition_count > 0);
	if (table->kind == CATALOG_PARTITIONED_TABLE)
		effect_list_touch_children(list, table, lock, false, true);
	for (uint16_t i = 0; i < table->index_count; i++) {
		struct effect *index =
		    effect_list_touch_index(list, table->indexes[i].schema, table->indexes[i].name, index_lock);
		if (index)
			index->index = true;
	}
}

void effect_index_identify(struct effect_list *list, const struct catalog_relation *table, const char *name)
{
	for (uint16_t i = 0; i < table->index_count && name; i++) {
		const struct catalog_index *index = &table->indexes[i];
		if (strcmp(index->name, name) != 0)
			continue;
		bool fits = index->unique && index->valid && !index->predicate;
		for (uint16_t key = 0; key < index->key_count; key++) {
			const struct catalog_column *column =
			    index->keys[key].column ? catalog_column(table, index->keys[key].column) : NULL;
			fits &= column && column->not_null;
		}
		if (!fits)
			effect_list_refuse(list, "a replica identity's index is unique, whole, and of NOT NULL columns");
	}
}
