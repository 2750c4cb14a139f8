#include "inspect/change/amend.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct amendments amendments;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	amendments = (struct amendments){0};
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_index(&judge, product, "product_qty", "btree", "qty int4_ops", NULL);
	judge_seal(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	amend_fini(&amendments);
	return 0;
}

static void run(const char *sql)
{
	const struct facts *facts = judge_parse(&judge, sql);
	for (uint16_t i = 0; i < judge.statement_count; i++)
		amend_apply(judge.catalog, &facts[i], "public", "postgres", &amendments);
}

static void expect(const char *sql, const char *codes)
{
	const char *found = judge_sql(&judge, sql);
	if (strcmp(found, codes) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, found, codes);
}

/* Our own advice, step by step: SET NOT NULL costs nothing once the CHECK is validated, and not before. */
static void proved_not_null(void **state)
{
	(void)state;
	run("ALTER TABLE product ADD CONSTRAINT there CHECK (qty IS NOT NULL) NOT VALID");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "M211");
	run("ALTER TABLE product VALIDATE CONSTRAINT there");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "");
	run("ALTER TABLE product ALTER qty SET NOT NULL");
	run("ALTER TABLE product DROP CONSTRAINT there");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "");
	run("ALTER TABLE product ALTER qty DROP NOT NULL");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "M211");
}

/* A CHECK that lets a NULL pass proves nothing; one among others does. */
static void weaker_checks(void **state)
{
	(void)state;
	run("ALTER TABLE product ADD CONSTRAINT a CHECK (qty IS NOT NULL OR owner > 0)");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "M211");
	run("ALTER TABLE product ADD CONSTRAINT b CHECK (owner > 0 AND qty IS NOT NULL)");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "");
	expect("ALTER TABLE product ALTER owner SET NOT NULL", "M211");
}

/* A foreign key that was added refers to the columns that it names, or else to the primary key's; one to a table that is
 * not known has some to be compared with, too. */
static void foreign_keys(void **state)
{
	(void)state;
	run("ALTER TABLE product ADD CONSTRAINT a FOREIGN KEY (owner) REFERENCES product (qty)");
	run("ALTER TABLE product ADD CONSTRAINT b FOREIGN KEY (owner) REFERENCES nobody");
	uint16_t found = 0;
	for (uint16_t i = 0; i < product->constraint_count; i++) {
		const struct catalog_constraint *constraint = &product->constraints[i];
		if (constraint->kind != CATALOG_FOREIGN_KEY)
			continue;
		assert_string_equal(constraint->referenced_columns[0], constraint->name[0] == 'a' ? "qty" : "");
		found++;
	}
	assert_int_equal(found, 2);
}

/* What was dropped or renamed is found no more under its name, but under the new one. */
static void gone(void **state)
{
	(void)state;
	run("ALTER TABLE product RENAME COLUMN qty TO quantity");
	assert_ptr_equal(catalog_find(judge.catalog, "public", "product", NULL, NULL), product);
	assert_null(catalog_column(product, "qty"));
	assert_non_null(catalog_column(product, "quantity"));
	expect("ALTER TABLE product ALTER COLUMN quantity TYPE int8", "M209");
	run("ALTER TABLE product RENAME TO article");
	assert_null(catalog_find(judge.catalog, "public", "product", NULL, NULL));
	assert_ptr_equal(catalog_find(judge.catalog, "public", "article", NULL, NULL), product);
	expect("ALTER TABLE article ALTER COLUMN quantity TYPE int8", "M209");
	run("DROP TABLE article");
	assert_null(catalog_find(judge.catalog, "public", "article", NULL, NULL));
}

/* A column that was added is there, and one that was dropped took its index along. */
static void columns(void **state)
{
	(void)state;
	run("ALTER TABLE product ADD COLUMN fresh int NOT NULL DEFAULT 0");
	const struct catalog_column *fresh = catalog_column(product, "fresh");
	assert_non_null(fresh);
	assert_true(fresh->not_null);
	assert_string_equal(fresh->type, "int4");
	uint16_t before = product->index_count;
	run("ALTER TABLE product DROP COLUMN qty");
	assert_null(catalog_column(product, "qty"));
	assert_int_equal(product->index_count, before - 1);
}

/* An index that was built can become a key, and makes a foreign key's second warning go. */
static void indexes(void **state)
{
	(void)state;
	expect("ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES product NOT VALID", "M240");
	run("CREATE INDEX CONCURRENTLY product_owner ON product (owner)");
	expect("ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES product NOT VALID", "");
	run("CREATE UNIQUE INDEX CONCURRENTLY product_u ON product (owner)");
	expect("ALTER TABLE product ADD PRIMARY KEY USING INDEX product_u", "M216");
	uint16_t before = product->index_count;
	run("DROP INDEX product_qty");
	assert_int_equal(product->index_count, before - 1);
	run("CREATE INDEX partly ON product (owner) WHERE qty > 5");
	assert_int_equal(product->index_count, before - 1);
}

/* What is not known is left alone. */
static void unknown(void **state)
{
	(void)state;
	run("ALTER TABLE nowhere ADD COLUMN c int");
	run("ALTER TABLE product DROP COLUMN nothing");
	run("ALTER TABLE product VALIDATE CONSTRAINT nothing");
	run("DROP INDEX nothing");
	assert_int_equal(product->index_count, 2);
}

/* Whatever was done, afterwards each statement is judged as before it, and what was written over stands there again. */
static void undone(void **state)
{
	(void)state;
	const struct catalog_relation before = *product;
	run("ALTER TABLE product ALTER qty SET NOT NULL");
	run("ALTER TABLE product ADD CONSTRAINT there CHECK (owner IS NOT NULL)");
	run("CREATE INDEX owned ON product (owner)");
	run("ALTER TABLE product RENAME COLUMN qty TO stock");
	run("ALTER TABLE product DROP COLUMN note");
	run("ALTER TABLE product RENAME TO article");
	assert_null(catalog_find(judge.catalog, "public", "product", NULL, NULL));
	uint64_t generation = catalog_generation(judge.catalog);
	amend_undo(judge.catalog, &amendments);
	assert_true(catalog_generation(judge.catalog) != generation);
	assert_ptr_equal(catalog_find(judge.catalog, "public", "product", NULL, NULL), product);
	assert_null(catalog_find(judge.catalog, "public", "article", NULL, NULL));
	assert_memory_equal(product, &before, sizeof(before));
	assert_string_equal(product->indexes[product->index_count - 1].keys[0].column, "qty");
	assert_non_null(catalog_column(product, "note"));
	assert_false(product->amended);
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "M211");
	expect("ALTER TABLE product ALTER owner SET NOT NULL", "M211");
	/* And again, with the same statements. */
	run("ALTER TABLE product ALTER qty SET NOT NULL");
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "");
	amend_undo(judge.catalog, &amendments);
	expect("ALTER TABLE product ALTER qty SET NOT NULL", "M211");
	amend_undo(judge.catalog, &amendments);
}

/* A detached partition is a table like others: it can be dropped, and changed by itself. */
static void detached(void **state)
{
	(void)state;
	judge_fini(&judge);
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	struct catalog_relation *part = judge_table(&judge, "public", "part", JUDGE_LARGE);
	const struct catalog_relation *parts = part;
	judge_seal(&judge);
	product->kind = CATALOG_PARTITIONED_TABLE;
	product->partitions = &parts;
	product->partition_count = 1;
	part->is_partition = true;
	part->parent = product;
	judge_column(part, "qty")->inherited = true;
	judge_expect_effect(&judge, "ALTER TABLE part ADD COLUMN c int",
	                    "refused: a partition has the columns of its parent and no others");
	run("ALTER TABLE product DETACH PARTITION part");
	judge_expect_effect(&judge, "ALTER TABLE part ADD COLUMN c int", "part ACCESS EXCLUSIVE");
	judge_expect_effect(&judge, "ALTER TABLE part DROP COLUMN qty", "part ACCESS EXCLUSIVE");
	assert_int_equal(product->partition_count, 0);
	amend_undo(judge.catalog, &amendments);
	assert_int_equal(product->partition_count, 1);
	judge_expect_effect(&judge, "ALTER TABLE part DROP COLUMN qty", "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(proved_not_null, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(weaker_checks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(gone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(undone, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(detached, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
