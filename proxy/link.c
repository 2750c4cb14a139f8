#include "proxy/link.h"

#include "config/limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system's own calls: see link_try_send. What threads tell each other through a socket ThreadSanitizer knows only by
 * the C library's. */
#ifdef __SANITIZE_THREAD__
#define LINK_SEND send
#define LINK_SENDMSG sendmsg
#define LINK_RECV recv
#else
#define LINK_SEND(fd, from, len, flags) syscall(SYS_sendto, fd, from, len, flags, NULL, 0)
#define LINK_SENDMSG(fd, message, flags) syscall(SYS_sendmsg, fd, message, flags)
#define LINK_RECV(fd, to, size, flags) syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL)
#endif

static_assert(sizeof(((struct link_scratch *)0)->bytes) == LIMIT_READ_BYTES, "the scratch is one read");

/* What came in spite of link_read(link, false): at most one receive. */
struct link_unread {
	size_t len;
	int status;
	uint8_t bytes[];
};

enum {
	/* What may wait in both buffers together: the high water mark, and what one more read of the other side, or
	 * one message held for inspection, adds to it, encrypted; and 500 rejections in place of errors that came in
	 * one read. A peer that makes it more is given up. */
	LINK_WAITING_BYTES_MAX = LIMIT_QUEUE_HIGH_BYTES + 3 * LIMIT_INSPECT_BYTES,
	/* One read and the record that an earlier one began are, decrypted, one callback's data. */
	LINK_READ_ENCRYPTED_BYTES = LIMIT_READ_BYTES - TLS_RECORD_BYTES - TLS_RECORD_OVERHEAD_BYTES,
};

static_assert((int)LIMIT_RECEIVE_BYTES <= (int)LINK_READ_ENCRYPTED_BYTES, "any receive can be decrypted");

static void link_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void link_on_readable(uv_stream_t *stream, ssize_t status, const uv_buf_t *none);
static void link_on_written(uv_write_t *request, int status);
static void link_on_shutdown(uv_shutdown_t *request, int status);
static void link_on_close(uv_handle_t *handle);
static void link_input(struct link *link, struct bytes input, int status);
static void link_on_received(struct ring_side *side, struct bytes input, int status);
static void link_on_woken(struct ring_side *side);
static void link_on_unsent(struct ring_side *side, struct bytes rest, int status);
static void link_receive(struct link *link);
static void link_send(struct link *link, const uv_buf_t *pieces, unsigned count);
static bool link_stage(struct link *link, const uv_buf_t *pieces, unsigned count);
static void link_send_staged(struct link *link);
static void link_send_now(struct link *link, const uv_buf_t *pieces, unsigned count);
static void link_queue(struct link *link, const uv_buf_t *pieces, unsigned count, size_t taken);
static struct link *link_of(struct ring_side *side);
static ssize_t link_try_send(struct link *link, const uv_buf_t *pieces, unsigned count);
static uv_os_fd_t link_fd(struct link *link);
static bool link_encrypt(struct link *link, const uv_buf_t *pieces, unsigned count);
static void link_send_output(struct link *link);
static void link_decrypt(struct link *link, struct bytes input);
static void link_end(struct link *link, int status);
static void link_flush(struct link *link);
static void link_break(struct link *link, int status);
static void link_shutdown_now(struct link *link);
static void link_finish(struct link *link);

const struct ring_events link_ring_events = {
    .on_received = link_on_received,
    .on_woken = link_on_woken,
    .on_unsent = link_on_unsent,
};

int link_init(struct link *link, uv_loop_t *loop, enum link_transport transport, struct link_scratch *scratch,
              const struct link_events *events, void *owner)
{
	*link = (struct link){.side.fd = -1, .scratch = scratch, .events = events, .owner = owner};
	int status = transport == LINK_TCP ? uv_tcp_init(loop, &link->uv.tcp) : uv_pipe_init(loop, &link->uv.pipe, 0);
	if (status < 0)
		return status;
	link->uv.handle.data = link;
	link->write.data = link;
	link->shutdown.data = link;
	link->state = LINK_OPEN;
	return 0;
}

void link_tune(struct link *link, const struct settings_keepalive *keepalive)
{
	if (link->uv.handle.type != UV_TCP)
		return;
	uv_tcp_nodelay(&link->uv.tcp, 1);
	/* uv_tcp_keepalive gives a connection up after ten seconds without an answer, which a switch takes to restart.
	 */
	const struct {
		int level, name;
		uint32_t value;
	} options[] = {
	    {SOL_SOCKET, SO_KEEPALIVE, keepalive->on},
	    {IPPROTO_TCP, TCP_KEEPIDLE, keepalive->idle_s},
	    {IPPROTO_TCP, TCP_KEEPINTVL, keepalive->interval_s},
	    {IPPROTO_TCP, TCP_KEEPCNT, keepalive->probes},
	};
	uv_os_fd_t fd = link_fd(link);
	for (size_t at = 0; at < ARRAY_LEN(options) && keepalive->on; at++) {
		int value = (int)options[at].value;
		/* A value that is too large for the system leaves its own. */
		if (value > 0)
			(void)setsockopt(fd, options[at].level, options[at].name, &value, sizeof value);
	}
}

void link_read_turn(struct link *link, bool on)
{
	if (link->state != LINK_OPEN || link->ended)
		return;
	link->reading = on;
	if (link->scratch->ring)
		link_receive(link);
	else if (!on)
		uv_read_stop(&link->uv.stream);
	else if (uv_read_start(&link->uv.stream, link_on_alloc, link_on_readable) < 0)
		link->reading = false;
}

void link_write(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	if (link->state != LINK_OPEN || link->broken || link->shutdown_wanted)
		return;
	if (!link->tls) {
		link_send(link, pieces, count);
		return;
	}
	bool encrypted = link_encrypt(link, pieces, count);
	link_send_output(link);
	if (!encrypted)
		link_break(link, UV_EPROTO);
}

static void link_send(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	if (link->scratch->ring) {
		if (ring_gathers(link->scratch->ring) && link_stage(link, pieces, count))
			return;
		link_send_staged(link);
	}
	link_send_now(link, pieces, count);
}

static bool link_stage(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	size_t len = 0;
	for (unsigned at = 0; at < count; at++)
		len += pieces[at].len;
	return len <= RING_STAGED_BYTES_MAX && !link->writing && link->queued.len == 0 && link_fd(link) >= 0 &&
	       ring_stage(link->scratch->ring, &link->side, pieces, count, len);
}

/* Before anything that must not overtake it. */
static void link_send_staged(struct link *link)
{
	if (!link->side.staged)
		return;
	struct bytes staged = ring_unstage(link->scratch->ring, &link->side);
	uv_buf_t piece = uv_buf_init((char *)staged.data, (unsigned)staged.len);
	link_send_now(link, &piece, 1);
}

static void link_on_unsent(struct ring_side *side, struct bytes rest, int status)
{
	struct link *link = link_of(side);
	const uv_buf_t piece = uv_buf_init((char *)rest.data, (unsigned)rest.len);
	if (link->state != LINK_OPEN || link->broken)
		return;
	if (status == UV_EAGAIN || status == UV_ENOBUFS)
		link_queue(link, &piece, 1, 0);
	else
		link_break(link, status);
}

static void link_send_now(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	size_t taken = 0;
	if (!link->writing && link->queued.len == 0) {
		ssize_t wrote = link_try_send(link, pieces, count);
		if (wrote < 0 && wrote != UV_EAGAIN) {
			link_break(link, (int)wrote);
			return;
		}
		taken = wrote > 0 ? (size_t)wrote : 0;
	}
	link_queue(link, pieces, count, taken);
}

/* All but the first `taken` bytes. */
static void link_queue(struct link *link, const uv_buf_t *pieces, unsigned count, size_t taken)
{
	size_t left = 0;
	for (unsigned at = 0; at < count; at++)
		left += pieces[at].len;
	if (left == taken)
		return;
	if (link->queued.len + left - taken > LINK_WAITING_BYTES_MAX) {
		link_break(link, UV_ENOBUFS);
		return;
	}
	for (unsigned at = 0; at < count; at++) {
		size_t skip = taken < pieces[at].len ? taken : pieces[at].len;
		taken -= skip;
		if (skip < pieces[at].len)
			buffer_put(&link->queued, pieces[at].base + skip, pieces[at].len - skip,
			           LINK_WAITING_BYTES_MAX);
	}
	if (link->queued.len > 0)
		link_flush(link);
}

/* What uv_try_write does, by send(2): write(2) takes its way through what sockets share with files, a fiftieth of a small
 * message's time. And not by the C library's: in a program with threads that is a point where this one could be cancelled,
 * which is prepared and undone each time. */
static ssize_t link_try_send(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	uv_os_fd_t fd = link_fd(link);
	/* libuv lays uv_buf_t out as struct iovec, and says so. */
	const struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
	ssize_t sent;
	do {
		sent = count == 1 ? LINK_SEND(fd, pieces->base, pieces->len, MSG_NOSIGNAL)
		                  : LINK_SENDMSG(fd, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == ENOBUFS ? UV_EAGAIN : uv_translate_sys_error(errno);
}

static uv_os_fd_t link_fd(struct link *link)
{
	if (link->side.fd < 0 && uv_fileno(&link->uv.handle, &link->side.fd) < 0)
		link->side.fd = -1;
	return link->side.fd;
}

bool link_full(const struct link *link)
{
	return link->above_high;
}

void link_secure(struct link *link, struct tls *tls, struct bytes early)
{
	CHECK(!link->tls);
	link->tls = tls;
	link_send_output(link);
	if (early.len > 0 || link_error(link)[0])
		link_decrypt(link, early);
}

const char *link_error(const struct link *link)
{
	return link->tls ? tls_error(link->tls) : "";
}

void link_shutdown(struct link *link)
{
	if (link->state != LINK_OPEN || link->broken || link->shutdown_wanted)
		return;
	if (link->tls) {
		tls_shutdown(link->tls);
		link_send_output(link);
	}
	link_send_staged(link);
	link->shutdown_wanted = true;
	if (!link->writing)
		link_shutdown_now(link);
}

bool link_is_reset(struct link *link)
{
	if (link->state != LINK_OPEN || link->uv.handle.type != UV_TCP || link_fd(link) < 0)
		return false;
	if (link->unread && link->unread->status < 0)
		return true;
	struct pollfd state = {.fd = link_fd(link)};
	return poll(&state, 1, 0) == 1 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

void link_reset(struct link *link)
{
	const struct linger none = {.l_onoff = 1};
	if (link->state == LINK_OPEN && link->uv.handle.type == UV_TCP)
		(void)setsockopt(link_fd(link), SOL_SOCKET, SO_LINGER, &none, sizeof none);
	link_close(link);
}

void link_close(struct link *link)
{
	if (link->state != LINK_OPEN)
		return;
	if (link->side.staged) {
		struct bytes staged = ring_unstage(link->scratch->ring, &link->side);
		uv_buf_t piece = uv_buf_init((char *)staged.data, (unsigned)staged.len);
		if (!link->broken)
			(void)link_try_send(link, &piece, 1);
	}
	/* Who is left without a word about the end takes it for an attack, or logs it as one. Behind bytes that wait it
	 * would come too late. */
	if (link->tls && !link->broken && !link->writing && link->queued.len == 0) {
		tls_shutdown(link->tls);
		struct buffer *output = &link->scratch->output;
		uv_buf_t piece = uv_buf_init((char *)output->data, (unsigned)output->len);
		if (output->len > 0)
			(void)link_try_send(link, &piece, 1);
		output->len = 0;
	}
	link->state = LINK_CLOSING;
	link->reading = false;
	if (link->scratch->ring)
		ring_cancel(link->scratch->ring, &link->side);
	uv_close(&link->uv.handle, link_on_close);
}

bool link_gone(const struct link *link)
{
	return link->state == LINK_NONE || link->state == LINK_CLOSED;
}

/* A buffer of nothing makes libuv leave the reading to the callback, which gets UV_ENOBUFS: it would use read(2), of
 * which the same is true as of write(2). */
static void link_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	(void)handle;
	(void)suggested;
	*buffer = uv_buf_init(NULL, 0);
}

static void link_on_readable(uv_stream_t *stream, ssize_t status, const uv_buf_t *none)
{
	struct link *link = stream->data;
	(void)none;
	if (status != UV_ENOBUFS) {
		link_input(link, (struct bytes){NULL, 0}, status == UV_EOF ? 0 : (int)status);
		return;
	}
	uint8_t *bytes = link->scratch->bytes;
	size_t size = link->tls ? LINK_READ_ENCRYPTED_BYTES : sizeof link->scratch->bytes;
	ssize_t count = LINK_RECV(link_fd(link), bytes, size, 0);
	if (count >= 0)
		link_input(link, (struct bytes){bytes, (size_t)count}, 0);
	else if (errno != EAGAIN && errno != EINTR)
		link_input(link, (struct bytes){NULL, 0}, uv_translate_sys_error(errno));
}

/* Nothing is the end. */
static void link_input(struct link *link, struct bytes input, int status)
{
	if (input.len == 0)
		link_end(link, status);
	else if (link->tls)
		link_decrypt(link, input);
	else
		link->events->on_data(link, input);
}

static struct link *link_of(struct ring_side *side)
{
	return (struct link *)((char *)side - offsetof(struct link, side));
}

/* A receive cannot be called back in time, so one may end when nobody reads any more; then its input waits. */
static void link_on_received(struct ring_side *side, struct bytes input, int status)
{
	struct link *link = link_of(side);
	if (link->state != LINK_OPEN) {
		link_finish(link);
		return;
	}
	if (!link->reading) {
		link->unread = malloc(sizeof *link->unread + input.len);
		CHECK(link->unread != NULL);
		link->unread->len = input.len;
		link->unread->status = status;
		if (input.len > 0)
			memcpy(link->unread->bytes, input.data, input.len);
		return;
	}
	link_input(link, input, status);
	link_receive(link);
}

static void link_on_woken(struct ring_side *side)
{
	struct link *link = link_of(side);
	struct link_unread *unread = link->unread;
	if (link->state != LINK_OPEN) {
		link_finish(link);
		return;
	}
	if (!link->reading)
		return;
	link->unread = NULL;
	link_input(link, (struct bytes){unread->bytes, unread->len}, unread->status);
	free(unread);
	link_receive(link);
}

/* Has the ring bring what comes next, when that is wanted and not under way. */
static void link_receive(struct link *link)
{
	if (link->state != LINK_OPEN || !link->reading || link->ended || !ring_is_idle(&link->side))
		return;
	if (link->unread)
		ring_wake(link->scratch->ring, &link->side);
	else if (link_fd(link) >= 0)
		ring_receive(link->scratch->ring, &link->side);
}

static void link_end(struct link *link, int status)
{
	/* Harmless where libuv does not read. */
	uv_read_stop(&link->uv.stream);
	link->reading = false;
	link->ended = true;
	if (status < 0)
		link->broken = true;
	link->events->on_end(link, status);
}

/* Small pieces share a record: each costs the peer a decryption, and 22 bytes on the wire. */
static bool link_encrypt(struct link *link, const uv_buf_t *pieces, unsigned count)
{
	uint8_t *gather = link->scratch->gather;
	size_t gathered = 0;
	bool ok = true;
	for (unsigned at = 0; at < count && ok; at++) {
		const char *from = pieces[at].base;
		for (size_t left = pieces[at].len; left > 0 && ok;) {
			size_t room = TLS_RECORD_BYTES - gathered;
			size_t len = left < room ? left : room;
			memcpy(gather + gathered, from, len);
			gathered += len;
			from += len;
			left -= len;
			if (gathered == TLS_RECORD_BYTES) {
				ok = tls_write(link->tls, gather, gathered);
				gathered = 0;
			}
		}
	}
	return ok && tls_write(link->tls, gather, gathered);
}

static void link_send_output(struct link *link)
{
	struct buffer *output = &link->scratch->output;
	uv_buf_t piece = uv_buf_init((char *)output->data, (unsigned)output->len);
	if (output->len > 0 && link->state == LINK_OPEN && !link->broken && !link->shutdown_wanted)
		link_send(link, &piece, 1);
	output->len = 0;
}

static void link_decrypt(struct link *link, struct bytes input)
{
	uint8_t *plain = link->scratch->plain;
	size_t plain_len = 0, len;
	enum tls_event event;
	tls_feed(link->tls, input);
	while ((event = tls_read(link->tls, plain + plain_len, sizeof link->scratch->plain - plain_len, &len)) ==
	           TLS_DATA ||
	       event == TLS_OPEN) {
		plain_len += len;
		CHECK(plain_len < sizeof link->scratch->plain);
		if (event != TLS_OPEN)
			continue;
		/* The handshake's last message goes first: what the callback writes comes behind it. */
		link_send_output(link);
		if (link->state == LINK_OPEN && !link->broken)
			link->events->on_secure(link);
		if (link->state != LINK_OPEN)
			return;
	}
	/* Whoever makes us answer without ever reading the answers (refused renegotiations) doesn't fill our memory. */
	bool flooded = link->scratch->output.len > 0 && link->above_high;
	if (flooded)
		link->scratch->output.len = 0;
	link_send_output(link);
	if (plain_len > 0 && link->state == LINK_OPEN)
		link->events->on_data(link, (struct bytes){plain, plain_len});
	if (link->state != LINK_OPEN || link->ended)
		return;
	if (event == TLS_BROKEN || flooded)
		link_end(link, UV_EPROTO);
	else if (event == TLS_END)
		link_end(link, 0);
}

/* Hands what is queued to libuv, one write at a time: its memory must stay where it is until that is done. */
static void link_flush(struct link *link)
{
	if (link->sent.len + link->queued.len > LIMIT_QUEUE_HIGH_BYTES)
		link->above_high = true;
	if (link->writing)
		return;
	link->sent = link->queued;
	link->queued = (struct buffer){0};
	uv_buf_t whole = uv_buf_init((char *)link->sent.data, (unsigned)link->sent.len);
	link->writing = true;
	int status = uv_write(&link->write, &link->uv.stream, &whole, 1, link_on_written);
	if (status < 0) {
		link->writing = false;
		link_break(link, status);
	}
}

static void link_on_written(uv_write_t *request, int status)
{
	struct link *link = request->data;
	link->writing = false;
	buffer_free(&link->sent);
	if (link->state != LINK_OPEN)
		return;
	if (status < 0) {
		link_break(link, status);
		return;
	}
	if (link->queued.len > 0)
		link_flush(link);
	else if (link->shutdown_wanted)
		link_shutdown_now(link);
	if (link->above_high && link->sent.len + link->queued.len <= LIMIT_QUEUE_LOW_BYTES) {
		link->above_high = false;
		link->events->on_drained(link);
	}
}

static void link_shutdown_now(struct link *link)
{
	if (uv_shutdown(&link->shutdown, &link->uv.stream, link_on_shutdown) < 0)
		link_break(link, UV_ENOTCONN);
}

static void link_on_shutdown(uv_shutdown_t *request, int status)
{
	struct link *link = request->data;
	(void)status; /* a peer that is gone already is as good as told */
	if (link->state == LINK_OPEN)
		link->events->on_sent(link);
}

static void link_break(struct link *link, int status)
{
	if (link->broken)
		return;
	link->broken = true;
	link->events->on_broken(link, status);
}

static void link_on_close(uv_handle_t *handle)
{
	struct link *link = handle->data;
	link->handle_closed = true;
	link_finish(link);
}

static void link_finish(struct link *link)
{
	if (!link->handle_closed || !ring_is_idle(&link->side))
		return;
	link->state = LINK_CLOSED;
	free(link->unread);
	link->unread = NULL;
	tls_free(link->tls);
	link->tls = NULL;
	buffer_free(&link->sent);
	buffer_free(&link->queued);
	link->events->on_closed(link);
}
