#include "inspect/rules/rules_read.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

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

/* SELECT … FROM product WHERE `condition` yields those codes. */
static void expect(const char *condition, const char *codes)
{
	judge_expect_where(&judge, condition, codes);
}

static const struct finding *finding(void)
{
	assert_int_equal(judge.verdict.count, 1);
	return &judge.verdict.findings[0];
}

static void index_on(const char *name, const char *method, const char *keys)
{
	judge_index(&judge, product, name, method, keys, NULL);
}

/* -- Q101 --------------------------------------------------------------------------------------------- */

/* Without any index: every form of pattern with a wildcard in front, as Django and people write it. */
static void leading_wildcard(void **state)
{
	(void)state;
	static const char *const found[] = {
	    "name LIKE '%lamp%'",
	    "name::text LIKE '%lamp'",
	    "\"product\".\"name\"::text LIKE '_amp%'",
	    "UPPER(name::text) LIKE UPPER('%lamp%')",
	    "lower(name) LIKE lower('%lamp%')",
	    "name ILIKE '%lamp%'",
	    "name LIKE '%' || 'lamp' || '%'",
	    "(id = 5 OR name LIKE '%lamp%')",
	    "qty::text LIKE '%12%'",
	    "HOST(ip) LIKE '%12%'",
	    "(data ->> 'k')::text LIKE '%lamp%'",
	    "id > 100 AND name LIKE '%lamp%'",
	};
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		expect(found[i], "Q101");
	static const char *const silent[] = {
	    "name LIKE '%'",
	    "name LIKE '%%'",
	    "UPPER(name::text) LIKE UPPER('%')",
	    "name LIKE '\\%lamp' AND id = 5",
	    "name LIKE (SELECT note FROM product LIMIT 1)",
	    "name = '%lamp%'",
	    "name || note LIKE random()::text",
	};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
	/* Out of a column it is another rule's, and so is what the collation refuses. */
	expect("vague LIKE '%lamp%'", "Q130");
	expect("name LIKE '%' || note || '%'", "Q126");
}

/* A condition on what a query in FROM puts out is its table's, unless that is computed first; HAVING's on what is
 * grouped by are filters as well. */
static void pattern_outside(void **state)
{
	(void)state;
	FOUND("SELECT name, count(*) FROM product GROUP BY name HAVING name LIKE '%lamp%'", "Q101");
	FOUND("WITH c AS (SELECT * FROM product) SELECT * FROM c WHERE name LIKE '%lamp%'", "Q101");
	FOUND("SELECT * FROM (SELECT id, name AS n FROM product) s WHERE s.n LIKE '%lamp%'", "Q101");
	SILENT("SELECT max(name), count(*) FROM product GROUP BY qty HAVING max(name) LIKE '%lamp%'", "Q101");
	SILENT("WITH c AS MATERIALIZED (SELECT * FROM product) SELECT * FROM c WHERE name LIKE '%lamp%'", "Q101");
	SILENT("SELECT * FROM (SELECT name FROM product LIMIT 5) s WHERE s.name LIKE '%lamp%'", "Q101");
	SILENT("SELECT * FROM (SELECT name FROM product WHERE id = 5) s WHERE s.name LIKE '%lamp%'", "Q101");
}

/* It says what is not there, and ends with what to paste: for icontains an index on the very expression. */
static void leading_wildcard_text(void **state)
{
	(void)state;
	expect("UPPER(\"product\".\"name\"::text) LIKE UPPER('%s3cret%')", "Q101");
	assert_string_equal(finding()->column, "name");
	assert_string_equal(finding()->message, "each call reads the whole table: nothing indexes UPPER(\"name\")");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_upper_trgm ON product USING gin "
	                    "(upper(name) gin_trgm_ops);");
	assert_string_equal(
	    finding()->fix_django,
	    "AddIndexConcurrently(\"product\", GinIndex(OpClass(Upper(\"name\"), name=\"gin_trgm_ops\"), "
	    "name=\"product_name_upper_trgm\"))  # in a migration with atomic = False");
	expect("name LIKE '%s3cret%'", "Q101");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_trgm ON product USING gin (name gin_trgm_ops);");
	assert_string_equal(
	    finding()->fix_django,
	    "AddIndexConcurrently(\"product\", GinIndex(fields=[\"name\"], opclasses=[\"gin_trgm_ops\"], "
	    "name=\"product_name_trgm\"))  # in a migration with atomic = False");
	/* An integer has no operator class for patterns; its text does. */
	expect("qty::text LIKE '%12%'", "Q101");
	assert_string_equal(finding()->fix_sql, "CREATE INDEX CONCURRENTLY product_qty_trgm ON product USING gin "
	                                        "((qty::text) gin_trgm_ops);");
	assert_string_equal(finding()->fix_django, "");
	expect("HOST(ip) LIKE '%12%'", "Q101");
	assert_string_equal(finding()->fix_sql, "CREATE INDEX CONCURRENTLY product_ip_expr_trgm ON product USING gin "
	                                        "(host(ip) gin_trgm_ops);");
	/* How a timestamp looks as text depends on the session: no index can hold it. */
	expect("ts::text LIKE '%12%'", "Q101");
	assert_string_equal(finding()->fix_sql, "");
	assert_string_equal(finding()->hint,
	                    "No index can hold that expression; compare a column of a text type instead.");
}

/* An OR that asks another table is served by no index: said once, and none is proposed. Each arm of one that asks this
 * table alone needs its own. */
static void arm_of_another_table(void **state)
{
	(void)state;
	judge_table(&judge, "public", "maker", JUDGE_LARGE);
	const char *join = "SELECT product.id FROM product LEFT JOIN maker m ON m.id = product.owner WHERE product.name LIKE '%x%'";
	assert_string_equal(judge_sql(&judge, arena_printf(&judge.verdict.arena, "%s OR product.note LIKE '%%y%%' OR m.name LIKE '%%z%%'", join)), "Q101");
	assert_string_equal(finding()->message, "each call reads the whole table: one arm of the OR asks maker, so that no index of "
	                                        "product serves it");
	assert_string_equal(finding()->fix_sql, "");
	assert_non_null(strstr(finding()->hint, "UNION"));
	assert_string_equal(judge_sql(&judge, arena_printf(&judge.verdict.arena, "%s OR (product.note LIKE '%%y%%' AND m.flag)", join)), "Q101 Q101");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "product_name_trgm"));
	expect("name LIKE '%x%' OR note LIKE '%y%'", "Q101 Q101");
	assert_string_equal(judge.verdict.findings[1].hint, "Build a trigram index on \"note\", in a migration of its own. The OR "
	                                                    "is served when each of its arms is.");
	expect("name LIKE '%x%'", "Q101");
	assert_string_equal(finding()->hint, "Build a trigram index on \"name\", in a migration of its own.");
}

/* Without pg_trgm the fix begins with it, in both languages. */
static void extension_missing(void **state)
{
	(void)state;
	struct judge bare;
	judge_init(&bare);
	catalog_unref(bare.catalog);
	bare.catalog = catalog_new("shop");
	judge_table(&bare, "public", "product", JUDGE_LARGE);
	assert_string_equal(judge_sql(&bare, "SELECT 1 FROM product WHERE name LIKE '%abc%'"), "Q101");
	const struct finding *found = &bare.verdict.findings[0];
	assert_string_equal(found->fix_sql, "CREATE EXTENSION IF NOT EXISTS pg_trgm;\nCREATE INDEX CONCURRENTLY "
	                                    "product_name_trgm ON product USING gin (name gin_trgm_ops);");
	assert_non_null(strstr(found->fix_django, "TrigramExtension(), AddIndexConcurrently("));
	judge_fini(&bare);
}

/* The trigram index on the expression itself serves; nothing on any other expression or method does. */
static void trigram_serves(void **state)
{
	(void)state;
	index_on("product_upper", "gin", "upper(name) gin_trgm_ops");
	index_on("product_note", "gist", "note gist_trgm_ops");
	index_on("product_qty", "gin", "(qty::text) gin_trgm_ops");
	expect("UPPER(name::text) LIKE UPPER('%lamp%')", "");
	expect("UPPER(name) LIKE '%LAMP'", "");
	expect("note LIKE '%lamp%'", "");
	expect("note ILIKE '%lamp%'", "");
	expect("note ~ 'lam[pb]'", "");
	expect("note ~* 'lam[pb]'", "");
	expect("note SIMILAR TO '%lamp%'", "");
	expect("qty::text LIKE '%123%'", "");
}

/* A plain index on the same expression is named, with the reason why it does not help. */
static void plain_index_named(void **state)
{
	(void)state;
	index_on("product_name_idx", "btree", "name text_ops");
	struct catalog_index *broken =
	    judge_index(&judge, product, "product_note_broken", "gin", "note gin_trgm_ops", NULL);
	broken->valid = false;
	judge_index(&judge, product, "product_latin_part", "gin", "latin gin_trgm_ops", "deleted is null");
	judge_index(&judge, product, "product_owner_code", "btree", "owner int4_ops;mail text_pattern_ops", NULL);
	expect("name LIKE '%lamp%'", "Q101");
	assert_string_equal(finding()->message,
	                    "each call reads the whole table: product_name_idx on \"name\" is a btree "
	                    "index and serves no wildcard in front");
	expect("note LIKE '%lamp%'", "Q101");
	assert_string_equal(finding()->message,
	                    "each call reads the whole table: product_note_broken on \"note\" is not "
	                    "valid: its build has failed");
	assert_string_equal(finding()->fix_sql, "REINDEX INDEX CONCURRENTLY product_note_broken;");
	expect("latin LIKE '%lamp%'", "Q101");
	assert_string_equal(
	    finding()->message,
	    "each call reads the whole table: product_latin_part on \"latin\" holds only a part of the rows, "
	    "and the statement does not say that it wants no others");
	expect("latin LIKE '%lamp%' AND deleted IS NULL", "");
	expect("mail LIKE 'lamp%'", "Q104");
	assert_string_equal(
	    finding()->message,
	    "each call reads the whole table: in product_owner_code, \"mail\" stands behind a column that the "
	    "statement does not compare for equality");
	expect("mail LIKE 'lamp%' AND owner = 3", "");
}

/* Negation reads most of the table anyway: a word for the wildcard in front, one severity lower, and no index. */
static void negated(void **state)
{
	(void)state;
	judge_rule(&judge, "Q101", "reject");
	index_on("product_name_trgm", "gin", "name gin_trgm_ops");
	expect("NOT (name::text LIKE '%lamp%' AND name IS NOT NULL)", "Q101");
	assert_int_equal(finding()->severity, SEVERITY_WARN);
	assert_string_equal(finding()->fix_sql, "");
	assert_string_equal(finding()->fix_django, "");
	expect("name NOT LIKE '%lamp%'", "Q101");
	expect("NOT (name NOT LIKE '%lamp%')", "");
	expect("name NOT LIKE 'lamp%'", "");
	expect("name !~ 'lamp'", "");
	expect("NOT (UPPER(name) = 'X')", "");
	expect("name NOT LIKE '%lamp%' AND id = 5", "");
}

/* -- Q102 --------------------------------------------------------------------------------------------- */

/* The index is there, and the pattern yields no trigram: only then. */
static void short_pattern(void **state)
{
	(void)state;
	index_on("product_name_trgm", "gin", "name gin_trgm_ops");
	index_on("product_upper_trgm", "gist", "upper(name) gist_trgm_ops");
	static const char *const found[] = {"name LIKE '%ab%'", "name LIKE '%d_a_b%'", "name LIKE '%---%'",
	                                    "name ILIKE '%ab%'", "UPPER(name::text) LIKE UPPER('%ab%')"};
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		expect(found[i], "Q102");
	static const char *const silent[] = {"name LIKE 'ab%'",   "name LIKE 'a%'",      "name LIKE '%ab'",
	                                     "name LIKE '% de%'", "name LIKE '%ab cd%'", "name LIKE '%abc%'",
	                                     "name LIKE '%'",     "name LIKE '%%'"};
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		expect(silent[i], "");
	expect("UPPER(name::text) LIKE UPPER('%ab%')", "Q102");
	assert_int_equal(finding()->severity, SEVERITY_WARN);
	assert_non_null(strstr(finding()->message, "product_upper_trgm indexes the trigrams of UPPER(\"name\")"));
	assert_string_equal(finding()->fix_django, "if len(q) < 3: qs = qs.filter(name__istartswith=q)");
	expect("name LIKE '%ab%'", "Q102");
	assert_string_equal(finding()->fix_django, "if len(q) < 3: qs = qs.filter(name__startswith=q)");
	expect("owner = 3 AND name LIKE '%ab%'", "Q102 Q108");
	expect("id = 3 AND name LIKE '%ab%'", "");
}

/* -- Q103 --------------------------------------------------------------------------------------------- */

/* The index is there, on another expression of the column: it is named, with what it serves and what not. */
static void mismatch(void **state)
{
	(void)state;
	index_on("product_name_trgm", "gin", "name gin_trgm_ops");
	index_on("product_note_lower", "gin", "lower(note) gin_trgm_ops");
	expect("UPPER(name::text) LIKE UPPER('%lamp%')", "Q103");
	assert_int_equal(finding()->severity, SEVERITY_ERROR);
	assert_string_equal(finding()->message,
	                    "each call reads the whole table: nothing indexes UPPER(\"name\"); product_name_trgm is on "
	                    "\"name\" and serves contains, not icontains");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_upper_trgm ON product USING gin "
	                    "(upper(name) gin_trgm_ops);");
	expect("note LIKE '%lamp%'", "Q103");
	assert_string_equal(finding()->message, "each call reads the whole table: nothing indexes \"note\"; "
	                                        "product_note_lower is on LOWER(\"note\")");
	expect("name LIKE '%lamp%'", "");
	expect("name ILIKE '%lamp%'", "");
	expect("LOWER(note) LIKE '%lamp%'", "");
	expect("UPPER(note) LIKE '%lamp%'", "Q103");
	/* Too short for any trigram index: the other one would not serve it either. */
	expect("UPPER(name) LIKE '%AB%'", "Q101");
}

/* The same among B-trees, but for one that would not serve on the right expression either. */
static void mismatch_btree(void **state)
{
	(void)state;
	index_on("product_name_like", "btree", "name varchar_pattern_ops");
	index_on("product_note_upper", "btree", "upper(note) text_ops");
	index_on("product_mail", "btree", "mail citext_ops");
	expect("UPPER(name::text) LIKE UPPER('lamp%')", "Q103");
	assert_string_equal(finding()->message,
	                    "each call reads the whole table: nothing indexes UPPER(\"name\"); "
	                    "product_name_like is on \"name\" and serves startswith, not istartswith");
	assert_string_equal(finding()->fix_sql, "CREATE INDEX CONCURRENTLY product_name_upper_like ON product "
	                                        "(upper(name) text_pattern_ops);");
	expect("UPPER(name::text) = UPPER('lamp')", "Q103");
	expect("LOWER(note) = 'lamp'", "Q103");
	expect("UPPER(note) = 'LAMP'", "");
	expect("UPPER(name::text) LIKE UPPER('%lamp%')", "Q101");
	expect("UPPER(name::text) LIKE UPPER('lamp')", "Q103");
	expect("UPPER(note::text) LIKE UPPER('lamp')", "");
	expect("note LIKE 'lamp%'", "Q104"); /* on upper(note), but without pattern_ops */
	expect("UPPER(mail::text) = UPPER('x@y')", "Q103");
}

/* -- Q104 --------------------------------------------------------------------------------------------- */

static void prefix(void **state)
{
	(void)state;
	index_on("product_name_idx", "btree", "name text_ops");
	expect("name LIKE 'lamp%'", "Q104");
	assert_int_equal(finding()->severity, SEVERITY_WARN);
	assert_string_equal(finding()->message,
	                    "each call reads the whole table: product_name_idx on \"name\" sorts by the rules of a "
	                    "language, and the beginning of a text is not a range there");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_like ON product (name varchar_pattern_ops);");
	assert_string_equal(
	    finding()->fix_django,
	    "AddIndexConcurrently(\"product\", Index(fields=[\"name\"], opclasses=[\"varchar_pattern_ops\"], "
	    "name=\"product_name_like\"))  # in a migration with atomic = False");
	expect("name ~ '^lamp'", "Q104");
	expect("note LIKE 'lamp%'", "Q104");
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_note_like ON product (note text_pattern_ops);");
	expect("note LIKE 'lamp'", "Q104"); /* nothing serves even the comparison */
	expect("name LIKE 'lamp'", "");     /* that is name = 'lamp' */
	expect("name ILIKE 'lamp%'", "Q104");
	assert_non_null(strstr(finding()->fix_sql, "USING gin (name gin_trgm_ops)"));
	expect("UPPER(note) LIKE 'LAMP%'", "Q104");
	assert_string_equal(finding()->fix_sql, "CREATE INDEX CONCURRENTLY product_note_upper_like ON product "
	                                        "(upper(note) text_pattern_ops);");
}

/* What serves a prefix: pattern operator classes, collation C, SP-GiST, any trigram index; also for one letter. */
static void prefix_served(void **state)
{
	(void)state;
	index_on("product_name_like", "btree", "name varchar_pattern_ops");
	index_on("product_latin", "btree", "latin text_ops");
	index_on("product_note", "spgist", "note text_ops");
	index_on("product_code", "gin", "upper(code) gin_trgm_ops");
	expect("name LIKE 'l%'", "");
	expect("name ~ '^lamp'", "");
	expect("name SIMILAR TO 'lamp%'", "");
	expect("latin LIKE 'lamp%'", "");
	expect("note LIKE 'lamp%'", "");
	expect("UPPER(code) LIKE 'L%'", "");
	expect("latin COLLATE \"de_DE\" LIKE 'lamp%'", "");
}

/* -- Q105 --------------------------------------------------------------------------------------------- */

static void iexact(void **state)
{
	(void)state;
	expect("UPPER(name::text) = UPPER('lamp')", "Q105");
	assert_int_equal(finding()->severity, SEVERITY_WARN);
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_upper_idx ON product (upper(name));");
	assert_string_equal(
	    finding()->fix_django,
	    "AddIndexConcurrently(\"product\", Index(Upper(\"name\"), name=\"product_name_upper_idx\"))  # in a "
	    "migration with atomic = False");
	expect("LOWER(name) = 'lamp'", "Q105");
	expect("LOWER(name) IN ('lamp', 'desk')", "Q105");
	expect("UPPER(name::text) = UPPER($1)", "Q105"); /* whatever it is */
	expect("UPPER(name) = note", "");
	expect("UPPER(name) <> 'LAMP'", "");
	expect("LENGTH(name) = 5", "");
	expect("name = 'lamp'", "");
	expect("UPPER(name) = 'LAMP' AND id = 3", "");
}

static void iexact_served(void **state)
{
	(void)state;
	index_on("i1", "btree", "upper(name) text_ops");
	index_on("i2", "hash", "lower(name) text_ops");
	index_on("i3", "btree", "upper(note) text_pattern_ops");
	index_on("i4", "gin", "lower(note) gin_trgm_ops");
	index_on("i5", "btree", "upper(mail) text_ops");
	expect("UPPER(name::text) = UPPER('lamp')", "");
	expect("LOWER(name) = 'lamp'", "");
	expect("UPPER(note) = 'LAMP'", "");
	expect("LOWER(note) = 'lamp'", "");
	expect("UPPER(mail::citext) = 'LAMP'", "");
	expect("UPPER(mail::text) = 'LAMP'", "");
}

/* -- Q106 --------------------------------------------------------------------------------------------- */

static void regex(void **state)
{
	(void)state;
	expect("name ~ 'lam[pb]'", "Q106");
	assert_int_equal(finding()->severity, SEVERITY_WARN);
	assert_string_equal(finding()->fix_sql,
	                    "CREATE INDEX CONCURRENTLY product_name_trgm ON product USING gin (name gin_trgm_ops);");
	expect("name ~* '^lamp'", "Q106");
	expect("name SIMILAR TO '%lamp%'", "Q106");
	expect("name ~ '.'", ""); /* every row */
	expect("name ~ 'a.b'", "Q106");
	assert_string_equal(finding()->fix_sql, "");
	expect("name ~ 'lamp' AND id = 3", "");
}

/* -- every text --------------------------------------------------------------------------------------- */

/* No finding repeats what the statement was looking for. */
static void no_literal(void **state)
{
	(void)state;
	static const char *const conditions[] = {
	    "name LIKE '%canary%'",
	    "UPPER(name) LIKE '%canary%'",
	    "name LIKE 'canary%'",
	    "UPPER(name) = 'canary'",
	    "name ~ 'canary'",
	    "name NOT LIKE '%canary%'",
	    "note LIKE '%canary%'",
	    "COALESCE(name, 'canary') LIKE '%canary%'",
	    "replace(name, 'canary', '') LIKE '%canary%'",
	    "name || 'canary' LIKE '%canary%'",
	};
	index_on("product_note", "gin", "lower(note) gin_trgm_ops");
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		char sql[300];
		snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", conditions[i]);
		if (strcmp(judge_sql(&judge, sql), "") == 0)
			fail_msg("%s: nothing", conditions[i]);
		const char *texts[] = {finding()->message, finding()->hint, finding()->fix_sql, finding()->fix_django,
		                       finding()->column};
		for (size_t t = 0; t < ARRAY_LEN(texts); t++)
			assert_null(strstr(texts[t], "canary"));
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(pattern_outside), CASE(leading_wildcard),  CASE(leading_wildcard_text), CASE(arm_of_another_table),
	    CASE(extension_missing), CASE(trigram_serves),
	    CASE(plain_index_named), CASE(negated),
	    CASE(short_pattern),     CASE(mismatch),
	    CASE(mismatch_btree),    CASE(prefix),
	    CASE(prefix_served),     CASE(iexact),
	    CASE(iexact_served),     CASE(regex),
	    CASE(no_literal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
