#include "proxy/logline.h"

#include "config/check.h"
#include "config/utf8.h"
#include "inspect/human.h"
#include "inspect/rules/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	/* Kept free for the end of every line: ,"cut":true}\n  */
	TAIL_BYTES = 16,
	/* The longest escape is \uXXXX. */
	UNIT_BYTES = 8,
	/* Ceilings of single fields, so that the fields after them find room too. */
	QUERY_BYTES = 2600,
	MESSAGE_BYTES = 1200,
	HINT_BYTES = 800,
	FIX_SQL_BYTES = 1600,
	FIX_DJANGO_BYTES = 800,
	/* What a person is shown of a query. */
	SHOWN_QUERY_CHARS = 160,
	SHOWN_ROW_QUERY_CHARS = 100,
};

static const char ELLIPSIS[] = "…";

/* How the characters of a value are written. */
enum style {
	STYLE_JSON,
	STYLE_BARE,   /* for people: escapes for control characters only */
	STYLE_QUOTED, /* for people, between quotes */
	STYLE_FOLDED, /* for people: white space of any length is one blank */
};

static const char *level_json(enum log_level level);
static const char *level_text(enum log_level level);
static bool is_json(const struct logline *line);
static size_t room(const struct logline *line);
static bool put(struct logline *line, const char *text, size_t len);
static bool put_name(struct logline *line, const char *name, size_t value_min);
static void put_value(struct logline *line, const char *value, size_t len, enum style style, size_t bytes_max);
static size_t escape(const char *text, size_t len, enum style style, char unit[UNIT_BYTES], size_t *unit_len);
static void put_text_max(struct logline *line, const char *name, const char *value, size_t len, size_t bytes_max);
static void put_time(struct logline *line, int64_t wall_ms);
static void put_folded(struct logline *line, const char *text, size_t chars_max);
static void put_printf(struct logline *line, const char *format, ...) PRINTF_LIKE(2, 3);

void logline_begin(struct logline *line, enum settings_format format, int64_t wall_ms, enum log_level level,
                   const char *event)
{
	CHECK(line != NULL && event != NULL && format != SETTINGS_FORMAT_AUTO);
	line->format = format;
	line->len = 0;
	line->cut = false;
	put_time(line, wall_ms);
	if (is_json(line)) {
		logline_text(line, "event", event);
		logline_text(line, "level", level_json(level));
	} else {
		put_printf(line, " %-5s %-7s ", level_text(level), event);
	}
}

void logline_text(struct logline *line, const char *name, const char *value)
{
	if (value != NULL)
		logline_text_n(line, name, value, strlen(value));
}

void logline_text_n(struct logline *line, const char *name, const char *value, size_t len)
{
	put_text_max(line, name, value, len, LIMIT_LOG_LINE_BYTES);
}

void logline_int(struct logline *line, const char *name, int64_t value)
{
	char number[32];
	int len = snprintf(number, sizeof(number), "%lld", (long long)value);
	if (put_name(line, name, (size_t)len))
		put(line, number, (size_t)len);
}

void logline_real(struct logline *line, const char *name, double value)
{
	char number[352]; /* DBL_MAX has 309 digits */
	int len = snprintf(number, sizeof(number), "%.3f", value);
	if (!isfinite(value)) {
		len = snprintf(number, sizeof(number), "null"); /* JSON has no other name for it */
	} else {
		while (number[len - 1] == '0')
			len--;
		if (number[len - 1] == '.')
			len--;
		if (len == 2 && memcmp(number, "-0", 2) == 0)
			len = snprintf(number, sizeof(number), "0");
	}
	if (put_name(line, name, (size_t)len))
		put(line, number, (size_t)len);
}

void logline_bool(struct logline *line, const char *name, bool value)
{
	const char *word = value ? "true" : "false";
	if (put_name(line, name, strlen(word)))
		put(line, word, strlen(word));
}

void logline_hex(struct logline *line, const char *name, uint64_t value)
{
	char digits[20];
	int len =
	    snprintf(digits, sizeof(digits), is_json(line) ? "\"%016llx\"" : "%016llx", (unsigned long long)value);
	if (put_name(line, name, (size_t)len))
		put(line, digits, (size_t)len);
}

void logline_list(struct logline *line, const char *name, const char *const *values, size_t count)
{
	size_t least = 4;
	for (size_t at = 0; at < count; at++)
		least += strlen(values[at]) + 3;
	if ((!is_json(line) && count == 0) || !put_name(line, name, least))
		return;
	put_printf(line, "%s", is_json(line) ? "[" : "\"");
	for (size_t at = 0; at < count; at++) {
		put_printf(line, "%s%s", at == 0 ? "" : ",", is_json(line) ? "\"" : "");
		put_value(line, values[at], strlen(values[at]), is_json(line) ? STYLE_JSON : STYLE_QUOTED,
		          strlen(values[at]));
		put_printf(line, "%s", is_json(line) ? "\"" : "");
	}
	put_printf(line, "%s", is_json(line) ? "]" : "\"");
}

void logline_end(struct logline *line)
{
	CHECK(line->len + TAIL_BYTES <= sizeof(line->text));
	const char *tail = is_json(line) ? (line->cut ? ",\"cut\":true}\n" : "}\n") : "\n";
	while (!is_json(line) && line->len > 0 && line->text[line->len - 1] == ' ')
		line->len--;
	memcpy(line->text + line->len, tail, strlen(tail));
	line->len += strlen(tail);
}

static enum log_level severity_level(enum severity severity)
{
	return severity == SEVERITY_INFO   ? LOG_LEVEL_INFO
	       : severity == SEVERITY_WARN ? LOG_LEVEL_WARNING
	                                   : LOG_LEVEL_ERROR;
}

static void put_context(struct logline *line, const struct stats_finding *finding)
{
	logline_text(line, "database", finding->database);
	logline_text(line, "user", finding->user);
	logline_text(line, "application", finding->application);
	logline_text(line, "route", finding->route);
	logline_text(line, "controller", finding->controller);
	logline_text(line, "traceparent", finding->traceparent);
}

static void put_limited(struct logline *line, const char *name, const char *value, size_t bytes_max)
{
	if (value != NULL)
		put_text_max(line, name, value, strlen(value), bytes_max);
}

static double ms_of(uint64_t us)
{
	return (double)us / 1000;
}

static void finding_json(struct logline *line, const struct stats_finding *finding, const struct stats_row *calls)
{
	logline_text(line, "rule", finding->rule->slug);
	logline_text(line, "code", finding->rule->code);
	logline_text(line, "severity", verdict_severity_name(finding->severity));
	logline_text(line, "action", verdict_action_name(finding->action));
	logline_hex(line, "fingerprint", finding->fingerprint);
	put_limited(line, "query", finding->query, QUERY_BYTES);
	logline_text(line, "table", finding->table);
	logline_text(line, "column", finding->column);
	if (finding->table_rows >= 0)
		logline_real(line, "table_rows", round(finding->table_rows));
	logline_text(line, "evidence", verdict_evidence_name(finding->evidence));
	put_limited(line, "message", finding->message, MESSAGE_BYTES);
	put_limited(line, "hint", finding->hint, HINT_BYTES);
	put_limited(line, "fix_sql", finding->fix_sql, FIX_SQL_BYTES);
	put_limited(line, "fix_django", finding->fix_django, FIX_DJANGO_BYTES);
	logline_int(line, "count", (int64_t)finding->count);
	if (!finding->counted)
		logline_bool(line, "first", true);
	if (calls != NULL) {
		logline_int(line, "calls", (int64_t)calls->calls);
		logline_real(line, "p95_ms", ms_of(histogram_quantile_us(&calls->latency, 0.95)));
	}
	put_context(line, finding);
}

/* A labelled row, further lines of the text below its first one. */
static void put_row(struct logline *line, const char *label, const char *text)
{
	const char *at = text;
	for (bool first = true; at != NULL && *at != '\0'; first = false) {
		size_t len = strcspn(at, "\n");
		put_printf(line, "\n      %-8s", first ? label : "");
		put_value(line, at, len, STYLE_BARE, LIMIT_LOG_LINE_BYTES);
		at += len + (at[len] == '\n' ? 1 : 0);
	}
}

static bool has_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void put_column(struct logline *line, const char *text)
{
	if (!has_text(text))
		return;
	put_printf(line, "  ");
	put_value(line, text, strlen(text), STYLE_FOLDED, LIMIT_LOG_LINE_BYTES);
}

static void finding_text(struct logline *line, const struct stats_finding *finding, const struct stats_row *calls)
{
	char human[HUMAN_BYTES];
	put_column(line, finding->rule->slug);
	if (finding->action == ACTION_REJECT)
		put_printf(line, "  rejected");
	put_column(line, finding->table);
	if (has_text(finding->table) && has_text(finding->column)) {
		put_printf(line, ".");
		put_value(line, finding->column, strlen(finding->column), STYLE_FOLDED, LIMIT_LOG_LINE_BYTES);
	}
	if (has_text(finding->table) && finding->table_rows >= 0)
		put_printf(line, "  %s rows", human_count(finding->table_rows, human));
	uint64_t count = calls != NULL ? calls->calls : finding->count;
	if (calls != NULL || finding->counted)
		put_printf(line, "  %s call%s", human_count((double)count, human), count == 1 ? "" : "s");
	if (calls != NULL)
		put_printf(line, "  p95 %s", human_duration(histogram_quantile_us(&calls->latency, 0.95), human));
	put_column(line, has_text(finding->route) ? finding->route : finding->controller);
	put_printf(line, "  %016llx", (unsigned long long)finding->fingerprint);

	/* The story is told once; an interval adds the numbers to it. */
	if (finding->counted)
		return;
	if (has_text(finding->query)) {
		put_printf(line, "\n      ");
		char query[HUMAN_QUERY_BYTES];
		put_folded(line, human_query(finding->query, SHOWN_QUERY_CHARS, query), SHOWN_QUERY_CHARS);
	}
	put_row(line, "why", finding->message);
	if (!has_text(finding->fix_sql) && !has_text(finding->fix_django))
		put_row(line, "hint", finding->hint);
	put_row(line, "fix", finding->fix_sql);
	put_row(line, "django", finding->fix_django);
}

void logline_finding(struct logline *line, enum settings_format format, int64_t wall_ms,
                     const struct stats_finding *finding, const struct stats_row *calls)
{
	CHECK(finding != NULL && finding->rule != NULL);
	enum log_level level = severity_level(finding->severity);
	if (format == SETTINGS_FORMAT_JSON) {
		logline_begin(line, format, wall_ms, level, "finding");
		finding_json(line, finding, calls);
	} else {
		*line = (struct logline){.format = format};
		put_time(line, wall_ms);
		put_printf(line, " %s", finding->severity == SEVERITY_BLOCK ? "BLOCK" : level_text(level));
		finding_text(line, finding, calls);
	}
	logline_end(line);
}

static void fingerprint_json(struct logline *line, const struct stats_row *row)
{
	double calls = row->calls > 0 ? (double)row->calls : 1;
	logline_text(line, "database", row->database);
	logline_hex(line, "fingerprint", row->fingerprint);
	put_limited(line, "query", row->query, QUERY_BYTES);
	logline_int(line, "calls", (int64_t)row->calls);
	logline_int(line, "errors", (int64_t)row->errors);
	logline_int(line, "rows", (int64_t)row->rows);
	logline_real(line, "total_ms", ms_of(row->total_us));
	logline_real(line, "mean_ms", ms_of(row->total_us) / calls);
	logline_real(line, "p50_ms", ms_of(histogram_quantile_us(&row->latency, 0.50)));
	logline_real(line, "p95_ms", ms_of(histogram_quantile_us(&row->latency, 0.95)));
	logline_real(line, "p99_ms", ms_of(histogram_quantile_us(&row->latency, 0.99)));
	logline_real(line, "max_ms", ms_of(row->latency.max_us));
	if (row->first_byte_us > 0)
		logline_real(line, "first_byte_ms", ms_of(row->first_byte_us) / calls);
	if (row->bytes > 0)
		logline_int(line, "bytes", (int64_t)row->bytes);
	if (row->rejected > 0)
		logline_int(line, "rejected", (int64_t)row->rejected);
	for (unsigned at = 0; at < STATS_ERROR_CLASSES; at++) {
		char name[32];
		snprintf(name, sizeof(name), "errors_%s", stats_error_class_name((enum stats_error_class)at));
		if (row->errors_by_class[at] > 0)
			logline_int(line, name, (int64_t)row->errors_by_class[at]);
	}
	/* Last, because it alone can be long, and written so that only whole entries are missing when it is too long.
	 */
	char histogram[HISTOGRAM_TEXT_BYTES];
	size_t frame = sizeof(",\"histogram\":\"\"");
	size_t fits = room(line) > frame + 1 ? room(line) - frame : 1;
	size_t full = histogram_write(&row->latency, histogram, sizeof(histogram)), len = full;
	if (full >= fits)
		len = histogram_write(&row->latency, histogram, fits);
	logline_text_n(line, "histogram", histogram, len);
	line->cut = line->cut || len < full;
}

/* Aligned by characters: µ has two bytes. */
static void put_duration(struct logline *line, const char *name, uint64_t us)
{
	char human[HUMAN_BYTES];
	human_duration(us, human);
	int pad = 8 - (int)utf8_width(human, strlen(human));
	put_printf(line, "  %s %*s%s", name, pad > 0 ? pad : 0, "", human);
}

static void fingerprint_text(struct logline *line, const struct stats_row *row)
{
	char human[HUMAN_BYTES];
	put_printf(line, "%016llx  %6s call%c", (unsigned long long)row->fingerprint,
	           human_count((double)row->calls, human), row->calls == 1 ? ' ' : 's');
	put_duration(line, "total", row->total_us);
	put_duration(line, "mean", row->calls > 0 ? row->total_us / row->calls : 0);
	put_duration(line, "p95", histogram_quantile_us(&row->latency, 0.95));
	put_duration(line, "max", row->latency.max_us);
	put_printf(line, "  ");
	if (row->errors > 0)
		put_printf(line, "%llu errors  ", (unsigned long long)row->errors);
	char query[HUMAN_QUERY_BYTES];
	put_folded(line, human_query(row->query, SHOWN_ROW_QUERY_CHARS, query), SHOWN_ROW_QUERY_CHARS);
}

void logline_fingerprint(struct logline *line, enum settings_format format, int64_t wall_ms,
                         const struct stats_row *row)
{
	CHECK(row != NULL && row->query != NULL);
	logline_begin(line, format, wall_ms, LOG_LEVEL_INFO, "fingerprint");
	if (format == SETTINGS_FORMAT_JSON)
		fingerprint_json(line, row);
	else
		fingerprint_text(line, row);
	logline_end(line);
}

static const char *level_json(enum log_level level)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	CHECK((unsigned)level < ARRAY_LEN(names));
	return names[level];
}

static const char *level_text(enum log_level level)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
	CHECK((unsigned)level < ARRAY_LEN(names));
	return names[level];
}

static bool is_json(const struct logline *line)
{
	return line->format == SETTINGS_FORMAT_JSON;
}

static size_t room(const struct logline *line)
{
	return sizeof(line->text) - TAIL_BYTES - line->len;
}

/* All of it or nothing. */
static bool put(struct logline *line, const char *text, size_t len)
{
	if (len > room(line)) {
		line->cut = true;
		return false;
	}
	memcpy(line->text + line->len, text, len);
	line->len += len;
	return true;
}

/* The name and what stands between it and the value; nothing, when a value of `value_min` bytes would not fit. */
static bool put_name(struct logline *line, const char *name, size_t value_min)
{
	CHECK(line != NULL && name != NULL);
	char frame[96];
	int len = snprintf(frame, sizeof(frame), is_json(line) ? ",\"%s\":" : " %s=", name);
	CHECK(len > 0 && (size_t)len < sizeof(frame));
	if ((size_t)len + value_min > room(line)) {
		line->cut = true;
		return false;
	}
	return put(line, frame, (size_t)len);
}

static void put_text_max(struct logline *line, const char *name, const char *value, size_t len, size_t bytes_max)
{
	if (value == NULL || len == 0)
		return;
	if (!is_json(line) && strcmp(name, "message") == 0) {
		put(line, " ", 1);
		put_value(line, value, len, STYLE_BARE, bytes_max);
		return;
	}
	size_t least = 2 + sizeof(ELLIPSIS) - 1;
	if (!put_name(line, name, least))
		return;
	bool quoted = is_json(line);
	for (size_t at = 0; at < len && !quoted; at++)
		quoted = strchr(" \"=\\", value[at]) != NULL; /* '\0' counts: strchr finds the terminator */
	if (quoted)
		put(line, "\"", 1);
	/* One byte less for the closing quote. */
	size_t most = room(line) - 1 < bytes_max ? room(line) - 1 : bytes_max;
	put_value(line, value, len, is_json(line) ? STYLE_JSON : quoted ? STYLE_QUOTED : STYLE_BARE, most);
	if (quoted)
		put(line, "\"", 1);
}

/* Writes the value in at most bytes_max bytes; a longer one ends in "…", cut where a character begins. */
static void put_value(struct logline *line, const char *value, size_t len, enum style style, size_t bytes_max)
{
	size_t start = line->len, ellipsis = sizeof(ELLIPSIS) - 1;
	if (bytes_max > room(line))
		bytes_max = room(line);
	size_t last_cut = start; /* the last place where "…" still fits */
	for (size_t at = 0; at < len;) {
		char unit[UNIT_BYTES];
		size_t unit_len;
		at += escape(value + at, len - at, style, unit, &unit_len);
		size_t used = line->len - start;
		if (used + ellipsis <= bytes_max)
			last_cut = line->len;
		if (used + unit_len > bytes_max) {
			line->len = last_cut;
			line->cut = true;
			if (ellipsis <= bytes_max)
				put(line, ELLIPSIS, ellipsis);
			return;
		}
		put(line, unit, unit_len);
	}
}

/* One character (folded: or a run of white space) as it is to be written; returns how many bytes it took. */
static size_t escape(const char *text, size_t len, enum style style, char unit[UNIT_BYTES], size_t *unit_len)
{
	static const char *const short_from = "\n\r\t\b\f";
	static const char *const short_to = "nrtbf";
	size_t taken;
	uint32_t point = utf8_next(text, len, &taken);
	bool is_text_quote = point == '"' || point == '\\';
	if (style == STYLE_FOLDED && strchr(" \n\r\t\f\v", (int)text[0]) != NULL && text[0] != '\0') {
		while (taken < len && text[taken] != '\0' && strchr(" \n\r\t\f\v", text[taken]) != NULL)
			taken++;
		unit[0] = ' ';
		*unit_len = 1;
	} else if (is_text_quote && (style == STYLE_JSON || style == STYLE_QUOTED)) {
		unit[0] = '\\';
		unit[1] = (char)point;
		*unit_len = 2;
	} else if (point != 0 && point < 0x20 && strchr(short_from, (int)point) != NULL) {
		unit[0] = '\\';
		unit[1] = short_to[strchr(short_from, (int)point) - short_from];
		*unit_len = 2;
	} else if (utf8_is_control(point)) {
		*unit_len = (size_t)snprintf(unit, UNIT_BYTES, "\\u%04x", (unsigned)point);
	} else if (point == UTF8_INVALID) {
		memcpy(unit, "\xef\xbf\xbd", 3);
		*unit_len = 3;
	} else {
		memcpy(unit, text, taken);
		*unit_len = taken;
	}
	return taken;
}

static void put_time(struct logline *line, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char stamp[64];
	if (wall_ms < 0 || gmtime_r(&seconds, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	const char *format =
	    is_json(line) ? "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"" : "%04d-%02d-%02d %02d:%02d:%02d.%03d";
	int len = snprintf(stamp, sizeof(stamp), format, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	                   tm.tm_min, tm.tm_sec, (int)(wall_ms % 1000));
	CHECK(len > 0 && (size_t)len < sizeof(stamp));
	put(line, stamp, (size_t)len);
}

/* On one row, at most so many characters; the first and the last white space are gone. */
static void put_folded(struct logline *line, const char *text, size_t chars_max)
{
	text += strspn(text, " \n\r\t\f\v");
	size_t len = strlen(text), at = 0, chars = 0, taken;
	while (len > 0 && strchr(" \n\r\t\f\v", text[len - 1]) != NULL)
		len--;
	while (at < len && chars < chars_max) {
		(void)utf8_next(text + at, len - at, &taken);
		at += taken;
		chars++;
	}
	put_value(line, text, at, STYLE_FOLDED, LIMIT_LOG_LINE_BYTES);
	if (at < len)
		put(line, ELLIPSIS, sizeof(ELLIPSIS) - 1);
}

static void put_printf(struct logline *line, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	CHECK(len >= 0 && (size_t)len < sizeof(text));
	put(line, text, (size_t)len);
}
