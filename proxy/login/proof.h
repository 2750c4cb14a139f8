/* The arithmetic of SCRAM-SHA-256 (RFC 5802, section 3), as far as it goes without a password:
 *
 *      ClientSignature = HMAC(StoredKey, AuthMessage)        StoredKey = H(ClientKey)
 *      ClientProof     = ClientKey XOR ClientSignature
 *      ServerSignature = HMAC(ServerKey, AuthMessage)
 *
 * Who holds the StoredKey and sees a proof that is right therefore learns the ClientKey, with which it can make a proof
 * for somebody else. */
#ifndef PGPROCTOR_PROXY_PROOF_H
#define PGPROCTOR_PROXY_PROOF_H

#include "protocol/scram.h"

/* The three messages that are signed, joined by commas, as far as they have been said. */
struct proof_messages {
	struct bytes client_first; /* without its header */
	struct bytes server_first;
	struct bytes client_final; /* without its proof */
};

/* Whether the proof is right; then `client_key` is what made it, else unspecified. Takes as long either way. */
MUST_USE bool proof_check(const uint8_t stored_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                          const uint8_t proof[SCRAM_KEY_BYTES], uint8_t client_key[SCRAM_KEY_BYTES]);
void proof_make(const uint8_t client_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                uint8_t proof[SCRAM_KEY_BYTES]);
void proof_sign(const uint8_t server_key[SCRAM_KEY_BYTES], const struct proof_messages *messages,
                uint8_t signature[SCRAM_KEY_BYTES]);
/* In the same time wherever they differ. */
MUST_USE bool proof_equal(const uint8_t a[SCRAM_KEY_BYTES], const uint8_t b[SCRAM_KEY_BYTES]);
/* A new nonce: zero-terminated base64. */
void proof_nonce(char nonce[SCRAM_NONCE_CHARACTERS + 1]);
/* A verifier for a name that has none: with the same secret always the same one, and no password fits. */
void proof_mock(const uint8_t secret[SCRAM_KEY_BYTES], const char *name, struct scram_verifier *verifier);
void proof_random(void *to, size_t len);
/* Overwrites in a way that the compiler doesn't leave out. */
void proof_wipe(void *memory, size_t len);

#endif
