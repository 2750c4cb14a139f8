/* Bytes that have to wait: grows by doubling up to a ceiling given at each call, and holds no memory while empty. */
#ifndef PGPROCTOR_PROXY_BUFFER_H
#define PGPROCTOR_PROXY_BUFFER_H

#include "config/check.h"

#include <stddef.h>
#include <stdint.h>

struct buffer {
	uint8_t *data; /* NULL while nothing was put in since the last buffer_free */
	size_t len;
	size_t capacity;
};

/* Appends; aborts when it would hold more than `bytes_max`, which the caller has made sure of. */
void buffer_put(struct buffer *buffer, const void *data, size_t len, size_t bytes_max);
/* Empties it and gives the memory back. */
void buffer_free(struct buffer *buffer);

#endif
