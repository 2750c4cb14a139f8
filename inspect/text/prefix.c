#include "inspect/text/prefix.h"

#include <stdint.h>
#include <string.h>

enum {
	BYTES_MAX = 256, /* looked at; every text literal of a statement comes by here */
	DEPTH_MAX = 16,  /* of brackets */
	CHARACTER_MANY = 0x110000,
	/* The server keeps single characters apart only up to there (MAX_SIMPLE_CHR, regguts.h). */
	CHARACTER_SIMPLE_MAX = 0x7FF,
};

enum first { FIRST_NONE, FIRST_ONE, FIRST_MANY };

/* A piece of the expression: what it may begin with, and whether it is the same text each time. */
struct part {
	enum first first; /* NONE: it matches no more than the empty text */
	uint32_t character;
	bool nullable, exact;
	bool anchored, ended; /* by ^ and $ */
	bool letters;         /* of two cases */
	bool broken;          /* not followed, or matches nothing */
};

struct reader {
	const char *at, *end;
	int depth;
	bool similar, folds, expanded;
};

static struct part read_branches(struct reader *r);
static struct part read_branch(struct reader *r);
static struct part read_atom(struct reader *r);
static struct part read_group(struct reader *r);
static struct part read_bracket(struct reader *r);
static struct part read_escape(struct reader *r);
static struct part quantified(struct reader *r, struct part part);

static const struct part empty = {.nullable = true, .exact = true};
static const struct part constraint = {.nullable = true};
static const struct part broken = {.broken = true};
static const struct part many = {.first = FIRST_MANY};

static enum prefix_kind kind_of(struct part part, bool cut)
{
	if (part.broken || !part.anchored || part.first == FIRST_MANY || (part.first != FIRST_NONE && part.nullable))
		return PREFIX_NONE;
	if (part.exact && part.ended && !cut)
		return PREFIX_EXACT;
	return part.first == FIRST_ONE ? PREFIX_SOME : PREFIX_NONE;
}

/* (?flags) at the beginning; false for those that make another language of it. */
static bool read_options(struct reader *r)
{
	if (r->end - r->at >= 4 && memcmp(r->at, "***:", 4) == 0)
		r->at += 4;
	if (r->end - r->at < 3 || r->at[0] != '(' || r->at[1] != '?' || r->at[2] < 'a' || r->at[2] > 'z')
		return true;
	for (r->at += 2; r->at < r->end && *r->at != ')'; r->at++) {
		switch (*r->at) {
		case 'i':
			r->folds = true;
			break;
		case 'c':
			r->folds = false;
			break;
		case 'x':
			r->expanded = true;
			break;
		case 's':
		case 't':
			break;
		default:
			return false;
		}
	}
	r->at += r->at < r->end;
	return true;
}

enum prefix_kind prefix_of_regex(const char *text, size_t len, bool folds)
{
	const bool cut = len > BYTES_MAX;
	struct reader r = {.at = text, .end = text + (cut ? BYTES_MAX : len), .folds = folds};
	/* Without ^ or what may hold one there is nothing to look for. */
	if (len == 0 || !strchr("^\\(*", text[0]) || (cut && memchr(r.end, '|', len - BYTES_MAX)) || !read_options(&r))
		return PREFIX_NONE;
	struct part part = read_branches(&r);
	return r.at < r.end ? PREFIX_NONE : kind_of(part, cut);
}

enum prefix_kind prefix_of_similar(const char *text, size_t len)
{
	const bool cut = len > BYTES_MAX;
	struct reader r = {.at = text, .end = text + (cut ? BYTES_MAX : len), .similar = true};
	if (cut && memchr(r.end, '|', len - BYTES_MAX))
		return PREFIX_NONE;
	struct part part = read_branches(&r);
	part.anchored = part.ended = true; /* ^(?:…)$ is put around it */
	return r.at < r.end ? PREFIX_NONE : kind_of(part, cut);
}

/* -- putting together ---------------------------------------------------------------------------------- */

static enum first joined(enum first a, uint32_t a_character, enum first b, uint32_t b_character)
{
	if (a == FIRST_NONE || b == FIRST_NONE)
		return a == FIRST_NONE ? b : a;
	return a == FIRST_ONE && b == FIRST_ONE && a_character == b_character ? FIRST_ONE : FIRST_MANY;
}

static struct part followed(struct part left, struct part right)
{
	struct part whole = {
	    .first = left.first,
	    .character = left.first == FIRST_ONE ? left.character : right.character,
	    .nullable = left.nullable && right.nullable,
	    .exact = left.exact && right.exact,
	    .anchored = left.anchored || (left.first == FIRST_NONE && right.anchored),
	    .ended = left.ended || right.ended,
	    .letters = left.letters || right.letters,
	    .broken = left.broken || right.broken || (left.first != FIRST_NONE && right.anchored) ||
	              (left.ended && right.first != FIRST_NONE),
	};
	if (left.nullable)
		whole.first = joined(left.first, left.character, right.first, right.character);
	return whole;
}

static struct part read_branches(struct reader *r)
{
	if (++r->depth > DEPTH_MAX)
		return broken;
	struct part all = read_branch(r);
	while (r->at < r->end && *r->at == '|') {
		r->at++;
		struct part other = read_branch(r);
		all = (struct part){
		    .first = joined(all.first, all.character, other.first, other.character),
		    .character = all.first == FIRST_ONE ? all.character : other.character,
		    .nullable = all.nullable || other.nullable,
		    .letters = all.letters || other.letters,
		    /* Two ways to begin are too many. */
		    .broken = all.broken || other.broken || all.anchored || other.anchored,
		};
	}
	r->depth--;
	return all;
}

static struct part read_branch(struct reader *r)
{
	struct part whole = empty;
	while (r->at < r->end && *r->at != '|' && *r->at != ')' && !whole.broken) {
		if (r->expanded && strchr(" \t\r\n", *r->at)) {
			r->at++;
			continue;
		}
		const struct part atom = read_atom(r);
		if ((atom.anchored || atom.ended) && r->at < r->end && strchr("*+?{", *r->at))
			return broken;
		whole = followed(whole, quantified(r, atom));
	}
	return whole;
}

static bool number_of(struct reader *r, int *value)
{
	const char *before = r->at;
	for (*value = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9' && *value < 1000; r->at++)
		*value = *value * 10 + (*r->at - '0');
	return r->at > before;
}

static struct part quantified(struct reader *r, struct part part)
{
	int least = 1, most = 1;
	if (r->at == r->end || !strchr("*+?{", *r->at))
		return part;
	const char kind = *r->at++;
	if (kind == '{') {
		if (!number_of(r, &least))
			return broken;
		most = least;
		if (r->at < r->end && *r->at == ',' && (r->at++, !number_of(r, &most)))
			most = INT16_MAX;
		if (r->at == r->end || *r->at++ != '}')
			return broken;
	} else {
		least = kind == '+';
		most = kind == '?' ? 1 : INT16_MAX;
	}
	if (r->at < r->end && *r->at == '?' && !r->similar)
		r->at++;
	if (most == 0)
		return empty;
	/* a{1,2} is (a?)a to the server. */
	if (least > 0 && least < most && most < INT16_MAX)
		part.first = FIRST_MANY;
	part.nullable |= least == 0;
	part.exact &= least == most;
	return part;
}

/* -- atoms --------------------------------------------------------------------------------------------- */

static struct part character_part(const struct reader *r, uint32_t character)
{
	const bool letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	                    character >= 0x80;
	if (character > CHARACTER_SIMPLE_MAX || (r->folds && letter))
		return (struct part){.first = FIRST_MANY, .exact = !r->folds && character < CHARACTER_MANY};
	return (struct part){.first = FIRST_ONE, .character = character, .exact = true, .letters = letter};
}

/* One of UTF-8, as the server has it; of any other encoding, a byte. */
static uint32_t next_character(struct reader *r)
{
	const unsigned char first = (unsigned char)*r->at++;
	uint32_t character = first;
	int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
	if (more > 0)
		character = first & (0x3FU >> more);
	for (; more > 0 && r->at < r->end && ((unsigned char)*r->at & 0xC0) == 0x80; more--)
		character = character << 6 | ((unsigned char)*r->at++ & 0x3FU);
	return character;
}

static struct part read_atom(struct reader *r)
{
	switch (*r->at) {
	case '(':
		return read_group(r);
	case '[':
		return read_bracket(r);
	case '\\':
		return read_escape(r);
	case '*':
	case '+':
	case '?':
	case '{':
		return broken;
	case '%':
	case '_':
		if (!r->similar)
			break;
		return *r->at++ == '%' ? (struct part){.first = FIRST_MANY, .nullable = true} : many;
	case '.':
	case '^':
	case '$':
		if (r->similar)
			break;
		const char mark = *r->at++;
		return mark == '.'   ? many
		       : mark == '^' ? (struct part){.nullable = true, .exact = true, .anchored = true}
		                     : (struct part){.nullable = true, .exact = true, .ended = true};
	default:
		break;
	}
	return character_part(r, next_character(r));
}

static struct part read_group(struct reader *r)
{
	bool looks = false;
	r->at++;
	if (!r->similar && r->end - r->at >= 2 && *r->at == '?') {
		if (r->at[1] == '#') {
			const char *close = memchr(r->at, ')', (size_t)(r->end - r->at));
			r->at = close != NULL ? close + 1 : r->end;
			return empty;
		}
		looks = r->at[1] == '=' || r->at[1] == '!';
		if (!looks && r->at[1] != ':')
			return broken; /* it looks back, or is an error */
		r->at += 2;
	}
	struct part part = read_branches(r);
	if (r->at < r->end && *r->at++ != ')')
		return broken;
	return looks ? (struct part){.nullable = true, .broken = part.broken} : part;
}

/* What stands for one character in [ ]: CHARACTER_MANY for a class. */
static uint32_t bracket_element(struct reader *r)
{
	if (*r->at == '[' && r->at + 1 < r->end && strchr(".=:", r->at[1])) {
		const char mark = r->at[1];
		r->at += 2;
		if (r->at == r->end)
			return CHARACTER_MANY;
		uint32_t character = next_character(r);
		const bool closes = r->end - r->at >= 2 && r->at[0] == mark && r->at[1] == ']';
		while (r->end - r->at >= 2 && !(r->at[0] == mark && r->at[1] == ']'))
			r->at++;
		r->at = r->end - r->at >= 2 ? r->at + 2 : r->end;
		return closes && mark != ':' ? character : CHARACTER_MANY;
	}
	if (*r->at == '\\' && r->at + 1 < r->end) {
		struct part part = read_escape(r);
		return part.first == FIRST_ONE && !part.broken ? part.character : CHARACTER_MANY;
	}
	return next_character(r);
}

static struct part read_bracket(struct reader *r)
{
	uint32_t only = 0;
	bool first = true, several = false;
	const struct reader plain = {.similar = r->similar};
	r->at++;
	if (r->at < r->end && *r->at == '^') {
		several = true;
		r->at++;
	}
	for (; r->at < r->end && (first || *r->at != ']'); first = false) {
		struct reader inner = plain;
		inner.at = r->at;
		inner.end = r->end;
		uint32_t character = bracket_element(&inner);
		several |= character == CHARACTER_MANY || (!first && character != only);
		only = character;
		/* a-z */
		if (inner.end - inner.at >= 2 && *inner.at == '-' && inner.at[1] != ']') {
			inner.at++;
			several |= bracket_element(&inner) != character;
		}
		r->at = inner.at;
	}
	if (r->at == r->end)
		return broken;
	r->at++;
	return several ? many : character_part(r, only);
}

static uint32_t digits_of(struct reader *r, int most, uint32_t base)
{
	uint32_t value = 0;
	for (; most > 0 && r->at < r->end; most--, r->at++) {
		const char c = *r->at;
		const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
		                       : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
		                       : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
		                                              : base;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	return value;
}

static struct part read_escape(struct reader *r)
{
	enum { BACKSPACE = 8, FORM_FEED = 12, VERTICAL_TAB = 11, BELL = 7, ESCAPE = 27 };
	if (++r->at == r->end)
		return broken;
	const char c = *r->at;
	if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return character_part(r, next_character(r));
	r->at++;
	switch (c) {
	case 'A':
		return (struct part){.nullable = true, .exact = true, .anchored = true};
	case 'Z':
		return (struct part){.nullable = true, .exact = true, .ended = true};
	case 'm':
	case 'M':
	case 'y':
		return constraint;
	case 'a':
		return character_part(r, BELL);
	case 'b':
		return character_part(r, BACKSPACE);
	case 'B':
		return character_part(r, '\\');
	case 'e':
		return character_part(r, ESCAPE);
	case 'f':
		return character_part(r, FORM_FEED);
	case 'n':
		return character_part(r, '\n');
	case 'r':
		return character_part(r, '\r');
	case 't':
		return character_part(r, '\t');
	case 'v':
		return character_part(r, VERTICAL_TAB);
	case 'c':
		return r->at < r->end ? character_part(r, next_character(r) & 0x1F) : broken;
	case 'u':
		return character_part(r, digits_of(r, 4, 16));
	case 'U':
		return character_part(r, digits_of(r, 8, 16));
	case 'x':
		return character_part(r, digits_of(r, 8, 16));
	case 'd':
	case 's':
	case 'w':
	case 'D':
	case 'S':
	case 'W':
		return many;
	default:
		break;
	}
	if (c < '0' || c > '9')
		return broken;
	r->at--;
	const char *before = r->at;
	uint32_t character = digits_of(r, 3, 8);
	/* \1 is what a bracket has matched. */
	if (c == '0' || r->at - before == 3)
		return character_part(r, character);
	r->at = before + 1;
	return many;
}
