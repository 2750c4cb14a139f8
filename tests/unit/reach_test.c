#include "inspect/access/reach.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "item", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* For each condition the appearances of tables that it restricts: "0,1 -" of one that is about both, and one about none. */
static const char *reached(const char *sql)
{
	static char text[200];
	size_t len = 0;
	const struct access *access = judge_access(&judge, sql);
	text[0] = '\0';
	for (uint16_t at = 0; at < access->condition_count; at++) {
		bool any = false;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", at > 0 ? " " : "");
		for (int16_t relation = 0; relation < (int16_t)access->input->facts->relation_count; relation++) {
			if (access->input->relations[relation] == NULL || !reach_restricts(access, &access->conditions[at], relation))
				continue;
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d", any ? "," : "", relation);
			any = true;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", any ? "" : "-");
	}
	return text;
}

static void into_queries_in_from(void **state)
{
	(void)state;
	assert_string_equal(reached("SELECT * FROM product WHERE qty = 5"), "0");
	assert_string_equal(reached("SELECT * FROM product p JOIN item i ON i.owner = p.id WHERE i.qty = 5"), "0,1 1");
	assert_string_equal(reached("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id"), "1");
	assert_string_equal(reached("SELECT * FROM (SELECT * FROM product) s WHERE qty = 5"), "0");
	assert_string_equal(reached("SELECT * FROM (SELECT * FROM product LIMIT 5) s WHERE qty = 5"), "-");
	assert_string_equal(reached("SELECT * FROM (SELECT DISTINCT qty FROM product) s WHERE qty = 5"), "0");
	assert_string_equal(reached("SELECT * FROM (SELECT DISTINCT qty FROM product) s WHERE qty = (SELECT max(id) FROM item)"),
	                    "0");
	assert_string_equal(
	    reached("WITH c AS (SELECT owner, max(qty) FROM product GROUP BY owner) SELECT * FROM c WHERE owner = 5"), "0");
	/* What a query computes is another's value to look for. */
	assert_string_equal(reached("SELECT * FROM item i, (SELECT max(id) AS last FROM product) s WHERE s.last = i.id"), "0");
	assert_string_equal(reached("SELECT * FROM item i, (SELECT count(*) AS n FROM product) s WHERE i.qty = s.n"), "0");
	/* What is pushed down to it must be about it alone. */
	assert_string_equal(reached("SELECT * FROM item i, (SELECT DISTINCT qty FROM product) s WHERE s.qty = i.qty"), "0");
}

/* EXISTS leads out where all that ties it to the outside is equalities. */
static void out_of_exists(void **state)
{
	(void)state;
	assert_string_equal(reached("SELECT * FROM product p WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id)"),
	                    "0 0,1");
	assert_string_equal(
	    reached("SELECT * FROM product p WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id LIMIT 1)"), "0 0,1");
	assert_string_equal(
	    reached("SELECT * FROM product p WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id AND i.qty > p.qty)"),
	    "0 1 1");
	assert_string_equal(reached("SELECT * FROM product p WHERE NOT EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id)"),
	                    "0 1");
	assert_string_equal(
	    reached("SELECT * FROM product p WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id) OR p.qty = 5"),
	    "0 1");
	assert_string_equal(
	    reached("SELECT * FROM product p WHERE EXISTS (SELECT max(qty) FROM item i WHERE i.owner = p.id)"), "0 1");
	assert_string_equal(
	    reached("SELECT * FROM product p WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = p.id + i.qty)"), "0 1");
}

static void nothing_is_reached_by_what_is_never_true(void **state)
{
	(void)state;
	assert_string_equal(reached("SELECT * FROM product WHERE qty = 5 AND id = NULL"), "- -");
	assert_string_equal(reached("SELECT * FROM product WHERE qty = 5 AND 1 = 2"), "- -");
	assert_string_equal(reached("SELECT * FROM product WHERE qty = 5 AND 1 = 1"), "0 -");
	assert_string_equal(reached("SELECT * FROM (SELECT qty FROM product UNION SELECT 1) s WHERE qty = 3"), "0 -");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(into_queries_in_from, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(out_of_exists, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_is_reached_by_what_is_never_true, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
