/* A PostgreSQL server of a test's own: in a new directory, on a unix socket in it, run by the user postgres when the
 * test is run by root. Whatever becomes of the test, the server ends and the directory goes. */
#ifndef PGPROCTOR_TESTS_PRIVATE_POSTGRES_H
#define PGPROCTOR_TESTS_PRIVATE_POSTGRES_H

#include <libpq-fe.h>
#include <stdint.h>
#include <sys/types.h>

struct private_postgres {
	char directory[64]; /* of the socket; the superuser is "postgres", nobody needs a password */
	uint16_t port;
	pid_t postmaster; /* 0 while it is down */
	pid_t guardian;   /* cleans up when the test can't */
	int guardian_fd;
};

/* initdb and first launch. Exits the test with a line that says why when it can't. */
void private_postgres_start(struct private_postgres *postgres);
void private_postgres_stop(struct private_postgres *postgres);
/* For tests of a server that goes away: at once, as in a crash, and back again. */
void private_postgres_crash(struct private_postgres *postgres);
void private_postgres_launch(struct private_postgres *postgres);

/* A connection to a database, as postgres. */
PGconn *private_postgres_connect(const struct private_postgres *postgres, const char *database);
/* Runs SQL that must succeed. */
void private_postgres_run(PGconn *connection, const char *sql);

#endif
