#include "protocol/bytes.h"

#include <string.h>

struct bytes_reader bytes_reader_of(struct bytes view)
{
	/* An empty view may hold NULL, to which not even zero may be added. */
	return (struct bytes_reader){
	    .at = view.data,
	    .end = view.len > 0 ? view.data + view.len : view.data,
	};
}

uint8_t bytes_read_u8(struct bytes_reader *reader)
{
	struct bytes field = bytes_read(reader, 1);
	return field.len == 1 ? field.data[0] : 0;
}

uint16_t bytes_read_u16(struct bytes_reader *reader)
{
	struct bytes field = bytes_read(reader, 2);
	return field.len == 2 ? (uint16_t)(field.data[0] << 8 | field.data[1]) : 0;
}

uint32_t bytes_read_u32(struct bytes_reader *reader)
{
	struct bytes field = bytes_read(reader, 4);
	return field.len == 4 ? bytes_get_u32(field.data) : 0;
}

int32_t bytes_read_i32(struct bytes_reader *reader)
{
	return (int32_t)bytes_read_u32(reader);
}

struct bytes bytes_read(struct bytes_reader *reader, size_t len)
{
	if (reader->failed || len > bytes_left(reader)) {
		reader->failed = true;
		return (struct bytes){NULL, 0};
	}
	struct bytes field = {reader->at, len};
	if (len > 0)
		reader->at += len;
	return field;
}

struct bytes bytes_read_string(struct bytes_reader *reader)
{
	size_t left = bytes_left(reader);
	const uint8_t *zero = reader->failed || left == 0 ? NULL : memchr(reader->at, 0, left);
	if (zero == NULL) {
		reader->failed = true;
		return (struct bytes){NULL, 0};
	}
	struct bytes field = {reader->at, (size_t)(zero - reader->at)};
	reader->at = zero + 1;
	return field;
}

size_t bytes_left(const struct bytes_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

bool bytes_equal(struct bytes view, const char *text)
{
	size_t len = strlen(text);
	return view.len == len && (len == 0 || memcmp(view.data, text, len) == 0);
}

void bytes_put_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}
