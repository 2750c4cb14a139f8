/* How few rows a statement's conditions leave of a table by way of its indexes, from what pg_stats says of the columns.
 * Literals but true and false are not known here: a value counts as one of a row taken at random does. */
#ifndef PGPROCTOR_INSPECT_SELECTIVITY_H
#define PGPROCTOR_INSPECT_SELECTIVITY_H

#include "inspect/access/search.h"

/* What an index leads to, but nobody can tell how much of the table that is: a range, a column without statistics. */
enum selectivity_unknown { SELECTIVITY_UNKNOWN_IS_MUCH, SELECTIVITY_UNKNOWN_IS_LITTLE };

/* Do the conditions other than `except`, joins included, leave so few rows of that appearance that it makes no odds how
 * the rest is searched or sorted: less than a medium table's? Asked last: it goes over all conditions. `except` NULL:
 * all of them count. */
bool selectivity_restricted(const struct table_sizes *sizes, const struct context *input, int16_t relation,
                            const struct access_condition *except, enum selectivity_unknown unknown);
/* The share of the table's rows that one value of the searched column has, or several of a list; 1 where nobody has
 * counted. */
double selectivity_share(const struct search *search);
/* The same of a boolean column of the table's, its NOT, or IS [NOT] TRUE and its like; false where nobody has counted. */
bool selectivity_of_flag(const struct catalog_relation *table, const struct term *term, double *share);

#endif
