/* The relations that a session has created in its open transaction, which nobody else sees, and its temporary ones.
 * Bounded by LIMIT_CREATED_RELATIONS; what comes after that is not remembered. */
#ifndef PGPROCTOR_INSPECT_SESSION_CREATED_H
#define PGPROCTOR_INSPECT_SESSION_CREATED_H

#include "inspect/tree/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct session_created;

/* How a name without a schema is found. */
struct session_created_names {
	const char *path; /* search_path; "": the server's default */
	bool path_unknown;
	const char *user;
};

/* All of these take NULL for nothing created; what is returned takes the place of what was given. On the heap, in one
 * piece: free() it. */

/* What a statement has created that is `depth` savepoints deep; `open`: in a transaction that goes on. */
struct session_created *session_created_add(struct session_created *created, const struct facts *facts, uint32_t depth,
                                            bool open);
/* And what it has dropped. */
void session_created_drop(struct session_created *created, const struct facts *facts,
                          const struct session_created_names *names);
/* RELEASE of the savepoint that is `depth` savepoints deep, and ROLLBACK TO it; 0: the transaction's end, after which
 * the temporary ones stay that session_created_keep was told of. */
void session_created_release(struct session_created *created, uint32_t depth);
struct session_created *session_created_rollback(struct session_created *created, uint32_t depth);
/* COMMIT. */
void session_created_keep(struct session_created *created);
/* DISCARD TEMP. */
void session_created_forget_temporary(struct session_created *created);
struct session_created *session_created_copy(const struct session_created *created);

/* `schema` NULL: as found along the path. */
bool session_created_has(const struct session_created *created, const struct session_created_names *names,
                         const char *schema, const char *name);
/* Does that statement create it? */
bool session_created_by(const struct facts *facts, const struct session_created_names *names, const char *schema,
                        const char *name);
/* A hash of the temporary ones: each hides the relation of its name that other sessions see. */
uint64_t session_created_scope(const struct session_created *created);

#endif
