#include "proxy/login/probe.h"

#include "proxy/login/handshake.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct probe {
	int fd;
	int64_t deadline_ms;
	struct tls *tls;
	struct buffer output;
};

static const char *probe_handshake(struct probe *probe, const struct settings *settings, const struct tls_pair *pair);
static ssize_t probe_receive(struct probe *probe, uint8_t *to, size_t size);
static bool probe_send(struct probe *probe, const void *data, size_t len);
static int64_t probe_now_ms(void);

enum probe_finding probe_tls(int fd, const struct settings *settings, const struct tls_pair *pair, unsigned timeout_ms,
                             char *reason, size_t size)
{
	struct probe probe = {.fd = fd, .deadline_ms = probe_now_ms() + timeout_ms};
	const char *error = probe_handshake(&probe, settings, pair);
	enum probe_finding finding = PROBE_FINE;
	if (error) {
		snprintf(reason, size, "%s", error);
		finding = PROBE_REFUSED;
	} else if (probe.tls && pair->client && !tls_peer_shows(probe.tls, pair->client)) {
		finding = PROBE_DIFFERS;
	}
	if (probe.tls && tls_is_open(probe.tls)) {
		tls_shutdown(probe.tls);
		(void)probe_send(&probe, probe.output.data, probe.output.len);
	}
	tls_free(probe.tls);
	buffer_free(&probe.output);
	close(fd);
	return finding;
}

/* NULL, or why it failed; probe->tls stays NULL where the server declines and may. */
static const char *probe_handshake(struct probe *probe, const struct settings *settings, const struct tls_pair *pair)
{
	uint8_t answer[2], wire[16 * 1024], plain[1024];
	ssize_t answered = probe_send(probe, handshake_ssl_request, sizeof handshake_ssl_request)
	                       ? probe_receive(probe, answer, sizeof answer)
	                       : -1;
	if (answered <= 0)
		return "the server closes the connection, or does not answer the SSL request";
	if (answer[0] != 'S' && answer[0] != 'N')
		return "the server answered the SSL request with an error";
	if (answered > 1)
		return "the server sent unencrypted data after its answer to the SSL request";
	if (answer[0] == 'N')
		return settings->server_tls.mode >= SETTINGS_TLS_REQUIRE
		           ? "the server offers no SSL, and server_tls_sslmode demands it"
		           : NULL;
	probe->tls = tls_new_client(pair->server, settings->upstream.host, &probe->output);
	while (!tls_is_open(probe->tls)) {
		if (!probe_send(probe, probe->output.data, probe->output.len))
			return "SSL handshake: the connection broke";
		probe->output.len = 0;
		ssize_t count = probe_receive(probe, wire, sizeof wire);
		if (count <= 0)
			return "SSL handshake: the server closes the connection, or does not answer";
		tls_feed(probe->tls, (struct bytes){wire, (size_t)count});
		size_t len;
		enum tls_event event;
		do
			event = tls_read(probe->tls, plain, sizeof plain, &len);
		while (event == TLS_OPEN || event == TLS_DATA);
		if (event == TLS_BROKEN)
			return tls_error(probe->tls);
	}
	bool sent = probe_send(probe, probe->output.data, probe->output.len);
	probe->output.len = 0;
	return sent ? NULL : "SSL handshake: the connection broke";
}

static ssize_t probe_receive(struct probe *probe, uint8_t *to, size_t size)
{
	int64_t left_ms = probe->deadline_ms - probe_now_ms();
	struct pollfd waiting = {.fd = probe->fd, .events = POLLIN};
	if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) != 1)
		return -1;
	return recv(probe->fd, to, size, 0);
}

/* A handshake fits the socket's buffer. */
static bool probe_send(struct probe *probe, const void *data, size_t len)
{
	return len == 0 || send(probe->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int64_t probe_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
