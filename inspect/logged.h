/* A line of a log, as far as it says what ran: between who reads logs (report/) and who judges by them
 * (proxy/check/). */
#ifndef PGPROCTOR_INSPECT_LOGGED_H
#define PGPROCTOR_INSPECT_LOGGED_H

#include "config/check.h"

#include <stdbool.h>
#include <stdint.h>

enum logged_kind {
	LOGGED_STARTED,
	LOGGED_RAN,     /* a kind of statement, in an interval that ends at at_ms */
	LOGGED_UNCLEAR, /* something ran of which the log does not tell all */
	LOGGED_OTHER,
};

struct logged {
	enum logged_kind kind;
	int64_t at_ms;        /* Unix time */
	const char *database; /* "": not said */
	const char *query;    /* LOGGED_RAN: normalised */
	uint64_t fingerprint; /* likewise */
};

/* The texts live as long as the call. */
typedef void logged_take_fn(void *context, const struct logged *line);
/* Hands each line of a JSON log to `take`; "-" is standard input. False, and a complaint on standard error, when it can't
 * be read or holds no line of pgproctor's. */
typedef bool logged_read_fn(const char *path, logged_take_fn *take, void *context);

#endif
