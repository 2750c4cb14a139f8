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

/* A WITH query is read in place where PostgreSQL does it, however often it is named. */
static void with(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		int queries;
	} cases[] = {
	    {"WITH c AS (SELECT * FROM t) SELECT * FROM c", 1},
	    {"WITH c AS (SELECT * FROM t) SELECT * FROM c a, c b", 0},
	    {"WITH c AS NOT MATERIALIZED (SELECT * FROM t) SELECT * FROM c a, c b", 2},
	    {"WITH c AS MATERIALIZED (SELECT * FROM t) SELECT * FROM c", 0},
	    {"WITH c AS (SELECT * FROM t FOR UPDATE) SELECT * FROM c", 0},
	    {"WITH c AS (SELECT random() FROM t) SELECT * FROM c", 0},
	    {"WITH c AS (DELETE FROM t RETURNING *) SELECT * FROM c", 0},
	    {"WITH RECURSIVE c AS (SELECT * FROM t) SELECT * FROM c", 1},
	    {"WITH RECURSIVE c AS (SELECT 1 UNION ALL SELECT * FROM c) SELECT * FROM c", 0},
	    {"WITH c AS (SELECT * FROM t), d AS (SELECT * FROM c) SELECT * FROM d", 2},
	    {"WITH c AS (SELECT * FROM c) SELECT * FROM c", 1},
	    {"WITH c AS (SELECT * FROM t) SELECT 1", 0},
	};
	for (size_t at = 0; at < sizeof(cases) / sizeof(*cases); at++) {
		int count, queries = 0;
		const struct facts *facts = tree_facts(cases[at].sql, &arena, &count);
		for (uint16_t r = 0; r < facts->relation_count; r++)
			queries += facts->relations[r].query != 0;
		if (queries != cases[at].queries)
			fail_msg("%s: %d", cases[at].sql, queries);
	}
	/* No text makes more of itself than the ceilings let. */
	int count;
	const struct facts *facts = tree_facts("WITH a AS NOT MATERIALIZED (SELECT 1 x),"
	                                       " b AS NOT MATERIALIZED (SELECT p.x FROM a p, a q, a r, a s),"
	                                       " c AS NOT MATERIALIZED (SELECT p.x FROM b p, b q, b r, b s),"
	                                       " d AS NOT MATERIALIZED (SELECT p.x FROM c p, c q, c r, c s)"
	                                       " SELECT * FROM d p, d q, d r, d s",
	                                       &arena, &count);
	assert_true(facts->truncated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(with, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
