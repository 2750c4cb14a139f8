#include "proxy/workers.h"

#include "config/limits.h"
#include "proxy/listener.h"
#include "proxy/session.h"

#include <fcntl.h>

/* A connection that was accepted for another worker. Its descriptor is a copy: libuv does not part with its own. */
struct workers_parting {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
};

static struct worker *workers_least_loaded(struct workers *workers);
static void workers_hand_over(struct workers *workers, struct worker *worker, uv_stream_t *listener);
static void workers_on_parted(uv_handle_t *handle);

struct workers *workers_new(const struct settings *settings, const struct rule_settings *rules,
                            struct reporter *reporter, char *error, size_t error_size)
{
	struct workers *workers = calloc(1, sizeof *workers);
	CHECK(workers != NULL);
	workers->settings = settings;
	for (uint32_t at = 0; at < settings->workers; at++)
		workers->each[workers->count++] = worker_new(workers, at, rules, reporter);
	struct worker *first = workers->each[0];
	bool good = tls_pair_init(&first->tls, settings, error, error_size) &&
	            secrets_init(&first->secrets, settings, &first->loop, error, error_size);
	for (uint32_t at = 1; good && at < workers->count; at++) {
		struct worker *worker = workers->each[at];
		tls_pair_share(&worker->tls, &first->tls);
		secrets_share(&worker->secrets, &first->secrets, settings, &worker->loop);
	}
	if (good)
		first->listener = workers->listener = listener_open(workers, &first->loop, error, error_size);
	if (first->listener)
		return workers;
	workers_free(workers);
	return NULL;
}

int workers_start(struct workers *workers, struct feed *feed)
{
	/* The first one last: it accepts. */
	int status = 0;
	for (uint32_t at = workers->count; status == 0 && at-- > 0;)
		status = worker_start(workers->each[at], feed);
	return status;
}

void workers_publish(void *context, struct catalog *catalog)
{
	struct workers *workers = context;
	for (uint32_t at = 0; at < workers->count; at++)
		worker_publish(workers->each[at], catalog_ref(catalog));
	catalog_unref(catalog);
}

void workers_publish_usage(void *context, struct usage *usage)
{
	struct workers *workers = context;
	for (uint32_t at = 0; at < workers->count; at++)
		worker_put_usage(workers->each[at], usage_ref(usage));
	usage_unref(usage);
}

bool workers_reload(struct workers *workers, char *error, size_t error_size)
{
	struct tls_pair fresh;
	if (!tls_pair_init(&fresh, workers->settings, error, error_size))
		return false;
	for (uint32_t at = 0; at < workers->count; at++)
		worker_put_tls(workers->each[at], &fresh);
	tls_pair_fini(&fresh);
	workers->binding_told = false;
	return true;
}

bool workers_reload_users(struct workers *workers, bool *exposed, char *error, size_t error_size)
{
	const struct settings *settings = workers->settings;
	*exposed = false;
	if (settings->auth != SETTINGS_AUTH_TERMINATE || !settings->auth_file[0])
		return true;
	struct verifiers *fresh = verifiers_read(settings->auth_file, exposed, error, error_size);
	if (!fresh)
		return false;
	for (uint32_t at = 0; at < workers->count; at++)
		worker_put_verifiers(workers->each[at], verifiers_ref(fresh));
	verifiers_unref(fresh);
	return true;
}

void workers_stop(struct workers *workers, bool at_once)
{
	for (uint32_t at = 0; at < workers->count; at++)
		worker_stop(workers->each[at], at_once);
}

bool workers_done(const struct workers *workers)
{
	for (uint32_t at = 0; at < workers->count; at++)
		if (!worker_done(workers->each[at]))
			return false;
	return true;
}

void workers_join(struct workers *workers)
{
	for (uint32_t at = 0; at < workers->count; at++)
		worker_join(workers->each[at]);
}

void workers_free(struct workers *workers)
{
	/* All threads first: until the last has ended one may wake another. */
	workers_join(workers);
	for (uint32_t at = 0; at < workers->count; at++)
		worker_free(workers->each[at]);
	free(workers);
}

void workers_accept(struct workers *workers, uv_stream_t *listener)
{
	struct worker *worker = workers_least_loaded(workers);
	workers->session_id++;
	atomic_fetch_add_explicit(&worker->load, 1, memory_order_relaxed);
	if (worker == workers->each[0])
		session_accept(worker, workers->session_id, listener);
	else
		workers_hand_over(workers, worker, listener);
}

static struct worker *workers_least_loaded(struct workers *workers)
{
	struct worker *best = NULL;
	uint32_t best_load = UINT32_MAX;
	for (uint32_t at = 0; at < workers->count; at++) {
		struct worker *worker = workers->each[(workers->next + at) % workers->count];
		uint32_t load = atomic_load_explicit(&worker->load, memory_order_relaxed);
		if (load < best_load) {
			best = worker;
			best_load = load;
		}
	}
	workers->next = (best->index + 1) % workers->count;
	return best;
}

static void workers_hand_over(struct workers *workers, struct worker *worker, uv_stream_t *listener)
{
	uv_loop_t *loop = &workers->each[0]->loop;
	bool tcp = listener->type == UV_TCP;
	struct workers_parting *parting = malloc(sizeof *parting);
	CHECK(parting != NULL);
	CHECK((tcp ? uv_tcp_init(loop, &parting->uv.tcp) : uv_pipe_init(loop, &parting->uv.pipe, 0)) == 0);
	parting->uv.handle.data = parting;
	uv_os_fd_t own;
	int fd = -1;
	if (uv_accept(listener, &parting->uv.stream) == 0 && uv_fileno(&parting->uv.handle, &own) == 0)
		fd = fcntl(own, F_DUPFD_CLOEXEC, 0);
	uv_close(&parting->uv.handle, workers_on_parted);
	if (fd < 0) {
		atomic_fetch_sub_explicit(&worker->load, 1, memory_order_relaxed);
		worker_crowded(workers->each[0]);
		return;
	}
	worker_arrive(worker, workers->session_id, fd, tcp ? LINK_TCP : LINK_UNIX);
}

static void workers_on_parted(uv_handle_t *handle)
{
	free(handle->data);
}
