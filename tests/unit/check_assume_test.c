#include "proxy/check/check_assume.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static bool add(struct check_assume *assume, const char *sql)
{
	const struct facts *facts = judge_parse(&judge, sql);
	return check_assume_add(assume, facts, judge.statement_count);
}

/* What a script names is there, as large as it is told; what it makes itself is not, before or after. */
static void tables(void **state)
{
	struct check_assume *assume = check_assume_new(5000);
	(void)state;
	assert_true(add(assume, "CREATE INDEX i ON big (a)"));
	assert_false(add(assume, "DROP TABLE big"));
	assert_true(add(assume, "LOCK TABLE s.other"));
	assert_false(add(assume, "CREATE TABLE fresh (a int)"));
	assert_false(add(assume, "CREATE INDEX i ON fresh (a)"));
	assert_false(add(assume, "WITH x AS (SELECT 1) SELECT * FROM x"));
	struct catalog *catalog = check_assume_catalog(assume, "d", true);
	const struct catalog_relation *big = catalog_find(catalog, NULL, "big", NULL, NULL);
	assert_non_null(big);
	assert_true(big->rows == 5000);
	assert_non_null(catalog_find(catalog, "s", "other", NULL, NULL));
	assert_null(catalog_find(catalog, NULL, "fresh", NULL, NULL));
	assert_null(catalog_find(catalog, NULL, "x", NULL, NULL));
	assert_int_equal(catalog_volatility_of(catalog, NULL, "gen_random_uuid", 0, NULL), CATALOG_VOLATILE);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "now", 0, NULL), CATALOG_NO_FUNCTION);
	catalog_unref(catalog);
	check_assume_free(assume);
}

/* Without a number the size is unknown, and IF NOT EXISTS may find one that is there. */
static void unknown(void **state)
{
	struct check_assume *assume = check_assume_new(-1);
	(void)state;
	assert_true(add(assume, "CREATE TABLE IF NOT EXISTS old (a int)"));
	struct catalog *catalog = check_assume_catalog(assume, "d", true);
	const struct catalog_relation *old = catalog_find(catalog, NULL, "old", NULL, NULL);
	assert_non_null(old);
	assert_true(old->rows < 0);
	assert_false(old->analyzed);
	catalog_unref(catalog);
	check_assume_free(assume);
}

/* What a statement searches by is a column, and what the script builds is an index until it is dropped. */
static void members(void **state)
{
	struct check_assume *assume = check_assume_new(5000);
	(void)state;
	assert_true(add(assume, "SELECT 1 FROM big WHERE name = '5' AND id = 5 AND shop_id = 5"));
	assert_false(add(assume, "SELECT 1 FROM big WHERE name = '6' AND id = 5"));
	assert_true(add(assume, "SELECT 1 FROM big WHERE name -> 'a' IS NULL"));
	assert_false(add(assume, "SELECT 1 FROM big WHERE name = '6'"));
	const struct facts *facts = judge_parse(&judge, "CREATE INDEX i ON big (id, other)");
	assert_true(check_assume_follow(assume, facts, judge.statement_count));
	struct catalog *catalog = check_assume_catalog(assume, "d", true);
	const struct catalog_relation *big = catalog_find(catalog, NULL, "big", NULL, NULL);
	assert_true(big->assumed && !big->vague);
	assert_int_equal(big->column_count, 3);
	assert_string_equal(catalog_column(big, "name")->type, "jsonb");
	assert_string_equal(catalog_column(big, "id")->type, "int8");
	assert_int_equal(big->index_count, 3);
	assert_string_equal(big->indexes[0].name, "i");
	assert_true(big->indexes[1].unique);
	catalog_unref(catalog);
	/* A schema change is not judged by guesses. */
	catalog = check_assume_catalog(assume, "d", false);
	big = catalog_find(catalog, NULL, "big", NULL, NULL);
	assert_int_equal(big->column_count + big->index_count, 0);
	catalog_unref(catalog);
	facts = judge_parse(&judge, "DROP INDEX i");
	assert_true(check_assume_follow(assume, facts, judge.statement_count));
	facts = judge_parse(&judge, "CREATE INDEX p ON big (name) WHERE name <> ''");
	assert_true(check_assume_follow(assume, facts, judge.statement_count));
	catalog = check_assume_catalog(assume, "d", true);
	big = catalog_find(catalog, NULL, "big", NULL, NULL);
	assert_int_equal(big->index_count, 2);
	assert_true(big->vague);
	catalog_unref(catalog);
	check_assume_free(assume);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(members, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
