#include "tests/unit/vary.h"
#include "config/check.h"
#include "config/limits.h"
#include "inspect/text/lexer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKENS_MAX = 4096, TEXT_MAX = 256 * 1024 };

static const char *const strings[] = {"",
                                      "a",
                                      "ab",
                                      "abc",
                                      "abcdef",
                                      "%abc%",
                                      "%ab%",
                                      "ab%",
                                      "%ab",
                                      "%",
                                      "_",
                                      "a.c",
                                      "^a",
                                      "^abc",
                                      "x[y]z",
                                      "{a,b}",
                                      "a b",
                                      "it's",
                                      "%d_a_b",
                                      "ééé",
                                      "é",
                                      "12",
                                      "-5",
                                      "UTC",
                                      "CET",
                                      "german",
                                      "english",
                                      "month",
                                      "day",
                                      "\\",
                                      "\\%x",
                                      "a\\",
                                      "null",
                                      "1 day",
                                      "{1,2}",
                                      "(a|b)",
                                      "a*b",
                                      "a+",
                                      "a@b.de",
                                      "0b5c6e8",
                                      "k",
                                      "key",
                                      "a long literal of words",
                                      "{}",
                                      "[]",
                                      "{\"a\": 1}",
                                      "[{\"a\": \"it's\"}]",
                                      "[draft]",
                                      "!",
                                      "********",
                                      "hunter2",
                                      "yes",
                                      "/a/b",
                                      "pbkdf2_sha256$260000$c2FsdA$Zm9vYmFyYmF6",
                                      "pbkdf2_sha256$1000$c2FsdA$Zm9vYmFyYmF6",
                                      "5f4dcc3b5aa765d61d8327deb882cf99",
                                      "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
                                      "4111 1111 1111 1111",
                                      "4111111111111112",
                                      "Zk3x9QpLw7Rt2VbN8mYs",
                                      "SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5",
                                      "host=a password=b",
                                      "host=a"};
static const char *const integers[] = {"0",          "1",
                                       "2",          "7",
                                       "12",         "123",
                                       "9999",       "10000",
                                       "10001",      "2147483647",
                                       "2147483648", "9223372036854775807",
                                       "00012",      "9223372036854775808"};
static const char *const decimals[] = {"1.5", ".5", "5.", "1e10", "1.5E-3", "123.456", "12e3"};
static const char *const spaces[] = {" ", "  ", "\n", "\t", " /* it's */ ", " -- it's\n", "/* a /* b */ */"};

struct text {
	char *bytes;
	size_t len;
};

static void put(struct text *text, const char *bytes, size_t len);
static void put_token(struct vary *vary, struct text *text, const struct lexer_token *token);
static void put_string(struct text *text, const struct lexer_token *token, const char *value);
static size_t close_of(const struct lexer_token *tokens, size_t count, size_t open);
static bool is(const struct lexer_token *token, const char *spelling);

uint64_t vary_random(struct vary *vary)
{
	/* xorshift64 */
	vary->random ^= vary->random << 13;
	vary->random ^= vary->random >> 7;
	vary->random ^= vary->random << 17;
	return vary->random;
}

char *vary_statement(struct vary *vary, const char *sql, size_t len)
{
	static struct lexer_token tokens[TOKENS_MAX];
	struct text text = {.bytes = malloc(TEXT_MAX)};
	struct lexer lexer;
	size_t count = 0;

	/* A quote without end is the last token, and stays as it is. */
	lexer_init(&lexer, sql, len, true);
	for (;;) {
		CHECK(count < TOKENS_MAX);
		tokens[count] = lexer_next(&lexer);
		if (tokens[count].kind == LEXER_END)
			break;
		if (tokens[count++].kind == LEXER_UNTERMINATED)
			break;
	}
	for (size_t at = 0; at < count; at++) {
		bool after_open = at > 0 && (is(&tokens[at - 1], "(") || is(&tokens[at - 1], ","));
		bool lists = !vary->string && vary_random(vary) % 3 == 0;

		put_token(vary, &text, &tokens[at]);
		/* One more member of a list: a literal, or what stands in brackets. */
		if (lists && after_open && lexer_is_literal(tokens[at].kind)) {
			put(&text, ",", 1);
			put_token(vary, &text, &tokens[at]);
		}
		if (lists && is(&tokens[at], "(") && at > 0 &&
		    (is(&tokens[at - 1], ",") || is(&tokens[at - 1], "values"))) {
			size_t close = close_of(tokens, count, at);

			if (close > at && text.len < TEXT_MAX / 4) {
				for (size_t inside = at + 1; inside <= close; inside++)
					put_token(vary, &text, &tokens[inside]);
				put(&text, ", (", 3);
			}
		}
		/* One member less. */
		if (lists && lexer_is_literal(tokens[at].kind) && after_open && at + 2 < count &&
		    is(&tokens[at + 1], ",") && lexer_is_literal(tokens[at + 2].kind))
			at += 2;
	}
	put(&text, "", 1);
	return text.bytes;
}

char *vary_structure(struct vary *vary, const char *sql)
{
	static const char *const pieces[] = {
	    ",",           "(",          ")",       "[",        "]",       ";",    "::",     ".",      "->",
	    "->>",         "#>",         "~",       "=",        "-",       "+",    "||",     "'a%'",   "'b'",
	    "7",           "1.5",        "in",      "values",   "select",  "set",  "update", "from",   "where",
	    "as",          "array",      "like",    "case",     "between", "zone", "at",     "time",   "varchar",
	    "by",          "limit",      "offset",  "not",      "null",    "$1",   "x",      "\"y\"",  "on",
	    "returning",   "union",      "with",    "table",    "create",  "and",  "or",     "escape", "operator",
	    "to_tsvector", "date_trunc", "extract", "interval", "distinct"};
	struct text text = {.bytes = malloc(TEXT_MAX)};
	struct lexer_token token;
	struct lexer lexer;

	lexer_init(&lexer, sql, strlen(sql), true);
	for (token = lexer_next(&lexer); token.kind != LEXER_END; token = lexer_next(&lexer)) {
		uint64_t random = vary_random(vary);
		const char *piece = pieces[random / 32 % ARRAY_LEN(pieces)];

		if (token.space_before)
			put(&text, " ", 1);
		if (random % 32 == 0) {
			put(&text, piece, strlen(piece));
			put(&text, " ", 1);
		}
		if (random % 32 == 1)
			continue;
		put(&text, token.text, token.len);
		if (random % 32 == 2) {
			put(&text, " ", 1);
			put(&text, token.text, token.len);
		}
		if (random % 32 == 3) {
			put(&text, " ", 1);
			put(&text, piece, strlen(piece));
		}
	}
	put(&text, "", 1);
	return text.bytes;
}

char **vary_corpus(size_t *count)
{
	FILE *file = fopen("tests/unit/corpus.sql", "r");
	char **corpus = NULL, *line = NULL;
	size_t size = 0;
	ssize_t len;

	CHECK(file); /* tests run in the project's directory */
	*count = 0;
	while ((len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if (len == 0 || strncmp(line, "--", 2) == 0)
			continue;
		corpus = realloc(corpus, (*count + 1) * sizeof(*corpus));
		corpus[(*count)++] = strdup(line);
	}
	free(line);
	fclose(file);
	return corpus;
}

void vary_corpus_free(char **corpus, size_t count)
{
	for (size_t at = 0; at < count; at++)
		free(corpus[at]);
	free(corpus);
}

void vary_on_parse_stack(void *(*run)(void *), void *context)
{
	pthread_attr_t attributes;
	pthread_t thread;

	CHECK(pthread_attr_init(&attributes) == 0);
	CHECK(pthread_attr_setstacksize(&attributes, LIMIT_PARSE_STACK_BYTES) == 0);
	CHECK(pthread_create(&thread, &attributes, run, context) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&attributes);
}

static void put(struct text *text, const char *bytes, size_t len)
{
	CHECK(text->len + len <= TEXT_MAX);
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

static void put_token(struct vary *vary, struct text *text, const struct lexer_token *token)
{
	uint64_t random = vary_random(vary);
	bool plain = vary->string != NULL;
	const char *space = plain || random % 4 ? " " : spaces[random / 4 % ARRAY_LEN(spaces)];

	random = vary_random(vary);
	if (token->space_before)
		put(text, space, strlen(space));
	if (lexer_is_string(token->kind) && token->body && (plain || random % 2)) {
		put_string(text, token, plain ? vary->string : strings[random / 2 % ARRAY_LEN(strings)]);
	} else if (token->kind == LEXER_INTEGER && (plain || random % 2)) {
		const char *digits = plain ? vary->digits : integers[random / 2 % ARRAY_LEN(integers)];

		put(text, digits, strlen(digits));
	} else if (token->kind == LEXER_DECIMAL && (plain || random % 2)) {
		const char *digits = plain ? vary->digits : decimals[random / 2 % ARRAY_LEN(decimals)];

		put(text, digits, strlen(digits));
		if (plain)
			put(text, ".5", 2);
	} else if (token->kind == LEXER_WORD && !plain && random % 4 == 0) {
		for (size_t at = 0; at < token->len; at++) {
			char byte = token->text[at];

			if (byte >= 'a' && byte <= 'z')
				byte = (char)(byte - 32);
			else if (byte >= 'A' && byte <= 'Z')
				byte = (char)(byte + 32);
			put(text, &byte, 1);
		}
	} else {
		put(text, token->text, token->len);
	}
}

/* `value` in the token's own kind of quotes. */
static void put_string(struct text *text, const struct lexer_token *token, const char *value)
{
	bool escapes = token->kind == LEXER_ESCAPE_STRING;

	if (token->kind == LEXER_DOLLAR_STRING) {
		put(text, "$vary$", 6);
		put(text, value, strlen(value));
		put(text, "$vary$", 6);
		return;
	}
	put(text, token->text, (size_t)(token->body - token->text));
	for (; *value; value++) {
		if (*value == '\'' || (*value == '\\' && (escapes || token->kind == LEXER_UNICODE_STRING)))
			put(text, value, 1);
		put(text, value, 1);
	}
	put(text, "'", 1);
}

static size_t close_of(const struct lexer_token *tokens, size_t count, size_t open)
{
	size_t depth = 0;

	for (size_t at = open; at < count; at++) {
		if (is(&tokens[at], "("))
			depth++;
		else if (is(&tokens[at], ")") && --depth == 0)
			return at;
	}
	return 0;
}

static bool is(const struct lexer_token *token, const char *spelling)
{
	return token->len == strlen(spelling) && strncasecmp(token->text, spelling, token->len) == 0;
}
