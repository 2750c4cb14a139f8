#include "inspect/tree/gather.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

static_assert((LIMIT_FACTS_USES & (LIMIT_FACTS_USES - 1)) == 0, "places are found by a mask");

static void *copy(struct arena *arena, const void *from, uint16_t count, size_t size);

void gather_init(struct gather *gather, struct arena *arena, struct facts *facts)
{
	gather->arena = arena;
	gather->facts = facts;
	gather->literals = false;
	gather->with_count = 0;
	gather->link_count = 0;
	gather->counted = false;
	memset(facts, 0, sizeof(*facts));
	memset(gather->use_places, 0, sizeof(gather->use_places));
	gather->range_count = 0;
	gather->cte_count = 0;
}

void gather_again(struct gather *gather)
{
	memset(gather->facts, 0, sizeof(*gather->facts));
	memset(gather->use_places, 0, sizeof(gather->use_places));
	gather->range_count = 0;
	gather->cte_count = 0;
	gather->link_count = 0;
	gather->counted = true;
}

void gather_finish(struct gather *gather)
{
	struct facts *facts = gather->facts;
	struct arena *arena = gather->arena;

	facts->relations = copy(arena, gather->relations, facts->relation_count, sizeof(*facts->relations));
	facts->predicates = copy(arena, gather->predicates, facts->predicate_count, sizeof(*facts->predicates));
	facts->conditions = copy(arena, gather->conditions, facts->condition_count, sizeof(*facts->conditions));
	facts->sorts = copy(arena, gather->sorts, facts->sort_count, sizeof(*facts->sorts));
	facts->levels = copy(arena, gather->levels, facts->level_count, sizeof(*facts->levels));
	facts->actions = copy(arena, gather->actions, facts->action_count, sizeof(*facts->actions));
	facts->assignments = copy(arena, gather->assignments, facts->assignment_count, sizeof(*facts->assignments));
	facts->uses = copy(arena, gather->uses, facts->use_count, sizeof(*facts->uses));
	facts->secrets = copy(arena, gather->secrets, facts->secret_count, sizeof(*facts->secrets));
}

int16_t gather_level(struct gather *gather, int16_t parent)
{
	struct facts *facts = gather->facts;

	if (facts->level_count == LIMIT_FACTS_LEVELS) {
		facts->truncated = true;
		return -1;
	}
	gather->levels[facts->level_count] = (struct fact_level){.parent = parent};
	gather->items[facts->level_count] = 0;
	gather->queries[facts->level_count] = NULL;
	return (int16_t)facts->level_count++;
}

void gather_query(struct gather *gather, const void *node, uint16_t level)
{
	uint16_t kept = 0;

	gather->queries[level] = node;
	for (uint16_t at = 0; at < gather->link_count; at++) {
		if (gather->links[at].node == node)
			*gather->links[at].level = level;
		else
			gather->links[kept++] = gather->links[at];
	}
	gather->link_count = kept;
}

void gather_link(struct gather *gather, const void *node, uint16_t *level)
{
	for (uint16_t at = 1; at < gather->facts->level_count; at++)
		if (gather->queries[at] == node)
			*level = at;
	if (gather->link_count < ARRAY_LEN(gather->links))
		gather->links[gather->link_count++] = (struct gather_link){node, level};
}

int16_t gather_relation(struct gather *gather, const struct fact_relation *relation)
{
	struct facts *facts = gather->facts;

	if (facts->relation_count == LIMIT_FACTS_RELATIONS) {
		facts->truncated = true;
		return -1;
	}

	struct fact_relation *to = &gather->relations[facts->relation_count];
	*to = *relation;
	to->schema = arena_text(gather->arena, relation->schema);
	to->name = arena_text(gather->arena, relation->name);
	to->alias = arena_text(gather->arena, relation->alias);
	return (int16_t)facts->relation_count++;
}

int16_t gather_predicate(struct gather *gather, const struct fact_predicate *predicate)
{
	struct facts *facts = gather->facts;

	if (facts->predicate_count == LIMIT_FACTS_PREDICATES) {
		facts->truncated = true;
		return -1;
	}
	gather->predicates[facts->predicate_count] = *predicate;
	return (int16_t)facts->predicate_count++;
}

void gather_condition(struct gather *gather, const struct fact_condition *condition)
{
	struct facts *facts = gather->facts;

	if (facts->condition_count == LIMIT_FACTS_CONDITIONS) {
		facts->truncated = true;
		return;
	}
	gather->conditions[facts->condition_count++] = *condition;
}

int16_t gather_sort(struct gather *gather, const struct fact_sort *sort)
{
	struct facts *facts = gather->facts;

	if (facts->sort_count == LIMIT_FACTS_SORTS) {
		facts->truncated = true;
		return -1;
	}
	gather->sorts[facts->sort_count] = *sort;
	return (int16_t)facts->sort_count++;
}

void gather_assignment(struct gather *gather, const struct fact_assignment *assignment)
{
	struct facts *facts = gather->facts;

	if (facts->assignment_count == LIMIT_FACTS_ASSIGNMENTS) {
		facts->truncated = true;
		return;
	}

	struct fact_assignment *to = &gather->assignments[facts->assignment_count++];
	*to = *assignment;
	to->column = arena_text(gather->arena, assignment->column);
}

void gather_use(struct gather *gather, int16_t relation, uint16_t level, const char *column)
{
	struct facts *facts = gather->facts;
	size_t mask = ARRAY_LEN(gather->use_places) - 1;

	/* What a sub-select or a WITH query passes on is named in it as well, by a star perhaps. */
	if (relation >= 0 && gather->relations[relation].is_cte)
		return;
	size_t place = (column ? XXH3_64bits(column, strlen(column)) : 0) & mask;
	for (; gather->use_places[place] != 0; place = (place + 1) & mask) {
		const struct fact_use *use = &gather->uses[gather->use_places[place] - 1];
		bool same = column == NULL ? use->column == NULL
		                           : use->column != NULL && strcmp(use->column, column) == 0;
		if (same && use->relation == relation && (relation >= 0 || use->level == level))
			return;
	}
	if (facts->use_count == LIMIT_FACTS_USES) {
		facts->uses_truncated = true;
		return;
	}
	gather->uses[facts->use_count++] = (struct fact_use){
	    .relation = relation, .level = level, .column = arena_text(gather->arena, column)};
	gather->use_places[place] = facts->use_count;
}

void gather_secret(struct gather *gather, enum fact_secret_kind kind, const char *object)
{
	struct facts *facts = gather->facts;

	if (facts->secret_count == LIMIT_FACTS_SECRETS) {
		facts->truncated = true;
		return;
	}
	gather->secrets[facts->secret_count++] =
	    (struct fact_secret){.kind = kind, .object = arena_text(gather->arena, object ? object : "")};
}

struct fact_action *gather_action(struct gather *gather, enum ddl_form form)
{
	struct facts *facts = gather->facts;

	if (facts->action_count == LIMIT_FACTS_ACTIONS) {
		facts->truncated = true;
		return NULL;
	}

	struct fact_action *action = &gather->actions[facts->action_count++];
	*action = (struct fact_action){.form = form, .relation = -1, .referenced = -1, .type.modifiers = {-1, -1}};
	return action;
}

void gather_range(struct gather *gather, const char *name, int16_t relation, uint16_t level, bool item)
{
	if (item)
		gather->items[level]++;
	if (gather->range_count == ARRAY_LEN(gather->ranges)) {
		gather->facts->truncated = true;
		return;
	}
	gather->ranges[gather->range_count++] = (struct gather_range){
	    .name = arena_text(gather->arena, name), .relation = relation, .level = level};
}

/* one.t.c is of one.t in FROM, or of a t there without a schema: which that is, search_path says. */
static bool is_schema(const struct gather *gather, const struct gather_range *range, const char *schema, bool written)
{
	const struct fact_relation *relation = range->relation >= 0 ? &gather->relations[range->relation] : NULL;

	if (schema == NULL)
		return true;
	return relation != NULL && relation->alias == NULL && relation->query == 0 &&
	       (written ? relation->schema != NULL && strcmp(relation->schema, schema) == 0 : relation->schema == NULL);
}

int16_t gather_resolve(const struct gather *gather, const char *schema, const char *qualifier, uint16_t level)
{
	int16_t at_level = (int16_t)level;

	if (qualifier == NULL) {
		if (gather->items[level] != 1)
			return -1;
		for (uint16_t at = 0; at < gather->range_count; at++)
			if (gather->ranges[at].level == level)
				return gather->ranges[at].relation;
		return -1;
	}
	for (; at_level >= 0; at_level = gather->levels[at_level].parent)
		for (int written = 1; written >= 0; written--)
			for (uint16_t at = 0; at < gather->range_count; at++) {
				const struct gather_range *range = &gather->ranges[at];
				if (range->level == at_level && range->name != NULL &&
				    strcmp(range->name, qualifier) == 0 && is_schema(gather, range, schema, written))
					return range->relation;
			}
	return -1;
}

void gather_cte_push(struct gather *gather, const char *name, const void *node)
{
	if (gather->cte_count == ARRAY_LEN(gather->ctes)) {
		gather->facts->truncated = true;
		return;
	}
	gather->ctes[gather->cte_count] = (struct gather_cte){name, node, gather->cte_count};
	gather->cte_count++;
}

const struct gather_cte *gather_cte(const struct gather *gather, const char *name)
{
	for (uint16_t at = gather->cte_count; at > 0; at--)
		if (strcmp(gather->ctes[at - 1].name, name) == 0)
			return &gather->ctes[at - 1];
	return NULL;
}

struct gather_with *gather_with(struct gather *gather, const void *node)
{
	for (uint16_t at = 0; at < gather->with_count; at++)
		if (gather->withs[at].node == node)
			return &gather->withs[at];
	if (gather->with_count == ARRAY_LEN(gather->withs))
		return NULL;
	gather->withs[gather->with_count] = (struct gather_with){.node = node};
	return &gather->withs[gather->with_count++];
}

static void *copy(struct arena *arena, const void *from, uint16_t count, size_t size)
{
	if (count == 0)
		return NULL;

	void *to = arena_alloc(arena, count * size);
	memcpy(to, from, count * size);
	return to;
}
