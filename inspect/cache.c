#include "inspect/cache.h"

#include <string.h>

static_assert((LIMIT_CACHE_STATEMENTS & (LIMIT_CACHE_STATEMENTS - 1)) == 0, "the bucket mask needs a power of two");

static struct statement **bucket_of(const struct cache *cache, const struct sqlkey *key);
static void link_newest(struct cache *cache, struct statement *statement);
static void unlink_from(struct cache *cache, struct statement *statement);
static void evict(struct cache *cache, struct statement *statement);
static size_t bytes_of(const struct statement *statement);

void cache_init(struct cache *cache)
{
	*cache = (struct cache){.bucket_count = LIMIT_CACHE_STATEMENTS};
	cache->buckets = calloc(cache->bucket_count, sizeof(*cache->buckets));
	CHECK(cache->buckets);
}

void cache_fini(struct cache *cache)
{
	while (cache->oldest)
		evict(cache, cache->oldest);
	CHECK(cache->count == 0 && cache->bytes == 0);
	free(cache->buckets);
	*cache = (struct cache){0};
}

struct statement *cache_find(struct cache *cache, const struct sqlkey *key)
{
	struct statement *statement = *bucket_of(cache, key);

	while (statement && (statement->key.low != key->low || statement->key.high != key->high))
		statement = statement->chain;
	if (!statement) {
		cache->misses++;
		return NULL;
	}
	cache->hits++;
	if (cache->newest != statement) {
		unlink_from(cache, statement);
		link_newest(cache, statement);
	}
	return statement;
}

bool cache_has(const struct cache *cache, const struct sqlkey *key)
{
	const struct statement *statement = *bucket_of(cache, key);

	while (statement && (statement->key.low != key->low || statement->key.high != key->high))
		statement = statement->chain;
	return statement != NULL;
}

struct statement *cache_statement_new(const struct sqlkey *key)
{
	struct statement *statement = calloc(1, sizeof(*statement));

	CHECK(statement);
	statement->key = *key;
	statement->references = 1;
	statement->query = "";
	arena_init(&statement->arena);
	return statement;
}

void cache_insert(struct cache *cache, struct statement *statement)
{
	struct statement **bucket = bucket_of(cache, &statement->key);

	for (const struct statement *other = *bucket; other; other = other->chain)
		CHECK(other->key.low != statement->key.low || other->key.high != statement->key.high);
	statement->chain = *bucket;
	*bucket = cache_ref(statement);
	link_newest(cache, statement);
	cache->count++;
	cache->bytes += bytes_of(statement);
	/* One statement may be larger than the whole ceiling: then it stands alone until the next comes. */
	while (cache->oldest != statement &&
	       (cache->count > LIMIT_CACHE_STATEMENTS || cache->bytes > LIMIT_CACHE_BYTES)) {
		evict(cache, cache->oldest);
		cache->evictions++;
	}
}

struct statement *cache_readings_new(struct statement *const *readings, uint16_t count)
{
	CHECK(count > 0);
	struct statement *statement = cache_statement_new(&readings[0]->key);
	statement->fingerprint = readings[0]->fingerprint;
	statement->query = readings[0]->query;
	statement->facts = readings[0]->facts;
	statement->statement_count = readings[0]->statement_count;
	statement->opaque = readings[0]->opaque;
	statement->readings = malloc(count * sizeof statement->readings[0]);
	CHECK(statement->readings != NULL);
	statement->reading_count = count;
	for (uint16_t at = 0; at < count; at++) {
		CHECK(readings[at]->reading_count == 0);
		statement->readings[at] = readings[at];
		statement->wants_parameters |= readings[at]->wants_parameters;
		statement->has_ddl |= readings[at]->has_ddl;
		statement->stores_documents |= readings[at]->stores_documents;
		statement->stores_parameters |= readings[at]->stores_parameters;
	}
	return statement;
}

struct statement *cache_ref(struct statement *statement)
{
	CHECK(statement->references > 0 && statement->references < UINT32_MAX);
	statement->references++;
	return statement;
}

void cache_unref(struct statement *statement)
{
	if (!statement)
		return;
	CHECK(statement->references > 0);
	if (--statement->references > 0)
		return;
	if (statement->verdict) {
		verdict_fini(statement->verdict);
		free(statement->verdict);
	}
	for (uint16_t at = 0; at < statement->reading_count; at++)
		cache_unref(statement->readings[at]);
	free(statement->readings);
	arena_fini(&statement->arena);
	free(statement);
}

static struct statement **bucket_of(const struct cache *cache, const struct sqlkey *key)
{
	return &cache->buckets[key->low & (cache->bucket_count - 1)];
}

static void link_newest(struct cache *cache, struct statement *statement)
{
	statement->newer = NULL;
	statement->older = cache->newest;
	if (cache->newest)
		cache->newest->newer = statement;
	else
		cache->oldest = statement;
	cache->newest = statement;
}

static void unlink_from(struct cache *cache, struct statement *statement)
{
	*(statement->newer ? &statement->newer->older : &cache->newest) = statement->older;
	*(statement->older ? &statement->older->newer : &cache->oldest) = statement->newer;
	statement->newer = statement->older = NULL;
}

static void evict(struct cache *cache, struct statement *statement)
{
	struct statement **link = bucket_of(cache, &statement->key);

	while (*link != statement)
		link = &(*link)->chain;
	*link = statement->chain;
	statement->chain = NULL;
	unlink_from(cache, statement);
	cache->count--;
	cache->bytes -= bytes_of(statement);
	cache_unref(statement);
}

/* Does not change while a statement is in the cache: its verdict, which comes later, is counted from the start,
 * without the texts of its findings, which few have. */
static size_t bytes_of(const struct statement *statement)
{
	return sizeof(*statement) + sizeof(struct verdict) + statement->arena.bytes;
}
