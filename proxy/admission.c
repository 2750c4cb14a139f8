#include "proxy/admission.h"

#include "proxy/worker.h"

/* Descriptors are given out lowest first, so a high one means that few are left. Some are kept for the log, which may
 * be opened anew, for the catalog's connection, and for clients that are to be told. */
enum { ADMISSION_SPARE_DESCRIPTORS = 16 };

static bool admission_crowded(const struct session *session, int spare);
static void admission_give_way(struct worker *worker, const struct session *newest);

void admission_arrive(struct session *session)
{
	struct worker *worker = session->worker;
	if (++worker->starting_count > worker->settings->max_client_conn)
		admission_give_way(worker, session);
}

bool admission_bear(struct session *session)
{
	if (!admission_crowded(session, ADMISSION_SPARE_DESCRIPTORS / 2))
		return true;
	worker_crowded(session->worker);
	return false;
}

const char *admission_refuses(struct session *session)
{
	struct worker *worker = session->worker;
	if (worker->stopping)
		return "pgproctor is shutting down";
	if (worker->client_count >= worker->settings->max_client_conn)
		return "no more connections allowed (max_client_conn)";
	if (admission_crowded(session, ADMISSION_SPARE_DESCRIPTORS)) {
		worker_crowded(worker);
		return "no more connections allowed (file descriptors)";
	}
	worker_roomy(worker);
	session->counted = true;
	worker->client_count++;
	return NULL;
}

void admission_follow(struct session *session, enum session_phase phase)
{
	if (session->phase == SESSION_STARTUP)
		session->worker->starting_count--;
	if (phase == SESSION_CLOSING && session->counted) {
		session->counted = false;
		session->worker->client_count--;
	}
}

static bool admission_crowded(const struct session *session, int spare)
{
	uv_os_fd_t fd;
	return uv_fileno(&session->client.uv.handle, &fd) == 0 && fd >= session->worker->descriptors - spare;
}

/* Connections that say nothing must not keep out those that would. */
static void admission_give_way(struct worker *worker, const struct session *newest)
{
	struct session *oldest = NULL;
	for (struct session *at = worker->sessions; at; at = at->next)
		if (at->phase == SESSION_STARTUP && at != newest)
			oldest = at;
	if (oldest)
		session_abort(oldest, "gave way to newer connections before a start-up packet");
}
