#include "protocol/names.h"

#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* Something to point at. */
static char values[LIMIT_NAMES_PER_SESSION + 16];

/* PostgreSQL keeps 63 bytes of a name, so names that differ only later are the same; only the empty one is unnamed. */
static void test_hash(void **state)
{
	(void)state;
	char name[80];
	memset(name, 'n', sizeof name);
	uint64_t whole = names_hash(guard_copy(name, 63));
	assert_true(names_hash(guard_copy(name, 64)) == whole);
	assert_true(names_hash(guard_copy(name, 80)) == whole);
	assert_true(names_hash(guard_copy(name, 62)) != whole);
	name[62] = 'x';
	assert_true(names_hash(guard_copy(name, 63)) != whole);
	assert_true(names_hash((struct bytes){NULL, 0}) == NAMES_UNNAMED);
	for (size_t len = 1; len <= sizeof name; len++)
		assert_true(names_hash(guard_copy(name, len)) != NAMES_UNNAMED);
	assert_true(names_hash(LITERAL("S_1")) != names_hash(LITERAL("s_1")));
}

/* Put returns what it replaces, take what it removes, and a name of one space is none of the other's. */
static void test_put_get_take(void **state)
{
	(void)state;
	static const uint64_t keys[] = {NAMES_UNNAMED, 1, UINT64_MAX};
	for (size_t index = 0; index < ARRAY_LEN(keys); index++) {
		uint64_t name = keys[index];
		struct names names;
		names_init(&names);
		assert_null(names_get(&names, NAMES_STATEMENT, name));
		assert_null(names_take(&names, NAMES_STATEMENT, name));
		assert_null(names_put(&names, NAMES_STATEMENT, name, &values[0]));
		assert_ptr_equal(names_get(&names, NAMES_STATEMENT, name), &values[0]);
		assert_null(names_get(&names, NAMES_PORTAL, name));
		assert_null(names_put(&names, NAMES_PORTAL, name, &values[1]));
		assert_ptr_equal(names_put(&names, NAMES_STATEMENT, name, &values[2]), &values[0]);
		assert_ptr_equal(names_take(&names, NAMES_STATEMENT, name), &values[2]);
		assert_null(names_get(&names, NAMES_STATEMENT, name));
		assert_null(names_take(&names, NAMES_STATEMENT, name));
		assert_ptr_equal(names_get(&names, NAMES_PORTAL, name), &values[1]);
		assert_ptr_equal(names_take_any(&names, NAMES_PORTAL), &values[1]);
		assert_null(names_take_any(&names, NAMES_PORTAL));
		names_fini(&names);
	}
}

/* Emptying one space takes each of its values once, the unnamed one last, and leaves the other space alone. */
static void test_take_any(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	static bool seen[COUNT];
	struct names names;
	names_init(&names);
	for (size_t index = 0; index < COUNT; index++) {
		uint64_t name = index == 0 ? NAMES_UNNAMED : index * UINT64_C(0x9e3779b97f4a7c15);
		assert_null(names_put(&names, NAMES_PORTAL, name, &values[index]));
		if (index < 20)
			assert_null(names_put(&names, NAMES_STATEMENT, name, &values[COUNT + index]));
	}
	for (size_t taken = 0; taken < COUNT; taken++) {
		char *value = names_take_any(&names, NAMES_PORTAL);
		assert_non_null(value);
		size_t index = (size_t)(value - values);
		assert_true(index < COUNT);
		assert_false(seen[index]);
		seen[index] = true;
		assert_int_equal(index == 0, taken == COUNT - 1);
	}
	assert_null(names_take_any(&names, NAMES_PORTAL));
	for (size_t index = 1; index < 20; index++)
		assert_ptr_equal(names_get(&names, NAMES_STATEMENT, index * UINT64_C(0x9e3779b97f4a7c15)),
		                 &values[COUNT + index]);
	while (names_take_any(&names, NAMES_STATEMENT) != NULL) {
	}
	names_fini(&names);
}

/* At the limit a new name comes back and is not kept; replacing a known one and the unnamed one still work. */
static void test_limit(void **state)
{
	(void)state;
	struct names names;
	names_init(&names);
	for (uint64_t name = 1; name <= LIMIT_NAMES_PER_SESSION; name++)
		assert_null(names_put(&names, name % 2 == 0 ? NAMES_STATEMENT : NAMES_PORTAL, name, &values[name]));
	for (int space = NAMES_STATEMENT; space <= NAMES_PORTAL; space++) {
		uint64_t further = LIMIT_NAMES_PER_SESSION + 1;
		assert_ptr_equal(names_put(&names, space, further, &values[0]), &values[0]);
		assert_null(names_get(&names, space, further));
		assert_null(names_put(&names, space, NAMES_UNNAMED, &values[0]));
	}
	assert_ptr_equal(names_put(&names, NAMES_STATEMENT, 2, &values[0]), &values[2]);
	assert_ptr_equal(names_take(&names, NAMES_STATEMENT, 2), &values[0]);
	assert_null(names_put(&names, NAMES_PORTAL, LIMIT_NAMES_PER_SESSION + 2, &values[0]));
	names_fini(&names);
}

/* Ten thousand random calls agree with a plain array, with names that collide and runs that wrap around the table's
 * end. */
static void test_against_array(void **state)
{
	(void)state;
	enum { NAMES = 48 };
	uint64_t seed = 0x6e616d65;
	for (int table = 0; table < 50; table++) {
		struct names names;
		void *expected[2][NAMES] = {0};
		names_init(&names);
		for (int call = 0; call < 10000; call++) {
			/* Few different low bits, and those at the end of any table: long runs, many collisions. */
			uint64_t index = guard_random(&seed) % NAMES;
			uint64_t name = index == 0 ? NAMES_UNNAMED : index << 32 | (UINT32_MAX - index % 5);
			enum names_space space = guard_random(&seed) % 2 == 0 ? NAMES_STATEMENT : NAMES_PORTAL;
			void **kept = &expected[space][index];
			switch (guard_random(&seed) % 8) {
			case 0:
			case 1:
			case 2: {
				void *value = &values[guard_random(&seed) % sizeof values];
				assert_ptr_equal(names_put(&names, space, name, value), *kept);
				*kept = value;
				break;
			}
			case 3:
			case 4:
				assert_ptr_equal(names_take(&names, space, name), *kept);
				*kept = NULL;
				break;
			case 5: {
				if (guard_random(&seed) % 8 != 0)
					break;
				void *value = names_take_any(&names, space);
				bool found = value == NULL;
				for (size_t at = 0; at < NAMES && !found; at++) {
					uint64_t other = at == 0 ? NAMES_UNNAMED : at << 32 | (UINT32_MAX - at % 5);
					if (expected[space][at] == value && names_get(&names, space, other) == NULL) {
						expected[space][at] = NULL;
						found = true;
					}
				}
				assert_true(found);
				break;
			}
			default:
				assert_ptr_equal(names_get(&names, space, name), *kept);
			}
		}
		for (int space = NAMES_STATEMENT; space <= NAMES_PORTAL; space++) {
			size_t left = 0, taken = 0;
			for (size_t at = 0; at < NAMES; at++)
				left += expected[space][at] != NULL;
			while (names_take_any(&names, space) != NULL)
				taken++;
			assert_int_equal(taken, left);
		}
		names_fini(&names);
	}
}

/* An emptied large table gives its memory back. */
static void test_emptied_table_is_freed(void **state)
{
	(void)state;
	struct names names;
	names_init(&names);
	for (uint64_t name = 1; name <= 1000; name++)
		assert_null(names_put(&names, NAMES_PORTAL, name, &values[name]));
	assert_non_null(names.tables[NAMES_PORTAL].slots);
	for (uint64_t name = 1; name <= 1000; name++)
		assert_ptr_equal(names_take(&names, NAMES_PORTAL, name), &values[name]);
	assert_null(names.tables[NAMES_PORTAL].slots);
	assert_null(names_put(&names, NAMES_PORTAL, 1, &values[1]));
	assert_ptr_equal(names_take_any(&names, NAMES_PORTAL), &values[1]);
	names_fini(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hash),          cmocka_unit_test(test_put_get_take),
	    cmocka_unit_test(test_take_any),      cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_against_array), cmocka_unit_test(test_emptied_table_is_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
