#include "inspect/verdicts.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

static bool is_same(struct verdicts_class one, struct verdicts_class other);
static bool holds_for(const struct verdicts_entry *entry, struct verdicts_wanted *wanted, bool texts_matter);
static struct verdicts_class class_of(const struct verdicts_wanted *wanted);
static const struct verdicts_class *texts_of(struct verdicts_wanted *wanted);
static struct verdicts_entry *room_for(struct verdicts *verdicts);

struct verdicts_wanted verdicts_wanted(const struct shape_wants *wants, const struct context *input)
{
	struct verdicts_wanted wanted = {
	    .wants = wants,
	    .input = input,
	    .generation = input->catalog ? catalog_generation(input->catalog) : 0,
	};

	if (input->bound)
		wanted.class = class_of(&wanted);
	return wanted;
}

const struct verdict *verdicts_find(const struct verdicts *verdicts, struct verdicts_wanted *wanted)
{
	for (uint8_t at = 0; at < verdicts->count; at++) {
		const struct verdicts_entry *entry = &verdicts->list[at];

		if (entry->generation == wanted->generation && holds_for(entry, wanted, entry->verdict.texts_matter))
			return &entry->verdict;
	}
	return NULL;
}

const struct verdict *verdicts_put(struct verdicts *verdicts, struct verdicts_wanted *wanted,
                                   const struct verdict *verdict, struct verdict *before, bool *is_known)
{
	struct verdicts_entry *entry = NULL;

	for (uint8_t at = 0; at < verdicts->count && !entry; at++) {
		if (holds_for(&verdicts->list[at], wanted, verdict->texts_matter))
			entry = &verdicts->list[at];
	}
	*is_known = entry != NULL;
	if (entry)
		*before = entry->verdict;
	else
		entry = room_for(verdicts);
	*entry = (struct verdicts_entry){
	    .class = wanted->class,
	    .texts = verdict->texts_matter ? *texts_of(wanted) : (struct verdicts_class){0},
	    .generation = wanted->generation,
	    .verdict = *verdict,
	};
	return &entry->verdict;
}

const struct verdict *verdicts_once(struct verdicts *verdicts, const struct verdict *verdict)
{
	if (verdicts->once) {
		verdict_fini(verdicts->once);
	} else {
		verdicts->once = malloc(sizeof(*verdicts->once));
		CHECK(verdicts->once);
	}
	*verdicts->once = *verdict;
	return verdicts->once;
}

void verdicts_fini(struct verdicts *verdicts)
{
	for (uint8_t at = 0; at < verdicts->count; at++)
		verdict_fini(&verdicts->list[at].verdict);
	free(verdicts->list);
	if (verdicts->once)
		verdict_fini(verdicts->once);
	free(verdicts->once);
	*verdicts = (struct verdicts){0};
}

size_t verdicts_bytes(const struct shape_wants *wants)
{
	return (wants->count > 0 ? LIMIT_VERDICTS : 1) * sizeof(struct verdicts_entry);
}

static bool is_same(struct verdicts_class one, struct verdicts_class other)
{
	return one.low == other.low && one.high == other.high;
}

static bool holds_for(const struct verdicts_entry *entry, struct verdicts_wanted *wanted, bool texts_matter)
{
	return is_same(entry->class, wanted->class) && (!texts_matter || is_same(entry->texts, *texts_of(wanted)));
}

/* What the session's plans have to do with it is in there as well. */
static struct verdicts_class class_of(const struct verdicts_wanted *wanted)
{
	const struct context *input = wanted->input;
	uint32_t classes[2 + LIMIT_BOUND_PARAMETERS];
	size_t count = 0;

	classes[count++] = (uint32_t)input->session->counts_plans | (uint32_t)input->session->generic_plan << 1;
	classes[count++] = input->bound_count;
	for (uint16_t at = 0; at < wanted->wants->count; at++) {
		const struct bound_shape *bound = at < input->bound_count ? &input->bound[at] : &(struct bound_shape){0};

		if (wanted->wants->of[at])
			classes[count++] = shape_bound_class(bound, wanted->wants->of[at]);
	}
	const XXH128_hash_t hash = XXH3_128bits(classes, count * sizeof(classes[0]));
	return (struct verdicts_class){hash.low64, hash.high64};
}

static const struct verdicts_class *texts_of(struct verdicts_wanted *wanted)
{
	const struct context *input = wanted->input;
	XXH128_hash_t texts[LIMIT_BOUND_PARAMETERS] = {{0}};
	size_t count = 0;

	if (wanted->has_texts)
		return &wanted->texts;
	wanted->has_texts = true;
	for (uint16_t at = 0; at < wanted->wants->count; at++) {
		const struct bound_shape *bound = at < input->bound_count ? &input->bound[at] : &(struct bound_shape){0};

		if (!(wanted->wants->of[at] & SHAPE_WANT_TEXT))
			continue;
		if (bound->text)
			texts[count] = XXH3_128bits(bound->text, bound->len);
		count++;
	}
	const XXH128_hash_t hash = XXH3_128bits(texts, count * sizeof(texts[0]));
	wanted->texts = (struct verdicts_class){hash.low64, hash.high64};
	return &wanted->texts;
}

/* The oldest goes when there is none. */
static struct verdicts_entry *room_for(struct verdicts *verdicts)
{
	if (verdicts->count == LIMIT_VERDICTS) {
		struct verdicts_entry *entry = &verdicts->list[verdicts->oldest];

		verdicts->oldest = (uint8_t)((verdicts->oldest + 1) % LIMIT_VERDICTS);
		verdict_fini(&entry->verdict);
		return entry;
	}
	if (verdicts->count == verdicts->room) {
		verdicts->room = verdicts->room ? LIMIT_VERDICTS : 1;
		verdicts->list = realloc(verdicts->list, verdicts->room * sizeof(*verdicts->list));
		CHECK(verdicts->list);
	}
	return &verdicts->list[verdicts->count++];
}
