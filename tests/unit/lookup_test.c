#include "inspect/lookup.h"

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
	char sql[1000];
	snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", condition);
	const char *found = judge_sql(&judge, sql);
	if (strcmp(found, codes) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", condition, found, codes);
}

static void expect_bound(const char *condition, const char *value, const char *codes)
{
	char sql[1000];
	snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", condition);
	const char *found = judge_bound(&judge, sql, &value, 1);
	if (strcmp(found, codes) != 0)
		fail_msg("%s with %s: \"%s\" where \"%s\" was expected", condition, value ? value : "(unknown)", found,
		         codes);
}

static void index_on(const char *name, const char *method, const char *keys)
{
	judge_index(&judge, product, name, method, keys, NULL);
}

/* -- what else restricts the table -------------------------------------------------------------------- */

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

/* -- parameters --------------------------------------------------------------------------------------- */

/* Before Bind nothing is said of a pattern that may be anything; after it, the same as of a literal. A value in binary
 * stays unknown, and so does one that is not there. */
static void bound(void **state)
{
	(void)state;
	index_on("product_note_trgm", "gin", "note gin_trgm_ops");
	expect("name LIKE $1", "");
	expect("UPPER(name::text) LIKE UPPER($1)", "");
	expect("note LIKE $1", "");
	expect_bound("UPPER(name::text) LIKE UPPER($1)", NULL, "");
	expect_bound("UPPER(name::text) LIKE UPPER($2)", "%lamp%", "");
	expect_bound("UPPER(name::text) LIKE UPPER($1)", "%lamp%", "Q101");
	expect_bound("name LIKE $1", "lamp%", "Q104");
	expect_bound("name LIKE $1", "%", "");
	expect_bound("name ~ $1", "lamp", "Q106");
	expect_bound("name SIMILAR TO $1", "%lamp%", "Q106");
	expect_bound("note LIKE $1", "%ab%", "Q102");
	expect_bound("note LIKE $1", "%abc%", "");
	expect_bound("note LIKE $1", "ab%", "");
}

/* With a constant wildcard before it the beginning is known at once; whether there is a trigram never. */
static void bound_inside(void **state)
{
	(void)state;
	index_on("product_note_trgm", "gin", "note gin_trgm_ops");
	expect("name LIKE '%' || $1 || '%'", "Q101");
	expect_bound("name LIKE '%' || $1 || '%'", "lamp", "Q101");
	expect_bound("name LIKE '%' || $1", "", "");
	expect("note LIKE '%' || $1 || '%'", "");
	expect_bound("note LIKE '%' || $1 || '%'", "a", "");
	expect("name LIKE $1 || '%'", "");
	expect_bound("name LIKE $1 || '%'", "lamp", "Q104");
	expect_bound("name LIKE $1 || '%'", "%lamp", "Q101");
	expect("name LIKE 'lamp' || $1", "Q104");
}

/* A json key that is a parameter: which expression that is, is not known. */
static void parameter_in_expression(void **state)
{
	(void)state;
	expect("(data ->> $1) LIKE '%lamp%'", "");
	expect("UPPER((data ->> 'k')::text) LIKE UPPER('%lamp%')", "Q101");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(restricted), CASE(joined), CASE(bound), CASE(bound_inside), CASE(parameter_in_expression),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
