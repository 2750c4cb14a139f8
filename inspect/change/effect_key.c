#include "inspect/change/effect_key.h"

#include "inspect/access/typing.h"
#include "inspect/catalog/dictionary.h"

#include <string.h>

static void refuse_without_key(struct effect_list *list, const struct fact_action *action,
                               const struct catalog_relation *table);
static void refuse_types(struct effect_list *list, const struct fact_action *action,
                         const struct catalog_relation *table);
static const struct catalog_index *primary_key(const struct catalog_relation *table);
static bool compares(const struct dictionary *dictionary, uint32_t from, uint32_t to);
static bool is_null_throughout(const struct catalog_relation *table, const char *const *columns, uint16_t count);

/* The column of an ADD COLUMN is one, and not among the columns. */
static uint16_t width_of(const struct fact_action *action)
{
	return action->form == DDL_ADD_COLUMN ? 1 : action->column_count;
}

void effect_key_refuse(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	const struct fact_constraint *key = action->constraint;
	if (!key || action->referenced < 0 || list->input->earlier_count > 0 ||
	    effect_list_find(list, action->referenced, &table) != EFFECT_KNOWN)
		return;
	if (table->kind != CATALOG_TABLE && table->kind != CATALOG_PARTITIONED_TABLE) {
		effect_list_refuse(list, "a foreign key refers to a table");
		return;
	}
	const struct catalog_relation *own;
	if (effect_list_find(list, action->relation, &own) == EFFECT_KNOWN && own->persistence == 'p' &&
	    table->persistence == 'u')
		effect_list_refuse(list, "it refers to an unlogged table");
	if (key->referenced_column_count > 0 && key->referenced_column_count != width_of(action))
		effect_list_refuse(list, "it has not as many columns as it refers to");
	refuse_without_key(list, action, table);
	refuse_types(list, action, table);
}

static void refuse_without_key(struct effect_list *list, const struct fact_action *action,
                               const struct catalog_relation *table)
{
	const struct fact_constraint *key = action->constraint;
	for (uint16_t i = 0; i < table->index_count; i++) {
		const struct catalog_index *index = &table->indexes[i];
		bool fits = index->unique && !index->predicate;
		if (key->referenced_column_count == 0)
			fits &= index->primary && (index->key_count == width_of(action) || width_of(action) == 0);
		else
			fits &= index->key_count == key->referenced_column_count;
		for (uint16_t k = 0; fits && k < index->key_count && key->referenced_column_count > 0; k++)
			fits = index->keys[k].column && effect_list_names(key->referenced_columns, key->referenced_column_count,
			                                      index->keys[k].column);
		if (fits)
			return;
	}
	/* A script's earlier statements may have made one that has no name to be known by. */
	if (list->input->session->past == NULL && !table->amended && !table->assumed)
		effect_list_refuse(list, "no unique constraint has the columns that it refers to");
}

/* There has to be an = between each column and the one that it refers to. */
static void refuse_types(struct effect_list *list, const struct fact_action *action,
                         const struct catalog_relation *table)
{
	const struct dictionary *dictionary = list->input->catalog ? catalog_dictionary(list->input->catalog) : NULL;
	const struct fact_constraint *key = action->constraint;
	const struct catalog_index *primary = primary_key(table);
	const struct catalog_relation *own;
	bool adds = action->form == DDL_ADD_COLUMN;
	if (!dictionary || (!adds && effect_list_find(list, action->relation, &own) != EFFECT_KNOWN))
		return;
	for (uint16_t i = 0; i < width_of(action); i++) {
		const char *name = NULL;
		if (i < key->referenced_column_count)
			name = key->referenced_columns[i];
		else if (key->referenced_column_count == 0 && primary && i < primary->key_count)
			name = primary->keys[i].column;
		int32_t modifier;
		const struct catalog_column *referenced = name ? catalog_column(table, name) : NULL;
		const struct catalog_column *column = adds ? NULL : catalog_column(own, action->columns[i]);
		uint32_t type = TYPE_NONE;
		if (adds && action->type.name)
			type = typing_named(dictionary, &action->type, &modifier);
		else if (column)
			type = column->type_oid;
		if (referenced && type != TYPE_NONE && !compares(dictionary, type, referenced->type_oid))
			effect_list_refuse(list, "no = compares the column with what it refers to");
	}
}

static const struct catalog_index *primary_key(const struct catalog_relation *table)
{
	for (uint16_t i = 0; i < table->index_count; i++) {
		if (table->indexes[i].primary)
			return &table->indexes[i];
	}
	return NULL;
}

/* By an operator of the btree family, or after a cast that is made by itself. True where that is not known. */
static bool compares(const struct dictionary *dictionary, uint32_t from, uint32_t to)
{
	static const char *const families[][4] = {
	    {"int2", "int4", "int8"}, {"float4", "float8"}, {"date", "timestamp", "timestamptz"}, {"text", "varchar", "name"}};
	const struct dictionary_type *own = dictionary_type(dictionary, dictionary_base(dictionary, from));
	const struct dictionary_type *other = dictionary_type(dictionary, dictionary_base(dictionary, to));
	if (!own || !other || own == other || own->category == 'A' || other->category == 'A')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		bool has_own = false, has_other = false;
		for (size_t at = 0; at < ARRAY_LEN(families[i]) && families[i][at]; at++) {
			has_own |= strcmp(own->name, families[i][at]) == 0;
			has_other |= strcmp(other->name, families[i][at]) == 0;
		}
		if (has_own && has_other)
			return true;
	}
	const struct dictionary_cast *cast = dictionary_cast(dictionary, own->oid, other->oid);
	return cast && cast->context == 'i';
}

void effect_key_validate(struct effect_list *list, const struct catalog_relation *table, const char *const *columns,
                         uint16_t column_count, const struct catalog_relation *referenced, enum lock_mode lock)
{
	/* Where a scan of the index costs the planner less than one of the table: 8 kB pages at 1 and 4, rows at 0.01
	 * and 0.015. */
	enum { ROW_BYTES_MAX = 123, ROWS_LOOKED_UP = 10 };
	if (referenced == table || is_null_throughout(table, columns, column_count))
		return;
	for (uint32_t i = 0; referenced->kind == CATALOG_PARTITIONED_TABLE && i < referenced->partition_count; i++)
		effect_key_validate(list, table, columns, column_count, referenced->partitions[i], lock);
	if (referenced->kind != CATALOG_TABLE || referenced->rows <= 0 || referenced->bytes < 0 ||
	    (double)referenced->bytes / referenced->rows > ROW_BYTES_MAX ||
	    (table->rows >= 0 && table->rows * ROWS_LOOKED_UP < referenced->rows))
		return;
	struct effect *effect = effect_list_touch(list, referenced, lock);
	if (effect)
		effect->scan = true;
}

static bool is_null_throughout(const struct catalog_relation *table, const char *const *columns, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		const struct catalog_column *column = catalog_column(table, columns[i]);
		if (column && column->has_statistics && column->null_fraction >= 1)
			return true;
	}
	return false;
}

bool effect_key_referring(const struct catalog *catalog, const struct catalog_relation *referenced,
                          struct effect_referring *referring)
{
	for (; referring->at < catalog_relation_count(catalog); referring->at++, referring->next = 0) {
		referring->table = catalog_relation_at(catalog, referring->at);
		while (referring->next < referring->table->constraint_count) {
			referring->key = &referring->table->constraints[referring->next++];
			if (referring->key->kind == CATALOG_FOREIGN_KEY && referring->key->referenced == referenced)
				return true;
		}
	}
	return false;
}

void effect_key_touch_referenced(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock)
{
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		if (table->constraints[i].kind == CATALOG_FOREIGN_KEY && table->constraints[i].referenced)
			effect_list_touch(list, table->constraints[i].referenced, lock);
	}
}

bool effect_key_touch_referring(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                                bool scan)
{
	bool found = false;
	for (struct effect_referring other = {0}; effect_key_referring(list->input->catalog, table, &other);) {
		struct effect *effect = effect_list_touch(list, other.table, lock);
		if (effect)
			effect->scan |= scan;
		found = true;
	}
	return found;
}

void effect_key_refuse_unlogged(struct effect_list *list, const struct catalog_relation *table, bool logged)
{
	for (uint16_t i = 0; logged && i < table->constraint_count; i++) {
		const struct catalog_relation *referenced = table->constraints[i].referenced;
		if (referenced && referenced != table && referenced->persistence == 'u')
			effect_list_refuse(list, "it refers to an unlogged table");
	}
	for (struct effect_referring other = {0};
	     !logged && effect_key_referring(list->input->catalog, table, &other);) {
		if (other.table != table && other.table->persistence == 'p')
			effect_list_refuse(list, "a logged table refers to it");
	}
}
