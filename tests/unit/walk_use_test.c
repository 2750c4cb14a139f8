#include "tests/unit/tree.h"

#include "config/check.h"
#include "config/limits.h"
#include "inspect/arena.h"
#include "inspect/tree/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------------ */

/* The uses of the first statement as "table.column", "?level.column" where it may be any, '*' for all, in order. */
static void expect(const char *sql, const char *uses)
{
	char found[2048] = "";
	struct arena arena;
	int count;
	arena_init(&arena);
	struct facts *facts = tree_facts(sql, &arena, &count);
	for (uint16_t at = 0; at < facts->use_count; at++) {
		const struct fact_use *use = &facts->uses[at];
		size_t len = strlen(found);
		const char *column = use->column ? use->column : "*";
		if (use->relation >= 0)
			snprintf(found + len, sizeof(found) - len, "%s%s.%s", at ? " " : "",
			         facts->relations[use->relation].name, column);
		else
			snprintf(found + len, sizeof(found) - len, "%s?%u.%s", at ? " " : "", use->level, column);
	}
	arena_fini(&arena);
	if (strcmp(found, uses) != 0)
		fail_msg("%s\n%s", sql, found);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Wherever a column is named, by whatever name its table goes. */
static void queries(void **state)
{
	(void)state;
	expect("SELECT a, b FROM t WHERE c = 1 ORDER BY d", "t.c t.a t.b t.d");
	expect("SELECT a FROM t WHERE a = 1 GROUP BY a HAVING max(e) > 1", "t.a t.e");
	expect("SELECT x.a FROM t AS x", "t.a");
	expect("SELECT s.t.a FROM s.t", "t.a");
	expect("SELECT x.a, y.b FROM t x JOIN u y ON x.id = y.t_id", "t.id u.t_id t.a u.b");
	expect("SELECT a FROM t, u", "?0.a");
	expect("SELECT 1 FROM t JOIN u USING (id)", "?0.id");
	expect("SELECT count(*), now() FROM t", "");
	expect("SELECT sum(a) FILTER (WHERE b > 1) OVER (PARTITION BY c ORDER BY d) FROM t", "t.a t.b t.c t.d");
	expect("SELECT CASE WHEN a THEN b ELSE c END, ARRAY[d], (e).f, g::text, COALESCE(h, 1) FROM t",
	       "t.a t.b t.c t.d t.e t.g t.h");
}

static void stars(void **state)
{
	(void)state;
	expect("SELECT * FROM t", "t.*");
	expect("SELECT * FROM t, u", "?0.*");
	expect("SELECT x.* FROM t x, u", "t.*");
	expect("SELECT x FROM t x", "t.* t.x");
}

/* What a sub-select names is of its own level or of one around it. */
static void levels(void **state)
{
	(void)state;
	expect("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND b = 1)", "u.id t.id u.b t.a");
	expect("SELECT s.a FROM (SELECT a, b FROM t) s", "t.a t.b");
	expect("WITH w AS (SELECT a FROM t) SELECT b FROM w", "t.a");
	expect("SELECT a FROM t UNION SELECT b FROM u", "t.a u.b");
}

static void writes(void **state)
{
	(void)state;
	expect("INSERT INTO t (a, b) VALUES (1, 2) RETURNING c", "t.a t.b t.c");
	expect("INSERT INTO t VALUES (1)", "t.*");
	expect("INSERT INTO t DEFAULT VALUES", "");
	expect("INSERT INTO t (a) SELECT b FROM u", "u.b t.a");
	expect("INSERT INTO t (a) VALUES (1) ON CONFLICT (b) DO UPDATE SET c = excluded.d", "t.a t.c t.b");
	expect("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", "t.a");
	expect("UPDATE t SET a = b + 1 WHERE c = 1", "t.a t.c t.b");
	expect("UPDATE t SET (a, b) = (1, 2)", "t.a t.b");
	expect("DELETE FROM t USING u WHERE t.id = u.id", "t.id u.id");
	expect("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = u.b WHEN NOT MATCHED THEN INSERT "
	       "(c) VALUES (u.d)",
	       "t.id u.id t.a u.b t.c u.d");
	expect("MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED THEN INSERT DEFAULT VALUES", "t.id u.id");
	expect("COPY t (a, b) FROM STDIN", "t.a t.b");
	expect("COPY t TO STDOUT", "t.*");
}

/* The ceiling: one more than fits may be any. */
static void many(void **state)
{
	static char sql[32 * (LIMIT_FACTS_USES + 2)];
	struct arena arena;
	int count;
	(void)state;
	for (int more = 0; more < 2; more++) {
		size_t len = (size_t)sprintf(sql, "SELECT c0");
		for (int at = 1; at < LIMIT_FACTS_USES + more; at++)
			len += (size_t)sprintf(sql + len, ", c%d", at);
		sprintf(sql + len, " FROM t");
		arena_init(&arena);
		struct facts *facts = tree_facts(sql, &arena, &count);
		assert_int_equal(facts->use_count, LIMIT_FACTS_USES);
		assert_int_equal(facts->uses_truncated, more);
		assert_false(facts->truncated);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queries), cmocka_unit_test(stars), cmocka_unit_test(levels),
	    cmocka_unit_test(writes),  cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
