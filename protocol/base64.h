/* Base64 (RFC 4648, section 4) as SCRAM uses it: padded, on one line. */
#ifndef PGPROCTOR_PROTOCOL_BASE64_H
#define PGPROCTOR_PROTOCOL_BASE64_H

#include "protocol/bytes.h"

#include "config/check.h"

/* How many characters `len` bytes become, and how many bytes at most so many characters. */
#define BASE64_CHARACTERS(len) (((len) + 2) / 3 * 4)
#define BASE64_BYTES_MAX(characters) ((characters) / 4 * 3)

/* Writes BASE64_CHARACTERS(len) characters, without a terminator; returns how many. */
size_t base64_encode(char *to, size_t size, const void *data, size_t len);
/* False for a character that is none of its own, blanks included, a length that is no multiple of four, padding
 * anywhere but at the end, and for more than `size` bytes. What it writes is unspecified then. */
MUST_USE bool base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len);

#endif
