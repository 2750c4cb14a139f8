#include "inspect/catalog/catalog.h"

#include "config/limits.h"
#include "inspect/catalog/dictionary.h"

#include <stdatomic.h>
#include <string.h>

/* Once sealed a catalog is only searched, by a handful of names per judged statement and not per execution: sorted
 * arrays do that in a dozen comparisons, need no memory of their own and can't be unbalanced by anybody's names. */

struct function {
	const char *schema, *name;
	uint16_t arguments_min, arguments_max;
	enum catalog_volatility volatility;
	bool inlinable_sql;
};

struct role_setting {
	const char *role; /* NULL: everybody's */
	const char *name, *value;
};

struct index_place {
	const struct catalog_index *index;
	const struct catalog_relation *relation;
};

/* A growing array of fixed-size items; its ceiling is what the server's catalog holds. */
struct list {
	void *items;
	size_t item_size;
	uint32_t count, room;
};

struct catalog {
	atomic_uint references;
	uint64_t generation;
	int version;
	bool sealed;
	const char *database;
	struct arena arena;
	struct dictionary *dictionary;
	struct list relations;   /* struct catalog_relation *, by schema and name once sealed */
	struct list by_oid;      /* the same, by oid */
	struct list indexes;     /* struct index_place, by schema and name */
	struct list functions;   /* struct function, by name */
	struct list domains;     /* struct catalog_domain, by schema and name */
	struct list extensions;  /* const char * */
	struct list settings; /* struct role_setting */
};

/* A partition tree deeper than this is summed only so far; PostgreSQL itself recurses over it. */
enum { PARTITION_DEPTH_MAX = 64 };

/* One entry of a search_path. */
struct path_entry {
	char name[LIMIT_NAME_BYTES];
};

static atomic_uint_fast64_t generations;
static const char default_search_path[] = "\"$user\", public";

static void list_init(struct list *list, size_t item_size);
static void *list_add(struct list *list);
static void *list_at(const struct list *list, uint32_t at);
static void list_sort(struct list *list, int (*compare)(const void *, const void *));
static int compare_names(const char *schema_a, const char *name_a, const char *schema_b, const char *name_b);
static int compare_relations(const void *a, const void *b);
static int compare_oids(const void *a, const void *b);
static int compare_indexes(const void *a, const void *b);
static int compare_functions(const void *a, const void *b);
static int compare_domains(const void *a, const void *b);
static void sum_partitions(struct catalog_relation *relation, unsigned depth);
static const struct catalog_relation *relation_in(const struct catalog *catalog, const char *schema, const char *name);
static const struct index_place *index_in(const struct catalog *catalog, const char *schema, const char *name);
static const struct catalog_domain *domain_in(const struct catalog *catalog, const char *schema, const char *name);
static const char *path_of(const struct catalog *catalog, const char *search_path, const char *user);
static const char *setting_of(const struct catalog *catalog, const char *user, const char *name);
static bool path_names(const char *path, const char *schema);
static bool path_next(const char **rest, struct path_entry *entry);

/* What is looked up: one of the three functions `…_in`, as a pointer that is NULL when there is none. */
typedef const void *lookup_fn(const struct catalog *catalog, const char *schema, const char *name);
static const void *find_along_path(const struct catalog *catalog, lookup_fn *lookup, const char *name,
                                   const char *search_path, const char *user);
static const void *lookup_relation(const struct catalog *catalog, const char *schema, const char *name);
static const void *lookup_index(const struct catalog *catalog, const char *schema, const char *name);
static const void *lookup_domain(const struct catalog *catalog, const char *schema, const char *name);

/* -- filling ------------------------------------------------------------------------------------- */

struct catalog *catalog_new(const char *database)
{
	CHECK(database != NULL);
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	CHECK(catalog != NULL);
	atomic_init(&catalog->references, 1);
	/* From 1: 0 stands for "without a catalog". */
	catalog->generation = atomic_fetch_add(&generations, 1) + 1;
	arena_init(&catalog->arena);
	catalog->database = arena_text(&catalog->arena, database);
	list_init(&catalog->relations, sizeof(struct catalog_relation *));
	list_init(&catalog->by_oid, sizeof(struct catalog_relation *));
	list_init(&catalog->indexes, sizeof(struct index_place));
	list_init(&catalog->functions, sizeof(struct function));
	list_init(&catalog->domains, sizeof(struct catalog_domain));
	list_init(&catalog->extensions, sizeof(const char *));
	list_init(&catalog->settings, sizeof(struct role_setting));
	return catalog;
}

void catalog_set_dictionary(struct catalog *catalog, struct dictionary *dictionary)
{
	CHECK(!catalog->sealed);
	dictionary_unref(catalog->dictionary);
	catalog->dictionary = dictionary;
}

struct dictionary *catalog_dictionary(const struct catalog *catalog)
{
	return catalog->dictionary;
}

struct arena *catalog_arena(struct catalog *catalog)
{
	CHECK(!catalog->sealed);
	return &catalog->arena;
}

struct catalog_relation *catalog_add_relation(struct catalog *catalog, const struct catalog_relation *relation)
{
	CHECK(!catalog->sealed);
	CHECK(relation->schema != NULL && relation->name != NULL);
	struct catalog_relation *copy = arena_alloc(&catalog->arena, sizeof(*copy));
	*copy = *relation;
	*(struct catalog_relation **)list_add(&catalog->relations) = copy;
	return copy;
}

void catalog_add_function(struct catalog *catalog, const char *schema, const char *name, uint16_t arguments_min,
                          uint16_t arguments_max, enum catalog_volatility volatility, bool inlinable_sql)
{
	CHECK(!catalog->sealed);
	CHECK(schema != NULL && name != NULL);
	*(struct function *)list_add(&catalog->functions) = (struct function){
	    schema, name, arguments_min, arguments_max, volatility, inlinable_sql,
	};
}

void catalog_add_domain(struct catalog *catalog, const struct catalog_domain *domain)
{
	CHECK(!catalog->sealed);
	CHECK(domain->schema != NULL && domain->name != NULL);
	*(struct catalog_domain *)list_add(&catalog->domains) = *domain;
}

void catalog_add_setting(struct catalog *catalog, const char *role, const char *name, const char *value)
{
	CHECK(!catalog->sealed);
	CHECK(name != NULL && value != NULL);
	*(struct role_setting *)list_add(&catalog->settings) = (struct role_setting){role, name, value};
}

void catalog_add_extension(struct catalog *catalog, const char *name)
{
	CHECK(!catalog->sealed);
	*(const char **)list_add(&catalog->extensions) = name;
}

void catalog_seal(struct catalog *catalog)
{
	CHECK(!catalog->sealed);
	for (uint32_t at = 0; at < catalog->relations.count; at++) {
		struct catalog_relation *relation = *(struct catalog_relation **)list_at(&catalog->relations, at);
		/* From the roots down: everything below is summed on the way. */
		if (relation->kind == CATALOG_PARTITIONED_TABLE && !relation->is_partition)
			sum_partitions(relation, 0);
		*(struct catalog_relation **)list_add(&catalog->by_oid) = relation;
		for (uint32_t i = 0; i < relation->partition_count; i++) {
			/* It is constant to the catalog's readers only. */
			struct catalog_relation *child = (struct catalog_relation *)relation->partitions[i];
			child->parent = relation;
		}
		for (uint16_t i = 0; i < relation->index_count; i++)
			*(struct index_place *)list_add(&catalog->indexes) =
			    (struct index_place){&relation->indexes[i], relation};
	}
	list_sort(&catalog->relations, compare_relations);
	list_sort(&catalog->by_oid, compare_oids);
	list_sort(&catalog->indexes, compare_indexes);
	list_sort(&catalog->functions, compare_functions);
	list_sort(&catalog->domains, compare_domains);
	catalog->sealed = true;
}

void catalog_rename(struct catalog *catalog, struct catalog_relation *relation, const char *name)
{
	CHECK(catalog->sealed);
	relation->name = name;
	list_sort(&catalog->relations, compare_relations);
}

void catalog_amended(struct catalog *catalog)
{
	CHECK(catalog->sealed);
	catalog->generation = atomic_fetch_add(&generations, 1) + 1;
}

struct catalog *catalog_ref(struct catalog *catalog)
{
	unsigned before = atomic_fetch_add_explicit(&catalog->references, 1, memory_order_relaxed);
	CHECK(before > 0);
	return catalog;
}

void catalog_unref(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	unsigned before = atomic_fetch_sub_explicit(&catalog->references, 1, memory_order_acq_rel);
	CHECK(before > 0);
	if (before > 1)
		return;
	free(catalog->relations.items);
	free(catalog->by_oid.items);
	free(catalog->indexes.items);
	free(catalog->functions.items);
	free(catalog->domains.items);
	free(catalog->extensions.items);
	free(catalog->settings.items);
	arena_fini(&catalog->arena);
	dictionary_unref(catalog->dictionary);
	free(catalog);
}

/* -- asking -------------------------------------------------------------------------------------- */

void catalog_set_version(struct catalog *catalog, int version)
{
	catalog->version = version;
}

int catalog_version(const struct catalog *catalog)
{
	return catalog->version;
}

uint64_t catalog_generation(const struct catalog *catalog)
{
	return catalog->generation;
}

const char *catalog_database(const struct catalog *catalog)
{
	return catalog->database;
}

bool catalog_has_extension(const struct catalog *catalog, const char *name)
{
	for (uint32_t at = 0; at < catalog->extensions.count; at++) {
		if (strcmp(*(const char **)list_at(&catalog->extensions, at), name) == 0)
			return true;
	}
	return false;
}

const struct catalog_relation *catalog_find(const struct catalog *catalog, const char *schema, const char *name,
                                            const char *search_path, const char *user)
{
	CHECK(catalog->sealed);
	if (schema != NULL)
		return relation_in(catalog, schema, name);
	return find_along_path(catalog, lookup_relation, name, search_path, user);
}

const struct catalog_relation *catalog_find_oid(const struct catalog *catalog, uint32_t oid)
{
	CHECK(catalog->sealed);
	const struct catalog_relation key = {.oid = oid};
	const struct catalog_relation *wanted = &key;
	if (catalog->by_oid.count == 0)
		return NULL;
	const struct catalog_relation *const *hit =
	    bsearch(&wanted, catalog->by_oid.items, catalog->by_oid.count, catalog->by_oid.item_size, compare_oids);
	return hit != NULL ? *hit : NULL;
}

const struct catalog_index *catalog_find_index(const struct catalog *catalog, const char *schema, const char *name,
                                               const char *search_path, const char *user,
                                               const struct catalog_relation **relation)
{
	CHECK(catalog->sealed);
	const struct index_place *place = schema != NULL
	                                      ? index_in(catalog, schema, name)
	                                      : find_along_path(catalog, lookup_index, name, search_path, user);
	if (relation != NULL)
		*relation = place != NULL ? place->relation : NULL;
	return place != NULL ? place->index : NULL;
}

const struct catalog_column *catalog_column(const struct catalog_relation *relation, const char *name)
{
	for (uint16_t i = 0; i < relation->column_count; i++) {
		if (strcmp(relation->columns[i].name, name) == 0)
			return &relation->columns[i];
	}
	return NULL;
}

const struct catalog_part *catalog_part(const struct catalog_relation *relation, enum catalog_part_kind kind,
                                        const char *name)
{
	for (uint32_t i = 0; i < relation->part_count; i++) {
		if (relation->parts[i].kind == kind && strcmp(relation->parts[i].name, name) == 0)
			return &relation->parts[i];
	}
	return NULL;
}

const struct catalog_column *catalog_column_at(const struct catalog_relation *relation, uint16_t place)
{
	return place > 0 && place <= relation->column_count ? &relation->columns[place - 1] : NULL;
}

enum catalog_volatility catalog_volatility_of(const struct catalog *catalog, const char *schema, const char *name,
                                              uint16_t arguments, bool *inlinable)
{
	CHECK(catalog->sealed);
	uint32_t low = 0, high = catalog->functions.count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct function *function = list_at(&catalog->functions, middle);
		if (strcmp(function->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	enum catalog_volatility worst = CATALOG_NO_FUNCTION;
	bool volatile_inlines = true;
	for (; low < catalog->functions.count; low++) {
		const struct function *function = list_at(&catalog->functions, low);
		if (strcmp(function->name, name) != 0)
			break;
		if (schema != NULL && strcmp(function->schema, schema) != 0)
			continue;
		if (arguments < function->arguments_min || arguments > function->arguments_max)
			continue;
		/* 'i' < 's' < 'v', and none is 0: the letters are in the order of what they promise. */
		if (function->volatility > worst)
			worst = function->volatility;
		if (function->volatility == CATALOG_VOLATILE && !function->inlinable_sql)
			volatile_inlines = false;
	}
	if (inlinable != NULL)
		*inlinable = worst == CATALOG_VOLATILE && volatile_inlines;
	return worst;
}

const struct catalog_domain *catalog_find_domain(const struct catalog *catalog, const char *schema, const char *name)
{
	CHECK(catalog->sealed);
	if (schema != NULL)
		return domain_in(catalog, schema, name);
	const struct catalog_domain *hit = find_along_path(catalog, lookup_domain, name, NULL, NULL);
	/* Statements that declare columns give no search_path here; any domain of that name is nearer the truth than
	 * none, and a constrained one the safer guess. */
	for (uint32_t at = 0; hit == NULL && at < catalog->domains.count; at++) {
		const struct catalog_domain *domain = list_at(&catalog->domains, at);
		if (strcmp(domain->name, name) == 0 && domain->constrained)
			hit = domain;
	}
	for (uint32_t at = 0; hit == NULL && at < catalog->domains.count; at++) {
		const struct catalog_domain *domain = list_at(&catalog->domains, at);
		if (strcmp(domain->name, name) == 0)
			hit = domain;
	}
	return hit;
}

const char *catalog_search_path(const struct catalog *catalog, const char *user)
{
	const char *said = setting_of(catalog, user, "search_path");
	return said != NULL ? said : default_search_path;
}

const char *catalog_lock_timeout(const struct catalog *catalog, const char *user)
{
	return setting_of(catalog, user, "lock_timeout");
}

const char *catalog_plan_cache_mode(const struct catalog *catalog, const char *user)
{
	return setting_of(catalog, user, "plan_cache_mode");
}

static const char *setting_of(const struct catalog *catalog, const char *user, const char *name)
{
	const char *everybodys = NULL;
	for (uint32_t at = 0; at < catalog->settings.count; at++) {
		const struct role_setting *entry = list_at(&catalog->settings, at);
		if (strcmp(entry->name, name) != 0)
			continue;
		if (entry->role == NULL)
			everybodys = entry->value;
		else if (user != NULL && strcmp(entry->role, user) == 0)
			return entry->value;
	}
	return everybodys;
}

uint32_t catalog_relation_count(const struct catalog *catalog)
{
	return catalog->relations.count;
}

const struct catalog_relation *catalog_relation_at(const struct catalog *catalog, uint32_t at)
{
	CHECK(at < catalog->relations.count);
	return *(struct catalog_relation **)list_at(&catalog->relations, at);
}

/* -- sums ---------------------------------------------------------------------------------------- */

/* A parent has no rows of its own, and autovacuum never analyzes it: it is as large as its leaves together. One leaf
 * of unknown size does not hide the others. The `partitions` of a relation point to relations of this catalog, which
 * the builder still owns. */
static void sum_partitions(struct catalog_relation *relation, unsigned depth)
{
	double rows = 0;
	int64_t bytes = 0;
	bool rows_known = relation->partition_count == 0, bytes_known = rows_known, analyzed = true;
	if (depth >= PARTITION_DEPTH_MAX)
		return;
	for (uint32_t i = 0; i < relation->partition_count; i++) {
		struct catalog_relation *child = (struct catalog_relation *)relation->partitions[i];
		if (child->kind == CATALOG_PARTITIONED_TABLE)
			sum_partitions(child, depth + 1);
		if (child->rows >= 0) {
			rows += child->rows;
			rows_known = true;
		}
		if (child->bytes >= 0) {
			bytes += child->bytes;
			bytes_known = true;
		}
		analyzed = analyzed && child->analyzed;
	}
	relation->rows = rows_known ? rows : -1;
	relation->bytes = bytes_known ? bytes : -1;
	relation->analyzed = analyzed;
}

/* -- look-ups ------------------------------------------------------------------------------------ */

static const struct catalog_relation *relation_in(const struct catalog *catalog, const char *schema, const char *name)
{
	const struct catalog_relation key = {.schema = schema, .name = name};
	const struct catalog_relation *wanted = &key;
	if (catalog->relations.count == 0)
		return NULL;
	const struct catalog_relation *const *hit = bsearch(&wanted, catalog->relations.items, catalog->relations.count,
	                                                    catalog->relations.item_size, compare_relations);
	return hit != NULL && !(*hit)->gone ? *hit : NULL;
}

static const struct index_place *index_in(const struct catalog *catalog, const char *schema, const char *name)
{
	const struct catalog_index key = {.schema = schema, .name = name};
	const struct index_place wanted = {.index = &key};
	if (catalog->indexes.count == 0)
		return NULL;
	return bsearch(&wanted, catalog->indexes.items, catalog->indexes.count, catalog->indexes.item_size,
	               compare_indexes);
}

static const struct catalog_domain *domain_in(const struct catalog *catalog, const char *schema, const char *name)
{
	const struct catalog_domain wanted = {.schema = schema, .name = name};
	if (catalog->domains.count == 0)
		return NULL;
	return bsearch(&wanted, catalog->domains.items, catalog->domains.count, catalog->domains.item_size,
	               compare_domains);
}

static const void *lookup_relation(const struct catalog *catalog, const char *schema, const char *name)
{
	return relation_in(catalog, schema, name);
}

static const void *lookup_index(const struct catalog *catalog, const char *schema, const char *name)
{
	return index_in(catalog, schema, name);
}

static const void *lookup_domain(const struct catalog *catalog, const char *schema, const char *name)
{
	return domain_in(catalog, schema, name);
}

/* As RelnameGetRelid (catalog/namespace.c) goes: pg_catalog first unless the list itself names it, then entry by
 * entry; one that is no schema holds nothing and is passed over. */
static const void *find_along_path(const struct catalog *catalog, lookup_fn *lookup, const char *name,
                                   const char *search_path, const char *user)
{
	const char *path = path_of(catalog, search_path, user);
	const void *hit = path_names(path, "pg_catalog") ? NULL : lookup(catalog, "pg_catalog", name);
	struct path_entry entry;
	for (const char *rest = path; hit == NULL && path_next(&rest, &entry);) {
		if (strcmp(entry.name, "$user") != 0)
			hit = lookup(catalog, entry.name, name);
		else if (user != NULL)
			hit = lookup(catalog, user, name);
	}
	return hit;
}

static const char *path_of(const struct catalog *catalog, const char *search_path, const char *user)
{
	if (search_path != NULL && search_path[0] != '\0')
		return search_path;
	return catalog_search_path(catalog, user);
}

static bool path_names(const char *path, const char *schema)
{
	struct path_entry entry;
	while (path_next(&path, &entry)) {
		if (strcmp(entry.name, schema) == 0)
			return true;
	}
	return false;
}

/* The next entry of a list of identifiers, read as SplitIdentifierString does (utils/adt/varlena.c): quoted ones
 * as they stand with "" for a quote, others folded to lower case, both cut to what a name can hold. False at the end,
 * and where the list is not one. */
static bool path_next(const char **rest, struct path_entry *entry)
{
	static const char blanks[] = " \t\n\r\f\v";
	const char *at = *rest + strspn(*rest, blanks);
	size_t len = 0;
	if (*at == '\0')
		return false;
	if (*at == '"') {
		at++;
		for (; at[0] != '\0' && (at[0] != '"' || at[1] == '"'); at++) {
			if (at[0] == '"')
				at++;
			if (len < sizeof(entry->name) - 1)
				entry->name[len++] = *at;
		}
		if (*at != '"')
			return false;
		at++;
	} else {
		for (; *at != '\0' && *at != ',' && strchr(blanks, *at) == NULL; at++) {
			if (len < sizeof(entry->name) - 1)
				entry->name[len++] = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
		}
		if (len == 0)
			return false;
	}
	entry->name[len] = '\0';
	at += strspn(at, blanks);
	if (*at == ',')
		at++;
	else if (*at != '\0')
		return false;
	*rest = at;
	return true;
}

/* -- order --------------------------------------------------------------------------------------- */

static int compare_names(const char *schema_a, const char *name_a, const char *schema_b, const char *name_b)
{
	int order = strcmp(name_a, name_b);
	return order != 0 ? order : strcmp(schema_a, schema_b);
}

static int compare_relations(const void *a, const void *b)
{
	const struct catalog_relation *left = *(const struct catalog_relation *const *)a;
	const struct catalog_relation *right = *(const struct catalog_relation *const *)b;
	return compare_names(left->schema, left->name, right->schema, right->name);
}

static int compare_oids(const void *a, const void *b)
{
	uint32_t left = (*(const struct catalog_relation *const *)a)->oid;
	uint32_t right = (*(const struct catalog_relation *const *)b)->oid;
	return (left > right) - (left < right);
}

static int compare_indexes(const void *a, const void *b)
{
	const struct catalog_index *left = ((const struct index_place *)a)->index;
	const struct catalog_index *right = ((const struct index_place *)b)->index;
	return compare_names(left->schema, left->name, right->schema, right->name);
}

static int compare_functions(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	return compare_names(left->schema, left->name, right->schema, right->name);
}

static int compare_domains(const void *a, const void *b)
{
	const struct catalog_domain *left = a, *right = b;
	return compare_names(left->schema, left->name, right->schema, right->name);
}

/* -- list ---------------------------------------------------------------------------------------- */

static void list_init(struct list *list, size_t item_size)
{
	*list = (struct list){.item_size = item_size};
}

static void *list_add(struct list *list)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 64 : list->room * 2;
		list->items = realloc(list->items, (size_t)list->room * list->item_size);
		CHECK(list->items != NULL);
	}
	return (char *)list->items + (size_t)list->count++ * list->item_size;
}

static void *list_at(const struct list *list, uint32_t at)
{
	return (char *)list->items + (size_t)at * list->item_size;
}

static void list_sort(struct list *list, int (*compare)(const void *, const void *))
{
	if (list->count > 1)
		qsort(list->items, list->count, list->item_size, compare);
}
