/* What PostgreSQL's analyzer makes of a clause: columns found, types and collations decided, operators and functions
 * looked up, casts inserted, constants folded (parser/analyze.c and its neighbours, optimizer/util/clauses.c). */
#ifndef PGPROCTOR_INSPECT_TYPING_H
#define PGPROCTOR_INSPECT_TYPING_H

#include "inspect/catalog/catalog.h"
#include "inspect/access/term.h"

struct typing {
	const struct dictionary *dictionary;
	const struct facts *facts;                       /* NULL: every column is of relations[0] */
	const struct catalog_relation *const *relations; /* by facts' index; NULL: not known */
	const uint32_t *parameters; /* types of $1 …, TYPE_UNKNOWN where not declared; may be NULL */
	uint16_t parameter_count;
	const struct clause *const *values; /* what they are bound to, as for a custom plan; may be NULL, also in it */
	uint16_t value_count;
	bool generic;     /* a plan for any values: nothing is proved by a parameter's */
	int16_t relation; /* without facts: the number that its columns get */
	uint16_t arm;     /* of each set operation in FROM: whose columns its are */
	bool utc;         /* the session's time zone is UTC */
	uint16_t *arms;   /* raised to as many as such an operation has; NULL: nobody wants to know */
	struct arena *arena;
};

/* Never NULL: what can't be followed is a TERM_OPAQUE. Not yet canonical (term.h). */
const struct term *typing_of(const struct typing *typing, const struct clause *clause);
/* x IN (SELECT y …) as y = x, which a row of the sub-select's tables is looked up by; NULL for what is no such join
 * (convert_ANY_sublink_to_join, subselect.c). */
const struct term *typing_of_membership(const struct typing *typing, const struct clause *sublink);
/* The type of that name with its modifier; TYPE_NONE when there is none. */
uint32_t typing_named(const struct dictionary *dictionary, const struct fact_type *type, int32_t *modifier);

#endif
