#include "inspect/text/lexer.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One letter for each kind, in the order of the enum. */
static const char letters[] = ".wqQseunNbxdifz$+:,j!";

/* "w<select> i<1>": kind and text of each token. The text is copied into memory of just its length, so that the
 * sanitizer sees a read beyond it. */
static const char *lexed(const char *sql, size_t len, bool conforming)
{
	static char out[4096];
	char *copy = malloc(len ? len : 1);
	struct lexer lexer;
	size_t used = 0;

	memcpy(copy, sql, len);
	lexer_init(&lexer, copy, len, conforming);
	for (;;) {
		struct lexer_token token = lexer_next(&lexer);

		if (token.kind == LEXER_END)
			break;
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%c<%.*s>", used ? " " : "",
		                         letters[token.kind], (int)token.len, token.text);
		assert_true(token.len > 0 || token.kind == LEXER_UNTERMINATED);
		assert_true(used < sizeof(out));
		if (token.kind == LEXER_UNTERMINATED)
			break;
	}
	out[used] = '\0';
	free(copy);
	return out;
}

struct pair {
	const char *sql, *tokens;
};

static void expect(const struct pair *pairs, size_t count, bool conforming)
{
	for (size_t at = 0; at < count; at++) {
		const char *found = lexed(pairs[at].sql, strlen(pairs[at].sql), conforming);

		if (strcmp(found, pairs[at].tokens) != 0)
			fail_msg("%s\n  is  %s\n  not %s", pairs[at].sql, found, pairs[at].tokens);
	}
}

/* Words, numbers and parameters end where scan.l ends them. */
static void words_and_numbers(void **state)
{
	static const struct pair pairs[] = {
	    {"", ""},
	    {"select a$b$c é_1", "w<select> w<a$b$c> w<é_1>"},
	    {"1 1.5 .5 1. 1e10 1E-2 1.5e+3", "i<1> f<1.5> f<.5> f<1.> f<1e10> f<1E-2> f<1.5e+3>"},
	    {"1..2", "i<1> ,<..> i<2>"},
	    {"1.5.3", "f<1.5> f<.3>"},
	    {"t.5", "w<t> f<.5>"},
	    {"a.b", "w<a> ,<.> w<b>"},
	    {"1_000 0x1F 123abc 1e 1ex", "z<1_000> z<0x1F> z<123abc> z<1e> z<1ex>"},
	    {"1e-", "z<1e> +<->"},
	    {"$1 $23,$4a", "$<$1> $<$23> ,<,> z<$4a>"},
	    {"x::int[3] := =>", "w<x> :<::> w<int> ,<[> i<3> ,<]> ,<:=> +<=>>"},
	    {"a:b:", "w<a> ,<:> w<b> ,<:>"},
	    {"{ \\ } \v", "j<{> j<\\> j<}> j<\v>"},
	};

	(void)state;
	expect(pairs, ARRAY_LEN(pairs), true);
}

/* Every kind of quote ends at its own end only. */
static void quotes_end_where_they_end(void **state)
{
	static const struct pair pairs[] = {
	    {"'a''b' 'c'", "s<'a''b'> s<'c'>"},
	    {"'a\\' b", "s<'a\\'> w<b>"},
	    {"E'a\\'b' e'\\\\' c", "e<E'a\\'b'> e<e'\\\\'> w<c>"},
	    {"E'a''b'", "e<E'a''b'>"},
	    {"U&'\\0041' u&\"a\"\"b\" \"a\"\"b\"", "u<U&'\\0041'> Q<u&\"a\"\"b\"> q<\"a\"\"b\">"},
	    {"u & 'a' u&x", "w<u> +<&> s<'a'> w<u> +<&> w<x>"},
	    {"B'01' x'1F' N'é'", "b<B'01'> x<x'1F'> n<N'é'>"},
	    {"B'1''0'", "b<B'1'> s<'0'>"},
	    {"be'a'", "w<be> s<'a'>"},
	    {"$$a'b$$ $t$ $$ $u$ $t$x", "d<$$a'b$$> d<$t$ $$ $u$ $t$> w<x>"},
	    {"$é$x$é$", "d<$é$x$é$>"},
	    {"$a$b$a$", "d<$a$b$a$>"},
	    {"$a$ $b$a$", "d<$a$ $b$a$>"},
	    {"a$t$b", "w<a$t$b>"},
	    {"$t $", "j<$> w<t> j<$>"},
	};
	static const struct pair off[] = {
	    {"'a\\'b' c", "e<'a\\'b'> w<c>"},
	    {"N'a\\'b'", "N<N'a\\'b'>"},
	    {"\"a\\\" 'b'", "q<\"a\\\"> e<'b'>"},
	};

	(void)state;
	expect(pairs, ARRAY_LEN(pairs), true);
	expect(off, ARRAY_LEN(off), false);
}

/* A string goes on behind white space with a newline in it, and behind nothing else. */
static void strings_go_on_over_newlines(void **state)
{
	static const struct pair pairs[] = {
	    {"'a'\n'b' c", "s<'a'\n'b'> w<c>"},
	    {"'a' \t\r 'b'", "s<'a' \t\r 'b'>"},
	    {"'a' 'b'", "s<'a'> s<'b'>"},
	    {"'a' -- x\n 'b'", "s<'a' -- x\n 'b'>"},
	    {"'a'\n-- x\n-- '\n'b'", "s<'a'\n-- x\n-- '\n'b'>"},
	    {"'a' -- x", "s<'a'>"},
	    {"'a' /* */\n'b'", "s<'a'> s<'b'>"},
	    {"'a'\nb", "s<'a'> w<b>"},
	    {"E'a'\n'b\\'c'", "e<E'a'\n'b\\'c'>"},
	    {"B'0'\n'1'", "b<B'0'\n'1'>"},
	    {"'a'\nE'b'", "s<'a'> e<E'b'>"},
	};

	(void)state;
	expect(pairs, ARRAY_LEN(pairs), true);
}

/* Comments are white space, nested to any depth; operators end where one begins, and before a trailing sign. */
static void comments_and_operators(void **state)
{
	static const struct pair pairs[] = {
	    {"a/*b/*c*/d*/e", "w<a> w<e>"},
	    {"/**/a/***/b/*/ */c", "w<a> w<b> w<c>"},
	    {"a--b\nc--d\re--f", "w<a> w<c> w<e>"},
	    {"a+-b *- @- ->-1", "w<a> +<+> +<-> w<b> +<*> +<-> +<@-> +<->> +<-> i<1>"},
	    {"a<--b\n1", "w<a> +<<> i<1>"},
	    {"a*/*b*/c", "w<a> +<*> w<c>"},
	    {"a @>/**/b", "w<a> +<@>> w<b>"},
	    {"a->>'k' ?| ?& #>> !~~* <= <> !=", "w<a> +<->>> s<'k'> +<?|> +<?&> +<#>>> +<!~~*> +<<=> +<<>> +<!=>"},
	    {"-1", "+<-> i<1>"},
	    {"a=-1", "w<a> +<=> +<-> i<1>"},
	};

	(void)state;
	expect(pairs, ARRAY_LEN(pairs), true);
}

/* What does not end says so, at whatever byte the text stops, and never reads on. */
static void what_does_not_end_is_told(void **state)
{
	static const char *const texts[] = {"'a",       "'a''", "E'a\\'", "E'\\", "\"a", "\"a\"\"", "$$a$", "$t$a$t",
	                                    "/* /* */", "U&'a", "U&\"a",  "B'1",  "x'",  "N'",      "/*",   "$t$"};
	static const char sql[] = "select E'a\\'b', $t$ $$ $t$, \"q\"\"q\" /* a /* b */ c */ from t -- x\n"
	                          " where U&'\\0041' = 'a'\n'b' + 1.5e-3";

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		const char *found = lexed(texts[at], strlen(texts[at]), true);

		if (found[0] != '!')
			fail_msg("%s is %s", texts[at], found);
	}
	for (size_t len = 0; len < sizeof(sql); len++) {
		assert_non_null(lexed(sql, len, true));
		assert_non_null(lexed(sql, len, false));
	}
}

/* White space is noted: it is all that is left of it in the normalised text. */
static void space_is_noted(void **state)
{
	struct lexer lexer;

	(void)state;
	lexer_init(&lexer, "a b/**/c,d", 10, true);
	assert_false(lexer_next(&lexer).space_before);
	assert_true(lexer_next(&lexer).space_before);
	assert_true(lexer_next(&lexer).space_before);
	assert_false(lexer_next(&lexer).space_before);
	assert_false(lexer_next(&lexer).space_before);
}

static bool decoded(const char *sql, bool conforming, char *out)
{
	struct lexer_token token;
	struct lexer lexer;
	size_t len = 0;
	bool known;

	lexer_init(&lexer, sql, strlen(sql), conforming);
	token = lexer_next(&lexer);
	assert_true(lexer_is_string(token.kind));
	known = lexer_decode(&token, out, &len);
	assert_true(len <= token.body_len);
	out[known ? len : 0] = '\0';
	return known;
}

/* A string's value is what the server makes of it; where that needs more than one-letter escapes, it is not known. */
static void values_are_decoded(void **state)
{
	static const struct pair pairs[] = {
	    {"'a''b'", "a'b"},
	    {"''''", "'"},
	    {"''", ""},
	    {"'a\\n'", "a\\n"},
	    {"E'50\\\\%%'", "50\\%%"},
	    {"E'\\n\\t\\r\\b\\f'", "\n\t\r\b\f"},
	    {"E'\\q\\''", "q'"},
	    {"E'\\é'", "é"},
	    {"E'a''\\'b'", "a''b"},
	    {"'a'\n'b''c'", "ab'c"},
	    {"$t$a''b$t$", "a''b"},
	    {"'a' -- 'x'\n 'b'", "ab"},
	    {"B'01'", "01"},
	};
	static const char *const unknown[] = {"E'\\x41'", "E'\\101'", "E'\\u0041'", "E'\\U00000041'", "U&'a'"};
	char out[64];

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		assert_true(decoded(pairs[at].sql, true, out));
		assert_string_equal(out, pairs[at].tokens);
	}
	for (size_t at = 0; at < ARRAY_LEN(unknown); at++)
		assert_false(decoded(unknown[at], true, out));
	assert_true(decoded("'a\\'b'", false, out));
	assert_string_equal(out, "a'b");
}

/* A string in several parts loses the comments between them, and nothing else. */
static void spelling_drops_comments_between_parts(void **state)
{
	static const struct pair pairs[] = {
	    {"'a' -- it's\n 'b'", "'a'\n'b'"},
	    {"E'a\\'--' --\n\n'b''c--'", "E'a\\'--'\n'b''c--'"},
	    {"'a--b'", "'a--b'"},
	    {"'a''--b'", "'a''--b'"},
	    {"U&'a' -- x\n'--'", "U&'a'\n'--'"},
	    {"a", "a"},
	    {"'a'\n'b'", "'a'\n'b'"},
	};
	char out[64];

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		struct lexer lexer;
		struct lexer_token token;
		size_t len;

		lexer_init(&lexer, pairs[at].sql, strlen(pairs[at].sql), true);
		token = lexer_next(&lexer);
		assert_int_equal(lexer_next(&lexer).kind, LEXER_END);
		len = lexer_spell(&token, out);
		assert_true(len <= token.len);
		out[len] = '\0';
		assert_string_equal(out, pairs[at].tokens);
	}
}

/* A megabyte of the worst is done within the test's patience: nothing looks at the same bytes again and again. */
static void long_texts_take_linear_time(void **state)
{
	static const char *const pieces[] = {"\\\\", "\\'",  "''", "'\n'", "/*", "*/", "$",
	                                     "$a",   "$a$b", "--", "+-",   "((", "1."};
	enum { BYTES = 1 << 20 };
	char *sql = malloc(BYTES);

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pieces); at++) {
		size_t piece = strlen(pieces[at]);

		for (int prefix = 0; prefix < 3; prefix++) {
			struct lexer lexer;
			struct lexer_token token;
			size_t tokens = 0;

			for (size_t byte = 0; byte < BYTES; byte++)
				sql[byte] = pieces[at][byte % piece];
			memcpy(sql, prefix == 0 ? "  " : prefix == 1 ? "E'" : "/*", 2);
			lexer_init(&lexer, sql, BYTES, true);
			do {
				token = lexer_next(&lexer);
				tokens++;
			} while (token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED);
			assert_true(tokens <= BYTES);
		}
	}
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_and_numbers),           cmocka_unit_test(quotes_end_where_they_end),
	    cmocka_unit_test(strings_go_on_over_newlines), cmocka_unit_test(comments_and_operators),
	    cmocka_unit_test(what_does_not_end_is_told),   cmocka_unit_test(space_is_noted),
	    cmocka_unit_test(values_are_decoded),          cmocka_unit_test(spelling_drops_comments_between_parts),
	    cmocka_unit_test(long_texts_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
