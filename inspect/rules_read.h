/* The rules about what a statement reads: patterns and comparisons that no index serves. Each predicate yields at
 * most one finding, so every one of these functions asks the same question and reports its own answer. */
#ifndef PGPROCTOR_INSPECT_RULES_READ_H
#define PGPROCTOR_INSPECT_RULES_READ_H

#include "inspect/rules.h"

void rules_read_leading_wildcard(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_read_short_pattern(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_read_expression_mismatch(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_read_prefix(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_read_iexact(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_read_regex(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

#endif
