#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/scram_client.h"

#include <stdio.h>
#include <string.h>

#define VIEW(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
static const struct bytes secret = VIEW("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                                        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                                        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
static const struct bytes challenge = VIEW("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
static const struct bytes hash = VIEW("01234567890123456789012345678901");
static const struct bytes nothing = {NULL, 0};

static struct scram_client client;
static char message[2 * SCRAM_MESSAGE_BYTES_MAX];

static void client_key(uint8_t key[SCRAM_KEY_BYTES])
{
	size_t len;
	assert_true(base64_decode(VIEW("pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos="), key, SCRAM_KEY_BYTES, &len));
}

static void begin(char flag, struct bytes binding)
{
	scram_client_init(&client, flag, binding);
	assert_int_equal(strlen(client.nonce), SCRAM_NONCE_CHARACTERS);
	snprintf(client.nonce, sizeof client.nonce, "rOprNGfwEbeRWgbNEkqO");
}

static void test_the_rfcs_example(void **state)
{
	/* RFC 7677, section 3, by its ClientKey; the name is left out, as libpq leaves it out, so the proof is another.
	 */
	(void)state;
	struct scram_verifier verifier;
	uint8_t key[SCRAM_KEY_BYTES];
	client_key(key);
	assert_int_equal(scram_read_secret(secret, &verifier), SCRAM_SECRET_VERIFIER);
	begin('n', nothing);
	scram_client_first(&client, message, sizeof message);
	assert_string_equal(message, "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
	assert_true(scram_client_challenged(&client, challenge));
	assert_true(scram_client_fits(&client, &verifier));
	/* With the name the messages are the RFC's. */
	client.first_len = (size_t)snprintf(client.first, sizeof client.first, "n=user,r=rOprNGfwEbeRWgbNEkqO");
	scram_client_final(&client, key, message, sizeof message);
	assert_string_equal(message, "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
	assert_true(scram_client_confirmed(&client, verifier.server_key,
	                                   VIEW("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
}

static void test_a_server_that_does_not_know(void **state)
{
	/* A wrong signature, an error in its place, nothing: none confirms. */
	(void)state;
	struct scram_verifier verifier;
	uint8_t key[SCRAM_KEY_BYTES];
	client_key(key);
	assert_int_equal(scram_read_secret(secret, &verifier), SCRAM_SECRET_VERIFIER);
	begin('n', nothing);
	scram_client_first(&client, message, sizeof message);
	assert_true(scram_client_challenged(&client, challenge));
	scram_client_final(&client, key, message, sizeof message);
	assert_false(scram_client_confirmed(&client, verifier.server_key,
	                                    VIEW("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")));
	assert_false(scram_client_confirmed(&client, verifier.server_key, VIEW("e=invalid-proof")));
	assert_false(scram_client_confirmed(&client, verifier.server_key, nothing));
}

static void test_flags(void **state)
{
	/* Each announces itself in both messages; under 'p' the server's certificate is in the second. */
	static const struct {
		char flag;
		const char *first, *final;
	} cases[] = {
	    {'n', "n,,n=,r=rOpr", "c=biws,r="},
	    {'y', "y,,n=,r=rOpr", "c=eSws,r="},
	    {'p', "p=tls-server-end-point,,n=,r=rOpr",
	     "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,r="},
	};
	(void)state;
	uint8_t key[SCRAM_KEY_BYTES];
	client_key(key);
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		begin(cases[at].flag, cases[at].flag == 'p' ? hash : nothing);
		scram_client_first(&client, message, sizeof message);
		assert_memory_equal(message, cases[at].first, strlen(cases[at].first));
		assert_true(scram_client_challenged(&client, challenge));
		scram_client_final(&client, key, message, sizeof message);
		assert_memory_equal(message, cases[at].final, strlen(cases[at].final));
	}
}

static void test_challenges_that_are_none(void **state)
{
	/* Malformed, or by another log-in's nonce, or endless. */
	static const struct bytes challenges[] = {
	    {NULL, 0},
	    VIEW("e=unknown-user"),
	    VIEW("r=other,s=AAAA,i=4096"),
	    VIEW("r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096"),
	    VIEW("r=" NONCE ",s=AAAA"),
	};
	(void)state;
	static uint8_t endless[SCRAM_MESSAGE_BYTES_MAX + 1];
	memset(endless, 'a', sizeof endless);
	begin('n', nothing);
	for (size_t at = 0; at < ARRAY_LEN(challenges); at++)
		assert_false(scram_client_challenged(&client, challenges[at]));
	assert_false(scram_client_challenged(&client, (struct bytes){endless, sizeof endless}));
}

static void test_a_challenge_by_another_verifier(void **state)
{
	/* Another salt or another count tells that the server's password is another. */
	static const struct bytes challenges[] = {
	    VIEW("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096"),
	    VIEW("r=" NONCE ",s=X22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
	    VIEW("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6,i=4096"),
	    VIEW("r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4097"),
	};
	(void)state;
	struct scram_verifier verifier;
	assert_int_equal(scram_read_secret(secret, &verifier), SCRAM_SECRET_VERIFIER);
	for (size_t at = 0; at < ARRAY_LEN(challenges); at++) {
		begin('n', nothing);
		assert_true(scram_client_challenged(&client, challenges[at]));
		/* The bits that padding leaves over are nobody's. */
		assert_int_equal(scram_client_fits(&client, &verifier), at == 0);
	}
}

static void test_the_longest_challenge(void **state)
{
	/* Its nonce goes back whole. */
	(void)state;
	static char longest[SCRAM_MESSAGE_BYTES_MAX];
	static const char tail[] = ",s=AAAA,i=1";
	uint8_t key[SCRAM_KEY_BYTES];
	client_key(key);
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "r=rOprNGfwEbeRWgbNEkqO", 22);
	memcpy(longest + sizeof longest - (sizeof tail - 1), tail, sizeof tail - 1);
	begin('p', hash);
	scram_client_first(&client, message, sizeof message);
	assert_true(scram_client_challenged(&client, (struct bytes){(uint8_t *)longest, sizeof longest}));
	assert_true(scram_client_final(&client, key, message, sizeof message) > sizeof longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_rfcs_example),
	    cmocka_unit_test(test_a_server_that_does_not_know),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_challenges_that_are_none),
	    cmocka_unit_test(test_a_challenge_by_another_verifier),
	    cmocka_unit_test(test_the_longest_challenge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
