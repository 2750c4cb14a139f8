/* server_tls_sslmode = allow, with libpq's meaning: in the clear first. A server whose pg_hba.conf lets nobody in like
 * that says so before it says anything else, by SQLSTATE 28000, and then it is tried again with TLS. What the server
 * said first is kept: the client sees one log-in, whole.
 *
 *      connected ──StartupMessage──▶ ──28000──▶ closed: TRIAL_AGAIN ──▶ connected ──▶ handshake.h
 *                                    ──else───▶ 0
 */
#ifndef PGPROCTOR_PROXY_TRIAL_H
#define PGPROCTOR_PROXY_TRIAL_H

#include "proxy/session.h"

/* Not a status of libuv's. */
enum { TRIAL_AGAIN = 1 };

typedef void trial_done_fn(struct session *session, int status);

/* The connected server is to be tried in the clear, and has not been yet. */
bool trial_wanted(const struct session *session);
/* Sends it the start-up packet that `held` begins with. `done` comes once: 0, and session->trial_answer has the first
 * of what it answers; TRIAL_AGAIN, when the link is closed and session->trial_answer is the refusal; or an error. Until
 * then the link's events are not the session's. A session that closes meanwhile is not told. */
void trial_begin(struct session *session, trial_done_fn *done);

#endif
