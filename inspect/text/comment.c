#include "inspect/text/comment.h"
#include "config/utf8.h"
#include "config/check.h"

#include <string.h>

enum {
	/* A comment is looked at as far as this; the specification's keys with their values fit well. */
	COMMENT_MAX_BYTES = 4096,
};

/* Text still to be read. */
struct span {
	const char *at, *end;
};

static void clear(struct comment_tags *tags);
static bool comment_at_end(const char *sql, size_t len, struct span *inside);
static bool comment_at_start(const char *sql, size_t len, struct span *inside);
static bool read_tags(struct span text, struct comment_tags *tags);
static bool read_tag(struct span *text, struct span *key, struct span *value);
static void skip_space(struct span *text);
static bool is_key(const struct span *key, const char *name);
static void decode(const struct span *value, char *out, size_t size);
static int hex_digit(char digit);

bool comment_read(const char *sql, size_t len, struct comment_tags *tags)
{
	struct span inside;

	clear(tags);
	if (comment_at_end(sql, len, &inside) && read_tags(inside, tags))
		return true;
	clear(tags);
	if (comment_at_start(sql, len, &inside) && read_tags(inside, tags))
		return true;
	clear(tags);
	return false;
}

/* Every statement is asked for a comment, and few have one: nothing is cleared but what makes the strings empty. */
static void clear(struct comment_tags *tags)
{
	tags->route[0] = tags->controller[0] = tags->traceparent[0] = tags->application[0] = '\0';
}

static bool comment_at_end(const char *sql, size_t len, struct span *inside)
{
	const char *end = sql + len, *start;

	while (end > sql && (end[-1] == ' ' || end[-1] == ';' || (end[-1] >= '\t' && end[-1] <= '\r')))
		end--;
	if (end - sql < 4 || end[-1] != '/' || end[-2] != '*')
		return false;
	end -= 2;
	/* The nearest opening: comments nest, but in a value every "*" and most else is url-encoded. */
	for (start = end - 1; start > sql && end - start <= COMMENT_MAX_BYTES; start--) {
		if (start[-1] == '/' && start[0] == '*') {
			*inside = (struct span){start + 1, end};
			return start + 1 <= end;
		}
	}
	return false;
}

static bool comment_at_start(const char *sql, size_t len, struct span *inside)
{
	struct span text = {sql, sql + len};
	const char *end;
	size_t left;

	skip_space(&text);
	if (text.end - text.at < 4 || text.at[0] != '/' || text.at[1] != '*')
		return false;
	text.at += 2;
	left = (size_t)(text.end - text.at);
	end = memmem(text.at, left < COMMENT_MAX_BYTES ? left : COMMENT_MAX_BYTES, "*/", 2);
	if (!end)
		return false;
	*inside = (struct span){text.at, end};
	return true;
}

static bool read_tags(struct span text, struct comment_tags *tags)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} known[] = {
	    {"route", tags->route, sizeof(tags->route)},
	    {"controller", tags->controller, sizeof(tags->controller)},
	    {"traceparent", tags->traceparent, sizeof(tags->traceparent)},
	    {"application", tags->application, sizeof(tags->application)},
	    {"app_name", tags->application, sizeof(tags->application)}, /* sqlcommenter for Django */
	};
	struct span key, value;
	bool found = false;

	while (read_tag(&text, &key, &value)) {
		for (size_t at = 0; at < ARRAY_LEN(known); at++) {
			if (is_key(&key, known[at].name)) {
				decode(&value, known[at].out, known[at].size);
				found |= known[at].out[0] != '\0';
			}
		}
	}
	return found;
}

/* One key='value' with the comma behind it; false at the end and at anything else. */
static bool read_tag(struct span *text, struct span *key, struct span *value)
{
	skip_space(text);
	key->at = text->at;
	while (text->at < text->end && *text->at != '=' && *text->at != '\'' && *text->at != ',')
		text->at++;
	key->end = text->at;
	if (text->end - text->at < 2 || text->at[0] != '=' || text->at[1] != '\'' || key->at == key->end)
		return false;
	text->at += 2;
	value->at = text->at;
	while (text->at < text->end && *text->at != '\'')
		text->at += *text->at == '\\' && text->end - text->at > 1 ? 2 : 1;
	if (text->at >= text->end)
		return false;
	value->end = text->at++;
	skip_space(text);
	if (text->at < text->end && *text->at == ',')
		text->at++;
	return true;
}

static void skip_space(struct span *text)
{
	while (text->at < text->end && (*text->at == ' ' || (*text->at >= '\t' && *text->at <= '\r')))
		text->at++;
}

static bool is_key(const struct span *key, const char *name)
{
	char decoded[32];

	decode(key, decoded, sizeof(decoded));
	return strcmp(decoded, name) == 0;
}

/* Undoes %XX and \', drops control characters and what is not UTF-8, cuts between characters. */
static void decode(const struct span *value, char *out, size_t size)
{
	char bytes[1024];
	size_t len = 0, used = 0, taken;

	for (const char *at = value->at; at < value->end && len < sizeof(bytes); at++) {
		if (*at == '%' && value->end - at > 2 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
			bytes[len++] = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
			at += 2;
		} else if (*at == '\\' && value->end - at > 1) {
			bytes[len++] = *++at;
		} else {
			bytes[len++] = *at;
		}
	}
	for (size_t at = 0; at < len; at += taken) {
		uint32_t point = utf8_next(bytes + at, len - at, &taken);

		if (point == UTF8_INVALID || utf8_is_control(point))
			continue;
		if (used + taken >= size)
			break;
		memcpy(out + used, bytes + at, taken);
		used += taken;
	}
	out[used] = '\0';
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
		return (digit | 0x20) - 'a' + 10;
	return -1;
}
