#include "report/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture ------------------------------------------------------------------------------------- */

static struct page page;
static char *written;
static size_t written_len;

static int set_up(void **state)
{
	(void)state;
	page = (struct page){.file = open_memstream(&written, &written_len), .unicode = true, .width = 20};
	return page.file == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	fclose(page.file);
	free(written);
	return 0;
}

/* What was written since the last time. */
static void assert_written(const char *expected)
{
	/* The stream ends its text where it was last written to, but keeps what an earlier one left behind. */
	fputc('\0', page.file);
	fflush(page.file);
	assert_string_equal(written, expected);
	rewind(page.file);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Nothing from a log can move the cursor: escapes are shown, newlines are kept, bad bytes are replaced. */
static void control_characters(void **state)
{
	(void)state;
	page_text(&page, "a\x1b[2J\r\xc2\x9b\xe2\x80\xae\nb\xff");
	assert_written("a\\u001b[2J\\u000d\\u009b\\u202e\nb\xef\xbf\xbd");
}

/* Without Unicode there is a letter for what we write ourselves, and a question mark for the rest. */
static void ascii_only(void **state)
{
	(void)state;
	page.unicode = false;
	page_text(&page, "3 µs … a – b é");
	assert_written("3 us ... a - b ?");
	page_cut(&page, "0123456789", 8);
	assert_written("01234...");
}

/* A cut text has exactly the columns it was given; one that fits is whole, and white space is folded. */
static void cut(void **state)
{
	(void)state;
	page_cut(&page, "12345", 5);
	assert_written("12345");
	page_cut(&page, "123456", 5);
	assert_written("1234…");
	page_cut(&page, " \n a\t\n b  ", 5);
	assert_written("a b");
	page_cut(&page, "ééééé", 5);
	assert_written("ééééé");
	page_cut(&page, "éééééé", 5);
	assert_written("éééé…");
	page_cut(&page, "", 5);
	assert_written("");
	page_cut(&page, "1234      ", 4);
	assert_written("1234");
}

/* Sentences break between words and go on below where they began; a word longer than a line stays whole. */
static void wrap(void **state)
{
	(void)state;
	page_wrap(&page, "one two three four five", 4);
	assert_written("one two three\n    four five");
	page_wrap(&page, "  one\n two  ", 4);
	assert_written("one two");
	page_wrap(&page, "abcdefghijklmnopqrstuvwxyz a", 4);
	assert_written("abcdefghijklmnopqrstuvwxyz\n    a");
	page_wrap(&page, "", 4);
	assert_written("");
}

/* Columns are filled by characters, and what is too long is not cut. */
static void columns(void **state)
{
	(void)state;
	page_right(&page, "3 µs", 6);
	page_left(&page, "é", 3);
	page_text(&page, "|");
	page_right(&page, "1234567", 3);
	assert_written("  3 µsé  |1234567");
}

/* Colour only where it may be. */
static void colour(void **state)
{
	(void)state;
	page_style(&page, PAGE_RED);
	page_text(&page, "x");
	assert_written("x");
	page.colour = true;
	page_style(&page, PAGE_RED);
	page_text(&page, "x");
	page_style(&page, PAGE_PLAIN);
	assert_written("\033[1;31mx\033[0m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(control_characters, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ascii_only, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wrap, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(colour, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
