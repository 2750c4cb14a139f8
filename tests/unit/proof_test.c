#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/proof.h"

#include <string.h>

#define VIEW(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

/* RFC 7677, section 3; the keys are those of its password. */
static const struct proof_messages messages = {
    .client_first = VIEW("n=user,r=rOprNGfwEbeRWgbNEkqO"),
    .server_first = VIEW("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
    .client_final = VIEW("c=biws,r=" NONCE),
};
static const char client_key_text[] = "pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos=";
static const char stored_key_text[] = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";
static const char server_key_text[] = "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
static const char proof_text[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char signature_text[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static void key(const char *text, uint8_t to[SCRAM_KEY_BYTES])
{
	size_t len;
	assert_true(base64_decode((struct bytes){(const uint8_t *)text, strlen(text)}, to, SCRAM_KEY_BYTES, &len));
	assert_int_equal(len, SCRAM_KEY_BYTES);
}

static void test_the_rfcs_example(void **state)
{
	/* Its proof and its signature come out, and its proof gives the ClientKey away. */
	(void)state;
	uint8_t client_key[SCRAM_KEY_BYTES], stored_key[SCRAM_KEY_BYTES], server_key[SCRAM_KEY_BYTES];
	uint8_t proof[SCRAM_KEY_BYTES], expected[SCRAM_KEY_BYTES], found[SCRAM_KEY_BYTES];
	key(client_key_text, client_key);
	key(stored_key_text, stored_key);
	key(server_key_text, server_key);
	key(proof_text, expected);
	proof_make(client_key, &messages, proof);
	assert_memory_equal(proof, expected, sizeof proof);
	assert_true(proof_check(stored_key, &messages, proof, found));
	assert_memory_equal(found, client_key, sizeof found);
	key(signature_text, expected);
	proof_sign(server_key, &messages, found);
	assert_memory_equal(found, expected, sizeof found);
}

static void test_a_wrong_proof(void **state)
{
	/* A single bit, anywhere in the proof or in what is signed, is enough. */
	(void)state;
	uint8_t stored_key[SCRAM_KEY_BYTES], proof[SCRAM_KEY_BYTES], found[SCRAM_KEY_BYTES];
	key(stored_key_text, stored_key);
	key(proof_text, proof);
	for (size_t at = 0; at < SCRAM_KEY_BYTES * 8; at++) {
		proof[at / 8] ^= (uint8_t)(1u << at % 8);
		assert_false(proof_check(stored_key, &messages, proof, found));
		proof[at / 8] ^= (uint8_t)(1u << at % 8);
	}
	struct proof_messages other = messages;
	other.client_first = VIEW("n=user,r=rOprNGfwEbeRWgbNEkqP");
	assert_false(proof_check(stored_key, &other, proof, found));
	other = messages;
	other.client_final.len--;
	assert_false(proof_check(stored_key, &other, proof, found));
	assert_true(proof_check(stored_key, &messages, proof, found));
}

static void test_equal(void **state)
{
	/* Every byte counts. */
	(void)state;
	uint8_t a[SCRAM_KEY_BYTES] = {0}, b[SCRAM_KEY_BYTES] = {0};
	assert_true(proof_equal(a, b));
	for (size_t at = 0; at < SCRAM_KEY_BYTES; at++) {
		b[at] = 1;
		assert_false(proof_equal(a, b));
		b[at] = 0;
	}
}

static void test_nonces(void **state)
{
	/* Printable, of full length, and never the same. */
	(void)state;
	char one[SCRAM_NONCE_CHARACTERS + 1], other[SCRAM_NONCE_CHARACTERS + 1];
	proof_nonce(one);
	proof_nonce(other);
	assert_int_equal(strlen(one), SCRAM_NONCE_CHARACTERS);
	assert_string_not_equal(one, other);
	assert_null(strpbrk(one, ", ="));
}

static void test_mocks(void **state)
{
	/* One name, one salt; another name or another secret, another salt; the keys are no hash of anything. */
	(void)state;
	uint8_t secret[SCRAM_KEY_BYTES] = {1}, other[SCRAM_KEY_BYTES] = {2};
	struct scram_verifier anna, anna_again, bert, elsewhere;
	proof_mock(secret, "anna", &anna);
	proof_mock(secret, "anna", &anna_again);
	proof_mock(secret, "bert", &bert);
	proof_mock(other, "anna", &elsewhere);
	assert_int_equal(anna.iterations, 4096);
	assert_int_equal(anna.salt_len, 16);
	assert_memory_equal(anna.salt, anna_again.salt, 16);
	assert_memory_not_equal(anna.salt, bert.salt, 16);
	assert_memory_not_equal(anna.salt, elsewhere.salt, 16);
	assert_memory_not_equal(anna.stored_key, anna_again.stored_key, SCRAM_KEY_BYTES);
}

static void test_wiping(void **state)
{
	/* Nothing stays. */
	(void)state;
	char secret[] = "secret", zeros[sizeof secret] = {0};
	proof_wipe(secret, sizeof secret);
	assert_memory_equal(secret, zeros, sizeof secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_rfcs_example),
	    cmocka_unit_test(test_a_wrong_proof),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_nonces),
	    cmocka_unit_test(test_mocks),
	    cmocka_unit_test(test_wiping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
