#include "proxy/study.h"

#include "config/limits.h"

#include <pthread.h>
#include <sys/resource.h>

enum { STUDY_NICE = 10 };

struct study {
	uv_async_t *wake;
	uv_thread_t thread;
	bool started;
	uv_sem_t come;            /* as often as a text waits, and once to stop */
	struct mailbox waiting;   /* texts to read, each posted */
	struct mailbox read;      /* texts that have been read, each posted */
	struct study_text *taken; /* the worker's: taken out of `read`, oldest first */
};

static void study_run(void *study);

struct study *study_new(uv_async_t *wake)
{
	struct study *study = calloc(1, sizeof *study);
	CHECK(study != NULL);
	study->wake = wake;
	CHECK(uv_sem_init(&study->come, 0) == 0);
	return study;
}

void study_free(struct study *study)
{
	if (!study)
		return;
	if (study->started) {
		uv_sem_post(&study->come);
		uv_thread_join(&study->thread);
	}
	CHECK(!mailbox_take(&study->waiting) && !mailbox_take(&study->read) && !study->taken);
	uv_sem_destroy(&study->come);
	free(study);
}

bool study_put(struct study *study, struct session *session, struct inspector_reading *reading)
{
	const uv_thread_options_t options = {
	    .flags = UV_THREAD_HAS_STACK_SIZE,
	    .stack_size = LIMIT_PARSE_STACK_BYTES,
	};
	if (!study->started)
		study->started = uv_thread_create_ex(&study->thread, &options, study_run, study) == 0;
	if (!study->started)
		return false;
	struct study_text *text = malloc(sizeof *text);
	CHECK(text != NULL);
	*text = (struct study_text){.session = session, .reading = reading};
	mailbox_post(&study->waiting, &text->letter);
	uv_sem_post(&study->come);
	return true;
}

struct study_text *study_take(struct study *study)
{
	if (!study->taken)
		study->taken = (struct study_text *)mailbox_take_all(&study->read);
	struct study_text *text = study->taken;
	if (text)
		study->taken = (struct study_text *)text->letter.next;
	return text;
}

/* No lock is held at any time: this thread is the one that waits when processors are short, and the worker must not
 * have to wait for it to go on. */
static void study_run(void *context)
{
	struct study *study = context;
	struct mailbox_letter *next = NULL;
	(void)pthread_setname_np(pthread_self(), "study");
	/* Only this thread (setpriority(2), "C library/kernel differences"): one session waits for it, all others for
	 * the worker. */
	(void)setpriority(PRIO_PROCESS, 0, STUDY_NICE);
	for (;;) {
		uv_sem_wait(&study->come);
		if (!next)
			next = mailbox_take_all(&study->waiting);
		struct study_text *text = (struct study_text *)next;
		if (!text)
			return;
		next = next->next;
		inspector_read(text->reading);
		mailbox_post(&study->read, &text->letter);
		uv_async_send(study->wake);
	}
}
