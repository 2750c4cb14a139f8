/* The rules about what a statement reads: patterns and comparisons that no index serves. Each predicate yields at
 * most one finding, so every one of these functions asks the same question and reports its own answer. */
#ifndef PGPROCTOR_INSPECT_RULES_READ_H
#define PGPROCTOR_INSPECT_RULES_READ_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_read;

#endif
