#include "inspect/session/readings.h"

#include "inspect/text/lexer.h"

#include <string.h>

static size_t encodings_list(const struct encoding *current, const char *sql, size_t len, bool misread,
                             const struct encoding *encodings[ENCODING_COUNT]);
static bool names_beyond_ascii(const char *sql, size_t len, bool standard_conforming_strings);

size_t readings_list(const struct session_state *session, const char *sql, size_t len, bool misread,
                     struct readings_way ways[READINGS_MAX])
{
	const struct encoding *encodings[ENCODING_COUNT];
	bool conforming = session->standard_conforming_strings;
	bool backslash = memchr(sql, '\\', len) != NULL;
	size_t encoding_count = 1, count = 0;

	encodings[0] = session_state_encoding(session);
	if (!encoding_is_ascii(sql, len)) {
		encoding_count = encodings_list(encodings[0], sql, len, misread, encodings);
		/* A character may become one. */
		backslash |= misread || encoding_matters(sql, len);
	}
	for (size_t at = 0; at < encoding_count; at++) {
		if (at > 0)
			ways[count++] = (struct readings_way){encodings[at], conforming};
		if (backslash)
			ways[count++] = (struct readings_way){encodings[at], !conforming};
	}
	return count;
}

/* The current one, and those in which it would be another text. */
static size_t encodings_list(const struct encoding *current, const char *sql, size_t len, bool misread,
                             const struct encoding *encodings[ENCODING_COUNT])
{
	const struct encoding *other;
	size_t count = 0;
	bool cut = misread || encoding_matters(sql, len);
	/* All that hide no ASCII cut a text in the same places, if it is one. */
	bool named = names_beyond_ascii(sql, len, true) || names_beyond_ascii(sql, len, false);

	encodings[count++] = current;
	for (size_t at = 0; (other = encoding_at(at)) != NULL; at++) {
		bool differs = named || (cut && encoding_hides_ascii(other));
		/* Of the others one does for all, where it is not their names that count. */
		if (cut && other == encoding_utf8())
			differs |= misread || encoding_hides_ascii(current);
		if (differs && other != current)
			encodings[count++] = other;
	}
	return count;
}

static bool names_beyond_ascii(const char *sql, size_t len, bool standard_conforming_strings)
{
	struct lexer_token token;
	struct lexer lexer;

	lexer_init(&lexer, sql, len, standard_conforming_strings);
	do {
		lexer_read(&lexer, &token);
		bool name = token.kind == LEXER_WORD || token.kind == LEXER_QUOTED;
		if (name && !encoding_is_ascii(token.text, token.len))
			return true;
	} while (token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED);
	return false;
}
