#include "inspect/text/constants.h"
#include "config/check.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { INT4_SURELY_DIGITS = 9, WORD_BYTES_MIN = 4, WORD_BYTES_MAX = 11, STEPS_INLINE = 4 };

/* Words in lower case, by their length: those of one length stand one behind the other. */
struct words {
	const char *of_length[WORD_BYTES_MAX + 1];
};

static const struct words constant_words = {{[4] = "truenull", [5] = "false", [7] = "default"}};

static const struct words types = {{
    [4] = "datetimeuuidtextjsonint4int8int2boolinetcidr",
    [5] = "jsonbbytea",
    [6] = "float8float4timetzbigint",
    [7] = "numericintegerbooleanvarchar",
    [8] = "intervalsmallint",
    [9] = "timestamp",
    [11] = "timestamptz",
}};

/* What may go on a name; above ASCII all bytes may. */
static const bool name_bytes[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, [0x80 ... 0xFF] = true, ['_'] = true, ['$'] = true,
};

static const char *skip_constant(const char *at, const char *end, const struct constants_rows *rows, unsigned column);
static bool is_seen(const char *text, size_t len, bool plain, const struct constants_rows *rows, unsigned column);
static const char *skip_member(const char *at, const char *end, const struct constants_member *member);
static const char *skip_name(const char *at, const char *end);
static bool is_among(const struct words *words, const char *text, size_t len);
static void word_ends(const char *text, size_t len, uint64_t *head, uint64_t *tail);

static inline bool is_space(unsigned char byte)
{
	/* What is no white space is mostly above it. */
	return byte <= ' ' && (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f');
}

static inline bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool is_name_start(char byte)
{
	return ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte == '_';
}

/* The scans that every constant takes stand here, so that they are inlined. */
static inline const char *space_end(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

static inline const char *digits_end(const char *at, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* Eight at a time: a byte that is no digit gets its top bit set, and the first such byte is the lowest. */
	while (end - at >= 8) {
		uint64_t bytes, others;

		memcpy(&bytes, at, sizeof(bytes));
		bytes ^= UINT64_C(0x3030303030303030);
		others = ((bytes + UINT64_C(0x7676767676767676)) | bytes) & UINT64_C(0x8080808080808080);
		if (others)
			return at + __builtin_ctzll(others) / 8;
		at += 8;
	}
#endif
	while (at < end && is_digit(*at))
		at++;
	return at;
}

/* memchr, but that most strings are too short for the call to pay. */
static inline const char *quote_at(const char *at, const char *end)
{
#ifdef __SSE2__
	for (unsigned step = 0; step < STEPS_INLINE && end - at >= 16; step++, at += 16) {
		__m128i quotes = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at), _mm_set1_epi8('\''));
		int found = _mm_movemask_epi8(quotes);

		if (found)
			return at + __builtin_ctz((unsigned)found);
	}
#endif
	return memchr(at, '\'', (size_t)(end - at));
}

static inline const char *string_end(const char *at, const char *end, bool *plain)
{
	*plain = true;
	for (at++;;) {
		at = quote_at(at, end);
		if (!at)
			return NULL;
		if (at + 1 == end || at[1] != '\'')
			return at + 1;
		*plain = false;
		at += 2;
	}
}

bool constants_member_of(const char *key, size_t len, struct constants_member *member)
{
	*member = (struct constants_member){.kind = CONSTANTS_INTEGER};
	/* See literal_put: an integer of class 1; a string whose class does not count. */
	if (len == 2 && key[0] == 'i' && key[1] == 1)
		return true;
	if (len < 3 || memcmp(key, "s\xFF\xFF", 3) != 0)
		return false;
	member->kind = CONSTANTS_STRING;
	if (len == 3)
		return true;
	/* "t", then "w", the type's name and a zero byte. */
	if (len < 7 || key[3] != 't' || key[4] != 'w' || memchr(key + 5, '\0', len - 5) != key + len - 1 ||
	    len - 6 + 2 > sizeof(member->cast))
		return false;
	member->cast_len = (uint8_t)(len - 6 + 2);
	memcpy(member->cast, "::", 2);
	memcpy(member->cast + 2, key + 5, len - 6);
	return true;
}

const char *constants_skip_rows(const char *at, const char *end, const struct constants_rows *rows)
{
	for (;;) {
		const char *next = space_end(at, end);
		unsigned column = 0;

		if (next == end || *next != ',')
			return at;
		next = space_end(next + 1, end);
		if (next == end || *next != '(')
			return at;
		do {
			next = skip_constant(space_end(next + 1, end), end, rows, column++);
			if (!next)
				return at;
		} while (*next == ',');
		if (*next != ')')
			return at;
		at = next + 1;
	}
}

const char *constants_skip_members(const char *at, const char *end, const struct constants_member *member,
                                   const char **last_comma, uint32_t *count)
{
	*last_comma = NULL;
	*count = 0;
	for (;;) {
		const char *comma = space_end(at, end), *next;

		if (comma == end || *comma != ',')
			return at;
		next = skip_member(space_end(comma + 1, end), end, member);
		if (!next)
			return at;
		*last_comma = comma;
		++*count;
		at = next;
	}
}

bool constants_is_word(const char *text, size_t len)
{
	return is_among(&constant_words, text, len);
}

bool constants_is_type(const char *text, size_t len)
{
	return is_among(&types, text, len);
}

const char *constants_string_end(const char *at, const char *end, bool *plain)
{
	return string_end(at, end, plain);
}

const char *constants_digits_end(const char *at, const char *end)
{
	return digits_end(at, end);
}

const char *constants_space_end(const char *at, const char *end)
{
	return space_end(at, end);
}

/* To the comma or bracket behind it; NULL when anything else is there. A quote there would continue a string. */
static const char *skip_constant(const char *at, const char *end, const struct constants_rows *rows, unsigned column)
{
	const char *start = at;
	bool plain, sign = false;

	if (at == end)
		return NULL;
	if (*at == '\'') {
		at = string_end(at, end, &plain);
		if (!at || !is_seen(start + 1, (size_t)(at - start) - 2, plain, rows, column))
			return NULL;
	} else if (is_digit(*at) || (*at == '-' && end - at > 1 && is_digit(at[1]))) {
		sign = *at == '-';
		at = digits_end(at + 1, end);
		if (end - at > 1 && *at == '.' && is_digit(at[1]))
			at = digits_end(at + 1, end);
	} else if (is_name_start(*at)) {
		const char *name = at;

		at = skip_name(at, end);
		if (!constants_is_word(name, (size_t)(at - name)))
			return NULL;
	} else {
		return NULL;
	}
	if (!sign && end - at > 2 && at[0] == ':' && at[1] == ':' && is_name_start(at[2])) {
		const char *name = at + 2;

		at = skip_name(name, end);
		if (!constants_is_type(name, (size_t)(at - name)))
			return NULL;
	}
	at = space_end(at, end);
	return at < end && (*at == ',' || *at == ')') ? at : NULL;
}

/* `text` is between its quotes; not `plain`: some are doubled in it. */
static bool is_seen(const char *text, size_t len, bool plain, const struct constants_rows *rows, unsigned column)
{
	enum value_kind kind = VALUE_PLAIN;

	if (column >= CONSTANTS_COLUMNS_MAX)
		return false;
	/* See value_class in literal.c. */
	if (rows->secret || (len > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '\\' || text[0] == '\''))) {
		if (!plain)
			return false;
		kind = rows->secret ? value_of(text, len) : value_json(text, len);
	}
	return rows->seen[column] & value_bit(kind);
}

/* Likewise behind it, white space left out; NULL when it is not such a member or goes on. */
static const char *skip_member(const char *at, const char *end, const struct constants_member *member)
{
	const char *start = at, *behind;
	bool plain;

	if (at == end)
		return NULL;
	if (member->kind == CONSTANTS_INTEGER) {
		at = digits_end(at, end);
		if (at == start || at - start > INT4_SURELY_DIGITS)
			return NULL;
	} else {
		if (*at != '\'')
			return NULL;
		at = string_end(at, end, &plain);
		if (!at || (size_t)(end - at) < member->cast_len || memcmp(at, member->cast, member->cast_len) != 0)
			return NULL;
		at += member->cast_len;
	}
	behind = space_end(at, end);
	return behind < end && (*behind == ',' || *behind == ')') ? at : NULL;
}

static const char *skip_name(const char *at, const char *end)
{
	while (at < end && name_bytes[(unsigned char)*at])
		at++;
	return at;
}

/* Compared as two numbers that overlap, in lower case. Of what stands in a name, only a letter becomes one of those that
 * the words are made of. */
static bool is_among(const struct words *words, const char *text, size_t len)
{
	uint64_t head, tail, other_head, other_tail;

	if (len < WORD_BYTES_MIN || len > WORD_BYTES_MAX || !words->of_length[len])
		return false;
	word_ends(text, len, &head, &tail);
	for (const char *word = words->of_length[len]; *word; word += len) {
		word_ends(word, len, &other_head, &other_tail);
		if (head == other_head && tail == other_tail)
			return true;
	}
	return false;
}

static void word_ends(const char *text, size_t len, uint64_t *head, uint64_t *tail)
{
	const uint64_t lower = UINT64_C(0x2020202020202020);
	uint32_t first, last;

	if (len >= sizeof(*head)) {
		memcpy(head, text, sizeof(*head));
		memcpy(tail, text + len - sizeof(*tail), sizeof(*tail));
	} else {
		memcpy(&first, text, sizeof(first));
		memcpy(&last, text + len - sizeof(last), sizeof(last));
		*head = first;
		*tail = last;
	}
	*head |= lower;
	*tail |= lower;
}
