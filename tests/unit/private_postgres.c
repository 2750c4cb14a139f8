#include "tests/unit/private_postgres.h"

#include "config/check.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TIMEOUT_MS = 60 * 1000, POLL_MS = 20 };

static pid_t spawn(const struct private_postgres *postgres, const char *program, char *const *arguments);
static void become_postgres(void);
static void find_program(const char *program, char *path, size_t path_size);
static void guard(struct private_postgres *postgres);
static void wait_until_ready(const struct private_postgres *postgres);
static void end_postmaster(struct private_postgres *postgres, int signal_number);
static void give_up(const char *what, const char *which);
static void nap(void);

void private_postgres_start(struct private_postgres *postgres)
{
	*postgres = (struct private_postgres){.port = 5432, .directory = "/tmp/pgproctor-test-XXXXXX"};
	if (mkdtemp(postgres->directory) == NULL)
		give_up("no directory for a private PostgreSQL", postgres->directory);
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
	if (geteuid() == 0 && (user == NULL || chown(postgres->directory, user->pw_uid, user->pw_gid) != 0))
		give_up("PostgreSQL does not run as root, and this user can't take its place", "postgres");
	guard(postgres);

	char data[96];
	snprintf(data, sizeof(data), "%s/data", postgres->directory);
	char *const arguments[] = {"initdb",           "-D",        data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
	                           "--locale=C.UTF-8", "--no-sync", NULL};
	int status = 0;
	if (waitpid(spawn(postgres, "initdb", arguments), &status, 0) < 0 || status != 0)
		give_up("initdb failed, see its log in", postgres->directory);
	private_postgres_launch(postgres);
}

void private_postgres_launch(struct private_postgres *postgres)
{
	CHECK(postgres->postmaster == 0);
	char data[96], port[8];
	snprintf(data, sizeof(data), "%s/data", postgres->directory);
	snprintf(port, sizeof(port), "%u", (unsigned)postgres->port);
	/* Statistics stay as the test makes them: no autovacuum. */
	char *const arguments[] = {"postgres",
	                           "-D",
	                           data,
	                           "-k",
	                           postgres->directory,
	                           "-p",
	                           port,
	                           "-c",
	                           "listen_addresses=",
	                           "-c",
	                           "fsync=off",
	                           "-c",
	                           "autovacuum=off",
	                           "-c",
	                           "shared_buffers=32MB",
	                           NULL};
	postgres->postmaster = spawn(postgres, "postgres", arguments);
	wait_until_ready(postgres);
}

void private_postgres_crash(struct private_postgres *postgres)
{
	end_postmaster(postgres, SIGQUIT);
}

void private_postgres_stop(struct private_postgres *postgres)
{
	if (postgres->postmaster > 0)
		end_postmaster(postgres, SIGINT);
	/* The guardian takes the end of the pipe for the end of the test. */
	close(postgres->guardian_fd);
	waitpid(postgres->guardian, NULL, 0);
}

PGconn *private_postgres_connect(const struct private_postgres *postgres, const char *database)
{
	char port[8];
	snprintf(port, sizeof(port), "%u", (unsigned)postgres->port);
	const char *const names[] = {"host", "port", "user", "dbname", NULL};
	const char *const values[] = {postgres->directory, port, "postgres", database, NULL};
	PGconn *connection = PQconnectdbParams(names, values, 0);
	if (PQstatus(connection) != CONNECTION_OK)
		give_up("no connection to the private PostgreSQL", PQerrorMessage(connection));
	return connection;
}

void private_postgres_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		give_up(sql, PQresultErrorMessage(result));
	PQclear(result);
}

/* Output goes to a log in the directory. The process ends with the test, however that ends. */
static pid_t spawn(const struct private_postgres *postgres, const char *program, char *const *arguments)
{
	char path[256], log[96];
	find_program(program, path, sizeof(path));
	snprintf(log, sizeof(log), "%s/%s.log", postgres->directory, program);
	pid_t parent = getpid();
	pid_t child = fork();
	if (child < 0)
		give_up("no process for", program);
	if (child > 0)
		return child;
	become_postgres();
	/* Ctrl-C is for the test alone: the servers that initdb starts would die of it and leave shared memory. */
	setsid();
	/* Changing the user undoes this, so it comes after. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (getppid() != parent)
		_exit(1);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (out >= 0 && in >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
		/* initdb looks for postgres beside itself, and for itself by its zeroth argument. */
		char *own[64] = {path};
		for (size_t at = 1; at + 1 < ARRAY_LEN(own) && arguments[at] != NULL; at++)
			own[at] = arguments[at];
		execv(path, own);
	}
	_exit(127);
}

static void become_postgres(void)
{
	if (geteuid() != 0)
		return;
	const struct passwd *user = getpwnam("postgres");
	if (user == NULL || initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0 || chdir("/") != 0)
		_exit(126);
}

/* Debian keeps the server's programs off the PATH; the newest version is taken. */
static void find_program(const char *program, char *path, size_t path_size)
{
	char pattern[96];
	glob_t found;
	int newest = -1;
	snprintf(pattern, sizeof(pattern), "/usr/lib/postgresql/*/bin/%s", program);
	if (glob(pattern, 0, NULL, &found) != 0)
		give_up("a PostgreSQL server must be installed; not found:", pattern);
	for (size_t at = 0; at < found.gl_pathc; at++) {
		int version = (int)strtol(found.gl_pathv[at] + strlen("/usr/lib/postgresql/"), NULL, 10);
		if (version > newest) {
			newest = version;
			snprintf(path, path_size, "%s", found.gl_pathv[at]);
		}
	}
	globfree(&found);
}

/* A process that outlives the test only to remove the directory: it sleeps on a pipe that nobody writes to. */
static void guard(struct private_postgres *postgres)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		give_up("no pipe for", "the guardian");
	postgres->guardian = fork();
	if (postgres->guardian < 0)
		give_up("no process for", "the guardian");
	if (postgres->guardian > 0) {
		close(ends[0]);
		postgres->guardian_fd = ends[1];
		return;
	}
	close(ends[1]);
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	/* Not to be waited for by who reads the test's output to its end. */
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(nothing, 2) < 0)
		_exit(1);
	char byte, pid_file[96];
	while (read(ends[0], &byte, 1) > 0)
		;
	/* The postmaster takes this file away as the last thing it does. */
	snprintf(pid_file, sizeof(pid_file), "%s/data/postmaster.pid", postgres->directory);
	for (int waited_ms = 0; access(pid_file, F_OK) == 0 && waited_ms < START_TIMEOUT_MS; waited_ms += POLL_MS)
		nap();
	/* An initdb that was interrupted may still write for a moment. */
	const char *const remove = "for try in 1 2 3 4 5 6 7 8 9; do rm -rf \"$0\" 2>/dev/null && exit; sleep 1; done";
	execl("/bin/sh", "sh", "-c", remove, postgres->directory, (char *)NULL);
	_exit(1);
}

static void wait_until_ready(const struct private_postgres *postgres)
{
	char port[8];
	snprintf(port, sizeof(port), "%u", (unsigned)postgres->port);
	const char *const names[] = {"host", "port", "user", "dbname", NULL};
	const char *const values[] = {postgres->directory, port, "postgres", "postgres", NULL};
	for (int waited_ms = 0; waited_ms < START_TIMEOUT_MS; waited_ms += POLL_MS) {
		if (PQpingParams(names, values, 0) == PQPING_OK)
			return;
		if (waitpid(postgres->postmaster, NULL, WNOHANG) != 0)
			break;
		nap();
	}
	give_up("the private PostgreSQL does not start, see postgres.log in", postgres->directory);
}

static void end_postmaster(struct private_postgres *postgres, int signal_number)
{
	kill(postgres->postmaster, signal_number);
	waitpid(postgres->postmaster, NULL, 0);
	postgres->postmaster = 0;
}

static void give_up(const char *what, const char *which)
{
	fprintf(stderr, "private_postgres: %s %s\n", what, which);
	_exit(1);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
}
