#include "inspect/rules/rules_filter.h"

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
	judge_table(&judge, "public", "tiny", JUDGE_SMALL);
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

/* A function around an indexed column is found; not with an index on the expression, nor where another condition leads
 * to the rows, nor for a column without an index. */
static void around_a_column(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_tstz", "btree", "tstz timestamptz_ops", NULL);
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, product, "by_half", "btree", "(qty / 2) int4_ops", NULL);
	expect("SELECT * FROM product WHERE (tstz AT TIME ZONE 'UTC')::date = '2020-01-01'", "Q107");
	assert_string_equal(judge.verdict.findings[0].column, "tstz");
	expect("SELECT * FROM product WHERE date_trunc('day', tstz) = '2020-01-01'", "Q107");
	expect("SELECT * FROM product WHERE extract(month FROM tstz AT TIME ZONE 'UTC') = 5", "Q107");
	expect("SELECT * FROM product WHERE qty + 1 = 5", "Q107");
	expect("SELECT * FROM product WHERE mod(qty, 10) IN (1, 2)", "Q107");
	expect("SELECT * FROM product WHERE qty / 2 = 5", "");
	expect("SELECT * FROM product WHERE qty + 1 = 5 AND id = 3", "");
	expect("SELECT * FROM product WHERE tstz BETWEEN '2020-01-01' AND '2020-12-31'", "");
	expect("SELECT * FROM product WHERE owner + 1 = 5", "");
	expect("SELECT * FROM tiny WHERE qty + 1 = 5", "");
	expect("SELECT * FROM product a JOIN tiny b ON a.qty + 1 = b.qty", "");
}

/* A value that few rows have, by statistics, and no index: not without them, not of few values, not served. */
static void without_index(void **state)
{
	(void)state;
	struct catalog_column *status = judge_column(product, "note");
	status->has_statistics = true;
	status->distinct = 5;
	judge_index(&judge, product, "by_owner", "btree", "qty int4_ops", NULL);
	expect("SELECT * FROM product WHERE owner = 5", "Q108");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_WARN);
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "CREATE INDEX CONCURRENTLY"));
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(owner)"));
	expect("DELETE FROM product WHERE owner = $1", "Q108");
	expect("SELECT * FROM product WHERE owner IN (1, 2, 3)", "Q108");
	expect("SELECT * FROM product WHERE note = 'canary'", "");
	expect("SELECT * FROM product WHERE qty = 5", "");
	expect("SELECT * FROM product WHERE amount = 5", "");
	expect("SELECT * FROM product WHERE owner = 5 AND id = 3", "");
	expect("SELECT * FROM product WHERE owner = 5 AND qty = 3", "");
	expect("SELECT * FROM product WHERE owner <> 5", "");
	expect("SELECT * FROM product WHERE owner > 5", "");
	expect("SELECT * FROM product WHERE owner = 5 OR id = 3", "Q122");
	expect("SELECT * FROM tiny WHERE owner = 5", "");
	expect("SELECT * FROM product p JOIN tiny t ON t.id = p.id WHERE p.owner = 5", "");
}

/* A boolean by itself, when few rows are so; the index is then of these alone. */
static void without_index_on_a_flag(void **state)
{
	(void)state;
	struct catalog_column *flag = judge_column(product, "flag");
	flag->has_statistics = flag->has_true_share = true;
	flag->true_share = 0.01;
	flag->null_fraction = 0.02;
	expect("SELECT * FROM product WHERE flag", "Q108");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(id) WHERE flag;"));
	assert_non_null(strstr(judge.verdict.findings[0].fix_django, "fields=[\"id\"], condition=Q(flag=True)"));
	expect("SELECT * FROM product WHERE flag IS TRUE", "Q108");
	expect("SELECT * FROM product WHERE flag = true", "Q108");
	expect("SELECT * FROM product WHERE flag IS UNKNOWN", "Q108");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(id) WHERE flag IS NULL;"));
	expect("SELECT * FROM product WHERE NOT flag", "");
	expect("SELECT * FROM product WHERE flag IS FALSE", "");
	expect("SELECT * FROM product WHERE flag IS NOT TRUE", "");
	expect("SELECT * FROM product WHERE flag AND id = 3", "");
	expect("SELECT * FROM product WHERE flag OR id = 3", "Q122");
	expect("SELECT flag FROM product WHERE id = 3", "");
	flag->true_share = 0.97;
	expect("SELECT * FROM product WHERE NOT flag", "Q108");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(id) WHERE NOT flag;"));
	assert_non_null(strstr(judge.verdict.findings[0].fix_django, "condition=Q(flag=False)"));
	expect("SELECT * FROM product WHERE flag", "");
	flag->has_true_share = false;
	expect("SELECT * FROM product WHERE NOT flag", "");
}

static void with_an_index_of_few(void **state)
{
	(void)state;
	struct catalog_column *flag = judge_column(product, "flag");
	flag->has_statistics = flag->has_true_share = true;
	flag->true_share = 0.01;
	judge_index(&judge, product, "flagged", "btree", "qty int4_ops", "flag");
	expect("SELECT * FROM product WHERE flag", "");
	expect("SELECT * FROM product WHERE flag AND qty = 5", "");
}

/* The trigrams of a citext are of no use for =; those of a text are. */
static void with_trigrams(void **state)
{
	(void)state;
	judge_column(product, "mail")->has_statistics = judge_column(product, "note")->has_statistics = true;
	judge_column(product, "mail")->distinct = judge_column(product, "note")->distinct = -1;
	judge_index(&judge, product, "mail_trgm", "gin", "mail gin_trgm_ops", NULL);
	judge_index(&judge, product, "note_trgm", "gin", "note gin_trgm_ops", NULL);
	expect("SELECT * FROM product WHERE mail = $1", "Q108");
	expect("SELECT * FROM product WHERE note = $1", "");
}

/* An index of the column that is of no use because of the value's type or collation. */
static void other_types(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_mail", "btree", "mail citext_ops", NULL);
	judge_index(&judge, product, "by_note", "btree", "note text_ops", NULL);
	expect("SELECT * FROM product WHERE id = 5.0", "Q109");
	assert_string_equal(judge.verdict.findings[0].column, "id");
	expect("SELECT * FROM product WHERE id = 5::float8", "Q109");
	expect("SELECT * FROM product WHERE id::text = '5'", "Q109");
	expect("SELECT * FROM product WHERE mail = 'canary'::text", "Q109");
	expect("SELECT * FROM product WHERE note = 'canary' COLLATE \"POSIX\"", "Q109");
	expect("SELECT * FROM product WHERE id = 5", "");
	expect("SELECT * FROM product WHERE id = 5::bigint", "");
	expect("SELECT * FROM product WHERE id = '5'", "");
	expect("SELECT * FROM product WHERE id = $1", "");
	expect("SELECT * FROM product WHERE mail = 'canary'", "");
	expect("SELECT * FROM tiny WHERE id = 5.0", "");
}

/* One arm without an index is one too many; where all or none have one there is nothing to say of the OR. */
static void arms(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	expect("SELECT * FROM product WHERE id = 5 OR amount = 3", "Q122");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_INFO);
	expect("SELECT * FROM product WHERE id = 5 OR qty = 3", "");
	expect("SELECT * FROM product WHERE amount = 5 OR flag", "");
	expect("SELECT * FROM product WHERE (id = 5 OR amount = 3) AND qty = 7", "");
	expect("SELECT * FROM tiny WHERE id = 5 OR amount = 3", "");
}

/* A pattern out of a column, however it is put together. */
static void patterns_of_columns(void **state)
{
	(void)state;
	expect("SELECT * FROM product WHERE name LIKE '%' || REPLACE(note, '%', '\\%') || '%'", "Q126");
	assert_string_equal(judge.verdict.findings[0].column, "name");
	expect("SELECT * FROM product WHERE name ~ note", "Q126");
	expect("SELECT * FROM product WHERE name LIKE note AND id = 5", "");
	expect("SELECT * FROM product WHERE name = note", "");
	expect("SELECT * FROM tiny WHERE name LIKE note", "");
}

/* NOT IN with a sub-select of some size, and not the other ways to say it. */
static void negated_membership(void **state)
{
	(void)state;
	judge_table(&judge, "public", "item", JUDGE_LARGE);
	expect("SELECT * FROM product WHERE NOT (id IN (SELECT owner FROM item))", "Q114");
	expect("SELECT * FROM product WHERE id NOT IN (SELECT owner FROM item)", "Q114");
	expect("SELECT * FROM product WHERE id IN (SELECT owner FROM item)", "");
	expect("SELECT * FROM product WHERE NOT EXISTS (SELECT FROM item WHERE item.id = product.id)", "");
	expect("SELECT * FROM product WHERE id NOT IN (SELECT owner FROM tiny)", "");
	expect("SELECT * FROM product WHERE id NOT IN (1, 2)", "");
	expect("SELECT * FROM tiny WHERE id NOT IN (SELECT owner FROM item)", "");
}

static void what_arrays_hold(void **state)
{
	(void)state;
	expect("SELECT * FROM product WHERE tags @> ARRAY['canary']::varchar[]", "Q118");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "USING gin (tags)"));
	expect("SELECT * FROM product WHERE tags && ARRAY['canary']::varchar[]", "Q118");
	expect("SELECT * FROM product WHERE 'canary' = ANY (tags)", "Q118");
	expect("SELECT * FROM product WHERE tags @> '{canary}' AND id = 5", "");
	expect("SELECT * FROM tiny WHERE tags @> '{canary}'", "");
}

/* With GIN the operators that it knows are served, and = ANY is not. */
static void arrays_with_gin(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_tags", "gin", "tags array_ops", NULL);
	expect("SELECT * FROM product WHERE tags @> '{canary}'", "");
	expect("SELECT * FROM product WHERE 'canary' = ANY (tags)", "Q118");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(around_a_column, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_index, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_index_on_a_flag, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(with_an_index_of_few, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(with_trigrams, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(arms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(patterns_of_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(negated_membership, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_arrays_hold, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(arrays_with_gin, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
