#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERIFIER                                                                                                       \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                    \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static struct settings settings;
static struct secrets secrets;
static uv_loop_t loop;
static char path[64], error[512];

struct answer {
	unsigned count;
	enum auth_query_result result;
	uint32_t iterations;
};

static void on_answer(void *context, enum auth_query_result result, const struct scram_verifier *verifier,
                      const char *why)
{
	struct answer *answer = context;
	(void)why;
	answer->count++;
	answer->result = result;
	answer->iterations = verifier ? verifier->iterations : 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	settings_defaults(&settings);
	settings.auth = SETTINGS_AUTH_TERMINATE;
	snprintf(path, sizeof path, "/tmp/pgproctor-secrets-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return uv_loop_init(&loop);
}

static int tear_down(void **state)
{
	(void)state;
	uv_run(&loop, UV_RUN_DEFAULT);
	secrets_fini(&secrets);
	unlink(path);
	return uv_loop_close(&loop);
}

static void test_relay_needs_none(void **state)
{
	/* Whatever else is set is not looked at. */
	(void)state;
	settings.auth = SETTINGS_AUTH_RELAY;
	snprintf(settings.auth_file, sizeof settings.auth_file, "/nonexistent");
	assert_true(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	assert_null(secrets.file);
	assert_null(secrets.query);
}

static void test_terminate_needs_one(void **state)
{
	/* Neither file nor query, or a file that is none: one line that says which setting. */
	(void)state;
	assert_false(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	assert_non_null(strstr(error, "auth_file"));
	assert_non_null(strstr(error, "auth_user"));
	snprintf(settings.auth_file, sizeof settings.auth_file, "/nonexistent");
	assert_false(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	assert_non_null(strstr(error, "auth_file: /nonexistent"));
	assert_null(strchr(error, '\n'));
}

static void test_the_file_answers_at_once(void **state)
{
	/* For who is in it and, when there is no query, for who isn't; a new file takes its place. */
	(void)state;
	struct answer anna = {0}, bert = {0};
	write_file("\"anna\" \"" VERIFIER "\"\n");
	snprintf(settings.auth_file, sizeof settings.auth_file, "%s", path);
	assert_true(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	assert_null(secrets_ask(&secrets, "anna", on_answer, &anna));
	assert_null(secrets_ask(&secrets, "bert", on_answer, &bert));
	assert_int_equal(anna.count + bert.count, 2);
	assert_int_equal(anna.result, AUTH_QUERY_FOUND);
	assert_int_equal(anna.iterations, 4096);
	assert_int_equal(bert.result, AUTH_QUERY_NOBODY);
	write_file("\"bert\" \"" VERIFIER "\"\n");
	bool exposed;
	secrets_replace(&secrets, verifiers_read(path, &exposed, error, sizeof error));
	assert_null(secrets_ask(&secrets, "anna", on_answer, &anna));
	assert_null(secrets_ask(&secrets, "bert", on_answer, &bert));
	assert_int_equal(anna.result, AUTH_QUERY_NOBODY);
	assert_int_equal(bert.result, AUTH_QUERY_FOUND);
}

static void test_the_query_is_for_the_others(void **state)
{
	/* Who is in the file is not asked for. */
	(void)state;
	struct answer anna = {0}, bert = {0};
	write_file("\"anna\" \"" VERIFIER "\"\n");
	snprintf(settings.auth_file, sizeof settings.auth_file, "%s", path);
	snprintf(settings.auth_user, sizeof settings.auth_user, "postgres");
	snprintf(settings.upstream.host, sizeof settings.upstream.host, "/nonexistent");
	assert_true(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	assert_null(secrets_ask(&secrets, "anna", on_answer, &anna));
	assert_int_equal(anna.result, AUTH_QUERY_FOUND);
	assert_non_null(secrets_ask(&secrets, "bert", on_answer, &bert));
	assert_int_equal(bert.count, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(bert.count, 1);
	assert_int_equal(bert.result, AUTH_QUERY_FAILED);
}

static void test_shared(void **state)
{
	/* The same file, which lives as long as one of both has it, and the same salts; a query of its own. */
	(void)state;
	struct answer anna = {0};
	struct secrets other;
	write_file("\"anna\" \"" VERIFIER "\"\n");
	snprintf(settings.auth_file, sizeof settings.auth_file, "%s", path);
	snprintf(settings.auth_user, sizeof settings.auth_user, "postgres");
	assert_true(secrets_init(&secrets, &settings, &loop, error, sizeof error));
	secrets_share(&other, &secrets, &settings, &loop);
	assert_ptr_equal(other.file, secrets.file);
	assert_memory_equal(other.mock, secrets.mock, sizeof secrets.mock);
	assert_true(other.query && other.query != secrets.query);
	secrets_fini(&secrets);
	assert_null(secrets_ask(&other, "anna", on_answer, &anna));
	assert_int_equal(anna.result, AUTH_QUERY_FOUND);
	secrets_fini(&other);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(test_relay_needs_none),
	    CASE(test_terminate_needs_one),
	    CASE(test_the_file_answers_at_once),
	    CASE(test_the_query_is_for_the_others),
	    CASE(test_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
