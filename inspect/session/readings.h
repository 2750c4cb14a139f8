/* In how many ways a text may be read while nobody knows under which standard_conforming_strings and client_encoding
 * the server will. Knows no statement: inspector.c reads the text in each of them. */
#ifndef PGPROCTOR_INSPECT_READINGS_H
#define PGPROCTOR_INSPECT_READINGS_H

#include "inspect/session/session_state.h"

struct readings_way {
	const struct encoding *encoding;
	bool standard_conforming_strings;
};

enum { READINGS_MAX = 2 * ENCODING_COUNT };

/* The ways but the current one that make another statement of the text, at most READINGS_MAX; 0 for most texts: the
 * first setting matters where there is a backslash, the second where a byte above 127 stands before one that could end
 * its character, or in a name. `misread`: it is no text in the current encoding. */
size_t readings_list(const struct session_state *session, const char *sql, size_t len, bool misread,
                     struct readings_way ways[READINGS_MAX]);

#endif
