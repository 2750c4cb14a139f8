#ifndef PROXY_LOGFILE_H
#define PROXY_LOGFILE_H

#include "config/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the log goes: a file, a FIFO or standard output. It takes whole lines, which end in '\n', and counts those
 * that the output refuses. One thread's own. */
struct logfile {
	char path[LIMIT_SETTING_BYTES]; /* "": standard output */
	int fd;
	char *batch; /* lines on their way, up to LOGFILE_BATCH_BYTES */
	size_t batch_len;
	bool torn;           /* the last write ended within a line */
	uint64_t lost_now;   /* lines, not yet told of */
	uint64_t lost_total; /* lines, since it was opened; of these too */
};

enum {
	LOGFILE_BATCH_BYTES = 64 * 1024,
};

/* False with errno set when there is no such file and none can be made; logfile_close is due either way. */
bool logfile_open(struct logfile *file, const char *path);

/* Drops what was not flushed. */
void logfile_close(struct logfile *file);

/* Opens the path anew, for what comes after; the old file gets what came before. False with errno set: writing goes on
 * to the old one. Standard output stays what it is. */
bool logfile_reopen(struct logfile *file);

/* One line, of LOGFILE_BATCH_BYTES at most, written when a batch is full or flushed. */
void logfile_add(struct logfile *file, const char *line, size_t len);
void logfile_flush(struct logfile *file);

/* Lines of any length in all, at once, after those that were added. Waits for a reader that is slow, and may then be
 * cancelled by pthread_cancel(3) where the thread else can not; what is refused is lost. */
void logfile_write(struct logfile *file, const char *lines, size_t len);

/* As many more were lost before they came here. */
void logfile_lose(struct logfile *file, uint64_t lines);

/* The line that tells of lost_now lines. Is it lost too, the number stands, to be told later. */
void logfile_tell_lost(struct logfile *file, const char *line, size_t len);

#endif
