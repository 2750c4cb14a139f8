/* The lock modes of tables, as PostgreSQL names them (manual, "Explicit Locking"; lock.h, lockdefs.h). */
#ifndef PGPROCTOR_INSPECT_LOCK_H
#define PGPROCTOR_INSPECT_LOCK_H

#include <stdbool.h>
#include <stddef.h>

/* In PostgreSQL's order and with its numbers: a stronger one is greater, though what it conflicts with need not hold
 * all that a weaker one conflicts with (SHARE doesn't with itself, SHARE UPDATE EXCLUSIVE does). */
enum lock_mode {
	LOCK_NONE,
	LOCK_ACCESS_SHARE,
	LOCK_ROW_SHARE,
	LOCK_ROW_EXCLUSIVE,
	LOCK_SHARE_UPDATE_EXCLUSIVE,
	LOCK_SHARE,
	LOCK_SHARE_ROW_EXCLUSIVE,
	LOCK_EXCLUSIVE,
	LOCK_ACCESS_EXCLUSIVE,
};

/* "ACCESS EXCLUSIVE"; "none". */
const char *lock_name(enum lock_mode mode);
bool lock_conflicts(enum lock_mode one, enum lock_mode other);
enum lock_mode lock_stronger(enum lock_mode one, enum lock_mode other);
/* The at-th of the statements that wait while a lock of that mode is held, or that it waits for, from the most common
 * on: "SELECT", "INSERT" …; NULL when there are no more. */
const char *lock_waiting(enum lock_mode mode, size_t at);

#endif
