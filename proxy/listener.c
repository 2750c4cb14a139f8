#include "proxy/listener.h"

#include "proxy/upstream.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 512, LISTENER_SOCKETS_MAX = 8 };

struct listener {
	struct workers *workers;
	uv_loop_t *loop;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} sockets[LISTENER_SOCKETS_MAX];
	unsigned count, closed;
	char path[108];
	char description[512];
};

static bool listener_open_tcp(struct listener *listener, char *error, size_t error_size);
static bool listener_open_unix(struct listener *listener, char *error, size_t error_size);
static void listener_describe(struct listener *listener, const char *address);
static void listener_on_connection(uv_stream_t *stream, int status);
static void listener_on_closed(uv_handle_t *handle);

struct listener *listener_open(struct workers *workers, uv_loop_t *loop, char *error, size_t error_size)
{
	struct listener *listener = calloc(1, sizeof *listener);
	CHECK(listener != NULL);
	listener->workers = workers;
	listener->loop = loop;
	const struct settings *settings = workers->settings;
	bool ok = (!settings->listen.host[0] || listener_open_tcp(listener, error, error_size)) &&
	          (!settings->unix_socket_dir[0] || listener_open_unix(listener, error, error_size));
	if (ok && listener->count == 0) {
		snprintf(error, error_size, "nothing to listen on: listen_addr and unix_socket_dir are both empty");
		ok = false;
	}
	if (ok)
		return listener;
	if (listener->count == 0)
		free(listener);
	else
		listener_close(listener);
	return NULL;
}

void listener_close(struct listener *listener)
{
	if (listener->path[0])
		unlink(listener->path);
	for (unsigned at = 0; at < listener->count; at++)
		if (!uv_is_closing(&listener->sockets[at].handle))
			uv_close(&listener->sockets[at].handle, listener_on_closed);
}

const char *listener_description(const struct listener *listener)
{
	return listener->description;
}

static bool listener_open_tcp(struct listener *listener, char *error, size_t error_size)
{
	const struct settings_address *listen = &listener->workers->settings->listen;
	bool all = strcmp(listen->host, "*") == 0;
	char port[8];
	snprintf(port, sizeof port, "%u", listen->port);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	int status = getaddrinfo(all ? NULL : listen->host, port, &hints, &found);
	if (status != 0) {
		snprintf(error, error_size, "cannot listen on %s port %u: %s", listen->host, listen->port,
		         gai_strerror(status));
		return false;
	}
	/* One address of several may be one that this machine doesn't have: ::1 or [::] without IPv6. */
	unsigned opened = 0;
	int missing = 0;
	for (struct addrinfo *at = found; at && listener->count < LISTENER_SOCKETS_MAX - 1; at = at->ai_next) {
		uv_tcp_t *tcp = &listener->sockets[listener->count].tcp;
		status = uv_tcp_init(listener->loop, tcp);
		if (status < 0)
			break;
		tcp->data = listener;
		listener->count++;
		status = uv_tcp_bind(tcp, at->ai_addr, at->ai_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
		if (status == 0)
			status = uv_listen((uv_stream_t *)tcp, LISTENER_BACKLOG, listener_on_connection);
		if (status == UV_EADDRNOTAVAIL || status == UV_EAFNOSUPPORT) {
			missing = status;
			status = 0;
			continue;
		}
		if (status < 0)
			break;
		opened++;
		char address[300];
		snprintf(address, sizeof address, at->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", listen->host,
		         listen->port);
		listener_describe(listener, address);
	}
	if (status == 0 && opened == 0)
		status = missing;
	freeaddrinfo(found);
	if (status < 0)
		snprintf(error, error_size, "cannot listen on %s port %u: %s", listen->host, listen->port,
		         uv_strerror(status));
	return status == 0;
}

static bool listener_open_unix(struct listener *listener, char *error, size_t error_size)
{
	const struct settings *settings = listener->workers->settings;
	char path[sizeof listener->path];
	if (!upstream_socket_path(settings->unix_socket_dir, settings->listen.port, path, sizeof path)) {
		snprintf(error, error_size, "unix_socket_dir %s is too long for a socket's path",
		         settings->unix_socket_dir);
		return false;
	}
	/* libuv would say that it lacks permission. */
	struct stat there;
	int missing = stat(settings->unix_socket_dir, &there) < 0 ? -errno : S_ISDIR(there.st_mode) ? 0 : UV_ENOTDIR;
	if (missing) {
		snprintf(error, error_size, "cannot listen in unix_socket_dir %s: %s", settings->unix_socket_dir,
		         uv_strerror(missing));
		return false;
	}
	/* A socket that nobody answers is a leftover of a process that was killed. */
	struct settings_address own = {.port = settings->listen.port};
	snprintf(own.host, sizeof own.host, "%s", settings->unix_socket_dir);
	char reason[128];
	if (upstream_probe(&own, 1000, reason, sizeof reason)) {
		snprintf(error, error_size, "cannot listen on %s: somebody else does already", path);
		return false;
	}
	if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
		unlink(path);
	uv_pipe_t *pipe = &listener->sockets[listener->count].pipe;
	int status = uv_pipe_init(listener->loop, pipe, 0);
	if (status == 0) {
		pipe->data = listener;
		listener->count++;
		status = uv_pipe_bind(pipe, path);
	}
	if (status == 0) {
		snprintf(listener->path, sizeof listener->path, "%s", path);
		if (chmod(path, (mode_t)settings->unix_socket_mode) < 0)
			status = -errno;
	}
	if (status == 0)
		status = uv_listen((uv_stream_t *)pipe, LISTENER_BACKLOG, listener_on_connection);
	if (status < 0) {
		snprintf(error, error_size, "cannot listen on %s: %s", path, uv_strerror(status));
		return false;
	}
	listener_describe(listener, path);
	return true;
}

static void listener_describe(struct listener *listener, const char *address)
{
	size_t len = strlen(listener->description);
	snprintf(listener->description + len, sizeof listener->description - len, "%s%s", len ? ", " : "", address);
}

static void listener_on_connection(uv_stream_t *stream, int status)
{
	struct listener *listener = stream->data;
	/* Out of descriptors, libuv closes what it can't accept, so that it is not told of it again and again. */
	if (status < 0)
		worker_crowded(listener->workers->each[0]);
	else
		workers_accept(listener->workers, stream);
}

static void listener_on_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	if (++listener->closed == listener->count)
		free(listener);
}
