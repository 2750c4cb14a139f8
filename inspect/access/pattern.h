/* The shape of a pattern, once its parameter has a value. */
#ifndef PGPROCTOR_INSPECT_PATTERN_H
#define PGPROCTOR_INSPECT_PATTERN_H

#include "config/check.h"
#include "inspect/tree/clause.h"

/* Of the parameters, element 0 for $1; NULL before Bind. */
struct pattern_values {
	const struct bound_shape *list;
	uint16_t count;
};

/* False while nothing is known of it: before Bind, for a value in binary, or for what is put together in other ways
 * than by constants around one parameter. With constants around it the beginning is that of the first piece; whether
 * the whole yields a trigram can't be told from the pieces and is taken for granted. */
MUST_USE bool pattern_shape_of(const struct clause_pattern *pattern, struct pattern_values values,
                               struct pattern_shape *shape);

#endif
