/* The io_uring of a worker: what its links receive and send in one turn of the loop takes one system call, which also
 * waits for the next turn (io_uring(7)). A worker without one leaves it all to libuv.
 *
 * A receive is asked for each time, and lands in a buffer of the ring, so a view of it is good for that callback only.
 * Small messages of a turn in which several links received something are staged: copied, and sent when the turn ends.
 * All else, and time, stays with libuv, whose loop the ring runs.
 *
 * Life: ring_new → ring_run, on the thread that uses it from then on → ring_free. */
#ifndef PGPROCTOR_PROXY_RING_H
#define PGPROCTOR_PROXY_RING_H

#include "config/check.h"
#include "protocol/bytes.h"

#include <uv.h>

struct ring;

enum {
	/* Longer ones cost more to copy than a system call does. */
	RING_STAGED_BYTES_MAX = 8 * 1024,
};

enum ring_receive {
	RING_IDLE,
	RING_ASKED,    /* for the kernel, when the turn ends */
	RING_RECEIVES, /* the kernel knows where it is: its memory must stay */
	RING_WAKES,    /* no receive, but a turn without one */
};

/* What the ring knows of a link, embedded there; zero at first. */
struct ring_side {
	struct ring_side *next; /* on the ring's list of what is asked for */
	int fd;
	uint16_t staged;        /* its place among what is staged, from 1 on; 0: nothing */
	uint8_t receive;        /* enum ring_receive */
	bool listed;
	bool cancelled;
	bool plenty; /* the last receive has left something: a large buffer for the next, and no wait */
};

struct ring_events {
	/* What ring_receive asked for: input.len > 0, or the end with status 0, or a libuv error; UV_ECANCELED after
	 * ring_cancel. */
	void (*on_received)(struct ring_side *side, struct bytes input, int status);
	/* What ring_wake asked for. */
	void (*on_woken)(struct ring_side *side);
	/* The socket has not taken all that was staged: the rest, and UV_EAGAIN or the error. */
	void (*on_unsent)(struct ring_side *side, struct bytes rest, int status);
};

/* NULL where the kernel has none for us, with the reason: before Linux 6.1, or forbidden (seccomp, as Docker's default
 * is; kernel.io_uring_disabled). */
struct ring *ring_new(const struct ring_events *events, char *reason, size_t reason_size);
void ring_free(struct ring *ring);
/* Serves both until neither the loop nor a receive is alive, as uv_run(loop, UV_RUN_DEFAULT) does. */
void ring_run(struct ring *ring, uv_loop_t *loop);
/* One turn of that, waiting for something to do if `wait`. False when nothing is alive. */
bool ring_turn(struct ring *ring, uv_loop_t *loop, bool wait);

/* One receive from side->fd; not while another is under way. */
void ring_receive(struct ring *ring, struct ring_side *side);
/* on_woken, once this turn's callbacks are done; not while a receive is under way. */
void ring_wake(struct ring *ring, struct ring_side *side);
/* What is under way ends soon, and its on_received or on_woken still comes. Until then, even after the descriptor is
 * closed, the connection stays open. */
void ring_cancel(struct ring *ring, struct ring_side *side);
static inline bool ring_is_idle(const struct ring_side *side)
{
	return side->receive == RING_IDLE;
}

/* Whether what a link has to send should wait for the end of the turn. */
bool ring_gathers(const struct ring *ring);
/* Puts it behind what the side has staged. False where there is no room: then ring_unstage, and send. */
MUST_USE bool ring_stage(struct ring *ring, struct ring_side *side, const uv_buf_t *pieces, unsigned count, size_t len);
/* Takes back what is staged, to be sent now; good until the next ring_stage. */
struct bytes ring_unstage(struct ring *ring, struct ring_side *side);

#endif
