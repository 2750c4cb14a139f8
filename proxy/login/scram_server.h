/* One log-in by SCRAM in which pgproctor is the server: what PostgreSQL does in libpq/auth-scram.c, with one result
 * more, the ClientKey. Messages in, messages out; the wire is authentication.h's. */
#ifndef PGPROCTOR_PROXY_SCRAM_SERVER_H
#define PGPROCTOR_PROXY_SCRAM_SERVER_H

#include "protocol/scram.h"

/* Holds keys: scram_server_wipe when it is over. */
struct scram_server {
	struct scram_verifier verifier;
	bool doomed;  /* the verifier is a mock: no proof is right, and nothing tells the client before its proof is */
	bool offered; /* SCRAM-SHA-256-PLUS too */
	char flag;    /* the client's, see scram.h */
	char nonce[64]; /* our part of it; a terminated string */
	uint8_t binding[SCRAM_BINDING_BYTES_MAX];
	size_t binding_len;
	/* What is signed of the messages so far. */
	uint8_t client_first[SCRAM_MESSAGE_BYTES_MAX];
	size_t client_first_len, client_nonce_at, client_nonce_len;
	char server_first[2 * SCRAM_MESSAGE_BYTES_MAX];
	size_t server_first_len;
	uint8_t client_key[SCRAM_KEY_BYTES]; /* after SCRAM_SERVER_PROVEN */
};

enum scram_server_result {
	SCRAM_SERVER_GOES_ON, /* `answer` is to be sent */
	SCRAM_SERVER_PROVEN,  /* the client knows the password; `answer` is to be sent when it may come in */
	SCRAM_SERVER_FAILED,  /* it doesn't */
	SCRAM_SERVER_REFUSED, /* its message is refused: see `refusal` */
};

struct scram_server_step {
	enum scram_server_result result;
	const struct scram_refusal *refusal;
	char answer[2 * SCRAM_MESSAGE_BYTES_MAX]; /* terminated */
	size_t answer_len;
};

/* `binding`: the hash of the certificate that the client saw, empty where it can't bind to one. */
void scram_server_init(struct scram_server *server, const struct scram_verifier *verifier, bool doomed,
                       struct bytes binding);
/* The client-first-message, by the mechanism that the client has chosen. */
void scram_server_first(struct scram_server *server, struct bytes mechanism, struct bytes message,
                        struct scram_server_step *step);
void scram_server_final(struct scram_server *server, struct bytes message, struct scram_server_step *step);
void scram_server_wipe(struct scram_server *server);

#endif
