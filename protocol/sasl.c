#include "protocol/sasl.h"

#include <string.h>

static bool sasl_binds(struct bytes mechanism);
static bool sasl_list_is_whole(struct bytes body);

int32_t sasl_authentication_code(struct bytes body)
{
	struct bytes_reader reader = bytes_reader_of(body);
	int32_t code = bytes_read_i32(&reader);
	return reader.failed ? -1 : code;
}

bool sasl_offers_binding(struct bytes body)
{
	if (!sasl_list_is_whole(body))
		return false;
	struct bytes_reader reader = bytes_reader_of(body);
	(void)bytes_read_i32(&reader);
	for (;;) {
		struct bytes mechanism = bytes_read_string(&reader);
		if (mechanism.len == 0)
			return false;
		if (sasl_binds(mechanism))
			return true;
	}
}

size_t sasl_without_binding(struct bytes body, uint8_t *to, size_t size)
{
	CHECK(size >= body.len);
	if (sasl_list_is_whole(body)) {
		struct bytes_reader reader = bytes_reader_of(body);
		struct bytes code = bytes_read(&reader, SASL_CODE_BYTES);
		memcpy(to, code.data, code.len);
		size_t len = code.len;
		for (;;) {
			struct bytes mechanism = bytes_read_string(&reader);
			if (mechanism.len == 0)
				break;
			if (sasl_binds(mechanism))
				continue;
			memcpy(to + len, mechanism.data, mechanism.len + 1);
			len += mechanism.len + 1;
		}
		to[len++] = 0;
		if (len > SASL_CODE_BYTES + 1)
			return len;
	}
	if (body.len > 0)
		memcpy(to, body.data, body.len);
	return body.len;
}

bool sasl_offers(struct bytes body, const char *mechanism)
{
	if (!sasl_list_is_whole(body))
		return false;
	struct bytes_reader reader = bytes_reader_of(body);
	(void)bytes_read_i32(&reader);
	for (;;) {
		struct bytes offered = bytes_read_string(&reader);
		if (offered.len == 0)
			return false;
		if (bytes_equal(offered, mechanism))
			return true;
	}
}

bool sasl_read_initial(struct bytes body, struct sasl_initial *out)
{
	struct bytes_reader reader = bytes_reader_of(body);
	*out = (struct sasl_initial){.mechanism = bytes_read_string(&reader)};
	int32_t len = bytes_read_i32(&reader);
	out->absent = len == -1;
	if (len < -1)
		return false;
	if (!out->absent)
		out->message = bytes_read(&reader, (size_t)len);
	return !reader.failed && bytes_left(&reader) == 0;
}

static bool sasl_binds(struct bytes mechanism)
{
	static const char suffix[] = "-PLUS";
	size_t len = sizeof suffix - 1;
	return mechanism.len > len && memcmp(mechanism.data + mechanism.len - len, suffix, len) == 0;
}

/* Names, each with its zero, and an empty one that is the body's last byte. */
static bool sasl_list_is_whole(struct bytes body)
{
	struct bytes_reader reader = bytes_reader_of(body);
	if (bytes_read_i32(&reader) != SASL_CODE_OFFER)
		return false;
	while (!reader.failed)
		if (bytes_read_string(&reader).len == 0)
			break;
	return !reader.failed && bytes_left(&reader) == 0;
}
