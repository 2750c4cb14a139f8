/* Rules about what is dropped or renamed: who waits for it, and what still uses it. */
#ifndef PGPROCTOR_INSPECT_RULES_DROP_H
#define PGPROCTOR_INSPECT_RULES_DROP_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_drop;

#endif
