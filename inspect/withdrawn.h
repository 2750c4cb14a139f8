/* Findings that a newer catalog takes back: two verdicts on the same thing are compared. Knows nothing of when that is
 * called for. Counts are by rules_index, and added to. */
#ifndef PGPROCTOR_INSPECT_WITHDRAWN_H
#define PGPROCTOR_INSPECT_WITHDRAWN_H

#include "inspect/catalog/catalog.h"
#include "inspect/context.h"

/* What `before` has and `after` has not, or milder. */
void withdrawn_count(uint64_t counts[LIMIT_RULES], const struct verdict *before, const struct verdict *after);
/* The same of what the audits say of each table that was there. */
void withdrawn_audits(uint64_t counts[LIMIT_RULES], const struct rule_settings *rules, const struct catalog *before,
                      const struct catalog *after);

#endif
