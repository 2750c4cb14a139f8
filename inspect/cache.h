/* Recognised statements by key: the second and all later times a statement costs one look-up. One per worker, bounded
 * by LIMIT_CACHE_STATEMENTS and LIMIT_CACHE_BYTES. A statement is counted by reference: sessions hold those they have
 * prepared or in flight, evicted or not.
 *
 *      new ──▶ on probation ──second time──▶ proven
 *                  │    ▲                      │
 *               goes    └──── more than 7/8 ───┘
 *
 * In both the least recently used goes first. A flood of texts that never come again passes through the probation and
 * leaves what is proven, seven eighths of the room, alone. */
#ifndef PGPROCTOR_INSPECT_CACHE_H
#define PGPROCTOR_INSPECT_CACHE_H

#include "inspect/arena.h"
#include "inspect/tree/facts.h"
#include "inspect/text/sqlkey.h"
#include "inspect/verdicts.h"

enum opaque_reason {
	OPAQUE_NONE, /* parsed */
	OPAQUE_SYNTAX,
	OPAQUE_UNTERMINATED,
	OPAQUE_TOO_DEEP,
	OPAQUE_TOO_LONG,
	OPAQUE_OVERSIZE, /* past LIMIT_INSPECT_BYTES, never looked at */
	OPAQUE_FASTPATH, /* no SQL at all: a function called by its oid */
	OPAQUE_ENCODING, /* it is no text in client_encoding: the server will refuse it */
};

struct statement {
	struct sqlkey key;
	uint32_t references;  /* the cache's own included */
	uint64_t fingerprint; /* 0 when opaque */
	const char *query;    /* normalised; for an opaque one a text that names the reason, never the SQL */
	struct facts *facts;
	uint16_t statement_count; /* 0 when empty or opaque */
	enum opaque_reason opaque;
	const uint32_t *parameter_oids; /* as declared by the Parse, and in the key; 0: left to the server */
	uint16_t parameter_oid_count;
	struct shape_wants wants; /* of its parameters, at Bind */
	bool wants_parameters;   /* judge again at Bind */
	bool stores_documents;   /* a constant that it stores is JSON */
	bool stores_parameters;  /* a parameter that it stores may be */
	bool plan_matters;       /* the verdict's, as of the last that was made before a Bind: judge again at Bind, too */
	bool has_ddl;            /* judge at every execution */
	bool executes;           /* EXECUTE is in it: what that runs is another statement */
	uint64_t scope;          /* session_state's, where it was read: in another one `verdicts` do not hold */
	bool logged;             /* its `unparsed` line is written */
	/* When it was last counted as used (inspector_ran), and by which session; a second one makes it `shared`. */
	uint32_t used_interval;
	bool used_shared;
	uint64_t used_session;
	bool unaudited;          /* judged with a catalog, `audited`, by which the index audit has not looked at it */
	uint64_t audited;        /* the generation */
	struct verdicts verdicts;
	struct arena arena;      /* query and facts */
	bool proven;             /* the cache's, and so are these: */
	struct statement *newer, *older;
	struct statement *chain;
	/* Of a text that the server may read in several ways (inspector.h): those with anything in them to judge, each
	 * referenced. This one then is in no cache, and shows the first one's query and facts. Else NULL and 0. */
	struct statement **readings;
	uint16_t reading_count;
};

struct cache_segment {
	struct statement *newest, *oldest;
	uint32_t count;
	size_t bytes;
};

struct cache {
	struct statement **buckets;
	uint32_t bucket_count;
	struct cache_segment probation, proven;
	uint64_t hits, misses, evictions;
};

static inline uint32_t cache_count(const struct cache *cache)
{
	return cache->probation.count + cache->proven.count;
}

static inline size_t cache_bytes(const struct cache *cache)
{
	return cache->probation.bytes + cache->proven.bytes;
}

void cache_init(struct cache *cache);
void cache_fini(struct cache *cache);
/* Counts a hit or a miss; a hit becomes the newest of the proven. Not referenced for the caller. */
struct statement *cache_find(struct cache *cache, const struct sqlkey *key);
/* Whether it is there; counts nothing and changes nothing. */
bool cache_has(const struct cache *cache, const struct sqlkey *key);
/* A new statement, referenced once for the caller and not yet in the cache. */
struct statement *cache_statement_new(const struct sqlkey *key);
/* Puts it in (one more reference), and others out while there are too many; one that would take more than the room for
 * probation is not kept. */
void cache_insert(struct cache *cache, struct statement *statement);

/* One statement for several readings of a text; takes over the references. */
struct statement *cache_readings_new(struct statement *const *readings, uint16_t count);

struct statement *cache_ref(struct statement *statement);
void cache_unref(struct statement *statement); /* NULL is fine */

#endif
