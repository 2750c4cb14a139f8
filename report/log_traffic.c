#include "report/log_traffic.h"

#include "config/limits.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum logged_kind kind_of(struct json_object *line, const char *event);
static bool time_of(const char *ts, int64_t *at_ms);
static const char *text_of(struct json_object *line, const char *name);
static int64_t count_of(struct json_object *line, const char *name);
static bool ends_with(const char *text, const char *end);

bool log_traffic_read(const char *path, logged_take_fn *take, void *context)
{
	bool standard_input = strcmp(path, "-") == 0, skipping = false, any = false;
	FILE *file = standard_input ? stdin : fopen(path, "re");
	if (file == NULL) {
		fprintf(stderr, "pgproctor: check: %s: %s\n", path, strerror(errno));
		return false;
	}
	static char line[2 * LIMIT_LOG_LINE_BYTES];
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t len = strlen(line);
		bool whole = (len > 0 && line[len - 1] == '\n') || len + 1 < sizeof(line);
		if (!skipping && whole)
			any |= log_traffic_line(line, len, take, context);
		skipping = !whole;
	}
	bool failed = ferror(file) != 0;
	if (failed)
		fprintf(stderr, "pgproctor: check: %s: %s\n", path, strerror(errno));
	else if (!any)
		fprintf(stderr, "pgproctor: check: --traffic %s: no line of a pgproctor log with log_format = json\n",
		        standard_input ? "standard input" : path);
	if (!standard_input)
		fclose(file);
	return !failed && any;
}

bool log_traffic_line(const char *line, size_t len, logged_take_fn *take, void *context)
{
	struct json_tokener *tokener = json_tokener_new_ex(8);
	CHECK(tokener != NULL && len <= INT32_MAX);
	struct json_object *object = json_tokener_parse_ex(tokener, line, (int)len);
	struct logged logged = {.kind = LOGGED_OTHER};
	bool ours = json_object_is_type(object, json_type_object) && text_of(object, "event")[0] != '\0' &&
	            time_of(text_of(object, "ts"), &logged.at_ms);
	if (ours) {
		logged.kind = kind_of(object, text_of(object, "event"));
		logged.database = text_of(object, "database");
		logged.query = text_of(object, "query");
		logged.fingerprint = strtoull(text_of(object, "fingerprint"), NULL, 16);
		take(context, &logged);
	}
	json_object_put(object);
	json_tokener_free(tokener);
	return ours;
}

static enum logged_kind kind_of(struct json_object *line, const char *event)
{
	if (strcmp(event, "started") == 0)
		return LOGGED_STARTED;
	if (strcmp(event, "blind") == 0 || strcmp(event, "lost_lines") == 0)
		return LOGGED_UNCLEAR;
	if (strcmp(event, "fingerprint") != 0)
		return LOGGED_OTHER;
	/* What failed or was refused each time needs nothing that it names. */
	if (count_of(line, "calls") <= count_of(line, "errors") + count_of(line, "rejected"))
		return LOGGED_OTHER;
	/* The rest that had no row of its own, what could not be parsed, and what was cut. */
	const char *query = text_of(line, "query");
	bool clear = text_of(line, "database")[0] != '\0' && query[0] != '(' && !ends_with(query, "…");
	return clear ? LOGGED_RAN : LOGGED_UNCLEAR;
}

/* "2026-11-30T21:05:41.123Z". */
static bool time_of(const char *ts, int64_t *at_ms)
{
	struct tm time = {0};
	char *rest = strptime(ts, "%Y-%m-%dT%H:%M:%S", &time);
	if (rest == NULL)
		return false;
	time_t seconds = timegm(&time);
	*at_ms = (int64_t)seconds * 1000;
	if (*rest == '.')
		*at_ms += (int64_t)(strtod(rest, NULL) * 1000);
	return *at_ms > 0;
}

static const char *text_of(struct json_object *line, const char *name)
{
	struct json_object *value;
	if (!json_object_object_get_ex(line, name, &value) || !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

static int64_t count_of(struct json_object *line, const char *name)
{
	struct json_object *value;
	return json_object_object_get_ex(line, name, &value) ? json_object_get_int64(value) : 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}
