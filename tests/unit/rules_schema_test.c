#include "inspect/rules/rules_schema.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product, *small;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	small = judge_table(&judge, "public", "small", JUDGE_SMALL);
	product->persistence = 'p';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* M207: on any table with rows; a default, or what makes one, mends it. */
static void required_columns(void **state)
{
	(void)state;
	judge_table(&judge, "public", "empty", 0);
	FOUND("ALTER TABLE product ADD c int NOT NULL", "M207");
	FOUND("ALTER TABLE small ADD c int NOT NULL", "M207");
	FOUND("ALTER TABLE small ADD c int NOT NULL DEFAULT NULL", "M207");
	SILENT("ALTER TABLE empty ADD c int NOT NULL", "M207");
	SILENT("ALTER TABLE product ADD c int NOT NULL DEFAULT 0", "M207");
	SILENT("ALTER TABLE product ADD c int", "M207");
	SILENT("ALTER TABLE product ADD c bigserial NOT NULL", "M207");
	SILENT("ALTER TABLE product ADD c int GENERATED ALWAYS AS IDENTITY", "M207");
	SILENT("ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int NOT NULL", "M207");
}

/* M210: the trigram index on an expression that we ask for ourselves; one on the bare column is taken over. */
static void hidden_rebuilds(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_upper", "gin", "upper(name) gin_trgm_ops", NULL);
	judge_index(&judge, product, "product_note", "gin", "note gin_trgm_ops", NULL);
	FOUND("ALTER TABLE product ALTER name TYPE varchar(100)", "M210");
	assert_non_null(strstr(judge.verdict.findings[0].message, "product_upper"));
	SILENT("ALTER TABLE product ALTER note TYPE varchar", "M210");
	SILENT("ALTER TABLE product ALTER name TYPE varchar(20)", "M210");
	SILENT("ALTER TABLE small ALTER name TYPE varchar(100)", "M210");
}

static void hidden_checks(void **state)
{
	(void)state;
	static const char *const columns[] = {"name"};
	struct catalog_constraint *check = judge_check(&judge, product, "named", "name", true);
	check->columns = columns;
	check->column_count = 1;
	FOUND("ALTER TABLE product ALTER name TYPE varchar(100)", "M210");
	SILENT("ALTER TABLE product ALTER note TYPE varchar", "M210");
}

/* M216: a nullable column behind a ready index. */
static void nullable_keys(void **state)
{
	(void)state;
	judge_index(&judge, product, "u_qty", "btree", "qty int4_ops", NULL)->unique = true;
	judge_index(&judge, product, "u_id", "btree", "id int4_ops", NULL)->unique = true;
	FOUND("ALTER TABLE product ADD PRIMARY KEY USING INDEX u_qty", "M216");
	SILENT("ALTER TABLE product ADD PRIMARY KEY USING INDEX u_id", "M216");
	SILENT("ALTER TABLE product ADD UNIQUE USING INDEX u_qty", "M216");
}

/* M217. */
static void exclusions(void **state)
{
	(void)state;
	FOUND("ALTER TABLE product ADD EXCLUDE (qty WITH =)", "M217");
	SILENT("ALTER TABLE small ADD EXCLUDE (qty WITH =)", "M217");
	SILENT("CREATE TABLE fresh (a int, EXCLUDE (a WITH =))", "M217");
}

/* M224: unless it is so already. */
static void properties(void **state)
{
	(void)state;
	FOUND("ALTER TABLE product SET UNLOGGED", "M224");
	SILENT("ALTER TABLE product SET LOGGED", "M224");
	SILENT("ALTER TABLE small SET UNLOGGED", "M224");
	FOUND("ALTER TABLE product SET TABLESPACE fast", "M224");
}

/* M240: any index that begins with the columns will do. */
static void unindexed_keys(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_owner", "btree", "owner int4_ops;qty int4_ops", NULL);
	FOUND("ALTER TABLE product ADD FOREIGN KEY (qty) REFERENCES small NOT VALID", "M240");
	SILENT("ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES small NOT VALID", "M240");
	SILENT("ALTER TABLE small ADD FOREIGN KEY (qty) REFERENCES product NOT VALID", "M240");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(required_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hidden_rebuilds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hidden_checks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nullable_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(exclusions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(properties, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unindexed_keys, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
