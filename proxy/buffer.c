#include "proxy/buffer.h"

#include <string.h>

void buffer_put(struct buffer *buffer, const void *data, size_t len, size_t bytes_max)
{
	CHECK(len <= bytes_max && buffer->len <= bytes_max - len);
	if (buffer->len + len > buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity : 512;
		while (capacity < buffer->len + len)
			capacity *= 2;
		buffer->data = realloc(buffer->data, capacity);
		CHECK(buffer->data != NULL);
		buffer->capacity = capacity;
	}
	if (len > 0)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}
