#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/buffer.h"

#include <string.h>

static void test_appends_in_order(void **state)
{
	/* What is put in piece by piece comes out as one, across every doubling. */
	(void)state;
	struct buffer buffer = {0};
	for (unsigned at = 0; at < 5000; at++) {
		uint8_t byte = (uint8_t)(at * 7);
		buffer_put(&buffer, &byte, 1, 5000);
	}
	assert_int_equal(buffer.len, 5000);
	for (unsigned at = 0; at < 5000; at++)
		assert_int_equal(buffer.data[at], (uint8_t)(at * 7));
	buffer_free(&buffer);
}

static void test_holds_nothing_when_empty(void **state)
{
	/* An idle session must hold no memory: freeing gives all of it back, and an empty piece takes none in vain. */
	(void)state;
	struct buffer buffer = {0};
	buffer_put(&buffer, NULL, 0, 10);
	assert_int_equal(buffer.len, 0);
	assert_null(buffer.data);
	buffer_put(&buffer, "abc", 3, 10);
	buffer_free(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.capacity, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_appends_in_order),
	    cmocka_unit_test(test_holds_nothing_when_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
