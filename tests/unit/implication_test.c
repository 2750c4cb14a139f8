#include "inspect/access/implication.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static enum term_truth holds(const char *predicate, const char *condition)
{
	const struct term *clause = terms_canonical(condition);
	return implication_holds(terms_dictionary, terms_canonical(predicate), &clause, 1);
}

/* As EXPLAIN shows it for partial indexes on PostgreSQL 15. */
static void proofs(void **state)
{
	(void)state;
	static const struct {
		const char *predicate, *condition;
		enum term_truth truth;
	} cases[] = {
	    {"name = 'a'", "name = 'a'", TERM_YES},
	    {"name = 'a'", "name = 'b'", TERM_NO},
	    {"name <> 'a'", "name = 'b'", TERM_YES},
	    {"name <> 'a'", "name = 'a'", TERM_NO},
	    {"name IN ('a', 'b')", "name = 'a'", TERM_YES},
	    {"name IN ('a', 'b')", "name IN ('b', 'a')", TERM_YES},
	    {"name IN ('a', 'b')", "name IN ('a', 'c')", TERM_NO},
	    {"name IS NOT NULL", "name = 'a'", TERM_YES},
	    {"name IS NOT NULL", "upper(name) LIKE 'A%'", TERM_YES},
	    {"name IS NOT NULL", "coalesce(name, '') = 'a'", TERM_NO},
	    {"name IS NOT NULL", "name IS NULL", TERM_NO},
	    {"name IS NULL", "name IS NULL", TERM_YES},
	    {"flag", "flag", TERM_YES},
	    {"flag", "flag = true", TERM_YES},
	    {"flag", "flag IS TRUE", TERM_NO},
	    {"NOT flag", "flag = false", TERM_YES},
	    {"n > 5", "n > 10", TERM_YES},
	    {"n > 5", "n >= 6", TERM_YES},
	    {"n > 5", "n >= 5", TERM_NO},
	    {"n > 5", "n = 10", TERM_YES},
	    {"n > 5", "n = 3", TERM_NO},
	    {"n > 5", "n = 10 AND flag", TERM_YES},
	    {"n > 5", "n = 10 OR flag", TERM_NO},
	    {"n > 5 OR flag", "flag", TERM_YES},
	    {"n > 5 AND flag", "flag", TERM_NO},
	    {"n > 5", "10 < n", TERM_YES},
	    {"n BETWEEN 5 AND 10", "n = 7", TERM_YES},
	    {"n > id", "id < n", TERM_YES},
	    {"n > 5", "n = $1", TERM_MAYBE},
	    {"name > 'a'", "name > 'b'", TERM_YES},
	    {"name > 'a'", "name > 'B'", TERM_MAYBE},
	    {"latin > 'a'", "latin > 'b'", TERM_YES},
	    {"day > '2021-01-01'", "day = '2021-06-01'", TERM_YES},
	    {"day > '2021-01-01'", "day = '2020-06-01'", TERM_NO},
	    {"at > '2021-01-01'::timestamptz", "at > '2021-06-01'::date", TERM_MAYBE},
	};
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		enum term_truth truth = holds(cases[at].predicate, cases[at].condition);
		if (truth != cases[at].truth)
			fail_msg("%s by %s: %d, not %d", cases[at].predicate, cases[at].condition, truth,
			         cases[at].truth);
	}
}

/* Several conditions prove what none does alone; none proves nothing. */
static void together(void **state)
{
	(void)state;
	const struct term *conditions[] = {terms_canonical("flag"), terms_canonical("n = 7")};
	const struct term *predicate = terms_canonical("flag AND n > 5");
	assert_int_equal(implication_holds(terms_dictionary, predicate, conditions, 2), TERM_YES);
	assert_int_equal(implication_holds(terms_dictionary, predicate, conditions, 1), TERM_NO);
	assert_int_equal(implication_holds(terms_dictionary, predicate, conditions, 0), TERM_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(proofs, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(together, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
