#include "inspect/inspector.h"

#include "config/limits.h"
#include "tests/unit/inspected.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A verdict on a read is made once for a catalog, and again when there is a new one. */
static void verdicts_live_as_long_as_the_catalog(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE name LIKE '%lamp%'");
	const struct finding *findings;

	(void)state;
	assert_int_equal(inspected_judge(statement)->count, 0);
	assert_true(inspected_judge(statement)->catalog_missing);
	assert_null(inspector_catalog(inspected.inspector, "shop"));

	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_non_null(inspector_catalog(inspected.inspector, "shop"));
	assert_int_equal(inspected_judge(statement)->count, 1);
	findings = inspected_judge(statement)->findings;
	assert_string_equal(findings[0].rule->code, "Q101");
	assert_ptr_equal(inspected_judge(statement)->findings[0].message, findings[0].message); /* not made anew */

	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_SMALL));
	assert_int_equal(inspected_judge(statement)->count, 0);
	assert_false(inspected_judge(statement)->catalog_missing);
	cache_unref(statement);
}

static uint64_t withdrawn_of(const char *code)
{
	uint64_t withdrawn[LIMIT_RULES] = {0}, sum = 0;

	inspector_take_withdrawn(inspected.inspector, withdrawn);
	for (size_t rule = 0; rule < LIMIT_RULES; rule++)
		sum += withdrawn[rule];
	assert_int_equal(sum, withdrawn[rules_index(rules_find(code))]);
	return sum;
}

/* A finding that a newer catalog takes back, or makes milder, is counted once, when its statement comes again, bound to
 * values of the same class where it was a bound one; one that stands is not counted. */
static void what_a_catalog_takes_back_is_counted(void **state)
{
	struct statement *search = inspected_recognise("SELECT 1 FROM product WHERE name LIKE '%lamp%'");
	struct statement *bound = inspected_recognise("SELECT 1 FROM product WHERE name LIKE $1");

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_int_equal(inspected_judge(search)->count, 1);
	assert_int_equal(inspected_judge_pattern(bound, "%lamp%")->count, 1);
	assert_int_equal(withdrawn_of("Q101"), 0);
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE + 1));
	assert_int_equal(inspected_judge(search)->count, 1);
	assert_int_equal(withdrawn_of("Q101"), 0);
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_MEDIUM));
	assert_int_equal(inspected_judge(search)->count, 1);
	assert_int_equal(withdrawn_of("Q101"), 1);
	assert_int_equal(withdrawn_of("Q101"), 0);
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_SMALL));
	assert_int_equal(inspected_judge(search)->count, 0);
	assert_int_equal(inspected_judge_pattern(bound, "lamp%")->count, 0);
	assert_int_equal(inspected_judge(search)->count, 0);
	assert_int_equal(withdrawn_of("Q101"), 1);
	assert_int_equal(inspected_judge_pattern(bound, "%table%")->count, 0);
	assert_int_equal(inspected_judge_pattern(bound, "%lamp%")->count, 0);
	assert_int_equal(withdrawn_of("Q101"), 1);
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_int_equal(inspected_judge(search)->count, 1);
	assert_int_equal(inspected_judge_pattern(bound, "%desk%")->count, 1);
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_SMALL));
	assert_int_equal(inspected_judge_pattern(bound, "lamp")->count, 0);
	assert_int_equal(withdrawn_of("Q101"), 0);
	cache_unref(search);
	cache_unref(bound);
}

static const struct verdict *observe(const char *sql, const char *parameter)
{
	struct statement *statement = inspected_recognise(sql);
	const struct bound_shape bound =
	    parameter ? shape_bound(parameter, strlen(parameter)) : (struct bound_shape){0};
	const struct verdict *seen = inspector_observe(inspected.inspector, statement, &inspected.judge.session,
	                                               parameter ? &bound : NULL, parameter ? 1 : 0);

	cache_unref(statement);
	return seen;
}

/* Documents that are stored in a text column are counted as they come, in the text or bound, and told once. */
static void stored_documents_are_observed(void **state)
{
	const struct verdict *seen;

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_SMALL));
	for (int at = 0; at < 9; at++) {
		assert_null(observe("INSERT INTO product (id, note) VALUES (1, '{\"a\": 1}')", NULL));
		assert_null(observe("UPDATE product SET note = $1 WHERE id = 2", "[1, 2]"));
	}
	assert_null(observe("UPDATE product SET note = 'text'", NULL));
	assert_null(observe("UPDATE product SET note = '{\"b\": 2}'", NULL));
	seen = observe("UPDATE product SET note = '{\"b\": 2}'", NULL);
	assert_non_null(seen);
	assert_int_equal(seen->count, 1);
	assert_string_equal(seen->findings[0].rule->code, "D501");
	assert_string_equal(seen->findings[0].column, "note");
	assert_non_null(strstr(seen->findings[0].message, "20 of the last 21"));
	assert_null(observe("UPDATE product SET note = '{\"b\": 2}'", NULL));
}

/* The catalog alone says something of some tables, of others nothing. */
static void tables_are_audited(void **state)
{
	struct catalog *large = inspected_catalog(JUDGE_LARGE);
	const struct verdict *verdict;

	(void)state;
	assert_int_equal(catalog_relation_count(large), 1);
	assert_null(inspector_audit(inspected.inspector, large, 0));
	((struct catalog_column *)catalog_relation_at(large, 0)->columns)[0].type = "json";
	verdict = inspector_audit(inspected.inspector, large, 0);
	assert_non_null(verdict);
	assert_string_equal(verdict->findings[0].rule->code, "D502");
	assert_string_equal(verdict->findings[0].table, "product");
	catalog_unref(large);
}

/* A catalog is its database's only. */
static void catalogs_belong_to_databases(void **state)
{
	struct catalog *other = catalog_new("elsewhere");
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE name LIKE '%lamp%'");

	(void)state;
	catalog_seal(other);
	inspector_put_catalog(inspected.inspector, other);
	assert_ptr_equal(inspector_catalog(inspected.inspector, "elsewhere"), other);
	assert_null(inspector_catalog(inspected.inspector, "shop"));
	assert_true(inspected_judge(statement)->catalog_missing);
	cache_unref(statement);
}

/* More databases than there is room for: the last ones go without, and nothing leaks. */
static void catalogs_are_bounded(void **state)
{
	(void)state;
	for (int at = 0; at < LIMIT_DATABASES + 2; at++) {
		char name[16];
		struct catalog *catalog;

		snprintf(name, sizeof(name), "d%d", at);
		catalog = catalog_new(name);
		catalog_seal(catalog);
		inspector_put_catalog(inspected.inspector, catalog);
	}
	assert_non_null(inspector_catalog(inspected.inspector, "d0"));
	assert_null(inspector_catalog(inspected.inspector, "d256"));
}

/* A bound pattern decides at each Bind, and not for one of another class. */
static void bound_patterns_are_judged_each_time(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE name LIKE $1");
	struct statement *other = inspected_recognise("SELECT id FROM product WHERE id = $1");

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_true(statement->wants_parameters);
	assert_false(other->wants_parameters);
	assert_int_equal(inspected_judge(statement)->count, 0);
	assert_int_equal(inspected_judge_pattern(statement, "%lamp%")->count, 1);
	assert_string_equal(inspected_judge_pattern(statement, "%lamp%")->findings[0].rule->code, "Q101");
	assert_int_equal(inspected_judge(statement)->count, 0);
	assert_string_equal(inspected_judge_pattern(statement, "lamp%")->findings[0].rule->code, "Q104");
	assert_int_equal(inspected_judge_pattern(other, "%lamp%")->count, 0);
	cache_unref(statement);
	cache_unref(other);
}

/* A schema change is judged at each execution: the transaction around it counts. */
static void schema_changes_are_judged_each_time(void **state)
{
	static const char create[] = "CREATE TABLE product (id int)";
	struct statement *statement = inspected_recognise("ALTER TABLE product ALTER COLUMN id TYPE bigint");
	struct statement *creating = inspected_recognise(create);

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_true(statement->has_ddl);
	assert_true(inspected_judge(statement)->count > 0);
	session_state_ready(&inspected.judge.session, 'T');
	session_state_completed(&inspected.judge.session, creating->facts, creating->statement_count);
	assert_int_equal(inspected_judge(statement)->count, 0);
	session_state_ready(&inspected.judge.session, 'I');
	assert_true(inspected_judge(statement)->count > 0);
	cache_unref(statement);
	cache_unref(creating);
}

/* So is a read, while the session has a table of its own of that name: the verdict is not for others. */
static void what_a_session_created_is_its_own(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE name LIKE '%lamp%'");
	struct statement *creating = inspected_recognise("CREATE TABLE product (id int)");

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	assert_int_equal(inspected_judge(statement)->count, 1);
	session_state_ready(&inspected.judge.session, 'T');
	session_state_completed(&inspected.judge.session, creating->facts, creating->statement_count);
	assert_int_equal(inspected_judge(statement)->count, 0);
	session_state_ready(&inspected.judge.session, 'I');
	assert_int_equal(inspected_judge(statement)->count, 1);
	cache_unref(statement);
	cache_unref(creating);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, inspected_set_up, inspected_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(verdicts_live_as_long_as_the_catalog),
	    CASE(what_a_catalog_takes_back_is_counted),
	    CASE(stored_documents_are_observed),
	    CASE(tables_are_audited),
	    CASE(catalogs_belong_to_databases),
	    CASE(catalogs_are_bounded),
	    CASE(bound_patterns_are_judged_each_time),
	    CASE(schema_changes_are_judged_each_time),
	    CASE(what_a_session_created_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
