/* The prepared statements and portals of one session, by hash of their names: to each the caller's pointer.
 * Statements and portals are separate name spaces. The caller decides when a name counts (ParseComplete,
 * not Parse) and releases what a call hands back. */
#ifndef PGPROCTOR_PROTOCOL_NAMES_H
#define PGPROCTOR_PROTOCOL_NAMES_H

#include "protocol/bytes.h"

#include "config/check.h"

enum names_space { NAMES_STATEMENT, NAMES_PORTAL };

/* Of the unnamed statement or portal. */
#define NAMES_UNNAMED UINT64_C(0)

struct names_slot;

/* Open addressing with linear probing; a removal moves later entries back, so there are no tombstones. */
struct names_table {
	struct names_slot *slots; /* NULL while there are none */
	uint32_t capacity;        /* a power of two, never more than half used */
	uint32_t used;
	uint32_t next; /* where names_take_any goes on looking */
};

struct names {
	void *unnamed[2]; /* by names_space; kept apart, since most sessions use no other */
	struct names_table tables[2];
};

/* XXH3 of the name cut to the 63 bytes PostgreSQL keeps; NAMES_UNNAMED for an empty one, never otherwise. */
uint64_t names_hash(struct bytes name);

void names_init(struct names *names);
/* Frees the table; take out what it holds first (names_take_any). */
void names_fini(struct names *names);

/* Sets the pointer and returns the previous one, or NULL. At LIMIT_NAMES_PER_SESSION a new name is not kept
 * and `value` itself comes back. */
MUST_USE void *names_put(struct names *names, enum names_space space, uint64_t name, void *value);
void *names_get(const struct names *names, enum names_space space, uint64_t name);
MUST_USE void *names_take(struct names *names, enum names_space space, uint64_t name);
/* Any one of the space, the unnamed one last, removed; NULL when it is empty: DEALLOCATE ALL, end of transaction, end
 * of session. Emptying a space costs its size, asking an empty one nothing. */
MUST_USE void *names_take_any(struct names *names, enum names_space space);

#endif
