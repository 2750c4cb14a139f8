#include "inspect/rules/rules.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>

static const char search[] = "SELECT * FROM product WHERE UPPER(name::text) LIKE UPPER('%lamp%')";
static const char build[] = "CREATE INDEX ON product (qty)";

/* -- helpers ---------------------------------------------------------------------------------------- */

/* One table of that many rows. */
static struct catalog_relation *start(struct judge *judge, double rows)
{
	judge_init(judge);
	return judge_table(judge, "public", "product", rows);
}

static void configure_fails(const char *rule, const char *key, const char *value, const char *expected)
{
	static struct settings settings;
	settings_defaults(&settings);
	snprintf(settings.file, sizeof(settings.file), "p.ini");
	settings.rule_count = 1;
	settings.rules[0].line = 7;
	snprintf(settings.rules[0].rule, sizeof(settings.rules[0].rule), "%s", rule);
	snprintf(settings.rules[0].key, sizeof(settings.rules[0].key), "%s", key);
	snprintf(settings.rules[0].value, sizeof(settings.rules[0].value), "%s", value);
	struct rule_settings out;
	char error[256] = "";
	assert_false(rules_configure(&out, &settings, error, sizeof(error)));
	assert_string_equal(error, expected);
}

/* By its name in one line and by its code in another. */
static void set_twice(void **state)
{
	(void)state;
	static struct settings settings;
	settings_defaults(&settings);
	snprintf(settings.file, sizeof(settings.file), "p.ini");
	settings.rule_count = 2;
	settings.rules[0] =
	    (struct settings_rule){.rule = "index-build-blocks-writes", .key = "action", .value = "log", .line = 3};
	settings.rules[1] = (struct settings_rule){.rule = "M202", .key = "action", .value = "reject", .line = 9};
	struct rule_settings out;
	char error[256] = "";
	assert_false(rules_configure(&out, &settings, error, sizeof(error)));
	assert_string_equal(error,
	                    "p.ini:9: action of rule \"index-build-blocks-writes\" is set twice, first in line 3");
	snprintf(settings.rules[1].rule, sizeof(settings.rules[1].rule), "M204");
	assert_true(rules_configure(&out, &settings, error, sizeof(error)));
}

static enum action action_of(const struct judge *judge, const char *name)
{
	return judge->rules.rules[rules_index(rules_find(name))].action;
}

/* -- the table and its settings ----------------------------------------------------------------------- */

/* Every rule can be named in two ways, and no two rules by the same. */
static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < rules_count(); i++) {
		const struct rule *rule = rules_at(i);
		assert_int_equal(rules_index(rule), i);
		assert_ptr_equal(rules_find(rule->slug), rule);
		assert_ptr_equal(rules_find(rule->code), rule);
		assert_true((rule->check == NULL) == (rule->scope == RULE_BEYOND));
		assert_true(strlen(rule->title) > 10);
		assert_true(strlen(rule->code) == 4 && strchr("QMCSDTW", rule->code[0]));
		assert_true(strspn(rule->slug, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(rule->slug));
		if (rule->any_size || !rule->on_medium)
			assert_int_equal(rule->severity_medium, SEVERITY_INFO);
		else
			assert_true(rule->severity_medium < rule->severity);
		for (size_t t = 1; t < RULE_THRESHOLDS; t++)
			assert_true(!rule->thresholds[t].key || rule->thresholds[t - 1].key);
	}
	assert_ptr_equal(rules_find("q101"), rules_find("Leading-Wildcard-Unindexed"));
	assert_null(rules_find("Q100"));
	assert_null(rules_find(""));
}

/* What the mode says, and what the settings say against it: they hold in either mode, the last line of several. */
static void actions(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	assert_int_equal(action_of(&judge, "Q101"), ACTION_LOG);
	assert_int_equal(action_of(&judge, "M202"), ACTION_LOG);
	judge_mode(&judge, SETTINGS_ENFORCE);
	assert_int_equal(action_of(&judge, "Q101"), ACTION_LOG);
	assert_int_equal(action_of(&judge, "M202"), ACTION_REJECT);
	assert_true(rules_may_reject(&judge.rules));
	judge_mode(&judge, SETTINGS_OBSERVE);
	assert_false(rules_may_reject(&judge.rules));
	judge_rule(&judge, "leading-wildcard-unindexed", "reject");
	assert_true(rules_may_reject(&judge.rules));
	judge_rule(&judge, "m202", "log");
	judge_rule(&judge, "M204", "OFF");
	for (int mode = SETTINGS_OBSERVE; mode <= SETTINGS_ENFORCE; mode++) {
		judge_mode(&judge, mode);
		assert_int_equal(action_of(&judge, "Q101"), ACTION_REJECT);
		assert_int_equal(action_of(&judge, "M202"), ACTION_LOG);
		assert_int_equal(action_of(&judge, "M204"), ACTION_OFF);
	}
	judge_rule(&judge, "Q101", "off");
	assert_int_equal(action_of(&judge, "Q101"), ACTION_OFF);
	judge_fini(&judge);
}

/* With enforce_from = error what is an error rejects as well; what is a warning never by the mode alone. */
static void enforcing_errors(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	judge.settings->enforce_from = SETTINGS_ENFORCE_ERROR;
	judge_mode(&judge, SETTINGS_OBSERVE);
	assert_int_equal(action_of(&judge, "Q101"), ACTION_LOG);
	assert_int_equal(action_of(&judge, "M202"), ACTION_LOG);
	judge_mode(&judge, SETTINGS_ENFORCE);
	assert_int_equal(action_of(&judge, "Q101"), ACTION_REJECT);
	assert_int_equal(action_of(&judge, "M202"), ACTION_REJECT);
	assert_int_equal(action_of(&judge, "Q102"), ACTION_LOG);
	assert_string_equal(judge_sql(&judge, search), "Q101!");
	judge_fini(&judge);
}

/* A rule may have the tables' sizes of its own: they count for it alone, up and down. */
static void own_thresholds(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_SMALL);
	assert_string_equal(judge_sql(&judge, search), "");
	judge_threshold(&judge, "Q101", "medium_table_rows", "100");
	assert_string_equal(judge_sql(&judge, search), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_WARN);
	judge_threshold(&judge, "leading-wildcard-unindexed", "large_table_rows", "500");
	assert_string_equal(judge_sql(&judge, search), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	assert_string_equal(judge_sql(&judge, build), "");
	judge_fini(&judge);

	struct catalog_relation *relation = start(&judge, JUDGE_LARGE);
	relation->bytes = 2LL << 30;
	judge_threshold(&judge, "M202", "large_table_rows", "3000000");
	assert_string_equal(judge_sql(&judge, build), "M202");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	judge_threshold(&judge, "M202", "large_table_size", "3GB");
	assert_string_equal(judge_sql(&judge, build), "M202");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_WARN);
	assert_string_equal(judge_sql(&judge, search), "Q101");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	judge_fini(&judge);
}

/* A wrong line is named by file and line, with the nearest rule where one is near. */
static void wrong_settings(void **state)
{
	(void)state;
	configure_fails("leading-wildcard-unindxed", "action", "log",
	                "p.ini:7: there is no rule \"leading-wildcard-unindxed\"; did you mean "
	                "\"leading-wildcard-unindexed\"?");
	configure_fails("xyzzy", "action", "log", "p.ini:7: there is no rule \"xyzzy\"");
	configure_fails(
	    "Q101", "action", "rejct",
	    "p.ini:7: the action of rule \"leading-wildcard-unindexed\" is off, log or reject, not \"rejct\"");
	configure_fails(
	    "Q101", "acton", "log",
	    "p.ini:7: unknown key \"acton\" of rule \"leading-wildcard-unindexed\"; did you mean \"action\"?");
	configure_fails("Q101", "xyzzy", "log",
	                "p.ini:7: unknown key \"xyzzy\" of rule \"leading-wildcard-unindexed\"");
	configure_fails("Q101", "large_table_row", "5",
	                "p.ini:7: unknown key \"large_table_row\" of rule \"leading-wildcard-unindexed\"; did you mean "
	                "\"large_table_rows\"?");
	configure_fails("Q101", "large_table_rows", "many",
	                "p.ini:7: large_table_rows is a number of rows, at least 1: not \"many\"");
}

/* -- size, severity, action --------------------------------------------------------------------------- */

static void expect_kind(enum catalog_relkind kind, double rows, const char *sql, const char *codes, enum severity severity,
                        const char *ending)
{
	struct judge judge;
	start(&judge, rows)->kind = kind;
	assert_string_equal(judge_sql(&judge, sql), codes);
	assert_int_equal(judge.verdict.rejected_by, -1);
	if (*codes) {
		const struct finding *finding = &judge.verdict.findings[0];
		assert_int_equal(finding->severity, severity);
		assert_int_equal(finding->action, ACTION_LOG);
		assert_int_equal(finding->evidence, EVIDENCE_CATALOG);
		assert_string_equal(finding->table, "product");
		assert_true(finding->table_rows == rows);
		size_t len = strlen(finding->message), end = strlen(ending);
		assert_true(len >= end && strcmp(finding->message + len - end, ending) == 0);
	}
	judge_fini(&judge);
}

static void expect(double rows, const char *sql, const char *codes, enum severity severity, const char *ending)
{
	expect_kind(CATALOG_TABLE, rows, sql, codes, severity, ending);
}

/* Small: silent. Medium: the severity for that, or silent. Large: the rule's own. Not known: one lower, and said so. */
static void sizes(void **state)
{
	(void)state;
	const char unknown[] = "; its size is unknown: it was locked whenever it was looked at";
	expect(JUDGE_SMALL, search, "", 0, NULL);
	expect(JUDGE_MEDIUM, search, "Q101", SEVERITY_WARN, "");
	expect(JUDGE_LARGE, search, "Q101", SEVERITY_ERROR, "");
	expect(JUDGE_UNKNOWN, search, "Q101", SEVERITY_WARN, unknown);
	expect(JUDGE_SMALL, build, "", 0, NULL);
	expect(JUDGE_MEDIUM, build, "M202", SEVERITY_WARN, "");
	expect(JUDGE_LARGE, build, "M202", SEVERITY_BLOCK, "");
	expect(JUDGE_UNKNOWN, build, "M202", SEVERITY_ERROR, unknown);
	expect_kind(CATALOG_FOREIGN_TABLE, JUDGE_UNKNOWN, "TRUNCATE product", "M221", SEVERITY_WARN,
	            "; its size is unknown: never analysed");
	expect(JUDGE_MEDIUM, "VACUUM FULL product", "", 0, NULL);
	expect(JUDGE_MEDIUM, "SELECT 1 FROM product WHERE name ~ 'x'", "", 0, NULL);
	expect(9999, build, "", 0, NULL);
	expect(10000, build, "M202", SEVERITY_WARN, "");
	expect(1000000, build, "M202", SEVERITY_BLOCK, "");
}

/* A table of few rows and many bytes is large, too; one whose rows were only estimated is known well enough. */
static void large_by_bytes(void **state)
{
	(void)state;
	struct judge judge;
	struct catalog_relation *relation = start(&judge, JUDGE_SMALL);
	relation->bytes = 2LL << 30;
	relation->analyzed = false;
	assert_string_equal(judge_sql(&judge, build), "M202");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	assert_null(strstr(judge.verdict.findings[0].message, "unknown"));
	judge_fini(&judge);
}

/* enforce rejects what blocks, at the rule's own severity only; an explicit reject makes any rule reject, but no more
 * than that. */
static void rejecting(void **state)
{
	(void)state;
	static const double others[] = {JUDGE_MEDIUM, JUDGE_UNKNOWN};
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	judge_mode(&judge, SETTINGS_ENFORCE);
	assert_string_equal(judge_sql(&judge, build), "M202!");
	assert_int_equal(judge.verdict.rejected_by, 0);
	assert_string_equal(judge_sql(&judge, search), "Q101");
	assert_int_equal(judge.verdict.rejected_by, -1);
	judge_rule(&judge, "Q101", "reject");
	judge_mode(&judge, SETTINGS_OBSERVE);
	assert_string_equal(judge_sql(&judge, search), "Q101!");
	assert_string_equal(judge_sql(&judge, build), "M202");
	judge_rule(&judge, "Q101", "off");
	assert_string_equal(judge_sql(&judge, search), "");
	judge_fini(&judge);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		start(&judge, others[i]);
		judge_mode(&judge, SETTINGS_ENFORCE);
		judge_rule(&judge, "Q101", "reject");
		judge_rule(&judge, "M202", "reject");
		assert_string_equal(judge_sql(&judge, build), "M202");
		assert_string_equal(judge_sql(&judge, search), "Q101");
		assert_int_equal(judge.verdict.rejected_by, -1);
		judge_fini(&judge);
	}
}

/* A finding that is there twice is reported once; two columns are two. Past the ceiling findings are counted, but one
 * that rejects still does. */
static void many_findings(void **state)
{
	(void)state;
	struct judge judge;
	struct catalog_relation *relation = start(&judge, JUDGE_LARGE);
	judge_rule(&judge, "M223", "reject");
	(void)relation;
	assert_string_equal(judge_sql(&judge, "SELECT 1 FROM product WHERE name LIKE '%abc%' OR name LIKE '%def%'"),
	                    "Q101");
	assert_string_equal(judge_sql(&judge, "SELECT 1 FROM product WHERE name LIKE '%abc%' OR note LIKE '%def%'"),
	                    "Q101 Q101");
	static const char *const columns[] = {"name", "note", "qty", "owner", "amount", "data"};
	char sql[4096] = "";
	for (unsigned i = 0; i < 6; i++) {
		size_t len = strlen(sql);
		snprintf(sql + len, sizeof(sql) - len,
		         "SELECT 1 FROM product WHERE %s::text LIKE '%%abc%%';"
		         "SELECT 1 FROM product WHERE lower(%s::text) LIKE '%%abc%%';"
		         "SELECT 1 FROM product WHERE upper(%s::text) = 'ABC';",
		         columns[i], columns[i], columns[i]);
	}
	judge_sql(&judge, sql);
	assert_int_equal(judge.verdict.count, LIMIT_VERDICT_FINDINGS);
	assert_int_equal(judge.verdict.dropped, 18 - LIMIT_VERDICT_FINDINGS);
	assert_int_equal(judge.verdict.rejected_by, -1);
	snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "VACUUM FULL product");
	judge_sql(&judge, sql);
	assert_int_equal(judge.verdict.count, LIMIT_VERDICT_FINDINGS);
	assert_int_equal(judge.verdict.rejected_by, LIMIT_VERDICT_FINDINGS - 1);
	assert_string_equal(judge.verdict.findings[judge.verdict.rejected_by].rule->code, "M223");
	judge_fini(&judge);
}

/* -- what is judged ----------------------------------------------------------------------------------- */

/* Without a catalog the rules are silent, and the verdict says that one would have asked for it. */
static void no_catalog(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	static const char *const asking[] = {search,
	                                     build,
	                                     "REINDEX DATABASE shop",
	                                     "VACUUM FULL",
	                                     "REINDEX INDEX x",
	                                     "DROP INDEX x",
	                                     "SELECT 1 FROM product WHERE id = 5"};
	static const char *const others[] = {"SELECT 1", "BEGIN"};
	judge_sql(&judge, "SELECT 1");
	struct catalog *catalog = judge.catalog;
	judge.catalog = NULL;
	for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
		assert_string_equal(judge_sql(&judge, asking[i]), "");
		assert_true(judge.verdict.catalog_missing);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_string_equal(judge_sql(&judge, others[i]), "");
		assert_false(judge.verdict.catalog_missing);
	}
	judge.catalog = catalog;
	assert_string_equal(judge_sql(&judge, search), "Q101");
	assert_false(judge.verdict.catalog_missing);
	judge_fini(&judge);
}

/* EXPLAIN runs nothing, EXPLAIN ANALYZE does; a cursor and a prepared statement are judged by what is in them. */
static void wrapped(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	char sql[400];
	snprintf(sql, sizeof(sql), "EXPLAIN %s", search);
	assert_string_equal(judge_sql(&judge, sql), "");
	snprintf(sql, sizeof(sql), "EXPLAIN (ANALYZE) %s", search);
	assert_string_equal(judge_sql(&judge, sql), "Q101");
	snprintf(sql, sizeof(sql), "DECLARE c CURSOR FOR %s", search);
	assert_string_equal(judge_sql(&judge, sql), "Q101");
	snprintf(sql, sizeof(sql), "PREPARE p AS %s", search);
	assert_string_equal(judge_sql(&judge, sql), "Q101");
	assert_string_equal(judge_sql(&judge, "DELETE FROM product WHERE note LIKE '%abc%'"), "Q101");
	assert_string_equal(judge_sql(&judge, "UPDATE product SET qty = 1 WHERE note LIKE '%abc%'"), "Q101");
	judge_fini(&judge);
}

/* Only a parameter that is a pattern is worth waiting for. */
static void want_parameters(void **state)
{
	(void)state;
	struct judge judge;
	start(&judge, JUDGE_LARGE);
	static const struct {
		const char *sql;
		bool want;
	} cases[] = {
	    {"SELECT 1 FROM product WHERE name LIKE $1", true},
	    {"SELECT 1 FROM product WHERE id = 1; SELECT 1 FROM product WHERE name ~* $1", true},
	    {"SELECT 1 FROM product WHERE UPPER(name::text) LIKE UPPER($1)", true},
	    {"SELECT 1 FROM product WHERE name SIMILAR TO $1", true},
	    {"SELECT 1 FROM product WHERE name LIKE '%' || $1", true},
	    {"SELECT 1 FROM product WHERE name = $1 AND qty > $2", false},
	    {"SELECT 1 FROM product WHERE UPPER(name::text) = UPPER($1)", false},
	    {"SELECT 1 FROM product WHERE name LIKE '%a'", false},
	    {"SELECT 1 FROM product p, product q WHERE p.name || q.name LIKE $1", false},
	    {"SELECT $1", false},
	    {"", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		judge_parse(&judge, cases[i].sql);
		assert_int_equal(rules_want_parameters(judge.facts, judge.statement_count, &(struct shape_wants){0}), cases[i].want);
	}
	judge_fini(&judge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),           cmocka_unit_test(actions),        cmocka_unit_test(enforcing_errors),
	    cmocka_unit_test(own_thresholds),  cmocka_unit_test(wrong_settings), cmocka_unit_test(set_twice),
	    cmocka_unit_test(sizes),           cmocka_unit_test(large_by_bytes), cmocka_unit_test(rejecting),
	    cmocka_unit_test(many_findings),   cmocka_unit_test(no_catalog),     cmocka_unit_test(wrapped),
	    cmocka_unit_test(want_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
