/* A file's text as it is shown beside what is found: where a statement holds a secret, or can't be read, its strings are
 * hidden, byte by byte, so that places stay what they are. */
#ifndef PGPROCTOR_PROXY_CHECK_SHOWN_H
#define PGPROCTOR_PROXY_CHECK_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

struct check_shown {
	const char *text; /* the caller's, which has to outlive this */
	size_t len;
	char *copy; /* NULL: nothing is hidden yet */
};

void check_shown_init(struct check_shown *shown, const char *text, size_t len);
void check_shown_fini(struct check_shown *shown);
/* Of the statement that stands at `at` in the text. */
void check_shown_hide(struct check_shown *shown, const char *at, size_t len, bool standard_conforming_strings);
/* What is shown in place of what stands at `at`. */
const char *check_shown_at(const struct check_shown *shown, const char *at);

#endif
