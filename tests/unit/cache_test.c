#include "inspect/cache.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static struct sqlkey key_of(uint64_t number)
{
	return (struct sqlkey){.low = number, .high = ~number};
}

/* The new statement's reference is handed to the cache. */
static void put(struct cache *cache, uint64_t number, size_t bytes)
{
	struct sqlkey key = key_of(number);
	struct statement *statement = cache_statement_new(&key);

	if (bytes)
		(void)arena_alloc(&statement->arena, bytes);
	cache_insert(cache, statement);
	cache_unref(statement);
}

static bool has(struct cache *cache, uint64_t number)
{
	struct sqlkey key = key_of(number);
	const struct statement *statement = cache_find(cache, &key);

	if (statement)
		assert_int_equal(statement->key.low, number);
	return statement != NULL;
}

/* What was put in is found by its whole key, and hits and misses are counted. */
static void statements_are_found_by_their_key(void **state)
{
	struct sqlkey one = key_of(1), other = {.low = 1, .high = 1};
	struct cache cache;

	(void)state;
	cache_init(&cache);
	put(&cache, 1, 100);
	put(&cache, 1 + LIMIT_CACHE_STATEMENTS, 100); /* the same bucket */
	assert_true(has(&cache, 1));
	assert_true(has(&cache, 1 + LIMIT_CACHE_STATEMENTS));
	assert_false(has(&cache, 2));
	assert_true(cache_has(&cache, &one));
	assert_false(cache_has(&cache, &other));
	assert_null(cache_find(&cache, &other));
	assert_int_equal(cache.hits, 2);
	assert_int_equal(cache.misses, 2);
	assert_int_equal(cache_count(&cache), 2);
	cache_fini(&cache);
}

/* When it is full the least recently used one goes, and only that. */
static void the_least_recently_used_goes_first(void **state)
{
	struct cache cache;

	(void)state;
	cache_init(&cache);
	for (uint64_t number = 0; number < LIMIT_CACHE_STATEMENTS; number++)
		put(&cache, number, 0);
	assert_int_equal(cache.evictions, 0);
	assert_true(has(&cache, 0)); /* used: now 1 is the oldest */
	put(&cache, LIMIT_CACHE_STATEMENTS, 0);
	assert_int_equal(cache.evictions, 1);
	assert_int_equal(cache_count(&cache), LIMIT_CACHE_STATEMENTS);
	assert_true(has(&cache, 0));
	assert_false(has(&cache, 1));
	assert_true(has(&cache, 2));
	cache_fini(&cache);
}

/* Bytes are bounded too, and come back to nothing; one that is too large is not kept. */
static void bytes_are_bounded(void **state)
{
	struct cache cache;

	(void)state;
	cache_init(&cache);
	for (uint64_t number = 0; number < 200; number++) {
		put(&cache, number, LIMIT_CACHE_BYTES / 100);
		assert_true(cache_bytes(&cache) <= LIMIT_CACHE_BYTES);
	}
	assert_in_range(cache_count(&cache), 50, 100);
	assert_true(has(&cache, 199));
	assert_false(has(&cache, 0));
	put(&cache, 1000, LIMIT_CACHE_BYTES / 4);
	assert_false(has(&cache, 1000));
	assert_true(has(&cache, 199));
	cache_fini(&cache);
	assert_int_equal(cache_bytes(&cache), 0);
}

/* A statement that a session holds outlives its eviction and the cache. */
static void references_outlive_the_cache(void **state)
{
	struct sqlkey key = key_of(7);
	struct statement *held = cache_statement_new(&key);
	struct cache cache;

	(void)state;
	cache_init(&cache);
	held->query = arena_text(&held->arena, "SELECT $1");
	struct verdict verdict;
	verdict_init(&verdict);
	(void)verdict_next(&verdict);
	(void)verdicts_once(&held->verdicts, &verdict);
	cache_insert(&cache, held);
	assert_int_equal(held->references, 2);
	for (uint64_t number = 8; number < 50; number++)
		put(&cache, number, LIMIT_CACHE_BYTES / 20);
	assert_int_equal(held->references, 1);
	assert_false(has(&cache, 7));
	cache_insert(&cache, held); /* it may come back */
	assert_true(has(&cache, 7));
	cache_fini(&cache);
	assert_int_equal(held->references, 1);
	assert_string_equal(held->query, "SELECT $1");
	assert_ptr_equal(cache_ref(held), held);
	cache_unref(held);
	cache_unref(held);
	cache_unref(NULL);
}

/* What has come twice outlives any number of texts that come once. */
static void one_off_texts_do_not_flush_it(void **state)
{
	struct cache cache;

	(void)state;
	cache_init(&cache);
	for (uint64_t number = 0; number < 100; number++)
		put(&cache, number, 100);
	for (uint64_t number = 0; number < 50; number++)
		assert_true(has(&cache, number));
	for (uint64_t number = 1000; number < 1000 + 3 * LIMIT_CACHE_STATEMENTS; number++)
		put(&cache, number, 0);
	for (uint64_t number = 0; number < 100; number++)
		assert_int_equal(has(&cache, number), number < 50);
	cache_fini(&cache);
}

/* A list in order of use, the newest first. */
struct list {
	uint64_t numbers[64];
	size_t count;
};

static bool list_take(struct list *list, uint64_t number)
{
	size_t at = 0;

	while (at < list->count && list->numbers[at] != number)
		at++;
	if (at == list->count)
		return false;
	memmove(list->numbers + at, list->numbers + at + 1, (--list->count - at) * sizeof(*list->numbers));
	return true;
}

static void list_add(struct list *list, uint64_t number)
{
	memmove(list->numbers + 1, list->numbers, list->count++ * sizeof(*list->numbers));
	list->numbers[0] = number;
}

/* Ten thousand random steps against two plain lists in order of use. */
static void it_agrees_with_plain_lists(void **state)
{
	enum { KEYS = 40, STEPS = 10000 };
	uint64_t random = 88172645463325252;
	size_t bytes = LIMIT_CACHE_BYTES / 20, own = 0, most_proven;
	struct list probation = {.count = 0}, proven = {.count = 0};
	struct cache cache;

	(void)state;
	cache_init(&cache);
	for (int step = 0; step < STEPS; step++) {
		uint64_t number;
		bool known;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* Some come often. */
		number = random % 3 ? random / 3 % (KEYS / 2) : random / 3 % KEYS;
		known = list_take(&probation, number) || list_take(&proven, number);
		assert_int_equal(has(&cache, number), known);
		if (!known) {
			put(&cache, number, bytes);
			own = own ? own : cache_bytes(&cache);
			list_add(&probation, number);
			while (probation.count + proven.count > LIMIT_CACHE_BYTES / own)
				probation.count--;
		} else {
			most_proven = LIMIT_CACHE_BYTES / 8 * 7 / own;
			list_add(&proven, number);
			if (proven.count > most_proven)
				list_add(&probation, proven.numbers[--proven.count]);
		}
		assert_int_equal(cache.probation.count, probation.count);
		assert_int_equal(cache.proven.count, proven.count);
		if (probation.count > 0) {
			assert_int_equal(cache.probation.newest->key.low, probation.numbers[0]);
			assert_int_equal(cache.probation.oldest->key.low, probation.numbers[probation.count - 1]);
		}
		if (proven.count > 0) {
			assert_int_equal(cache.proven.newest->key.low, proven.numbers[0]);
			assert_int_equal(cache.proven.oldest->key.low, proven.numbers[proven.count - 1]);
		}
	}
	assert_true(proven.count > 5 && probation.count > 1);
	cache_fini(&cache);
}

/* Several readings of one text are one statement, that shows the first of them and holds all. */
static void readings_are_held_together(void **state)
{
	struct sqlkey keys[] = {key_of(1), key_of(2)};
	struct statement *readings[] = {cache_statement_new(&keys[0]), cache_statement_new(&keys[1])};
	struct statement *all;

	(void)state;
	readings[0]->query = "SELECT $1";
	readings[1]->query = "DROP TABLE t";
	readings[1]->has_ddl = true;
	readings[1]->wants_parameters = true;
	(void)cache_ref(readings[1]);
	all = cache_readings_new(readings, 2);
	assert_int_equal(all->reading_count, 2);
	assert_string_equal(all->query, "SELECT $1");
	assert_true(all->has_ddl);
	assert_true(all->wants_parameters);
	assert_false(readings[0]->has_ddl);
	cache_unref(all);
	assert_int_equal(readings[1]->references, 1);
	cache_unref(readings[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statements_are_found_by_their_key),
	    cmocka_unit_test(the_least_recently_used_goes_first),
	    cmocka_unit_test(bytes_are_bounded),
	    cmocka_unit_test(references_outlive_the_cache),
	    cmocka_unit_test(one_off_texts_do_not_flush_it),
	    cmocka_unit_test(it_agrees_with_plain_lists),
	    cmocka_unit_test(readings_are_held_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
