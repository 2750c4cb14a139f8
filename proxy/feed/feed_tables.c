#include "proxy/feed/feed_tables.h"

#include "inspect/catalog/deparsed.h"
#include "inspect/tree/parse.h"
#include "proxy/feed/feed_sql.h"

#include <string.h>

enum {
	/* One statement's worth of tables: a table that gets locked in between costs this many a second try. */
	BATCH = 1000,
	LOCK_TIMEOUT_MS = 200,
	/* Then the rest stays unopened: five tables that get locked just then are no accident. */
	FAILURES_MAX = 5,
};

static bool open_batch(const struct feed_tables *tables, uint32_t first, uint32_t count, struct feed_result *result,
                       unsigned *failures);
static bool wants_opening(const struct feed_table *table);
static void read_batch(const struct feed_tables *tables, struct feed_result *result, struct feed_texts *texts);
static void set_size(struct feed_table *table, const struct feed_result *result);
static void set_definition(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts);
static void set_key(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts);
static void set_check(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts);
static void set_view(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts);
static struct catalog_index *find_index(const struct feed_table *table, uint32_t oid);
static void take_over(struct feed_table *table, const struct catalog *before, struct arena *arena);
static void take_over_view(const struct feed_table *table, const struct catalog *before, struct feed_texts *texts);
static bool take_over_index(struct catalog_index *index, const struct catalog_relation *old, struct arena *arena);
static void take_over_check(struct catalog_constraint *check, const struct catalog_relation *old, struct arena *arena);

struct feed_table *feed_tables_find(const struct feed_tables *tables, uint32_t oid)
{
	uint32_t low = 0, high = tables->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (tables->list[middle].relation->oid < oid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tables->count && tables->list[low].relation->oid == oid ? &tables->list[low] : NULL;
}

bool feed_tables_open(struct feed_tables *tables, struct feed_result *result, struct feed_texts *texts,
                      const struct catalog *before)
{
	unsigned failures = 0;
	for (uint32_t first = 0; first < tables->count; first += BATCH) {
		uint32_t left = tables->count - first;
		if (!open_batch(tables, first, left < BATCH ? left : BATCH, result, &failures))
			return false;
		read_batch(tables, result, texts);
	}
	for (uint32_t at = 0; at < tables->count; at++) {
		if (!tables->list[at].opened)
			take_over(&tables->list[at], before, texts->arena);
		if (tables->list[at].relation->kind == CATALOG_VIEW && tables->list[at].relation->view == NULL)
			take_over_view(&tables->list[at], before, texts);
	}
	return true;
}

/* -- asking -------------------------------------------------------------------------------------- */

static bool open_batch(const struct feed_tables *tables, uint32_t first, uint32_t count, struct feed_result *result,
                       unsigned *failures)
{
	enum { OID_TEXT_BYTES = 12 };
	const size_t room = (size_t)count * OID_TEXT_BYTES + 32 + strlen(feed_sql_open_begin) +
	                    strlen(feed_sql_open_wanted) + strlen(feed_sql_open_end);
	char *sql = malloc(room);
	CHECK(sql != NULL);
	size_t len = (size_t)snprintf(sql, room, "%s%d%s", feed_sql_open_begin, LOCK_TIMEOUT_MS, feed_sql_open_wanted);
	bool any = false;
	for (uint32_t at = first; at < first + count; at++) {
		if (!wants_opening(&tables->list[at]))
			continue;
		len += (size_t)snprintf(sql + len, room - len, "%s%u", any ? "," : "",
		                        (unsigned)tables->list[at].relation->oid);
		any = true;
	}
	len += (size_t)snprintf(sql + len, room - len, "%s", feed_sql_open_end);
	CHECK(len < room);
	bool connected = true;
	feed_result_free(result);
	while (any && connected && *failures < FAILURES_MAX) {
		if (feed_result_run(result, sql, 5))
			break;
		/* Once more: pg_locks names the table now that made us wait. */
		(*failures)++;
		connected = PQstatus(result->connection) == CONNECTION_OK;
	}
	free(sql);
	return connected;
}

static bool wants_opening(const struct feed_table *table)
{
	const struct catalog_relation *relation = table->relation;
	return table->has_expressions ||
	       (!relation->system && (relation->kind == CATALOG_TABLE || relation->kind == CATALOG_VIEW ||
	                              relation->kind == CATALOG_MATERIALIZED_VIEW));
}

/* -- answers ------------------------------------------------------------------------------------- */

static void read_batch(const struct feed_tables *tables, struct feed_result *result, struct feed_texts *texts)
{
	while (result->rows != NULL && feed_result_next(result)) {
		struct feed_table *table = feed_tables_find(tables, feed_result_oid(result, 0));
		if (table == NULL)
			continue;
		switch (feed_result_char(result, 1)) {
		case 's':
			set_size(table, result);
			break;
		case 'i':
			set_definition(table, result, texts);
			break;
		case 'k':
			set_key(table, result, texts);
			break;
		case 'c':
			set_check(table, result, texts);
			break;
		case 'v':
			set_view(table, result, texts);
			break;
		}
		table->opened = true;
	}
}

/* NULL for a table that has just been dropped. */
static void set_size(struct feed_table *table, const struct feed_result *result)
{
	bool table_kind = table->relation->kind == CATALOG_TABLE || table->relation->kind == CATALOG_MATERIALIZED_VIEW;
	if (table_kind && feed_result_cell(result, 4) != NULL)
		table->estimate.bytes = feed_result_integer(result, 4);
}

static void set_definition(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts)
{
	struct catalog_index *index = find_index(table, feed_result_oid(result, 2));
	if (index == NULL)
		return;
	index->definition = feed_texts_cell(texts, result, 4);
	struct deparsed predicate;
	if (deparsed_predicate(index->definition, &predicate)) {
		index->predicate = feed_texts_canonical(texts, predicate.text, predicate.len);
		index->predicate_clause =
		    parse_clause(arena_copy(texts->arena, predicate.text, predicate.len), texts->arena);
	}
}

static void set_key(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts)
{
	struct catalog_index *index = find_index(table, feed_result_oid(result, 2));
	const int64_t at = feed_result_integer(result, 3);
	const char *expression = feed_result_cell(result, 4);
	if (index == NULL || at < 1 || at > index->key_count || expression == NULL)
		return;
	/* Constant to the catalog's readers only. */
	struct catalog_index_key *keys = (struct catalog_index_key *)index->keys;
	keys[at - 1].expression = feed_texts_canonical(texts, expression, strlen(expression));
	keys[at - 1].deparsed = feed_texts_cell(texts, result, 4);
	keys[at - 1].clause = parse_clause(expression, texts->arena);
}

static void set_check(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts)
{
	/* Constraints are known by their names here: within a table those are unique. */
	const char *definition = feed_result_cell(result, 4);
	const char *name = feed_texts_cell(texts, result, 3);
	for (uint16_t at = 0; at < table->relation->constraint_count; at++) {
		struct catalog_constraint *check = &table->constraints[at];
		struct deparsed expression;
		if (check->kind != CATALOG_CHECK || strcmp(check->name, name) != 0 || definition == NULL ||
		    !deparsed_check(definition, &expression))
			continue;
		check->expression = feed_texts_canonical(texts, expression.text, expression.len);
		check->not_null_count = deparsed_not_null(expression, texts->arena, &check->not_null_columns);
	}
}

static void set_view(const struct feed_table *table, const struct feed_result *result, struct feed_texts *texts)
{
	const char *flags = feed_result_cell(result, 3), *definition = feed_result_cell(result, 4);
	if (definition == NULL || flags == NULL)
		return;
	struct catalog_view *view = feed_texts_view(texts, definition);
	view->is_barrier = strchr(flags, 'b') != NULL;
	view->is_diverted = strchr(flags, 'd') != NULL;
	table->relation->view = view;
}

static struct catalog_index *find_index(const struct feed_table *table, uint32_t oid)
{
	for (uint16_t at = 0; at < table->relation->index_count; at++) {
		if (table->indexes[at].oid == oid)
			return &table->indexes[at];
	}
	return NULL;
}

/* -- what can't be opened ------------------------------------------------------------------------ */

static void take_over(struct feed_table *table, const struct catalog *before, struct arena *arena)
{
	const struct catalog_relation *old = before != NULL ? catalog_find_oid(before, table->relation->oid) : NULL;
	if (old != NULL) {
		table->estimate.last_rows = old->rows;
		table->estimate.last_bytes = old->bytes;
		table->estimate.live_is_all = false;
	}
	if (!table->has_expressions)
		return;
	for (uint16_t at = 0; at < table->relation->index_count; at++) {
		if (!take_over_index(&table->indexes[at], old, arena))
			table->relation->vague = true;
	}
	/* A CHECK that isn't known spares nobody a warning, which is the safe side: it makes nothing vague. */
	for (uint16_t at = 0; at < table->relation->constraint_count; at++)
		take_over_check(&table->constraints[at], old, arena);
}

static void take_over_view(const struct feed_table *table, const struct catalog *before, struct feed_texts *texts)
{
	const struct catalog_relation *old = before != NULL ? catalog_find_oid(before, table->relation->oid) : NULL;
	if (old == NULL || old->view == NULL || old->view->definition == NULL)
		return;
	struct catalog_view *view = feed_texts_view(texts, old->view->definition);
	view->is_barrier = old->view->is_barrier;
	view->is_diverted = old->view->is_diverted;
	table->relation->view = view;
}

static void take_over_key(struct catalog_index_key *key, const struct catalog_index_key *from, struct arena *arena)
{
	key->expression = arena_text(arena, from->expression);
	key->deparsed = arena_text(arena, from->deparsed);
	key->clause = key->deparsed != NULL ? parse_clause(key->deparsed, arena) : NULL;
}

static bool take_over_index(struct catalog_index *index, const struct catalog_relation *old, struct arena *arena)
{
	if (index->definition[0] != '\0')
		return true;
	for (uint16_t at = 0; old != NULL && at < old->index_count; at++) {
		const struct catalog_index *from = &old->indexes[at];
		if (from->oid != index->oid || from->key_count != index->key_count || from->definition[0] == '\0')
			continue;
		struct catalog_index_key *keys = (struct catalog_index_key *)index->keys;
		for (uint16_t key = 0; key < index->key_count; key++) {
			if (keys[key].column == NULL)
				take_over_key(&keys[key], &from->keys[key], arena);
		}
		index->predicate = arena_text(arena, from->predicate);
		index->definition = arena_text(arena, from->definition);
		struct deparsed predicate;
		if (deparsed_predicate(index->definition, &predicate))
			index->predicate_clause = parse_clause(arena_copy(arena, predicate.text, predicate.len), arena);
		return true;
	}
	return false;
}

static void take_over_check(struct catalog_constraint *check, const struct catalog_relation *old, struct arena *arena)
{
	if (check->kind != CATALOG_CHECK)
		return;
	for (uint16_t at = 0; old != NULL && at < old->constraint_count; at++) {
		const struct catalog_constraint *from = &old->constraints[at];
		if (from->kind != CATALOG_CHECK || strcmp(from->name, check->name) != 0)
			continue;
		const char **columns = arena_alloc(arena, (from->not_null_count + 1u) * sizeof(*columns));
		for (uint16_t column = 0; column < from->not_null_count; column++)
			columns[column] = arena_text(arena, from->not_null_columns[column]);
		check->expression = arena_text(arena, from->expression);
		check->not_null_columns = columns;
		check->not_null_count = from->not_null_count;
		return;
	}
}
