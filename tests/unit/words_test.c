#include "inspect/text/words.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct words words;

static enum words_word find(const char *text, bool fold)
{
	/* In memory of just its length, so that the sanitizer sees a read beyond it. */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	enum words_word word;

	memcpy(copy, text, len);
	word = words_find(&words, copy, len, fold);
	free(copy);
	return word;
}

/* Words are found in any case, but in quotes only as they are stored. */
static void words_are_found(void **state)
{
	(void)state;
	words_init(&words);
	assert_int_equal(find("select", true), WORD_SELECT);
	assert_int_equal(find("SELECT", true), WORD_SELECT);
	assert_int_equal(find("SeLeCt", true), WORD_SELECT);
	assert_int_equal(find("in", true), WORD_IN);
	assert_int_equal(find("websearch_to_tsquery", true), WORD_WEBSEARCH_TO_TSQUERY);
	assert_int_equal(find("to_tsvector", false), WORD_TO_TSVECTOR);
	assert_int_equal(find("TO_TSVECTOR", false), WORD_NONE);
}

/* What is longer, shorter or only alike is no word. */
static void other_names_are_not_found(void **state)
{
	static const char *const texts[] = {"",
	                                    "s",
	                                    "selec",
	                                    "selects",
	                                    "xselect",
	                                    "selecT ",
	                                    "se1ect",
	                                    "[elect",
	                                    "\xD3"
	                                    "ELECT",
	                                    "i",
	                                    "inn",
	                                    "id",
	                                    "websearch_to_tsqueryx",
	                                    "a_very_long_name_that_is_no_word_at_all"};

	(void)state;
	words_init(&words);
	for (size_t at = 0; at < sizeof(texts) / sizeof(*texts); at++)
		assert_int_equal(find(texts[at], true), WORD_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_found),
	    cmocka_unit_test(other_names_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
