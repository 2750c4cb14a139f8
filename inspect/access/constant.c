#include "inspect/access/constant.h"

#include "config/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *settled(uint32_t type, const char *text, bool utc, struct arena *arena);
static const char *settled_number(uint32_t type, const char *text, struct arena *arena);
static const char *settled_boolean(const char *text);
static const char *settled_uuid(const char *text, struct arena *arena);
static const char *settled_moment(uint32_t type, const char *text, bool utc, struct arena *arena);

static void settle(const struct term *term, const struct dictionary *dictionary, bool utc, struct arena *arena,
                   int depth)
{
	if (term == NULL || depth > LIMIT_WALK_DEPTH)
		return;
	for (uint16_t at = 0; at < term->count; at++)
		settle(term->items[at], dictionary, utc, arena, depth + 1);
	if (term->kind != TERM_CONSTANT || term->text == NULL)
		return;
	/* Nobody else holds it yet. */
	((struct term *)term)->text = settled(dictionary_base(dictionary, term->type), term->text, utc, arena);
}

void constant_settle(const struct term *term, const struct dictionary *dictionary, bool utc, struct arena *arena)
{
	settle(term, dictionary, utc, arena, 0);
}

bool constant_differs(uint32_t type)
{
	enum { FIRST_OF_USERS = 16384 }; /* FirstNormalObjectId: enumerations, citext, domains */
	switch (type) {
	case TYPE_BOOL:
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
	case TYPE_NUMERIC:
	case TYPE_TEXT:
	case TYPE_VARCHAR:
	case TYPE_BPCHAR:
	case TYPE_NAME:
	case TYPE_UUID:
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
	case TYPE_UNKNOWN:
		return true;
	default:
		return type >= FIRST_OF_USERS;
	}
}

static const char *settled(uint32_t type, const char *text, bool utc, struct arena *arena)
{
	static const char system_schema[] = "pg_catalog.";
	switch (type) {
	case TYPE_BOOL:
		return settled_boolean(text);
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
	case TYPE_FLOAT4:
	case TYPE_FLOAT8:
		return settled_number(type, text, arena);
	case TYPE_UUID:
		return settled_uuid(text, arena);
	case TYPE_REGCONFIG:
		return strncmp(text, system_schema, sizeof(system_schema) - 1) == 0 ? text + sizeof(system_schema) - 1
		                                                                     : text;
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return settled_moment(type, text, utc, arena);
	default:
		return text;
	}
}

static const char *settled_number(uint32_t type, const char *text, struct arena *arena)
{
	char *end;
	if (type == TYPE_FLOAT4 || type == TYPE_FLOAT8) {
		double value = strtod(text, &end);
		if (end == text || end[strspn(end, " ")] != '\0')
			return NULL;
		return arena_printf(arena, "%.17g", type == TYPE_FLOAT4 ? (double)(float)value : value);
	}
	long long value = strtoll(text, &end, 10);
	/* 5.5 that was made a whole number (numeric_int4). */
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		value += end[1] < '5' ? 0 : text[0] == '-' ? -1 : 1;
		end += 1 + strspn(end + 1, "0123456789");
	}
	return end == text || end[strspn(end, " ")] != '\0' ? NULL : arena_printf(arena, "%lld", value);
}

/* parse_bool_with_len (bool.c): whatever begins only one of the words. */
static const char *settled_boolean(const char *text)
{
	static const struct {
		const char *word;
		size_t least;
		const char *value;
	} words[] = {{"true", 1, "t"}, {"false", 1, "f"}, {"yes", 1, "t"}, {"no", 1, "f"},
	             {"on", 2, "t"},   {"off", 2, "f"},   {"1", 1, "t"},   {"0", 1, "f"}};
	text += strspn(text, " \t\n");
	const size_t len = strcspn(text, " \t\n");
	for (size_t at = 0; at < ARRAY_LEN(words); at++) {
		if (len >= words[at].least && len <= strlen(words[at].word) &&
		    strncasecmp(text, words[at].word, len) == 0)
			return words[at].value;
	}
	return NULL;
}

static const char *settled_uuid(const char *text, struct arena *arena)
{
	char digits[33], made[37];
	size_t count = 0, to = 0;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '-' || *at == '{' || *at == '}')
			continue;
		if (!isxdigit((unsigned char)*at) || count == 32)
			return NULL;
		digits[count++] = (char)tolower((unsigned char)*at);
	}
	if (count != 32)
		return NULL;
	for (size_t at = 0; at < 32; at++) {
		if (at == 8 || at == 12 || at == 16 || at == 20)
			made[to++] = '-';
		made[to++] = digits[at];
	}
	return arena_copy(arena, made, to);
}

/* -- moments ------------------------------------------------------------------------------------------- */

struct moment {
	long days; /* since 1970-01-01 */
	long long micros;
	bool zoned;
	long offset; /* seconds east of UTC */
};

/* By Howard Hinnant's days_from_civil. */
static long days_of(long year, long month, long day)
{
	year -= month <= 2;
	const long era = year / 400, of_era = year - era * 400;
	const long of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(long days, long *year, long *month, long *day)
{
	days += 719468;
	const long era = days / 146097, of_era = days - era * 146097;
	const long years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const long of_year = of_era - (365 * years + years / 4 - years / 100), mark = (5 * of_year + 2) / 153;
	*day = of_year - (153 * mark + 2) / 5 + 1;
	*month = mark + (mark < 10 ? 3 : -9);
	*year = years + era * 400 + (*month <= 2);
}

static bool number_of(const char **at, int digits, long *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

/* ISO 8601 alone, and years of four digits. */
static bool read_moment(const char *at, struct moment *moment)
{
	long year, month, day, hour = 0, minute = 0, second = 0, fraction = 0;
	*moment = (struct moment){0};
	if (!number_of(&at, 4, &year) || *at++ != '-' || !number_of(&at, 2, &month) || *at++ != '-' ||
	    !number_of(&at, 2, &day) || year < 1000 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if ((*at == ' ' || *at == 'T') && isdigit((unsigned char)at[1])) {
		at++;
		if (!number_of(&at, 2, &hour) || *at++ != ':' || !number_of(&at, 2, &minute))
			return false;
		if (*at == ':' && (at++, !number_of(&at, 2, &second)))
			return false;
		if (*at == '.') {
			int digits = 0;
			for (at++; isdigit((unsigned char)*at) && digits < 6; at++, digits++)
				fraction = fraction * 10 + (*at - '0');
			for (; digits < 6; digits++)
				fraction *= 10;
		}
	}
	at += strspn(at, " ");
	if (*at == 'Z' && at[1] == '\0') {
		moment->zoned = true;
		at++;
	} else if (*at == '+' || *at == '-') {
		const int sign = *at++ == '-' ? -1 : 1;
		long hours, minutes = 0;
		if (!number_of(&at, 2, &hours))
			return false;
		if (*at == ':')
			at++;
		if (*at != '\0' && !number_of(&at, 2, &minutes))
			return false;
		moment->zoned = true;
		moment->offset = sign * (hours * 3600 + minutes * 60);
	}
	moment->days = days_of(year, month, day);
	moment->micros = ((hour * 60LL + minute) * 60 + second) * 1000000 + fraction;
	return *at == '\0';
}

static const char *settled_moment(uint32_t type, const char *text, bool utc, struct arena *arena)
{
	static const long long day_micros = 86400LL * 1000000;
	struct moment moment;
	long year, month, day;
	if (!read_moment(text, &moment))
		return NULL;
	if (type == TYPE_TIMESTAMPTZ) {
		if (!moment.zoned && !utc)
			return NULL;
		moment.micros -= moment.offset * 1000000LL;
		for (; moment.micros < 0; moment.days--)
			moment.micros += day_micros;
		for (; moment.micros >= day_micros; moment.days++)
			moment.micros -= day_micros;
	}
	date_of(moment.days, &year, &month, &day);
	if (type == TYPE_DATE)
		return arena_printf(arena, "%04ld-%02ld-%02ld", year, month, day);
	const long seconds = (long)(moment.micros / 1000000);
	return arena_printf(arena, "%04ld-%02ld-%02ld %02ld:%02ld:%02ld.%06ld%s", year, month, day, seconds / 3600,
	                    seconds / 60 % 60, seconds % 60, (long)(moment.micros % 1000000),
	                    type == TYPE_TIMESTAMPTZ ? "+00" : "");
}

/* -- arithmetic ---------------------------------------------------------------------------------------- */

static bool whole(const struct term *term, long long *value)
{
	char *end;
	if (term->kind != TERM_CONSTANT || term->text == NULL || strlen(term->text) > 9)
		return false;
	*value = strtoll(term->text, &end, 10);
	return end != term->text && *end == '\0';
}

const char *constant_computed(const char *function, const struct term *const *items, uint16_t count,
                              struct arena *arena)
{
	static const char *const tests[] = {"eq", "ne", "lt", "le", "gt", "ge"};
	long long a, b;
	if (strncmp(function, "int", 3) != 0 || count != 2 || !whole(items[0], &a) || !whole(items[1], &b))
		return NULL;
	const char *name = function + 3 + strspn(function + 3, "248");
	const bool results[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};
	for (size_t at = 0; at < ARRAY_LEN(tests); at++) {
		if (strcmp(name, tests[at]) == 0)
			return results[at] ? "t" : "f";
	}
	if (strcmp(name, "pl") == 0)
		return arena_printf(arena, "%lld", a + b);
	if (strcmp(name, "mi") == 0)
		return arena_printf(arena, "%lld", a - b);
	return strcmp(name, "mul") == 0 ? arena_printf(arena, "%lld", a * b) : NULL;
}
