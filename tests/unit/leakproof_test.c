#include "inspect/access/leakproof.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool leakproof(const char *expression)
{
	return leakproof_term(terms_canonical(expression), terms_dictionary);
}

/* Comparisons of simple types tell nothing, however they are put together. */
static void passes(void **state)
{
	(void)state;
	static const char *const expressions[] = {
	    "id = 5",      "id IN (5, 6)",         "5 < id",          "name = 'x'",       "note <> 'x'",
	    "id IS NULL",  "id = 5 OR big > 7",    "NOT (id = 5)",    "flag",             "flag IS NOT TRUE",
	    "day > $1",    "uid = $1",             "id = n",          "id = ANY ($1)",    "1 = 1",
	};
	for (size_t at = 0; at < sizeof(expressions) / sizeof(*expressions); at++) {
		if (!leakproof(expressions[at]))
			fail_msg("%s", expressions[at]);
	}
}

/* What an error could speak of, or that anybody may have defined. */
static void stops(void **state)
{
	(void)state;
	static const char *const expressions[] = {
	    "note LIKE 'x%'",       "upper(note) = 'X'", "amount = 5",  "data @> '{}'", "id + 1 = 5",
	    "tags = '{a}'",         "note ~ 'x'",        "mail = 'x'",  "data = '{}'",  "id = 5 AND note LIKE 'x'",
	    "id::text = '5'",       "numbers @> '{1}'",  "id = 5 OR upper(note) = 'X'",
	};
	for (size_t at = 0; at < sizeof(expressions) / sizeof(*expressions); at++) {
		if (leakproof(expressions[at]))
			fail_msg("%s", expressions[at]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes),
	    cmocka_unit_test(stops),
	};
	return cmocka_run_group_tests(tests, terms_open, terms_close);
}
