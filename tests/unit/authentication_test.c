#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/authentication.h"
#include "proxy/login/scram_client.h"
#include "proxy/login/scram_server.h"
#include "tests/unit/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- fixture: a client and a server of the test's own on either side of pgproctor, both of which know the password
 * "pencil" with the salt of RFC 7677, section 3 --------------------------------------------------------------- */

#define KEYS "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define VERIFIER "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" KEYS
#define ANOTHER "SCRAM-SHA-256$4096:AAAAaJ0SNY7soEsUEjb6gQ==$" KEYS
#define VIEW(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";
static const struct bytes nothing = {NULL, 0};
static char path[128];

static struct scram_client client;
static struct scram_server server;

static int set_up(void **state)
{
	wire_set_up(state);
	struct wire *wire = *state;
	snprintf(path, sizeof path, "%s/users", wire->dir);
	wire->settings.auth = SETTINGS_AUTH_TERMINATE;
	snprintf(wire->settings.auth_file, sizeof wire->settings.auth_file, "%s", path);
	FILE *file = fopen(path, "w");
	fputs("\"alice\" \"" VERIFIER "\"\n", file);
	fclose(file);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return wire_tear_down(state);
}

static void begin(struct wire *wire)
{
	if (!wire->started)
		wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
}

static void end(struct wire *wire)
{
	wire_expect_end(wire->client);
	wire_expect_end(wire->server);
	close(wire->client);
	close(wire->server);
	wire->client = wire->server = -1;
}

static void send_code(int fd, int code, const void *data, size_t len)
{
	struct script script = {.len = 9 + len};
	script.bytes[0] = 'R';
	bytes_put_u32(script.bytes + 1, (uint32_t)(8 + len));
	bytes_put_u32(script.bytes + 5, (uint32_t)code);
	if (len > 0)
		memcpy(script.bytes + 9, data, len);
	script_send(fd, &script);
}

static void send_password(int fd, const void *data, size_t len)
{
	struct script script = {.len = 5 + len};
	script.bytes[0] = 'p';
	bytes_put_u32(script.bytes + 1, (uint32_t)(4 + len));
	memcpy(script.bytes + 5, data, len);
	script_send(fd, &script);
}

/* The body behind type, length and, for a server's, code. */
static struct bytes body_of(const struct script *script, size_t skip)
{
	return (struct bytes){script->bytes + 5 + skip, script->len - 5 - skip};
}

static struct bytes read_code(int fd, struct script *script, int code)
{
	script->len = 0;
	assert_int_equal(wire_read_message(fd, script), 'R');
	assert_int_equal(bytes_get_u32(script->bytes + 5), code);
	return body_of(script, 4);
}

static struct bytes read_password(int fd, struct script *script)
{
	script->len = 0;
	assert_int_equal(wire_read_message(fd, script), 'p');
	return body_of(script, 0);
}

static void expect_error(int fd, const char *sqlstate, const char *text)
{
	struct script error = {.len = 0};
	assert_int_equal(wire_read_message(fd, &error), 'E');
	char flat[1500] = "";
	for (size_t at = 5; at < error.len && at < sizeof flat; at++)
		flat[at - 5] = error.bytes[at] ? (char)error.bytes[at] : '|';
	if (!strstr(flat, "VFATAL") || !strstr(flat, sqlstate) || !strstr(flat, text))
		fail_msg("not FATAL %s \"%s\": %s", sqlstate, text, flat);
}

static const struct scram_verifier *verifier_of(const char *text)
{
	static struct scram_verifier verifier;
	const struct bytes view = {(const uint8_t *)text, strlen(text)};
	assert_int_equal(scram_read_secret(view, &verifier), SCRAM_SECRET_VERIFIER);
	return &verifier;
}

/* The server offers SCRAM and asks by this verifier. */
static void server_challenges(struct wire *wire, const char *verifier)
{
	static const char offer[] = "SCRAM-SHA-256\0";
	static struct scram_server_step step;
	struct script script;
	scram_server_init(&server, verifier_of(verifier), false, nothing);
	send_code(wire->server, 10, offer, sizeof offer);
	struct bytes initial = read_password(wire->server, &script);
	assert_memory_equal(initial.data, "SCRAM-SHA-256", 14);
	assert_int_equal(bytes_get_u32(initial.data + 14), initial.len - 18);
	scram_server_first(&server, VIEW("SCRAM-SHA-256"), (struct bytes){initial.data + 18, initial.len - 18}, &step);
	assert_int_equal(step.result, SCRAM_SERVER_GOES_ON);
	send_code(wire->server, 11, step.answer, step.answer_len);
}

/* The client takes the offer and proves itself, or with a bit of its key changed fails to. */
static void client_proves(struct wire *wire, bool wrong)
{
	static char message[2 * SCRAM_MESSAGE_BYTES_MAX];
	struct script script;
	uint8_t key[SCRAM_KEY_BYTES];
	size_t len;
	assert_true(base64_decode(VIEW("pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos="), key, sizeof key, &len));
	key[0] ^= wrong;
	struct bytes offer = read_code(wire->client, &script, 10);
	assert_int_equal(offer.len, sizeof "SCRAM-SHA-256\0");
	assert_memory_equal(offer.data, "SCRAM-SHA-256\0", offer.len);
	scram_client_init(&client, 'n', nothing);
	memcpy(message, "SCRAM-SHA-256", 14);
	len = scram_client_first(&client, message + 18, sizeof message - 18);
	bytes_put_u32((uint8_t *)message + 14, (uint32_t)len);
	send_password(wire->client, message, 18 + len);
	assert_true(scram_client_challenged(&client, read_code(wire->client, &script, 11)));
	len = scram_client_final(&client, key, message, sizeof message);
	send_password(wire->client, message, len);
}

static void server_is_convinced(struct wire *wire)
{
	static struct scram_server_step step;
	struct script script;
	scram_server_final(&server, read_password(wire->server, &script), &step);
	assert_int_equal(step.result, SCRAM_SERVER_PROVEN);
	send_code(wire->server, 12, step.answer, step.answer_len);
	send_code(wire->server, 0, NULL, 0);
}

static void client_is_convinced(struct wire *wire)
{
	struct script script;
	const struct scram_verifier *verifier = verifier_of(VERIFIER);
	assert_true(scram_client_confirmed(&client, verifier->server_key, read_code(wire->client, &script, 12)));
	assert_int_equal(read_code(wire->client, &script, 0).len, 0);
}

static void expect_session(struct wire *wire)
{
	struct script hello = {.len = 0}, query = {.len = 0};
	script_add(&hello, 'S', "ss", "TimeZone", "UTC");
	script_add(&hello, 'K', "ii", 4711, 12345);
	script_add(&hello, 'Z', "b", 'I');
	script_send(wire->server, &hello);
	script_expect(wire->client, &hello);
	script_add(&query, 'Q', "s", "SELECT 1");
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
}

/* -- cases ------------------------------------------------------------------------------------------------- */

static void test_both_legs(void **state)
{
	/* The client convinces pgproctor, pgproctor the server, each by nonces of its own; then it is a session like
	 * any other. */
	struct wire *wire = *state;
	begin(wire);
	server_challenges(wire, VERIFIER);
	client_proves(wire, false);
	server_is_convinced(wire);
	client_is_convinced(wire);
	assert_string_not_equal(client.nonce, (const char *)server.client_first + server.client_nonce_at);
	expect_session(wire);
}

static void test_a_server_that_trusts(void **state)
{
	/* All that it says at once waits until the client has proven itself. */
	struct wire *wire = *state;
	begin(wire);
	struct script hello = {.len = 0};
	script_add(&hello, 'R', "i", 0);
	script_add(&hello, 'S', "ss", "TimeZone", "UTC");
	script_add(&hello, 'Z', "b", 'I');
	script_send(wire->server, &hello);
	client_proves(wire, false);
	client_is_convinced(wire);
	memmove(hello.bytes, hello.bytes + 9, hello.len -= 9);
	script_expect(wire->client, &hello);
	expect_session(wire);
}

static void test_a_wrong_password(void **state)
{
	/* The server hears nothing of it but the end, also when it trusts. */
	struct wire *wire = *state;
	for (int trusts = 0; trusts < 2; trusts++) {
		begin(wire);
		if (trusts)
			send_code(wire->server, 0, NULL, 0);
		else
			server_challenges(wire, VERIFIER);
		client_proves(wire, true);
		expect_error(wire->client, "C28P01", "Mpassword authentication failed for user \"alice\"");
		end(wire);
	}
}

static void test_a_verifier_that_is_not_the_servers(void **state)
{
	/* Told only to who knows the password; the log is told in any case. */
	struct wire *wire = *state;
	begin(wire);
	server_challenges(wire, ANOTHER);
	client_proves(wire, false);
	expect_error(wire->client, "C28P01", "the server has another");
	end(wire);
	begin(wire);
	server_challenges(wire, ANOTHER);
	client_proves(wire, true);
	expect_error(wire->client, "C28P01", "Mpassword authentication failed");
	end(wire);
	usleep(300000);
	unlink(path);
	char *log = wire_stop(wire);
	char *first = strstr(log, "copy pg_authid.rolpassword");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "copy pg_authid.rolpassword"));
	assert_null(strstr(log, "W22Z"));
	free(log);
	wire_init(wire);
}

static void test_an_unknown_user(void **state)
{
	/* Is shown the server's salt, and fails like any other, without a word about verifiers in the log. */
	struct wire *wire = *state;
	FILE *file = fopen(path, "w");
	fclose(file);
	begin(wire);
	server_challenges(wire, ANOTHER);
	client_proves(wire, false);
	assert_memory_equal(client.challenge.salt, verifier_of(ANOTHER)->salt, 16);
	expect_error(wire->client, "C28P01", "Mpassword authentication failed for user \"alice\"");
	end(wire);
	usleep(300000);
	unlink(path);
	char *log = wire_stop(wire);
	assert_null(strstr(log, "pg_authid"));
	assert_non_null(strstr(log, "\"reason\":\"password authentication failed\",\"sqlstate\":\"28P01\""));
	free(log);
	wire_init(wire);
}

static void test_a_server_that_does_not_know_the_password(void **state)
{
	/* A signature that is wrong, or none: whoever sits there does not get the session. */
	struct wire *wire = *state;
	struct script script;
	for (int at = 0; at < 3; at++) {
		begin(wire);
		server_challenges(wire, VERIFIER);
		client_proves(wire, false);
		(void)read_password(wire->server, &script);
		if (at == 0)
			send_code(wire->server, 12, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", 46);
		else if (at == 1)
			send_code(wire->server, 12, NULL, 0);
		else
			send_code(wire->server, 0, NULL, 0);
		expect_error(wire->client, "C28000", "did not prove");
		end(wire);
	}
}

static void test_log_ins_that_cannot_be_done(void **state)
{
	/* A password in clear, md5, GSSAPI, other SASL, nonsense, a challenge that is none: each with what helps. */
	static const struct {
		int code;
		const char *data;
		size_t len;
		const char *says;
	} cases[] = {
	    {3, "", 0, "pg_hba.conf"},
	    {5, "salt", 4, "pg_hba.conf"},
	    {7, "", 0, "auth = relay"},
	    {10, "OAUTHBEARER\0", 13, "auth = relay"},
	    {10, "SCRAM-SHA-256", 13, "auth = relay"},
	    {99, "", 0, "auth = relay"},
	};
	struct wire *wire = *state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		begin(wire);
		send_code(wire->server, cases[at].code, cases[at].data, cases[at].len);
		expect_error(wire->client, "C28000", cases[at].says);
		end(wire);
	}
	begin(wire);
	struct script script;
	send_code(wire->server, 10, "SCRAM-SHA-256\0", 15);
	(void)read_password(wire->server, &script);
	send_code(wire->server, 11, "r=x,s=AAAA,i=1", 14);
	expect_error(wire->client, "C28000", "malformed");
	end(wire);
	begin(wire);
	struct script row = {.len = 0};
	script_add(&row, 'D', "h", 0);
	script_send(wire->server, &row);
	expect_error(wire->client, "C28000", "none that pgproctor knows");
	end(wire);
}

static void test_what_else_the_server_says(void **state)
{
	/* NegotiateProtocolVersion, notices and errors pass as they are, cut anywhere, in their order. */
	struct wire *wire = *state;
	struct script all = {.len = 0};
	script_add(&all, 'v', "ii", 3 << 16, 0);
	script_add(&all, 'N', "ssb", "SNOTICE", "Mhello", 0);
	script_add(&all, 'E', "sssb", "VFATAL", "C53300", "Mtoo many", 0);
	for (size_t cut = 1; cut < all.len; cut++) {
		begin(wire);
		wire_send(wire->server, all.bytes, cut);
		usleep(500);
		wire_send(wire->server, all.bytes + cut, all.len - cut);
		close(wire->server);
		wire->server = -1;
		script_expect(wire->client, &all);
		wire_expect_end(wire->client);
		close(wire->client);
		wire->client = -1;
	}
	usleep(300000);
	unlink(path);
	char *log = wire_stop(wire);
	assert_non_null(strstr(log, "\"sqlstate\":\"53300\""));
	free(log);
	wire_init(wire);
}

static void test_a_text_without_a_length(void **state)
{
	/* A postmaster that fails to fork: its words reach the client. */
	struct wire *wire = *state;
	begin(wire);
	static const char text[] = "E\0\0\0\0could not fork";
	wire_send(wire->server, text, sizeof text);
	close(wire->server);
	wire->server = -1;
	wire_expect(wire->client, text, sizeof text);
	wire_expect_end(wire->client);
}

static void test_an_error_after_the_proof(void **state)
{
	/* As of a password that has expired: the server's words, in the place of its signature. */
	struct wire *wire = *state;
	struct script script, error = {.len = 0};
	begin(wire);
	server_challenges(wire, VERIFIER);
	client_proves(wire, false);
	(void)read_password(wire->server, &script);
	script_add(&error, 'E', "sssb", "VFATAL", "C28P01", "Mexpired", 0);
	script_send(wire->server, &error);
	close(wire->server);
	wire->server = -1;
	script_expect(wire->client, &error);
	wire_expect_end(wire->client);
}

static void test_clients_that_do_it_wrong(void **state)
{
	/* Another message, a length that is none, one that is too long, an envelope that is torn: refused, and nothing
	 * of it reaches the server. */
	static const struct {
		const char *bytes;
		size_t len;
		const char *sqlstate, *says;
	} cases[] = {
	    {"Q\0\0\0\x0dSELECT 1", 14, "C08P01", "got message type 81"},
	    {"X\0\0\0\4", 5, "C08P01", "got message type 88"},
	    {"p\0\0\0\3", 5, "C28P01", "password authentication failed"},
	    {"p\0\0\5\0", 5, "C28P01", "password authentication failed"},
	    {"p\xff\xff\xff\xff", 5, "C28P01", "password authentication failed"},
	    {"p\0\0\0\4", 5, "C08P01", "invalid message format"},
	    {"p\0\0\0\x16SCRAM-SHA-256\0\0\0\0\1", 23, "C08P01", "invalid message format"},
	    {"p\0\0\0\x16SCRAM-SHA-256\0\xff\xff\xff\xfe", 23, "C08P01", "invalid message format"},
	    {"p\0\0\0\x16SCRAM-SHA-256\0\0\0\0\0", 23, "C08P01", "malformed SCRAM message"},
	    {"p\0\0\0\x14SCRAM-SHA-1\0\0\0\0\0", 21, "C08P01", "invalid SASL authentication mechanism"},
	};
	struct wire *wire = *state;
	struct script script;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		begin(wire);
		server_challenges(wire, VERIFIER);
		(void)read_code(wire->client, &script, 10);
		wire_send(wire->client, cases[at].bytes, cases[at].len);
		expect_error(wire->client, cases[at].sqlstate, cases[at].says);
		end(wire);
	}
}

static void test_what_comes_too_early(void **state)
{
	/* A message sent along with the start-up packet is taken for the answer, as by the server. */
	struct wire *wire = *state;
	wire_start(wire);
	char both[sizeof startup + 14];
	memcpy(both, startup, sizeof startup);
	memcpy(both + sizeof startup, "Q\0\0\0\x0dSELECT 1", 14);
	wire_connect(wire);
	wire_send(wire->client, both, sizeof both);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	server_challenges(wire, VERIFIER);
	struct script script;
	(void)read_code(wire->client, &script, 10);
	expect_error(wire->client, "C08P01", "got message type 81");
	end(wire);
}

static void test_a_client_that_goes_away(void **state)
{
	/* At every message: the server's side ends too, and the next client is served. */
	struct wire *wire = *state;
	struct script script;
	for (int at = 0; at < 3; at++) {
		begin(wire);
		if (at > 0)
			server_challenges(wire, VERIFIER);
		if (at > 1)
			(void)read_code(wire->client, &script, 10);
		close(wire->client);
		wire->client = -1;
		if (at == 0)
			send_code(wire->server, 0, NULL, 0);
		wire_expect_end(wire->server);
		close(wire->server);
		wire->server = -1;
	}
	test_both_legs(state);
}

static void test_a_client_that_says_nothing(void **state)
{
	/* For so long, and no longer. */
	struct wire *wire = *state;
	struct script script;
	wire->settings.client_login_timeout_ms = 200;
	begin(wire);
	server_challenges(wire, VERIFIER);
	(void)read_code(wire->client, &script, 10);
	expect_error(wire->client, "C08P01", "client_login_timeout");
	end(wire);
}

static void test_stopping(void **state)
{
	/* Who is not logged in yet is told at once. */
	struct wire *wire = *state;
	struct script script;
	begin(wire);
	server_challenges(wire, VERIFIER);
	(void)read_code(wire->client, &script, 10);
	worker_stop(wire->worker, false);
	expect_error(wire->client, "C57P03", "shutting down");
	end(wire);
}

static void test_cancels_need_no_log_in(void **state)
{
	/* They are passed on as they are. */
	struct wire *wire = *state;
	static const char cancel[] = {0, 0, 0, 16, 4, (char)0xd2, 0x16, 0x2e, 0, 0, 0x12, 0x67, 0, 0, 0x30, 0x39};
	wire_start(wire);
	wire_connect(wire);
	wire_send(wire->client, cancel, sizeof cancel);
	wire_accept(wire);
	wire_expect(wire->server, cancel, sizeof cancel);
	close(wire->server);
	wire->server = -1;
	wire_expect_end(wire->client);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_both_legs),
	    CASE(test_a_server_that_trusts),
	    CASE(test_a_wrong_password),
	    CASE(test_a_verifier_that_is_not_the_servers),
	    CASE(test_an_unknown_user),
	    CASE(test_a_server_that_does_not_know_the_password),
	    CASE(test_log_ins_that_cannot_be_done),
	    CASE(test_what_else_the_server_says),
	    CASE(test_a_text_without_a_length),
	    CASE(test_an_error_after_the_proof),
	    CASE(test_clients_that_do_it_wrong),
	    CASE(test_what_comes_too_early),
	    CASE(test_a_client_that_goes_away),
	    CASE(test_a_client_that_says_nothing),
	    CASE(test_stopping),
	    CASE(test_cancels_need_no_log_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
