#include "inspect/rules/change.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct context input;
static bool catalog_missing;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "tenant", "Order", JUDGE_SMALL);
	judge_sql(&judge, "SELECT 1"); /* the catalog is whole */
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* The changes of that form in the first statement; the last one is left in `change`. */
static unsigned count(const char *sql, enum ddl_form form, struct change *change)
{
	input = (struct context){
	    .facts = judge_parse(&judge, sql),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &catalog_missing,
	};
	unsigned changes = 0;
	for (uint16_t at = 0; change_next(&input, &judge.arena, form, &at, change);)
		changes++;
	return changes;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Only that form, only on tables that were there, each once, and quoted where SQL wants it. */
static void next(void **state)
{
	(void)state;
	struct change change;
	assert_int_equal(count("ALTER TABLE product ADD a int, DROP b, ADD \"C\" int", DDL_ADD_COLUMN, &change), 2);
	assert_string_equal(change.table, "product");
	assert_string_equal(change.column, "\"C\"");
	assert_int_equal(count("ALTER TABLE tenant.\"Order\" ADD a int", DDL_ADD_COLUMN, &change), 1);
	assert_string_equal(change.table, "tenant.\"Order\"");
	assert_int_equal(count("ALTER TABLE product DROP b", DDL_ADD_COLUMN, &change), 0);
	assert_int_equal(count("ALTER TABLE nobody ADD a int", DDL_ADD_COLUMN, &change), 0);
	assert_int_equal(count("CREATE TABLE product (a int REFERENCES product (id))", DDL_ADD_FOREIGN_KEY, &change),
	                 0);
	assert_int_equal(count("SELECT 1", DDL_ADD_COLUMN, &change), 0);
	judge_run(&judge, "BEGIN; CREATE TABLE product (id int)");
	assert_int_equal(count("ALTER TABLE product ADD a int", DDL_ADD_COLUMN, &change), 0);
}

static void adds_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		enum ddl_form form;
		bool nothing;
	} cases[] = {
	    {"ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int", DDL_ADD_COLUMN, true},
	    {"ALTER TABLE product ADD COLUMN IF NOT EXISTS fresh int", DDL_ADD_COLUMN, false},
	    {"ALTER TABLE product ADD COLUMN qty int", DDL_ADD_COLUMN, false},
	    {"CREATE INDEX IF NOT EXISTS product_pkey ON product (id)", DDL_CREATE_INDEX, true},
	    {"CREATE INDEX product_pkey ON product (id)", DDL_CREATE_INDEX, false},
	    {"CREATE INDEX IF NOT EXISTS fresh ON product (id)", DDL_CREATE_INDEX, false},
	    {"CREATE INDEX IF NOT EXISTS product_pkey ON tenant.\"Order\" (id)", DDL_CREATE_INDEX, false},
	    {"CREATE INDEX ON ONLY product (id)", DDL_CREATE_INDEX, false}, /* not partitioned */
	};
	struct change change;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(count(cases[i].sql, cases[i].form, &change), 1);
		if (change_adds_nothing(&input, &change) != cases[i].nothing)
			fail_msg("%s", cases[i].sql);
	}
}

static void names(void **state)
{
	(void)state;
	struct change change;
	assert_int_equal(count("ALTER TABLE product ADD CONSTRAINT \"My\" UNIQUE (id, \"B\")", DDL_ADD_UNIQUE, &change),
	                 1);
	assert_string_equal(change_constraint_name(&judge.arena, &change, "key"), "\"My\"");
	assert_string_equal(change_columns(&judge.arena, change.action), "id, \"B\"");
	assert_int_equal(count("ALTER TABLE product ADD UNIQUE (qty)", DDL_ADD_UNIQUE, &change), 1);
	assert_string_equal(change_constraint_name(&judge.arena, &change, "key"), "product_qty_key");
	assert_int_equal(count("ALTER TABLE product ADD CHECK (qty > 0)", DDL_ADD_CHECK, &change), 1);
	assert_string_equal(change_constraint_name(&judge.arena, &change, "check"), "product_all_check");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(next),
	    CASE(adds_nothing),
	    CASE(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
