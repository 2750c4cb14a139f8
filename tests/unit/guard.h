/* For unit tests of parsers: copies of their input that end at a page which may not be touched, so that reading one
 * byte too far ends the test. Include after cmocka's headers. */
#ifndef PGPROCTOR_TESTS_UNIT_GUARD_H
#define PGPROCTOR_TESTS_UNIT_GUARD_H

#include "protocol/bytes.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES_MAX ((size_t)1 << 20)

/* Valid until the next call. */
static inline struct bytes guard_copy(const void *data, size_t len)
{
	static uint8_t *area;
	if (area == NULL) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		area = mmap(NULL, GUARD_BYTES_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(area, MAP_FAILED);
		assert_int_equal(mprotect(area + GUARD_BYTES_MAX, page, PROT_NONE), 0);
	}
	assert_true(len <= GUARD_BYTES_MAX);
	uint8_t *at = area + GUARD_BYTES_MAX - len;
	if (len > 0)
		memcpy(at, data, len);
	return (struct bytes){at, len};
}

/* A string literal with its zero bytes, without the one C adds. */
#define LITERAL(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static inline void assert_bytes(struct bytes view, const void *expected, size_t len)
{
	assert_int_equal(view.len, len);
	if (len > 0)
		assert_memory_equal(view.data, expected, len);
}

/* xorshift64*: the same numbers in every run. */
static inline uint64_t guard_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

#endif
