/* What the rules say of a statement in the session that sends it: asks the inspector in all ways in which the server
 * may find it, and hands what was found to the log and the figures. Sends nothing. */
#ifndef PGPROCTOR_PROXY_JUDGEMENT_H
#define PGPROCTOR_PROXY_JUDGEMENT_H

#include "inspect/rules/rules.h"
#include "proxy/session.h"

/* The verdict, valid until the same statement is judged again, and whether it is to be `rejected`. Of one that can be
 * read in several ways, and may be reached with several search_paths, the strictest counts, and of equals the current
 * one; `*statement` becomes the reading which that is about. With EXECUTE it may be what was prepared. */
const struct verdict *judgement_of(struct session *session, struct statement **statement,
                                   const struct bound_shape *shapes, uint16_t count, bool *rejected);
/* Its findings, for a statement that is being sent, or refused. */
void judgement_log(struct session *session, const struct statement *statement, const struct verdict *verdict,
                   bool rejected);
/* What it stores is looked at, and anything found in that logged. */
void judgement_observe(struct session *session, const struct statement *statement, const struct bound_shape *shapes,
                       uint16_t count);
/* Does it end a transaction, failed or not, with its first statement? In any of its readings. */
bool judgement_ends_transaction(const struct statement *statement);

#endif
