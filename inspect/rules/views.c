#include "inspect/rules/views.h"

#include "config/limits.h"
#include "inspect/tree/clause.h"

#include <string.h>

enum { VIEWS_DEEP_MAX = 10 };

struct opening {
	struct arena *arena;
	struct facts *facts;
	/* Of the view that is being opened: what its indexes become. Its level 0 only holds it (catalog_view). */
	uint16_t first_level, first_relation;
	bool merged;    /* its query's level, 1, becomes that of the relation which is written */
	uint16_t level; /* that */
};

static bool has_views(const struct context *input);
static void make_room(struct opening *opening, const struct facts *from);
static void open_view(struct opening *opening, uint16_t at, const struct catalog_view *view);
static bool is_updatable(const struct catalog_view *view);
static void write_through(struct opening *opening, uint16_t at, const struct catalog_view *view);
static uint16_t level_of(const struct opening *opening, uint16_t level);
static const struct clause *moved(const struct opening *opening, const struct clause *clause, int depth);

const struct facts *views_open(const struct context *input, struct arena *arena)
{
	struct opening opening = {.arena = arena};
	uint8_t deep[LIMIT_FACTS_RELATIONS] = {0};

	if (!has_views(input))
		return input->facts;
	make_room(&opening, input->facts);
	struct facts *facts = opening.facts;
	struct context one = *input;
	one.facts = facts;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		const struct catalog_view *view = context_view(&one, (int16_t)at);
		const uint16_t before = facts->relation_count;
		if (view == NULL || facts->relations[at].query != 0)
			continue;
		if (deep[at] == VIEWS_DEEP_MAX) {
			facts->truncated = true;
			continue;
		}
		open_view(&opening, at, view);
		for (uint16_t made = before; made < facts->relation_count; made++)
			deep[made] = (uint8_t)(deep[at] + 1);
	}
	return facts;
}

static bool has_views(const struct context *input)
{
	const struct facts *facts = input->facts;

	if (input->catalog == NULL || facts->action_count > 0 || facts->level_count == 0 ||
	    facts->relation_count > LIMIT_FACTS_RELATIONS)
		return false;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (context_view(input, (int16_t)at) != NULL)
			return true;
	}
	return false;
}

static void *room_for(struct arena *arena, const void *from, uint16_t count, uint16_t room, size_t size)
{
	void *to = arena_alloc(arena, room * size);

	if (count > 0)
		memcpy(to, from, count * size);
	return to;
}

static void make_room(struct opening *opening, const struct facts *from)
{
	struct facts *facts = arena_alloc(opening->arena, sizeof(*facts));

	*facts = *from;
	facts->relations = room_for(opening->arena, from->relations, from->relation_count, LIMIT_FACTS_RELATIONS,
	                            sizeof(*facts->relations));
	facts->levels =
	    room_for(opening->arena, from->levels, from->level_count, LIMIT_FACTS_LEVELS, sizeof(*facts->levels));
	facts->conditions = room_for(opening->arena, from->conditions, from->condition_count, LIMIT_FACTS_CONDITIONS,
	                             sizeof(*facts->conditions));
	facts->sorts = room_for(opening->arena, from->sorts, from->sort_count, LIMIT_FACTS_SORTS, sizeof(*facts->sorts));
	facts->assignments = room_for(opening->arena, from->assignments, from->assignment_count,
	                              from->assignment_count + 1u, sizeof(*facts->assignments));
	opening->facts = facts;
}

static void open_view(struct opening *opening, uint16_t at, const struct catalog_view *view)
{
	struct facts *facts = opening->facts;
	struct fact_relation *relation = &facts->relations[at];
	const struct facts *inner = view->facts;
	const uint16_t count = (uint16_t)(inner->relation_count - 1); /* the last is the view itself */
	const bool writes = relation->is_target;

	if ((writes && !is_updatable(view)) || facts->relation_count + count > LIMIT_FACTS_RELATIONS ||
	    facts->level_count + inner->level_count > LIMIT_FACTS_LEVELS ||
	    facts->condition_count + inner->condition_count > LIMIT_FACTS_CONDITIONS ||
	    facts->sort_count + inner->sort_count > LIMIT_FACTS_SORTS) {
		facts->truncated |= !writes;
		return;
	}
	opening->first_level = facts->level_count;
	opening->first_relation = facts->relation_count;
	opening->merged = writes;
	opening->level = relation->level;
	for (uint16_t i = 0; i < inner->level_count; i++) {
		struct fact_level *level = &facts->levels[facts->level_count++];
		struct fact_output *outputs =
		    arena_alloc(opening->arena, (inner->levels[i].output_count + 1u) * sizeof(*outputs));
		*level = inner->levels[i];
		level->parent = (int16_t)(level->parent < 0 ? -1 : level_of(opening, (uint16_t)level->parent));
		for (uint16_t o = 0; o < level->output_count; o++) {
			outputs[o] = level->outputs[o];
			outputs[o].clause = moved(opening, outputs[o].clause, 0);
			if (outputs[o].relation >= 0)
				outputs[o].relation = (int16_t)(outputs[o].relation + opening->first_relation);
		}
		level->outputs = level->outputs != NULL ? outputs : NULL;
	}
	for (uint16_t i = 0; i < count; i++) {
		struct fact_relation *made = &facts->relations[facts->relation_count++];
		*made = inner->relations[i];
		made->level = level_of(opening, made->level);
		if (made->query != 0)
			made->query = (uint16_t)(made->query + opening->first_level);
	}
	/* An INSERT asks nothing of the rows that are there. */
	for (uint16_t i = 0; i < inner->condition_count && !(writes && facts->kind == STATEMENT_INSERT); i++) {
		struct fact_condition *made = &facts->conditions[facts->condition_count++];
		*made = inner->conditions[i];
		made->clause = moved(opening, made->clause, 0);
		made->level = level_of(opening, made->level);
		made->from = (int16_t)(made->from + opening->first_relation);
		if (made->to != INT16_MAX)
			made->to = (int16_t)(made->to + opening->first_relation);
		if (made->join_to != 0) {
			made->join_from = (int16_t)(made->join_from + opening->first_relation);
			made->join_to = (int16_t)(made->join_to + opening->first_relation);
		}
	}
	/* The order of what is written to is nobody's. */
	for (uint16_t i = 0; i < inner->sort_count && !writes; i++) {
		struct fact_sort *made = &facts->sorts[facts->sort_count++];
		*made = inner->sorts[i];
		made->clause = moved(opening, made->clause, 0);
		made->level = level_of(opening, made->level);
		if (made->relation >= 0)
			made->relation = (int16_t)(made->relation + opening->first_relation);
	}
	relation->query = (uint16_t)(opening->first_level + 1);
	facts->levels[relation->query].is_barrier = view->is_barrier;
	if (writes)
		write_through(opening, at, view);
}

/* view_query_is_auto_updatable (rewriteHandler.c), of what is read of one table. */
static bool is_updatable(const struct catalog_view *view)
{
	const struct facts *inner = view->facts;
	const struct fact_level *level = &inner->levels[1];
	bool computed = level->has_group || level->has_distinct || level->has_aggregate || level->arms > 0;
	uint16_t own = 0;

	for (uint16_t at = 0; at + 1 < inner->relation_count; at++)
		own += inner->relations[at].level == 1;
	/* An ORDER BY is no hindrance, a window or several rows for one are. */
	for (uint16_t at = 0; at < level->output_count && level->reach != REACH_MERGED; at++)
		computed |= level->outputs[at].closed;
	return !view->is_diverted && own == 1 && inner->relations[0].level == 1 && level->reach != REACH_NONE &&
	       !computed && !level->has_others && inner->relations[0].query == 0 && !inner->relations[0].is_cte;
}

static void write_through(struct opening *opening, uint16_t at, const struct catalog_view *view)
{
	struct facts *facts = opening->facts;
	const struct fact_level *query = &view->facts->levels[1];
	const uint16_t base = opening->first_relation;

	facts->relations[at].is_target = false;
	facts->relations[base].is_target = true;
	facts->levels[opening->level].has_where |= query->has_where;
	for (uint16_t i = 0; i < facts->condition_count; i++) {
		struct fact_condition *condition = &facts->conditions[i];
		if (condition->from == (int16_t)at && condition->to == (int16_t)(at + 1)) {
			condition->from = (int16_t)base;
			condition->to = (int16_t)(base + 1);
		}
	}
	for (uint16_t i = 0; i < facts->assignment_count; i++) {
		struct fact_assignment *assignment = &facts->assignments[i];
		for (uint16_t o = 0; o < query->output_count && assignment->relation == (int16_t)at; o++) {
			const struct fact_output *output = &query->outputs[o];
			if (output->name == NULL || strcmp(output->name, assignment->column) != 0 ||
			    output->clause == NULL || output->clause->kind != CLAUSE_COLUMN)
				continue;
			assignment->relation = (int16_t)base;
			assignment->column = output->clause->name;
		}
	}
}

static uint16_t level_of(const struct opening *opening, uint16_t level)
{
	return opening->merged && level == 1 ? opening->level : (uint16_t)(level + opening->first_level);
}

static const struct clause *moved(const struct opening *opening, const struct clause *clause, int depth)
{
	if (clause == NULL || depth > LIMIT_WALK_DEPTH)
		return NULL;

	struct clause *made = arena_alloc(opening->arena, sizeof(*made));
	const struct clause **items = arena_alloc(opening->arena, (clause->count + 1u) * sizeof(*items));
	*made = *clause;
	for (uint16_t at = 0; at < clause->count; at++)
		items[at] = moved(opening, clause->items[at], depth + 1);
	made->items = items;
	made->level = level_of(opening, clause->level);
	if (made->query != 0)
		made->query = (uint16_t)(made->query + opening->first_level);
	if (made->relation >= 0)
		made->relation = (int16_t)(made->relation + opening->first_relation);
	if (made->from >= 0) {
		made->from = (int16_t)(made->from + opening->first_relation);
		made->to = (int16_t)(made->to + opening->first_relation);
	}
	return made;
}
