#include "proxy/plans.h"

#include "config/check.h"
#include "config/limits.h"

#include <stdlib.h>

enum { CUSTOM_PLANS = 5 };

struct plans {
	uint32_t count;
	struct plan list[LIMIT_PLANS_PER_SESSION];
};

void plans_free(struct plans *plans)
{
	free(plans);
}

struct plan *plans_of(struct plans **plans, const struct statement *statement, uint64_t name)
{
	if (!statement->plan_matters)
		return NULL;
	if (!*plans) {
		*plans = calloc(1, sizeof(**plans));
		CHECK(*plans);
	}
	for (uint32_t at = 0; at < (*plans)->count; at++) {
		if ((*plans)->list[at].name == name)
			return &(*plans)->list[at];
	}
	if ((*plans)->count == LIMIT_PLANS_PER_SESSION)
		return NULL;
	struct plan *plan = &(*plans)->list[(*plans)->count++];
	*plan = (struct plan){.name = name};
	return plan;
}

bool plans_count(const struct plan *plan)
{
	return plan && plan->bound < CUSTOM_PLANS && !plan->served;
}

bool plans_generic(const struct plan *plan)
{
	return plan && plan->bound >= CUSTOM_PLANS && !plan->served;
}

void plans_bound(struct plan *plan, const struct verdict *verdict)
{
	if (!plan)
		return;
	/* Once it is made for all values it stays so. */
	plan->served |= verdict->plan_serves && !plans_generic(plan);
	plan->bound += plan->bound < CUSTOM_PLANS;
}

void plans_forget(struct plans *plans, uint64_t name)
{
	for (uint32_t at = 0; plans && at < plans->count; at++) {
		if (plans->list[at].name == name) {
			plans->list[at] = plans->list[--plans->count];
			return;
		}
	}
}
