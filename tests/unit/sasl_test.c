#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/sasl.h"

#include <string.h>

/* An offer's body: the code and names, each with a zero; `len` counts all of it. */
#define BODY(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static const struct bytes BOTH = BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
static const struct bytes PLAIN = BODY("\0\0\0\12SCRAM-SHA-256\0\0");

static void expect_edit(struct bytes body, struct bytes expected)
{
	/* Each from memory of its own, so that AddressSanitizer sees a step beyond either. */
	uint8_t *from = malloc(body.len + 1), *to = malloc(body.len + 1);
	memcpy(from, body.data, body.len);
	uint8_t *exact = realloc(from, body.len ? body.len : 1);
	size_t len = sasl_without_binding((struct bytes){exact, body.len}, to, body.len);
	assert_int_equal(len, expected.len);
	assert_memory_equal(to, expected.data, len);
	free(exact);
	free(to);
}

static void test_takes_out_what_binds(void **state)
{
	/* SCRAM-SHA-256-PLUS goes wherever it stands; the rest keeps its order. */
	(void)state;
	expect_edit(BOTH, PLAIN);
	expect_edit(BODY("\0\0\0\12SCRAM-SHA-256\0SCRAM-SHA-256-PLUS\0\0"), PLAIN);
	expect_edit(BODY("\0\0\0\12A\0SCRAM-SHA-512-PLUS\0SCRAM-SHA-256-PLUS\0OAUTHBEARER\0\0"),
	            BODY("\0\0\0\12A\0OAUTHBEARER\0\0"));
	assert_true(sasl_offers_binding(BOTH));
}

static void test_leaves_the_rest(void **state)
{
	/* What is no offer, offers nothing to take out or nothing else, or is malformed, stays byte for byte. */
	(void)state;
	static const struct bytes bodies[] = {
	    BODY("\0\0\0\12SCRAM-SHA-256\0\0"),
	    BODY("\0\0\0\12-PLUS\0\0"),
	    BODY("\0\0\0\12\0"),
	    BODY("\0\0\0\12SCRAM-SHA-256-PLUSS\0\0"),
	    BODY("\0\0\0\0"),
	    BODY("\0\0\0\13SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
	    BODY("\0\0\0\5salt"),
	    BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0X\0"),
	    BODY(""),
	    BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0X\0\0tail"),
	};
	for (size_t at = 0; at < sizeof bodies / sizeof bodies[0]; at++) {
		expect_edit(bodies[at], bodies[at]);
		assert_false(sasl_offers_binding(bodies[at]));
	}
	/* Alone it stays, so that the client says itself what it lacks. */
	static const struct bytes alone = BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0\0");
	expect_edit(alone, alone);
	assert_true(sasl_offers_binding(alone));
}

static void test_every_cut(void **state)
{
	/* A part of an offer is no offer. */
	(void)state;
	for (size_t len = 0; len < BOTH.len; len++) {
		struct bytes part = {BOTH.data, len};
		expect_edit(part, part);
		assert_false(sasl_offers_binding(part));
	}
}

static void test_code(void **state)
{
	/* The code is the first four bytes; fewer are none. */
	(void)state;
	assert_int_equal(sasl_authentication_code(BOTH), 10);
	assert_int_equal(sasl_authentication_code(BODY("\0\0\0\0")), 0);
	assert_int_equal(sasl_authentication_code(BODY("\0\0\0")), -1);
	assert_int_equal(sasl_authentication_code(BODY("")), -1);
}

static void test_offers(void **state)
{
	/* By their whole name, in a whole list. */
	(void)state;
	assert_true(sasl_offers(BOTH, "SCRAM-SHA-256"));
	assert_true(sasl_offers(BOTH, "SCRAM-SHA-256-PLUS"));
	assert_true(sasl_offers(PLAIN, "SCRAM-SHA-256"));
	assert_false(sasl_offers(PLAIN, "SCRAM-SHA-256-PLUS"));
	assert_false(sasl_offers(BOTH, "SCRAM"));
	assert_false(sasl_offers(BOTH, ""));
	for (size_t len = 0; len < PLAIN.len; len++)
		assert_false(sasl_offers((struct bytes){PLAIN.data, len}, "SCRAM-SHA-256"));
}

static void test_initial_response(void **state)
{
	/* Mechanism and message; an absent message is not an empty one; cut anywhere, or with more behind it, it is
	 * none. */
	(void)state;
	static const struct bytes whole = BODY("SCRAM-SHA-256\0\0\0\0\3abc");
	struct sasl_initial initial;
	assert_true(sasl_read_initial(whole, &initial));
	assert_true(bytes_equal(initial.mechanism, "SCRAM-SHA-256"));
	assert_true(bytes_equal(initial.message, "abc"));
	assert_false(initial.absent);
	assert_true(sasl_read_initial(BODY("X\0\0\0\0\0"), &initial));
	assert_false(initial.absent);
	assert_true(sasl_read_initial(BODY("X\0\xff\xff\xff\xff"), &initial));
	assert_true(initial.absent);
	for (size_t len = 0; len < whole.len; len++)
		assert_false(sasl_read_initial((struct bytes){whole.data, len}, &initial));
	assert_false(sasl_read_initial(BODY("X\0\0\0\0\1ab"), &initial));
	assert_false(sasl_read_initial(BODY("X\0\xff\xff\xff\xfe"), &initial));
	assert_false(sasl_read_initial(BODY("X\0\xff\xff\xff\xff"
	                                    "a"),
	                               &initial));
	assert_false(sasl_read_initial(BODY("X\0\x7f\xff\xff\xff"), &initial));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_takes_out_what_binds),
	    cmocka_unit_test(test_leaves_the_rest),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_code),
	    cmocka_unit_test(test_offers),
	    cmocka_unit_test(test_initial_response),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
