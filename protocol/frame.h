/* Cutting a byte stream into messages without waiting for their bodies.
 *
 *      type   length (itself included, big-endian)   body
 *     +----+----+----+----+----+------------------------------
 *     | T  | L1 | L2 | L3 | L4 | length - 4 bytes …
 *     +----+----+----+----+----+------------------------------
 *
 * The cutter keeps no bytes, only where it is: up to five header bytes and a count of body bytes still to
 * come. It knows nothing of what messages mean, nor which side sent them. */
#ifndef PGPROCTOR_PROTOCOL_FRAME_H
#define PGPROCTOR_PROTOCOL_FRAME_H

#include "protocol/bytes.h"

#include "config/check.h"

enum frame_event {
	FRAME_MORE,   /* the input is used up */
	FRAME_HEADER, /* a header is complete: type and body_bytes are set, nothing of the body consumed */
	FRAME_BODY,   /* a piece of the body; `last` says that the message ends with it */
	FRAME_BROKEN, /* the length word is below four: the stream can't be followed any more */
};

struct frame {
	uint8_t header[5];
	uint8_t header_bytes; /* how many of them have been seen; 5 while inside a body */
	uint32_t body_left;   /* body bytes still to come */
};

struct frame_piece {
	uint8_t type;
	uint32_t body_bytes; /* the whole body's length, as the header says */
	struct bytes body;   /* FRAME_BODY: this piece, a view of the input; empty when the body is */
	size_t input_bytes;  /* how much of the input this event consumed */
	bool last;
};

void frame_init(struct frame *frame);
/* The next event in `input`; consumes piece->input_bytes of it. After FRAME_HEADER a FRAME_BODY always
 * follows, also for an empty body (once), so that every message ends with `last`. */
MUST_USE enum frame_event frame_next(struct frame *frame, struct bytes input, struct frame_piece *piece);
/* Between two messages, nothing of the next one seen. */
static inline bool frame_at_boundary(const struct frame *frame)
{
	return frame->header_bytes == 0;
}

/* The message that `input` begins with, header and all, when the whole of it is there and nothing of it has been seen
 * before: as nearly all messages come. Otherwise an empty view, and frame_next it is. Neither changes the frame. */
static inline struct bytes frame_whole(const struct frame *frame, struct bytes input)
{
	if (!frame_at_boundary(frame) || input.len < sizeof frame->header)
		return (struct bytes){NULL, 0};
	uint32_t length = bytes_get_u32(input.data + 1); /* the type byte does not count */
	if (length < sizeof length || length >= input.len)
		return (struct bytes){NULL, 0};
	return (struct bytes){input.data, 1 + (size_t)length};
}

/* How much of `input`, at a boundary, is whole messages of that type, one behind the other; `count` is how many. */
size_t frame_run(struct bytes input, uint8_t type, uint32_t *count);

#endif
