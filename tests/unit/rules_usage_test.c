#include "inspect/rules/rules_usage.h"

#include "inspect/access/search.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product;
static struct arena arena;
static const struct column_use *usages;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	arena_init(&arena);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	judge_fini(&judge);
	return 0;
}

static uint16_t list(const char *sql)
{
	struct searches *searches = NULL;
	bool catalog_missing = false;
	uint16_t count;
	judge_seal(&judge);
	const struct context input = {
	    .facts = judge_parse(&judge, sql),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .earlier = judge.facts,
	    .catalog_missing = &catalog_missing,
	    .searches = &searches,
	};
	usages = rules_usage_list(&input, &arena, &count);
	search_free(searches);
	return count;
}

/* As "relation.expression kind operator index", '-' for what is not there, '!' behind it where few rows are left. */
static void expect(const char *sql, const char *expected)
{
	char found[1000] = "";
	const uint16_t count = list(sql);
	for (uint16_t at = 0; at < count; at++) {
		const struct column_use *usage = &usages[at];
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s.%s %s %s %s%s", at > 0 ? "; " : "",
		         usage->relation, usage->expression, rules_usage_kind_name(usage->kind),
		         usage->operator ? usage->operator : "-", usage->index ? usage->index : "-",
		         usage->few ? "!" : "");
	}
	if (strcmp(found, expected) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, found, expected);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Comparisons, tests and orders, with the index for each, and whether one is missed. */
static void of_one_table(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_owner", "btree", "owner int4_ops", NULL);
	judge_index(&judge, product, "product_upper", "gin", "upper(name) gin_trgm_ops", NULL);
	expect("SELECT * FROM product WHERE owner = 5", "product.owner filter = product_owner");
	expect("SELECT * FROM product WHERE id = 5 AND qty > 3", "product.id filter = product_pkey; product.qty filter > -!");
	expect("SELECT * FROM product WHERE qty = 1 OR qty = 2 OR owner = 3",
	       "product.qty filter = -; product.owner filter = product_owner");
	expect("SELECT * FROM product WHERE upper(name) LIKE '%SECRET%'",
	       "product.UPPER(\"name\") filter ~~ product_upper");
	expect("SELECT * FROM product WHERE deleted IS NULL", "product.deleted filter - -");
	expect("SELECT * FROM product WHERE flag", "product.flag filter - -");
	expect("SELECT * FROM product ORDER BY tstz DESC, id LIMIT 3", "product.tstz desc, id sort - -");
	expect("SELECT * FROM product ORDER BY id LIMIT 3", "product.id sort - product_pkey");
	expect("UPDATE product SET qty = 1 WHERE note = 'secret'", "product.note filter = -");
	expect("DELETE FROM product WHERE data->>'secret' = 'secret'", "product.\"data\" ->> … filter = -");
	expect("SELECT * FROM product", "");
	expect("SELECT 1", "");
	expect("SELECT * FROM nowhere WHERE a = 1", "");
	expect("WITH product AS (SELECT 1 AS owner) SELECT * FROM product WHERE owner = 1", "");
}

/* A join asks something of both sides; the same again is told once. */
static void of_joins(void **state)
{
	(void)state;
	judge_table(&judge, "shop", "item", JUDGE_LARGE);
	judge_index(&judge, product, "product_owner", "btree", "owner int4_ops", NULL);
	expect("SELECT 1 FROM shop.item i JOIN product p ON p.owner = i.id WHERE i.qty = 4",
	       "product.owner join = product_owner; shop.item.id join = item_pkey; shop.item.qty filter = -");
	expect("SELECT 1 FROM product a JOIN product b ON a.id = b.owner WHERE a.qty = 1 AND b.qty = 2",
	       "product.id join = product_pkey; product.owner join = product_owner; product.qty filter = -");
	expect("SELECT 1 FROM product WHERE owner = qty", "product.owner filter = -");
}

/* What pg_stats knows of a column; nothing of an expression, and no share but by equality. */
static void of_values(void **state)
{
	(void)state;
	struct catalog_column *qty = judge_column(product, "qty");
	qty->has_statistics = true;
	qty->distinct = 40;
	qty->null_fraction = 0.5;
	struct catalog_column *owner = judge_column(product, "owner");
	owner->has_statistics = true;
	owner->distinct = -0.25;
	owner->null_fraction = 0;
	assert_int_equal(list("SELECT 1 FROM product WHERE qty = 4"), 1);
	assert_true(usages[0].distinct == 40 && usages[0].share > 0.0124 && usages[0].share < 0.0126);
	assert_ptr_equal(usages[0].table, product);
	assert_int_equal(list("SELECT 1 FROM product WHERE owner = 4"), 1);
	assert_true(usages[0].distinct == JUDGE_LARGE / 4.0 && usages[0].share > 0);
	assert_int_equal(list("SELECT 1 FROM product WHERE qty > 4"), 1);
	assert_true(usages[0].distinct == 40 && usages[0].share < 0);
	assert_int_equal(list("SELECT 1 FROM product WHERE qty + 1 = 4"), 1);
	assert_true(usages[0].distinct < 0 && usages[0].share < 0);
	qty->has_statistics = false;
	assert_int_equal(list("SELECT 1 FROM product WHERE qty = 4"), 1);
	assert_true(usages[0].distinct < 0 && usages[0].share < 0);
}

/* With D509 off there is nothing; of a statement with no end of conditions a part. */
static void bounds(void **state)
{
	(void)state;
	char sql[8000] = "SELECT 1 FROM product WHERE ";
	for (int at = 0; at < 2 * LIMIT_USAGES; at++)
		snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "%s(qty + owner * $%d)::text || name = '1'",
		         at > 0 ? " OR " : "", at + 1);
	assert_true(list(sql) <= LIMIT_USAGES);
	assert_int_equal(list("SELECT 1 FROM product WHERE qty = 4"), 1);
	judge_rule(&judge, "D509", "off");
	assert_int_equal(list("SELECT 1 FROM product WHERE qty = 4"), 0);
}

/* What a constraint needs, and what can't be used, is not to be dropped for want of use. */
static void optional(void **state)
{
	(void)state;
	struct catalog_index *index = judge_index(&judge, product, "product_qty", "btree", "qty int4_ops", NULL);
	assert_true(rules_usage_is_optional(product, index));
	index->unique = true;
	assert_false(rules_usage_is_optional(product, index));
	index->unique = false;
	index->valid = false;
	assert_false(rules_usage_is_optional(product, index));
	index->valid = true;
	static const struct catalog_constraint exclusion = {.name = "product_qty", .kind = CATALOG_EXCLUSION};
	product->constraints = &exclusion;
	product->constraint_count = 1;
	assert_false(rules_usage_is_optional(product, index));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(of_one_table), CASE(of_joins), CASE(of_values), CASE(bounds), CASE(optional)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
