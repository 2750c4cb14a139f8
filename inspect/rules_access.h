/* Rules about conditions and orders that no index serves: Q107 to Q111, Q114, Q118. */
#ifndef PGPROCTOR_INSPECT_RULES_ACCESS_H
#define PGPROCTOR_INSPECT_RULES_ACCESS_H

#include "inspect/rules.h"

extern const struct rule_group rules_access;

#endif
