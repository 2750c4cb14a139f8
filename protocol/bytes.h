/* Views of bytes, and reading the protocol's field types from them.
 *
 * A view owns nothing and lives as long as the callback that handed it out. The reader remembers failure:
 * a decoder reads field after field as the protocol manual prints them and asks once, at the end. */
#ifndef PGPROCTOR_PROTOCOL_BYTES_H
#define PGPROCTOR_PROTOCOL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

struct bytes_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed; /* a field went past the end or had no terminator; later reads yield zero */
};

struct bytes_reader bytes_reader_of(struct bytes view);
uint8_t bytes_read_u8(struct bytes_reader *reader);
uint16_t bytes_read_u16(struct bytes_reader *reader);
uint32_t bytes_read_u32(struct bytes_reader *reader);
int32_t bytes_read_i32(struct bytes_reader *reader);
/* The next `len` bytes. */
struct bytes bytes_read(struct bytes_reader *reader, size_t len);
/* Up to the next zero byte, which is consumed and not part of the view. */
struct bytes bytes_read_string(struct bytes_reader *reader);
size_t bytes_left(const struct bytes_reader *reader);
bool bytes_equal(struct bytes view, const char *text);

/* Big-endian, at any alignment. */
static inline uint32_t bytes_get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void bytes_put_u32(uint8_t *at, uint32_t value);

#endif
