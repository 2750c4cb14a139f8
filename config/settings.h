/* Every setting, its default, and where it may come from: the defaults, the INI file, the command line, in that
 * order. PgBouncer's key names where the meaning is the same. Rule names are not checked here (inspect/rules/rules.h
 * does), all else is. */
#ifndef PGPROCTOR_CONFIG_SETTINGS_H
#define PGPROCTOR_CONFIG_SETTINGS_H

#include "config/check.h"
#include "config/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_mode { SETTINGS_OBSERVE, SETTINGS_ENFORCE };
enum settings_enforce_from { SETTINGS_ENFORCE_BLOCK, SETTINGS_ENFORCE_ERROR };
enum settings_format { SETTINGS_FORMAT_AUTO, SETTINGS_FORMAT_JSON, SETTINGS_FORMAT_TEXT };
enum settings_oversize { SETTINGS_OVERSIZE_PASS, SETTINGS_OVERSIZE_REJECT };
/* What can't be judged because it is no SQL. */
enum settings_unseen { SETTINGS_UNSEEN_PASS, SETTINGS_UNSEEN_REJECT };
enum settings_io_uring { SETTINGS_IO_URING_AUTO, SETTINGS_IO_URING_OFF };
enum settings_blind { SETTINGS_BLIND_PASS, SETTINGS_BLIND_CLOSE };
enum settings_auth { SETTINGS_AUTH_RELAY, SETTINGS_AUTH_TERMINATE };
/* In the order of strictness: >= SETTINGS_TLS_REQUIRE never goes on in the clear. */
enum settings_sslmode {
	SETTINGS_TLS_DISABLE,
	SETTINGS_TLS_ALLOW,
	SETTINGS_TLS_PREFER,
	SETTINGS_TLS_REQUIRE,
	SETTINGS_TLS_VERIFY_CA,
	SETTINGS_TLS_VERIFY_FULL,
};

/* ADDR:PORT, [IPV6]:PORT, a name:PORT, or an absolute path: the directory of a unix socket, with port as its suffix. */
struct settings_address {
	char host[256];
	uint16_t port;
};

struct settings_database {
	char name[64];                 /* "*": any other */
	char dsn[LIMIT_SETTING_BYTES]; /* of the catalog connection; a DSN under "*" gets the database's name added */
	int line;                      /* where the file has it */
};

/* One line of [rules] or [rule:NAME]; its place is kept for the message when the rule or the key does not exist. */
struct settings_rule {
	char rule[64];
	char key[32]; /* "action", "large_table_rows" … */
	char value[64];
	int line;
};

/* One leg's TLS, as client_tls_… or server_tls_…; what a mode needs, and whether the files are good, shows when they
 * are read (proxy/tls.h). */
struct settings_tls {
	enum settings_sslmode mode; /* disable */
	char key_file[LIMIT_SETTING_BYTES], cert_file[LIMIT_SETTING_BYTES], ca_file[LIMIT_SETTING_BYTES];
	char protocols[64];                /* secure */
	char ciphers[LIMIT_SETTING_BYTES]; /* default */
};

/* Of the TCP connections on either side. 0: as the system has it. */
struct settings_keepalive {
	bool on;             /* tcp_keepalive = 1 */
	uint32_t idle_s;     /* tcp_keepidle = 60: silence before the first probe */
	uint32_t interval_s; /* tcp_keepintvl = 10: between probes */
	uint32_t probes;     /* tcp_keepcnt = 6: unanswered, until the connection is given up */
};

struct settings {
	char file[LIMIT_SETTING_BYTES]; /* "" without --config */

	/* [pgproctor] */
	struct settings_address listen;    /* listen_addr = 127.0.0.1, listen_port = 6433; "*": all; host "" : no TCP */
	char unix_socket_dir[108];         /* "" : none; the socket is .s.PGSQL.<listen_port> in it */
	unsigned unix_socket_mode;         /* 0777 */
	struct settings_address upstream;  /* upstream = 127.0.0.1:5432 */
	char catalog[LIMIT_SETTING_BYTES]; /* --catalog DSN: same as [databases] "*" */

	struct settings_tls client_tls, server_tls; /* never on a unix socket */

	enum settings_auth auth; /* auth = relay */
	char auth_file[LIMIT_SETTING_BYTES];
	char auth_user[LIMIT_NAME_BYTES];     /* "" : no auth_query */
	char auth_dbname[LIMIT_NAME_BYTES];   /* postgres */
	char auth_query[LIMIT_SETTING_BYTES]; /* SELECT usename, passwd FROM pg_shadow WHERE usename=$1 */

	enum settings_mode mode;                 /* mode = observe */
	enum settings_enforce_from enforce_from; /* enforce_from = block: the least severity that enforce rejects */
	enum settings_oversize oversize;         /* oversize = pass */
	enum settings_unseen replication;        /* replication = pass */
	enum settings_unseen fastpath;           /* fastpath = pass */
	enum settings_blind on_blind;            /* on_blind = pass */

	char logfile[LIMIT_SETTING_BYTES]; /* "" : standard output */
	enum settings_format log_format;   /* log_format = auto: text on a terminal, else json */
	bool log_connections;              /* 1 */
	bool log_disconnections;           /* 1 */
	uint64_t stats_period_ms;          /* stats_period = 60 (seconds) */
	uint64_t slow_query_ms;            /* slow_query = 1 (seconds, fractions allowed); 0: never */

	uint32_t workers;                   /* workers = 1; auto: as many as the process may use processors */
	enum settings_io_uring io_uring;    /* io_uring = auto: where the kernel lets us */
	uint32_t max_client_conn;           /* 1000 */
	uint64_t server_connect_timeout_ms; /* 15 s */
	uint64_t client_login_timeout_ms;   /* 60 s; 0: none */
	uint64_t shutdown_timeout_ms;       /* how long SIGTERM lets open transactions end: 5 s */
	struct settings_keepalive keepalive;

	uint64_t catalog_refresh_ms; /* catalog_refresh = 60 (seconds) */
	uint64_t catalog_timeout_ms; /* statement and lock ceiling of the catalog connection: 5 s */

	double large_table_rows;   /* 1000000 */
	int64_t large_table_bytes; /* large_table_size = 1GB */
	double medium_table_rows;  /* 10000 */

	struct settings_database databases[LIMIT_DATABASES];
	uint32_t database_count;
	struct settings_rule rules[LIMIT_RULE_SETTINGS];
	uint32_t rule_count;
};

void settings_defaults(struct settings *settings);
/* Reads an INI file over what is set. On failure false and one line in `error`:
 * "FILE:LINE: unknown key "listen_prt" in [pgproctor]; did you mean "listen_port"?" */
MUST_USE bool settings_read(struct settings *settings, const char *path, char *error, size_t error_size);
/* Sets one [pgproctor] key, as a line of the file would; `origin` ("--listen", "FILE:12") begins the message. */
MUST_USE bool settings_set(struct settings *settings, const char *key, const char *value, const char *origin,
                           char *error, size_t error_size);
/* "127.0.0.1:6433", "[::1]:6433", "db.example:5432", "/run/postgresql:5432", "/run/postgresql" (default port). */
MUST_USE bool settings_parse_address(const char *text, uint16_t default_port, struct settings_address *out);
/* The DSN for a database, or NULL when none is configured. */
const char *settings_dsn(const struct settings *settings, const char *database);
/* The candidate with the smallest edit distance, whatever the case of the letters, NULL when none is near (at most a
 * third of the name's length). */
const char *settings_nearest(const char *name, const char *const *candidates, size_t count);

#endif
