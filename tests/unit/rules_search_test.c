#include "inspect/rules/rules_search.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *product, *huge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	huge = judge_table(&judge, "public", "huge", 50000000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *codes)
{
	judge_expect(&judge, sql, codes);
}

#define WORDS "to_tsvector('english'::regconfig, COALESCE(name, ''))"

/* Q119: Django's __search, and with a configuration; what is found is told with an index that can be built. */
static void texts_are_parsed(void **state)
{
	(void)state;
	expect("SELECT id FROM product WHERE to_tsvector(COALESCE(\"product\".\"name\", '')) @@ (plainto_tsquery('lamp')) = true",
	       "Q119");
	expect("SELECT id FROM product WHERE to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp')", "Q119");
	assert_non_null(strstr(judge.verdict.findings[0].message, "without a configuration"));
	assert_string_equal(judge.verdict.findings[0].fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_fts ON product USING gin (to_tsvector('english', "
	                    "COALESCE(name, '')));");
	expect("SELECT id FROM product WHERE " WORDS " @@ plainto_tsquery('english'::regconfig, 'lamp')", "Q119");
	expect("SELECT id FROM product WHERE to_tsvector('english', COALESCE(name, '') || ' ' || note) @@ to_tsquery('a')",
	       "Q119");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "");
	expect("SELECT id FROM product WHERE to_tsvector(COALESCE(name, $1)) @@ plainto_tsquery($2)", "Q119");
	expect("SELECT id FROM small WHERE to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp')", "");
	expect("SELECT id FROM product WHERE id = 5 AND to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp')", "");
	expect("SELECT to_tsvector('lamp') @@ plainto_tsquery('lamp') FROM product LIMIT 1", "");
}

/* An index on that very expression serves; one on another does not. */
static void texts_are_indexed(void **state)
{
	(void)state;
	judge_index(&judge, product, "fts", "gin", "to_tsvector('english'::regconfig, COALESCE(name, ''::character varying)) tsvector_ops",
	            NULL);
	expect("SELECT id FROM product WHERE " WORDS " @@ plainto_tsquery('english'::regconfig, 'lamp')", "");
	expect("SELECT id FROM product WHERE to_tsvector('english', name) @@ plainto_tsquery('english'::regconfig, 'lamp')",
	       "Q119");
	expect("SELECT id FROM product WHERE to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp')", "Q119");
}

/* Q127: by a later key alone, on a table where that costs something. */
static void later_keys(void **state)
{
	(void)state;
	judge_index(&judge, huge, "by_flag_owner", "btree", "flag bool_ops;owner int4_ops", NULL);
	judge_index(&judge, product, "by_flag_owner_2", "btree", "flag bool_ops;owner int4_ops", NULL);
	expect("SELECT id FROM huge WHERE owner = 5", "Q127");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_INFO);
	assert_string_equal(judge.verdict.findings[0].fix_sql, "CREATE INDEX CONCURRENTLY huge_owner_idx ON huge (owner);");
	expect("SELECT id FROM huge WHERE flag AND owner = 5", "");
	expect("SELECT id FROM huge WHERE id = 1 AND owner = 5", "");
	/* Two million entries are read in no time. */
	expect("SELECT id FROM product WHERE owner = 5", "");
	judge_threshold(&judge, "Q127", "rows", "1000000");
	expect("SELECT id FROM product WHERE owner = 5", "Q127");
	/* A value that much of the table has, or nobody has counted. */
	judge_column(product, "owner")->distinct = 50;
	expect("SELECT id FROM product WHERE owner = 5", "");
	judge_column(product, "owner")->has_statistics = false;
	expect("SELECT id FROM product WHERE owner = 5", "");
}

/* PostgreSQL 18 skips over a first column of few values. */
static void later_keys_skipped(void **state)
{
	(void)state;
	judge_index(&judge, huge, "by_flag_owner", "btree", "flag bool_ops;owner int4_ops", NULL);
	judge_column(huge, "flag")->has_statistics = true;
	judge_column(huge, "flag")->distinct = 2;
	expect("SELECT id FROM huge WHERE owner = 5", "Q127");
	catalog_set_version(judge.catalog, 180000);
	expect("SELECT id FROM huge WHERE owner = 5", "");
	judge_column(huge, "flag")->distinct = -0.5;
	expect("SELECT id FROM huge WHERE owner = 5", "Q127");
}

/* D503: a search for one item of a column that holds lists. */
static void items_of_lists(void **state)
{
	static const char *const item[] = {"%,lamp,%"}, *const word[] = {"%lamp%"}, *const bare[] = {"lamp"};
	(void)state;
	judge_rule(&judge, "Q101", "off");
	judge_rule(&judge, "Q108", "off");
	judge_rule(&judge, "Q104", "off");
	judge_rule(&judge, "Q120", "off");
	judge_column(product, "note")->list_share = 0.95;
	judge_column(product, "name")->list_share = 0.5;
	expect("SELECT id FROM product WHERE note LIKE '%,lamp,%'", "D503");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "ADD COLUMN note_list text[]"));
	expect("SELECT id FROM product WHERE UPPER(note) LIKE UPPER('%;lamp;%')", "D503");
	expect("SELECT id FROM product WHERE note::text LIKE '%,lamp,%' OR note LIKE 'lamp,%'", "D503");
	expect("SELECT id FROM product WHERE ',' || note || ',' LIKE '%,lamp,%'", "D503");
	expect("SELECT id FROM product WHERE note LIKE '%,' || $1 || ',%'", "D503");
	assert_string_equal(judge_bound(&judge, "SELECT id FROM product WHERE note LIKE $1", item, 1), "D503");
	assert_string_equal(judge_bound(&judge, "SELECT id FROM product WHERE note LIKE $1", word, 1), "");
	assert_string_equal(judge_bound(&judge, "SELECT id FROM product WHERE note LIKE '%,' || $1", bare, 1), "");
	expect("SELECT id FROM product WHERE 'lamp' = ANY (string_to_array(name, ','))", "D503");
	expect("SELECT id FROM product WHERE string_to_array(name, ',') @> ARRAY['lamp']", "D503");
	/* Something else is asked for, or of something else. */
	expect("SELECT id FROM product WHERE note LIKE '%lamp%'", "");
	expect("SELECT id FROM product WHERE note LIKE '%,%'", "");
	expect("SELECT id FROM product WHERE note LIKE '%,'", "");
	expect("SELECT id FROM product WHERE note LIKE '%, lamp%'", "");
	expect("SELECT id FROM product WHERE name LIKE '%,lamp,%'", "");
	expect("SELECT id FROM small WHERE note LIKE '%,lamp,%'", "");
	expect("SELECT string_to_array(note, ',') FROM product LIMIT 5", "");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(texts_are_parsed), CASE(texts_are_indexed), CASE(later_keys), CASE(items_of_lists),
	                                   CASE(later_keys_skipped)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
