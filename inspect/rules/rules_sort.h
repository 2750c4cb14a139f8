/* Rules about orders and pages: the first rows of an order, rows by chance, pages far behind. */
#ifndef PGPROCTOR_INSPECT_RULES_SORT_H
#define PGPROCTOR_INSPECT_RULES_SORT_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_sort;

#endif
