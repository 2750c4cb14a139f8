/* The canonical text of an expression: what a predicate and an index key are compared by.
 *
 * Built from the raw tree, so that quoting, case of keywords and white space don't matter. Casts that change
 * nothing for text (::text, ::varchar without modifier) are dropped, and so are those of a constant to text, a number
 * or a text search configuration, which the server adds when it prints an expression; column references lose their
 * table, function names lose pg_catalog and are lower case, operators stand between single blanks and an operator
 * expression inside another, inside a cast or before a subscript is in brackets. IN, BETWEEN, AT TIME ZONE and EXTRACT
 * are written as what the server makes of them.
 *
 * Literals stay: an index expression is not user data. In facts, a literal inside a predicate's expression
 * appears as '?', unless it is a structural one that an index can name. These are structural:
 *   - the right operand of -> ->> #> #>> (a json key or path), ARRAY[…] of constants included
 *   - an array subscript
 *   - AT TIME ZONE's zone, and the first argument of the functions that expression_structural_function names:
 *     EXTRACT's field, a time zone, a text search configuration, set_config's name
 *   - whether the escape character of LIKE … ESCAPE and SIMILAR TO … ESCAPE is a backslash */
#ifndef PGPROCTOR_INSPECT_EXPRESSION_H
#define PGPROCTOR_INSPECT_EXPRESSION_H

#include "inspect/arena.h"

#include <stdbool.h>

struct expression {
	const char *text;      /* NULL past the depth limit or LIMIT_EXPRESSION_BYTES, and for what no index can hold */
	const char *column;    /* the one column in it, NULL when none or several */
	const char *qualifier; /* that column's table or alias as written, else NULL */
	const char *collation; /* the outermost explicit COLLATE, which is not part of the text */
	unsigned columns;      /* how many different ones */
	bool bare;             /* just that column, casts between text types aside */
	bool cast;             /* the column, or what is made of it, is cast to another type than text */
	bool subquery;
};

/* `node` is a raw expression node. Everything lives in `arena`. */
struct expression expression_of(const void *node, struct arena *arena);
/* The same with literals as '?', but for the structural ones. */
struct expression expression_masked_of(const void *node, struct arena *arena);

/* `name` in lower case. */
bool expression_structural_function(const char *name);

#endif
