/* Which columns hold secrets, by their names: words between underscores, humps and digits, so that `password` counts
 * and `passenger`, `password_changed_at` and `token_type` don't. */
#ifndef PGPROCTOR_INSPECT_SECRET_H
#define PGPROCTOR_INSPECT_SECRET_H

#include <stddef.h>

enum secret_kind {
	SECRET_NONE,
	SECRET_PASSWORD,
	SECRET_TOKEN, /* and keys */
	SECRET_CARD,  /* a payment card's number */
};

/* Of a column's name; of any case. Depends on its first SECRET_NAME_BYTES alone. */
enum { SECRET_NAME_BYTES = 63 };
enum secret_kind secret_of(const char *name, size_t len);

#endif
