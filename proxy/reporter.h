/* The thread that writes the log, and the only one that does. It takes parcels from workers, writes their
 * lines, merges their figures and, when the interval has ended for each of them, writes `fingerprint`, `finding` and
 * `stats` lines. Its output may block for as long as it likes: only this thread waits. What can't be written is
 * counted, and a `lost_lines` line says so as soon as one can be. */
#ifndef PGPROCTOR_PROXY_REPORTER_H
#define PGPROCTOR_PROXY_REPORTER_H

#include "config/settings.h"
#include "proxy/logline.h"
#include "proxy/parcel.h"

struct reporter;

/* Opens the log file (or standard output) and starts the thread, for settings->workers workers. NULL and one line in `error` when it can't. */
struct reporter *reporter_start(const struct settings *settings, char *error, size_t error_size);
/* The format in force: JSON or TEXT. */
enum settings_format reporter_format(const struct reporter *reporter);
/* From a worker, which is number `worker` from 0 on: hands over a full parcel, and its ownership; false when the
 * reporter still has its last one (try later). Never waits. */
MUST_USE bool reporter_put(struct reporter *reporter, uint32_t worker, struct parcel *parcel);
/* From a worker: an empty parcel that came back and is the worker's again, or NULL. */
struct parcel *reporter_take(struct reporter *reporter, uint32_t worker);
/* From any other thread, rarely (catalog, started, stopping): one finished line, under a lock of its own. Dropped
 * and counted when LIMIT_PARCEL_BYTES of them wait. */
void reporter_line(struct reporter *reporter, const struct logline *line);
/* Asks for the log file to be opened anew, after a rotation. */
void reporter_reopen(struct reporter *reporter);
/* From then on what all workers' traffic has used goes there, from the reporter's thread and a second late at most;
 * `publish` takes over the reference. NULL: once this has returned it goes nowhere any more. */
typedef void reporter_publish_fn(void *context, struct usage *usage);
void reporter_publish_to(struct reporter *reporter, reporter_publish_fn *publish, void *context);
/* Writes out everything handed over, ends the current interval if it has any figures, joins the thread and frees all.
 * An output that takes nothing for two seconds is given up, and what was meant for it is lost. */
void reporter_stop(struct reporter *reporter);

#endif
