#include "inspect/access/reach.h"

#include "config/limits.h"
#include "inspect/access/leakproof.h"

#include <string.h>

int16_t reach_seen_from(const struct access *access, int16_t relation, uint16_t level, struct reach_passage *passage)
{
	const struct facts *facts = access->input->facts;
	*passage = (struct reach_passage){.reach = REACH_MERGED};
	for (unsigned steps = 0; steps <= 2u * facts->level_count; steps++) {
		uint16_t query = facts->relations[relation].level;
		if (query == level)
			return relation;
		/* An arm's conditions are its operation's, whose are the query's in FROM. */
		for (;;) {
			enum fact_reach reach = access->reaches[query];
			/* Of a plain UNION ALL nobody asks whether it is one (is_simple_union_all, prepjointree.c). */
			const bool barrier = facts->levels[query].is_barrier &&
			                     (facts->levels[query].arms == 0 || reach != REACH_MERGED);
			if (barrier && reach == REACH_MERGED)
				reach = REACH_PUSHED;
			if (reach > passage->reach)
				passage->reach = reach;
			passage->barrier |= barrier;
			if (!facts->levels[query].is_arm)
				break;
			query = (uint16_t)facts->levels[query].parent;
			if (query == level)
				return -1;
		}
		if (passage->reach != REACH_MERGED && passage->pushed == 0)
			passage->pushed = query;
		if (access->stands[query] < 0)
			return -1;
		relation = access->stands[query];
	}
	return -1;
}

/* All columns of the term are of what that query reads. */
static bool is_within(const struct access *access, const struct term *term, uint16_t query, int depth)
{
	if (depth > LIMIT_WALK_DEPTH)
		return false;
	for (uint16_t at = 0; at < term->count; at++) {
		if (term->items[at] != NULL && !is_within(access, term->items[at], query, depth + 1))
			return false;
	}
	/* A sub-select that names no row is a value (SS_process_sublinks), any other stays where it is. */
	if (term->kind == TERM_OTHER && term->variant == CLAUSE_SUBLINK)
		return !term->has_column;
	if (term->kind != TERM_COLUMN && term->relation < 0)
		return term->variant != CLAUSE_SUBLINK;
	for (uint16_t level = access->input->facts->relations[term->relation].level; level != query;) {
		const struct fact_level *fact = &access->input->facts->levels[level];
		if (fact->is_arm)
			level = (uint16_t)fact->parent;
		else if (access->stands[level] >= 0)
			level = access->input->facts->relations[access->stands[level]].level;
		else
			return false;
	}
	return true;
}

/* -- EXISTS ------------------------------------------------------------------------------------------- */

/* Is the level that of an EXISTS which is and-ed to what the relation is read in? */
static bool is_joined(const struct access *access, uint16_t level, int16_t relation)
{
	const struct facts *facts = access->input->facts;
	const struct fact_level *query = &facts->levels[level];
	/* simplify_EXISTS_query (subselect.c). */
	if (level == 0 || query->arms > 0 || query->has_aggregate || query->has_group || query->has_offset ||
	    query->has_locking)
		return false;
	for (uint16_t at = 0; at < facts->condition_count; at++) {
		const struct fact_condition *fact = &facts->conditions[at];
		if (fact->clause == NULL || fact->clause->kind != CLAUSE_SUBLINK || fact->clause->query != level ||
		    fact->clause->variant != SUBLINK_EXISTS)
			continue;
		struct reach_passage passage;
		const int16_t seen = reach_seen_from(access, relation, fact->level, &passage);
		return seen >= fact->from && seen < fact->to && passage.reach == REACH_MERGED;
	}
	return false;
}

/* Which of the term's columns are of the level's own tables, and which of others. */
static void sides_of(const struct access *access, const struct term *term, uint16_t level, bool *inner, bool *outer)
{
	struct reach_passage passage;
	*inner = *outer = false;
	for (uint16_t at = 0; at < access->input->facts->relation_count; at++) {
		if (!term_mentions(term, (int16_t)at))
			continue;
		const bool own = reach_seen_from(access, (int16_t)at, level, &passage) >= 0;
		*inner |= own;
		*outer |= !own;
	}
}

/* EXISTS (SELECT … WHERE o.a = t.b) can be read from o to t once its values are made unique, where all that connects
 * them is equalities (create_unique_path, pathnode.c). */
static bool leads_out(const struct access *access, const struct access_condition *condition, int16_t relation)
{
	const uint16_t level = condition->fact->level;
	if (!is_joined(access, level, relation))
		return false;
	for (uint16_t at = 0; at < access->condition_count; at++) {
		const struct term *term = access->conditions[at].term;
		bool inner, outer, sides[2][2];
		if (access->conditions[at].fact->level != level)
			continue;
		sides_of(access, term, level, &inner, &outer);
		if (!outer)
			continue;
		const struct dictionary_operator *operator= dictionary_operator(access->dictionary, term->oid);
		if (term->kind != TERM_OPERATOR || term->count != 2 || operator== NULL || strcmp(operator->name, "=") != 0)
			return false;
		for (int side = 0; side < 2; side++)
			sides_of(access, term->items[side], level, &sides[side][0], &sides[side][1]);
		if (sides[0][0] == sides[0][1] || sides[1][0] == sides[1][1] || sides[0][0] == sides[1][0])
			return false;
	}
	return true;
}

bool reach_is_outer(const struct access_condition *condition)
{
	const struct fact_condition *fact = condition->fact;
	return fact->join_to != 0 && (condition->from > fact->join_from || condition->to < fact->join_to);
}

bool reach_is_of_join(const struct fact_condition *fact, const struct fact_condition *of)
{
	return fact->level == of->level && fact->join_from == of->join_from && fact->join_to == of->join_to;
}

bool reach_is_above(const struct access_condition *condition, const struct access_condition *join)
{
	const struct fact_condition *fact = condition->fact, *of = join->fact;

	if (fact->level != of->level || fact->join_to == 0)
		return true;
	return !reach_is_of_join(fact, of) && condition->from <= of->join_from && condition->to >= of->join_to &&
	       fact->join_from <= of->join_from && fact->join_to >= of->join_to;
}

/* Between the table and the condition stands an outer join that fills up what it finds nothing for: what is asked of
 * its rows is asked afterwards. */
static bool is_filled_up(const struct access *access, const struct access_condition *condition, int16_t relation)
{
	struct reach_passage passage;
	for (uint16_t at = 0; at < access->condition_count; at++) {
		const struct access_condition *join = &access->conditions[at];
		if (!reach_is_outer(join) || !reach_is_above(condition, join))
			continue;
		const int16_t seen = reach_seen_from(access, relation, join->fact->level, &passage);
		if (seen >= join->from && seen < join->to &&
		    reach_seen_from(access, seen, condition->fact->level, &passage) >= 0)
			return true;
	}
	return false;
}

bool reach_restricts(const struct access *access, const struct access_condition *condition, int16_t relation)
{
	return reach_asks(access, condition, relation) &&
	       (!access->joins_outer || !is_filled_up(access, condition, relation));
}

bool reach_asks(const struct access *access, const struct access_condition *condition, int16_t relation)
{
	const struct facts *facts = access->input->facts;
	const struct fact_condition *fact = condition->fact;
	struct reach_passage passage;
	if (!term_mentions(condition->term, relation))
		return false;
	const int16_t seen = reach_seen_from(access, relation, fact->level, &passage);
	if (seen >= 0)
		return seen >= condition->from && seen < condition->to && passage.reach != REACH_NONE &&
		       (passage.pushed == 0 || !condition->term->is_volatile) &&
		       (passage.pushed == 0 || is_within(access, condition->term, passage.pushed, 0)) &&
		       (!passage.barrier || leakproof_term(condition->term, access->dictionary));
	if (leads_out(access, condition, relation))
		return true;
	/* One in a sub-select that names only outer tables does, too, once EXISTS has become a join. */
	if (relation < condition->from || relation >= condition->to)
		return false;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (term_mentions(condition->term, (int16_t)at) &&
		    reach_seen_from(access, (int16_t)at, fact->level, &passage) >= 0)
			return false;
	}
	return true;
}
