#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/login/auth_query.h"
#include "tests/unit/private_postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* -- fixture: a loop, a server, and what was answered ------------------------------------------------------ */

static struct private_postgres postgres;
static struct settings settings;
static uv_loop_t loop;
static struct auth_query *query;

struct answer {
	unsigned count;
	enum auth_query_result result;
	uint32_t iterations;
	char error[256];
};

static void on_answer(void *context, enum auth_query_result result, const struct scram_verifier *verifier,
                      const char *error)
{
	struct answer *answer = context;
	answer->count++;
	answer->result = result;
	answer->iterations = verifier ? verifier->iterations : 0;
	assert_int_equal(verifier != NULL, result == AUTH_QUERY_FOUND);
	assert_int_equal(error != NULL, result == AUTH_QUERY_FAILED);
	snprintf(answer->error, sizeof answer->error, "%s", error ? error : "");
}

static int set_up(void **state)
{
	(void)state;
	settings_defaults(&settings);
	snprintf(settings.upstream.host, sizeof settings.upstream.host, "%s", postgres.directory);
	settings.upstream.port = postgres.port;
	snprintf(settings.auth_user, sizeof settings.auth_user, "postgres");
	settings.catalog_timeout_ms = 3000;
	assert_int_equal(uv_loop_init(&loop), 0);
	query = auth_query_new(&loop, &settings);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	uv_run(&loop, UV_RUN_DEFAULT);
	auth_query_free(query);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static struct answer ask(const char *user)
{
	struct answer answer = {0};
	auth_query_ask(query, user, on_answer, &answer);
	assert_int_equal(answer.count, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(answer.count, 1);
	return answer;
}

/* -- cases ------------------------------------------------------------------------------------------------- */

static void test_what_the_server_has(void **state)
{
	/* A verifier, nobody, a role without a password, and one whose password is no verifier; a name is a value,
	 * whatever is in it. */
	(void)state;
	assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
	assert_int_equal(ask("anna").iterations, 4096);
	assert_int_equal(ask("o'dd").result, AUTH_QUERY_FOUND);
	assert_int_equal(ask("nobody").result, AUTH_QUERY_NOBODY);
	assert_int_equal(ask("").result, AUTH_QUERY_NOBODY);
	assert_int_equal(ask("postgres").result, AUTH_QUERY_NOBODY);
	assert_int_equal(ask("old").result, AUTH_QUERY_UNUSABLE);
}

static void test_many_at_once(void **state)
{
	/* All are answered, those that are forgotten are not, over one connection. */
	(void)state;
	enum { MANY = 50 };
	static struct answer answers[MANY];
	memset(answers, 0, sizeof answers);
	for (size_t at = 0; at < MANY; at++) {
		struct auth_query_question *question =
		    auth_query_ask(query, at % 2 ? "anna" : "nobody", on_answer, &answers[at]);
		if (at % 5 == 0)
			auth_query_forget(question);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t at = 0; at < MANY; at++) {
		assert_int_equal(answers[at].count, at % 5 != 0);
		if (at % 5 != 0)
			assert_int_equal(answers[at].result, at % 2 ? AUTH_QUERY_FOUND : AUTH_QUERY_NOBODY);
	}
	PGconn *connection = private_postgres_connect(&postgres, "postgres");
	PGresult *result =
	    PQexec(connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgproctor auth_query'");
	assert_string_equal(PQgetvalue(result, 0, 0), "1");
	PQclear(result);
	PQfinish(connection);
}

static void test_a_connection_that_was_ended(void **state)
{
	/* The next question makes a new one; a changed password counts at once. */
	(void)state;
	PGconn *connection = private_postgres_connect(&postgres, "postgres");
	assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
	private_postgres_run(connection, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
	                                 "application_name = 'pgproctor auth_query'");
	assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
	private_postgres_run(connection, "ALTER ROLE anna PASSWORD NULL");
	assert_int_equal(ask("anna").result, AUTH_QUERY_NOBODY);
	private_postgres_run(connection, "ALTER ROLE anna PASSWORD 'pencil'");
	assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
	PQfinish(connection);
}

static void test_queries_that_fail(void **state)
{
	/* Each says why, and not what the query says; afterwards the next one is answered. */
	static const struct {
		const char *query, *says;
	} cases[] = {
	    {"SELECT 'zqx' FROM", "42601"},
	    {"SELECT usename, passwd FROM zqx WHERE usename = $1", "42P01"},
	    {"SELECT $1", "gives 1 columns"},
	    {"SELECT 1/0, $1", "22012"},
	    {"DELETE FROM pg_class WHERE false AND relname = $1", "SQLSTATE"},
	    {"COPY pg_class TO STDOUT", ""},
	    {"SELECT pg_sleep(20), $1", "no answer within 0.4 s"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		settings.catalog_timeout_ms = 400;
		snprintf(settings.auth_query, sizeof settings.auth_query, "%s", cases[at].query);
		struct answer answer = ask("anna");
		assert_int_equal(answer.result, AUTH_QUERY_FAILED);
		if (!strstr(answer.error, cases[at].says) || strstr(answer.error, "zqx"))
			fail_msg("%s: %s", cases[at].query, answer.error);
		settings.catalog_timeout_ms = 3000;
		snprintf(settings.auth_query, sizeof settings.auth_query,
		         "SELECT usename, passwd FROM pg_shadow WHERE usename=$1");
		assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
	}
}

static void test_a_user_who_may_not(void **state)
{
	/* pg_shadow is the superuser's: the reason is told. */
	(void)state;
	snprintf(settings.auth_user, sizeof settings.auth_user, "old");
	struct answer answer = ask("anna");
	assert_int_equal(answer.result, AUTH_QUERY_FAILED);
	assert_non_null(strstr(answer.error, "may not read"));
}

static void test_the_role_goes_before_the_dsn(void **state)
{
	/* auth_dbname's DSN says where; who asks is auth_user. */
	(void)state;
	snprintf(settings.catalog, sizeof settings.catalog, "host=%s port=%u user=old", postgres.directory,
	         postgres.port);
	snprintf(settings.upstream.host, sizeof settings.upstream.host, "/nonexistent");
	snprintf(settings.auth_query, sizeof settings.auth_query,
	         "SELECT usename, passwd FROM pg_shadow WHERE usename = $1 AND current_user = 'postgres'");
	assert_int_equal(ask("anna").result, AUTH_QUERY_FOUND);
}

static void test_nobody_there(void **state)
{
	/* Without a server the answer is why. */
	(void)state;
	settings.upstream.port++;
	struct answer answer = ask("anna");
	assert_int_equal(answer.result, AUTH_QUERY_FAILED);
	assert_true(answer.error[0] != '\0');
}

static void test_many_wait_no_longer_than_one(void **state)
{
	/* For a server that does not answer: one timeout for all who ask at once, and one reason. */
	(void)state;
	enum { MANY = 20 };
	static struct answer answers[MANY];
	memset(answers, 0, sizeof answers);
	settings.catalog_timeout_ms = 500;
	snprintf(settings.auth_query, sizeof settings.auth_query, "SELECT pg_sleep(20), $1");
	for (size_t at = 0; at < MANY; at++)
		auth_query_ask(query, "anna", on_answer, &answers[at]);
	time_t began = time(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	/* The first was alone in its batch; each batch of one or more tries at most twice. */
	assert_true(time(NULL) - began < 5);
	for (size_t at = 0; at < MANY; at++) {
		assert_int_equal(answers[at].count, 1);
		assert_int_equal(answers[at].result, AUTH_QUERY_FAILED);
		assert_string_equal(answers[at].error, "no answer within 0.5 s");
	}
}

static void test_stopping_in_between(void **state)
{
	/* A server that never answers holds nobody up once it is to stop; all who wait are answered. */
	(void)state;
	static struct answer answers[3];
	memset(answers, 0, sizeof answers);
	settings.catalog_timeout_ms = 60000;
	snprintf(settings.auth_query, sizeof settings.auth_query, "SELECT pg_sleep(50), $1");
	for (size_t at = 0; at < ARRAY_LEN(answers); at++)
		auth_query_ask(query, "anna", on_answer, &answers[at]);
	usleep(300000);
	time_t began = time(NULL);
	auth_query_stop(query);
	auth_query_stop(query);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(time(NULL) - began < 5);
	for (size_t at = 0; at < ARRAY_LEN(answers); at++) {
		assert_int_equal(answers[at].count, 1);
		assert_int_equal(answers[at].result, AUTH_QUERY_FAILED);
	}
}

static int start(void **state)
{
	(void)state;
	unsetenv("PGSERVICE");
	private_postgres_start(&postgres);
	PGconn *connection = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(connection,
	                     "CREATE ROLE anna LOGIN PASSWORD 'pencil'; CREATE ROLE \"o'dd\" LOGIN PASSWORD 'x'");
	private_postgres_run(connection, "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'x'");
	PQfinish(connection);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	private_postgres_stop(&postgres);
	return 0;
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(test_what_the_server_has),          CASE(test_many_at_once),
	    CASE(test_a_connection_that_was_ended),  CASE(test_queries_that_fail),
	    CASE(test_a_user_who_may_not),           CASE(test_nobody_there),
	    CASE(test_stopping_in_between),          CASE(test_many_wait_no_longer_than_one),
	    CASE(test_the_role_goes_before_the_dsn),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
