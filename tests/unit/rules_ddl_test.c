#include "inspect/rules/rules_ddl.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	catalog_add_function(judge.catalog, "pg_catalog", "now", 0, 0, CATALOG_STABLE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "statement_timestamp", 0, 0, CATALOG_STABLE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "random", 0, 0, CATALOG_VOLATILE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "gen_random_uuid", 0, 0, CATALOG_VOLATILE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "nextval", 1, 1, CATALOG_VOLATILE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "lower", 1, 1, CATALOG_IMMUTABLE, false);
	catalog_add_function(judge.catalog, "public", "inlined", 0, 0, CATALOG_VOLATILE, true);
	catalog_add_function(judge.catalog, "public", "two_ways", 0, 0, CATALOG_IMMUTABLE, false);
	catalog_add_function(judge.catalog, "public", "two_ways", 1, 1, CATALOG_VOLATILE, false);
	catalog_add_domain(
	    judge.catalog,
	    &(struct catalog_domain){.schema = "public", .name = "positive", .base_type = "int4", .constrained = true});
	catalog_add_domain(judge.catalog,
	                   &(struct catalog_domain){.schema = "public", .name = "plain", .base_type = "int4"});
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *codes)
{
	judge_expect(&judge, sql, codes);
}

/* The same statement in either mode, and on a small table. */
static void expect_block(const char *format, const char *code)
{
	char sql[1000], rejected[32];
	snprintf(sql, sizeof(sql), format, "product");
	snprintf(rejected, sizeof(rejected), "%s!", code);
	expect(sql, code);
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	judge_mode(&judge, SETTINGS_ENFORCE);
	expect(sql, rejected);
	judge_mode(&judge, SETTINGS_OBSERVE);
	snprintf(sql, sizeof(sql), format, "small");
	expect(sql, "");
}

static const struct finding *finding(void)
{
	assert_int_equal(judge.verdict.count, 1);
	return &judge.verdict.findings[0];
}

/* -- M202, M204, M223 --------------------------------------------------------------------------------- */

static void index_build(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_qty", "btree", "qty int4_ops", NULL);
	expect_block("CREATE INDEX fresh ON %s (qty)", "M202");
	expect_block("CREATE INDEX ON %s USING brin (id)", "M202");
	expect_block("CREATE INDEX IF NOT EXISTS fresh ON %s (qty)", "M202");
	static const char *const silent[] = {
	    "CREATE INDEX CONCURRENTLY fresh ON product (qty)",
	    "CREATE INDEX IF NOT EXISTS product_qty ON product (qty)",
	    "CREATE INDEX ON nobody (qty)",
	    "ALTER TABLE product CLUSTER ON product_qty",
	    "BEGIN",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
}

/* The fix is the whole statement in its own spelling: a part would be another index. */
static void index_build_fix(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *fix;
	} cases[] = {
	    {"CREATE INDEX \"Product_like\" ON product (name varchar_pattern_ops, qty)",
	     "CREATE INDEX CONCURRENTLY \"Product_like\" ON product (name varchar_pattern_ops, qty);"},
	    {"CREATE INDEX t ON product USING gin ((UPPER(\"name\")) gin_trgm_ops)",
	     "CREATE INDEX CONCURRENTLY t ON product USING gin ((UPPER(\"name\")) gin_trgm_ops);"},
	    {"CREATE INDEX x ON product (qty) INCLUDE (name)",
	     "CREATE INDEX CONCURRENTLY x ON product (qty) INCLUDE (name);"},
	    {"CREATE INDEX x ON product (qty DESC NULLS LAST)",
	     "CREATE INDEX CONCURRENTLY x ON product (qty DESC NULLS LAST);"},
	    {"CREATE INDEX x ON product (name COLLATE \"C\") WHERE qty IS NULL",
	     "CREATE INDEX CONCURRENTLY x ON product (name COLLATE \"C\") WHERE qty IS NULL;"},
	    {"CREATE INDEX x ON product ((qty::text))", "CREATE INDEX CONCURRENTLY x ON product ((qty::text));"},
	    {"CREATE INDEX ON product (qty)", "CREATE INDEX CONCURRENTLY ON product (qty);"},
	    {"create /* why */ index\n x on public.product (qty)",
	     "create index CONCURRENTLY x on public.product (qty);"},
	    {"SELECT 1; CREATE INDEX x ON product (qty); SELECT 2", "CREATE INDEX CONCURRENTLY x ON product (qty);"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		expect(cases[i].sql, "M202");
		assert_string_equal(finding()->fix_sql, cases[i].fix);
	}
}

/* Where the statement has constants, the fix has $n, says so, and nothing else of the finding shows them. */
static void index_build_hides_constants(void **state)
{
	(void)state;
	expect("CREATE INDEX x ON product (lower(name || 'hunter2')) WHERE qty > 99", "M202");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY x ON product (lower(name || $1)) WHERE qty > $2;\n"
	                    "-- $1 and so on stand for the statement's own constants");
	assert_null(strstr(finding()->column, "hunter2"));
	assert_null(strstr(finding()->fix_django, "hunter2"));
}

/* Django's fields say neither an expression nor an operator class, and its names have 30 characters. */
static void index_build_django(void **state)
{
	(void)state;
	expect("CREATE INDEX product_name_qty ON product (name, qty)", "M202");
	assert_non_null(strstr(finding()->fix_django,
	                       "AddIndexConcurrently(\"product\", Index(fields=[\"name\", \"qty\"], "
	                       "name=\"product_name_qty\"))"));
	static const char *const partly[] = {
	    "CREATE INDEX a_name_of_more_than_thirty_chars ON product (qty)",
	    "CREATE INDEX x ON product (name varchar_pattern_ops)",
	    "CREATE INDEX x ON product ((qty::text))",
	    "CREATE INDEX x ON product (qty) WHERE qty > 99",
	    "CREATE INDEX x ON product (qty) INCLUDE (name)",
	    "CREATE INDEX x ON product (qty DESC)",
	    "CREATE INDEX x ON product USING hash (qty)",
	    "CREATE INDEX ON product (qty)",
	};
	for (size_t i = 0; i < ARRAY_LEN(partly); i++) {
		expect(partly[i], "M202");
		assert_non_null(strstr(finding()->fix_django, "AddIndexConcurrently(\"product\", …)"));
	}
}

/* A partitioned table is as large as its partitions, refuses CONCURRENTLY, and is built nothing on by ONLY. */
static void partitioned(void **state)
{
	(void)state;
	static const struct catalog_relation *leaf;
	leaf = judge_table(&judge, "public", "product_2024", JUDGE_LARGE);
	product->kind = CATALOG_PARTITIONED_TABLE;
	product->rows = 0;
	product->bytes = 0;
	product->partitions = &leaf;
	product->partition_count = 1;
	expect("CREATE INDEX x ON product (qty)", "M228");
	assert_non_null(strstr(finding()->fix_sql, "CREATE INDEX x ON ONLY product (qty);"));
	assert_null(strstr(finding()->fix_sql, "CONCURRENTLY x"));
	assert_string_equal(finding()->fix_django, "");
	expect("CREATE INDEX x ON ONLY product (qty)", "");
	expect("CREATE UNIQUE INDEX x ON ONLY product (id)", "");
}

static void reindex(void **state)
{
	(void)state;
	judge_table(&judge, "empty", "nothing", 10);
	judge_table(&judge, "tenant", "larger", 3 * JUDGE_LARGE);
	expect_block("REINDEX TABLE %s", "M204");
	expect_block("REINDEX INDEX %s_pkey", "M204");
	expect("REINDEX INDEX public.product_pkey", "M204");
	assert_string_equal(finding()->fix_sql, "REINDEX INDEX CONCURRENTLY public.product_pkey;");
	expect("REINDEX SCHEMA public", "M204");
	assert_string_equal(finding()->table, "product");
	expect("REINDEX DATABASE shop", "M204");
	assert_string_equal(finding()->table, "tenant.larger");
	assert_string_equal(finding()->fix_sql, "REINDEX DATABASE CONCURRENTLY shop;");
	static const char *const silent[] = {"REINDEX TABLE CONCURRENTLY product",
	                                     "REINDEX INDEX CONCURRENTLY product_pkey",
	                                     "REINDEX (CONCURRENTLY) TABLE product",
	                                     "REINDEX SCHEMA empty",
	                                     "REINDEX SCHEMA nobody",
	                                     "REINDEX SYSTEM shop",
	                                     "REINDEX INDEX nobody",
	                                     "REINDEX INDEX tenant.product_pkey"};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
	judge_run(&judge, "BEGIN; CREATE TABLE product (id int PRIMARY KEY)");
	expect("REINDEX INDEX product_pkey", "");
}

static void vacuum_full(void **state)
{
	(void)state;
	expect_block("VACUUM FULL %s", "M223");
	expect_block("VACUUM (FULL, ANALYZE) %s", "M223");
	expect_block("CLUSTER %s USING product_pkey", "M223");
	expect("VACUUM FULL", "M223");
	assert_string_equal(finding()->table, "product");
	expect("CLUSTER", "M223");
	expect("VACUUM FULL small, product", "M223");
	expect("VACUUM product", "");
	expect("VACUUM (FULL false) product", "");
	expect("ANALYZE product", "");
}

/* -- M205, M206 --------------------------------------------------------------------------------------- */

static void volatile_default(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ADD COLUMN c float8 DEFAULT random()", "M205");
	expect_block("ALTER TABLE %s ADD COLUMN c uuid DEFAULT gen_random_uuid() NOT NULL", "M205");
	expect_block("ALTER TABLE %s ADD COLUMN c bigint DEFAULT nextval('s')", "M205");
	expect_block("ALTER TABLE %s ADD COLUMN c int DEFAULT (1 + pg_catalog.random()::int)", "M205");
	expect_block("ALTER TABLE %s ADD COLUMN c int DEFAULT two_ways(1)", "M205");
	expect("ALTER TABLE product ADD COLUMN c float8 DEFAULT random()", "M205");
	assert_string_equal(finding()->column, "c");
	assert_non_null(strstr(finding()->message, "random() is volatile"));
	assert_non_null(strstr(finding()->fix_sql, "SET DEFAULT random();"));
	expect("ALTER TABLE product ADD COLUMN c varchar(40) DEFAULT 'key' || random()", "M205");
	assert_non_null(strstr(finding()->fix_sql, "ADD COLUMN c varchar(40);"));
	assert_non_null(strstr(finding()->fix_sql, "SET DEFAULT …;"));
	expect("ALTER TABLE product ADD COLUMN c \"Kind\" DEFAULT pg_catalog.random()", "M205");
	assert_non_null(strstr(finding()->fix_sql, "ADD COLUMN c \"Kind\";"));
	assert_non_null(strstr(finding()->fix_sql, "SET DEFAULT pg_catalog.random();"));
	static const char *const silent[] = {
	    "ALTER TABLE product ADD COLUMN c timestamptz DEFAULT now() NOT NULL",
	    "ALTER TABLE product ADD COLUMN c timestamptz DEFAULT (STATEMENT_TIMESTAMP()) NOT NULL",
	    "ALTER TABLE product ADD COLUMN c timestamptz DEFAULT CURRENT_TIMESTAMP",
	    "ALTER TABLE product ADD COLUMN c date DEFAULT CURRENT_DATE",
	    "ALTER TABLE product ADD COLUMN c int DEFAULT 0 NOT NULL",
	    "ALTER TABLE product ADD COLUMN c int DEFAULT (1+1)",
	    "ALTER TABLE product ADD COLUMN c text DEFAULT lower('X')",
	    "ALTER TABLE product ADD COLUMN c int DEFAULT inlined()",
	    "ALTER TABLE product ADD COLUMN c int DEFAULT two_ways()",
	    "ALTER TABLE product ADD COLUMN c uuid DEFAULT '192940fe-0d02-49f4-85f3-368794dcd7ea'::uuid NOT NULL",
	    "ALTER TABLE product ADD COLUMN c int",
	    "ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int DEFAULT random()",
	    "ALTER TABLE product ALTER COLUMN qty SET DEFAULT random()",
	    "ALTER TABLE product ADD COLUMN c varchar(10)[] DEFAULT '{}'::varchar(10)[] NOT NULL",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
	expect("ALTER TABLE product ADD COLUMN IF NOT EXISTS c int DEFAULT random()", "M205");
}

static void rewrite_type(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ADD COLUMN c serial", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c bigserial", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c smallserial NOT NULL", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c int GENERATED BY DEFAULT AS IDENTITY", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c bigint GENERATED ALWAYS AS (qty * 2) STORED", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c positive", "M206");
	expect_block("ALTER TABLE %s ADD COLUMN c public.positive DEFAULT 1", "M206");
	static const char *const silent[] = {
	    "ALTER TABLE product ADD COLUMN c plain",
	    "ALTER TABLE product ADD COLUMN c positive[]",
	    "ALTER TABLE product ADD COLUMN c int DEFAULT 1",
	    "ALTER TABLE product ADD COLUMN IF NOT EXISTS qty serial",
	    "ALTER TABLE product ALTER COLUMN qty DROP DEFAULT",
	    "CREATE TABLE fresh (c serial)",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
	static const struct {
		const char *column, *fix;
	} fixes[] = {
	    {"c bigserial", "ALTER TABLE product ADD COLUMN c bigint;\n"
	                    "CREATE SEQUENCE product_c_seq OWNED BY product.c;\n"
	                    "ALTER TABLE product ALTER COLUMN c SET DEFAULT nextval('product_c_seq');"},
	    {"c int GENERATED BY DEFAULT AS IDENTITY", "ADD COLUMN c int4;\nCREATE SEQUENCE"},
	    {"c int GENERATED BY DEFAULT AS IDENTITY", "ADD GENERATED … AS IDENTITY in place of the default"},
	    {"c numeric(9,2) GENERATED ALWAYS AS (qty * 2) STORED", "ADD COLUMN c numeric(9,2);\n-- a BEFORE INSERT"},
	    {"c positive", "ADD CONSTRAINT product_c_check CHECK (…) NOT VALID;"},
	};
	for (size_t i = 0; i < ARRAY_LEN(fixes); i++) {
		char sql[160];
		snprintf(sql, sizeof(sql), "ALTER TABLE product ADD COLUMN %s", fixes[i].column);
		expect(sql, "M206");
		if (!strstr(finding()->fix_sql, fixes[i].fix))
			fail_msg("%s: %s", sql, finding()->fix_sql);
	}
}

/* -- M209 --------------------------------------------------------------------------------------------- */

/* What rewrites and what does not is retype's; here the session and the statement around it. */
static void alter_type(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ALTER COLUMN qty TYPE bigint", "M209");
	expect_block("ALTER TABLE %s ALTER COLUMN name TYPE varchar(20)", "M209");
	expect_block("ALTER TABLE %s ALTER COLUMN name TYPE varchar(50) USING lower(name)", "M209");
	static const char *const silent[] = {
	    "ALTER TABLE product ALTER COLUMN name TYPE varchar(100)",
	    "ALTER TABLE product ALTER COLUMN name TYPE text USING name::text",
	    "ALTER TABLE product ALTER COLUMN name TYPE varchar(50) COLLATE \"C\"",
	    "ALTER TABLE product ALTER COLUMN nothing TYPE bigint",
	    "ALTER TABLE nobody ALTER COLUMN qty TYPE bigint",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");

	const char to_tz[] = "ALTER TABLE product ALTER COLUMN ts TYPE timestamptz";
	expect(to_tz, "M209");
	assert_non_null(strstr(finding()->message, "time zone is not UTC"));
	session_state_parameter(&judge.session, "TimeZone", 8, "UTC", 3);
	expect(to_tz, "");
	expect("ALTER TABLE product ALTER COLUMN ts TYPE timestamptz USING ts AT TIME ZONE 'UTC'", "M209");
	expect("SET TIME ZONE 'Europe/Berlin'; ALTER TABLE product ALTER COLUMN ts TYPE timestamptz", "M209");
	session_state_parameter(&judge.session, "TimeZone", 8, "Europe/Berlin", 13);
	expect("SET TIME ZONE 'UTC'; ALTER TABLE product ALTER COLUMN ts TYPE timestamptz", "");
	expect("SET work_mem TO '1GB'; ALTER TABLE product ALTER COLUMN ts TYPE timestamptz", "M209");
	expect("SELECT set_config('TimeZone', 'UTC', false); ALTER TABLE product ALTER COLUMN ts TYPE timestamptz",
	       "M209");
}

/* Several steps of one ALTER TABLE, and several statements of one message, are each judged. */
static void several(void **state)
{
	(void)state;
	expect("ALTER TABLE product ADD COLUMN c serial, ALTER COLUMN qty TYPE bigint, ADD COLUMN d int", "M206 M209");
	expect("ALTER TABLE product ADD COLUMN c int; CREATE INDEX i ON product (c)", "M202 M234");
	expect("CREATE INDEX i ON product (qty); CREATE INDEX j ON product (name)", "M202 M202");
	judge_mode(&judge, SETTINGS_ENFORCE);
	expect("CREATE INDEX CONCURRENTLY i ON product (qty); VACUUM FULL product", "M223!");
	assert_int_equal(judge.verdict.rejected_by, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(index_build),        CASE(index_build_fix),  CASE(index_build_hides_constants),
	    CASE(index_build_django), CASE(partitioned),      CASE(reindex),
	    CASE(vacuum_full),        CASE(volatile_default), CASE(rewrite_type),
	    CASE(alter_type),         CASE(several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
