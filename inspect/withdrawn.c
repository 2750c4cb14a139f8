#include "inspect/withdrawn.h"

#include "inspect/rules/rules.h"

#include <string.h>

void withdrawn_count(uint64_t counts[LIMIT_RULES], const struct verdict *before, const struct verdict *after)
{
	for (uint8_t at = 0; at < before->count; at++) {
		const struct finding *old = &before->findings[at];
		bool stands = false;

		for (uint8_t other = 0; other < after->count; other++) {
			const struct finding *new = &after->findings[other];

			stands |= new->rule == old->rule && new->severity >= old->severity && strcmp(new->table, old->table) == 0 &&
			          strcmp(new->column, old->column) == 0;
		}
		if (!stands)
			counts[rules_index(old->rule)]++;
	}
}

void withdrawn_audits(uint64_t counts[LIMIT_RULES], const struct rule_settings *rules, const struct catalog *before,
                      const struct catalog *after)
{
	const struct context earlier = {.catalog = before, .settings = rules}, later = {.catalog = after, .settings = rules};

	for (uint32_t at = 0; at < catalog_relation_count(before); at++) {
		const struct catalog_relation *was = catalog_relation_at(before, at), *is;
		struct verdict old, new;

		verdict_init(&old);
		verdict_init(&new);
		rules_audit(&earlier, was, &old);
		if (old.count > 0 && (is = catalog_find_oid(after, was->oid)) != NULL)
			rules_audit(&later, is, &new);
		withdrawn_count(counts, &old, &new);
		verdict_fini(&old);
		verdict_fini(&new);
	}
}
