#include "inspect/session/session_created.h"

#include "config/check.h"
#include "config/limits.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Depth 0 is the transaction itself, n inside its n-th open savepoint. Temporary relations outlive the transaction
 * that made them; then they are `kept`. */
struct relation {
	char schema[LIMIT_NAME_BYTES]; /* "" when the statement did not say */
	char name[LIMIT_NAME_BYTES];
	uint32_t depth;
	bool temporary, kept;
};

struct session_created {
	uint32_t count, capacity;
	struct relation relations[];
};

static bool creates(const struct fact_action *action);
static void remove_at(struct session_created *created, uint32_t at);
static bool is_same(const struct relation *relation, const struct session_created_names *names, const char *schema,
                    const char *name);
static bool same(const char *created_schema, const char *created_name, bool temporary,
                 const struct session_created_names *names, const char *schema, const char *name);
static bool path_names(const struct session_created_names *names, const char *schema);

struct session_created *session_created_add(struct session_created *created, const struct facts *facts, uint32_t depth,
                                            bool open)
{
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (!creates(action))
			continue;
		uint32_t count = created ? created->count : 0;
		if (count == LIMIT_CREATED_RELATIONS)
			return created;
		if (!created || count == created->capacity) {
			uint32_t capacity = count ? count * 2 : 4;
			created = realloc(created, sizeof(*created) + capacity * sizeof(created->relations[0]));
			CHECK(created);
			created->capacity = capacity;
			created->count = count;
		}
		const struct fact_relation *relation = &facts->relations[action->relation];
		struct relation *entry = &created->relations[created->count++];
		memset(entry, 0, sizeof(*entry));
		if (relation->schema)
			strncpy(entry->schema, relation->schema, sizeof(entry->schema) - 1);
		strncpy(entry->name, relation->name, sizeof(entry->name) - 1);
		entry->depth = depth;
		entry->temporary = action->temporary || strcmp(entry->schema, "pg_temp") == 0;
		if (entry->temporary)
			entry->schema[0] = 0;
		/* In autocommit it is there to stay at once; ReadyForQuery must not forget it. */
		entry->kept = entry->temporary && !open;
	}
	return created;
}

void session_created_drop(struct session_created *created, const struct facts *facts,
                          const struct session_created_names *names)
{
	for (uint16_t i = 0; created && i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (action->form != DDL_DROP_TABLE || action->relation < 0)
			continue;
		const struct fact_relation *relation = &facts->relations[action->relation];
		/* The last one first: a temporary table hides an older one of that name. */
		for (uint32_t at = created->count; at-- > 0;) {
			if (!is_same(&created->relations[at], names, relation->schema, relation->name))
				continue;
			remove_at(created, at);
			break;
		}
	}
}

void session_created_release(struct session_created *created, uint32_t depth)
{
	for (uint32_t i = 0; created && i < created->count; i++) {
		if (created->relations[i].depth >= depth)
			created->relations[i].depth = depth - 1;
	}
}

struct session_created *session_created_rollback(struct session_created *created, uint32_t depth)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; created && i < created->count; i++) {
		if (created->relations[i].kept || created->relations[i].depth < depth)
			created->relations[kept++] = created->relations[i];
	}
	if (kept == 0) {
		free(created);
		return NULL;
	}
	created->count = kept;
	return created;
}

void session_created_keep(struct session_created *created)
{
	for (uint32_t i = 0; created && i < created->count; i++)
		created->relations[i].kept |= created->relations[i].temporary;
}

void session_created_forget_temporary(struct session_created *created)
{
	for (uint32_t i = 0; created && i < created->count;) {
		if (created->relations[i].temporary)
			remove_at(created, i);
		else
			i++;
	}
}

struct session_created *session_created_copy(const struct session_created *created)
{
	if (!created)
		return NULL;
	size_t size = sizeof(*created) + created->capacity * sizeof(created->relations[0]);
	struct session_created *copy = malloc(size);
	CHECK(copy);
	memcpy(copy, created, size);
	return copy;
}

bool session_created_has(const struct session_created *created, const struct session_created_names *names,
                         const char *schema, const char *name)
{
	for (uint32_t i = 0; created && i < created->count; i++) {
		if (is_same(&created->relations[i], names, schema, name))
			return true;
	}
	return false;
}

bool session_created_by(const struct facts *facts, const struct session_created_names *names, const char *schema,
                        const char *name)
{
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (!creates(action))
			continue;
		const struct fact_relation *relation = &facts->relations[action->relation];
		if (same(relation->schema, relation->name, action->temporary, names, schema, name))
			return true;
	}
	return false;
}

uint64_t session_created_scope(const struct session_created *created)
{
	uint64_t scope = 0;
	for (uint32_t i = 0; created && i < created->count; i++) {
		if (created->relations[i].temporary)
			scope ^= XXH3_64bits_withSeed(created->relations[i].name, LIMIT_NAME_BYTES, 1);
	}
	return scope;
}

static bool creates(const struct fact_action *action)
{
	bool sequence = action->form == DDL_SEQUENCE && action->lock == LOCK_NONE && !action->method;
	bool table = action->form == DDL_CREATE_TABLE || action->form == DDL_CREATE_TABLE_AS;
	return (table || sequence) && action->relation >= 0 &&
	       (!action->if_exists || action->temporary);
}

static void remove_at(struct session_created *created, uint32_t at)
{
	created->count--;
	memmove(&created->relations[at], &created->relations[at + 1],
	        (created->count - at) * sizeof(created->relations[0]));
}

/* -- names ---------------------------------------------------------------------------------------- */

static bool is_same(const struct relation *relation, const struct session_created_names *names, const char *schema,
                    const char *name)
{
	return same(relation->schema[0] ? relation->schema : NULL, relation->name, relation->temporary, names, schema,
	            name);
}

static bool same(const char *created_schema, const char *created_name, bool temporary,
                 const struct session_created_names *names, const char *schema, const char *name)
{
	if (strcmp(created_name, name) != 0)
		return false;
	if (temporary)
		return !schema || strcmp(schema, "pg_temp") == 0;
	if (!created_schema && !schema)
		return true;
	if (created_schema && schema)
		return strcmp(created_schema, schema) == 0;
	return path_names(names, created_schema ? created_schema : schema);
}

/* Does the search_path name that schema? The server's default does name "$user" and public. */
static bool path_names(const struct session_created_names *names, const char *schema)
{
	const char *at = names->path[0] ? names->path : "\"$user\", public";
	if (names->path_unknown)
		return true; /* more likely than not: what was created by its bare name is looked for by it */
	while (*at) {
		char element[LIMIT_NAME_BYTES + 1];
		size_t len = 0;
		bool quoted = false;
		for (; *at && (quoted || *at != ','); at++) {
			if (*at == '"')
				quoted = !quoted;
			else if ((quoted || *at != ' ') && len < sizeof(element) - 1)
				element[len++] = (char)(!quoted && *at >= 'A' && *at <= 'Z' ? *at + 'a' - 'A' : *at);
		}
		element[len] = 0;
		if (strcmp(strcmp(element, "$user") == 0 ? names->user : element, schema) == 0)
			return true;
		if (*at)
			at++;
	}
	return false;
}
