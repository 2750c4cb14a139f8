/* Which index serves each predicate and each sort of a statement: what `check --access` prints. The matching itself is
 * indexes.h's. */
#ifndef PGPROCTOR_INSPECT_SERVED_H
#define PGPROCTOR_INSPECT_SERVED_H

#include "inspect/rules.h"

struct served {
	const struct catalog_relation *relation;
	const struct fact_predicate *predicate; /* NULL for a sort */
	const struct fact_sort *sort;           /* NULL for a predicate */
	bool served;
	const char *index;  /* the one that serves, or that nearly would; NULL */
	const char *reason; /* why it is not served; NULL when it is */
};

/* Of input->facts, predicates first; how many there are, at most `max`. Only on tables that the catalog knows. */
uint16_t served_of(const struct rule_input *input, struct served *list, uint16_t max);

#endif
