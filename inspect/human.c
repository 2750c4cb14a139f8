#include "inspect/human.h"

#include "config/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Select lists up to this long are left alone: the gap would save nothing. */
enum { SHORT_LIST_BYTES = 24 };

static const char *find_word(const char *text, const char *word);

/* One decimal below 10, none from there on; what rounds up to 10 is 10, not 10.0. */
static const char *write_number(double number, const char *unit, char to[HUMAN_BYTES])
{
	snprintf(to, HUMAN_BYTES, "%.*f%s", number < 9.95 ? 1 : 0, number, unit);
	return to;
}

const char *human_count(double count, char to[HUMAN_BYTES])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	CHECK(to != NULL);
	if (!(count >= 0)) {
		snprintf(to, HUMAN_BYTES, "?");
		return to;
	}
	size_t unit = 0;
	if (count < 999.5) {
		snprintf(to, HUMAN_BYTES, "%.0f", count);
		return to;
	}
	while (count >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		count /= 1000;
		unit++;
	}
	return write_number(fmin(count, 1e9), units[unit], to);
}

const char *human_duration(uint64_t us, char to[HUMAN_BYTES])
{
	CHECK(to != NULL);
	double number = (double)us;
	if (us < 100) {
		snprintf(to, HUMAN_BYTES, "%u µs", (unsigned)us);
		return to;
	}
	if (number < 999.5e3)
		return write_number(number / 1e3, " ms", to);
	if (number < 119.5e6)
		return write_number(number / 1e6, " s", to);
	if (number < 119.5 * 60e6)
		return write_number(number / 60e6, " min", to);
	return write_number(fmin(number / 3600e6, 1e9), " h", to);
}

const char *human_bytes(double bytes, char to[HUMAN_BYTES])
{
	static const char *const units[] = {" B", " kB", " MB", " GB", " TB"};
	CHECK(to != NULL);
	size_t unit = 0;
	if (!(bytes >= 0))
		bytes = 0;
	if (bytes < 1023.5) {
		snprintf(to, HUMAN_BYTES, "%.0f B", bytes);
		return to;
	}
	while (bytes >= 1023.5 && unit + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		unit++;
	}
	return write_number(fmin(bytes, 1e9), units[unit], to);
}

const char *human_query(const char *query, size_t bytes, char to[HUMAN_QUERY_BYTES])
{
	CHECK(to != NULL);
	if (strlen(query) <= bytes)
		return query;
	const char *select = find_word(query, "select");
	const char *from = select ? find_word(select + 6, "from") : NULL;
	if (!from || from - (select + 6) <= SHORT_LIST_BYTES)
		return query;
	int len = snprintf(to, HUMAN_QUERY_BYTES, "%.*s … %s", (int)(select + 6 - query), query, from);
	size_t end = HUMAN_QUERY_BYTES - 1;
	if (len < 0 || (size_t)len <= end)
		return to;
	/* The last byte that fitted may be in the middle of a character: that one goes. */
	while (end > 0 && ((unsigned char)to[end - 1] & 0xc0) == 0x80)
		end--;
	if (end > 0 && (unsigned char)to[end - 1] >= 0xc0)
		end--;
	to[end] = '\0';
	return to;
}

/* The word outside of quotes and brackets, in either case; NULL when there is none. */
static const char *find_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	unsigned depth = 0;
	bool quoted = false;
	for (const char *at = text; *at; at++) {
		if (*at == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (*at == '(')
			depth++;
		else if (*at == ')' && depth > 0)
			depth--;
		bool starts = at == text || at[-1] == ' ';
		if (depth == 0 && starts && strncasecmp(at, word, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
			return at;
	}
	return NULL;
}
