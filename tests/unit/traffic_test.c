#include "inspect/rules/traffic.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const int64_t now_ms = 100 * (int64_t)DAY;
static const uint64_t own = 77;

static struct judge judge;
static struct usage usage, elsewhere;
static struct traffic traffic;
static struct catalog_relation *product, *small, *view;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	small = judge_table(&judge, "public", "small", JUDGE_SMALL);
	view = judge_table(&judge, "public", "prices", JUDGE_SMALL);
	view->kind = CATALOG_VIEW;
	judge_table(&judge, "audit", "trail", JUDGE_SMALL);
	struct catalog_relation *system = judge_table(&judge, "pg_catalog", "pg_class", JUDGE_SMALL);
	system->system = true;
	usage_init(&usage);
	usage_init(&elsewhere);
	usage_watch(&usage, usage_database_key("shop"), now_ms - 3 * HOUR);
	traffic = (struct traffic){.usage = &usage, .session = own, .now_ms = now_ms};
	judge.traffic = &traffic;
	judge_mode(&judge, SETTINGS_ENFORCE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usage_fini(&usage);
	usage_fini(&elsewhere);
	judge_fini(&judge);
	return 0;
}

static bool ran_as(struct usage *of, const char *sql, uint64_t session, int64_t ago_ms)
{
	const struct usage_use use = {.at_ms = now_ms - ago_ms, .session = session, .fingerprint = 0xabc, .route = "/shop/"};
	bool missing = false, fresh = false;
	judge_parse(&judge, sql);
	judge_seal(&judge);
	struct context input = {
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &missing,
	};
	for (uint16_t at = 0; at < judge.statement_count; at++) {
		input.facts = &judge.facts[at];
		fresh |= traffic_ran(of, NULL, &input, &use);
	}
	return fresh;
}

static bool ran(const char *sql)
{
	return ran_as(&usage, sql, 1, MINUTE);
}

/* The finding of that rule, of whatever severity; NULL when there is none. */
static const struct finding *found_by(const char *code, const char *sql)
{
	judge_sql(&judge, sql);
	for (uint8_t at = 0; at < judge.verdict.count; at++) {
		if (strcmp(judge.verdict.findings[at].rule->code, code) == 0)
			return &judge.verdict.findings[at];
	}
	return NULL;
}

static const struct finding *found(const char *sql)
{
	return found_by("M220", sql);
}

static void expect(const char *sql, enum severity severity, const char *words)
{
	const struct finding *finding = found(sql);
	if (!finding || finding->severity != severity || (!strstr(finding->message, words) && !strstr(finding->hint, words)))
		fail_msg("%s: %s %s", sql, finding ? finding->message : "nothing", finding ? finding->hint : "");
	assert_int_equal(finding->action, severity == SEVERITY_BLOCK ? ACTION_REJECT : ACTION_LOG);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Used: block on any table, with the words that say by what. */
static void blocks_what_is_used(void **state)
{
	(void)state;
	assert_true(ran("SELECT qty FROM small"));
	assert_false(ran("SELECT qty FROM small"));
	expect("ALTER TABLE small DROP COLUMN qty", SEVERITY_BLOCK,
	       "qty of small was used 60 s ago, by 0000000000000abc from /shop/");
	expect("ALTER TABLE small RENAME COLUMN qty TO amount", SEVERITY_BLOCK, "Keep the old name");
	expect("DROP TABLE small", SEVERITY_BLOCK, "small was used");
	expect("ALTER TABLE small RENAME TO tiny", SEVERITY_BLOCK, "small was used");
	assert_null(found("ALTER TABLE small DROP COLUMN name"));
	assert_null(found("ALTER TABLE small RENAME CONSTRAINT small_pkey TO p"));
	assert_null(found("ALTER TABLE small DROP COLUMN IF EXISTS nothing"));
}

/* A name that could be of two tables is of those that have it and can be seen from there. */
static void names_without_qualifier(void **state)
{
	(void)state;
	ran("SELECT id FROM small WHERE EXISTS (SELECT qty FROM product, prices WHERE flag)");
	assert_null(found("ALTER TABLE small DROP COLUMN name"));
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_BLOCK, "was used");
	expect("ALTER TABLE small DROP COLUMN flag", SEVERITY_BLOCK, "was used");
}

/* Neither the change's own session nor what is no traffic. */
static void what_does_not_count(void **state)
{
	(void)state;
	ran_as(&usage, "UPDATE small SET qty = 1", own, MINUTE);
	assert_null(found("ALTER TABLE small DROP COLUMN qty"));
	ran("CREATE INDEX ON small (qty)");
	ran("EXPLAIN SELECT qty FROM small");
	ran("ALTER TABLE small ALTER COLUMN qty SET DEFAULT 1");
	ran("SELECT qty FROM pg_catalog.pg_class");
	assert_null(found("ALTER TABLE small DROP COLUMN qty"));
	ran("EXPLAIN ANALYZE SELECT qty FROM small");
	assert_non_null(found("ALTER TABLE small DROP COLUMN qty"));
}

/* By age: within the window, past it; and how it is said that nothing was seen. */
static void windows(void **state)
{
	(void)state;
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "No use was seen, in traffic watched for 3.0 h only, of 24 h.");
	assert_null(found("ALTER TABLE small DROP COLUMN qty"));
	traffic.now_ms = now_ms + DAY;
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_INFO, "nothing has used qty of product for 24 h");
	ran_as(&usage, "SELECT qty FROM product", 1, -MINUTE);
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_BLOCK, "was used");
	traffic.now_ms = now_ms + 2 * (int64_t)DAY;
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_INFO, "nothing has used");
	judge_threshold(&judge, "M220", "hours", "72");
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_BLOCK, "was used");
	usage_unclear(&usage, usage_database_key("shop"), now_ms);
	expect("ALTER TABLE product DROP COLUMN note", SEVERITY_WARN, "could not be read");
	judge.traffic = NULL;
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "not known here");
}

/* What is not known whole makes it unclear. */
static void unclear(void **state)
{
	uint64_t shop = usage_database_key("shop");
	(void)state;
	ran("SELECT qty FROM small");
	assert_int_equal(usage_database(&usage, shop)->unclear_ms, 0);
	judge.session.search_path_unknown = true;
	ran("SELECT qty FROM small");
	assert_int_equal(usage_database(&usage, shop)->unclear_ms, now_ms - MINUTE);
}

/* A view goes with the column it shows, and keeps it by another name. */
static void views(void **state)
{
	static struct catalog_dependent dependent = {.kind = CATALOG_DEPENDENT_VIEW};
	(void)state;
	dependent.relation = view;
	dependent.column = judge_column(small, "qty")->number;
	small->dependents = &dependent;
	small->dependent_count = 1;
	ran("SELECT id FROM prices");
	expect("ALTER TABLE small DROP COLUMN qty CASCADE", SEVERITY_BLOCK, "through prices");
	expect("DROP TABLE small CASCADE", SEVERITY_BLOCK, "through prices");
	expect("DROP VIEW prices", SEVERITY_BLOCK, "prices was used");
	expect("ALTER VIEW prices RENAME TO cost", SEVERITY_BLOCK, "prices was used");
	assert_null(found("ALTER TABLE small RENAME COLUMN qty TO amount"));
	assert_null(found("ALTER TABLE small DROP COLUMN name"));
}

static void schemas(void **state)
{
	(void)state;
	assert_null(found("DROP SCHEMA audit CASCADE"));
	ran("SELECT id FROM audit.trail");
	expect("DROP SCHEMA audit CASCADE", SEVERITY_BLOCK, "audit.trail was used");
	expect("ALTER SCHEMA audit RENAME TO log", SEVERITY_BLOCK, "audit.trail was used");
	assert_null(found("DROP SCHEMA other CASCADE"));
	assert_null(found("DROP TYPE audit"));
}

/* Another worker's uses count as its own, the newest of both. */
static void elsewhere_too(void **state)
{
	(void)state;
	traffic.elsewhere = &elsewhere;
	ran_as(&usage, "SELECT qty FROM small", 1, HOUR);
	ran_as(&elsewhere, "SELECT qty, note FROM small", 2, 2 * MINUTE);
	expect("ALTER TABLE small DROP COLUMN qty", SEVERITY_BLOCK, "2.0 min ago");
	expect("ALTER TABLE small DROP COLUMN note", SEVERITY_BLOCK, "2.0 min ago");
	assert_null(found("ALTER TABLE small DROP COLUMN name"));
}

static void expect_refresh(enum severity severity, enum evidence evidence, const char *end)
{
	const struct finding *finding = found_by("M229", "REFRESH MATERIALIZED VIEW product");
	assert_non_null(finding);
	assert_int_equal(finding->severity, severity);
	assert_int_equal(finding->evidence, evidence);
	assert_string_equal(finding->message,
	                    arena_printf(&judge.verdict.arena, "nobody can read product until it is computed and written anew%s", end));
}

/* M229: who would wait is told, or that it seems to be nobody. */
static void refreshes(void **state)
{
	static struct catalog_dependent dependent = {.kind = CATALOG_DEPENDENT_VIEW};
	(void)state;
	product->kind = CATALOG_MATERIALIZED_VIEW;
	expect_refresh(SEVERITY_WARN, EVIDENCE_CATALOG, "");
	ran_as(&usage, "SELECT qty FROM product", own, MINUTE);
	expect_refresh(SEVERITY_WARN, EVIDENCE_CATALOG, "");
	traffic.now_ms = now_ms + DAY;
	expect_refresh(SEVERITY_INFO, EVIDENCE_TRAFFIC, "; nothing has used it for 24 h at least");
	traffic.now_ms = now_ms;
	ran("SELECT qty FROM product");
	expect_refresh(SEVERITY_WARN, EVIDENCE_TRAFFIC, "; it was used 60 s ago, by 0000000000000abc from /shop/");
	dependent.relation = view;
	product->dependents = &dependent;
	product->dependent_count = 1;
	ran_as(&usage, "SELECT id FROM prices", 1, MINUTE / 2);
	expect_refresh(SEVERITY_WARN, EVIDENCE_TRAFFIC, "; it was used through prices 30 s ago, by 0000000000000abc from /shop/");
	assert_null(found_by("M229", "REFRESH MATERIALIZED VIEW CONCURRENTLY product"));
	traffic.now_ms = now_ms + 2 * (int64_t)DAY;
	judge_threshold(&judge, "M229", "hours", "72");
	expect_refresh(SEVERITY_WARN, EVIDENCE_TRAFFIC, "; it was used through prices 48 h ago, by 0000000000000abc from /shop/");
	judge.traffic = NULL;
	expect_refresh(SEVERITY_WARN, EVIDENCE_CATALOG, "");
}

/* mode and action decide as for any rule that blocks. */
static void actions(void **state)
{
	(void)state;
	ran("SELECT qty FROM small");
	judge_mode(&judge, SETTINGS_OBSERVE);
	assert_int_equal(found("ALTER TABLE small DROP COLUMN qty")->action, ACTION_LOG);
	judge_mode(&judge, SETTINGS_ENFORCE);
	judge_rule(&judge, "M220", "log");
	assert_int_equal(found("ALTER TABLE small DROP COLUMN qty")->action, ACTION_LOG);
	judge_rule(&judge, "M220", "reject");
	assert_int_equal(found("ALTER TABLE product DROP COLUMN name")->action, ACTION_REJECT);
	judge_rule(&judge, "M220", "off");
	assert_null(found("ALTER TABLE small DROP COLUMN qty"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(blocks_what_is_used, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_without_qualifier, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_does_not_count, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(windows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unclear, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(views, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(schemas, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(elsewhere_too, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refreshes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(actions, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
