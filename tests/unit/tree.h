/* Raw parse trees for the tests of what reads them, straight from libpg_query. */
#ifndef PGPROCTOR_TESTS_UNIT_TREE_H
#define PGPROCTOR_TESTS_UNIT_TREE_H

#include "inspect/expression.h"
#include "inspect/facts.h"

/* The facts of all statements of a text, one after the other; in `arena`. Fails the test when it doesn't parse. */
struct facts *tree_facts(const char *sql, struct arena *arena, int *count);
/* The same as facts_dump has it; the buffer is the next call's. */
const char *tree_dump(const char *sql);
struct expression tree_expression(const char *text, bool masked, struct arena *arena);

struct tree_case {
	const char *sql;
	const char *facts;
};
/* Compares each, and says which one differs. */
void tree_compare(const struct tree_case *cases, size_t count);

#endif
