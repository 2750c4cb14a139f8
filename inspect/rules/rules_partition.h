/* Rules about what is larger or other than one table: partitions, materialised views, domains, whole tables emptied or
 * locked by name. */
#ifndef PGPROCTOR_INSPECT_RULES_PARTITION_H
#define PGPROCTOR_INSPECT_RULES_PARTITION_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_partition;

#endif
