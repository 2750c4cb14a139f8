/* The canonical text of an expression: what a predicate and an index key are compared by.
 *
 * Built from the raw tree, so that quoting, case of keywords and white space don't matter. Casts that change
 * nothing for text (::text, ::varchar without modifier) are dropped, column references lose their table,
 * function names lose pg_catalog and are lower case, operators stand between single blanks and every nested
 * operator expression is in brackets. Literals stay: an index expression is not user data. In facts, a literal
 * inside a predicate's expression appears as '?', unless it is a structural one that an index can name: a
 * json key, an array subscript, a field of EXTRACT, a time zone, a text search configuration. */
#ifndef PGPROCTOR_INSPECT_EXPRESSION_H
#define PGPROCTOR_INSPECT_EXPRESSION_H

#include "inspect/arena.h"

#include <stdbool.h>

struct expression {
	const char *text;      /* NULL past the depth limit */
	const char *column;    /* the one column in it, NULL when none or several */
	const char *qualifier; /* that column's table or alias as written, else NULL */
	const char *collation; /* the outermost explicit COLLATE, which is not part of the text */
	unsigned columns;      /* how many different ones */
	bool bare;             /* just that column, casts between text types aside */
	bool cast;             /* the column is cast to another type than text */
	bool subquery;
};

/* `node` is a raw expression node. Everything lives in `arena`. */
struct expression expression_of(const void *node, struct arena *arena);

#endif
