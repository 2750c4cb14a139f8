#include "inspect/rules/documents.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct judge judge;
static struct documents documents;

/* -- fixture and helpers ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	documents = (struct documents){0};
	judge_table(&judge, "public", "product", JUDGE_SMALL);
	judge_table(&judge, "public", "django_admin_log", JUDGE_SMALL)->oid = 77;
	judge_table(&judge, "public", "api_request", JUDGE_SMALL)->oid = 78;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	documents_fini(&documents);
	judge_fini(&judge);
	return 0;
}

/* It runs that often, with the one parameter given; findings of all of them. */
static uint8_t run(unsigned times, const char *sql, const char *parameter)
{
	struct bound_shape bound = {0};
	bool missing;
	judge_parse(&judge, sql);
	judge_seal(&judge);
	if (parameter)
		bound = shape_bound(parameter, strlen(parameter));
	const struct context input = {
	    .facts = judge.facts,
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .bound = &bound,
	    .bound_count = parameter ? 1 : 0,
	    .catalog_missing = &missing,
	};
	verdict_fini(&judge.verdict);
	verdict_init(&judge.verdict);
	for (unsigned at = 0; at < times; at++)
		documents_observe(&documents, &input, 1, "INSERT", &judge.verdict);
	return judge.verdict.count;
}

static const char document[] = "INSERT INTO product (id, note) VALUES (1, '{\"a\": 1}')";
static const char text[] = "UPDATE product SET note = 'some text' WHERE id = 1";

/* -- cases ------------------------------------------------------------------------------------------ */

/* Twenty documents make a finding, one only, that counts and never quotes. */
static void twenty(void **state)
{
	(void)state;
	assert_int_equal(run(19, document, NULL), 0);
	assert_int_equal(run(1, document, NULL), 1);
	const struct finding *finding = &judge.verdict.findings[0];
	assert_string_equal(finding->rule->code, "D501");
	assert_int_equal(finding->evidence, EVIDENCE_TRAFFIC);
	assert_int_equal(finding->severity, SEVERITY_WARN);
	assert_string_equal(finding->table, "product");
	assert_string_equal(finding->column, "note");
	assert_non_null(strstr(finding->message, "20 of the last 20 texts"));
	assert_string_equal(finding->fix_sql,
	                    "ALTER TABLE product ADD COLUMN note_doc jsonb;\n"
	                    "UPDATE product SET note_doc = note::jsonb WHERE id BETWEEN … AND …;   -- and COMMIT, and so on\n"
	                    "CREATE INDEX CONCURRENTLY product_note_doc_gin ON product USING gin (note_doc);");
	assert_int_equal(run(100, document, NULL), 0);
	/* Another column of the table is counted for itself. */
	assert_int_equal(run(20, "UPDATE product SET name = '[1]'", NULL), 1);
}

/* Bound values count like constants, whatever their order among the columns. */
static void bound(void **state)
{
	(void)state;
	assert_int_equal(run(20, "INSERT INTO product (id, note) VALUES (1, $1)", "{\"a\": 1}"), 1);
	documents_fini(&documents);
	documents = (struct documents){0};
	assert_int_equal(run(50, "INSERT INTO product (id, note) VALUES (1, $1)", "text"), 0);
	assert_int_equal(run(50, "INSERT INTO product (id, note) VALUES (1, $1)", NULL), 0);
	assert_int_equal(documents.count, 0);
}

/* Nine in ten must be documents: other texts, counted from the first document on, keep it silent. Empty documents,
 * empty texts and NULL are neither. */
static void share(void **state)
{
	(void)state;
	assert_int_equal(run(1, document, NULL), 0);
	assert_int_equal(run(5, text, NULL), 0);
	assert_int_equal(run(44, document, NULL), 1);
	assert_non_null(strstr(judge.verdict.findings[0].message, "45 of the last 50 texts"));
	documents_fini(&documents);
	documents = (struct documents){0};
	assert_int_equal(run(100, text, NULL), 0);
	assert_int_equal(run(1, document, NULL), 0);
	assert_int_equal(run(100, "UPDATE product SET note = '[]'", NULL), 0);
	assert_int_equal(run(100, "UPDATE product SET note = NULL", NULL), 0);
	assert_int_equal(run(100, "UPDATE product SET note = $1", ""), 0);
	assert_int_equal(run(19, document, NULL), 1);
	/* One INSERT of both counts for both. */
	documents_fini(&documents);
	documents = (struct documents){0};
	assert_int_equal(run(100, "INSERT INTO product (note) VALUES ('{\"a\": 1}'), ('x')", NULL), 0);
	documents_fini(&documents);
	documents = (struct documents){0};
	judge_threshold(&judge, "D501", "writes", "3");
	judge_threshold(&judge, "D501", "share", "50");
	assert_int_equal(run(1, document, NULL), 0);
	assert_int_equal(run(2, text, NULL), 0);
	assert_int_equal(run(1, document, NULL), 0);
	assert_int_equal(run(1, document, NULL), 1);
}

/* Columns by their places, and what stands in a branch. */
static void forms(void **state)
{
	(void)state;
	assert_int_equal(run(20, "INSERT INTO product VALUES (1, '{\"a\": 1}')", NULL), 1);
	assert_string_equal(judge.verdict.findings[0].column, "name");
	documents_fini(&documents);
	documents = (struct documents){0};
	assert_int_equal(run(20, "UPDATE product SET note = CASE WHEN id = 1 THEN '{\"a\": 1}' END", NULL), 1);
	documents_fini(&documents);
	documents = (struct documents){0};
	assert_int_equal(run(20, "UPDATE product SET note = CASE WHEN id = 1 THEN $1 END", "{\"a\": 1}"), 1);
}

/* Not counted: columns of other types, Django's own tables, texts in brackets, what is not stored, and when it is off.
 */
static void others(void **state)
{
	(void)state;
	assert_int_equal(run(50, "UPDATE product SET data = '{\"a\": 1}'", NULL), 0);
	assert_int_equal(run(50, "INSERT INTO django_admin_log (note) VALUES ('[{\"added\": {}}]')", NULL), 0);
	assert_int_equal(run(50, "UPDATE product SET note = '[draft]'", NULL), 0);
	assert_int_equal(run(50, "UPDATE product SET qty = 1 WHERE note = '{\"a\": 1}'", NULL), 0);
	assert_int_equal(run(50, "INSERT INTO nobody (note) VALUES ('{\"a\": 1}')", NULL), 0);
	assert_int_equal(run(50, "EXPLAIN UPDATE product SET note = '{\"a\": 1}'", NULL), 0);
	assert_int_equal(run(50, "PREPARE p AS UPDATE product SET note = '{\"a\": 1}'", NULL), 0);
	assert_int_equal(documents.count, 0);
	judge_rule(&judge, "D501", "off");
	assert_int_equal(run(50, document, NULL), 0);
	assert_int_equal(documents.count, 0);
}

/* What is written down to be kept is milder. */
static void logs(void **state)
{
	(void)state;
	assert_int_equal(run(20, "INSERT INTO api_request (note) VALUES ('{\"a\": 1}')", NULL), 1);
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_INFO);
}

/* There is room for so many columns; those that come after are not counted, and harm nothing. */
static void bounded(void **state)
{
	(void)state;
	documents.count = LIMIT_DOCUMENT_COLUMNS;
	assert_int_equal(run(50, document, NULL), 0);
	assert_int_equal(documents.count, LIMIT_DOCUMENT_COLUMNS);
}

/* What the inspector asks of a statement before it ever looks at values. */
static void stored(void **state)
{
	(void)state;
	struct shape_wants wants = {0};
	assert_true(documents_stored(judge_parse(&judge, document), &wants));
	assert_false(documents_stored(judge_parse(&judge, text), &wants));
	assert_false(documents_stored(judge_parse(&judge, "SELECT 1 FROM product WHERE note = $1"), &wants));
	assert_int_equal(wants.count, 0);
	assert_false(documents_stored(judge_parse(&judge, "UPDATE product SET qty = 1, note = $2"), &wants));
	assert_int_equal(wants.count, 2);
	assert_int_equal(wants.of[0], 0);
	assert_int_equal(wants.of[1], SHAPE_WANT_DOCUMENT);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void tell_sum(void)
{
	struct documents_told of;
	uint32_t at = 0;
	documents_next(&documents, &judge.catalog, 1, &judge.rules, &at, &judge.verdict, &of);
}

/* With other workers only the sum counts, when it is enough for the second time, and its owner tells. */
static void summed(void **state)
{
	struct usage also, sum;
	(void)state;
	usage_init(&also);
	usage_init(&sum);
	documents.also = &also;
	documents.owner = 2;
	assert_int_equal(run(30, document, NULL), 0);
	const struct documents_column *column = &documents.columns[0];
	assert_int_equal(usage_texts(&also, column->database, column->relation, column->number)->documents, 30);
	documents.elsewhere = &sum;
	usage_merge(&sum, &also);
	tell_sum();
	assert_int_equal(judge.verdict.count, 0);
	/* What the others have written in the meantime is not JSON. */
	usage_add_texts(&sum, column->database, column->relation, column->number, 10, 0, 1);
	tell_sum();
	assert_int_equal(judge.verdict.count, 0);
	usage_add_texts(&sum, column->database, column->relation, column->number, 200, 200, 1);
	tell_sum();
	assert_int_equal(judge.verdict.count, 0);
	tell_sum();
	assert_int_equal(judge.verdict.count, 1);
	assert_non_null(strstr(judge.verdict.findings[0].message, "230 of the last 240 texts"));
	tell_sum();
	assert_int_equal(judge.verdict.count, 1);
	usage_fini(&also);
	usage_fini(&sum);
}

/* Another worker has seen a document in it: texts that are none count from then on, and it has more to tell. */
static void seen_elsewhere(void **state)
{
	struct usage also, sum;
	(void)state;
	usage_init(&also);
	usage_init(&sum);
	documents.also = &also;
	documents.owner = 2;
	assert_int_equal(run(5, text, NULL), 0);
	assert_true(usage_is_empty(&also));
	const struct catalog_relation *product = catalog_find(judge.catalog, "public", "product", NULL, NULL);
	const uint64_t database = usage_database_key(catalog_database(judge.catalog));
	const int16_t number = catalog_column(product, "note")->number;
	usage_add_texts(&sum, database, product->oid, number, 40, 40, 1);
	documents.elsewhere = &sum;
	assert_int_equal(run(3, text, NULL), 0);
	assert_int_equal(usage_texts(&also, database, product->oid, number)->texts, 3);
	tell_sum();
	tell_sum();
	assert_int_equal(judge.verdict.count, 0);
	assert_true(documents.columns[0].told);
	usage_fini(&also);
	usage_fini(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(twenty), CASE(bound), CASE(share), CASE(forms), CASE(others), CASE(logs), CASE(bounded), CASE(stored),
	    CASE(summed), CASE(seen_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
