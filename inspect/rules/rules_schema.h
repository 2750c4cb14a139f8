/* More rules about schema changes: what hides behind a change that looks cheap, and what the application around it
 * notices. */
#ifndef PGPROCTOR_INSPECT_RULES_SCHEMA_H
#define PGPROCTOR_INSPECT_RULES_SCHEMA_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_schema;

#endif
