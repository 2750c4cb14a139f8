#include "inspect/access/pattern.h"

static const struct pattern_shape *value_of_parameter(const struct clause_pattern *pattern,
                                                      struct pattern_values values);

bool pattern_shape_of(const struct clause_pattern *pattern, struct pattern_values values, struct pattern_shape *shape)
{
	*shape = pattern->shape;
	if (pattern->operand != OPERAND_PARAMETER)
		return pattern->operand == OPERAND_LITERAL && shape->known;
	const struct pattern_shape *bound = value_of_parameter(pattern, values);
	if (!pattern->prefixed && !pattern->suffixed) {
		if (bound != NULL)
			*shape = *bound;
		return bound != NULL && shape->known;
	}
	if (!pattern->prefixed) {
		if (bound == NULL || !bound->known)
			return false;
		shape->leading_wildcard = bound->leading_wildcard;
		shape->has_prefix = bound->has_prefix;
	}
	shape->has_wildcard |= bound != NULL && bound->has_wildcard;
	shape->only_wildcards = shape->only_wildcards && bound != NULL && bound->only_wildcards;
	shape->has_trigram = true;
	shape->asks_item = pattern->shape.asks_item && pattern->prefixed && pattern->suffixed;
	return shape->known;
}

static const struct pattern_shape *value_of_parameter(const struct clause_pattern *pattern,
                                                      struct pattern_values values)
{
	if (values.list == NULL || pattern->parameter < 1 || pattern->parameter > values.count ||
	    !values.list[pattern->parameter - 1].known)
		return NULL;
	const struct bound_shape *value = &values.list[pattern->parameter - 1];
	switch (pattern->reading) {
	case READING_REGEX:
		return &value->regex;
	case READING_SIMILAR:
		return &value->similar;
	default:
		return &value->like;
	}
}
