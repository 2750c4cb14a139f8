#include "inspect/rules/rules_plan.h"

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
	static const char *const others[] = {"Q101", "Q103", "Q104", "Q107", "Q108", "Q110", "Q116", "Q120"};
	judge_init(&judge);
	judge.session.counts_plans = true;
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	struct catalog_relation *small = judge_table(&judge, "public", "small", JUDGE_SMALL);
	judge_index(&judge, product, "product_failed", "btree", "ts timestamp_ops", "(note = 'failed')");
	judge_index(&judge, small, "small_failed", "btree", "ts timestamp_ops", "(note = 'failed')");
	judge_index(&judge, product, "product_code", "btree", "name varchar_pattern_ops", NULL);
	judge_index(&judge, product, "product_day", "btree", "(data -> 'day') jsonb_ops", NULL);
	for (size_t at = 0; at < ARRAY_LEN(others); at++)
		judge_rule(&judge, others[at], "off");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *value, const char *codes)
{
	const char *const values[] = {value, value};
	const char *found = judge_bound(&judge, sql, values, 2);
	if (strcmp(found, codes) != 0)
		fail_msg("%s with %s: \"%s\" where \"%s\" was expected", sql, value, found, codes);
}

#define FAILED "SELECT id FROM product WHERE note = $1 ORDER BY ts LIMIT 20"
#define PREFIX "SELECT id FROM product WHERE name LIKE $1"

/* Q123: the value is one that the index is for, and the plan is made for all. */
static void partial(void **state)
{
	(void)state;
	expect(FAILED, "failed", "");
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	expect(FAILED, "failed", "Q123");
	assert_non_null(strstr(judge.verdict.findings[0].message, "product_failed serves this value"));
	expect(FAILED, "done", "");
	/* A literal is there for every plan. */
	expect("SELECT id FROM product WHERE note = 'failed' AND ts > $1 ORDER BY ts LIMIT 20", "2020-01-01", "");
	expect("SELECT id FROM product WHERE note = $1 AND id = $2", "failed", "");
	expect("SELECT id FROM small WHERE note = $1 ORDER BY ts LIMIT 20", "failed", "");
	judge_run(&judge, "SET plan_cache_mode = force_custom_plan");
	expect(FAILED, "failed", "");
	judge_run(&judge, "RESET plan_cache_mode");
	expect(FAILED, "failed", "");
}

/* The mode is the session's by whatever way it came, and statements judged under another are other statements. */
static void mode(void **state)
{
	struct session_state *session = &judge.session;
	const uint64_t scope = session->scope;
	(void)state;
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "SET LOCAL plan_cache_mode = force_generic_plan");
	expect(FAILED, "failed", "Q123");
	assert_true(session->scope != scope);
	judge_run(&judge, "COMMIT");
	expect(FAILED, "failed", "");
	assert_true(session->scope == scope);
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "SAVEPOINT s");
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	judge_run(&judge, "ROLLBACK TO s");
	expect(FAILED, "failed", "");
	assert_true(session->scope == scope);
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	judge_run(&judge, "COMMIT");
	expect(FAILED, "failed", "Q123");
	/* To what, is not seen. */
	judge_run(&judge, "SELECT set_config('plan_cache_mode', 'auto', false)");
	expect(FAILED, "failed", "");
	judge_run(&judge, "DISCARD ALL");
	expect(FAILED, "failed", "");
	assert_true(session->scope == scope);
	session_state_plan_cache_mode(session, "force_generic_plan", strlen("force_generic_plan"));
	assert_true(session->scope != scope);
	expect(FAILED, "failed", "Q123");
	judge_run(&judge, "SET plan_cache_mode = auto");
	expect(FAILED, "failed", "");
	judge_run(&judge, "RESET ALL");
	expect(FAILED, "failed", "Q123");
}

/* An index on d -> 'day' is on that key alone. */
static void expression(void **state)
{
	(void)state;
	expect("SELECT id FROM product WHERE (data -> $1) = $2", "day", "");
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	expect("SELECT id FROM product WHERE (data -> $1) = $2", "day", "Q123");
	expect("SELECT id FROM product WHERE (data -> $1) = $2", "night", "");
	expect("SELECT id FROM product WHERE (data -> 'day') = $2", "day", "");
}

/* Before the values are there, only that it matters is known. */
static void before_bind(void **state)
{
	(void)state;
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	assert_string_equal(judge_sql(&judge, FAILED), "");
	assert_true(judge.verdict.plan_matters);
	assert_false(judge.verdict.plan_serves);
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE qty = $1"), "");
	assert_false(judge.verdict.plan_matters);
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE (data -> $1) = $2"), "");
	assert_true(judge.verdict.plan_matters);
	assert_string_equal(judge_sql(&judge, "SELECT id FROM product WHERE qty + $1 = $2"), "");
	assert_false(judge.verdict.plan_matters);
	judge_run(&judge, "RESET plan_cache_mode");
	expect(FAILED, "failed", "");
	assert_true(judge.verdict.plan_serves);
	expect(FAILED, "done", "");
	assert_false(judge.verdict.plan_serves);
	/* As the proxy has counted, where it does. */
	judge.session.counts_plans = false;
	expect(FAILED, "failed", "");
	assert_false(judge.verdict.plan_serves);
	judge.session.counts_plans = true;
	judge.session.generic_plan = true;
	expect(FAILED, "failed", "Q123");
	judge_run(&judge, "SET plan_cache_mode = force_custom_plan");
	expect(FAILED, "failed", "");
}

/* Q128: what nearly all rows are an index is no help to find. */
static void nearly_all(void **state)
{
	(void)state;
	struct catalog_column *flag = judge_column(product, "flag"), *tstz = judge_column(product, "tstz");
	flag->has_statistics = flag->has_true_share = tstz->has_statistics = true;
	flag->true_share = 0.95;
	tstz->null_fraction = 0.97;
	judge_index(&judge, product, "by_flag", "btree", "flag bool_ops", NULL);
	judge_index(&judge, product, "by_tstz", "btree", "tstz timestamptz_ops", NULL);
	judge_expect(&judge, "SELECT id, qty FROM product WHERE tstz IS NULL", "Q128");
	assert_non_null(strstr(judge.verdict.findings[0].message, "97 %"));
	assert_string_equal(judge.verdict.findings[0].column, "tstz");
	judge_expect(&judge, "SELECT id, qty FROM product WHERE flag", "Q128");
	judge_expect(&judge, "SELECT id, qty FROM product WHERE flag = true", "Q128");
	static const char *const silent[] = {
	    "SELECT id, qty FROM product WHERE tstz IS NOT NULL", "SELECT id, qty FROM product WHERE NOT flag",
	    "SELECT tstz FROM product WHERE tstz IS NULL",        "SELECT count(*) FROM product WHERE tstz IS NULL",
	    "SELECT id, qty FROM product WHERE tstz IS NULL LIMIT 5",
	    "SELECT id, qty FROM product WHERE tstz IS NULL AND id = 5",
	    "SELECT p.id, p.qty FROM product p JOIN small s ON s.id = p.id WHERE p.tstz IS NULL",
	    "SELECT id, qty FROM small WHERE tstz IS NULL",       "SELECT id, qty FROM product WHERE tstz > now()",
	};
	for (size_t at = 0; at < sizeof(silent) / sizeof(*silent); at++)
		SILENT(silent[at], "Q128");
	tstz->null_fraction = 0.8;
	SILENT("SELECT id, qty FROM product WHERE tstz IS NULL", "Q128");
	tstz->has_statistics = false;
	tstz->null_fraction = 0.97;
	SILENT("SELECT id, qty FROM product WHERE tstz IS NULL", "Q128");
}

/* Q124: a prefix is one only as long as it is known. */
static void prefix(void **state)
{
	(void)state;
	expect(PREFIX, "ab%", "");
	assert_true(judge.verdict.plan_serves);
	assert_string_equal(judge_sql(&judge, PREFIX), "");
	assert_true(judge.verdict.plan_matters);
	judge.session.generic_plan = true;
	expect(PREFIX, "%ab%", "");
	assert_false(judge.verdict.plan_serves);
	expect(PREFIX, "ab%", "Q124");
	judge.session.generic_plan = false;
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	expect(PREFIX, "ab%", "Q124");
	expect(PREFIX, "ab", "Q124");
	expect(PREFIX, "%ab%", "");
	expect("SELECT id FROM product WHERE name LIKE 'ab%' AND qty > $1", "5", "");
	expect("SELECT id FROM product WHERE name LIKE $1 AND id = 5", "ab%", "");
	judge_rule(&judge, "Q124", "off");
	expect(PREFIX, "ab%", "");
}

/* Texts are not looked at where they make no odds, which a table with a partial index never is sure of: the findings are
 * the same on both. */
static void texts_that_do_not_matter(void **state)
{
	(void)state;
	static const char *const conditions[] = {"name LIKE $1", "name ILIKE $1", "name ~ $1", "name ~* $1", "name SIMILAR TO $1",
	                                         "name ^@ $1", "name LIKE $1 || '%'", "name LIKE 'a' || $1", "name LIKE '%' || $1"};
	static const char *const patterns[] = {"", "%", "ab", "ab%", "%ab", "%ab%", "_b", "^ab", "^ab$", "ab$", ".b", "12%", "\\%a", NULL};
	static const char *const tables[] = {"plain", "twin"};
	unsigned found = 0, unlooked = 0;
	for (size_t at = 0; at < ARRAY_LEN(tables); at++) {
		struct catalog_relation *table = judge_table(&judge, "public", tables[at], JUDGE_LARGE);
		judge_index(&judge, table, "by_name", "btree", "name varchar_pattern_ops", NULL);
		if (at == 1)
			judge_index(&judge, table, "by_part", "btree", "ts timestamp_ops", "(note = 'failed')");
	}
	judge.session.generic_plan = true;
	for (size_t c = 0; c < ARRAY_LEN(conditions); c++) {
		for (size_t p = 0; p < ARRAY_LEN(patterns); p++) {
			const char *const values[] = {patterns[p]};
			char sql[128], codes[2][64];
			bool serves[2];
			for (size_t at = 0; at < ARRAY_LEN(tables); at++) {
				snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE %s", tables[at], conditions[c]);
				snprintf(codes[at], sizeof(codes[at]), "%s", judge_bound(&judge, sql, values, 1));
				serves[at] = judge.verdict.plan_serves;
				unlooked += !judge.verdict.texts_matter;
			}
			if (strcmp(codes[0], codes[1]) != 0 || serves[0] != serves[1])
				fail_msg("%s with %s: \"%s\" and \"%s\"", conditions[c], patterns[p], codes[0], codes[1]);
			found += codes[0][0] != '\0';
		}
	}
	assert_true(found > 10);
	assert_true(unlooked > 10);
}

/* A trigram index takes its pattern when it runs. */
static void prefix_by_trigrams(void **state)
{
	(void)state;
	judge_index(&judge, product, "product_trgm", "gin", "name gin_trgm_ops", NULL);
	judge_run(&judge, "SET plan_cache_mode = force_generic_plan");
	expect(PREFIX, "abc%", "");
	assert_string_equal(judge_sql(&judge, PREFIX), "");
	assert_false(judge.verdict.plan_matters);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(partial), CASE(before_bind), CASE(mode), CASE(expression), CASE(nearly_all), CASE(prefix), CASE(texts_that_do_not_matter), CASE(prefix_by_trigrams)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
