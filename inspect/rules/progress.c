#include "inspect/rules/progress.h"

#include <stdlib.h>
#include <string.h>

static void remember(const struct context *input, struct session_state *session, struct arena *arena);
static void remember_action(const struct context *input, struct session_state *session, const struct effects *effects,
                            const struct fact_action *action);
static void catch_up(struct session_past *past, const struct catalog *catalog);
static void drop(struct session_state *session, const struct fact_action *action,
                 const struct catalog_relation *relation);
static const struct catalog_relation *read_whole(const struct context *input);
static bool is_scanned(const struct effects *effects, const struct catalog_relation *table);

void progress_completed(const struct context *input, struct session_state *session)
{
	if (session->past)
		catch_up(session->past, input->catalog);
	/* All that is remembered is of tables that the catalog knows. */
	if (input->catalog && (session->open || input->facts->action_count > 0)) {
		struct arena arena;
		arena_init(&arena);
		remember(input, session, &arena);
		arena_fini(&arena);
	}
	session_state_completed(session, input->facts, 1);
}

bool progress_matters(const struct facts *facts, const struct session_state *session)
{
	switch (facts->kind) {
	case STATEMENT_DDL:
	case STATEMENT_LOCK:
	case STATEMENT_TRUNCATE:
		return true;
	case STATEMENT_BEGIN:
		return session->transaction == 'T';
	default:
		return facts->action_count > 0 || (session->open && session->past);
	}
}

/* What was dropped and is gone from the catalog, too, need not be remembered. */
static void catch_up(struct session_past *past, const struct catalog *catalog)
{
	uint32_t left = 0;
	for (uint32_t at = 0; at < past->count; at++) {
		if (!past->entries[at].kept || (catalog && catalog_find_oid(catalog, past->entries[at].relation)))
			past->entries[left++] = past->entries[at];
	}
	past->count = left;
}

double progress_lock_timeout(const struct context *input)
{
	const struct session_setting_value *now = &input->session->lock_timeout.now;
	const char *text = now->text;
	if (now->unknown || input->session->lock_timeout_unsettled)
		return -1;
	if (!text && input->catalog)
		text = catalog_lock_timeout(input->catalog, input->session->user);
	if (!text)
		return -1;
	char *end;
	double value = strtod(text, &end);
	return end != text && value >= 0 ? value : -1;
}

const struct catalog_relation *progress_long(const struct context *input, const struct effects *effects)
{
	const struct catalog_relation *largest = NULL;
	/* It takes a sample. */
	if (effects->refused || input->facts->kind == STATEMENT_ANALYZE)
		return NULL;
	for (uint16_t at = 0; at < effects->count; at++) {
		const struct effect *effect = &effects->list[at];
		bool whole = effect->table && (effect->scan || effect->rewrite || effect->all_rows);
		if (whole && context_size(input, effect->table) == TABLE_LARGE &&
		    (!largest || effect->table->rows > largest->rows))
			largest = effect->table;
	}
	return largest ? largest : read_whole(input);
}

/* A query without WHERE and LIMIT. */
static const struct catalog_relation *read_whole(const struct context *input)
{
	const struct facts *facts = input->facts;
	bool reads = facts->kind == STATEMENT_SELECT || facts->kind == STATEMENT_INSERT;
	for (uint16_t at = 0; reads && at < facts->relation_count; at++) {
		const struct fact_relation *fact = &facts->relations[at];
		if (fact->is_target || fact->level >= facts->level_count || facts->levels[fact->level].has_where ||
		    facts->levels[fact->level].has_limit)
			continue;
		const struct catalog_relation *table = context_relation(input, (int16_t)at);
		if (table && context_size(input, table) == TABLE_LARGE)
			return table;
	}
	return NULL;
}

static void remember(const struct context *input, struct session_state *session, struct arena *arena)
{
	const struct session_past_entry *held = session_past_find(session->past, SESSION_PAST_LOCK, 0, NULL);
	bool waits_forever = progress_lock_timeout(input) == 0 && !input->facts->nowait;
	struct effects *effects = arena_alloc(arena, sizeof(*effects));
	bool catalog_missing;
	struct context own = *input;
	own.catalog_missing = &catalog_missing;
	*effects = (struct effects){.count = 0};
	if (effect_applies(input->facts))
		effect_of(&own, arena, effects);
	if (effects->refused)
		return;
	if (held && progress_long(&own, effects)) {
		struct session_past_entry entry = {.kind = SESSION_PAST_LONG};
		session_state_add_past(session, &entry);
	}
	for (uint16_t at = 0; at < effects->count; at++) {
		const struct effect *effect = &effects->list[at];
		const struct catalog_relation *table = effect->table;
		if (!table || table->system || table->temporary || table->rows == 0)
			continue;
		struct session_past_entry entry = {
		    .kind = SESSION_PAST_LOCK,
		    .relation = table->oid,
		    .lock = effect->lock,
		    .untimed = waits_forever,
		    .small = context_size(input, table) == TABLE_SMALL,
		    .own = at == 0,
		};
		if (effect->lock >= LOCK_SHARE)
			session_state_add_past(session, &entry);
		entry = (struct session_past_entry){.kind = SESSION_PAST_ALL_ROWS, .relation = table->oid};
		if (effect->all_rows)
			session_state_add_past(session, &entry);
	}
	for (uint16_t at = 0; at < input->facts->action_count; at++)
		remember_action(&own, session, effects, &input->facts->actions[at]);
}

static void remember_action(const struct context *input, struct session_state *session, const struct effects *effects,
                            const struct fact_action *action)
{
	const struct catalog_relation *table = context_relation(input, action->relation);
	const char *what = action->object && action->method ? action->method : "";
	static const struct {
		const char *what;
		enum session_past_kind kind;
	} made[] = {{"create volatile", SESSION_PAST_VOLATILE}, {"create constrained", SESSION_PAST_DOMAIN}, {"create enum", SESSION_PAST_ENUM}};
	for (size_t at = 0; at < ARRAY_LEN(made); at++) {
		if (strcmp(what, made[at].what) == 0)
			session_state_add_past(session, &(struct session_past_entry){.kind = made[at].kind,
			                                                             .name = session_past_name(action->object)});
	}
	struct session_past_entry entry = {.kind = SESSION_PAST_COLUMN};
	/* A view is none of the tables. */
	const struct catalog_relation *named = context_named(input, action->relation);
	if (named)
		drop(session, action, named);
	if (!table)
		return;
	entry.relation = table->oid;
	if (action->form == DDL_ADD_COLUMN && action->has_not_null && action->has_default && !action->default_is_null) {
		entry.name = session_past_name(action->column);
		session_state_add_past(session, &entry);
	}
	if (action->not_valid && action->object) {
		entry.kind = SESSION_PAST_NOT_VALID;
		entry.name = session_past_name(action->object);
		session_state_add_past(session, &entry);
	}
	bool verifies = action->form == DDL_SET_NOT_NULL || action->form == DDL_ADD_CHECK ||
	                action->form == DDL_ALTER_TYPE || action->form == DDL_ADD_COLUMN;
	if (verifies && is_scanned(effects, table)) {
		entry.kind = SESSION_PAST_ALTER_SCAN;
		entry.name = 0;
		session_state_add_past(session, &entry);
	}
}

static void drop(struct session_state *session, const struct fact_action *action,
                 const struct catalog_relation *relation)
{
	struct session_past_entry entry = {.kind = SESSION_PAST_DROPPED, .relation = relation->oid};
	if (action->form == DDL_DROP_TABLE || (action->form == DDL_DROP_OTHER && !action->object))
		session_state_add_past(session, &entry);
	entry.kind = SESSION_PAST_KEY_DROPPED;
	for (uint16_t at = 0; at < relation->constraint_count; at++) {
		const struct catalog_constraint *key = &relation->constraints[at];
		bool dropped = action->form == DDL_DROP_CONSTRAINT && action->object && strcmp(action->object, key->name) == 0;
		for (uint16_t i = 0; i < key->column_count && action->form == DDL_DROP_COLUMN && action->column; i++)
			dropped |= strcmp(action->column, key->columns[i]) == 0;
		entry.name = session_past_name(key->name);
		if (dropped && key->kind == CATALOG_FOREIGN_KEY)
			session_state_add_past(session, &entry);
	}
}

static bool is_scanned(const struct effects *effects, const struct catalog_relation *table)
{
	for (uint16_t at = 0; at < effects->count; at++) {
		if (effects->list[at].table == table)
			return effects->list[at].scan || effects->list[at].rewrite;
	}
	return false;
}
