/* The rules about secrets: passwords, tokens and card numbers that are stored as they are, and those that stand in the
 * statement itself. By a column's name and a value's shape together; no value is ever kept. */
#ifndef PGPROCTOR_INSPECT_RULES_SECRET_H
#define PGPROCTOR_INSPECT_RULES_SECRET_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_secret;

#endif
