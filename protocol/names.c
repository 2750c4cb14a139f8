#include "protocol/names.h"

#include "config/limits.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CAPACITY_MIN 16
/* An empty table up to this capacity is kept for the next name. */
#define CAPACITY_KEPT 64

struct names_slot {
	uint64_t name;
	void *value; /* NULL: the slot is free */
};

static struct names_slot *find(const struct names_table *table, uint64_t name);
static struct names_slot *free_slot(struct names_table *table, uint64_t name);
static void grow(struct names_table *table);
static void *remove_slot(struct names_table *table, struct names_slot *slot);
static uint32_t distance(const struct names_table *table, uint32_t index);

uint64_t names_hash(struct bytes name)
{
	if (name.len == 0)
		return NAMES_UNNAMED;
	size_t len = name.len < LIMIT_NAME_BYTES ? name.len : LIMIT_NAME_BYTES - 1;
	uint64_t hash = XXH3_64bits(name.data, len);
	return hash != NAMES_UNNAMED ? hash : 1;
}

void names_init(struct names *names)
{
	*names = (struct names){0};
}

void names_fini(struct names *names)
{
	free(names->tables[NAMES_STATEMENT].slots);
	free(names->tables[NAMES_PORTAL].slots);
	*names = (struct names){0};
}

void *names_put(struct names *names, enum names_space space, uint64_t name, void *value)
{
	CHECK(value != NULL);
	if (name == NAMES_UNNAMED) {
		void *previous = names->unnamed[space];
		names->unnamed[space] = value;
		return previous;
	}

	struct names_table *table = &names->tables[space];
	struct names_slot *slot = find(table, name);
	if (slot != NULL) {
		void *previous = slot->value;
		slot->value = value;
		return previous;
	}
	if (names->tables[NAMES_STATEMENT].used + names->tables[NAMES_PORTAL].used >= LIMIT_NAMES_PER_SESSION)
		return value;
	if ((table->used + 1) * 2 > table->capacity)
		grow(table);
	*free_slot(table, name) = (struct names_slot){name, value};
	table->used++;
	return NULL;
}

void *names_get(const struct names *names, enum names_space space, uint64_t name)
{
	if (name == NAMES_UNNAMED)
		return names->unnamed[space];
	struct names_slot *slot = find(&names->tables[space], name);
	return slot != NULL ? slot->value : NULL;
}

void *names_take(struct names *names, enum names_space space, uint64_t name)
{
	if (name == NAMES_UNNAMED) {
		void *value = names->unnamed[space];
		names->unnamed[space] = NULL;
		return value;
	}
	struct names_table *table = &names->tables[space];
	struct names_slot *slot = find(table, name);
	return slot != NULL ? remove_slot(table, slot) : NULL;
}

void *names_take_any(struct names *names, enum names_space space)
{
	struct names_table *table = &names->tables[space];
	if (table->used == 0)
		return names_take(names, space, NAMES_UNNAMED);
	/* Starting where the last call stopped keeps emptying a large table linear. */
	while (table->slots[table->next].value == NULL)
		table->next = (table->next + 1) & (table->capacity - 1);
	return remove_slot(table, &table->slots[table->next]);
}

static struct names_slot *find(const struct names_table *table, uint64_t name)
{
	if (table->used == 0)
		return NULL;
	uint32_t mask = table->capacity - 1;
	for (uint32_t at = (uint32_t)name & mask; table->slots[at].value != NULL; at = (at + 1) & mask)
		if (table->slots[at].name == name)
			return &table->slots[at];
	return NULL;
}

static struct names_slot *free_slot(struct names_table *table, uint64_t name)
{
	uint32_t mask = table->capacity - 1;
	uint32_t at = (uint32_t)name & mask;
	while (table->slots[at].value != NULL)
		at = (at + 1) & mask;
	return &table->slots[at];
}

static void grow(struct names_table *table)
{
	struct names_table larger = {.capacity = table->capacity > 0 ? table->capacity * 2 : CAPACITY_MIN};
	larger.slots = calloc(larger.capacity, sizeof larger.slots[0]);
	CHECK(larger.slots != NULL);
	larger.used = table->used;
	for (uint32_t at = 0; at < table->capacity; at++)
		if (table->slots[at].value != NULL)
			*free_slot(&larger, table->slots[at].name) = table->slots[at];
	free(table->slots);
	*table = larger;
}

/* Closes the gap by moving back each later entry of the same run whose own place is not behind the gap. */
static void *remove_slot(struct names_table *table, struct names_slot *slot)
{
	void *value = slot->value;
	uint32_t mask = table->capacity - 1;
	uint32_t gap = (uint32_t)(slot - table->slots);
	for (uint32_t at = (gap + 1) & mask; table->slots[at].value != NULL; at = (at + 1) & mask) {
		if (distance(table, at) < ((at - gap) & mask))
			continue;
		table->slots[gap] = table->slots[at];
		gap = at;
	}
	table->slots[gap] = (struct names_slot){0};
	table->used--;
	if (table->used == 0 && table->capacity > CAPACITY_KEPT) {
		free(table->slots);
		*table = (struct names_table){0};
	}
	return value;
}

/* How far an entry lies behind the place its name asks for. */
static uint32_t distance(const struct names_table *table, uint32_t index)
{
	uint32_t mask = table->capacity - 1;
	return (index - (uint32_t)table->slots[index].name) & mask;
}
