#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/base64.h"
#include "tests/unit/guard.h"

#include <string.h>

static void test_the_rfcs_words(void **state)
{
	/* RFC 4648, section 10, both ways. */
	static const char *const pairs[][2] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		const char *plain = pairs[at][0], *text = pairs[at][1];
		char encoded[16];
		uint8_t decoded[16];
		size_t len;
		assert_int_equal(base64_encode(encoded, BASE64_CHARACTERS(strlen(plain)), plain, strlen(plain)),
		                 strlen(text));
		assert_memory_equal(encoded, text, strlen(text));
		assert_true(base64_decode(guard_copy(text, strlen(text)), decoded, strlen(plain), &len));
		assert_int_equal(len, strlen(plain));
		assert_memory_equal(decoded, plain, len);
	}
}

static void test_every_byte_and_length(void **state)
{
	/* What was encoded is decoded to itself, and not into less room. */
	(void)state;
	uint8_t data[256], decoded[256];
	char text[BASE64_CHARACTERS(256)];
	for (size_t at = 0; at < sizeof data; at++)
		data[at] = (uint8_t)(at * 7 + 3);
	for (size_t len = 0; len <= sizeof data; len++) {
		size_t written = base64_encode(text, sizeof text, data, len), back;
		assert_int_equal(written, BASE64_CHARACTERS(len));
		struct bytes view = guard_copy(text, written);
		assert_true(base64_decode(view, decoded, len, &back));
		assert_int_equal(back, len);
		assert_memory_equal(decoded, data, len);
		if (len > 0)
			assert_false(base64_decode(view, decoded, len - 1, &back));
	}
}

static void test_what_is_none(void **state)
{
	/* Odd lengths, padding anywhere but at the end, more than two of it, blanks, other alphabets. */
	static const char *const texts[] = {"Z",    "Zg",       "Zg=",   "Zm9vY",    "====",   "Z===", "=Zg=",
	                                    "Z=g=", "Zg==Zg==", "Zm9\n", " Zm9vYg=", "Zm9v\n", "Zm-_"};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		uint8_t decoded[16];
		size_t len;
		if (base64_decode(guard_copy(texts[at], strlen(texts[at])), decoded, sizeof decoded, &len))
			fail_msg("decoded: %s", texts[at]);
	}
	for (unsigned byte = 0; byte < 256; byte++) {
		const uint8_t text[] = {'A', (uint8_t)byte, 'A', 'A'};
		uint8_t decoded[3];
		size_t len;
		bool known =
		    byte != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", (int)byte);
		assert_int_equal(base64_decode(guard_copy(text, sizeof text), decoded, sizeof decoded, &len), known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_rfcs_words),
	    cmocka_unit_test(test_every_byte_and_length),
	    cmocka_unit_test(test_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
