#include "proxy/check/check_prepared.h"

#include "config/check.h"
#include "config/limits.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct check_prepared *prepared, size_t at);

void check_prepared_init(struct check_prepared *prepared)
{
	*prepared = (struct check_prepared){0};
}

void check_prepared_fini(struct check_prepared *prepared)
{
	while (prepared->count > 0)
		forget(prepared, prepared->count - 1);
	free(prepared->list);
	*prepared = (struct check_prepared){0};
}

void check_prepared_follow(struct check_prepared *prepared, const struct facts *facts, const char *text, size_t len)
{
	const bool all = facts->kind == STATEMENT_DISCARD
	                     ? strcmp(facts->name, "all") == 0 || strcmp(facts->name, "plans") == 0
	                     : facts->kind == STATEMENT_DEALLOCATE && facts->name == NULL;
	if (all) {
		while (prepared->count > 0)
			forget(prepared, prepared->count - 1);
		return;
	}
	if (facts->kind != STATEMENT_PREPARE && facts->kind != STATEMENT_DEALLOCATE)
		return;
	const struct check_prepared_text *known = check_prepared_find(prepared, facts->name);
	if (facts->kind == STATEMENT_DEALLOCATE) {
		if (known != NULL)
			forget(prepared, (size_t)(known - prepared->list));
		return;
	}
	/* A name that is taken is an error, and the first one stays. */
	if (known != NULL || prepared->count == LIMIT_CHECK_PREPARED)
		return;
	if (prepared->count == prepared->room) {
		prepared->room = prepared->room ? prepared->room * 2 : 16;
		prepared->list = realloc(prepared->list, prepared->room * sizeof(*prepared->list));
		CHECK(prepared->list != NULL);
	}
	struct check_prepared_text *made = &prepared->list[prepared->count++];
	made->name = strdup(facts->name);
	made->text = malloc(len + 1);
	CHECK(made->name != NULL && made->text != NULL);
	memcpy(made->text, text, len);
	made->text[len] = '\0';
	made->len = len;
}

const struct check_prepared_text *check_prepared_find(const struct check_prepared *prepared, const char *name)
{
	for (size_t at = 0; at < prepared->count; at++) {
		if (strcmp(prepared->list[at].name, name) == 0)
			return &prepared->list[at];
	}
	return NULL;
}

static void forget(struct check_prepared *prepared, size_t at)
{
	free(prepared->list[at].name);
	free(prepared->list[at].text);
	prepared->list[at] = prepared->list[--prepared->count];
}
