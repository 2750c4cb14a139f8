/* PostgreSQL's lexical rules (scan.l) over a text that stays where it is: one token at a time, white space and
 * comments skipped, nothing decoded and nothing allocated. Knows no grammar and no keywords. */
#ifndef PGPROCTOR_INSPECT_LEXER_H
#define PGPROCTOR_INSPECT_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lexer_kind {
	LEXER_END,
	LEXER_WORD,             /* a keyword or unquoted identifier, as spelt */
	LEXER_QUOTED,           /* "…" */
	LEXER_UNICODE_QUOTED,   /* U&"…" */
	LEXER_STRING,           /* '…' under standard_conforming_strings */
	LEXER_ESCAPE_STRING,    /* E'…', and '…' without standard_conforming_strings */
	LEXER_UNICODE_STRING,   /* U&'…' */
	LEXER_NATIONAL_STRING,  /* N'…' under standard_conforming_strings */
	LEXER_NATIONAL_ESCAPED, /* N'…' without */
	LEXER_BIT_STRING,       /* B'…' */
	LEXER_HEX_STRING,       /* X'…' */
	LEXER_DOLLAR_STRING,    /* $tag$…$tag$ */
	LEXER_INTEGER,          /* digits only */
	LEXER_DECIMAL,          /* with a fraction or an exponent */
	LEXER_ODD_NUMBER,       /* 0x1F, 1_000, 123abc: a number in some versions, an error in others */
	LEXER_PARAMETER,        /* $1 */
	LEXER_OPERATOR,         /* of any length; + - * / % ^ < > = included */
	LEXER_COLON_COLON,      /* :: */
	LEXER_PUNCTUATION,      /* one of , ( ) [ ] . ; : and := .. */
	LEXER_JUNK,             /* a byte that begins no token */
	LEXER_UNTERMINATED,     /* a quote or comment without end; reaches to the end of the text */
};

struct lexer_token {
	enum lexer_kind kind;
	bool space_before; /* white space or a comment */
	char single;       /* of LEXER_PUNCTUATION and LEXER_OPERATOR of one byte: that byte; else 0 */
	bool verbatim;     /* strings: `body` is the value; no quote doubled, no backslash, no continuation in it */
	const char *text;  /* the whole token */
	size_t len;
	const char *body; /* strings and quoted identifiers: between the outermost quotes */
	size_t body_len;
};

struct lexer {
	const char *at, *end;
	/* Of the operator characters scanned last: where they end, the last one that lets a sign stand at the end,
	 * and the last one that is no sign. */
	const char *run_end, *run_odd, *run_solid;
	bool standard_conforming_strings;
};

/* `sql` must hold no zero byte for the rules to be the server's. */
void lexer_init(struct lexer *lexer, const char *sql, size_t len, bool standard_conforming_strings);
/* The next token; LEXER_END and LEXER_UNTERMINATED are the last ones. Its views live as long as the text. */
void lexer_read(struct lexer *lexer, struct lexer_token *token);

static inline struct lexer_token lexer_next(struct lexer *lexer)
{
	struct lexer_token token;

	lexer_read(lexer, &token);
	return token;
}

bool lexer_is_literal(enum lexer_kind kind); /* strings and numbers of all kinds */
bool lexer_is_string(enum lexer_kind kind);  /* strings, bit and hex strings included */

/* The value of a string token into `out`, which has room for body_len bytes; the length. False when the value
 * depends on more than PostgreSQL's rules for quotes and one-letter escapes (\u, \x, octal, U&), or is malformed. */
bool lexer_decode(const struct lexer_token *token, char *out, size_t *len);
/* The token as it stands, but for comments between the parts of a string, into `out`, which has room for `len` bytes;
 * the length. */
size_t lexer_spell(const struct lexer_token *token, char *out);

#endif
