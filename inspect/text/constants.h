/* Runs of constants, passed over at the speed of a scan: the rows of a bulk INSERT behind the first, the members of an
 * IN list behind the second. They take only what is surely alike; what they stop at, canonical.c looks at itself.
 *
 * `at` is behind a row or a member, outside any token; strings follow standard_conforming_strings = on. */
#ifndef PGPROCTOR_INSPECT_CONSTANTS_H
#define PGPROCTOR_INSPECT_CONSTANTS_H

#include "inspect/text/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a member of an IN list is, besides white space. */
struct constants_member {
	enum { CONSTANTS_INTEGER, CONSTANTS_STRING } kind; /* an int4 without a sign; '…' */
	uint8_t cast_len;
	char cast[22]; /* behind the member: "::uuid", in lower case; "" when cast_len is 0 */
};

/* Which kinds of text (value.h) the columns hold in the rows before; what is no text is not told apart. */
enum { CONSTANTS_COLUMNS_MAX = 64 };
struct constants_rows {
	uint32_t seen[CONSTANTS_COLUMNS_MAX]; /* sets of value_bit */
	bool secret;                          /* all kinds count, not only documents */
};

/* From the key of a member (canonical.c): false when it is none that can be passed over. */
bool constants_member_of(const char *key, size_t len, struct constants_member *member);
/* Behind as many rows ", (constant, …)" as there are; `at` when there is none. A constant is a string, a number, TRUE,
 * FALSE, NULL or DEFAULT, with a minus before a number or one cast to one of constants_is_type behind it: the
 * fingerprint sees none of them. A text of a kind that its column has not held before ends the run. */
const char *constants_skip_rows(const char *at, const char *end, const struct constants_rows *rows);
/* Behind as many members ", member" as there are, *count of them. *last_comma is the last one's comma, or NULL when there
 * was none. */
const char *constants_skip_members(const char *at, const char *end, const struct constants_member *member,
                                   const char **last_comma, uint32_t *count);
/* Whether the word is TRUE, FALSE, NULL or DEFAULT. */
bool constants_is_word(const char *text, size_t len);
/* Whether it names a common built-in type. Not any name: one that is reserved would make another statement of it. */
bool constants_is_type(const char *text, size_t len);
/* Behind the string that begins with the quote at `at`, doubled quotes included (then *plain is false); NULL when it
 * does not end. What may continue the string behind its end is for the caller to see. */
const char *constants_string_end(const char *at, const char *end, bool *plain);
/* Behind the digits at `at`. */
const char *constants_digits_end(const char *at, const char *end);
/* Behind white space. */
const char *constants_space_end(const char *at, const char *end);

#endif
