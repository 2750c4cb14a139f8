/* A worker's second thread, for the few texts that take long to parse: a session hands one over and waits, all others
 * go on. Made when it is first needed. Sessions and the inspector stay the worker's; what is handed over is only the
 * text. */
#ifndef PGPROCTOR_PROXY_STUDY_H
#define PGPROCTOR_PROXY_STUDY_H

#include "config/check.h"
#include "inspect/inspector.h"
#include "proxy/mailbox.h"

#include <uv.h>

struct session;
struct study;

struct study_text {
	struct mailbox_letter letter;
	struct session *session;
	struct inspector_reading *reading;
};

/* `wake` is sent whenever a text has been read. */
struct study *study_new(uv_async_t *wake);
/* Waits for what is being read. All that was handed over must have been taken back. NULL is fine. */
void study_free(struct study *study);
/* False when there can be no thread: the text is the caller's still. */
MUST_USE bool study_put(struct study *study, struct session *session, struct inspector_reading *reading);
/* The next text that has been read, in the order they were handed over; free it. NULL: none. */
MUST_USE struct study_text *study_take(struct study *study);

#endif
