#include "proxy/study.h"

#include "config/limits.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STUDY_NICE = 10,
	STUDY_SLICE_NS = 100 * 1000 * 1000, /* the most there is */
};

/* struct sched_attr of sched_setattr(2), first version: the C library has none, and linux/sched/types.h can't be
 * included beside its sched.h. */
struct study_attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

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
static void study_yield_to_all(void);

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
	study_yield_to_all();
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

/* One session waits for this thread, all others for the worker and for what the worker talks to. Being nice counts only
 * among the threads of one service, or session (sched(7), "The autogroup feature"). Towards all others it helps to ask
 * for long slices: since Linux 6.12 who wakes and asks for a shorter one need not wait for the end of ours. */
static void study_yield_to_all(void)
{
	const struct study_attributes attributes = {
	    .size = sizeof attributes,
	    .policy = SCHED_OTHER,
	    .nice = STUDY_NICE,
	    .runtime_ns = STUDY_SLICE_NS,
	};
	/* This thread only: setpriority(2), "C library/kernel differences". */
	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		(void)setpriority(PRIO_PROCESS, 0, STUDY_NICE);
}
