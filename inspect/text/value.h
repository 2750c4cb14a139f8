/* What kind of thing a text is that a statement stores: a JSON document, a password's hash, an access key. Like a
 * pattern's shape (shape.h) it is all that a rule may know of a value: of a literal in the text, of a parameter at
 * Bind. Knows nothing of the column that it goes to. */
#ifndef PGPROCTOR_INSPECT_VALUE_H
#define PGPROCTOR_INSPECT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of them each; the order is that of the checks. */
enum value_kind {
	VALUE_UNKNOWN, /* no text constant, or not looked at */
	VALUE_PLAIN,   /* nothing of what follows */
	VALUE_EMPTY,
	VALUE_JSON,       /* an object or array with something in it, by its first and last bytes */
	VALUE_JSON_EMPTY, /* {} or [] */
	VALUE_NO_SECRET,  /* a flag (yes, false, 1 …) or a path: a column may be named pass or pwd for that, too */
	VALUE_LOCKED,     /* no password will ever match: ! or * in front, or one character again and again */
	VALUE_HASH,       /* of a password, by a method that is good enough */
	VALUE_WEAK_HASH,  /* of a password, by one that is not: MD5, SHA-1, crypt, few iterations */
	VALUE_HEX_SHORT,  /* 32 or 40 hexadecimal digits: MD5, SHA-1, or a random key */
	VALUE_HEX_LONG,   /* 56 or more of them: SHA-2 */
	VALUE_SEALED,     /* cipher text: Fernet's, Vault's, bytea's */
	VALUE_UUID,
	VALUE_CREDENTIAL,  /* an access key or token of a known form, a private key */
	VALUE_CARD,        /* 13 to 19 digits that pass Luhn's check */
	VALUE_RANDOM,      /* 20 to 43 characters as a generator makes them */
	VALUE_RANDOM_LONG, /* 44 and more, or base64 with its padding: may be a hash or cipher text as well */
	VALUE_KINDS,
};

/* Of a text that goes to a column whose name says that it holds a secret (secret.h). */
enum value_kind value_of(const char *text, size_t len);
/* Of any other: VALUE_JSON, VALUE_JSON_EMPTY or VALUE_PLAIN. Looks at a few bytes only. */
enum value_kind value_json(const char *text, size_t len);
const char *value_name(enum value_kind kind);

/* A set of kinds. */
static inline uint32_t value_bit(enum value_kind kind)
{
	return UINT32_C(1) << kind;
}

#endif
