/* Facts in the making: collects what walk.c finds in one statement, up to the ceilings, and resolves names to
 * relations the way the query's levels nest. Knows nothing of parse trees. */
#ifndef PGPROCTOR_INSPECT_GATHER_H
#define PGPROCTOR_INSPECT_GATHER_H

#include "config/limits.h"
#include "inspect/arena.h"
#include "inspect/tree/facts.h"

/* A name that a level's FROM makes visible: a relation by its alias or name, or a sub-select's alias. */
struct gather_range {
	const char *name; /* NULL when it has none */
	int16_t relation; /* -1: none, or a table whose columns are renamed */
	uint16_t level;
};

/* A WITH query. */
struct gather_cte {
	const char *name;
	const void *node; /* what it is known by; the caller's */
	uint16_t visible; /* to itself: so many of the stack */
};

/* How often a WITH query is named. */
struct gather_with {
	const void *node;
	uint16_t count;
	bool open, recursive; /* being walked; named within itself */
};

/* A clause that stands for a sub-select, until that is walked. */
struct gather_link {
	const void *node;
	uint16_t *level;
};

/* Big: about 100 KB, for the parsing thread's stack. */
struct gather {
	struct arena *arena;
	struct facts *facts;
	struct fact_relation relations[LIMIT_FACTS_RELATIONS];
	struct fact_predicate predicates[LIMIT_FACTS_PREDICATES];
	struct fact_condition conditions[LIMIT_FACTS_CONDITIONS];
	struct fact_sort sorts[LIMIT_FACTS_SORTS];
	struct fact_level levels[LIMIT_FACTS_LEVELS];
	struct fact_action actions[LIMIT_FACTS_ACTIONS];
	struct fact_assignment assignments[LIMIT_FACTS_ASSIGNMENTS];
	struct fact_use uses[LIMIT_FACTS_USES];
	uint16_t use_places[2 * LIMIT_FACTS_USES]; /* by hash of the column, probed linearly: 1 + index in uses, 0: free */
	struct fact_secret secrets[LIMIT_FACTS_SECRETS];
	struct gather_range ranges[2 * LIMIT_FACTS_RELATIONS];
	uint16_t range_count;
	/* FROM items of a level: an unqualified column is the one's when there is just one. */
	uint16_t items[LIMIT_FACTS_LEVELS];
	/* The node that each level is of, and the clauses that wait for theirs. */
	const void *queries[LIMIT_FACTS_LEVELS];
	struct gather_link links[LIMIT_FACTS_LEVELS];
	uint16_t link_count;
	bool literals; /* clauses keep theirs */
	/* WITH queries visible at this point of the walk: a stack. */
	struct gather_cte ctes[LIMIT_FACTS_RELATIONS];
	uint16_t cte_count;
	/* Kept by gather_again, for a second walk that knows which of them are read in place. */
	struct gather_with withs[LIMIT_FACTS_RELATIONS];
	uint16_t with_count;
	bool counted; /* this is the second walk */
};

/* Empties `facts`, too. */
void gather_init(struct gather *gather, struct arena *arena, struct facts *facts);
/* Empties all but what is known of WITH queries. */
void gather_again(struct gather *gather);
/* Hands what was collected to the facts, in the arena. */
void gather_finish(struct gather *gather);

/* These copy the strings of what they are given, and return its index, or -1 (and the facts are `truncated`)
 * when it no longer fits. */
int16_t gather_level(struct gather *gather, int16_t parent);
/* What the level is made of; those that wait for it are told. */
void gather_query(struct gather *gather, const void *node, uint16_t level);
/* *level becomes that of the node, now or as soon as it is walked. */
void gather_link(struct gather *gather, const void *node, uint16_t *level);
int16_t gather_relation(struct gather *gather, const struct fact_relation *relation);
/* The strings of a predicate and of a sort must be in the arena already. */
int16_t gather_predicate(struct gather *gather, const struct fact_predicate *predicate);
void gather_condition(struct gather *gather, const struct fact_condition *condition);
int16_t gather_sort(struct gather *gather, const struct fact_sort *sort);
void gather_assignment(struct gather *gather, const struct fact_assignment *assignment);
/* Once for the same column. */
void gather_use(struct gather *gather, int16_t relation, uint16_t level, const char *column);
void gather_secret(struct gather *gather, enum fact_secret_kind kind, const char *object);
/* A new action with its indexes and modifiers at -1; NULL when it no longer fits. */
struct fact_action *gather_action(struct gather *gather, enum ddl_form form);

/* Makes a name visible in a level; `item`: it is one more of the level's FROM items. */
void gather_range(struct gather *gather, const char *name, int16_t relation, uint16_t level, bool item);
/* The relation that a column of `level` belongs to, written as schema.qualifier.column; NULL: not qualified by that.
 * -1 when that can't be said. */
int16_t gather_resolve(const struct gather *gather, const char *schema, const char *qualifier, uint16_t level);

void gather_cte_push(struct gather *gather, const char *name, const void *node);
/* The innermost of that name; NULL when there is none. It lives until the stack is cut back. */
const struct gather_cte *gather_cte(const struct gather *gather, const char *name);
/* NULL when there were too many. */
struct gather_with *gather_with(struct gather *gather, const void *node);

#endif
