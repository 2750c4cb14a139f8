#include "config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------- */

static struct settings settings;
static char error[512];
static char path[] = "/tmp/pgproctor-settings-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	settings_defaults(&settings);
	error[0] = '\0';
	return 0;
}

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static bool read_bytes(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	settings_defaults(&settings);
	error[0] = '\0';
	return settings_read(&settings, path, error, sizeof(error));
}

static bool read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

/* The message is FILE:LINE: and then just this. */
static void assert_refused(const char *text, int line, const char *message)
{
	char expected[512];
	assert_false(read_text(text));
	snprintf(expected, sizeof(expected), "%s:%d: %s", path, line, message);
	assert_string_equal(error, expected);
}

static void set(const char *key, const char *value)
{
	if (!settings_set(&settings, key, value, "--set", error, sizeof(error)))
		fail_msg("%s", error);
}

/* -- cases ------------------------------------------------------------------------------------- */

/* A file may set every key, and each lands in its field. */
static void every_key(void **state)
{
	(void)state;
	if (!read_text(
	        "[pgproctor]\nlisten_addr = *\nlisten_port = 7000\nunix_socket_dir = /run/x\nunix_socket_mode = 0770\n"
	        "upstream = db.example:5433\ncatalog = host=db password=x\nmode = enforce\noversize = reject\n"
	        "on_blind = close\nlogfile = /var/log/x\nlog_format = json\nlog_connections = no\n"
	        "log_disconnections = off\nstats_period = 5\nslow_query = 250ms\nmax_client_conn = 20\nworkers = 3\n"
	        "server_connect_timeout = 1.5\nclient_login_timeout = 0\nshutdown_timeout = 1min\ntcp_keepidle = 2min\n"
	        "tcp_keepalive = 0\ntcp_keepintvl = 7\ntcp_keepcnt = 3\nreplication = reject\nfastpath = reject\n"
	        "catalog_refresh = 1h\ncatalog_timeout = 2s\nlarge_table_rows = 5e5\nlarge_table_size = 2GB\n"
	        "medium_table_rows = 0\nclient_tls_sslmode = Require\nclient_tls_key_file = /k\nclient_tls_cert_file = "
	        "/c\n"
	        "client_tls_ca_file = /a\nclient_tls_protocols = all\nclient_tls_ciphers = HIGH\n"
	        "server_tls_sslmode = verify-full\nserver_tls_key_file = /sk\nserver_tls_cert_file = /sc\n"
	        "server_tls_ca_file = /sa\nserver_tls_protocols = tlsv1.3\nserver_tls_ciphers = LOW\n"))
		fail_msg("%s", error);
	assert_string_equal(settings.file, path);
	assert_string_equal(settings.listen.host, "*");
	assert_int_equal(settings.listen.port, 7000);
	assert_string_equal(settings.unix_socket_dir, "/run/x");
	assert_int_equal(settings.unix_socket_mode, 0770);
	assert_string_equal(settings.upstream.host, "db.example");
	assert_int_equal(settings.upstream.port, 5433);
	assert_string_equal(settings.catalog, "host=db password=x");
	assert_int_equal(settings.mode, SETTINGS_ENFORCE);
	assert_int_equal(settings.oversize, SETTINGS_OVERSIZE_REJECT);
	assert_int_equal(settings.on_blind, SETTINGS_BLIND_CLOSE);
	assert_string_equal(settings.logfile, "/var/log/x");
	assert_int_equal(settings.log_format, SETTINGS_FORMAT_JSON);
	assert_false(settings.log_connections);
	assert_false(settings.log_disconnections);
	assert_int_equal(settings.stats_period_ms, 5000);
	assert_int_equal(settings.slow_query_ms, 250);
	assert_int_equal(settings.max_client_conn, 20);
	assert_int_equal(settings.workers, 3);
	assert_int_equal(settings.server_connect_timeout_ms, 1500);
	assert_int_equal(settings.client_login_timeout_ms, 0);
	assert_int_equal(settings.shutdown_timeout_ms, 60000);
	assert_false(settings.keepalive.on);
	assert_int_equal(settings.keepalive.idle_s, 120);
	assert_int_equal(settings.keepalive.interval_s, 7);
	assert_int_equal(settings.keepalive.probes, 3);
	assert_int_equal(settings.replication, SETTINGS_UNSEEN_REJECT);
	assert_int_equal(settings.fastpath, SETTINGS_UNSEEN_REJECT);
	assert_int_equal(settings.catalog_refresh_ms, 3600000);
	assert_int_equal(settings.catalog_timeout_ms, 2000);
	assert_true(settings.large_table_rows == 500000);
	assert_int_equal(settings.large_table_bytes, 2LL << 30);
	assert_true(settings.medium_table_rows == 0);
	assert_int_equal(settings.client_tls.mode, SETTINGS_TLS_REQUIRE);
	assert_string_equal(settings.client_tls.key_file, "/k");
	assert_string_equal(settings.client_tls.cert_file, "/c");
	assert_string_equal(settings.client_tls.ca_file, "/a");
	assert_string_equal(settings.client_tls.protocols, "all");
	assert_string_equal(settings.client_tls.ciphers, "HIGH");
	assert_int_equal(settings.server_tls.mode, SETTINGS_TLS_VERIFY_FULL);
	assert_string_equal(settings.server_tls.key_file, "/sk");
	assert_string_equal(settings.server_tls.cert_file, "/sc");
	assert_string_equal(settings.server_tls.ca_file, "/sa");
	assert_string_equal(settings.server_tls.protocols, "tlsv1.3");
	assert_string_equal(settings.server_tls.ciphers, "LOW");
}

/* The example in the repository is read without complaint and changes nothing: it shows the defaults, of every key. */
static void example_shows_the_defaults(void **state)
{
	(void)state;
	static struct settings defaults;
	settings_defaults(&defaults);
	settings_defaults(&settings);
	if (!settings_read(&settings, "config/pgproctor.ini", error, sizeof(error)))
		fail_msg("%s", error);
	settings.file[0] = '\0';
	memset(settings.rules, 0, sizeof(settings.rules));
	settings.rule_count = 0;
	memset(settings.file, 0, sizeof(settings.file));
	assert_memory_equal(&settings, &defaults, sizeof(defaults));
}

/* Databases and rules come with what is needed to find them again. */
static void databases_and_rules(void **state)
{
	(void)state;
	if (!read_text("[databases]\nshop = host=a user=b password='x ;y'\n* = host=c\n\n[rules]\nQ101 = off\n"
	               "[rule:create-index-not-concurrently]\naction = reject\n"))
		fail_msg("%s", error);
	assert_int_equal(settings.database_count, 2);
	assert_string_equal(settings_dsn(&settings, "shop"), "host=a user=b password='x ;y'");
	assert_string_equal(settings_dsn(&settings, "other"), "host=c");
	assert_int_equal(settings.rule_count, 2);
	assert_string_equal(settings.rules[0].rule, "Q101");
	assert_string_equal(settings.rules[0].key, "action");
	assert_string_equal(settings.rules[0].value, "off");
	assert_int_equal(settings.rules[0].line, 6);
	assert_string_equal(settings.rules[1].rule, "create-index-not-concurrently");
	assert_string_equal(settings.rules[1].value, "reject");
	assert_int_equal(settings.rules[1].line, 8);
}

/* The database's own DSN comes first, then --catalog, then "*"; without any there is none. */
static void dsn_order(void **state)
{
	(void)state;
	assert_null(settings_dsn(&settings, "shop"));
	assert_true(read_text("[databases]\n* = host=star\nshop = host=own\n"));
	set("catalog", "host=flag");
	assert_string_equal(settings_dsn(&settings, "shop"), "host=own");
	assert_string_equal(settings_dsn(&settings, "other"), "host=flag");
}

/* Comments, blank lines, a byte order mark, CRLF and a missing last newline are all fine. */
static void harmless_layout(void **state)
{
	(void)state;
	assert_true(read_text("\xef\xbb\xbf# a\r\n\r\n  ; b\r\n[pgproctor]\r\n  listen_port=7001\r\nmode : enforce"));
	assert_int_equal(settings.listen.port, 7001);
	assert_int_equal(settings.mode, SETTINGS_ENFORCE);
	assert_true(read_text(""));
}

/* Every mistake in a file names the file, the line, what is wrong, and what was probably meant. */
static void mistakes_in_a_file(void **state)
{
	(void)state;
	assert_refused("[pgproctor]\n\nlisten_prt = 1\n", 3,
	               "unknown key \"listen_prt\" in [pgproctor]; did you mean \"listen_port\"?");
	assert_refused("[pgproctor]\nzzz = 1\n", 2, "unknown key \"zzz\" in [pgproctor]");
	assert_refused("# x\n[pgproktor]\n", 2, "unknown section [pgproktor]; did you mean [pgproctor]?");
	assert_refused("[unrelated]\n", 1,
	               "unknown section [unrelated]; there are [pgproctor], [databases], [rules] and [rule:NAME]");
	assert_refused("[pgproctor\nlisten_port = 1\n", 1, "a section is [name], alone on its line");
	assert_refused("[pgproctor] x\n", 1, "a section is [name], alone on its line");
	assert_refused("listen_port = 1\n", 1, "a key before the first section; [pgproctor] is missing");
	assert_refused("[pgproctor]\nlisten_port\n", 2, "neither a [section], nor key = value, nor a comment");
	assert_refused("[pgproctor]\nmode = observe\n[pgproctor]\nmode = enforce\n", 4,
	               "mode is set twice, first in line 2");
	assert_refused("[databases]\na = host=x\n\na = host=y\n", 4, "database \"a\" is set twice, first in line 2");
	assert_refused("[rules]\nQ101 = off\n[rule:q101]\naction = log\n", 4,
	               "the action of rule \"q101\" is set twice, first in line 2");
	assert_refused("[rule:Q101]\na_name_that_is_longer_than_any_key = log\n", 2,
	               "unknown key \"a_name_that_is_longer_than_any_key\" of rule \"Q101\"");
	assert_refused("[rule:]\n", 1, "[rule:NAME] names one rule");
	assert_refused("[pgproctor]\nlisten_port = 0\n", 2, "listen_port is a number from 1 to 65535, not \"0\"");
	assert_refused("[pgproctor]\nmode = observe ; why\n", 2,
	               "mode is one of observe, enforce: not \"observe ; why\"");
	assert_refused("[databases]\n = host=x\n", 2, "a database's name has 1 to 63 bytes");
}

/* The first mistake is the one that is told. */
static void first_mistake_counts(void **state)
{
	(void)state;
	assert_refused("[pgproctor]\nbroken\nlisten_prt = 1\n", 2,
	               "neither a [section], nor key = value, nor a comment");
	assert_refused("[pgproctor]\nzzz = 1\nbroken\n", 2, "unknown key \"zzz\" in [pgproctor]");
}

/* Lines too long, zero bytes and control characters make a message of one line. */
static void hostile_files(void **state)
{
	(void)state;
	static char text[8192];
	memcpy(text, "[databases]\nx = ", 16);
	memset(text + 16, 'x', sizeof(text) - 16);
	assert_false(read_bytes(text, sizeof(text)));
	assert_non_null(strstr(error, ":2: the line is longer than"));
	assert_false(read_bytes("[pgproctor]\nmode = a\0b\nlisten_port = 1\n", 40));
	assert_non_null(strstr(error, ":2: the line is longer than 1279 bytes or holds a zero byte"));
	assert_refused("[pgproctor]\nmo\x1b[2Jde = x\n", 2, "unknown key \"mo?[2Jde\" in [pgproctor]");
	/* A DSN may hold a password; its refusal must not repeat it. */
	memset(text, 's', sizeof(text));
	memcpy(text, "[pgproctor]\ncatalog = ", 22);
	assert_false(read_bytes(text, 22 + 1100));
	assert_null(strstr(error, "sss"));
	assert_non_null(strstr(error, ":2: catalog has at most 1023 bytes"));
}

/* A file that is not there, or is none, says so in one line. */
static void unreadable_files(void **state)
{
	(void)state;
	assert_false(settings_read(&settings, "/nonexistent/x.ini", error, sizeof(error)));
	assert_string_equal(error, "/nonexistent/x.ini: cannot open the configuration: No such file or directory");
	assert_false(settings_read(&settings, "/tmp", error, sizeof(error)));
	assert_string_equal(error, "/tmp: cannot read the configuration: it is a directory");
}

/* A table's ceiling is an error with a line, not a write past its end. */
static void too_many_databases(void **state)
{
	(void)state;
	static char text[LIMIT_DATABASES * 32];
	size_t len = (size_t)snprintf(text, sizeof(text), "[databases]\n");
	for (int at = 0; at <= LIMIT_DATABASES; at++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "d%d = host=x\n", at);
	assert_refused(text, LIMIT_DATABASES + 2, "more than 256 databases");
}

/* Addresses in all their spellings. */
static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
	    {"127.0.0.1:6433", "127.0.0.1", 6433},
	    {"[::1]:6433", "::1", 6433},
	    {"[::1]", "::1", 99},
	    {"::1", "::1", 99},
	    {"db.example:5432", "db.example", 5432},
	    {"db", "db", 99},
	    {"/run/postgresql:5433", "/run/postgresql", 5433},
	    {"/run/postgresql", "/run/postgresql", 99},
	    {"/a b:1", "/a b", 1},
	    {"*:6433", "*", 6433},
	    {"x:65535", "x", 65535},
	};
	for (size_t at = 0; at < ARRAY_LEN(good); at++) {
		struct settings_address address;
		assert_true(settings_parse_address(good[at].text, 99, &address));
		assert_string_equal(address.host, good[at].host);
		assert_int_equal(address.port, good[at].port);
	}
	static const char *const bad[] = {"",     ":5432", "x:",       "x:0",    "x:65536", "x:1x",   "x:-1",
	                                  "x: 1", "x y:1", "[::1",     "[::1]x", "[::1]:",  "[]:1",   "[db]:1",
	                                  "::1:", "1:2:3", "x:999999", "a\nb:1", "/x:y",    "fe80::g"};
	for (size_t at = 0; at < ARRAY_LEN(bad); at++) {
		struct settings_address address = {"untouched", 7};
		if (settings_parse_address(bad[at], 99, &address))
			fail_msg("\"%s\" was taken", bad[at]);
		assert_string_equal(address.host, "untouched");
	}
	char host[300];
	memset(host, 'h', sizeof(host));
	host[255] = '\0';
	struct settings_address address;
	assert_true(settings_parse_address(host, 1, &address));
	host[255] = 'h';
	host[256] = '\0';
	assert_false(settings_parse_address(host, 1, &address));
}

/* Near is near: one typing error in three letters, two swapped letters count once, and nonsense has no neighbour. */
static void nearest(void **state)
{
	(void)state;
	static const char *const words[] = {"serve", "report", "listen_port", "listen_addr"};
	assert_string_equal(settings_nearest("sevre", words, 4), "serve");
	assert_string_equal(settings_nearest("SERVE", words, 4), "serve");
	assert_string_equal(settings_nearest("reprot", words, 4), "report");
	assert_string_equal(settings_nearest("listen_prot", words, 4), "listen_port");
	assert_string_equal(settings_nearest("listen_address", words, 4), "listen_addr");
	assert_string_equal(settings_nearest("serve", words, 4), "serve");
	assert_null(settings_nearest("dance", words, 4));
	assert_null(settings_nearest("", words, 4));
	assert_null(settings_nearest("serve", words, 0));
	char huge[4096];
	memset(huge, 's', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(settings_nearest(huge, words, 4));
}

/* A message buffer of any size is kept to. */
static void small_error_buffers(void **state)
{
	(void)state;
	for (size_t size = 1; size < 100; size++) {
		char *tight = malloc(size);
		assert_non_null(tight);
		assert_false(settings_set(&settings, "moed", "x", "--set", tight, size));
		assert_true(strlen(tight) < size);
		assert_false(settings_set(&settings, "mode", "x", "--set", tight, size));
		assert_true(strlen(tight) < size);
		free(tight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(every_key, set_up),
	    cmocka_unit_test_setup(example_shows_the_defaults, set_up),
	    cmocka_unit_test_setup(databases_and_rules, set_up),
	    cmocka_unit_test_setup(dsn_order, set_up),
	    cmocka_unit_test_setup(harmless_layout, set_up),
	    cmocka_unit_test_setup(mistakes_in_a_file, set_up),
	    cmocka_unit_test_setup(first_mistake_counts, set_up),
	    cmocka_unit_test_setup(hostile_files, set_up),
	    cmocka_unit_test_setup(unreadable_files, set_up),
	    cmocka_unit_test_setup(too_many_databases, set_up),
	    cmocka_unit_test_setup(addresses, set_up),
	    cmocka_unit_test_setup(nearest, set_up),
	    cmocka_unit_test_setup(small_error_buffers, set_up),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
