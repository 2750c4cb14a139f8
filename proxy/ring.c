#include "proxy/ring.h"

#include "config/limits.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Since Linux 6.15: a wait that is no iowait, which top would show as a busy disk, and which keeps an idle processor from
 * sleeping as it would. */
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

enum {
	RING_ENTRIES = 1024,
	RING_COMPLETIONS = 8192,
	RING_STAGED_MAX = 512,
	RING_ARENA_BYTES = 256 * 1024,
	/* Two sizes: most receives are a few hundred bytes, and a stream of small buffers would be twice the work. The
	 * kernel hands them out in turn; with a stride that is no power of two they don't share the same few lines of
	 * the processor's cache. */
	RING_SMALL = 0,
	RING_SMALL_COUNT = 64, /* Linux brings some twenty completions a turn */
	RING_SMALL_BYTES = 8 * 1024,
	RING_LARGE = 1,
	RING_LARGE_COUNT = 16,
	RING_STRIDE_EXTRA = 192,
};

/* What a completion is of, in the low bits of its user_data; of a receive the rest is the side. */
enum ring_kind { RING_KIND_RECEIVE, RING_KIND_SEND, RING_KIND_LOOP, RING_KIND_CANCEL, RING_KIND_MASK = 3 };

struct ring_buffers {
	struct io_uring_buf_ring *ring;
	uint8_t *memory;
	uint16_t group, count, given; /* given back, but not told yet */
	uint32_t bytes;
};

struct ring_staged {
	struct ring_side *side; /* NULL: taken back */
	uint32_t at, len;       /* in the arena */
	int32_t result;         /* what the socket took, or -errno */
};

struct ring {
	struct io_uring uring;
	const struct ring_events *events;
	struct ring_buffers small, large;
	struct ring_side *first, **last; /* asked for; first in, first out */
	uint32_t under_way;              /* sides that are not idle */
	unsigned received;               /* by this turn; 0 outside of it */
	bool enabled, loop_polled, loop_ready;
	unsigned enter_flags;
	uint16_t staged_count;
	uint32_t arena_used;
	struct ring_staged staged[RING_STAGED_MAX];
	uint8_t arena[RING_ARENA_BYTES];
};

static_assert((int)RING_STAGED_BYTES_MAX <= (int)RING_ARENA_BYTES, "a message fits");

static bool ring_sends_as_told(void);
static int32_t ring_try_send(struct io_uring *uring, int fd, const void *data, size_t len);
static bool ring_buffers_init(struct ring *ring, struct ring_buffers *buffers, uint16_t group, uint16_t count,
                              uint32_t bytes);
static uint8_t *ring_buffers_at(const struct ring_buffers *buffers, uint16_t id);
static void ring_buffers_put(struct ring_buffers *buffers, uint16_t id);
static void ring_buffers_tell(struct ring_buffers *buffers);
static void ring_list(struct ring *ring, struct ring_side *side);
static bool ring_ask(struct ring *ring, uv_loop_t *loop);
static void ring_prepare_send(struct io_uring_sqe *entry, int fd, const void *data, size_t len);
static bool ring_ask_side(struct ring *ring, struct ring_side *side);
static struct io_uring_sqe *ring_entry(struct ring *ring);
static bool ring_enter(struct ring *ring, int timeout_ms);
static void ring_settle_sends(struct ring *ring);
static void ring_complete(struct ring *ring);
static void ring_on_receive(struct ring *ring, const struct io_uring_cqe *completion);
static void ring_over(struct ring *ring, struct ring_side *side);

struct ring *ring_new(const struct ring_events *events, char *reason, size_t reason_size)
{
#ifdef __SANITIZE_THREAD__
	snprintf(reason, reason_size, "ThreadSanitizer does not see what the kernel does in our place");
	return NULL;
#endif
	struct ring *ring = calloc(1, sizeof *ring);
	CHECK(ring != NULL);
	ring->events = events;
	ring->last = &ring->first;
	/* Enabled by the thread that it is for. */
	struct io_uring_params params = {
	    .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
	             IORING_SETUP_CQSIZE,
	    .cq_entries = RING_COMPLETIONS,
	};
	int status = io_uring_queue_init_params(RING_ENTRIES, &ring->uring, &params);
	if (status < 0) {
		snprintf(reason, reason_size, "%s",
		         status == -EINVAL ? "needs Linux 6.1"
		         : status == -EPERM || status == -EACCES ? "not permitted (seccomp, or kernel.io_uring_disabled)"
		         : status == -ENOSYS                     ? "this kernel has none"
		                                                 : strerror(-status));
		free(ring);
		return NULL;
	}
	for (unsigned at = 0; at < RING_ENTRIES; at++)
		ring->uring.sq.array[at] = at;
	ring->enter_flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
	if (params.features & IORING_FEAT_NO_IOWAIT)
		ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
	if (!ring_sends_as_told()) {
		snprintf(reason, reason_size, "this kernel's does not tell of short sends");
		ring_free(ring);
		return NULL;
	}
	if (ring_buffers_init(ring, &ring->small, RING_SMALL, RING_SMALL_COUNT, RING_SMALL_BYTES) &&
	    ring_buffers_init(ring, &ring->large, RING_LARGE, RING_LARGE_COUNT, LIMIT_RECEIVE_BYTES))
		return ring;
	snprintf(reason, reason_size, "needs Linux 6.1");
	ring_free(ring);
	return NULL;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	io_uring_queue_exit(&ring->uring);
	free(ring->small.ring);
	free(ring->small.memory);
	free(ring->large.ring);
	free(ring->large.memory);
	free(ring);
}

void ring_run(struct ring *ring, uv_loop_t *loop)
{
	while (ring_turn(ring, loop, true))
		continue;
}

bool ring_turn(struct ring *ring, uv_loop_t *loop, bool wait)
{
	if (!ring->enabled) {
		/* io_uring_enable_rings is missing from liburing 2.3's symbols. */
		int fd = ring->uring.ring_fd;
		CHECK(io_uring_register((unsigned)fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0);
		ring->enabled = true;
	}
	/* What the loop waits for as well: its own descriptor, once it has been told of all that it watches. Until then, as
	 * when a timer is due or a handle closes, uv_backend_timeout is 0. */
	uv_update_time(loop);
	int timeout_ms = uv_backend_timeout(loop);
	if (timeout_ms == 0 || ring->loop_ready) {
		ring->loop_ready = false;
		bool alive = uv_run(loop, UV_RUN_NOWAIT) != 0;
		if (!alive && ring->under_way == 0)
			return false;
		timeout_ms = uv_backend_timeout(loop);
	}
	if (ring_ask(ring, loop) || !wait)
		timeout_ms = 0;
	while (!ring_enter(ring, timeout_ms))
		continue;
	ring_complete(ring);
	return true;
}

void ring_receive(struct ring *ring, struct ring_side *side)
{
	CHECK(side->receive == RING_IDLE);
	side->receive = RING_ASKED;
	ring->under_way++;
	ring_list(ring, side);
}

void ring_wake(struct ring *ring, struct ring_side *side)
{
	CHECK(side->receive == RING_IDLE);
	side->receive = RING_WAKES;
	ring->under_way++;
	ring_list(ring, side);
}

void ring_cancel(struct ring *ring, struct ring_side *side)
{
	if (side->receive == RING_IDLE || side->cancelled)
		return;
	side->cancelled = true;
	if (!side->listed)
		ring_list(ring, side);
}

bool ring_gathers(const struct ring *ring)
{
	return ring->received > 1;
}

bool ring_stage(struct ring *ring, struct ring_side *side, const uv_buf_t *pieces, unsigned count, size_t len)
{
	struct ring_staged *staged;
	if (len > RING_ARENA_BYTES - ring->arena_used)
		return false;
	if (side->staged) {
		staged = &ring->staged[side->staged - 1];
		/* Two sends of one socket in a turn could change places: the first finds it full, the second doesn't. */
		if (staged->at + staged->len != ring->arena_used || staged->len + len > RING_STAGED_BYTES_MAX)
			return false;
	} else {
		if (ring->staged_count == RING_STAGED_MAX)
			return false;
		staged = &ring->staged[ring->staged_count++];
		*staged = (struct ring_staged){.side = side, .at = ring->arena_used};
		side->staged = ring->staged_count;
	}
	for (unsigned at = 0; at < count; at++) {
		memcpy(ring->arena + ring->arena_used, pieces[at].base, pieces[at].len);
		ring->arena_used += (uint32_t)pieces[at].len;
	}
	staged->len += (uint32_t)len;
	return true;
}

struct bytes ring_unstage(struct ring *ring, struct ring_side *side)
{
	if (!side->staged)
		return (struct bytes){NULL, 0};
	struct ring_staged *staged = &ring->staged[side->staged - 1];
	staged->side = NULL;
	side->staged = 0;
	return (struct bytes){ring->arena + staged->at, staged->len};
}

/* A send that was cut short and not told of would lose bytes. So it is tried, on a ring of its own: a socket that takes a
 * part, one that takes nothing, and one that takes all. */
static bool ring_sends_as_told(void)
{
	static uint8_t data[RING_STAGED_BYTES_MAX];
	struct io_uring uring;
	int ends[2], small = 1;
	if (io_uring_queue_init(8, &uring, 0) < 0)
		return false;
	bool good = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0) {
		(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
		int32_t part = ring_try_send(&uring, ends[0], data, sizeof data);
		int32_t none = ring_try_send(&uring, ends[0], data, sizeof data);
		ssize_t got = recv(ends[1], data, sizeof data, 0);
		int32_t all = ring_try_send(&uring, ends[0], data, 1);
		good = part > 0 && part < (int32_t)sizeof data && got == part && none == -EAGAIN && all == INT32_MAX;
		close(ends[0]);
		close(ends[1]);
	}
	io_uring_queue_exit(&uring);
	return good;
}

/* What its completion says; INT32_MAX: there is none. */
static int32_t ring_try_send(struct io_uring *uring, int fd, const void *data, size_t len)
{
	struct io_uring_cqe *completion;
	int32_t said = INT32_MAX;
	ring_prepare_send(io_uring_get_sqe(uring), fd, data, len);
	if (io_uring_submit(uring) == 1 && io_uring_peek_cqe(uring, &completion) == 0) {
		said = completion->res;
		io_uring_cqe_seen(uring, completion);
	}
	return said;
}

static bool ring_buffers_init(struct ring *ring, struct ring_buffers *buffers, uint16_t group, uint16_t count,
                              uint32_t bytes)
{
	*buffers = (struct ring_buffers){.group = group, .count = count, .bytes = bytes};
	size_t size = count * sizeof(struct io_uring_buf);
	void *memory;
	CHECK(posix_memalign(&memory, 4096, size) == 0);
	memset(memory, 0, size);
	buffers->ring = memory;
	size = count * (size_t)(bytes + RING_STRIDE_EXTRA);
	CHECK(posix_memalign(&memory, 4096, size) == 0);
	buffers->memory = memory;
	/* Faulted in now: the kernel hands them out in turn, so that any traffic would touch all of them, and the first
	 * long result wait for it. */
	(void)madvise(memory, size, MADV_POPULATE_WRITE);
	struct io_uring_buf_reg registration = {
	    .ring_addr = (uint64_t)(uintptr_t)buffers->ring,
	    .ring_entries = count,
	    .bgid = group,
	};
	if (io_uring_register_buf_ring(&ring->uring, &registration, 0) != 0)
		return false;
	io_uring_buf_ring_init(buffers->ring);
	for (uint16_t id = 0; id < count; id++)
		ring_buffers_put(buffers, id);
	ring_buffers_tell(buffers);
	return true;
}

static uint8_t *ring_buffers_at(const struct ring_buffers *buffers, uint16_t id)
{
	return buffers->memory + id * (size_t)(buffers->bytes + RING_STRIDE_EXTRA);
}

static void ring_buffers_put(struct ring_buffers *buffers, uint16_t id)
{
	io_uring_buf_ring_add(buffers->ring, ring_buffers_at(buffers, id), buffers->bytes, id,
	                      io_uring_buf_ring_mask(buffers->count), buffers->given++);
}

static void ring_buffers_tell(struct ring_buffers *buffers)
{
	if (buffers->given > 0)
		io_uring_buf_ring_advance(buffers->ring, buffers->given);
	buffers->given = 0;
}

static void ring_list(struct ring *ring, struct ring_side *side)
{
	side->next = NULL;
	side->listed = true;
	*ring->last = side;
	ring->last = &side->next;
}

/* All that is to be in the next system call. True when somebody was called back meanwhile, and may want the loop. */
static bool ring_ask(struct ring *ring, uv_loop_t *loop)
{
	struct ring_side *side;
	bool called = false;
	while ((side = ring->first) != NULL) {
		ring->first = side->next;
		if (!ring->first)
			ring->last = &ring->first;
		side->listed = false;
		called |= ring_ask_side(ring, side);
	}
	for (uint16_t at = 0; at < ring->staged_count; at++) {
		struct ring_staged *staged = &ring->staged[at];
		if (!staged->side)
			continue;
		struct io_uring_sqe *entry = ring_entry(ring);
		ring_prepare_send(entry, staged->side->fd, ring->arena + staged->at, staged->len);
		entry->user_data = (uint64_t)at << 2 | RING_KIND_SEND;
		staged->result = (int32_t)staged->len;
	}
	if (!ring->loop_polled) {
		struct io_uring_sqe *entry = ring_entry(ring);
		io_uring_prep_poll_add(entry, uv_backend_fd(loop), POLLIN);
		entry->user_data = RING_KIND_LOOP;
		ring->loop_polled = true;
	}
	return called;
}

/* No completion when all was sent, so that the wait in the same system call waits for others; one that says how much when
 * not, since with MSG_WAITALL less is a failure. MSG_DONTWAIT: what does not fit now is libuv's. */
static void ring_prepare_send(struct io_uring_sqe *entry, int fd, const void *data, size_t len)
{
	io_uring_prep_send(entry, fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
	entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static bool ring_ask_side(struct ring *ring, struct ring_side *side)
{
	struct io_uring_sqe *entry;
	switch ((enum ring_receive)side->receive) {
	case RING_IDLE:
		return false;
	case RING_WAKES:
		ring_over(ring, side);
		ring->events->on_woken(side);
		return true;
	case RING_ASKED:
		if (side->cancelled) {
			ring_over(ring, side);
			ring->events->on_received(side, (struct bytes){NULL, 0}, UV_ECANCELED);
			return true;
		}
		entry = ring_entry(ring);
		/* Not a multishot one: that waits for something new, and an end or a reset that came together with what it
		 * has just brought is not new. */
		io_uring_prep_recv(entry, side->fd, NULL, 0, 0);
		entry->flags |= IOSQE_BUFFER_SELECT;
		entry->buf_group = side->plenty ? RING_LARGE : RING_SMALL;
		/* Whoever has just been read has seldom more to say at once, so an attempt would be in vain. */
		if (!side->plenty)
			entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
		entry->user_data = (uint64_t)(uintptr_t)side | RING_KIND_RECEIVE;
		side->receive = RING_RECEIVES;
		return false;
	case RING_RECEIVES:
		if (!side->cancelled)
			return false;
		entry = ring_entry(ring);
		io_uring_prep_cancel64(entry, (uint64_t)(uintptr_t)side | RING_KIND_RECEIVE, 0);
		entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
		entry->user_data = RING_KIND_CANCEL;
		return false;
	}
	return false;
}

/* A full queue goes to the kernel at once: nobody is called back before all of it has. */
static struct io_uring_sqe *ring_entry(struct ring *ring)
{
	struct io_uring_sqe *entry;
	while ((entry = io_uring_get_sqe(&ring->uring)) == NULL)
		(void)ring_enter(ring, 0);
	return entry;
}

/* liburing's own way would need a second system call for the wait without iowait. False when it took only a part. */
static bool ring_enter(struct ring *ring, int timeout_ms)
{
	struct io_uring_sq *queue = &ring->uring.sq;
	struct __kernel_timespec timeout = {
	    .tv_sec = timeout_ms / 1000,
	    .tv_nsec = (long long)(timeout_ms % 1000) * 1000000,
	};
	struct io_uring_getevents_arg wait = {.ts = timeout_ms > 0 ? (uint64_t)(uintptr_t)&timeout : 0};
	__atomic_store_n(queue->ktail, queue->sqe_tail, __ATOMIC_RELEASE);
	queue->sqe_head = queue->sqe_tail;
	int status = io_uring_enter2((unsigned)ring->uring.ring_fd, io_uring_sq_ready(&ring->uring), timeout_ms != 0,
	                             ring->enter_flags, (sigset_t *)&wait, sizeof wait);
	/* ETIME: the time is up. EAGAIN and EBUSY: too much is under way, but what is over can be read. */
	CHECK(status >= 0 || status == -ETIME || status == -EINTR || status == -EAGAIN || status == -EBUSY);
	return io_uring_sq_ready(&ring->uring) == 0;
}

static void ring_complete(struct ring *ring)
{
	struct io_uring_cqe *completion;
	unsigned head, count = 0, received = 0;
	io_uring_for_each_cqe(&ring->uring, head, completion) {
		count++;
		if ((completion->user_data & RING_KIND_MASK) == RING_KIND_SEND)
			ring->staged[completion->user_data >> 2].result = completion->res;
		else if ((completion->user_data & RING_KIND_MASK) == RING_KIND_RECEIVE)
			received++;
	}
	ring_settle_sends(ring);
	ring->received = received;
	io_uring_for_each_cqe(&ring->uring, head, completion) {
		if (count-- == 0)
			break;
		switch ((enum ring_kind)(completion->user_data & RING_KIND_MASK)) {
		case RING_KIND_RECEIVE:
			ring_on_receive(ring, completion);
			break;
		case RING_KIND_LOOP:
			ring->loop_ready = true;
			ring->loop_polled = false;
			break;
		default:
			break;
		}
		io_uring_cq_advance(&ring->uring, 1);
	}
	ring->received = 0;
	ring_buffers_tell(&ring->small);
	ring_buffers_tell(&ring->large);
}

/* What the turn before had staged has been sent, but for what its result says. */
static void ring_settle_sends(struct ring *ring)
{
	uint16_t count = ring->staged_count;
	for (uint16_t at = 0; at < count; at++)
		if (ring->staged[at].side)
			ring->staged[at].side->staged = 0;
	ring->staged_count = 0;
	ring->arena_used = 0;
	/* Outside of a turn nobody stages anything, so the bytes stay where they are meanwhile. */
	for (uint16_t at = 0; at < count; at++) {
		const struct ring_staged *staged = &ring->staged[at];
		if (!staged->side || staged->result == (int32_t)staged->len)
			continue;
		uint32_t taken = staged->result > 0 ? (uint32_t)staged->result : 0;
		struct bytes rest = {ring->arena + staged->at + taken, staged->len - taken};
		ring->events->on_unsent(staged->side, rest,
		                        staged->result >= 0 ? UV_EAGAIN : uv_translate_sys_error(-staged->result));
	}
}

static void ring_on_receive(struct ring *ring, const struct io_uring_cqe *completion)
{
	struct ring_side *side = (struct ring_side *)(uintptr_t)completion->user_data;
	struct ring_buffers *buffers = side->plenty ? &ring->large : &ring->small;
	int count = completion->res;
	/* None of the buffers was left, or the socket was not ready after all: both are worth another attempt. */
	if ((count == -ENOBUFS || count == -EAGAIN || count == -EINTR) && !side->cancelled) {
		side->receive = RING_ASKED;
		side->plenty = false;
		ring_list(ring, side);
		return;
	}
	bool has_buffer = (completion->flags & IORING_CQE_F_BUFFER) != 0;
	uint16_t id = (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT);
	struct bytes input = {NULL, 0};
	if (has_buffer && count > 0)
		input = (struct bytes){ring_buffers_at(buffers, id), (size_t)count};
	side->plenty = (completion->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0 || count == (int)buffers->bytes;
	if (side->listed) {
		/* To be cancelled; its owner hears of it when its turn on the list has come. */
		side->receive = RING_ASKED;
	} else {
		ring_over(ring, side);
		ring->events->on_received(side, input, count < 0 ? uv_translate_sys_error(-count) : 0);
	}
	if (has_buffer)
		ring_buffers_put(buffers, id);
}

static void ring_over(struct ring *ring, struct ring_side *side)
{
	side->receive = RING_IDLE;
	side->cancelled = false;
	ring->under_way--;
}
