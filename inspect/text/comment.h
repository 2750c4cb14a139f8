/* The tags of a sqlcommenter comment: SELECT … (comment) controller='shop',route='%2Fsearch%2F',traceparent='00-…'.
 * (google.github.io/sqlcommenter/spec: keys and values url-encoded, values in single quotes with \' escaped.) */
#ifndef PGPROCTOR_INSPECT_COMMENT_H
#define PGPROCTOR_INSPECT_COMMENT_H

#include <stdbool.h>
#include <stddef.h>

struct comment_tags {
	char route[128];
	char controller[128];
	char traceparent[64];
	char application[64];
};

/* Looks only at a comment that ends or begins the text. Decoded, control characters dropped, cut to fit; fields that
 * are absent are "". False when there is no comment with a known tag. */
bool comment_read(const char *sql, size_t len, struct comment_tags *tags);

#endif
