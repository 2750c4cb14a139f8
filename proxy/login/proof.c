#include "proxy/login/proof.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

enum {
	/* What a password's verifier has in PostgreSQL: SCRAM_DEFAULT_SALT_LEN, SCRAM_SHA_256_DEFAULT_ITERATIONS. */
	PROOF_SALT_BYTES = 16,
	PROOF_ITERATIONS = 4096,
	/* Each of the messages is at most SCRAM_MESSAGE_BYTES_MAX, the server's has a nonce of ours, salt and count. */
	PROOF_MESSAGES_BYTES_MAX = 4 * SCRAM_MESSAGE_BYTES_MAX,
};

static void proof_hmac(const uint8_t key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                       uint8_t to[SCRAM_KEY_BYTES]);
static void proof_hash(const void *data, size_t len, uint8_t to[SCRAM_KEY_BYTES]);

bool proof_check(const uint8_t stored_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                 const uint8_t proof[SCRAM_KEY_BYTES], uint8_t client_key[SCRAM_KEY_BYTES])
{
	uint8_t signature[SCRAM_KEY_BYTES], hashed[SCRAM_KEY_BYTES];
	proof_hmac(stored_key, messages, signature);
	for (size_t at = 0; at < SCRAM_KEY_BYTES; at++)
		client_key[at] = proof[at] ^ signature[at];
	proof_hash(client_key, SCRAM_KEY_BYTES, hashed);
	return proof_equal(hashed, stored_key);
}

void proof_make(const uint8_t client_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                uint8_t proof[SCRAM_KEY_BYTES])
{
	uint8_t stored_key[SCRAM_KEY_BYTES], signature[SCRAM_KEY_BYTES];
	proof_hash(client_key, SCRAM_KEY_BYTES, stored_key);
	proof_hmac(stored_key, messages, signature);
	for (size_t at = 0; at < SCRAM_KEY_BYTES; at++)
		proof[at] = client_key[at] ^ signature[at];
	/* With the proof, which anybody may have seen, it gives the key away. */
	proof_wipe(signature, sizeof signature);
}

void proof_sign(const uint8_t server_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                uint8_t signature[SCRAM_KEY_BYTES])
{
	proof_hmac(server_key, messages, signature);
}

bool proof_equal(const uint8_t a[SCRAM_KEY_BYTES], const uint8_t b[SCRAM_KEY_BYTES])
{
	return CRYPTO_memcmp(a, b, SCRAM_KEY_BYTES) == 0;
}

void proof_nonce(char nonce[SCRAM_NONCE_CHARACTERS + 1])
{
	uint8_t raw[SCRAM_NONCE_BYTES];
	proof_random(raw, sizeof raw);
	nonce[base64_encode(nonce, SCRAM_NONCE_CHARACTERS, raw, sizeof raw)] = '\0';
}

void proof_mock(const uint8_t secret[SCRAM_KEY_BYTES], const char *name, struct scram_verifier *verifier)
{
	uint8_t salt[SCRAM_KEY_BYTES];
	const struct proof_messages messages = {.client_first = {(const uint8_t *)name, strlen(name)}};
	static_assert(PROOF_SALT_BYTES <= sizeof salt, "a hash is long enough");
	proof_hmac(secret, &messages, salt);
	*verifier = (struct scram_verifier){.iterations = PROOF_ITERATIONS, .salt_len = PROOF_SALT_BYTES};
	memcpy(verifier->salt, salt, PROOF_SALT_BYTES);
	proof_random(verifier->stored_key, sizeof verifier->stored_key);
	proof_random(verifier->server_key, sizeof verifier->server_key);
}

void proof_random(void *to, size_t len)
{
	CHECK(RAND_bytes(to, (int)len) == 1);
}

void proof_wipe(void *memory, size_t len)
{
	OPENSSL_cleanse(memory, len);
}

static void proof_hmac(const uint8_t key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                       uint8_t to[SCRAM_KEY_BYTES])
{
	const struct bytes parts[] = {messages->client_first, messages->server_first, messages->client_final};
	uint8_t joined[PROOF_MESSAGES_BYTES_MAX];
	size_t len = 0;
	unsigned written = 0;
	for (size_t at = 0; at < ARRAY_LEN(parts); at++) {
		CHECK(len + parts[at].len < sizeof joined);
		if (at > 0)
			joined[len++] = ',';
		if (parts[at].len > 0)
			memcpy(joined + len, parts[at].data, parts[at].len);
		len += parts[at].len;
	}
	CHECK(HMAC(EVP_sha256(), key, SCRAM_KEY_BYTES, joined, len, to, &written) && written == SCRAM_KEY_BYTES);
}

static void proof_hash(const void *data, size_t len, uint8_t to[SCRAM_KEY_BYTES])
{
	unsigned written = 0;
	CHECK(EVP_Digest(data, len, to, &written, EVP_sha256(), NULL) == 1 && written == SCRAM_KEY_BYTES);
}
