#include "inspect/lookup.h"

#include <math.h>
#include <string.h>

static bool is_lookup(const struct fact_predicate *predicate);
static bool shape_of(const struct rule_input *input, const struct fact_predicate *predicate,
                     struct pattern_shape *shape);
static double rows_joined(const struct rule_input *input, const struct lookup *lookup,
                          const struct fact_predicate *join);
static enum lookup_complaint complaint_of(const struct lookup *lookup);
static enum lookup_need need_of(const struct lookup *lookup);

struct lookup lookup_of(const struct rule *rule, const struct rule_input *input, const struct fact_predicate *predicate)
{
	struct lookup lookup = {.rule = rule, .predicate = predicate};
	/* A pattern out of a column or a subquery is another rule's. */
	if (!is_lookup(predicate) || predicate->relation < 0 || !predicate->expression || !predicate->expression[0] ||
	    (predicate->operand != OPERAND_LITERAL && predicate->operand != OPERAND_PARAMETER))
		return lookup;
	/* d ->> $1: which expression that is, its value says; none of the facts does. */
	if (strchr(predicate->expression, '$'))
		return lookup;
	lookup.relation = rules_relation(input, predicate->relation);
	if (!lookup.relation || rules_size(rule, input, lookup.relation) == RULE_SMALL)
		return lookup;
	if (predicate->column)
		lookup.column = catalog_column(lookup.relation, predicate->column);
	bool pattern = predicate->operator!= PREDICATE_EQUAL;
	if (pattern && (!shape_of(input, predicate, &lookup.shape) || lookup.shape.only_wildcards))
		return lookup;
	/* There LIKE is an error, up to PostgreSQL 17. */
	if (pattern && lookup.column && lookup.column->collation_nondeterministic && !predicate->collation)
		return lookup;
	/* No index serves what is negated. As most of the table comes out of it, that is worth a word only where a
	 * pattern is searched in every value. */
	if (predicate->negated && (!lookup.shape.leading_wildcard ||
	                           predicate->operator== PREDICATE_REGEX || predicate->operator== PREDICATE_IREGEX))
		return lookup;
	lookup.match = (struct indexes_match){.answer = INDEXES_NOT_SERVED};
	if (!predicate->negated)
		lookup.match = indexes_for(lookup.relation, input->facts, predicate, &lookup.shape);
	lookup.need = need_of(&lookup);
	if (lookup.match.answer != INDEXES_SERVED)
		lookup.complaint = complaint_of(&lookup);
	return lookup;
}

static bool is_lookup(const struct fact_predicate *predicate)
{
	if (predicate->operator== PREDICATE_EQUAL)
		return lookup_is_upper_or_lower(predicate) && !predicate->negated;
	return lookup_is_pattern(predicate);
}

bool lookup_is_pattern(const struct fact_predicate *predicate)
{
	switch (predicate->operator) {
	case PREDICATE_LIKE:
	case PREDICATE_ILIKE:
	case PREDICATE_REGEX:
	case PREDICATE_IREGEX:
	case PREDICATE_SIMILAR:
		return true;
	default:
		return false;
	}
}

bool lookup_is_upper_or_lower(const struct fact_predicate *predicate)
{
	return predicate->column && predicate->expression &&
	       (strncmp(predicate->expression, "upper(", 6) == 0 || strncmp(predicate->expression, "lower(", 6) == 0);
}

/* False while the shape is not known: before Bind, or for a value in binary. */
static bool shape_of(const struct rule_input *input, const struct fact_predicate *predicate,
                     struct pattern_shape *shape)
{
	*shape = predicate->shape;
	if (predicate->operand == OPERAND_LITERAL)
		return shape->known;

	const struct pattern_shape *bound = NULL;
	if (input->bound && predicate->parameter >= 1 && predicate->parameter <= input->bound_count &&
	    input->bound[predicate->parameter - 1].known) {
		const struct bound_shape *value = &input->bound[predicate->parameter - 1];
		bool regex = predicate->operator== PREDICATE_REGEX || predicate->operator== PREDICATE_IREGEX;
		bound = regex                                     ? &value->regex
		        : predicate->operator== PREDICATE_SIMILAR ? &value->similar
		                                                  : & value->like;
	}
	if (!predicate->parameter_prefixed && !predicate->parameter_suffixed) {
		if (bound)
			*shape = *bound;
		return bound && shape->known;
	}
	/* With constants around it, the beginning is that of the first piece. Whether the whole yields a trigram
	 * can't be told from the pieces: taken for granted. */
	if (!predicate->parameter_prefixed) {
		if (!bound || !bound->known)
			return false;
		shape->leading_wildcard = bound->leading_wildcard;
		shape->has_prefix = bound->has_prefix;
	}
	shape->has_wildcard |= bound && bound->has_wildcard;
	shape->only_wildcards = shape->only_wildcards && bound && bound->only_wildcards;
	shape->has_trigram = true;
	return shape->known;
}

static enum lookup_need need_of(const struct lookup *lookup)
{
	const struct fact_predicate *predicate = lookup->predicate;
	const struct pattern_shape *shape = &lookup->shape;
	bool regex =
	    predicate->operator== PREDICATE_REGEX || predicate->operator== PREDICATE_IREGEX || predicate->operator==
	    PREDICATE_SIMILAR;
	bool folds_case = predicate->operator== PREDICATE_ILIKE || predicate->operator== PREDICATE_IREGEX;
	if (predicate->negated)
		return NEED_UNSERVABLE;
	if (predicate->operator== PREDICATE_EQUAL)
		return NEED_EQUALITY;
	if (!folds_case && !shape->leading_wildcard && (shape->has_prefix || (!regex && !shape->has_wildcard)))
		return NEED_PATTERN_OPS;
	/* A short LIKE pattern is the user's input and the next one is longer; a regular expression is mostly not. */
	return regex && !shape->has_trigram ? NEED_UNSERVABLE : NEED_TRIGRAM;
}

static enum lookup_complaint complaint_of(const struct lookup *lookup)
{
	if (lookup->match.answer == INDEXES_OTHER_EXPRESSION)
		return LOOKUP_MISMATCH;
	if (lookup->match.answer == INDEXES_NO_TRIGRAM)
		return LOOKUP_SHORT;
	switch (lookup->predicate->operator) {
	case PREDICATE_EQUAL:
		return LOOKUP_IEXACT;
	case PREDICATE_LIKE:
	case PREDICATE_ILIKE:
		return lookup->shape.leading_wildcard ? LOOKUP_LEADING : LOOKUP_PREFIX;
	default:
		return lookup->need == NEED_PATTERN_OPS ? LOOKUP_PREFIX : LOOKUP_REGEX;
	}
}

bool lookup_restricted(const struct rule_input *input, const struct lookup *lookup)
{
	double rows = lookup->relation->rows < 0 ? INDEXES_ROWS_ASSUMED : lookup->relation->rows;
	double left = indexes_rows_left(lookup->relation, input->facts, lookup->predicate);
	for (uint16_t i = 0; i < input->facts->predicate_count; i++) {
		double joined = rows_joined(input, lookup, &input->facts->predicates[i]);
		left = joined < left ? joined : left;
	}
	return left < rows / 100 && left < rules_setting(lookup->rule, input)->medium_rows;
}

/* What a join leaves when it is driven by the few rows of another table; INFINITY when `join` is none. */
static double rows_joined(const struct rule_input *input, const struct lookup *lookup,
                          const struct fact_predicate *join)
{
	const struct facts *facts = input->facts;
	int16_t ours = lookup->predicate->relation, other;
	const char *expression;
	if (join->operator!= PREDICATE_EQUAL || join->operand != OPERAND_COLUMN || !join->conjunct || join->negated)
		return INFINITY;
	if (join->relation == ours && join->level == lookup->predicate->level) {
		expression = join->expression;
		other = join->operand_relation;
	} else if (join->operand_relation == ours && join->level == lookup->predicate->level) {
		expression = join->operand_expression;
		other = join->relation;
	} else {
		return INFINITY;
	}
	const struct catalog_relation *driving = other >= 0 && other != ours ? rules_relation(input, other) : NULL;
	if (!driving || !expression || driving->rows < 0)
		return INFINITY;
	double each = indexes_rows_joined(lookup->relation, facts, ours, expression);
	if (each >= rules_setting(lookup->rule, input)->medium_rows)
		return INFINITY;
	struct fact_predicate any = {.relation = other, .level = facts->relations[other].level};
	return each * indexes_rows_left(driving, facts, &any);
}
