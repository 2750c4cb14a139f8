/* What of a session decides a verdict: its database, user, search_path, time zone, lock_timeout, transaction, and what
 * it has done in it. Fed by the proxy with what it sees (ParameterStatus, ReadyForQuery, completed statements).
 *
 * It does not see what functions and DO blocks do, nor whether CREATE TABLE IF NOT EXISTS created anything: such a
 * table counts as pre-existing, and when it is new, the catalog does not know it. */
#ifndef PGPROCTOR_INSPECT_SESSION_STATE_H
#define PGPROCTOR_INSPECT_SESSION_STATE_H

#include "inspect/text/encoding.h"
#include "inspect/tree/facts.h"
#include "inspect/session/session_created.h"
#include "inspect/session/session_past.h"
#include "inspect/session/session_setting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_foreseen;
struct session_transaction;

struct session_state {
	char database[64];
	char user[64];
	char search_path[256];    /* "" while nothing set it: the catalog's default holds */
	bool search_path_unknown; /* set in a way that can't be followed */
	bool standard_conforming_strings;
	const struct encoding *client_encoding, *server_encoding; /* NULL: one that is not known here */
	bool unsettled;              /* what is under way may change the last three before the next statement is read */
	bool lock_timeout_unsettled; /* the same of lock_timeout */
	bool time_zone_utc;          /* a zone that never was anything but UTC */
	uint8_t transaction;         /* 'I', 'T' or 'E', as of the last ReadyForQuery */
	uint64_t number;             /* the session's, as its owner numbers them; see usage.h */
	uint64_t scope;              /* hash of what changes a verdict: database, user, search_path, temporary tables */
	/* Of the statement that is judged: its plans are counted; the server has seen it often enough to plan it for any
	 * values. */
	bool counts_plans, generic_plan;
	struct session_setting path, lock_timeout; /* the first one's value stands above as well */
	struct session_setting plan_cache_mode;
	uint8_t plan_mode;           /* what of that is in the scope */
	struct session_transaction *open;          /* its savepoints; NULL outside a transaction */
	struct session_past *past;                 /* what it has done; NULL: nothing that matters */
	struct session_foreseen *foreseen;         /* what search_path may be by the next statement; NULL: what it is */
	struct session_created *created;           /* relations created in the open transaction, and the session's
	                                            * temporary ones; NULL when none */
};

void session_state_init(struct session_state *state, const char *database, size_t database_len, const char *user,
                        size_t user_len);
void session_state_fini(struct session_state *state);
/* The start-up parameter search_path, or the one inside `options`. */
void session_state_search_path(struct session_state *state, const char *value, size_t len);
/* ParameterStatus. search_path is among them since PostgreSQL 18, and then it is what counts. */
void session_state_parameter(struct session_state *state, const char *name, size_t name_len, const char *value,
                             size_t value_len);
/* ReadyForQuery: leaving a transaction forgets what it created. */
void session_state_ready(struct session_state *state, uint8_t status);
/* The start-up parameter lock_timeout, or the one inside `options`; and plan_cache_mode. */
void session_state_lock_timeout(struct session_state *state, const char *value, size_t len);
void session_state_plan_cache_mode(struct session_state *state, const char *value, size_t len);
/* The statement that is about to complete has done that in the open transaction; depth is filled in. */
void session_state_add_past(struct session_state *state, const struct session_past_entry *entry);
/* The statements of one message have been sent: until all that was sent is answered, search_path may be what they make
 * of it, or what it was. */
void session_state_sent(struct session_state *state, const struct facts *facts, uint16_t statement_count);
/* Nothing is under way any more. */
void session_state_settled(struct session_state *state);
/* How many paths there are besides the current one, and the session as it would be with one of them: a view with its
 * own path, valid as long as `state` stays as it is, and not to be changed or freed. */
uint32_t session_state_paths(const struct session_state *state);
void session_state_with_path(const struct session_state *state, uint32_t at, struct session_state *with);
/* The statements of one message have completed without error. */
void session_state_completed(struct session_state *state, const struct facts *facts, uint16_t statement_count);
/* One has failed: outside a block all since the last ReadyForQuery is undone. */
void session_state_failed(struct session_state *state);
/* The encoding of the client's texts: the server's own where client_encoding is SQL_ASCII. Never NULL. */
const struct encoding *session_state_encoding(const struct session_state *state);
/* Statements have completed, and it isn't known which: nothing that the session created counts any more, and with
 * `path` nothing that it set. */
void session_state_doubt(struct session_state *state, bool path);
/* A copy that goes its own way, as it is between the statements of one text: in the transaction that the server puts
 * around them when none is open. */
void session_state_fork(struct session_state *fork, const struct session_state *state);
/* Created in this transaction, so nobody else can wait for its lock, or temporary. `schema` NULL: as found along the
 * search_path. */
bool session_state_created(const struct session_state *state, const char *schema, const char *name);
/* The same for what one statement creates: does `facts` create that relation? For statements of the same message. */
bool session_state_creates(const struct session_state *state, const struct facts *facts, const char *schema,
                           const char *name);

#endif
