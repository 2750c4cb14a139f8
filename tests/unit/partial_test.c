#include "inspect/partial.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Is an index with that predicate good for the first predicate of that WHERE? */
static bool implied(const char *index_predicate, const char *condition)
{
	struct judge judge;
	char sql[500];
	judge_init(&judge);
	snprintf(sql, sizeof(sql), "SELECT 1 FROM product WHERE %s", condition);
	const struct facts *facts = judge_parse(&judge, sql);
	const char *canonical = parse_expression(index_predicate, &judge.arena);
	assert_non_null(canonical);
	bool is = partial_implied(canonical, facts, &facts->predicates[0]);
	judge_fini(&judge);
	return is;
}

/* Each pair as PostgreSQL's EXPLAIN decides it. */
static void pairs(void **state)
{
	(void)state;
	static const struct {
		const char *index, *where;
		bool implied;
	} cases[] = {
	    {"deleted IS NULL", "n = 5 AND deleted IS NULL", true},
	    {"(deleted IS NULL)", "n = 5 AND deleted IS NOT NULL", false},
	    {"deleted IS NULL", "n = 5", false},
	    {"deleted IS NULL", "n = 5 AND (deleted IS NULL OR flag)", false},
	    {"deleted IS NULL", "n = 5 AND NOT (deleted IS NULL)", false},
	    {"n IS NOT NULL", "n = 5", true},
	    {"n IS NOT NULL", "n > 5", true},
	    {"n IS NOT NULL", "n IN (1, 2)", true},
	    {"n IS NOT NULL", "n IS NULL", false},
	    {"n IS NOT NULL", "m = 5", false},
	    {"name IS NOT NULL", "UPPER(name) LIKE 'X%'", true},
	    {"name IS NOT NULL", "COALESCE(name, '') LIKE 'X%'", false},
	    {"flag", "n = 5 AND flag", true},
	    {"flag = true", "n = 5 AND flag", true},
	    {"flag", "n = 5 AND flag = true", true},
	    {"flag", "n = 5 AND NOT flag", false},
	    {"flag", "n = 5 AND flag IS TRUE", false},
	    {"NOT flag", "n = 5 AND NOT flag", true},
	    {"NOT flag", "n = 5 AND flag", false},
	    {"status = 'active'", "n = 5 AND status = 'active'", true},
	    {"status = 'active'", "n = 5 AND status = $1", true},
	    {"status = 'active'", "n = 5 AND UPPER(status) = 'ACTIVE'", false},
	    {"status = 'active'", "n = 5 AND status IS NULL", false},
	    {"status IN ('a', 'b')", "n = 5 AND status IN ('a', 'b')", true},
	    {"status IN ('a', 'b')", "n = 5", false},
	    {"status = 'a AND b'", "n = 5 AND status = 'a AND b'", true},
	    {"deleted IS NULL AND flag", "n = 5 AND flag AND deleted IS NULL", true},
	    {"deleted IS NULL AND flag", "n = 5 AND flag", false},
	    {"(deleted IS NULL AND flag) AND status = 'x'", "n = 5 AND flag AND deleted IS NULL AND status = 'x'",
	     true},
	    {"deleted IS NULL OR flag", "n = 5 AND flag", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (implied(cases[i].index, cases[i].where) != cases[i].implied)
			fail_msg("index WHERE %s, statement WHERE %s", cases[i].index, cases[i].where);
	}
}

/* A condition on another appearance of the table says nothing of this one. */
static void other_relation(void **state)
{
	(void)state;
	struct judge judge;
	judge_init(&judge);
	const struct facts *facts =
	    judge_parse(&judge, "SELECT 1 FROM product a, product b WHERE a.n = 5 AND b.deleted IS NULL");
	assert_false(partial_implied("deleted is null", facts, &facts->predicates[0]));
	facts = judge_parse(&judge,
	                    "SELECT 1 FROM product WHERE n = 5 AND EXISTS (SELECT 1 FROM item WHERE deleted IS NULL)");
	assert_false(partial_implied("deleted is null", facts, &facts->predicates[0]));
	judge_fini(&judge);
}

/* What does not fit, or has no end, is not implied. */
static void odd_texts(void **state)
{
	(void)state;
	struct judge judge;
	char text[1000];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	judge_init(&judge);
	const struct facts *facts = judge_parse(&judge, "SELECT 1 FROM product WHERE n = 5 AND flag");
	static const char *const odd[] = {"", "(", ")", "((((", "'", "not ", " and ", "a and ", "()", "\"", "(flag"};
	assert_false(partial_implied(text, facts, &facts->predicates[0]));
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		assert_false(partial_implied(odd[i], facts, &facts->predicates[0]));
	judge_fini(&judge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pairs),
	    cmocka_unit_test(other_relation),
	    cmocka_unit_test(odd_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
