/* How a statement gets at its rows: for each condition and each order that it asks for, the index that PostgreSQL
 * could take. Puts facts and catalog together for matching.h. */
#ifndef PGPROCTOR_INSPECT_ACCESS_H
#define PGPROCTOR_INSPECT_ACCESS_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"
#include "inspect/access/matching.h"

struct access_input {
	const struct facts *facts;
	const struct catalog *catalog;
	const struct catalog_relation *const *relations; /* by facts' index; NULL: not known, or of no interest */
	struct pattern_values bound;
	const struct clause *const *values; /* of the parameters, where they are to be seen; element 0 for $1 */
	uint16_t value_count;
	bool utc;      /* the session's time zone is UTC */
	bool generous; /* as in matching.h */
	bool generic;  /* as in typing.h */
	struct arena *arena; /* everything lives there */
};

/* One condition of the facts; there are several of one that goes into the arms of a set operation. */
struct access_condition {
	const struct fact_condition *fact;
	const struct term *term; /* canonical */
	int16_t from, to;        /* the fact's, where an outer join is none both its sides */
	int16_t relation;        /* the appearance that it restricts, or the one of them that an index serves */
	struct matching_hit hit;
};

/* What is asked for in one order. */
struct access_order {
	uint16_t first, count; /* of the facts' sorts */
	int16_t relation;      /* -1: not of one known relation */
	bool covered;          /* no order, but an index that holds all that is asked for */
	bool single;           /* nothing to sort: the hit is what finds the one value */
	struct matching_hit hit;
};

struct access {
	const struct access_input *input;
	const struct dictionary *dictionary;
	struct access_condition *conditions;
	uint16_t condition_count, condition_room;
	struct access_order *orders;
	uint16_t order_count;
	bool joins_outer; /* some join is an outer one, after all that is asked of what it gives */
	enum fact_reach *reaches; /* by level: the facts', and what volatile functions of the users' make of it */
	int16_t *stands; /* by level: the relation that it is read in the place of; -1: none */
	struct matching **matchings; /* by facts' index; NULL until asked for, or not known */
	const struct matching_index **indexes;
	uint16_t *index_counts;
};

/* NULL when the catalog has no dictionary. */
struct access *access_make(const struct access_input *input);
/* What is known of one appearance of a table; NULL when it is none that the input knows. */
const struct matching *access_matching(struct access *access, int16_t relation);

struct access_event {
	const char *relation;  /* "shop.product"; public is left out */
	const char *predicate; /* no literal is in it */
	const char *index;     /* NULL: none serves */
	const char *reason;
	bool served;
};

/* One for each condition and order on a known table; *count of them. */
const struct access_event *access_events(struct access *access, uint16_t *count);

#endif
