#include "protocol/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* Fields come out big-endian, in order, and the reader ends exactly at the end. */
static void test_fields_in_order(void **state)
{
	(void)state;
	struct bytes body = LITERAL("\xfe\x12\x34\x89\xab\xcd\xef\xff\xff\xff\xfename\0rest");
	struct bytes_reader reader = bytes_reader_of(guard_copy(body.data, body.len));
	assert_int_equal(bytes_left(&reader), body.len);
	assert_int_equal(bytes_read_u8(&reader), 0xfe);
	assert_int_equal(bytes_read_u16(&reader), 0x1234);
	assert_int_equal(bytes_read_u32(&reader), 0x89abcdef);
	assert_int_equal(bytes_read_i32(&reader), -2);
	assert_true(bytes_equal(bytes_read_string(&reader), "name"));
	assert_int_equal(bytes_left(&reader), 4);
	assert_true(bytes_equal(bytes_read(&reader, 4), "rest"));
	assert_int_equal(bytes_left(&reader), 0);
	assert_false(reader.failed);
}

/* A field that does not fit yields zero, fails the reader, and takes nothing; later reads yield zero even where they
 * would fit. */
static void test_failure_is_remembered(void **state)
{
	(void)state;
	struct bytes body = LITERAL("\1\2\3");
	for (size_t kind = 0; kind < 3; kind++) {
		struct bytes_reader reader = bytes_reader_of(guard_copy(body.data, body.len));
		if (kind == 0)
			assert_int_equal(bytes_read_u32(&reader), 0);
		else if (kind == 1)
			assert_int_equal(bytes_read(&reader, SIZE_MAX).len, 0);
		else
			assert_int_equal(bytes_read_string(&reader).len, 0);
		assert_true(reader.failed);
		assert_int_equal(bytes_left(&reader), 3);
		assert_int_equal(bytes_read_u8(&reader), 0);
		assert_int_equal(bytes_read_u16(&reader), 0);
		assert_int_equal(bytes_read_i32(&reader), 0);
		assert_int_equal(bytes_read(&reader, 1).len, 0);
		assert_int_equal(bytes_read_string(&reader).len, 0);
		assert_true(reader.failed);
	}
}

/* Each width fails on every shorter input without reading past it. */
static void test_every_truncation(void **state)
{
	(void)state;
	static const uint8_t zeros[4] = {1, 1, 1, 1};
	for (size_t len = 0; len < 4; len++) {
		struct bytes_reader reader = bytes_reader_of(guard_copy(zeros, len));
		bytes_read_u32(&reader);
		assert_true(reader.failed);
		reader = bytes_reader_of(guard_copy(zeros, len));
		bytes_read_u16(&reader);
		assert_int_equal(reader.failed, len < 2);
		reader = bytes_reader_of(guard_copy(zeros, len));
		bytes_read_u8(&reader);
		assert_int_equal(reader.failed, len < 1);
		reader = bytes_reader_of(guard_copy(zeros, len));
		bytes_read_string(&reader);
		assert_true(reader.failed);
	}
}

/* An empty view, NULL included, is read as empty: nothing to read is no failure, wanting something is. */
static void test_empty_view(void **state)
{
	(void)state;
	struct bytes_reader reader = bytes_reader_of((struct bytes){NULL, 0});
	assert_int_equal(bytes_left(&reader), 0);
	assert_int_equal(bytes_read(&reader, 0).len, 0);
	assert_false(reader.failed);
	bytes_read_string(&reader);
	assert_true(reader.failed);
}

/* An empty string is a string: its zero byte is consumed. */
static void test_empty_string(void **state)
{
	(void)state;
	struct bytes body = LITERAL("\0x");
	struct bytes_reader reader = bytes_reader_of(body);
	struct bytes text = bytes_read_string(&reader);
	assert_false(reader.failed);
	assert_int_equal(text.len, 0);
	assert_int_equal(bytes_left(&reader), 1);
}

/* Equality is of all bytes: no prefix, no longer text, no zero byte passes. */
static void test_equal(void **state)
{
	(void)state;
	assert_true(bytes_equal(LITERAL("user"), "user"));
	assert_true(bytes_equal((struct bytes){NULL, 0}, ""));
	assert_false(bytes_equal(LITERAL("user"), "use"));
	assert_false(bytes_equal(LITERAL("use"), "user"));
	assert_false(bytes_equal(LITERAL("User"), "user"));
	assert_false(bytes_equal(LITERAL("user\0"), "user"));
	assert_false(bytes_equal((struct bytes){NULL, 0}, "user"));
}

/* Words are big-endian at any alignment, and put is get's inverse. */
static void test_words(void **state)
{
	(void)state;
	static const uint32_t values[] = {0, 1, 0x80, 0x12345678, 0x7fffffff, 0x80000000, 0xffffffff};
	uint8_t area[12];
	for (size_t offset = 0; offset < 8; offset++) {
		for (size_t index = 0; index < sizeof values / sizeof values[0]; index++) {
			bytes_put_u32(area + offset, values[index]);
			assert_int_equal(bytes_get_u32(area + offset), values[index]);
			assert_int_equal(area[offset], values[index] >> 24);
			assert_int_equal(area[offset + 3], values[index] & 0xff);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields_in_order),
	    cmocka_unit_test(test_failure_is_remembered),
	    cmocka_unit_test(test_every_truncation),
	    cmocka_unit_test(test_empty_view),
	    cmocka_unit_test(test_empty_string),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
