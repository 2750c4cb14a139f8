#include "inspect/session_state.h"

#include "config/check.h"
#include "config/limits.h"

#include <string.h>
#include <strings.h>
#include <xxhash.h>

struct search_path {
	char text[256];
	bool unknown;
};

/* Depth 0 is the transaction itself, n inside its n-th open savepoint. Temporary relations outlive the transaction
 * that made them; then they are `kept`. */
struct created_relation {
	char schema[LIMIT_NAME_BYTES]; /* "" when the statement did not say */
	char name[LIMIT_NAME_BYTES];
	uint16_t depth;
	bool temporary, kept;
};

/* The newest of them. */
struct session_foreseen {
	uint32_t count;
	struct search_path paths[LIMIT_FORESEEN_PATHS];
};

struct session_created {
	uint32_t count, capacity;
	struct created_relation relations[];
};

/* Of a savepoint only what ROLLBACK TO needs: its name's hash, and the search_paths as they were, kept from the
 * first change after it. */
struct savepoint {
	uint64_t name;
	struct search_path *path, *path_committed; /* NULL while unchanged */
};

struct session_transaction {
	struct search_path before;    /* goes back to this at ROLLBACK */
	struct search_path committed; /* and to this at COMMIT: SET LOCAL does not reach it */
	struct savepoint *savepoints;
	uint32_t savepoint_count, savepoint_capacity;
};

static void transaction_begin(struct session_state *state);
static void transaction_end(struct session_state *state, bool commit);
static void savepoint_push(struct session_state *state, const char *name);
static void savepoint_release(struct session_state *state, const char *name);
static void savepoint_rollback(struct session_state *state, const char *name);
static void send_one(struct session_state *state, const struct facts *facts);
static bool sets_path(const struct facts *facts, const struct session_state *state, struct search_path *path);
static void foresee(struct session_state *state, const struct search_path *path);
static void set_path(struct session_state *state, const struct search_path *path, bool local);
static struct search_path path_of(const char *value);
static void apply_path(struct session_state *state, const struct search_path *path);
static struct search_path current_path(const struct session_state *state);
static void completed_one(struct session_state *state, const struct facts *facts);
static void create_relations(struct session_state *state, const struct facts *facts);
static void drop_relations(struct session_state *state, const struct facts *facts);
static void forget_created(struct session_state *state, uint16_t depth);
static void forget_temporary(struct session_state *state);
static bool same_relation(const struct session_state *state, const char *created_schema, const char *created_name,
                          bool temporary, const char *schema, const char *name);
static bool path_names(const struct session_state *state, const char *schema);
static bool action_creates(const struct fact_action *action);
static void update_scope(struct session_state *state);
static uint64_t hash_name(const char *name);
static void *grow(void *memory, size_t size);

void session_state_init(struct session_state *state, const char *database, size_t database_len, const char *user,
                        size_t user_len)
{
	memset(state, 0, sizeof(*state));
	/* A name that is too long is cut as the server cuts it, NAMEDATALEN - 1. */
	if (database_len > 0)
		memcpy(state->database, database,
		       database_len < LIMIT_NAME_BYTES ? database_len : LIMIT_NAME_BYTES - 1);
	if (user_len > 0)
		memcpy(state->user, user, user_len < LIMIT_NAME_BYTES ? user_len : LIMIT_NAME_BYTES - 1);
	state->standard_conforming_strings = true;
	state->client_encoding = state->server_encoding = encoding_utf8();
	state->transaction = 'I';
	update_scope(state);
}

void session_state_fini(struct session_state *state)
{
	if (state->open) {
		state->transaction = 'I';
		transaction_end(state, false);
	}
	free(state->created);
	state->created = NULL;
	free(state->unready);
	state->unready = NULL;
	session_state_settled(state);
}

void session_state_search_path(struct session_state *state, const char *value, size_t len)
{
	if (len >= sizeof(state->search_path) || memchr(value, 0, len)) {
		state->search_path_unknown = true;
	} else {
		memset(state->search_path, 0, sizeof(state->search_path));
		memcpy(state->search_path, value, len);
		memcpy(state->search_path_reset, state->search_path, sizeof(state->search_path));
		state->search_path_unknown = false;
	}
	update_scope(state);
}

void session_state_parameter(struct session_state *state, const char *name, size_t name_len, const char *value,
                             size_t value_len)
{
	if (name_len == strlen("TimeZone") && strncasecmp(name, "TimeZone", name_len) == 0) {
		state->time_zone_utc = session_state_is_utc(value, value_len);
	} else if (name_len == strlen("standard_conforming_strings") &&
	           strncasecmp(name, "standard_conforming_strings", name_len) == 0) {
		state->standard_conforming_strings = value_len == 2 && strncasecmp(value, "on", 2) == 0;
	} else if (name_len == strlen("client_encoding") && strncasecmp(name, "client_encoding", name_len) == 0) {
		state->client_encoding = encoding_named(value, value_len);
	} else if (name_len == strlen("server_encoding") && strncasecmp(name, "server_encoding", name_len) == 0) {
		state->server_encoding = encoding_named(value, value_len);
	} else if (name_len == strlen("search_path") && strncasecmp(name, "search_path", name_len) == 0) {
		struct search_path path = {.unknown = value_len >= sizeof(path.text) || memchr(value, 0, value_len)};
		if (!path.unknown)
			memcpy(path.text, value, value_len);
		apply_path(state, &path);
	}
}

const struct encoding *session_state_encoding(const struct session_state *state)
{
	const struct encoding *encoding = state->client_encoding;
	if (encoding && encoding_is_sql_ascii(encoding))
		encoding = state->server_encoding;
	/* What has no name here hides no ASCII either: no server has learnt an encoding since 2009. */
	return encoding ? encoding : encoding_utf8();
}

void session_state_ready(struct session_state *state, uint8_t status)
{
	state->transaction = status;
	free(state->unready);
	state->unready = NULL;
	if (status == 'I') {
		if (state->open) {
			/* It has ended by a statement that was not understood, so nothing says whether by COMMIT or
			 * ROLLBACK: a search_path that was changed in it is not known any more. */
			struct search_path now = current_path(state);
			bool changed = now.unknown || strcmp(now.text, state->open->before.text) != 0 ||
			               strcmp(now.text, state->open->committed.text) != 0;
			transaction_end(state, true);
			state->search_path_unknown |= changed;
			update_scope(state);
		}
		forget_created(state, 0);
	} else if (!state->open) {
		transaction_begin(state);
	}
}

void session_state_sent(struct session_state *state, const struct facts *facts, uint16_t statement_count)
{
	for (uint16_t i = 0; i < statement_count; i++)
		send_one(state, &facts[i]);
}

void session_state_settled(struct session_state *state)
{
	free(state->foreseen);
	state->foreseen = NULL;
}

uint32_t session_state_paths(const struct session_state *state)
{
	return state->foreseen ? state->foreseen->count : 0;
}

void session_state_with_path(const struct session_state *state, uint32_t at, struct session_state *with)
{
	CHECK(at < session_state_paths(state));
	*with = *state;
	apply_path(with, &state->foreseen->paths[at]);
}

void session_state_completed(struct session_state *state, const struct facts *facts, uint16_t statement_count)
{
	for (uint16_t i = 0; i < statement_count; i++)
		completed_one(state, &facts[i]);
}

void session_state_failed(struct session_state *state)
{
	if (!state->unready)
		return;
	apply_path(state, state->unready);
	free(state->unready);
	state->unready = NULL;
}

void session_state_doubt(struct session_state *state, bool path)
{
	const struct search_path unknown = {.unknown = true};
	if (path)
		set_path(state, &unknown, false);
	forget_created(state, 0);
	forget_temporary(state);
}

bool session_state_created(const struct session_state *state, const char *schema, const char *name)
{
	for (uint32_t i = 0; state->created && i < state->created->count; i++) {
		const struct created_relation *created = &state->created->relations[i];
		if (same_relation(state, created->schema[0] ? created->schema : NULL, created->name, created->temporary,
		                  schema, name))
			return true;
	}
	return false;
}

bool session_state_creates(const struct session_state *state, const struct facts *facts, const char *schema,
                           const char *name)
{
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (!action_creates(action))
			continue;
		const struct fact_relation *relation = &facts->relations[action->relation];
		if (same_relation(state, relation->schema, relation->name, action->temporary, schema, name))
			return true;
	}
	return false;
}

/* The zones whose offset is 0 and always was: only between them and UTC does PostgreSQL take timestamp and
 * timestamptz for the same bits (TimestampTimestampTzRequiresRewrite in timestamp.c). */
bool session_state_is_utc(const char *zone, size_t len)
{
	static const char *const zones[] = {
	    "UTC",   "UCT",   "GMT",  "Zulu",  "Universal", "Greenwich", "GMT0",
	    "GMT+0", "GMT-0", "UTC0", "UTC+0", "UTC-0",     "<+00>+00",  "<+00>-00",
	};
	if (len > 4 && strncasecmp(zone, "Etc/", 4) == 0) {
		zone += 4;
		len -= 4;
	}
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (len == strlen(zones[i]) && strncasecmp(zone, zones[i], len) == 0)
			return true;
	}
	return false;
}

/* -- statements ---------------------------------------------------------------------------------- */

static void send_one(struct session_state *state, const struct facts *facts)
{
	const struct session_transaction *open = state->open;
	struct search_path path;
	switch (facts->kind) {
	case STATEMENT_COMMIT:
	case STATEMENT_ROLLBACK:
	case STATEMENT_ROLLBACK_TO:
		if (!open)
			break;
		foresee(state, &open->before);
		foresee(state, &open->committed);
		for (uint32_t i = 0; i < open->savepoint_count; i++) {
			if (open->savepoints[i].path)
				foresee(state, open->savepoints[i].path);
		}
		break;
	default:
		if (sets_path(facts, state, &path))
			foresee(state, &path);
		break;
	}
}

static void completed_one(struct session_state *state, const struct facts *facts)
{
	struct search_path path;
	if (sets_path(facts, state, &path))
		set_path(state, &path, facts->local);
	switch (facts->kind) {
	case STATEMENT_BEGIN:
		if (!state->open)
			transaction_begin(state);
		break;
	case STATEMENT_COMMIT:
		/* COMMIT of a failed transaction is a ROLLBACK. */
		transaction_end(state, state->transaction != 'E');
		break;
	case STATEMENT_ROLLBACK:
		transaction_end(state, false);
		break;
	case STATEMENT_SAVEPOINT:
		savepoint_push(state, facts->name);
		break;
	case STATEMENT_RELEASE:
		savepoint_release(state, facts->name);
		break;
	case STATEMENT_ROLLBACK_TO:
		savepoint_rollback(state, facts->name);
		break;
	case STATEMENT_DISCARD:
		if (facts->name && (strcasecmp(facts->name, "all") == 0 || strcasecmp(facts->name, "temp") == 0))
			forget_temporary(state);
		break;
	default:
		break;
	}
	if (facts->action_count > 0) {
		drop_relations(state, facts);
		create_relations(state, facts);
	}
}

/* Also SELECT set_config('search_path', …): walk.c names the setting there too. */
static bool sets_path(const struct facts *facts, const struct session_state *state, struct search_path *path)
{
	bool named = facts->name && strcasecmp(facts->name, "search_path") == 0;
	switch (facts->kind) {
	case STATEMENT_SET:
	case STATEMENT_SELECT:
		*path = path_of(facts->value);
		return named;
	case STATEMENT_RESET:
		*path = path_of(state->search_path_reset);
		return !facts->name || named;
	case STATEMENT_DISCARD:
		*path = path_of(state->search_path_reset);
		return facts->name && strcasecmp(facts->name, "all") == 0;
	default:
		return false;
	}
}

/* -- transactions and savepoints ------------------------------------------------------------------ */

static void transaction_begin(struct session_state *state)
{
	CHECK(!state->open);
	state->open = grow(NULL, sizeof(*state->open));
	*state->open = (struct session_transaction){.before = current_path(state), .committed = current_path(state)};
	/* BEGIN makes a block of what went before it in the same pipeline. */
	if (state->unready)
		state->open->before = *state->unready;
	free(state->unready);
	state->unready = NULL;
}

static void savepoint_drop(struct savepoint *savepoint)
{
	free(savepoint->path);
	free(savepoint->path_committed);
}

static void transaction_end(struct session_state *state, bool commit)
{
	struct session_transaction *open = state->open;
	if (open) {
		for (uint32_t i = 0; i < open->savepoint_count; i++)
			savepoint_drop(&open->savepoints[i]);
		struct search_path path = commit ? open->committed : open->before;
		free(open->savepoints);
		free(open);
		state->open = NULL;
		apply_path(state, &path);
	}
	for (uint32_t i = 0; commit && state->created && i < state->created->count; i++)
		state->created->relations[i].kept |= state->created->relations[i].temporary;
	forget_created(state, 0);
}

static void savepoint_push(struct session_state *state, const char *name)
{
	if (!state->open)
		transaction_begin(state);
	struct session_transaction *open = state->open;
	if (open->savepoint_count == LIMIT_SAVEPOINTS)
		return; /* a ROLLBACK TO it does not find it, and forgets more */
	if (open->savepoint_count == open->savepoint_capacity) {
		open->savepoint_capacity = open->savepoint_capacity ? open->savepoint_capacity * 2 : 4;
		open->savepoints = grow(open->savepoints, open->savepoint_capacity * sizeof(*open->savepoints));
	}
	open->savepoints[open->savepoint_count++] = (struct savepoint){.name = hash_name(name)};
}

/* The innermost of that name, as the server takes it; -1 when there is none. */
static int64_t savepoint_find(const struct session_state *state, const char *name)
{
	uint64_t hash = hash_name(name);
	for (int64_t i = state->open ? (int64_t)state->open->savepoint_count - 1 : -1; i >= 0; i--) {
		if (state->open->savepoints[i].name == hash)
			return i;
	}
	return -1;
}

static void savepoint_release(struct session_state *state, const char *name)
{
	int64_t at = savepoint_find(state, name);
	if (at < 0)
		return;
	for (uint32_t i = (uint32_t)at; i < state->open->savepoint_count; i++)
		savepoint_drop(&state->open->savepoints[i]);
	state->open->savepoint_count = (uint32_t)at;
	for (uint32_t i = 0; state->created && i < state->created->count; i++) {
		if (state->created->relations[i].depth > at)
			state->created->relations[i].depth = (uint16_t)at;
	}
}

static void savepoint_rollback(struct session_state *state, const char *name)
{
	int64_t at = savepoint_find(state, name);
	if (at < 0) {
		/* One past the ceiling, or of a transaction whose begin was not seen. What was created may be gone,
		 * and what was set unset. */
		if (state->open && strcmp(state->search_path, state->open->before.text) != 0)
			state->search_path_unknown = true;
		forget_created(state, 0);
		return;
	}
	struct session_transaction *open = state->open;
	for (uint32_t i = (uint32_t)at + 1; i < open->savepoint_count; i++)
		savepoint_drop(&open->savepoints[i]);
	open->savepoint_count = (uint32_t)at + 1;
	forget_created(state, (uint16_t)(at + 1));
	struct savepoint *savepoint = &open->savepoints[at];
	if (savepoint->path) {
		open->committed = *savepoint->path_committed;
		apply_path(state, savepoint->path);
		savepoint_drop(savepoint);
		savepoint->path = savepoint->path_committed = NULL;
	}
}

/* -- search_path ---------------------------------------------------------------------------------- */

static struct search_path *copy_path(const struct search_path *path)
{
	struct search_path *copy = grow(NULL, sizeof(*copy));
	*copy = *path;
	return copy;
}

static void set_path(struct session_state *state, const struct search_path *path, bool local)
{
	struct session_transaction *open = state->open;
	if (local && !open)
		return; /* the server warns, and forgets it with the next Sync */
	struct search_path now = current_path(state);
	/* What is sent before the answer that tells of a failure finds the old one. */
	foresee(state, &now);
	if (!open && !state->unready)
		state->unready = copy_path(&now);
	for (uint32_t i = 0; open && i < open->savepoint_count; i++) {
		if (!open->savepoints[i].path) {
			open->savepoints[i].path = copy_path(&now);
			open->savepoints[i].path_committed = copy_path(&open->committed);
		}
	}
	if (open && !local)
		open->committed = *path;
	apply_path(state, path);
}

static void foresee(struct session_state *state, const struct search_path *path)
{
	struct session_foreseen *foreseen = state->foreseen;
	if (!foreseen) {
		foreseen = grow(NULL, sizeof(*foreseen));
		foreseen->count = 0;
		state->foreseen = foreseen;
	}
	for (uint32_t i = 0; i < foreseen->count; i++) {
		const struct search_path *known = &foreseen->paths[i];
		if (known->unknown == path->unknown && strcmp(known->text, path->text) == 0)
			return;
	}
	if (foreseen->count == LIMIT_FORESEEN_PATHS)
		memmove(&foreseen->paths[0], &foreseen->paths[1], (--foreseen->count) * sizeof(foreseen->paths[0]));
	foreseen->paths[foreseen->count++] = *path;
}

/* `value` NULL: something that is not known here. */
static struct search_path path_of(const char *value)
{
	struct search_path path = {.unknown = !value || strlen(value) >= sizeof(path.text)};
	if (!path.unknown)
		memcpy(path.text, value, strlen(value));
	return path;
}

static void apply_path(struct session_state *state, const struct search_path *path)
{
	memcpy(state->search_path, path->text, sizeof(state->search_path));
	state->search_path_unknown = path->unknown;
	update_scope(state);
}

static struct search_path current_path(const struct session_state *state)
{
	struct search_path path = {.unknown = state->search_path_unknown};
	memcpy(path.text, state->search_path, sizeof(path.text));
	return path;
}

/* -- created relations ---------------------------------------------------------------------------- */

static bool action_creates(const struct fact_action *action)
{
	return (action->form == DDL_CREATE_TABLE || action->form == DDL_CREATE_TABLE_AS) && action->relation >= 0 &&
	       (!action->if_exists || action->temporary);
}

static void create_relations(struct session_state *state, const struct facts *facts)
{
	for (uint16_t i = 0; i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (!action_creates(action))
			continue;
		struct session_created *created = state->created;
		uint32_t count = created ? created->count : 0;
		if (count == LIMIT_CREATED_RELATIONS)
			return;
		if (!created || count == created->capacity) {
			uint32_t capacity = count ? count * 2 : 4;
			created = grow(created, sizeof(*created) + capacity * sizeof(created->relations[0]));
			created->capacity = capacity;
			created->count = count;
			state->created = created;
		}
		const struct fact_relation *relation = &facts->relations[action->relation];
		struct created_relation *entry = &created->relations[created->count++];
		memset(entry, 0, sizeof(*entry));
		if (relation->schema)
			strncpy(entry->schema, relation->schema, sizeof(entry->schema) - 1);
		strncpy(entry->name, relation->name, sizeof(entry->name) - 1);
		entry->depth = state->open ? (uint16_t)state->open->savepoint_count : 0;
		entry->temporary = action->temporary || strcmp(entry->schema, "pg_temp") == 0;
		if (entry->temporary)
			entry->schema[0] = 0;
		/* In autocommit it is there to stay at once; ReadyForQuery must not forget it. */
		entry->kept = entry->temporary && !state->open;
	}
	update_scope(state);
}

static void drop_relations(struct session_state *state, const struct facts *facts)
{
	for (uint16_t i = 0; state->created && i < facts->action_count; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (action->form != DDL_DROP_TABLE || action->relation < 0)
			continue;
		const struct fact_relation *relation = &facts->relations[action->relation];
		/* The last one first: a temporary table hides an older one of that name. */
		for (uint32_t at = state->created->count; at-- > 0;) {
			struct created_relation *entry = &state->created->relations[at];
			if (!same_relation(state, entry->schema[0] ? entry->schema : NULL, entry->name,
			                   entry->temporary, relation->schema, relation->name))
				continue;
			memmove(entry, entry + 1, (state->created->count - at - 1) * sizeof(*entry));
			state->created->count--;
			break;
		}
	}
	update_scope(state);
}

/* Those of that depth or deeper, but for the temporary ones of earlier transactions. */
static void forget_created(struct session_state *state, uint16_t depth)
{
	struct session_created *created = state->created;
	if (!created)
		return;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < created->count; i++) {
		if (created->relations[i].kept || created->relations[i].depth < depth)
			created->relations[kept++] = created->relations[i];
	}
	created->count = kept;
	if (kept == 0) {
		free(created);
		state->created = NULL;
	}
	update_scope(state);
}

static void forget_temporary(struct session_state *state)
{
	for (uint32_t i = 0; state->created && i < state->created->count;) {
		struct created_relation *entry = &state->created->relations[i];
		if (entry->temporary) {
			memmove(entry, entry + 1, (state->created->count - i - 1) * sizeof(*entry));
			state->created->count--;
		} else {
			i++;
		}
	}
	update_scope(state);
}

static bool same_relation(const struct session_state *state, const char *created_schema, const char *created_name,
                          bool temporary, const char *schema, const char *name)
{
	if (strcmp(created_name, name) != 0)
		return false;
	if (temporary)
		return !schema || strcmp(schema, "pg_temp") == 0;
	if (!created_schema && !schema)
		return true;
	if (created_schema && schema)
		return strcmp(created_schema, schema) == 0;
	return path_names(state, created_schema ? created_schema : schema);
}

/* Does the search_path name that schema? The server's default does name "$user" and public. */
static bool path_names(const struct session_state *state, const char *schema)
{
	const char *at = state->search_path[0] ? state->search_path : "\"$user\", public";
	if (state->search_path_unknown)
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
		if (strcmp(strcmp(element, "$user") == 0 ? state->user : element, schema) == 0)
			return true;
		if (*at)
			at++;
	}
	return false;
}

/* -- small things --------------------------------------------------------------------------------- */

static void update_scope(struct session_state *state)
{
	char buffer[sizeof(state->database) + sizeof(state->user) + sizeof(state->search_path) + 1] = {0};
	char *at = buffer;
	memcpy(at, state->database, sizeof(state->database));
	at += sizeof(state->database);
	memcpy(at, state->user, sizeof(state->user));
	at += sizeof(state->user);
	memcpy(at, state->search_path, sizeof(state->search_path));
	at += sizeof(state->search_path);
	*at = (char)state->search_path_unknown;
	uint64_t scope = XXH3_64bits(buffer, sizeof(buffer));
	/* A temporary table hides the one of the same name that other sessions see. */
	for (uint32_t i = 0; state->created && i < state->created->count; i++) {
		if (state->created->relations[i].temporary)
			scope ^= XXH3_64bits_withSeed(state->created->relations[i].name, LIMIT_NAME_BYTES, 1);
	}
	state->scope = scope;
}

static uint64_t hash_name(const char *name)
{
	return name ? XXH3_64bits(name, strlen(name)) : 0;
}

static void *grow(void *memory, size_t size)
{
	memory = realloc(memory, size);
	CHECK(memory); /* as everywhere that keeps state: without memory there is no going on */
	return memory;
}
