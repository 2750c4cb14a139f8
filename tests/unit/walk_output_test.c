#include "inspect/tree/facts.h"

#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

/* What the query that FROM holds puts out: its reach, then each column, '-' before those that are closed. */
static const char *outputs(const char *query)
{
	static char text[500];
	static const char *const reaches[] = {
	    [REACH_MERGED] = "merged", [REACH_PUSHED] = "pushed", [REACH_NONE] = "none"};
	char sql[500];
	int count;
	snprintf(sql, sizeof(sql), "SELECT * FROM (%s) s", query);
	const struct facts *facts = tree_facts(sql, &arena, &count);
	const struct fact_level *level = &facts->levels[1];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", reaches[level->reach]);
	for (uint16_t at = 0; at < level->output_count; at++) {
		const struct fact_output *output = &level->outputs[at];
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s%s", output->closed ? "-" : "",
		                        output->name != NULL ? output->name : "*");
	}
	return text;
}

/* Columns go by the name that PostgreSQL gives them. */
static void names(void **state)
{
	(void)state;
	assert_string_equal(outputs("SELECT * FROM t"), "merged *");
	assert_string_equal(outputs("SELECT t.*, a, t.b, c AS d, upper(e), f::int8, 1 + 1 FROM t"),
	                    "merged * a b d upper f ?column?");
	assert_string_equal(outputs("VALUES (1)"), "pushed");
	assert_string_equal(outputs("SELECT u.* FROM t"), "merged");
}

/* What makes a query one of its own, and what no condition goes into. */
static void reaches(void **state)
{
	(void)state;
	assert_string_equal(outputs("SELECT a FROM t ORDER BY a"), "pushed a");
	assert_string_equal(outputs("SELECT a FROM t LIMIT 1"), "none a");
	assert_string_equal(outputs("SELECT a FROM t LIMIT ALL"), "none a");
	assert_string_equal(outputs("SELECT a FROM t OFFSET 1"), "none a");
	assert_string_equal(outputs("SELECT a, count(*) FROM t GROUP BY a"), "pushed a -count");
	assert_string_equal(outputs("SELECT a FROM t GROUP BY ROLLUP (a)"), "none a");
	assert_string_equal(outputs("SELECT DISTINCT a FROM t"), "pushed a");
	assert_string_equal(outputs("SELECT DISTINCT ON (a) a, b FROM t"), "pushed a -b");
	assert_string_equal(outputs("SELECT a, b, rank() OVER (PARTITION BY a) FROM t"), "pushed a -b -rank");
	assert_string_equal(outputs("SELECT a, rank() OVER w FROM t WINDOW w AS (PARTITION BY a)"), "pushed -a -rank");
	assert_string_equal(outputs("SELECT a, random() FROM t"), "pushed a -random");
	assert_string_equal(outputs("SELECT a, unnest(b) AS c FROM t"), "pushed a -c");
	assert_string_equal(outputs("SELECT a, (SELECT 1) AS b FROM t"), "merged a -b");
}

/* Of a set operation the arms have the columns. */
static void operations(void **state)
{
	(void)state;
	assert_string_equal(outputs("SELECT a FROM t UNION ALL SELECT b FROM u"), "merged");
	assert_string_equal(outputs("SELECT a FROM t UNION SELECT b FROM u"), "pushed");
	assert_string_equal(outputs("SELECT a FROM t INTERSECT SELECT b FROM u"), "pushed");
	assert_string_equal(outputs("SELECT a FROM t EXCEPT SELECT b FROM u"), "none");
	assert_string_equal(outputs("SELECT a FROM t UNION ALL SELECT b FROM u LIMIT 1"), "none");
	int count;
	const struct facts *facts =
	    tree_facts("SELECT * FROM (SELECT a FROM t UNION ALL SELECT b FROM u UNION ALL SELECT c FROM v) s", &arena,
	               &count);
	assert_int_equal(facts->levels[1].arms, 3);
	assert_true(facts->levels[2].is_arm && facts->levels[3].is_arm && facts->levels[4].is_arm);
	assert_int_equal(facts->relations[3].query, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reaches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(operations, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
