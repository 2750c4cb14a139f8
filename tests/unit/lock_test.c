#include "inspect/tree/lock.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The manual's table "Conflicting Lock Modes", one row a line; # where two conflict. */
static void the_manuals_table(void **state)
{
	static const char *const table[] = {
	    ".......#", "......##", "....####", "...#####", "..##.###", "..######", ".#######", "########",
	};
	(void)state;
	for (int one = LOCK_ACCESS_SHARE; one <= LOCK_ACCESS_EXCLUSIVE; one++) {
		for (int other = LOCK_ACCESS_SHARE; other <= LOCK_ACCESS_EXCLUSIVE; other++)
			assert_int_equal(lock_conflicts((enum lock_mode)one, (enum lock_mode)other),
			                 table[one - 1][other - 1] == '#');
		assert_false(lock_conflicts(LOCK_NONE, (enum lock_mode)one));
		assert_false(lock_conflicts((enum lock_mode)one, LOCK_NONE));
	}
}

/* Names are PostgreSQL's, and the stronger of two is the later one. */
static void names_and_order(void **state)
{
	(void)state;
	assert_string_equal(lock_name(LOCK_SHARE_UPDATE_EXCLUSIVE), "SHARE UPDATE EXCLUSIVE");
	assert_string_equal(lock_name(LOCK_ACCESS_EXCLUSIVE), "ACCESS EXCLUSIVE");
	assert_string_equal(lock_name(LOCK_NONE), "none");
	assert_int_equal(lock_stronger(LOCK_SHARE, LOCK_ROW_EXCLUSIVE), LOCK_SHARE);
	assert_int_equal(lock_stronger(LOCK_NONE, LOCK_ACCESS_SHARE), LOCK_ACCESS_SHARE);
}

static size_t waiting(enum lock_mode mode, const char *statement)
{
	size_t hits = 0;
	for (size_t at = 0; lock_waiting(mode, at) != NULL; at++)
		hits += strcmp(lock_waiting(mode, at), statement) == 0;
	return hits;
}

/* Who waits: nobody for none, writers and not readers for SHARE, everybody for ACCESS EXCLUSIVE. */
static void who_waits(void **state)
{
	(void)state;
	assert_null(lock_waiting(LOCK_NONE, 0));
	assert_int_equal(waiting(LOCK_SHARE, "INSERT"), 1);
	assert_int_equal(waiting(LOCK_SHARE, "SELECT"), 0);
	assert_int_equal(waiting(LOCK_SHARE, "CREATE INDEX"), 0);
	assert_int_equal(waiting(LOCK_SHARE_UPDATE_EXCLUSIVE, "INSERT"), 0);
	assert_int_equal(waiting(LOCK_SHARE_UPDATE_EXCLUSIVE, "VACUUM"), 1);
	assert_int_equal(waiting(LOCK_ACCESS_EXCLUSIVE, "SELECT"), 1);
	assert_string_equal(lock_waiting(LOCK_ACCESS_EXCLUSIVE, 0), "SELECT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manuals_table),
	    cmocka_unit_test(names_and_order),
	    cmocka_unit_test(who_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
