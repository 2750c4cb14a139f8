#include "proxy/feed/feed.h"

#include "config/limits.h"
#include "proxy/feed/feed_dictionary.h"
#include "proxy/feed/feed_result.h"
#include "proxy/feed/feed_sql.h"
#include "proxy/feed/feed_tables.h"
#include "proxy/feed/feed_texts.h"
#include "proxy/feed/feed_usage.h"

#include <string.h>

/* The walk: one read-only snapshot of the catalog tables, in a few statements whose rows come sorted by relation, so
 * that each is merged into the relations in one pass, and without touching a table of the user's; then, with the
 * snapshot given back, what only opening the tables tells (feed_tables.h). */

enum {
	/* 12 is where collisdeterministic came, and out of support itself. */
	SERVER_VERSION_MIN = 120000,
	/* From here on reltuples is -1 where nobody has counted. */
	SERVER_VERSION_UNCOUNTED = 140000,
	BLOCK_BYTES_USUAL = 8192,
	DEFINITION_BYTES = 1024,
};

struct load {
	struct feed_result result;
	struct feed_result keys; /* of indexes: a second result beside the first */
	struct catalog *catalog;
	struct feed_texts texts;
	struct feed_tables tables;
	struct feed_estimate_input estimate; /* what is the same for all tables */
	int character_bytes_max;
	const struct catalog *before;
};

static bool load_snapshot(struct load *load);
static bool load_facts(struct load *load);
static bool load_relations(struct load *load);
static struct feed_table *next_table(struct load *load, int *count);
static bool load_columns(struct load *load);
static bool load_indexes(struct load *load);
static bool load_constraints(struct load *load);
static bool load_dependents(struct load *load);
static bool load_parts(struct load *load);
static bool load_functions(struct load *load);
static bool load_domains(struct load *load);
static bool load_settings(struct load *load);
static bool load_extensions(struct load *load);
static bool load_dictionary(struct load *load);
static void adopt_partitions(struct load *load);
static void read_column(struct load *load, struct catalog_column *column, struct feed_table *table);
static void read_index(struct load *load, struct catalog_index *index, struct feed_table *table);
static bool read_index_keys(struct load *load, struct catalog_index *index);
static void read_constraint(struct load *load, struct catalog_constraint *constraint, struct feed_table *table);
static uint16_t read_columns(struct load *load, const char *numbers, const struct catalog_relation *relation,
                             const char *const **names);
static void describe_key(struct load *load, const struct catalog_index_key *key, char *text, size_t size);

struct catalog *feed_load(void *connection, const char *database, const struct catalog *before, char *error,
                          size_t error_size)
{
	CHECK(connection != NULL && database != NULL);
	CHECK(error != NULL && error_size > 0);
	error[0] = '\0';
	const int version = PQserverVersion(connection);
	if (version < SERVER_VERSION_MIN) {
		snprintf(error, error_size, "PostgreSQL 12 or later is needed");
		return NULL;
	}
	struct load *load = calloc(1, sizeof(*load));
	CHECK(load != NULL);
	load->result = (struct feed_result){.connection = connection, .error = error, .error_size = error_size};
	load->keys = load->result;
	load->before = before;
	load->catalog = catalog_new(database);
	catalog_set_version(load->catalog, version);
	feed_texts_init(&load->texts, catalog_arena(load->catalog));
	load->estimate.zero_is_counted = version >= SERVER_VERSION_UNCOUNTED;

	struct catalog *catalog = load->catalog;
	if (load_snapshot(load) && feed_tables_open(&load->tables, &load->result, &load->texts, before) &&
	    feed_usage_read(&load->tables, &load->result, before)) {
		for (uint32_t at = 0; at < load->tables.count; at++)
			feed_estimate_rows(&load->tables.list[at].estimate, load->tables.list[at].relation);
		adopt_partitions(load);
		catalog_seal(catalog);
		error[0] = '\0';
	} else {
		catalog_unref(catalog);
		catalog = NULL;
	}
	feed_result_free(&load->result);
	feed_result_free(&load->keys);
	feed_texts_fini(&load->texts);
	free(load->tables.list);
	free(load);
	return catalog;
}

/* -- the snapshot -------------------------------------------------------------------------------- */

static bool load_snapshot(struct load *load)
{
	/* A failed statement has ended the transaction already. */
	return feed_result_run(&load->result, feed_sql_begin, 0) && load_facts(load) && load_relations(load) &&
	       load_columns(load) && load_indexes(load) && load_constraints(load) && load_dependents(load) &&
	       load_parts(load) && load_functions(load) && load_domains(load) && load_settings(load) && load_extensions(load) &&
	       load_dictionary(load) && feed_result_run(&load->result, "COMMIT", 0);
}

static bool load_facts(struct load *load)
{
	if (!feed_result_run(&load->result, feed_sql_facts, 3))
		return false;
	load->estimate.block_bytes = BLOCK_BYTES_USUAL;
	load->character_bytes_max = 1;
	while (feed_result_next(&load->result)) {
		int64_t block_bytes = feed_result_integer(&load->result, 0);
		if (block_bytes > 0)
			load->estimate.block_bytes = block_bytes;
		load->character_bytes_max = (int)feed_result_integer(&load->result, 1);
		load->estimate.live_is_all = load->before != NULL && feed_result_true(&load->result, 2);
	}
	return true;
}

static bool load_relations(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_relations, 18))
		return false;
	load->tables.list = calloc((size_t)result->count + 1, sizeof(*load->tables.list));
	CHECK(load->tables.list != NULL);
	while (feed_result_next(result)) {
		bool alone = feed_result_char(result, 3) == CATALOG_SEQUENCE_ALONE;
		const struct catalog_relation relation = {
		    .oid = feed_result_oid(result, 0),
		    .schema = feed_texts_cell(&load->texts, result, 1),
		    .name = feed_texts_cell(&load->texts, result, 2),
		    .kind = (enum catalog_relkind)feed_result_char(result, 3),
		    .is_partition = feed_result_true(result, 4),
		    .system = feed_result_true(result, 5),
		    .rows = alone ? 1 : -1,
		    .bytes = alone ? load->estimate.block_bytes : -1,
		    .persistence = feed_result_char(result, 10),
		    .access_method = feed_texts_optional(&load->texts, result, 11),
		    .tablespace = feed_texts_optional(&load->texts, result, 12),
		    .partition_strategy = feed_result_char(result, 13),
		    .partition_column = feed_texts_optional(&load->texts, result, 14),
		    .is_default_partition = feed_result_true(result, 15),
		    .is_detaching = feed_result_true(result, 16),
		    .partition_bound = feed_texts_optional(&load->texts, result, 17),
		};
		struct feed_table *table = &load->tables.list[load->tables.count++];
		table->relation = catalog_add_relation(load->catalog, &relation);
		table->estimate = load->estimate;
		table->estimate.bytes = table->estimate.last_bytes = -1;
		table->estimate.last_rows = -1;
		table->estimate.reltuples = feed_result_real(result, 6, -1);
		table->estimate.relpages = feed_result_integer(result, 7);
		table->estimate.live = feed_result_real(result, 8, 0);
		table->parent = feed_result_oid(result, 9);
	}
	return true;
}

/* The table that the next rows are of, and how many they are; those of tables that are left out are passed over. NULL:
 * there are no more. */
static struct feed_table *next_table(struct load *load, int *count)
{
	while (feed_result_next(&load->result)) {
		struct feed_table *table = feed_tables_find(&load->tables, feed_result_oid(&load->result, 0));
		if (table != NULL) {
			*count = feed_result_group(&load->result);
			return table;
		}
	}
	return NULL;
}

static bool load_columns(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_columns, 20))
		return false;
	struct feed_table *table;
	for (int count; (table = next_table(load, &count)) != NULL;) {
		struct catalog_column *columns = arena_alloc(load->texts.arena, (size_t)count * sizeof(*columns));
		for (int i = 0; i < count; i++) {
			result->at += i > 0;
			read_column(load, &columns[i], table);
		}
		table->relation->columns = columns;
		table->relation->column_count = (uint16_t)count;
	}
	return true;
}

static void read_column(struct load *load, struct catalog_column *column, struct feed_table *table)
{
	const struct feed_result *result = &load->result;
	*column = (struct catalog_column){
	    .number = (int16_t)feed_result_integer(result, 1),
	    .name = feed_texts_cell(&load->texts, result, 2),
	    .type_schema = feed_texts_cell(&load->texts, result, 3),
	    .type = feed_texts_cell(&load->texts, result, 4),
	    .type_modifier = (int32_t)feed_result_integer(result, 5),
	    .type_oid = feed_result_oid(result, 6),
	    .not_null = feed_result_true(result, 7),
	    .collation = feed_texts_optional(&load->texts, result, 8),
	    .collation_is_c = feed_result_true(result, 9),
	    .collation_oid = feed_result_oid(result, 16),
	    .collation_nondeterministic = feed_result_true(result, 10),
	    .has_statistics = feed_result_cell(result, 11) != NULL,
	    .distinct = feed_result_real(result, 11, 0),
	    .null_fraction = feed_result_real(result, 12, 0),
	    .generated = feed_result_true(result, 15),
	    .inherited = feed_result_true(result, 17),
	    .identity = feed_result_true(result, 18),
	    .has_default = feed_result_true(result, 19),
	    .fixed_size = feed_result_integer(result, 14) > 0,
	};
	/* The planner, too, takes a measured width first. */
	double width = feed_result_real(result, 13, 0);
	if (width <= 0)
		width = feed_estimate_width(column->type, column->type_modifier, (int)feed_result_integer(result, 14),
		                            load->character_bytes_max);
	table->estimate.width += width;
}

static bool load_indexes(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(&load->keys, feed_sql_index_keys, 14) || !feed_result_run(result, feed_sql_indexes, 14))
		return false;
	/* The keys come in the order of the indexes. */
	bool more = feed_result_next(&load->keys);
	struct feed_table *table;
	for (int count; (table = next_table(load, &count)) != NULL;) {
		struct catalog_index *indexes = arena_alloc(load->texts.arena, (size_t)count * sizeof(*indexes));
		for (int i = 0; i < count; i++) {
			result->at += i > 0;
			read_index(load, &indexes[i], table);
			while (more && feed_result_oid(&load->keys, 0) != indexes[i].oid)
				more = feed_result_next(&load->keys);
			if (more)
				more = read_index_keys(load, &indexes[i]);
		}
		table->indexes = indexes;
		table->relation->indexes = indexes;
		table->relation->index_count = (uint16_t)count;
	}
	return true;
}

static void read_index(struct load *load, struct catalog_index *index, struct feed_table *table)
{
	const struct feed_result *result = &load->result;
	const bool expressions = feed_result_true(result, 9), partial = feed_result_true(result, 10);
	*index = (struct catalog_index){
	    .oid = feed_result_oid(result, 1),
	    .schema = feed_texts_cell(&load->texts, result, 2),
	    .name = feed_texts_cell(&load->texts, result, 3),
	    .method = feed_texts_cell(&load->texts, result, 4),
	    .valid = feed_result_true(result, 5),
	    .ready = feed_result_true(result, 6),
	    .unique = feed_result_true(result, 7),
	    .primary = feed_result_true(result, 8),
	    .building = feed_result_true(result, 12),
	    .inherited = feed_result_true(result, 13),
	    /* Until the table is opened; an empty definition says that it has yet to be. */
	    .predicate = partial ? "" : NULL,
	    .definition = expressions || partial ? "" : NULL,
	};
	table->has_expressions = table->has_expressions || expressions || partial;
}

/* Reads the keys that the next rows hold. An index of plain columns gets its definition here, because the server's own
 * deparser would open the table for it. False when there are no more rows. */
static bool read_index_keys(struct load *load, struct catalog_index *index)
{
	struct feed_result *rows = &load->keys;
	const int count = feed_result_group(rows);
	struct catalog_index_key *keys = arena_alloc(load->texts.arena, (size_t)count * sizeof(*keys));
	const char **included_names = arena_alloc(load->texts.arena, (size_t)count * sizeof(*included_names));
	char definition[DEFINITION_BYTES];
	size_t len = 0;
	bool more = true, included = false;
	for (int i = 0; i < count; i++) {
		const char *column = feed_texts_optional(&load->texts, rows, 2);
		const char *quoted = feed_texts_cell(&load->texts, rows, 3);
		char options[3 * LIMIT_NAME_BYTES] = "";
		const bool is_key = feed_result_true(rows, 1);
		if (is_key) {
			struct catalog_index_key *key = &keys[index->key_count++];
			*key = (struct catalog_index_key){
			    .column = column,
			    .expression = column != NULL ? column : "",
			    .opclass = feed_texts_cell(&load->texts, rows, 4),
			    .collation = feed_texts_optional(&load->texts, rows, 6),
			    .collation_is_c = feed_result_true(rows, 8),
			    .family = feed_result_oid(rows, 12),
			    .collation_oid = feed_result_oid(rows, 13),
			    .descending = feed_result_true(rows, 10),
			    .nulls_first = feed_result_true(rows, 11),
			};
			describe_key(load, key, options, sizeof(options));
		} else if (column != NULL) {
			included_names[index->included_count++] = column;
		}
		if (len < sizeof(definition))
			len += (size_t)snprintf(definition + len, sizeof(definition) - len, "%s%s%s",
			                        i == 0                 ? ""
			                        : !is_key && !included ? ") INCLUDE ("
			                                               : ", ",
			                        quoted, options);
		included = included || !is_key;
		more = feed_result_next(rows);
	}
	index->keys = keys;
	index->included = included_names;
	if (index->definition == NULL)
		index->definition =
		    arena_printf(load->texts.arena, "CREATE %sINDEX %s USING %s (%s)", index->unique ? "UNIQUE " : "",
		                 feed_texts_cell(&load->texts, &load->result, 11), index->method, definition);
	return more;
}

/* What stands behind a key's column, left out where it is the default: collation, operator class, order. */
static void describe_key(struct load *load, const struct catalog_index_key *key, char *text, size_t size)
{
	const struct feed_result *rows = &load->keys;
	const bool collated = key->collation != NULL && feed_result_true(rows, 9);
	const bool opclass = !feed_result_true(rows, 5) && key->opclass[0] != '\0';
	snprintf(text, size, "%s%s%s%s%s%s", collated ? " COLLATE " : "",
	         collated ? feed_texts_cell(&load->texts, rows, 7) : "", opclass ? " " : "",
	         opclass ? key->opclass : "", key->descending ? " DESC" : "",
	         key->descending == key->nulls_first ? ""
	         : key->nulls_first                  ? " NULLS FIRST"
	                                             : " NULLS LAST");
}

static bool load_constraints(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_constraints, 8))
		return false;
	struct feed_table *table;
	for (int count; (table = next_table(load, &count)) != NULL;) {
		struct catalog_constraint *list = arena_alloc(load->texts.arena, (size_t)count * sizeof(*list));
		for (int i = 0; i < count; i++) {
			result->at += i > 0;
			read_constraint(load, &list[i], table);
		}
		table->constraints = list;
		table->relation->constraints = list;
		table->relation->constraint_count = (uint16_t)count;
	}
	return true;
}

static void read_constraint(struct load *load, struct catalog_constraint *constraint, struct feed_table *table)
{
	const struct feed_result *result = &load->result;
	const struct catalog_relation *relation = table->relation;
	constraint->name = feed_texts_cell(&load->texts, result, 1);
	constraint->kind = (enum catalog_constraint_kind)feed_result_char(result, 2);
	constraint->valid = feed_result_true(result, 3);
	constraint->inherited = feed_result_true(result, 7);

	constraint->column_count = read_columns(load, feed_result_cell(result, 4), relation, &constraint->columns);

	if (constraint->kind == CATALOG_FOREIGN_KEY) {
		const struct feed_table *referenced = feed_tables_find(&load->tables, feed_result_oid(result, 5));
		constraint->referenced = referenced != NULL ? referenced->relation : NULL;
		if (referenced != NULL && read_columns(load, feed_result_cell(result, 6), referenced->relation,
		                                       &constraint->referenced_columns) != constraint->column_count)
			constraint->referenced = NULL;
	}
	if (constraint->kind == CATALOG_CHECK)
		table->has_expressions = true;
}

/* "1 2": the columns' numbers, 0 for an expression of an exclusion constraint, which is left out. */
static uint16_t read_columns(struct load *load, const char *numbers, const struct catalog_relation *relation,
                             const char *const **names)
{
	size_t room = 1;
	for (const char *c = numbers; c != NULL && *c != '\0'; c++)
		room += *c == ' ';
	const char **columns = arena_alloc(load->texts.arena, room * sizeof(*columns));
	uint16_t count = 0;
	for (char *end; numbers != NULL && *numbers != '\0' && count < room; numbers = end) {
		long number = strtol(numbers, &end, 10);
		if (end == numbers)
			break;
		for (uint16_t i = 0; i < relation->column_count; i++) {
			if (relation->columns[i].number == number)
				columns[count++] = relation->columns[i].name;
		}
	}
	*names = columns;
	return count;
}

static bool load_dependents(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_dependents, 4))
		return false;
	struct feed_table *table;
	for (int count; (table = next_table(load, &count)) != NULL;) {
		struct catalog_dependent *list = arena_alloc(load->texts.arena, (size_t)count * sizeof(*list));
		for (int i = 0; i < count; i++) {
			result->at += i > 0;
			const struct feed_table *dependent =
			    feed_tables_find(&load->tables, feed_result_oid(result, 2));
			list[i].kind = (enum catalog_dependent_kind)feed_result_char(result, 1);
			list[i].relation = dependent != NULL ? dependent->relation : table->relation;
			list[i].column = (int16_t)feed_result_integer(result, 3);
		}
		table->relation->dependents = list;
		table->relation->dependent_count = (uint32_t)count;
	}
	return true;
}

static bool load_parts(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_parts, 10))
		return false;
	struct feed_table *table;
	for (int count; (table = next_table(load, &count)) != NULL;) {
		struct catalog_part *list = arena_alloc(load->texts.arena, (size_t)count * sizeof(*list));
		for (int i = 0; i < count; i++) {
			result->at += i > 0;
			const char *other = feed_texts_optional(&load->texts, result, 4);
			const bool extension = feed_result_char(result, 1) == CATALOG_EXTENSION;
			list[i] = (struct catalog_part){
			    .kind = (enum catalog_part_kind)feed_result_char(result, 1),
			    .schema = feed_texts_optional(&load->texts, result, 2),
			    .name = feed_texts_cell(&load->texts, result, 3),
			    .function = extension ? NULL : other,
			    .index = extension ? other : NULL,
			    .column = (int16_t)feed_result_integer(result, 5),
			    .identity = feed_result_true(result, 6),
			    .used = feed_result_true(result, 7),
			    .for_rows = feed_result_true(result, 8),
			    .inherited = feed_result_true(result, 9),
			};
		}
		table->relation->parts = list;
		table->relation->part_count = (uint32_t)count;
	}
	return true;
}

static bool load_functions(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_functions, 6))
		return false;
	while (feed_result_next(result))
		catalog_add_function(load->catalog, feed_texts_cell(&load->texts, result, 0),
		                     feed_texts_cell(&load->texts, result, 1), (uint16_t)feed_result_integer(result, 2),
		                     (uint16_t)feed_result_integer(result, 3),
		                     (enum catalog_volatility)feed_result_char(result, 4), feed_result_true(result, 5));
	return true;
}

static bool load_domains(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_domains, 6))
		return false;
	while (feed_result_next(result)) {
		const struct catalog_domain domain = {
		    .schema = feed_texts_cell(&load->texts, result, 0),
		    .name = feed_texts_cell(&load->texts, result, 1),
		    .base_type = feed_texts_cell(&load->texts, result, 2),
		    .constrained = feed_result_true(result, 3),
		    .modifier = (int32_t)feed_result_integer(result, 4),
		    .volatile_default = feed_result_true(result, 5),
		};
		catalog_add_domain(load->catalog, &domain);
	}
	return true;
}

static bool load_settings(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_settings, 3))
		return false;
	while (feed_result_next(result))
		catalog_add_setting(load->catalog, feed_texts_optional(&load->texts, result, 0),
		                    feed_texts_cell(&load->texts, result, 1), feed_texts_cell(&load->texts, result, 2));
	return true;
}

static bool load_extensions(struct load *load)
{
	struct feed_result *result = &load->result;
	if (!feed_result_run(result, feed_sql_extensions, 1))
		return false;
	while (feed_result_next(result))
		catalog_add_extension(load->catalog, feed_texts_cell(&load->texts, result, 0));
	return true;
}

/* What operators and types there are hardly ever changes: the last catalog's is as good while it doesn't. */
static bool load_dictionary(struct load *load)
{
	struct dictionary *dictionary =
	    feed_dictionary_read(&load->result, load->before != NULL ? catalog_dictionary(load->before) : NULL);
	if (dictionary == NULL)
		return false;
	catalog_set_dictionary(load->catalog, dictionary);
	return true;
}

/* Counts each parent's children, then hands them over in the order of their oids. */
static void adopt_partitions(struct load *load)
{
	for (uint32_t at = 0; at < load->tables.count; at++) {
		struct feed_table *parent = feed_tables_find(&load->tables, load->tables.list[at].parent);
		if (parent != NULL)
			parent->child_count++;
	}
	for (uint32_t at = 0; at < load->tables.count; at++) {
		struct feed_table *parent = feed_tables_find(&load->tables, load->tables.list[at].parent);
		if (parent == NULL)
			continue;
		struct catalog_relation *relation = parent->relation;
		if (relation->partitions == NULL)
			relation->partitions = arena_alloc(load->texts.arena, parent->child_count * sizeof(relation));
		/* The list is constant to the catalog's readers only. */
		const struct catalog_relation **list = (const struct catalog_relation **)relation->partitions;
		list[relation->partition_count++] = load->tables.list[at].relation;
	}
}
