#include "inspect/text/encoding.h"

#include <assert.h>
#include <ctype.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How far a character reaches, by pg_encoding_mblen and pg_encoding_verifymbchar (common/wchar.c). */
enum encoding_cut {
	CUT_NONE, /* as it is */
	CUT_SINGLE,
	CUT_EUC,    /* also JOHAB, whose bytes the server takes from that range only */
	CUT_EUC_TW, /* four bytes behind SS2 */
	CUT_SJIS,
	CUT_DOUBLE,
	CUT_GB18030,
};

/* Outside ASCII; and the first byte, GB18030's, that may be another than the first of a character. */
enum { HIGH = 0x80, TRAIL_MIN = 0x30 };

struct encoding {
	const char *name;  /* letters and digits only */
	const char *iconv; /* NULL: of its characters nothing is known */
	enum encoding_cut cut;
	bool hides_ascii;
	bool composes; /* iconv makes one of a letter and the mark behind it, the server doesn't */
};

/* pg_enc2name_tbl (common/encnames.c). The iconv names are those whose tables agree with the server's conversion of
 * each character, or differ least. */
static const struct encoding encodings[] = {
    {"utf8", NULL, CUT_NONE, false, false},
    {"sqlascii", NULL, CUT_NONE, false, false},
    {"sjis", "CP932", CUT_SJIS, true, false},
    {"shiftjis2004", "SHIFT_JISX0213", CUT_SJIS, true, false},
    {"big5", "BIG5", CUT_DOUBLE, true, false},
    {"gbk", "GBK", CUT_DOUBLE, true, false},
    {"uhc", "UHC", CUT_DOUBLE, true, false},
    {"gb18030", "GB18030", CUT_GB18030, true, false},
    {"johab", "JOHAB", CUT_EUC, false, false},
    {"euccn", "EUC-CN", CUT_EUC, false, false},
    {"eucjis2004", "EUC-JISX0213", CUT_EUC, false, false},
    {"eucjp", "EUC-JP-MS", CUT_EUC, false, false},
    {"euckr", "EUC-KR", CUT_EUC, false, false},
    {"euctw", "EUC-TW", CUT_EUC_TW, false, false},
    {"muleinternal", NULL, CUT_SINGLE, false, false},
    {"iso88595", "ISO-8859-5", CUT_SINGLE, false, false},
    {"iso88596", "ISO-8859-6", CUT_SINGLE, false, false},
    {"iso88597", "ISO-8859-7", CUT_SINGLE, false, false},
    {"iso88598", "ISO-8859-8", CUT_SINGLE, false, false},
    {"koi8r", "KOI8-R", CUT_SINGLE, false, false},
    {"koi8u", "KOI8-U", CUT_SINGLE, false, false},
    {"latin1", "ISO-8859-1", CUT_SINGLE, false, false},
    {"latin2", "ISO-8859-2", CUT_SINGLE, false, false},
    {"latin3", "ISO-8859-3", CUT_SINGLE, false, false},
    {"latin4", "ISO-8859-4", CUT_SINGLE, false, false},
    {"latin5", "ISO-8859-9", CUT_SINGLE, false, false},
    {"latin6", "ISO-8859-10", CUT_SINGLE, false, false},
    {"latin7", "ISO-8859-13", CUT_SINGLE, false, false},
    {"latin8", "ISO-8859-14", CUT_SINGLE, false, false},
    {"latin9", "ISO-8859-15", CUT_SINGLE, false, false},
    {"latin10", "ISO-8859-16", CUT_SINGLE, false, false},
    {"win866", "CP866", CUT_SINGLE, false, false},
    {"win874", "CP874", CUT_SINGLE, false, false},
    {"win1250", "CP1250", CUT_SINGLE, false, false},
    {"win1251", "CP1251", CUT_SINGLE, false, false},
    {"win1252", "CP1252", CUT_SINGLE, false, false},
    {"win1253", "CP1253", CUT_SINGLE, false, false},
    {"win1254", "CP1254", CUT_SINGLE, false, false},
    {"win1255", "CP1255", CUT_SINGLE, false, true},
    {"win1256", "CP1256", CUT_SINGLE, false, false},
    {"win1257", "CP1257", CUT_SINGLE, false, false},
    {"win1258", "CP1258", CUT_SINGLE, false, true},
};

static_assert(ARRAY_LEN(encodings) == ENCODING_COUNT, "encoding_at's callers have room for all");

/* Start-up packets may use these (pg_encname_tbl); ParameterStatus does not. */
static const struct {
	const char *alias, *name;
} aliases[] = {
    {"unicode", "utf8"},        {"mskanji", "sjis"},        {"shiftjis", "sjis"},       {"win932", "sjis"},
    {"windows932", "sjis"},     {"win949", "uhc"},          {"windows949", "uhc"},      {"win936", "gbk"},
    {"windows936", "gbk"},      {"win950", "big5"},         {"windows950", "big5"},     {"koi8", "koi8r"},
    {"iso88591", "latin1"},     {"iso88592", "latin2"},     {"iso88593", "latin3"},     {"iso88594", "latin4"},
    {"iso88599", "latin5"},     {"iso885910", "latin6"},    {"iso885913", "latin7"},    {"iso885914", "latin8"},
    {"iso885915", "latin9"},    {"iso885916", "latin10"},   {"alt", "win866"},          {"win", "win1251"},
    {"abc", "win1258"},         {"tcvn", "win1258"},        {"vscii", "win1258"},       {"tcvn5712", "win1258"},
    {"windows1250", "win1250"}, {"windows1251", "win1251"}, {"windows1252", "win1252"}, {"windows866", "win866"},
};

struct encoding_reader {
	iconv_t open[ARRAY_LEN(encodings)]; /* NULL: not tried yet */
	iconv_t back[ARRAY_LEN(encodings)]; /* the same from UTF-8 */
	char *text;
	size_t capacity;
};

/* No character of any is longer. */
enum { ENCODING_CHARACTER_BYTES = 8 };

static bool encoding_is_trail(uint8_t byte);
static size_t encoding_character(const struct encoding *encoding, const uint8_t *at, size_t left);
static size_t encoding_in_range(const uint8_t *at, size_t left, size_t len);
static char encoding_becomes_ascii(const struct encoding *encoding, const uint8_t *at);
static char *encoding_convert(struct encoding_reader *reader, const struct encoding *encoding, const char *from,
                              const char *end, char *to);
static bool encoding_iconv(struct encoding_reader *reader, iconv_t open, const char *from, const char *end, char **to);
static iconv_t encoding_open(struct encoding_reader *reader, const struct encoding *encoding);
static size_t encoding_write_one(iconv_t back, const char *utf8, size_t len, char to[ENCODING_CHARACTER_BYTES]);
static void encoding_close(const iconv_t *open);

/* What iconv_open can't find; as iconv_open's own failure. */
static const iconv_t none = (iconv_t)-1;

static const char unknown[] = "\xef\xbf\xbd"; /* U+FFFD */

const struct encoding *encoding_named(const char *name, size_t len)
{
	char clean[32];
	size_t clean_len = 0;
	for (size_t at = 0; at < len; at++) {
		if (!isalnum((unsigned char)name[at]))
			continue;
		if (clean_len == sizeof clean - 1)
			return NULL;
		clean[clean_len++] = (char)tolower((unsigned char)name[at]);
	}
	clean[clean_len] = '\0';
	const char *wanted = clean;
	for (size_t at = 0; at < ARRAY_LEN(aliases); at++)
		if (strcmp(clean, aliases[at].alias) == 0)
			wanted = aliases[at].name;
	for (size_t at = 0; at < ARRAY_LEN(encodings); at++)
		if (strcmp(wanted, encodings[at].name) == 0)
			return &encodings[at];
	return NULL;
}

const struct encoding *encoding_utf8(void)
{
	return &encodings[0];
}

bool encoding_is_sql_ascii(const struct encoding *encoding)
{
	return encoding == &encodings[1];
}

bool encoding_is_plain(const struct encoding *encoding)
{
	return encoding->cut == CUT_NONE;
}

bool encoding_hides_ascii(const struct encoding *encoding)
{
	return encoding->hides_ascii;
}

const struct encoding *encoding_at(size_t i)
{
	return i < ARRAY_LEN(encodings) ? &encodings[i] : NULL;
}

bool encoding_is_ascii(const char *text, size_t len)
{
	unsigned char seen = 0;
	for (size_t at = 0; at < len; at++)
		seen |= (unsigned char)text[at];
	return seen < 0x80;
}

bool encoding_matters(const char *text, size_t len)
{
	const char *end = text + len;
	for (const char *at = text; at + 1 < end; at++)
		if ((uint8_t)at[0] >= HIGH && encoding_is_trail((uint8_t)at[1]))
			return true;
	/* It turns this one character into a backslash. */
	return memmem(text, len, "\x81\x5f", 2) != NULL;
}

static bool encoding_is_trail(uint8_t byte)
{
	return byte >= TRAIL_MIN && byte < HIGH;
}

struct encoding_reader *encoding_reader_new(void)
{
	struct encoding_reader *reader = calloc(1, sizeof *reader);
	CHECK(reader != NULL);
	return reader;
}

void encoding_reader_free(struct encoding_reader *reader)
{
	if (!reader)
		return;
	encoding_close(reader->open);
	encoding_close(reader->back);
	free(reader->text);
	free(reader);
}

bool encoding_read(struct encoding_reader *reader, const struct encoding *encoding, const char *text, size_t len,
                   const char **utf8, size_t *utf8_len)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + len;
	if (encoding->cut == CUT_NONE) {
		*utf8 = text;
		*utf8_len = len;
		return true;
	}
	/* No character takes more room in UTF-8 than three bytes for each of its own: WIN874's do, and those of
	 * SHIFT_JIS_2004 that are two. What one long text has needed isn't kept for the next. */
	if (reader->capacity < 3 * len + 1 || reader->capacity > 64 * 1024) {
		free(reader->text);
		reader->capacity = 3 * len + 1;
		reader->text = malloc(reader->capacity);
		CHECK(reader->text != NULL);
	}
	char *to = reader->text;
	while (at < end) {
		const uint8_t *start = at;
		if (*at < HIGH) {
			while (at < end && *at < HIGH)
				at++;
			memcpy(to, start, (size_t)(at - start));
			to += at - start;
			continue;
		}
		char ascii = '\0';
		while (at < end && *at >= HIGH && ascii == '\0') {
			size_t reach = encoding_character(encoding, at, (size_t)(end - at));
			if (reach == 0)
				return false;
			ascii = encoding_becomes_ascii(encoding, at);
			if (ascii == '\0')
				at += reach;
		}
		to = encoding_convert(reader, encoding, (const char *)start, (const char *)at, to);
		if (ascii) {
			*to++ = ascii;
			at += 2;
		}
	}
	*utf8 = reader->text;
	*utf8_len = (size_t)(to - reader->text);
	CHECK(*utf8_len < reader->capacity);
	return true;
}

void encoding_write(struct encoding_reader *reader, const struct encoding *encoding, const char *utf8, char *to,
                    size_t size)
{
	iconv_t *back = &reader->back[encoding - encodings];
	if (!*back)
		*back = encoding->iconv ? iconv_open(encoding->iconv, "UTF-8") : none;
	char *end = to + size - 1;
	while (*utf8) {
		size_t len = 1;
		while (len < 4 && ((uint8_t)utf8[len] & 0xc0) == 0x80)
			len++;
		char character[ENCODING_CHARACTER_BYTES] = {*utf8};
		size_t bytes = len;
		if (encoding->cut == CUT_NONE)
			memcpy(character, utf8, len);
		else if ((uint8_t)*utf8 >= HIGH)
			bytes = encoding_write_one(*back, utf8, len, character);
		if (bytes > (size_t)(end - to))
			break;
		memcpy(to, character, bytes);
		to += bytes;
		utf8 += len;
	}
	*to = '\0';
}

/* The length of the character, outside ASCII, that begins here; 0 when the server says there is none. */
static size_t encoding_character(const struct encoding *encoding, const uint8_t *at, size_t left)
{
	switch (encoding->cut) {
	case CUT_NONE:
	case CUT_SINGLE:
		return 1;
	case CUT_EUC:
		return encoding_in_range(at, left, *at == 0x8f ? 3 : 2);
	case CUT_EUC_TW:
		return encoding_in_range(at, left, *at == 0x8e ? 4 : *at == 0x8f ? 3 : 2);
	case CUT_SJIS:
		if (*at >= 0xa1 && *at <= 0xdf)
			return 1;
		if (left < 2 || *at == 0x80 || *at == 0xa0 || *at > 0xfc)
			return 0;
		return (at[1] >= 0x40 && at[1] <= 0x7e) || (at[1] >= 0x80 && at[1] <= 0xfc) ? 2 : 0;
	case CUT_DOUBLE:
		/* It takes any second byte but zero, and then has no conversion for those below. */
		return left >= 2 && at[1] >= 0x40 ? 2 : 0;
	case CUT_GB18030:
		if (left >= 4 && at[1] >= 0x30 && at[1] <= 0x39)
			return at[2] >= 0x81 && at[3] >= 0x30 && at[3] <= 0x39 ? 4 : 0;
		return left >= 2 && at[1] >= 0x40 && at[1] != 0x7f ? 2 : 0;
	}
	return 0;
}

/* All of EUC's bytes behind the first are above 0xa0. */
static size_t encoding_in_range(const uint8_t *at, size_t left, size_t len)
{
	if (left < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if (at[i] < 0xa1)
			return 0;
	return len;
}

/* Two characters that the server takes for their ASCII likenesses before it looks for quotes: a backslash, and no
 * other encoding has the like. (To a server in EUC_JIS_2004 they are characters of that.) */
static char encoding_becomes_ascii(const struct encoding *encoding, const uint8_t *at)
{
	if (encoding != &encodings[3] || at[0] != 0x81)
		return '\0';
	return at[1] == 0x5f ? '\\' : at[1] == 0xb0 ? '~' : '\0';
}

/* A run of characters outside ASCII, each of them whole. */
static char *encoding_convert(struct encoding_reader *reader, const struct encoding *encoding, const char *from,
                              const char *end, char *to)
{
	iconv_t open = encoding_open(reader, encoding);
	if (!encoding->composes && encoding_iconv(reader, open, from, end, &to))
		return to;
	/* Where it failed isn't certain: glibc's tables may step over what they don't know. So one by one. */
	while (from < end) {
		size_t reach = encoding_character(encoding, (const uint8_t *)from, (size_t)(end - from));
		if (!encoding_iconv(reader, open, from, from + reach, &to)) {
			memcpy(to, unknown, sizeof unknown - 1);
			to += sizeof unknown - 1;
		}
		from += reach;
	}
	return to;
}

/* All or nothing. */
static bool encoding_iconv(struct encoding_reader *reader, iconv_t open, const char *from, const char *end, char **to)
{
	if (open == none)
		return from == end;
	/* iconv doesn't write where it reads, its type only says so. */
	char *in = (char *)(uintptr_t)from, *out = *to;
	size_t in_left = (size_t)(end - from), out_left = reader->capacity - (size_t)(*to - reader->text);
	bool converted = iconv(open, &in, &in_left, &out, &out_left) != (size_t)-1;
	if (converted) /* what it keeps back, to see whether a mark follows */
		converted = iconv(open, NULL, NULL, &out, &out_left) != (size_t)-1;
	else
		(void)iconv(open, NULL, NULL, NULL, NULL);
	if (converted)
		*to = out;
	return converted;
}

/* The first use reads a table from disk; later ones don't. */
static iconv_t encoding_open(struct encoding_reader *reader, const struct encoding *encoding)
{
	iconv_t *open = &reader->open[encoding - encodings];
	if (!*open)
		*open = encoding->iconv ? iconv_open("UTF-8", encoding->iconv) : none;
	return *open;
}

static size_t encoding_write_one(iconv_t back, const char *utf8, size_t len, char to[ENCODING_CHARACTER_BYTES])
{
	char *in = (char *)(uintptr_t)utf8, *out = to;
	size_t in_left = len, out_left = ENCODING_CHARACTER_BYTES;
	if (back != none && iconv(back, &in, &in_left, &out, &out_left) != (size_t)-1 && in_left == 0 && out > to)
		return (size_t)(out - to);
	if (back != none)
		(void)iconv(back, NULL, NULL, NULL, NULL);
	to[0] = '?';
	return 1;
}

static void encoding_close(const iconv_t *open)
{
	for (size_t at = 0; at < ARRAY_LEN(encodings); at++)
		if (open[at] && open[at] != none)
			iconv_close(open[at]);
}
