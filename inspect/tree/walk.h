/* From the raw parse tree to facts. The tree is read as C nodes (parsenodes.h), with a depth limit of our
 * own: what lies deeper is not looked at, and the facts say so (truncated). */
#ifndef PGPROCTOR_INSPECT_WALK_H
#define PGPROCTOR_INSPECT_WALK_H

#include "inspect/arena.h"
#include "inspect/tree/facts.h"

/* `raw_statement` is a RawStmt of pg_query_raw_parse; the facts live in `arena` and outlive the tree. */
void walk_statement(const void *raw_statement, struct arena *arena, struct facts *facts);
/* The same with the literals in the clauses of conditions and sorts: for who may see them, and keeps none. */
void walk_statement_literally(const void *raw_statement, struct arena *arena, struct facts *facts);

#endif
