/* The rules about constraints: those that are verified, or whose index is built, under a lock that writes wait for. */
#ifndef PGPROCTOR_INSPECT_RULES_CONSTRAINT_H
#define PGPROCTOR_INSPECT_RULES_CONSTRAINT_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_constraint;

#endif
