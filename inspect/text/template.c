#include "inspect/text/template.h"
#include "config/limits.h"
#include "inspect/text/pass.h"
#include "inspect/text/shape.h"

#include <stdlib.h>
#include <string.h>

/* Inlined, because libpg_query exports its own, older copy of the same names. */
#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	BUCKETS = 512,
	IN_BUCKET_MAX = LIMIT_TEMPLATES / BUCKETS * 8, /* texts gather: all that read the same table begin alike */
	PAYLOAD_BYTES = 16,
};

/* What a text is looked up by: its first bytes, as many of these as stand before its first literal. */
static const size_t prefixes[] = {48, 24, 12, 6};

static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a hash is cut by a mask");

/* `bytes` holds the pieces between the events one after the other; piece n stands before event n, the last one behind
 * the last event. */
struct template
{
	struct template *next;
	uint8_t payload[PAYLOAD_BYTES];
	uint32_t event_count;
	struct trace_event *events;  /* begin: where the piece before it ends in `bytes` */
	struct constants_rows *rows; /* NULL when no event has some */
	uint32_t bytes_len;
	char bytes[];
};

struct template_store {
	uint32_t count;
	uint32_t hand; /* the bucket that gives next */
	struct template *buckets[BUCKETS];
};

static struct template *search(struct template **bucket, const char *at, const char *end);
static bool matches(const struct template *template, const char *at, const char *end);
static const char *match_event(const struct template *template, const struct trace_event *event, const char *at,
                               const char *end);
static void free_template(struct template *template);
static const char *match_string(const struct trace_event *event, const char *at, const char *end);
static const char *match_number(const struct trace_event *event, const char *at, const char *end);
static const char *skip_outside(const char *at, const char *end);
static struct template **bucket_of(struct template_store *store, const char *text, size_t len);
static void make_room(struct template_store *store, struct template **bucket);

struct template_store *template_store_new(void)
{
	struct template_store *store = calloc(1, sizeof(*store));

	CHECK(store);
	return store;
}

void template_store_free(struct template_store *store)
{
	for (size_t at = 0; store && at < BUCKETS; at++) {
		while (store->buckets[at]) {
			struct template *next = store->buckets[at]->next;

			free_template(store->buckets[at]);
			store->buckets[at] = next;
		}
	}
	free(store);
}

const void *template_find(struct template_store *store, const char *sql, size_t len)
{
	const char *end = sql + len, *at = skip_outside(sql, end);
	struct template *found = NULL;

	for (size_t level = 0; !found && level < ARRAY_LEN(prefixes); level++) {
		if ((size_t)(end - at) >= prefixes[level])
			found = search(bucket_of(store, at, prefixes[level]), at, end);
	}
	return found ? found->payload : NULL;
}

void template_keep(struct template_store *store, const char *sql, const struct trace *trace, const void *payload)
{
	size_t bytes = 0, first = trace->count ? trace->events[0].begin : trace->end, level = 0;
	uint32_t at = trace->begin;
	struct template *template, **bucket;

	while (level < ARRAY_LEN(prefixes) && first - trace->begin < prefixes[level])
		level++;
	if (!trace->usable || level == ARRAY_LEN(prefixes))
		return;
	for (uint32_t event = 0; event < trace->count; event++) {
		CHECK(trace->events[event].begin >= at);
		bytes += trace->events[event].begin - at;
		at = trace->events[event].end;
	}
	CHECK(trace->end >= at);
	bytes += trace->end - at;
	if (bytes > LIMIT_TEMPLATE_BYTES)
		return;
	template = calloc(1, sizeof(*template) + bytes);
	CHECK(template);
	template->event_count = trace->count;
	template->events = calloc(trace->count + 1u, sizeof(*template->events));
	CHECK(template->events);
	memcpy(template->payload, payload, PAYLOAD_BYTES);
	at = trace->begin;
	for (uint32_t event = 0; event < trace->count; event++) {
		memcpy(template->bytes + template->bytes_len, sql + at, trace->events[event].begin - at);
		template->bytes_len += trace->events[event].begin - at;
		at = trace->events[event].end;
		template->events[event] = trace->events[event];
		template->events[event].begin = template->bytes_len;
		if (trace->events[event].kind == TRACE_ROWS && !template->rows) {
			template->rows = malloc(sizeof(trace->rows));
			CHECK(template->rows);
			memcpy(template->rows, trace->rows, sizeof(trace->rows));
		}
	}
	memcpy(template->bytes + template->bytes_len, sql + at, trace->end - at);
	template->bytes_len += trace->end - at;

	bucket = bucket_of(store, template->bytes, prefixes[level]);
	make_room(store, bucket);
	template->next = *bucket;
	*bucket = template;
	store->count++;
}

/* The one found comes first from now on. */
static struct template *search(struct template **bucket, const char *at, const char *end)
{
	for (struct template **link = bucket; *link; link = &(*link)->next) {
		struct template *template = *link;

		if (!matches(template, at, end))
			continue;
		if (link != bucket) {
			*link = template->next;
			template->next = *bucket;
			*bucket = template;
		}
		return template;
	}
	return NULL;
}

/* Up to each literal the two texts are the same bytes, so the same rules have put the lexer where it is; and a literal
 * that ends where the next piece begins ends there for the lexer as well, since what decides that, the bytes behind it,
 * is the same. */
static bool matches(const struct template *template, const char *at, const char *end)
{
	uint32_t from = 0;

	for (uint32_t number = 0; number <= template->event_count; number++) {
		bool last = number == template->event_count;
		size_t len = (last ? template->bytes_len : template->events[number].begin) - from;

		if ((size_t)(end - at) < len || memcmp(at, template->bytes + from, len) != 0)
			return false;
		at += len;
		from += (uint32_t)len;
		if (last)
			break;
		at = match_event(template, &template->events[number], at, end);
		if (!at)
			return false;
	}
	return skip_outside(at, end) == end;
}

/* Behind it; NULL when the text has something else there. */
static const char *match_event(const struct template *template, const struct trace_event *event, const char *at,
                               const char *end)
{
	const char *behind, *last_comma;
	uint32_t count;

	switch ((enum trace_kind)event->kind) {
	case TRACE_STRING:
		return match_string(event, at, end);
	case TRACE_INTEGER:
	case TRACE_DECIMAL:
		return match_number(event, at, end);
	case TRACE_ROWS:
		behind = constants_skip_rows(at, end, &template->rows[event->rows]);
		return behind == at ? NULL : behind;
	case TRACE_MEMBERS:
		behind = constants_skip_members(at, end, &event->member, &last_comma, &count);
		return behind == at || (count >= LIMIT_LIST_MEMBERS) != event->many ? NULL : behind;
	}
	return NULL;
}

static const char *match_string(const struct trace_event *event, const char *at, const char *end)
{
	const char *behind, *text;
	unsigned value;
	bool plain;
	size_t len;

	if (at == end || *at != '\'')
		return NULL;
	behind = constants_string_end(at, end, &plain);
	if (!behind || (event->escapes && memchr(at, '\\', (size_t)(behind - at))))
		return NULL;
	text = at + 1;
	len = (size_t)(behind - at) - 2;
	if (event->classed && (!plain || shape_class(text, len) != event->class))
		return NULL;
	if (event->valued && !literal_value_class(text, len, plain, event->secret, &value))
		return NULL;
	return !event->valued || value == event->value ? behind : NULL;
}

static const char *match_number(const struct trace_event *event, const char *at, const char *end)
{
	const char *behind = constants_digits_end(at, end);

	if (behind == at)
		return NULL;
	if (event->kind == TRACE_INTEGER)
		return literal_integer_class(at, (size_t)(behind - at), event->after_offset) == event->class ? behind
		                                                                                             : NULL;
	/* "1." may go on as "1..2", and an exponent is left to the whole pass as well. */
	if (end - behind < 2 || behind[0] != '.' || constants_digits_end(behind + 1, end) == behind + 1)
		return NULL;
	return constants_digits_end(behind + 1, end);
}

/* White space and comments before the first token and behind the last: where tools put what differs each time. */
static const char *skip_outside(const char *at, const char *end)
{
	for (;;) {
		const char *close;

		at = constants_space_end(at, end);
		if (end - at < 4 || at[0] != '/' || at[1] != '*')
			return at;
		close = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2);
		/* Comments nest; one with another in it is left to the whole pass. */
		if (!close || memmem(at + 2, (size_t)(close - at) - 2, "/*", 2))
			return at;
		at = close + 2;
	}
}

static struct template **bucket_of(struct template_store *store, const char *text, size_t len)
{
	return &store->buckets[XXH3_64bits_withSeed(text, len, len) & (BUCKETS - 1)];
}

/* Out goes the last of the bucket, or, when there are too many in all, of another; which one takes turns. */
static void make_room(struct template_store *store, struct template **bucket)
{
	unsigned here = 0;

	for (const struct template *template = *bucket; template; template = template->next)
		here++;
	if (here < IN_BUCKET_MAX && store->count < LIMIT_TEMPLATES)
		return;
	while (here < IN_BUCKET_MAX && !store->buckets[store->hand])
		store->hand = (store->hand + 1) % BUCKETS;
	if (here < IN_BUCKET_MAX) {
		bucket = &store->buckets[store->hand];
		store->hand = (store->hand + 1) % BUCKETS;
	}
	while ((*bucket)->next)
		bucket = &(*bucket)->next;
	free_template(*bucket);
	*bucket = NULL;
	store->count--;
}

static void free_template(struct template *template)
{
	free(template->events);
	free(template->rows);
	free(template);
}
