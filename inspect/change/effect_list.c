#include "inspect/change/effect_list.h"

#include <string.h>

enum { INHERITANCE_DEPTH_MAX = 64 };

static struct effect *add(struct effect_list *list, const char *name, enum lock_mode lock);
static const char *shown(struct arena *arena, const char *schema, const char *name);
static void touch_children(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                           bool rewrite, bool scan, int depth);
static bool is_large(const struct effect_list *list, const struct effect *effect);

enum effect_found effect_list_find(const struct effect_list *list, int16_t at, const struct catalog_relation **table)
{
	const struct context *input = list->input;
	*table = NULL;
	CHECK(at >= 0 && at < input->facts->relation_count);
	const struct fact_relation *fact = &input->facts->relations[at];
	if (fact->is_cte || (fact->schema && strcmp(fact->schema, "pg_temp") == 0))
		return EFFECT_NEW;
	if (session_state_created(input->session, fact->schema, fact->name) ||
	    session_state_creates(input->session, input->facts, fact->schema, fact->name))
		return EFFECT_NEW;
	for (uint16_t i = 0; i < input->earlier_count; i++) {
		if (session_state_creates(input->session, &input->earlier[i], fact->schema, fact->name))
			return EFFECT_NEW;
	}
	if (!input->catalog)
		return EFFECT_UNKNOWN;
	const char *path = context_search_path(input);
	if (!fact->schema && !path)
		return EFFECT_UNKNOWN;
	*table = catalog_find(input->catalog, fact->schema, fact->name, path, input->session->user);
	if (!*table)
		return EFFECT_UNKNOWN;
	return (*table)->temporary ? EFFECT_NEW : EFFECT_KNOWN;
}

bool effect_list_taken(const struct effect_list *list, const char *schema, const char *name)
{
	const struct catalog *catalog = list->input->catalog;
	for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(catalog, at);
		bool taken = !relation->gone && strcmp(relation->schema, schema) == 0;
		bool hit = taken && strcmp(relation->name, name) == 0;
		for (uint16_t i = 0; taken && !hit && i < relation->index_count; i++)
			hit = strcmp(relation->indexes[i].name, name) == 0;
		for (uint32_t i = 0; !relation->gone && !hit && i < relation->part_count; i++)
			hit = relation->parts[i].kind == CATALOG_SEQUENCE && strcmp(relation->parts[i].name, name) == 0 &&
			      strcmp(relation->parts[i].schema, schema) == 0;
		if (hit)
			return list->input->earlier_count == 0 &&
			       !session_past_find(list->input->session->past, SESSION_PAST_LOCK, relation->oid, NULL);
	}
	return false;
}

bool effect_list_untouched(const struct effect_list *list, const struct catalog_relation *table)
{
	return !table->assumed && !table->amended && list->input->earlier_count == 0 &&
	       !session_past_find(list->input->session->past, SESSION_PAST_LOCK, table->oid, NULL);
}

struct effect *effect_list_touch(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock)
{
	CHECK(table != NULL);
	for (uint16_t i = 0; i < list->effects->count; i++) {
		struct effect *effect = &list->effects->list[i];
		if (effect->table == table) {
			effect->lock = lock_stronger(effect->lock, lock);
			return effect;
		}
	}
	struct effect *effect = add(list, shown(list->arena, table->schema, table->name), lock);
	if (effect)
		effect->table = table;
	return effect;
}

struct effect *effect_list_touch_fact(struct effect_list *list, int16_t at, enum lock_mode lock)
{
	const struct catalog_relation *table;
	if (at < 0)
		return NULL;
	switch (effect_list_find(list, at, &table)) {
	case EFFECT_KNOWN:
		return effect_list_touch(list, table, lock);
	case EFFECT_NEW:
		return NULL;
	case EFFECT_UNKNOWN:
		break;
	}
	const struct fact_relation *fact = &list->input->facts->relations[at];
	return effect_list_touch_index(list, fact->schema, fact->name, lock);
}

struct effect *effect_list_touch_index(struct effect_list *list, const char *schema, const char *name,
                                       enum lock_mode lock)
{
	const char *text = shown(list->arena, schema, name);
	for (uint16_t i = 0; i < list->effects->count; i++) {
		struct effect *effect = &list->effects->list[i];
		if (!effect->table && strcmp(effect->relation, text) == 0) {
			effect->lock = lock_stronger(effect->lock, lock);
			return effect;
		}
	}
	return add(list, text, lock);
}

void effect_list_touch_own_index(struct effect_list *list, const struct catalog_index *index, enum lock_mode lock)
{
	struct effect *effect = effect_list_touch_index(list, index->schema, index->name, lock);
	if (effect)
		effect->index = true;
}

void effect_list_touch_children(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                                bool rewrite, bool scan)
{
	touch_children(list, table, lock, rewrite, scan, 0);
}

static void touch_children(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                           bool rewrite, bool scan, int depth)
{
	for (uint32_t i = 0; i < table->partition_count && depth < INHERITANCE_DEPTH_MAX; i++) {
		struct effect *effect = effect_list_touch(list, table->partitions[i], lock);
		if (!effect)
			return;
		effect->rewrite |= rewrite;
		effect->scan |= scan;
		touch_children(list, table->partitions[i], lock, rewrite, scan, depth + 1);
	}
}

bool effect_list_names(const char *const *columns, uint16_t count, const char *column)
{
	for (uint16_t i = 0; columns && i < count; i++) {
		if (strcmp(columns[i], column) == 0)
			return true;
	}
	return false;
}

void effect_list_refuse(struct effect_list *list, const char *reason)
{
	if (!list->effects->refused)
		list->effects->refused = reason;
}

void effect_list_refuse_in_transaction(struct effect_list *list)
{
	if (list->input->session->transaction != 'I')
		effect_list_refuse(list, "it can't run inside a transaction");
}

void effect_list_finish(struct effect_list *list)
{
	struct effects *effects = list->effects;
	if (effects->count == 0)
		add(list, "", LOCK_NONE);
	if (effects->refused) {
		effects->count = 1;
		effects->list[0].lock = LOCK_NONE;
		effects->list[0].rewrite = effects->list[0].scan = false;
	}
	for (uint16_t i = 0; i < effects->count; i++) {
		struct effect *effect = &effects->list[i];
		/* What is written anew is read first. */
		effect->scan |= effect->rewrite;
		bool held = effect->all_rows || lock_conflicts(effect->lock, LOCK_ROW_EXCLUSIVE);
		effect->dangerous = effect->scan && held && is_large(list, effect);
	}
}

static struct effect *add(struct effect_list *list, const char *name, enum lock_mode lock)
{
	struct effects *effects = list->effects;
	if (effects->count == LIMIT_EFFECTS) {
		effects->truncated = true;
		return NULL;
	}
	struct effect *effect = &effects->list[effects->count++];
	*effect = (struct effect){.relation = name, .lock = lock};
	return effect;
}

static const char *shown(struct arena *arena, const char *schema, const char *name)
{
	if (!schema || strcmp(schema, "public") == 0)
		return arena_text(arena, name);
	return arena_printf(arena, "%s.%s", schema, name);
}

/* A table whose size nobody knows may be large. */
static bool is_large(const struct effect_list *list, const struct effect *effect)
{
	if (!effect->table)
		return true;
	enum table_size size = context_size(list->input, effect->table);
	return size == TABLE_LARGE || size == TABLE_UNKNOWN;
}
