#include "config/utf8.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t encode(uint32_t point, char to[4])
{
	if (point < 0x80) {
		to[0] = (char)point;
		return 1;
	}
	size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t at = len - 1; at > 0; at--, point >>= 6)
		to[at] = (char)(0x80 | (point & 0x3F));
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	to[0] = (char)(lead[len] | point);
	return len;
}

/* Every code point is read back from its encoding, but the surrogates, which have none. */
static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x110000; point++) {
		char bytes[4];
		size_t taken, len = encode(point, bytes);
		uint32_t got = utf8_next(bytes, len, &taken);
		bool none = (point >= 0xD800 && point <= 0xDFFF) || point > 0x10FFFF;
		if (got != (none ? (uint32_t)UTF8_INVALID : point) || taken != (none ? 1 : len))
			fail_msg("U+%04X was read as U+%04X, %zu bytes", point, got, taken);
	}
}

/* A character that is cut off, or followed by none of its bytes, is invalid and takes one byte; no byte beyond the
 * length is looked at. */
static void cut_off(void **state)
{
	(void)state;
	static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t at = 0; at < ARRAY_LEN(characters); at++) {
		for (size_t len = 1; len < strlen(characters[at]); len++) {
			char *tight = malloc(len);
			size_t taken;
			assert_non_null(tight);
			memcpy(tight, characters[at], len);
			assert_int_equal(utf8_next(tight, len, &taken), UTF8_INVALID);
			assert_int_equal(taken, 1);
			free(tight);
			char broken[4] = "xxx";
			memcpy(broken, characters[at], len);
			assert_int_equal(utf8_next(broken, 4, &taken), UTF8_INVALID);
		}
	}
}

/* Overlong forms and bytes that never occur are invalid. */
static void invalid_bytes(void **state)
{
	(void)state;
	static const char *const texts[] = {"\x80xxx",          "\xbfxxx",       "\xc0\x80xx",
	                                    "\xc1\xbfxx",       "\xe0\x9f\xbfx", "\xf0\x8f\xbf\xbf",
	                                    "\xf5\x80\x80\x80", "\xfexxx",       "\xffxxx"};
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		size_t taken;
		assert_int_equal(utf8_next(texts[at], 4, &taken), UTF8_INVALID);
		assert_int_equal(taken, 1);
	}
}

/* What moves a cursor, breaks a line or reorders text is a control character; letters, blanks and accents are not. */
static void controls(void **state)
{
	(void)state;
	static const uint32_t bad[] = {0, '\n', 0x1b, 0x7f, 0x80, 0x9b, 0x200e, 0x2028, 0x202e, 0x2066, 0x2069, 0xfeff};
	static const uint32_t good[] = {' ', 'a', '~', 0xa0, 0xe9, 0x2026, 0x2027, 0x202f, 0x2065, 0xfffd, 0x1f600};
	for (size_t at = 0; at < ARRAY_LEN(bad); at++)
		assert_true(utf8_is_control(bad[at]));
	for (size_t at = 0; at < ARRAY_LEN(good); at++)
		assert_false(utf8_is_control(good[at]));
}

/* Width counts characters, an invalid byte as one. */
static void width(void **state)
{
	(void)state;
	assert_int_equal(utf8_width("", 0), 0);
	assert_int_equal(utf8_width("a\xc3\xa9\xe2\x80\xa6", 6), 3);
	assert_int_equal(utf8_width("\xff\xff", 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_point), cmocka_unit_test(cut_off), cmocka_unit_test(invalid_bytes),
	    cmocka_unit_test(controls),         cmocka_unit_test(width),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
