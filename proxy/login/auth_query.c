#include "proxy/login/auth_query.h"

#include "config/limits.h"
#include "proxy/feed/feed_connect.h"
#include "proxy/login/proof.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct auth_query_question {
	struct auth_query_question *next;
	char user[LIMIT_NAME_BYTES];
	auth_query_done_fn *done; /* NULL: forgotten */
	void *context;
	enum auth_query_result result;
	struct scram_verifier verifier;
	char error[256];
};

/* `working` is the thread pool's from uv_queue_work to its after-work, and so is the connection; all else is the
 * loop's. */
struct auth_query {
	uv_loop_t *loop;
	const struct settings *settings;
	uv_work_t work;
	struct auth_query_question *waiting, **waiting_end;
	struct auth_query_question *working; /* all that waited when the work began */
	PGconn *connection;
	int stop_fd; /* readable once it is to stop */
};

static void auth_query_start(struct auth_query *query);
static void auth_query_work(uv_work_t *work);
static void auth_query_after_work(uv_work_t *work, int status);
static void auth_query_answer(struct auth_query *query, struct auth_query_question *question);
static PGresult *auth_query_run(struct auth_query *query, struct auth_query_question *question);
static bool auth_query_wait(struct auth_query *query, short events, int64_t deadline_ms);
static bool auth_query_is_stopped(const struct auth_query *query);
static void auth_query_read(struct auth_query_question *question, const PGresult *result);
static void auth_query_disconnect(struct auth_query *query);
static void auth_query_question_free(struct auth_query_question *question);
static int64_t auth_query_now_ms(void);

struct auth_query *auth_query_new(uv_loop_t *loop, const struct settings *settings)
{
	struct auth_query *query = calloc(1, sizeof *query);
	CHECK(query != NULL);
	query->loop = loop;
	query->settings = settings;
	query->waiting_end = &query->waiting;
	query->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(query->stop_fd >= 0);
	return query;
}

struct auth_query_question *auth_query_ask(struct auth_query *query, const char *user, auth_query_done_fn *done,
                                           void *context)
{
	struct auth_query_question *question = calloc(1, sizeof *question);
	CHECK(question != NULL && done != NULL);
	snprintf(question->user, sizeof question->user, "%s", user);
	question->done = done;
	question->context = context;
	*query->waiting_end = question;
	query->waiting_end = &question->next;
	if (!query->working)
		auth_query_start(query);
	return question;
}

void auth_query_forget(struct auth_query_question *question)
{
	question->done = NULL;
}

void auth_query_stop(struct auth_query *query)
{
	const uint64_t one = 1;
	ssize_t written = write(query->stop_fd, &one, sizeof one);
	CHECK(written == sizeof one || errno == EAGAIN);
}

void auth_query_free(struct auth_query *query)
{
	if (!query)
		return;
	CHECK(!query->working && !query->waiting);
	auth_query_disconnect(query);
	close(query->stop_fd);
	free(query);
}

static void auth_query_start(struct auth_query *query)
{
	query->working = query->waiting;
	query->waiting = NULL;
	query->waiting_end = &query->waiting;
	query->work.data = query;
	CHECK(uv_queue_work(query->loop, &query->work, auth_query_work, auth_query_after_work) == 0);
}

/* On the thread pool. */
static void auth_query_work(uv_work_t *work)
{
	struct auth_query *query = work->data;
	for (struct auth_query_question *at = query->working, *before = NULL; at; before = at, at = at->next) {
		/* A server that doesn't answer is tried once for all who wait, or each would wait for those before it.
		 */
		if (before && !query->connection) {
			at->result = AUTH_QUERY_FAILED;
			memcpy(at->error, before->error, sizeof at->error);
		} else {
			auth_query_answer(query, at);
		}
	}
}

static void auth_query_after_work(uv_work_t *work, int status)
{
	struct auth_query *query = work->data;
	CHECK(status == 0); /* it is never cancelled */
	struct auth_query_question *answered = query->working;
	query->working = NULL;
	while (answered) {
		struct auth_query_question *next = answered->next;
		if (answered->done)
			answered->done(answered->context, answered->result,
			               answered->result == AUTH_QUERY_FOUND ? &answered->verifier : NULL,
			               answered->result == AUTH_QUERY_FAILED ? answered->error : NULL);
		auth_query_question_free(answered);
		answered = next;
	}
	/* An answer may have led to a question, which has started it already. */
	if (query->waiting && !query->working)
		auth_query_start(query);
}

static void auth_query_answer(struct auth_query *query, struct auth_query_question *question)
{
	const struct settings *settings = query->settings;
	question->result = AUTH_QUERY_FAILED;
	PGresult *result = NULL;
	/* A connection that was kept may have been ended by the server meanwhile: then once more, by a new one. */
	bool kept = query->connection != NULL;
	if (kept)
		result = auth_query_run(query, question);
	if (!result && !auth_query_is_stopped(query)) {
		auth_query_disconnect(query);
		query->connection =
		    feed_connect_open_as(settings, settings->auth_dbname, settings->auth_user, "pgproctor auth_query",
		                         query->stop_fd, question->error, sizeof question->error);
		if (query->connection)
			result = auth_query_run(query, question);
	}
	if (result)
		auth_query_read(question, result);
	else if (!question->error[0])
		snprintf(question->error, sizeof question->error, "no answer within %.3g s",
		         (double)settings->catalog_timeout_ms / 1000);
	PQclear(result);
}

/* NULL when the connection is of no use any more. */
static PGresult *auth_query_run(struct auth_query *query, struct auth_query_question *question)
{
	PGconn *connection = query->connection;
	const int64_t deadline_ms = auth_query_now_ms() + (int64_t)query->settings->catalog_timeout_ms;
	const char *const values[] = {question->user};
	bool good = PQsetnonblocking(connection, 1) == 0 &&
	            PQsendQueryParams(connection, query->settings->auth_query, 1, NULL, values, NULL, NULL, 0) == 1;
	int unsent = 1;
	while (good && unsent == 1) {
		unsent = PQflush(connection);
		good = unsent >= 0 && (unsent == 0 || auth_query_wait(query, POLLIN | POLLOUT, deadline_ms)) &&
		       PQconsumeInput(connection) == 1;
	}
	/* To the end of this query, or the next could not be sent. */
	PGresult *result = NULL;
	while (good) {
		while (good && PQisBusy(connection))
			good = auth_query_wait(query, POLLIN, deadline_ms) && PQconsumeInput(connection) == 1;
		PGresult *next = good ? PQgetResult(connection) : NULL;
		if (good && !next)
			return result;
		/* COPY would want to be gone through with. */
		good = good && PQresultStatus(next) != PGRES_COPY_OUT && PQresultStatus(next) != PGRES_COPY_IN;
		if (result)
			PQclear(next);
		else
			result = next;
	}
	PQclear(result);
	auth_query_disconnect(query);
	return NULL;
}

static bool auth_query_wait(struct auth_query *query, short events, int64_t deadline_ms)
{
	for (;;) {
		const int64_t left_ms = deadline_ms - auth_query_now_ms();
		struct pollfd fds[] = {
		    {.fd = PQsocket(query->connection), .events = events},
		    {.fd = query->stop_fd, .events = POLLIN},
		};
		if (left_ms <= 0)
			return false;
		int ready = poll(fds, 2, (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return false;
		if (ready > 0)
			return fds[1].revents == 0;
	}
}

static bool auth_query_is_stopped(const struct auth_query *query)
{
	struct pollfd stop = {.fd = query->stop_fd, .events = POLLIN};
	return poll(&stop, 1, 0) > 0;
}

/* PgBouncer's order of columns: the user, and the password. */
static void auth_query_read(struct auth_query_question *question, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		/* Its message may quote whatever the query has in it. */
		const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		bool forbidden = sqlstate && strcmp(sqlstate, "42501") == 0;
		snprintf(question->error, sizeof question->error, "the query fails with SQLSTATE %s%s",
		         sqlstate ? sqlstate : "unknown", forbidden ? ": auth_user may not read the passwords" : "");
		return;
	}
	if (PQnfields(result) < 2) {
		snprintf(question->error, sizeof question->error, "the query gives %d columns, not user and password",
		         PQnfields(result));
		return;
	}
	question->error[0] = '\0';
	if (PQntuples(result) == 0 || PQgetisnull(result, 0, 1)) {
		question->result = AUTH_QUERY_NOBODY;
		return;
	}
	const struct bytes secret = {(const uint8_t *)PQgetvalue(result, 0, 1), (size_t)PQgetlength(result, 0, 1)};
	question->result = scram_read_secret(secret, &question->verifier) == SCRAM_SECRET_VERIFIER
	                       ? AUTH_QUERY_FOUND
	                       : AUTH_QUERY_UNUSABLE;
}

static void auth_query_disconnect(struct auth_query *query)
{
	PQfinish(query->connection);
	query->connection = NULL;
}

static void auth_query_question_free(struct auth_query_question *question)
{
	proof_wipe(question, sizeof *question);
	free(question);
}

static int64_t auth_query_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
