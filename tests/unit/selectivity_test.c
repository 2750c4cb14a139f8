#include "inspect/access/selectivity.h"

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
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* SELECT … FROM product WHERE `condition` yields those codes. */
static void expect(const char *condition, const char *codes)
{
	judge_expect_where(&judge, condition, codes);
}

static void index_on(const char *name, const char *method, const char *keys)
{
	judge_index(&judge, product, name, method, keys, NULL);
}

/* Another and-ed condition that leaves few rows makes the pattern harmless; one that leaves many does not. */
static void restricted(void **state)
{
	(void)state;
	index_on("product_owner", "btree", "owner int4_ops");
	index_on("product_flag", "btree", "flag bool_ops");
	index_on("product_qty", "btree", "qty int4_ops");
	index_on("product_note", "gin", "note gin_trgm_ops");
	expect("id = 5 AND name LIKE '%lamp%'", "");
	expect("id IN (1, 2, 3) AND name LIKE '%lamp%'", "");
	expect("owner = 5 AND name LIKE '%lamp%'", ""); /* 2,000 rows each */
	expect("owner = 5 AND (name LIKE '%lamp%' OR name LIKE '%desk%')", "");
	expect("note LIKE '%lamp%' AND name LIKE '%lamp%'", "");
	expect("(owner = 5 OR name LIKE '%lamp%')", "Q101");
	expect("NOT (owner = 5) AND name LIKE '%lamp%'", "Q101");
	expect("owner > 5 AND name LIKE '%lamp%'", "Q101");
	expect("owner IN (1, 2, 3) AND name LIKE '%lamp%'", "Q101"); /* perhaps 50,000 */
	expect("flag AND name LIKE '%lamp%'", "Q101");
	expect("amount = 5 AND name LIKE '%lamp%'", "Q101"); /* not indexed */
	expect("qty = 5 AND name LIKE '%lamp%'", "Q101");    /* 200 values assumed: 10,000 rows */
	expect("note LIKE '%' AND name LIKE '%lamp%'", "Q101");
}

/* true and false show in a statement; of any other value it counts how often a row's own value comes. */
static void common_values(void **state)
{
	(void)state;
	index_on("product_owner", "btree", "owner int4_ops");
	index_on("product_flag", "btree", "flag bool_ops");
	struct catalog_column *flag = judge_column(product, "flag"), *owner = judge_column(product, "owner");
	flag->has_true_share = true;
	flag->has_statistics = true;
	flag->true_share = 0.001;
	flag->null_fraction = 0.004;
	expect("flag AND name LIKE '%lamp%'", "");
	expect("flag = true AND name LIKE '%lamp%'", "");
	expect("flag IS TRUE AND name LIKE '%lamp%'", "");
	expect("NOT flag AND name LIKE '%lamp%'", "Q101");
	expect("flag IS NOT TRUE AND name LIKE '%lamp%'", "Q101");
	flag->true_share = 0.995;
	expect("flag AND name LIKE '%lamp%'", "Q101");
	expect("NOT flag AND name LIKE '%lamp%'", "");
	expect("flag = false AND name LIKE '%lamp%'", "");
	expect("flag IS FALSE AND name LIKE '%lamp%'", "");
	/* 1,000 owners, and one of them has nine tenths of the rows. */
	expect("owner = 5 AND name LIKE '%lamp%'", "");
	owner->typical_share = 0.81;
	expect("owner = 5 AND name LIKE '%lamp%'", "Q101");
	owner->typical_share = 0.0001;
	expect("owner = 5 AND name LIKE '%lamp%'", "");
}

/* A join that enters the table by few rows, through an index, leaves few rows, too. */
static void joined(void **state)
{
	(void)state;
	judge_table(&judge, "public", "item", JUDGE_LARGE);
	struct catalog_relation *shelf = judge_table(&judge, "public", "shelf", JUDGE_SMALL);
	(void)shelf;
	judge_index(&judge, product, "product_owner", "btree", "owner int4_ops", NULL);
	static const char *const silent[] = {
	    "SELECT 1 FROM item JOIN product ON item.qty = product.id WHERE item.id = 7 AND product.name LIKE '%lamp%'",
	    "SELECT 1 FROM item JOIN product ON product.id = item.qty WHERE item.id = 7 AND product.name LIKE '%lamp%'",
	    "SELECT 1 FROM shelf, product WHERE shelf.qty = product.id AND product.name LIKE '%lamp%'",
	    "SELECT 1 FROM item WHERE id = 7 AND EXISTS (SELECT 1 FROM product p WHERE p.id = item.qty AND p.name LIKE "
	    "'%lamp%')",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		if (strcmp(judge_sql(&judge, silent[i]), "") != 0)
			fail_msg("%s: %s", silent[i], judge.verdict.findings[0].message);
	}
	static const char *const found[] = {
	    "SELECT 1 FROM item JOIN product ON item.qty = product.id WHERE product.name LIKE '%lamp%'",
	    "SELECT 1 FROM item JOIN product ON item.qty = product.qty WHERE item.id = 7 AND product.name LIKE "
	    "'%lamp%'",
	    "SELECT 1 FROM shelf, product WHERE shelf.qty = product.owner AND product.name LIKE '%lamp%'",
	    "SELECT 1 FROM item, product WHERE item.id = 7 AND product.name LIKE '%lamp%'",
	};
	for (size_t i = 0; i < ARRAY_LEN(found); i++) {
		if (strcmp(judge_sql(&judge, found[i]), "Q101") != 0)
			fail_msg("%s: nothing", found[i]);
	}
}

/* A unique index of several columns leads to one row when all of them are given, and says nothing while one is missing;
 * a partial one never does. */
static void unique_together(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_pair", "btree", "qty int4_ops;amount numeric_ops", NULL)->unique = true;
	judge_index(&judge, product, "product_part", "btree", "note text_ops", "flag")->unique = true;
	expect("qty = 5 AND amount = 3 AND name LIKE '%lamp%'", "");
	expect("qty = 5 AND amount IN (3, 4) AND name LIKE '%lamp%'", "");
	expect("qty = 5 AND name LIKE '%lamp%'", "Q101");
	expect("amount = 3 AND name LIKE '%lamp%'", "Q101");
	expect("note = 'x' AND flag AND name LIKE '%lamp%'", "Q101"); /* 200 values assumed, again */
}

/* What an index leads to, but nobody can say how much, is few rows to the rules that are to be silent in doubt, and
 * many to those about patterns. */
static void unknown(void **state)
{
	(void)state;
	index_on("product_qty", "btree", "qty int4_ops");
	index_on("product_tstz", "btree", "tstz timestamptz_ops");
	index_on("product_flag", "btree", "flag bool_ops");
	struct catalog_column *flag = judge_column(product, "flag");
	flag->has_statistics = true;
	flag->distinct = 2;
	judge_index(&judge, product, "product_name", "btree", "name varchar_ops", NULL);
	expect("tstz > now() AND qty + 1 = 5", "");
	expect("tstz > now() AND note LIKE '%lamp%'", "Q101");
	expect("qty = 3 AND length(name) = 5", "");
	expect("flag AND length(name) = 5", "Q107");
	expect("NOT flag AND length(name) = 5", "Q107");
	expect("flag IS TRUE AND owner = 5", "Q108");
}

/* NULLs are as many as pg_stats says. */
static void nulls(void **state)
{
	(void)state;
	index_on("product_deleted", "btree", "deleted timestamptz_ops");
	struct catalog_column *deleted = judge_column(product, "deleted");
	deleted->has_statistics = true;
	deleted->distinct = -0.5;
	deleted->null_fraction = 0.999;
	expect("deleted IS NULL AND name LIKE '%lamp%'", "Q101");
	expect("deleted IS NOT NULL AND name LIKE '%lamp%'", "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(restricted), CASE(common_values), CASE(joined), CASE(unique_together), CASE(unknown), CASE(nulls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
