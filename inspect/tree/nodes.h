/* What the readers of the raw parse tree need to know of PostgreSQL's nodes (nodes/parsenodes.h). To be
 * included only by the files that CMakeLists.txt gives PostgreSQL's headers. Everything here only reads fields and
 * inline functions: nothing of the server's own code is called. */
#ifndef PGPROCTOR_INSPECT_NODES_H
#define PGPROCTOR_INSPECT_NODES_H

#include <postgres.h>
#include <nodes/parsenodes.h>

#include "inspect/arena.h"
#include "inspect/tree/facts.h"

#include <stdbool.h>

typedef void nodes_visit_fn(void *context, const Node *child);

/* Calls `visit` for each direct child of an expression node that is itself a node (never NULL). A sub-select is
 * no child: a SubLink's is its test expression. Unknown nodes have no children. */
void nodes_children(const Node *node, nodes_visit_fn *visit, void *context);

/* Of a possibly qualified name, a list of String. */
const char *nodes_last_name(const List *names);
/* What a query calls a column that it puts out. */
const char *nodes_output_name(const ResTarget *target);
const char *nodes_schema_name(const List *names); /* NULL when not qualified */
const char *nodes_column_schema(const List *fields); /* of a column's table: schema.table.column; else NULL */

/* The constant's text, in `number` (at least 32 bytes) where it is an integer; NULL for NULL and for booleans. */
const char *nodes_constant_text(const A_Const *constant, char *number, size_t number_size);
bool nodes_is_null_constant(const Node *node);       /* a NULL, casts aside */
const char *nodes_string_constant(const Node *node); /* a string constant, casts aside; else NULL */

struct fact_type nodes_type(const TypeName *type, struct arena *arena);
/* text or varchar without a modifier, or an array of them: a cast that changes nothing for text. */
bool nodes_type_is_text(const TypeName *type);
/* Of a cast's type: numbers without a modifier. */
bool nodes_type_is_number(const TypeName *type);
/* The name of a plain function call, pg_catalog dropped; NULL when the call is qualified otherwise. */
const char *nodes_function_name(const FuncCall *call);
bool nodes_is_aggregate(const FuncCall *call);
bool nodes_option_is_on(const DefElem *option);    /* as defGetBoolean (define.c) has it */
bool nodes_is_temporary(const RangeVar *relation); /* by its declaration, or in pg_temp */

#endif
