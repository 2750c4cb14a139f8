/* One pass over a statement's text that brings it to a form in which equal means the same to every rule: literals
 * replaced by their shape, lists of literals collapsed, comments and white space gone. Out of the same pass come
 * the normalised text for people and a reduced text for the parser, so that the three can never disagree on what
 * collapses.
 *
 * It drops something of a literal only where grammar and rules surely don't look at it; where that is in doubt
 * the literal stays in full, which costs a parse more and is never wrong. Knows tokens and a few words, no grammar. */
#ifndef PGPROCTOR_INSPECT_CANONICAL_H
#define PGPROCTOR_INSPECT_CANONICAL_H

#include "config/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum canonical_result {
	CANONICAL_OK,
	CANONICAL_EMPTY,        /* no token but semicolons */
	CANONICAL_UNTERMINATED, /* a quote or comment does not end, or there is a zero byte */
	CANONICAL_TOO_DEEP,     /* more than LIMIT_PARSE_DEPTH brackets open at once */
	CANONICAL_TOO_LONG,     /* more than LIMIT_PARSE_TOKENS tokens or LIMIT_PARSE_OPERATORS operators left, or
	                         * longer than LIMIT_INSPECT_BYTES */
};

enum canonical_want {
	CANONICAL_KEY_ONLY = 0,
	CANONICAL_QUERY = 1,   /* fill `query` */
	CANONICAL_REDUCED = 2, /* fill `reduced` */
};

struct canonical_text {
	char *bytes;
	size_t len, size;
};

struct words;
struct trace;
struct canonical_frame;

/* The owner of all three texts; they live until the next canonical_make. */
struct canonical {
	/* Tokens, each injectively encoded: two texts with equal keys differ in nothing that a rule may see. */
	struct canonical_text key;
	/* Literals replaced by $n numbered after the highest $n that is there, comments dropped, white space folded;
	 * spelling and spacing are the statement's. Cut at LIMIT_QUERY_TEXT_BYTES on a character's boundary, with
	 * "…" at the end; before that, select lists give way to "…". Zero-terminated. No literal is in it. */
	struct canonical_text query;
	/* The statement with collapsed lists down to two members: same fingerprint and facts as the whole, but small.
	 * Zero-terminated. */
	struct canonical_text reduced;
	/* Which of the first 64 statements have an IN list of more than LIMIT_LIST_MEMBERS members that are alike: bit 0
	 * for the first. The key holds it, the reduced text does not. */
	uint64_t long_lists;
	struct canonical_frame *frames;
	struct words *words;
	struct trace *trace; /* where the literals were, filled by CANONICAL_KEY_ONLY; NULL: nobody asks */
};

void canonical_init(struct canonical *canonical);
void canonical_fini(struct canonical *canonical);
/* `want` is a set of canonical_want. The texts are only valid for CANONICAL_OK. */
MUST_USE enum canonical_result canonical_make(struct canonical *canonical, const char *sql, size_t len,
                                              bool standard_conforming_strings, unsigned want);

#endif
