/* One line of the log: collected field by field, rendered as JSON or as aligned text. Field names are flat
 * snake_case and stable. Control characters are escaped, a line is at most LIMIT_LOG_LINE_BYTES: what is too
 * long is cut at a character's start and marked with "…". Knows no files; a line is bytes in the caller's memory. */
#ifndef PGPROCTOR_PROXY_LOGLINE_H
#define PGPROCTOR_PROXY_LOGLINE_H

#include "config/limits.h"
#include "config/settings.h"
#include "inspect/text/comment.h"
#include "inspect/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct logline {
	enum settings_format format; /* JSON or TEXT, never AUTO */
	size_t len;
	bool cut;
	char text[LIMIT_LOG_LINE_BYTES];
};

/* Begins with ts (RFC 3339, UTC, milliseconds), event and level; wall_ms is the Unix time in milliseconds. */
void logline_begin(struct logline *line, enum settings_format format, int64_t wall_ms, enum log_level level,
                   const char *event);
/* NULL or "" leaves the field out. */
void logline_text(struct logline *line, const char *name, const char *value);
void logline_text_n(struct logline *line, const char *name, const char *value, size_t len);
void logline_int(struct logline *line, const char *name, int64_t value);
void logline_real(struct logline *line, const char *name, double value); /* up to three decimals, no exponent */
void logline_bool(struct logline *line, const char *name, bool value);
void logline_hex(struct logline *line, const char *name, uint64_t value); /* 16 hex digits */
/* JSON: an array of strings; text: the same with commas. An empty one stays in JSON. */
void logline_list(struct logline *line, const char *name, const char *const *values, size_t count);
/* Ends it with a newline; text[0 … len) is the line. */
void logline_end(struct logline *line);

/* Whole lines that have a shape of their own in text format (several indented rows). `calls`: that fingerprint's row of
 * the interval, or NULL. */
void logline_finding(struct logline *line, enum settings_format format, int64_t wall_ms,
                     const struct stats_finding *finding, const struct stats_row *calls);
void logline_fingerprint(struct logline *line, enum settings_format format, int64_t wall_ms,
                         const struct stats_row *row);

#endif
