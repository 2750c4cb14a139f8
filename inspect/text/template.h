/* Texts seen lately, with holes where their literals were. Django sends the same statement again and again with other
 * literals in it: comparing such a text with the one before, and looking at nothing but the literals, gives the same
 * key as a whole pass over its tokens, for a fraction of the time.
 *
 *      SELECT "id" FROM "t" WHERE "name" LIKE  '%abc%'  AND "id" IN (  1  , 2, 3  ) LIMIT  21
 *      └──────────── as it stands ──────────┘  string   └─────────┘  int  members └──────┘ int
 *
 * Bounded by LIMIT_TEMPLATES and LIMIT_TEMPLATE_BYTES each; in each bucket the one used least recently goes first. */
#ifndef PGPROCTOR_INSPECT_TEMPLATE_H
#define PGPROCTOR_INSPECT_TEMPLATE_H

#include "config/check.h"
#include "inspect/text/trace.h"

#include <stddef.h>

struct template_store;

struct template_store *template_store_new(void);
void template_store_free(struct template_store *store);
/* The 16 bytes that were kept with a text like this one; NULL when there is none. Texts are read under
 * standard_conforming_strings = on, and hold no zero byte. */
const void *template_find(struct template_store *store, const char *sql, size_t len);
/* Keeps the text that `trace` was made of, with 16 bytes. Does nothing where the trace can't be used. */
void template_keep(struct template_store *store, const char *sql, const struct trace *trace, const void *payload);

#endif
