/* How far a condition goes: into the queries that stand in FROM, and from an EXISTS to the tables outside. Which rows of
 * which table it leaves. */
#ifndef PGPROCTOR_INSPECT_REACH_H
#define PGPROCTOR_INSPECT_REACH_H

#include "inspect/access/access.h"

/* What lies between a level and a table that is read somewhere below it. */
struct reach_passage {
	enum fact_reach reach; /* how far a condition of the level goes */
	uint16_t pushed;       /* the innermost query that it is only pushed down to, else 0 */
	bool barrier;
};

/* The relation that stands for what `relation` is read in, as `level` sees it: itself where it stands in that level;
 * -1 when it is in no query in its FROM. */
int16_t reach_seen_from(const struct access *access, int16_t relation, uint16_t level, struct reach_passage *passage);
/* Is the condition, or for an outer join what comes of it, about what is read of that appearance? */
bool reach_asks(const struct access *access, const struct access_condition *condition, int16_t relation);
/* Does the condition restrict what is read of that appearance? */
bool reach_restricts(const struct access *access, const struct access_condition *condition, int16_t relation);
/* Is the condition an outer join's, which keeps the rows of one side whatever it says? */
bool reach_is_outer(const struct access_condition *condition);
/* Are both of the same join's ON? */
bool reach_is_of_join(const struct fact_condition *fact, const struct fact_condition *of);
/* Is it asked of what that join gives? Of a condition of another level that is only possible. */
bool reach_is_above(const struct access_condition *condition, const struct access_condition *join);

#endif
