/* Makes the texts of a catalog: copies in its arena, each name once as far as a small table remembers, and expressions
 * in the form that statements are compared by. */
#ifndef PGPROCTOR_PROXY_FEED_TEXTS_H
#define PGPROCTOR_PROXY_FEED_TEXTS_H

#include "inspect/arena.h"
#include "inspect/catalog/catalog.h"
#include "inspect/text/sqlkey.h"
#include "proxy/feed/feed_result.h"

enum { FEED_TEXTS_SHARED = 4096 };

struct feed_texts {
	struct arena *arena;
	struct sqlkey_scratch *scratch;
	size_t view_bytes; /* parsed so far */
	/* The same few names come back thousands of times: types, schemas, operator classes, "id". A slot per hash,
	 * the last one stays. */
	const char *shared[FEED_TEXTS_SHARED];
};

void feed_texts_init(struct feed_texts *texts, struct arena *arena);
void feed_texts_fini(struct feed_texts *texts);
const char *feed_texts_cell(struct feed_texts *texts, const struct feed_result *result, int column); /* "" for NULL */
const char *feed_texts_optional(struct feed_texts *texts, const struct feed_result *result, int column);
/* The query of a view, its text and its facts; without facts where the text is too long, where it does not parse, or
 * where all views together are more than a catalog should hold. */
struct catalog_view *feed_texts_view(struct feed_texts *texts, const char *definition);
/* expression.h's form; where the grammar can't make it, the text itself, which then equals nothing. */
const char *feed_texts_canonical(struct feed_texts *texts, const char *expression, size_t len);

#endif
