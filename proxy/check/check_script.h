/* A file of SQL taken apart into statements, the way psql does it (psqlscan.l): at semicolons outside of quotes,
 * brackets and BEGIN ATOMIC … END. The data behind COPY … FROM STDIN is skipped, a backslash command is told. Views
 * into the text, which stays the caller's; knows no grammar. */
#ifndef PGPROCTOR_PROXY_CHECK_SCRIPT_H
#define PGPROCTOR_PROXY_CHECK_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_script_kind {
	CHECK_SCRIPT_END,
	CHECK_SCRIPT_STATEMENT,
	CHECK_SCRIPT_COMMAND, /* of psql: \i, \set … */
};

struct check_script_piece {
	enum check_script_kind kind;
	const char *text; /* without the semicolon and without what stands before its first token */
	size_t len;
	uint32_t line, column; /* of its first byte, counted from 1; the column in bytes */
};

struct check_script {
	const char *at, *end;
	uint32_t line;
	const char *line_start;
};

void check_script_init(struct check_script *script, const char *text, size_t len);
/* The next piece; CHECK_SCRIPT_END is the last. A statement without its semicolon at the end of the text counts. */
void check_script_next(struct check_script *script, bool standard_conforming_strings, struct check_script_piece *piece);

#endif
