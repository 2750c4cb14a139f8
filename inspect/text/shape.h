/* A literal's shape: everything that a rule may depend on, and nothing else of it.
 *
 * The same function shapes a literal in the text (sqlkey puts the class into the key) and a parameter at
 * Bind, so that both are judged alike. */
#ifndef PGPROCTOR_INSPECT_SHAPE_H
#define PGPROCTOR_INSPECT_SHAPE_H

#include "config/limits.h"
#include "inspect/text/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a LIKE pattern or a regular expression. All false, `known` included, for what is not known. */
struct pattern_shape {
	bool known;
	bool leading_wildcard; /* LIKE: starts with an unescaped % or _; regex: not anchored by ^ to a literal */
	bool has_wildcard;     /* any unescaped % or _; regex: any metacharacter */
	bool only_wildcards;   /* "", "%", "%%": matches everything or nothing */
	bool has_trigram;      /* pg_trgm can extract at least one trigram from it */
	bool has_prefix;       /* starts with at least one literal character */
	bool asks_item;        /* LIKE: one between delimiters, "%,x,%"; of a first piece: "%," */
};

/* pg_trgm's own rule for LIKE (generate_wildcard_trgm in trgm_op.c): runs of word characters, padded with
 * blanks where a word boundary is known, of three or more. `backslash` escapes. */
struct pattern_shape shape_like(const char *text, size_t len);
/* For ~ and ~*: conservative; has_trigram false only when surely none can be had. */
struct pattern_shape shape_regex(const char *text, size_t len);
/* SIMILAR TO: % and _ as in LIKE, | * + ? { } ( ) [ ] as in a regex. */
struct pattern_shape shape_similar(const char *text, size_t len);

/* Of a bound parameter, for whatever the statement makes of it. */
struct bound_shape {
	bool known; /* not NULL, and a text */
	struct pattern_shape like, regex, similar;
	enum value_kind value; /* VALUE_UNKNOWN when not known */
	/* A view of the text itself, for comparing it with what an index's predicate says, while a Bind is judged; NULL
	 * where it is not to be seen. It goes nowhere. */
	const char *text;
	size_t len;
};

struct bound_shape shape_bound(const char *text, size_t len);

/* What may be asked of a parameter's value. */
enum shape_want {
	SHAPE_WANT_LIKE = 1,
	SHAPE_WANT_REGEX = 2,
	SHAPE_WANT_SIMILAR = 4,
	SHAPE_WANT_VALUE = 8,     /* of which kind it is */
	SHAPE_WANT_DOCUMENT = 16, /* of that, only whether it is a JSON document */
	SHAPE_WANT_TEXT = 32,     /* the text itself */
	SHAPE_WANT_ALL = 63,
};

/* What a statement's verdict asks of each of its parameters, element 0 for $1. */
struct shape_wants {
	uint16_t count; /* up to the last that something is asked of */
	uint8_t of[LIMIT_BOUND_PARAMETERS];
};

/* `parameter` counts from 1; one past the ceiling is not looked at. */
void shape_wants_add(struct shape_wants *wants, uint16_t parameter, unsigned want);
void shape_wants_join(struct shape_wants *wants, const struct shape_wants *others, unsigned only);
unsigned shape_wants_any(const struct shape_wants *wants);

/* Only as far as it is wanted. */
struct bound_shape shape_wanted(const char *text, size_t len, unsigned wants);
/* A number that differs whenever what is wanted of it does, but for the text. */
uint32_t shape_bound_class(const struct bound_shape *bound, unsigned wants);

/* A small number that differs whenever any field differs: sqlkey's contribution for a string literal, whose
 * operator is not known yet, so it covers all three readings. */
uint32_t shape_class(const char *text, size_t len);

#endif
