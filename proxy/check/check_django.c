#include "proxy/check/check_django.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 8, PIECE_BYTES = 64 * 1024 };

static void become_manage(const char *directory, const char *const *arguments, int out);
static char *read_all(int in, size_t *len);

/* "[ ]  shop.0007_price": neither an application's label nor a migration's name has a blank, and the label no dot. */
bool check_django_next(const char **plan, struct check_django_migration *migration)
{
	while (**plan != '\0') {
		const char *line = *plan;
		size_t len = strcspn(line, "\n");
		*plan = line + len + (line[len] == '\n');
		if (len < 5 || strncmp(line, "[ ]", 3) != 0)
			continue;
		line += 3;
		line += strspn(line, " ");
		size_t app = strcspn(line, ". \n");
		if (line[app] != '.' || app == 0 || app >= sizeof(migration->app))
			continue;
		size_t name = strcspn(line + app + 1, " \t\r\n");
		if (name == 0 || name >= sizeof(migration->name))
			continue;
		memset(migration, 0, sizeof(*migration));
		memcpy(migration->app, line, app);
		memcpy(migration->name, line + app + 1, name);
		return true;
	}
	return false;
}

const char *check_django_sql(const char *printed)
{
	/* sqlmigrate begins with BEGIN;, or with the comment that names the first operation. */
	for (const char *line = printed; *line != '\0';) {
		if (strncmp(line, "BEGIN;", strlen("BEGIN;")) == 0 || strncmp(line, "--", 2) == 0)
			return line;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return printed;
}

char *check_django_run(const char *directory, const char *const *arguments, size_t *len)
{
	int pipes[2];
	int status = 0;
	if (pipe(pipes) != 0) {
		fprintf(stderr, "pgproctor: check: %s\n", strerror(errno));
		return NULL;
	}
	pid_t child = fork();
	if (child == 0) {
		close(pipes[0]);
		become_manage(directory, arguments, pipes[1]);
	}
	close(pipes[1]);
	char *text = child > 0 ? read_all(pipes[0], len) : NULL;
	close(pipes[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (text != NULL && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return text;
	fprintf(stderr, "pgproctor: check: %s/manage.py %s failed\n", directory, arguments[0]);
	free(text);
	return NULL;
}

/* In the child: only calls that are safe between fork and exec of a process with threads. */
static void become_manage(const char *directory, const char *const *arguments, int out)
{
	static char python[] = "python3", manage[] = "manage.py";
	char *argv[ARGUMENTS_MAX + 3] = {python, manage};
	for (size_t at = 0; arguments[at] != NULL && at < ARGUMENTS_MAX; at++)
		argv[at + 2] = (char *)arguments[at];
	if (chdir(directory) == 0 && dup2(out, STDOUT_FILENO) >= 0)
		execvp(python, argv);
	static const char words[] = "pgproctor: check: no such directory, or no python3\n";
	ssize_t written = write(STDERR_FILENO, words, sizeof(words) - 1);
	(void)written;
	_exit(127);
}

static char *read_all(int in, size_t *len)
{
	char *text = NULL;
	size_t room = 0;
	*len = 0;
	for (;;) {
		if (room - *len < PIECE_BYTES + 1) {
			room = room * 2 + PIECE_BYTES + 1;
			text = realloc(text, room);
			CHECK(text != NULL);
		}
		ssize_t got = read(in, text + *len, PIECE_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*len += (size_t)got;
	}
	text[*len] = '\0';
	return text;
}
