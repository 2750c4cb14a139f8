#include "inspect/rules/rules_advice.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* M232: a new value is well by itself. */
static void enums(void **state)
{
	(void)state;
	FOUND("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "M232");
	SILENT("ALTER TYPE mood ADD VALUE 'fine'", "M232");
	SILENT("ALTER TYPE mood RENAME TO feeling", "M232");
	judge_run(&judge, "BEGIN");
	FOUND("ALTER TYPE mood ADD VALUE 'fine'", "M232");
	assert_null(strstr(judge.verdict.findings[0].message, "fine"));
	SILENT("CREATE TYPE mood AS ENUM ('ok')", "M232");
	/* A type that is as new as its value. */
	SILENT("CREATE TYPE size AS ENUM ('s'); ALTER TYPE size ADD VALUE 'm'", "M232");
	judge_run(&judge, "SAVEPOINT a");
	judge_run(&judge, "CREATE TYPE size AS ENUM ('s')");
	SILENT("ALTER TYPE size ADD VALUE 'm'", "M232");
	judge_run(&judge, "ROLLBACK TO a");
	FOUND("ALTER TYPE size ADD VALUE 'm'", "M232");
}

/* M241: what Django makes is none of these, and neither is varchar. */
static void types(void **state)
{
	(void)state;
	FOUND("ALTER TABLE product ADD c char(10)", "M241");
	FOUND("ALTER TABLE product ADD c timestamp", "M241");
	FOUND("ALTER TABLE product ADD c timestamp(3) without time zone", "M241");
	FOUND("ALTER TABLE product ADD c money", "M241");
	FOUND("ALTER TABLE product ADD total_price double precision", "M241");
	FOUND("ALTER TABLE product ALTER tstz TYPE timestamp", "M241");
	SILENT("ALTER TABLE product ADD c char", "M241");
	SILENT("ALTER TABLE product ADD c varchar(10)", "M241");
	SILENT("ALTER TABLE product ADD c timestamptz", "M241");
	SILENT("ALTER TABLE product ADD c json", "M241");
	SILENT("ALTER TABLE product ADD weight real", "M241");
	SILENT("ALTER TABLE product ADD price numeric(10,2)", "M241");
	SILENT("ALTER TABLE product ADD IF NOT EXISTS ts timestamp", "M241");
	SILENT("ALTER TABLE product ADD c other.money", "M241");
}

/* Those of a new table as well, unless it is temporary or there already. */
static void types_of_new_tables(void **state)
{
	(void)state;
	FOUND("CREATE TABLE fresh (id serial, at timestamp)", "M241");
	assert_int_equal(judge.verdict.count, 1);
	assert_string_equal(judge.verdict.findings[0].table, "fresh");
	assert_string_equal(judge.verdict.findings[0].column, "at");
	FOUND("CREATE TABLE shop.fresh (code char(10), price real)", "M241");
	assert_int_equal(judge.verdict.count, 2);
	assert_string_equal(judge.verdict.findings[1].table, "shop.fresh");
	SILENT("CREATE TABLE fresh (id serial PRIMARY KEY, at timestamptz, name varchar(10), price numeric(10, 2), weight real, d jsonb)", "M241");
	SILENT("CREATE TEMP TABLE fresh (at timestamp)", "M241");
	SILENT("CREATE TABLE IF NOT EXISTS product (at timestamp)", "M241");
	SILENT("CREATE TABLE fresh AS SELECT now()::timestamp AS at", "M241");
}

/* M242: where something is made or renamed, and not where what is there is called so. */
static void long_names(void **state)
{
	(void)state;
#define LONG "a_name_of_sixty_three_bytes_as_long_as_the_server_lets_one_be__"
	FOUND("CREATE INDEX " LONG "x ON product (qty)", "M242");
	assert_non_null(strstr(judge.verdict.findings[judge.verdict.count - 1].message, LONG));
	FOUND("ALTER TABLE product ADD \"" LONG "x\" int", "M242");
	FOUND("ALTER TABLE product RENAME TO " LONG "x", "M242");
	SILENT("CREATE INDEX " LONG " ON product (qty)", "M242");
	SILENT("DROP INDEX " LONG "x", "M242");
	SILENT("ALTER TABLE product ADD c text DEFAULT '" LONG "x'", "M242");
	SILENT("SELECT qty AS " LONG "x FROM product", "M242");
	/* A doubled quote is one byte, and no letter is cut in two. */
	SILENT("ALTER TABLE product ADD \"12345678901234567890123456789012345678901234567890123456789012\"\"\" int", "M242");
	FOUND("ALTER TABLE product ADD \"12345678901234567890123456789012345678901234567890123456789012ä\" int", "M242");
	assert_null(strstr(judge.verdict.findings[judge.verdict.count - 1].message, "\xc3"));
}

static void begins(void **state)
{
	(void)state;
	SILENT("BEGIN", "M242");
	SILENT("BEGIN; SELECT 1; COMMIT", "M242");
	judge.session.transaction = 'T';
	FOUND("BEGIN", "M242");
	FOUND("START TRANSACTION", "M242");
	SILENT("SAVEPOINT a", "M242");
}

/* M244: only where a unique index was relied on. */
static void nulls(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_name", "btree", "name text_ops", NULL)->unique = true;
	judge_index(&judge, product, "product_note", "btree", "note text_ops", "qty")->unique = true;
	judge_column(product, "name")->not_null = true;
	judge_column(product, "note")->not_null = true;
	judge_column(product, "qty")->not_null = true;
	FOUND("ALTER TABLE product ALTER name DROP NOT NULL", "M244");
	SILENT("ALTER TABLE product ALTER note DROP NOT NULL", "M244");
	SILENT("ALTER TABLE product ALTER qty DROP NOT NULL", "M244");
	SILENT("ALTER TABLE product ALTER name SET NOT NULL", "M244");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(enums, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(types_of_new_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(long_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(begins, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nulls, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
