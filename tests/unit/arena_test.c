#include "inspect/arena.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdalign.h>
#include <string.h>
#include <cmocka.h>

/* Memory is zeroed, aligned, and no two pieces overlap, whatever sizes follow each other. */
static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {1, 0, 7, 16, 1000, 24, 100000, 3, 65536, 5, 40000, 40000, 9};
	unsigned char *pieces[200];
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		size_t size = sizes[i % ARRAY_LEN(sizes)];

		pieces[i] = arena_alloc(&arena, size);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(pieces[i][at], 0);
		memset(pieces[i], (int)(i + 1), size);
	}
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		for (size_t at = 0; at < sizes[i % ARRAY_LEN(sizes)]; at++)
			assert_int_equal(pieces[i][at], (unsigned char)(i + 1));
	}
	arena_fini(&arena);
}

/* `bytes` counts every block, and a finished arena is an empty one that can be used again. */
static void bytes_are_counted_and_forgotten(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(arena.bytes, 0);
	(void)arena_alloc(&arena, 10);
	assert_in_range(arena.bytes, 10, 2048);
	(void)arena_alloc(&arena, 1000000);
	assert_in_range(arena.bytes, 1000010, 1010000);
	arena_fini(&arena);
	assert_int_equal(arena.bytes, 0);
	assert_string_equal(arena_copy(&arena, "again", 5), "again");
	arena_fini(&arena);
	arena_fini(&arena);
}

/* A copy ends where it is told to, holds zero bytes if the original does, and is terminated. */
static void copies_are_terminated(void **state)
{
	struct arena arena;
	char *copy;

	(void)state;
	arena_init(&arena);
	copy = arena_copy(&arena, "ab\0cd", 5);
	assert_memory_equal(copy, "ab\0cd", 6);
	assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_copy(&arena, NULL, 0), "");
	assert_string_equal(arena_text(&arena, "text"), "text");
	assert_null(arena_text(&arena, NULL));
	arena_fini(&arena);
}

/* A printed text is as long as it needs to be. */
static void printed_texts_are_whole(void **state)
{
	char *text, filler[5000];
	struct arena arena;

	(void)state;
	arena_init(&arena);
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	assert_string_equal(arena_printf(&arena, "%d rows of \"%s\"", 12, "item"), "12 rows of \"item\"");
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
	text = arena_printf(&arena, "<%s>", filler);
	assert_int_equal(strlen(text), sizeof(filler) + 1);
	assert_int_equal(text[sizeof(filler)], '>');
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
	    cmocka_unit_test(bytes_are_counted_and_forgotten),
	    cmocka_unit_test(copies_are_terminated),
	    cmocka_unit_test(printed_texts_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
