/* What PostgreSQL makes of a regular expression's beginning: whether every text that it matches starts with the same
 * character (pg_regprefix, regex/regprefix.c), and whether it matches one text only. */
#ifndef PGPROCTOR_INSPECT_PREFIX_H
#define PGPROCTOR_INSPECT_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

enum prefix_kind { PREFIX_NONE, PREFIX_SOME, PREFIX_EXACT };

/* For ~, and with `folds` for ~*. No more than the first bytes of a long one are looked at: then never exact, and none
 * where an alternative follows. */
enum prefix_kind prefix_of_regex(const char *text, size_t len, bool folds);
/* For SIMILAR TO. */
enum prefix_kind prefix_of_similar(const char *text, size_t len);

#endif
