#include "inspect/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <string.h>

enum {
	/* A statement's query and facts fit two or three of these; the first is small because the cache counts
	 * what its statements hold. */
	ARENA_BLOCK_MIN_BYTES = 1024,
	ARENA_BLOCK_MAX_BYTES = 64 * 1024,
};

/* The head of the list is the block that is being filled; a request larger than a block gets one of its own behind
 * it, so that the space left in the head is not lost. */
struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of `bytes` */
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size);
static size_t aligned(size_t size);

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

void arena_fini(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	*arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	void *memory;

	CHECK(size <= SIZE_MAX / 2);
	size = aligned(size ? size : 1);
	if (!block || block->size - block->used < size) {
		/* Each block doubles the one before: few blocks for much, little waste for little. */
		size_t block_size = block ? block->size * 2 : ARENA_BLOCK_MIN_BYTES;

		if (block_size > ARENA_BLOCK_MAX_BYTES)
			block_size = ARENA_BLOCK_MAX_BYTES;
		if (block && size > block_size / 2) {
			struct arena_block *own = block_new(arena, size);

			own->used = size;
			own->next = block->next;
			block->next = own;
			return own->bytes;
		}
		block = block_new(arena, size > block_size ? size : block_size);
		block->next = arena->blocks;
		arena->blocks = block;
	}
	memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

char *arena_copy(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list list, again;
	char *text;
	int len;

	va_start(list, format);
	va_copy(again, list);
	len = vsnprintf(NULL, 0, format, list);
	va_end(list);
	CHECK(len >= 0);
	text = arena_alloc(arena, (size_t)len + 1);
	(void)vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		fprintf(stderr, "pgproctor: out of memory\n");
		abort();
	}
	block->size = size;
	arena->bytes += sizeof(*block) + size;
	return block;
}

static size_t aligned(size_t size)
{
	const size_t unit = alignof(max_align_t);

	return (size + unit - 1) / unit * unit;
}
