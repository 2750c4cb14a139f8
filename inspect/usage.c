#include "inspect/usage.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY_FIRST = 256 };

static_assert((CAPACITY_FIRST & (CAPACITY_FIRST - 1)) == 0, "a hash is cut by a mask");

static struct usage_entry *slot_of(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column);
static void grow(struct usage *usage);
static void add(struct usage_entry *entry, const struct usage_use *use);
static struct usage_database *database_of(struct usage *usage, uint64_t key);

void usage_init(struct usage *usage)
{
	memset(usage, 0, sizeof(*usage));
}

void usage_fini(struct usage *usage)
{
	free(usage->slots);
	usage->slots = NULL;
}

uint64_t usage_database_key(const char *database)
{
	return XXH3_64bits(database, strlen(database));
}

void usage_watch(struct usage *usage, uint64_t database, int64_t now_ms)
{
	struct usage_database *known = database_of(usage, database);
	if (known && known->since_ms == 0)
		known->since_ms = now_ms;
}

void usage_unclear(struct usage *usage, uint64_t database, int64_t now_ms)
{
	struct usage_database *known = database_of(usage, database);
	if (known && known->unclear_ms < now_ms)
		known->unclear_ms = now_ms;
}

bool usage_add(struct usage *usage, uint64_t database, uint32_t relation, int16_t column, const struct usage_use *use)
{
	CHECK(relation != 0 && use->at_ms > 0);
	/* Half of the slots stay empty, so that searches end soon. */
	if (usage->count * 2 >= usage->capacity && usage->count < LIMIT_USAGE_COLUMNS)
		grow(usage);
	struct usage_entry *entry = slot_of(usage, database, relation, column);
	if (entry->relation != 0) {
		add(entry, use);
		return false;
	}
	if (usage->count == LIMIT_USAGE_COLUMNS) {
		usage_unclear(usage, database, use->at_ms);
		return false;
	}
	*entry = (struct usage_entry){.database = database, .relation = relation, .column = column, .last = *use};
	usage->count++;
	return true;
}

void usage_add_texts(struct usage *usage, uint64_t database, uint32_t relation, int16_t column, uint32_t texts,
                     uint32_t documents, uint32_t owner)
{
	CHECK(relation != 0);
	if (usage->count * 2 >= usage->capacity && usage->count < LIMIT_USAGE_COLUMNS)
		grow(usage);
	struct usage_entry *entry = slot_of(usage, database, relation, column);
	if (entry->relation == 0) {
		if (usage->count == LIMIT_USAGE_COLUMNS)
			return;
		*entry = (struct usage_entry){.database = database, .relation = relation, .column = column};
		usage->count++;
	}
	entry->texts += texts;
	entry->documents += documents;
	entry->owner = entry->owner ? entry->owner : owner;
}

const struct usage_entry *usage_texts(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column)
{
	const struct usage_entry *entry = usage->slots ? slot_of(usage, database, relation, column) : NULL;
	return entry && entry->relation != 0 && entry->texts > 0 ? entry : NULL;
}

void usage_merge(struct usage *into, const struct usage *from)
{
	for (uint32_t at = 0; at < from->capacity; at++) {
		const struct usage_entry *entry = &from->slots[at];
		if (entry->relation == 0)
			continue;
		if (entry->before.at_ms > 0)
			usage_add(into, entry->database, entry->relation, entry->column, &entry->before);
		if (entry->last.at_ms > 0)
			usage_add(into, entry->database, entry->relation, entry->column, &entry->last);
		if (entry->texts > 0)
			usage_add_texts(into, entry->database, entry->relation, entry->column, entry->texts,
			                entry->documents, entry->owner);
	}
	for (uint32_t at = 0; at < from->database_count; at++) {
		const struct usage_database *database = &from->databases[at];
		if (database->since_ms > 0)
			usage_watch(into, database->key, database->since_ms);
		if (database->unclear_ms > 0)
			usage_unclear(into, database->key, database->unclear_ms);
	}
}

void usage_reset(struct usage *usage)
{
	usage_fini(usage);
	usage_init(usage);
}

bool usage_is_empty(const struct usage *usage)
{
	return usage->count == 0 && usage->database_count == 0;
}

const struct usage_use *usage_find(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column,
                                   uint64_t except)
{
	if (!usage->slots)
		return NULL;
	const struct usage_entry *entry = slot_of(usage, database, relation, column);
	if (entry->relation == 0)
		return NULL;
	const struct usage_use *use = entry->last.session == except ? &entry->before : &entry->last;
	return use->at_ms > 0 ? use : NULL;
}

const struct usage_database *usage_database(const struct usage *usage, uint64_t database)
{
	for (uint32_t at = 0; at < usage->database_count; at++) {
		if (usage->databases[at].key == database)
			return &usage->databases[at];
	}
	return NULL;
}

struct usage *usage_copy(const struct usage *usage)
{
	struct usage *copy = malloc(sizeof(*copy));
	CHECK(copy);
	*copy = *usage;
	copy->references = 1;
	if (usage->slots) {
		size_t size = usage->capacity * sizeof(*usage->slots);
		copy->slots = malloc(size);
		CHECK(copy->slots);
		memcpy(copy->slots, usage->slots, size);
	}
	return copy;
}

struct usage *usage_ref(struct usage *usage)
{
	atomic_fetch_add_explicit(&usage->references, 1, memory_order_relaxed);
	return usage;
}

void usage_unref(struct usage *usage)
{
	if (!usage || atomic_fetch_sub_explicit(&usage->references, 1, memory_order_acq_rel) > 1)
		return;
	usage_fini(usage);
	free(usage);
}

/* Where it is, or would be. */
static struct usage_entry *slot_of(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column)
{
	const struct {
		uint64_t database;
		uint32_t relation;
		int32_t column;
	} key = {database, relation, column};
	uint32_t mask = usage->capacity - 1;
	uint32_t at = (uint32_t)XXH3_64bits(&key, sizeof(key)) & mask;
	for (;; at = (at + 1) & mask) {
		struct usage_entry *entry = &usage->slots[at];
		if (entry->relation == 0 ||
		    (entry->relation == relation && entry->column == column && entry->database == database))
			return entry;
	}
}

static void grow(struct usage *usage)
{
	struct usage_entry *old = usage->slots;
	uint32_t old_capacity = usage->capacity;
	usage->capacity = old_capacity > 0 ? old_capacity * 2 : CAPACITY_FIRST;
	usage->slots = calloc(usage->capacity, sizeof(*usage->slots));
	CHECK(usage->slots);
	for (uint32_t at = 0; at < old_capacity; at++) {
		if (old[at].relation != 0)
			*slot_of(usage, old[at].database, old[at].relation, old[at].column) = old[at];
	}
	free(old);
}

/* Keeps the newest of each of two sessions. */
static void add(struct usage_entry *entry, const struct usage_use *use)
{
	struct usage_use *last = &entry->last, *before = &entry->before;
	if (use->session == last->session) {
		if (use->at_ms >= last->at_ms)
			*last = *use;
	} else if (use->at_ms >= last->at_ms) {
		*before = *last;
		*last = *use;
	} else if (use->at_ms > before->at_ms) {
		*before = *use;
	}
}

/* NULL past the ceiling: such a database is not watched. */
static struct usage_database *database_of(struct usage *usage, uint64_t key)
{
	for (uint32_t at = 0; at < usage->database_count; at++) {
		if (usage->databases[at].key == key)
			return &usage->databases[at];
	}
	if (usage->database_count == LIMIT_DATABASES)
		return NULL;
	struct usage_database *database = &usage->databases[usage->database_count++];
	*database = (struct usage_database){.key = key};
	return database;
}
