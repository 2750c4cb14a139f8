#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/probe.h"
#include "tests/unit/certificates.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server at the other end: answers an SSLRequest with these bytes, and where a context is given, shakes hands. */
struct server {
	int fd;
	const char *answer; /* "": closes at once; NULL: says nothing */
	struct tls_context *context;
	bool told_the_end; /* close_notify has come */
};

static void *serve(void *argument)
{
	struct server *server = argument;
	static const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
	uint8_t wire[16384], plain[1024];
	assert_int_equal(recv(server->fd, wire, sizeof request, MSG_WAITALL), sizeof request);
	assert_memory_equal(wire, request, sizeof request);
	if (server->answer)
		assert_int_equal(send(server->fd, server->answer, strlen(server->answer), MSG_NOSIGNAL),
		                 strlen(server->answer));
	else
		(void)recv(server->fd, wire, 1, 0);
	struct buffer output = {0};
	struct tls *tls = server->context ? tls_new_server(server->context, &output) : NULL;
	ssize_t count;
	while (tls && (count = recv(server->fd, wire, sizeof wire, 0)) > 0) {
		tls_feed(tls, (struct bytes){wire, (size_t)count});
		enum tls_event event;
		size_t len;
		do
			event = tls_read(tls, plain, sizeof plain, &len);
		while (event == TLS_OPEN || event == TLS_DATA);
		server->told_the_end = event == TLS_END;
		if (output.len > 0)
			(void)send(server->fd, output.data, output.len, MSG_NOSIGNAL);
		output.len = 0;
	}
	tls_free(tls);
	buffer_free(&output);
	close(server->fd);
	return NULL;
}

/* What a probe finds whose legs are these, of a server with that certificate and that answer. */
static enum probe_finding find(enum settings_sslmode client, enum settings_sslmode server_mode, const char *shows,
                               const char *answer, bool shakes, const char *expected_reason)
{
	struct settings settings, other;
	struct tls_pair pair, theirs;
	char error[512] = "", reason[256] = "";
	settings_defaults(&settings);
	snprintf(settings.upstream.host, sizeof settings.upstream.host, "localhost");
	certificates_use(&certificates_shared, &settings.client_tls, client, "server");
	certificates_use(&certificates_shared, &settings.server_tls, server_mode, "");
	settings_defaults(&other);
	certificates_use(&certificates_shared, &other.client_tls, SETTINGS_TLS_REQUIRE, shows);
	if (!tls_pair_init(&pair, &settings, error, sizeof error) ||
	    !tls_pair_init(&theirs, &other, error, sizeof error))
		fail_msg("%s", error);
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	struct server server = {.fd = ends[1], .answer = answer, .context = shakes ? theirs.client : NULL};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	enum probe_finding finding = probe_tls(ends[0], &settings, &pair, 300, reason, sizeof reason);
	pthread_join(thread, NULL);
	if (!strstr(reason, expected_reason) || (finding == PROBE_REFUSED) != (reason[0] != '\0'))
		fail_msg("not \"%s\": %s", expected_reason, reason);
	if (shakes && finding != PROBE_REFUSED)
		assert_true(server.told_the_end);
	tls_pair_fini(&pair);
	tls_pair_fini(&theirs);
	return finding;
}

static void test_certificates(void **state)
{
	/* The same certificate on both legs is fine, another one differs, and without TLS on the client's leg it is no
	 * matter; one that is not verified refuses. Each good probe ends with close_notify. */
	(void)state;
	enum settings_sslmode off = SETTINGS_TLS_DISABLE, on = SETTINGS_TLS_REQUIRE, full = SETTINGS_TLS_VERIFY_FULL;
	assert_int_equal(find(on, full, "server", "S", true, ""), PROBE_FINE);
	assert_int_equal(find(on, full, "client", "S", true, ""), PROBE_DIFFERS);
	assert_int_equal(find(on, on, "stranger", "S", true, ""), PROBE_DIFFERS);
	assert_int_equal(find(off, full, "client", "S", true, ""), PROBE_FINE);
	assert_int_equal(find(on, full, "stranger", "S", true, "self-signed"), PROBE_REFUSED);
}

static void test_answers(void **state)
{
	/* A server may decline where that is allowed; anything else than one byte S or N, an end, or silence refuses.
	 */
	(void)state;
	enum settings_sslmode off = SETTINGS_TLS_DISABLE, on = SETTINGS_TLS_REQUIRE, prefer = SETTINGS_TLS_PREFER;
	assert_int_equal(find(off, prefer, "server", "N", false, ""), PROBE_FINE);
	assert_int_equal(find(off, on, "server", "N", false, "offers no SSL"), PROBE_REFUSED);
	assert_int_equal(find(off, prefer, "server", "Esorry", false, "with an error"), PROBE_REFUSED);
	assert_int_equal(find(off, prefer, "server", "SX", false, "unencrypted data"), PROBE_REFUSED);
	assert_int_equal(find(off, prefer, "server", "NX", false, "unencrypted data"), PROBE_REFUSED);
	assert_int_equal(find(off, prefer, "server", "", false, "does not answer"), PROBE_REFUSED);
	assert_int_equal(find(off, prefer, "server", NULL, false, "does not answer"), PROBE_REFUSED);
	assert_int_equal(find(off, on, "server", "S", false, "SSL handshake"), PROBE_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_certificates),
	    cmocka_unit_test(test_answers),
	};
	return cmocka_run_group_tests(tests, certificates_set_up, certificates_tear_down);
}
