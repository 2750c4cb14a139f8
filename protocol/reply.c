#include "protocol/reply.h"

#include "protocol/message.h"

#include <string.h>

static bool is_digit(uint8_t byte);
static uint64_t number_of(struct bytes digits);
static size_t write_field(uint8_t *to, bool encoded, char field, const char *text);

bool reply_decode_complete(struct bytes body, struct reply_complete *out)
{
	*out = (struct reply_complete){0};
	struct bytes_reader reader = bytes_reader_of(body);
	struct bytes tag = bytes_read_string(&reader);
	if (reader.failed || bytes_left(&reader) > 0)
		return false;

	/* "INSERT 0 5": trailing words of digits are numbers, and the last of them counts rows. */
	bool last = true;
	for (;;) {
		size_t digits = 0;
		while (digits < tag.len && is_digit(tag.data[tag.len - 1 - digits]))
			digits++;
		if (digits == 0 || digits == tag.len || tag.data[tag.len - 1 - digits] != ' ')
			break;
		if (last)
			out->rows = number_of((struct bytes){tag.data + tag.len - digits, digits});
		last = false;
		tag.len -= digits + 1;
	}
	out->tag = tag;
	return true;
}

bool reply_decode_sqlstate(struct bytes body, char sqlstate[6])
{
	memset(sqlstate, 0, 6);
	struct bytes_reader reader = bytes_reader_of(body);
	for (;;) {
		uint8_t field = bytes_read_u8(&reader);
		if (reader.failed || field == 0)
			return false;
		struct bytes text = bytes_read_string(&reader);
		if (reader.failed)
			return false;
		if (field != 'C')
			continue;
		if (text.len != 5)
			return false;
		/* It goes into logs, so nothing but what an SQLSTATE is made of may pass. */
		for (size_t at = 0; at < text.len; at++)
			if (!is_digit(text.data[at]) && (text.data[at] < 'A' || text.data[at] > 'Z'))
				return false;
		memcpy(sqlstate, text.data, 5);
		return true;
	}
}

bool reply_is_fatal(struct bytes body)
{
	struct bytes_reader reader = bytes_reader_of(body);
	bool fatal = false;
	for (;;) {
		uint8_t field = bytes_read_u8(&reader);
		if (reader.failed || field == 0)
			return fatal;
		struct bytes text = bytes_read_string(&reader);
		if (reader.failed)
			return fatal;
		if (field != 'S' && field != 'V')
			continue;
		fatal = bytes_equal(text, "FATAL") || bytes_equal(text, "PANIC");
		/* S is in the server's language; V, which servers since 9.6 send, never is. */
		if (field == 'V')
			return fatal;
	}
}

bool reply_decode_parameter(struct bytes body, struct reply_parameter *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	out->name = bytes_read_string(&reader);
	out->value = bytes_read_string(&reader);
	return !reader.failed && bytes_left(&reader) == 0;
}

uint8_t reply_decode_ready(struct bytes body)
{
	if (body.len != 1)
		return 0;
	uint8_t status = body.data[0];
	return status == 'I' || status == 'T' || status == 'E' ? status : 0;
}

size_t reply_write_error(uint8_t *to, size_t size, const struct reply_error *error)
{
	CHECK(error->severity != NULL && error->sqlstate != NULL && error->message != NULL);
	size_t bytes = 0;
	/* Once to count and, where it fits, once to write. */
	for (int pass = 0; pass < 2; pass++) {
		bool writing = pass == 1;
		if (writing && bytes > size)
			break;
		uint8_t *at = to;
		size_t offset = MESSAGE_HEADER_BYTES;
		const struct {
			char field;
			const char *text;
		} fields[] = {
		    {'S', error->severity}, {'V', error->severity}, {'C', error->sqlstate},
		    {'M', error->message},  {'D', error->detail},   {'H', error->hint},
		};
		for (size_t index = 0; index < ARRAY_LEN(fields); index++)
			offset +=
			    write_field(writing ? at + offset : NULL, error->encoded, fields[index].field, fields[index].text);
		if (writing) {
			at[offset] = 0;
			at[0] = MESSAGE_ERROR_RESPONSE;
			bytes_put_u32(at + 1, (uint32_t)offset);
		}
		bytes = offset + 1;
	}
	CHECK(bytes <= INT32_MAX);
	return bytes;
}

/* Text that is not plain ASCII might be wrong in the client's encoding, whose drivers decode strictly. The ellipsis of
 * our own texts becomes three points, which are as long. */
static size_t write_field(uint8_t *to, bool encoded, char field, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return 0;
	size_t len = strlen(text);
	if (to) {
		to[0] = (uint8_t)field;
		for (size_t at = 0; at < len; at++) {
			uint8_t byte = (uint8_t)text[at];
			bool plain = (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t';
			to[1 + at] = plain || (encoded && byte >= 0x80) ? byte : '?';
		}
		for (const char *at = text; !encoded && (at = strstr(at, "…")) != NULL; at += 3)
			memcpy(to + 1 + (at - text), "...", 3);
		to[1 + len] = 0;
	}
	return 1 + len + 1;
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static uint64_t number_of(struct bytes digits)
{
	uint64_t number = 0;
	for (size_t at = 0; at < digits.len; at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(digits.data[at] - '0'), &number))
			return UINT64_MAX;
	return number;
}
