/* The rules about searches inside jsonb documents that no index serves. */
#ifndef PGPROCTOR_INSPECT_RULES_JSON_H
#define PGPROCTOR_INSPECT_RULES_JSON_H

#include "inspect/rules/rules.h"

extern const struct rule_group rules_json;

#endif
