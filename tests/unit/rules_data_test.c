#include "inspect/rules_data.h"

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

/* The codes of what an audit of the table finds. */
static void expect(const char *codes)
{
	static char found[128];
	const struct rule_input input = {.catalog = judge.catalog, .settings = &judge.rules};
	verdict_fini(&judge.verdict);
	verdict_init(&judge.verdict);
	rules_audit(&input, product, &judge.verdict);
	found[0] = '\0';
	for (uint8_t i = 0; i < judge.verdict.count; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "",
		         judge.verdict.findings[i].rule->code);
	assert_string_equal(found, codes);
}

/* A json column, and no other. */
static void json_columns(void **state)
{
	(void)state;
	expect("");
	judge_column(product, "data")->type = "json";
	expect("D502");
	assert_string_equal(judge.verdict.findings[0].column, "data");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_INFO);
	judge_rule(&judge, "D502", "off");
	expect("");
}

/* Two alike are one too many, told once; so is one whose keys are the first of another's. */
static void duplicates(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_name", "btree", "name text_ops", NULL);
	expect("");
	judge_index(&judge, product, "product_name_2", "btree", "name text_ops", NULL);
	expect("D506");
	assert_int_equal(
	    strncmp(judge.verdict.findings[0].message, "product_name_2 serves nothing that product_name ", 47), 0);
	assert_string_equal(judge.verdict.findings[0].fix_sql, "DROP INDEX CONCURRENTLY product_name_2;");
	judge_index(&judge, product, "product_name_qty", "btree", "name text_ops;qty int4_ops", NULL);
	expect("D506");
	assert_non_null(strstr(judge.verdict.findings[0].message, "1 more"));
}

/* Not needless: Django's _like index, partial, unique and unfinished ones, other expressions, orders and methods, the
 * second key of another, and one with columns included. */
static void no_duplicates(void **state)
{
	(void)state;
	judge_index(&judge, product, "a", "btree", "name text_ops;qty int4_ops", NULL);
	judge_index(&judge, product, "b", "btree", "name varchar_pattern_ops", NULL);
	judge_index(&judge, product, "c", "btree", "name text_ops", "flag");
	judge_index(&judge, product, "d", "btree", "name text_ops", NULL)->unique = true;
	judge_index(&judge, product, "e", "btree", "name text_ops", NULL)->valid = false;
	judge_index(&judge, product, "f", "btree", "upper(name) text_ops", NULL);
	judge_index(&judge, product, "g", "hash", "name text_ops", NULL);
	judge_index(&judge, product, "h", "btree", "qty int4_ops", NULL);
	struct catalog_index *descending = judge_index(&judge, product, "i", "btree", "name text_ops", NULL);
	((struct catalog_index_key *)descending->keys)[0].descending = true;
	judge_index(&judge, product, "j", "btree", "name text_ops", NULL)->definition =
	    "CREATE INDEX j ON product (name) INCLUDE (qty)";
	expect("");
}

/* A full index on a boolean, or on what has no more values than one; a partial one, one of more columns, and one on a
 * column of many values are left alone. */
static void few_values(void **state)
{
	(void)state;
	judge_index(&judge, product, "owner_index", "btree", "owner int4_ops", NULL);
	judge_index(&judge, product, "flag_qty", "btree", "flag bool_ops;qty int4_ops", NULL);
	judge_index(&judge, product, "flag_some", "btree", "flag bool_ops", "qty");
	expect("");
	struct catalog_column *owner = judge_column(product, "owner");
	owner->has_statistics = true;
	owner->distinct = 3;
	expect("");
	owner->distinct = -1;
	expect("");
	owner->distinct = 2;
	expect("D508");
	assert_non_null(strstr(judge.verdict.findings[0].message, "owner_index"));
	owner->distinct = 100;
	judge_index(&judge, product, "flag_index", "btree", "flag bool_ops", NULL);
	expect("D506 D508");
}

/* A large table without a primary key; partitions and small tables are left alone. */
static void no_key(void **state)
{
	(void)state;
	product->index_count = 0;
	expect("D507");
	product->is_partition = true;
	expect("");
	product->is_partition = false;
	product->kind = CATALOG_MATERIALIZED_VIEW;
	expect("");
	product->kind = CATALOG_VIEW;
	expect("");
	product->kind = CATALOG_TABLE;
	product->rows = JUDGE_MEDIUM;
	expect("");
	product->rows = -1;
	expect("");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(json_columns), CASE(duplicates), CASE(no_duplicates), CASE(few_values),
	                                   CASE(no_key)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
