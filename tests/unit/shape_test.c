#include "inspect/text/shape.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* What is expected of a pattern: l leading wildcard, w wildcard, o only wildcards, t trigram, p prefix. */
struct expectation {
	const char *text;
	const char *shape;
};

static const char *shape_text(struct pattern_shape shape)
{
	static char text[8];
	size_t len = 0;

	assert_true(shape.known);
	if (shape.leading_wildcard)
		text[len++] = 'l';
	if (shape.has_wildcard)
		text[len++] = 'w';
	if (shape.only_wildcards)
		text[len++] = 'o';
	if (shape.has_trigram)
		text[len++] = 't';
	if (shape.has_prefix)
		text[len++] = 'p';
	if (shape.asks_item)
		text[len++] = 'i';
	text[len] = '\0';
	return text;
}

static void expect(struct pattern_shape (*shape)(const char *, size_t), const struct expectation *all, size_t count)
{
	for (size_t at = 0; at < count; at++) {
		const char *found = shape_text(shape(all[at].text, strlen(all[at].text)));

		if (strcmp(found, all[at].shape) != 0)
			fail_msg("'%s' is \"%s\", not \"%s\"", all[at].text, found, all[at].shape);
	}
}

/* The patterns whose trigrams were looked up in PostgreSQL 15 with show_trgm and EXPLAIN, and their neighbours. */
static void like_patterns_yield_the_trigrams_of_pg_trgm(void **state)
{
	static const struct expectation all[] = {
	    {"", "o"},          {"%", "lwo"},     {"%%", "lwo"},     {"_", "lwo"},         {"%_%", "lwo"},
	    {"%ab%", "lw"},     {"%abc%", "lwt"}, {"%d_a_b%", "lw"}, {"%d_abc_b%", "lwt"}, {"%---%", "lw"},
	    {"%a%", "lw"},      {"%a", "lw"},     {"%ab", "lwt"},    {"a%", "wtp"},        {"ab%", "wtp"},
	    {"a", "tp"},        {"abc", "tp"},    {"_abc", "lwt"},   {"a_c", "wtp"},       {"% de%", "lwt"},
	    {"%ab cd%", "lwt"}, {"%ab %", "lwt"}, {"% d%", "lwt"},   {"%a-%", "lw"},       {"%-a%", "lwt"},
	    {"-", "p"},         {"-%", "wp"},     {"%12%", "lw"},    {"%123%", "lwt"},
	    {"%,x,%", "lwti"},  {"%;ab;%", "lwti"}, {"%,", "lwi"},   {"%,,%", "lw"},       {"%,x%", "lwt"},
	    {"%x,%", "lw"},     {"%,x;%", "lwt"}, {"_,x,%", "lwt"},  {"%,%", "lw"},
	};

	(void)state;
	expect(shape_like, all, ARRAY_LEN(all));
}

/* A backslash takes the next character's meaning away, also a wildcard's; at the very end it is a character. */
static void escapes_are_no_wildcards(void **state)
{
	static const struct expectation all[] = {
	    {"\\%", "p"},       {"\\%%", "wp"},     {"\\_a", "tp"},     {"%\\%%", "lw"},
	    {"%50\\%%", "lwt"}, /* the per cent sign ends the word, and its end is known */
	    {"%5\\%%", "lw"},   {"%a\\_b%", "lwt"}, {"%\\abc%", "lwt"}, {"%\\ab%", "lw"},
	    {"\\\\%", "wp"},    {"abc\\", "tp"},    {"\\", "p"},        {"%\\", "lw"},
	};

	(void)state;
	expect(shape_like, all, ARRAY_LEN(all));
}

/* pg_trgm counts characters, not bytes. */
static void multibyte_characters_count_once(void **state)
{
	static const struct expectation all[] = {
	    {"%é%", "lw"},       {"%éé%", "lw"}, {"%ééé%", "lwt"}, {"%日本%", "lw"},
	    {"%日本語%", "lwt"}, {"%😀😀%", "lw"}, {"é%", "wtp"},
	};

	(void)state;
	expect(shape_like, all, ARRAY_LEN(all));
}

/* What is not UTF-8 is counted somehow, and read no further than it goes. */
static void broken_characters_do_no_harm(void **state)
{
	static const char broken[] = {'%', (char)0x80, (char)0xBF, (char)0xFF, (char)0xE2, '%'};

	(void)state;
	for (size_t len = 0; len <= sizeof(broken); len++) {
		assert_true(shape_like(broken, len).known);
		assert_true(shape_regex(broken, len).known);
		assert_true(shape_similar(broken, len).known);
		assert_true(shape_class(broken, len) < 0x8000);
	}
	assert_true(shape_like("%\0abc%", 6).has_trigram);
	assert_false(shape_like("%\0ab%", 5).leading_wildcard == false);
}

/* Of a regular expression "no trigram" is said only when there surely is none. */
static void regexes_are_judged_with_care(void **state)
{
	static const struct expectation all[] = {
	    {"", "lo"},        {".", "lwo"},     {".*", "lwo"},    {"ab", "l"},
	    {"abc", "lt"},     {"a.b", "lw"},    {"ab.*cd", "lw"}, {"abc.*cd", "lwt"},
	    {"ab?c", "lw"},    {"ab*cd", "lwt"}, /* the poorest match, "acd", has one */
	    {"abc?", "lw"},    {"ab+", "lw"},    {"---", "l"},     {"^ab", "wtp"},
	    {"^abc", "wtp"},   {"ab$", "lwt"},   {"a b", "lt"},    {"[ab]c", "lwt"},
	    {"\\d\\d", "lwt"}, {"(a|b)", "lwt"}, {"^", "lw"},      {"^*a", "lwt"},
	    {"^a*b", "lwt"},   {"^a?b", "lwt"},  {"^(ab)", "wtp"}, {"^[ab]", "lwt"},
	    {"^ab|cd", "lwt"}, {"^\\.a", "wtp"}, {"^\\d", "lwt"},  {"^.a", "lwt"},
	    {"éé", "l"},       {"ééé", "lt"},
	};

	(void)state;
	expect(shape_regex, all, ARRAY_LEN(all));
}

/* SIMILAR TO is LIKE until a regex's character comes. */
static void similar_is_like_and_regex(void **state)
{
	static const struct expectation all[] = {
	    {"%ab%", "lw"}, {"abc", "tp"},    {"%(ab|cd)%", "lwt"}, {"abc|def", "lwt"}, {"ab*", "wtp"},
	    {"a*b", "lwt"}, {"(abc)", "tp"}, {"%|%", "lw"},        {"a[bc]%", "wtp"},
	    {"%,ab,%", "lwti"}, {"%,a+,%", "lwt"}, {"%|ab|%", "lwt"},
	};

	(void)state;
	expect(shape_similar, all, ARRAY_LEN(all));
}

/* The class differs whenever one of the three readings does, and texts of one shape share it. */
static void classes_differ_as_shapes_do(void **state)
{
	static const char *const texts[] = {"",     "%",    "%ab%", "%abc%", "ab%", "abc", "a",     "ab",   "a.b",
	                                    "^abc", "ab$",  ".*",   "(a|b)", "-",   "%-%", "a@b.c", "\\%",  "%\\%%",
	                                    "a b",  "abcd", "éé",   "{}",    "[1]", "x_y", "ab?c",  "ab*cd", "%,x,%", "%,x%", "%,",
	                                    "%,a+,%"};

	(void)state;
	for (size_t a = 0; a < ARRAY_LEN(texts); a++) {
		for (size_t b = 0; b < ARRAY_LEN(texts); b++) {
			size_t a_len = strlen(texts[a]), b_len = strlen(texts[b]);
			struct pattern_shape of_a[3] = {shape_like(texts[a], a_len), shape_regex(texts[a], a_len),
			                                shape_similar(texts[a], a_len)};
			struct pattern_shape of_b[3] = {shape_like(texts[b], b_len), shape_regex(texts[b], b_len),
			                                shape_similar(texts[b], b_len)};
			bool same = memcmp(of_a, of_b, sizeof(of_a)) == 0;

			if (same != (shape_class(texts[a], a_len) == shape_class(texts[b], b_len)))
				fail_msg("'%s' and '%s'", texts[a], texts[b]);
		}
	}
	assert_int_equal(shape_class("hello", 5), shape_class("Z99", 3));
	assert_int_not_equal(shape_class("hello", 5), shape_class("", 0));
}

/* As much as is wanted, and told apart by no more than that. */
static void only_what_is_wanted(void **state)
{
	struct shape_wants wants = {0}, more = {0};
	const struct bound_shape all = shape_bound("%lamp%", 6), like = shape_wanted("%lamp%", 6, SHAPE_WANT_LIKE),
	                         regex = shape_wanted("^[", 2, SHAPE_WANT_REGEX),
	                         json = shape_wanted("{\"a\": 1}", 8, SHAPE_WANT_DOCUMENT), nothing = {0};

	(void)state;
	assert_memory_equal(&like.like, &all.like, sizeof(all.like));
	assert_true(like.known && !like.regex.known && !like.similar.known && like.value == VALUE_UNKNOWN);
	assert_true(regex.regex.known && !regex.like.known);
	assert_int_equal(json.value, VALUE_JSON);
	assert_int_equal(shape_wanted("hunter2", 7, SHAPE_WANT_VALUE).value, value_of("hunter2", 7));
	assert_int_equal(shape_bound_class(&all, SHAPE_WANT_LIKE), shape_bound_class(&like, SHAPE_WANT_LIKE));
	assert_int_not_equal(shape_bound_class(&all, SHAPE_WANT_ALL), shape_bound_class(&like, SHAPE_WANT_ALL));
	assert_int_not_equal(shape_bound_class(&nothing, 0), shape_bound_class(&like, 0)); /* NULL */

	shape_wants_add(&wants, 0, SHAPE_WANT_LIKE);
	shape_wants_add(&wants, LIMIT_BOUND_PARAMETERS + 1, SHAPE_WANT_LIKE);
	assert_int_equal(wants.count, 0);
	shape_wants_add(&wants, 3, SHAPE_WANT_LIKE);
	shape_wants_add(&wants, 3, SHAPE_WANT_TEXT);
	shape_wants_add(&more, LIMIT_BOUND_PARAMETERS, SHAPE_WANT_VALUE | SHAPE_WANT_REGEX);
	shape_wants_join(&wants, &more, SHAPE_WANT_VALUE);
	assert_int_equal(wants.count, LIMIT_BOUND_PARAMETERS);
	assert_int_equal(wants.of[2], SHAPE_WANT_LIKE | SHAPE_WANT_TEXT);
	assert_int_equal(wants.of[LIMIT_BOUND_PARAMETERS - 1], SHAPE_WANT_VALUE);
	assert_int_equal(shape_wants_any(&wants), SHAPE_WANT_LIKE | SHAPE_WANT_TEXT | SHAPE_WANT_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(like_patterns_yield_the_trigrams_of_pg_trgm),
	    cmocka_unit_test(escapes_are_no_wildcards),
	    cmocka_unit_test(multibyte_characters_count_once),
	    cmocka_unit_test(broken_characters_do_no_harm),
	    cmocka_unit_test(regexes_are_judged_with_care),
	    cmocka_unit_test(similar_is_like_and_regex),
	    cmocka_unit_test(classes_differ_as_shapes_do),
	    cmocka_unit_test(only_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
