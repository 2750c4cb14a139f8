#include "inspect/change/effect.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *big, *child, *parent, *other;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	judge_index(&judge, big, "big_qty", "btree", "qty int4_ops", NULL);
	parent = judge_table(&judge, "public", "parent", JUDGE_LARGE);
	child = judge_table(&judge, "public", "child", JUDGE_LARGE);
	other = judge_table(&judge, "public", "other", JUDGE_LARGE);
	parent->kind = CATALOG_PARTITIONED_TABLE;
	other->is_default_partition = true;
	child->is_partition = other->is_partition = true;
	struct arena *arena = catalog_arena(judge.catalog);
	const struct catalog_relation **list = arena_alloc(arena, 2 * sizeof(*list));
	list[0] = child;
	list[1] = other;
	parent->partitions = list;
	parent->partition_count = 2;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *what)
{
	judge_expect_effect(&judge, sql, what);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Which statements have an effect to tell at all. */
static void applies(void **state)
{
	(void)state;
	assert_true(effect_applies(judge_parse(&judge, "CREATE INDEX ON big (qty)")));
	assert_true(effect_applies(judge_parse(&judge, "TRUNCATE big")));
	assert_false(effect_applies(judge_parse(&judge, "SELECT 1 FROM big")));
	assert_false(effect_applies(judge_parse(&judge, "BEGIN")));
	expect("CREATE EXTENSION btree_gist", " none");
}

/* An index is built under SHARE, and CONCURRENTLY lets others write; a small table is never dangerous. */
static void indexes(void **state)
{
	(void)state;
	expect("CREATE INDEX i ON big (qty)", "big SHARE scan dangerous");
	expect("CREATE INDEX i ON small (qty)", "small SHARE scan");
	expect("CREATE INDEX CONCURRENTLY i ON big (qty)", "big SHARE UPDATE EXCLUSIVE scan");
	expect("CREATE INDEX IF NOT EXISTS big_qty ON big (qty)", "big SHARE");
	expect("DROP INDEX big_qty", "big ACCESS EXCLUSIVE; big_qty ACCESS EXCLUSIVE");
	expect("DROP INDEX CONCURRENTLY big_qty", "big SHARE UPDATE EXCLUSIVE; big_qty SHARE UPDATE EXCLUSIVE");
	expect("ALTER INDEX big_qty RENAME TO x", "big none; big_qty SHARE UPDATE EXCLUSIVE");
	expect("REINDEX INDEX big_qty", "big SHARE scan dangerous; big_qty ACCESS EXCLUSIVE");
	expect("REINDEX TABLE CONCURRENTLY small",
	       "small SHARE UPDATE EXCLUSIVE scan; small_pkey SHARE UPDATE EXCLUSIVE");
}

/* CONCURRENTLY is refused inside a transaction and on a partitioned table. */
static void refused(void **state)
{
	(void)state;
	expect("CREATE INDEX CONCURRENTLY i ON parent (qty)", "refused");
	judge.session.transaction = 'T';
	expect("CREATE INDEX CONCURRENTLY i ON big (qty)", "refused");
	expect("VACUUM FULL big", "refused");
	expect("CREATE INDEX i ON big (qty)", "big SHARE scan dangerous");
}

/* What a partitioned table is told, its partitions do; ONLY keeps them out. */
static void partitions(void **state)
{
	(void)state;
	expect("CREATE INDEX i ON parent (qty)",
	       "parent SHARE scan dangerous; child SHARE scan dangerous; other SHARE scan dangerous");
	expect("CREATE INDEX i ON ONLY parent (qty)", "parent SHARE");
	expect("CREATE TABLE fresh PARTITION OF parent FOR VALUES FROM (1) TO (2)",
	       "parent ACCESS EXCLUSIVE; other ACCESS EXCLUSIVE scan dangerous");
	expect("ALTER TABLE parent ATTACH PARTITION big FOR VALUES FROM (1) TO (2)",
	       "big ACCESS EXCLUSIVE scan dangerous; parent SHARE UPDATE EXCLUSIVE; "
	       "other ACCESS EXCLUSIVE scan dangerous");
	expect("ALTER TABLE parent DETACH PARTITION child",
	       "child ACCESS EXCLUSIVE; parent ACCESS EXCLUSIVE; other ACCESS EXCLUSIVE");
	expect("ALTER TABLE parent DETACH PARTITION child CONCURRENTLY", "refused");
	expect("TRUNCATE parent", "parent ACCESS EXCLUSIVE; child ACCESS EXCLUSIVE; other ACCESS EXCLUSIVE");
}

/* Whole tables are written by VACUUM FULL, read by VACUUM; rows by UPDATE, all of them without WHERE. */
static void rows(void **state)
{
	(void)state;
	expect("VACUUM FULL big", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("CLUSTER big USING big_qty", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("VACUUM big", "big SHARE UPDATE EXCLUSIVE scan");
	expect("LOCK TABLE big IN EXCLUSIVE MODE", "big EXCLUSIVE");
	expect("UPDATE big SET qty = 0", "big ROW EXCLUSIVE scan dangerous");
	expect("UPDATE big SET qty = 0 WHERE id = 1", "big ROW EXCLUSIVE");
}

/* Each target by itself: its own ONLY, and the WHERE of its own query. Into what rows are added, none is read. */
static void several_targets(void **state)
{
	(void)state;
	expect("UPDATE ONLY parent SET qty = 0 WHERE id = 1", "parent ROW EXCLUSIVE");
	expect("WITH gone AS (DELETE FROM ONLY parent WHERE id = 1 RETURNING id) UPDATE big SET qty = 0 WHERE id = 1",
	       "parent ROW EXCLUSIVE; big ROW EXCLUSIVE");
	expect("WITH gone AS (DELETE FROM ONLY big WHERE id = 1 RETURNING id) UPDATE parent SET qty = 0 WHERE id = 1",
	       "big ROW EXCLUSIVE; parent ROW EXCLUSIVE; child ROW EXCLUSIVE; other ROW EXCLUSIVE");
	expect("WITH gone AS (DELETE FROM big WHERE id = 1 RETURNING id) UPDATE small SET qty = 0",
	       "big ROW EXCLUSIVE; small ROW EXCLUSIVE scan");
	expect("WITH gone AS (DELETE FROM small RETURNING id) UPDATE big SET qty = 0 WHERE id = 1",
	       "small ROW EXCLUSIVE scan; big ROW EXCLUSIVE");
	expect("WITH kept AS (INSERT INTO big (id) VALUES (1) RETURNING id) UPDATE small SET qty = 0 WHERE id = 1",
	       "big ROW EXCLUSIVE; small ROW EXCLUSIVE");
	expect("LOCK TABLE ONLY parent, big IN SHARE MODE", "parent SHARE; big SHARE");
	expect("LOCK TABLE ONLY big, parent IN SHARE MODE", "big SHARE; parent SHARE; child SHARE; other SHARE");
	expect("TRUNCATE ONLY big, parent",
	       "big ACCESS EXCLUSIVE; parent ACCESS EXCLUSIVE; child ACCESS EXCLUSIVE; other ACCESS EXCLUSIVE");
	expect("TRUNCATE big, ONLY parent", "refused");
}

/* What is new in this transaction, nobody waits for; what reads a table only keeps DDL away from it. */
static void new_and_read(void **state)
{
	(void)state;
	expect("CREATE TABLE fresh (id int)", " none");
	expect("CREATE TABLE fresh (big_id int REFERENCES big)", "big SHARE ROW EXCLUSIVE");
	expect("CREATE TABLE fresh AS SELECT * FROM big", "big ACCESS SHARE scan");
	expect("CREATE TABLE fresh AS SELECT * FROM big WITH NO DATA", "big ACCESS SHARE");
	expect("CREATE VIEW v AS SELECT * FROM big", "big ACCESS SHARE");
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "CREATE TABLE fresh (id int)");
	expect("ALTER TABLE fresh ALTER id TYPE text", " none");
	expect("CREATE INDEX ON fresh (id)", " none");
}

/* A table that the catalog does not know may be a large one. */
static void unknown(void **state)
{
	(void)state;
	expect("CREATE INDEX i ON nowhere (qty)", "nowhere SHARE scan dangerous");
	expect("DROP TABLE IF EXISTS nowhere", " none");
	expect("DROP TABLE nowhere", "nowhere ACCESS EXCLUSIVE");
}

/* A function that the transaction has made is volatile unless it says otherwise, a domain constrained if it says so. */
static void made_before(void **state)
{
	(void)state;
	static const char anew[] = "big ACCESS EXCLUSIVE rewrite scan dangerous";
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "CREATE FUNCTION vol() RETURNS int LANGUAGE plpgsql AS 'begin return 1; end'");
	judge_run(&judge, "CREATE FUNCTION imm() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'begin return 1; end'");
	judge_run(&judge, "CREATE DOMAIN share AS int CHECK (VALUE <= 100)");
	judge_run(&judge, "CREATE DOMAIN plain AS int");
	expect("ALTER TABLE big ADD COLUMN c int DEFAULT vol()", anew);
	expect("ALTER TABLE big ADD COLUMN c int DEFAULT imm()", "big ACCESS EXCLUSIVE");
	expect("ALTER TABLE big ADD COLUMN c share", anew);
	expect("ALTER TABLE big ADD COLUMN c plain", "big ACCESS EXCLUSIVE");
	judge_run(&judge, "ROLLBACK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(applies, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(partitions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(several_targets, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(new_and_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(made_before, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
