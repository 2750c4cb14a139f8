/* Raw parse trees for the tests of what reads them, straight from libpg_query. */
#ifndef PGPROCTOR_TESTS_UNIT_TREE_H
#define PGPROCTOR_TESTS_UNIT_TREE_H

#include "inspect/tree/expression.h"
#include "inspect/tree/facts.h"

/* The facts of all statements of a text, one after the other; in `arena`. Fails the test when it doesn't parse. */
struct facts *tree_facts(const char *sql, struct arena *arena, int *count);
/* The same as facts_dump has it; the buffer is the next call's. */
const char *tree_dump(const char *sql);
struct expression tree_expression(const char *text, bool masked, struct arena *arena);

/* The raw tree itself, for tests of what reads single nodes: a List of RawStmt, and an expression's node. They live
 * from tree_open to tree_close. */
void tree_open(void);
void tree_close(void);
const void *tree_parse(const char *sql);
const void *tree_node(const char *expression);

struct tree_case {
	const char *sql;
	const char *facts;
};
/* Compares each, and says which one differs. */
void tree_compare(const struct tree_case *cases, size_t count);

#endif
