/* Reads the little that is needed of what PostgreSQL's own deparser prints (pg_get_indexdef, pg_get_constraintdef,
 * not pretty-printed, standard_conforming_strings on; utils/adt/ruleutils.c). There every operator expression and
 * every AND, OR and NOT stands in its own brackets, so finding an end needs brackets and quotes and no grammar. Not for
 * text that people write. */
#ifndef PGPROCTOR_INSPECT_DEPARSED_H
#define PGPROCTOR_INSPECT_DEPARSED_H

#include "config/check.h"
#include "inspect/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view into the text that was given. */
struct deparsed {
	const char *text;
	size_t len;
};

/* "CHECK ((price > 0)) NOT VALID" → "(price > 0)". False when it is not a CHECK. */
MUST_USE bool deparsed_check(const char *definition, struct deparsed *expression);
/* "CREATE INDEX … WHERE (active)" → "(active)". False when the index is not partial. */
MUST_USE bool deparsed_predicate(const char *definition, struct deparsed *predicate);
/* The columns that must be NOT NULL for the expression not to be false: `c IS NOT NULL` and NOT (c IS NULL), alone or
 * and-ed. As PostgreSQL concludes when SET NOT NULL looks for a CHECK that spares it the scan. Names are unquoted, in
 * `arena`; *columns is left alone when the result is 0. */
uint16_t deparsed_not_null(struct deparsed expression, struct arena *arena, const char *const **columns);

#endif
