#include "config/setting_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------- */

static struct settings settings;
static char error[512];

static int set_up(void **state)
{
	(void)state;
	settings_defaults(&settings);
	error[0] = '\0';
	return 0;
}

static int key_at(const char *name)
{
	int at = setting_keys_find(name);
	assert_true(at >= 0);
	return at;
}

static void set(const char *key, const char *value)
{
	if (!setting_keys_set(&settings, key_at(key), value, "--set", error, sizeof(error)))
		fail_msg("%s", error);
}

static void assert_value_refused(const char *key, const char *value, const char *message)
{
	struct settings before;
	settings_defaults(&settings);
	memcpy(&before, &settings, sizeof(before));
	assert_false(setting_keys_set(&settings, key_at(key), value, "--set", error, sizeof(error)));
	assert_string_equal(error, message);
	assert_memory_equal(&before, &settings, sizeof(before));
}

/* -- names ------------------------------------------------------------------------------------- */

/* Each name leads to its own place, and nothing else to any. */
static void names(void **state)
{
	(void)state;
	static const char *const strange[] = {"", "Mode", "mode ", "mod", "modes", "catalog\n"};
	for (int at = 0; at < SETTING_KEYS_COUNT; at++)
		assert_int_equal(setting_keys_find(setting_keys_names[at]), at);
	for (size_t at = 0; at < ARRAY_LEN(strange); at++)
		assert_int_equal(setting_keys_find(strange[at]), -1);
}

/* The example and the manual page name every key, and the example gives it a value. */
static void documents_name_every_key(void **state)
{
	(void)state;
	static const char *const documents[] = {"config/pgproctor.ini", "docs/pgproctor.1"};
	for (size_t document = 0; document < ARRAY_LEN(documents); document++) {
		static char text[1 << 16];
		FILE *file = fopen(documents[document], "r");
		assert_non_null(file);
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		for (size_t at = 0; at < SETTING_KEYS_COUNT; at++) {
			char named[64];
			snprintf(named, sizeof(named), document == 0 ? "\n%s =" : " %s ", setting_keys_names[at]);
			if (strstr(text, named) == NULL)
				fail_msg("%s lacks %s", documents[document], setting_keys_names[at]);
		}
	}
}

/* -- values ------------------------------------------------------------------------------------ */

/* A word stands for the value at its place, in whatever case, and no other word or part of one does. */
static void words(void **state)
{
	(void)state;
	set("mode", "Enforce");
	assert_int_equal(settings.mode, SETTINGS_ENFORCE);
	set("mode", "observe");
	assert_int_equal(settings.mode, SETTINGS_OBSERVE);
	set("enforce_from", "error");
	assert_int_equal(settings.enforce_from, SETTINGS_ENFORCE_ERROR);
	set("enforce_from", "block");
	assert_int_equal(settings.enforce_from, SETTINGS_ENFORCE_BLOCK);
	set("oversize", "REJECT");
	assert_int_equal(settings.oversize, SETTINGS_OVERSIZE_REJECT);
	set("replication", "reject");
	assert_int_equal(settings.replication, SETTINGS_UNSEEN_REJECT);
	set("fastpath", "pass");
	assert_int_equal(settings.fastpath, SETTINGS_UNSEEN_PASS);
	set("on_blind", "close");
	assert_int_equal(settings.on_blind, SETTINGS_BLIND_CLOSE);
	set("log_format", "text");
	assert_int_equal(settings.log_format, SETTINGS_FORMAT_TEXT);
	set("log_format", "auto");
	assert_int_equal(settings.log_format, SETTINGS_FORMAT_AUTO);
	assert_value_refused("mode", "obs", "--set: mode is one of observe, enforce: not \"obs\"");
	assert_value_refused("mode", "", "--set: mode is one of observe, enforce: not \"\"");
	assert_value_refused("log_format", "jsonl", "--set: log_format is one of auto, json, text: not \"jsonl\"");
}

/* A text of any content is taken up to what its field holds; a longer one is refused without repeating it, since it
 * may be a DSN with a password. */
static void texts(void **state)
{
	(void)state;
	char text[LIMIT_SETTING_BYTES + 1];
	memset(text, 's', sizeof(text));
	text[LIMIT_SETTING_BYTES - 1] = '\0';
	set("catalog", text);
	assert_string_equal(settings.catalog, text);
	set("logfile", text);
	assert_string_equal(settings.logfile, text);
	text[LIMIT_SETTING_BYTES - 1] = 's';
	text[LIMIT_SETTING_BYTES] = '\0';
	assert_value_refused("catalog", text, "--set: catalog has at most 1023 bytes");
	set("catalog", "");
	assert_string_equal(settings.catalog, "");
}

/* Durations take seconds, fractions and units; nothing that would quietly become "never". */
static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
	    {"0", 0},      {"1", 1000},      {"0.25", 250},   {".5", 500},       {"1500ms", 1500},
	    {"2 s", 2000}, {"2min", 120000}, {"1h", 3600000}, {"1.5H", 5400000}, {"26000h", 26000ULL * 3600000}};
	for (size_t at = 0; at < ARRAY_LEN(good); at++) {
		set("slow_query", good[at].text);
		assert_int_equal(settings.slow_query_ms, good[at].ms);
	}
	static const char *const bad[] = {"",     "x",   "-1",  "1x",     "1.2.3",  ".",   "1e3",
	                                  "0x10", "inf", "nan", "0.0001", "26001h", "1 m", "1s1"};
	for (size_t at = 0; at < ARRAY_LEN(bad); at++) {
		char message[256];
		snprintf(
		    message, sizeof(message),
		    "--set: slow_query is a time in seconds, or with a unit ms, s, min, h, up to 26000 h: not \"%s\"",
		    bad[at]);
		assert_value_refused("slow_query", bad[at], message);
	}
	assert_value_refused("stats_period", "0",
	                     "--set: stats_period is a time in seconds, or with a unit ms, s, min, h, up to 26000 h, "
	                     "at least 100 ms: not \"0\"");
}

/* Sizes go by 1024; counts are whole; rows may be written 1e6. */
static void sizes_and_counts(void **state)
{
	(void)state;
	set("large_table_size", "1.5kB");
	assert_int_equal(settings.large_table_bytes, 1536);
	set("large_table_size", "10 mb");
	assert_int_equal(settings.large_table_bytes, 10 << 20);
	set("large_table_size", "4096");
	assert_int_equal(settings.large_table_bytes, 4096);
	assert_value_refused(
	    "large_table_size", "1PB",
	    "--set: large_table_size is a size in bytes, or with a unit kB, MB, GB, TB, at least 1: not "
	    "\"1PB\"");
	assert_value_refused(
	    "large_table_size", "99999999TB",
	    "--set: large_table_size is a size in bytes, or with a unit kB, MB, GB, TB, at least 1: not "
	    "\"99999999TB\"");
	assert_value_refused("max_client_conn", "1.5",
	                     "--set: max_client_conn is a whole number, at least 1: not \"1.5\"");
	assert_value_refused("max_client_conn", "4294967296",
	                     "--set: max_client_conn is a whole number, at least 1: not \"4294967296\"");
	for (size_t at = 0; at < 5; at++) {
		static const char *const wrong[] = {"0", "65", "-1", "two", "1.5"};
		char message[128];
		snprintf(message, sizeof(message), "--set: workers is a number from 1 to 64, or auto: not \"%s\"", wrong[at]);
		assert_value_refused("workers", wrong[at], message);
	}
	set("workers", "64");
	assert_int_equal(settings.workers, 64);
	set("workers", "Auto");
	assert_in_range(settings.workers, 1, 64);
	set("max_client_conn", "4294967295");
	assert_int_equal(settings.max_client_conn, UINT32_MAX);
	set("large_table_rows", "2E6");
	assert_true(settings.large_table_rows == 2000000);
	assert_value_refused("large_table_rows", "1e9999",
	                     "--set: large_table_rows is a number of rows, at least 1: not \"1e9999\"");
}

/* Every spelling of yes and no, and no other. */
static void booleans(void **state)
{
	(void)state;
	static const char *const words[] = {"1", "0", "yes", "no", "on", "off", "true", "false", "TRUE", "No"};
	for (size_t at = 0; at < ARRAY_LEN(words); at++) {
		set("log_connections", words[at]);
		assert_int_equal(settings.log_connections, at % 2 == 0);
	}
	assert_value_refused("log_connections", "2",
	                     "--set: log_connections is 1 or 0 (also yes, no, on, off, true, false), not \"2\"");
	assert_value_refused("log_connections", "",
	                     "--set: log_connections is 1 or 0 (also yes, no, on, off, true, false), not \"\"");
}

/* The listening address has no port of its own, and may be none or all. */
static void listen_address(void **state)
{
	(void)state;
	set("listen_addr", "::1");
	assert_string_equal(settings.listen.host, "::1");
	assert_int_equal(settings.listen.port, 6433);
	set("listen_addr", "");
	assert_string_equal(settings.listen.host, "");
	set("listen_addr", "*");
	assert_string_equal(settings.listen.host, "*");
	assert_value_refused("listen_addr", "127.0.0.1:99",
	                     "--set: listen_addr is one address, without a port, or * for all: not \"127.0.0.1:99\"");
	assert_value_refused("listen_addr", "/run",
	                     "--set: listen_addr is one address, without a port, or * for all: not \"/run\"");
	assert_value_refused(
	    "upstream", "*:5432",
	    "--set: upstream is ADDR:PORT, [IPV6]:PORT or the directory of a unix socket, not \"*:5432\"");
	assert_value_refused("unix_socket_dir", "run", "--set: unix_socket_dir is an absolute path, not \"run\"");
	char deep[108] = "/";
	memset(deep + 1, 'd', 92);
	assert_value_refused("unix_socket_dir", deep,
	                     "--set: unix_socket_dir has at most 92 bytes, or no socket address could hold it");
	deep[92] = '\0';
	set("unix_socket_dir", deep);
	assert_value_refused("unix_socket_mode", "0888",
	                     "--set: unix_socket_mode is an octal mode such as 0770, not \"0888\"");
	assert_value_refused("unix_socket_mode", "1777",
	                     "--set: unix_socket_mode is an octal mode such as 0770, not \"1777\"");
}

/* The port is one that can be connected to. */
static void ports(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "0", "65536", "99999", "100000", "-1", "+1", " 1", "1 ", "0x10", "1e3"};
	set("listen_port", "1");
	assert_int_equal(settings.listen.port, 1);
	set("listen_port", "65535");
	assert_int_equal(settings.listen.port, 65535);
	assert_string_equal(settings.listen.host, "127.0.0.1");
	for (size_t at = 0; at < ARRAY_LEN(bad); at++) {
		char message[128];
		snprintf(message, sizeof(message), "--set: listen_port is a number from 1 to 65535, not \"%s\"",
		         bad[at]);
		assert_value_refused("listen_port", bad[at], message);
	}
}

/* -- hostile values ----------------------------------------------------------------------------- */

/* Whatever the value, a key takes it, or refuses it in one line that names origin and key and leaves all as it was. */
static void any_value_for_any_key(void **state)
{
	(void)state;
	static char endless[8192], digits[600];
	memset(endless, '/', sizeof(endless) - 1);
	memset(digits, '9', sizeof(digits) - 1);
	const char *const values[] = {"",
	                              " ",
	                              "\n",
	                              "\x1b[2J",
	                              "%s%n",
	                              "\xff\xfe",
	                              "[",
	                              "[]",
	                              ":",
	                              "::",
	                              "*",
	                              ".",
	                              "e",
	                              "1e",
	                              "1e+",
	                              "-0",
	                              "1e308",
	                              "9e999",
	                              "18446744073709551616",
	                              "0777777",
	                              "/",
	                              endless,
	                              digits};
	for (int key = 0; key < SETTING_KEYS_COUNT; key++) {
		for (size_t at = 0; at < ARRAY_LEN(values); at++) {
			static struct settings before;
			char begin[64];
			settings_defaults(&settings);
			memcpy(&before, &settings, sizeof(before));
			if (setting_keys_set(&settings, key, values[at], "FILE:12", error, sizeof(error)))
				continue;
			assert_memory_equal(&settings, &before, sizeof(before));
			snprintf(begin, sizeof(begin), "FILE:12: %s ", setting_keys_names[key]);
			assert_ptr_equal(strstr(error, begin), error);
			for (const char *c = error; *c != '\0'; c++)
				assert_true((unsigned char)*c >= ' ');
			assert_true(strlen(error) < 256);
		}
	}
}

/* A message is cut to its buffer, of whatever size. */
static void small_error_buffers(void **state)
{
	(void)state;
	for (int key = 0; key < SETTING_KEYS_COUNT; key++) {
		char value[LIMIT_SETTING_BYTES + 1];
		memset(value, ':', LIMIT_SETTING_BYTES);
		value[LIMIT_SETTING_BYTES] = '\0';
		assert_false(setting_keys_set(&settings, key, value, "--set", error, sizeof(error)));
		for (size_t size = 1; size <= strlen(error); size++) {
			char *tight = malloc(size);
			assert_non_null(tight);
			assert_false(setting_keys_set(&settings, key, value, "--set", tight, size));
			assert_memory_equal(tight, error, size - 1);
			assert_int_equal(tight[size - 1], '\0');
			free(tight);
		}
	}
}

/* What is repeated of foreign text is short, without control characters, UTF-8, and else as it was. */
static void echo(void **state)
{
	(void)state;
	char shown[SETTING_KEYS_ECHO_BYTES], text[200];
	setting_keys_echo("plain \xc3\xa4", shown);
	assert_string_equal(shown, "plain \xc3\xa4");
	setting_keys_echo("a\nb\tc\x1b[0m\x7f", shown);
	assert_string_equal(shown, "a?b?c?[0m?");
	setting_keys_echo("a\xc2\x85"
	                  "b\xe2\x80\xa8"
	                  "c\xff"
	                  "d\xc3",
	                  shown);
	assert_string_equal(shown, "a?b?c?d?");
	setting_keys_echo("", shown);
	assert_string_equal(shown, "");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	setting_keys_echo(text, shown);
	assert_int_equal(strlen(shown), SETTING_KEYS_ECHO_BYTES - 1);
	/* A character that would be cut in two is left out. */
	memcpy(text + SETTING_KEYS_ECHO_BYTES - 2, "\xc3\xa4", 2);
	setting_keys_echo(text, shown);
	assert_int_equal(strlen(shown), SETTING_KEYS_ECHO_BYTES - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(names, set_up),
	    cmocka_unit_test_setup(documents_name_every_key, set_up),
	    cmocka_unit_test_setup(words, set_up),
	    cmocka_unit_test_setup(texts, set_up),
	    cmocka_unit_test_setup(durations, set_up),
	    cmocka_unit_test_setup(sizes_and_counts, set_up),
	    cmocka_unit_test_setup(booleans, set_up),
	    cmocka_unit_test_setup(listen_address, set_up),
	    cmocka_unit_test_setup(ports, set_up),
	    cmocka_unit_test_setup(any_value_for_any_key, set_up),
	    cmocka_unit_test_setup(small_error_buffers, set_up),
	    cmocka_unit_test_setup(echo, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
