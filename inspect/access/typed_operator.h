/* The operators and calls of a clause as terms: a part of typing.h's work. */
#ifndef PGPROCTOR_INSPECT_TYPED_OPERATOR_H
#define PGPROCTOR_INSPECT_TYPED_OPERATOR_H

#include "inspect/access/typing.h"

/* One clause in the making. */
struct typer {
	const struct typing *in;
	const struct dictionary *dictionary;
	struct arena *arena;
	int depth;
};

const struct term *typed_operator_call(struct typer *t, const struct clause *clause);
const struct term *typed_operator_of(struct typer *t, const struct clause *clause);
const struct term *typed_operator_in(struct typer *t, const struct clause *clause);
/* Left NULL: a prefix operator. */
const struct term *typed_operator_make(struct typer *t, const char *name, const struct term *left,
                                       const struct term *right, const struct clause_pattern *pattern);
/* value name ANY (array), or ALL. */
const struct term *typed_operator_array(struct typer *t, const char *name, const struct term *value,
                                        const struct term *array, bool all, const struct clause_pattern *pattern);
/* Sets the term's collations by those of its items. */
void typed_operator_collate(struct typer *t, struct term *term);

/* typing.c's, for what stands within. */
const struct term *typing_clause(struct typer *t, const struct clause *clause);
const struct term *typing_opaque(struct typer *t, const struct term *const *items, uint16_t count);
const struct term *typing_opaque_of(struct typer *t, const struct clause *clause);
/* Of the relation `at` in FROM, which computes it before any condition from outside; `as`: of that type; NULL: not known. */
const struct term *typing_opaque_column(struct typer *t, int16_t at, const struct term *as);
const struct term *typing_table_column(struct typer *t, int16_t at, const struct catalog_column *column);

#endif
