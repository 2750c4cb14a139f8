#include "inspect/cache.h"

#include <string.h>

static_assert((LIMIT_CACHE_STATEMENTS & (LIMIT_CACHE_STATEMENTS - 1)) == 0, "the bucket mask needs a power of two");

enum {
	PROVEN_STATEMENTS = LIMIT_CACHE_STATEMENTS / 8 * 7,
	PROVEN_BYTES = LIMIT_CACHE_BYTES / 8 * 7,
};

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
	while (cache->probation.oldest)
		evict(cache, cache->probation.oldest);
	while (cache->proven.oldest)
		evict(cache, cache->proven.oldest);
	CHECK(cache_count(cache) == 0 && cache_bytes(cache) == 0);
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
	if (cache->proven.newest != statement) {
		unlink_from(cache, statement);
		statement->proven = true;
		link_newest(cache, statement);
		while (cache->proven.count > PROVEN_STATEMENTS || cache->proven.bytes > PROVEN_BYTES) {
			struct statement *demoted = cache->proven.oldest;

			unlink_from(cache, demoted);
			demoted->proven = false;
			link_newest(cache, demoted);
		}
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
	if (bytes_of(statement) > LIMIT_CACHE_BYTES - PROVEN_BYTES)
		return;
	statement->chain = *bucket;
	*bucket = cache_ref(statement);
	statement->proven = false;
	link_newest(cache, statement);
	/* The new one alone fits what is left beside the proven, so it never has to go for itself. */
	while (cache_count(cache) > LIMIT_CACHE_STATEMENTS || cache_bytes(cache) > LIMIT_CACHE_BYTES) {
		CHECK(cache->probation.oldest != statement);
		evict(cache, cache->probation.oldest);
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
		shape_wants_join(&statement->wants, &readings[at]->wants, SHAPE_WANT_ALL);
		statement->wants_parameters |= readings[at]->wants_parameters;
		statement->has_ddl |= readings[at]->has_ddl;
		statement->executes |= readings[at]->executes;
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
	verdicts_fini(&statement->verdicts);
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

static struct cache_segment *segment_of(struct cache *cache, const struct statement *statement)
{
	return statement->proven ? &cache->proven : &cache->probation;
}

static void link_newest(struct cache *cache, struct statement *statement)
{
	struct cache_segment *segment = segment_of(cache, statement);

	statement->newer = NULL;
	statement->older = segment->newest;
	if (segment->newest)
		segment->newest->newer = statement;
	else
		segment->oldest = statement;
	segment->newest = statement;
	segment->count++;
	segment->bytes += bytes_of(statement);
}

static void unlink_from(struct cache *cache, struct statement *statement)
{
	struct cache_segment *segment = segment_of(cache, statement);

	*(statement->newer ? &statement->newer->older : &segment->newest) = statement->older;
	*(statement->older ? &statement->older->newer : &segment->oldest) = statement->newer;
	statement->newer = statement->older = NULL;
	segment->count--;
	segment->bytes -= bytes_of(statement);
}

static void evict(struct cache *cache, struct statement *statement)
{
	struct statement **link = bucket_of(cache, &statement->key);

	while (*link != statement)
		link = &(*link)->chain;
	*link = statement->chain;
	statement->chain = NULL;
	unlink_from(cache, statement);
	cache_unref(statement);
}

/* Does not change while a statement is in the cache: its verdicts, which come later, are counted from the start,
 * without their findings, which few have. */
static size_t bytes_of(const struct statement *statement)
{
	return sizeof(*statement) + verdicts_bytes(&statement->wants) + statement->arena.bytes;
}
