#include "proxy/login/admission.h"

#include "proxy/workers.h"

/* Descriptors are given out lowest first, so a high one means that few are left. Some are kept for the log, which may
 * be opened anew, for the catalog's connection, and for clients that are to be told. */
enum { ADMISSION_SPARE_DESCRIPTORS = 16 };

static bool admission_takes_place(struct workers *workers);
static bool admission_crowded(const struct session *session, int spare);
static void admission_give_way(struct worker *worker, const struct session *newest);

void admission_arrive(struct session *session)
{
	struct worker *worker = session->worker;
	struct workers *workers = worker->workers;
	const uint32_t max = worker->settings->max_client_conn;
	const uint32_t share = max / workers->count + (max % workers->count > 0);
	atomic_fetch_add_explicit(&workers->session_count, 1, memory_order_relaxed);
	if (++worker->starting_count > share)
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
	if (admission_crowded(session, ADMISSION_SPARE_DESCRIPTORS)) {
		worker_crowded(worker);
		return "no more connections allowed (file descriptors)";
	}
	if (!admission_takes_place(worker->workers))
		return "no more connections allowed (max_client_conn)";
	worker_roomy(worker);
	session->counted = true;
	return NULL;
}

void admission_follow(struct session *session, enum session_phase phase)
{
	if (session->phase == SESSION_STARTUP)
		session->worker->starting_count--;
	if (phase != SESSION_CLOSING)
		return;
	atomic_fetch_sub_explicit(&session->worker->load, 1, memory_order_relaxed);
	if (session->counted)
		atomic_fetch_sub_explicit(&session->worker->workers->client_count, 1, memory_order_relaxed);
	session->counted = false;
}

void admission_gone(struct worker *worker)
{
	atomic_fetch_sub_explicit(&worker->workers->session_count, 1, memory_order_relaxed);
}

/* Not by adding first and looking then: who is one too many would for a moment keep out another, who is not. */
static bool admission_takes_place(struct workers *workers)
{
	uint32_t count = atomic_load_explicit(&workers->client_count, memory_order_relaxed);
	do {
		if (count >= workers->settings->max_client_conn)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&workers->client_count, &count, count + 1, memory_order_relaxed,
	                                                memory_order_relaxed));
	return true;
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
