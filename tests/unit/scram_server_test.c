#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/scram_server.h"

#include <string.h>

#define VIEW(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})
#define OWN "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define NONCE "rOprNGfwEbeRWgbNEkqO" OWN
#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
static const struct bytes secret = VIEW("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                                        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                                        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
static const struct bytes nothing = {NULL, 0};
static const struct bytes hash = VIEW("01234567890123456789012345678901");

static struct scram_server server;
static struct scram_server_step step;

/* With the nonce of RFC 7677, section 3. */
static void begin(bool doomed, struct bytes binding)
{
	struct scram_verifier verifier;
	assert_int_equal(scram_read_secret(secret, &verifier), SCRAM_SECRET_VERIFIER);
	scram_server_init(&server, &verifier, doomed, binding);
	assert_int_equal(strlen(server.nonce), SCRAM_NONCE_CHARACTERS);
	memcpy(server.nonce, OWN, sizeof OWN);
}

static void first(struct bytes mechanism, struct bytes message, enum scram_server_result expected)
{
	scram_server_first(&server, mechanism, message, &step);
	assert_int_equal(step.result, expected);
}

static void final(struct bytes message, enum scram_server_result expected)
{
	scram_server_final(&server, message, &step);
	assert_int_equal(step.result, expected);
}

static void test_the_rfcs_example(void **state)
{
	/* RFC 7677, section 3, word for word, and the ClientKey. */
	(void)state;
	begin(false, nothing);
	first(VIEW("SCRAM-SHA-256"), VIEW(FIRST), SCRAM_SERVER_GOES_ON);
	assert_string_equal(step.answer, "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	final(VIEW("c=biws,r=" NONCE ",p=" PROOF), SCRAM_SERVER_PROVEN);
	assert_string_equal(step.answer, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	char text[SCRAM_KEY_CHARACTERS + 1] = "";
	base64_encode(text, sizeof text, server.client_key, SCRAM_KEY_BYTES);
	assert_string_equal(text, "pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos=");
}

static void test_who_is_doomed(void **state)
{
	/* The same challenge, and even the right proof is wrong; no signature is given away. */
	(void)state;
	begin(true, nothing);
	first(VIEW("SCRAM-SHA-256"), VIEW(FIRST), SCRAM_SERVER_GOES_ON);
	assert_string_equal(step.answer, "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	final(VIEW("c=biws,r=" NONCE ",p=" PROOF), SCRAM_SERVER_FAILED);
	assert_int_equal(step.answer_len, 0);
}

static void test_a_wrong_proof(void **state)
{
	/* Fails, and gives no signature. */
	(void)state;
	begin(false, nothing);
	first(VIEW("SCRAM-SHA-256"), VIEW(FIRST), SCRAM_SERVER_GOES_ON);
	final(VIEW("c=biws,r=" NONCE ",p=DHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SCRAM_SERVER_FAILED);
	assert_int_equal(step.answer_len, 0);
}

static void test_nonces_that_are_not_this_log_ins(void **state)
{
	/* Another one, half of one, and one that goes on. */
	static const struct bytes finals[] = {
	    VIEW("c=biws,r=rOprNGfwEbeRWgbNEkqO,p=" PROOF),
	    VIEW("c=biws,r=" OWN ",p=" PROOF),
	    VIEW("c=biws,r=" NONCE "x,p=" PROOF),
	    VIEW("c=biws,r=rOprNGfwEbeRWgbNEkqP" OWN ",p=" PROOF),
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(finals); at++) {
		begin(false, nothing);
		first(VIEW("SCRAM-SHA-256"), VIEW(FIRST), SCRAM_SERVER_GOES_ON);
		final(finals[at], SCRAM_SERVER_REFUSED);
		assert_ptr_equal(step.refusal, &scram_wrong_nonce);
	}
}

static void test_mechanisms(void **state)
{
	/* PLUS only where there is something to bind to; nothing else at all. */
	(void)state;
	begin(false, nothing);
	first(VIEW("SCRAM-SHA-256-PLUS"), VIEW("p=tls-server-end-point,,n=,r=abc"), SCRAM_SERVER_REFUSED);
	assert_ptr_equal(step.refusal, &scram_wrong_mechanism);
	first(VIEW("SCRAM-SHA-1"), VIEW(FIRST), SCRAM_SERVER_REFUSED);
	first(VIEW(""), VIEW(FIRST), SCRAM_SERVER_REFUSED);
	begin(false, hash);
	first(VIEW("SCRAM-SHA-256-PLUS"), VIEW("p=tls-server-end-point,,n=,r=abc"), SCRAM_SERVER_GOES_ON);
	begin(false, hash);
	first(VIEW("SCRAM-SHA-256"), VIEW(FIRST), SCRAM_SERVER_GOES_ON);
}

static void test_downgrades(void **state)
{
	/* Who could bind and saw no offer is told, where there was one; who saw it and binds to another certificate
	 * too. */
	(void)state;
	begin(false, hash);
	first(VIEW("SCRAM-SHA-256"), VIEW("y,,n=,r=abc"), SCRAM_SERVER_REFUSED);
	assert_string_equal(step.refusal->sqlstate, "28000");
	begin(false, nothing);
	first(VIEW("SCRAM-SHA-256"), VIEW("y,,n=,r=abc"), SCRAM_SERVER_GOES_ON);
	final(VIEW("c=eSws,r=abc" OWN ",p=" PROOF), SCRAM_SERVER_FAILED);
	begin(false, hash);
	first(VIEW("SCRAM-SHA-256-PLUS"), VIEW("p=tls-server-end-point,,n=,r=abc"), SCRAM_SERVER_GOES_ON);
	final(VIEW("c=biws,r=abc" OWN ",p=" PROOF), SCRAM_SERVER_REFUSED);
	assert_string_equal(step.refusal->message, "SCRAM channel binding check failed");
}

static void test_the_longest_messages(void **state)
{
	/* As long as the wire allows: no room is too small, and nothing of it aborts. */
	(void)state;
	static uint8_t message[SCRAM_MESSAGE_BYTES_MAX];
	memset(message, 'a', sizeof message);
	memcpy(message, "n,,n=,r=", 8);
	begin(false, hash);
	first(VIEW("SCRAM-SHA-256"), (struct bytes){message, sizeof message}, SCRAM_SERVER_GOES_ON);
	assert_true(step.answer_len > sizeof message);
	memset(message, 'a', sizeof message);
	memcpy(message, "c=biws,r=", 9);
	memcpy(message + sizeof message - 3 - SCRAM_KEY_CHARACTERS, ",p=" PROOF, 3 + SCRAM_KEY_CHARACTERS);
	final((struct bytes){message, sizeof message}, SCRAM_SERVER_REFUSED);
	assert_ptr_equal(step.refusal, &scram_wrong_nonce);
}

static void test_wiping(void **state)
{
	/* Nothing of it stays. */
	(void)state;
	static const struct scram_server empty;
	begin(false, hash);
	scram_server_wipe(&server);
	assert_memory_equal(&server, &empty, sizeof server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_rfcs_example),     cmocka_unit_test(test_who_is_doomed),
	    cmocka_unit_test(test_a_wrong_proof),        cmocka_unit_test(test_nonces_that_are_not_this_log_ins),
	    cmocka_unit_test(test_mechanisms),           cmocka_unit_test(test_downgrades),
	    cmocka_unit_test(test_the_longest_messages), cmocka_unit_test(test_wiping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
