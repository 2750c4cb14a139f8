#include "proxy/upstream.h"

#include "config/limits.h"
#include "proxy/worker.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* What upstream_connect needs until it is done; the session points to it until then. */
struct upstream_attempt {
	struct session *session;
	uv_getaddrinfo_t resolve;
	uv_connect_t connect;
	const struct link_events *events;
	upstream_done_fn *done;
	struct addrinfo *found, *next; /* of a name: all its addresses, and those not tried yet */
	int status;                    /* of the last one tried */
};

static int upstream_connect_next(struct upstream_attempt *attempt);
static int upstream_connect_tcp(struct upstream_attempt *attempt, const struct sockaddr *address);
static int upstream_connect_unix(struct upstream_attempt *attempt, const struct settings_address *upstream);
static void upstream_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found);
static void upstream_on_connected(uv_connect_t *request, int status);
static void upstream_on_closed(struct link *link);
static void upstream_finish(struct upstream_attempt *attempt, int status);
static int upstream_probe_socket(int family, const struct sockaddr *address, socklen_t address_len, unsigned timeout_ms,
                                 char *reason, size_t size);

/* Of a link that is not connected yet, and so is not read: only closing it tells anybody anything. */
static const struct link_events upstream_link_events = {.on_closed = upstream_on_closed};

int upstream_connect(struct session *session, const struct link_events *events, upstream_done_fn *done)
{
	const struct settings_address *upstream = &session->worker->settings->upstream;
	struct upstream_attempt *attempt = malloc(sizeof *attempt);
	CHECK(attempt != NULL);
	*attempt = (struct upstream_attempt){.session = session, .events = events, .done = done};
	attempt->connect.data = attempt->resolve.data = attempt;
	session->attempt = attempt;
	int status;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (upstream->host[0] == '/') {
		status = upstream_connect_unix(attempt, upstream);
	} else if (uv_ip4_addr(upstream->host, upstream->port, &v4) == 0) {
		status = upstream_connect_tcp(attempt, (struct sockaddr *)&v4);
	} else if (uv_ip6_addr(upstream->host, upstream->port, &v6) == 0) {
		status = upstream_connect_tcp(attempt, (struct sockaddr *)&v6);
	} else {
		char port[8];
		snprintf(port, sizeof port, "%u", upstream->port);
		const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
		status = uv_getaddrinfo(&session->worker->loop, &attempt->resolve, upstream_on_resolved, upstream->host,
		                        port, &hints);
		session->resolving = status == 0;
	}
	if (status < 0) {
		session->server.events = events;
		session->attempt = NULL;
		free(attempt);
	}
	return status;
}

void upstream_cancel(struct session *session)
{
	if (session->resolving)
		uv_cancel((uv_req_t *)&session->attempt->resolve);
}

bool upstream_socket_path(const char *dir, uint16_t port, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/.s.PGSQL.%u", dir, port);
	return len >= 0 && (size_t)len < size && (size_t)len < sizeof(((struct sockaddr_un *)0)->sun_path);
}

bool upstream_probe(const struct settings_address *address, unsigned timeout_ms, char *reason, size_t size)
{
	int fd = upstream_probe_open(address, timeout_ms, reason, size);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int upstream_probe_open(const struct settings_address *address, unsigned timeout_ms, char *reason, size_t size)
{
	if (address->host[0] == '/') {
		struct sockaddr_un local = {.sun_family = AF_UNIX};
		if (!upstream_socket_path(address->host, address->port, local.sun_path, sizeof local.sun_path)) {
			snprintf(reason, size, "the socket's path is too long");
			return -1;
		}
		return upstream_probe_socket(AF_UNIX, (struct sockaddr *)&local, sizeof local, timeout_ms, reason,
		                             size);
	}
	char port[8];
	snprintf(port, sizeof port, "%u", address->port);
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int status = getaddrinfo(address->host, port, &hints, &found);
	if (status != 0) {
		snprintf(reason, size, "%s", gai_strerror(status));
		return -1;
	}
	int fd = -1;
	for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
		fd = upstream_probe_socket(at->ai_family, at->ai_addr, at->ai_addrlen, timeout_ms, reason, size);
	freeaddrinfo(found);
	return fd;
}

static int upstream_connect_tcp(struct upstream_attempt *attempt, const struct sockaddr *address)
{
	struct session *session = attempt->session;
	int status = link_init(&session->server, &session->worker->loop, LINK_TCP, &session->worker->scratch,
	                       &upstream_link_events, session);
	if (status < 0)
		return status;
	return uv_tcp_connect(&attempt->connect, &session->server.uv.tcp, address, upstream_on_connected);
}

static int upstream_connect_unix(struct upstream_attempt *attempt, const struct settings_address *upstream)
{
	struct session *session = attempt->session;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	if (!upstream_socket_path(upstream->host, upstream->port, path, sizeof path))
		return UV_ENAMETOOLONG;
	int status = link_init(&session->server, &session->worker->loop, LINK_UNIX, &session->worker->scratch,
	                       &upstream_link_events, session);
	if (status < 0)
		return status;
	uv_pipe_connect(&attempt->connect, &session->server.uv.pipe, path, upstream_on_connected);
	return 0;
}

/* The session may have ended while its upstream's name was looked up; then this is what it still waited for. */
static void upstream_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct upstream_attempt *attempt = request->data;
	attempt->session->resolving = false;
	attempt->found = attempt->next = found;
	if (status == 0)
		status = upstream_connect_next(attempt);
	if (status < 0)
		upstream_finish(attempt, status);
}

/* "localhost" is often two addresses, with a server on one of them. */
static int upstream_connect_next(struct upstream_attempt *attempt)
{
	if (attempt->session->phase != SESSION_CONNECTING)
		return UV_ECANCELED;
	const struct sockaddr *address = attempt->next->ai_addr;
	attempt->next = attempt->next->ai_next;
	attempt->status = upstream_connect_tcp(attempt, address);
	if (attempt->status == 0 || !attempt->next || attempt->session->server.state != LINK_OPEN)
		return attempt->status;
	link_close(&attempt->session->server);
	return 0;
}

static void upstream_on_connected(uv_connect_t *request, int status)
{
	struct upstream_attempt *attempt = request->data;
	struct session *session = attempt->session;
	attempt->status = status;
	if (status < 0 && attempt->next && session->phase == SESSION_CONNECTING)
		link_close(&session->server);
	else
		upstream_finish(attempt, status);
}

/* One address did not answer: now that its socket is closed, the link is free for the next. */
static void upstream_on_closed(struct link *link)
{
	struct session *session = link->owner;
	struct upstream_attempt *attempt = session->attempt;
	int status = upstream_connect_next(attempt);
	if (status < 0)
		upstream_finish(attempt, status);
}

static void upstream_finish(struct upstream_attempt *attempt, int status)
{
	struct session *session = attempt->session;
	upstream_done_fn *done = attempt->done;
	session->server.events = attempt->events;
	session->attempt = NULL;
	uv_freeaddrinfo(attempt->found);
	free(attempt);
	done(session, status);
}

static int upstream_probe_socket(int family, const struct sockaddr *address, socklen_t address_len, unsigned timeout_ms,
                                 char *reason, size_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(reason, size, "%s", strerror(errno));
		return -1;
	}
	int error = connect(fd, address, address_len) == 0 ? 0 : errno;
	if (error == EINPROGRESS) {
		struct pollfd waiting = {.fd = fd, .events = POLLOUT};
		socklen_t error_len = sizeof error;
		if (poll(&waiting, 1, (int)timeout_ms) != 1)
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
			error = errno;
	}
	if (error == 0)
		return fd;
	close(fd);
	snprintf(reason, size, "%s", strerror(error));
	return -1;
}
