/* Rules about conditions that no index serves: columns wrapped, converted or without an index, arrays, ORs, NOT IN. */
#ifndef PGPROCTOR_INSPECT_RULES_FILTER_H
#define PGPROCTOR_INSPECT_RULES_FILTER_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_filter;

#endif
