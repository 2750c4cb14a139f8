/* Which index of a table serves a predicate: access method, operator class, collation, equal expression,
 * partial index. Held to what PostgreSQL 15 does, found by experiment. */
#ifndef PGPROCTOR_INSPECT_INDEXES_H
#define PGPROCTOR_INSPECT_INDEXES_H

#include "inspect/catalog.h"
#include "inspect/facts.h"

enum indexes_answer {
	INDEXES_SERVED,
	INDEXES_NO_TRIGRAM,       /* a trigram index on that expression is there, but the pattern yields no trigram */
	INDEXES_OTHER_EXPRESSION, /* one that would serve is there on another expression of the same column */
	INDEXES_NOT_SERVED,
};

struct indexes_match {
	enum indexes_answer answer;
	const struct catalog_index *index; /* the one that serves, or that nearly would; else NULL */
};

/* `shape` overrides the predicate's own: for a bound parameter. All predicates of the statement are given, for
 * what a partial index's predicate may be implied by. */
struct indexes_match indexes_for(const struct catalog_relation *relation, const struct facts *facts,
                                 const struct fact_predicate *predicate, const struct pattern_shape *shape);

/* Of a table whose size is not known. */
enum { INDEXES_ROWS_ASSUMED = 1000000 };

/* Estimated rows left by the and-ed predicates of the same level and relation other than `except` that some
 * index serves: equality and IN by n_distinct, unique keys by one. The relation's rows when there are none. */
double indexes_rows_left(const struct catalog_relation *relation, const struct facts *facts,
                         const struct fact_predicate *except);
/* Rows of facts->relations[at] for one value of `expression` by which a join enters it: 1 by a unique index, by
 * n_distinct where another index serves, else all of them. */
double indexes_rows_joined(const struct catalog_relation *relation, const struct facts *facts, int16_t at,
                           const char *expression);
/* Is `one` another predicate that is and-ed to what is read of the same appearance of the table as `other`'s? */
bool indexes_restricts_same(const struct fact_predicate *one, const struct fact_predicate *other);

#endif
