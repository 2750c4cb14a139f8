#include "proxy/logfile.h"

#include "config/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* How often a full pipe is asked again whether it takes more. */
	POLL_MS = 100,
};

static int open_path(const char *path);
static void write_out(struct logfile *file, const char *text, size_t len);
static uint64_t count_lines(const char *text, size_t len);

bool logfile_open(struct logfile *file, const char *path)
{
	CHECK(file != NULL && path != NULL);
	*file = (struct logfile){.batch = malloc(LOGFILE_BATCH_BYTES)};
	CHECK(file->batch != NULL);
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->fd = open_path(file->path);
	return file->fd >= 0;
}

void logfile_close(struct logfile *file)
{
	CHECK(file != NULL);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	free(file->batch);
	file->batch = NULL;
}

bool logfile_reopen(struct logfile *file)
{
	CHECK(file != NULL);
	if (file->path[0] == '\0')
		return true;
	logfile_flush(file);
	int fd = open_path(file->path);
	if (fd < 0)
		return false;
	close(file->fd);
	file->fd = fd;
	file->torn = false;
	return true;
}

void logfile_add(struct logfile *file, const char *line, size_t len)
{
	CHECK(file != NULL && len <= LOGFILE_BATCH_BYTES);
	if (len > LOGFILE_BATCH_BYTES - file->batch_len)
		logfile_flush(file);
	memcpy(file->batch + file->batch_len, line, len);
	file->batch_len += len;
}

void logfile_flush(struct logfile *file)
{
	CHECK(file != NULL);
	size_t len = file->batch_len;
	file->batch_len = 0;
	write_out(file, file->batch, len);
}

void logfile_write(struct logfile *file, const char *lines, size_t len)
{
	logfile_flush(file);
	write_out(file, lines, len);
}

void logfile_lose(struct logfile *file, uint64_t lines)
{
	CHECK(file != NULL);
	file->lost_now += lines;
	file->lost_total += lines;
}

void logfile_tell_lost(struct logfile *file, const char *line, size_t len)
{
	CHECK(file != NULL && file->batch_len == 0);
	uint64_t now = file->lost_now, total = file->lost_total;
	file->lost_now = 0;
	write_out(file, line, len);
	if (file->lost_now > 0) {
		file->lost_now = now;
		file->lost_total = total;
	}
}

static int open_path(const char *path)
{
	if (path[0] == '\0')
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	/* A FIFO without a reader would hold up open(2) itself; opened for both it does not (fifo(7)). */
	struct stat status;
	bool fifo = stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
	return open(path, (fifo ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

static void write_out(struct logfile *file, const char *text, size_t len)
{
	size_t done = 0;
	while (done < len) {
		/* The rest of a torn line is on the disk for good: what follows begins a line of its own. */
		bool mend = file->torn && done == 0;
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		ssize_t written = write(file->fd, mend ? "\n" : text + done, mend ? 1 : len - done);
		int failure = errno;
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		if (written < 0 && failure == EINTR)
			continue;
		if (written < 0 && (failure == EAGAIN || failure == EWOULDBLOCK)) {
			/* Somebody else made our standard output non-blocking; it is not ours to change back. */
			struct pollfd ready = {.fd = file->fd, .events = POLLOUT};
			pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
			poll(&ready, 1, POLL_MS);
			pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
			continue;
		}
		if (written <= 0)
			break;
		if (mend) {
			file->torn = false;
			continue;
		}
		done += (size_t)written;
	}
	if (done == len)
		return;
	if (done > 0)
		file->torn = text[done - 1] != '\n';
	/* The torn line counts as lost: count_lines finds its end in the rest. */
	logfile_lose(file, count_lines(text + done, len - done));
}

/* Lines that begin in the text: a row that goes with the line before it is indented. */
static uint64_t count_lines(const char *text, size_t len)
{
	uint64_t lines = 0;
	const char *at = text, *end = text + len;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			break;
		at = newline + 1;
		if (at == end || *at != ' ')
			lines++;
	}
	return lines;
}
