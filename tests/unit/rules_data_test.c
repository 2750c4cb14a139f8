#include "inspect/rules/rules_data.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

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
	const struct context input = {.catalog = judge.catalog, .settings = &judge.rules};
	verdict_fini(&judge.verdict);
	verdict_init(&judge.verdict);
	rules_audit(&input, product, &judge.verdict);
	found[0] = '\0';
	for (uint8_t i = 0; i < judge.verdict.count; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "",
		         judge.verdict.findings[i].rule->code);
	assert_string_equal(found, codes);
}

/* owner is a foreign key. */
static void refer_by_owner(void)
{
	static const char *const columns[] = {"owner"};
	static struct catalog_constraint key = {
	    .name = "fk", .kind = CATALOG_FOREIGN_KEY, .valid = true, .columns = columns, .column_count = 1};
	product->constraints = &key;
	product->constraint_count = 1;
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
	struct catalog_index *unfinished = judge_index(&judge, product, "e", "btree", "name text_ops", NULL);
	unfinished->valid = false;
	unfinished->building = true;
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
	assert_non_null(strstr(judge.verdict.findings[0].message, "owner_index indexes a column of two values"));
	owner->null_fraction = 0.9;
	expect("");
	owner->null_fraction = 0;
	owner->distinct = 1;
	expect("D508");
	assert_non_null(strstr(judge.verdict.findings[0].message, "owner_index indexes a column that has one value in all rows"));
	static const char *const columns[] = {"owner"};
	static const struct catalog_constraint key = {.name = "fk", .kind = CATALOG_FOREIGN_KEY, .valid = true, .columns = columns, .column_count = 1};
	product->constraints = &key;
	product->constraint_count = 1;
	expect("");
	product->constraint_count = 0;
	owner->distinct = 100;
	judge_index(&judge, product, "flag_index", "btree", "flag bool_ops", NULL);
	expect("D506 D508");
}

/* One that is being built is none of those that failed, and a partitioned table's waits for its partitions'. */
static void invalid_indexes(void **state)
{
	(void)state;
	struct catalog_index *index = judge_index(&judge, product, "half", "btree", "qty int4_ops", NULL);
	expect("");
	index->valid = false;
	expect("M239");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "DROP INDEX CONCURRENTLY half;");
	index->building = true;
	expect("");
	index->building = false;
	product->kind = CATALOG_PARTITIONED_TABLE;
	expect("");
}

/* Nor one of which nearly all rows have the same value, unless deletes of another table look there. */
static void one_value(void **state)
{
	(void)state;
	judge_index(&judge, product, "owner_index", "btree", "owner int4_ops", NULL);
	judge_column(product, "owner")->common_share = 0.9;
	expect("");
	judge_column(product, "owner")->common_share = 0.95;
	expect("D508");
	assert_non_null(strstr(judge.verdict.findings[0].message, "95 %"));
	judge_threshold(&judge, "D508", "share", "97");
	expect("");
	judge_threshold(&judge, "D508", "share", "90");
	refer_by_owner();
	expect("");
}

/* An index that nothing scans: by the server's count, and for as long as it has been known here. */
static void unused(void **state)
{
	(void)state;
	struct catalog_index *index = judge_index(&judge, product, "owner_index", "btree", "owner int4_ops", NULL);
	index->known_since = (double)time(NULL) - 40 * 86400;
	expect("");
	index->unused_days = 29;
	expect("");
	index->unused_days = 60;
	expect("D506");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "DROP INDEX CONCURRENTLY owner_index;");
	index->unique = true;
	expect("");
	index->unique = false;
	/* Made the other day, though the server has counted for long. */
	index->known_since = (double)time(NULL) - 86400;
	expect("");
	judge_threshold(&judge, "D506", "days", "1");
	expect("D506");
	refer_by_owner();
	expect("");
}

/* A number that was never negative and that no CHECK keeps so, by its name. */
static void below_zero(void **state)
{
	(void)state;
	expect("");
	judge_column(product, "owner")->never_negative = true;
	expect("");
	judge_column(product, "amount")->never_negative = true;
	expect("D504");
	assert_string_equal(judge.verdict.findings[0].column, "amount");
	assert_string_equal(judge.verdict.findings[0].fix_sql,
	                    "ALTER TABLE product ADD CONSTRAINT product_amount_nonneg CHECK (amount >= 0) NOT VALID; ALTER "
	                    "TABLE product VALIDATE CONSTRAINT product_amount_nonneg;");
	judge_column(product, "qty")->never_negative = true;
	expect("D504 D504");
	judge_column(product, "qty")->never_negative = false;
	static const char *const silent[] = {"amount_discount", "refund_amount", "price_change", "accounts", "discount",
	                                     "counted"};
	for (size_t at = 0; at < ARRAY_LEN(silent); at++) {
		struct catalog_column *column = (struct catalog_column *)&product->columns[6];
		column->name = silent[at];
		expect("");
		column->name = "total_price";
		expect("D504");
		column->name = "amount";
	}
	struct catalog_constraint *check = judge_check(&judge, product, "positive", NULL, true);
	check->expression = "amount >= 0";
	expect("");
	check->expression = "qty >= 0";
	expect("D504");
	/* One whose text could not be read may be it. */
	check->expression = NULL;
	expect("");
	product->rows = JUDGE_MEDIUM;
	check->expression = "qty >= 0";
	expect("");
}

/* More than half of an integer's numbers, whatever the table's size; a bigint's are never used up. */
static void last_number(void **state)
{
	(void)state;
	judge_column(product, "id")->sequence_used = 0.5;
	expect("");
	judge_column(product, "id")->sequence_used = 0.63;
	expect("D505");
	assert_non_null(strstr(judge.verdict.findings[0].message, "63 % of the numbers that id can have"));
	product->rows = 3;
	expect("D505");
	judge_threshold(&judge, "D505", "share", "80");
	expect("");
	judge_threshold(&judge, "D505", "share", "50");
	/* A bigint's are, when its sequence ends sooner. */
	judge_column(product, "id")->type = "int8";
	expect("D505");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "");
	judge_column(product, "id")->sequence_used = 1e-9;
	expect("");
}

/* The pace at which they go, once it has been watched for a day. */
static void numbers_pace(void **state)
{
	(void)state;
	struct catalog_column *id = judge_column(product, "id");
	/* A tenth in ten days: the other eight tenths last for eighty. */
	id->sequence_first = 0.1;
	id->sequence_used = 0.2;
	id->sequence_since = (double)time(NULL) - 10 * 86400;
	expect("D505");
	assert_non_null(strstr(judge.verdict.findings[0].message,
	                       "20 % of the numbers that id can have are used up, and in about 80 days all of them, at the "
	                       "pace of the last 10"));
	judge_threshold(&judge, "D505", "days", "79");
	expect("");
	judge_threshold(&judge, "D505", "days", "365");
	/* The same as an import of this morning. */
	id->sequence_since = (double)time(NULL) - 3600;
	expect("");
	judge_threshold(&judge, "D505", "watched_hours", "0.5");
	expect("D505");
	judge_threshold(&judge, "D505", "watched_hours", "24");
	/* Slower than a year, or not at all, or never seen before. */
	id->sequence_since = (double)time(NULL) - 60 * 86400;
	expect("");
	id->sequence_since = (double)time(NULL) - 10 * 86400;
	id->sequence_first = 0.2;
	expect("");
	id->sequence_first = 0;
	id->sequence_since = 0;
	expect("");
}

/* Statistics that are missing or old: said once, and what is found by them is lowered. */
static void old_statistics(void **state)
{
	(void)state;
	product->modified = JUDGE_LARGE / 10;
	expect("");
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE name LIKE '%lamp%'"), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	product->modified = JUDGE_LARGE / 5;
	expect("Q129");
	assert_non_null(strstr(judge.verdict.findings[0].message, "20 %"));
	assert_string_equal(judge.verdict.findings[0].fix_sql, "ANALYZE product;");
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE name LIKE '%lamp%'"), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_WARN);
	assert_non_null(strstr(judge.verdict.findings[0].message, "; by statistics that are missing or stale"));
	/* What a schema change does hangs on no statistics. */
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON product (name)"), "M202");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	product->modified = 0;
	product->analyzed = false;
	expect("Q129");
	judge_rule(&judge, "Q129", "off");
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE name LIKE '%lamp%'"), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
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
	                                   CASE(one_value),    CASE(unused),     CASE(below_zero),    CASE(last_number),   CASE(numbers_pace),
	                                   CASE(old_statistics), CASE(invalid_indexes), CASE(no_key)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
