/* Memory that is freed all at once: a list of blocks, handed out from the front. Not for the hot path. */
#ifndef PGPROCTOR_INSPECT_ARENA_H
#define PGPROCTOR_INSPECT_ARENA_H

#include "config/check.h"

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t bytes; /* allocated in all, block headers included */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);
/* Zeroed, aligned for any type; aborts when there is no memory. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text, size_t len);
char *arena_text(struct arena *arena, const char *text); /* NULL stays NULL */
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
