/* How the server has planned a session's prepared statements: the first five times for the values at hand, and then, where
 * that would have cost no more, once for all values (choose_custom_plan in utils/cache/plancache.c). Only statements
 * whose plan for all values lacks an index that another one has are followed; for the others it makes no odds.
 *
 * Up to LIMIT_PLANS_PER_SESSION; what comes after is taken for planned anew each time. */
#ifndef PGPROCTOR_PROXY_PLANS_H
#define PGPROCTOR_PROXY_PLANS_H

#include "inspect/cache.h"

struct plan {
	uint64_t name; /* names_hash */
	uint32_t bound; /* how often, since its Parse */
	bool served;   /* one of the values was such that the index was of use: the average of the costs says so for good */
};

struct plans;

void plans_free(struct plans *plans); /* NULL is fine */
/* The statement is about to be bound; NULL for one that is not followed, or for want of room. */
struct plan *plans_of(struct plans **plans, const struct statement *statement, uint64_t name);
/* Does it still matter which values it is bound to? */
bool plans_count(const struct plan *plan);
/* Is its plan made for all values? */
bool plans_generic(const struct plan *plan);
/* It has been judged with its values. */
void plans_bound(struct plan *plan, const struct verdict *verdict);
/* Another Parse of that name begins anew. */
void plans_forget(struct plans *plans, uint64_t name);

#endif
