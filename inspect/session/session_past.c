#include "inspect/session/session_past.h"

#include "config/check.h"
#include "config/limits.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct session_past *session_past_add(struct session_past *past, const struct session_past_entry *entry)
{
	uint32_t count = past ? past->count : 0;
	/* What is known at this depth or above says as much. */
	for (uint32_t at = 0; at < count; at++) {
		const struct session_past_entry *old = &past->entries[at];
		if (old->kind == entry->kind && old->relation == entry->relation && old->name == entry->name &&
		    old->depth <= entry->depth && old->lock >= entry->lock && old->untimed >= entry->untimed)
			return past;
	}
	if (count == LIMIT_SESSION_PAST)
		return past;
	if (!past || count == past->capacity) {
		uint32_t capacity = count ? count * 2 : 4;
		past = realloc(past, sizeof(*past) + capacity * sizeof(past->entries[0]));
		CHECK(past);
		past->capacity = capacity;
		past->count = count;
	}
	past->entries[past->count++] = *entry;
	return past;
}

void session_past_release(struct session_past *past, uint32_t depth)
{
	for (uint32_t at = 0; past && at < past->count; at++) {
		if (past->entries[at].depth >= depth)
			past->entries[at].depth = depth - 1;
	}
}

void session_past_rollback(struct session_past *past, uint32_t depth)
{
	uint32_t kept = 0;
	for (uint32_t at = 0; past && at < past->count; at++) {
		if (past->entries[at].depth < depth || past->entries[at].kept)
			past->entries[kept++] = past->entries[at];
	}
	if (past)
		past->count = kept;
}

struct session_past *session_past_keep(struct session_past *past)
{
	uint32_t kept = 0;
	for (uint32_t at = 0; past && at < past->count; at++) {
		if (past->entries[at].kind != SESSION_PAST_DROPPED)
			continue;
		past->entries[kept] = past->entries[at];
		past->entries[kept].depth = 0;
		past->entries[kept++].kept = true;
	}
	if (kept == 0) {
		free(past);
		return NULL;
	}
	past->count = kept;
	return past;
}

struct session_past *session_past_copy(const struct session_past *past)
{
	if (!past)
		return NULL;
	size_t size = sizeof(*past) + past->capacity * sizeof(past->entries[0]);
	struct session_past *copy = malloc(size);
	CHECK(copy);
	memcpy(copy, past, size);
	return copy;
}

const struct session_past_entry *session_past_find(const struct session_past *past, enum session_past_kind kind,
                                                   uint32_t relation, const char *name)
{
	uint64_t hash = name ? session_past_name(name) : 0;
	for (uint32_t at = 0; past && at < past->count; at++) {
		const struct session_past_entry *entry = &past->entries[at];
		if (entry->kind == kind && (relation == 0 || entry->relation == relation) &&
		    (!name || entry->name == hash))
			return entry;
	}
	return NULL;
}

uint64_t session_past_name(const char *name)
{
	return XXH3_64bits(name, strlen(name));
}
