/* The migrations that a Django project has yet to apply, as the SQL that its manage.py prints. Runs python3 in the
 * project's directory; what manage.py writes to standard error goes to ours. */
#ifndef PGPROCTOR_PROXY_CHECK_DJANGO_H
#define PGPROCTOR_PROXY_CHECK_DJANGO_H

#include "config/check.h"

#include <stdbool.h>
#include <stddef.h>

struct check_django_migration {
	char app[128], name[256];
};

/* Reads the next migration that is not applied out of what `showmigrations --plan` printed; false at the end. */
bool check_django_next(const char **plan, struct check_django_migration *migration);
/* What `manage.py ARGUMENTS…` prints, zero-terminated, for the caller to free; `arguments` end with NULL. NULL, and a
 * line on standard error, when it can't be run or fails. */
char *check_django_run(const char *directory, const char *const *arguments, size_t *len);
/* Where the SQL begins in what `sqlmigrate` printed: settings may have printed before it. */
const char *check_django_sql(const char *printed);

#endif
