#include "config/settings.h"

#include "config/setting_keys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
	DEFAULT_LISTEN_PORT = 6433,
	DEFAULT_UPSTREAM_PORT = 5432,
	/* A key, " = ", the longest value, and what inih wants for the line's end. */
	INI_LINE_BYTES = LIMIT_SETTING_BYTES + 256,
	ECHO_BYTES = SETTING_KEYS_ECHO_BYTES,
};

/* What one reading of a file remembers. The first error ends it. */
struct reading {
	struct settings *settings;
	FILE *file;
	const char *path;
	int line;
	int key_lines[SETTING_KEYS_COUNT]; /* where a [pgproctor] key stood, 0: not yet */
	bool failed;
	char *error;
	size_t error_size;
};

static bool unknown_key(const char *origin, const char *key, const char *section, const char *const *known,
                        size_t count, char *error, size_t error_size);
static char *read_line(char *to, int size, void *context);
static void check_section(struct reading *reading, const char *line);
static int read_value(void *context, const char *section, const char *name, const char *value);
static void fail_reading(struct reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);

void settings_defaults(struct settings *settings)
{
	CHECK(settings != NULL);
	memset(settings, 0, sizeof(*settings));
	snprintf(settings->listen.host, sizeof(settings->listen.host), "127.0.0.1");
	settings->listen.port = DEFAULT_LISTEN_PORT;
	settings->unix_socket_mode = 0777;
	snprintf(settings->upstream.host, sizeof(settings->upstream.host), "127.0.0.1");
	settings->upstream.port = DEFAULT_UPSTREAM_PORT;
	struct settings_tls *const legs[] = {&settings->client_tls, &settings->server_tls};
	for (size_t at = 0; at < ARRAY_LEN(legs); at++) {
		snprintf(legs[at]->protocols, sizeof(legs[at]->protocols), "secure");
		snprintf(legs[at]->ciphers, sizeof(legs[at]->ciphers), "default");
	}
	settings->auth = SETTINGS_AUTH_RELAY;
	snprintf(settings->auth_dbname, sizeof(settings->auth_dbname), "postgres");
	snprintf(settings->auth_query, sizeof(settings->auth_query),
	         "SELECT usename, passwd FROM pg_shadow WHERE usename=$1");
	settings->mode = SETTINGS_OBSERVE;
	settings->oversize = SETTINGS_OVERSIZE_PASS;
	settings->on_blind = SETTINGS_BLIND_PASS;
	settings->log_format = SETTINGS_FORMAT_AUTO;
	settings->log_connections = true;
	settings->log_disconnections = true;
	settings->stats_period_ms = 60 * 1000;
	settings->slow_query_ms = 1000;
	settings->workers = 1;
	settings->max_client_conn = 1000;
	settings->server_connect_timeout_ms = 15 * 1000;
	settings->client_login_timeout_ms = 60 * 1000;
	settings->shutdown_timeout_ms = 5 * 1000;
	settings->keepalive = (struct settings_keepalive){.on = true, .idle_s = 60, .interval_s = 10, .probes = 6};
	settings->catalog_refresh_ms = 60 * 1000;
	settings->catalog_timeout_ms = 5 * 1000;
	settings->large_table_rows = 1000000;
	settings->large_table_bytes = (int64_t)1 << 30;
	settings->medium_table_rows = 10000;
}

bool settings_read(struct settings *settings, const char *path, char *error, size_t error_size)
{
	CHECK(settings != NULL && path != NULL && error != NULL && error_size > 0);
	struct reading reading = {.settings = settings, .path = path, .error = error, .error_size = error_size};
	if (strlen(path) >= sizeof(settings->file)) {
		snprintf(error, error_size, "--config: the name is longer than %zu bytes", sizeof(settings->file) - 1);
		return false;
	}
	reading.file = fopen(path, "re");
	if (reading.file == NULL) {
		snprintf(error, error_size, "%s: cannot open the configuration: %s", path, strerror(errno));
		return false;
	}
	struct stat status;
	if (fstat(fileno(reading.file), &status) == 0 && S_ISDIR(status.st_mode)) {
		snprintf(error, error_size, "%s: cannot read the configuration: it is a directory", path);
		fclose(reading.file);
		return false;
	}
	snprintf(settings->file, sizeof(settings->file), "%s", path);

	/* Comments stand on lines of their own, as in pgbouncer.ini: a DSN may well hold " ;". Debian's inih gives its
	 * handler no line numbers (INI_HANDLER_LINENO is off), so read_line counts. */
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_stop_on_first_error = true;
	ini_use_stack = false;
	ini_max_line = INI_LINE_BYTES;
	ini_initial_alloc = INI_LINE_BYTES;
	int result = ini_parse_stream(read_line, &reading, read_value, &reading);
	bool broken = ferror(reading.file) != 0;
	fclose(reading.file);
	if (reading.failed)
		return false;
	if (broken) {
		snprintf(error, error_size, "%s: cannot read the configuration", path);
		return false;
	}
	if (result != 0) {
		snprintf(error, error_size, "%s:%d: neither a [section], nor key = value, nor a comment", path,
		         reading.line);
		return false;
	}
	return true;
}

bool settings_set(struct settings *settings, const char *key, const char *value, const char *origin, char *error,
                  size_t error_size)
{
	CHECK(settings != NULL && key != NULL && value != NULL && origin != NULL && error != NULL && error_size > 0);
	int known = setting_keys_find(key);
	if (known < 0)
		return unknown_key(origin, key, "pgproctor", setting_keys_names, SETTING_KEYS_COUNT, error, error_size);
	return setting_keys_set(settings, known, value, origin, error, error_size);
}

bool settings_parse_address(const char *text, uint16_t default_port, struct settings_address *out)
{
	CHECK(text != NULL && out != NULL);
	struct in6_addr ignored;
	const char *host = text, *port = NULL;
	size_t host_len = strlen(text);
	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		host = text + 1;
		host_len = (size_t)(end - host);
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (inet_pton(AF_INET6, text, &ignored) != 1) {
		const char *colon = strrchr(text, ':');
		if (colon != NULL) {
			host_len = (size_t)(colon - text);
			port = colon + 1;
			if (text[0] != '/' && memchr(text, ':', host_len) != NULL)
				return false;
		}
	}
	if (host_len == 0 || host_len >= sizeof(out->host))
		return false;
	unsigned number = default_port;
	if (port != NULL) {
		size_t digits = strspn(port, "0123456789");
		if (digits == 0 || digits > 5 || port[digits] != '\0')
			return false;
		number = (unsigned)strtoul(port, NULL, 10);
	}
	if (number == 0 || number > UINT16_MAX)
		return false;
	struct settings_address address = {.port = (uint16_t)number};
	memcpy(address.host, host, host_len);
	if (text[0] == '[' && inet_pton(AF_INET6, address.host, &ignored) != 1)
		return false;
	for (size_t at = 0; at < host_len; at++)
		if (iscntrl((unsigned char)host[at]) || (text[0] != '/' && isspace((unsigned char)host[at])))
			return false;
	*out = address;
	return true;
}

const char *settings_dsn(const struct settings *settings, const char *database)
{
	CHECK(settings != NULL && database != NULL);
	const char *any = settings->catalog[0] != '\0' ? settings->catalog : NULL;
	for (uint32_t at = 0; at < settings->database_count; at++) {
		if (strcmp(settings->databases[at].name, database) == 0)
			return settings->databases[at].dsn;
		if (any == NULL && strcmp(settings->databases[at].name, "*") == 0)
			any = settings->databases[at].dsn;
	}
	return any;
}

/* Optimal string alignment: two neighbours that changed places count once, as the typing error that it is. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][ECHO_BYTES + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	memset(rows[0], 0, sizeof(rows[0]));
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best =
			    last[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		size_t *oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

const char *settings_nearest(const char *name, const char *const *candidates, size_t count)
{
	CHECK(name != NULL && (candidates != NULL || count == 0));
	size_t len = strlen(name);
	if (len > ECHO_BYTES)
		return NULL;
	const char *nearest = NULL;
	size_t smallest = len / 3 + 1;
	for (size_t at = 0; at < count; at++) {
		size_t candidate_len = strlen(candidates[at]);
		if (candidate_len > ECHO_BYTES)
			continue;
		size_t distance = edit_distance(name, len, candidates[at], candidate_len);
		if (distance < smallest) {
			smallest = distance;
			nearest = candidates[at];
		}
	}
	return nearest;
}

static bool unknown_key(const char *origin, const char *key, const char *section, const char *const *known,
                        size_t count, char *error, size_t error_size)
{
	char shown[ECHO_BYTES], shown_section[ECHO_BYTES];
	setting_keys_echo(key, shown);
	setting_keys_echo(section, shown_section);
	const char *nearest = settings_nearest(key, known, count);
	if (nearest != NULL)
		snprintf(error, error_size, "%s: unknown key \"%s\" in [%s]; did you mean \"%s\"?", origin, shown,
		         shown_section, nearest);
	else
		snprintf(error, error_size, "%s: unknown key \"%s\" in [%s]", origin, shown, shown_section);
	return false;
}

/* inih's reader: one line, counted; NULL ends the reading. A section's head is looked at here, because inih calls
 * nobody for a section without keys. */
static char *read_line(char *to, int size, void *context)
{
	struct reading *reading = context;
	if (reading->failed || fgets(to, size, reading->file) == NULL)
		return NULL;
	reading->line++;
	size_t len = strlen(to);
	if ((len == 0 || to[len - 1] != '\n') && !feof(reading->file)) {
		fail_reading(reading, "the line is longer than %d bytes or holds a zero byte", INI_LINE_BYTES - 1);
		return NULL;
	}
	const char *start = to;
	if (reading->line == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	start += strspn(start, " \t");
	if (*start == '[')
		check_section(reading, start);
	return reading->failed ? NULL : to;
}

static void check_section(struct reading *reading, const char *line)
{
	static const char *const sections[] = {"pgproctor", "databases", "rules", "rule:NAME"};
	const char *end = strchr(line, ']');
	if (end == NULL || end[1 + strspn(end + 1, " \t\r\n")] != '\0') {
		fail_reading(reading, "a section is [name], alone on its line");
		return;
	}
	char name[ECHO_BYTES] = "";
	size_t len = (size_t)(end - line - 1);
	memcpy(name, line + 1, len < sizeof(name) ? len : sizeof(name) - 1);
	if (strncmp(name, "rule:", 5) == 0) {
		/* inih keeps 49 bytes of a section's name. */
		if (len == 5 || len > 49)
			fail_reading(reading, "[rule:NAME] names one rule");
		return;
	}
	for (size_t at = 0; at < 3; at++)
		if (strcmp(name, sections[at]) == 0)
			return;
	char shown[ECHO_BYTES];
	setting_keys_echo(name, shown);
	const char *nearest = settings_nearest(name, sections, ARRAY_LEN(sections));
	if (nearest != NULL)
		fail_reading(reading, "unknown section [%s]; did you mean [%s]?", shown, nearest);
	else
		fail_reading(reading,
		             "unknown section [%s]; there are [pgproctor], [databases], [rules] and [rule:NAME]",
		             shown);
}

static void read_setting(struct reading *reading, const char *name, const char *value)
{
	char origin[LIMIT_SETTING_BYTES + 16];
	snprintf(origin, sizeof(origin), "%s:%d", reading->path, reading->line);
	int key = setting_keys_find(name);
	if (key >= 0) {
		int *first = &reading->key_lines[key];
		if (*first != 0) {
			fail_reading(reading, "%s is set twice, first in line %d", name, *first);
			return;
		}
		*first = reading->line;
	}
	if (!settings_set(reading->settings, name, value, origin, reading->error, reading->error_size))
		reading->failed = true;
}

static void read_database(struct reading *reading, const char *name, const char *value)
{
	struct settings *settings = reading->settings;
	char shown[ECHO_BYTES];
	setting_keys_echo(name, shown);
	if (name[0] == '\0' || strlen(name) >= sizeof(settings->databases[0].name)) {
		fail_reading(reading, "a database's name has 1 to %zu bytes", sizeof(settings->databases[0].name) - 1);
		return;
	}
	if (strlen(value) >= sizeof(settings->databases[0].dsn)) {
		fail_reading(reading, "the DSN of \"%s\" is longer than %d bytes", shown, LIMIT_SETTING_BYTES - 1);
		return;
	}
	for (uint32_t at = 0; at < settings->database_count; at++) {
		if (strcmp(settings->databases[at].name, name) == 0) {
			fail_reading(reading, "database \"%s\" is set twice, first in line %d", shown,
			             settings->databases[at].line);
			return;
		}
	}
	if (settings->database_count == LIMIT_DATABASES) {
		fail_reading(reading, "more than %d databases", LIMIT_DATABASES);
		return;
	}
	struct settings_database *database = &settings->databases[settings->database_count++];
	snprintf(database->name, sizeof(database->name), "%s", name);
	snprintf(database->dsn, sizeof(database->dsn), "%s", value);
	database->line = reading->line;
}

static void read_rule(struct reading *reading, const char *rule, const char *key, const char *value)
{
	struct settings *settings = reading->settings;
	char shown[ECHO_BYTES];
	setting_keys_echo(rule, shown);
	if (rule[0] == '\0' || strlen(rule) >= sizeof(settings->rules[0].rule) ||
	    strlen(value) >= sizeof(settings->rules[0].value)) {
		fail_reading(reading, "a rule's name and value have 1 to %zu bytes",
		             sizeof(settings->rules[0].rule) - 1);
		return;
	}
	if (strlen(key) >= sizeof(settings->rules[0].key)) {
		char shown_key[ECHO_BYTES];
		setting_keys_echo(key, shown_key);
		fail_reading(reading, "unknown key \"%s\" of rule \"%s\"", shown_key, shown);
		return;
	}
	for (uint32_t at = 0; at < settings->rule_count; at++) {
		const struct settings_rule *other = &settings->rules[at];
		if (strcasecmp(other->rule, rule) == 0 && strcmp(other->key, key) == 0) {
			fail_reading(reading, "the %s of rule \"%s\" is set twice, first in line %d", key, shown,
			             other->line);
			return;
		}
	}
	if (settings->rule_count == LIMIT_RULE_SETTINGS) {
		fail_reading(reading, "more than %d lines about rules", LIMIT_RULE_SETTINGS);
		return;
	}
	struct settings_rule *setting = &settings->rules[settings->rule_count++];
	snprintf(setting->rule, sizeof(setting->rule), "%s", rule);
	snprintf(setting->key, sizeof(setting->key), "%s", key);
	snprintf(setting->value, sizeof(setting->value), "%s", value);
	setting->line = reading->line;
}

/* inih's handler: 0 stops the reading. */
static int read_value(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	if (reading->failed)
		return 0;
	if (section[0] == '\0') {
		fail_reading(reading, "a key before the first section; [pgproctor] is missing");
	} else if (strcmp(section, "pgproctor") == 0) {
		read_setting(reading, name, value);
	} else if (strcmp(section, "databases") == 0) {
		read_database(reading, name, value);
	} else if (strcmp(section, "rules") == 0) {
		read_rule(reading, name, "action", value);
	} else {
		read_rule(reading, section + strlen("rule:"), name, value);
	}
	return reading->failed ? 0 : 1;
}

static void fail_reading(struct reading *reading, const char *format, ...)
{
	reading->failed = true;
	int len = snprintf(reading->error, reading->error_size, "%s:%d: ", reading->path, reading->line);
	if (len < 0 || (size_t)len >= reading->error_size)
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reading->error + len, reading->error_size - (size_t)len, format, arguments);
	va_end(arguments);
}
