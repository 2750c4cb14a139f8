/* The rules about schema changes: those that take a lock which writes wait for, and hold it while they read or
 * rewrite the whole table. */
#ifndef PGPROCTOR_INSPECT_RULES_DDL_H
#define PGPROCTOR_INSPECT_RULES_DDL_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_ddl;

#endif
