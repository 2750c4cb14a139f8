#include "proxy/login/secrets.h"

#include "proxy/login/proof.h"

#include <stdio.h>

bool secrets_init(struct secrets *secrets, const struct settings *settings, uv_loop_t *loop, char *error,
                  size_t error_size)
{
	*secrets = (struct secrets){0};
	if (settings->auth != SETTINGS_AUTH_TERMINATE)
		return true;
	if (!settings->auth_file[0] && !settings->auth_user[0]) {
		snprintf(error, error_size,
		         "auth: terminate needs SCRAM verifiers, from auth_file or, by auth_query, of auth_user");
		return false;
	}
	if (settings->auth_file[0]) {
		secrets->file = verifiers_read(settings->auth_file, &secrets->exposed, error, error_size);
		if (!secrets->file)
			return false;
	}
	proof_random(secrets->mock, sizeof secrets->mock);
	if (settings->auth_user[0])
		secrets->query = auth_query_new(loop, settings);
	return true;
}

void secrets_share(struct secrets *secrets, const struct secrets *from, const struct settings *settings,
                   uv_loop_t *loop)
{
	*secrets = *from;
	if (from->file)
		secrets->file = verifiers_ref(from->file);
	if (from->query)
		secrets->query = auth_query_new(loop, settings);
}

struct auth_query_question *secrets_ask(struct secrets *secrets, const char *user, auth_query_done_fn *done,
                                        void *context)
{
	const struct scram_verifier *verifier = secrets->file ? verifiers_find(secrets->file, user) : NULL;
	if (!verifier && secrets->query)
		return auth_query_ask(secrets->query, user, done, context);
	done(context, verifier ? AUTH_QUERY_FOUND : AUTH_QUERY_NOBODY, verifier, NULL);
	return NULL;
}

void secrets_replace(struct secrets *secrets, struct verifiers *fresh)
{
	verifiers_unref(secrets->file);
	secrets->file = fresh;
}

void secrets_fini(struct secrets *secrets)
{
	verifiers_unref(secrets->file);
	auth_query_free(secrets->query);
	*secrets = (struct secrets){0};
}
