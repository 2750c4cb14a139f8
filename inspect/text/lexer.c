#include "inspect/text/lexer.h"
#include "config/check.h"

#include <string.h>

enum byte_class {
	SPACE = 1,       /* {space}: not \v, which is white space from 16 on only */
	IDENT_START = 2, /* {ident_start}: every byte above 0x7F too */
	DIGIT = 4,
	OPERATOR = 8, /* {op_chars} */
	PUNCTUATION = 16,
	/* In an operator, one of these allows a + or - at its end (SQL lets "a*-b" be "a * -b"). */
	OPERATOR_ODD = 32,
};

static const uint8_t classes[256] = {
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['\f'] = SPACE,
    ['a' ... 'z'] = IDENT_START,
    ['A' ... 'Z'] = IDENT_START,
    ['_'] = IDENT_START,
    [0x80 ... 0xFF] = IDENT_START,
    ['0' ... '9'] = DIGIT,
    ['+'] = OPERATOR,
    ['-'] = OPERATOR,
    ['*'] = OPERATOR,
    ['/'] = OPERATOR,
    ['<'] = OPERATOR,
    ['>'] = OPERATOR,
    ['='] = OPERATOR,
    ['~'] = OPERATOR | OPERATOR_ODD,
    ['!'] = OPERATOR | OPERATOR_ODD,
    ['@'] = OPERATOR | OPERATOR_ODD,
    ['#'] = OPERATOR | OPERATOR_ODD,
    ['^'] = OPERATOR | OPERATOR_ODD,
    ['&'] = OPERATOR | OPERATOR_ODD,
    ['|'] = OPERATOR | OPERATOR_ODD,
    ['`'] = OPERATOR | OPERATOR_ODD,
    ['?'] = OPERATOR | OPERATOR_ODD,
    ['%'] = OPERATOR | OPERATOR_ODD,
    [','] = PUNCTUATION,
    ['('] = PUNCTUATION,
    [')'] = PUNCTUATION,
    ['['] = PUNCTUATION,
    [']'] = PUNCTUATION,
    ['.'] = PUNCTUATION,
    [';'] = PUNCTUATION,
    [':'] = PUNCTUATION,
};

static bool skip_space(struct lexer *lexer, bool *skipped);
static bool skip_comment(struct lexer *lexer);
static void take_word(struct lexer *lexer, struct lexer_token *token);
static void take_number(struct lexer *lexer, struct lexer_token *token);
static void take_dollar(struct lexer *lexer, struct lexer_token *token);
static void take_operator(struct lexer *lexer, struct lexer_token *token);
static void take_string(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, size_t prefix);
static void take_quoted(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, size_t prefix);
static const char *continuation(const char *at, const char *end);
static void take(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, const char *end);

static inline uint8_t class_of(const char *at)
{
	return classes[(unsigned char)*at];
}

void lexer_init(struct lexer *lexer, const char *sql, size_t len, bool standard_conforming_strings)
{
	*lexer = (struct lexer){
	    .at = sql,
	    .end = sql + len,
	    .standard_conforming_strings = standard_conforming_strings,
	};
}

void lexer_read(struct lexer *lexer, struct lexer_token *token)
{
	uint8_t class;

	token->space_before = false;
	token->single = 0;
	token->verbatim = false;
	token->body = NULL;
	token->body_len = 0;
	if (!skip_space(lexer, &token->space_before)) {
		take(lexer, token, LEXER_UNTERMINATED, lexer->end);
		return;
	}
	if (lexer->at == lexer->end) {
		take(lexer, token, LEXER_END, lexer->end);
		return;
	}
	class = class_of(lexer->at);
	if (class & IDENT_START)
		take_word(lexer, token);
	else if (class & DIGIT)
		take_number(lexer, token);
	else if (*lexer->at == '\'')
		take_string(lexer, token, lexer->standard_conforming_strings ? LEXER_STRING : LEXER_ESCAPE_STRING, 0);
	else if (*lexer->at == '"')
		take_quoted(lexer, token, LEXER_QUOTED, 0);
	else if (*lexer->at == '$')
		take_dollar(lexer, token);
	else if (class & OPERATOR)
		take_operator(lexer, token);
	else if (*lexer->at == '.' && lexer->end - lexer->at > 1 && (class_of(lexer->at + 1) & DIGIT))
		take_number(lexer, token);
	else if (*lexer->at == ':' && lexer->end - lexer->at > 1 && lexer->at[1] == ':')
		take(lexer, token, LEXER_COLON_COLON, lexer->at + 2);
	else if (lexer->end - lexer->at > 1 && (memcmp(lexer->at, ":=", 2) == 0 || memcmp(lexer->at, "..", 2) == 0))
		take(lexer, token, LEXER_PUNCTUATION, lexer->at + 2);
	else
		take(lexer, token, class & PUNCTUATION ? LEXER_PUNCTUATION : LEXER_JUNK, lexer->at + 1);
}

bool lexer_is_literal(enum lexer_kind kind)
{
	return kind >= LEXER_STRING && kind <= LEXER_ODD_NUMBER;
}

bool lexer_is_string(enum lexer_kind kind)
{
	return kind >= LEXER_STRING && kind <= LEXER_DOLLAR_STRING;
}

bool lexer_decode(const struct lexer_token *token, char *out, size_t *len)
{
	bool escapes = token->kind == LEXER_ESCAPE_STRING || token->kind == LEXER_NATIONAL_ESCAPED;
	const char *at = token->body, *end = token->body + token->body_len;
	char *to = out;

	if (token->kind == LEXER_UNICODE_STRING)
		return false;
	while (at < end && !token->verbatim) {
		if (*at == '\'') {
			/* Inside a string it is either doubled, or the end of one part and, after white space with a
			 * newline in it, the start of the next. */
			if (at + 1 < end && at[1] == '\'') {
				*to++ = '\'';
				at += 2;
			} else {
				at = continuation(at + 1, end);
				if (!at)
					return false;
			}
			continue;
		}
		if (*at == '\\' && escapes) {
			static const char from[] = "bfnrt", into[] = "\b\f\n\r\t";
			const char *letter;

			if (at + 1 == end || strchr("01234567xuU", at[1]))
				return false;
			letter = strchr(from, at[1]);
			*to++ = letter ? into[letter - from] : at[1];
			at += 2;
			continue;
		}
		*to++ = *at++;
	}
	if (token->verbatim) {
		memcpy(out, token->body, token->body_len);
		to = out + token->body_len;
	}
	*len = (size_t)(to - out);
	return true;
}

size_t lexer_spell(const struct lexer_token *token, char *out)
{
	bool escapes = token->kind == LEXER_ESCAPE_STRING || token->kind == LEXER_NATIONAL_ESCAPED;
	const char *at = token->text, *end = token->text + token->len;
	char *to = out;

	if (!lexer_is_string(token->kind) || token->verbatim || !memmem(at, token->len, "--", 2)) {
		memcpy(out, token->text, token->len);
		return token->len;
	}
	while (at < token->body)
		*to++ = *at++;
	while (at < end) {
		if ((*at == '\'' && at + 1 < end && at[1] == '\'') || (*at == '\\' && escapes && at + 1 < end)) {
			*to++ = *at++;
			*to++ = *at++;
		} else if (*at == '\'' && at + 1 < end) {
			memcpy(to, "'\n'", 3);
			to += 3;
			at = continuation(at + 1, end);
			CHECK(at);
		} else {
			*to++ = *at++;
		}
	}
	return (size_t)(to - out);
}

/* False when a comment does not end. */
static bool skip_space(struct lexer *lexer, bool *skipped)
{
	const char *before = lexer->at;

	while (lexer->at < lexer->end) {
		if (class_of(lexer->at) & SPACE) {
			lexer->at++;
		} else if (lexer->end - lexer->at > 1 && lexer->at[0] == '-' && lexer->at[1] == '-') {
			while (lexer->at < lexer->end && *lexer->at != '\n' && *lexer->at != '\r')
				lexer->at++;
		} else if (lexer->end - lexer->at > 1 && lexer->at[0] == '/' && lexer->at[1] == '*') {
			if (!skip_comment(lexer))
				return false;
		} else {
			break;
		}
	}
	*skipped = lexer->at != before;
	return true;
}

static bool skip_comment(struct lexer *lexer)
{
	const char *at = lexer->at;
	size_t depth = 0;

	while (lexer->end - at > 1) {
		if (at[0] == '/' && at[1] == '*') {
			depth++;
			at += 2;
		} else if (at[0] == '*' && at[1] == '/') {
			at += 2;
			if (--depth == 0) {
				lexer->at = at;
				return true;
			}
		} else {
			at++;
		}
	}
	return false;
}

static void take_word(struct lexer *lexer, struct lexer_token *token)
{
	const char *at = lexer->at;
	size_t left = (size_t)(lexer->end - at);

	/* The prefixed quotes are tokens of their own, longer than the letter they begin with. */
	if (left > 1 && at[1] == '\'') {
		switch (at[0] | 0x20) {
		case 'e':
			take_string(lexer, token, LEXER_ESCAPE_STRING, 1);
			return;
		case 'b':
			take_string(lexer, token, LEXER_BIT_STRING, 1);
			return;
		case 'x':
			take_string(lexer, token, LEXER_HEX_STRING, 1);
			return;
		case 'n':
			take_string(lexer, token,
			            lexer->standard_conforming_strings ? LEXER_NATIONAL_STRING : LEXER_NATIONAL_ESCAPED,
			            1);
			return;
		}
	}
	if (left > 2 && at[1] == '&' && (at[0] | 0x20) == 'u') {
		if (at[2] == '\'') {
			take_string(lexer, token, LEXER_UNICODE_STRING, 2);
			return;
		}
		if (at[2] == '"') {
			take_quoted(lexer, token, LEXER_UNICODE_QUOTED, 2);
			return;
		}
	}
	do {
		at++;
	} while (at < lexer->end && ((class_of(at) & (IDENT_START | DIGIT)) || *at == '$'));
	take(lexer, token, LEXER_WORD, at);
}

static void take_number(struct lexer *lexer, struct lexer_token *token)
{
	const char *at = lexer->at, *end = lexer->end;
	enum lexer_kind kind = LEXER_INTEGER;

	while (at < end && (class_of(at) & DIGIT))
		at++;
	/* "1..2" is a range: 1, .., 2. */
	if (at < end && *at == '.' && !(end - at > 1 && at[1] == '.')) {
		kind = LEXER_DECIMAL;
		at++;
		while (at < end && (class_of(at) & DIGIT))
			at++;
	}
	if (at < end && (*at | 0x20) == 'e') {
		const char *exponent = at + 1;

		if (exponent < end && (*exponent == '+' || *exponent == '-'))
			exponent++;
		if (exponent < end && (class_of(exponent) & DIGIT)) {
			kind = LEXER_DECIMAL;
			at = exponent;
			while (at < end && (class_of(at) & DIGIT))
				at++;
		}
	}
	if (at < end && (class_of(at) & IDENT_START)) {
		kind = LEXER_ODD_NUMBER;
		while (at < end && ((class_of(at) & (IDENT_START | DIGIT)) || *at == '.'))
			at++;
	}
	take(lexer, token, kind, at);
}

/* $1, $tag$…$tag$, or a lone $. */
static void take_dollar(struct lexer *lexer, struct lexer_token *token)
{
	const char *at = lexer->at + 1, *end = lexer->end, *close;
	size_t tag_len;

	if (at < end && (class_of(at) & DIGIT)) {
		while (at < end && (class_of(at) & DIGIT))
			at++;
		if (at < end && (class_of(at) & IDENT_START)) {
			while (at < end && (class_of(at) & (IDENT_START | DIGIT)))
				at++;
			take(lexer, token, LEXER_ODD_NUMBER, at);
			return;
		}
		take(lexer, token, LEXER_PARAMETER, at);
		return;
	}
	if (at < end && (class_of(at) & IDENT_START)) {
		while (at < end && (class_of(at) & (IDENT_START | DIGIT)))
			at++;
	}
	if (at == end || *at != '$') {
		take(lexer, token, LEXER_JUNK, lexer->at + 1);
		return;
	}
	at++;
	tag_len = (size_t)(at - lexer->at);
	close = memmem(at, (size_t)(end - at), lexer->at, tag_len);
	if (!close) {
		take(lexer, token, LEXER_UNTERMINATED, end);
		return;
	}
	token->verbatim = true;
	token->body = at;
	token->body_len = (size_t)(close - at);
	take(lexer, token, LEXER_DOLLAR_STRING, close + tag_len);
}

/* A run of operator characters is one operator, but without the signs at its end unless it holds one of OPERATOR_ODD;
 * what is cut off begins the next. The run is scanned once for all of them. */
static void take_operator(struct lexer *lexer, struct lexer_token *token)
{
	const char *start = lexer->at, *end;

	if (start >= lexer->run_end) {
		const char *at = start;

		lexer->run_odd = lexer->run_solid = NULL;
		/* A comment may start inside the run; not at its first byte, that has been seen to. */
		while (at < lexer->end && (class_of(at) & OPERATOR) &&
		       !(lexer->end - at > 1 && ((at[0] == '/' && at[1] == '*') || (at[0] == '-' && at[1] == '-')))) {
			if (class_of(at) & OPERATOR_ODD)
				lexer->run_odd = at;
			if (*at != '+' && *at != '-')
				lexer->run_solid = at;
			at++;
		}
		lexer->run_end = at;
	}
	end = lexer->run_end;
	if ((end[-1] == '+' || end[-1] == '-') && (!lexer->run_odd || lexer->run_odd < start))
		end = lexer->run_solid && lexer->run_solid >= start ? lexer->run_solid + 1 : start + 1;
	take(lexer, token, LEXER_OPERATOR, end);
}

static void take_string(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, size_t prefix)
{
	bool escapes = kind == LEXER_ESCAPE_STRING || kind == LEXER_NATIONAL_ESCAPED;
	bool doubles = kind != LEXER_BIT_STRING && kind != LEXER_HEX_STRING;
	const char *at = lexer->at + prefix + 1, *end = lexer->end, *next;
	const char *quote = memchr(at, '\'', (size_t)(end - at));

	token->verbatim = kind != LEXER_UNICODE_STRING;
	token->body = at;
	for (;;) {
		/* The next quote is looked for once, not again after each backslash: a long run of those would make
		 * it quadratic. */
		if (quote && quote < at)
			quote = memchr(at, '\'', (size_t)(end - at));
		if (escapes) {
			const char *slash = memchr(at, '\\', (size_t)((quote ? quote : end) - at));

			if (slash) {
				token->verbatim = false;
				if (end - slash < 2)
					break;
				at = slash + 2;
				continue;
			}
		}
		if (!quote)
			break;
		if (doubles && quote + 1 < end && quote[1] == '\'') {
			token->verbatim = false;
			at = quote + 2;
			continue;
		}
		next = continuation(quote + 1, end);
		if (next) {
			token->verbatim = false;
			at = next;
			continue;
		}
		token->body_len = (size_t)(quote - token->body);
		take(lexer, token, kind, quote + 1);
		return;
	}
	take(lexer, token, LEXER_UNTERMINATED, end);
}

static void take_quoted(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, size_t prefix)
{
	const char *at = lexer->at + prefix + 1, *end = lexer->end;

	token->body = at;
	token->verbatim = kind == LEXER_QUOTED;
	for (;;) {
		const char *quote = memchr(at, '"', (size_t)(end - at));

		if (!quote) {
			take(lexer, token, LEXER_UNTERMINATED, end);
			return;
		}
		if (quote + 1 < end && quote[1] == '"') {
			token->verbatim = false;
			at = quote + 2;
			continue;
		}
		token->body_len = (size_t)(quote - token->body);
		take(lexer, token, kind, quote + 1);
		return;
	}
}

/* {quotecontinue}: white space and -- comments with at least one newline among them, then a quote. The place behind
 * that quote; NULL when the string ends where it ended. */
static const char *continuation(const char *at, const char *end)
{
	bool newline = false;

	while (at < end) {
		if (*at == '\'')
			return newline ? at + 1 : NULL;
		if (class_of(at) & SPACE) {
			newline |= *at == '\n' || *at == '\r';
			at++;
		} else if (end - at > 1 && at[0] == '-' && at[1] == '-') {
			while (at < end && *at != '\n' && *at != '\r')
				at++;
		} else {
			return NULL;
		}
	}
	return NULL;
}

static void take(struct lexer *lexer, struct lexer_token *token, enum lexer_kind kind, const char *end)
{
	DCHECK(end <= lexer->end);
	token->kind = kind;
	token->text = lexer->at;
	token->len = (size_t)(end - lexer->at);
	if ((kind == LEXER_PUNCTUATION || kind == LEXER_OPERATOR) && token->len == 1)
		token->single = *lexer->at;
	lexer->at = end;
}
