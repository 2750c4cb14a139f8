/* A term as SQL again, for people and to paste. Knows nothing of conditions or indexes. */
#ifndef PGPROCTOR_INSPECT_SPELLING_H
#define PGPROCTOR_INSPECT_SPELLING_H

#include "inspect/catalog/catalog.h"
#include "inspect/access/term.h"

struct spelling {
	const struct dictionary *dictionary;
	const struct catalog_relation *const *relations; /* by the terms' relation */
	struct arena *arena;
};

/* As a message shows it: "name", UPPER("name"), "qty"::text. Whatever is or may be a literal is "…". */
const char *spelling_shown(const struct spelling *spelling, const struct term *term);
/* As it may stand between an index's brackets: name, upper(name), (qty::text). NULL where no index can hold it, and
 * where it has literals, which nothing may tell. */
const char *spelling_key(const struct spelling *spelling, const struct term *term);

#endif
