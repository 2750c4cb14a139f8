#include "inspect/text/shape.h"

#include "inspect/text/prefix.h"

#include <limits.h>
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
	LIKE_META = 32,    /* % _ and the backslash */
	REGEX_CLASS = 64,  /* [ and the backslash: a class or an escape may stand for word characters */
	REGEX_RUN = 128,   /* WORD or REGEX_COUNT: what regex_min_run_has_trigram can follow */
};

static const uint8_t classes[256] = {
    ['a' ... 'z'] = WORD | REGEX_RUN,
    ['A' ... 'Z'] = WORD | REGEX_RUN,
    ['0' ... '9'] = WORD | REGEX_RUN,
    [0x80 ... 0xFF] = WORD | REGEX_RUN,
    ['.'] = REGEX_META | REGEX_COUNT | REGEX_RUN,
    ['*'] = REGEX_META | REGEX_COUNT | REGEX_RUN | SIMILAR_META,
    ['+'] = REGEX_META | REGEX_COUNT | REGEX_RUN | SIMILAR_META,
    ['?'] = REGEX_META | REGEX_COUNT | REGEX_RUN | SIMILAR_META,
    ['{'] = REGEX_META | SIMILAR_META,
    ['}'] = REGEX_META | SIMILAR_META,
    ['('] = REGEX_META | SIMILAR_META,
    [')'] = REGEX_META | SIMILAR_META,
    ['['] = REGEX_META | SIMILAR_META | REGEX_CLASS,
    [']'] = REGEX_META | SIMILAR_META,
    ['|'] = REGEX_META | SIMILAR_META,
    ['%'] = LIKE_META,
    ['_'] = LIKE_META,
    ['^'] = REGEX_META,
    ['$'] = REGEX_META,
    ['\\'] = REGEX_META | REGEX_CLASS | LIKE_META,
};

/* The classes that some of a text's bytes are in, and those that all are in: one look at each byte tells most of all
 * three shapes. */
struct mixture {
	unsigned any, all;
};

/* A run of word characters of a LIKE pattern, as pg_trgm sees it. */
struct run {
	unsigned chars; /* padding included; 0: no run is open */
	bool after_wildcard;
};

static struct mixture mixture_of(const char *text, size_t len);
static struct pattern_shape like_of(struct mixture mixture, const char *text, size_t len);
static struct pattern_shape regex_of(struct mixture mixture, const char *text, size_t len);
static struct pattern_shape similar_of(struct mixture mixture, struct pattern_shape like, const char *text, size_t len);
static void run_add(struct run *run, unsigned char byte, struct pattern_shape *shape);
static void run_end(struct run *run, bool wildcard, struct pattern_shape *shape);
static bool is_continuation(unsigned char byte);
static bool asks_item(const char *text, size_t len);
static bool regex_min_run_has_trigram(const char *text, size_t len);
static unsigned bits_of(struct pattern_shape shape);
static uint32_t fields_of(struct pattern_shape shape);

static inline bool is_word(unsigned char byte)
{
	return classes[byte] & WORD;
}

struct pattern_shape shape_like(const char *text, size_t len)
{
	return like_of(mixture_of(text, len), text, len);
}

struct pattern_shape shape_regex(const char *text, size_t len)
{
	return regex_of(mixture_of(text, len), text, len);
}

struct pattern_shape shape_similar(const char *text, size_t len)
{
	struct mixture mixture = mixture_of(text, len);

	return similar_of(mixture, like_of(mixture, text, len), text, len);
}

struct bound_shape shape_bound(const char *text, size_t len)
{
	return shape_wanted(text, len, SHAPE_WANT_ALL);
}

struct bound_shape shape_wanted(const char *text, size_t len, unsigned wants)
{
	struct bound_shape bound = {.known = true};

	if (wants & (SHAPE_WANT_LIKE | SHAPE_WANT_REGEX | SHAPE_WANT_SIMILAR)) {
		const struct mixture mixture = mixture_of(text, len);
		const struct pattern_shape like = like_of(mixture, text, len);

		if (wants & SHAPE_WANT_LIKE)
			bound.like = like;
		if (wants & SHAPE_WANT_REGEX)
			bound.regex = regex_of(mixture, text, len);
		if (wants & SHAPE_WANT_SIMILAR)
			bound.similar = similar_of(mixture, like, text, len);
	}
	if (wants & SHAPE_WANT_VALUE)
		bound.value = value_of(text, len);
	else if (wants & SHAPE_WANT_DOCUMENT)
		bound.value = value_json(text, len);
	return bound;
}

void shape_wants_add(struct shape_wants *wants, uint16_t parameter, unsigned want)
{
	if (parameter < 1 || parameter > LIMIT_BOUND_PARAMETERS)
		return;
	wants->of[parameter - 1] |= (uint8_t)want;
	if (parameter > wants->count)
		wants->count = parameter;
}

void shape_wants_join(struct shape_wants *wants, const struct shape_wants *others, unsigned only)
{
	for (uint16_t at = 0; at < others->count; at++) {
		if (others->of[at] & only)
			shape_wants_add(wants, (uint16_t)(at + 1), others->of[at] & only);
	}
}

unsigned shape_wants_any(const struct shape_wants *wants)
{
	unsigned any = 0;

	for (uint16_t at = 0; at < wants->count; at++)
		any |= wants->of[at];
	return any;
}

uint32_t shape_bound_class(const struct bound_shape *bound, unsigned wants)
{
	uint32_t class = bound->known;

	static_assert(VALUE_KINDS <= 32, "a kind has five bits");
	if (wants & SHAPE_WANT_LIKE)
		class |= fields_of(bound->like) << 1;
	if (wants & SHAPE_WANT_REGEX)
		class |= fields_of(bound->regex) << 8;
	if (wants & SHAPE_WANT_SIMILAR)
		class |= fields_of(bound->similar) << 15;
	if (wants & (SHAPE_WANT_VALUE | SHAPE_WANT_DOCUMENT))
		class |= (uint32_t)bound->value << 22;
	return class;
}

uint32_t shape_class(const char *text, size_t len)
{
	struct mixture mixture = mixture_of(text, len);
	struct pattern_shape like = like_of(mixture, text, len);

	return bits_of(like) | bits_of(regex_of(mixture, text, len)) << 5 |
	       bits_of(similar_of(mixture, like, text, len)) << 10;
}

static struct mixture mixture_of(const char *text, size_t len)
{
	struct mixture mixture = {.any = 0, .all = UINT_MAX};

	for (size_t at = 0; at < len; at++) {
		uint8_t class = classes[(unsigned char)text[at]];

		mixture.any |= class;
		mixture.all &= class;
	}
	return mixture;
}

static struct pattern_shape like_of(struct mixture mixture, const char *text, size_t len)
{
	struct pattern_shape shape = {.known = true, .only_wildcards = true};
	struct run run = {0};

	/* With its padding a single word character makes a trigram. */
	if (len > 0 && !(mixture.any & LIKE_META))
		return (struct pattern_shape){.known = true, .has_prefix = true, .has_trigram = mixture.any & WORD};
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
	shape.asks_item = shape.leading_wildcard && asks_item(text, len);
	return shape;
}

static struct pattern_shape regex_of(struct mixture mixture, const char *text, size_t len)
{
	struct pattern_shape shape = {
	    .known = true,
	    .has_wildcard = mixture.any & REGEX_META,
	    .only_wildcards = mixture.all & REGEX_COUNT,
	};

	/* Any other literal stands for a word's edge. */
	shape.has_trigram = (mixture.any & (WORD | REGEX_CLASS)) &&
	                    (!(mixture.all & REGEX_RUN) || regex_min_run_has_trigram(text, len));
	const enum prefix_kind prefix = prefix_of_regex(text, len, false);
	shape.has_prefix = prefix != PREFIX_NONE;
	shape.leading_wildcard = !shape.has_prefix;
	shape.has_wildcard &= prefix != PREFIX_EXACT;
	return shape;
}

static struct pattern_shape similar_of(struct mixture mixture, struct pattern_shape like, const char *text, size_t len)
{
	struct pattern_shape shape = like;
	bool words;

	if (!(mixture.any & SIMILAR_META))
		return shape;
	words = (mixture.any & WORD) || memchr(text, '[', len);
	shape.asks_item = false;
	const enum prefix_kind prefix = prefix_of_similar(text, len);
	shape.has_wildcard = prefix != PREFIX_EXACT;
	shape.only_wildcards = !words && shape.only_wildcards;
	shape.has_trigram = words;
	shape.has_prefix = prefix != PREFIX_NONE;
	shape.leading_wildcard = !shape.has_prefix;
	return shape;
}

static bool asks_item(const char *text, size_t len)
{
	if (len < 2 || text[0] != '%' || !(text[1] == ',' || text[1] == ';' || text[1] == '|'))
		return false;
	return len == 2 || (len > 4 && text[len - 1] == '%' && text[len - 2] == text[1]);
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

/* No pattern has both a wildcard and a literal in front: with an item asked for it stands for that. */
static unsigned bits_of(struct pattern_shape shape)
{
	return (unsigned)shape.leading_wildcard | (unsigned)shape.has_wildcard << 1 |
	       (unsigned)shape.only_wildcards << 2 | (unsigned)shape.has_trigram << 3 |
	       (unsigned)(shape.has_prefix || shape.asks_item) << 4;
}

/* Each of them. */
static uint32_t fields_of(struct pattern_shape shape)
{
	return (uint32_t)shape.known | (uint32_t)shape.leading_wildcard << 1 | (uint32_t)shape.has_wildcard << 2 |
	       (uint32_t)shape.only_wildcards << 3 | (uint32_t)shape.has_trigram << 4 | (uint32_t)shape.has_prefix << 5 |
	       (uint32_t)shape.asks_item << 6;
}
