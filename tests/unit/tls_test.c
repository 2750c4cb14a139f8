#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/tls.h"
#include "tests/unit/certificates.h"

#include <string.h>
#include <unistd.h>

/* -- fixture: two ends in memory, what one puts out is fed to the other ------------------------------------- */

struct end {
	struct tls *tls;
	struct buffer output;
	uint8_t plain[300 * 1024];
	size_t plain_len;
	int opened;
	enum tls_event last;
};

struct fixture {
	struct settings settings;
	struct tls_pair pair; /* .client accepts, .server connects: pgproctor's two legs, joined to each other */
	struct end accepting, connecting;
};

static void start(struct fixture *fixture, const char *host)
{
	char error[512] = "";
	if (!tls_pair_init(&fixture->pair, &fixture->settings, error, sizeof error))
		fail_msg("%s", error);
	fixture->accepting.tls = tls_new_server(fixture->pair.client, &fixture->accepting.output);
	fixture->connecting.tls = tls_new_client(fixture->pair.server, host, &fixture->connecting.output);
}

static void end_fini(struct end *end)
{
	tls_free(end->tls);
	buffer_free(&end->output);
	memset(end, 0, sizeof *end);
}

static void stop(struct fixture *fixture)
{
	end_fini(&fixture->accepting);
	end_fini(&fixture->connecting);
	tls_pair_fini(&fixture->pair);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	settings_defaults(&fixture->settings);
	certificates_use(&certificates_shared, &fixture->settings.client_tls, SETTINGS_TLS_REQUIRE, "server");
	certificates_use(&certificates_shared, &fixture->settings.server_tls, SETTINGS_TLS_VERIFY_FULL, "");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	stop(fixture);
	free(fixture);
	return 0;
}

static void feed(struct end *end, const uint8_t *wire, size_t len)
{
	size_t got;
	tls_feed(end->tls, (struct bytes){wire, len});
	for (;;) {
		end->last = tls_read(end->tls, end->plain + end->plain_len, sizeof end->plain - end->plain_len, &got);
		end->plain_len += got;
		end->opened += end->last == TLS_OPEN;
		if (end->last != TLS_DATA && end->last != TLS_OPEN)
			return;
		if (end->last == TLS_DATA)
			assert_true(got > 0);
	}
}

/* Moves what `from` has put out to `to`, at most `chunk` bytes at a time. */
static bool move(struct end *from, struct end *to, size_t chunk)
{
	struct buffer wire = from->output;
	from->output = (struct buffer){0};
	for (size_t at = 0; at < wire.len; at += chunk) {
		size_t len = wire.len - at < chunk ? wire.len - at : chunk;
		/* A copy of its own, so that AddressSanitizer sees a read beyond it. */
		uint8_t *piece = malloc(len);
		memcpy(piece, wire.data + at, len);
		feed(to, piece, len);
		free(piece);
	}
	bool any = wire.len > 0;
	buffer_free(&wire);
	return any;
}

static void pump(struct fixture *fixture, size_t chunk)
{
	while (move(&fixture->connecting, &fixture->accepting, chunk) |
	       move(&fixture->accepting, &fixture->connecting, chunk))
		;
}

static void shake(struct fixture *fixture)
{
	start(fixture, "localhost");
	pump(fixture, SIZE_MAX / 2);
	assert_true(tls_is_open(fixture->accepting.tls) && tls_is_open(fixture->connecting.tls));
}

/* The settings are refused with a line that holds both texts. */
static void expect_refusal(const struct settings *settings, const char *setting, const char *reason)
{
	struct tls_pair pair;
	char error[512] = "";
	assert_false(tls_pair_init(&pair, settings, error, sizeof error));
	if (strncmp(error, setting, strlen(setting)) != 0 || !strstr(error, reason) || strchr(error, '\n'))
		fail_msg("not \"%s … %s\": %s", setting, reason, error);
	assert_null(pair.client);
	assert_null(pair.server);
}

/* -- cases -------------------------------------------------------------------------------------------------- */

static void test_handshake_and_data(void **state)
{
	/* Both ends open once, agree on ALPN and TLS 1.3, and carry data both ways; the wire never has the plain text.
	 */
	struct fixture *fixture = *state;
	shake(fixture);
	assert_int_equal(fixture->accepting.opened, 1);
	assert_int_equal(fixture->connecting.opened, 1);
	assert_true(tls_alpn_agreed(fixture->accepting.tls) && tls_alpn_agreed(fixture->connecting.tls));
	assert_string_equal(tls_version(fixture->accepting.tls), "TLSv1.3");
	assert_true(tls_write(fixture->connecting.tls, "question", 8));
	assert_null(memmem(fixture->connecting.output.data, fixture->connecting.output.len, "question", 8));
	assert_true(tls_write(fixture->accepting.tls, "answer", 6));
	pump(fixture, SIZE_MAX / 2);
	assert_int_equal(fixture->accepting.plain_len, 8);
	assert_memory_equal(fixture->accepting.plain, "question", 8);
	assert_int_equal(fixture->connecting.plain_len, 6);
	assert_memory_equal(fixture->connecting.plain, "answer", 6);
	assert_string_equal(tls_error(fixture->accepting.tls), "");
}

static void test_every_split(void **state)
{
	/* However the stream is cut, the same comes out; 40,000 bytes are several records. */
	struct fixture *fixture = *state;
	static const size_t chunks[] = {1, 2, 3, 5, 7, 64, 255, 1000, 16384, 16406, 20000};
	static uint8_t data[40000];
	for (size_t at = 0; at < sizeof data; at++)
		data[at] = (uint8_t)(at * 7 + at / 255);
	for (size_t at = 0; at < ARRAY_LEN(chunks); at++) {
		start(fixture, "localhost");
		pump(fixture, chunks[at]);
		assert_true(tls_is_open(fixture->accepting.tls) && tls_is_open(fixture->connecting.tls));
		assert_true(tls_write(fixture->accepting.tls, data, sizeof data));
		assert_true(tls_write(fixture->connecting.tls, data, 100));
		pump(fixture, chunks[at]);
		assert_int_equal(fixture->connecting.plain_len, sizeof data);
		assert_memory_equal(fixture->connecting.plain, data, sizeof data);
		assert_int_equal(fixture->accepting.plain_len, 100);
		tls_shutdown(fixture->connecting.tls);
		pump(fixture, chunks[at]);
		assert_int_equal(fixture->accepting.last, TLS_END);
		stop(fixture);
	}
}

static void test_close_notify(void **state)
{
	/* The end comes after the data before it, stays, is sent once, and the other direction still works. */
	struct fixture *fixture = *state;
	shake(fixture);
	assert_true(tls_write(fixture->connecting.tls, "last", 4));
	tls_shutdown(fixture->connecting.tls);
	size_t len = fixture->connecting.output.len;
	tls_shutdown(fixture->connecting.tls);
	assert_true(tls_write(fixture->connecting.tls, "late", 4));
	assert_int_equal(fixture->connecting.output.len, len);
	pump(fixture, SIZE_MAX / 2);
	assert_memory_equal(fixture->accepting.plain, "last", 4);
	assert_int_equal(fixture->accepting.plain_len, 4);
	assert_int_equal(fixture->accepting.last, TLS_END);
	feed(&fixture->accepting, (const uint8_t *)"junk", 4);
	assert_int_equal(fixture->accepting.last, TLS_END);
	assert_true(tls_write(fixture->accepting.tls, "reply", 5));
	move(&fixture->accepting, &fixture->connecting, SIZE_MAX / 2);
	assert_int_equal(fixture->connecting.plain_len, 5);
}

static void test_garbage(void **state)
{
	/* What is no TLS breaks it: at the start, in the handshake, and in a record; the peer is told by an alert, and
	 * the text has nothing of what was sent. */
	struct fixture *fixture = *state;
	start(fixture, "localhost");
	static const char http[] = "GET /secret HTTP/1.1\r\n\r\n";
	feed(&fixture->accepting, (const uint8_t *)http, sizeof http - 1);
	assert_int_equal(fixture->accepting.last, TLS_BROKEN);
	assert_true(tls_error(fixture->accepting.tls)[0] != '\0');
	assert_null(strstr(tls_error(fixture->accepting.tls), "secret"));
	assert_false(tls_write(fixture->accepting.tls, "x", 1));
	feed(&fixture->accepting, (const uint8_t *)http, sizeof http - 1);
	assert_int_equal(fixture->accepting.last, TLS_BROKEN);
	stop(fixture);

	shake(fixture);
	assert_true(tls_write(fixture->connecting.tls, "question", 8));
	fixture->connecting.output.data[fixture->connecting.output.len - 1] ^= 1;
	move(&fixture->connecting, &fixture->accepting, SIZE_MAX / 2);
	assert_int_equal(fixture->accepting.last, TLS_BROKEN);
	assert_int_equal(fixture->accepting.plain_len, 0);
	move(&fixture->accepting, &fixture->connecting, SIZE_MAX / 2);
	assert_int_equal(fixture->connecting.last, TLS_BROKEN);
}

static void test_handshake_with_a_flipped_byte(void **state)
{
	/* A byte changed anywhere in the first flight never opens the connection, and never does worse. */
	struct fixture *fixture = *state;
	start(fixture, "localhost");
	size_t len = fixture->connecting.output.len;
	stop(fixture);
	for (size_t at = 0; at < len; at += 3) {
		start(fixture, "localhost");
		fixture->connecting.output.data[at] ^= 0x55;
		pump(fixture, SIZE_MAX / 2);
		assert_false(tls_is_open(fixture->accepting.tls) && tls_is_open(fixture->connecting.tls));
		stop(fixture);
	}
}

static void test_nothing_is_written_early(void **state)
{
	/* Before the handshake is done what is written is dropped, never sent in the clear; closing then is harmless.
	 */
	struct fixture *fixture = *state;
	start(fixture, "localhost");
	size_t len = fixture->connecting.output.len;
	assert_true(tls_write(fixture->connecting.tls, "secret", 6));
	assert_true(tls_write(fixture->accepting.tls, "secret", 6));
	tls_shutdown(fixture->accepting.tls);
	assert_int_equal(fixture->connecting.output.len, len);
	assert_int_equal(fixture->accepting.output.len, 0);
	pump(fixture, SIZE_MAX / 2);
	assert_int_equal(fixture->accepting.plain_len + fixture->connecting.plain_len, 0);
}

static void verify(struct fixture *fixture, enum settings_sslmode mode, const char *shown, const char *host,
                   const char *expected)
{
	certificates_use(&certificates_shared, &fixture->settings.client_tls, SETTINGS_TLS_REQUIRE, shown);
	certificates_use(&certificates_shared, &fixture->settings.server_tls, mode, "");
	start(fixture, host);
	pump(fixture, SIZE_MAX / 2);
	bool open = tls_is_open(fixture->connecting.tls);
	if (open != (expected == NULL))
		fail_msg("mode %d, %s at %s: %s", mode, shown, host, tls_error(fixture->connecting.tls));
	if (expected && !strstr(tls_error(fixture->connecting.tls), expected))
		fail_msg("not \"%s\": %s", expected, tls_error(fixture->connecting.tls));
	stop(fixture);
}

static void test_the_server_is_verified(void **state)
{
	/* require takes any certificate, verify-ca one by the authority, verify-full only one that names the host. */
	struct fixture *fixture = *state;
	verify(fixture, SETTINGS_TLS_REQUIRE, "stranger", "db.example", NULL);
	verify(fixture, SETTINGS_TLS_PREFER, "stranger", "db.example", NULL);
	verify(fixture, SETTINGS_TLS_VERIFY_CA, "stranger", "localhost", "self-signed");
	verify(fixture, SETTINGS_TLS_VERIFY_CA, "server", "db.example", NULL);
	verify(fixture, SETTINGS_TLS_VERIFY_FULL, "server", "localhost", NULL);
	verify(fixture, SETTINGS_TLS_VERIFY_FULL, "server", "127.0.0.1", NULL);
	verify(fixture, SETTINGS_TLS_VERIFY_FULL, "server", "db.example", "hostname mismatch");
	verify(fixture, SETTINGS_TLS_VERIFY_FULL, "server", "127.0.0.2", "IP address mismatch");
	verify(fixture, SETTINGS_TLS_VERIFY_FULL, "stranger", "localhost", "self-signed");
}

static void test_the_client_is_verified(void **state)
{
	/* verify-ca and verify-full want a certificate of the client by the authority; the others don't. */
	struct fixture *fixture = *state;
	static const struct {
		enum settings_sslmode mode;
		const char *shown;
		bool good;
	} cases[] = {
	    {SETTINGS_TLS_REQUIRE, "", true},           {SETTINGS_TLS_REQUIRE, "stranger", true},
	    {SETTINGS_TLS_VERIFY_CA, "", false},        {SETTINGS_TLS_VERIFY_CA, "stranger", false},
	    {SETTINGS_TLS_VERIFY_CA, "client", true},   {SETTINGS_TLS_VERIFY_FULL, "", false},
	    {SETTINGS_TLS_VERIFY_FULL, "client", true},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		certificates_use(&certificates_shared, &fixture->settings.client_tls, cases[at].mode, "server");
		certificates_use(&certificates_shared, &fixture->settings.server_tls, SETTINGS_TLS_VERIFY_FULL,
		                 cases[at].shown);
		start(fixture, "localhost");
		pump(fixture, SIZE_MAX / 2);
		assert_int_equal(tls_is_open(fixture->accepting.tls), cases[at].good);
		assert_int_equal(tls_error(fixture->accepting.tls)[0] == '\0', cases[at].good);
		stop(fixture);
	}
}

static void test_protocols(void **state)
{
	/* The list decides which version is spoken; without one in common the handshake fails; a wrong word is named.
	 */
	struct fixture *fixture = *state;
	static const struct {
		const char *accepting, *connecting, *version;
	} cases[] = {
	    {"secure", "secure", "TLSv1.3"},       {"tlsv1.2", "secure", "TLSv1.2"},
	    {"secure", "tlsv1.2", "TLSv1.2"},      {"tlsv1.3", "tlsv1.2", NULL},
	    {"tlsv1.2,tlsv1.3", "all", "TLSv1.3"}, {"tlsv1.2, tlsv1.3", "legacy", "TLSv1.3"},
	    {"TLSv1.3", "tlsv1.3", "TLSv1.3"},     {"secure", "tlsv1.1", NULL},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		snprintf(fixture->settings.client_tls.protocols, 64, "%s", cases[at].accepting);
		snprintf(fixture->settings.server_tls.protocols, 64, "%s", cases[at].connecting);
		start(fixture, "localhost");
		pump(fixture, SIZE_MAX / 2);
		assert_int_equal(tls_is_open(fixture->accepting.tls), cases[at].version != NULL);
		if (cases[at].version)
			assert_string_equal(tls_version(fixture->connecting.tls), cases[at].version);
		stop(fixture);
	}
	static const char *const wrong[] = {"", "tlsv1.4", "tlsv1.2;tlsv1.3", "ssl3", ","};
	for (size_t at = 0; at < ARRAY_LEN(wrong); at++) {
		snprintf(fixture->settings.client_tls.protocols, 64, "%s", wrong[at]);
		expect_refusal(&fixture->settings, "client_tls_protocols", "tlsv1.3");
	}
}

static void test_ciphers(void **state)
{
	/* A cipher list is OpenSSL's and decides for TLS 1.2; one that names nothing is refused. */
	struct fixture *fixture = *state;
	snprintf(fixture->settings.client_tls.protocols, 64, "tlsv1.2");
	snprintf(fixture->settings.client_tls.ciphers, 64, "ECDHE-ECDSA-AES256-GCM-SHA384");
	snprintf(fixture->settings.server_tls.ciphers, 64,
	         "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256");
	shake(fixture);
	stop(fixture);
	snprintf(fixture->settings.server_tls.ciphers, 64, "ECDHE-ECDSA-AES128-GCM-SHA256");
	start(fixture, "localhost");
	pump(fixture, SIZE_MAX / 2);
	assert_false(tls_is_open(fixture->accepting.tls));
	snprintf(fixture->settings.server_tls.ciphers, 64, "BANANA");
	expect_refusal(&fixture->settings, "server_tls_ciphers", "cipher");
}

static void test_files_that_are_wrong(void **state)
{
	/* Each mistake is one line that names the setting and the file; a key with a passphrase does not ask for it. */
	struct fixture *fixture = *state;
	struct settings *settings = &fixture->settings;
	struct settings_tls *client = &settings->client_tls, *server = &settings->server_tls;
	const struct settings_tls good_client = *client, good_server = *server;
	const char *directory = certificates_shared.directory;

	client->key_file[0] = '\0';
	expect_refusal(settings, "client_tls_sslmode", "client_tls_key_file");
	*client = good_client;
	client->cert_file[0] = '\0';
	expect_refusal(settings, "client_tls_sslmode", "client_tls_cert_file");
	*client = good_client;
	snprintf(client->cert_file, sizeof client->cert_file, "%s/none.crt", directory);
	expect_refusal(settings, "client_tls_cert_file", "none.crt: No such file");
	*client = good_client;
	snprintf(client->key_file, sizeof client->key_file, "%s/none.key", directory);
	expect_refusal(settings, "client_tls_key_file", "none.key: No such file");
	snprintf(client->key_file, sizeof client->key_file, "%s/server.crt", directory);
	expect_refusal(settings, "client_tls_key_file", "server.crt");
	snprintf(client->key_file, sizeof client->key_file, "%s/client.key", directory);
	expect_refusal(settings, "client_tls_key_file", "does not belong");
	snprintf(client->key_file, sizeof client->key_file, "%s/locked.key", directory);
	expect_refusal(settings, "client_tls_key_file", "without a passphrase");
	*client = good_client;
	client->mode = SETTINGS_TLS_VERIFY_CA;
	client->ca_file[0] = '\0';
	expect_refusal(settings, "client_tls_ca_file", "verify-ca");
	*client = good_client;
	server->ca_file[0] = '\0';
	expect_refusal(settings, "server_tls_ca_file", "verify-full");
	*server = good_server;
	snprintf(server->ca_file, sizeof server->ca_file, "%s/none.crt", directory);
	expect_refusal(settings, "server_tls_ca_file", "none.crt");
	*server = good_server;
	snprintf(server->cert_file, sizeof server->cert_file, "%s/client.crt", directory);
	expect_refusal(settings, "server_tls_cert_file", "server_tls_key_file is empty");

	/* The twin: disabled legs read no files at all. */
	server->mode = client->mode = SETTINGS_TLS_DISABLE;
	struct tls_pair pair;
	char error[64];
	assert_true(tls_pair_init(&pair, settings, error, sizeof error));
	assert_true(pair.client == NULL && pair.server == NULL);
}

static void test_whose_certificate(void **state)
{
	/* The same certificate on both legs is recognised, another one told from it. */
	struct fixture *fixture = *state;
	shake(fixture);
	assert_true(tls_peer_shows(fixture->connecting.tls, fixture->pair.client));
	assert_false(tls_peer_shows(fixture->accepting.tls, fixture->pair.client));
	stop(fixture);
	certificates_use(&certificates_shared, &fixture->settings.server_tls, SETTINGS_TLS_REQUIRE, "client");
	shake(fixture);
	assert_false(tls_peer_shows(fixture->connecting.tls, fixture->pair.server));
}

static void test_binding(void **state)
{
	/* Both ends have the same hash of the accepting side's certificate; the connecting side has shown none. */
	struct fixture *fixture = *state;
	uint8_t own[64], theirs[64], none[64];
	shake(fixture);
	size_t len = tls_binding(fixture->accepting.tls, false, own, sizeof own);
	assert_int_equal(len, 32);
	assert_int_equal(tls_binding(fixture->connecting.tls, true, theirs, sizeof theirs), len);
	assert_memory_equal(own, theirs, len);
	assert_int_equal(tls_binding(fixture->connecting.tls, false, none, sizeof none), 0);
	assert_int_equal(tls_binding(fixture->accepting.tls, true, none, sizeof none), 0);
}

static void test_a_context_outlived(void **state)
{
	/* Connections go on when their context is replaced. */
	struct fixture *fixture = *state;
	shake(fixture);
	tls_pair_fini(&fixture->pair);
	assert_true(tls_write(fixture->connecting.tls, "question", 8));
	pump(fixture, SIZE_MAX / 2);
	assert_int_equal(fixture->accepting.plain_len, 8);
}

static void test_shared(void **state)
{
	/* What one has read others have too: with the same certificate, and after the first has let go of it; where TLS is
	 * off there is nothing to share. */
	struct fixture *fixture = *state;
	struct tls_pair first, none = {NULL, NULL};
	char error[512];
	assert_true(tls_pair_init(&first, &fixture->settings, error, sizeof error));
	tls_pair_share(&fixture->pair, &first);
	fixture->accepting.tls = tls_new_server(fixture->pair.client, &fixture->accepting.output);
	fixture->connecting.tls = tls_new_client(fixture->pair.server, "localhost", &fixture->connecting.output);
	pump(fixture, SIZE_MAX / 2);
	assert_true(tls_is_open(fixture->accepting.tls) && tls_is_open(fixture->connecting.tls));
	assert_true(tls_peer_shows(fixture->connecting.tls, first.client));
	tls_pair_fini(&first);
	end_fini(&fixture->accepting);
	end_fini(&fixture->connecting);
	fixture->accepting.tls = tls_new_server(fixture->pair.client, &fixture->accepting.output);
	/* verify-full is shared as well. */
	fixture->connecting.tls = tls_new_client(fixture->pair.server, "elsewhere", &fixture->connecting.output);
	pump(fixture, SIZE_MAX / 2);
	assert_false(tls_is_open(fixture->connecting.tls));
	struct tls_pair nothing = {fixture->pair.client, NULL};
	tls_pair_share(&nothing, &none);
	assert_null(nothing.client);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_handshake_and_data),
	    CASE(test_every_split),
	    CASE(test_close_notify),
	    CASE(test_garbage),
	    CASE(test_handshake_with_a_flipped_byte),
	    CASE(test_nothing_is_written_early),
	    CASE(test_the_server_is_verified),
	    CASE(test_the_client_is_verified),
	    CASE(test_protocols),
	    CASE(test_ciphers),
	    CASE(test_files_that_are_wrong),
	    CASE(test_whose_certificate),
	    CASE(test_a_context_outlived),
	    CASE(test_binding),
	    CASE(test_shared),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
