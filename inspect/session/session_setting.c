#include "inspect/session/session_setting.h"

#include "config/check.h"

#include <stdlib.h>
#include <string.h>

/* As it was when something was first changed at that depth. */
struct mark {
	uint32_t depth;
	struct session_setting_value now, committed;
};

struct session_setting_open {
	struct session_setting_value before;    /* goes back to this at ROLLBACK */
	struct session_setting_value committed; /* and to this at COMMIT: SET LOCAL does not reach it */
	struct mark *marks;                     /* by depth, deeper ones last */
	uint32_t count, capacity;
};

static struct session_setting_value value_of(const char *text, size_t len);
static void put(struct session_setting_value *to, struct session_setting_value value);
static void remember(struct session_setting *setting, uint32_t depth);
static void drop_marks(struct session_setting_open *open, uint32_t depth);

void session_setting_fini(struct session_setting *setting)
{
	if (setting->open)
		session_setting_end(setting, false);
	free(setting->now.text);
	free(setting->reset.text);
	*setting = (struct session_setting){0};
}

void session_setting_start(struct session_setting *setting, const char *text, size_t len)
{
	put(&setting->now, value_of(text, len));
	put(&setting->reset, value_of(text, len));
}

void session_setting_told(struct session_setting *setting, const char *text, size_t len)
{
	put(&setting->now, value_of(text, len));
}

void session_setting_set(struct session_setting *setting, const struct session_setting_value *value, bool local,
                         bool block, uint32_t depth)
{
	if (local && !block)
		return; /* the server warns, and forgets it with the next Sync */
	if (!setting->open) {
		setting->open = calloc(1, sizeof(*setting->open));
		CHECK(setting->open);
		setting->open->before = session_setting_copy_value(&setting->now);
		setting->open->committed = session_setting_copy_value(&setting->now);
	}
	/* A ROLLBACK TO any of the open savepoints must find what was there before this change. */
	struct session_setting_open *open = setting->open;
	for (uint32_t at = open->count > 0 ? open->marks[open->count - 1].depth + 1 : 1; at <= depth; at++)
		remember(setting, at);
	if (!local)
		put(&open->committed, session_setting_copy_value(value));
	put(&setting->now, session_setting_copy_value(value));
}

void session_setting_release(struct session_setting *setting, uint32_t depth)
{
	if (setting->open)
		drop_marks(setting->open, depth);
}

void session_setting_rollback(struct session_setting *setting, uint32_t depth)
{
	struct session_setting_open *open = setting->open;
	for (uint32_t at = 0; open && at < open->count; at++) {
		if (open->marks[at].depth < depth)
			continue;
		put(&setting->now, session_setting_copy_value(&open->marks[at].now));
		put(&open->committed, session_setting_copy_value(&open->marks[at].committed));
		drop_marks(open, depth);
	}
}

void session_setting_doubt(struct session_setting *setting)
{
	struct session_setting_open *open = setting->open;
	if (!open || (session_setting_equal(&setting->now, &open->before) &&
	              session_setting_equal(&open->committed, &open->before)))
		return;
	put(&setting->now, (struct session_setting_value){.unknown = true});
	put(&open->committed, (struct session_setting_value){.unknown = true});
}

void session_setting_end(struct session_setting *setting, bool commit)
{
	struct session_setting_open *open = setting->open;
	if (!open)
		return;
	drop_marks(open, 0);
	free(open->marks);
	put(&setting->now, session_setting_copy_value(commit ? &open->committed : &open->before));
	free(open->before.text);
	free(open->committed.text);
	free(open);
	setting->open = NULL;
}

const struct session_setting_value *session_setting_earlier(const struct session_setting *setting, uint32_t at)
{
	const struct session_setting_open *open = setting->open;
	if (!open || at >= open->count + 2)
		return NULL;
	return at == 0 ? &open->before : at == 1 ? &open->committed : &open->marks[at - 2].now;
}

bool session_setting_equal(const struct session_setting_value *one, const struct session_setting_value *other)
{
	if (one->unknown || other->unknown)
		return one->unknown && other->unknown;
	return one->text && other->text ? strcmp(one->text, other->text) == 0 : one->text == other->text;
}

struct session_setting_value session_setting_copy_value(const struct session_setting_value *value)
{
	return value->text ? value_of(value->text, strlen(value->text)) : *value;
}

void session_setting_copy(struct session_setting *copy, const struct session_setting *setting)
{
	*copy = (struct session_setting){.now = session_setting_copy_value(&setting->now),
	                                 .reset = session_setting_copy_value(&setting->reset)};
	const struct session_setting_open *open = setting->open;
	if (!open)
		return;
	copy->open = calloc(1, sizeof(*copy->open));
	CHECK(copy->open);
	copy->open->before = session_setting_copy_value(&open->before);
	copy->open->committed = session_setting_copy_value(&open->committed);
	for (uint32_t at = 0; at < open->count; at++) {
		remember(copy, open->marks[at].depth);
		put(&copy->open->marks[at].now, session_setting_copy_value(&open->marks[at].now));
		put(&copy->open->marks[at].committed, session_setting_copy_value(&open->marks[at].committed));
	}
}

static void remember(struct session_setting *setting, uint32_t depth)
{
	struct session_setting_open *open = setting->open;
	if (open->count == open->capacity) {
		open->capacity = open->capacity ? open->capacity * 2 : 4;
		open->marks = realloc(open->marks, open->capacity * sizeof(*open->marks));
		CHECK(open->marks);
	}
	open->marks[open->count++] = (struct mark){.depth = depth,
	                                           .now = session_setting_copy_value(&setting->now),
	                                           .committed = session_setting_copy_value(&open->committed)};
}

/* Those of that depth or deeper. */
static void drop_marks(struct session_setting_open *open, uint32_t depth)
{
	while (open->count > 0 && open->marks[open->count - 1].depth >= depth) {
		struct mark *mark = &open->marks[--open->count];
		free(mark->now.text);
		free(mark->committed.text);
	}
}

static struct session_setting_value value_of(const char *text, size_t len)
{
	struct session_setting_value value = {.unknown = memchr(text, 0, len) != NULL};
	if (!value.unknown) {
		value.text = strndup(text, len);
		CHECK(value.text);
	}
	return value;
}

/* Takes over the value. */
static void put(struct session_setting_value *to, struct session_setting_value value)
{
	free(to->text);
	*to = value;
}
