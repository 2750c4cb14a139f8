/* What of a session decides a verdict: its database, user, search_path, time zone, transaction, and what it has
 * created in it. Fed by the proxy with what it sees (ParameterStatus, ReadyForQuery, completed statements). */
#ifndef PGPROCTOR_INSPECT_SESSION_STATE_H
#define PGPROCTOR_INSPECT_SESSION_STATE_H

#include "inspect/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_created;

struct session_state {
	char database[64];
	char user[64];
	char search_path[256];        /* "" while nothing set it: the catalog's default holds */
	char search_path_before[256]; /* at BEGIN: a ROLLBACK goes back to it */
	bool search_path_unknown;     /* set in a way that can't be followed */
	bool standard_conforming_strings;
	bool time_zone_utc;
	uint8_t transaction; /* 'I', 'T' or 'E', as of the last ReadyForQuery */
	uint64_t scope;      /* hash of what changes a verdict: database, user, search_path */
	uint16_t savepoint_depth;
	struct session_created *created; /* relations created in the open transaction; NULL when none */
};

void session_state_init(struct session_state *state, const char *database, size_t database_len, const char *user,
                        size_t user_len);
void session_state_fini(struct session_state *state);
/* Start-up parameter or SET: search_path. */
void session_state_search_path(struct session_state *state, const char *value, size_t len);
/* ParameterStatus. */
void session_state_parameter(struct session_state *state, const char *name, size_t name_len, const char *value,
                             size_t value_len);
/* ReadyForQuery: leaving a transaction forgets what it created. */
void session_state_ready(struct session_state *state, uint8_t status);
/* A statement has completed without error. */
void session_state_completed(struct session_state *state, const struct facts *facts, uint16_t statement_count);
/* Created in this transaction, so nobody else can wait for its lock. */
bool session_state_created(const struct session_state *state, const char *schema, const char *name);

#endif
