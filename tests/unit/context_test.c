#include "inspect/context.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char search[] = "SELECT * FROM product WHERE UPPER(name::text) LIKE UPPER('%lamp%')";
static const char build[] = "CREATE INDEX ON product (qty)";

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* Whether the kind of relation counts: a table for both, a view for one, nothing outside the statement for either. */
static void kinds(void **state)
{
	(void)state;
	struct facts view_facts = {0};
	struct catalog_view of_seen = {.facts = &view_facts};
	struct catalog_relation *seen = judge_table(&judge, "public", "seen", JUDGE_LARGE);
	seen->kind = CATALOG_VIEW;
	seen->view = &of_seen;
	judge_table(&judge, "public", "closed", JUDGE_LARGE)->kind = CATALOG_VIEW;
	judge_seal(&judge);
	bool missing = false;
	struct context context = {
	    .facts = judge_parse(&judge, "SELECT FROM product, seen, closed, nobody"),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &missing,
	};
	assert_string_equal(context_relation(&context, 0)->name, "product");
	assert_string_equal(context_named(&context, 0)->name, "product");
	assert_null(context_view(&context, 0));
	assert_null(context_relation(&context, 1));
	assert_string_equal(context_named(&context, 1)->name, "seen");
	assert_ptr_equal(context_view(&context, 1), &of_seen);
	assert_string_equal(context_named(&context, 2)->name, "closed");
	assert_null(context_view(&context, 2));
	assert_null(context_named(&context, 3));
	assert_null(context_named(&context, -1));
	assert_false(missing);
	context.catalog = NULL;
	assert_null(context_named(&context, 0));
	assert_true(missing);
	seen->view = NULL;
}

/* By rows or by bytes; a table that was never counted is large by its bytes, or of no known size. */
static void sizes(void **state)
{
	(void)state;
	static const struct {
		double rows;
		int64_t bytes;
		enum table_size size;
	} cases[] = {
	    {0, 0, TABLE_SMALL},   {9, 999, TABLE_SMALL},  {10, 0, TABLE_MEDIUM},    {99, 999, TABLE_MEDIUM},
	    {100, 0, TABLE_LARGE}, {0, 1000, TABLE_LARGE}, {-1, 999, TABLE_UNKNOWN}, {-1, 1000, TABLE_LARGE},
	};
	const struct table_sizes sizes = {.large_rows = 100, .large_bytes = 1000, .medium_rows = 10};
	struct rule_settings settings = {.sizes = sizes};
	const struct context context = {.settings = &settings};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct catalog_relation relation = {.rows = cases[i].rows, .bytes = cases[i].bytes};
		assert_int_equal(context_size_by(&sizes, &relation), cases[i].size);
		assert_int_equal(context_size(&context, &relation), cases[i].size);
	}
}

/* The search_path decides which of two tables of one name is meant; where it is not known, only a qualified name is. */
static void search_path(void **state)
{
	(void)state;
	judge_table(&judge, "tenant", "product", JUDGE_SMALL);
	judge_table(&judge, "tenant", "Big", JUDGE_LARGE);
	assert_string_equal(judge_sql(&judge, build), "M202");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON tenant.product (qty)"), "");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON tenant.\"Big\" (qty)"), "M202");
	assert_string_equal(judge.verdict.findings[0].table, "tenant.Big");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON \"Big\" (qty)"), "");
	assert_string_equal(judge_sql(&judge, "SET search_path TO tenant, public; CREATE INDEX ON product (qty)"), "");
	assert_string_equal(judge_sql(&judge, "SET search_path TO DEFAULT; CREATE INDEX ON product (qty)"), "M202");
	judge_run(&judge, "SET search_path = tenant");
	assert_string_equal(judge_sql(&judge, build), "");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON \"Big\" (qty)"), "M202");
	judge_run(&judge, "SELECT set_config('search_path', 'public', false)");
	assert_true(judge.session.search_path_unknown);
	assert_string_equal(judge_sql(&judge, build), "");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON public.product (qty)"), "M202");
}

/* Nobody waits for a table that this transaction has made, that is temporary, that only has a table's name, or that is
 * the server's own. */
static void other_relations(void **state)
{
	(void)state;
	struct catalog_relation *view = judge_table(&judge, "public", "seen", JUDGE_LARGE);
	view->kind = CATALOG_VIEW;
	struct catalog_relation *foreign = judge_table(&judge, "public", "far", JUDGE_LARGE);
	foreign->kind = CATALOG_FOREIGN_TABLE;
	struct catalog_relation *system = judge_table(&judge, "pg_catalog", "pg_thing", JUDGE_LARGE);
	system->system = true;
	struct catalog_relation *temporary = judge_table(&judge, "public", "scratch", JUDGE_LARGE);
	temporary->temporary = true;
	judge_table(&judge, "public", "kept", JUDGE_LARGE)->kind = CATALOG_MATERIALIZED_VIEW;
	static const char *const silent[] = {"seen", "far", "pg_thing", "scratch", "nobody", "pg_temp.product"};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		char sql[200];
		snprintf(sql, sizeof(sql), "SELECT 1 FROM %s WHERE note LIKE '%%abc%%'", silent[i]);
		assert_string_equal(judge_sql(&judge, sql), "");
	}
	assert_string_equal(judge_sql(&judge, "SELECT 1 FROM kept WHERE note LIKE '%abc%'"), "Q101");
	assert_string_equal(
	    judge_sql(&judge,
	              "WITH product AS (SELECT 'a'::text AS note) SELECT 1 FROM product WHERE note LIKE '%abc%'"),
	    "");
	assert_string_equal(
	    judge_sql(&judge, "WITH p AS (SELECT * FROM product WHERE note LIKE '%abc%') SELECT * FROM p"), "Q101");

	judge_run(&judge, "BEGIN");
	assert_string_equal(judge_sql(&judge, build), "M202");
	judge_run(&judge, "CREATE TABLE product (id int)");
	assert_string_equal(judge_sql(&judge, build), "");
	judge_run(&judge, "ROLLBACK");
	assert_string_equal(judge_sql(&judge, build), "M202");
	judge_run(&judge, "CREATE TEMP TABLE product (id int)");
	assert_string_equal(judge_sql(&judge, search), "");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON public.product (qty)"), "M202");
	judge_run(&judge, "DISCARD TEMP");

	/* The same within one message, before any of it has run. */
	assert_string_equal(judge_sql(&judge, "CREATE TABLE product (id int); CREATE INDEX ON product (qty)"), "");
	assert_string_equal(judge_sql(&judge, "CREATE INDEX ON product (qty); CREATE TABLE product (id int)"), "M202");
	assert_string_equal(
	    judge_sql(&judge, "CREATE TABLE IF NOT EXISTS product (id int); CREATE INDEX ON product (qty)"), "M202");
	assert_string_equal(judge_sql(&judge, "CREATE TABLE other (id int); CREATE INDEX ON product (qty)"), "M202");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(kinds),
	    CASE(sizes),
	    CASE(search_path),
	    CASE(other_relations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
