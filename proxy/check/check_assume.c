#include "proxy/check/check_assume.h"

#include "config/limits.h"
#include "inspect/access/built_key.h"
#include "inspect/access/clues.h"
#include "inspect/access/typing.h"
#include "inspect/catalog/dictionary_core.h"

#include <stdlib.h>
#include <string.h>

struct assumed_column {
	const char *name;
	uint32_t type;
	enum clue clue;
	bool declared; /* by the script: not assumed */
};

struct assumed_index {
	const char *name, *method;
	const char *const *keys;      /* columns or expressions */
	const char *const *opclasses; /* NULL where not named */
	uint16_t key_count;
	bool unique, partial;
};

struct assumed {
	const char *schema, *name;
	bool made; /* by the script: not assumed */
	struct assumed_column *columns;
	uint16_t column_count, column_room;
	struct assumed_index *indexes;
	uint16_t index_count, index_room;
};

struct check_assume {
	double rows;
	struct assumed *list;
	size_t count, room;
	struct dictionary *dictionary;
	struct arena arena; /* every string, column and index */
};

/* Where clues go. */
struct hearing {
	struct check_assume *assume;
	const struct facts *facts;
	bool changed;
};

static struct assumed *find(struct check_assume *assume, const struct fact_relation *relation, bool *added);
static void hear(void *context, int16_t relation, const char *column, uint32_t type, enum clue clue);
static bool follow(struct check_assume *assume, const struct facts *facts, const struct fact_action *action);
static bool declare(struct check_assume *assume, struct assumed *table, const struct fact_action *action);
static bool build(struct check_assume *assume, struct assumed *table, const struct fact_action *action);
static bool drop(struct check_assume *assume, const char *index);
static void add_relation(struct catalog *catalog, const struct check_assume *assume, const struct assumed *assumed,
                         uint32_t oid, bool with_columns);
static bool add_index(const struct check_assume *assume, struct catalog_relation *relation,
                      const struct assumed_index *assumed, struct arena *arena);

/* Tables of a script; a script with more is not written by people. */
enum { ASSUMED_MAX = 65536 };

struct check_assume *check_assume_new(double rows)
{
	struct check_assume *assume = calloc(1, sizeof(*assume));
	CHECK(assume != NULL);
	assume->rows = rows;
	assume->dictionary = dictionary_core();
	arena_init(&assume->arena);
	return assume;
}

void check_assume_free(struct check_assume *assume)
{
	if (assume == NULL)
		return;
	dictionary_unref(assume->dictionary);
	arena_fini(&assume->arena);
	free(assume->list);
	free(assume);
}

bool check_assume_add(struct check_assume *assume, const struct facts *facts, uint16_t statement_count)
{
	bool changed = false;
	for (uint16_t at = 0; at < statement_count; at++) {
		for (uint16_t i = 0; i < facts[at].relation_count; i++) {
			const struct fact_relation *relation = &facts[at].relations[i];
			if (relation->is_cte || strlen(relation->name) >= LIMIT_NAME_BYTES)
				continue;
			bool added = false;
			struct assumed *assumed = find(assume, relation, &added);
			for (uint16_t a = 0; assumed && added && a < facts[at].action_count; a++) {
				const struct fact_action *action = &facts[at].actions[a];
				bool makes = action->form == DDL_CREATE_TABLE || action->form == DDL_CREATE_TABLE_AS ||
				             action->form == DDL_CREATE_VIEW || action->form == DDL_SEQUENCE;
				if (makes && action->relation == (int16_t)i && !action->if_exists)
					assumed->made = true;
			}
			changed |= added && assumed && !assumed->made;
		}
		struct hearing hearing = {assume, &facts[at], false};
		clues_find(&facts[at], assume->dictionary, hear, &hearing);
		changed |= hearing.changed;
	}
	return changed;
}

static struct assumed *find(struct check_assume *assume, const struct fact_relation *relation, bool *added)
{
	const char *schema = relation->schema != NULL ? relation->schema : "public";
	for (size_t at = 0; at < assume->count; at++) {
		if (strcmp(assume->list[at].name, relation->name) == 0 && strcmp(assume->list[at].schema, schema) == 0)
			return &assume->list[at];
	}
	if (assume->count == ASSUMED_MAX || strlen(schema) >= LIMIT_NAME_BYTES)
		return NULL;
	if (assume->count == assume->room) {
		assume->room = assume->room ? assume->room * 2 : 64;
		assume->list = realloc(assume->list, assume->room * sizeof(*assume->list));
		CHECK(assume->list != NULL);
	}
	struct assumed *assumed = &assume->list[assume->count++];
	*assumed = (struct assumed){
	    .schema = arena_text(&assume->arena, schema),
	    .name = arena_text(&assume->arena, relation->name),
	};
	*added = true;
	return assumed;
}

/* -- columns and indexes --------------------------------------------------------------------------- */

/* The list, or a copy of it with more room; the old one stays in the arena. */
static void *roomy(struct arena *arena, void *list, uint16_t count, uint16_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = (uint16_t)(*room > 0 ? *room * 2 : 8);
	void *copy = arena_alloc(arena, *room * size);
	if (count > 0)
		memcpy(copy, list, count * size);
	return copy;
}

static struct assumed_column *column_of(struct check_assume *assume, struct assumed *table, const char *name)
{
	for (uint16_t at = 0; at < table->column_count; at++) {
		if (strcmp(table->columns[at].name, name) == 0)
			return &table->columns[at];
	}
	if (table->column_count == LIMIT_ASSUMED_MEMBERS)
		return NULL;
	table->columns =
	    roomy(&assume->arena, table->columns, table->column_count, &table->column_room, sizeof(*table->columns));
	struct assumed_column *column = &table->columns[table->column_count++];
	*column = (struct assumed_column){.name = arena_text(&assume->arena, name), .type = TYPE_TEXT};
	return column;
}

static void hear(void *context, int16_t relation, const char *name, uint32_t type, enum clue clue)
{
	struct hearing *hearing = context;
	const struct fact_relation *fact = &hearing->facts->relations[relation];
	bool added = false;
	if (fact->is_cte || strlen(fact->name) >= LIMIT_NAME_BYTES)
		return;
	struct assumed *table = find(hearing->assume, fact, &added);
	if (table == NULL || table->made)
		return;
	const uint16_t before = table->column_count;
	struct assumed_column *column = column_of(hearing->assume, table, name);
	if (column == NULL)
		return;
	hearing->changed |= table->column_count > before;
	if (column->declared || clue < column->clue || clue == CLUE_NONE || column->type == type) {
		column->clue = clue > column->clue && column->type == type ? clue : column->clue;
		return;
	}
	column->type = type;
	column->clue = clue;
	hearing->changed = true;
}

bool check_assume_follow(struct check_assume *assume, const struct facts *facts, uint16_t statement_count)
{
	bool changed = false;
	for (uint16_t at = 0; at < statement_count; at++) {
		for (uint16_t i = 0; i < facts[at].action_count; i++)
			changed |= follow(assume, &facts[at], &facts[at].actions[i]);
	}
	return changed;
}

static bool follow(struct check_assume *assume, const struct facts *facts, const struct fact_action *action)
{
	bool added = false;
	if (action->form == DDL_DROP_INDEX)
		return action->object != NULL && drop(assume, action->object);
	struct assumed *table =
	    action->relation >= 0 && strlen(facts->relations[action->relation].name) < LIMIT_NAME_BYTES
	        ? find(assume, &facts->relations[action->relation], &added)
	        : NULL;
	if (table == NULL || table->made)
		return false;
	switch (action->form) {
	case DDL_ADD_COLUMN:
	case DDL_ALTER_TYPE:
		return declare(assume, table, action);
	case DDL_CREATE_INDEX:
	case DDL_ADD_UNIQUE:
	case DDL_ADD_PRIMARY_KEY:
		return !action->using_index && build(assume, table, action);
	case DDL_DROP_CONSTRAINT:
		return action->object != NULL && drop(assume, action->object);
	default:
		return false;
	}
}

static bool declare(struct check_assume *assume, struct assumed *table, const struct fact_action *action)
{
	int32_t modifier;
	const uint32_t type = typing_named(assume->dictionary, &action->type, &modifier);
	struct assumed_column *column =
	    action->column != NULL && type != TYPE_NONE ? column_of(assume, table, action->column) : NULL;
	if (column == NULL)
		return false;
	column->type = type;
	column->declared = true;
	return true;
}

static bool build(struct check_assume *assume, struct assumed *table, const struct fact_action *action)
{
	struct arena *arena = &assume->arena;
	if (action->column_count == 0 || table->index_count == LIMIT_ASSUMED_MEMBERS)
		return false;
	const char **keys = arena_alloc(arena, action->column_count * sizeof(*keys));
	const char **opclasses = arena_alloc(arena, action->column_count * sizeof(*opclasses));
	for (uint16_t at = 0; at < action->column_count; at++) {
		keys[at] = arena_text(arena, action->columns[at]);
		opclasses[at] = action->opclasses != NULL ? arena_text(arena, action->opclasses[at]) : NULL;
	}
	table->indexes =
	    roomy(arena, table->indexes, table->index_count, &table->index_room, sizeof(*table->indexes));
	table->indexes[table->index_count++] = (struct assumed_index){
	    .name = arena_text(arena, action->object != NULL ? action->object : ""),
	    .method = arena_text(arena, action->form == DDL_CREATE_INDEX ? action->method : "btree"),
	    .keys = keys,
	    .opclasses = opclasses,
	    .key_count = action->column_count,
	    .unique = action->form != DDL_CREATE_INDEX || action->unique,
	    .partial = action->has_predicate,
	};
	return true;
}

static bool drop(struct check_assume *assume, const char *name)
{
	bool changed = false;
	for (size_t at = 0; at < assume->count; at++) {
		struct assumed *table = &assume->list[at];
		uint16_t kept = 0;
		for (uint16_t i = 0; i < table->index_count; i++) {
			if (strcmp(table->indexes[i].name, name) != 0)
				table->indexes[kept++] = table->indexes[i];
		}
		changed |= kept < table->index_count;
		table->index_count = kept;
	}
	return changed;
}

/* -- the catalog ----------------------------------------------------------------------------------- */

struct catalog *check_assume_catalog(const struct check_assume *assume, const char *database, bool columns)
{
	/* provolatile 'v' of pg_proc, as far as a default may call them; uuid-ossp's and pgcrypto's with them. */
	static const char *const volatiles[] = {
	    "random",           "nextval",          "currval",
	    "lastval",          "setval",           "gen_random_uuid",
	    "uuid_generate_v1", "uuid_generate_v4", "uuid_generate_v1mc",
	    "clock_timestamp",  "timeofday",        "gen_random_bytes",
	    "gen_salt",         "txid_current",     "pg_sleep",
	};
	struct catalog *catalog = catalog_new(database);
	catalog_set_dictionary(catalog, dictionary_ref(assume->dictionary));
	for (size_t at = 0; at < assume->count; at++) {
		const struct assumed *assumed = &assume->list[at];
		if (assumed->made)
			continue;
		add_relation(catalog, assume, assumed, (uint32_t)at + 1, columns);
	}
	for (size_t at = 0; at < ARRAY_LEN(volatiles); at++)
		catalog_add_function(catalog, "pg_catalog", volatiles[at], 0, UINT16_MAX, CATALOG_VOLATILE, false);
	catalog_seal(catalog);
	return catalog;
}

static void add_relation(struct catalog *catalog, const struct check_assume *assume, const struct assumed *assumed,
                         uint32_t oid, bool with_columns)
{
	struct arena *arena = catalog_arena(catalog);
	struct catalog_column *columns = arena_alloc(arena, (assumed->column_count + 1u) * sizeof(*columns));
	struct catalog_relation relation = {
	    .oid = oid,
	    .schema = arena_text(arena, assumed->schema),
	    .name = arena_text(arena, assumed->name),
	    .kind = CATALOG_TABLE,
	    .system = strcmp(assumed->schema, "pg_catalog") == 0 || strcmp(assumed->schema, "information_schema") == 0,
	    .assumed = true,
	    .analyzed = assume->rows >= 0,
	    .rows = assume->rows,
	    .bytes = -1,
	    .columns = columns,
	    .column_count = with_columns ? assumed->column_count : 0,
	    .indexes = arena_alloc(arena, (assumed->index_count + assumed->column_count + 1u) * sizeof(*relation.indexes)),
	};
	for (uint16_t at = 0; at < relation.column_count; at++) {
		const struct dictionary_type *type = dictionary_type(assume->dictionary, assumed->columns[at].type);
		columns[at] = (struct catalog_column){
		    .name = arena_text(arena, assumed->columns[at].name),
		    .number = (int16_t)(at + 1),
		    .type_schema = arena_text(arena, type->schema),
		    .type = arena_text(arena, type->name),
		    .type_modifier = -1,
		    .type_oid = type->oid,
		    .collation = type->collation != 0 ? "default" : NULL,
		    .collation_oid = type->collation,
		};
	}
	for (uint16_t at = 0; with_columns && at < assumed->index_count; at++)
		relation.vague |= !add_index(assume, &relation, &assumed->indexes[at], arena);
	for (uint16_t at = 0; at < relation.column_count; at++) {
		const char *name = columns[at].name, *tail = strrchr(name, '_');
		const bool primary = strcmp(name, "id") == 0;
		const struct assumed_index usual = {
		    .name = "",
		    .method = "btree",
		    .keys = &columns[at].name,
		    .opclasses = &(const char *){NULL},
		    .key_count = 1,
		    .unique = primary,
		};
		if (primary || (tail != NULL && strcmp(tail, "_id") == 0))
			(void)add_index(assume, &relation, &usual, arena);
	}
	catalog_add_relation(catalog, &relation);
}

/* False when not all of it can be read. */
static bool add_index(const struct check_assume *assume, struct catalog_relation *relation,
                      const struct assumed_index *assumed, struct arena *arena)
{
	struct catalog_index_key *keys = arena_alloc(arena, assumed->key_count * sizeof(*keys));
	if (assumed->partial)
		return false;
	for (uint16_t at = 0; at < assumed->key_count; at++) {
		if (!built_key_read(assume->dictionary, relation, assumed->method, assumed->keys[at],
		                    assumed->opclasses[at], &keys[at], arena))
			return false;
	}
	struct catalog_index *indexes = (struct catalog_index *)relation->indexes;
	indexes[relation->index_count++] = (struct catalog_index){
	    .schema = relation->schema,
	    .name = arena_text(arena, assumed->name),
	    .method = arena_text(arena, assumed->method),
	    .valid = true,
	    .ready = true,
	    .unique = assumed->unique,
	    .keys = keys,
	    .key_count = assumed->key_count,
	    .definition = "",
	};
	return true;
}
