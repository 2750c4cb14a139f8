/* What runs, as uses of the catalog's tables and columns; and what of that a change of the schema would break. */
#ifndef PGPROCTOR_INSPECT_TRAFFIC_H
#define PGPROCTOR_INSPECT_TRAFFIC_H

#include "inspect/context.h"
#include "inspect/usage.h"

/* What a rule is told of the traffic. */
struct traffic {
	const struct usage *usage;
	const struct usage *elsewhere; /* all workers' as it was a while ago; NULL: there is one */
	uint64_t session;              /* the change's own: what it has used itself does not count */
	int64_t now_ms;
};

/* A statement has run: each table, view and column that it names is used. `also` (NULL: none) gets the same. True when
 * there is one among them that was not known to be. */
bool traffic_ran(struct usage *usage, struct usage *also, const struct context *input, const struct usage_use *use);

struct traffic_sight {
	const struct usage_use *use;            /* the last, within the window; NULL: none */
	const struct catalog_relation *through; /* the view or the partition that was used; NULL: the table itself */
	int64_t watched_ms;                     /* for how long, whether used or not */
	bool unclear;                           /* within the window something ran of which not all is known */
};

/* Of a table, or with `column` of that. `drops`: views on it go with it; a rename does not touch them. */
struct traffic_sight traffic_seen(const struct context *input, const struct catalog_relation *relation,
                                  const struct catalog_column *column, bool drops, double window_ms);
/* Of a use that was seen, to follow "was used": when, by what and from where. */
const char *traffic_words(struct arena *arena, const struct context *input, const struct traffic_sight *sight);
/* Nothing used it for as long as the window is, and all of that time was watched. */
bool traffic_unused(const struct context *input, const struct traffic_sight *sight, double window_ms);

#endif
