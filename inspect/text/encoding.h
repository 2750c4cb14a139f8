/* The encodings in which a client's text may come (client_encoding), and their way into UTF-8, which is what lexer
 * and libpg_query read.
 *
 * Where a character ends is PostgreSQL's own judgement (pg_wchar_table, common/wchar.c), not iconv's: in what only
 * clients may use, SJIS, SHIFT_JIS_2004, BIG5, GBK, UHC and GB18030, its last byte may be an ASCII one, a backslash
 * even, and a text cut differently from how the server cuts it is another text. iconv only says which character it is;
 * one that it does not know is U+FFFD, which begins, ends and quotes nothing, just as the real one. */
#ifndef PGPROCTOR_INSPECT_ENCODING_H
#define PGPROCTOR_INSPECT_ENCODING_H

#include "config/check.h"

#include <stdbool.h>
#include <stddef.h>

/* How many there are: encoding_at. */
enum { ENCODING_COUNT = 42 };

/* One of a constant table; compare by address. */
struct encoding;

/* By the name that ParameterStatus reports, or another of PostgreSQL's own for it; case and punctuation don't count.
 * NULL: none that is known here. */
const struct encoding *encoding_named(const char *name, size_t len);
const struct encoding *encoding_utf8(void);
/* SQL_ASCII: a client's text is in the server's encoding then. */
bool encoding_is_sql_ascii(const struct encoding *encoding);
/* Text in it can be read as it is: UTF8, and SQL_ASCII, of which nothing is known. */
bool encoding_is_plain(const struct encoding *encoding);
/* Some ASCII bytes in it may be parts of characters. */
bool encoding_hides_ascii(const struct encoding *encoding);
/* The i-th of all; NULL past the last. */
const struct encoding *encoding_at(size_t i);
/* Every encoding's client text is the same then. */
bool encoding_is_ascii(const char *text, size_t len);
/* May the text be cut into characters in different ways by the encodings that hide ASCII and those that don't? */
bool encoding_matters(const char *text, size_t len);

/* Keeps what iconv has opened, and the last text. One per thread. */
struct encoding_reader;

struct encoding_reader *encoding_reader_new(void);
void encoding_reader_free(struct encoding_reader *reader);

/* The text in UTF-8, of at most three times the length; valid until the next call. False when it is not in that
 * encoding: the server refuses it before it looks for a statement in it. */
MUST_USE bool encoding_read(struct encoding_reader *reader, const struct encoding *encoding, const char *text,
                            size_t len, const char **utf8, size_t *utf8_len);
/* The other way, into `to`: a question mark for what that encoding has no character for, and cut to whole characters
 * where `size` bytes, with the terminator, don't do. */
void encoding_write(struct encoding_reader *reader, const struct encoding *encoding, const char *utf8, char *to,
                    size_t size);

#endif
