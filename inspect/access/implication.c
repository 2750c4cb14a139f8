#include "inspect/access/implication.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, ARRAY_MAX = 100 };

/* The strategies of B-tree, and <> as the negator of =. */
enum { LT = 1, LE, EQ, GE, GT, NE };

struct prover {
	const struct dictionary *dictionary;
	int depth;
};

static enum term_truth implies(struct prover *p, const struct term *clause, const struct term *predicate);
static enum term_truth implies_simple(struct prover *p, const struct term *clause, const struct term *predicate);
static enum term_truth implies_operator(struct prover *p, const struct term *clause, const struct term *predicate);
static enum term_truth compares(struct prover *p, const struct term *clause, const struct term *predicate,
                                int clause_strategy, int predicate_strategy);
static int strategy_in(const struct dictionary *dictionary, uint32_t family, uint32_t operator);

static enum term_truth both(enum term_truth a, enum term_truth b)
{
	return a < b ? a : b;
}

static enum term_truth either(enum term_truth a, enum term_truth b)
{
	return a > b ? a : b;
}

enum term_truth implication_holds(const struct dictionary *dictionary, const struct term *predicate,
                                  const struct term *const *conditions, uint16_t count)
{
	struct prover p = {.dictionary = dictionary};
	const struct term all = {.kind = TERM_AND, .count = count, .items = conditions};
	return implies(&p, &all, predicate);
}

/* An array of known elements stands for its comparisons, and-ed or or-ed (predicate_classify). */
static enum term_kind class_of(const struct term *term)
{
	if (term->kind == TERM_AND || term->kind == TERM_OR)
		return term->kind;
	if (term->kind == TERM_ARRAY_OPERATOR && term->items[1]->kind == TERM_ARRAY &&
	    term->items[1]->count <= ARRAY_MAX)
		return term->flag ? TERM_AND : TERM_OR;
	return TERM_OPERATOR;
}

static uint16_t arms_of(const struct term *term)
{
	return term->kind == TERM_ARRAY_OPERATOR ? term->items[1]->count : term->count;
}

/* `pair` and `room` are for an arm that has to be made. */
static const struct term *arm_of(const struct term *term, uint16_t at, struct term *room, const struct term **pair)
{
	if (term->kind != TERM_ARRAY_OPERATOR)
		return term->items[at];
	pair[0] = term->items[0];
	pair[1] = term->items[1]->items[at];
	*room = *term;
	room->kind = TERM_OPERATOR;
	room->flag = false;
	room->variant = 0;
	room->items = pair;
	room->count = 2;
	return room;
}

/* predicate_implied_by_recurse. */
static enum term_truth implies(struct prover *p, const struct term *clause, const struct term *predicate)
{
	struct term room;
	const struct term *pair[2];
	enum term_truth truth;
	enum term_kind has = class_of(clause), wants = class_of(predicate);
	if (p->depth > DEPTH_MAX)
		return TERM_NO;
	p->depth++;
	if (wants == TERM_AND) {
		/* Each part of the predicate by the whole of the clause. */
		truth = TERM_YES;
		for (uint16_t at = 0; at < arms_of(predicate) && truth != TERM_NO; at++)
			truth = both(truth, implies(p, clause, arm_of(predicate, at, &room, pair)));
	} else if (has == TERM_OR) {
		/* Each arm of the clause must imply the predicate, or an arm of it. */
		truth = TERM_YES;
		for (uint16_t at = 0; at < arms_of(clause) && truth != TERM_NO; at++)
			truth = both(truth, implies(p, arm_of(clause, at, &room, pair), predicate));
		if (truth != TERM_YES && clause->kind == TERM_ARRAY_OPERATOR)
			truth = either(truth, implies_simple(p, clause, predicate));
	} else {
		truth = TERM_NO;
		if (wants == TERM_OR) {
			for (uint16_t at = 0; at < arms_of(predicate) && truth != TERM_YES; at++)
				truth = either(truth, implies(p, clause, arm_of(predicate, at, &room, pair)));
		}
		if (has == TERM_AND) {
			for (uint16_t at = 0; at < arms_of(clause) && truth != TERM_YES; at++)
				truth = either(truth, implies(p, arm_of(clause, at, &room, pair), predicate));
		} else if (truth != TERM_YES) {
			truth = either(truth, implies_simple(p, clause, predicate));
		}
	}
	p->depth--;
	return truth;
}

/* predicate_implied_by_simple_clause. */
static enum term_truth implies_simple(struct prover *p, const struct term *clause, const struct term *predicate)
{
	enum term_truth truth = term_equal(clause, predicate);
	if (truth == TERM_YES)
		return truth;
	if (predicate->kind == TERM_NULL_TEST && predicate->flag) {
		if (term_strict_for(clause, predicate->items[0], p->dictionary))
			return TERM_YES;
		if (clause->kind == TERM_NULL_TEST && clause->flag)
			return term_equal(term_strip(clause->items[0]), term_strip(predicate->items[0]));
		return truth;
	}
	return either(truth, implies_operator(p, clause, predicate));
}

/* operator_predicate_proof: the same two sides under operators of which one implies the other, or the same left side
 * compared with two constants. */
static enum term_truth implies_operator(struct prover *p, const struct term *clause, const struct term *predicate)
{
	const struct dictionary_operator *has, *wants;
	if (clause->kind != TERM_OPERATOR || predicate->kind != TERM_OPERATOR || clause->count != 2 ||
	    predicate->count != 2 || clause->input_collation != predicate->input_collation)
		return TERM_NO;
	has = dictionary_operator(p->dictionary, clause->oid);
	wants = dictionary_operator(p->dictionary, predicate->oid);
	if (has == NULL || wants == NULL)
		return TERM_NO;

	const struct term *left = clause->items[0], *right = clause->items[1];
	uint32_t operator= clause->oid;
	enum term_truth same_left = term_equal(left, predicate->items[0]);
	if (same_left == TERM_NO || left->kind == TERM_CONSTANT) {
		/* Turned round. */
		operator= has->commutator;
		left = clause->items[1];
		right = clause->items[0];
		same_left = operator!= 0 ? term_equal(left, predicate->items[0]) : TERM_NO;
	}
	if (same_left == TERM_NO)
		return TERM_NO;
	enum term_truth same_right = term_equal(right, predicate->items[1]);
	const bool value = predicate->items[1]->kind == TERM_CONSTANT;
	const bool pseudo = right->kind == TERM_CONSTANT || right->kind == TERM_PARAMETER;
	if (same_right != TERM_YES && !(value && pseudo))
		return TERM_NO;

	/* A family that knows both operators: <> by its negator. */
	uint32_t count;
	enum term_truth best = TERM_NO;
	const bool negated = strcmp(wants->name, "<>") == 0 && wants->negator != 0;
	const struct dictionary_member *members =
	    dictionary_members_of(p->dictionary, negated ? wants->negator : predicate->oid, &count);
	for (uint32_t at = 0; at < count && best != TERM_YES; at++) {
		const struct dictionary_member *member = &members[at];
		if (!member->btree || member->purpose != 's')
			continue;
		int wanted = negated ? (member->strategy == EQ ? NE : 0) : member->strategy;
		int had = strategy_in(p->dictionary, member->family, operator);
		if (wanted == 0 || had == 0)
			continue;
		struct term turned = *clause;
		const struct term *sides[2] = {left, right};
		turned.items = sides;
		best = either(best, compares(p, &turned, predicate, had, wanted));
	}
	return both(best, same_left);
}

static int strategy_in(const struct dictionary *dictionary, uint32_t family, uint32_t operator)
{
	uint32_t count;
	const struct dictionary_operator *known = dictionary_operator(dictionary, operator);
	const struct dictionary_member *members = dictionary_members_of(dictionary, operator, & count);
	for (uint32_t at = 0; at < count; at++) {
		if (members[at].family == family && members[at].purpose == 's')
			return members[at].strategy;
	}
	if (known == NULL || known->negator == 0)
		return 0;
	members = dictionary_members_of(dictionary, known->negator, &count);
	for (uint32_t at = 0; at < count; at++) {
		if (members[at].family == family && members[at].purpose == 's' && members[at].strategy == EQ)
			return NE;
	}
	return 0;
}

/* As constant.h has them they sort as text, a date standing for its midnight. */
static int compare_moments(const char *a, const char *b)
{
	static const char midnight[] = " 00:00:00.000000";
	enum { DATE_LEN = 10 };
	int order = memcmp(a, b, DATE_LEN);
	if (order == 0)
		order = strcmp(a[DATE_LEN] == '\0' ? midnight : a + DATE_LEN, b[DATE_LEN] == '\0' ? midnight : b + DATE_LEN);
	return (order > 0) - (order < 0);
}

/* -1, 0, 1; 2: not the same, no more is known; 3: nothing is known. */
static int compare_values(const struct dictionary *dictionary, const struct term *a, const struct term *b,
                          uint32_t collation)
{
	static const char smalls[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	if (a->text == NULL || b->text == NULL)
		return 3;
	const struct dictionary_type *type = dictionary_type(dictionary, dictionary_base(dictionary, b->type));
	if (type == NULL)
		return 3;
	if (type->category == 'N') {
		char *end_a, *end_b;
		long double one = strtold(a->text, &end_a), other = strtold(b->text, &end_b);
		if (*end_a != '\0' || *end_b != '\0')
			return 3;
		return (one > other) - (one < other);
	}
	/* A moment with a zone and one without are compared by the session's zone; a date stands for its midnight. */
	const uint32_t other = dictionary_base(dictionary, a->type);
	if (type->category == 'D' && other != type->oid && (other == TYPE_TIMESTAMPTZ || type->oid == TYPE_TIMESTAMPTZ))
		return 3;
	int order = strcmp(a->text, b->text);
	if (order == 0 && other == type->oid)
		return 0;
	switch (type->oid) {
	case TYPE_TEXT:
	case TYPE_VARCHAR:
	case TYPE_BPCHAR:
	case TYPE_NAME: {
		const struct dictionary_collation *by = dictionary_collation(dictionary, collation);
		if (by != NULL && by->nondeterministic)
			return 3;
		/* Small letters and digits come in the same order nearly everywhere. */
		bool plain = strspn(a->text, smalls) == strlen(a->text) && strspn(b->text, smalls) == strlen(b->text);
		if (order == 0 || plain || (by != NULL && by->is_c))
			return (order > 0) - (order < 0);
		return 2;
	}
	case TYPE_UUID:
		return 2;
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return compare_moments(a->text, b->text);
	default:
		return type->kind == 'e' ? 2 : 3;
	}
}

/* x <clause> a implies x <predicate> b, by BT_implic_table: which test of a against b proves it. */
static enum term_truth compares(struct prover *p, const struct term *clause, const struct term *predicate,
                                int clause_strategy, int predicate_strategy)
{
	/* [clause][predicate]: the strategy of a ? b; 0: none proves it. */
	static const uint8_t tests[7][7] = {
	    [LT] = {[LT] = GE, [LE] = GE, [NE] = GE},
	    [LE] = {[LT] = GT, [LE] = GE, [NE] = GT},
	    [EQ] = {[LT] = GT, [LE] = GE, [EQ] = EQ, [GE] = LE, [GT] = LT, [NE] = NE},
	    [GE] = {[GE] = LE, [GT] = LT, [NE] = LT},
	    [GT] = {[GE] = LE, [GT] = LE, [NE] = LE},
	    [NE] = {[NE] = EQ},
	};
	const int test = tests[clause_strategy][predicate_strategy];
	if (test == 0)
		return TERM_NO;
	const struct term *had = clause->items[1], *wanted = predicate->items[1];
	int order;
	if (term_equal(had, wanted) == TERM_YES)
		order = 0;
	else if (had->kind == TERM_PARAMETER)
		return had->flag ? TERM_NO : TERM_MAYBE;
	else if (had->null || wanted->null)
		return TERM_NO;
	else
		order = compare_values(p->dictionary, wanted, had, predicate->input_collation);
	if (order == 3)
		return TERM_MAYBE;
	if (order == 2)
		return test == NE ? TERM_YES : test == EQ ? TERM_NO : TERM_MAYBE;
	bool holds = (test == LT && order < 0) || (test == LE && order <= 0) || (test == EQ && order == 0) ||
	             (test == GE && order >= 0) || (test == GT && order > 0) || (test == NE && order != 0);
	return holds ? TERM_YES : TERM_NO;
}
