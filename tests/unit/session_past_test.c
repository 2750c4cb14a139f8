#include "inspect/session/session_past.h"

#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct session_past *lock(struct session_past *past, uint32_t relation, enum lock_mode mode, uint32_t depth)
{
	const struct session_past_entry entry = {
	    .kind = SESSION_PAST_LOCK, .relation = relation, .lock = mode, .depth = depth};
	return session_past_add(past, &entry);
}

/* What is held already is not held twice; a stronger lock, or an outer one, is news. */
static void adds_once(void **state)
{
	(void)state;
	struct session_past *past = lock(NULL, 1, LOCK_SHARE, 1);
	past = lock(past, 1, LOCK_SHARE, 2);
	assert_int_equal(past->count, 1);
	past = lock(past, 1, LOCK_ACCESS_EXCLUSIVE, 2);
	past = lock(past, 1, LOCK_SHARE, 0);
	assert_int_equal(past->count, 3);
	free(past);
}

/* What a savepoint's ROLLBACK undoes is gone, unless it was released into the one around it. */
static void savepoints(void **state)
{
	(void)state;
	struct session_past *past = lock(NULL, 1, LOCK_SHARE, 0);
	past = lock(past, 2, LOCK_SHARE, 1);
	past = lock(past, 3, LOCK_SHARE, 2);
	session_past_release(past, 2);
	session_past_rollback(past, 2);
	assert_non_null(session_past_find(past, SESSION_PAST_LOCK, 3, NULL));
	struct session_past *copy = session_past_copy(past);
	session_past_rollback(past, 1);
	assert_int_equal(past->count, 1);
	assert_int_equal(copy->count, 3);
	session_past_rollback(NULL, 0);
	session_past_release(NULL, 1);
	assert_null(session_past_copy(NULL));
	free(copy);
	free(past);
}

/* COMMIT leaves what is gone, and no ROLLBACK brings that back. */
static void keeps(void **state)
{
	(void)state;
	const struct session_past_entry dropped = {.kind = SESSION_PAST_DROPPED, .relation = 7, .depth = 2};
	const struct session_past_entry key = {.kind = SESSION_PAST_KEY_DROPPED, .relation = 8, .name = session_past_name("k")};
	struct session_past *past = session_past_add(lock(NULL, 1, LOCK_SHARE, 0), &dropped);
	past = session_past_keep(session_past_add(past, &key));
	assert_int_equal(past->count, 1);
	past = lock(past, 2, LOCK_SHARE, 0);
	session_past_rollback(past, 0);
	assert_int_equal(past->count, 1);
	assert_non_null(session_past_find(past, SESSION_PAST_DROPPED, 7, NULL));
	free(past);
	assert_null(session_past_keep(lock(NULL, 1, LOCK_SHARE, 0)));
	assert_null(session_past_keep(NULL));
}

/* By kind, table and name. */
static void finds(void **state)
{
	(void)state;
	const struct session_past_entry entry = {
	    .kind = SESSION_PAST_COLUMN, .relation = 7, .name = session_past_name("qty")};
	struct session_past *past = session_past_add(NULL, &entry);
	assert_non_null(session_past_find(past, SESSION_PAST_COLUMN, 7, "qty"));
	assert_non_null(session_past_find(past, SESSION_PAST_COLUMN, 0, NULL));
	assert_null(session_past_find(past, SESSION_PAST_COLUMN, 7, "quantity"));
	assert_null(session_past_find(past, SESSION_PAST_COLUMN, 8, "qty"));
	assert_null(session_past_find(past, SESSION_PAST_LOCK, 7, NULL));
	assert_null(session_past_find(NULL, SESSION_PAST_LOCK, 7, NULL));
	free(past);
}

/* A transaction without end does not fill the memory. */
static void is_bounded(void **state)
{
	(void)state;
	struct session_past *past = NULL;
	for (uint32_t relation = 1; relation < 2 * LIMIT_SESSION_PAST; relation++)
		past = lock(past, relation, LOCK_SHARE, 0);
	assert_int_equal(past->count, LIMIT_SESSION_PAST);
	free(past);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(adds_once),
	    cmocka_unit_test(savepoints),
	    cmocka_unit_test(keeps),
	    cmocka_unit_test(finds),
	    cmocka_unit_test(is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
