#include "inspect/access/typing.h"

#include "inspect/access/coercion.h"
#include "inspect/access/constant.h"
#include "inspect/access/output.h"
#include "inspect/access/overload.h"
#include "inspect/access/typed_operator.h"

#include "config/limits.h"

#include <string.h>

enum { ITEMS_MAX = 200 };

static const struct term *type_node(struct typer *t, const struct clause *clause);
static const struct term *type_column(struct typer *t, const struct clause *clause);
static const struct term *type_constant(struct typer *t, const struct clause *clause);
static const struct term *type_parameter(struct typer *t, const struct clause *clause);
static const struct term *type_cast(struct typer *t, const struct clause *clause);
static const struct term *type_collate(struct typer *t, const struct clause *clause);
static const struct term *type_boolean(struct typer *t, const struct clause *clause);
static const struct term *type_array(struct typer *t, const struct clause *clause);
static const struct term *type_subscript(struct typer *t, const struct clause *clause);
static const struct term *type_common(struct typer *t, const struct clause *clause);
static const struct term *type_sublink(struct typer *t, const struct clause *clause);
static const struct term *type_natural(struct typer *t, const struct clause *clause);

const struct term *typing_of(const struct typing *typing, const struct clause *clause)
{
	struct typer t = {.in = typing, .dictionary = typing->dictionary, .arena = typing->arena};
	const struct term *term = typing_clause(&t, clause);
	constant_settle(term, t.dictionary, typing->utc, t.arena);
	return term;
}

const struct term *typing_clause(struct typer *t, const struct clause *clause)
{
	if (clause == NULL || t->depth > LIMIT_WALK_DEPTH)
		return typing_opaque(t, NULL, 0);
	t->depth++;
	const struct term *term = type_node(t, clause);
	t->depth--;
	return term;
}

static const struct term *type_node(struct typer *t, const struct clause *clause)
{
	switch (clause->kind) {
	case CLAUSE_COLUMN:
		return type_column(t, clause);
	case CLAUSE_CONSTANT:
		return type_constant(t, clause);
	case CLAUSE_PARAMETER:
		return type_parameter(t, clause);
	case CLAUSE_CAST:
		return type_cast(t, clause);
	case CLAUSE_COLLATE:
		return type_collate(t, clause);
	case CLAUSE_CALL:
		return typed_operator_call(t, clause);
	case CLAUSE_OPERATOR:
		return typed_operator_of(t, clause);
	case CLAUSE_ARRAY_OPERATOR:
		return typed_operator_array(t, clause->name, typing_clause(t, clause->items[0]),
		                            typing_clause(t, clause->items[1]), clause->flag, clause->pattern);
	case CLAUSE_IN:
		return typed_operator_in(t, clause);
	case CLAUSE_AND:
	case CLAUSE_OR:
	case CLAUSE_NOT:
	case CLAUSE_NULL_TEST:
	case CLAUSE_BOOLEAN_TEST:
		return type_boolean(t, clause);
	case CLAUSE_ARRAY:
		return type_array(t, clause);
	case CLAUSE_SUBSCRIPT:
		return type_subscript(t, clause);
	case CLAUSE_COALESCE:
	case CLAUSE_EXTREME:
	case CLAUSE_NULLIF:
	case CLAUSE_DISTINCT:
	case CLAUSE_CASE:
		return type_common(t, clause);
	case CLAUSE_SUBLINK:
		return type_sublink(t, clause);
	case CLAUSE_NATURAL:
		return type_natural(t, clause);
	case CLAUSE_KEYWORD: {
		struct term *keyword = term_new(TERM_OTHER, NULL, 0, t->arena);
		const struct dictionary_type *type =
		    dictionary_type_named(t->dictionary, "pg_catalog", clause->name, false);
		keyword->variant = (uint8_t)(CLAUSE_KEYWORD + 32 + clause->variant);
		keyword->type = type != NULL ? type->oid : TYPE_NONE;
		keyword->collation = type != NULL ? type->collation : 0;
		keyword->strength = keyword->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
		keyword->is_stable = true;
		return keyword;
	}
	default:
		return typing_opaque_of(t, clause);
	}
}

const struct term *typing_opaque(struct typer *t, const struct term *const *items, uint16_t count)
{
	return term_new(TERM_OPAQUE, items, count, t->arena);
}

const struct term *typing_opaque_of(struct typer *t, const struct clause *clause)
{
	const struct term *items[ITEMS_MAX];
	uint16_t count = 0;
	for (uint16_t at = 0; at < clause->count && count < ITEMS_MAX; at++) {
		if (clause->items[at] != NULL)
			items[count++] = typing_clause(t, clause->items[at]);
	}
	struct term *opaque = (struct term *)typing_opaque(t, items, count);
	const struct dictionary_function *function =
	    clause->kind == CLAUSE_OPAQUE && clause->name != NULL ? overload_function(t->dictionary, clause->name, NULL, 0) : NULL;
	if (function != NULL)
		opaque->type = function->result;
	return opaque;
}

/* -- leaves -------------------------------------------------------------------------------------------- */

const struct term *typing_table_column(struct typer *t, int16_t at, const struct catalog_column *column)
{
	struct term *term = term_new(TERM_COLUMN, NULL, 0, t->arena);
	term->relation = at;
	term->column = column->number;
	term->type = column->type_oid;
	term->modifier = column->type_modifier;
	term->collation = column->collation_oid;
	term->strength = column->collation_oid != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
	term->not_null = column->not_null;
	term->has_column = true;
	return term;
}

const struct term *typing_opaque_column(struct typer *t, int16_t at, const struct term *as)
{
	struct term *unknown = (struct term *)typing_opaque(t, NULL, 0);
	unknown->has_column = true;
	unknown->relation = at;
	if (as == NULL)
		return unknown;
	unknown->type = as->type;
	unknown->modifier = as->modifier;
	unknown->collation = as->collation;
	unknown->strength = as->strength;
	return unknown;
}

static const struct term *column_term(struct typer *t, int16_t at, const char *name)
{
	const struct typing *in = t->in;
	if (in->facts != NULL && in->facts->relations[at].query != 0)
		return output_column(t, at, name);
	const struct catalog_relation *relation = in->relations[in->facts != NULL ? at : 0];
	const struct catalog_column *column = relation != NULL ? catalog_column(relation, name) : NULL;
	return column != NULL ? typing_table_column(t, at, column) : NULL;
}

/* An unqualified name is of the one relation in FROM that has such a column, for a second one would make it ambiguous;
 * else of an outer level's, unless something stands in FROM whose columns nobody here knows. */
static const struct term *column_of_level(struct typer *t, const struct clause *clause)
{
	const struct facts *facts = t->in->facts;
	for (int16_t level = (int16_t)clause->level; level >= 0; level = facts->levels[level].parent) {
		bool unknown = false;
		for (uint16_t at = 0; at < facts->relation_count; at++) {
			if (facts->relations[at].level != level)
				continue;
			const struct term *term = column_term(t, (int16_t)at, clause->name);
			if (term != NULL)
				return term;
			unknown = unknown || output_unknown(t->in, (int16_t)at);
		}
		if (unknown)
			return NULL;
	}
	return NULL;
}

/* JOIN … USING: of the one relation of that side that has it. */
static const struct term *column_of_side(struct typer *t, const struct clause *side, const char *name)
{
	const struct term *term = NULL;
	for (int16_t at = side->from; at < side->to && term == NULL; at++) {
		if (t->in->facts->relations[at].level == side->level)
			term = column_term(t, at, name);
	}
	return term;
}

static const struct term *type_column(struct typer *t, const struct clause *clause)
{
	const struct typing *in = t->in;
	const struct term *term = NULL;
	if (in->facts == NULL)
		term = column_term(t, in->relation, clause->name);
	else if (clause->relation >= 0)
		term = column_term(t, clause->relation, clause->name);
	else if (clause->from >= 0)
		term = column_of_side(t, clause, clause->name);
	if (term == NULL && in->facts != NULL && clause->schema == NULL && clause->from < 0)
		term = column_of_level(t, clause);
	return term != NULL ? term : typing_opaque_column(t, -1, NULL);
}

static const struct term *type_constant(struct typer *t, const struct clause *clause)
{
	static const uint32_t types[] = {
	    [LITERAL_NULL] = TYPE_UNKNOWN,    [LITERAL_BOOLEAN] = TYPE_BOOL,   [LITERAL_INTEGER] = TYPE_INT4,
	    [LITERAL_DECIMAL] = TYPE_NUMERIC, [LITERAL_STRING] = TYPE_UNKNOWN, [LITERAL_BITS] = TYPE_BIT,
	};
	struct term *term = term_new(TERM_CONSTANT, NULL, 0, t->arena);
	term->type = clause->variant == LITERAL_INTEGER && clause->number == 8 ? TYPE_INT8 : types[clause->variant];
	term->text = clause->text;
	term->null = clause->variant == LITERAL_NULL;
	return term;
}

/* A custom plan has the value in its place, of the type that the parameter is declared with, or as undecided as the
 * parameter would be. */
static const struct term *type_value(struct typer *t, const struct clause *clause)
{
	const struct clause *value = clause->number >= 1 && clause->number <= t->in->value_count
	                                 ? t->in->values[clause->number - 1]
	                                 : NULL;
	const uint32_t type = clause->number <= t->in->parameter_count ? t->in->parameters[clause->number - 1]
	                                                               : TYPE_UNKNOWN;
	if (value == NULL)
		return NULL;
	const struct term *given = typing_clause(t, value);
	if (type != TYPE_UNKNOWN)
		return coercion_apply(t->dictionary, given, type, -1, COERCION_ASSIGNMENT, t->arena);
	if (given->kind != TERM_CONSTANT)
		return NULL;
	struct term *open = term_new(TERM_CONSTANT, NULL, 0, t->arena);
	open->type = TYPE_UNKNOWN;
	open->text = given->text;
	open->null = given->null;
	return open;
}

static const struct term *type_parameter(struct typer *t, const struct clause *clause)
{
	const struct term *value = type_value(t, clause);
	if (value != NULL)
		return value;
	struct term *term = term_new(TERM_PARAMETER, NULL, 0, t->arena);
	term->type = TYPE_UNKNOWN;
	term->flag = t->in->generic;
	if (t->in->parameters != NULL && clause->number >= 1 && clause->number <= t->in->parameter_count)
		term->type = t->in->parameters[clause->number - 1];
	term->number = clause->number;
	term->has_parameter = true;
	if (term->type != TYPE_UNKNOWN) {
		const struct dictionary_type *type = dictionary_type(t->dictionary, term->type);
		term->collation = type != NULL ? type->collation : 0;
		term->strength = term->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
	}
	return term;
}

uint32_t typing_named(const struct dictionary *dictionary, const struct fact_type *type, int32_t *modifier)
{
	*modifier = -1;
	if (type == NULL || type->name == NULL)
		return TYPE_NONE;
	const struct dictionary_type *named = dictionary_type_named(dictionary, type->schema, type->name, type->array);
	if (named == NULL)
		return TYPE_NONE;
	uint32_t plain = type->array ? named->element : named->oid;
	const int32_t *given = type->modifiers;
	switch (plain) {
	case TYPE_VARCHAR:
	case TYPE_BPCHAR:
		if (given[0] >= 0)
			*modifier = given[0] + 4;
		break;
	case TYPE_NUMERIC:
		if (given[0] >= 0)
			*modifier = ((given[0] << 16) | ((given[1] >= 0 ? given[1] : 0) & 0x7FF)) + 4;
		break;
	default:
		*modifier = given[0];
		break;
	}
	return named->oid;
}

static const struct term *type_cast(struct typer *t, const struct clause *clause)
{
	int32_t modifier;
	uint32_t type = typing_named(t->dictionary, clause->type, &modifier);
	const struct clause *inner = clause->items[0];
	const struct term *arg;
	/* ARRAY[…]::type[]: the elements become that type at once (transformArrayExpr). */
	if (inner != NULL && inner->kind == CLAUSE_ARRAY && type != TYPE_NONE && clause->type->array) {
		const struct dictionary_type *array = dictionary_type(t->dictionary, type);
		const struct term *items[ITEMS_MAX];
		uint16_t count = inner->count < ITEMS_MAX ? inner->count : ITEMS_MAX;
		bool constant = true;
		for (uint16_t at = 0; at < count; at++) {
			items[at] = coercion_apply(t->dictionary, typing_clause(t, inner->items[at]), array->element,
			                           modifier, COERCION_EXPLICIT, t->arena);
			constant = constant && items[at]->kind == TERM_CONSTANT;
		}
		struct term *made = term_new(TERM_ARRAY, items, count, t->arena);
		made->type = type;
		made->modifier = modifier;
		typed_operator_collate(t, made);
		made->input_collation = 0;
		return made;
	}
	arg = typing_clause(t, inner);
	if (type == TYPE_NONE)
		return typing_opaque(t, &arg, 1);
	/* A literal's cast to a type whose reading depends on the session is done while it is analyzed. */
	return coercion_apply(t->dictionary, arg, type, modifier, COERCION_EXPLICIT, t->arena);
}

static const struct term *type_collate(struct typer *t, const struct clause *clause)
{
	const struct term *arg = typing_clause(t, clause->items[0]);
	const struct dictionary_collation *collation = dictionary_collation_named(t->dictionary, clause->name);
	if (collation == NULL)
		return typing_opaque(t, &arg, 1);
	if (arg->type == TYPE_UNKNOWN)
		arg = coercion_apply(t->dictionary, arg, TYPE_TEXT, -1, COERCION_IMPLICIT, t->arena);
	struct term *made;
	if (arg->kind == TERM_CONSTANT) {
		made = arena_alloc(t->arena, sizeof(*made));
		*made = *arg;
	} else {
		made = term_new(TERM_RELABEL, &arg, 1, t->arena);
		made->type = arg->type;
		made->modifier = arg->modifier;
	}
	made->collation = collation->oid;
	made->strength = STRENGTH_EXPLICIT;
	return made;
}

/* -- the rest ------------------------------------------------------------------------------------------ */

/* ROW(a, b) IS NULL asks that of each (eval_const_expressions). */
static const struct term *type_row_test(struct typer *t, const struct clause *clause)
{
	const struct clause *row = clause->items[0];
	const struct term *tests[ITEMS_MAX];
	uint16_t count = row->count < ITEMS_MAX ? row->count : ITEMS_MAX;
	for (uint16_t at = 0; at < count; at++) {
		const struct term *item = typing_clause(t, row->items[at]);
		struct term *test = term_new(TERM_NULL_TEST, &item, 1, t->arena);
		test->type = TYPE_BOOL;
		test->flag = clause->flag;
		tests[at] = test;
	}
	struct term *all = term_new(TERM_AND, tests, count, t->arena);
	all->type = TYPE_BOOL;
	return all;
}

static const struct term *type_boolean(struct typer *t, const struct clause *clause)
{
	static const enum term_kind kinds[] = {
	    [CLAUSE_AND] = TERM_AND,
	    [CLAUSE_OR] = TERM_OR,
	    [CLAUSE_NOT] = TERM_NOT,
	    [CLAUSE_NULL_TEST] = TERM_NULL_TEST,
	    [CLAUSE_BOOLEAN_TEST] = TERM_BOOLEAN_TEST,
	};
	const struct term *items[ITEMS_MAX];
	const struct clause *row = clause->kind == CLAUSE_NULL_TEST ? clause->items[0] : NULL;
	if (row != NULL && row->kind == CLAUSE_ROW && row->count > 0)
		return type_row_test(t, clause);
	uint16_t count = clause->count < ITEMS_MAX ? clause->count : ITEMS_MAX;
	for (uint16_t at = 0; at < count; at++) {
		items[at] = typing_clause(t, clause->items[at]);
		if (clause->kind != CLAUSE_NULL_TEST && items[at]->type == TYPE_UNKNOWN)
			items[at] =
			    coercion_apply(t->dictionary, items[at], TYPE_BOOL, -1, COERCION_IMPLICIT, t->arena);
	}
	if (clause->kind == CLAUSE_NOT && items[0]->kind == TERM_CONSTANT && items[0]->text != NULL) {
		struct term *other = arena_alloc(t->arena, sizeof(*other));
		*other = *items[0];
		other->text = strchr("tTyY1", other->text[0]) != NULL ? "f" : "t";
		return other;
	}
	struct term *term = term_new(kinds[clause->kind], items, count, t->arena);
	term->type = TYPE_BOOL;
	term->flag = clause->kind == CLAUSE_NULL_TEST && clause->flag;
	term->variant = clause->kind == CLAUSE_BOOLEAN_TEST ? clause->variant : 0;
	return term;
}

static const struct term *type_array(struct typer *t, const struct clause *clause)
{
	const struct term *items[ITEMS_MAX];
	uint32_t types[ITEMS_MAX] = {0};
	uint16_t count = clause->count < ITEMS_MAX ? clause->count : ITEMS_MAX;
	for (uint16_t at = 0; at < count; at++) {
		items[at] = typing_clause(t, clause->items[at]);
		types[at] = items[at]->type;
	}
	uint32_t common = coercion_common(t->dictionary, types, count);
	const struct dictionary_type *type = dictionary_type(t->dictionary, common);
	if (type == NULL || type->array == 0 || count == 0)
		return typing_opaque(t, items, count);
	for (uint16_t at = 0; at < count; at++)
		items[at] = coercion_apply(t->dictionary, items[at], common, -1, COERCION_IMPLICIT, t->arena);
	struct term *term = term_new(TERM_ARRAY, items, count, t->arena);
	term->type = type->array;
	typed_operator_collate(t, term);
	term->input_collation = 0;
	return term;
}

static const struct term *type_subscript(struct typer *t, const struct clause *clause)
{
	const struct term *items[8];
	uint16_t count = clause->count < ARRAY_LEN(items) ? clause->count : ARRAY_LEN(items);
	if (count == 0)
		return typing_opaque(t, NULL, 0);
	for (uint16_t at = 0; at < count; at++)
		items[at] = typing_clause(t, clause->items[at]);
	uint32_t base = dictionary_base(t->dictionary, items[0]->type);
	const struct dictionary_type *type = dictionary_type(t->dictionary, base);
	uint32_t result = base == TYPE_JSONB                   ? TYPE_JSONB
	                  : type == NULL || type->element == 0 ? TYPE_NONE
	                  : clause->flag                       ? base
	                                                       : type->element;
	if (result == TYPE_NONE)
		return typing_opaque(t, items, count);
	for (uint16_t at = 1; at < count; at++) {
		bool text = items[at]->type == TYPE_UNKNOWN || items[at]->type == TYPE_TEXT;
		uint32_t index = base == TYPE_JSONB && text ? TYPE_TEXT : TYPE_INT4;
		items[at] = coercion_apply(t->dictionary, items[at], index, -1, COERCION_ASSIGNMENT, t->arena);
	}
	struct term *term = term_new(TERM_OTHER, items, count, t->arena);
	term->variant = CLAUSE_SUBSCRIPT;
	term->flag = clause->flag;
	term->type = result;
	term->modifier = items[0]->modifier;
	term->collation = items[0]->collation;
	term->strength = items[0]->strength;
	return term;
}

/* What makes one type out of several: COALESCE, CASE, GREATEST, NULLIF, IS DISTINCT FROM. */
static const struct term *type_common(struct typer *t, const struct clause *clause)
{
	const struct term *items[ITEMS_MAX];
	uint32_t types[ITEMS_MAX] = {0};
	uint16_t count = clause->count < ITEMS_MAX ? clause->count : ITEMS_MAX, valued = 0;
	bool is_case = clause->kind == CLAUSE_CASE;
	bool compares = clause->kind == CLAUSE_NULLIF || clause->kind == CLAUSE_DISTINCT;
	for (uint16_t at = 0; at < count; at++) {
		if (clause->items[at] == NULL) {
			struct term *null = term_new(TERM_CONSTANT, NULL, 0, t->arena);
			null->null = true;
			null->type = is_case && at == 0 ? TYPE_BOOL : TYPE_UNKNOWN;
			items[at] = null;
		} else {
			items[at] = typing_clause(t, clause->items[at]);
		}
		/* Of a CASE, the results: every second one after the test, and the last. */
		if (!is_case || (at > 0 && (at % 2 == 0 || at + 1 == count)))
			types[valued++] = items[at]->type;
	}
	uint32_t common = coercion_common(t->dictionary, types, valued);
	for (uint16_t at = 0; at < count; at++) {
		bool value = !is_case || (at > 0 && (at % 2 == 0 || at + 1 == count));
		if (value && common != TYPE_NONE && (!compares || items[at]->type == TYPE_UNKNOWN))
			items[at] = coercion_apply(t->dictionary, items[at], common, -1, COERCION_IMPLICIT, t->arena);
	}
	if (compares && count == 2) {
		/* By the operator =, which decides what they become (transformAExprNullIf). */
		const struct dictionary_operator *equal =
		    overload_operator(t->dictionary, "=", items[0]->type, items[1]->type);
		uint32_t declared[2] = {equal != NULL ? equal->left : TYPE_NONE, equal != NULL ? equal->right : TYPE_NONE};
		uint32_t actual[2] = {items[0]->type, items[1]->type}, result = TYPE_BOOL;
		if (equal == NULL || !coercion_resolve(t->dictionary, actual, declared, 2, &result))
			return typing_opaque(t, items, count);
		for (int at = 0; at < 2; at++)
			items[at] = coercion_apply(t->dictionary, items[at], declared[at], -1, COERCION_IMPLICIT,
			                           t->arena);
		common = items[0]->type;
	}
	if (clause->kind == CLAUSE_DISTINCT) {
		/* x IS DISTINCT FROM NULL (transformAExprDistinct). */
		for (int at = 0; at < 2; at++) {
			if (items[at]->kind == TERM_CONSTANT && items[at]->null) {
				struct term *test = term_new(TERM_NULL_TEST, &items[1 - at], 1, t->arena);
				test->type = TYPE_BOOL;
				test->flag = !clause->flag;
				return test;
			}
		}
	}
	/* The first that is a constant, NULLs before it left out. */
	for (uint16_t at = 0; clause->kind == CLAUSE_COALESCE && at < count && items[at]->kind == TERM_CONSTANT; at++) {
		if (!items[at]->null)
			return items[at];
	}
	struct term *term = term_new(TERM_OTHER, items, count, t->arena);
	term->variant = (uint8_t)clause->kind;
	term->flag = clause->flag;
	term->type = clause->kind == CLAUSE_DISTINCT ? TYPE_BOOL : common;
	typed_operator_collate(t, term);
	term->input_collation = 0;
	return term->type == TYPE_NONE ? typing_opaque(t, items, count) : term;
}

/* -- sub-selects and joins ----------------------------------------------------------------------------- */

struct found_columns {
	const struct facts *facts;
	uint16_t query;
	const struct term **list;
	uint16_t count;
	int depth;
};

static bool stands_in(const struct facts *facts, uint16_t level, uint16_t query)
{
	int16_t at = (int16_t)level;
	while (at > (int16_t)query)
		at = facts->levels[at].parent;
	return at == (int16_t)query;
}

static void find_outer(struct found_columns *found, const struct term *term)
{
	if (term == NULL || !term->has_column || found->depth > LIMIT_WALK_DEPTH || found->count == ITEMS_MAX)
		return;
	if (term->kind == TERM_COLUMN &&
	    !stands_in(found->facts, found->facts->relations[term->relation].level, found->query))
		found->list[found->count++] = term;
	found->depth++;
	for (uint16_t at = 0; at < term->count; at++)
		find_outer(found, term->items[at]);
	found->depth--;
}

/* What (SELECT …) gives, of which outer queries' columns: gone over once, so that nesting costs no more than its depth. */
static struct term *type_query(struct typer *t, uint16_t query, const struct term **items, uint16_t count)
{
	const struct facts *facts = t->in->facts;
	struct found_columns found = {.facts = facts, .query = query, .list = items, .count = count};
	const struct term *only = NULL;
	if (query != 0 && facts != NULL) {
		only = output_only(t, query);
		find_outer(&found, only);
		for (uint16_t at = 0; at < facts->condition_count; at++) {
			if (facts->conditions[at].level == query && facts->conditions[at].clause != NULL)
				find_outer(&found, typing_clause(t, facts->conditions[at].clause));
		}
	}
	struct term *value = term_new(TERM_OTHER, items, found.count, t->arena);
	value->variant = CLAUSE_SUBLINK;
	value->has_parameter = true;
	if (only == NULL)
		return value;
	/* A literal that nothing gives a type is a text (resolveTargetListUnknowns). */
	const struct dictionary_type *type =
	    dictionary_type(t->dictionary, only->type == TYPE_UNKNOWN ? TYPE_TEXT : only->type);
	if (type == NULL)
		return value;
	value->type = type->oid;
	value->collation = only->type == TYPE_UNKNOWN ? type->collation : only->collation;
	value->strength = value->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
	return value;
}

/* x IN (SELECT …) is a join on x = something, and (SELECT …) a value that is there before the scan unless it names
 * the row. */
static const struct term *type_sublink(struct typer *t, const struct clause *clause)
{
	const struct term *items[ITEMS_MAX];
	uint16_t count = 0;
	for (uint16_t at = 1; at < clause->count && count < ITEMS_MAX; at++)
		items[count++] = typing_clause(t, clause->items[at]);
	struct term *value = type_query(t, clause->variant == SUBLINK_OTHER ? 0 : clause->query, items, count);
	if (clause->variant == SUBLINK_VALUE)
		return value;
	if (clause->variant != SUBLINK_ANY || clause->items[0] == NULL || clause->items[0]->kind == CLAUSE_ROW)
		return typing_opaque_of(t, clause);
	const struct term *left = typing_clause(t, clause->items[0]);
	const struct term *equal = typed_operator_make(t, "=", left, value, NULL);
	if (equal->kind != TERM_OPERATOR)
		return equal;
	struct term *semi = arena_alloc(t->arena, sizeof(*semi));
	*semi = *equal;
	semi->variant = CLAUSE_SUBLINK; /* a join while it is and-ed to the rest, a filter anywhere else */
	return semi;
}

const struct term *typing_of_membership(const struct typing *typing, const struct clause *sublink)
{
	struct typer t = {.in = typing, .dictionary = typing->dictionary, .arena = typing->arena};
	if (sublink->kind != CLAUSE_SUBLINK || sublink->variant != SUBLINK_ANY || sublink->query == 0 ||
	    sublink->items[0] == NULL || sublink->items[0]->kind == CLAUSE_ROW)
		return NULL;
	const struct term *inner = output_only(&t, sublink->query);
	const struct term *semi = typing_clause(&t, sublink);
	/* One that names an outer query's row is asked for each. */
	if (inner == NULL || !inner->has_column || semi->kind != TERM_OPERATOR || semi->items[1]->has_column)
		return NULL;
	const struct term *equal = typed_operator_make(&t, "=", inner, typing_clause(&t, sublink->items[0]), NULL);
	return equal->kind == TERM_OPERATOR && !equal->is_volatile ? equal : NULL;
}

/* What both sides have the name of (transformFromClauseItem, parse_clause.c). */
struct natural {
	struct typer *t;
	const struct clause *left, *right;
	const struct term *equal[ITEMS_MAX];
	uint16_t count;
};

static void add_natural(void *context, const char *name)
{
	struct natural *natural = context;
	const struct term *left = column_of_side(natural->t, natural->left, name);
	const struct term *right = left != NULL ? column_of_side(natural->t, natural->right, name) : NULL;
	if (right != NULL && natural->count < ITEMS_MAX)
		natural->equal[natural->count++] = typed_operator_make(natural->t, "=", left, right, NULL);
}

static const struct term *type_natural(struct typer *t, const struct clause *clause)
{
	struct natural natural = {.t = t, .left = clause->items[0], .right = clause->items[1]};
	for (int16_t at = natural.right->from; at < natural.right->to; at++) {
		if (t->in->facts->relations[at].level == natural.right->level)
			output_names(t, at, add_natural, &natural);
	}
	struct term *all = term_new(TERM_AND, natural.equal, natural.count, t->arena);
	all->type = TYPE_BOOL;
	return natural.count == 1 ? natural.equal[0] : all;
}
