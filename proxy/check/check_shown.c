#include "proxy/check/check_shown.h"

#include "config/check.h"
#include "inspect/text/lexer.h"

#include <stdlib.h>
#include <string.h>

static void hide(char *from, const char *end);

void check_shown_init(struct check_shown *shown, const char *text, size_t len)
{
	*shown = (struct check_shown){.text = text, .len = len};
}

void check_shown_fini(struct check_shown *shown)
{
	free(shown->copy);
	*shown = (struct check_shown){0};
}

void check_shown_hide(struct check_shown *shown, const char *at, size_t len, bool standard_conforming_strings)
{
	struct lexer lexer;
	struct lexer_token token;

	CHECK(at >= shown->text && len <= shown->len - (size_t)(at - shown->text));
	if (!shown->copy) {
		shown->copy = malloc(shown->len + 1);
		CHECK(shown->copy);
		memcpy(shown->copy, shown->text, shown->len);
	}
	char *copy = shown->copy + (at - shown->text);
	lexer_init(&lexer, at, len, standard_conforming_strings);
	do {
		token = lexer_next(&lexer);
		if (token.kind == LEXER_UNTERMINATED)
			hide(copy + (token.text - at) + (token.text < at + len), copy + len);
		else if (lexer_is_string(token.kind))
			hide(copy + (token.body - at), copy + (token.body - at) + token.body_len);
	} while (token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED);
}

const char *check_shown_at(const struct check_shown *shown, const char *at)
{
	return shown->copy ? shown->copy + (at - shown->text) : at;
}

static void hide(char *from, const char *end)
{
	for (; from < end; from++) {
		if (*from != '\n')
			*from = '*';
	}
}
