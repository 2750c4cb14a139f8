/* When tables and columns were last used, and by what: a table of (database, oid, attribute number). It grows up to
 * LIMIT_USAGE_COLUMNS; what comes after is not kept, and then its database is unclear. Counted by reference: what is
 * published to other threads is only read. */
#ifndef PGPROCTOR_INSPECT_USAGE_H
#define PGPROCTOR_INSPECT_USAGE_H

#include "config/check.h"
#include "config/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct usage_use {
	int64_t at_ms;        /* wall clock; 0: never */
	uint64_t session; /* differs between any two */
	uint64_t fingerprint;
	char route[64]; /* "" where the statement did not say */
};

/* Of two sessions, so that the one that drops it can be left out: a migration uses what it is about to drop. */
struct usage_entry {
	uint64_t database; /* usage_database_key */
	uint32_t relation; /* oid; 0: an empty slot */
	int16_t column;    /* attribute number; 0: the relation by any of its columns, or none */
	struct usage_use last, before;
	/* Of a column that JSON documents are written to (documents.h): how many, of how many texts, and the first worker that
	 * saw one, from 1. */
	uint32_t documents, texts, owner;
};

struct usage_database {
	uint64_t key;
	int64_t since_ms;   /* when watching began; 0: it has not */
	int64_t unclear_ms; /* when something last ran of which not all is known; 0: never */
};

struct usage {
	struct usage_entry *slots; /* open addressing; NULL while empty */
	uint32_t capacity, count;
	struct usage_database databases[LIMIT_DATABASES];
	uint32_t database_count;
	_Atomic uint32_t references;
};

void usage_init(struct usage *usage);
void usage_fini(struct usage *usage);
uint64_t usage_database_key(const char *database);
/* Watching begins, if it has not. */
void usage_watch(struct usage *usage, uint64_t database, int64_t now_ms);
/* Something has run of which not all is known: nothing counts as unused until it is long ago. */
void usage_unclear(struct usage *usage, uint64_t database, int64_t now_ms);
/* True when it was not known to be used at all. */
bool usage_add(struct usage *usage, uint64_t database, uint32_t relation, int16_t column, const struct usage_use *use);
/* So many texts more were written to the column, and documents among them. */
void usage_add_texts(struct usage *usage, uint64_t database, uint32_t relation, int16_t column, uint32_t texts,
                     uint32_t documents, uint32_t owner);
/* The column's entry for its texts; NULL: none is known. */
const struct usage_entry *usage_texts(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column);
void usage_merge(struct usage *into, const struct usage *from);
/* Empties it, and keeps nothing. */
void usage_reset(struct usage *usage);
bool usage_is_empty(const struct usage *usage);
/* The last use by any other session than that one; NULL: none. */
const struct usage_use *usage_find(const struct usage *usage, uint64_t database, uint32_t relation, int16_t column,
                                   uint64_t except);
/* NULL: nothing is known of it. */
const struct usage_database *usage_database(const struct usage *usage, uint64_t database);

/* A copy on the heap, referenced once. */
struct usage *usage_copy(const struct usage *usage);
struct usage *usage_ref(struct usage *usage);
void usage_unref(struct usage *usage); /* NULL is fine */

#endif
