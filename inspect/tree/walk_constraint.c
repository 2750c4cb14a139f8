#include "inspect/tree/walk_constraint.h"

#include "inspect/tree/expression.h"
#include "inspect/tree/walk_ddl.h"

static struct fact_constraint *key_of(struct gather *gather, const Constraint *constraint);
static const char *const *names_of(struct gather *gather, const List *names, uint16_t *count);
static bool is_key(const Constraint *constraint);

void walk_constraint(struct gather *gather, const Constraint *constraint, struct fact_action *action)
{
	struct arena *arena = gather->arena;

	if (constraint == NULL)
		return;
	action->object = arena_text(arena, constraint->conname);
	switch (constraint->contype) {
	case CONSTR_CHECK:
		action->form = DDL_ADD_CHECK;
		if (constraint->raw_expr != NULL)
			action->expression = expression_of(constraint->raw_expr, arena).text;
		action->not_valid = constraint->skip_validation;
		break;
	case CONSTR_FOREIGN:
		action->form = DDL_ADD_FOREIGN_KEY;
		action->not_valid = constraint->skip_validation;
		action->referenced = walk_target(gather, constraint->pktable);
		action->referenced_lock = LOCK_SHARE_ROW_EXCLUSIVE;
		walk_ddl_names(gather, action, constraint->fk_attrs);
		action->constraint = key_of(gather, constraint);
		break;
	case CONSTR_UNIQUE:
	case CONSTR_PRIMARY:
		action->form = constraint->contype == CONSTR_UNIQUE ? DDL_ADD_UNIQUE : DDL_ADD_PRIMARY_KEY;
		action->unique = true;
		action->using_index = constraint->indexname != NULL;
		action->index = arena_text(arena, constraint->indexname);
		walk_ddl_names(gather, action, constraint->keys);
		action->constraint = key_of(gather, constraint);
		break;
	case CONSTR_EXCLUSION: {
		List elements = {.type = T_List};
		ListCell cells[LIMIT_FACTS_COLUMNS];
		ListCell *cell;

		action->form = DDL_ADD_EXCLUSION;
		action->method = arena_text(arena, constraint->access_method);
		action->has_predicate = constraint->where_clause != NULL;
		/* Pairs of an element and its operator. */
		elements.elements = cells;
		foreach (cell, constraint->exclusions) {
			if (elements.length == LIMIT_FACTS_COLUMNS) {
				gather->facts->truncated = true;
				break;
			}
			lfirst(&cells[elements.length++]) = linitial((const List *)lfirst(cell));
		}
		walk_ddl_elements(gather, action, &elements);
		break;
	}
	default:
		break;
	}
}

/* The grammar puts DEFERRABLE and INITIALLY DEFERRED behind the constraint that they are about, as nodes of their
 * own. */
void walk_constraint_inline(struct gather *gather, const List *constraints, struct fact_action *action)
{
	const Constraint *previous = NULL;
	struct fact_constraint *key = NULL;
	bool foreign = false;
	ListCell *cell;

	foreach (cell, constraints) {
		const Constraint *constraint = lfirst(cell);
		bool about = key != NULL && previous != NULL && (previous->contype == CONSTR_FOREIGN) == foreign;

		if (is_key(constraint)) {
			previous = constraint;
			if (key != NULL && (foreign || constraint->contype != CONSTR_FOREIGN))
				continue;
			foreign = constraint->contype == CONSTR_FOREIGN;
			key = key_of(gather, constraint);
			action->constraint = key;
		} else if (constraint->contype == CONSTR_ATTR_DEFERRABLE && about) {
			key->deferrable = true;
		} else if (constraint->contype == CONSTR_ATTR_DEFERRED && about) {
			key->deferrable = key->deferred = true;
		} else if (constraint->contype == CONSTR_NOTNULL || constraint->contype == CONSTR_NULL ||
		           constraint->contype == CONSTR_CHECK || constraint->contype == CONSTR_DEFAULT) {
			previous = NULL;
		}
	}
}

static struct fact_constraint *key_of(struct gather *gather, const Constraint *constraint)
{
	struct fact_constraint *key = arena_alloc(gather->arena, sizeof(*key));

	*key = (struct fact_constraint){
	    .on_delete = constraint->fk_del_action,
	    .on_update = constraint->fk_upd_action,
	    .match_full = constraint->fk_matchtype == FKCONSTR_MATCH_FULL,
	    .nulls_not_distinct = constraint->nulls_not_distinct,
	    .deferrable = constraint->deferrable,
	    .deferred = constraint->initdeferred,
	};
	key->referenced_columns = names_of(gather, constraint->pk_attrs, &key->referenced_column_count);
	key->set_columns = names_of(gather, constraint->fk_del_set_cols, &key->set_column_count);
	key->included = names_of(gather, constraint->including, &key->included_count);
	return key;
}

static const char *const *names_of(struct gather *gather, const List *names, uint16_t *count)
{
	const char **kept;
	ListCell *cell;

	if (names == NIL)
		return NULL;
	kept = arena_alloc(gather->arena, LIMIT_FACTS_COLUMNS * sizeof(*kept));
	foreach (cell, names) {
		if (*count == LIMIT_FACTS_COLUMNS) {
			gather->facts->truncated = true;
			break;
		}
		kept[(*count)++] = arena_text(gather->arena, strVal(lfirst(cell)));
	}
	return kept;
}

static bool is_key(const Constraint *constraint)
{
	return constraint->contype == CONSTR_FOREIGN || constraint->contype == CONSTR_UNIQUE ||
	       constraint->contype == CONSTR_PRIMARY;
}
