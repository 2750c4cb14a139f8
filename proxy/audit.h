/* The index audit's lines in the log: what each kind of statement asks of its tables' columns (`access`), and which
 * indexes these tables have for nothing but reading (`indexes`). Each is told once a day, whichever worker is first to, and
 * when it changes, as long as there are no more than LIMIT_AUDIT_LINES; `pgproctor report` adds them up. */
#ifndef PGPROCTOR_PROXY_AUDIT_H
#define PGPROCTOR_PROXY_AUDIT_H

#include "inspect/cache.h"
#include "inspect/stats.h"

struct session;

/* What a worker has told. */
struct audit {
	struct stats_sights looked; /* kinds of statement, by each catalog */
	struct stats_sights told;   /* lines of that day */
	int64_t day;                /* since 1970, UTC */
	uint32_t lines;             /* of that day */
};

void audit_init(struct audit *audit);
void audit_fini(struct audit *audit);
/* A statement that is being sent, and whose `unaudited` is set; clears it. */
void audit_statement(struct session *session, struct statement *statement);

#endif
