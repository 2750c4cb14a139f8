#include "inspect/tree/walk.h"

#include "config/limits.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Each sub-select is a level below the one it stands in, wherever that is. */
static void levels(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT (SELECT max(x) FROM a), ARRAY(SELECT y FROM b) FROM (SELECT * FROM c LIMIT 3) s, "
		 "LATERAL (SELECT 1 FROM d) l WHERE id IN (SELECT id FROM e OFFSET 2)",
		 "select\n"
		 "level 0 where others\n"
		 "level 1 in 0 limit\n"
		 "level 2 in 0\n"
		 "level 3 in 0 offset\n"
		 "level 4 in 0 aggregate\n"
		 "level 5 in 0\n"
		 "relation 0 c level=1\n"
		 "relation 1 (select) alias=s query=1 cte\n"
		 "relation 2 d level=2\n"
		 "relation 3 (select) alias=l query=2 cte\n"
		 "relation 4 e level=3\n"
		 "relation 5 a level=4\n"
		 "relation 6 b level=5\n"
		 "where [id] equal = column=id bare and subquery\n"
		 "sort 5:[x] column=x desc nulls_first extreme level=4\n"},
		{"SELECT a FROM t UNION SELECT b FROM u UNION ALL (SELECT c FROM v ORDER BY c LIMIT 1) "
		 "LIMIT 5",
		 "select\n"
		 "level 0 limit\n"
		 "level 1 in 0\n"
		 "level 2 in 0\n"
		 "level 3 in 0 limit\n"
		 "relation 0 t level=1\n"
		 "relation 1 u level=2\n"
		 "relation 2 v level=3\n"
		 "sort 2:[c] column=c level=3\n"},
		{"SELECT DISTINCT a, count(*) FROM t WHERE b = 1 GROUP BY a LIMIT ALL",
		 "select\n"
		 "level 0 where group distinct aggregate\n"
		 "relation 0 t\n"
		 "where 0:[b] equal = column=b bare and literal\n"},
		{"SELECT row_number() OVER (ORDER BY a), sum(a) FILTER (WHERE b) FROM t FOR UPDATE SKIP "
		 "LOCKED",
		 "select for_update\n"
		 "level 0 locking aggregate\n"
		 "relation 0 t\n"},
		{"SELECT 1 FROM t FOR SHARE",
		 "select\n"
		 "level 0 locking\n"
		 "relation 0 t\n"},
		{"SELECT 1 FROM a WHERE NOT (a.id IN (SELECT U0.id FROM b U0 WHERE U0.n LIKE '%abc'))",
		 "select\n"
		 "level 0 where\n"
		 "level 1 in 0 where\n"
		 "relation 0 a\n"
		 "relation 1 b alias=u0 level=1\n"
		 "where 0:[id] equal = column=id bare negated subquery\n"
		 "where 1:[n] like ~~ column=n bare and level=1 literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM a WHERE x = (SELECT 1 FROM b) AND y > ALL (SELECT 2 FROM c)",
		 "select\n"
		 "level 0 where\n"
		 "level 1 in 0\n"
		 "level 2 in 0\n"
		 "relation 0 a\n"
		 "relation 1 b level=1\n"
		 "relation 2 c level=2\n"
		 "where 0:[x] equal = column=x bare and subquery\n"
		 "where 0:[y] other > column=y bare and subquery\n"},
		{"VALUES (1), ((SELECT 1 FROM a))",
		 "select\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "relation 0 a level=1\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A WITH query shadows a table only where it is visible. */
static void with_queries(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"WITH x AS (SELECT 1 FROM x), y AS (SELECT 1 FROM x) SELECT 1 FROM x, y, s.x",
		 "select\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "level 2 in 0\n"
		 "relation 0 x level=1\n"
		 "relation 1 x cte\n"
		 "relation 2 x cte level=2\n"
		 "relation 3 y query=2 cte\n"
		 "relation 4 s.x\n"},
		{"WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r JOIN t ON r.a = t.a) SELECT 1 "
		 "FROM r",
		 "select\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "level 2 in 1\n"
		 "level 3 in 1\n"
		 "relation 0 r cte level=3\n"
		 "relation 1 t level=3\n"
		 "relation 2 r cte\n"
		 "where 0:[a] equal = column=a bare and level=3 column 1:[a]\n"},
		{"SELECT 1 FROM (WITH x AS (SELECT 1) SELECT 1 FROM x) s, x",
		 "select\n"
		 "level 0 others\n"
		 "level 1 in 0\n"
		 "level 2 in 1\n"
		 "relation 0 x query=2 cte level=1\n"
		 "relation 1 (select) alias=s query=1 cte\n"
		 "relation 2 x\n"},
		{"WITH d AS (DELETE FROM t WHERE a = 1 RETURNING *) INSERT INTO d SELECT * FROM d",
		 "insert\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "level 2 in 0\n"
		 "relation 0 t target level=1\n"
		 "relation 1 d cte level=2\n"
		 "relation 2 d target inserted\n"
		 "where 0:[a] equal = column=a bare and level=1 literal\n"},
		{"INSERT INTO t (a) WITH x AS (SELECT 1 FROM u) VALUES ((SELECT 1 FROM x))",
		 "insert\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "level 2 in 1\n"
		 "relation 0 u level=2\n"
		 "relation 1 x query=2 cte level=1\n"
		 "relation 2 t target inserted\n"
		 "set a subquery\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A sort has its column, also by its number or output name, and the order as it comes out. */
static void sorts(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT a, b FROM t ORDER BY t.a, b DESC, c ASC NULLS FIRST, d DESC NULLS LAST",
		 "select\n"
		 "level 0\n"
		 "relation 0 t\n"
		 "sort 0:[a] column=a\n"
		 "sort 0:[b] column=b desc nulls_first\n"
		 "sort 0:[c] column=c nulls_first\n"
		 "sort 0:[d] column=d desc\n"},
		{"SELECT a, b + 1 AS k, c AS l FROM t ORDER BY 1, 2, k, l DESC, 9",
		 "select\n"
		 "level 0\n"
		 "relation 0 t\n"
		 "sort 0:[a] column=a\n"
		 "sort 0:[b + ?] column=b\n"
		 "sort 0:[c] column=c desc nulls_first\n"},
		{"SELECT *, a FROM t ORDER BY 1",
		 "select\n"
		 "level 0\n"
		 "relation 0 t\n"},
		{"SELECT a FROM t ORDER BY random(), UPPER(name::text), similarity(name, 'x') USING >",
		 "select\n"
		 "level 0\n"
		 "relation 0 t\n"
		 "sort [random()]\n"
		 "sort 0:[upper(name)] column=name\n"
		 "sort 0:[similarity(name, ?)] column=name desc nulls_first\n"},
		{"SELECT DISTINCT ON (a) a FROM t",
		 "select\n"
		 "level 0 distinct\n"
		 "relation 0 t\n"
		 "sort 0:[a] column=a\n"},
		{"SELECT DISTINCT ON (a) a FROM t ORDER BY a, b",
		 "select\n"
		 "level 0 distinct\n"
		 "relation 0 t\n"
		 "sort 0:[a] column=a\n"
		 "sort 0:[b] column=b\n"},
		{"SELECT a FROM t UNION SELECT b FROM u ORDER BY 1",
		 "select\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "level 2 in 0\n"
		 "relation 0 t level=1\n"
		 "relation 1 u level=2\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* INSERT, UPDATE, DELETE and MERGE have a target, their columns and what these get. */
static void changes(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"UPDATE t SET a = 1, b = $2, c = c + 1, d = (SELECT max(x) FROM u WHERE u.id = t.id), (e, "
		 "f) = (1, $3), g = now(), h = DEFAULT WHERE t.n > 5",
		 "update\n"
		 "level 0 where\n"
		 "level 1 in 0 where aggregate\n"
		 "relation 0 t target\n"
		 "relation 1 u level=1\n"
		 "where 0:[n] range > column=n bare and literal\n"
		 "where 1:[id] equal = column=id bare and level=1 column 0:[id]\n"
		 "sort 1:[x] column=x desc nulls_first extreme level=1\n"
		 "set a literal\n"
		 "set b parameter $2\n"
		 "set c column\n"
		 "set d subquery\n"
		 "set e literal\n"
		 "set f parameter $3\n"
		 "set g other\n"
		 "set h other\n"},
		{"UPDATE t AS x SET a = 'v'::text FROM v WHERE v.id = x.id",
		 "update\n"
		 "level 0 where\n"
		 "relation 0 t alias=x target\n"
		 "relation 1 v\n"
		 "where 1:[id] equal = column=id bare and column 0:[id]\n"
		 "set a literal plain\n"},
		{"DELETE FROM t USING u WHERE t.id = u.id AND t.x IN (SELECT y FROM z)",
		 "delete\n"
		 "level 0 where\n"
		 "level 1 in 0\n"
		 "relation 0 t target\n"
		 "relation 1 u\n"
		 "relation 2 z level=1\n"
		 "where 0:[id] equal = column=id bare and column 1:[id]\n"
		 "where 0:[x] equal = column=x bare and subquery\n"},
		{"DELETE FROM t",
		 "delete\n"
		 "level 0\n"
		 "relation 0 t target\n"},
		{"INSERT INTO s.t (a, b, c) VALUES ($1, 'x', now()), (1, 2, 3) ON CONFLICT (a) DO UPDATE "
		 "SET b = EXCLUDED.b WHERE t.c LIKE '%abc%' RETURNING id",
		 "insert\n"
		 "level 0\n"
		 "relation 0 s.t target inserted\n"
		 "set a parameter $1\n"
		 "set b literal plain\n"
		 "set c other\n"
		 "set b column\n"},
		{"INSERT INTO t (a) SELECT x FROM u WHERE name LIKE '%abc%' ",
		 "insert\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "relation 0 u level=1\n"
		 "relation 1 t target inserted\n"
		 "where 0:[name] like ~~ column=name bare and level=1 literal shape=( leading wild trigram )\n"
		 "set a column\n"},
		{"INSERT INTO t DEFAULT VALUES",
		 "insert\n"
		 "level 0\n"
		 "relation 0 t target inserted\n"},
		{"MERGE INTO t USING s ON t.id = s.id AND s.k = 1 WHEN MATCHED THEN UPDATE SET a = 1 WHEN "
		 "NOT MATCHED THEN INSERT VALUES (1)",
		 "merge\n"
		 "level 0 where\n"
		 "relation 0 t target\n"
		 "relation 1 s\n"
		 "where 0:[id] equal = column=id bare and column 1:[id]\n"
		 "where 1:[k] equal = column=k bare literal\n"
		 "set a literal\n"
		 "set #1 literal\n"},
		{"UPDATE t SET a = 1 WHERE CURRENT OF c",
		 "update\n"
		 "level 0 where\n"
		 "relation 0 t target\n"
		 "set a literal\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* What carries another statement has its own kind and name, and the other's facts. */
static void carriers(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"DECLARE \"c1\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1 FROM t WHERE a = 1 FOR NO KEY UPDATE",
		 "declare name=c1 hold for_update\n"
		 "level 0 where locking\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"},
		{"DECLARE c CURSOR FOR SELECT 1",
		 "declare name=c\n"
		 "level 0\n"},
		{"PREPARE p AS UPDATE t SET a = $1",
		 "prepare name=p\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set a parameter $1\n"},
		{"EXPLAIN SELECT 1 FROM t WHERE a = 1",
		 "explain\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"},
		{"EXPLAIN (ANALYZE, BUFFERS) SELECT 1 FROM t",
		 "explain analyze\n"
		 "level 0\n"
		 "relation 0 t\n"},
		{"EXPLAIN (ANALYZE false) SELECT 1",
		 "explain\n"
		 "level 0\n"},
		{"EXPLAIN CREATE TABLE x AS SELECT 1",
		 "explain\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "relation 0 x target\n"},
		{"EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
		 "explain analyze\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "relation 0 x target\n"
		 "create_table_as on=0\n"},
		{"EXPLAIN ANALYZE EXECUTE p",
		 "explain executes=p analyze\n"},
		{"COPY (SELECT 1 FROM t WHERE a = 1) TO STDOUT",
		 "copy\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"},
		{"COPY t (a) FROM STDIN",
		 "copy\n"
		 "level 0\n"
		 "relation 0 t target\n"},
		{"COPY s.t TO STDOUT",
		 "copy\n"
		 "level 0\n"
		 "relation 0 s.t\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* `head`, `count` times `part`, `tail`. */
static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
	size_t len = strlen(head) + count * strlen(part) + strlen(tail) + 1;
	char *text = malloc(len), *to = text;

	assert_non_null(text);
	to = stpcpy(to, head);
	while (count-- > 0)
		to = stpcpy(to, part);
	stpcpy(to, tail);
	return text;
}

struct counts {
	size_t relations, predicates, levels, sorts, assignments;
	bool truncated;
};

static struct counts counts_of(char *sql)
{
	struct arena arena;
	int count;

	arena_init(&arena);
	const struct facts *facts = tree_facts(sql, &arena, &count);
	assert_int_equal(count, 1);
	struct counts counts = {facts->relation_count, facts->predicate_count,  facts->level_count,
	                        facts->sort_count,     facts->assignment_count, facts->truncated};
	arena_fini(&arena);
	free(sql);
	return counts;
}

/* At a ceiling everything is there, one further it is not and the facts say so. */
static void ceilings(void **state)
{
	(void)state;

	struct counts counts = counts_of(repeated("SELECT 1 FROM a", ", a", LIMIT_FACTS_RELATIONS - 1, ""));
	assert_int_equal(counts.relations, LIMIT_FACTS_RELATIONS);
	assert_false(counts.truncated);
	counts = counts_of(repeated("SELECT 1 FROM a", ", a", LIMIT_FACTS_RELATIONS, ""));
	assert_int_equal(counts.relations, LIMIT_FACTS_RELATIONS);
	assert_true(counts.truncated);

	counts = counts_of(repeated("SELECT 1 FROM t WHERE a = 1", " AND a = 1", LIMIT_FACTS_PREDICATES - 1, ""));
	assert_int_equal(counts.predicates, LIMIT_FACTS_PREDICATES);
	assert_false(counts.truncated);
	counts = counts_of(repeated("SELECT 1 FROM t WHERE a = 1", " OR a = 1", LIMIT_FACTS_PREDICATES, ""));
	assert_int_equal(counts.predicates, LIMIT_FACTS_PREDICATES);
	assert_true(counts.truncated);

	counts = counts_of(repeated("SELECT 1", " UNION SELECT 1", LIMIT_FACTS_LEVELS - 2, ""));
	assert_int_equal(counts.levels, LIMIT_FACTS_LEVELS);
	assert_false(counts.truncated);
	counts = counts_of(repeated("SELECT 1", " UNION SELECT 1", LIMIT_FACTS_LEVELS, ""));
	assert_int_equal(counts.levels, LIMIT_FACTS_LEVELS);
	assert_true(counts.truncated);

	counts = counts_of(repeated("SELECT 1 FROM t ORDER BY a", ", a", LIMIT_FACTS_SORTS - 1, ""));
	assert_int_equal(counts.sorts, LIMIT_FACTS_SORTS);
	assert_false(counts.truncated);
	counts = counts_of(repeated("SELECT 1 FROM t ORDER BY a", ", a", LIMIT_FACTS_SORTS, ""));
	assert_true(counts.truncated);

	counts = counts_of(repeated("UPDATE t SET a = 1", ", a = 1", LIMIT_FACTS_ASSIGNMENTS - 1, ""));
	assert_int_equal(counts.assignments, LIMIT_FACTS_ASSIGNMENTS);
	assert_false(counts.truncated);
	counts = counts_of(repeated("UPDATE t SET a = 1", ", a = 1", LIMIT_FACTS_ASSIGNMENTS, ""));
	assert_true(counts.truncated);

	counts = counts_of(repeated("WITH x AS (SELECT 1)", ", x AS (SELECT 1)", 2 * LIMIT_FACTS_LEVELS, " SELECT 1"));
	assert_true(counts.truncated);
}

/* What lies deeper than the walk goes is left out, and the facts say so; what is before it is there. */
static void depth(void **state)
{
	(void)state;

	struct counts counts =
	    counts_of(repeated("SELECT 1 FROM t WHERE a = 1 AND ", "NOT ", LIMIT_WALK_DEPTH - 10, "b = 1"));
	assert_int_equal(counts.predicates, 2);
	assert_false(counts.truncated);
	counts = counts_of(repeated("SELECT 1 FROM t WHERE a = 1 AND ", "NOT ", LIMIT_WALK_DEPTH + 10, "b = 1"));
	assert_int_equal(counts.predicates, 1);
	assert_true(counts.truncated);
	/* A long chain leans to the left: the expression is too deep, its text is dropped, the predicate stays. */
	counts = counts_of(repeated("SELECT 1 FROM t WHERE a", " + 1", LIMIT_WALK_DEPTH + 10, " = 5"));
	assert_true(counts.truncated);
	counts = counts_of(repeated("SELECT ", "(SELECT ", LIMIT_FACTS_LEVELS + 10,
	                            "1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"));
	assert_true(counts.truncated);
}

/* No literal that a user may have put into a statement gets into its facts. */
static void no_literals(void **state)
{
	static const char *const statements[] = {
	    "SELECT 'canary', f('canary', 424242) FROM t WHERE a = 'canary' AND b LIKE '%canary%' AND c IN ('canary', "
	    "'x') "
	    "AND d BETWEEN 424242 AND 424243 AND COALESCE(e, 'canary') = 'x' AND f('canary', g) > 1 AND h @> "
	    "'{\"k\": \"canary\"}' AND i = 'canary'::varchar AND j ~ 'canary' AND k = ANY ('{canary}') AND l = "
	    "ARRAY['canary'] AND m = replace('canary', 'a', 'b')",
	    "SELECT 1 FROM t GROUP BY concat(a, 'canary') HAVING max(concat(a, 'canary')) = 'canary' ORDER BY "
	    "concat(a, 'canary'), CASE WHEN b = 'canary' THEN 424242 END LIMIT 424242 OFFSET 424242",
	    "SELECT 1 FROM t WHERE CASE a WHEN 'canary' THEN 424242 ELSE b END = 424242",
	    "SELECT 1 FROM t JOIN u ON t.a = u.a AND u.b = 'canary' WHERE EXISTS (SELECT 1 FROM v WHERE x = 'canary')",
	    "INSERT INTO t (a, b) VALUES ('canary', 424242) ON CONFLICT DO NOTHING",
	    "UPDATE t SET a = 'canary', b = b + 424242 WHERE c = 'canary'",
	    "DELETE FROM t WHERE (a, b) = ('canary', 424242)",
	    "SELECT set_config('app.canary', 'canary', false)",
	    "SELECT set_config('search_path', 'canary', false)",
	    "ALTER ROLE r PASSWORD 'canary'",
	    "CREATE ROLE r PASSWORD 'canary'",
	    "CREATE USER MAPPING FOR r SERVER s OPTIONS (password 'canary')",
	    "COMMENT ON TABLE t IS 'canary'",
	    "NOTIFY n, 'canary'",
	    "EXECUTE p ('canary', 424242)",
	    "CALL p('canary')",
	    "DO 'canary'",
	    "COPY t FROM 'canary'",
	    "ALTER TABLE t ADD COLUMN c text DEFAULT 'canary'",
	    "ALTER TABLE t ADD CONSTRAINT c CHECK (a <> 'canary')",
	    "ALTER TABLE t ALTER c SET DEFAULT f('canary', 424242)",
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(statements); at++) {
		const char *facts = tree_dump(statements[at]);
		if (strstr(facts, "canary") != NULL || strstr(facts, "42424") != NULL)
			fail_msg("%s\nleaks into\n%s", statements[at], facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(levels),  cmocka_unit_test(with_queries), cmocka_unit_test(sorts),
	    cmocka_unit_test(changes), cmocka_unit_test(carriers),     cmocka_unit_test(ceilings),
	    cmocka_unit_test(depth),   cmocka_unit_test(no_literals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
