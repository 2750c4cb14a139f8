#include "inspect/change/change.h"

#include "inspect/rules/remedy.h"

#include <string.h>
#include <strings.h>

static size_t after_index(const char *text);
static const char *partitioned_index(struct arena *arena, const struct change *change);

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
		    .statement = facts,
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
	const char *text = change->statement->text;
	size_t name = text ? after_index(text) : 0, len = text ? strlen(text) : 0;
	/* What was cut has "…" at its end. */
	bool whole = name > 0 && !(len >= strlen("…") && strcmp(text + len - strlen("…"), "…") == 0);
	if (change->relation->kind == CATALOG_PARTITIONED_TABLE)
		return partitioned_index(arena, change);
	if (!whole)
		return NULL;
	return arena_printf(arena, "%.*s CONCURRENTLY%s;%s", (int)name, text, text + name,
	                    strchr(text, '$') ? "\n-- $1 and so on stand for the statement's own constants" : "");
}

const char *change_django_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	bool fields = strcmp(action->method, "btree") == 0 && action->object && strlen(action->object) <= 30 &&
	              !action->has_predicate && !action->has_options && action->column_count > 0;
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

/* How far CREATE [UNIQUE] INDEX goes; 0 when the text does not begin so. */
static size_t after_index(const char *text)
{
	static const char *const beginnings[] = {"CREATE INDEX", "CREATE UNIQUE INDEX"};
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		if (strncasecmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return strlen(beginnings[i]);
	}
	return 0;
}

/* The way around by the partitions; NULL where the facts don't hold the whole index. */
static const char *partitioned_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	if (action->has_predicate || action->has_options || !action->object || action->column_count == 0)
		return NULL;
	const char *keys = "";
	for (uint16_t i = 0; i < action->column_count; i++) {
		const char *opclass = action->opclasses ? action->opclasses[i] : NULL;
		keys = arena_printf(arena, "%s%s%s%s%s", keys, *keys ? ", " : "",
		                    remedy_identifier(arena, action->columns[i]), opclass ? " " : "",
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
