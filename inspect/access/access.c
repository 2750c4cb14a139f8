#include "inspect/access/access.h"

#include "config/limits.h"
#include "inspect/access/reach.h"
#include "inspect/access/reduction.h"
#include "inspect/access/typing.h"

#include <string.h>

enum { PARTS_MAX = 4 * LIMIT_FACTS_CONDITIONS };

static void type_conditions(struct access *access, const struct typing *typing);
static void drop_never_true(struct access *access);
static void know_reaches(struct access *access, const struct typing *typing);
static void join_memberships(struct access *access, const struct typing *typing);
static void match_conditions(struct access *access);
static void match_orders(struct access *access, const struct typing *typing);
static const char *name_of(const struct access *access, int16_t relation);
static const char *why(const struct access *access, const struct access_condition *condition);
static const char *why_not(const struct access *access, const struct access_condition *condition);
static const char *order_text(const struct access *access, const struct access_order *order);

struct access *access_make(const struct access_input *input)
{
	const struct facts *facts = input->facts;
	struct arena *arena = input->arena;
	const struct dictionary *dictionary = catalog_dictionary(input->catalog);
	if (dictionary == NULL)
		return NULL;
	struct access *access = arena_alloc(arena, sizeof(*access));
	const size_t relations = facts->relation_count + 1u;
	access->input = input;
	access->dictionary = dictionary;
	access->condition_room = (uint16_t)(facts->condition_count + LIMIT_FACTS_CONDITIONS);
	access->conditions = arena_alloc(arena, access->condition_room * sizeof(*access->conditions));
	access->reaches = arena_alloc(arena, (facts->level_count + 1u) * sizeof(*access->reaches));
	access->stands = arena_alloc(arena, (facts->level_count + 1u) * sizeof(*access->stands));
	for (uint16_t at = 0; at < facts->level_count; at++)
		access->stands[at] = -1;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (facts->relations[at].query != 0)
			access->stands[facts->relations[at].query] = (int16_t)at;
	}
	access->orders = arena_alloc(arena, (facts->sort_count + 1u) * sizeof(*access->orders));
	access->matchings = arena_alloc(arena, relations * sizeof(*access->matchings));
	access->indexes = arena_alloc(arena, relations * sizeof(*access->indexes));
	access->index_counts = arena_alloc(arena, relations * sizeof(*access->index_counts));

	const uint16_t parameter_count = facts->parameter_type_count > facts->parameter_oid_count
	                                     ? facts->parameter_type_count
	                                     : facts->parameter_oid_count;
	uint32_t *parameters = arena_alloc(arena, (parameter_count + 1u) * sizeof(*parameters));
	for (uint16_t at = 0; at < parameter_count; at++) {
		parameters[at] = TYPE_UNKNOWN;
		if (at < facts->parameter_oid_count && facts->parameter_oids[at] != TYPE_NONE)
			parameters[at] = facts->parameter_oids[at];
	}
	for (uint16_t at = 0; at < facts->parameter_type_count; at++) {
		int32_t modifier;
		parameters[at] = typing_named(dictionary, &facts->parameter_types[at], &modifier);
		if (parameters[at] == TYPE_NONE)
			parameters[at] = TYPE_UNKNOWN;
	}
	const struct typing typing = {
	    .dictionary = dictionary,
	    .facts = facts,
	    .relations = input->relations,
	    .parameters = parameters,
	    .parameter_count = parameter_count,
	    .values = input->values,
	    .value_count = input->value_count,
	    .utc = input->utc,
	    .generic = input->generic,
	    .arena = arena,
	};
	type_conditions(access, &typing);
	drop_never_true(access);
	know_reaches(access, &typing);
	join_memberships(access, &typing);
	reduction_of_joins(access);
	match_conditions(access);
	match_orders(access, &typing);
	return access;
}

/* -- conditions -------------------------------------------------------------------------------------- */

/* x = x says that x is not NULL (process_equivalence, equivclass.c). */
static const struct term *known_not_null(const struct access *access, const struct term *term)
{
	const struct dictionary_operator *operator= dictionary_operator(access->dictionary, term->oid);
	if (term->kind != TERM_OPERATOR || term->count != 2 || operator== NULL || strcmp(operator->name, "=") != 0 ||
	    term->is_volatile || term_equal(term->items[0], term->items[1]) != TERM_YES)
		return term;
	struct term *test = term_new(TERM_NULL_TEST, term->items, 1, access->input->arena);
	test->type = TYPE_BOOL;
	test->flag = true;
	return test;
}

/* Where a WHERE is never true nothing is read, and there is nothing to find. */
static void drop_never_true(struct access *access)
{
	for (uint16_t at = 0; at < access->condition_count; at++) {
		const struct access_condition *never = &access->conditions[at];
		const bool is_false =
		    never->term->kind == TERM_CONSTANT &&
		    (never->term->null || (never->term->text != NULL && strcmp(never->term->text, "f") == 0));
		/* Of a set operation one arm may give nothing, and the others something. */
		const bool several = (at > 0 && never[-1].fact == never->fact) ||
		                     (at + 1 < access->condition_count && never[1].fact == never->fact);
		if (!is_false || several || never->fact->from > 0 || never->fact->to != INT16_MAX)
			continue;
		for (uint16_t i = 0; i < access->condition_count; i++) {
			if (access->conditions[i].fact->level == never->fact->level)
				access->conditions[i].term = never->term;
		}
	}
}

static bool has_call(const struct clause *clause, int depth)
{
	if (clause == NULL || depth > LIMIT_WALK_DEPTH)
		return false;
	for (uint16_t at = 0; at < clause->count; at++) {
		if (has_call(clause->items[at], depth + 1))
			return true;
	}
	return clause->kind == CLAUSE_CALL || clause->kind == CLAUSE_OPERATOR;
}

static bool puts_out_volatile(const struct access *access, const struct typing *typing, uint16_t level)
{
	const struct fact_level *fact = &access->input->facts->levels[level];
	for (uint16_t at = 0; at < fact->output_count; at++) {
		const struct clause *clause = fact->outputs[at].clause;
		if (has_call(clause, 0) && typing_of(typing, clause)->is_volatile)
			return true;
	}
	return false;
}

/* A query that gives what a volatile function gives is not one with the outer any more (is_simple_subquery,
 * prepjointree.c), and a WITH query that has one anywhere is computed apart (SS_process_ctes, subselect.c). The facts
 * know PostgreSQL's own of them. */
static void know_reaches(struct access *access, const struct typing *typing)
{
	const struct facts *facts = access->input->facts;
	for (uint16_t level = 0; level < facts->level_count; level++) {
		const struct fact_level *fact = &facts->levels[level];
		const int16_t stands = access->stands[level];
		access->reaches[level] = fact->reach;
		if (fact->parent < 0 || fact->reach == REACH_NONE)
			continue;
		const bool with = stands >= 0 && facts->relations[stands].is_cte && facts->relations[stands].name[0] != '\0';
		bool is_volatile = puts_out_volatile(access, typing, level);
		for (uint16_t at = 0; with && at < access->condition_count; at++)
			is_volatile |= access->conditions[at].fact->level == level &&
			               access->conditions[at].term->is_volatile;
		if (is_volatile)
			access->reaches[level] = with ? REACH_NONE : REACH_PUSHED;
	}
}

/* One condition for each arm of a set operation that it goes into. */
static void type_conditions(struct access *access, const struct typing *typing)
{
	const struct facts *facts = access->input->facts;
	for (uint16_t at = 0; at < facts->condition_count; at++) {
		const struct fact_condition *fact = &facts->conditions[at];
		if (fact->clause == NULL)
			continue;
		uint16_t arms = 1;
		struct typing each = *typing;
		each.arms = &arms;
		for (each.arm = 0; each.arm < arms && access->condition_count < access->condition_room; each.arm++) {
			access->conditions[access->condition_count++] = (struct access_condition){
			    .fact = fact,
			    .from = fact->from,
			    .to = fact->to,
			    .term = known_not_null(access, term_canonical(typing_of(&each, fact->clause),
			                                                  access->dictionary,
			                                                  access->input->arena)),
			    .relation = -1,
			};
		}
	}
}

/* x IN (SELECT y …) looks for x among what the sub-select reads as well: y = x, once both are one query. */
static void join_memberships(struct access *access, const struct typing *typing)
{
	struct arena *arena = access->input->arena;
	const uint16_t count = access->condition_count;
	for (uint16_t at = 0; at < count && access->condition_count < access->condition_room; at++) {
		const struct access_condition *condition = &access->conditions[at];
		const struct fact_condition *fact = condition->fact;
		const uint16_t query = fact->clause->query;
		if (fact->clause->kind != CLAUSE_SUBLINK || condition->term->kind != TERM_OPERATOR || query == 0 ||
		    fact->join_to != 0 || access->reaches[query] != REACH_MERGED ||
		    access->input->facts->levels[query].arms > 0 || (at > 0 && condition[-1].fact == fact))
			continue;
		const struct term *joined = typing_of_membership(typing, fact->clause);
		if (joined == NULL)
			continue;
		struct fact_condition *within = arena_alloc(arena, sizeof(*within));
		*within = *fact;
		within->level = query;
		within->from = 0;
		within->to = INT16_MAX;
		access->conditions[access->condition_count++] = (struct access_condition){
		    .fact = within,
		    .from = within->from,
		    .to = within->to,
		    .term = term_canonical(joined, access->dictionary, arena),
		    .relation = -1,
		};
	}
}

const struct matching *access_matching(struct access *access, int16_t relation)
{
	struct arena *arena = access->input->arena;
	if (access->matchings[relation] != NULL || access->input->relations[relation] == NULL)
		return access->matchings[relation];
	const struct term **parts = arena_alloc(arena, PARTS_MAX * sizeof(*parts));
	struct matching *matching = arena_alloc(arena, sizeof(*matching));
	uint16_t count = 0;
	for (uint16_t at = 0; at < access->condition_count; at++) {
		const struct term *term = access->conditions[at].term;
		if (!reach_restricts(access, &access->conditions[at], relation))
			continue;
		for (uint16_t i = 0; i < (term->kind == TERM_AND ? term->count : 1) && count < PARTS_MAX; i++)
			parts[count++] = term->kind == TERM_AND ? term->items[i] : term;
	}
	*matching = (struct matching){
	    .dictionary = access->dictionary,
	    .relation = access->input->relations[relation],
	    .number = relation,
	    .only = access->input->facts->relations[relation].only,
	    .conditions = parts,
	    .condition_count = count,
	    .bound = access->input->bound,
	    .generous = access->input->generous,
	    .generic = access->input->generic,
	    .arena = arena,
	};
	access->matchings[relation] = matching;
	access->indexes[relation] = matching_indexes(matching, &access->index_counts[relation]);
	return matching;
}

static void match_conditions(struct access *access)
{
	const struct facts *facts = access->input->facts;
	for (uint16_t at = 0; at < access->condition_count; at++) {
		struct access_condition *condition = &access->conditions[at];
		for (uint16_t r = 0; r < facts->relation_count; r++) {
			int16_t relation = (int16_t)r;
			if (!reach_asks(access, condition, relation))
				continue;
			const struct matching *matching = access_matching(access, relation);
			if (matching == NULL)
				continue;
			if (!reach_restricts(access, condition, relation)) {
				if (condition->relation < 0)
					condition->relation = relation;
				continue;
			}
			struct matching_hit hit = matching_condition(matching, access->indexes[relation],
			                                             access->index_counts[relation], condition->term);
			if (condition->relation < 0 || hit.quality > condition->hit.quality) {
				condition->relation = relation;
				condition->hit = hit;
			}
		}
	}
}

/* -- orders ------------------------------------------------------------------------------------------ */

/* Whether an index gives back what it was made of: GiST does where the operator class can (gistcanreturn, gist.c). */
static bool gives_back(const struct catalog_index *index, uint16_t key)
{
	static const char *const lossy[] = {"gist_trgm_ops", "tsvector_ops",   "tsquery_ops",    "circle_ops",
	                                    "poly_ops",      "gist_ltree_ops", "gist_hstore_ops"};
	const char *opclass = index->keys[key].opclass != NULL ? index->keys[key].opclass : "";
	for (size_t at = 0; at < ARRAY_LEN(lossy); at++) {
		if (strcmp(opclass, lossy[at]) == 0)
			return false;
	}
	return true;
}

static bool holds_columns(const struct catalog_relation *relation, const struct catalog_index *index,
                          const struct term *term)
{
	if (!term->has_column)
		return true;
	if (term->kind == TERM_OPAQUE)
		return false;
	for (uint16_t at = 0; at < term->count; at++) {
		if (!holds_columns(relation, index, term->items[at]))
			return false;
	}
	if (term->kind != TERM_COLUMN)
		return true;
	for (uint16_t at = 0; at < index->key_count + index->included_count; at++) {
		const char *name =
		    at < index->key_count ? index->keys[at].column : index->included[at - index->key_count];
		const struct catalog_column *column = name != NULL ? catalog_column(relation, name) : NULL;
		if (column != NULL && column->number == term->column &&
		    (at >= index->key_count || gives_back(index, at)))
			return true;
	}
	return false;
}

/* An index that holds all the columns can be read instead of the table, in whatever order. */
static const struct catalog_index *covering(const struct access *access, int16_t relation,
                                            const struct matching_sort *sorts, uint16_t count)
{
	for (uint16_t at = 0; at < access->index_counts[relation]; at++) {
		const struct matching_index *index = &access->indexes[relation][at];
		const char *method = index->index->method;
		bool all =
		    (strcmp(method, "btree") == 0 || strcmp(method, "spgist") == 0 || strcmp(method, "gist") == 0) &&
		    index->holds == TERM_YES;
		for (uint16_t i = 0; i < count && all; i++)
			all = holds_columns(access->input->relations[relation], index->index, sorts[i].term);
		if (all)
			return index->index;
	}
	return NULL;
}

static void match_order(struct access *access, struct access_order *order, struct matching_sort *sorts)
{
	const struct facts *facts = access->input->facts;
	const struct fact_sort *first = &facts->sorts[order->first];
	const struct matching *matching = access_matching(access, order->relation);
	const struct matching_index *indexes = access->indexes[order->relation];
	uint16_t count = access->index_counts[order->relation];
	if (matching == NULL)
		return;
	struct matching with;
	if (first->order == ORDER_EXTREME && sorts[0].term->kind != TERM_OPAQUE) {
		/* build_minmax_path (planagg.c) asks for what is not NULL. */
		struct term *test = term_new(TERM_NULL_TEST, &sorts[0].term, 1, access->input->arena);
		const struct term **conditions =
		    arena_alloc(access->input->arena, (matching->condition_count + 1u) * sizeof(*conditions));
		test->type = TYPE_BOOL;
		test->flag = true;
		memcpy(conditions, matching->conditions, matching->condition_count * sizeof(*conditions));
		conditions[matching->condition_count] = test;
		with = *matching;
		with.conditions = conditions;
		with.condition_count++;
		matching = &with;
		indexes = matching_indexes(matching, &count);
	}
	if (matching_sorted_already(matching, sorts, order->count)) {
		/* As good as what finds that value. */
		order->single = true;
		for (uint16_t at = 0; at < access->condition_count; at++) {
			const struct access_condition *condition = &access->conditions[at];
			if (condition->relation == order->relation && condition->hit.quality > order->hit.quality)
				order->hit = condition->hit;
		}
		return;
	}
	order->hit = matching_order(matching, indexes, count, sorts, order->count);
	if (first->order == ORDER_EXTREME && order->hit.quality == MATCHING_NONE) {
		/* NULLs are left out, so that they may stand at either end. */
		sorts[0].nulls_first = !sorts[0].nulls_first;
		order->hit = matching_order(matching, indexes, count, sorts, order->count);
	}
	if (first->order == ORDER_BY || order->hit.quality != MATCHING_NONE || facts->levels[first->level].has_where)
		return;
	const struct catalog_index *index = covering(access, order->relation, sorts, order->count);
	if (index != NULL) {
		order->covered = true;
		order->hit = (struct matching_hit){MATCHING_WHOLE, index, 0};
	}
}

static void match_orders(struct access *access, const struct typing *typing)
{
	const struct facts *facts = access->input->facts;
	for (uint16_t at = 0; at < facts->sort_count;) {
		struct access_order *order = &access->orders[access->order_count++];
		struct matching_sort sorts[LIMIT_FACTS_SORTS];
		const struct fact_sort *first = &facts->sorts[at];
		uint16_t arms = 1;
		struct typing each = *typing;
		bool known = true;
		each.arms = &arms;
		*order = (struct access_order){.first = at, .relation = -1};
		for (; at < facts->sort_count && facts->sorts[at].level == first->level &&
		       facts->sorts[at].order == first->order;
		     at++) {
			const struct fact_sort *sort = &facts->sorts[at];
			const struct term *term = sort->clause != NULL ? typing_of(&each, sort->clause)
			                                               : term_new(TERM_OPAQUE, NULL, 0, typing->arena);
			sorts[order->count++] = (struct matching_sort){term, sort->descending, sort->nulls_first};
			int16_t relation = term_relation(term);
			/* What a query puts out is in the order of its table only where it is one with the outer. */
			struct reach_passage passage;
			if (relation >= 0 && reach_seen_from(access, relation, first->level, &passage) != relation &&
			    (passage.reach != REACH_MERGED || arms > 1))
				relation = -1;
			/* A constant sorts nothing; what mixes tables, or is none's, no index has in order. */
			if (term->has_column) {
				known = known && relation >= 0 && (order->relation < 0 || order->relation == relation);
				if (relation >= 0 && order->relation < 0)
					order->relation = relation;
			} else if (term->kind != TERM_CONSTANT) {
				known = false;
			}
		}
		/* Whose rows they are is told in any case, if there is only one table. */
		if (order->relation < 0 || !known) {
			int16_t only = -1;
			uint16_t tables = 0;
			for (uint16_t r = 0; r < facts->relation_count; r++) {
				if (facts->relations[r].level == first->level) {
					only = (int16_t)r;
					tables++;
				}
			}
			order->relation = tables == 1 ? only : order->relation;
		}
		if (order->relation >= 0 && known)
			match_order(access, order, sorts);
	}
}

/* -- events ------------------------------------------------------------------------------------------ */

static bool is_exists(const struct clause *clause)
{
	if (clause->kind == CLAUSE_NOT && clause->items[0] != NULL)
		clause = clause->items[0];
	return clause->kind == CLAUSE_SUBLINK && clause->variant == SUBLINK_EXISTS;
}

const struct access_event *access_events(struct access *access, uint16_t *count)
{
	struct arena *arena = access->input->arena;
	struct access_event *events =
	    arena_alloc(arena, ((size_t)access->condition_count + access->order_count + 1u) * sizeof(*events));
	*count = 0;
	for (uint16_t at = 0; at < access->condition_count; at++) {
		const struct access_condition *condition = &access->conditions[at];
		/* A constant condition, one on what is no table, and what its own conditions tell of. */
		if (condition->relation < 0 || is_exists(condition->fact->clause))
			continue;
		events[(*count)++] = (struct access_event){
		    .relation = name_of(access, condition->relation),
		    .predicate = condition->fact->text != NULL ? condition->fact->text : "",
		    .served = condition->hit.quality != MATCHING_NONE,
		    .index = condition->hit.index != NULL ? condition->hit.index->name : NULL,
		    .reason = why(access, condition),
		};
	}
	for (uint16_t at = 0; at < access->order_count; at++) {
		const struct access_order *order = &access->orders[at];
		if (order->relation < 0 || access->input->relations[order->relation] == NULL)
			continue;
		const bool served = order->hit.quality != MATCHING_NONE;
		events[(*count)++] = (struct access_event){
		    .relation = name_of(access, order->relation),
		    .predicate = order_text(access, order),
		    .served = served,
		    .index = served ? order->hit.index->name : NULL,
		    .reason = order->single    ? "the conditions leave one value: nothing is sorted"
		              : order->covered ? "the whole index is read instead of the table"
		              : served         ? "read in that order"
		                               : "no index has this order",
		};
	}
	return events;
}

static const char *name_of(const struct access *access, int16_t relation)
{
	const struct catalog_relation *known = access->input->relations[relation];
	if (strcmp(known->schema, "public") == 0)
		return known->name;
	return arena_printf(access->input->arena, "%s.%s", known->schema, known->name);
}

static const char *order_text(const struct access *access, const struct access_order *order)
{
	static const char *const starts[] = {"order by ", "distinct ", ""};
	const struct fact_sort *sorts = &access->input->facts->sorts[order->first];
	const char *text = starts[sorts[0].order];
	if (sorts[0].order == ORDER_EXTREME)
		return arena_printf(access->input->arena, "%s(%s)", sorts[0].descending ? "max" : "min",
		                    sorts[0].expression);
	for (uint16_t at = 0; at < order->count; at++)
		text = arena_printf(access->input->arena, "%s%s%s%s%s", text, at > 0 ? ", " : "", sorts[at].expression,
		                    sorts[at].descending ? " desc" : "",
		                    sorts[at].nulls_first == sorts[at].descending ? ""
		                    : sorts[at].nulls_first                       ? " nulls first"
		                                                                  : " nulls last");
	return text;
}

static const char *why(const struct access *access, const struct access_condition *condition)
{
	switch (condition->hit.quality) {
	case MATCHING_GOOD:
		return condition->term->kind == TERM_OR ? "each arm has an index" : "found by the index";
	case MATCHING_LOSSY:
		return "whole ranges of blocks are read";
	case MATCHING_LATER:
		return "a key before it is not compared for equality: much of the index is read";
	case MATCHING_WHOLE:
		return "the pattern has no trigram: the whole index is read";
	case MATCHING_PARTIAL:
		return "the index holds such rows only";
	default:
		return why_not(access, condition);
	}
}

/* The two sides that an index could have for a key. */
static bool is_key(const struct term *key, const struct term *term, const struct term **operand)
{
	for (uint16_t at = 0; key != NULL && at < term->count && at < 2; at++) {
		if (term->items[at] != NULL && term_equal(key, term_strip(term->items[at])) != TERM_NO) {
			*operand = term->items[at];
			return true;
		}
	}
	return false;
}

static bool names_column(const struct term *term, int16_t relation, int16_t column)
{
	if (term == NULL || !term->has_column)
		return false;
	if (term->kind == TERM_COLUMN)
		return term->relation == relation && term->column == column;
	for (uint16_t at = 0; at < term->count; at++) {
		if (names_column(term->items[at], relation, column))
			return true;
	}
	return false;
}

static const struct term *first_column(const struct term *term)
{
	if (term == NULL || !term->has_column)
		return NULL;
	if (term->kind == TERM_COLUMN)
		return term;
	for (uint16_t at = 0; at < term->count; at++) {
		const struct term *column = first_column(term->items[at]);
		if (column != NULL)
			return column;
	}
	return NULL;
}

static const char *why_not(const struct access *access, const struct access_condition *condition)
{
	const struct term *term = condition->term, *operand;
	struct arena *arena = access->input->arena;
	const char *near = NULL;
	const int16_t relation = condition->relation;
	if (!reach_restricts(access, condition, relation))
		return "it is asked of what an outer join gives, after the table has been read";
	if (term->kind == TERM_OR)
		return "one of its arms has no index";
	if (term->is_volatile)
		return "a volatile function is called anew for each row";
	for (uint16_t at = 0; at < access->index_counts[relation]; at++) {
		const struct matching_index *index = &access->indexes[relation][at];
		for (uint16_t k = 0; k < index->index->key_count; k++) {
			const struct catalog_index_key *key = &index->index->keys[k];
			if (is_key(index->keys[k], term, &operand)) {
				const char *cause = "does not know this operator for these types";
				bool both = term->count > 1 && term->items[0]->has_column && term->items[1]->has_column;
				if (matching_key(access->matchings[relation], index, k, term) != MATCHING_NONE)
					cause = "holds only some rows, and nothing says that no others are wanted";
				else if (both && term_relation(term) == relation)
					cause = "can't compare a row with itself";
				else if (key->collation_oid != 0 && term->input_collation != 0 &&
				         key->collation_oid != term->input_collation)
					cause = "has another collation";
				return arena_printf(arena, "%s %s", index->index->name, cause);
			}
			const struct term *column = first_column(index->keys[k]);
			if (near == NULL && column != NULL && names_column(term, relation, column->column))
				near = index->index->name;
		}
	}
	if (near != NULL)
		return arena_printf(arena, "%s is on another expression", near);
	return "no index has this expression for a key";
}
