#include "inspect/change/effect_part.h"

#include "inspect/change/effect_drop.h"

#include <string.h>

static void of_trigger(struct effect_list *list, const struct fact_action *action);
static void of_named(struct effect_list *list, const struct fact_action *action);
static void of_statistics(struct effect_list *list, const struct fact_action *action);
static void of_publication(struct effect_list *list, const struct fact_action *action);
static void of_function(struct effect_list *list, const struct fact_action *action);
static void of_sequence(struct effect_list *list, const struct fact_action *action);
static void of_free_sequence(struct effect_list *list, const struct fact_action *action,
                             const struct catalog_relation *sequence);
static void of_extension(struct effect_list *list, const struct fact_action *action);
static const struct catalog_part *find_anywhere(const struct effect_list *list, enum catalog_part_kind kind,
                                                const char *schema, const char *name,
                                                const struct catalog_relation **table);
static bool is(const struct fact_action *action, const char *method);

bool effect_part(struct effect_list *list, const struct fact_action *action)
{
	static const struct {
		const char *method;
		void (*tell)(struct effect_list *list, const struct fact_action *action);
	} parts[] = {
	    {"trigger", of_trigger},
	    {"rule", of_named},
	    {"policy", of_named},
	    {"statistics", of_statistics},
	    {"publish", of_publication},
	    {"unpublish", of_publication},
	    {"publish instead", of_publication},
	    {"function", of_function},
	    {"sequence", of_sequence},
	    {"sequence moves", of_sequence},
	    {"sequence freed", of_sequence},
	    {"extension", of_extension},
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!is(action, parts[i].method))
			continue;
		parts[i].tell(list, action);
		return true;
	}
	return false;
}

void effect_part_sequences(struct effect_list *list, const struct catalog_relation *table,
                           const struct catalog_column *column, enum lock_mode lock)
{
	for (uint32_t i = 0; i < table->part_count; i++) {
		const struct catalog_part *part = &table->parts[i];
		if (part->kind == CATALOG_SEQUENCE && (!column || part->column == column->number))
			effect_list_touch_index(list, part->schema, part->name, lock);
	}
}

void effect_part_count(struct effect_list *list, const char *name)
{
	char parts[2][LIMIT_NAME_BYTES + 1] = {"", ""};
	int part = 0;
	size_t len = 0;
	bool quoted = false;
	for (const char *at = name; *at; at++) {
		if (*at == '"') {
			quoted = !quoted;
		} else if (*at == '.' && !quoted && part == 0) {
			part = 1;
			len = 0;
		} else if (len < LIMIT_NAME_BYTES) {
			bool capital = !quoted && *at >= 'A' && *at <= 'Z';
			parts[part][len++] = capital ? (char)(*at - 'A' + 'a') : *at;
		}
	}
	const char *schema = part == 1 ? parts[0] : NULL, *own = parts[part];
	const struct context *input = list->input;
	const char *path = context_search_path(input);
	const struct catalog_relation *table;
	const struct catalog_part *owned = find_anywhere(list, CATALOG_SEQUENCE, schema, own, &table);
	if (owned)
		effect_list_touch_index(list, owned->schema, owned->name, LOCK_ROW_EXCLUSIVE);
	else if (input->catalog && (schema || path) &&
	         (table = catalog_find(input->catalog, schema, own, path, input->session->user)) != NULL)
		effect_list_touch(list, table, LOCK_ROW_EXCLUSIVE);
}

bool effect_part_owned(const struct effect_list *list, int16_t relation)
{
	const struct fact_relation *fact = &list->input->facts->relations[relation];
	const struct catalog_relation *table;
	return find_anywhere(list, CATALOG_SEQUENCE, fact->schema, fact->name, &table) != NULL;
}

bool effect_part_spreads(const struct effect_list *list, const struct catalog_relation *table,
                         const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	if (!effect_list_untouched(list, table))
		return true;
	if (is(action, "trigger")) {
		const struct catalog_part *trigger =
		    action->object ? catalog_part(table, CATALOG_TRIGGER, action->object) : NULL;
		return !trigger || trigger->for_rows;
	}
	for (uint32_t i = 0; i < table->part_count; i++) {
		if (table->parts[i].kind == CATALOG_TRIGGER && table->parts[i].for_rows)
			return true;
	}
	/* ALL is also those that keep foreign keys, on either side. */
	bool keys = false;
	for (uint32_t at = 0; is(action, "all triggers") && at < catalog_relation_count(catalog) && !keys; at++) {
		const struct catalog_relation *other = catalog_relation_at(catalog, at);
		for (uint16_t i = 0; i < other->constraint_count; i++)
			keys |= other->constraints[i].kind == CATALOG_FOREIGN_KEY &&
			        (other == table || other->constraints[i].referenced == table);
	}
	return keys;
}

/* CREATE, DROP and ALTER TRIGGER … RENAME. Partitions have the row triggers of their parents. */
static void of_trigger(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table = NULL;
	bool creates = action->form == DDL_CREATE_TRIGGER, drops = action->form == DDL_DROP_OTHER;
	if (action->relation < 0 || effect_list_find(list, action->relation, &table) != EFFECT_KNOWN)
		table = NULL;
	if (drops && !table && action->if_exists && list->input->catalog)
		return;
	const struct catalog_part *trigger =
	    table && action->object ? catalog_part(table, CATALOG_TRIGGER, action->object) : NULL;
	bool sure = table && effect_list_untouched(list, table);
	if (drops && !trigger && sure && action->if_exists)
		return;
	if (trigger && trigger->inherited && !creates)
		effect_list_refuse(list, "the trigger is the partitioned table's");
	if (trigger && sure && creates && !action->if_exists)
		effect_list_refuse(list, "a trigger of that name is there already");
	effect_list_touch_fact(list, action->relation, action->lock);
	effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	bool spreads = true;
	if (creates)
		spreads = action->recurses;
	else if (drops && trigger)
		spreads = trigger->for_rows;
	if (table && table->kind == CATALOG_PARTITIONED_TABLE && spreads)
		effect_list_touch_children(list, table, action->lock, false, false);
}

/* DROP RULE and POLICY, and their renaming. */
static void of_named(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	enum catalog_part_kind kind = is(action, "rule") ? CATALOG_RULE : CATALOG_POLICY;
	enum effect_found found = effect_list_find(list, action->relation, &table);
	if (action->if_exists && action->object && list->input->catalog &&
	    (found == EFFECT_UNKNOWN || (found == EFFECT_KNOWN && effect_list_untouched(list, table) &&
	                                 !catalog_part(table, kind, action->object))))
		return;
	effect_list_touch_fact(list, action->relation, action->lock);
}

static void of_statistics(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	if (find_anywhere(list, CATALOG_STATISTICS, action->object_schema, action->object, &table))
		effect_list_touch(list, table, LOCK_SHARE_UPDATE_EXCLUSIVE);
}

/* A publication has a table with all that inherit from it, unless ONLY; partitions come with their parent by
 * themselves. What SET TABLE leaves out is locked as well. */
static void of_publication(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	const struct catalog_relation *table;
	struct effect *effect = effect_list_touch_fact(list, action->relation, action->lock);
	for (uint32_t at = 0; catalog && is(action, "publish instead") && at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *member = catalog_relation_at(catalog, at);
		if (catalog_part(member, CATALOG_PUBLICATION, action->object))
			effect_list_touch(list, member, action->lock);
	}
	if (!effect || !effect->table)
		return;
	table = effect->table;
	if (!action->only && table->kind != CATALOG_PARTITIONED_TABLE)
		effect_list_touch_children(list, table, action->lock, false, false);
	bool has_rows = table->kind == CATALOG_TABLE || table->kind == CATALOG_PARTITIONED_TABLE;
	if (!has_rows || table->system || table->persistence == 'u')
		effect_list_refuse(list, "only logged tables are replicated");
	if (is(action, "publish") && effect_list_untouched(list, table) &&
	    catalog_part(table, CATALOG_PUBLICATION, action->object))
		effect_list_refuse(list, "the publication has the table already");
}

/* Of one without arguments, as triggers call it. */
static void of_function(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	for (uint32_t at = 0; catalog && action->object && at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *table = catalog_relation_at(catalog, at);
		for (uint32_t i = 0; i < table->part_count; i++) {
			const struct catalog_part *part = &table->parts[i];
			if (part->kind != CATALOG_TRIGGER || strcmp(part->function, action->object) != 0 ||
			    (action->object_schema && strcmp(part->schema, action->object_schema) != 0))
				continue;
			if (action->cascade)
				effect_list_touch(list, table, LOCK_ACCESS_EXCLUSIVE);
			else if (effect_list_untouched(list, table))
				effect_list_refuse(list, "a trigger calls it");
		}
	}
}

/* DROP SEQUENCE, its SET SCHEMA and OWNER TO, and OWNED BY NONE. */
static void of_sequence(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog_relation *table;
	const struct fact_relation *fact = &list->input->facts->relations[action->relation];
	const struct catalog_part *part = find_anywhere(list, CATALOG_SEQUENCE, fact->schema, fact->name, &table);
	const struct catalog_relation *alone;
	enum effect_found found = effect_list_find(list, action->relation, &alone);
	if (!part && found == EFFECT_UNKNOWN && action->if_exists && list->input->catalog)
		return;
	effect_list_touch_fact(list, action->relation, action->lock);
	if (found == EFFECT_KNOWN && is(action, "sequence"))
		of_free_sequence(list, action, alone);
	if (!part || !effect_list_untouched(list, table))
		return;
	if (is(action, "sequence moves")) {
		effect_list_refuse(list, "it goes where the table goes that owns it");
	} else if (part->identity) {
		effect_list_refuse(list, "it is an identity column's");
	} else if (is(action, "sequence") && part->used) {
		if (action->cascade)
			effect_list_touch(list, table, LOCK_ACCESS_EXCLUSIVE);
		else
			effect_list_refuse(list, "a column's default calls it");
	}
}

/* One that no column owns. */
static void of_free_sequence(struct effect_list *list, const struct fact_action *action,
                             const struct catalog_relation *sequence)
{
	if (sequence->kind != CATALOG_SEQUENCE_ALONE)
		effect_list_refuse(list, "it is another kind of relation");
	for (uint32_t i = 0; i < sequence->dependent_count; i++) {
		const struct catalog_dependent *dependent = &sequence->dependents[i];
		if (dependent->kind != CATALOG_DEPENDENT_DEFAULT || dependent->relation->gone)
			continue;
		if (action->cascade)
			effect_list_touch(list, dependent->relation, LOCK_ACCESS_EXCLUSIVE);
		else if (effect_list_untouched(list, dependent->relation))
			effect_list_refuse(list, "a column's default calls it");
	}
}

/* DROP EXTENSION. */
static void of_extension(struct effect_list *list, const struct fact_action *action)
{
	const struct catalog *catalog = list->input->catalog;
	for (uint32_t at = 0; catalog && action->object && at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *table = catalog_relation_at(catalog, at);
		for (uint32_t i = 0; i < table->part_count && !table->gone; i++) {
			const struct catalog_part *part = &table->parts[i];
			if (part->kind != CATALOG_EXTENSION || strcmp(part->name, action->object) != 0)
				continue;
			if (!action->cascade) {
				if (effect_list_untouched(list, table))
					effect_list_refuse(list, "a column, an index or a view needs it");
				continue;
			}
			effect_list_touch(list, table, LOCK_ACCESS_EXCLUSIVE);
			if (part->index)
				effect_list_touch_own_index(list, &(struct catalog_index){.schema = table->schema, .name = part->index},
				                            LOCK_ACCESS_EXCLUSIVE);
			for (uint16_t c = 0; part->column && c < table->column_count; c++) {
				if (table->columns[c].number == part->column)
					effect_drop(list, table, table->columns[c].name, true);
			}
		}
	}
}

static const struct catalog_part *find_anywhere(const struct effect_list *list, enum catalog_part_kind kind,
                                                const char *schema, const char *name,
                                                const struct catalog_relation **table)
{
	const struct catalog *catalog = list->input->catalog;
	for (uint32_t at = 0; catalog && name && at < catalog_relation_count(catalog); at++) {
		*table = catalog_relation_at(catalog, at);
		const struct catalog_part *part = catalog_part(*table, kind, name);
		if (part && (!schema || strcmp(part->schema, schema) == 0))
			return part;
	}
	return NULL;
}

static bool is(const struct fact_action *action, const char *method)
{
	return action->method && strcmp(action->method, method) == 0;
}
