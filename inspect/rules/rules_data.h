/* The rules about how data is kept: those that the catalog alone decides, and JSON in text columns, which documents.c
 * counts. */
#ifndef PGPROCTOR_INSPECT_RULES_DATA_H
#define PGPROCTOR_INSPECT_RULES_DATA_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_data;

#endif
