/* Something that goes wrong for many clients at once, whichever worker they are on: told when it begins, counted, and
 * told again when it is over. */
#ifndef PGPROCTOR_PROXY_TROUBLE_H
#define PGPROCTOR_PROXY_TROUBLE_H

#include "config/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct trouble {
	atomic_bool on;
	_Atomic uint64_t hits; /* since it began */
};

/* One more is hit by it. True for the first: tell it. */
MUST_USE static inline bool trouble_hit(struct trouble *trouble)
{
	atomic_fetch_add(&trouble->hits, 1);
	return !atomic_exchange(&trouble->on, true);
}

static inline bool trouble_is_on(const struct trouble *trouble)
{
	return atomic_load_explicit(&trouble->on, memory_order_relaxed);
}

/* One has got through. True when that ends it: tell it, and how many it has hit. Costs a load when all is well. */
MUST_USE static inline bool trouble_over(struct trouble *trouble, uint64_t *hits)
{
	if (!trouble_is_on(trouble) || !atomic_exchange(&trouble->on, false))
		return false;
	*hits = atomic_exchange(&trouble->hits, 0);
	return true;
}

#endif
