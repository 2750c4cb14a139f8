/* walk_ddl.c and walk_alter.c, by the facts that they make. */
#include "inspect/facts.h"

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
		 "create_table on=0\n"
		 "add_foreign_key on=0 column=a [a] referenced=1\n"
		 "add_foreign_key on=0 [b][a] referenced=2\n"},
		{"CREATE TABLE IF NOT EXISTS c (id int); CREATE TEMP TABLE c (id int REFERENCES d); CREATE "
		 "TABLE pg_temp.c (id int)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "create_table on=0 if_exists\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "relation 1 d target\n"
		 "create_table on=0 temporary\n"
		 "add_foreign_key on=0 column=id [id] referenced=1 temporary\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 pg_temp.c target\n"
		 "create_table on=0 temporary\n"},
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
		 "create_table on=0\n"},
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
		 "ddl\n"
		 "level 0\n"
		 "relation 0 c target\n"
		 "create_table_as on=0\n"},
		{"CREATE FOREIGN TABLE f (id int) SERVER s",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 f target\n"
		 "create_table on=0\n"},
		{"CREATE SCHEMA s CREATE TABLE t (id int) CREATE INDEX i ON t (id)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "relation 1 s.t target\n"
		 "other object=s\n"
		 "create_table on=0\n"
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

/* An added column has its type as written, what its default calls, and its inline constraints as flags. */
static void added_columns(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"ALTER TABLE t ADD a int; ALTER TABLE t ADD COLUMN IF NOT EXISTS a varchar(20) NOT NULL",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=pg_catalog.int4\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=pg_catalog.varchar(20) if_exists not_null\n"},
		{"ALTER TABLE t ADD a numeric(10,2)[] DEFAULT '{}', ADD b timestamp(3) with time zone, ADD "
		 "c \"char\", ADD d char, ADD e s.ty, ADD f double precision",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=pg_catalog.numeric(10,2)[] default\n"
		 "add_column on=0 column=b type=pg_catalog.timestamptz(3)\n"
		 "add_column on=0 column=c type=char\n"
		 "add_column on=0 column=d type=pg_catalog.bpchar(1)\n"
		 "add_column on=0 column=e type=s.ty\n"
		 "add_column on=0 column=f type=pg_catalog.float8\n"},
		{"ALTER TABLE t ADD a int DEFAULT NULL, ADD b int DEFAULT NULL::int, ADD c int DEFAULT 0, "
		 "ADD d int DEFAULT (1 + 1)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=pg_catalog.int4 default default_null\n"
		 "add_column on=0 column=b type=pg_catalog.int4 default default_null\n"
		 "add_column on=0 column=c type=pg_catalog.int4 default\n"
		 "add_column on=0 column=d type=pg_catalog.int4 default\n"},
		{"ALTER TABLE t ADD a timestamptz DEFAULT now(), ADD b timestamptz DEFAULT "
		 "CURRENT_TIMESTAMP, ADD c date DEFAULT CURRENT_DATE",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=timestamptz call=now/0 default\n"
		 "add_column on=0 column=b type=timestamptz default\n"
		 "add_column on=0 column=c type=date default\n"},
		{"ALTER TABLE t ADD a uuid DEFAULT gen_random_uuid(), ADD b int DEFAULT nextval('s'), ADD c "
		 "text DEFAULT lower(s.f(random(), 'x') || md5('y'))",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=uuid call=gen_random_uuid/0 default\n"
		 "add_column on=0 column=b type=pg_catalog.int4 call=nextval/1 default\n"
		 "add_column on=0 column=c type=text call=lower/1 call=s.f/2 call=random/0 call=md5/1 default\n"},
		{"ALTER TABLE t ADD a date DEFAULT (now() AT TIME ZONE 'UTC')::date, ADD b text DEFAULT "
		 "COALESCE(NULL, pg_catalog.version())",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=date call=pg_catalog.timezone/2 call=now/0 default\n"
		 "add_column on=0 column=b type=text call=pg_catalog.version/0 default\n"},
		{"ALTER TABLE t ADD a serial, ADD b bigserial PRIMARY KEY, ADD c int GENERATED BY DEFAULT "
		 "AS IDENTITY, ADD d int GENERATED ALWAYS AS (abs(a) * 2) STORED",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=serial\n"
		 "add_column on=0 column=b type=bigserial primary\n"
		 "add_column on=0 column=c type=pg_catalog.int4 identity\n"
		 "add_column on=0 column=d type=pg_catalog.int4 call=abs/1 generated\n"},
		{"ALTER TABLE t ADD a int CHECK (a > 0), ADD b int UNIQUE, ADD c int DEFAULT 1 REFERENCES "
		 "s.u (id), ADD d text COLLATE \"C\"",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "relation 1 s.u target\n"
		 "add_column on=0 column=a type=pg_catalog.int4 check\n"
		 "add_column on=0 column=b type=pg_catalog.int4 has_unique\n"
		 "add_column on=0 column=c type=pg_catalog.int4 referenced=1 default references\n"
		 "add_column on=0 column=d type=text collation\n"},
		{"ALTER TABLE ONLY s.t ADD a int; ALTER TABLE IF EXISTS t ADD a int",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "add_column on=0 column=a type=pg_catalog.int4 only\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_column on=0 column=a type=pg_catalog.int4 if_exists\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* What changes a column names it, and USING of a bare cast to the new type is told from other expressions. */
static void altered_columns(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"ALTER TABLE t ALTER a TYPE int USING a::int, ALTER b TYPE int USING b::integer, ALTER c "
		 "TYPE int USING c, ALTER d TYPE int USING t.d::int4",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_type on=0 column=a type=pg_catalog.int4 using=bare_cast\n"
		 "alter_type on=0 column=b type=pg_catalog.int4 using=bare_cast\n"
		 "alter_type on=0 column=c type=pg_catalog.int4 using=bare_cast\n"
		 "alter_type on=0 column=d type=pg_catalog.int4 using=bare_cast\n"},
		{"ALTER TABLE t ALTER a TYPE int USING b::int, ALTER b TYPE int USING b::bigint, ALTER c "
		 "TYPE varchar(10) USING c::varchar(20), ALTER d TYPE int USING d::int + 1",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_type on=0 column=a type=pg_catalog.int4 using=expression\n"
		 "alter_type on=0 column=b type=pg_catalog.int4 using=expression\n"
		 "alter_type on=0 column=c type=pg_catalog.varchar(10) using=expression\n"
		 "alter_type on=0 column=d type=pg_catalog.int4 using=expression\n"},
		{"ALTER TABLE t ALTER a TYPE s.ty USING a::s.ty, ALTER b TYPE s.ty USING b::r.ty, ALTER c "
		 "TYPE int[] USING c::int, ALTER d TYPE text USING lower(d)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_type on=0 column=a type=s.ty using=bare_cast\n"
		 "alter_type on=0 column=b type=s.ty using=expression\n"
		 "alter_type on=0 column=c type=pg_catalog.int4[] using=expression\n"
		 "alter_type on=0 column=d type=text using=expression\n"},
		{"ALTER TABLE t ALTER a SET DATA TYPE varchar(50), ALTER b TYPE text COLLATE \"C\", ALTER c "
		 "TYPE timestamptz USING c AT TIME ZONE 'UTC'",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_type on=0 column=a type=pg_catalog.varchar(50)\n"
		 "alter_type on=0 column=b type=text collation\n"
		 "alter_type on=0 column=c type=timestamptz using=expression\n"},
		{"ALTER TABLE t ALTER a SET NOT NULL, ALTER b DROP NOT NULL, ALTER c SET DEFAULT f(1), "
		 "ALTER d DROP DEFAULT, DROP COLUMN IF EXISTS e CASCADE",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set_not_null on=0 column=a\n"
		 "drop_not_null on=0 column=b\n"
		 "set_default on=0 column=c call=f/1 default\n"
		 "drop_default on=0 column=d\n"
		 "drop_column on=0 column=e if_exists cascade\n"},
		{"ALTER TABLE t ALTER a SET STATISTICS 5, ALTER b SET (n_distinct = 5), ALTER c SET STORAGE "
		 "EXTERNAL, ALTER d ADD GENERATED ALWAYS AS IDENTITY",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 column=a\n"
		 "alter_table_other on=0 column=b\n"
		 "alter_table_other on=0 column=c\n"
		 "alter_table_other on=0 column=d\n"},
		{"ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME TO u; ALTER TABLE t RENAME CONSTRAINT c "
		 "TO d; ALTER INDEX s.i RENAME TO j; ALTER TYPE ty RENAME TO tz",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0 column=a\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "rename on=0 object=c\n"
		 "ddl\n"
		 "rename schema=s object=i\n"
		 "ddl\n"
		 "other\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A constraint that is added says its kind, columns, and whether rows are checked or an index is built. */
static void constraints(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0), ADD CHECK (a > 0) NOT VALID",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_check on=0 object=c\n"
		 "add_check on=0 not_valid\n"},
		{"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES s.u (x, y) DEFERRABLE "
		 "INITIALLY DEFERRED, ADD FOREIGN KEY (a) REFERENCES u NOT VALID",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "relation 1 s.u target\n"
		 "relation 2 u target\n"
		 "add_foreign_key on=0 object=f [a][b] referenced=1\n"
		 "add_foreign_key on=0 [a] referenced=2 not_valid\n"},
		{"ALTER TABLE t ADD CONSTRAINT q UNIQUE (a, b), ADD CONSTRAINT q UNIQUE USING INDEX i, ADD "
		 "PRIMARY KEY (a), ADD CONSTRAINT p PRIMARY KEY USING INDEX i",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_unique on=0 object=q [a][b] unique\n"
		 "add_unique on=0 object=q index=i unique using_index\n"
		 "add_primary_key on=0 [a] unique\n"
		 "add_primary_key on=0 object=p index=i unique using_index\n"},
		{"ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =, (lower(b)) WITH &&) WHERE "
		 "(c)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "add_exclusion on=0 object=x [a][lower(b)] method=gist partial\n"},
		{"ALTER TABLE t VALIDATE CONSTRAINT c, DROP CONSTRAINT IF EXISTS d CASCADE, ALTER "
		 "CONSTRAINT e DEFERRABLE",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "validate_constraint on=0 object=c\n"
		 "drop_constraint on=0 object=d if_exists cascade\n"
		 "alter_table_other on=0 object=e\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* What rewrites a table or moves a partition says so. */
static void storage_and_partitions(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"ALTER TABLE t SET LOGGED; ALTER TABLE t SET UNLOGGED; ALTER TABLE t SET TABLESPACE x; "
		 "ALTER TABLE t SET ACCESS METHOD heap; ALTER TABLE t SET (fillfactor = 70)",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set_storage_property on=0 method=logged\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set_storage_property on=0 method=unlogged\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set_storage_property on=0 object=x method=tablespace\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "set_storage_property on=0 object=heap method=access method\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0\n"},
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
		{"ALTER TABLE p ATTACH PARTITION s.c FOR VALUES IN (1); ALTER TABLE p DETACH PARTITION c; "
		 "ALTER TABLE p DETACH PARTITION c CONCURRENTLY",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 p target\n"
		 "relation 1 s.c target\n"
		 "attach_partition on=0 referenced=1\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 p target\n"
		 "relation 1 c target\n"
		 "detach_partition on=0 referenced=1\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 p target\n"
		 "relation 1 c target\n"
		 "detach_partition on=0 referenced=1 concurrently\n"},
		{"ALTER TABLE p DETACH PARTITION c FINALIZE; ALTER TABLE t INHERIT p; ALTER INDEX i ATTACH "
		 "PARTITION j; ALTER INDEX i SET TABLESPACE x",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 p target\n"
		 "relation 1 c target\n"
		 "alter_table_other on=0 referenced=1\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "relation 1 p target\n"
		 "alter_table_other on=0 referenced=1\n"
		 "ddl\n"
		 "other object=i\n"
		 "ddl\n"
		 "other object=i\n"},
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
		 "drop_other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.m target\n"
		 "drop_other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 f target\n"
		 "drop_other on=0\n"},
		{"DROP TRIGGER tr ON s.t; DROP RULE r ON t; DROP POLICY IF EXISTS p ON t CASCADE",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "drop_other on=0 object=tr\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "drop_other on=0 object=r\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "drop_other on=0 object=p if_exists cascade\n"},
		{"DROP FUNCTION s.f(int); DROP TYPE s.ty; DROP SCHEMA x CASCADE; DROP EXTENSION e; DROP "
		 "SEQUENCE s.q; DROP AGGREGATE a(*); DROP CAST (int AS text); DROP OPERATOR CLASS o USING "
		 "btree",
		 "ddl\n"
		 "drop_other schema=s object=f\n"
		 "ddl\n"
		 "drop_other schema=s object=ty\n"
		 "ddl\n"
		 "drop_other object=x cascade\n"
		 "ddl\n"
		 "drop_other object=e\n"
		 "ddl\n"
		 "drop_other schema=s object=q\n"
		 "ddl\n"
		 "drop_other object=a\n"
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
		{"CREATE TRIGGER tr BEFORE INSERT ON s.t EXECUTE FUNCTION f()",
		 "ddl\n"
		 "level 0\n"
		 "relation 0 s.t target\n"
		 "create_trigger on=0 object=tr\n"},
		{"CREATE VIEW v AS SELECT 1 FROM t WHERE a LIKE '%abc%'",
		 "ddl\n"
		 "level 0\n"
		 "level 1 in 0 where\n"
		 "relation 0 v target\n"
		 "relation 1 t level=1\n"
		 "where 1:[a] like ~~ column=a bare and level=1 literal shape=( leading wild trigram )\n"
		 "other on=0\n"},
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
		 "alter_table_other on=0\n"
		 "ddl\n"
		 "other object=v\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 object=tr\n"
		 "ddl\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "alter_table_other on=0 object=i\n"},
		{"CREATE SEQUENCE s.q; ALTER SEQUENCE q RESTART; CREATE EXTENSION e; CREATE DOMAIN d AS "
		 "int; ALTER DOMAIN d SET NOT NULL; CREATE TYPE s.e AS ENUM ('a'); ALTER TYPE e ADD VALUE "
		 "'b'; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'secret'",
		 "ddl\n"
		 "other object=q\n"
		 "ddl\n"
		 "other object=q\n"
		 "ddl\n"
		 "other object=e\n"
		 "ddl\n"
		 "other object=d\n"
		 "ddl\n"
		 "other object=d\n"
		 "ddl\n"
		 "other object=e\n"
		 "ddl\n"
		 "other object=e\n"
		 "ddl\n"
		 "other object=f\n"},
		{"COMMENT ON TABLE t IS 'x'; CREATE STATISTICS s ON a, b FROM t; ALTER FUNCTION f() STABLE; "
		 "CREATE DATABASE d; ALTER ROLE r SET search_path = x; CREATE TYPE c AS (a int); ALTER "
		 "TABLE ALL IN TABLESPACE a SET TABLESPACE b",
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"
		 "ddl\n"
		 "other\n"},
		{"ALTER VIEW v ALTER a SET DEFAULT 1; ALTER SEQUENCE q OWNED BY NONE; ALTER TYPE c ADD "
		 "ATTRIBUTE b int",
		 "ddl\n"
		 "other object=v\n"
		 "ddl\n"
		 "other object=q\n"
		 "ddl\n"
		 "other object=c\n"},
		{"CREATE ROLE r PASSWORD 'x'; GRANT SELECT ON t TO r; SET CONSTRAINTS ALL IMMEDIATE; CREATE "
		 "SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
		 "other\n"
		 "other\n"
		 "other\n"
		 "other\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A default's calls, an index's columns and a statement's steps have ceilings, and the facts say when one is met. */
static void ceilings(void **state)
{
	static const struct {
		const char *head, *part, *tail;
		int count; /* of parts that just fit */
	} cases[] = {
	    {"ALTER TABLE t ADD a int DEFAULT f()", " + f()", "", LIMIT_FACTS_CALLS - 1},
	    {"CREATE INDEX i ON t (a", ", a", ")", LIMIT_FACTS_COLUMNS - 1},
	    {"ALTER TABLE t ADD UNIQUE (a", ", a", ")", LIMIT_FACTS_COLUMNS - 1},
	    {"ALTER TABLE t ADD EXCLUDE (a WITH =", ", a WITH =", ")", LIMIT_FACTS_COLUMNS - 1},
	    {"ALTER TABLE t ADD a int", ", ADD a int", "", LIMIT_FACTS_ACTIONS - 1},
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
	    cmocka_unit_test(new_tables),      cmocka_unit_test(indexes),     cmocka_unit_test(added_columns),
	    cmocka_unit_test(altered_columns), cmocka_unit_test(constraints), cmocka_unit_test(storage_and_partitions),
	    cmocka_unit_test(drops),           cmocka_unit_test(others),      cmocka_unit_test(ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
