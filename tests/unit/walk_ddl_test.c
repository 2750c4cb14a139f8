/* walk_ddl.c by the facts that it makes; ALTER TABLE is walk_alter_test.c's. */
#include "inspect/tree/facts.h"

#include "config/limits.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A new table has its foreign keys, its parent when it is a partition, and whether it is temporary. */
static void new_tables(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"CREATE TABLE c (id serial PRIMARY KEY, a int NOT NULL REFERENCES big (id), b text CHECK "
		 "(b <> ''), FOREIGN KEY (b, a) REFERENCES s.other (x, y))",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "relation 1 big target\n"
		 "relation 2 s.other target\n"
		 "create_table on=0 {id serial}{a pg_catalog.int4}{b text}\n"
		 "add_foreign_key on=0 column=a [a] refers=id referenced=1\n"
		 "add_foreign_key on=0 [b][a] refers=x,y referenced=2\n"},
		{"CREATE TABLE IF NOT EXISTS c (id int); CREATE TEMP TABLE c (id int REFERENCES d); CREATE "
		 "TABLE pg_temp.c (id int)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "create_table on=0 {id pg_catalog.int4} if_exists\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "relation 1 d target\n"
		 "create_table on=0 {id pg_catalog.int4} temporary\n"
		 "add_foreign_key on=0 column=id [id] referenced=1 temporary\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 pg_temp.c target\n"
		 "create_table on=0 {id pg_catalog.int4} temporary\n"},
		{"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE c () INHERITS (a, b)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 p1 target\n"
		 "relation 1 p target\n"
		 "create_table on=0 referenced=1\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "relation 1 a target\n"
		 "relation 2 b target\n"
		 "create_table on=0\n"
		 "other on=1 method=inherit\n"
		 "other on=2 method=inherit\n"},
		{"CREATE TABLE c AS SELECT a FROM t WHERE b = 1; CREATE MATERIALIZED VIEW IF NOT EXISTS m "
		 "AS SELECT 1 FROM t",
		 "ddl\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "relation 0 c target\n"
		 "relation 1 t level=1\n"
		 "where 1:[b] equal = column=b bare and level=1 literal\n"
		 "create_table_as on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "level 1 in 0\n"
		 "relation 0 m target\n"
		 "relation 1 t level=1\n"
		 "create_table_as on=0 if_exists\n"},
		{"SELECT a INTO TEMP c FROM t WHERE b = 1 UNION SELECT 1",
		 "ddl\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "level 2 in 0\n"
		 "relation 0 t level=1\n"
		 "relation 1 c target level=1\n"
		 "where 0:[b] equal = column=b bare and level=1 literal\n"
		 "create_table_as on=1 temporary\n"},
		{"CREATE TABLE c AS EXECUTE p",
		 "ddl executes=p\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "create_table_as on=0\n"},
		{"CREATE FOREIGN TABLE f (id int) SERVER s",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 f target\n"
		 "create_table on=0 {id pg_catalog.int4}\n"},
		{"CREATE SCHEMA s CREATE TABLE t (id int) CREATE INDEX i ON t (id)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "relation 1 s.t target\n"
		 "other object=s method=create schema\n"
		 "create_table on=0 {id pg_catalog.int4}\n"
		 "create_index on=1 object=i [id] method=btree\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* CREATE INDEX, DROP INDEX and REINDEX say which index, on what, how. */
static void indexes(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"CREATE INDEX \"shop_name\" ON \"shop_product\" (\"name\")",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 shop_product target\n"
		 "create_index on=0 object=shop_name [name] method=btree\n"},
		{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING gin "
		 "((UPPER(\"name\"::text)) gin_trgm_ops, b DESC) INCLUDE (c) WHERE d",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "create_index on=0 object=i [upper(name) gin_trgm_ops][b] method=gin concurrently only if_exists unique partial options\n"},
		{"DROP INDEX a; DROP INDEX CONCURRENTLY IF EXISTS s.a, b CASCADE",
		 "ddl\n"
		 "drop_index object=a\n"
		 "ddl\n"
		 "drop_index schema=s object=a concurrently if_exists cascade\n"
		 "drop_index object=b concurrently if_exists cascade\n"},
		{"REINDEX TABLE s.t; REINDEX INDEX CONCURRENTLY s.i; REINDEX (CONCURRENTLY, VERBOSE) SCHEMA "
		 "x; REINDEX DATABASE d; REINDEX SYSTEM d",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "reindex on=0 kind=table\n"
		 "ddl\n"
		 "reindex schema=s object=i kind=index concurrently\n"
		 "ddl\n"
		 "reindex object=x kind=schema concurrently\n"
		 "ddl\n"
		 "reindex object=d kind=database\n"
		 "ddl\n"
		 "reindex object=d kind=system\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* What is rewritten whole says so, and with which tables. */
static void rewrites(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"VACUUM FULL; VACUUM (FULL, VERBOSE) a, s.b; VACUUM (FULL true) a; CLUSTER; CLUSTER t "
		 "USING i; CLUSTER t",
		 "ddl\n"
		 "vacuum_full\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 a target\n"
		 "relation 1 s.b target\n"
		 "vacuum_full on=0\n"
		 "vacuum_full on=1\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 a target\n"
		 "vacuum_full on=0\n"
		 "ddl\n"
		 "cluster\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "cluster on=0 object=i\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "cluster on=0\n"},
		{"REFRESH MATERIALIZED VIEW m; REFRESH MATERIALIZED VIEW CONCURRENTLY s.m",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 m target\n"
		 "refresh_materialized_view on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.m target\n"
		 "refresh_materialized_view on=0 concurrently\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* Each object that is dropped is one step, a table by its relation, all else by its name. */
static void drops(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"DROP TABLE a, s.b CASCADE; DROP TABLE IF EXISTS a",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 a target\n"
		 "relation 1 s.b target\n"
		 "drop_table on=0 cascade\n"
		 "drop_table on=1 cascade\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 a target\n"
		 "drop_table on=0 if_exists\n"},
		{"DROP VIEW v; DROP MATERIALIZED VIEW s.m; DROP FOREIGN TABLE f",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 v target\n"
		 "drop_other on=0 method=view\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.m target\n"
		 "drop_other on=0 method=materialized view\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 f target\n"
		 "drop_other on=0\n"},
		{"DROP TRIGGER tr ON s.t; DROP RULE r ON t; DROP POLICY IF EXISTS p ON t CASCADE",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "drop_other on=0 object=tr method=trigger\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "drop_other on=0 object=r method=rule\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "drop_other on=0 object=p method=policy if_exists cascade\n"},
		{"DROP FUNCTION s.f(int); DROP TYPE s.ty; DROP SCHEMA x CASCADE; DROP EXTENSION e; DROP "
		 "SEQUENCE s.q; DROP AGGREGATE a(*); DROP CAST (int AS text); DROP OPERATOR CLASS o USING "
		 "btree",
		 "ddl\n"
		 "drop_other schema=s object=f\n"
		 "ddl\n"
		 "drop_other schema=s object=ty method=type\n"
		 "ddl\n"
		 "drop_other object=x method=schema cascade\n"
		 "ddl\n"
		 "drop_other object=e method=extension\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.q target\n"
		 "drop_other on=0 method=sequence\n"
		 "ddl\n"
		 "drop_other object=a method=function\n"
		 "ddl\n"
		 "drop_other\n"
		 "ddl\n"
		 "drop_other object=o\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* Every other change of a schema is one, whatever it is about; what changes none is not. */
static void others(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME TO u; ALTER TABLE t RENAME CONSTRAINT c "
		 "TO d; ALTER INDEX s.i RENAME TO j; ALTER TYPE ty RENAME TO tz",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0 column=a to=b\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0 to=u\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0 object=c to=d\n"
		 "ddl\n"
		 "rename schema=s object=i to=j\n"
		 "ddl\n"
		 "other to=tz\n"},
		{"CREATE TRIGGER tr BEFORE INSERT ON s.t EXECUTE FUNCTION f()",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "create_trigger on=0 object=tr method=trigger\n"},
		{"CREATE VIEW v AS SELECT 1 FROM t WHERE a LIKE '%abc%'",
		 "ddl\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "relation 0 v target\n"
		 "relation 1 t level=1\n"
		 "where 1:[a] like ~~ column=a bare and level=1 literal shape=( leading wild trigram )\n"
		 "create_view on=0\n"},
		{"CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; CREATE POLICY p ON t USING (true); "
		 "ALTER POLICY p ON t USING (false)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "other on=0 object=r\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "other on=0 object=p\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "other on=0 object=p\n"},
		{"ALTER TABLE t SET SCHEMA x; ALTER VIEW v SET SCHEMA x; ALTER TABLE t OWNER TO r; ALTER "
		 "TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t DISABLE TRIGGER tr; ALTER TABLE t "
		 "CLUSTER ON i",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 to=x method=set schema\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 v target\n"
		 "other on=0 to=x method=set schema\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 method=owner\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 object=tr method=trigger\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 object=i method=cluster on\n"},
		{"CREATE SEQUENCE s.q; ALTER SEQUENCE q RESTART; CREATE EXTENSION e; CREATE DOMAIN d AS "
		 "int; ALTER DOMAIN d SET NOT NULL; CREATE TYPE s.e AS ENUM ('a'); ALTER TYPE e ADD VALUE "
		 "'b'; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'secret'",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.q target\n"
		 "sequence on=0 object=q\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 q target\n"
		 "sequence on=0 object=q\n"
		 "ddl\n"
		 "other object=e method=create extension\n"
		 "ddl\n"
		 "other object=d\n"
		 "ddl\n"
		 "domain_constraint object=d\n"
		 "ddl\n"
		 "other object=e method=create enum\n"
		 "ddl\n"
		 "other object=e method=add value\n"
		 "ddl\n"
		 "other object=f method=create volatile\n"},
		{"COMMENT ON TABLE t IS 'x'; CREATE STATISTICS s ON a, b FROM t; ALTER FUNCTION f() STABLE; "
		 "CREATE DATABASE d; ALTER ROLE r SET search_path = x; CREATE TYPE c AS (a int); ALTER "
		 "TABLE ALL IN TABLESPACE a SET TABLESPACE b",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "other on=0\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other method=alone\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"},
		{"CREATE ROLE r PASSWORD 'x'; GRANT SELECT ON t TO r; SET CONSTRAINTS ALL IMMEDIATE; CREATE "
		 "SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
		 "other\n"
		 "secret 0 r\n"
		 "other\n"
		 "other\n"
		 "other\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* An index's columns, a statement's tables and its steps have ceilings, and the facts say when one is met. */
static void ceilings(void **state)
{
	static const struct {
		const char *head, *part, *tail;
		int count; /* of parts that just fit */
	} cases[] = {
	    {"CREATE INDEX i ON t (a", ", a", ")", LIMIT_FACTS_COLUMNS - 1},
	    {"DROP INDEX a", ", a", "", LIMIT_FACTS_ACTIONS - 1},
	    {"DROP TABLE a", ", a", "", LIMIT_FACTS_RELATIONS - 1},
	    {"CREATE TABLE t (a int REFERENCES u", ", a int REFERENCES u", ")", LIMIT_FACTS_RELATIONS - 2},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		for (int more = 0; more < 2; more++) {
			char sql[16 * 1024], *to = stpcpy(sql, cases[at].head);
			struct arena arena;
			int count;

			for (int part = 0; part < cases[at].count + more; part++)
				to = stpcpy(to, cases[at].part);
			stpcpy(to, cases[at].tail);
			arena_init(&arena);
			assert_int_equal(tree_facts(sql, &arena, &count)->truncated, more);
			arena_fini(&arena);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new_tables), cmocka_unit_test(indexes), cmocka_unit_test(rewrites),
	    cmocka_unit_test(drops),      cmocka_unit_test(others),  cmocka_unit_test(ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
