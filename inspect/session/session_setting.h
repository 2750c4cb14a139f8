/* One setting of a session (search_path, lock_timeout) through SET, SET LOCAL, RESET, COMMIT, ROLLBACK and savepoints.
 * Knows nothing of what its values mean. Depth 0 is the transaction itself, n inside its n-th open savepoint. */
#ifndef PGPROCTOR_INSPECT_SESSION_SETTING_H
#define PGPROCTOR_INSPECT_SESSION_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_setting_value {
	char *text;   /* owned; NULL: nothing that was seen has set it */
	bool unknown; /* set in a way that can't be followed; text is NULL */
};

struct session_setting_open; /* what a ROLLBACK undoes; there from the first change in a transaction on, be it only the
                              * one that the server has around what comes before a Sync */

struct session_setting {
	struct session_setting_value now;
	struct session_setting_value reset; /* what RESET goes back to: the start-up packet's */
	struct session_setting_open *open;
};

void session_setting_fini(struct session_setting *setting);
/* By the start-up packet. */
void session_setting_start(struct session_setting *setting, const char *text, size_t len);
/* The server has told it: the value that is in force, however it came to be. */
void session_setting_told(struct session_setting *setting, const char *text, size_t len);
/* SET, RESET. In no block a local change is none. */
void session_setting_set(struct session_setting *setting, const struct session_setting_value *value, bool local,
                         bool block, uint32_t depth);
/* RELEASE of the savepoint that is `depth` savepoints deep, and ROLLBACK TO it. */
void session_setting_release(struct session_setting *setting, uint32_t depth);
void session_setting_rollback(struct session_setting *setting, uint32_t depth);
/* ROLLBACK TO a savepoint that is not known, or the end of a transaction that may have been either. */
void session_setting_doubt(struct session_setting *setting);
void session_setting_end(struct session_setting *setting, bool commit);
/* The values that it may go back to by a COMMIT or ROLLBACK, one after the other; NULL when there are no more. */
const struct session_setting_value *session_setting_earlier(const struct session_setting *setting, uint32_t at);
bool session_setting_equal(const struct session_setting_value *one, const struct session_setting_value *other);
struct session_setting_value session_setting_copy_value(const struct session_setting_value *value);
/* A copy of all of it. */
void session_setting_copy(struct session_setting *copy, const struct session_setting *setting);

#endif
