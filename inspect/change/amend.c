#include "inspect/change/amend.h"

#include "inspect/access/built_key.h"
#include "inspect/access/typing.h"
#include "inspect/change/rewrite.h"

#include <string.h>

/* Bytes of the catalog as they were before the first statement that changed their table. */
struct amendment {
	struct amendment *older;
	struct catalog_relation *renamed; /* the table, with its name at that time; NULL for other bytes */
	void *at;
	const void *was;
	size_t size;
};

struct amend {
	struct catalog *catalog;
	struct catalog_relation *table;
	const struct fact_action *action;
	const struct catalog_relation *referenced;
	const struct dictionary *dictionary; /* NULL: no query is judged by the catalog */
	struct arena *arena;
	struct amendments *amendments;
};

static void keep_table(struct amendments *amendments, struct catalog_relation *table);
static struct amendment *keep(struct amendments *amendments, const void *at, size_t size);
static void touch(struct amend *amend, struct catalog_relation *table);
static void apply(struct amend *amend);
static void detach(struct amend *amend, struct catalog_relation *part);
static void add_column(struct amend *amend);
static void drop_column(struct amend *amend);
static void rename_part(struct amend *amend);
static void rename_in(const char *const *names, uint16_t count, const char *from, const char *to);
static void set_not_null(struct amend *amend, const char *name, bool on);
static void add_constraint(struct amend *amend, enum catalog_constraint_kind kind);
static const char *const *referenced_columns(struct amend *amend, enum catalog_constraint_kind kind);
static void prove_not_null(struct amend *amend, struct catalog_constraint *check);
static void drop_constraint(struct amend *amend, const char *name);
static void add_index(struct amend *amend, const char *name, bool unique);
static void drop_index(struct amend *amend, const char *name);
static struct catalog_constraint *find_constraint(struct amend *amend, const char *name);

void amend_apply(struct catalog *catalog, const struct facts *facts, const char *search_path, const char *user,
                 struct amendments *amendments)
{
	struct arena *arena = &amendments->arena;
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		struct amend amend = {
		    .catalog = catalog,
		    .action = action,
		    .dictionary = catalog_dictionary(catalog),
		    .arena = arena,
		    .amendments = amendments,
		};
		const struct catalog_relation *table = NULL;
		if (action->form == DDL_DROP_INDEX && action->object && (action->object_schema || search_path)) {
			(void)catalog_find_index(catalog, action->object_schema, action->object, search_path, user,
			                         &table);
		} else if (action->relation >= 0) {
			const struct fact_relation *fact = &facts->relations[action->relation];
			if (fact->schema || search_path)
				table = catalog_find(catalog, fact->schema, fact->name, search_path, user);
		}
		if (!table || table->system)
			continue;
		if (action->referenced >= 0) {
			const struct fact_relation *fact = &facts->relations[action->referenced];
			if (fact->schema || search_path)
				amend.referenced = catalog_find(catalog, fact->schema, fact->name, search_path, user);
		}
		/* The catalog's only reader is its owner. */
		amend.table = (struct catalog_relation *)table;
		touch(&amend, amend.table);
		apply(&amend);
		catalog_amended(catalog);
	}
}

void amend_undo(struct catalog *catalog, struct amendments *amendments)
{
	for (const struct amendment *one = amendments->newest; one; one = one->older) {
		memcpy(one->at, one->was, one->size);
		if (one->renamed)
			catalog_rename(catalog, one->renamed, one->renamed->name);
	}
	catalog_amended(catalog);
	amend_fini(amendments);
}

void amend_fini(struct amendments *amendments)
{
	arena_fini(&amendments->arena);
	amendments->newest = NULL;
}

/* Before anything is written to it. */
static void touch(struct amend *amend, struct catalog_relation *table)
{
	if (!table->amended)
		keep_table(amend->amendments, table);
	table->amended = true;
}

/* All of it that apply writes to. */
static void keep_table(struct amendments *amendments, struct catalog_relation *table)
{
	keep(amendments, table, sizeof(*table))->renamed = table;
	keep(amendments, table->columns, table->column_count * sizeof(*table->columns));
	keep(amendments, table->constraints, table->constraint_count * sizeof(*table->constraints));
	keep(amendments, table->indexes, table->index_count * sizeof(*table->indexes));
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *constraint = &table->constraints[i];
		keep(amendments, constraint->columns, constraint->column_count * sizeof(*constraint->columns));
		keep(amendments, constraint->not_null_columns,
		     constraint->not_null_count * sizeof(*constraint->not_null_columns));
	}
	for (uint16_t i = 0; i < table->index_count; i++) {
		const struct catalog_index *index = &table->indexes[i];
		keep(amendments, index->keys, index->key_count * sizeof(*index->keys));
		keep(amendments, index->included, index->included_count * sizeof(*index->included));
	}
}

static struct amendment *keep(struct amendments *amendments, const void *at, size_t size)
{
	struct amendment *one = arena_alloc(&amendments->arena, sizeof(*one));
	void *copy = arena_alloc(&amendments->arena, size + 1);
	if (size > 0)
		memcpy(copy, at, size);
	/* Nothing is written to an empty list, which may have no place. */
	*one = (struct amendment){
	    .older = amendments->newest, .at = size > 0 ? (void *)at : copy, .was = copy, .size = size};
	amendments->newest = one;
	return one;
}

static void apply(struct amend *amend)
{
	const struct fact_action *action = amend->action;
	struct catalog_constraint *constraint;
	switch (action->form) {
	case DDL_ADD_COLUMN:
		add_column(amend);
		break;
	case DDL_DROP_COLUMN:
		drop_column(amend);
		break;
	case DDL_SET_NOT_NULL:
		set_not_null(amend, action->column, true);
		break;
	case DDL_DROP_NOT_NULL:
		set_not_null(amend, action->column, false);
		break;
	case DDL_ADD_CHECK:
		add_constraint(amend, CATALOG_CHECK);
		break;
	case DDL_ADD_FOREIGN_KEY:
		add_constraint(amend, CATALOG_FOREIGN_KEY);
		break;
	case DDL_ADD_UNIQUE:
		add_constraint(amend, CATALOG_UNIQUE);
		if (!action->using_index && action->object)
			add_index(amend, action->object, true);
		break;
	case DDL_ADD_PRIMARY_KEY:
		add_constraint(amend, CATALOG_PRIMARY_KEY);
		for (uint16_t i = 0; i < action->column_count; i++)
			set_not_null(amend, action->columns[i], true);
		break;
	case DDL_VALIDATE_CONSTRAINT:
		constraint = find_constraint(amend, action->object);
		if (constraint)
			constraint->valid = true;
		break;
	case DDL_DROP_CONSTRAINT:
		drop_constraint(amend, action->object);
		drop_index(amend, action->object);
		break;
	case DDL_DROP_TABLE:
		amend->table->gone = true;
		amend->table->constraint_count = amend->table->index_count = 0;
		break;
	case DDL_DROP_OTHER:
		amend->table->gone |= !action->object;
		break;
	case DDL_RENAME:
		rename_part(amend);
		break;
	case DDL_CREATE_INDEX:
		/* Of a partial one it isn't known which rows it has, nor of one without a name when it is dropped. */
		if (action->object && !action->has_predicate)
			add_index(amend, action->object, action->unique);
		else
			amend->table->vague = true;
		break;
	case DDL_DROP_INDEX:
		drop_index(amend, action->object);
		break;
	case DDL_DETACH_PARTITION:
		if (amend->referenced)
			detach(amend, (struct catalog_relation *)amend->referenced);
		break;
	default:
		break;
	}
}

/* It is a table like others from then on, with what it had from the whole, and no foreign key refers to it. */
static void detach(struct amend *amend, struct catalog_relation *part)
{
	struct catalog_relation *whole = amend->table;
	const struct catalog_relation **kept =
	    arena_alloc(amend->arena, (whole->partition_count + 1) * sizeof(const struct catalog_relation *));
	uint32_t count = 0;
	for (uint32_t i = 0; i < whole->partition_count; i++) {
		if (whole->partitions[i] != part)
			kept[count++] = whole->partitions[i];
	}
	whole->partitions = kept;
	whole->partition_count = count;
	touch(amend, part);
	part->is_partition = part->is_default_partition = false;
	part->parent = NULL;
	for (uint16_t i = 0; i < part->column_count; i++)
		((struct catalog_column *)part->columns)[i].inherited = false;
	for (uint16_t i = 0; i < part->constraint_count; i++)
		((struct catalog_constraint *)part->constraints)[i].inherited = false;
	for (uint16_t i = 0; i < part->index_count; i++)
		((struct catalog_index *)part->indexes)[i].inherited = false;
	for (uint32_t at = 0; at < catalog_relation_count(amend->catalog); at++) {
		struct amend other = *amend;
		other.table = (struct catalog_relation *)catalog_relation_at(amend->catalog, at);
		for (uint16_t i = other.table->constraint_count; i-- > 0;) {
			const struct catalog_constraint *key = &other.table->constraints[i];
			if (key->kind != CATALOG_FOREIGN_KEY || key->referenced != part)
				continue;
			touch(&other, other.table);
			drop_constraint(&other, key->name);
		}
	}
}

/* A copy with room for one more; the old one stays where it was. */
static void *grown(struct arena *arena, const void *list, size_t count, size_t size)
{
	void *copy = arena_alloc(arena, (count + 1) * size);
	if (count > 0)
		memcpy(copy, list, count * size);
	return copy;
}

static void add_column(struct amend *amend)
{
	const struct fact_action *action = amend->action;
	struct catalog_relation *table = amend->table;
	if (!action->column || !action->type.name || table->column_count == UINT16_MAX ||
	    catalog_column(table, action->column))
		return;
	struct catalog_column *columns = grown(amend->arena, table->columns, table->column_count, sizeof(*columns));
	int32_t modifier = -1;
	const uint32_t oid = amend->dictionary ? typing_named(amend->dictionary, &action->type, &modifier) : TYPE_NONE;
	const struct dictionary_type *type = oid != TYPE_NONE ? dictionary_type(amend->dictionary, oid) : NULL;
	columns[table->column_count] = (struct catalog_column){
	    .name = arena_text(amend->arena, action->column),
	    .number = (int16_t)(table->column_count > 0 ? columns[table->column_count - 1].number + 1 : 1),
	    .type_schema = arena_text(amend->arena, action->type.schema ? action->type.schema : "pg_catalog"),
	    .type = arena_printf(amend->arena, "%s%s", action->type.array ? "_" : "", action->type.name),
	    .type_modifier = -1,
	    .type_oid = oid,
	    .collation = type && type->collation != 0 && !action->has_collation ? "default" : NULL,
	    .collation_oid = type && !action->has_collation ? type->collation : 0,
	    .not_null = action->has_not_null || action->has_primary,
	    .generated = action->has_generated,
	};
	table->columns = columns;
	table->column_count++;
}

static void drop_column(struct amend *amend)
{
	const char *name = amend->action->column;
	struct catalog_relation *table = amend->table;
	if (!name || !catalog_column(table, name))
		return;
	for (uint16_t i = table->index_count; i-- > 0;) {
		if (rewrite_index_names(&table->indexes[i], name))
			drop_index(amend, table->indexes[i].name);
	}
	for (uint16_t i = table->constraint_count; i-- > 0;) {
		const struct catalog_constraint *constraint = &table->constraints[i];
		bool named = false;
		for (uint16_t c = 0; c < constraint->column_count; c++)
			named |= strcmp(constraint->columns[c], name) == 0;
		if (named)
			drop_constraint(amend, constraint->name);
	}
	struct catalog_column *columns = grown(amend->arena, table->columns, table->column_count, sizeof(*columns));
	uint16_t kept = 0;
	for (uint16_t i = 0; i < table->column_count; i++) {
		if (strcmp(columns[i].name, name) != 0)
			columns[kept++] = columns[i];
	}
	table->columns = columns;
	table->column_count = kept;
}

/* The table, or one of its columns or constraints. Expressions still have the old name, as the server has none. */
static void rename_part(struct amend *amend)
{
	struct catalog_relation *table = amend->table;
	const char *from = amend->action->column ? amend->action->column : amend->action->object;
	const char *to = arena_text(amend->arena, amend->action->new_name);
	if (!to)
		return;
	if (!from) {
		catalog_rename(amend->catalog, table, to);
		return;
	}
	struct catalog_constraint *constraint = find_constraint(amend, amend->action->object);
	if (constraint)
		constraint->name = to;
	for (uint16_t i = 0; amend->action->object && i < table->index_count; i++) {
		if (strcmp(table->indexes[i].name, from) == 0)
			((struct catalog_index *)table->indexes)[i].name = to;
	}
	struct catalog_column *column =
	    amend->action->column ? (struct catalog_column *)catalog_column(table, from) : NULL;
	if (!column)
		return;
	column->name = to;
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		rename_in(table->constraints[i].columns, table->constraints[i].column_count, from, to);
		rename_in(table->constraints[i].not_null_columns, table->constraints[i].not_null_count, from, to);
	}
	for (uint16_t i = 0; i < table->index_count; i++) {
		const struct catalog_index *index = &table->indexes[i];
		for (uint16_t key = 0; key < index->key_count; key++) {
			struct catalog_index_key *one = (struct catalog_index_key *)&index->keys[key];
			if (one->column && strcmp(one->column, from) == 0)
				one->column = one->expression = to;
		}
		rename_in(index->included, index->included_count, from, to);
	}
}

/* The lists are constant to other readers of a catalog, which this one has not. */
static void rename_in(const char *const *names, uint16_t count, const char *from, const char *to)
{
	for (uint16_t i = 0; i < count; i++) {
		if (strcmp(names[i], from) == 0)
			((const char **)names)[i] = to;
	}
}

static void set_not_null(struct amend *amend, const char *name, bool on)
{
	struct catalog_column *column = name ? (struct catalog_column *)catalog_column(amend->table, name) : NULL;
	if (column)
		column->not_null = on;
}

static void add_constraint(struct amend *amend, enum catalog_constraint_kind kind)
{
	const struct fact_action *action = amend->action;
	struct catalog_relation *table = amend->table;
	/* Without a name there is no telling it from others later. */
	if (!action->object || table->constraint_count == UINT16_MAX || find_constraint(amend, action->object))
		return;
	struct catalog_constraint *list =
	    grown(amend->arena, table->constraints, table->constraint_count, sizeof(*list));
	struct catalog_constraint *added = &list[table->constraint_count];
	const char **columns = arena_alloc(amend->arena, (action->column_count + 1u) * sizeof(*columns));
	for (uint16_t i = 0; i < action->column_count; i++)
		columns[i] = arena_text(amend->arena, action->columns[i]);
	*added = (struct catalog_constraint){
	    .name = arena_text(amend->arena, action->object),
	    .kind = kind,
	    .valid = !action->not_valid,
	    .columns = columns,
	    .column_count = action->column_count,
	    .expression = arena_text(amend->arena, action->expression),
	    .referenced = kind == CATALOG_FOREIGN_KEY ? amend->referenced : NULL,
	    .referenced_columns = referenced_columns(amend, kind),
	};
	if (kind == CATALOG_CHECK && added->expression)
		prove_not_null(amend, added);
	table->constraints = list;
	table->constraint_count++;
}

/* As many as the constraint's own: those that are named, else the referenced table's primary key; "" for what is not
 * known. */
static const char *const *referenced_columns(struct amend *amend, enum catalog_constraint_kind kind)
{
	const struct fact_action *action = amend->action;
	const struct fact_constraint *named = action->constraint;
	const struct catalog_constraint *primary = NULL;
	if (kind != CATALOG_FOREIGN_KEY)
		return NULL;
	for (uint16_t i = 0; amend->referenced && i < amend->referenced->constraint_count; i++) {
		if (amend->referenced->constraints[i].kind == CATALOG_PRIMARY_KEY)
			primary = &amend->referenced->constraints[i];
	}
	const char **columns = arena_alloc(amend->arena, (action->column_count + 1u) * sizeof(*columns));
	for (uint16_t i = 0; i < action->column_count; i++) {
		const char *column = "";
		if (named && i < named->referenced_column_count)
			column = named->referenced_columns[i];
		else if (primary && i < primary->column_count)
			column = primary->columns[i];
		columns[i] = arena_text(amend->arena, column);
	}
	return columns;
}

/* `c is not null` alone or and-ed at the top, in canonical text (expression.h). */
static void prove_not_null(struct amend *amend, struct catalog_constraint *check)
{
	const struct catalog_relation *table = amend->table;
	const char **columns = arena_alloc(amend->arena, (table->column_count + 1u) * sizeof(*columns));
	bool disjunction = strstr(check->expression, " or ") || strstr(check->expression, "not (") ||
	                   strstr(check->expression, "case ");
	for (uint16_t i = 0; i < table->column_count && !disjunction; i++) {
		char alone[LIMIT_NAME_BYTES + 16], among[LIMIT_NAME_BYTES + 16];
		snprintf(alone, sizeof(alone), "%s is not null", table->columns[i].name);
		snprintf(among, sizeof(among), "(%s is not null)", table->columns[i].name);
		const char *hit = strstr(check->expression, among);
		ptrdiff_t before = hit ? hit - check->expression : 0;
		bool first = before == 0 || (before >= 5 && strncmp(hit - 5, " and ", 5) == 0);
		if (strcmp(check->expression, alone) == 0 || (hit && first))
			columns[check->not_null_count++] = table->columns[i].name;
	}
	check->not_null_columns = columns;
}

static void drop_constraint(struct amend *amend, const char *name)
{
	struct catalog_relation *table = amend->table;
	struct catalog_constraint *list =
	    grown(amend->arena, table->constraints, table->constraint_count, sizeof(*list));
	uint16_t kept = 0;
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		if (!name || strcmp(list[i].name, name) != 0)
			list[kept++] = list[i];
	}
	table->constraints = list;
	table->constraint_count = kept;
}

/* False when it can't be told what the key is. */
static bool read_key(struct amend *amend, const char *method, const char *text, const char *opclass,
                     struct catalog_index_key *key)
{
	if (amend->dictionary != NULL)
		return built_key_read(amend->dictionary, amend->table, method, text, opclass, key, amend->arena);
	*key = (struct catalog_index_key){0};
	key->column = key->expression = arena_text(amend->arena, text);
	key->opclass = arena_text(amend->arena, opclass ? opclass : "");
	return catalog_column(amend->table, text) != NULL;
}

static void add_index(struct amend *amend, const char *name, bool unique)
{
	const struct fact_action *action = amend->action;
	struct catalog_relation *table = amend->table;
	const char *method = action->method ? action->method : "btree";
	for (uint16_t i = 0; i < table->index_count; i++) {
		if (strcmp(table->indexes[i].name, name) == 0)
			return;
	}
	if (action->column_count == 0 || table->index_count == UINT16_MAX)
		return;
	struct catalog_index *indexes = grown(amend->arena, table->indexes, table->index_count, sizeof(*indexes));
	struct catalog_index_key *keys = arena_alloc(amend->arena, action->column_count * sizeof(*keys));
	for (uint16_t i = 0; i < action->column_count; i++) {
		const char *opclass = action->opclasses ? action->opclasses[i] : NULL;
		if (!read_key(amend, method, action->columns[i], opclass, &keys[i])) {
			table->vague = true;
			return;
		}
	}
	indexes[table->index_count] = (struct catalog_index){
	    .schema = table->schema,
	    .name = arena_text(amend->arena, name),
	    .method = arena_text(amend->arena, method),
	    .valid = true,
	    .ready = true,
	    .unique = unique,
	    .keys = keys,
	    .key_count = action->column_count,
	    .definition = "",
	};
	table->indexes = indexes;
	table->index_count++;
}

static void drop_index(struct amend *amend, const char *name)
{
	struct catalog_relation *table = amend->table;
	struct catalog_index *list = grown(amend->arena, table->indexes, table->index_count, sizeof(*list));
	uint16_t kept = 0;
	for (uint16_t i = 0; i < table->index_count; i++) {
		if (!name || strcmp(list[i].name, name) != 0)
			list[kept++] = list[i];
	}
	table->indexes = list;
	table->index_count = kept;
}

static struct catalog_constraint *find_constraint(struct amend *amend, const char *name)
{
	for (uint16_t i = 0; name && i < amend->table->constraint_count; i++) {
		if (strcmp(amend->table->constraints[i].name, name) == 0)
			return (struct catalog_constraint *)&amend->table->constraints[i];
	}
	return NULL;
}
