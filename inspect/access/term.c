#include "inspect/access/term.h"

#include "config/limits.h"
#include "inspect/access/constant.h"

#include <string.h>

enum { DEPTH_MAX = LIMIT_PARSE_DEPTH * 4, ARMS_MAX = 64 };

struct canonizer {
	const struct dictionary *dictionary;
	struct arena *arena;
	int depth;
};

static const struct term *canonical(struct canonizer *c, const struct term *term);
static const struct term *negate(struct canonizer *c, const struct term *term);
static const struct term *junction(struct canonizer *c, enum term_kind kind, const struct term *const *items,
                                   uint16_t count, bool negated);
static const struct term *factored(struct canonizer *c, const struct term *either);
static const struct term *simplified_boolean(struct canonizer *c, const struct term *term);
static bool equal_items(const struct term *a, const struct term *b, enum term_truth *truth);

struct term *term_new(enum term_kind kind, const struct term *const *items, uint16_t count, struct arena *arena)
{
	struct term *term = arena_alloc(arena, sizeof(*term));
	const struct term **copy = arena_alloc(arena, (count + 1u) * sizeof(*copy));
	term->kind = kind;
	term->modifier = -1;
	term->relation = -1;
	for (uint16_t at = 0; at < count; at++) {
		copy[at] = items[at];
		if (items[at] == NULL)
			continue;
		term->has_column |= items[at]->has_column;
		term->has_parameter |= items[at]->has_parameter;
		term->is_volatile |= items[at]->is_volatile;
		term->is_stable |= items[at]->is_stable;
	}
	term->items = copy;
	term->count = count;
	return term;
}

enum term_truth term_equal(const struct term *a, const struct term *b)
{
	enum term_truth truth = TERM_YES;
	if (a == b)
		return TERM_YES;
	if (a == NULL || b == NULL || a->kind != b->kind || a->type != b->type || a->oid != b->oid ||
	    a->flag != b->flag || a->variant != b->variant || a->input_collation != b->input_collation)
		return TERM_NO;
	switch (a->kind) {
	case TERM_COLUMN:
		return a->relation == b->relation && a->column == b->column ? TERM_YES : TERM_NO;
	case TERM_CONSTANT:
		if (a->null != b->null)
			return TERM_NO;
		if (a->null)
			return TERM_YES;
		if (a->text == NULL || b->text == NULL)
			return TERM_MAYBE;
		if (strcmp(a->text, b->text) == 0)
			return TERM_YES;
		return constant_differs(a->type) ? TERM_NO : TERM_MAYBE;
	case TERM_PARAMETER:
		return a->number == b->number && a->number != 0 ? TERM_YES : TERM_NO;
	case TERM_OPAQUE:
		return TERM_NO;
	case TERM_RELABEL:
		if (a->collation != b->collation)
			return TERM_NO;
		break;
	default:
		break;
	}
	return equal_items(a, b, &truth) ? truth : TERM_NO;
}

static bool equal_items(const struct term *a, const struct term *b, enum term_truth *truth)
{
	if (a->count != b->count)
		return false;
	for (uint16_t at = 0; at < a->count; at++) {
		enum term_truth one = term_equal(a->items[at], b->items[at]);
		if (one == TERM_NO)
			return false;
		if (one < *truth)
			*truth = one;
	}
	return true;
}

const struct term *term_strip(const struct term *term)
{
	while (term != NULL && term->kind == TERM_RELABEL)
		term = term->items[0];
	return term;
}

bool term_mentions(const struct term *term, int16_t relation)
{
	if (term == NULL || !term->has_column)
		return false;
	if (term->kind == TERM_COLUMN || term->relation >= 0)
		return term->relation == relation;
	for (uint16_t at = 0; at < term->count; at++) {
		if (term_mentions(term->items[at], relation))
			return true;
	}
	return false;
}

static bool only_relation(const struct term *term, int16_t *relation)
{
	if (term == NULL || !term->has_column)
		return true;
	if (term->kind == TERM_COLUMN || term->relation >= 0) {
		if (term->relation < 0 || (*relation >= 0 && *relation != term->relation))
			return false;
		*relation = term->relation;
		return true;
	}
	for (uint16_t at = 0; at < term->count; at++) {
		if (!only_relation(term->items[at], relation))
			return false;
	}
	return true;
}

int16_t term_relation(const struct term *term)
{
	int16_t relation = -1;
	return only_relation(term, &relation) ? relation : -1;
}

/* -- canonical form --------------------------------------------------------------------------------- */

const struct term *term_canonical(const struct term *term, const struct dictionary *dictionary, struct arena *arena)
{
	struct canonizer c = {.dictionary = dictionary, .arena = arena};
	return term == NULL ? NULL : canonical(&c, term);
}

static const struct term *canonical(struct canonizer *c, const struct term *term)
{
	if (c->depth > DEPTH_MAX)
		return term;
	c->depth++;
	switch (term->kind) {
	case TERM_AND:
	case TERM_OR:
		term = junction(c, term->kind, term->items, term->count, false);
		break;
	case TERM_NOT:
		term = negate(c, term->items[0]);
		break;
	case TERM_OPERATOR:
		term = simplified_boolean(c, term);
		break;
	case TERM_BOOLEAN_TEST: {
		struct term *test = arena_alloc(c->arena, sizeof(*test));
		const struct term **item = arena_alloc(c->arena, sizeof(*item));
		*item = canonical(c, term->items[0]);
		*test = *term;
		test->items = item;
		term = test;
		break;
	}
	default:
		break;
	}
	c->depth--;
	return term;
}

static const struct term *with_operator(struct canonizer *c, const struct term *term, uint32_t operator)
{
	struct term *other = arena_alloc(c->arena, sizeof(*other));
	*other = *term;
	other->oid = operator;
	return other;
}

static const struct term *negate(struct canonizer *c, const struct term *term)
{
	if (c->depth > DEPTH_MAX)
		return term_new(TERM_NOT, &term, 1, c->arena);
	c->depth++;
	const struct term *result = NULL;
	switch (term->kind) {
	case TERM_CONSTANT:
		result = term->null ? term : NULL;
		break;
	case TERM_NOT:
		/* By then it is too late for a join (pull_up_sublinks, prepjointree.c). */
		result = term->items[0]->variant == CLAUSE_SUBLINK
		             ? term_new(TERM_OPAQUE, term->items, 1, c->arena)
		             : canonical(c, term->items[0]);
		break;
	case TERM_AND:
	case TERM_OR:
		result = junction(c, term->kind == TERM_AND ? TERM_OR : TERM_AND, term->items, term->count, true);
		break;
	case TERM_NULL_TEST: {
		struct term *other = arena_alloc(c->arena, sizeof(*other));
		*other = *term;
		other->flag = !term->flag;
		result = other;
		break;
	}
	case TERM_BOOLEAN_TEST: {
		struct term *other = arena_alloc(c->arena, sizeof(*other));
		*other = *term;
		other->variant = (uint8_t)(term->variant ^ 1); /* each test stands beside its opposite */
		result = other;
		break;
	}
	case TERM_OPERATOR: {
		const struct term *plain = simplified_boolean(c, term);
		if (term->variant == CLAUSE_SUBLINK)
			break; /* NOT IN (SELECT …) is no comparison of two values */
		if (plain != term) {
			result = negate(c, plain);
			break;
		}
	}
	/* fall through */
	case TERM_ARRAY_OPERATOR: {
		const struct dictionary_operator *operator= dictionary_operator(c->dictionary, term->oid);
		if (operator!= NULL && operator->negator != 0) {
			struct term *other = (struct term *)with_operator(c, term, operator->negator);
			if (term->kind == TERM_ARRAY_OPERATOR)
				other->flag = !term->flag;
			result = other;
		}
		break;
	}
	default:
		break;
	}
	c->depth--;
	if (result == NULL) {
		struct term *not = term_new(TERM_NOT, &term, 1, c->arena);
		not ->type = TYPE_BOOL;
		result = not ;
	}
	return result;
}

/* flag = true → flag, flag = false → NOT flag (simplify_boolean_equality, clauses.c). */
static const struct term *simplified_boolean(struct canonizer *c, const struct term *term)
{
	const struct dictionary_operator *operator= dictionary_operator(c->dictionary, term->oid);
	if (operator== NULL || term->count != 2 || operator->left != TYPE_BOOL || operator->right != TYPE_BOOL)
		return term;
	bool equal = strcmp(operator->name, "=") == 0, unequal = strcmp(operator->name, "<>") == 0;
	for (int side = 0; side < 2 && (equal || unequal); side++) {
		const struct term *constant = term->items[side], *other = term->items[1 - side];
		if (constant->kind != TERM_CONSTANT || constant->null || constant->text == NULL || !other->has_column)
			continue;
		bool is_true = strchr("tTyY1", constant->text[0]) != NULL || strcasecmp(constant->text, "on") == 0;
		return is_true == equal ? canonical(c, other) : negate(c, other);
	}
	return term;
}

static const struct term *junction(struct canonizer *c, enum term_kind kind, const struct term *const *items,
                                   uint16_t count, bool negated)
{
	const struct term *flat[4 * ARMS_MAX];
	uint16_t found = 0;
	for (uint16_t at = 0; at < count; at++) {
		const struct term *arm = negated ? negate(c, items[at]) : canonical(c, items[at]);
		bool same = arm->kind == kind;
		for (uint16_t i = 0; i < (same ? arm->count : 1); i++) {
			/* Too many: what is left out of an AND restricts less, and of an OR there may be none left out.
			 */
			if (found == ARRAY_LEN(flat)) {
				if (kind == TERM_AND)
					break;
				return term_new(TERM_OPAQUE, items, count, c->arena);
			}
			flat[found++] = same ? arm->items[i] : arm;
		}
	}
	/* A NULL is as good as false: it makes an AND so, and an OR goes without it (find_duplicate_ors). */
	uint16_t kept = 0;
	for (uint16_t at = 0; at < found; at++) {
		const bool constant = flat[at]->kind == TERM_CONSTANT;
		const bool is_true = constant && !flat[at]->null && flat[at]->text != NULL && flat[at]->text[0] == 't';
		const bool is_false = constant && (flat[at]->null || (flat[at]->text != NULL && !is_true));
		if (kind == TERM_AND ? is_false : is_true)
			return flat[at];
		const bool drops = kind == TERM_AND ? is_true : is_false;
		if (!drops || (kept == 0 && at + 1 == found))
			flat[kept++] = flat[at];
	}
	if (kept == 1 && found > 1)
		return flat[0];
	struct term *term = term_new(kind, flat, kept, c->arena);
	term->type = TYPE_BOOL;
	return kind == TERM_OR ? factored(c, term) : term;
}

static const struct term *joined(struct canonizer *c, enum term_kind kind, const struct term *const *items,
                                 uint16_t count)
{
	struct term *term = term_new(kind, items, count, c->arena);
	term->type = TYPE_BOOL;
	return term;
}

static bool contains(const struct term *arm, const struct term *part)
{
	if (arm->kind != TERM_AND)
		return term_equal(arm, part) == TERM_YES;
	for (uint16_t at = 0; at < arm->count; at++) {
		if (term_equal(arm->items[at], part) == TERM_YES)
			return true;
	}
	return false;
}

/* (A AND B) OR (A AND C) → A AND (B OR C); (A) OR (A AND B) → A (process_duplicate_ors, prepqual.c). */
static const struct term *factored(struct canonizer *c, const struct term *either)
{
	const struct term *common[ARMS_MAX], *rests[4 * ARMS_MAX];
	uint16_t common_count = 0;
	if (either->count < 2)
		return either->count == 1 ? either->items[0] : either;
	const struct term *first = either->items[0];
	uint16_t parts = first->kind == TERM_AND ? first->count : 1;
	for (uint16_t at = 0; at < parts && at < ARMS_MAX; at++) {
		const struct term *part = first->kind == TERM_AND ? first->items[at] : first;
		bool everywhere = true;
		for (uint16_t arm = 1; arm < either->count && everywhere; arm++)
			everywhere = contains(either->items[arm], part);
		if (everywhere)
			common[common_count++] = part;
	}
	if (common_count == 0)
		return either;
	bool drop_or = false;
	for (uint16_t arm = 0; arm < either->count; arm++) {
		const struct term *rest[ARMS_MAX], *whole = either->items[arm];
		uint16_t rest_count = 0, of = whole->kind == TERM_AND ? whole->count : 1;
		for (uint16_t at = 0; at < of && rest_count < ARMS_MAX; at++) {
			const struct term *part = whole->kind == TERM_AND ? whole->items[at] : whole;
			bool is_common = false;
			for (uint16_t i = 0; i < common_count; i++)
				is_common = is_common || term_equal(common[i], part) == TERM_YES;
			if (!is_common)
				rest[rest_count++] = part;
		}
		drop_or = drop_or || rest_count == 0;
		struct term *joined =
		    rest_count == 1 ? (struct term *)rest[0] : term_new(TERM_AND, rest, rest_count, c->arena);
		rests[arm] = joined;
	}
	if (!drop_or && common_count < ARMS_MAX)
		common[common_count++] = joined(c, TERM_OR, rests, either->count);
	return common_count == 1 ? common[0] : joined(c, TERM_AND, common, common_count);
}

/* -- strictness -------------------------------------------------------------------------------------- */

bool term_strict_for(const struct term *term, const struct term *of, const struct dictionary *dictionary)
{
	term = term_strip(term);
	of = term_strip(of);
	if (term == NULL)
		return false;
	if (term_equal(term, of) == TERM_YES || (term->kind == TERM_CONSTANT && term->null))
		return true;
	const struct dictionary_function *function = NULL;
	if (term->kind == TERM_OPERATOR || term->kind == TERM_ARRAY_OPERATOR) {
		const struct dictionary_operator *operator= dictionary_operator(dictionary, term->oid);
		function = operator!= NULL ? dictionary_function(dictionary, operator->function) : NULL;
	} else if (term->kind == TERM_CALL) {
		function = dictionary_function(dictionary, term->oid);
	} else if (term->kind == TERM_CONVERT) {
		return term_strict_for(term->items[0], of, dictionary);
	}
	if (function == NULL || !function->strict)
		return false;
	uint16_t count = term->kind == TERM_ARRAY_OPERATOR ? 1 : term->count;
	/* x = ALL ('{}') is true of NULL. */
	if (term->kind == TERM_ARRAY_OPERATOR && term->flag && term->items[1]->kind != TERM_ARRAY)
		return false;
	for (uint16_t at = 0; at < count; at++) {
		if (term_strict_for(term->items[at], of, dictionary))
			return true;
	}
	return false;
}
