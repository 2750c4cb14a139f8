#include "config/setting_keys.h"

#include "config/utf8.h"

#include <arpa/inet.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	DEFAULT_UPSTREAM_PORT = 5432,
	/* What a unix socket's name adds to its directory: "/.s.PGSQL.65535". */
	SOCKET_NAME_BYTES = 15,
	ECHO_BYTES = SETTING_KEYS_ECHO_BYTES,
};

enum key_kind {
	KEY_TEXT,
	KEY_HOST,
	KEY_PORT,
	KEY_DIRECTORY,
	KEY_MODE_BITS,
	KEY_ADDRESS,
	KEY_ENUM,
	KEY_BOOL,
	KEY_MILLISECONDS,
	KEY_SECONDS,
	KEY_COUNT,
	KEY_ROWS,
	KEY_SIZE,
	KEY_WORKERS,
};

/* One setter per kind of value. False leaves the field as it was and calls refuse(). */
struct key {
	enum key_kind kind;
	size_t offset;
	size_t size;              /* of a text, its terminator included */
	double min;               /* of a number, in the unit of the field */
	const char *const *words; /* of an enum, NULL-terminated, in the order of its values */
};

struct refusal {
	const char *origin, *name;
	const char *value;
	char *error;
	size_t error_size;
};

static const char *const AUTHS[] = {"relay", "terminate", NULL};
static const char *const MODES[] = {"observe", "enforce", NULL};
static const char *const ENFORCE_FROMS[] = {"block", "error", NULL};
static const char *const OVERSIZES[] = {"pass", "reject", NULL};
static const char *const UNSEEN[] = {"pass", "reject", NULL};
static const char *const IO_URINGS[] = {"auto", "off", NULL};
static const char *const BLINDS[] = {"pass", "close", NULL};
static const char *const SSLMODES[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
static const char *const FORMATS[] = {"auto", "json", "text", NULL};

#define FIELD(field) offsetof(struct settings, field), sizeof(((struct settings *)0)->field)

static const struct key KEYS[SETTING_KEYS_COUNT] = {
    {KEY_HOST, FIELD(listen), 0, NULL},
    {KEY_PORT, FIELD(listen.port), 0, NULL},
    {KEY_DIRECTORY, FIELD(unix_socket_dir), 0, NULL},
    {KEY_MODE_BITS, FIELD(unix_socket_mode), 0, NULL},
    {KEY_ADDRESS, FIELD(upstream), 0, NULL},
    {KEY_TEXT, FIELD(catalog), 0, NULL},
    {KEY_ENUM, FIELD(client_tls.mode), 0, SSLMODES},
    {KEY_TEXT, FIELD(client_tls.key_file), 0, NULL},
    {KEY_TEXT, FIELD(client_tls.cert_file), 0, NULL},
    {KEY_TEXT, FIELD(client_tls.ca_file), 0, NULL},
    {KEY_TEXT, FIELD(client_tls.protocols), 0, NULL},
    {KEY_TEXT, FIELD(client_tls.ciphers), 0, NULL},
    {KEY_ENUM, FIELD(server_tls.mode), 0, SSLMODES},
    {KEY_TEXT, FIELD(server_tls.key_file), 0, NULL},
    {KEY_TEXT, FIELD(server_tls.cert_file), 0, NULL},
    {KEY_TEXT, FIELD(server_tls.ca_file), 0, NULL},
    {KEY_TEXT, FIELD(server_tls.protocols), 0, NULL},
    {KEY_TEXT, FIELD(server_tls.ciphers), 0, NULL},
    {KEY_ENUM, FIELD(auth), 0, AUTHS},
    {KEY_TEXT, FIELD(auth_file), 0, NULL},
    {KEY_TEXT, FIELD(auth_user), 0, NULL},
    {KEY_TEXT, FIELD(auth_dbname), 0, NULL},
    {KEY_TEXT, FIELD(auth_query), 0, NULL},
    {KEY_ENUM, FIELD(mode), 0, MODES},
    {KEY_ENUM, FIELD(enforce_from), 0, ENFORCE_FROMS},
    {KEY_ENUM, FIELD(oversize), 0, OVERSIZES},
    {KEY_ENUM, FIELD(replication), 0, UNSEEN},
    {KEY_ENUM, FIELD(fastpath), 0, UNSEEN},
    {KEY_ENUM, FIELD(on_blind), 0, BLINDS},
    {KEY_TEXT, FIELD(logfile), 0, NULL},
    {KEY_ENUM, FIELD(log_format), 0, FORMATS},
    {KEY_BOOL, FIELD(log_connections), 0, NULL},
    {KEY_BOOL, FIELD(log_disconnections), 0, NULL},
    {KEY_MILLISECONDS, FIELD(stats_period_ms), 100, NULL},
    {KEY_MILLISECONDS, FIELD(slow_query_ms), 0, NULL},
    {KEY_WORKERS, FIELD(workers), 1, NULL},
    {KEY_ENUM, FIELD(io_uring), 0, IO_URINGS},
    {KEY_COUNT, FIELD(max_client_conn), 1, NULL},
    {KEY_MILLISECONDS, FIELD(server_connect_timeout_ms), 1, NULL},
    {KEY_MILLISECONDS, FIELD(client_login_timeout_ms), 0, NULL},
    {KEY_MILLISECONDS, FIELD(shutdown_timeout_ms), 0, NULL},
    {KEY_BOOL, FIELD(keepalive.on), 0, NULL},
    {KEY_SECONDS, FIELD(keepalive.idle_s), 0, NULL},
    {KEY_SECONDS, FIELD(keepalive.interval_s), 0, NULL},
    {KEY_COUNT, FIELD(keepalive.probes), 0, NULL},
    {KEY_MILLISECONDS, FIELD(catalog_refresh_ms), 100, NULL},
    {KEY_MILLISECONDS, FIELD(catalog_timeout_ms), 1, NULL},
    {KEY_ROWS, FIELD(large_table_rows), 1, NULL},
    {KEY_SIZE, FIELD(large_table_bytes), 1, NULL},
    {KEY_ROWS, FIELD(medium_table_rows), 0, NULL},
};

const char *const setting_keys_names[SETTING_KEYS_COUNT] = {
    "listen_addr",
    "listen_port",
    "unix_socket_dir",
    "unix_socket_mode",
    "upstream",
    "catalog",
    "client_tls_sslmode",
    "client_tls_key_file",
    "client_tls_cert_file",
    "client_tls_ca_file",
    "client_tls_protocols",
    "client_tls_ciphers",
    "server_tls_sslmode",
    "server_tls_key_file",
    "server_tls_cert_file",
    "server_tls_ca_file",
    "server_tls_protocols",
    "server_tls_ciphers",
    "auth",
    "auth_file",
    "auth_user",
    "auth_dbname",
    "auth_query",
    "mode",
    "enforce_from",
    "oversize",
    "replication",
    "fastpath",
    "on_blind",
    "logfile",
    "log_format",
    "log_connections",
    "log_disconnections",
    "stats_period",
    "slow_query",
    "workers",
    "io_uring",
    "max_client_conn",
    "server_connect_timeout",
    "client_login_timeout",
    "shutdown_timeout",
    "tcp_keepalive",
    "tcp_keepidle",
    "tcp_keepintvl",
    "tcp_keepcnt",
    "catalog_refresh",
    "catalog_timeout",
    "large_table_rows",
    "large_table_size",
    "medium_table_rows",
};

static bool set_text(char *field, const struct key *key, const struct refusal *refusal);
static bool set_directory(char *field, const struct key *key, const struct refusal *refusal);
static bool set_host(struct settings_address *address, const struct refusal *refusal);
static bool set_address(struct settings_address *address, const struct refusal *refusal);
static bool set_port(uint16_t *port, const struct refusal *refusal);
static bool set_mode_bits(unsigned *mode, const struct refusal *refusal);
static bool set_bool(bool *field, const struct refusal *refusal);
static bool set_word(unsigned *field, const struct key *key, const struct refusal *refusal);
static bool set_number(void *field, const struct key *key, const struct refusal *refusal);
static bool set_workers(uint32_t *workers, const struct refusal *refusal);
static unsigned processors(void);
static bool refuse(const struct refusal *refusal, const char *format, ...) PRINTF_LIKE(2, 3);

int setting_keys_find(const char *name)
{
	for (int at = 0; at < SETTING_KEYS_COUNT; at++)
		if (strcmp(setting_keys_names[at], name) == 0)
			return at;
	return -1;
}

bool setting_keys_set(struct settings *settings, int key_at, const char *value, const char *origin, char *error,
                      size_t error_size)
{
	CHECK(key_at >= 0 && key_at < SETTING_KEYS_COUNT);
	const struct key *key = &KEYS[key_at];
	void *field = (char *)settings + key->offset;
	struct refusal refusal = {origin, setting_keys_names[key_at], value, error, error_size};
	switch (key->kind) {
	case KEY_TEXT:
		return set_text(field, key, &refusal);
	case KEY_DIRECTORY:
		return set_directory(field, key, &refusal);
	case KEY_HOST:
		return set_host(field, &refusal);
	case KEY_ADDRESS:
		return set_address(field, &refusal);
	case KEY_PORT:
		return set_port(field, &refusal);
	case KEY_MODE_BITS:
		return set_mode_bits(field, &refusal);
	case KEY_ENUM:
		return set_word(field, key, &refusal);
	case KEY_BOOL:
		return set_bool(field, &refusal);
	case KEY_MILLISECONDS:
	case KEY_SECONDS:
	case KEY_COUNT:
	case KEY_ROWS:
	case KEY_SIZE:
		return set_number(field, key, &refusal);
	case KEY_WORKERS:
		return set_workers(field, &refusal);
	}
	CHECK(false);
	return false;
}

void setting_keys_echo(const char *text, char to[SETTING_KEYS_ECHO_BYTES])
{
	size_t left = strlen(text), len = 0, taken;

	for (; left > 0; text += taken, left -= taken) {
		uint32_t point = utf8_next(text, left, &taken);
		if (len + taken > ECHO_BYTES - 1)
			break;
		if (utf8_is_control(point) || (point == UTF8_INVALID && taken == 1)) {
			to[len++] = '?';
			continue;
		}
		memcpy(to + len, text, taken);
		len += taken;
	}
	to[len] = '\0';
}

/* A text may be a DSN with a password in it, so its refusal does not repeat it. */
static bool set_text(char *field, const struct key *key, const struct refusal *refusal)
{
	if (strlen(refusal->value) >= key->size)
		return refuse(refusal, "has at most %zu bytes", key->size - 1);
	snprintf(field, key->size, "%s", refusal->value);
	return true;
}

static bool set_directory(char *field, const struct key *key, const struct refusal *refusal)
{
	if (strlen(refusal->value) + SOCKET_NAME_BYTES >= key->size)
		return refuse(refusal, "has at most %zu bytes, or no socket address could hold it",
		              key->size - 1 - SOCKET_NAME_BYTES);
	char shown[ECHO_BYTES];
	setting_keys_echo(refusal->value, shown);
	if (refusal->value[0] != '\0' && refusal->value[0] != '/')
		return refuse(refusal, "is an absolute path, not \"%s\"", shown);
	snprintf(field, key->size, "%s", refusal->value);
	return true;
}

/* The port has a key of its own, so an IPv6 address needs no brackets here. */
static bool set_host(struct settings_address *address, const struct refusal *refusal)
{
	const char *value = refusal->value;
	if (value[0] == '\0') {
		address->host[0] = '\0';
		return true;
	}
	struct in6_addr ignored;
	struct settings_address host;
	bool has_port = strpbrk(value, ":[") != NULL && inet_pton(AF_INET6, value, &ignored) != 1;
	if (!has_port && value[0] != '/' && settings_parse_address(value, address->port, &host)) {
		*address = host;
		return true;
	}
	char shown[ECHO_BYTES];
	setting_keys_echo(value, shown);
	return refuse(refusal, "is one address, without a port, or * for all: not \"%s\"", shown);
}

static bool set_address(struct settings_address *address, const struct refusal *refusal)
{
	struct settings_address parsed;
	if (settings_parse_address(refusal->value, DEFAULT_UPSTREAM_PORT, &parsed) && strcmp(parsed.host, "*") != 0) {
		*address = parsed;
		return true;
	}
	char shown[ECHO_BYTES];
	setting_keys_echo(refusal->value, shown);
	return refuse(refusal, "is ADDR:PORT, [IPV6]:PORT or the directory of a unix socket, not \"%s\"", shown);
}

static bool set_port(uint16_t *port, const struct refusal *refusal)
{
	const char *value = refusal->value;
	size_t digits = strspn(value, "0123456789");
	unsigned long number = digits > 0 && digits <= 5 && value[digits] == '\0' ? strtoul(value, NULL, 10) : 0;
	char shown[ECHO_BYTES];
	setting_keys_echo(value, shown);
	if (number == 0 || number > UINT16_MAX)
		return refuse(refusal, "is a number from 1 to 65535, not \"%s\"", shown);
	*port = (uint16_t)number;
	return true;
}

static bool set_mode_bits(unsigned *mode, const struct refusal *refusal)
{
	const char *value = refusal->value;
	size_t digits = strspn(value, "01234567");
	char shown[ECHO_BYTES];
	setting_keys_echo(value, shown);
	if (digits == 0 || digits > 4 || value[digits] != '\0' || strtoul(value, NULL, 8) > 0777)
		return refuse(refusal, "is an octal mode such as 0770, not \"%s\"", shown);
	*mode = (unsigned)strtoul(value, NULL, 8);
	return true;
}

static bool set_bool(bool *field, const struct refusal *refusal)
{
	static const char *const yes[] = {"1", "yes", "on", "true"};
	static const char *const no[] = {"0", "no", "off", "false"};
	for (size_t at = 0; at < ARRAY_LEN(yes); at++) {
		if (strcasecmp(refusal->value, yes[at]) != 0 && strcasecmp(refusal->value, no[at]) != 0)
			continue;
		*field = strcasecmp(refusal->value, yes[at]) == 0;
		return true;
	}
	char shown[ECHO_BYTES];
	setting_keys_echo(refusal->value, shown);
	return refuse(refusal, "is 1 or 0 (also yes, no, on, off, true, false), not \"%s\"", shown);
}

/* Every enum of ours is an unsigned int in this ABI. */
static_assert(sizeof(enum settings_mode) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_format) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_unseen) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_oversize) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_blind) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_auth) == sizeof(unsigned), "an enum field is set as an unsigned");
static_assert(sizeof(enum settings_sslmode) == sizeof(unsigned), "an enum field is set as an unsigned");

static bool set_word(unsigned *field, const struct key *key, const struct refusal *refusal)
{
	char list[128] = "", shown[ECHO_BYTES];
	setting_keys_echo(refusal->value, shown);
	size_t len = 0;
	for (unsigned at = 0; key->words[at] != NULL; at++) {
		if (strcasecmp(refusal->value, key->words[at]) == 0) {
			*field = at;
			return true;
		}
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", at > 0 ? ", " : "", key->words[at]);
		CHECK(len < sizeof(list));
	}
	return refuse(refusal, "is one of %s: not \"%s\"", list, shown);
}

struct unit {
	const char *name;
	double factor;
};

static const struct unit TIME_UNITS[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"min", 60e3}, {"h", 3600e3}, {NULL, 0}};
static const struct unit SIZE_UNITS[] = {
    {"", 1}, {"B", 1}, {"kB", 1024.0}, {"MB", 1048576.0}, {"GB", 1073741824.0}, {"TB", 1099511627776.0}, {NULL, 0}};
static const struct unit NO_UNITS[] = {{"", 1}, {NULL, 0}};

/* A number without sign, then one of the units. `exponent`: 1e6 may stand for 1000000. */
static bool parse_quantity(const char *text, const struct unit *units, bool exponent, double *out)
{
	size_t len = strspn(text, "0123456789.");
	if (strcspn(text, "0123456789") >= len || memchr(text, '.', len) != memrchr(text, '.', len))
		return false;
	if (exponent && (text[len] == 'e' || text[len] == 'E')) {
		size_t sign = text[len + 1] == '+' ? 1 : 0;
		size_t digits = strspn(text + len + 1 + sign, "0123456789");
		if (digits == 0 || digits > 3)
			return false;
		len += 1 + sign + digits;
	}
	char number[ECHO_BYTES];
	if (len >= sizeof(number))
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	const char *unit = text + len;
	while (*unit == ' ' || *unit == '\t')
		unit++;
	for (; units->name != NULL; units++) {
		if (strcasecmp(unit, units->name) != 0)
			continue;
		*out = strtod(number, NULL) * units->factor;
		return isfinite(*out);
	}
	return false;
}

static bool set_number(void *field, const struct key *key, const struct refusal *refusal)
{
	const char *what = NULL;
	const char *least_unit = "";
	double number = 0, max = 1e15;
	bool good = false, whole = true;
	switch (key->kind) {
	case KEY_MILLISECONDS:
	case KEY_SECONDS:
		/* Three years: far beyond any use, and safe in every timer. */
		what = "a time in seconds, or with a unit ms, s, min, h, up to 26000 h";
		least_unit = " ms";
		max = 26000 * 3600e3;
		good = parse_quantity(refusal->value, TIME_UNITS, false, &number);
		if (key->kind == KEY_SECONDS) {
			number /= 1000;
			max /= 1000;
		}
		break;
	case KEY_SIZE:
		what = "a size in bytes, or with a unit kB, MB, GB, TB";
		max = 9e18;
		good = parse_quantity(refusal->value, SIZE_UNITS, false, &number);
		break;
	case KEY_COUNT:
		what = "a whole number";
		max = UINT32_MAX;
		good = parse_quantity(refusal->value, NO_UNITS, false, &number) && number == floor(number);
		break;
	default:
		what = "a number of rows";
		whole = false;
		good = parse_quantity(refusal->value, NO_UNITS, true, &number);
		break;
	}
	if (good && whole) {
		/* 0 means "never" or "none", and a value too small for its unit must not come to mean it. */
		double rounded = round(number);
		good = rounded > 0 || number == 0;
		number = rounded;
	}
	if (!good || number < key->min || number > max) {
		char shown[ECHO_BYTES], least[ECHO_BYTES] = "";
		setting_keys_echo(refusal->value, shown);
		if (key->min > 0)
			snprintf(least, sizeof(least), ", at least %g%s", key->min, least_unit);
		return refuse(refusal, "is %s%s: not \"%s\"", what, least, shown);
	}
	if (key->kind == KEY_MILLISECONDS)
		*(uint64_t *)field = (uint64_t)number;
	else if (key->kind == KEY_SIZE)
		*(int64_t *)field = (int64_t)number;
	else if (key->kind == KEY_ROWS)
		*(double *)field = number;
	else
		*(uint32_t *)field = (uint32_t)number;
	return true;
}

static bool set_workers(uint32_t *workers, const struct refusal *refusal)
{
	const char *value = refusal->value;
	size_t digits = strspn(value, "0123456789");
	unsigned long number = digits > 0 && digits <= 5 && value[digits] == '\0' ? strtoul(value, NULL, 10) : 0;
	if (strcasecmp(value, "auto") == 0)
		number = processors() < LIMIT_WORKERS ? processors() : LIMIT_WORKERS;
	char shown[ECHO_BYTES];
	setting_keys_echo(value, shown);
	if (number == 0 || number > LIMIT_WORKERS)
		return refuse(refusal, "is a number from 1 to %d, or auto: not \"%s\"", LIMIT_WORKERS, shown);
	*workers = (uint32_t)number;
	return true;
}

/* Those that this process may run on: taskset and cpusets count, a container's CPU quota does not. */
static unsigned processors(void)
{
	cpu_set_t set;
	long all;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	all = sysconf(_SC_NPROCESSORS_ONLN); /* more than cpu_set_t has room for */
	return all > 0 ? (unsigned)all : 1;
}

/* "ORIGIN: KEY what it should be"; always false. */
static bool refuse(const struct refusal *refusal, const char *format, ...)
{
	int len = snprintf(refusal->error, refusal->error_size, "%s: %s ", refusal->origin, refusal->name);
	if (len < 0 || (size_t)len >= refusal->error_size)
		return false;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(refusal->error + len, refusal->error_size - (size_t)len, format, arguments);
	va_end(arguments);
	return false;
}
