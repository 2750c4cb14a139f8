#include "inspect/tree/lock.h"

#include "config/check.h"

#include <stdint.h>

#define BIT(mode) (1u << (mode))

const char *lock_name(enum lock_mode mode)
{
	static const char *const names[] = {
	    [LOCK_NONE] = "none",
	    [LOCK_ACCESS_SHARE] = "ACCESS SHARE",
	    [LOCK_ROW_SHARE] = "ROW SHARE",
	    [LOCK_ROW_EXCLUSIVE] = "ROW EXCLUSIVE",
	    [LOCK_SHARE_UPDATE_EXCLUSIVE] = "SHARE UPDATE EXCLUSIVE",
	    [LOCK_SHARE] = "SHARE",
	    [LOCK_SHARE_ROW_EXCLUSIVE] = "SHARE ROW EXCLUSIVE",
	    [LOCK_EXCLUSIVE] = "EXCLUSIVE",
	    [LOCK_ACCESS_EXCLUSIVE] = "ACCESS EXCLUSIVE",
	};
	CHECK((size_t)mode < ARRAY_LEN(names));
	return names[mode];
}

/* LockConflicts of storage/lmgr/lock.c. */
bool lock_conflicts(enum lock_mode one, enum lock_mode other)
{
	static const uint32_t conflicts[] = {
	    [LOCK_NONE] = 0,
	    [LOCK_ACCESS_SHARE] = BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_ROW_SHARE] = BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_ROW_EXCLUSIVE] =
	        BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_SHARE_UPDATE_EXCLUSIVE] = BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE) |
	                                    BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
	                                    BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_SHARE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) |
	                   BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_SHARE_ROW_EXCLUSIVE] = BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE) |
	                                 BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
	                                 BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_EXCLUSIVE] = BIT(LOCK_ROW_SHARE) | BIT(LOCK_ROW_EXCLUSIVE) | BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) |
	                       BIT(LOCK_SHARE) | BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) |
	                       BIT(LOCK_ACCESS_EXCLUSIVE),
	    [LOCK_ACCESS_EXCLUSIVE] = BIT(LOCK_ACCESS_SHARE) | BIT(LOCK_ROW_SHARE) | BIT(LOCK_ROW_EXCLUSIVE) |
	                              BIT(LOCK_SHARE_UPDATE_EXCLUSIVE) | BIT(LOCK_SHARE) |
	                              BIT(LOCK_SHARE_ROW_EXCLUSIVE) | BIT(LOCK_EXCLUSIVE) | BIT(LOCK_ACCESS_EXCLUSIVE),
	};
	CHECK((size_t)one < ARRAY_LEN(conflicts) && (size_t)other < ARRAY_LEN(conflicts));
	return (conflicts[one] & BIT(other)) != 0;
}

enum lock_mode lock_stronger(enum lock_mode one, enum lock_mode other)
{
	return one > other ? one : other;
}

const char *lock_waiting(enum lock_mode mode, size_t at)
{
	static const struct {
		const char *statement;
		enum lock_mode mode;
	} statements[] = {
	    {"SELECT", LOCK_ACCESS_SHARE},
	    {"SELECT FOR UPDATE", LOCK_ROW_SHARE},
	    {"INSERT", LOCK_ROW_EXCLUSIVE},
	    {"UPDATE", LOCK_ROW_EXCLUSIVE},
	    {"DELETE", LOCK_ROW_EXCLUSIVE},
	    {"VACUUM", LOCK_SHARE_UPDATE_EXCLUSIVE},
	    {"CREATE INDEX CONCURRENTLY", LOCK_SHARE_UPDATE_EXCLUSIVE},
	    {"CREATE INDEX", LOCK_SHARE},
	    {"ALTER TABLE", LOCK_ACCESS_EXCLUSIVE},
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		if (lock_conflicts(mode, statements[i].mode) && at-- == 0)
			return statements[i].statement;
	}
	return NULL;
}
