#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/trouble.h"

#include <pthread.h>

static void test_told_twice(void **state)
{
	/* When it begins and when it is over, with how many it has hit; and so again the next time. */
	(void)state;
	struct trouble trouble = {0};
	uint64_t hits = 77;
	assert_false(trouble_over(&trouble, &hits));
	assert_int_equal(hits, 77);
	for (int time = 0; time < 2; time++) {
		assert_false(trouble_is_on(&trouble));
		assert_true(trouble_hit(&trouble));
		assert_false(trouble_hit(&trouble));
		assert_false(trouble_hit(&trouble));
		assert_true(trouble_is_on(&trouble));
		assert_true(trouble_over(&trouble, &hits));
		assert_int_equal(hits, 3);
		assert_false(trouble_over(&trouble, &hits));
	}
}

enum { THREADS = 4, ROUNDS = 20000 };
static struct trouble shared;
static _Atomic uint64_t begun, ended, counted;

static void *hit_and_get_over(void *context)
{
	(void)context;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t hits;
		begun += trouble_hit(&shared);
		if (!trouble_over(&shared, &hits))
			continue;
		ended++;
		counted += hits;
	}
	return NULL;
}

static void test_between_threads(void **state)
{
	/* Whoever tells the end, each beginning has one, and each hit is counted once. */
	(void)state;
	pthread_t threads[THREADS];
	for (int at = 0; at < THREADS; at++)
		assert_int_equal(pthread_create(&threads[at], NULL, hit_and_get_over, NULL), 0);
	for (int at = 0; at < THREADS; at++)
		pthread_join(threads[at], NULL);
	uint64_t rest = 0;
	ended += trouble_over(&shared, &rest);
	assert_int_equal(begun, ended);
	assert_int_equal(counted + rest + atomic_load(&shared.hits), (uint64_t)THREADS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_told_twice),
	    cmocka_unit_test(test_between_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
