/* The programmer's errors, and the few macros every file needs.
 *
 * CHECK is on in every build and aborts: it guards what only a bug of ours can break, never anything
 * that came from a peer, a file or the server. DCHECK is for checks too dear for production. */
#ifndef PGPROCTOR_CONFIG_CHECK_H
#define PGPROCTOR_CONFIG_CHECK_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (__builtin_expect(!(condition), 0))                                                                 \
			check_failed(#condition, __FILE__, __LINE__, __func__);                                        \
	} while (0)

#ifdef PGPROCTOR_DCHECK
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

static inline __attribute__((noreturn, cold)) void check_failed(const char *condition, const char *file, int line,
                                                                const char *function)
{
	fprintf(stderr, "pgproctor: bug: %s:%d: %s: CHECK(%s) failed\n", file, line, function, condition);
	abort();
}

#endif
