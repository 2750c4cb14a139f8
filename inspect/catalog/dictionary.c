#include "inspect/catalog/dictionary.h"

#include "config/check.h"

#include <stdatomic.h>
#include <string.h>

/* A growing array of fixed-size items. */
struct shelf {
	void *items;
	size_t item_size;
	uint32_t count, room;
};

struct dictionary {
	atomic_uint references;
	bool sealed;
	const char *signature;
	struct arena arena;
	struct shelf types, casts, operators, functions, members, classes, collations; /* by oid, or what they key on */
	struct shelf operators_by_name, functions_by_name, types_by_name;              /* pointers */
	struct shelf members_by_family;
};

enum { DOMAIN_DEPTH_MAX = 32 };

typedef int compare_fn(const void *, const void *);

static void shelf_init(struct shelf *shelf, size_t item_size);
static void *shelf_add(struct shelf *shelf);
static void shelf_sort(struct shelf *shelf, compare_fn *compare);
static uint32_t lower_bound(const struct shelf *shelf, const void *key, compare_fn *compare);
static const void *find(const struct shelf *shelf, const void *key, compare_fn *compare);
static void index_by_name(struct shelf *to, const struct shelf *from, compare_fn *compare);
static compare_fn compare_types, compare_casts, compare_operators, compare_functions, compare_members, compare_families,
    compare_classes, compare_collations, compare_operator_names, compare_function_names, compare_type_names;

struct dictionary *dictionary_new(const char *signature)
{
	struct dictionary *dictionary = calloc(1, sizeof(*dictionary));
	CHECK(dictionary != NULL);
	atomic_init(&dictionary->references, 1);
	arena_init(&dictionary->arena);
	dictionary->signature = arena_text(&dictionary->arena, signature);
	shelf_init(&dictionary->types, sizeof(struct dictionary_type));
	shelf_init(&dictionary->casts, sizeof(struct dictionary_cast));
	shelf_init(&dictionary->operators, sizeof(struct dictionary_operator));
	shelf_init(&dictionary->functions, sizeof(struct dictionary_function));
	shelf_init(&dictionary->members, sizeof(struct dictionary_member));
	shelf_init(&dictionary->members_by_family, sizeof(struct dictionary_member));
	shelf_init(&dictionary->classes, sizeof(struct dictionary_class));
	shelf_init(&dictionary->collations, sizeof(struct dictionary_collation));
	shelf_init(&dictionary->operators_by_name, sizeof(void *));
	shelf_init(&dictionary->functions_by_name, sizeof(void *));
	shelf_init(&dictionary->types_by_name, sizeof(void *));
	return dictionary;
}

struct arena *dictionary_arena(struct dictionary *dictionary)
{
	CHECK(!dictionary->sealed);
	return &dictionary->arena;
}

void dictionary_add_type(struct dictionary *dictionary, const struct dictionary_type *type)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_type *)shelf_add(&dictionary->types) = *type;
}

void dictionary_add_cast(struct dictionary *dictionary, const struct dictionary_cast *cast)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_cast *)shelf_add(&dictionary->casts) = *cast;
}

void dictionary_add_operator(struct dictionary *dictionary, const struct dictionary_operator *operator)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_operator *)shelf_add(&dictionary->operators) = *operator;
}

void dictionary_add_function(struct dictionary *dictionary, const struct dictionary_function *function)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_function *)shelf_add(&dictionary->functions) = *function;
}

void dictionary_add_member(struct dictionary *dictionary, const struct dictionary_member *member)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_member *)shelf_add(&dictionary->members) = *member;
	*(struct dictionary_member *)shelf_add(&dictionary->members_by_family) = *member;
}

void dictionary_add_class(struct dictionary *dictionary, const struct dictionary_class *class)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_class *)shelf_add(&dictionary->classes) = *class;
}

void dictionary_add_collation(struct dictionary *dictionary, const struct dictionary_collation *collation)
{
	CHECK(!dictionary->sealed);
	*(struct dictionary_collation *)shelf_add(&dictionary->collations) = *collation;
}

void dictionary_seal(struct dictionary *dictionary)
{
	CHECK(!dictionary->sealed);
	shelf_sort(&dictionary->types, compare_types);
	shelf_sort(&dictionary->casts, compare_casts);
	shelf_sort(&dictionary->operators, compare_operators);
	shelf_sort(&dictionary->functions, compare_functions);
	shelf_sort(&dictionary->members, compare_members);
	shelf_sort(&dictionary->members_by_family, compare_families);
	shelf_sort(&dictionary->classes, compare_classes);
	shelf_sort(&dictionary->collations, compare_collations);
	index_by_name(&dictionary->operators_by_name, &dictionary->operators, compare_operator_names);
	index_by_name(&dictionary->functions_by_name, &dictionary->functions, compare_function_names);
	index_by_name(&dictionary->types_by_name, &dictionary->types, compare_type_names);
	dictionary->sealed = true;
}

struct dictionary *dictionary_ref(struct dictionary *dictionary)
{
	if (dictionary != NULL)
		atomic_fetch_add_explicit(&dictionary->references, 1, memory_order_relaxed);
	return dictionary;
}

void dictionary_unref(struct dictionary *dictionary)
{
	if (dictionary == NULL)
		return;
	unsigned before = atomic_fetch_sub_explicit(&dictionary->references, 1, memory_order_acq_rel);
	CHECK(before > 0);
	if (before > 1)
		return;
	struct shelf *const shelves[] = {
	    &dictionary->types,
	    &dictionary->casts,
	    &dictionary->operators,
	    &dictionary->functions,
	    &dictionary->members,
	    &dictionary->classes,
	    &dictionary->collations,
	    &dictionary->members_by_family,
	    &dictionary->operators_by_name,
	    &dictionary->functions_by_name,
	    &dictionary->types_by_name,
	};
	for (size_t at = 0; at < ARRAY_LEN(shelves); at++)
		free(shelves[at]->items);
	arena_fini(&dictionary->arena);
	free(dictionary);
}

const char *dictionary_signature(const struct dictionary *dictionary)
{
	return dictionary->signature;
}

/* -- asking ------------------------------------------------------------------------------------------- */

const struct dictionary_type *dictionary_type(const struct dictionary *dictionary, uint32_t oid)
{
	return find(&dictionary->types, &(struct dictionary_type){.oid = oid}, compare_types);
}

const struct dictionary_type *dictionary_type_named(const struct dictionary *dictionary, const char *schema,
                                                    const char *name, bool array)
{
	const struct dictionary_type key = {.name = name}, *wanted = &key, *best = NULL;
	const struct shelf *shelf = &dictionary->types_by_name;
	for (uint32_t at = lower_bound(shelf, &wanted, compare_type_names); at < shelf->count; at++) {
		const struct dictionary_type *type = ((const struct dictionary_type *const *)shelf->items)[at];
		if (strcmp(type->name, name) != 0)
			break;
		if (schema != NULL && strcmp(schema, type->schema) != 0)
			continue;
		if (best == NULL || strcmp(type->schema, "pg_catalog") == 0)
			best = type;
	}
	return best != NULL && array ? dictionary_type(dictionary, best->array) : best;
}

const struct dictionary_cast *dictionary_cast(const struct dictionary *dictionary, uint32_t source, uint32_t target)
{
	return find(&dictionary->casts, &(struct dictionary_cast){.source = source, .target = target}, compare_casts);
}

const struct dictionary_operator *dictionary_operator(const struct dictionary *dictionary, uint32_t oid)
{
	return find(&dictionary->operators, &(struct dictionary_operator){.oid = oid}, compare_operators);
}

const struct dictionary_function *dictionary_function(const struct dictionary *dictionary, uint32_t oid)
{
	return find(&dictionary->functions, &(struct dictionary_function){.oid = oid}, compare_functions);
}

const struct dictionary_operator *const *dictionary_operators_named(const struct dictionary *dictionary,
                                                                    const char *name, uint32_t *count)
{
	const struct dictionary_operator key = {.name = name}, *wanted = &key;
	const struct shelf *shelf = &dictionary->operators_by_name;
	const struct dictionary_operator *const *first = shelf->items;
	uint32_t from = lower_bound(shelf, &wanted, compare_operator_names), to = from;
	while (to < shelf->count && strcmp(first[to]->name, name) == 0)
		to++;
	*count = to - from;
	return first == NULL ? NULL : first + from;
}

const struct dictionary_function *const *dictionary_functions_named(const struct dictionary *dictionary,
                                                                    const char *name, uint32_t *count)
{
	const struct dictionary_function key = {.name = name}, *wanted = &key;
	const struct shelf *shelf = &dictionary->functions_by_name;
	const struct dictionary_function *const *first = shelf->items;
	uint32_t from = lower_bound(shelf, &wanted, compare_function_names), to = from;
	while (to < shelf->count && strcmp(first[to]->name, name) == 0)
		to++;
	*count = to - from;
	return first == NULL ? NULL : first + from;
}

const struct dictionary_member *dictionary_members_of(const struct dictionary *dictionary, uint32_t operator,
                                                      uint32_t * count)
{
	const struct shelf *shelf = &dictionary->members;
	const struct dictionary_member *first = shelf->items;
	uint32_t from = lower_bound(shelf, &(struct dictionary_member){.operator= operator}, compare_members), to = from;
	while (to < shelf->count && first[to].operator== operator)
		to++;
	*count = to - from;
	return first == NULL ? NULL : first + from;
}

bool dictionary_searches(const struct dictionary *dictionary, uint32_t family, uint32_t operator)
{
	uint32_t count;
	const struct dictionary_member *members = dictionary_members_of(dictionary, operator, & count);
	for (uint32_t at = 0; at < count; at++) {
		if (members[at].family == family && members[at].purpose == 's')
			return true;
	}
	return false;
}

uint32_t dictionary_member_operator(const struct dictionary *dictionary, uint32_t family, uint32_t left, uint32_t right,
                                    int16_t strategy)
{
	const struct shelf *shelf = &dictionary->members_by_family;
	const struct dictionary_member *first = shelf->items;
	for (uint32_t at = lower_bound(shelf, &(struct dictionary_member){.family = family}, compare_families);
	     at < shelf->count && first[at].family == family; at++) {
		if (first[at].left == left && first[at].right == right && first[at].strategy == strategy &&
		    first[at].purpose == 's')
			return first[at].operator;
	}
	return 0;
}

const struct dictionary_class *dictionary_class(const struct dictionary *dictionary, uint32_t oid)
{
	return find(&dictionary->classes, &(struct dictionary_class){.oid = oid}, compare_classes);
}

const struct dictionary_class *dictionary_class_named(const struct dictionary *dictionary, const char *method,
                                                      const char *name)
{
	const struct dictionary_class *list = dictionary->classes.items;
	for (uint32_t at = 0; at < dictionary->classes.count; at++) {
		if (strcmp(list[at].name, name) == 0 && (method == NULL || strcmp(list[at].method, method) == 0))
			return &list[at];
	}
	return NULL;
}

const struct dictionary_class *dictionary_class_default(const struct dictionary *dictionary, const char *method,
                                                        uint32_t type)
{
	const struct dictionary_class *list = dictionary->classes.items, *coerced = NULL;
	type = dictionary_base(dictionary, type);
	const struct dictionary_type *known = dictionary_type(dictionary, type);
	for (uint32_t at = 0; at < dictionary->classes.count; at++) {
		const struct dictionary_class *class = &list[at];
		if (!class->standard || strcmp(class->method, method) != 0)
			continue;
		if (class->input == type)
			return class;
		const struct dictionary_cast *cast = dictionary_cast(dictionary, type, class->input);
		bool binary = cast != NULL && cast->method == 'b' && cast->context == 'i';
		bool generic = known != NULL && ((class->input == TYPE_ANYARRAY && known->element != 0) ||
		                                 (class->input == TYPE_ANYENUM && known->kind == 'e') ||
		                                 (class->input == TYPE_ANYRANGE && known->kind == 'r') ||
		                                 (class->input == TYPE_ANYMULTIRANGE && known->kind == 'm'));
		const struct dictionary_type *input = dictionary_type(dictionary, class->input);
		if ((binary || generic) && (coerced == NULL || (input != NULL && input->preferred)))
			coerced = class;
	}
	return coerced;
}

const struct dictionary_collation *dictionary_collation(const struct dictionary *dictionary, uint32_t oid)
{
	return find(&dictionary->collations, &(struct dictionary_collation){.oid = oid}, compare_collations);
}

const struct dictionary_collation *dictionary_collation_named(const struct dictionary *dictionary, const char *name)
{
	const struct dictionary_collation *list = dictionary->collations.items, *best = NULL;
	for (uint32_t at = 0; at < dictionary->collations.count; at++) {
		if (strcmp(list[at].name, name) == 0 && (best == NULL || list[at].builtin))
			best = &list[at];
	}
	return best;
}

uint32_t dictionary_base(const struct dictionary *dictionary, uint32_t type)
{
	for (int depth = 0; depth < DOMAIN_DEPTH_MAX; depth++) {
		const struct dictionary_type *known = dictionary_type(dictionary, type);
		if (known == NULL || known->kind != 'd' || known->base == 0)
			break;
		type = known->base;
	}
	return type;
}

/* -- shelves ------------------------------------------------------------------------------------------ */

static void shelf_init(struct shelf *shelf, size_t item_size)
{
	*shelf = (struct shelf){.item_size = item_size};
}

static void *shelf_add(struct shelf *shelf)
{
	if (shelf->count == shelf->room) {
		shelf->room = shelf->room == 0 ? 64 : shelf->room * 2;
		shelf->items = realloc(shelf->items, (size_t)shelf->room * shelf->item_size);
		CHECK(shelf->items != NULL);
	}
	return (char *)shelf->items + (size_t)shelf->count++ * shelf->item_size;
}

static void shelf_sort(struct shelf *shelf, compare_fn *compare)
{
	if (shelf->count > 1)
		qsort(shelf->items, shelf->count, shelf->item_size, compare);
}

static uint32_t lower_bound(const struct shelf *shelf, const void *key, compare_fn *compare)
{
	uint32_t low = 0, high = shelf->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare((const char *)shelf->items + (size_t)middle * shelf->item_size, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const void *find(const struct shelf *shelf, const void *key, compare_fn *compare)
{
	if (shelf->count == 0)
		return NULL;
	return bsearch(key, shelf->items, shelf->count, shelf->item_size, compare);
}

static void index_by_name(struct shelf *to, const struct shelf *from, compare_fn *compare)
{
	for (uint32_t at = 0; at < from->count; at++)
		*(const void **)shelf_add(to) = (const char *)from->items + (size_t)at * from->item_size;
	shelf_sort(to, compare);
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_types(const void *a, const void *b)
{
	return order(((const struct dictionary_type *)a)->oid, ((const struct dictionary_type *)b)->oid);
}

static int compare_casts(const void *a, const void *b)
{
	const struct dictionary_cast *one = a, *other = b;
	int by_source = order(one->source, other->source);
	return by_source != 0 ? by_source : order(one->target, other->target);
}

static int compare_operators(const void *a, const void *b)
{
	return order(((const struct dictionary_operator *)a)->oid, ((const struct dictionary_operator *)b)->oid);
}

static int compare_functions(const void *a, const void *b)
{
	return order(((const struct dictionary_function *)a)->oid, ((const struct dictionary_function *)b)->oid);
}

static int compare_members(const void *a, const void *b)
{
	return order(((const struct dictionary_member *)a)->operator,((const struct dictionary_member *)b)->operator);
}

static int compare_families(const void *a, const void *b)
{
	return order(((const struct dictionary_member *)a)->family, ((const struct dictionary_member *)b)->family);
}

static int compare_classes(const void *a, const void *b)
{
	return order(((const struct dictionary_class *)a)->oid, ((const struct dictionary_class *)b)->oid);
}

static int compare_collations(const void *a, const void *b)
{
	return order(((const struct dictionary_collation *)a)->oid, ((const struct dictionary_collation *)b)->oid);
}

static int compare_operator_names(const void *a, const void *b)
{
	return strcmp((*(const struct dictionary_operator *const *)a)->name,
	              (*(const struct dictionary_operator *const *)b)->name);
}

static int compare_function_names(const void *a, const void *b)
{
	return strcmp((*(const struct dictionary_function *const *)a)->name,
	              (*(const struct dictionary_function *const *)b)->name);
}

static int compare_type_names(const void *a, const void *b)
{
	return strcmp((*(const struct dictionary_type *const *)a)->name,
	              (*(const struct dictionary_type *const *)b)->name);
}
