#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/scram.h"
#include "tests/unit/guard.h"

#include <stdio.h>
#include <string.h>

/* RFC 7677, section 3: the password "pencil". */
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define STORED "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
static const char secret[] = "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER;
static const char client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char server_first[] = "r=" NONCE ",s=" SALT ",i=4096";
static const char client_final[] = "c=biws,r=" NONCE ",p=" PROOF;
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct bytes guarded(const char *text)
{
	return guard_copy(text, strlen(text));
}

static void expect_refused(const struct scram_refusal *refusal, const char *sqlstate, const char *message)
{
	assert_non_null(refusal);
	assert_string_equal(refusal->sqlstate, sqlstate);
	assert_string_equal(refusal->message, message);
}

static void test_a_verifier(void **state)
{
	/* As PostgreSQL writes it. */
	(void)state;
	struct scram_verifier verifier;
	assert_int_equal(scram_read_secret(guarded(secret), &verifier), SCRAM_SECRET_VERIFIER);
	assert_int_equal(verifier.iterations, 4096);
	assert_int_equal(verifier.salt_len, 16);
	assert_int_equal(verifier.salt[0], 0x5b);
	assert_int_equal(verifier.stored_key[0], 0x58);
	assert_int_equal(verifier.server_key[0], 0xc1);
}

static void test_what_is_no_verifier(void **state)
{
	/* Cut anywhere it is broken; without the whole prefix it is a password; md5 is told from both. */
	(void)state;
	struct scram_verifier verifier;
	for (size_t len = 0; len < sizeof secret - 1; len++)
		assert_int_equal(scram_read_secret(guard_copy(secret, len), &verifier),
		                 len < 14 ? SCRAM_SECRET_PLAIN : SCRAM_SECRET_BROKEN);
	static const struct {
		const char *text;
		enum scram_secret expected;
	} cases[] = {
	    {"md5d41d8cd98f00b204e9800998ecf8427e", SCRAM_SECRET_MD5},
	    {"md5d41d8cd98f00b204e9800998ecf8427E", SCRAM_SECRET_PLAIN},
	    {"md5d41d8cd98f00b204e9800998ecf8427", SCRAM_SECRET_PLAIN},
	    {"secret", SCRAM_SECRET_PLAIN},
	    {"SCRAM-SHA-256$0:" SALT "$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$-1:" SALT "$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$4294967297:" SALT "$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$99999999999999999999999:" SALT "$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$4096:$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$4096:" SALT "$" SALT ":" SERVER, SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER "x", SCRAM_SECRET_BROKEN},
	    {"SCRAM-SHA-256$4096:!" SALT "$" STORED ":" SERVER, SCRAM_SECRET_BROKEN},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		if (scram_read_secret(guarded(cases[at].text), &verifier) != cases[at].expected)
			fail_msg("not %d: %s", cases[at].expected, cases[at].text);
}

static void test_the_longest_salt(void **state)
{
	/* 64 bytes are taken, 66 not. */
	(void)state;
	char text[512], salt[128];
	struct scram_verifier verifier;
	for (size_t len = 63; len <= 66; len += 1) {
		uint8_t raw[66] = {1};
		salt[base64_encode(salt, sizeof salt, raw, len)] = 0;
		snprintf(text, sizeof text, "SCRAM-SHA-256$4096:%s$" STORED ":" SERVER, salt);
		assert_int_equal(scram_read_secret(guarded(text), &verifier),
		                 len <= SCRAM_SALT_BYTES_MAX ? SCRAM_SECRET_VERIFIER : SCRAM_SECRET_BROKEN);
	}
}

static void test_client_first(void **state)
{
	/* The three flags, and the header that belongs to each. */
	static const struct {
		const char *text;
		bool plus, offered;
		const char *header;
	} cases[] = {
	    {"n,,n=user,r=abc", false, false, "n,,"},
	    {"n,,n=,r=abc", false, true, "n,,"},
	    {"y,,n=,r=abc", false, false, "y,,"},
	    {"p=tls-server-end-point,,n=,r=abc", true, true, "p=tls-server-end-point,,"},
	    {"n,,n=,r=abc,x=extension,y=", false, false, "n,,"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct scram_client_first first;
		struct bytes message = guarded(cases[at].text);
		assert_null(scram_read_client_first(message, cases[at].plus, cases[at].offered, &first));
		assert_int_equal(first.flag, cases[at].header[0]);
		assert_true(bytes_equal(first.header, cases[at].header));
		assert_true(bytes_equal(first.nonce, "abc"));
		assert_ptr_equal(first.bare.data, message.data + first.header.len);
		assert_int_equal(first.bare.len, message.len - first.header.len);
		assert_string_equal(scram_header(first.flag), cases[at].header);
	}
}

static void test_client_first_refused(void **state)
{
	/* With PostgreSQL's SQLSTATE and message. */
	static const char malformed[] = "malformed SCRAM message";
	static const struct {
		const char *text;
		bool plus, offered;
		const char *sqlstate, *message;
	} cases[] = {
	    {"", false, false, "08P01", malformed},
	    {"x,,n=,r=abc", false, false, "08P01", malformed},
	    {"n", false, false, "08P01", malformed},
	    {"n,", false, false, "08P01", malformed},
	    {"nx,n=,r=abc", false, false, "08P01", malformed},
	    {"n,x,n=,r=abc", false, false, "08P01", malformed},
	    {"n,,", false, false, "08P01", malformed},
	    {"n,,r=abc", false, false, "08P01", malformed},
	    {"n,,n=,", false, false, "08P01", malformed},
	    {"n,,n=,r", false, false, "08P01", malformed},
	    {"n,,n=,rabc", false, false, "08P01", malformed},
	    {"n,,n=,r=abc,1=2", false, false, "08P01", malformed},
	    {"n,,n=,r=abc,x", false, false, "08P01", malformed},
	    {"n,,n=,r=a bc", false, false, "08P01", "non-printable characters in SCRAM nonce"},
	    {"n,,n=,r=a\x80", false, false, "08P01", "non-printable characters in SCRAM nonce"},
	    {"n,a=bob,n=,r=abc", false, false, "0A000", "client uses authorization identity, but it is not supported"},
	    {"n,,m=x,n=,r=abc", false, false, "0A000", "client requires an unsupported SCRAM extension"},
	    {"p=tls-server-end-point,,n=,r=abc", false, false, "08P01", malformed},
	    {"p=tls-server-end-point,,n=,r=abc", false, true, "08P01", malformed},
	    {"p=tls-unique,,n=,r=abc", true, true, "08P01", "unsupported SCRAM channel-binding type"},
	    {"p", true, true, "08P01", malformed},
	    {"p=", true, true, "08P01", "unsupported SCRAM channel-binding type"},
	    {"n,,n=,r=abc", true, true, "08P01", malformed},
	    {"y,,n=,r=abc", true, true, "08P01", malformed},
	    {"y,,n=,r=abc", false, true, "28000", "SCRAM channel binding negotiation error"},
	};
	(void)state;
	struct scram_client_first first;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		expect_refused(
		    scram_read_client_first(guarded(cases[at].text), cases[at].plus, cases[at].offered, &first),
		    cases[at].sqlstate, cases[at].message);
	expect_refused(scram_read_client_first(LITERAL("n,,n=,r=a\0c"), false, false, &first), "08P01", malformed);
}

static void test_client_final(void **state)
{
	/* What is signed ends before the proof's comma, also behind an extension. */
	(void)state;
	struct scram_client_final final;
	assert_null(scram_read_client_final(guarded(client_final), &final));
	assert_true(bytes_equal(final.nonce, NONCE));
	assert_true(bytes_equal(final.unproven, "c=biws,r=" NONCE));
	assert_int_equal(final.proof[0], 0x74);
	assert_null(scram_check_binding(&final, 'n', (struct bytes){NULL, 0}));
	assert_null(scram_read_client_final(guarded("c=eSws,r=abc,x=y,p=" PROOF), &final));
	assert_true(bytes_equal(final.unproven, "c=eSws,r=abc,x=y"));
	assert_null(scram_check_binding(&final, 'y', (struct bytes){NULL, 0}));
}

static void test_client_final_refused(void **state)
{
	/* Cut anywhere, and otherwise wrong. */
	static const char *const texts[] = {
	    "c=biws,r=abc,p=",
	    "c=biws,r=abc,p=AAAA",
	    "c=biws,r=abc,p=" PROOF ",x=y",
	    "c=biws,p=" PROOF,
	    "r=abc,c=biws,p=" PROOF,
	    "c=biws,r=abc,p" PROOF,
	    "c=biws,r=abc,p=" PROOF "=",
	    "c=biws,r=abc,9=x,p=" PROOF,
	    "c=biws,r=abc,p=" PROOF PROOF,
	    "n,,n=,r=abc",
	};
	(void)state;
	struct scram_client_final final;
	for (size_t len = 0; len < sizeof client_final - 1; len++)
		expect_refused(scram_read_client_final(guard_copy(client_final, len), &final), "08P01",
		               "malformed SCRAM message");
	for (size_t at = 0; at < ARRAY_LEN(texts); at++)
		expect_refused(scram_read_client_final(guarded(texts[at]), &final), "08P01", "malformed SCRAM message");
	expect_refused(scram_read_client_final(LITERAL("c=biws,r=a\0c,p=" PROOF), &final), "08P01",
	               "malformed SCRAM message");
}

static void test_binding(void **state)
{
	/* Under 'p' the certificate's hash counts, under the others the header alone. */
	(void)state;
	uint8_t raw[32];
	for (size_t at = 0; at < sizeof raw; at++)
		raw[at] = (uint8_t)at;
	const struct bytes hash = {raw, sizeof raw};
	char text[128];
	scram_write_binding(text, sizeof text, 'p', hash);
	assert_string_equal(text, "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	struct scram_client_final final = {.binding = {(uint8_t *)text, strlen(text)}};
	assert_null(scram_check_binding(&final, 'p', hash));
	expect_refused(scram_check_binding(&final, 'n', hash), "08P01",
	               "unexpected SCRAM channel-binding attribute in client-final-message");
	raw[31]++;
	expect_refused(scram_check_binding(&final, 'p', hash), "28000", "SCRAM channel binding check failed");
	final.binding = LITERAL("biws");
	expect_refused(scram_check_binding(&final, 'p', hash), "28000", "SCRAM channel binding check failed");
	expect_refused(scram_check_binding(&final, 'y', hash), "08P01",
	               "unexpected SCRAM channel-binding attribute in client-final-message");
}

static void test_server_first(void **state)
{
	/* Read back as it was written; the nonce has to be the client's, and more. */
	(void)state;
	struct scram_verifier verifier;
	struct scram_server_first first;
	char text[256];
	assert_int_equal(scram_read_secret(guarded(secret), &verifier), SCRAM_SECRET_VERIFIER);
	size_t len = scram_write_server_first(text, sizeof text, LITERAL("rOprNGfwEbeRWgbNEkqO"),
	                                      "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", &verifier);
	assert_string_equal(text, server_first);
	assert_true(scram_read_server_first(guard_copy(text, len), LITERAL("rOprNGfwEbeRWgbNEkqO"), &first));
	assert_true(bytes_equal(first.nonce, NONCE));
	assert_int_equal(first.iterations, 4096);
	assert_int_equal(first.salt_len, verifier.salt_len);
	assert_memory_equal(first.salt, verifier.salt, first.salt_len);
	assert_false(scram_read_server_first(guard_copy(text, len), LITERAL("another"), &first));
	assert_false(scram_read_server_first(guard_copy(text, len), LITERAL(NONCE), &first));
	/* The count of iterations may be cut without anybody seeing it, what stands before it not. */
	for (size_t cut = 0; cut < len - 3; cut++)
		assert_false(scram_read_server_first(guard_copy(text, cut), LITERAL("rOprNGfwEbeRWgbNEkqO"), &first));
	static const char *const texts[] = {
	    "r=abcd,s=,i=4096",  "r=abcd,s=AAAA,i=0",     "r=abcd,s=AAAA,i=x", "r=abcd,s=AAAA,i=4096,x=y",
	    "s=AAAA,r=abcd,i=1", "m=x,r=abcd,s=AAAA,i=1", "r=abcd,s=AAA,i=1",  "e=other-error",
	};
	for (size_t at = 0; at < ARRAY_LEN(texts); at++)
		assert_false(scram_read_server_first(guarded(texts[at]), LITERAL("abc"), &first));
	assert_true(scram_read_server_first(guarded("r=abcd,s=AAAA,i=1"), LITERAL("abc"), &first));
}

static void test_server_final(void **state)
{
	/* A signature, whole and alone. */
	(void)state;
	uint8_t signature[SCRAM_KEY_BYTES];
	char text[128];
	assert_true(scram_read_server_final(guarded(server_final), signature));
	scram_write_key(text, sizeof text, 'v', signature);
	assert_string_equal(text, server_final);
	for (size_t len = 0; len < sizeof server_final - 1; len++)
		assert_false(scram_read_server_final(guard_copy(server_final, len), signature));
	assert_false(scram_read_server_final(guarded("e=invalid-proof"), signature));
	snprintf(text, sizeof text, "%s,x=y", server_final);
	assert_false(scram_read_server_final(guarded(text), signature));
}

static void test_every_cut_of_a_client_first(void **state)
{
	/* Nothing is read beyond its end. */
	(void)state;
	struct scram_client_first first;
	for (size_t len = 0; len < sizeof client_first - 1; len++) {
		const struct scram_refusal *refusal =
		    scram_read_client_first(guard_copy(client_first, len), false, false, &first);
		assert_int_equal(refusal == NULL, len >= strlen("n,,n=user,r="));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_verifier),
	    cmocka_unit_test(test_what_is_no_verifier),
	    cmocka_unit_test(test_the_longest_salt),
	    cmocka_unit_test(test_client_first),
	    cmocka_unit_test(test_client_first_refused),
	    cmocka_unit_test(test_client_final),
	    cmocka_unit_test(test_client_final_refused),
	    cmocka_unit_test(test_binding),
	    cmocka_unit_test(test_server_first),
	    cmocka_unit_test(test_server_final),
	    cmocka_unit_test(test_every_cut_of_a_client_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
