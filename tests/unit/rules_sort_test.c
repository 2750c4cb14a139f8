#include "inspect/rules/rules_sort.h"

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

/* The first rows of an order that no index has. */
static void orders(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	expect("SELECT * FROM product ORDER BY amount DESC LIMIT 20", "Q110");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(amount)"));
	expect("SELECT * FROM product ORDER BY amount, id LIMIT 20", "Q110");
	assert_string_equal(judge.verdict.findings[0].message,
	                    "each page reads the whole table and sorts it: no index has the order by \"amount\" and what "
	                    "follows it");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(amount, id)"));
	assert_non_null(strstr(judge.verdict.findings[0].fix_django, "Index(fields=[\"amount\", \"id\"]"));
	expect("SELECT * FROM product ORDER BY amount DESC, note NULLS FIRST LIMIT 20", "Q110");
	assert_non_null(strstr(judge.verdict.findings[0].fix_sql, "(amount DESC, note NULLS FIRST)"));
	assert_string_equal(judge.verdict.findings[0].fix_django, "");
	expect("SELECT * FROM product WHERE flag ORDER BY amount LIMIT 20", "Q110");
	assert_non_null(strstr(judge.verdict.findings[0].message, "sorts what it wants of it"));
	/* One finding for one cause: what is searched badly is the worse of the two. */
	expect("SELECT * FROM product WHERE name LIKE '%lamp%' ORDER BY amount LIMIT 20", "Q101");
	expect("SELECT * FROM product WHERE owner = 5 ORDER BY amount LIMIT 20", "Q108");
	expect("SELECT * FROM product WHERE owner = 5; SELECT * FROM product ORDER BY amount LIMIT 20", "Q108 Q110");
	expect("SELECT * FROM product ORDER BY amount", "Q120");
	expect("SELECT * FROM product ORDER BY qty DESC LIMIT 20", "");
	expect("SELECT * FROM product ORDER BY qty, amount LIMIT 20", "");
	expect("SELECT * FROM product WHERE qty = 5 ORDER BY amount LIMIT 20", "");
	expect("SELECT * FROM product ORDER BY id LIMIT 20", "");
	expect("SELECT max(amount) FROM product LIMIT 1", "");
	expect("SELECT amount FROM product GROUP BY amount ORDER BY amount LIMIT 5", "");
	expect("SELECT * FROM tiny ORDER BY amount LIMIT 20", "");
	expect("SELECT * FROM product p, tiny t ORDER BY p.amount LIMIT 20", "Q125");
	expect("SELECT * FROM product ORDER BY random() LIMIT 1", "Q111");
	expect("SELECT * FROM product WHERE qty = 5 ORDER BY random() LIMIT 1", "");
	expect("SELECT * FROM tiny ORDER BY random() LIMIT 1", "");
}

/* A page far behind the first; a parameter may be anything. */
static void offsets(void **state)
{
	(void)state;
	expect("SELECT * FROM product ORDER BY id LIMIT 20 OFFSET 10001", "Q112");
	expect("SELECT * FROM product ORDER BY id LIMIT 20 OFFSET 3000000000", "Q112");
	expect("SELECT * FROM product ORDER BY id LIMIT 20 OFFSET 10000", "");
	expect("SELECT * FROM product ORDER BY id LIMIT 20 OFFSET $1", "");
	expect("SELECT * FROM product WHERE id IN (1, 2) ORDER BY id LIMIT 20 OFFSET 20000", "");
	expect("SELECT * FROM tiny ORDER BY id LIMIT 20 OFFSET 20000", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(orders, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(offsets, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
