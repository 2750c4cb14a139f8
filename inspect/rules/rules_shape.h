/* The rules about what a statement asks for as a whole, whatever its indexes: counts, rows without end, joins of
 * everything with everything, patterns that a collation refuses. */
#ifndef PGPROCTOR_INSPECT_RULES_SHAPE_H
#define PGPROCTOR_INSPECT_RULES_SHAPE_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_shape;

#endif
