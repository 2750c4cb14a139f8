#include "inspect/rules/rules_json.h"

#include "inspect/catalog/dictionary.h"
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

static void expect(const char *condition, const char *codes)
{
	judge_expect_where(&judge, condition, codes);
}

/* Without any index every way to look into a document is found, and what a key says never leaves. */
static void nothing_indexed(void **state)
{
	(void)state;
	expect("data @> '{\"canary\": 1}'", "Q115");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	assert_string_equal(judge.verdict.findings[0].column, "data");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "USING gin (data jsonb_path_ops)"));
	expect("data ? 'canary'", "Q115");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "USING gin (data)"));
	expect("data ?| ARRAY['canary']", "Q115");
	expect("data ?& ARRAY['canary']", "Q115");
	expect("data @@ '$.canary == 5'", "Q115");
	expect("data @? '$.canary ? (@ == 5)'", "Q115");
	expect("data <@ '{\"canary\": 1}'", "Q115");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "");
	expect("'{\"canary\": 1}' <@ data", "Q115");
	expect("data -> 'canary' = '1'", "Q116");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_WARN);
	expect("data ->> 'canary' IN ('a', 'b')", "Q116");
	expect("data #> '{canary,b}' = '1'", "Q116");
	expect("(data ->> 'canary')::int = 5", "Q116");
	expect("data -> 'canary' @> '[1]'", "Q116");
	expect("data -> $1 = $2", "Q116");
	expect("data @> $1", "Q115");
}

/* A GIN index serves by its operator class: the default one all but <@, jsonb_path_ops no key-exists; a key's
 * comparison neither. */
static void operator_classes(void **state)
{
	(void)state;
	struct catalog_index *gin = judge_index(&judge, product, "data_gin", "gin", "data jsonb_ops", NULL);
	expect("data @> '{\"canary\": 1}'", "");
	expect("data ? 'canary'", "");
	expect("data ?| ARRAY['canary']", "");
	expect("data @@ '$.canary == 5'", "");
	expect("data <@ '{\"canary\": 1}'", "Q115");
	expect("data -> 'canary' = '1'", "Q116");
	assert_non_null(strstr(judge.verdict.findings[0].message, "data_gin serves containment"));
	assert_non_null(strstr(judge.verdict.findings[0].fix_django, "data__contains"));
	expect("data -> 'canary' @> '[1]'", "Q116");
	const struct dictionary *dictionary = catalog_dictionary(judge.catalog);
	((struct catalog_index_key *)gin->keys)[0].family =
	    dictionary_class_named(dictionary, "gin", "jsonb_path_ops")->family;
	expect("data @> '{\"canary\": 1}'", "");
	expect("data @? '$.canary ? (@ == 5)'", "");
	expect("data ? 'canary'", "Q117");
	assert_non_null(strstr(judge.verdict.findings[0].message, "data_gin has jsonb_path_ops"));
	expect("data ?& ARRAY['canary']", "Q117");
	gin->valid = false;
	expect("data @> '{\"canary\": 1}'", "Q115");
	expect("data ? 'canary'", "Q115");
}

/* An index on the very expression serves a key's comparison; one on another key does not. */
static void expressions(void **state)
{
	(void)state;
	judge_index(&judge, product, "data_canary", "btree", "data -> 'canary' jsonb_ops", NULL);
	judge_index(&judge, product, "data_tags", "gin", "data -> 'tags' jsonb_ops", NULL);
	expect("data -> 'canary' = '1'", "");
	expect("data -> 'canary' IN ('1', '2')", "");
	expect("data -> 'size' = '1'", "Q116");
	expect("data ->> 'canary' = '1'", "Q116");
	expect("data -> 'tags' @> '[1]'", "");
	expect("data -> 'tags' ? 'canary'", "");
	expect("data @> '{\"canary\": 1}'", "Q115");
	expect("data -> $1 = $2", "");
}

/* A partial index serves where the statement implies its condition. */
static void partial(void **state)
{
	(void)state;
	judge_index(&judge, product, "data_gin", "gin", "data jsonb_ops", "flag");
	expect("data ? 'canary' AND flag", "");
	expect("data @> '{\"canary\": 1}'", "Q115");
}

/* Silent: other conditions leave few rows, negation, other types, joins, NULL, other rules' work, and small tables. */
static void silent(void **state)
{
	(void)state;
	expect("data @> '{\"canary\": 1}' AND id = 5", "");
	expect("data -> 'canary' = '1' AND id IN (5, 6)", "");
	expect("NOT (data ? 'canary')", "");
	expect("NOT (data -> 'canary' = '1')", "");
	expect("tags @> ARRAY['canary']::varchar[]", "Q118");
	expect("to_tsvector('english', note) @@ to_tsquery('canary')", "Q119");
	expect("data -> 'canary' IS NULL", "");
	expect("data = '{\"canary\": 1}'", "");
	judge_fini(&judge);
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_MEDIUM);
	expect("data @> '{\"canary\": 1}'", "");
	expect("data -> 'canary' = '1'", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_indexed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(operator_classes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(expressions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(partial, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(silent, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
