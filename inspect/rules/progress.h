/* How a transaction goes on: a statement has run, and the session remembers what it has done to the tables that were
 * there before (session_past.h). What the rules about whole transactions ask is asked here too. */
#ifndef PGPROCTOR_INSPECT_PROGRESS_H
#define PGPROCTOR_INSPECT_PROGRESS_H

#include "inspect/change/effect.h"
#include "inspect/rules/rules.h"

/* input->facts have completed in `session`, which input->session may be. */
void progress_completed(const struct context *input, struct session_state *session);

/* Does a verdict on that statement depend on what the transaction has done? */
bool progress_matters(const struct facts *facts, const struct session_state *session);
/* As the session has it, in the unit that it was set in; 0: it waits for its locks without end; -1: not known. */
double progress_lock_timeout(const struct context *input);
/* The largest table that the statement reads or writes from end to end, of those that are large; NULL when there is
 * none. `effects` are the statement's. */
const struct catalog_relation *progress_long(const struct context *input, const struct effects *effects);

#endif
