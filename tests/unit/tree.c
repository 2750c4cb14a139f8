#include "tree.h"

#include "inspect/tree/facts_dump.h"
#include "inspect/tree/walk.h"

#include <pg_query.h>
#include <pg_query_internal.h>
#include <nodes/parsenodes.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const List *parse(const char *sql);

static MemoryContext opened;

struct facts *tree_facts(const char *sql, struct arena *arena, int *count)
{
	MemoryContext context = pg_query_enter_memory_context();
	const List *statements = parse(sql);

	*count = list_length(statements);
	struct facts *facts = arena_alloc(arena, (size_t)*count * sizeof(*facts) + 1);
	for (int at = 0; at < *count; at++)
		walk_statement(list_nth(statements, at), arena, &facts[at]);
	/* The facts must not point into the tree: it is gone from here on. */
	pg_query_exit_memory_context(context);
	return facts;
}

const char *tree_dump(const char *sql)
{
	static char text[256 * 1024];
	struct arena arena;
	size_t len = 0;
	int count;

	arena_init(&arena);
	text[0] = '\0';
	struct facts *facts = tree_facts(sql, &arena, &count);
	for (int at = 0; at < count; at++) {
		facts_dump(&facts[at], text + len, sizeof(text) - len);
		len += strlen(text + len);
	}
	arena_fini(&arena);
	return text;
}

struct expression tree_expression(const char *text, bool masked, struct arena *arena)
{
	MemoryContext context = pg_query_enter_memory_context();
	const RawStmt *statement = linitial(parse(arena_printf(arena, "SELECT %s", text)));
	const ResTarget *target = linitial(((const SelectStmt *)statement->stmt)->targetList);
	struct expression expression =
	    masked ? expression_masked_of(target->val, arena) : expression_of(target->val, arena);

	pg_query_exit_memory_context(context);
	return expression;
}

void tree_open(void)
{
	opened = pg_query_enter_memory_context();
}

void tree_close(void)
{
	pg_query_exit_memory_context(opened);
}

const void *tree_parse(const char *sql)
{
	return parse(sql);
}

const void *tree_node(const char *expression)
{
	static char sql[64 * 1024];
	int len = snprintf(sql, sizeof(sql), "SELECT %s", expression);

	assert_true(len < (int)sizeof(sql));
	const RawStmt *statement = linitial(parse(sql));
	return ((const ResTarget *)linitial(((const SelectStmt *)statement->stmt)->targetList))->val;
}

void tree_compare(const struct tree_case *cases, size_t count)
{
	bool same = true;

	for (size_t at = 0; at < count; at++) {
		const char *facts = tree_dump(cases[at].sql);
		if (strcmp(facts, cases[at].facts) != 0) {
			print_error("%s\nexpected:\n%sbut got:\n%s", cases[at].sql, cases[at].facts, facts);
			same = false;
		}
	}
	assert_true(same);
}

static const List *parse(const char *sql)
{
#ifdef PG_QUERY_DISABLE_BACKSLASH_QUOTE
	PgQueryInternalParsetreeAndError raw = pg_query_raw_parse(sql, 0);
#else
	PgQueryInternalParsetreeAndError raw = pg_query_raw_parse(sql);
#endif

	free(raw.stderr_buffer);
	if (raw.error != NULL)
		fail_msg("%s: %s", raw.error->message, sql);
	return raw.tree;
}
