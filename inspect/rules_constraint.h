/* The rules about constraints: those that are verified, or whose index is built, under a lock that writes wait for. */
#ifndef PGPROCTOR_INSPECT_RULES_CONSTRAINT_H
#define PGPROCTOR_INSPECT_RULES_CONSTRAINT_H

#include "inspect/rules.h"

void rules_constraint_set_not_null(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_constraint_add_check(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_constraint_add_foreign_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_constraint_add_unique(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_constraint_add_primary_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

#endif
