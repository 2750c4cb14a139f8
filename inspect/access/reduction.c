#include "inspect/access/reduction.h"

#include "config/limits.h"
#include "inspect/access/reach.h"

static bool rejects(struct access *access, const struct access_condition *condition,
                    const struct access_condition *join);
static void make_inner(struct access *access, const struct access_condition *join);

void reduction_of_joins(struct access *access)
{
	bool found = false;

	for (uint16_t at = 0; at < access->condition_count && !found; at++)
		found = reach_is_outer(&access->conditions[at]);
	/* One that is none any more asks for values itself, of the joins within it. */
	while (found) {
		found = false;
		for (uint16_t at = 0; at < access->condition_count; at++) {
			const struct access_condition *join = &access->conditions[at];
			for (uint16_t i = 0; i < access->condition_count && reach_is_outer(join); i++) {
				const struct access_condition *condition = &access->conditions[i];
				if (!reach_is_above(condition, join) || !rejects(access, condition, join))
					continue;
				make_inner(access, join);
				found = true;
			}
		}
	}
	for (uint16_t at = 0; at < access->condition_count && !access->joins_outer; at++)
		access->joins_outer = reach_is_outer(&access->conditions[at]);
}

static void make_inner(struct access *access, const struct access_condition *join)
{
	for (uint16_t at = 0; at < access->condition_count; at++) {
		struct access_condition *own = &access->conditions[at];
		if (!reach_is_of_join(own->fact, join->fact))
			continue;
		own->from = own->fact->join_from;
		own->to = own->fact->join_to;
	}
}

/* Does the column come out of the join's nullable side, to where the condition is asked? */
static bool is_nullable(struct access *access, const struct access_condition *condition,
                        const struct access_condition *join, int16_t relation)
{
	struct reach_passage passage;
	const int16_t seen = reach_seen_from(access, relation, join->fact->level, &passage);

	return seen >= join->from && seen < join->to && reach_asks(access, condition, relation) &&
	       reach_seen_from(access, seen, condition->fact->level, &passage) >= 0;
}

struct asker {
	struct access *access;
	const struct access_condition *condition, *join;
	int depth;
};

static bool is_strict(const struct dictionary *dictionary, const struct term *term)
{
	const struct dictionary_operator *operator= dictionary_operator(dictionary, term->oid);
	const struct dictionary_function *function =
	    dictionary_function(dictionary, term->kind == TERM_CALL ? term->oid : operator!= NULL ? operator->function : 0);
	return function != NULL && function->strict;
}

/* NULL or false when the nullable side's columns are NULL; at the top, where NULL is as good as false, that much
 * (find_nonnullable_rels, clauses.c). */
static bool asks(struct asker *asker, const struct term *term, bool top)
{
	bool any = false, all = true;

	if (term == NULL || !term->has_column || asker->depth > LIMIT_WALK_DEPTH)
		return false;
	uint16_t count = term->count;
	if (term->kind == TERM_COLUMN || term->relation >= 0)
		return is_nullable(asker->access, asker->condition, asker->join, term->relation);
	asker->depth++;
	/* x = ALL ('{}') is true of NULL; NOT (x IN (SELECT …)) is no join. */
	if (term->kind == TERM_ARRAY_OPERATOR)
		count = term->flag && term->items[1]->kind != TERM_ARRAY ? 0 : 1;
	if (term->variant == CLAUSE_SUBLINK && !top)
		count = 0;
	for (uint16_t at = 0; at < count; at++) {
		const bool one = asks(asker, term->items[at], top && (term->kind == TERM_AND || term->kind == TERM_OR));
		any |= one;
		all &= one;
	}
	asker->depth--;
	switch (term->kind) {
	case TERM_AND:
		return top ? any : all && count > 0;
	case TERM_OR:
		return all && count > 0;
	case TERM_NOT:
	case TERM_RELABEL:
	case TERM_CONVERT:
		return any;
	case TERM_NULL_TEST:
		return any && top && term->flag;
	case TERM_BOOLEAN_TEST:
		return any && top &&
		       (term->variant == TEST_TRUE || term->variant == TEST_FALSE || term->variant == TEST_NOT_UNKNOWN);
	case TERM_OPERATOR:
	case TERM_ARRAY_OPERATOR:
	case TERM_CALL:
		return any && is_strict(asker->access->dictionary, term);
	default:
		return false;
	}
}

static bool rejects(struct access *access, const struct access_condition *condition,
                    const struct access_condition *join)
{
	struct asker asker = {.access = access, .condition = condition, .join = join};

	return asks(&asker, condition->term, true);
}
