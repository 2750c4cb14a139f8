#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/arrival.h"
#include "tests/unit/certificates.h"
#include "tests/unit/wire.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ssl_request[] = {0, 0, 0, 8, 4, (char)0xd2, 0x16, 0x2f};
static const char gssenc_request[] = {0, 0, 0, 8, 4, (char)0xd2, 0x16, 0x30};
static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";

/* The fields of an ErrorResponse hold this text. */
static void expect_fatal(int fd, const char *sqlstate, const char *text)
{
	struct script error;
	assert_int_equal(wire_read_message(fd, &error), 'E');
	char flat[1024] = "";
	for (size_t at = 5; at < error.len && at < sizeof flat; at++)
		flat[at - 5] = error.bytes[at] ? (char)error.bytes[at] : '|';
	if (!strstr(flat, "VFATAL") || !strstr(flat, sqlstate) || !strstr(flat, text))
		fail_msg("not FATAL %s \"%s\": %s", sqlstate, text, flat);
}

static void test_start_up_at_every_split(void **state)
{
	/* However the start-up packet is cut, the server gets it whole. */
	struct wire *wire = *state;
	wire_start(wire);
	for (size_t cut = 1; cut < sizeof startup; cut++) {
		wire_connect(wire);
		wire_send(wire->client, startup, cut);
		usleep(500);
		wire_send(wire->client, startup + cut, sizeof startup - cut);
		wire_accept(wire);
		wire_expect(wire->server, startup, sizeof startup);
		close(wire->client);
		close(wire->server);
	}
	wire->client = wire->server = -1;
}

static void test_encryption_is_declined_once_each(void **state)
{
	/* SSLRequest and GSSENCRequest get one N each, in either order, and start-up goes on after them. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, gssenc_request, sizeof gssenc_request);
	wire_expect(wire->client, "N", 1);
	wire_send(wire->client, ssl_request, sizeof ssl_request);
	wire_expect(wire->client, "N", 1);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	close(wire->server);
	wire_expect_end(wire->client);
	close(wire->client);

	wire_connect(wire);
	wire_send(wire->client, ssl_request, sizeof ssl_request);
	wire_expect(wire->client, "N", 1);
	wire_send(wire->client, ssl_request, sizeof ssl_request);
	expect_fatal(wire->client, "0A000", "twice");
	wire_expect_end(wire->client);
}

static void test_clear_text_behind_an_ssl_request(void **state)
{
	/* Bytes sent along with an SSLRequest may be an injection: answered, then refused with the server's own words.
	 */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	char both[sizeof ssl_request + sizeof startup];
	memcpy(both, ssl_request, sizeof ssl_request);
	memcpy(both + sizeof ssl_request, startup, sizeof startup);
	wire_send(wire->client, both, sizeof both);
	wire_expect(wire->client, "N", 1);
	expect_fatal(wire->client, "08P01", "unencrypted data after SSL request");
	wire_expect_end(wire->client);
}

static void test_what_is_no_start_up_packet(void **state)
{
	/* Garbage, HTTP, a 2 GiB length and TLS are closed without a word, as the server does; nothing reaches it. */
	struct wire *wire = *state;
	wire_start(wire);
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
	    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
	    {"\x7f\xff\xff\xff\0\3\0\0", 8},
	    {"\0\0\0\7\0\3\0", 7},
	    {"\x16\3\1\2\0\1\0\1\xfc\3\3", 11},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		wire_connect(wire);
		wire_send(wire->client, cases[at].bytes, cases[at].len);
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = -1;
	wire_expect_silence(wire->upstream);
}

static void test_what_no_server_takes(void **state)
{
	/* Another version and a broken layout are the server's to refuse, in its words; what the client sends behind
	 * them, should the server take them after all, doesn't get through. */
	struct wire *wire = *state;
	wire_start(wire);
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
	    {"\0\0\0\x09\0\2\0\0\0", 9},
	    {"\0\0\0\x0d\0\3\0\0user\0", 13},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		wire_connect(wire);
		wire_send(wire->client, cases[at].bytes, cases[at].len);
		wire_accept(wire);
		wire_expect(wire->server, cases[at].bytes, cases[at].len);
		wire_send(wire->client, "Q\0\0\0\5\0", 6);
		wire_expect_silence(wire->server);
		wire_send(wire->server, "its words", 9);
		wire_expect(wire->client, "its words", 9);
		close(wire->server);
		wire->server = -1;
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = -1;
}

static void test_what_the_start_up_says_holds_from_the_first_message(void **state)
{
	/* With trust a Query may come along with the packet, before the server has told what its client_encoding is. */
	struct wire *wire = *state;
	wire_start(wire);
	/* The literals' own terminators are the last zero of the packet, and that of the text. */
	static const char packet[] = "\0\0\0\x29\0\3\0\0user\0alice\0client_encoding\0SJIS\0";
	static const char query[] = "Q\0\0\0\x0fSELECT '\x83'"; /* half a character there, and a string in UTF-8 */
	char both[sizeof packet + sizeof query];
	memcpy(both, packet, sizeof packet);
	memcpy(both + sizeof packet, query, sizeof query);
	wire_connect(wire);
	wire_send(wire->client, both, sizeof both);
	wire_accept(wire);
	wire_expect(wire->server, both, sizeof both);
	usleep(300000);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "(not parsed: client_encoding)"));
	free(log);
	wire_init(wire);
}

static void test_no_server(void **state)
{
	/* A client is told FATAL 08006, once logged, however many try. */
	struct wire *wire = *state;
	snprintf(wire->settings.upstream.host, sizeof wire->settings.upstream.host, "%s/nowhere", wire->dir);
	wire_start(wire);
	for (int at = 0; at < 3; at++) {
		wire_connect(wire);
		wire_send(wire->client, startup, sizeof startup);
		expect_fatal(wire->client, "08006", "cannot connect to the server");
		wire_expect_end(wire->client);
		close(wire->client);
	}
	wire->client = -1;
	usleep(300000);
	char *log = wire_stop(wire);
	char *first = strstr(log, "clients are refused until it is back");
	assert_non_null(first);
	assert_null(strstr(first + 1, "clients are refused until it is back"));
	free(log);
	wire_init(wire);
}

static void test_the_longest_start_up_packet(void **state)
{
	/* All but the last byte of a packet of the longest legal length, and then a full read at once: it is still one
	 * packet, with messages sent along behind it. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_connect(wire);
	const size_t packet = LIMIT_STARTUP_PACKET_BYTES + 4, rest = LIMIT_READ_BYTES + 1;
	char *bytes = calloc(1, packet + rest);
	static const char head[] = "\0\0\x27\x14\0\3\0\0user\0alice\0options";
	memcpy(bytes, head, sizeof head);
	memset(bytes + sizeof head, ' ', packet - sizeof head - 2);
	memset(bytes + packet, 'd', 1);
	bytes_put_u32((uint8_t *)bytes + packet + 1, (uint32_t)rest);
	wire_send(wire->client, bytes, packet - 1);
	usleep(20000);
	int room = 4 * LIMIT_READ_BYTES;
	assert_int_equal(setsockopt(wire->client, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
	assert_int_equal(write(wire->client, bytes + packet - 1, 1 + rest), 1 + (ssize_t)rest);
	wire_accept(wire);
	wire_expect(wire->server, bytes, packet + rest);
	free(bytes);
}

static void test_replication_can_be_refused(void **state)
{
	/* Every spelling of true and of database, at the start and by the setting's name; not those of false. */
	struct wire *wire = *state;
	static const char *const yes[] = {"true", "TRUE", "t", "tr",       "on",      "ON",
	                                  "yes",  "y",    "1", "database", "Database"};
	static const char *const no[] = {"false", "f", "off", "of", "no", "n", "0"};
	wire->settings.replication = SETTINGS_UNSEEN_REJECT;
	wire_start(wire);
	for (size_t at = 0; at < ARRAY_LEN(yes) + ARRAY_LEN(no); at++) {
		const char *value = at < ARRAY_LEN(yes) ? yes[at] : no[at - ARRAY_LEN(yes)];
		struct script packet = {.len = 0}, error;
		script_add(&packet, 0, "isssss", 0x30000, "user", "alice", "replication", value, "");
		wire_connect(wire);
		wire_send(wire->client, packet.bytes + 1, packet.len - 1);
		if (at < ARRAY_LEN(yes)) {
			assert_int_equal(wire_read_message(wire->client, &error), 'E');
			assert_non_null(memmem(error.bytes, error.len, "SFATAL\0VFATAL\0C28000\0", 21));
			assert_non_null(memmem(error.bytes, error.len, "(replication = reject)", 22));
			wire_expect_end(wire->client);
		} else {
			wire_accept(wire);
			wire_expect(wire->server, packet.bytes + 1, packet.len - 1);
			close(wire->server);
			wire->server = -1;
		}
		close(wire->client);
	}
	wire->client = -1;
}

/* Connects by TCP and agrees on TLS; `output` gets what the test's end wants sent. */
static struct tls *connect_encrypted(struct wire *wire, const struct tls_pair *contexts, struct buffer *output)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(wire->settings.listen.port)};
	inet_pton(AF_INET, wire->settings.listen.host, &address.sin_addr);
	wire->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(wire->client, (struct sockaddr *)&address, sizeof address), 0);
	wire_send(wire->client, ssl_request, sizeof ssl_request);
	wire_expect(wire->client, "S", 1);
	struct tls *tls = tls_new_client(contexts->server, "localhost", output);
	while (!tls_is_open(tls)) {
		uint8_t bytes[16384], plain[16];
		size_t len;
		wire_send(wire->client, output->data, output->len);
		output->len = 0;
		ssize_t count = read(wire->client, bytes, sizeof bytes);
		assert_true(count > 0);
		tls_feed(tls, (struct bytes){bytes, (size_t)count});
		while (tls_read(tls, plain, sizeof plain, &len) == TLS_OPEN)
			;
	}
	wire_send(wire->client, output->data, output->len);
	output->len = 0;
	return tls;
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void test_the_end_comes_with_the_beginning(void **state)
{
	/* close_notify in one segment with a start-up packet, or with a cancel, takes neither back: the server gets it,
	 * then the end. */
	static const char query[] = "Q\0\0\0\x0dSELECT 1";
	static const char cancel[] = "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";
	struct certificates certificates;
	struct wire *wire = *state;
	struct tls_pair contexts;
	struct buffer output = {0};
	char error[512];
	certificates_make(&certificates);
	certificates_use(&certificates, &wire->settings.client_tls, SETTINGS_TLS_REQUIRE, "server");
	certificates_use(&certificates, &wire->settings.server_tls, SETTINGS_TLS_REQUIRE, "");
	if (!tls_pair_init(&contexts, &wire->settings, error, sizeof error))
		fail_msg("%s", error);
	snprintf(wire->settings.listen.host, sizeof wire->settings.listen.host, "127.0.0.1");
	wire->settings.listen.port = free_port();
	wire_start(wire);
	for (int cancels = 0; cancels < 2; cancels++) {
		struct tls *tls = connect_encrypted(wire, &contexts, &output);
		if (cancels)
			assert_true(tls_write(tls, (const uint8_t *)cancel, sizeof cancel - 1));
		else
			assert_true(tls_write(tls, (const uint8_t *)startup, sizeof startup) &&
			            tls_write(tls, (const uint8_t *)query, sizeof query));
		tls_shutdown(tls);
		wire_send(wire->client, output.data, output.len);
		output.len = 0;
		wire_accept(wire);
		if (cancels) {
			wire_expect(wire->server, cancel, sizeof cancel - 1);
		} else {
			wire_expect(wire->server, startup, sizeof startup);
			wire_expect(wire->server, query, sizeof query);
		}
		wire_expect_end(wire->server);
		close(wire->server);
		close(wire->client);
		tls_free(tls);
	}
	wire->client = wire->server = -1;
	buffer_free(&output);
	tls_pair_fini(&contexts);
	certificates_remove(&certificates);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_replication_can_be_refused),
	    CASE(test_start_up_at_every_split),
	    CASE(test_encryption_is_declined_once_each),
	    CASE(test_clear_text_behind_an_ssl_request),
	    CASE(test_what_is_no_start_up_packet),
	    CASE(test_what_no_server_takes),
	    CASE(test_what_the_start_up_says_holds_from_the_first_message),
	    CASE(test_no_server),
	    CASE(test_the_longest_start_up_packet),
	    CASE(test_the_end_comes_with_the_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
