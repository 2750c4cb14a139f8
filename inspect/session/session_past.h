/* What the open transaction has done so far to tables that were there before it: which locks it holds, what it has
 * added and dropped. Bounded by LIMIT_SESSION_PAST; what comes after that is not remembered. Knows no SQL and no catalog. */
#ifndef PGPROCTOR_INSPECT_SESSION_PAST_H
#define PGPROCTOR_INSPECT_SESSION_PAST_H

#include "inspect/tree/lock.h"

#include <stdint.h>

enum session_past_kind {
	SESSION_PAST_LOCK,       /* `lock` */
	SESSION_PAST_ALL_ROWS,   /* each row was written: their writers wait as for a lock */
	SESSION_PAST_LONG,       /* a long statement has run while ACCESS EXCLUSIVE was held on it */
	SESSION_PAST_ALTER_SCAN, /* ALTER TABLE has read or written all of it */
	SESSION_PAST_COLUMN,     /* `name`: a column was added, NOT NULL and with a default */
	SESSION_PAST_NOT_VALID,  /* `name`: a constraint was added NOT VALID */
	SESSION_PAST_VOLATILE,   /* `name`: a volatile function was made */
	SESSION_PAST_DOMAIN,     /* `name`: a domain with a constraint was made */
	SESSION_PAST_ENUM,       /* `name`: a type was made */
	SESSION_PAST_DROPPED,    /* it was dropped */
	SESSION_PAST_KEY_DROPPED, /* `name`: a foreign key of it was dropped, or a column that is in it */
};

struct session_past_entry {
	enum session_past_kind kind;
	uint32_t relation; /* oid */
	enum lock_mode lock;
	bool untimed; /* the lock was waited for without lock_timeout */
	bool small;   /* the table was small */
	bool own;     /* the table that the statement named first, and none that came with it */
	bool kept;    /* dropped, and committed: the catalog that is read may still have it for a while */
	uint32_t depth;
	uint64_t name; /* hash */
};

struct session_past {
	uint32_t count, capacity;
	struct session_past_entry entries[];
};

/* All of these take NULL for a past without anything; the result is the past from then on. */
struct session_past *session_past_add(struct session_past *past, const struct session_past_entry *entry);
/* RELEASE of the savepoint that is `depth` savepoints deep, and ROLLBACK TO it. */
void session_past_release(struct session_past *past, uint32_t depth);
void session_past_rollback(struct session_past *past, uint32_t depth);
/* COMMIT: what is known still, that relations are gone. NULL for nothing, and the rest is freed. */
struct session_past *session_past_keep(struct session_past *past);
struct session_past *session_past_copy(const struct session_past *past);
/* An entry of that kind; `relation` 0: of any, `name` NULL: with any. NULL when there is none. */
const struct session_past_entry *session_past_find(const struct session_past *past, enum session_past_kind kind,
                                                   uint32_t relation, const char *name);
uint64_t session_past_name(const char *name);

#endif
