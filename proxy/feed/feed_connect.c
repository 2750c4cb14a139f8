#include "proxy/feed/feed_connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* More than there are; the last stays NULL. */
enum { KEYWORDS_MAX = 16 };

struct keywords {
	const char *names[KEYWORDS_MAX + 1];
	const char *values[KEYWORDS_MAX + 1];
	unsigned count;
};

static PGconn *connect_to(const struct settings *settings, const char *database, const char *user, const char *role,
                          const char *application_name, int interrupt_fd, char *error, size_t error_size);
static void add(struct keywords *keywords, const char *name, const char *value);
static bool dsn_is_databases_own(const struct settings *settings, const char *database);
static bool dsn_names(const char *dsn, const char *keyword);
static PostgresPollingStatusType finish(PGconn *connection, int interrupt_fd, int64_t timeout_ms, bool *timed_out);
static void explain(PGconn *connection, char *error, size_t error_size);
static void blot_out(char *text, const char *secret);
static void ignore_notice(void *context, const char *message);
static int64_t now_ms(void);

PGconn *feed_connect_open(const struct settings *settings, const char *database, const char *user, int interrupt_fd,
                          char *error, size_t error_size)
{
	return connect_to(settings, database, user, NULL, "pgproctor catalog", interrupt_fd, error, error_size);
}

PGconn *feed_connect_open_as(const struct settings *settings, const char *database, const char *role,
                             const char *application_name, int interrupt_fd, char *error, size_t error_size)
{
	return connect_to(settings, database, NULL, role, application_name, interrupt_fd, error, error_size);
}

static PGconn *connect_to(const struct settings *settings, const char *database, const char *user, const char *role,
                          const char *application_name, int interrupt_fd, char *error, size_t error_size)
{
	const char *dsn = settings_dsn(settings, database);
	if (dsn != NULL && dsn[0] == '\0')
		dsn = NULL;
	if (dsn != NULL && !feed_connect_dsn_valid(dsn, error, error_size))
		return NULL;

	/* A later keyword goes before an earlier one, the DSN's count at its place. No `options`: PgBouncer refuses
	 * start-up parameters that it doesn't know. */
	struct keywords keywords = {0};
	char port[8], user_timeout[24];
	const bool service = getenv("PGSERVICE") != NULL || (dsn != NULL && dsn_names(dsn, "service"));
	snprintf(user_timeout, sizeof(user_timeout), "%llu", (unsigned long long)settings->catalog_timeout_ms);
	add(&keywords, "application_name", application_name);
	/* Not for the statements, which have their own timeout, but for who sends PQcancel to a dead host. */
	add(&keywords, "tcp_user_timeout", user_timeout);
	if (dsn == NULL) {
		snprintf(port, sizeof(port), "%u", (unsigned)settings->upstream.port);
		add(&keywords, "host", settings->upstream.host);
		add(&keywords, "port", port);
	}
	if (user != NULL && user[0] != '\0' && !service && getenv("PGUSER") == NULL)
		add(&keywords, "user", user);
	if (dsn != NULL)
		add(&keywords, "dbname", dsn);
	if (role != NULL)
		add(&keywords, "user", role);
	/* Only the first dbname is taken apart: the name of a database is a client's word, and stays a name. */
	if (dsn == NULL || !dsn_is_databases_own(settings, database) || !dsn_names(dsn, "dbname"))
		add(&keywords, "dbname", database);

	PGconn *connection = PQconnectStartParams(keywords.names, keywords.values, dsn != NULL);
	CHECK(connection != NULL);
	PQsetNoticeProcessor(connection, ignore_notice, NULL);
	/* connect_timeout is PQconnectdb's, which can't be interrupted. */
	bool timed_out = false;
	if (PQstatus(connection) != CONNECTION_BAD &&
	    finish(connection, interrupt_fd, (int64_t)settings->catalog_timeout_ms, &timed_out) == PGRES_POLLING_OK)
		return connection;
	if (timed_out)
		snprintf(error, error_size, "no connection within %.3g s", (double)settings->catalog_timeout_ms / 1000);
	else
		explain(connection, error, error_size);
	PQfinish(connection);
	return NULL;
}

bool feed_connect_dsn_valid(const char *dsn, char *error, size_t error_size)
{
	/* libpq's message names the word that it stumbled over, which may be half a password. */
	char *reason = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &reason);
	if (options == NULL) {
		PQfreemem(reason);
		snprintf(
		    error, error_size,
		    "libpq can't read the DSN: put a value with blanks or quotes in single quotes, or in a URI write "
		    "special characters as %%XX");
		return false;
	}
	/* A password with @ : / unescaped in a URI is no error there, but makes host and port out of its pieces. */
	bool odd = false;
	const bool uri = strncmp(dsn, "postgresql://", 13) == 0 || strncmp(dsn, "postgres://", 11) == 0;
	for (const PQconninfoOption *option = options; uri && option->keyword != NULL; option++) {
		if (option->val == NULL)
			continue;
		if (strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "hostaddr") == 0)
			odd = odd || strpbrk(option->val, "@?# ") != NULL;
		else if (strcmp(option->keyword, "port") == 0)
			odd = odd || strspn(option->val, "0123456789, ") != strlen(option->val);
		else if (strcmp(option->keyword, "dbname") == 0)
			odd = odd || strchr(option->val, '@') != NULL;
	}
	PQconninfoFree(options);
	if (odd)
		snprintf(error, error_size,
		         "the DSN's host, port or database name is none: in a URI write @ : / of a password as %%XX");
	return !odd;
}

static void add(struct keywords *keywords, const char *name, const char *value)
{
	CHECK(keywords->count < KEYWORDS_MAX);
	keywords->names[keywords->count] = name;
	keywords->values[keywords->count++] = value;
}

/* Configured for this database by name, and not for any. */
static bool dsn_is_databases_own(const struct settings *settings, const char *database)
{
	for (uint32_t i = 0; i < settings->database_count; i++) {
		if (strcmp(settings->databases[i].name, database) == 0)
			return strcmp(database, "*") != 0;
	}
	return false;
}

static bool dsn_names(const char *dsn, const char *keyword)
{
	bool found = false;
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
		found = found || (strcmp(option->keyword, keyword) == 0 && option->val != NULL);
	PQconninfoFree(options);
	return found;
}

static PostgresPollingStatusType finish(PGconn *connection, int interrupt_fd, int64_t timeout_ms, bool *timed_out)
{
	const int64_t deadline_ms = now_ms() + timeout_ms;
	for (PostgresPollingStatusType next = PGRES_POLLING_WRITING;;) {
		const int64_t left_ms = deadline_ms - now_ms();
		if (left_ms <= 0) {
			*timed_out = true;
			return PGRES_POLLING_FAILED;
		}
		struct pollfd fds[2] = {
		    {.fd = PQsocket(connection), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT},
		    {.fd = interrupt_fd, .events = POLLIN},
		};
		int ready = poll(fds, 2, (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return PGRES_POLLING_FAILED;
		if (ready > 0 && fds[1].revents != 0)
			return PGRES_POLLING_FAILED;
		if (ready <= 0 || fds[0].revents == 0)
			continue;
		next = PQconnectPoll(connection);
		if (next == PGRES_POLLING_OK || next == PGRES_POLLING_FAILED)
			return next;
	}
}

/* What libpq says, on one line, without the advice that it sets off by a tab ("Is the server running locally …"). */
static void explain(PGconn *connection, char *error, size_t error_size)
{
	size_t len = 0;
	for (const char *c = PQerrorMessage(connection); *c != '\0' && len + 1 < error_size; c++) {
		while (c[0] == '\n' && c[1] == '\t')
			c += 1 + strcspn(c + 1, "\n");
		if (*c == '\0')
			break;
		bool blank = *c == '\n' || *c == '\t' || *c == ' ' || *c == '\r';
		if (!blank)
			error[len++] = *c;
		else if (len > 0 && error[len - 1] != ' ')
			error[len++] = ' ';
	}
	while (len > 0 && error[len - 1] == ' ')
		len--;
	error[len] = '\0';
	if (len == 0)
		snprintf(error, error_size, "interrupted");
	PQconninfoOption *options = PQconninfo(connection);
	for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
		/* libpq marks with * what it would not show on a screen. */
		if (option->dispchar[0] == '*' && option->val != NULL)
			blot_out(error, option->val);
	}
	PQconninfoFree(options);
}

static void blot_out(char *text, const char *secret)
{
	/* A password of a letter or two would only show by what it blots out of the words around it. */
	enum { SECRET_BYTES_MIN = 3 };
	size_t len = strlen(secret);
	if (len < SECRET_BYTES_MIN)
		return;
	for (char *hit; (hit = strstr(text, secret)) != NULL;) {
		memset(hit, '*', SECRET_BYTES_MIN);
		memmove(hit + SECRET_BYTES_MIN, hit + len, strlen(hit + len) + 1);
	}
}

static void ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
