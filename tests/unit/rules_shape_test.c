#include "inspect/rules/rules_shape.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "buyer", JUDGE_LARGE);
	judge_table(&judge, "public", "medium", JUDGE_MEDIUM);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	judge_table(&judge, "public", "setting", 3);
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

static enum severity severity(void)
{
	assert_int_equal(judge.verdict.count, 1);
	return judge.verdict.findings[0].severity;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Q113: nothing but count(*), over all rows of one table. */
static void counts(void **state)
{
	(void)state;
	expect("SELECT COUNT(*) AS \"__count\" FROM \"product\"", "Q113");
	assert_int_equal(severity(), SEVERITY_WARN);
	expect("SELECT count(*) FROM medium", "Q113");
	assert_int_equal(severity(), SEVERITY_INFO);
	expect("SELECT * FROM small WHERE id = (SELECT count(*) FROM product)", "Q113");
	expect("SELECT count(*) FROM small", "");
	expect("SELECT count(*) FROM product WHERE id = 1", "");
	expect("SELECT count(*) FILTER (WHERE qty > 1) FROM product", "");
	expect("SELECT count(DISTINCT qty) FROM product", "");
	expect("SELECT count(*), max(id) FROM product", "");
	expect("SELECT count(*) OVER () FROM product LIMIT 1", "");
	expect("SELECT qty, count(*) FROM product GROUP BY qty", "");
	expect("SELECT count(*) FROM (SELECT 1 FROM product LIMIT 5) AS few", "");
	expect("WITH product AS (SELECT 1) SELECT count(*) FROM product", "");
}

/* Q120: all rows at once; what stops, what counts and what is fetched bit by bit is silent. */
static void without_end(void **state)
{
	(void)state;
	expect("SELECT id, name FROM product", "Q120");
	assert_int_equal(severity(), SEVERITY_WARN);
	expect("SELECT id FROM product AS p ORDER BY p.id", "Q120");
	expect("SELECT id FROM product LIMIT 10", "");
	expect("SELECT id FROM product WHERE id > 5", "");
	expect("SELECT sum(qty) FROM product", "");
	expect("SELECT DISTINCT owner FROM product", "");
	expect("SELECT owner FROM product GROUP BY owner", "");
	expect("SELECT id FROM product TABLESAMPLE SYSTEM (1)", "");
	expect("SELECT EXISTS (SELECT 1 FROM product)", "");
	expect("DECLARE c CURSOR FOR SELECT id FROM product", "");
	expect("COPY (SELECT id FROM product) TO STDOUT", "");
	expect("EXPLAIN SELECT id FROM product", "");
	expect("CREATE TABLE copy AS SELECT id FROM product", "");
	expect("INSERT INTO small (id) SELECT id FROM product", "");
	/* By its own threshold, not by what counts as medium. */
	expect("SELECT id FROM medium", "");
	judge_threshold(&judge, "Q120", "rows", "1000");
	expect("SELECT id FROM medium", "Q120");
	assert_int_equal(severity(), SEVERITY_INFO);
	expect("SELECT id FROM small", "");
}

/* Q125: no condition says which rows belong together. */
static void everything_with_everything(void **state)
{
	(void)state;
	expect("SELECT count(*) FROM product, buyer", "Q125");
	assert_int_equal(severity(), SEVERITY_ERROR);
	expect("SELECT sum(p.qty) FROM product AS p CROSS JOIN small AS s", "Q125");
	expect("SELECT p.id, s.id FROM product p, small s ORDER BY p.id LIMIT 10", "Q125");
	expect("SELECT sum(p.qty) FROM product p JOIN buyer b ON p.owner = b.id, small s", "Q125");
	expect("UPDATE product SET qty = 1 FROM small", "Q125 M238");
	expect("DELETE FROM product USING small", "Q125 M238");
	/* Connected, by whatever way. */
	expect("SELECT sum(p.qty) FROM product p, buyer b WHERE p.owner = b.id", "");
	expect("SELECT sum(p.qty) FROM product p JOIN buyer b ON p.owner = b.id", "");
	expect("SELECT sum(p.qty) FROM product p LEFT JOIN buyer b ON p.owner = b.id", "");
	expect("SELECT sum(p.qty) FROM product p JOIN buyer b USING (id)", "");
	expect("SELECT sum(p.qty) FROM product p NATURAL JOIN buyer b", "");
	expect("SELECT sum(p.qty) FROM product p FULL JOIN buyer b ON p.id = b.id", "");
	expect("SELECT sum(p.qty) FROM product p, buyer b, small s WHERE p.id = s.id AND b.id = s.owner", "");
	expect("SELECT sum(p.qty) FROM product p, buyer b WHERE p.qty = 1 OR p.id = b.id", "Q122");
	expect("SELECT sum(p.qty) FROM product p, buyer b WHERE EXISTS (SELECT FROM small s WHERE s.id = p.id AND s.owner = b.id)", "");
	/* One row of it, as far as anyone can tell; few rows; an end that comes early; more than tables. */
	expect("SELECT sum(p.qty) FROM product p, buyer b WHERE b.id = 5", "");
	expect("SELECT sum(p.qty) FROM product p, buyer b WHERE p.id = 1 AND b.id = 5", "");
	expect("SELECT sum(p.qty) FROM product p, setting s", "");
	expect("SELECT sum(s.qty) FROM small s, setting t", "");
	expect("SELECT p.id FROM product p, buyer b LIMIT 10", "");
	expect("SELECT sum(p.qty) FROM product p, (VALUES (1), (2)) AS v (n)", "");
	expect("SELECT sum(p.qty) FROM product p, generate_series(1, 100) AS g", "");
	expect("SELECT sum(p.qty) FROM product p, LATERAL (SELECT * FROM buyer b WHERE b.id = p.owner) AS o", "");
	expect("SELECT id FROM product WHERE id IN (SELECT id FROM buyer)", "");
	/* Not one table among them. */
	expect("SELECT 1 FROM small s, unknown u, setting t", "");
}

/* Q130: the server refuses it, whatever the table's size. */
static void patterns_without_meaning(void **state)
{
	(void)state;
	expect("SELECT id FROM small WHERE vague LIKE 'ann%'", "Q130");
	assert_int_equal(severity(), SEVERITY_ERROR);
	expect("SELECT id FROM small WHERE vague ~ '^ann'", "Q130");
	expect("SELECT id FROM small WHERE UPPER(vague::text) LIKE UPPER('%ann%')", "Q130");
	expect("SELECT id FROM small WHERE vague = 'ann'", "");
	expect("SELECT id FROM small WHERE note LIKE 'ann%'", "");
	expect("SELECT id FROM small WHERE vague COLLATE \"C\" LIKE 'ann%'", "");
	expect("SELECT id FROM small WHERE vague LIKE 'ann%' COLLATE \"C\"", "");
	/* PostgreSQL 18 knows what LIKE means then, but not the others. */
	catalog_set_version(judge.catalog, 180001);
	expect("SELECT id FROM small WHERE vague LIKE 'ann%'", "");
	expect("SELECT id FROM small WHERE vague ~ '^ann'", "Q130");
}

/* Q121: more than 1,000 values in a list, and none of them in one value. */
static void long_lists(void **state)
{
	(void)state;
	char sql[16000];
	static const struct {
		const char *before, *behind;
		unsigned count;
		const char *codes, *column;
	} cases[] = {
	    {"SELECT name FROM product WHERE id IN (", ")", 1001, "Q121", "id"},
	    {"SELECT name FROM small WHERE id NOT IN (", ")", 3000, "Q121", "id"},
	    {"SELECT name FROM product WHERE id = ANY (ARRAY[", "])", 1001, "Q121", "id"},
	    {"SELECT name FROM product WHERE owner IN (1, 2) AND id IN (", ")", 1001, "Q121", ""},
	    {"DELETE FROM product WHERE id IN (", ")", 1001, "Q121", "id"},
	    {"SELECT name FROM product WHERE id IN (", ")", 1000, "", ""},
	    {"SELECT name FROM product WHERE id = ANY (ARRAY[", "])", 1000, "", ""},
	    {"SELECT name FROM product WHERE id = ANY ('{", "}')", 3000, "", ""},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		size_t len = (size_t)snprintf(sql, sizeof(sql), "%s", cases[at].before);
		for (unsigned number = 0; number < cases[at].count; number++)
			len += (size_t)snprintf(sql + len, sizeof(sql) - len, "%s7", number > 0 ? ", " : "");
		snprintf(sql + len, sizeof(sql) - len, "%s", cases[at].behind);
		expect(sql, cases[at].codes);
		if (cases[at].codes[0] == '\0')
			continue;
		assert_int_equal(severity(), SEVERITY_INFO);
		assert_string_equal(judge.verdict.findings[0].column, cases[at].column);
	}
	expect("SELECT name FROM product WHERE id = ANY ($1)", "");
	expect("SELECT name FROM product WHERE id IN (1, 2, 3)", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_end, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(everything_with_everything, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(long_lists, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(patterns_without_meaning, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
