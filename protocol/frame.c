#include "protocol/frame.h"

#include "protocol/message.h"

#include <string.h>

/* The length word counts itself. */
#define LENGTH_WORD_BYTES 4

static uint32_t body_bytes_of(const struct frame *frame);
static bool header_is_broken(const struct frame *frame);
static enum frame_event next_of_header(struct frame *frame, struct bytes input, struct frame_piece *piece);
static enum frame_event next_of_body(struct frame *frame, struct bytes input, struct frame_piece *piece);

void frame_init(struct frame *frame)
{
	*frame = (struct frame){0};
}

enum frame_event frame_next(struct frame *frame, struct bytes input, struct frame_piece *piece)
{
	if (frame->header_bytes < MESSAGE_HEADER_BYTES)
		return next_of_header(frame, input, piece);
	CHECK(frame->header_bytes == MESSAGE_HEADER_BYTES);
	return next_of_body(frame, input, piece);
}

size_t frame_run(struct bytes input, uint8_t type, uint32_t *count)
{
	static const struct frame boundary;
	size_t run = 0;
	*count = 0;
	while (run < input.len && input.data[run] == type) {
		size_t len = frame_whole(&boundary, (struct bytes){input.data + run, input.len - run}).len;
		if (len == 0)
			break;
		run += len;
		++*count;
	}
	return run;
}

static enum frame_event next_of_header(struct frame *frame, struct bytes input, struct frame_piece *piece)
{
	size_t wanted = MESSAGE_HEADER_BYTES - frame->header_bytes;
	/* Nearly always it is all there; copying a known length takes two moves. */
	if (wanted == MESSAGE_HEADER_BYTES && input.len >= MESSAGE_HEADER_BYTES) {
		memcpy(frame->header, input.data, MESSAGE_HEADER_BYTES);
	} else {
		size_t given = input.len < wanted ? input.len : wanted;
		if (given > 0)
			memcpy(frame->header + frame->header_bytes, input.data, given);
		if (given < wanted) {
			frame->header_bytes += (uint8_t)given;
			*piece = (struct frame_piece){.input_bytes = given};
			return FRAME_MORE;
		}
	}
	/* A broken header is kept, so that no later call mistakes what follows for a message. */
	frame->header_bytes = MESSAGE_HEADER_BYTES;
	frame->body_left = body_bytes_of(frame);
	*piece = (struct frame_piece){
	    .type = frame->header[0],
	    .body_bytes = frame->body_left,
	    .input_bytes = wanted,
	};
	return header_is_broken(frame) ? FRAME_BROKEN : FRAME_HEADER;
}

static enum frame_event next_of_body(struct frame *frame, struct bytes input, struct frame_piece *piece)
{
	size_t given = input.len < frame->body_left ? input.len : frame->body_left;
	*piece = (struct frame_piece){.type = frame->header[0], .body_bytes = body_bytes_of(frame)};
	if (header_is_broken(frame))
		return FRAME_BROKEN;
	/* An empty body ends at once, needing no input; a longer one never yields an empty piece. */
	if (frame->body_left > 0 && input.len == 0)
		return FRAME_MORE;

	piece->body = (struct bytes){input.data, given};
	piece->input_bytes = given;
	frame->body_left -= (uint32_t)given;
	piece->last = frame->body_left == 0;
	if (piece->last)
		frame->header_bytes = 0;
	return FRAME_BODY;
}

static uint32_t body_bytes_of(const struct frame *frame)
{
	return bytes_get_u32(frame->header + 1) - LENGTH_WORD_BYTES;
}

static bool header_is_broken(const struct frame *frame)
{
	return bytes_get_u32(frame->header + 1) < LENGTH_WORD_BYTES;
}
