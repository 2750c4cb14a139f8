#include "protocol/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* What a stream was cut into, in a form that does not depend on how it arrived. */
struct transcript {
	struct frame frame;
	uint8_t bytes[4096]; /* 'H' type length, then the body, then 'L' at its end */
	size_t len;
	bool in_body;
	bool broken;
};

static void note(struct transcript *transcript, const void *data, size_t len)
{
	assert_true(transcript->len + len <= sizeof transcript->bytes);
	if (len > 0)
		memcpy(transcript->bytes + transcript->len, data, len);
	transcript->len += len;
}

/* What frame_whole takes for one message is what frame_next takes for one, and if it takes none, then there is none. */
static void assert_whole(const struct transcript *transcript, struct bytes input)
{
	struct frame frame = transcript->frame;
	struct frame_piece header, body = {0};
	struct bytes message = frame_whole(&frame, input);
	assert_memory_equal(&frame, &transcript->frame, sizeof frame);
	bool whole = frame_at_boundary(&frame) && frame_next(&frame, input, &header) == FRAME_HEADER &&
	             frame_next(&frame, (struct bytes){input.data + 5, input.len - 5}, &body) == FRAME_BODY && body.last;
	assert_int_equal(message.len, whole ? 5 + body.body.len : 0);
	if (whole)
		assert_ptr_equal(message.data, input.data);
}

/* Feeds one read, as a caller does: until the cutter wants more. Checks what holds for each event. */
static void feed(struct transcript *transcript, const uint8_t *data, size_t len)
{
	struct bytes input = guard_copy(data, len);
	while (!transcript->broken) {
		struct frame_piece piece;
		assert_int_equal(frame_at_boundary(&transcript->frame),
		                 transcript->frame.header_bytes == 0 && !transcript->in_body);
		assert_whole(transcript, input);
		enum frame_event event = frame_next(&transcript->frame, input, &piece);
		assert_true(piece.input_bytes <= input.len);
		if (event == FRAME_MORE) {
			assert_int_equal(piece.input_bytes, input.len);
			return;
		}
		if (event == FRAME_BROKEN) {
			transcript->broken = true;
			note(transcript, "X", 1);
			return;
		}
		if (event == FRAME_HEADER) {
			assert_false(transcript->in_body);
			assert_false(piece.last);
			assert_int_equal(piece.body.len, 0);
			uint8_t header[6] = {'H', piece.type};
			bytes_put_u32(header + 2, piece.body_bytes);
			note(transcript, header, sizeof header);
			transcript->in_body = true;
		} else {
			assert_int_equal(event, FRAME_BODY);
			assert_true(transcript->in_body);
			assert_int_equal(piece.body.len, piece.input_bytes);
			if (piece.body.len > 0)
				assert_ptr_equal(piece.body.data, input.data);
			else
				assert_int_equal(piece.body_bytes, 0);
			note(transcript, piece.body.data, piece.body.len);
			if (piece.last)
				note(transcript, "L", 1);
			transcript->in_body = !piece.last;
		}
		input.data += piece.input_bytes;
		input.len -= piece.input_bytes;
	}
}

/* Feeds the stream whole, byte by byte, and in two and in three reads split everywhere: all must give `expected`. */
static void assert_cut(struct bytes stream, struct bytes expected)
{
	for (size_t first = 0; first <= stream.len; first++) {
		for (size_t second = first; second <= stream.len; second++) {
			struct transcript transcript = {0};
			frame_init(&transcript.frame);
			feed(&transcript, stream.data, first);
			feed(&transcript, stream.data + first, second - first);
			feed(&transcript, stream.data + second, stream.len - second);
			assert_bytes((struct bytes){transcript.bytes, transcript.len}, expected.data, expected.len);
		}
	}
	struct transcript transcript = {0};
	frame_init(&transcript.frame);
	for (size_t offset = 0; offset < stream.len; offset++)
		feed(&transcript, stream.data + offset, 1);
	feed(&transcript, NULL, 0);
	assert_bytes((struct bytes){transcript.bytes, transcript.len}, expected.data, expected.len);
}

/* Several messages, with bodies and without, come out the same however they were split. */
static void test_stream_at_every_split(void **state)
{
	(void)state;
	assert_cut(LITERAL("Q\0\0\0\x0dSELECT 1\0"
	                   "S\0\0\0\4"
	                   "S\0\0\0\4"
	                   "d\0\0\0\5x"
	                   "X\0\0\0\4"),
	           LITERAL("HQ\0\0\0\x09SELECT 1\0L"
	                   "HS\0\0\0\0L"
	                   "HS\0\0\0\0L"
	                   "Hd\0\0\0\1xL"
	                   "HX\0\0\0\0L"));
}

/* Any byte is a type, also zero and one with the high bit: judging it is not the cutter's. */
static void test_any_type(void **state)
{
	(void)state;
	assert_cut(LITERAL("\0\0\0\0\4\xff\0\0\0\5\0"), LITERAL("H\0\0\0\0\0LH\xff\0\0\0\1\0L"));
}

/* A message that has not ended yields what there is of it and no end. */
static void test_unfinished(void **state)
{
	(void)state;
	assert_cut(LITERAL("Q\0\0\0\x0dSEL"), LITERAL("HQ\0\0\0\x09SEL"));
	assert_cut(LITERAL("Q\0\0\0"), LITERAL(""));
	assert_cut(LITERAL(""), LITERAL(""));
}

/* An empty body ends in its own event although no byte of input is left. */
static void test_empty_body_needs_no_input(void **state)
{
	(void)state;
	struct frame frame;
	struct frame_piece piece;
	frame_init(&frame);
	assert_int_equal(frame_next(&frame, LITERAL("S\0\0\0\4"), &piece), FRAME_HEADER);
	assert_int_equal(piece.input_bytes, 5);
	assert_false(frame_at_boundary(&frame));
	assert_int_equal(frame_next(&frame, (struct bytes){NULL, 0}, &piece), FRAME_BODY);
	assert_true(piece.last);
	assert_int_equal(piece.type, 'S');
	assert_true(frame_at_boundary(&frame));
	assert_int_equal(frame_next(&frame, (struct bytes){NULL, 0}, &piece), FRAME_MORE);
}

/* A length that does not even count itself breaks the stream, at any split, and what came before it is delivered. */
static void test_broken_length(void **state)
{
	(void)state;
	assert_cut(LITERAL("Q\0\0\0\3SELECT 1"), LITERAL("X"));
	assert_cut(LITERAL("Q\0\0\0\0Q\0\0\0\4"), LITERAL("X"));
	assert_cut(LITERAL("S\0\0\0\4Q\0\0\0\1"), LITERAL("HS\0\0\0\0LX"));
	assert_cut(LITERAL("d\0\0\0\6abQ\0\0\0\2"), LITERAL("Hd\0\0\0\2abLX"));
}

/* Broken is for ever: a whole good message afterwards changes nothing, and nothing is consumed. */
static void test_broken_for_ever(void **state)
{
	(void)state;
	struct frame frame;
	struct frame_piece piece;
	frame_init(&frame);
	assert_int_equal(frame_next(&frame, LITERAL("Q\0\0\0\3"), &piece), FRAME_BROKEN);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(frame_next(&frame, LITERAL("S\0\0\0\4"), &piece), FRAME_BROKEN);
		assert_int_equal(piece.input_bytes, 0);
		assert_int_equal(frame_next(&frame, (struct bytes){NULL, 0}, &piece), FRAME_BROKEN);
		assert_false(frame_at_boundary(&frame));
	}
}

/* A body of up to 4 GiB is counted and never touched: here it lies in memory that may not be read. */
static void test_huge_lengths(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {0x40000000, 0x7fffffff, 0x80000000, 0xffffffff};
	size_t area_bytes = UINT64_C(1) << 32;
	uint8_t *area = mmap(NULL, area_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		skip();
	for (size_t index = 0; index < sizeof lengths / sizeof lengths[0]; index++) {
		uint8_t header[5] = {'d'};
		bytes_put_u32(header + 1, lengths[index]);
		uint32_t body_bytes = lengths[index] - 4;
		struct frame frame;
		struct frame_piece piece;
		frame_init(&frame);
		assert_int_equal(frame_next(&frame, (struct bytes){header, 5}, &piece), FRAME_HEADER);
		assert_int_equal(piece.body_bytes, body_bytes);

		struct frame again = frame;
		assert_int_equal(frame_next(&frame, (struct bytes){area, area_bytes}, &piece), FRAME_BODY);
		assert_int_equal(piece.body.len, body_bytes);
		assert_int_equal(piece.input_bytes, body_bytes);
		assert_true(piece.last);
		assert_true(frame_at_boundary(&frame));

		/* The same in two reads, the first one byte short. */
		assert_int_equal(frame_next(&again, (struct bytes){area, body_bytes - 1}, &piece), FRAME_BODY);
		assert_false(piece.last);
		assert_int_equal(piece.body_bytes, body_bytes);
		assert_int_equal(frame_next(&again, (struct bytes){area, 7}, &piece), FRAME_BODY);
		assert_int_equal(piece.input_bytes, 1);
		assert_true(piece.last);
	}
	assert_int_equal(munmap(area, area_bytes), 0);
}

/* Random streams, half of them of random bytes, cut the same whole and in random pieces. */
static void test_random_streams(void **state)
{
	(void)state;
	uint64_t seed = 0x70677072;
	for (int round = 0; round < 2000; round++) {
		uint8_t stream[600];
		size_t len = 0;
		bool garbage = guard_random(&seed) % 2 == 0;
		while (len < 500) {
			size_t body = guard_random(&seed) % 40;
			stream[len] = (uint8_t)guard_random(&seed);
			uint32_t length = (uint32_t)body + 4;
			if (garbage && guard_random(&seed) % 8 == 0)
				length = (uint32_t)(guard_random(&seed) % 8);
			bytes_put_u32(stream + len + 1, length);
			for (size_t at = 0; at < body; at++)
				stream[len + 5 + at] = (uint8_t)guard_random(&seed);
			len += 5 + body;
		}
		struct transcript whole = {0}, pieces = {0};
		frame_init(&whole.frame);
		frame_init(&pieces.frame);
		feed(&whole, stream, len);
		for (size_t at = 0; at < len;) {
			size_t piece = guard_random(&seed) % 12;
			if (piece > len - at)
				piece = len - at;
			feed(&pieces, stream + at, piece);
			at += piece;
		}
		assert_bytes((struct bytes){pieces.bytes, pieces.len}, whole.bytes, whole.len);
		assert_int_equal(pieces.broken, whole.broken);
	}
}

/* Messages of one type up to another, to an unfinished one, to a broken one, to the end. */
static void test_run(void **state)
{
	(void)state;
	static const struct {
		struct bytes input;
		size_t run;
		uint32_t count;
	} cases[] = {
	    {LITERAL("D\0\0\0\6abD\0\0\0\4C\0\0\0\4D\0\0\0\4"), 12, 2},
	    {LITERAL("D\0\0\0\6abD\0\0\0\6a"), 7, 1},
	    {LITERAL("D\0\0\0\6abD\0\0\0"), 7, 1},
	    {LITERAL("D\0\0\0\6abD"), 7, 1},
	    {LITERAL("D\0\0\0\4D\0\0\0\3D\0\0\0\4"), 5, 1},
	    {LITERAL("D\0\0\0\4D\xff\xff\xff\xff"), 5, 1},
	    {LITERAL("C\0\0\0\4D\0\0\0\4"), 0, 0},
	    {LITERAL("D\0\0\0\4D\0\0\0\4D\0\0\0\4"), 15, 3},
	    {LITERAL(""), 0, 0},
	};
	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		uint32_t count = 77;
		struct bytes input = guard_copy(cases[at].input.data, cases[at].input.len);
		assert_int_equal(frame_run(input, 'D', &count), cases[at].run);
		assert_int_equal(count, cases[at].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stream_at_every_split),
	    cmocka_unit_test(test_any_type),
	    cmocka_unit_test(test_unfinished),
	    cmocka_unit_test(test_empty_body_needs_no_input),
	    cmocka_unit_test(test_broken_length),
	    cmocka_unit_test(test_broken_for_ever),
	    cmocka_unit_test(test_huge_lengths),
	    cmocka_unit_test(test_random_streams),
	    cmocka_unit_test(test_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
