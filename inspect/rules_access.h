/* Rules about conditions and orders that no index serves: Q107 to Q112, Q114, Q118, Q122 and Q126. */
#ifndef PGPROCTOR_INSPECT_RULES_ACCESS_H
#define PGPROCTOR_INSPECT_RULES_ACCESS_H

#include "inspect/rules.h"

extern const struct rule_group rules_access;

#endif
