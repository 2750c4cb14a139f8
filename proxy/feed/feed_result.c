#include "proxy/feed/feed_result.h"

#include <string.h>

static PGresult *collect(struct feed_result *result, const char *sql, bool *failed);
static void set_error(struct feed_result *result, const PGresult *from);

bool feed_result_run(struct feed_result *result, const char *sql, int columns)
{
	feed_result_free(result);
	bool failed = false;
	PGresult *rows = collect(result, sql, &failed);
	if (!failed && PQnfields(rows) < columns) {
		snprintf(result->error, result->error_size, "the server's answer is not what was asked for");
		failed = true;
	}
	if (failed) {
		PQclear(rows);
		if (PQstatus(result->connection) == CONNECTION_OK &&
		    PQtransactionStatus(result->connection) != PQTRANS_IDLE)
			PQclear(PQexec(result->connection, "ROLLBACK"));
		return false;
	}
	result->rows = rows;
	result->count = PQntuples(rows);
	result->at = -1;
	return true;
}

bool feed_result_next(struct feed_result *result)
{
	if (++result->at < result->count)
		return true;
	feed_result_free(result);
	return false;
}

void feed_result_free(struct feed_result *result)
{
	PQclear(result->rows);
	result->rows = NULL;
	result->count = result->at = 0;
}

int feed_result_group(const struct feed_result *result)
{
	int end = result->at + 1;
	const char *first = PQgetvalue(result->rows, result->at, 0);
	while (end < result->count && strcmp(first, PQgetvalue(result->rows, end, 0)) == 0)
		end++;
	return end - result->at;
}

const char *feed_result_cell(const struct feed_result *result, int column)
{
	return PQgetisnull(result->rows, result->at, column) ? NULL : PQgetvalue(result->rows, result->at, column);
}

/* PQgetvalue gives "" for NULL. */
char feed_result_char(const struct feed_result *result, int column)
{
	return PQgetvalue(result->rows, result->at, column)[0];
}

bool feed_result_true(const struct feed_result *result, int column)
{
	return feed_result_char(result, column) == 't';
}

uint32_t feed_result_oid(const struct feed_result *result, int column)
{
	return (uint32_t)strtoul(PQgetvalue(result->rows, result->at, column), NULL, 10);
}

int64_t feed_result_integer(const struct feed_result *result, int column)
{
	return strtoll(PQgetvalue(result->rows, result->at, column), NULL, 10);
}

double feed_result_real(const struct feed_result *result, int column, double otherwise)
{
	const char *text = feed_result_cell(result, column);
	return text != NULL ? strtod(text, NULL) : otherwise;
}

/* The rows of the statement that had any, else what the last one said. */
static PGresult *collect(struct feed_result *result, const char *sql, bool *failed)
{
	PGresult *kept = NULL;
	if (PQsendQuery(result->connection, sql) == 0) {
		set_error(result, NULL);
		*failed = true;
		return NULL;
	}
	for (PGresult *next; (next = PQgetResult(result->connection)) != NULL;) {
		ExecStatusType status = PQresultStatus(next);
		if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
			if (!*failed)
				set_error(result, next);
			*failed = true;
		}
		if (kept == NULL || PQresultStatus(kept) != PGRES_TUPLES_OK) {
			PQclear(kept);
			kept = next;
		} else {
			PQclear(next);
		}
		/* PQgetResult would say the same for ever in a COPY that nobody asked for. */
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
			break;
	}
	if (kept == NULL && !*failed) {
		set_error(result, NULL);
		*failed = true;
	}
	return kept;
}

static void set_error(struct feed_result *result, const PGresult *from)
{
	enum { TEXT_MAX = 400 };
	const char *state = PQresultErrorField(from, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(from, PG_DIAG_MESSAGE_PRIMARY);
	if (text == NULL)
		text = PQerrorMessage(result->connection);
	if (text[0] == '\0')
		text = "no answer";
	size_t len = strcspn(text, "\r\n");
	snprintf(result->error, result->error_size, "%.*s%s%s%s", (int)(len < TEXT_MAX ? len : TEXT_MAX), text,
	         state != NULL ? " (" : "", state != NULL ? state : "", state != NULL ? ")" : "");
}
