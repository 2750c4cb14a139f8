#include "inspect/catalog/deparsed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------- */

static void assert_view(struct deparsed view, const char *expected)
{
	assert_int_equal(view.len, strlen(expected));
	assert_memory_equal(view.text, expected, view.len);
}

/* The not-null columns of an expression, joined by '|'. */
static void assert_not_null(const char *expression, const char *expected)
{
	struct arena arena;
	arena_init(&arena);
	const char *const *columns = NULL;
	uint16_t count = deparsed_not_null((struct deparsed){expression, strlen(expression)}, &arena, &columns);
	char joined[256] = "";
	for (uint16_t i = 0; i < count; i++) {
		size_t len = strlen(joined);
		snprintf(joined + len, sizeof(joined) - len, "%s%s", i > 0 ? "|" : "", columns[i]);
	}
	assert_string_equal(joined, expected);
	assert_true(count > 0 || columns == NULL);
	arena_fini(&arena);
}

/* -- cases --------------------------------------------------------------------------------------- */

static void cuts_the_check_out(void **state)
{
	/* The expression is what the CHECK's own brackets hold, whatever is said after them or quoted in it. */
	(void)state;
	struct deparsed view;
	assert_true(deparsed_check("CHECK ((price > 0))", &view));
	assert_view(view, "(price > 0)");
	assert_true(deparsed_check("CHECK ((price > (0)::numeric)) NO INHERIT NOT VALID", &view));
	assert_view(view, "(price > (0)::numeric)");
	assert_true(deparsed_check("CHECK (((a <> ')'::text) AND (\"odd)name\" <> ''')'''::text))) NOT VALID", &view));
	assert_view(view, "((a <> ')'::text) AND (\"odd)name\" <> ''')'''::text))");
	assert_true(deparsed_check("CHECK (active)", &view));
	assert_view(view, "active");
}

static void refuses_what_is_no_check(void **state)
{
	/* Other constraints, and texts that end too early, are not taken for a CHECK. */
	(void)state;
	struct deparsed view;
	static const char *const wrong[] = {
	    "",           "CHECK",      "CHECK ",     "CHECK (",
	    "CHECK ((a)", "CHECK ('a)", "UNIQUE (a)", "FOREIGN KEY (a) REFERENCES b(c)",
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(deparsed_check(wrong[i], &view));
}

static void cuts_the_predicate_out(void **state)
{
	/* WHERE counts outside names, strings and brackets only. */
	(void)state;
	struct deparsed view;
	assert_true(deparsed_predicate("CREATE INDEX i ON public.t USING btree (a) WHERE (b > 0)", &view));
	assert_view(view, "(b > 0)");
	assert_true(deparsed_predicate(
	    "CREATE UNIQUE INDEX \"x WHERE y\" ON public.\"t (\" USING btree (a, "
	    "replace(b, ' WHERE '::text, '('::text)) INCLUDE (c) WITH (fillfactor='70') WHERE active",
	    &view));
	assert_view(view, "active");
	assert_false(deparsed_predicate("CREATE INDEX \"i WHERE b\" ON public.t USING btree (a)", &view));
	assert_false(deparsed_predicate("CREATE INDEX i ON public.t USING btree (f(' WHERE '::text))", &view));
	assert_false(deparsed_predicate("", &view));
	assert_false(deparsed_predicate("CREATE INDEX \"i WHERE b", &view));
}

static void finds_not_null_columns(void **state)
{
	/* c IS NOT NULL counts alone, and-ed, in any number of brackets, and as a negated IS NULL. */
	(void)state;
	assert_not_null("(c IS NOT NULL)", "c");
	assert_not_null("c IS NOT NULL", "c");
	assert_not_null("(((c IS NOT NULL)))", "c");
	assert_not_null("((c IS NOT NULL) AND (c >= 0))", "c");
	assert_not_null("((c >= 0) AND (c IS NOT NULL))", "c");
	assert_not_null("((a IS NOT NULL) AND (b IS NOT NULL) AND (c > 0))", "a|b");
	assert_not_null("((a IS NOT NULL) AND ((b > 0) AND (c IS NOT NULL)))", "a|c");
	assert_not_null("(NOT (c IS NULL))", "c");
	assert_not_null("((NOT (c IS NULL)) AND (d > 0))", "c");
	assert_not_null("(\"Odd \"\"c\"\" AND )\" IS NOT NULL)", "Odd \"c\" AND )");
	assert_not_null("((a <> ' AND '::text) AND (b2_ IS NOT NULL))", "b2_");
}

static void finds_none_where_null_passes(void **state)
{
	/* What lets a NULL through, or says nothing of a column as such, is no NOT NULL. */
	(void)state;
	assert_not_null("(c >= 0)", "");
	assert_not_null("((c IS NOT NULL) OR (c >= 0))", "");
	assert_not_null("(c IS NULL)", "");
	assert_not_null("(NOT (c IS NOT NULL))", "");
	assert_not_null("(NOT ((c IS NULL) AND (d IS NULL)))", "");
	assert_not_null("(lower(c) IS NOT NULL)", "");
	assert_not_null("((a + b) IS NOT NULL)", "");
	assert_not_null("((c IS NOT NULL) = flag)", "");
	assert_not_null("CASE WHEN (c IS NOT NULL) THEN true ELSE ((a IS NOT NULL) AND (b > 0)) END", "");
	assert_not_null("((c)::text IS NOT NULL)", "");
	assert_not_null("(t.* IS NOT NULL)", "");
	assert_not_null("('c IS NOT NULL'::text = d)", "");
	assert_not_null("", "");
	assert_not_null("()", "");
	assert_not_null("(NOT ", "");
	assert_not_null(" AND ", "");
	assert_not_null("\"c IS NOT NULL", "");
}

static void every_cut_is_safe(void **state)
{
	/* A text cut anywhere is read to its end and no further: each cut lives in memory of just its size. */
	(void)state;
	static const char whole[] =
	    "CHECK (((\"a\"\"b\" IS NOT NULL) AND (NOT (c IS NULL)) AND (d <> ')'' AND'::text)))";
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *cut = malloc(len + 1);
		assert_non_null(cut);
		memcpy(cut, whole, len);
		cut[len] = '\0';
		struct deparsed view;
		bool check = deparsed_check(cut, &view);
		assert_int_equal(check, len == sizeof(whole) - 1);
		assert_false(deparsed_predicate(cut, &view));
		struct arena arena;
		arena_init(&arena);
		char *bare = malloc(len > 0 ? len : 1);
		assert_non_null(bare);
		memcpy(bare, cut, len);
		const char *const *columns;
		(void)deparsed_not_null((struct deparsed){bare, len}, &arena, &columns);
		arena_fini(&arena);
		free(bare);
		free(cut);
	}
}

static void depth_is_bounded(void **state)
{
	/* A thousand nested ANDs end in fewer columns, not in a deep stack. */
	(void)state;
	enum { DEEP = 1000 };
	struct arena arena;
	arena_init(&arena);
	char *text = arena_copy(&arena, "", 0);
	for (int i = 0; i < DEEP; i++)
		text = i == 0 ? arena_text(&arena, "(a IS NOT NULL)") : arena_printf(&arena, "(%s AND b)", text);
	const char *const *columns = NULL;
	assert_int_equal(deparsed_not_null((struct deparsed){text, strlen(text)}, &arena, &columns), 0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cuts_the_check_out),
	    cmocka_unit_test(refuses_what_is_no_check),
	    cmocka_unit_test(cuts_the_predicate_out),
	    cmocka_unit_test(finds_not_null_columns),
	    cmocka_unit_test(finds_none_where_null_passes),
	    cmocka_unit_test(every_cut_is_safe),
	    cmocka_unit_test(depth_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
