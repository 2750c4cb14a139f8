#include "inspect/access/search.h"

#include "config/limits.h"
#include "inspect/access/reach.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 4 * LIMIT_FACTS_CONDITIONS };

/* Comparisons in the making. */
struct finder {
	struct searches *searches;
	const struct access_condition *condition;
	struct search *list;
	int depth;
};

static void open_access(struct searches *searches, const struct context *input, bool planned, bool generic);
static struct searches *make(const struct context *input, bool planned, bool generic);
static void give_values(struct access_input *access, const struct context *input);
static void find(struct finder *f, const struct term *term, bool arm);
static void add(struct finder *f, const struct term *term, bool arm);

/* -- what is searched for ------------------------------------------------------------------------------ */

struct searches *search_all(const struct context *input)
{
	CHECK(input->searches);
	if (*input->searches != NULL)
		return *input->searches;
	return *input->searches = make(input, false, false);
}

struct searches *search_planned(const struct context *input, bool generic)
{
	return make(input, true, generic);
}

static struct searches *make(const struct context *input, bool planned, bool generic)
{
	struct searches *searches = calloc(1, sizeof(*searches));
	CHECK(searches);
	arena_init(&searches->arena);
	open_access(searches, input, planned, generic);
	if (searches->access == NULL)
		return searches;
	struct finder finder = {.searches = searches};
	finder.list = arena_alloc(&searches->arena, LIST_MAX * sizeof(*finder.list));
	searches->list = finder.list;
	for (uint16_t at = 0; at < searches->access->condition_count; at++) {
		finder.condition = &searches->access->conditions[at];
		find(&finder, finder.condition->term, false);
	}
	return searches;
}

void search_free(struct searches *searches)
{
	if (searches == NULL)
		return;
	arena_fini(&searches->arena);
	free(searches);
}

static void open_access(struct searches *searches, const struct context *input, bool planned, bool generic)
{
	const struct facts *facts = input->facts;
	struct arena *arena = &searches->arena;
	if (facts->condition_count + facts->sort_count == 0)
		return;
	const struct catalog_relation **relations =
	    arena_alloc(arena, (facts->relation_count + 1u) * sizeof(*relations));
	bool any = false;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		relations[at] = context_relation(input, (int16_t)at);
		any = any || relations[at] != NULL;
	}
	if (!any)
		return;
	searches->input = (struct access_input){
	    .facts = facts,
	    .catalog = input->catalog,
	    .relations = relations,
	    .bound = {input->bound, input->bound_count},
	    .generous = true,
	    .generic = generic,
	    .arena = arena,
	};
	if (planned && !generic && input->bound)
		give_values(&searches->input, input);
	searches->access = access_make(&searches->input);
	searches->spelling = (struct spelling){catalog_dictionary(input->catalog), relations, arena};
}

/* As constants without a type, which the parameters' own is then given to. */
static void give_values(struct access_input *access, const struct context *input)
{
	const struct clause **values = arena_alloc(access->arena, (input->bound_count + 1u) * sizeof(*values));
	for (uint16_t at = 0; at < input->bound_count; at++) {
		const struct bound_shape *bound = &input->bound[at];
		if (!bound->text)
			continue;
		struct clause *value = arena_alloc(access->arena, sizeof(*value));
		*value = (struct clause){
		    .kind = CLAUSE_CONSTANT,
		    .variant = LITERAL_STRING,
		    .relation = -1,
		    .from = -1,
		    .to = -1,
		    .text = arena_copy(access->arena, bound->text, bound->len),
		};
		values[at] = value;
	}
	access->values = values;
	access->value_count = input->bound_count;
}

static void find(struct finder *f, const struct term *term, bool arm)
{
	if (term == NULL || f->depth > LIMIT_WALK_DEPTH)
		return;
	f->depth++;
	switch (term->kind) {
	case TERM_AND:
	case TERM_OR:
		for (uint16_t at = 0; at < term->count; at++)
			find(f, term->items[at], arm || term->kind == TERM_OR);
		break;
	case TERM_OTHER:
		for (uint16_t at = 0; at < term->count && term->variant == CLAUSE_CASE; at++)
			find(f, term->items[at], true);
		break;
	case TERM_OPERATOR:
	case TERM_ARRAY_OPERATOR:
		for (uint16_t at = 0; at < term->count && term->count == 2; at++) {
			if (term->items[at]->kind == TERM_OTHER)
				find(f, term->items[at], true);
		}
		if (term->count == 2 && term->type == TYPE_BOOL)
			add(f, term, arm);
		break;
	default:
		break;
	}
	f->depth--;
}

static void add(struct finder *f, const struct term *term, bool arm)
{
	struct searches *searches = f->searches;
	struct access *access = searches->access;
	const struct dictionary_operator *operator= dictionary_operator(access->dictionary, term->oid);
	if (operator== NULL || searches->count == LIST_MAX)
		return;
	int side = term->items[0]->has_column ? 0 : 1;
	const int16_t relation = term_relation(term->items[side]);
	if (relation < 0 || searches->input.relations[relation] == NULL ||
	    !reach_asks(access, f->condition, relation))
		return;
	/* <@ turned is @>; what has no such pair stays as it is, a value = ANY (column) too. */
	if (side == 1 && term->kind == TERM_OPERATOR && operator->commutator != 0) {
		operator= dictionary_operator(access->dictionary, operator->commutator);
		if (operator== NULL)
			return;
	}
	const struct matching *matching = access_matching(access, relation);
	struct search *search = &f->list[searches->count++];
	*search = (struct search){
	    .condition = f->condition,
	    .term = term,
	    .arm = arm,
	    .relation = relation,
	    .table = searches->input.relations[relation],
	    .operand = term_strip(term->items[side]),
	    .value = term->items[1 - side],
	    .operator= operator,
	};
	search->column = search_only_column(search->operand);
	for (uint16_t at = 0; search->column != NULL && at < search->table->column_count; at++) {
		if (search->table->columns[at].number == search->column->column)
			search->known = &search->table->columns[at];
	}
	if (term == f->condition->term && f->condition->relation == relation)
		search->hit = f->condition->hit;
	else if (reach_restricts(access, f->condition, relation))
		search->hit = matching_arm(matching, access->indexes[relation], access->index_counts[relation], term);
}

const struct term *search_strange_arm(const struct access_condition *condition, int16_t relation)
{
	const struct term *term = condition->term;
	for (uint16_t at = 0; term->kind == TERM_OR && at < term->count; at++) {
		const struct term *arm = term->items[at];
		bool own = term_relation(arm) == relation;
		/* What it and-s to that is taken out for the table (extract_or_clause, orclauses.c). */
		for (uint16_t i = 0; arm->kind == TERM_AND && i < arm->count; i++)
			own |= term_relation(arm->items[i]) == relation;
		if (!own && arm->has_column)
			return arm;
	}
	return NULL;
}

const struct term *search_only_column(const struct term *term)
{
	const struct term *found = NULL;
	if (term == NULL || term->kind == TERM_OPAQUE)
		return NULL;
	if (term->kind == TERM_COLUMN)
		return term;
	for (uint16_t at = 0; at < term->count; at++) {
		if (term->items[at] == NULL || !term->items[at]->has_column)
			continue;
		const struct term *one = search_only_column(term->items[at]);
		if (one == NULL || (found != NULL && term_equal(found, one) != TERM_YES))
			return NULL;
		found = one;
	}
	return found;
}

/* Are the columns of two tables in it? Of those that no relation is known for nothing can be said. */
static bool mixes(const struct clause *clause, int16_t *relation, int depth)
{
	if (clause == NULL || depth > LIMIT_WALK_DEPTH)
		return false;
	if (clause->kind == CLAUSE_COLUMN && clause->relation >= 0) {
		bool other = *relation >= 0 && *relation != clause->relation;
		*relation = clause->relation;
		return other;
	}
	for (uint16_t at = 0; at < clause->count; at++) {
		if (mixes(clause->items[at], relation, depth + 1))
			return true;
	}
	return false;
}

static bool wants_pattern(const struct clause *clause, struct shape_wants *wants, int depth)
{
	static const unsigned readings[] = {
	    [READING_NONE] = SHAPE_WANT_LIKE,
	    [READING_LIKE] = SHAPE_WANT_LIKE,
	    [READING_REGEX] = SHAPE_WANT_REGEX,
	    [READING_SIMILAR] = SHAPE_WANT_SIMILAR,
	};
	int16_t relation = -1;
	bool wanted = false;
	if (clause == NULL || depth > LIMIT_WALK_DEPTH)
		return false;
	if (clause->pattern != NULL && clause->pattern->operand == OPERAND_PARAMETER) {
		shape_wants_add(wants, clause->pattern->parameter, readings[clause->pattern->reading]);
		wanted = !mixes(clause->items[0], &relation, 0);
	}
	for (uint16_t at = 0; at < clause->count; at++)
		wanted |= wants_pattern(clause->items[at], wants, depth + 1);
	return wanted;
}

bool search_wants_patterns(const struct facts *facts, struct shape_wants *wants)
{
	bool wanted = false;
	for (uint16_t at = 0; at < facts->condition_count; at++)
		wanted |= wants_pattern(facts->conditions[at].clause, wants, 0);
	return wanted;
}
