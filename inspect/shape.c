#include "inspect/shape.h"

#include <string.h>

enum {
	/* pg_trgm pads a word with two blanks before and one behind (LPADDING, RPADDING in trgm.h). */
	TRIGRAM_CHARS = 3,
	PADDING_LEFT = 2,
	PADDING_RIGHT = 1,
};

enum byte_class {
	WORD = 1, /* alphanumeric by pg_trgm's KEEPONLYALNUM; above ASCII it depends on the locale, and most are */
	REGEX_META = 2,    /* means something in a regular expression */
	REGEX_COUNT = 4,   /* . * + ?: the metacharacters that stand for no letter of their own and no edge of a word */
	SIMILAR_META = 8,  /* means something in SIMILAR TO beyond LIKE */
	REGEX_BRANCH = 16, /* * ? {: what they follow may be missing */
	LIKE_META = 32,    /* % and _; a backslash is REGEX_META */
};

static const uint8_t classes[256] = {
    ['a' ... 'z'] = WORD,
    ['A' ... 'Z'] = WORD,
    ['0' ... '9'] = WORD,
    [0x80 ... 0xFF] = WORD,
    ['.'] = REGEX_META | REGEX_COUNT,
    ['*'] = REGEX_META | REGEX_COUNT | SIMILAR_META | REGEX_BRANCH,
    ['+'] = REGEX_META | REGEX_COUNT | SIMILAR_META,
    ['?'] = REGEX_META | REGEX_COUNT | SIMILAR_META | REGEX_BRANCH,
    ['{'] = REGEX_META | SIMILAR_META | REGEX_BRANCH,
    ['}'] = REGEX_META | SIMILAR_META,
    ['('] = REGEX_META | SIMILAR_META,
    [')'] = REGEX_META | SIMILAR_META,
    ['['] = REGEX_META | SIMILAR_META,
    [']'] = REGEX_META | SIMILAR_META,
    ['|'] = REGEX_META | SIMILAR_META,
    ['%'] = LIKE_META,
    ['_'] = LIKE_META,
    ['^'] = REGEX_META,
    ['$'] = REGEX_META,
    ['\\'] = REGEX_META,
};

/* A run of word characters of a LIKE pattern, as pg_trgm sees it. */
struct run {
	unsigned chars; /* padding included; 0: no run is open */
	bool after_wildcard;
};

static void run_add(struct run *run, unsigned char byte, struct pattern_shape *shape);
static void run_end(struct run *run, bool wildcard, struct pattern_shape *shape);
static bool is_continuation(unsigned char byte);
static bool is_plain(const char *text, size_t len);
static size_t regex_character(const char *text, size_t len, bool *literal);
static bool regex_min_run_has_trigram(const char *text, size_t len);
static unsigned bits_of(struct pattern_shape shape);

static inline bool is_word(unsigned char byte)
{
	return classes[byte] & WORD;
}

struct pattern_shape shape_like(const char *text, size_t len)
{
	struct pattern_shape shape = {.known = true, .only_wildcards = true};
	struct run run = {0};

	for (size_t at = 0; at < len; at++) {
		unsigned char byte = (unsigned char)text[at];
		bool escaped = byte == '\\' && at + 1 < len;

		if (!escaped && (byte == '%' || byte == '_')) {
			shape.has_wildcard = true;
			shape.leading_wildcard |= at == 0;
			run_end(&run, true, &shape);
			continue;
		}
		if (escaped)
			byte = (unsigned char)text[++at];
		shape.only_wildcards = false;
		if (is_word(byte))
			run_add(&run, byte, &shape);
		else
			run_end(&run, false, &shape);
	}
	run_end(&run, false, &shape);
	shape.has_prefix = len > 0 && !shape.leading_wildcard;
	return shape;
}

struct pattern_shape shape_regex(const char *text, size_t len)
{
	struct pattern_shape shape = {.known = true, .only_wildcards = true};
	bool opaque = false, words = false, literal;
	size_t first;

	for (size_t at = 0; at < len; at++) {
		uint8_t class = classes[(unsigned char)text[at]];

		/* A class or an escape may stand for word characters, any other literal for a word's edge. */
		words |= (class & WORD) || text[at] == '[' || text[at] == '\\';
		shape.has_wildcard |= (class & REGEX_META) != 0;
		shape.only_wildcards &= (class & REGEX_COUNT) != 0;
		opaque |= !(class & (WORD | REGEX_COUNT));
	}
	shape.has_trigram = words && (opaque || regex_min_run_has_trigram(text, len));
	/* The server finds a fixed prefix only behind ^ and not past an alternative (regexport's pg_regprefix). */
	shape.leading_wildcard = true;
	if (len > 1 && text[0] == '^' && !memchr(text, '|', len)) {
		first = regex_character(text + 1, len - 1, &literal);
		if (literal && !(first + 1 < len && (classes[(unsigned char)text[first + 1]] & REGEX_BRANCH)))
			shape.leading_wildcard = false;
	}
	shape.has_prefix = !shape.leading_wildcard;
	return shape;
}

struct pattern_shape shape_similar(const char *text, size_t len)
{
	struct pattern_shape shape = shape_like(text, len);
	bool meta = false, words = false, literal;
	size_t first;

	for (size_t at = 0; at < len; at++) {
		meta |= (classes[(unsigned char)text[at]] & SIMILAR_META) != 0;
		words |= is_word((unsigned char)text[at]) || text[at] == '[';
	}
	if (!meta)
		return shape;
	shape.has_wildcard = true;
	shape.only_wildcards = !words && shape.only_wildcards;
	shape.has_trigram = words;
	first = regex_character(text, len, &literal);
	shape.has_prefix = literal && text[0] != '%' && text[0] != '_' && !memchr(text, '|', len) &&
	                   !(first < len && (classes[(unsigned char)text[first]] & REGEX_BRANCH));
	shape.leading_wildcard = !shape.has_prefix;
	return shape;
}

struct bound_shape shape_bound(const char *text, size_t len)
{
	return (struct bound_shape){
	    .known = true,
	    .like = shape_like(text, len),
	    .regex = shape_regex(text, len),
	    .similar = shape_similar(text, len),
	    .value = value_of(text, len),
	};
}

uint32_t shape_class(const char *text, size_t len)
{
	struct pattern_shape plain = {.known = true, .has_prefix = true};
	struct pattern_shape plain_regex = {.known = true, .leading_wildcard = true};
	unsigned like, regex, similar, any = 0, all = WORD;

	/* The usual literal, a word, needs one look instead of three. */
	if (len >= TRIGRAM_CHARS && is_plain(text, len)) {
		text = "abc";
		len = TRIGRAM_CHARS;
	}
	/* One without a character that means anything needs one look, too. */
	for (size_t at = 0; at < len; at++) {
		any |= classes[(unsigned char)text[at]];
		all &= classes[(unsigned char)text[at]];
	}
	if (len > 0 && !(any & (REGEX_META | SIMILAR_META | LIKE_META))) {
		plain.has_trigram = any & WORD;
		plain_regex.has_trigram = (any & WORD) && (!(all & WORD) || regex_min_run_has_trigram(text, len));
		return bits_of(plain) | bits_of(plain_regex) << 5 | bits_of(plain) << 10;
	}
	like = bits_of(shape_like(text, len));
	regex = bits_of(shape_regex(text, len));
	similar = bits_of(shape_similar(text, len));
	return like | regex << 5 | similar << 10;
}

static void run_add(struct run *run, unsigned char byte, struct pattern_shape *shape)
{
	if (run->chars == 0 && !run->after_wildcard)
		run->chars = PADDING_LEFT;
	/* A multibyte character counts once. */
	if (!is_continuation(byte) || run->chars == 0)
		run->chars++;
	if (run->chars >= TRIGRAM_CHARS)
		shape->has_trigram = true;
}

static void run_end(struct run *run, bool wildcard, struct pattern_shape *shape)
{
	if (run->chars && !wildcard && run->chars + PADDING_RIGHT >= TRIGRAM_CHARS)
		shape->has_trigram = true;
	run->chars = 0;
	run->after_wildcard = wildcard;
}

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		if (!is_word((unsigned char)text[at]) || (unsigned char)text[at] >= 0x80)
			return false;
	}
	return true;
}

/* The length of the regex's first character, and whether it stands for itself. */
static size_t regex_character(const char *text, size_t len, bool *literal)
{
	*literal = false;
	if (len == 0)
		return 0;
	if (text[0] == '\\') {
		/* Before a letter or digit a backslash makes a class or a back reference. */
		*literal = len > 1 && !is_word((unsigned char)text[1]);
		return len > 1 ? 2 : 1;
	}
	*literal = !(classes[(unsigned char)text[0]] & REGEX_META);
	return 1;
}

/* For a regex of word characters and . * + ? only: every text it matches must hold a trigram for pg_trgm to find
 * one, so the poorest text decides: what is optional left out, "." being any character. */
static bool regex_min_run_has_trigram(const char *text, size_t len)
{
	unsigned chars = 0;

	for (size_t at = 0; at < len; at++) {
		unsigned char byte = (unsigned char)text[at];

		if (byte == '.') {
			chars = 0;
			continue;
		}
		if (!is_word(byte) || is_continuation(byte))
			continue;
		while (at + 1 < len && is_continuation((unsigned char)text[at + 1]))
			at++;
		if (at + 1 < len && (text[at + 1] == '*' || text[at + 1] == '?'))
			continue;
		if (++chars >= TRIGRAM_CHARS)
			return true;
	}
	return false;
}

static unsigned bits_of(struct pattern_shape shape)
{
	return (unsigned)shape.leading_wildcard | (unsigned)shape.has_wildcard << 1 |
	       (unsigned)shape.only_wildcards << 2 | (unsigned)shape.has_trigram << 3 | (unsigned)shape.has_prefix << 4;
}
