#include "inspect/session/session_state.h"

#include "config/check.h"
#include "config/limits.h"
#include "inspect/session/time_zone.h"

#include <string.h>
#include <strings.h>
#include <xxhash.h>

/* The newest of them. */
struct session_foreseen {
	uint32_t count;
	struct session_setting_value paths[LIMIT_FORESEEN_PATHS];
};

struct session_transaction {
	uint64_t *savepoints; /* their names' hashes */
	uint32_t savepoint_count, savepoint_capacity;
};

static uint32_t depth_of(const struct session_state *state);
static void transaction_begin(struct session_state *state);
static void transaction_end(struct session_state *state, bool commit);
static void savepoint_push(struct session_state *state, const char *name);
static void savepoint_release(struct session_state *state, const char *name);
static void savepoint_rollback(struct session_state *state, const char *name);
static void send_one(struct session_state *state, const struct facts *facts);
static void foresee(struct session_state *state, const struct session_setting_value *path);
static void set(struct session_state *state, const struct facts *facts);
static bool sets_nothing(const struct facts *facts);
static bool sets(const struct facts *facts, const char *name, const struct session_setting *setting,
                 struct session_setting_value *said);
static void settings_end(struct session_state *state, bool commit);
static void apply_path(struct session_state *state);
static void show_path(struct session_state *state, const struct session_setting_value *path);
static void completed_one(struct session_state *state, const struct facts *facts);
static void forget_created(struct session_state *state, uint32_t depth);
static struct session_created_names names_of(const struct session_state *state);
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
	session_setting_fini(&state->path);
	session_setting_fini(&state->lock_timeout);
	session_setting_fini(&state->plan_cache_mode);
	free(state->past);
	state->past = NULL;
	free(state->created);
	state->created = NULL;
	session_state_settled(state);
}

void session_state_search_path(struct session_state *state, const char *value, size_t len)
{
	session_setting_start(&state->path, value, len);
	apply_path(state);
}

void session_state_lock_timeout(struct session_state *state, const char *value, size_t len)
{
	session_setting_start(&state->lock_timeout, value, len);
}

void session_state_plan_cache_mode(struct session_state *state, const char *value, size_t len)
{
	session_setting_start(&state->plan_cache_mode, value, len);
	apply_path(state);
}

void session_state_parameter(struct session_state *state, const char *name, size_t name_len, const char *value,
                             size_t value_len)
{
	if (name_len == strlen("TimeZone") && strncasecmp(name, "TimeZone", name_len) == 0) {
		state->time_zone_utc = time_zone_is_utc(value, value_len);
	} else if (name_len == strlen("standard_conforming_strings") &&
	           strncasecmp(name, "standard_conforming_strings", name_len) == 0) {
		state->standard_conforming_strings = value_len == 2 && strncasecmp(value, "on", 2) == 0;
	} else if (name_len == strlen("client_encoding") && strncasecmp(name, "client_encoding", name_len) == 0) {
		state->client_encoding = encoding_named(value, value_len);
	} else if (name_len == strlen("server_encoding") && strncasecmp(name, "server_encoding", name_len) == 0) {
		state->server_encoding = encoding_named(value, value_len);
	} else if (name_len == strlen("search_path") && strncasecmp(name, "search_path", name_len) == 0) {
		session_setting_told(&state->path, value, value_len);
		apply_path(state);
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
	if (status == 'I') {
		if (state->open) {
			/* It has ended by a statement that was not understood, so nothing says whether by COMMIT or
			 * ROLLBACK: what was set in it is not known any more. */
			session_setting_doubt(&state->path);
			session_setting_doubt(&state->lock_timeout);
			session_setting_doubt(&state->plan_cache_mode);
			transaction_end(state, true);
		}
		settings_end(state, true);
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
	for (uint32_t i = 0; state->foreseen && i < state->foreseen->count; i++)
		free(state->foreseen->paths[i].text);
	free(state->foreseen);
	state->foreseen = NULL;
	state->lock_timeout_unsettled = false;
}

uint32_t session_state_paths(const struct session_state *state)
{
	return state->foreseen ? state->foreseen->count : 0;
}

void session_state_with_path(const struct session_state *state, uint32_t at, struct session_state *with)
{
	CHECK(at < session_state_paths(state));
	*with = *state;
	show_path(with, &state->foreseen->paths[at]);
}

void session_state_completed(struct session_state *state, const struct facts *facts, uint16_t statement_count)
{
	for (uint16_t i = 0; i < statement_count; i++)
		completed_one(state, &facts[i]);
}

void session_state_failed(struct session_state *state)
{
	if (state->open)
		return;
	settings_end(state, false);
}

void session_state_doubt(struct session_state *state, bool path)
{
	const struct session_setting_value unknown = {.unknown = true};
	bool block = state->open != NULL;
	if (path) {
		foresee(state, &state->path.now);
		session_setting_set(&state->path, &unknown, false, block, depth_of(state));
		session_setting_set(&state->lock_timeout, &unknown, false, block, depth_of(state));
		session_setting_set(&state->plan_cache_mode, &unknown, false, block, depth_of(state));
		apply_path(state);
	}
	session_created_forget_temporary(state->created);
	forget_created(state, 0);
	session_past_rollback(state->past, 0);
}

void session_state_add_past(struct session_state *state, const struct session_past_entry *entry)
{
	struct session_past_entry deep = *entry;
	deep.depth = state->open ? depth_of(state) : 0;
	/* In autocommit all else has ended with the statement. */
	deep.kept = !state->open;
	if (state->open || deep.kind == SESSION_PAST_DROPPED)
		state->past = session_past_add(state->past, &deep);
}

void session_state_fork(struct session_state *fork, const struct session_state *state)
{
	*fork = *state;
	session_setting_copy(&fork->path, &state->path);
	session_setting_copy(&fork->lock_timeout, &state->lock_timeout);
	session_setting_copy(&fork->plan_cache_mode, &state->plan_cache_mode);
	fork->foreseen = NULL;
	/* It may be a view with a path of its own. */
	if (state->foreseen && !state->search_path_unknown)
		session_setting_told(&fork->path, state->search_path, strlen(state->search_path));
	fork->past = session_past_copy(state->past);
	fork->open = NULL;
	transaction_begin(fork);
	if (state->open) {
		*fork->open = *state->open;
		size_t size = state->open->savepoint_capacity * sizeof(*fork->open->savepoints);
		fork->open->savepoints = size ? grow(NULL, size) : NULL;
		if (size)
			memcpy(fork->open->savepoints, state->open->savepoints, size);
	}
	fork->created = session_created_copy(state->created);
}

bool session_state_created(const struct session_state *state, const char *schema, const char *name)
{
	const struct session_created_names names = names_of(state);
	return state->created && session_created_has(state->created, &names, schema, name);
}

bool session_state_creates(const struct session_state *state, const struct facts *facts, const char *schema,
                           const char *name)
{
	const struct session_created_names names = names_of(state);
	return facts->action_count > 0 && session_created_by(facts, &names, schema, name);
}

/* -- statements ---------------------------------------------------------------------------------- */

static void send_one(struct session_state *state, const struct facts *facts)
{
	const struct session_setting_value *value;
	struct session_setting_value said;
	switch (facts->kind) {
	case STATEMENT_COMMIT:
	case STATEMENT_ROLLBACK:
	case STATEMENT_ROLLBACK_TO:
		for (uint32_t at = 0; (value = session_setting_earlier(&state->path, at)) != NULL; at++)
			foresee(state, value);
		state->lock_timeout_unsettled |= session_setting_earlier(&state->lock_timeout, 0) != NULL;
		break;
	default:
		if (sets_nothing(facts))
			break;
		if (sets(facts, "search_path", &state->path, &said))
			foresee(state, &said);
		state->lock_timeout_unsettled |= sets(facts, "lock_timeout", &state->lock_timeout, &said);
		break;
	}
}

static void completed_one(struct session_state *state, const struct facts *facts)
{
	set(state, facts);
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
		if (facts->name && (strcasecmp(facts->name, "all") == 0 || strcasecmp(facts->name, "temp") == 0)) {
			session_created_forget_temporary(state->created);
			update_scope(state);
		}
		break;
	default:
		break;
	}
	if (facts->action_count > 0) {
		const struct session_created_names names = names_of(state);
		session_created_drop(state->created, facts, &names);
		state->created = session_created_add(state->created, facts, depth_of(state), state->open != NULL);
		update_scope(state);
	}
}

/* -- transactions and savepoints ------------------------------------------------------------------ */

static uint32_t depth_of(const struct session_state *state)
{
	return state->open ? state->open->savepoint_count : 0;
}

static void transaction_begin(struct session_state *state)
{
	CHECK(!state->open);
	state->open = grow(NULL, sizeof(*state->open));
	*state->open = (struct session_transaction){0};
}

static void transaction_end(struct session_state *state, bool commit)
{
	if (state->open) {
		free(state->open->savepoints);
		free(state->open);
		state->open = NULL;
		settings_end(state, commit);
	}
	if (commit) {
		state->past = session_past_keep(state->past);
		session_created_keep(state->created);
	} else {
		session_past_rollback(state->past, 0);
	}
	if (state->past && state->past->count == 0) {
		free(state->past);
		state->past = NULL;
	}
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
	open->savepoints[open->savepoint_count++] = hash_name(name);
}

/* The innermost of that name, as the server takes it; -1 when there is none. */
static int64_t savepoint_find(const struct session_state *state, const char *name)
{
	uint64_t hash = hash_name(name);
	for (int64_t i = state->open ? (int64_t)state->open->savepoint_count - 1 : -1; i >= 0; i--) {
		if (state->open->savepoints[i] == hash)
			return i;
	}
	return -1;
}

static void savepoint_release(struct session_state *state, const char *name)
{
	int64_t at = savepoint_find(state, name);
	if (at < 0)
		return;
	state->open->savepoint_count = (uint32_t)at;
	session_setting_release(&state->path, (uint32_t)at + 1);
	session_setting_release(&state->lock_timeout, (uint32_t)at + 1);
	session_setting_release(&state->plan_cache_mode, (uint32_t)at + 1);
	session_past_release(state->past, (uint32_t)at + 1);
	session_created_release(state->created, (uint32_t)at + 1);
}

static void savepoint_rollback(struct session_state *state, const char *name)
{
	int64_t at = savepoint_find(state, name);
	if (at < 0) {
		/* One past the ceiling, or of a transaction whose begin was not seen. What was created may be gone,
		 * and what was set unset. */
		session_setting_doubt(&state->path);
		session_setting_doubt(&state->lock_timeout);
		session_setting_doubt(&state->plan_cache_mode);
		apply_path(state);
		forget_created(state, 0);
		session_past_rollback(state->past, 0);
		return;
	}
	uint32_t depth = (uint32_t)at + 1;
	state->open->savepoint_count = depth; /* it stays itself */
	session_setting_rollback(&state->path, depth);
	session_setting_rollback(&state->lock_timeout, depth);
	session_setting_rollback(&state->plan_cache_mode, depth);
	session_past_rollback(state->past, depth);
	apply_path(state);
	forget_created(state, depth);
}

/* -- settings ------------------------------------------------------------------------------------- */

static void set(struct session_state *state, const struct facts *facts)
{
	struct session_setting_value said;
	bool block = state->open != NULL;
	if (sets_nothing(facts))
		return;
	if (sets(facts, "lock_timeout", &state->lock_timeout, &said))
		session_setting_set(&state->lock_timeout, &said, facts->local, block, depth_of(state));
	if (sets(facts, "plan_cache_mode", &state->plan_cache_mode, &said)) {
		session_setting_set(&state->plan_cache_mode, &said, facts->local, block, depth_of(state));
		apply_path(state);
	}
	if (!sets(facts, "search_path", &state->path, &said))
		return;
	/* What is sent before the answer that tells of a failure finds the old one. */
	foresee(state, &state->path.now);
	session_setting_set(&state->path, &said, facts->local, block, depth_of(state));
	apply_path(state);
}

/* Nearly all do. */
static bool sets_nothing(const struct facts *facts)
{
	return !facts->name && facts->kind != STATEMENT_RESET;
}

/* Does the statement set it, and to what? Also SELECT set_config('search_path', …): walk.c names the setting there
 * too. The value is borrowed. */
static bool sets(const struct facts *facts, const char *name, const struct session_setting *setting,
                 struct session_setting_value *said)
{
	bool named = facts->name && strcasecmp(facts->name, name) == 0;
	switch (facts->kind) {
	case STATEMENT_SET:
	case STATEMENT_SELECT:
		*said = (struct session_setting_value){.text = (char *)facts->value, .unknown = !facts->value};
		return named;
	case STATEMENT_RESET:
		*said = setting->reset;
		return !facts->name || named;
	case STATEMENT_DISCARD:
		*said = setting->reset;
		return facts->name && strcasecmp(facts->name, "all") == 0;
	default:
		return false;
	}
}

static void foresee(struct session_state *state, const struct session_setting_value *path)
{
	struct session_foreseen *foreseen = state->foreseen;
	if (!foreseen) {
		foreseen = grow(NULL, sizeof(*foreseen));
		foreseen->count = 0;
		state->foreseen = foreseen;
	}
	for (uint32_t i = 0; i < foreseen->count; i++) {
		if (session_setting_equal(&foreseen->paths[i], path))
			return;
	}
	if (foreseen->count == LIMIT_FORESEEN_PATHS) {
		free(foreseen->paths[0].text);
		memmove(&foreseen->paths[0], &foreseen->paths[1], (--foreseen->count) * sizeof(foreseen->paths[0]));
	}
	foreseen->paths[foreseen->count++] = session_setting_copy_value(path);
}

static void settings_end(struct session_state *state, bool commit)
{
	session_setting_end(&state->path, commit);
	session_setting_end(&state->lock_timeout, commit);
	session_setting_end(&state->plan_cache_mode, commit);
	apply_path(state);
}

static uint8_t plan_mode_of(const struct session_state *state)
{
	const struct session_setting_value *mode = &state->plan_cache_mode.now;
	return mode->unknown ? 1 : (uint8_t)(mode->text ? strlen(mode->text) : 0); /* no two are as long */
}

static void apply_path(struct session_state *state)
{
	show_path(state, &state->path.now);
}

static void show_path(struct session_state *state, const struct session_setting_value *path)
{
	size_t len = path->text ? strlen(path->text) : 0;
	bool unknown = path->unknown || len >= sizeof(state->search_path);
	const char *shown = unknown || !path->text ? "" : path->text;
	/* As after nearly every transaction; hashing the scope anew would be the dearest part of its end. */
	if (unknown == state->search_path_unknown && strcmp(shown, state->search_path) == 0 &&
	    state->plan_mode == plan_mode_of(state))
		return;
	state->search_path_unknown = unknown;
	memset(state->search_path, 0, sizeof(state->search_path));
	memcpy(state->search_path, shown, strlen(shown));
	update_scope(state);
}

/* -- created relations ---------------------------------------------------------------------------- */

static struct session_created_names names_of(const struct session_state *state)
{
	return (struct session_created_names){state->search_path, state->search_path_unknown, state->user};
}

static void forget_created(struct session_state *state, uint32_t depth)
{
	if (!state->created)
		return;
	state->created = session_created_rollback(state->created, depth);
	update_scope(state);
}

/* -- small things --------------------------------------------------------------------------------- */

static void update_scope(struct session_state *state)
{
	char buffer[sizeof(state->database) + sizeof(state->user) + sizeof(state->search_path) + 2] = {0};
	char *at = buffer;
	memcpy(at, state->database, sizeof(state->database));
	at += sizeof(state->database);
	memcpy(at, state->user, sizeof(state->user));
	at += sizeof(state->user);
	memcpy(at, state->search_path, sizeof(state->search_path));
	at += sizeof(state->search_path);
	*at++ = (char)state->search_path_unknown;
	*at = (char)(state->plan_mode = plan_mode_of(state));
	uint64_t scope = XXH3_64bits(buffer, sizeof(buffer));
	state->scope = scope ^ session_created_scope(state->created);
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
