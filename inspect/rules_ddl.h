/* The rules about schema changes: those that take a lock which writes wait for, and hold it while they read or
 * rewrite the whole table. */
#ifndef PGPROCTOR_INSPECT_RULES_DDL_H
#define PGPROCTOR_INSPECT_RULES_DDL_H

#include "inspect/rules.h"

void rules_ddl_index_build(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_ddl_reindex(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_ddl_volatile_default(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_ddl_rewrite_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_ddl_alter_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
void rules_ddl_vacuum_full(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

#endif
