#include "inspect/text/pass.h"
#include "config/utf8.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture: a pass over a text, whose tokens the case renders one by one ---------------------------------- */

enum { KEY_BYTES = 512, REDUCED_BYTES = 256 };

struct fixture {
	struct canonical out;
	struct pass pass;
};

static void begin(struct fixture *fixture, const char *sql, unsigned want)
{
	struct pass *pass = &fixture->pass;
	memset(pass, 0, sizeof *pass);
	pass->out = &fixture->out;
	pass->want = want;
	pass->token = &pass->slots[0];
	pass->previous = &pass->slots[1];
	fixture->out.key.len = fixture->out.query.len = fixture->out.reduced.len = 0;
	lexer_init(&pass->lexer, sql, strlen(sql), true);
}

static void next(struct pass *pass)
{
	struct lexer_token *token = pass->previous;
	pass->previous = pass->token;
	pass->token = token;
	lexer_read(&pass->lexer, token);
}

static void put(struct pass *pass, char tag)
{
	next(pass);
	rendering_token(pass, tag, pass->token->text, pass->token->len);
}

static void expect(const struct canonical_text *text, const char *bytes, size_t len)
{
	assert_int_equal(text->len, len);
	assert_memory_equal(text->bytes, bytes, len);
}
#define EXPECT(text, literal) expect(&(text), literal, sizeof(literal) - 1)

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	rendering_reserve(&fixture->out.key, KEY_BYTES);
	rendering_reserve(&fixture->out.query, LIMIT_QUERY_TEXT_BYTES + 64);
	rendering_reserve(&fixture->out.reduced, REDUCED_BYTES);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	free(fixture->out.key.bytes);
	free(fixture->out.query.bytes);
	free(fixture->out.reduced.bytes);
	free(fixture);
	return 0;
}

/* -- cases -------------------------------------------------------------------------------------------------- */

/* A word is folded in the key, ASCII letters alone, and nowhere else; a quoted name stays; a tag may come alone. */
static void the_key_folds_words(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	begin(fixture, "AZaz_É \"AZ\"(", CANONICAL_QUERY | CANONICAL_REDUCED);
	put(pass, 'w');
	put(pass, 'q');
	next(pass);
	rendering_token(pass, '(', NULL, 0);
	EXPECT(fixture->out.key, "wazaz_É\0q\"AZ\"\0(");
	EXPECT(fixture->out.query, "AZaz_É \"AZ\"(");
	EXPECT(fixture->out.reduced, "AZaz_É \"AZ\"(");
}

/* Each text is written only where it is wanted, the key always. */
static void only_what_is_wanted_is_written(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	for (unsigned want = 0; want < 4; want++) {
		begin(fixture, "a 'b'", want);
		put(pass, 'w');
		next(pass);
		rendering_number(pass);
		rendering_spelling(pass);
		EXPECT(fixture->out.key, "wa\0");
		assert_int_equal(fixture->out.query.len, want & CANONICAL_QUERY ? strlen("a $1") : 0);
		assert_int_equal(fixture->out.reduced.len, want & CANONICAL_REDUCED ? strlen("a 'b'") : 0);
	}
}

/* Any white space and any comment become one blank, none at the start; a number never grows onto a word. */
static void space_is_folded(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	begin(fixture, "/* x */ date'1'\n--\n , \t'2'+'3'", CANONICAL_QUERY | CANONICAL_REDUCED);
	put(pass, 'w');
	for (next(pass); pass->token->kind != LEXER_END; next(pass)) {
		if (lexer_is_literal(pass->token->kind)) {
			rendering_number(pass);
			rendering_spelling(pass);
		} else {
			rendering_token(pass, 'p', pass->token->text, pass->token->len);
		}
	}
	EXPECT(fixture->out.query, "date $1 , $2+$3");
	EXPECT(fixture->out.reduced, "date'1' , '2'+'3'");
}

/* Numbers go on behind the highest that the statement has. */
static void numbers_go_on(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, "", CANONICAL_QUERY);
	fixture->pass.number = 65534;
	rendering_number(&fixture->pass);
	rendering_number(&fixture->pass);
	EXPECT(fixture->out.query, "$65535$65536");
}

/* The bare value of a custom setting becomes a number in the text; its name and its operator stay. */
static void a_setting_is_hidden(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	begin(fixture, "token = secret \"secret\"", CANONICAL_QUERY);
	put(pass, 'w');
	pass->set = SET_VALUE;
	put(pass, 'o');
	put(pass, 'w');
	put(pass, 'q');
	EXPECT(fixture->out.query, "token = $1 $2");
	EXPECT(fixture->out.key, "wtoken\0o=\0wsecret\0q\"secret\"\0");
}

/* Going back undoes everything since the mark, and what follows is written as if it had come first. */
static void a_mark_is_gone_back_to(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	begin(fixture, "a b c", CANONICAL_QUERY | CANONICAL_REDUCED);
	put(pass, 'w');
	pass->tokens = 1;
	pass->operators = 2;
	struct mark mark = rendering_mark(pass);
	put(pass, 'w');
	rendering_number(pass);
	pass->tokens = pass->operators = 9;
	rendering_go_back(pass, &mark);
	assert_int_equal(pass->tokens, 1);
	assert_int_equal(pass->operators, 2);
	put(pass, 'w');
	rendering_number(pass);
	EXPECT(fixture->out.key, "wa\0wc\0");
	EXPECT(fixture->out.query, "a c $1");
	EXPECT(fixture->out.reduced, "a c");
}

/* What is too long counts on without being written, so going back below the ceiling makes the text whole again. */
static void going_back_below_the_ceiling(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	begin(fixture, "", CANONICAL_QUERY);
	rendering_query(pass, "short", 5);
	struct mark mark = rendering_mark(pass);
	size_t pieces = fixture->out.query.size / 7 + 100;
	for (size_t at = 0; at < pieces; at++)
		rendering_query(pass, "seven b", 7);
	assert_int_equal(fixture->out.query.len, 5 + 7 * pieces);
	rendering_go_back(pass, &mark);
	rendering_finish(pass);
	assert_string_equal(fixture->out.query.bytes, "short");
}

/* A text of the ceiling's length stays; one byte more, and it ends with an ellipsis, on a character's boundary. */
static void the_ceiling_holds(void **state)
{
	struct fixture *fixture = *state;
	struct pass *pass = &fixture->pass;
	struct canonical_text *query = &fixture->out.query;
	static const char *const characters[] = {"x", "é", "日", "😀"};
	for (size_t at = 0; at < ARRAY_LEN(characters); at++) {
		size_t width = strlen(characters[at]);
		for (size_t shift = 0; shift < width; shift++) {
			begin(fixture, "", CANONICAL_QUERY);
			rendering_query(pass, "aaaa", shift);
			while (query->len + width <= LIMIT_QUERY_TEXT_BYTES)
				rendering_query(pass, characters[at], width);
			size_t whole = query->len;
			rendering_finish(pass);
			assert_int_equal(query->len, whole);
			rendering_query(pass, characters[at], width);
			rendering_finish(pass);
			assert_in_range(query->len, LIMIT_QUERY_TEXT_BYTES - width + 1, LIMIT_QUERY_TEXT_BYTES);
			assert_int_equal(strlen(query->bytes), query->len);
			assert_string_equal(query->bytes + query->len - strlen("…"), "…");
			for (size_t from = 0, taken; from < query->len; from += taken)
				assert_int_not_equal(utf8_next(query->bytes + from, query->len - from, &taken),
				                     UTF8_INVALID);
		}
	}
}

/* Semicolons and blanks at the end go, those before stay; a text of nothing else is empty. */
static void the_end_is_trimmed(void **state)
{
	struct fixture *fixture = *state;
	static const char *const texts[][2] = {{"a; b; ;; ", "a; b"}, {"; ;", ""}, {"", ""}, {" ;a", " ;a"}};
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		begin(fixture, "", CANONICAL_QUERY);
		rendering_query(&fixture->pass, texts[at][0], strlen(texts[at][0]));
		rendering_finish(&fixture->pass);
		assert_string_equal(fixture->out.query.bytes, texts[at][1]);
		assert_int_equal(fixture->out.query.len, strlen(texts[at][1]));
	}
}

/* Room grows to what is asked for, with some to spare, and is kept when less is asked for. */
static void room_grows_only(void **state)
{
	struct canonical_text text = {0};
	(void)state;
	rendering_reserve(&text, 1);
	assert_int_equal(text.size, 4096);
	char *bytes = text.bytes;
	rendering_reserve(&text, 4096);
	assert_ptr_equal(text.bytes, bytes);
	rendering_reserve(&text, 4097);
	assert_true(text.size > 4097);
	memset(text.bytes, 'x', text.size);
	size_t size = text.size;
	rendering_reserve(&text, 1);
	assert_int_equal(text.size, size);
	free(text.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    CASE(the_key_folds_words),
	    CASE(only_what_is_wanted_is_written),
	    CASE(space_is_folded),
	    CASE(numbers_go_on),
	    CASE(a_setting_is_hidden),
	    CASE(a_mark_is_gone_back_to),
	    CASE(going_back_below_the_ceiling),
	    CASE(the_ceiling_holds),
	    CASE(the_end_is_trimmed),
	    CASE(room_grows_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
