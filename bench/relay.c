/* A bare libuv byte relay: what a TCP proxy on this event loop costs that looks at nothing. One thread, one read and
 * one write per direction and wake-up. The yardstick for pgproctor's own relay, nothing else.
 *
 *      bench_relay LISTEN_PORT UPSTREAM      on 127.0.0.1; UPSTREAM is a port there or the path of a unix socket */
#include "config/check.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair;

struct side {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct pair *pair;
	struct side *other;
	uv_write_t write;
	char *waiting; /* what the socket did not take, until it has; the other side is not read meanwhile */
};

struct pair {
	struct side client, server;
	uv_connect_t connect;
	unsigned closed;
};

static uv_loop_t *loop;
static struct sockaddr_in upstream;
static const char *upstream_path; /* NULL: TCP */
static char scratch[64 * 1024];

static void on_connection(uv_stream_t *listener, int status);
static void on_connected(uv_connect_t *connect, int status);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);
static void on_written(uv_write_t *write, int status);
static void pair_close(struct pair *pair);
static void on_closed(uv_handle_t *handle);

int main(int count, char **arguments)
{
	uv_tcp_t listener;
	struct sockaddr_in own;

	if (count != 3) {
		fprintf(stderr, "usage: bench_relay LISTEN_PORT UPSTREAM_PORT|PATH\n");
		return 2;
	}
	loop = uv_default_loop();
	if (arguments[2][0] == '/')
		upstream_path = arguments[2];
	if (uv_ip4_addr("127.0.0.1", (int)strtol(arguments[1], NULL, 10), &own) < 0 ||
	    uv_ip4_addr("127.0.0.1", (int)strtol(arguments[2], NULL, 10), &upstream) < 0 ||
	    uv_tcp_init(loop, &listener) < 0 || uv_tcp_bind(&listener, (const struct sockaddr *)&own, 0) < 0 ||
	    uv_listen((uv_stream_t *)&listener, 512, on_connection) < 0) {
		fprintf(stderr, "bench_relay: cannot listen\n");
		return 1;
	}
	return uv_run(loop, UV_RUN_DEFAULT);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	CHECK(pair && status == 0);
	pair->client.pair = pair->server.pair = pair;
	pair->client.other = &pair->server;
	pair->server.other = &pair->client;
	CHECK(uv_tcp_init(loop, &pair->client.uv.tcp) == 0);
	if (upstream_path)
		CHECK(uv_pipe_init(loop, &pair->server.uv.pipe, 0) == 0);
	else
		CHECK(uv_tcp_init(loop, &pair->server.uv.tcp) == 0);
	pair->client.uv.handle.data = &pair->client;
	pair->server.uv.handle.data = &pair->server;
	if (uv_accept(listener, &pair->client.uv.stream) < 0) {
		pair_close(pair);
		return;
	}
	uv_tcp_nodelay(&pair->client.uv.tcp, 1);
	if (upstream_path)
		uv_pipe_connect(&pair->connect, &pair->server.uv.pipe, upstream_path, on_connected);
	else if (uv_tcp_connect(&pair->connect, &pair->server.uv.tcp, (const struct sockaddr *)&upstream,
	                        on_connected) < 0)
		pair_close(pair);
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct side *server = connect->handle->data;
	struct side *client = server->other;

	if (status < 0) {
		if (!uv_is_closing(&server->uv.handle))
			pair_close(server->pair);
		return;
	}
	if (!upstream_path)
		uv_tcp_nodelay(&server->uv.tcp, 1);
	CHECK(uv_read_start(&client->uv.stream, on_alloc, on_read) == 0);
	CHECK(uv_read_start(&server->uv.stream, on_alloc, on_read) == 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	(void)handle;
	(void)suggested;
	*buffer = uv_buf_init(scratch, sizeof(scratch));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct side *from = stream->data, *to = from->other;
	uv_buf_t piece;
	int wrote;

	if (count == 0)
		return;
	if (count < 0) {
		pair_close(from->pair);
		return;
	}
	piece = uv_buf_init(buffer->base, (unsigned)count);
	wrote = uv_try_write(&to->uv.stream, &piece, 1);
	if (wrote == count)
		return;
	if (wrote < 0 && wrote != UV_EAGAIN) {
		pair_close(from->pair);
		return;
	}
	if (wrote < 0)
		wrote = 0;
	to->waiting = malloc((size_t)(count - wrote));
	CHECK(to->waiting);
	memcpy(to->waiting, buffer->base + wrote, (size_t)(count - wrote));
	piece = uv_buf_init(to->waiting, (unsigned)(count - wrote));
	uv_read_stop(stream);
	CHECK(uv_write(&to->write, &to->uv.stream, &piece, 1, on_written) == 0);
}

static void on_written(uv_write_t *write, int status)
{
	struct side *to = write->handle->data;

	free(to->waiting);
	to->waiting = NULL;
	if (status == 0 && !uv_is_closing(&to->other->uv.handle))
		CHECK(uv_read_start(&to->other->uv.stream, on_alloc, on_read) == 0);
}

static void pair_close(struct pair *pair)
{
	if (uv_is_closing(&pair->client.uv.handle))
		return;
	uv_close(&pair->client.uv.handle, on_closed);
	uv_close(&pair->server.uv.handle, on_closed);
}

static void on_closed(uv_handle_t *handle)
{
	struct side *side = handle->data;

	if (++side->pair->closed == 2)
		free(side->pair);
}
