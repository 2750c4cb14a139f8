/* An expression as PostgreSQL's planner has it: types, operators, functions and collations decided, casts written out,
 * constants folded, NOT pushed down. Made by typing.h from a clause and a catalog, for as long as one verdict takes. */
#ifndef PGPROCTOR_INSPECT_TERM_H
#define PGPROCTOR_INSPECT_TERM_H

#include "inspect/tree/clause.h"
#include "inspect/catalog/dictionary.h"

enum term_kind {
	TERM_COLUMN,
	TERM_CONSTANT,
	TERM_PARAMETER,      /* flag: its value is not seen by the planner, whatever it is */
	TERM_CALL,           /* oid: the function */
	TERM_OPERATOR,       /* oid: the operator; one item: prefix */
	TERM_ARRAY_OPERATOR, /* items: value, array; flag: ALL; oid: the operator of value and element */
	TERM_RELABEL,        /* another type for the same bytes, or another collation */
	TERM_CONVERT,        /* through text (CoerceViaIO), or element by element */
	TERM_AND,
	TERM_OR,
	TERM_NOT,
	TERM_NULL_TEST,    /* flag: IS NOT NULL */
	TERM_BOOLEAN_TEST, /* variant: enum clause_test */
	TERM_ROW_COMPARE,  /* items: the left ones, then as many right ones; oid: the first pair's operator */
	TERM_ARRAY,
	TERM_OTHER,  /* equal when variant (enum clause_kind), flag and items are */
	TERM_OPAQUE, /* equals nothing; relation: the query in FROM that it is a column of, -1 when it is none or not known */
};

enum term_strength { STRENGTH_NONE, STRENGTH_IMPLICIT, STRENGTH_CONFLICT, STRENGTH_EXPLICIT };

/* What is known of an answer: literals may be hidden, and parameters have no value yet. */
enum term_truth { TERM_NO, TERM_MAYBE, TERM_YES };

struct term {
	enum term_kind kind;
	uint8_t variant;
	bool flag;
	enum term_strength strength;
	uint32_t type; /* TYPE_NONE: not known; TYPE_UNKNOWN: a literal or parameter still to be given one */
	int32_t modifier;
	uint32_t collation, input_collation;
	uint32_t oid;
	int16_t relation, column; /* COLUMN: index into the facts' relations; attnum */
	bool not_null;            /* COLUMN */
	bool sealed;              /* stands for a column of a security_barrier's query, which computes it */
	const char *text;         /* CONSTANT: NULL where it is not known */
	bool null;                /* CONSTANT: NULL */
	uint16_t number;          /* PARAMETER */
	const struct clause_pattern *pattern;
	bool has_column, has_parameter, is_volatile, is_stable; /* anywhere in it */
	uint16_t count;
	const struct term *const *items;
};

/* As equal() has it for two planned expressions. */
enum term_truth term_equal(const struct term *a, const struct term *b);
/* Without the RelabelTypes on top (match_index_to_operand, indxpath.c). */
const struct term *term_strip(const struct term *term);
/* A column of that relation stands in it. */
bool term_mentions(const struct term *term, int16_t relation);
/* The only relation that its columns are of; -1 when there are none or several. */
int16_t term_relation(const struct term *term);
/* NOT (term), as negate_clause (prepqual.c) writes it, and what canonicalize_qual makes of a condition: NOT pushed
 * down, AND and OR flat, common arms of an OR pulled out. */
const struct term *term_canonical(const struct term *term, const struct dictionary *dictionary, struct arena *arena);
/* True only if the condition is not true whenever `of` is NULL (clause_is_strict_for, predtest.c). */
bool term_strict_for(const struct term *term, const struct term *of, const struct dictionary *dictionary);
/* A new term with that kind and items; what stands in them is gathered. */
struct term *term_new(enum term_kind kind, const struct term *const *items, uint16_t count, struct arena *arena);

#endif
