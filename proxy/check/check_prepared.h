/* What a script has prepared by name, so that its EXECUTEs can be looked into. One session's. */
#ifndef PGPROCTOR_PROXY_CHECK_PREPARED_H
#define PGPROCTOR_PROXY_CHECK_PREPARED_H

#include "inspect/tree/facts.h"

#include <stddef.h>

struct check_prepared_text {
	char *name, *text;
	size_t len;
};

struct check_prepared {
	struct check_prepared_text *list;
	size_t count, room;
};

void check_prepared_init(struct check_prepared *prepared);
void check_prepared_fini(struct check_prepared *prepared);
/* After that statement: PREPARE adds its text, DEALLOCATE and DISCARD take away. */
void check_prepared_follow(struct check_prepared *prepared, const struct facts *facts, const char *text, size_t len);
/* NULL when nothing is prepared under that name; it lives until the next follow. */
const struct check_prepared_text *check_prepared_find(const struct check_prepared *prepared, const char *name);

#endif
