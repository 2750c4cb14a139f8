/* Runs a statement on the catalog connection and reads the cells of its result. The server is trusted to be honest but
 * not to be the one we think: a pooler's console answers, too. So a result that lacks columns is an error, and a cell
 * that should not be NULL reads as empty. */
#ifndef PGPROCTOR_PROXY_FEED_RESULT_H
#define PGPROCTOR_PROXY_FEED_RESULT_H

#include "config/check.h"
#include "inspect/arena.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct feed_result {
	PGconn *connection;
	char *error; /* one line: the primary message and SQLSTATE, or what libpq says of the connection */
	size_t error_size;
	PGresult *rows;
	int count, at;
};

/* Frees the rows there were, runs one or more statements and stands before the rows of the one that has some. False
 * with the error set when one of them fails, or when there are fewer columns than that; a connection that lives is out
 * of its transaction then. */
MUST_USE bool feed_result_run(struct feed_result *result, const char *sql, int columns);
/* On to the next row; false after the last, and then the rows are freed. */
MUST_USE bool feed_result_next(struct feed_result *result);
/* For who stops early. */
void feed_result_free(struct feed_result *result);
/* How many rows from this one on have the same first column. */
int feed_result_group(const struct feed_result *result);

const char *feed_result_cell(const struct feed_result *result, int column); /* NULL for NULL */
char feed_result_char(const struct feed_result *result, int column);
bool feed_result_true(const struct feed_result *result, int column);
uint32_t feed_result_oid(const struct feed_result *result, int column);
int64_t feed_result_integer(const struct feed_result *result, int column);
double feed_result_real(const struct feed_result *result, int column, double otherwise);

#endif
