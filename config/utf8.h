/* UTF-8 as it comes from outside, which may be anything. */
#ifndef PGPROCTOR_CONFIG_UTF8_H
#define PGPROCTOR_CONFIG_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_INVALID = 0xFFFD, UTF8_BYTES_MAX = 4 };

/* The code point at text[0], len > 0, and how many bytes it takes. What is not UTF-8 (overlong, a surrogate, past
 * U+10FFFF, cut off) is UTF8_INVALID and takes one byte. */
uint32_t utf8_next(const char *text, size_t len, size_t *taken);
/* Must not reach a terminal or a log as it is: C0, DEL, C1, and what reorders or breaks lines (U+2028, bidirectional
 * overrides). */
bool utf8_is_control(uint32_t point);
/* Columns on a terminal: characters, counted alike; good for names and SQL. */
size_t utf8_width(const char *text, size_t len);

#endif
