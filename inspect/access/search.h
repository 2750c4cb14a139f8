/* What a statement searches for: each comparison in its conditions, with the table whose rows it is about and the index
 * that PostgreSQL could take for it alone. What the rules ask, on top of access.h; made once for a statement. */
#ifndef PGPROCTOR_INSPECT_SEARCH_H
#define PGPROCTOR_INSPECT_SEARCH_H

#include "inspect/access/access.h"
#include "inspect/context.h"
#include "inspect/access/spelling.h"

/* <operand> <operator> <value>, turned so that the table's side is the operand. */
struct search {
	const struct access_condition *condition; /* that it is, or is a part of */
	const struct term *term;                  /* TERM_OPERATOR or TERM_ARRAY_OPERATOR, canonical */
	bool arm;                                 /* under an OR or in a CASE; else and-ed to what is read */
	int16_t relation;                         /* the facts' */
	const struct catalog_relation *table;
	const struct term *operand; /* without the RelabelTypes on top */
	const struct term *value;
	const struct term *column;                  /* the only column of the operand; NULL when it has several */
	const struct catalog_column *known;         /* the same */
	const struct dictionary_operator *operator; /* of operand and value in this order; never NULL */
	struct matching_hit hit;
};

/* Owned by whoever judges the statement; everything in it lives as long. */
struct searches {
	struct arena arena;
	struct access_input input;
	struct access *access; /* NULL: nothing is asked of a table that is known */
	struct spelling spelling;
	const struct search *list;
	uint16_t count;
};

/* Of input->facts; made at the first call, then kept in input->searches. Never NULL. */
struct searches *search_all(const struct context *input);
void search_free(struct searches *searches); /* NULL is fine */
/* As the server plans it for the values that are bound, as far as they are to be seen, or for all values; the caller's
 * to free. The same searches in the same order. */
struct searches *search_planned(const struct context *input, bool generic);

/* The arm of the condition's OR for whose sake no index of the relation serves that: it asks nothing of the relation by
 * itself, but of another. NULL when there is none, or the condition is no OR. */
const struct term *search_strange_arm(const struct access_condition *condition, int16_t relation);

/* The one column in a term; NULL when there is none or several. */
const struct term *search_only_column(const struct term *term);

/* Whether the conditions hold a pattern that a parameter is a part of; adds how each such parameter is read. */
bool search_wants_patterns(const struct facts *facts, struct shape_wants *wants);

#endif
