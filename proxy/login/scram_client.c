#include "proxy/login/scram_client.h"

#include "proxy/login/proof.h"

#include <stdio.h>
#include <string.h>

static struct proof_messages scram_client_messages(const struct scram_client *client);

void scram_client_init(struct scram_client *client, char flag, struct bytes binding)
{
	CHECK(binding.len <= sizeof client->binding);
	*client = (struct scram_client){.flag = flag, .binding_len = binding.len};
	if (binding.len > 0)
		memcpy(client->binding, binding.data, binding.len);
	proof_nonce(client->nonce);
}

size_t scram_client_first(struct scram_client *client, char *to, size_t size)
{
	/* The name is the start-up packet's: PostgreSQL ignores this one. */
	int len = snprintf(client->first, sizeof client->first, "n=,r=%s", client->nonce);
	CHECK(len > 0 && (size_t)len < sizeof client->first);
	client->first_len = (size_t)len;
	len = snprintf(to, size, "%s%s", scram_header(client->flag), client->first);
	CHECK(len > 0 && (size_t)len < size);
	return (size_t)len;
}

bool scram_client_challenged(struct scram_client *client, struct bytes message)
{
	if (message.len == 0 || message.len > sizeof client->server_first)
		return false;
	memcpy(client->server_first, message.data, message.len);
	client->server_first_len = message.len;
	const struct bytes own = {(const uint8_t *)client->nonce, strlen(client->nonce)};
	return scram_read_server_first((struct bytes){client->server_first, message.len}, own, &client->challenge);
}

bool scram_client_fits(const struct scram_client *client, const struct scram_verifier *verifier)
{
	const struct scram_server_first *challenge = &client->challenge;
	return challenge->iterations == verifier->iterations && challenge->salt_len == verifier->salt_len &&
	       memcmp(challenge->salt, verifier->salt, verifier->salt_len) == 0;
}

size_t scram_client_final(struct scram_client *client, const uint8_t client_key[SCRAM_KEY_BYTES], char *to, size_t size)
{
	char binding[256], proof_text[SCRAM_KEY_CHARACTERS + 3];
	scram_write_binding(binding, sizeof binding, client->flag,
	                    (struct bytes){client->binding, client->binding_len});
	const struct bytes nonce = client->challenge.nonce;
	int len = snprintf(client->final, sizeof client->final, "c=%s,r=%.*s", binding, (int)nonce.len,
	                   (const char *)nonce.data);
	CHECK(len > 0 && (size_t)len < sizeof client->final);
	client->final_len = (size_t)len;
	uint8_t proof[SCRAM_KEY_BYTES];
	const struct proof_messages messages = scram_client_messages(client);
	proof_make(client_key, &messages, proof);
	scram_write_key(proof_text, sizeof proof_text, 'p', proof);
	len = snprintf(to, size, "%s,%s", client->final, proof_text);
	CHECK(len > 0 && (size_t)len < size);
	return (size_t)len;
}

bool scram_client_confirmed(const struct scram_client *client, const uint8_t server_key[SCRAM_KEY_BYTES],
                            struct bytes message)
{
	uint8_t signature[SCRAM_KEY_BYTES], expected[SCRAM_KEY_BYTES];
	if (!scram_read_server_final(message, signature))
		return false;
	const struct proof_messages messages = scram_client_messages(client);
	proof_sign(server_key, &messages, expected);
	return proof_equal(signature, expected);
}

static struct proof_messages scram_client_messages(const struct scram_client *client)
{
	return (struct proof_messages){
	    .client_first = {(const uint8_t *)client->first, client->first_len},
	    .server_first = {client->server_first, client->server_first_len},
	    .client_final = {(const uint8_t *)client->final, client->final_len},
	};
}
