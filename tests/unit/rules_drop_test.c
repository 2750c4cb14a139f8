#include "inspect/rules/rules_drop.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product, *small, *view;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	small = judge_table(&judge, "public", "small", JUDGE_SMALL);
	view = judge_table(&judge, "public", "prices", JUDGE_SMALL);
	view->kind = CATALOG_VIEW;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void depend(struct catalog_relation *table, const char *column)
{
	struct catalog_dependent *dependent = arena_alloc(catalog_arena(judge.catalog), sizeof(*dependent));
	dependent->kind = CATALOG_DEPENDENT_VIEW;
	dependent->relation = view;
	dependent->column = judge_column(table, column)->number;
	table->dependents = dependent;
	table->dependent_count = 1;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* M203: by the size of the index's table, unless CONCURRENTLY. */
static void dropped_indexes(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, small, "small_qty", "btree", "qty int4_ops", NULL);
	FOUND("DROP INDEX product_qty", "M203");
	SILENT("DROP INDEX CONCURRENTLY product_qty", "M203");
	SILENT("DROP INDEX small_qty", "M203");
	SILENT("DROP INDEX IF EXISTS nothing", "M203");
}

/* M220: tables and columns, not constraints and what is not there. */
static void drops_and_renames(void **state)
{
	(void)state;
	FOUND("DROP TABLE product", "M220");
	FOUND("ALTER TABLE product DROP COLUMN qty", "M220");
	FOUND("ALTER TABLE product RENAME COLUMN qty TO amount", "M220");
	FOUND("ALTER TABLE product RENAME TO goods", "M220");
	FOUND("ALTER TABLE product SET SCHEMA archive", "M220");
	SILENT("ALTER TABLE product SET SCHEMA public", "M220");
	SILENT("ALTER TABLE product RENAME CONSTRAINT product_pkey TO p", "M220");
	SILENT("ALTER TABLE product DROP COLUMN IF EXISTS nothing", "M220");
	SILENT("DROP TABLE small", "M220");
}

/* M222: a view that CASCADE takes along, unless it is dropped by name or needs another column. */
static void cascades(void **state)
{
	(void)state;
	depend(small, "qty");
	FOUND("ALTER TABLE small DROP COLUMN qty CASCADE", "M222");
	FOUND("DROP TABLE small CASCADE", "M222");
	SILENT("ALTER TABLE small DROP COLUMN name CASCADE", "M222");
	SILENT("ALTER TABLE small DROP COLUMN qty", "M222");
	SILENT("DROP TABLE product CASCADE", "M222");
}

static void cascaded_keys(void **state)
{
	static const char *const columns[] = {"owner"}, *const referenced[] = {"id"};
	static struct catalog_constraint key = {.name = "k", .kind = CATALOG_FOREIGN_KEY, .valid = true};
	(void)state;
	key.columns = columns;
	key.referenced_columns = referenced;
	key.column_count = 1;
	key.referenced = small;
	product->constraints = &key;
	product->constraint_count = 1;
	FOUND("DROP TABLE small CASCADE", "M222");
	SILENT("DROP TABLE small, product CASCADE", "M222");
	SILENT("ALTER TABLE small DROP COLUMN qty CASCADE", "M222");
}

/* What an earlier statement has dropped is not there any more, whatever the catalog says; after ROLLBACK it is. */
static void dropped_before(void **state)
{
	static const char *const columns[] = {"owner"}, *const referenced[] = {"id"};
	static struct catalog_constraint key = {.name = "k", .kind = CATALOG_FOREIGN_KEY, .valid = true};
	(void)state;
	key.columns = columns;
	key.referenced_columns = referenced;
	key.column_count = 1;
	key.referenced = small;
	product->constraints = &key;
	product->constraint_count = 1;
	SILENT("BEGIN; DROP TABLE product CASCADE; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; ALTER TABLE product DROP COLUMN owner CASCADE; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; ALTER TABLE product DROP CONSTRAINT k; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; SAVEPOINT s; DROP TABLE product; RELEASE s; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; DROP TABLE product; COMMIT; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; DROP TABLE product; COMMIT; BEGIN; SELECT 1; DROP TABLE small CASCADE", "M222");
	FOUND("BEGIN; DROP TABLE product; ROLLBACK; DROP TABLE small CASCADE", "M222");
	FOUND("BEGIN; SAVEPOINT s; DROP TABLE product; ROLLBACK TO s; DROP TABLE small CASCADE", "M222");
	FOUND("BEGIN; ALTER TABLE product DROP COLUMN qty; DROP TABLE small CASCADE", "M222");
	FOUND("BEGIN; ALTER TABLE product DROP CONSTRAINT other; DROP TABLE small CASCADE", "M222");
}

static void views_dropped_before(void **state)
{
	(void)state;
	depend(small, "qty");
	FOUND("BEGIN; DROP TABLE product; DROP TABLE small CASCADE", "M222");
	SILENT("BEGIN; DROP VIEW prices; DROP TABLE small CASCADE", "M222");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(dropped_indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(drops_and_renames, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cascades, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cascaded_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dropped_before, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(views_dropped_before, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
