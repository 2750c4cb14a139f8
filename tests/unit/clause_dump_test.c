#include "inspect/tree/clause_dump.h"

#include "inspect/tree/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Whatever counts of a clause shows, so that two that differ have two texts; and no byte past the end is written. */
static void shows(void **state)
{
	(void)state;
	struct arena arena;
	char one[500], other[500], tight[8];
	arena_init(&arena);
	clause_dump(parse_clause("a = 5", &arena), one, sizeof(one));
	clause_dump(parse_clause("a = 6", &arena), other, sizeof(other));
	assert_string_not_equal(one, other);
	memset(tight, 'x', sizeof(tight));
	assert_int_equal(clause_dump(parse_clause("a = 5", &arena), tight, 4), 3);
	assert_string_equal(tight, "ope");
	assert_int_equal(tight[4], 'x');
	assert_int_equal(clause_dump(NULL, one, sizeof(one)), strlen("nothing"));
	assert_int_equal(clause_dump(NULL, one, 0), 0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
