#include "proxy/feed/feed_texts.h"

#include "inspect/tree/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture: a result without a server ------------------------------------------------------------- */

static struct arena arena;
static struct feed_texts texts;
static struct feed_result result;

static int set_up(void **state)
{
	(void)state;
	PGresAttDesc column = {.name = (char *)(uintptr_t) "text"};
	arena_init(&arena);
	feed_texts_init(&texts, &arena);
	result = (struct feed_result){.rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK)};
	return PQsetResultAttrs(result.rows, 1, &column) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	feed_texts_fini(&texts);
	feed_result_free(&result);
	arena_fini(&arena);
	return 0;
}

/* The result's only row has this text from here on. */
static void cell_is(const char *text)
{
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", text != NULL ? text : "");
	assert_int_equal(
	    PQsetvalue(result.rows, 0, 0, text != NULL ? copy : NULL, text != NULL ? (int)strlen(copy) : -1), 1);
}

static const char *canonical(const char *expression)
{
	return feed_texts_canonical(&texts, expression, strlen(expression));
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void null_cells(void **state)
{
	/* NULL is an empty text where one is needed, and told from one where it isn't. */
	(void)state;
	cell_is(NULL);
	assert_string_equal(feed_texts_cell(&texts, &result, 0), "");
	assert_null(feed_texts_optional(&texts, &result, 0));
	cell_is("");
	assert_string_equal(feed_texts_cell(&texts, &result, 0), "");
	assert_string_equal(feed_texts_optional(&texts, &result, 0), "");
}

static void texts_outlive_their_rows(void **state)
{
	/* What was taken stays as it was, whatever becomes of the rows. */
	(void)state;
	cell_is("varchar");
	const char *text = feed_texts_cell(&texts, &result, 0);
	cell_is("another");
	feed_result_free(&result);
	assert_string_equal(text, "varchar");
}

static void a_name_is_kept_once(void **state)
{
	/* The same name in the next row is the same text; another case is another name. */
	(void)state;
	cell_is("varchar");
	const char *first = feed_texts_cell(&texts, &result, 0);
	cell_is("varchar");
	assert_ptr_equal(feed_texts_optional(&texts, &result, 0), first);
	cell_is("Varchar");
	assert_ptr_not_equal(feed_texts_cell(&texts, &result, 0), first);
}

static void names_that_meet_stay_apart(void **state)
{
	/* More names than the table has slots: each is still itself. */
	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int at = 0; at < 2 * FEED_TEXTS_SHARED; at++) {
			char name[32];
			snprintf(name, sizeof(name), "name_%d", at);
			cell_is(name);
			assert_string_equal(feed_texts_cell(&texts, &result, 0), name);
		}
	}
}

static void canonical_expressions(void **state)
{
	/* As the server prints them, expressions come in the form that statements are compared by; of the text just the
	 * given length counts. */
	(void)state;
	assert_string_equal(canonical("upper((name)::text)"), "upper(name)");
	assert_string_equal(canonical("\"Price\""), "Price");
	assert_string_equal(canonical("((d ->> 'a'::text))"), canonical("d ->> 'a'"));
	assert_string_equal(feed_texts_canonical(&texts, "upper(name) text_pattern_ops", strlen("upper(name)")),
	                    "upper(name)");
	char text[] = "lower(name)";
	const char *lower = canonical(text);
	memset(text, 'x', sizeof(text) - 1);
	assert_string_equal(lower, "lower(name)");
}

static void texts_that_are_no_expressions(void **state)
{
	/* What the grammar can't make anything of stays as it stands: not the end of the load, and like nothing else.
	 */
	(void)state;
	static const char *const none[] = {"", "upper(", "a b c", "a; SELECT 1", "'open", "a)", "/* open", "a, b"};
	for (size_t at = 0; at < ARRAY_LEN(none); at++)
		assert_string_equal(canonical(none[at]), none[at]);
}

static void large_expressions(void **state)
{
	/* Past 16 KiB, and past a depth that the grammar could bear, a text is not parsed. */
	(void)state;
	static char text[32 * 1024];
	const size_t most = 16 * 1024;
	memset(text, ' ', sizeof(text));
	text[0] = 'a';
	assert_string_equal(feed_texts_canonical(&texts, text, most), "a");
	const char *kept = feed_texts_canonical(&texts, text, most + 1);
	assert_int_equal(strlen(kept), most + 1);
	memset(text, '(', most / 2);
	memset(text + most / 2, ')', most / 2);
	text[most / 2] = 'a';
	kept = feed_texts_canonical(&texts, text, most);
	assert_int_equal(strlen(kept), most);
	assert_memory_equal(kept, text, most);
}

/* A view that can't be parsed, or is too long, is there without facts; so is every one past all of them together. */
static void views(void **state)
{
	(void)state;
	const struct catalog_view *view = feed_texts_view(&texts, " SELECT t.a\n   FROM public.t;");
	assert_string_equal(view->definition, " SELECT t.a\n   FROM public.t;");
	assert_int_equal(view->facts->relation_count, 2);
	assert_null(feed_texts_view(&texts, "SELECT FROM WHERE")->facts);
	assert_null(feed_texts_view(&texts, "SELECT 1; SELECT 2")->facts);
	const size_t size = 65 * 1024;
	char *text = calloc(1, size + 1);
	assert_non_null(text);
	memset(text, ' ', size);
	memcpy(text, "SELECT 1", 8);
	assert_null(feed_texts_view(&texts, text)->facts);
	text[60 * 1024] = '\0';
	unsigned parsed = 0;
	for (int at = 0; at < 100; at++)
		parsed += feed_texts_view(&texts, text)->facts != NULL;
	assert_in_range(parsed, 60, 70);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(views, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(null_cells, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(texts_outlive_their_rows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_name_is_kept_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_that_meet_stay_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(canonical_expressions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(texts_that_are_no_expressions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(large_expressions, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
