/* One step of a schema change on a table that was there before: what the rules about schema changes go over. */
#ifndef PGPROCTOR_INSPECT_CHANGE_H
#define PGPROCTOR_INSPECT_CHANGE_H

#include "inspect/context.h"

/* All texts live in the arena. */
struct change {
	const struct fact_action *action;
	const struct facts *statement; /* that the action is of */
	const struct catalog_relation *relation;
	const char *table;  /* as SQL */
	const char *column; /* as SQL; NULL when none */
};

/* The next action of that form on a table that was there before this transaction; `at` goes on from where it was. */
bool change_next(const struct context *input, struct arena *arena, enum ddl_form form, uint16_t *at,
                 struct change *change);
/* rewrite_adds_nothing of it. */
bool change_adds_nothing(const struct context *input, const struct change *change);
/* The constraint's own name, or one like the server's choice. */
const char *change_constraint_name(struct arena *arena, const struct change *change, const char *suffix);
const char *change_columns(struct arena *arena, const struct fact_action *action);
/* What follows the table that a foreign key refers to, and the columns of a unique or primary key's index, in the
 * action's own words: " (id) ON DELETE CASCADE", " INCLUDE (name)". "" for nothing. */
const char *change_key_end(struct arena *arena, const struct fact_action *action);
/* " DEFERRABLE INITIALLY DEFERRED"; "" for a constraint that is neither. */
const char *change_timing(const struct fact_action *action);
/* ALTER TABLE itself with NOT VALID at its end, with "…" for its constants where they are $n, and with a name for a CHECK
 * that has none; NULL where it does more than add one constraint. */
const char *change_not_valid(struct arena *arena, const struct change *change);
/* The same of ADD COLUMN … CHECK (…): the plain ADD COLUMN, and the CHECK by itself. `name` is the constraint's. */
const char *change_check_apart(struct arena *arena, const struct change *change, const char **name);
/* CREATE INDEX itself with CONCURRENTLY in it and with $n for its constants; NULL where that is not the whole of it. */
const char *change_concurrent_index(struct arena *arena, const struct change *change);
/* The same in Django's words; with "…" for the index where the facts don't hold all of it or Django has no fields for
 * it. */
const char *change_django_index(struct arena *arena, const struct change *change);

#endif
