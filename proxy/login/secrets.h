/* Where auth = terminate finds a user's SCRAM verifier: in auth_file, and for who isn't in there, by auth_query. */
#ifndef PGPROCTOR_PROXY_SECRETS_H
#define PGPROCTOR_PROXY_SECRETS_H

#include "proxy/login/auth_query.h"
#include "proxy/login/verifiers.h"

struct secrets {
	struct verifiers *file;        /* NULL: none is set */
	bool exposed;                  /* others than its owner and group may get at it */
	struct auth_query *query;      /* NULL: auth_user is not set */
	uint8_t mock[SCRAM_KEY_BYTES]; /* for proof_mock, where the server has no salt to show */
};

/* Nothing is read unless `auth` is terminate. On failure false, nothing to free, and one line in `error`. */
MUST_USE bool secrets_init(struct secrets *secrets, const struct settings *settings, uv_loop_t *loop, char *error,
                           size_t error_size);
/* For another worker, before either runs: the same file, and the same salts for users that don't exist, or they could be
 * told by them; a connection of its own for auth_query. */
void secrets_share(struct secrets *secrets, const struct secrets *from, const struct settings *settings,
                   uv_loop_t *loop);
/* Asks for a user by name; `done` comes at once or later. What it returns is to be forgotten (auth_query_forget) when
 * nobody waits any more; NULL when `done` has come already. */
struct auth_query_question *secrets_ask(struct secrets *secrets, const char *user, auth_query_done_fn *done,
                                        void *context);
/* Takes over what has been read of auth_file anew, and lets go of what was there. */
void secrets_replace(struct secrets *secrets, struct verifiers *fresh);
void secrets_fini(struct secrets *secrets);

#endif
