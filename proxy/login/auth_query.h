/* auth_query: a user's SCRAM verifier, asked for in the server. Questions wait in line for one connection of libpq's,
 * which is kept; they are put on libuv's thread pool, so that the loop never waits. Answers are not kept: a password
 * that was changed counts at once. */
#ifndef PGPROCTOR_PROXY_AUTH_QUERY_H
#define PGPROCTOR_PROXY_AUTH_QUERY_H

#include "config/settings.h"
#include "protocol/scram.h"

#include <uv.h>

enum auth_query_result {
	AUTH_QUERY_FOUND,
	AUTH_QUERY_NOBODY,   /* no such user, or one without a password */
	AUTH_QUERY_UNUSABLE, /* the password is there, and is no SCRAM verifier */
	AUTH_QUERY_FAILED,   /* the query could not be run: see `error` */
};

struct auth_query;

/* `verifier` is NULL but for AUTH_QUERY_FOUND, `error` NULL but for AUTH_QUERY_FAILED; neither lives longer than the
 * call. */
typedef void auth_query_done_fn(void *context, enum auth_query_result result, const struct scram_verifier *verifier,
                                const char *error);

struct auth_query *auth_query_new(uv_loop_t *loop, const struct settings *settings);
/* Asks for one user; `done` comes once, from the loop, unless it is forgotten before. */
struct auth_query_question *auth_query_ask(struct auth_query *query, const char *user, auth_query_done_fn *done,
                                           void *context);
/* Nobody waits for the answer any more. */
void auth_query_forget(struct auth_query_question *question);
/* What is under way ends soon, and is answered by AUTH_QUERY_FAILED. */
void auth_query_stop(struct auth_query *query);
/* After the loop has run out, with nothing under way; harmless for NULL. */
void auth_query_free(struct auth_query *query);

#endif
