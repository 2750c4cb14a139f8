#include "proxy/study.h"

#include "config/limits.h"

#include <pthread.h>
#include <sys/resource.h>

enum { STUDY_NICE = 10 };

/* Texts that wait, and texts that have been read; each list belongs to whoever holds the lock. */
struct study {
	uv_async_t *wake;
	uv_thread_t thread;
	bool started;
	uv_mutex_t lock;
	uv_cond_t come;
	bool stopping;
	struct study_text *waiting, **waiting_end;
	struct study_text *read, **read_end;
};

static void study_run(void *study);

struct study *study_new(uv_async_t *wake)
{
	struct study *study = calloc(1, sizeof *study);
	CHECK(study != NULL);
	study->wake = wake;
	study->waiting_end = &study->waiting;
	study->read_end = &study->read;
	CHECK(uv_mutex_init(&study->lock) == 0);
	CHECK(uv_cond_init(&study->come) == 0);
	return study;
}

void study_free(struct study *study)
{
	if (!study)
		return;
	if (study->started) {
		uv_mutex_lock(&study->lock);
		study->stopping = true;
		uv_cond_signal(&study->come);
		uv_mutex_unlock(&study->lock);
		uv_thread_join(&study->thread);
	}
	CHECK(!study->waiting && !study->read);
	uv_cond_destroy(&study->come);
	uv_mutex_destroy(&study->lock);
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
	uv_mutex_lock(&study->lock);
	*study->waiting_end = text;
	study->waiting_end = &text->next;
	uv_cond_signal(&study->come);
	uv_mutex_unlock(&study->lock);
	return true;
}

struct study_text *study_take(struct study *study)
{
	uv_mutex_lock(&study->lock);
	struct study_text *text = study->read;
	if (text) {
		study->read = text->next;
		if (!study->read)
			study->read_end = &study->read;
	}
	uv_mutex_unlock(&study->lock);
	return text;
}

static void study_run(void *context)
{
	struct study *study = context;
	(void)pthread_setname_np(pthread_self(), "study");
	/* Only this thread (setpriority(2), "C library/kernel differences"): one session waits for it, all others for
	 * the worker. */
	(void)setpriority(PRIO_PROCESS, 0, STUDY_NICE);
	uv_mutex_lock(&study->lock);
	for (;;) {
		while (!study->waiting && !study->stopping)
			uv_cond_wait(&study->come, &study->lock);
		struct study_text *text = study->waiting;
		if (!text)
			break;
		study->waiting = text->next;
		if (!study->waiting)
			study->waiting_end = &study->waiting;
		uv_mutex_unlock(&study->lock);
		inspector_read(text->reading);
		uv_mutex_lock(&study->lock);
		text->next = NULL;
		*study->read_end = text;
		study->read_end = &text->next;
		uv_async_send(study->wake);
	}
	uv_mutex_unlock(&study->lock);
}
