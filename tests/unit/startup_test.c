#include "protocol/startup.h"

#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

#define VERSION_3_0 0x00030000u
#define CODE_CANCEL 80877102u
#define CODE_SSL 80877103u
#define CODE_GSSENC 80877104u

static uint8_t packet_area[20000];

/* A packet with the right length word around `code` and `body`. */
static struct bytes packet(uint32_t code, struct bytes body)
{
	bytes_put_u32(packet_area, (uint32_t)body.len + 8);
	bytes_put_u32(packet_area + 4, code);
	if (body.len > 0)
		memcpy(packet_area + 8, body.data, body.len);
	return (struct bytes){packet_area, body.len + 8};
}

static struct startup parse_guarded(struct bytes input)
{
	return startup_parse(guard_copy(input.data, input.len));
}

/* Parses every prefix: all but the whole must ask for more, and say how much as soon as the length is there. */
static void assert_trickles(struct bytes input, enum startup_kind kind)
{
	for (size_t len = 0; len < input.len; len++) {
		struct startup startup = parse_guarded((struct bytes){input.data, len});
		assert_int_equal(startup.kind, STARTUP_MORE);
		assert_int_equal(startup.packet_bytes, len < 4 ? 0 : input.len);
	}
	struct startup startup = parse_guarded(input);
	assert_int_equal(startup.kind, kind);
	assert_int_equal(startup.packet_bytes, input.len);
}

#define ASSERT_MESSAGE(out, literal)                                                                                   \
	do {                                                                                                           \
		(out) = parse_guarded(packet(VERSION_3_0, LITERAL(literal)));                                          \
		assert_int_equal((out).kind, STARTUP_MESSAGE);                                                         \
	} while (0)

#define ASSERT_LAYOUT_BAD(literal)                                                                                     \
	assert_int_equal(parse_guarded(packet(VERSION_3_0, LITERAL(literal))).kind, STARTUP_BAD_LAYOUT)

/* A start-up message trickles in and is then known whole, every parameter in its place. */
static void test_message(void **state)
{
	(void)state;
	struct bytes body = LITERAL("user\0shop\0database\0store\0application_name\0web\0client_encoding\0UTF8\0"
	                            "options\0-c a=b\0replication\0true\0search_path\0app,public\0TimeZone\0UTC\0"
	                            "_pq_.x\0y\0geqo\0off\0\0");
	assert_trickles(packet(VERSION_3_0, body), STARTUP_MESSAGE);

	struct startup startup = parse_guarded(packet(VERSION_3_0, body));
	assert_int_equal(startup.major, 3);
	assert_int_equal(startup.minor, 0);
	assert_true(bytes_equal(startup.user, "shop"));
	assert_true(bytes_equal(startup.database, "store"));
	assert_true(bytes_equal(startup.application_name, "web"));
	assert_true(bytes_equal(startup.client_encoding, "UTF8"));
	assert_true(bytes_equal(startup.options, "-c a=b"));
	assert_true(bytes_equal(startup.replication, "true"));
	assert_true(bytes_equal(startup.search_path, "app,public"));
	assert_true(bytes_equal(startup.time_zone, "UTC"));
	assert_bytes(startup.parameters, body.data, body.len);
}

/* What the client sends right behind the packet is not part of it. */
static void test_bytes_behind(void **state)
{
	(void)state;
	struct bytes input = packet(VERSION_3_0, LITERAL("user\0u\0\0"));
	memcpy(packet_area + input.len, "Q\0\0\0\5", 5);
	struct startup startup = parse_guarded((struct bytes){input.data, input.len + 5});
	assert_int_equal(startup.kind, STARTUP_MESSAGE);
	assert_int_equal(startup.packet_bytes, input.len);
	assert_int_equal(startup.parameters.len, input.len - 8);
}

/* The three requests are known by their codes, however they trickle in. */
static void test_requests(void **state)
{
	(void)state;
	assert_trickles(packet(CODE_SSL, LITERAL("")), STARTUP_SSL_REQUEST);
	assert_trickles(packet(CODE_GSSENC, LITERAL("")), STARTUP_GSSENC_REQUEST);
	assert_trickles(packet(CODE_CANCEL, LITERAL("\0\0\1\2key4")), STARTUP_CANCEL_REQUEST);
	/* Their neighbours are versions of major 1234, which nobody speaks. */
	assert_trickles(packet(80877101u, LITERAL("")), STARTUP_BAD_VERSION);
	assert_trickles(packet(80877105u, LITERAL("")), STARTUP_BAD_VERSION);
}

/* A cancel key has 4 to 256 bytes. */
static void test_cancel_lengths(void **state)
{
	(void)state;
	uint8_t body[4 + 257] = {0};
	for (size_t key = 0; key <= 257; key++) {
		bool good = key >= 4 && key <= 256;
		assert_int_equal(parse_guarded(packet(CODE_CANCEL, (struct bytes){body, 4 + key})).kind,
		                 good ? STARTUP_CANCEL_REQUEST : STARTUP_BAD_LENGTH);
	}
}

/* A TLS record is told by its first byte alone; a byte beside it begins a length. */
static void test_direct_tls(void **state)
{
	(void)state;
	assert_int_equal(parse_guarded(LITERAL("\x16")).kind, STARTUP_DIRECT_TLS);
	assert_int_equal(parse_guarded(LITERAL("\x16\x03\x01\x02\0\1\0\1\xfc\3\3")).kind, STARTUP_DIRECT_TLS);
	assert_int_equal(parse_guarded(LITERAL("\x15")).kind, STARTUP_MORE);
	assert_int_equal(parse_guarded(LITERAL("\x17\x03\x01\x02")).kind, STARTUP_BAD_LENGTH);
}

/* The length is judged as soon as its four bytes are there, against the server's own bounds. */
static void test_lengths(void **state)
{
	(void)state;
	static const struct {
		uint32_t length;
		enum startup_kind kind;
	} cases[] = {
	    {0, STARTUP_BAD_LENGTH},
	    {4, STARTUP_BAD_LENGTH},
	    {7, STARTUP_BAD_LENGTH},
	    {8, STARTUP_MORE},
	    {LIMIT_STARTUP_PACKET_BYTES + 4, STARTUP_MORE},
	    {LIMIT_STARTUP_PACKET_BYTES + 5, STARTUP_BAD_LENGTH},
	    {0x7fffffff, STARTUP_BAD_LENGTH},
	    {0x80000000, STARTUP_BAD_LENGTH},
	    {0xffffffff, STARTUP_BAD_LENGTH},
	};
	for (size_t index = 0; index < ARRAY_LEN(cases); index++) {
		uint8_t word[4];
		bytes_put_u32(word, cases[index].length);
		assert_int_equal(parse_guarded((struct bytes){word, 3}).kind, STARTUP_MORE);
		assert_int_equal(parse_guarded((struct bytes){word, 4}).kind, cases[index].kind);
	}
}

/* The longest packet the server takes is taken; an HTTP or SSH greeting is a bad length. */
static void test_longest_and_strangers(void **state)
{
	(void)state;
	static uint8_t body[LIMIT_STARTUP_PACKET_BYTES - 4];
	memset(body, 'x', sizeof body);
	memcpy(body, "user", 5);
	body[sizeof body - 2] = body[sizeof body - 1] = 0;
	struct startup startup = parse_guarded(packet(VERSION_3_0, (struct bytes){body, sizeof body}));
	assert_int_equal(startup.kind, STARTUP_MESSAGE);
	assert_int_equal(startup.packet_bytes, LIMIT_STARTUP_PACKET_BYTES + 4);
	assert_int_equal(startup.user.len, sizeof body - 7);

	assert_int_equal(parse_guarded(LITERAL("GET / HTTP/1.1\r\n")).kind, STARTUP_BAD_LENGTH);
	assert_int_equal(parse_guarded(LITERAL("SSH-2.0-OpenSSH_9.2\r\n")).kind, STARTUP_BAD_LENGTH);
}

/* Every minor version of 3 is a message, its numbers handed on; other majors are not. */
static void test_versions(void **state)
{
	(void)state;
	static const uint32_t good[] = {0x00030000, 0x00030002, 0x0003270f, 0x0003ffff};
	static const uint32_t bad[] = {0, 0x00010000, 0x00020000, 0x0002ffff, 0x00040000, 0x04d20000, 0xffffffff};
	for (size_t index = 0; index < ARRAY_LEN(good); index++) {
		struct startup startup = parse_guarded(packet(good[index], LITERAL("user\0u\0\0")));
		assert_int_equal(startup.kind, STARTUP_MESSAGE);
		assert_int_equal(startup.minor, good[index] & 0xffff);
	}
	for (size_t index = 0; index < ARRAY_LEN(bad); index++) {
		struct startup startup = parse_guarded(packet(bad[index], LITERAL("user\0u\0\0")));
		assert_int_equal(startup.kind, STARTUP_BAD_VERSION);
		assert_int_equal(startup.major, bad[index] >> 16);
		assert_int_equal(startup.packet_bytes, 16);
	}
}

/* The database is the user's name when none, or an empty one, is given. */
static void test_database_default(void **state)
{
	(void)state;
	struct startup startup;
	ASSERT_MESSAGE(startup, "user\0shop\0\0");
	assert_true(bytes_equal(startup.database, "shop"));
	ASSERT_MESSAGE(startup, "database\0\0user\0shop\0\0");
	assert_true(bytes_equal(startup.database, "shop"));
	/* Without a user there is none; the server will say so. */
	ASSERT_MESSAGE(startup, "geqo\0on\0\0");
	assert_int_equal(startup.user.len, 0);
	assert_int_equal(startup.database.len, 0);
	ASSERT_MESSAGE(startup, "\0");
	assert_int_equal(startup.user.len, 0);
}

/* Of a repeated parameter the last counts, a setting's also under another spelling. */
static void test_repeated(void **state)
{
	(void)state;
	struct startup startup;
	ASSERT_MESSAGE(startup, "user\0a\0user\0b\0database\0c\0database\0d\0search_path\0e\0Search_Path\0f\0"
	                        "timezone\0g\0TimeZone\0h\0TIMEZONE\0i\0\0");
	assert_true(bytes_equal(startup.user, "b"));
	assert_true(bytes_equal(startup.database, "d"));
	assert_true(bytes_equal(startup.search_path, "f"));
	assert_true(bytes_equal(startup.time_zone, "i"));
}

/* The packet's own names have a case, as for the server, and names must be whole. */
static void test_case_and_near_names(void **state)
{
	(void)state;
	struct startup startup;
	ASSERT_MESSAGE(startup, "User\0a\0DATABASE\0b\0Options\0c\0Replication\0d\0use\0e\0users\0f\0"
	                        "search_paths\0g\0search_pat\0h\0CLIENT_ENCODING\0sjis\0Application_Name\0n\0\0");
	assert_int_equal(startup.user.len, 0);
	assert_int_equal(startup.database.len, 0);
	assert_int_equal(startup.options.len, 0);
	assert_int_equal(startup.replication.len, 0);
	assert_int_equal(startup.search_path.len, 0);
	assert_true(bytes_equal(startup.client_encoding, "sjis"));
	assert_true(bytes_equal(startup.application_name, "n"));
}

/* Without the terminator as its last byte the layout is bad, and nothing of it is handed on. */
static void test_bad_layouts(void **state)
{
	(void)state;
	ASSERT_LAYOUT_BAD("");
	ASSERT_LAYOUT_BAD("user\0u\0");
	ASSERT_LAYOUT_BAD("user\0u");
	ASSERT_LAYOUT_BAD("user\0");
	ASSERT_LAYOUT_BAD("user");
	ASSERT_LAYOUT_BAD("user\0\0");
	ASSERT_LAYOUT_BAD("user\0u\0\0x");
	ASSERT_LAYOUT_BAD("user\0u\0\0\0");
	ASSERT_LAYOUT_BAD("\0\0");

	struct startup startup = parse_guarded(packet(VERSION_3_0, LITERAL("user\0u\0database")));
	assert_int_equal(startup.kind, STARTUP_BAD_LAYOUT);
	assert_int_equal(startup.user.len, 0);
	assert_int_equal(startup.packet_bytes, 23);

	/* Every shortening of a good packet is bad, but for the two that leave one byte of a name: the list ends there. */
	struct bytes body = LITERAL("user\0shop\0database\0store\0\0");
	for (size_t len = 0; len < body.len; len++)
		assert_int_equal(parse_guarded(packet(VERSION_3_0, (struct bytes){body.data, len})).kind,
		                 len == 1 || len == 11 ? STARTUP_MESSAGE : STARTUP_BAD_LAYOUT);
	startup = parse_guarded(packet(VERSION_3_0, LITERAL("user\0u\0x")));
	assert_int_equal(startup.kind, STARTUP_MESSAGE);
	assert_int_equal(startup.user.len, 1);
}

/* A walsender isn't looked into, so every spelling of "false" that the server takes for it must be taken here. */
static void test_replicates(void **state)
{
	(void)state;
	const char *const no[] = {"", "0", "f", "F", "fal", "false", "FALSE", "n", "no", "No", "of", "off", "OFF"};
	const char *const yes[] = {"1", "t",      "true", "on",   "yes", "database",
	                           "o", "falsey", "offs", "none", "00",  "maybe"};
	struct startup startup = {.kind = STARTUP_MESSAGE};
	assert_false(startup_replicates(&startup));
	for (size_t at = 0; at < ARRAY_LEN(no); at++) {
		startup.replication = guard_copy(no[at], strlen(no[at]));
		assert_false(startup_replicates(&startup));
	}
	for (size_t at = 0; at < ARRAY_LEN(yes); at++) {
		startup.replication = guard_copy(yes[at], strlen(yes[at]));
		assert_true(startup_replicates(&startup));
	}
}

/* Random bytes behind a good length yield some answer and never a read outside. */
static void test_random_bodies(void **state)
{
	(void)state;
	uint64_t seed = 0x73746172;
	for (int round = 0; round < 20000; round++) {
		uint8_t body[64];
		size_t len = guard_random(&seed) % sizeof body;
		for (size_t at = 0; at < len; at++)
			body[at] = (uint8_t)("\0\0ua=-c \\"[guard_random(&seed) % 9]);
		struct startup startup = parse_guarded(packet(VERSION_3_0, (struct bytes){body, len}));
		assert_true(startup.kind == STARTUP_MESSAGE || startup.kind == STARTUP_BAD_LAYOUT);
		char value[8];
		struct bytes options = guard_copy(body, len);
		if (memchr(body, 0, len) == NULL && startup_option(options, "ua", value, sizeof value))
			assert_true(strlen(value) < sizeof value);
	}
}

static void assert_option(const char *options, const char *name, const char *expected)
{
	char value[32] = "untouched";
	struct bytes view = guard_copy(options, strlen(options));
	assert_int_equal(startup_option(view, name, value, sizeof value), expected != NULL);
	assert_string_equal(value, expected != NULL ? expected : "");
}

/* Both spellings of an option, joined or apart, alone or among others. */
static void test_option_spellings(void **state)
{
	(void)state;
	assert_option("-c search_path=app", "search_path", "app");
	assert_option("-csearch_path=app", "search_path", "app");
	assert_option("--search_path=app", "search_path", "app");
	assert_option("--search-path=app", "search_path", "app");
	assert_option("-c search-path=app", "search_path", "app");
	assert_option("-c SEARCH_Path=App", "search_path", "App");
	assert_option("  -c\tgeqo=off \n --search_path=app -e", "search_path", "app");
	assert_option("-S 1000 -c search_path=app", "search_path", "app");
	assert_option("-ec search_path=app", "search_path", "app");
	assert_option("-c search_path=", "search_path", "");
	assert_option("-c search_path=a=b", "search_path", "a=b");
}

/* A backslash takes the next byte as it is: a space, a backslash, anything. */
static void test_option_escapes(void **state)
{
	(void)state;
	assert_option("-c search_path=app,\\ public", "search_path", "app, public");
	assert_option("-c search_path=a\\\\b", "search_path", "a\\b");
	assert_option("-c search_path=\"a\\ b\"", "search_path", "\"a b\"");
	assert_option("-c\\ search_path=a", "search_path", NULL);
	assert_option("-c search\\_path=a", "search_path", "a");
	assert_option("-c search_path=a\\", "search_path", "a");
}

/* Repeated, the last one counts, whatever its spelling. */
static void test_option_repeated(void **state)
{
	(void)state;
	assert_option("-c search_path=a --search-path=b -csearch_path=c", "search_path", "c");
	assert_option("-c search_path=a -c search_paths=b", "search_path", "a");
}

/* What is not the option is not found: other names, another option's argument, a word behind "--". */
static void test_option_absent(void **state)
{
	(void)state;
	assert_option("", "search_path", NULL);
	assert_option("   ", "search_path", NULL);
	assert_option("-c", "search_path", NULL);
	assert_option("-", "search_path", NULL);
	assert_option("search_path=a", "search_path", NULL);
	assert_option("-c search_path", "search_path", NULL);
	assert_option("-c search_pathx=a", "search_path", NULL);
	assert_option("-c xsearch_path=a", "search_path", NULL);
	assert_option("-S --search_path=a", "search_path", NULL);
	assert_option("-c a=b -- -c search_path=a", "search_path", NULL);
	assert_option("-- x --search_path=a", "search_path", NULL);
	assert_option("-c -c search_path=a", "search_path", NULL);
}

/* A value longer than the buffer is absent, also when an earlier one would fit: half a value would be a wrong one. */
static void test_option_too_long(void **state)
{
	(void)state;
	char value[4];
	assert_true(startup_option(LITERAL("-c a=123"), "a", value, sizeof value));
	assert_string_equal(value, "123");
	assert_false(startup_option(LITERAL("-c a=1234"), "a", value, sizeof value));
	assert_string_equal(value, "");
	assert_false(startup_option(LITERAL("-c a=1 -c a=1234"), "a", value, sizeof value));
	assert_true(startup_option(LITERAL("-c a=1234 -c a=1"), "a", value, sizeof value));
	assert_string_equal(value, "1");

	static uint8_t options[LIMIT_STARTUP_PACKET_BYTES + 2];
	memset(options, ' ', sizeof options);
	memcpy(options, "-c a=1", 6);
	assert_true(startup_option((struct bytes){options, LIMIT_STARTUP_PACKET_BYTES}, "a", value, sizeof value));
	assert_false(startup_option((struct bytes){options, sizeof options}, "a", value, sizeof value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_message),
	    cmocka_unit_test(test_bytes_behind),
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_cancel_lengths),
	    cmocka_unit_test(test_direct_tls),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_longest_and_strangers),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_database_default),
	    cmocka_unit_test(test_repeated),
	    cmocka_unit_test(test_case_and_near_names),
	    cmocka_unit_test(test_bad_layouts),
	    cmocka_unit_test(test_replicates),
	    cmocka_unit_test(test_random_bodies),
	    cmocka_unit_test(test_option_spellings),
	    cmocka_unit_test(test_option_escapes),
	    cmocka_unit_test(test_option_repeated),
	    cmocka_unit_test(test_option_absent),
	    cmocka_unit_test(test_option_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
