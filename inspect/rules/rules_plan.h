/* The rules about statements that the server plans once for all values of their parameters: what an index serves for one
 * value need not be served for all. */
#ifndef PGPROCTOR_INSPECT_RULES_PLAN_H
#define PGPROCTOR_INSPECT_RULES_PLAN_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_plan;

#endif
