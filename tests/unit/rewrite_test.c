#include "inspect/change/rewrite.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *big;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	catalog_add_function(judge.catalog, "pg_catalog", "now", 0, 0, CATALOG_STABLE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "random", 0, 0, CATALOG_VOLATILE, false);
	catalog_add_function(judge.catalog, "public", "inlined", 0, 0, CATALOG_VOLATILE, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static struct context input_of(const char *sql)
{
	judge_seal(&judge);
	return (struct context){
	    .facts = judge_parse(&judge, sql),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	};
}

static bool is_volatile(const char *expression)
{
	char sql[256];
	snprintf(sql, sizeof(sql), "ALTER TABLE big ADD c float8 DEFAULT %s", expression);
	struct context input = input_of(sql);
	return rewrite_volatile_call(&input, &input.facts->actions[0]) != NULL;
}

/* Each row gets a value of its own from a volatile function, but for one that is a plain expression in truth. */
static void volatile_calls(void **state)
{
	(void)state;
	assert_true(is_volatile("random()"));
	assert_true(is_volatile("1 + random()"));
	assert_false(is_volatile("now()"));
	assert_false(is_volatile("inlined()"));
	assert_false(is_volatile("1"));
	struct context input = input_of("ALTER TABLE big ADD c float8 DEFAULT random()");
	input.catalog = NULL;
	assert_null(rewrite_volatile_call(&input, &input.facts->actions[0]));
}

static bool rebuilds(const struct catalog_index *index, const char *column, const char *change)
{
	char sql[256];
	snprintf(sql, sizeof(sql), "ALTER TABLE big ALTER %s TYPE %s", column, change);
	struct context input = input_of(sql);
	return rewrite_rebuilds_index(judge.catalog, index, catalog_column(big, column), &input.facts->actions[0]);
}

/* An index of plain columns stays when its operator class and collation do. */
static void plain_indexes(void **state)
{
	(void)state;
	const struct catalog_index *plain = judge_index(&judge, big, "i1", "btree", "name text_ops", NULL);
	const struct catalog_index *pattern = judge_index(&judge, big, "i2", "btree", "name varchar_pattern_ops", NULL);
	const struct catalog_index *zone = judge_index(&judge, big, "i3", "btree", "ts timestamp_ops", NULL);
	const struct catalog_index *brin = judge_index(&judge, big, "i4", "brin", "ts timestamp_minmax_ops", NULL);
	const struct catalog_index *invalid = judge_index(&judge, big, "i5", "btree", "name text_ops", NULL);
	assert_false(rebuilds(plain, "name", "varchar(100)"));
	assert_false(rebuilds(plain, "name", "text"));
	assert_true(rebuilds(plain, "name", "citext"));
	assert_false(rebuilds(pattern, "name", "citext"));
	assert_true(rebuilds(zone, "ts", "timestamptz"));
	assert_true(rebuilds(brin, "ts", "timestamptz"));
	((struct catalog_index *)invalid)->valid = false;
	assert_true(rebuilds(invalid, "name", "text"));
}

/* One with an expression or a predicate is never compared. */
static void clever_indexes(void **state)
{
	(void)state;
	assert_true(rebuilds(judge_index(&judge, big, "i1", "gin", "upper(name) gin_trgm_ops", NULL), "name", "text"));
}

static void partial_indexes(void **state)
{
	(void)state;
	assert_true(
	    rebuilds(judge_index(&judge, big, "i1", "btree", "qty int4_ops", "name IS NOT NULL"), "name", "text"));
}

/* Which columns an index has to do with: as words of its texts, not as pieces of words or in literals. */
static void named_columns(void **state)
{
	(void)state;
	const struct catalog_index *index =
	    judge_index(&judge, big, "i", "btree", "qty int4_ops;upper(name) text_ops", "note = 'code'");
	assert_true(rewrite_index_names(index, "qty"));
	assert_true(rewrite_index_names(index, "name"));
	assert_true(rewrite_index_names(index, "note"));
	assert_false(rewrite_index_names(index, "code"));
	assert_false(rewrite_index_names(index, "am"));
	assert_false(rewrite_index_names(index, "q"));
}

/* A valid CHECK proves a column NOT NULL, one that is not valid does not. */
static void proofs(void **state)
{
	(void)state;
	judge_check(&judge, big, "c1", "qty", true);
	assert_true(rewrite_proves_not_null(big, "qty"));
	assert_true(rewrite_proves_not_null(big, "id"));
	assert_false(rewrite_proves_not_null(big, "owner"));
}

static void no_proof(void **state)
{
	(void)state;
	judge_check(&judge, big, "c1", "qty", false);
	assert_false(rewrite_proves_not_null(big, "qty"));
}

/* serial and its like take a number for each row; a plain type does not. */
static void types(void **state)
{
	(void)state;
	struct context input = input_of("ALTER TABLE big ADD c bigserial, ADD d bigint");
	assert_non_null(rewrite_column_type(&input, &input.facts->actions[0], &judge.arena));
	assert_null(rewrite_column_type(&input, &input.facts->actions[1], &judge.arena));
}

/* The session's zone, or what an earlier statement of the message sets. */
static void time_zone(void **state)
{
	(void)state;
	struct context input = input_of("SET TIME ZONE 'UTC'");
	judge.session.time_zone_utc = false;
	assert_false(rewrite_time_zone_utc(&input));
	input.earlier = input.facts;
	input.earlier_count = 1;
	assert_true(rewrite_time_zone_utc(&input));
	judge.session.time_zone_utc = true;
	input.earlier_count = 0;
	assert_true(rewrite_time_zone_utc(&input));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(volatile_calls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(plain_indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(clever_indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(partial_indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(named_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(proofs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_proof, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(time_zone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
