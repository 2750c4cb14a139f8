/* Rules about a schema change and the transaction around it: how long it waits, what is held meanwhile, what was done
 * before. */
#ifndef PGPROCTOR_INSPECT_RULES_TRANSACTION_H
#define PGPROCTOR_INSPECT_RULES_TRANSACTION_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_transaction;

#endif
