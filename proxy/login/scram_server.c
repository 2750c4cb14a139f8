#include "proxy/login/scram_server.h"

#include "proxy/login/proof.h"

#include <string.h>

static struct bytes scram_server_nonce(const struct scram_server *server);
static void scram_server_refuse(struct scram_server_step *step, const struct scram_refusal *refusal);

void scram_server_init(struct scram_server *server, const struct scram_verifier *verifier, bool doomed,
                       struct bytes binding)
{
	CHECK(binding.len <= sizeof server->binding);
	*server = (struct scram_server){.verifier = *verifier, .doomed = doomed, .offered = binding.len > 0};
	if (binding.len > 0)
		memcpy(server->binding, binding.data, binding.len);
	server->binding_len = binding.len;
	proof_nonce(server->nonce);
}

void scram_server_first(struct scram_server *server, struct bytes mechanism, struct bytes message,
                        struct scram_server_step *step)
{
	struct scram_client_first first;
	bool plus = server->offered && bytes_equal(mechanism, SCRAM_MECHANISM_PLUS);
	*step = (struct scram_server_step){.result = SCRAM_SERVER_GOES_ON};
	if (!plus && !bytes_equal(mechanism, SCRAM_MECHANISM)) {
		scram_server_refuse(step, &scram_wrong_mechanism);
		return;
	}
	CHECK(message.len <= sizeof server->client_first);
	const struct scram_refusal *refusal = scram_read_client_first(message, plus, server->offered, &first);
	if (refusal) {
		scram_server_refuse(step, refusal);
		return;
	}
	server->flag = first.flag;
	memcpy(server->client_first, first.bare.data, first.bare.len);
	server->client_first_len = first.bare.len;
	server->client_nonce_at = (size_t)(first.nonce.data - first.bare.data);
	server->client_nonce_len = first.nonce.len;
	server->server_first_len =
	    scram_write_server_first(server->server_first, sizeof server->server_first, scram_server_nonce(server),
	                             server->nonce, &server->verifier);
	memcpy(step->answer, server->server_first, server->server_first_len);
	step->answer_len = server->server_first_len;
}

void scram_server_final(struct scram_server *server, struct bytes message, struct scram_server_step *step)
{
	struct scram_client_final final;
	*step = (struct scram_server_step){.result = SCRAM_SERVER_FAILED};
	CHECK(message.len <= SCRAM_MESSAGE_BYTES_MAX);
	const struct scram_refusal *refusal = scram_read_client_final(message, &final);
	if (!refusal)
		refusal =
		    scram_check_binding(&final, server->flag, (struct bytes){server->binding, server->binding_len});
	const struct bytes nonce = scram_server_nonce(server);
	const size_t own_len = strlen(server->nonce);
	if (!refusal &&
	    (final.nonce.len != nonce.len + own_len || memcmp(final.nonce.data, nonce.data, nonce.len) != 0 ||
	     memcmp(final.nonce.data + nonce.len, server->nonce, own_len) != 0))
		refusal = &scram_wrong_nonce;
	if (refusal) {
		scram_server_refuse(step, refusal);
		return;
	}
	const struct proof_messages messages = {
	    .client_first = {server->client_first, server->client_first_len},
	    .server_first = {(const uint8_t *)server->server_first, server->server_first_len},
	    .client_final = final.unproven,
	};
	/* Also for one that is doomed: the answer takes as long. */
	uint8_t signature[SCRAM_KEY_BYTES];
	bool proven = proof_check(server->verifier.stored_key, &messages, final.proof, server->client_key);
	proof_sign(server->verifier.server_key, &messages, signature);
	step->answer_len = scram_write_key(step->answer, sizeof step->answer, 'v', signature);
	if (proven && !server->doomed)
		step->result = SCRAM_SERVER_PROVEN;
	else
		step->answer_len = 0;
}

void scram_server_wipe(struct scram_server *server)
{
	proof_wipe(server, sizeof *server);
}

static struct bytes scram_server_nonce(const struct scram_server *server)
{
	return (struct bytes){server->client_first + server->client_nonce_at, server->client_nonce_len};
}

static void scram_server_refuse(struct scram_server_step *step, const struct scram_refusal *refusal)
{
	step->result = SCRAM_SERVER_REFUSED;
	step->refusal = refusal;
}
