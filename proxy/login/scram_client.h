/* One log-in by SCRAM in which pgproctor is the client, with a ClientKey in place of the password: what libpq does in
 * fe-auth-scram.c. Messages in, messages out; the wire is authentication.h's. */
#ifndef PGPROCTOR_PROXY_SCRAM_CLIENT_H
#define PGPROCTOR_PROXY_SCRAM_CLIENT_H

#include "protocol/scram.h"

struct scram_client {
	char flag;      /* see scram.h */
	char nonce[64]; /* our part of it; a terminated string */
	uint8_t binding[SCRAM_BINDING_BYTES_MAX];
	size_t binding_len;
	char first[SCRAM_MESSAGE_BYTES_MAX]; /* our first message's bare part */
	size_t first_len;
	uint8_t server_first[SCRAM_MESSAGE_BYTES_MAX];
	size_t server_first_len;
	struct scram_server_first challenge;     /* a view of that */
	char final[2 * SCRAM_MESSAGE_BYTES_MAX]; /* our last one, without its proof */
	size_t final_len;
};

/* `binding`: the hash of the server's certificate, under flag 'p'; else empty. */
void scram_client_init(struct scram_client *client, char flag, struct bytes binding);
/* The client-first-message, terminated; its length. */
size_t scram_client_first(struct scram_client *client, char *to, size_t size);
/* Takes the server-first-message. False when it is none, or none for us. */
MUST_USE bool scram_client_challenged(struct scram_client *client, struct bytes message);
/* The server asks for the password that this verifier was made of, as far as salt and iterations tell. */
bool scram_client_fits(const struct scram_client *client, const struct scram_verifier *verifier);
/* The client-final-message, terminated; its length. */
size_t scram_client_final(struct scram_client *client, const uint8_t client_key[SCRAM_KEY_BYTES], char *to,
                          size_t size);
/* Whether the server-final-message proves that the server has the verifier too. */
MUST_USE bool scram_client_confirmed(const struct scram_client *client, const uint8_t server_key[SCRAM_KEY_BYTES],
                                     struct bytes message);

#endif
