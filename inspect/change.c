#include "inspect/change.h"

#include "inspect/remedy.h"

#include <string.h>

bool change_next(const struct rule_input *input, struct arena *arena, enum ddl_form form, uint16_t *at,
                 struct change *change)
{
	const struct facts *facts = input->facts;
	for (; *at < facts->action_count; (*at)++) {
		const struct fact_action *action = &facts->actions[*at];
		if (action->form != form)
			continue;
		/* The foreign keys of a new table are actions on it, too. */
		bool new = false;
		for (uint16_t i = 0; i < *at; i++)
			new |= facts->actions[i].form == DDL_CREATE_TABLE &&
			       facts->actions[i].relation == action->relation;
		const struct catalog_relation *relation = new ? NULL : rules_relation(input, action->relation);
		if (!relation)
			continue;
		*change = (struct change){
		    .action = action,
		    .relation = relation,
		    .table = remedy_table(arena, relation),
		    .column = action->column ? remedy_identifier(arena, action->column) : NULL,
		};
		(*at)++;
		return true;
	}
	return false;
}

bool change_adds_nothing(const struct rule_input *input, const struct change *change)
{
	const struct fact_action *action = change->action;
	if (action->form == DDL_ADD_COLUMN)
		return action->if_exists && action->column && catalog_column(change->relation, action->column);
	if (action->only && change->relation->kind == CATALOG_PARTITIONED_TABLE)
		return true;
	/* An index lives in its table's schema. */
	return action->if_exists && action->object &&
	       catalog_find_index(input->catalog, change->relation->schema, action->object, NULL, input->session->user,
	                          NULL);
}

const char *change_constraint_name(struct arena *arena, const struct change *change, const char *suffix)
{
	const struct fact_action *action = change->action;
	if (action->object && action->form != DDL_SET_NOT_NULL)
		return remedy_identifier(arena, action->object);
	const char *column = action->column ? action->column : action->column_count > 0 ? action->columns[0] : "all";
	return remedy_identifier(arena, remedy_name(arena, change->relation, column, suffix));
}

const char *change_columns(struct arena *arena, const struct fact_action *action)
{
	const char *joined = "";
	for (uint16_t i = 0; i < action->column_count; i++)
		joined =
		    arena_printf(arena, "%s%s%s", joined, i ? ", " : "", remedy_identifier(arena, action->columns[i]));
	return joined;
}

const char *change_concurrent_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	if (action->has_predicate || action->has_options || !action->object || action->column_count == 0)
		return NULL;
	const char *keys = "";
	for (uint16_t i = 0; i < action->column_count; i++) {
		if (!action->columns[i][0])
			return NULL;
		bool plain = catalog_column(change->relation, action->columns[i]) != NULL;
		const char *key = plain ? remedy_identifier(arena, action->columns[i])
		                        : arena_printf(arena, "(%s)", action->columns[i]);
		const char *opclass = action->opclasses ? action->opclasses[i] : NULL;
		keys = arena_printf(arena, "%s%s%s%s%s", keys, *keys ? ", " : "", key, opclass ? " " : "",
		                    opclass ? opclass : "");
	}
	struct remedy_index index = {
	    .name = action->object,
	    .method = strcmp(action->method, "btree") == 0 ? NULL : action->method,
	    .expression = keys,
	    .unique = action->unique,
	};
	return remedy_create_index(arena, NULL, change->relation, &index);
}

const char *change_django_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	bool fields = strcmp(action->method, "btree") == 0 && strlen(action->object ? action->object : "") <= 30 &&
	              change_concurrent_index(arena, change) != NULL;
	const char *names = "";
	for (uint16_t i = 0; i < action->column_count && fields; i++) {
		fields = catalog_column(change->relation, action->columns[i]) != NULL &&
		         !(action->opclasses && action->opclasses[i]);
		names = arena_printf(arena, "%s%s\"%s\"", names, *names ? ", " : "", action->columns[i]);
	}
	const char *index = "…";
	if (fields)
		index = arena_printf(arena, "Index(fields=[%s], name=\"%s\")", names, action->object);
	return arena_printf(arena,
	                    "AddIndexConcurrently(\"%s\", %s) in place of AddIndex or db_index=True  # in a migration "
	                    "with atomic = False",
	                    remedy_model(arena, change->relation), index);
}
