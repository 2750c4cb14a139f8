/* The rules about full-text searches, and about what an index has but does not begin with. */
#ifndef PGPROCTOR_INSPECT_RULES_SEARCH_H
#define PGPROCTOR_INSPECT_RULES_SEARCH_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_search;

#endif
