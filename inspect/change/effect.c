#include "inspect/change/effect.h"

#include "inspect/change/effect_alter.h"
#include "inspect/change/effect_drop.h"
#include "inspect/change/effect_index.h"
#include "inspect/change/effect_key.h"
#include "inspect/change/effect_part.h"
#include "inspect/change/effect_partition.h"
#include "inspect/change/rewrite.h"
#include "inspect/access/search.h"

#include <string.h>

static void of_action(struct effect_list *list, const struct fact_action *action);
static void of_targets(struct effect_list *list);
static void of_rows(struct effect_list *list);
static bool is_served(const struct context *input, int16_t relation);
static void touch_sources(struct effect_list *list, const struct catalog_relation *view, enum lock_mode lock,
                          bool scan);
static void create_table(struct effect_list *list, const struct fact_action *action);
static const char *schema_for(const struct effect_list *list, int16_t relation);
static void read_sources(struct effect_list *list, bool scan);
static void drop_table(struct effect_list *list, const struct fact_action *action);
static void write_anew(struct effect_list *list, const struct fact_action *action);
static void refresh(struct effect_list *list, const struct fact_action *action);
static void constrain_domain(struct effect_list *list, const struct fact_action *action);
static void rename_object(struct effect_list *list, const struct fact_action *action);
static void drop_with_relations(struct effect_list *list, const struct fact_action *action);
static void plain(struct effect_list *list, const struct fact_action *action);

bool effect_applies(const struct facts *facts)
{
	switch (facts->kind) {
	case STATEMENT_DDL:
	case STATEMENT_LOCK:
	case STATEMENT_TRUNCATE:
	case STATEMENT_ANALYZE:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
		return true;
	default:
		return facts->action_count > 0;
	}
}

void effect_of(const struct context *input, struct arena *arena, struct effects *effects)
{
	struct searches *searches = NULL;
	struct context own = *input;
	struct effect_list list = {.input = &own, .arena = arena, .effects = effects};
	bool catalog_missing;
	if (own.searches == NULL)
		own.searches = &searches;
	if (own.catalog_missing == NULL)
		own.catalog_missing = &catalog_missing;
	effects->count = 0;
	effects->truncated = input->facts->truncated;
	effects->refused = NULL;
	switch (input->facts->kind) {
	case STATEMENT_LOCK:
	case STATEMENT_TRUNCATE:
	case STATEMENT_ANALYZE:
		of_targets(&list);
		break;
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
		of_rows(&list);
		break;
	default:
		for (uint16_t i = 0; i < input->facts->action_count; i++)
			of_action(&list, &input->facts->actions[i]);
		break;
	}
	effect_list_finish(&list);
	search_free(searches);
}

static void of_action(struct effect_list *list, const struct fact_action *action)
{
	switch (action->form) {
	case DDL_CREATE_TABLE:
		create_table(list, action);
		break;
	case DDL_CREATE_TABLE_AS:
		read_sources(list, !action->no_data);
		break;
	case DDL_CREATE_VIEW: {
		const struct catalog_relation *view;
		const char *schema = schema_for(list, action->relation);
		if (schema && !action->if_exists &&
		    effect_list_taken(list, schema, list->input->facts->relations[action->relation].name))
			effect_list_refuse(list, "a relation of that name is there already");
		if (action->relation >= 0 && effect_list_find(list, action->relation, &view) == EFFECT_KNOWN)
			effect_list_touch(list, view, LOCK_ACCESS_EXCLUSIVE);
		read_sources(list, false);
		break;
	}
	case DDL_CREATE_INDEX:
		effect_index_create(list, action);
		break;
	case DDL_DROP_INDEX:
	case DDL_ALTER_INDEX:
		effect_index_touch(list, action);
		break;
	case DDL_REINDEX:
		effect_index_reindex(list, action);
		break;
	case DDL_DROP_TABLE:
		drop_table(list, action);
		break;
	case DDL_VACUUM_FULL:
	case DDL_CLUSTER:
		write_anew(list, action);
		break;
	case DDL_ATTACH_PARTITION:
		effect_partition_attach(list, action);
		break;
	case DDL_DETACH_PARTITION:
		effect_partition_detach(list, action);
		break;
	case DDL_REFRESH_MATERIALIZED_VIEW:
		refresh(list, action);
		break;
	case DDL_DOMAIN_CONSTRAINT:
		constrain_domain(list, action);
		break;
	case DDL_RENAME:
		if (effect_part(list, action))
			break;
		if (action->relation >= 0)
			rename_object(list, action);
		else
			effect_index_touch(list, action);
		break;
	case DDL_OTHER:
	case DDL_DROP_OTHER:
	case DDL_SEQUENCE:
	case DDL_CREATE_TRIGGER:
		if (!effect_part(list, action))
			plain(list, action);
		break;
	case DDL_ADD_FOREIGN_KEY: {
		const struct catalog_relation *kept;
		effect_key_refuse(list, action);
		if (action->temporary && effect_list_find(list, action->referenced, &kept) == EFFECT_KNOWN)
			effect_list_refuse(list, "a temporary table refers to temporary tables only");
		effect_alter(list, action);
		break;
	}
	default:
		if (action->form == DDL_ADD_COLUMN && action->has_references)
			effect_key_refuse(list, action);
		if (action->method && strcmp(action->method, "finalize") == 0)
			effect_partition_detach(list, action);
		else
			effect_alter(list, action);
		break;
	}
}

/* LOCK, TRUNCATE, VACUUM and ANALYZE. */
static void of_targets(struct effect_list *list)
{
	const struct facts *facts = list->input->facts;
	const struct catalog *catalog = list->input->catalog;
	const struct catalog_relation *table;
	bool scan = facts->kind == STATEMENT_ANALYZE, truncates = facts->kind == STATEMENT_TRUNCATE;
	if (scan && facts->name && strcmp(facts->name, "vacuum") == 0)
		effect_list_refuse_in_transaction(list);
	for (uint16_t i = 0; i < facts->relation_count; i++) {
		struct effect *effect = effect_list_touch_fact(list, (int16_t)i, facts->lock);
		if (!effect)
			continue;
		effect->scan = scan;
		if (truncates && effect->table && facts->restart)
			effect_part_sequences(list, effect->table, NULL, LOCK_ACCESS_EXCLUSIVE);
		if (truncates && effect->table && facts->relations[i].only &&
		    effect->table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse(list, "a partitioned table has no rows of its own to remove");
		if (truncates && effect->table &&
		    (effect->table->kind == CATALOG_VIEW || effect->table->kind == CATALOG_MATERIALIZED_VIEW))
			effect_list_refuse(list, "it is a view");
		/* ANALYZE takes its sample of what inherits, but partitions are tables of their own to it. */
		bool sampled = scan && effect->table && effect->table->kind != CATALOG_PARTITIONED_TABLE;
		if (effect->table && !facts->relations[i].only)
			effect_list_touch_children(list, effect->table, sampled ? LOCK_ACCESS_SHARE : facts->lock, false,
			                           scan);
	}
	/* None named: all. */
	for (uint32_t at = 0; scan && facts->relation_count == 0 && catalog && at < catalog_relation_count(catalog);
	     at++) {
		table = catalog_relation_at(catalog, at);
		bool stored = table->kind == CATALOG_TABLE || table->kind == CATALOG_PARTITIONED_TABLE ||
		              table->kind == CATALOG_MATERIALIZED_VIEW;
		struct effect *effect = stored && !table->system ? effect_list_touch(list, table, facts->lock) : NULL;
		if (effect)
			effect->scan = true;
	}
	/* LOCK of a view locks what it is made of. */
	for (uint16_t i = 0; i < list->effects->count && facts->kind == STATEMENT_LOCK; i++) {
		if (list->effects->list[i].table && list->effects->list[i].table->kind == CATALOG_VIEW)
			touch_sources(list, list->effects->list[i].table, facts->lock, false);
	}
	if (facts->kind != STATEMENT_TRUNCATE || !catalog)
		return;
	/* What refers to them by a foreign key has to be emptied as well, and what refers to that. */
	for (uint16_t i = 0; i < list->effects->count; i++) {
		struct effect_referring other = {0};
		table = list->effects->list[i].table;
		while (table && effect_key_referring(catalog, table, &other)) {
			uint16_t before = list->effects->count;
			effect_list_touch(list, other.table, LOCK_ACCESS_EXCLUSIVE);
			if (list->effects->count > before && facts->restart)
				effect_part_sequences(list, other.table, NULL, LOCK_ACCESS_EXCLUSIVE);
			if (list->effects->count > before && !facts->cascade)
				effect_list_refuse(list, "a foreign key of another table refers to it");
		}
	}
}

static void of_rows(struct effect_list *list)
{
	const struct facts *facts = list->input->facts;
	for (uint16_t i = 0; i < facts->relation_count; i++) {
		const struct fact_relation *target = &facts->relations[i];
		if (!target->is_target)
			continue;
		struct effect *effect = effect_list_touch_fact(list, (int16_t)i, LOCK_ROW_EXCLUSIVE);
		bool all = !facts->levels[target->level].has_where;
		if (!effect || target->is_inserted)
			continue;
		effect->all_rows |= all;
		effect->scan |= all || (effect->table && !is_served(list->input, (int16_t)i));
		if (effect->table && !target->only)
			effect_list_touch_children(list, effect->table, LOCK_ROW_EXCLUSIVE, false, effect->scan);
	}
}

/* Does an index lead to the rows that are meant? */
static bool is_served(const struct context *input, int16_t relation)
{
	struct access *access = search_all(input)->access;
	for (uint16_t at = 0; access != NULL && at < access->condition_count; at++) {
		const struct access_condition *condition = &access->conditions[at];
		if (condition->relation == relation && condition->hit.quality >= MATCHING_LOSSY)
			return true;
	}
	return false;
}

static void create_table(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *existing;
	if (action->if_exists && effect_list_find(list, action->relation, &existing) == EFFECT_KNOWN)
		return;
	const char *schema = schema_for(list, action->relation);
	if (schema && !action->if_exists && !action->temporary &&
	    effect_list_taken(list, schema, list->input->facts->relations[action->relation].name))
		effect_list_refuse(list, "a relation of that name is there already");
	if (action->referenced < 0)
		return;
	effect_partition_create(list, action);
}

/* Where a new relation goes; NULL when the search_path leaves that open. */
static const char *schema_for(const struct effect_list *list, int16_t relation)
{
	const struct context *input = list->input;
	const char *own = "\"$user\", ";
	if (!input->catalog || relation < 0)
		return NULL;
	if (input->facts->relations[relation].schema)
		return input->facts->relations[relation].schema;
	const char *path = context_search_path(input);
	if (path && strncmp(path, own, strlen(own)) == 0)
		path += strlen(own);
	return path && !strpbrk(path, ",\"$ ") ? path : NULL;
}

/* Of a query inside the statement: everything that it names and that is not the statement's target. */
static void read_sources(struct effect_list *list, bool scan)
{
	const struct facts *facts = list->input->facts;
	for (uint16_t i = 0; i < facts->relation_count; i++) {
		if (facts->relations[i].is_target || facts->relations[i].is_cte)
			continue;
		struct effect *effect = effect_list_touch_fact(list, (int16_t)i, LOCK_ACCESS_SHARE);
		if (effect)
			effect->scan |= scan;
	}
}

static void drop_table(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	enum effect_found found = effect_list_find(list, action->relation, &table);
	if (found == EFFECT_UNKNOWN && action->if_exists && list->input->catalog)
		return;
	struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
	if (!effect || !effect->table)
		return;
	if (table->kind != CATALOG_TABLE && table->kind != CATALOG_PARTITIONED_TABLE)
		effect_list_refuse(list, "it is no table");
	if (table->kind == CATALOG_PARTITIONED_TABLE) {
		effect_list_touch_children(list, table, action->lock, false, false);
	} else if (table->partition_count > 0) {
		if (action->cascade || effect_drop_has_children(list, table))
			effect_list_touch_children(list, table, action->lock, false, false);
		else
			effect_list_refuse(list, "another table inherits from it");
	}
	effect_drop(list, table, NULL, action->cascade);
	/* Its parent's plans name it. */
	for (uint32_t at = 0; table->is_partition && at < catalog_relation_count(list->input->catalog); at++) {
		const struct catalog_relation *parent = catalog_relation_at(list->input->catalog, at);
		for (uint32_t i = 0; i < parent->partition_count; i++) {
			const struct catalog_relation *other = effect_partition_default(parent);
			if (parent->partitions[i] != table)
				continue;
			effect_list_touch(list, parent, action->lock);
			/* What may stand in the DEFAULT partition is another from then on. */
			if (other && other != table)
				effect_list_touch(list, other, action->lock);
		}
	}
}

/* VACUUM FULL and CLUSTER. */
static void write_anew(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	if (action->form == DDL_VACUUM_FULL)
		effect_list_refuse_in_transaction(list);
	if (action->relation >= 0) {
		struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
		if (effect && effect->table && effect->table->kind == CATALOG_PARTITIONED_TABLE) {
			effect_list_refuse_in_transaction(list);
			effect_list_touch_children(list, effect->table, LOCK_ACCESS_EXCLUSIVE, true, true);
		}
		if (effect)
			effect->rewrite = true;
		return;
	}
	effect_list_refuse_in_transaction(list);
	for (uint32_t at = 0; catalog && at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *table = catalog_relation_at(catalog, at);
		bool one = table->kind == CATALOG_TABLE || table->kind == CATALOG_MATERIALIZED_VIEW;
		if (!one || table->system || action->form == DDL_CLUSTER)
			continue;
		struct effect *effect = effect_list_touch(list, table, LOCK_ACCESS_EXCLUSIVE);
		if (effect)
			effect->rewrite = true;
	}
}

static void refresh(struct effect_list *list, const struct fact_action *action)
{
	struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
	if (!effect)
		return;
	if (effect->table && effect->table->kind != CATALOG_MATERIALIZED_VIEW)
		effect_list_refuse(list, "it is no materialized view");
	if (action->concurrently && action->no_data)
		effect_list_refuse(list, "CONCURRENTLY compares with the new rows");
	effect->rewrite = !action->concurrently && !action->no_data;
	effect->scan = !action->no_data;
	const struct catalog_relation *view = effect->table;
	if (!view)
		return;
	bool unique = false;
	for (uint16_t i = 0; i < view->index_count; i++) {
		const struct catalog_index *index = &view->indexes[i];
		bool plain_keys = true;
		for (uint16_t key = 0; key < index->key_count; key++)
			plain_keys &= index->keys[key].column != NULL;
		unique |= index->unique && index->valid && plain_keys && !index->predicate;
	}
	if (action->concurrently && !unique)
		effect_list_refuse(list, "without a unique index there is no refreshing CONCURRENTLY");
	if (!action->no_data)
		touch_sources(list, view, LOCK_ACCESS_SHARE, true);
	for (uint16_t i = 0; i < view->index_count && !action->concurrently; i++) {
		struct effect *index = effect_list_touch_index(list, view->indexes[i].schema, view->indexes[i].name,
		                                               LOCK_ACCESS_EXCLUSIVE);
		if (index)
			index->index = true;
	}
}

/* What a view is made of, as far as its own query names it. */
static void touch_sources(struct effect_list *list, const struct catalog_relation *view, enum lock_mode lock, bool scan)
{
	const struct catalog *catalog = list->input->catalog;
	for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *source = catalog_relation_at(catalog, at);
		for (uint32_t i = 0; i < source->dependent_count && source != view; i++) {
			struct effect *effect =
			    source->dependents[i].relation == view ? effect_list_touch(list, source, lock) : NULL;
			if (effect)
				effect->scan |= scan;
		}
	}
}

/* validateDomainConstraint and its like read every table that has a column of the domain. */
static void constrain_domain(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	/* The largest first: it is what one waits for. */
	const struct catalog_relation *largest = NULL;
	for (int pass = 0; catalog && pass < 2; pass++) {
		for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
			const struct catalog_relation *table = catalog_relation_at(catalog, at);
			bool uses = false;
			for (uint16_t i = 0; i < table->column_count; i++)
				uses |= strcmp(table->columns[i].type, action->object) == 0 &&
				        (!action->object_schema ||
				         strcmp(table->columns[i].type_schema, action->object_schema) == 0);
			if (!uses || (table->kind != CATALOG_TABLE && table->kind != CATALOG_MATERIALIZED_VIEW))
				continue;
			if (pass == 0) {
				largest = !largest || table->bytes > largest->bytes ? table : largest;
				continue;
			}
			struct effect *effect = effect_list_touch(list, table, action->lock);
			if (effect)
				effect->scan = true;
		}
		if (largest && pass == 0) {
			struct effect *effect = effect_list_touch(list, largest, action->lock);
			if (effect)
				effect->scan = true;
		}
	}
}

/* The index of a constraint is renamed with it. */
static void rename_object(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	plain(list, action);
	if (action->new_name && effect_list_find(list, action->relation, &table) == EFFECT_KNOWN) {
		const struct catalog_column *column = action->column ? catalog_column(table, action->column) : NULL;
		if (action->column && list->input->earlier_count == 0 && catalog_column(table, action->new_name) &&
		    !session_past_find(list->input->session->past, SESSION_PAST_LOCK, table->oid, NULL))
			effect_list_refuse(list, "a column of that name is there already");
		if (!action->column && !action->object && effect_list_taken(list, table->schema, action->new_name))
			effect_list_refuse(list, "a relation of that name is there already");
		if (column && column->inherited)
			effect_list_refuse(list, "the column is inherited: its parent's has to be renamed");
		if (column && action->only && table->partition_count > 0)
			effect_list_refuse(list, "what inherits from it has to be changed with it");
	}
	if (!action->object || effect_list_find(list, action->relation, &table) != EFFECT_KNOWN)
		return;
	for (uint16_t i = 0; i < table->index_count; i++) {
		const struct catalog_index *index = &table->indexes[i];
		struct effect *effect =
		    strcmp(index->name, action->object) == 0
		        ? effect_list_touch_index(list, index->schema, index->name, LOCK_SHARE_UPDATE_EXCLUSIVE)
		        : NULL;
		if (effect)
			effect->index = true;
	}
}

/* DROP TYPE and DOMAIN take the columns along, DROP SCHEMA all that is in it. */
static void drop_with_relations(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	bool schema = strcmp(action->method, "schema") == 0;
	for (uint32_t at = 0; at < catalog_relation_count(catalog) && action->object; at++) {
		const struct catalog_relation *table = catalog_relation_at(catalog, at);
		bool hit = schema && strcmp(table->schema, action->object) == 0;
		for (uint16_t i = 0; !schema && i < table->column_count; i++) {
			const char *type = table->columns[i].type;
			if (strcmp(type + (type[0] == '_'), action->object) != 0 ||
			    (action->object_schema &&
			     strcmp(table->columns[i].type_schema, action->object_schema) != 0))
				continue;
			hit = true;
			if (action->cascade)
				effect_drop(list, table, table->columns[i].name, true);
		}
		if (hit && !action->cascade) {
			effect_list_refuse(list, "other objects depend on it");
		} else if (hit) {
			effect_list_touch(list, table, LOCK_ACCESS_EXCLUSIVE);
			if (schema)
				effect_drop(list, table, NULL, true);
		}
	}
}

/* Locks and nothing else. */
static void plain(struct effect_list *list, const struct fact_action *action)
{
	struct effect *effect = NULL;
	const struct catalog_relation *table = NULL;
	const char *what = action->method ? action->method : "";
	if (action->relation >= 0 && effect_list_find(list, action->relation, &table) == EFFECT_UNKNOWN &&
	    action->if_exists && list->input->catalog && !effect_part_owned(list, action->relation))
		return;
	const char *schema = action->form == DDL_SEQUENCE && action->lock == LOCK_NONE ? schema_for(list, action->relation) : NULL;
	if (schema && !action->if_exists && !action->temporary &&
	    effect_list_taken(list, schema, list->input->facts->relations[action->relation].name))
		effect_list_refuse(list, "a relation of that name is there already");
	bool parent = strcmp(what, "inherit") == 0 && table;
	if (parent && (table->kind == CATALOG_PARTITIONED_TABLE || table->is_partition))
		effect_list_refuse(list, "a partitioned table and its partitions are inherited from by no other way");
	if ((strcmp(what, "view") == 0 && table && table->kind != CATALOG_VIEW) ||
	    (strcmp(what, "materialized view") == 0 && table && table->kind != CATALOG_MATERIALIZED_VIEW))
		effect_list_refuse(list, "it is another kind of relation");
	for (uint32_t at = 0; strcmp(what, "create schema") == 0 && !action->if_exists && action->object &&
	                      list->input->catalog && at < catalog_relation_count(list->input->catalog);
	     at++) {
		const struct catalog_relation *other = catalog_relation_at(list->input->catalog, at);
		if (effect_list_untouched(list, other) && strcmp(other->schema, action->object) == 0)
			effect_list_refuse(list, "a schema of that name is there already");
	}
	if (strcmp(what, "create extension") == 0 && !action->if_exists && list->input->catalog &&
	    list->input->earlier_count == 0 && !list->input->session->past &&
	    catalog_has_extension(list->input->catalog, action->object))
		effect_list_refuse(list, "the extension is there already");
	if (strcmp(what, "alone") == 0)
		effect_list_refuse_in_transaction(list);
	if (action->lock != LOCK_NONE)
		effect = effect_list_touch_fact(list, action->relation, action->lock);
	if (action->recurses && effect && effect->table)
		effect_list_touch_children(list, effect->table, action->lock, false, false);
	if (action->referenced >= 0 && action->referenced_lock != LOCK_NONE)
		effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	bool with_relations = strcmp(what, "type") == 0 || strcmp(what, "schema") == 0;
	if (action->form == DDL_DROP_OTHER && with_relations && list->input->catalog)
		drop_with_relations(list, action);
	if (action->form == DDL_DROP_OTHER && effect && effect->table && !action->object &&
	    (effect->table->kind == CATALOG_VIEW || effect->table->kind == CATALOG_MATERIALIZED_VIEW))
		effect_drop(list, effect->table, NULL, action->cascade);
}
