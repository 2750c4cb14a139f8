#include "protocol/request.h"

#include "protocol/message.h"

#include <string.h>

#define NULL_VALUE_LENGTH (-1)
#define FORMAT_TEXT 0
#define FORMAT_BINARY 1

static bool all_read(const struct bytes_reader *reader);
static struct bytes skip_values(struct bytes_reader *reader, uint16_t count);
static size_t message_begin(uint8_t *to, size_t size, uint8_t type, size_t body_bytes);

bool request_type_exists(uint8_t type)
{
	switch (type) {
	case MESSAGE_BIND:
	case MESSAGE_CLOSE:
	case MESSAGE_COPY_DATA:
	case MESSAGE_COPY_DONE:
	case MESSAGE_COPY_FAIL:
	case MESSAGE_DESCRIBE:
	case MESSAGE_EXECUTE:
	case MESSAGE_FLUSH:
	case MESSAGE_FUNCTION_CALL:
	case MESSAGE_PARSE:
	case MESSAGE_PASSWORD:
	case MESSAGE_QUERY:
	case MESSAGE_SYNC:
	case MESSAGE_TERMINATE:
		return true;
	default:
		return false;
	}
}

bool request_decode_query(struct bytes body, struct bytes *query)
{
	struct bytes_reader reader = bytes_reader_of(body);
	*query = bytes_read_string(&reader);
	return all_read(&reader);
}

bool request_decode_parse(struct bytes body, struct request_parse *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	out->name = bytes_read_string(&reader);
	out->query = bytes_read_string(&reader);
	out->parameter_types = bytes_read_u16(&reader);
	out->types_raw = bytes_read(&reader, (size_t)out->parameter_types * 4);
	return all_read(&reader);
}

uint32_t request_parse_type(const struct request_parse *parse, uint16_t index)
{
	if (index >= parse->parameter_types)
		return 0;
	struct bytes_reader types = bytes_reader_of(parse->types_raw);
	bytes_read(&types, (size_t)index * 4);
	return (uint32_t)bytes_read_i32(&types);
}

bool request_decode_bind(struct bytes body, bool prefix, struct request_bind *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	*out = (struct request_bind){0};
	out->portal = bytes_read_string(&reader);
	out->statement = bytes_read_string(&reader);
	if (prefix)
		return !reader.failed;

	out->formats = bytes_read_u16(&reader);
	out->formats_raw = bytes_read(&reader, (size_t)out->formats * 2);
	out->parameters = bytes_read_u16(&reader);
	out->values_raw = skip_values(&reader, out->parameters);
	uint16_t result_formats = bytes_read_u16(&reader);
	bytes_read(&reader, (size_t)result_formats * 2);
	/* The server's own rule (exec_bind_message in tcop/postgres.c). */
	bool formats_fit = out->formats <= 1 || out->formats == out->parameters;
	return all_read(&reader) && formats_fit;
}

bool request_decode_target(struct bytes body, struct request_target *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	out->kind = bytes_read_u8(&reader);
	out->name = bytes_read_string(&reader);
	return all_read(&reader) && (out->kind == 'S' || out->kind == 'P');
}

bool request_decode_execute(struct bytes body, struct request_execute *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	out->portal = bytes_read_string(&reader);
	out->rows_max = bytes_read_i32(&reader);
	return all_read(&reader);
}

bool request_bind_value(const struct request_bind *bind, uint16_t index, struct request_value *out)
{
	*out = (struct request_value){0};
	if (index >= bind->parameters)
		return false;
	struct bytes_reader values = bytes_reader_of(bind->values_raw);
	skip_values(&values, index);
	int32_t length = bytes_read_i32(&values);
	out->null = length == NULL_VALUE_LENGTH;
	/* Another negative length would be longer than any body. */
	if (!out->null)
		out->value = bytes_read(&values, (size_t)length);

	struct bytes_reader formats = bytes_reader_of(bind->formats_raw);
	uint16_t format = FORMAT_TEXT;
	if (bind->formats == 1) {
		format = bytes_read_u16(&formats);
	} else if (bind->formats > 1) {
		bytes_read(&formats, (size_t)index * 2);
		format = bytes_read_u16(&formats);
	}
	out->binary = format == FORMAT_BINARY;
	return !values.failed && !formats.failed && format <= FORMAT_BINARY;
}

size_t request_write_query(uint8_t *to, size_t size, const char *text)
{
	size_t text_bytes = strlen(text) + 1;
	size_t bytes = message_begin(to, size, MESSAGE_QUERY, text_bytes);
	if (bytes <= size)
		memcpy(to + MESSAGE_HEADER_BYTES, text, text_bytes);
	return bytes;
}

size_t request_write_parse(uint8_t *to, size_t size, struct bytes name, const char *text)
{
	/* name | text | no parameter types */
	size_t text_bytes = strlen(text) + 1;
	size_t bytes = message_begin(to, size, MESSAGE_PARSE, name.len + 1 + text_bytes + 2);
	if (bytes <= size) {
		uint8_t *at = to + MESSAGE_HEADER_BYTES;
		if (name.len > 0)
			memcpy(at, name.data, name.len);
		at += name.len;
		*at++ = 0;
		memcpy(at, text, text_bytes);
		memset(at + text_bytes, 0, 2);
	}
	return bytes;
}

size_t request_write_bind(uint8_t *to, size_t size, const char *statement)
{
	/* portal "" | statement | no formats | no values | no result formats */
	size_t name_bytes = strlen(statement) + 1;
	size_t bytes = message_begin(to, size, MESSAGE_BIND, 1 + name_bytes + 6);
	if (bytes <= size) {
		uint8_t *at = to + MESSAGE_HEADER_BYTES;
		*at++ = 0;
		memcpy(at, statement, name_bytes);
		memset(at + name_bytes, 0, 6);
	}
	return bytes;
}

size_t request_write_odd_bind(uint8_t *to, size_t size, struct bytes statement, uint16_t parameters)
{
	/* portal "" | statement | no formats | NULLs | no result formats | nothing that belongs there */
	size_t bytes = message_begin(to, size, MESSAGE_BIND, 1 + statement.len + 1 + 4 + 4 * (size_t)parameters + 3);
	if (bytes <= size) {
		uint8_t *at = to + MESSAGE_HEADER_BYTES;
		*at++ = 0;
		if (statement.len > 0)
			memcpy(at, statement.data, statement.len);
		at += statement.len;
		memset(at, 0, 3);
		at += 3;
		*at++ = (uint8_t)(parameters >> 8);
		*at++ = (uint8_t)parameters;
		memset(at, 0xff, 4 * (size_t)parameters);
		at += 4 * (size_t)parameters;
		memset(at, 0, 3);
	}
	return bytes;
}

size_t request_write_function_call(uint8_t *to, size_t size)
{
	/* oid 0 | no formats | no arguments | result as text */
	size_t bytes = message_begin(to, size, MESSAGE_FUNCTION_CALL, 10);
	if (bytes <= size)
		memset(to + MESSAGE_HEADER_BYTES, 0, 10);
	return bytes;
}

static bool all_read(const struct bytes_reader *reader)
{
	return !reader->failed && bytes_left(reader) == 0;
}

/* The next `count` values as one view. */
static struct bytes skip_values(struct bytes_reader *reader, uint16_t count)
{
	const uint8_t *begin = reader->at;
	for (uint16_t at = 0; at < count && !reader->failed; at++) {
		int32_t length = bytes_read_i32(reader);
		if (length >= 0)
			bytes_read(reader, (size_t)length);
		else if (length != NULL_VALUE_LENGTH)
			reader->failed = true;
	}
	if (reader->failed)
		return (struct bytes){NULL, 0};
	return (struct bytes){begin, (size_t)(reader->at - begin)};
}

/* Writes the header if the whole message fits `size`; returns the whole length. */
static size_t message_begin(uint8_t *to, size_t size, uint8_t type, size_t body_bytes)
{
	size_t bytes = MESSAGE_HEADER_BYTES + body_bytes;
	CHECK(bytes <= INT32_MAX);
	if (bytes <= size) {
		to[0] = type;
		bytes_put_u32(to + 1, (uint32_t)(bytes - 1));
	}
	return bytes;
}
