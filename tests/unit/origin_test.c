#include "inspect/tree/origin.h"

#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char found[512];

static void note(void *context, const struct origin *inner, const Node *value)
{
	(void)context;
	(void)inner;
	const char *text = nodes_string_constant(value);
	snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", found[0] ? " " : "", text ? text : "?");
}

/* Of the query's first column, what it may be; a '?' for each that is no constant. */
static void expect(const char *sql, const char *wanted)
{
	tree_open();
	const SelectStmt *query = (const SelectStmt *)linitial_node(RawStmt, (const List *)tree_parse(sql))->stmt;
	uint32_t steps = 0;
	const struct origin origin = {.from = query->fromClause, .with = query->withClause, .steps = &steps};
	const Node *value = ((const ResTarget *)linitial(query->targetList))->val;
	found[0] = '\0';
	if (IsA(llast(((const ColumnRef *)value)->fields), A_Star))
		origin_place(&origin, 1, note, NULL);
	else
		origin_column(&origin, (const ColumnRef *)value, note, NULL);
	if (strcmp(found, wanted) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, found, wanted);
	tree_close();
}

/* By name, by alias, by place, through as many queries as there are. */
static void found_in_from(void **state)
{
	(void)state;
	expect("SELECT v.b FROM (VALUES (1, 'x'), (2, 'y')) AS v (a, b)", "x y");
	expect("SELECT b FROM (VALUES (1, 'x')) AS v (a, b)", "x");
	expect("SELECT column2 FROM (VALUES (1, 'x')) AS v", "x");
	expect("SELECT s.p FROM t JOIN (SELECT 'x' AS p) s ON true", "x");
	expect("SELECT s.p FROM (SELECT 'x' AS p UNION ALL SELECT 'y') s", "x y");
	expect("WITH w AS (SELECT 1, 'x' AS p) SELECT p FROM w", "x");
	expect("WITH w (a, p) AS (VALUES (1, 'x')) SELECT w.p FROM w", "x");
	expect("WITH w (a, p) AS (VALUES (1, 'x')) SELECT z.q FROM w AS z (b, q)", "x");
	expect("SELECT u FROM unnest(ARRAY['x', 'y']) AS u", "x y");
	expect("SELECT u.p FROM unnest(ARRAY['x']::text[]) AS u (p)", "x");
	expect("SELECT * FROM (VALUES (1, 'x')) AS v", "x");
	expect("SELECT * FROM (SELECT * FROM (VALUES (1, 'x')) AS v) AS w", "x");
	/* What that is in turn is for whoever asks. */
	expect("SELECT p FROM (SELECT q AS p FROM (SELECT 'x' AS q) s) r", "?");
}

static void not_found(void **state)
{
	(void)state;
	expect("SELECT t.b FROM t", "");
	expect("SELECT v.b FROM (VALUES (1, 'x')) AS w (a, b)", "");
	expect("SELECT c FROM (VALUES (1, 'x')) AS v (a, b)", "");
	expect("SELECT columnx FROM (VALUES (1, 'x')) AS v", "");
	expect("SELECT column9 FROM (VALUES (1, 'x')) AS v", "");
	expect("SELECT p FROM (SELECT * FROM t) s", "");
	expect("SELECT p FROM (SELECT *, 'x' AS p FROM t) s", "");
	expect("SELECT * FROM (VALUES (1, 'x')) AS v, t", "");
	expect("WITH w AS (INSERT INTO t VALUES ('x') RETURNING p) SELECT p FROM w", "");
	expect("SELECT u.p FROM public.w AS u", "");
	expect("SELECT u FROM generate_series(1, 5) AS u", "");
}

/* A query of itself ends. */
static void without_end(void **state)
{
	(void)state;
	expect("WITH RECURSIVE w AS (SELECT * FROM w) SELECT * FROM w", "");
	expect("WITH RECURSIVE w (a, b) AS (SELECT 1, 'x' UNION ALL SELECT a, b FROM w) SELECT b FROM w", "x ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(found_in_from), cmocka_unit_test(not_found),
	                                   cmocka_unit_test(without_end)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
