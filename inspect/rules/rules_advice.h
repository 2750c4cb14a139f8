/* Rules about schema changes that lock nothing for long and yet are worth a second thought. All of them are an info. */
#ifndef PGPROCTOR_INSPECT_RULES_ADVICE_H
#define PGPROCTOR_INSPECT_RULES_ADVICE_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_advice;

#endif
