#include "inspect/tree/walk_ddl.h"

#include "inspect/tree/expression.h"
#include "inspect/tree/walk_alter.h"
#include "inspect/tree/walk_assign.h"
#include "inspect/tree/walk_constraint.h"
#include "inspect/tree/walk_object.h"
#include "inspect/tree/walk_session.h"

#include <string.h>

static void create_table(struct gather *gather, const CreateStmt *create);
static void set_new_columns(struct gather *gather, struct fact_action *action, const List *elements);
static void create_table_as(struct gather *gather, const CreateTableAsStmt *create);
static struct fact_action *touch(struct gather *gather, int16_t relation, enum lock_mode lock);
static void create_schema(struct gather *gather, const CreateSchemaStmt *create);
static void create_index(struct gather *gather, const IndexStmt *index);
static void drop(struct gather *gather, const DropStmt *drop);
static void rename_object(struct gather *gather, const RenameStmt *rename);
static void reindex(struct gather *gather, const ReindexStmt *reindex);
static bool vacuum(struct gather *gather, const VacuumStmt *vacuum);
static void some_change(struct gather *gather, const RangeVar *relation, const char *object);
static void set_object(struct gather *gather, struct fact_action *action, const List *names);
static void set_opclasses(struct gather *gather, struct fact_action *action, const List *elements);
static void set_columns(struct gather *gather, struct fact_action *action, const char *const *columns, uint16_t count);
static bool has_option(const List *options, const char *name);

bool walk_ddl(struct gather *gather, const Node *statement)
{
	struct arena *arena = gather->arena;
	struct fact_action *action;

	gather->facts->kind = STATEMENT_DDL;
	if (walk_object(gather, statement))
		return true;
	switch (nodeTag(statement)) {
	case T_CreateStmt:
	case T_CreateForeignTableStmt: /* begins with a CreateStmt */
		create_table(gather, (const CreateStmt *)statement);
		return true;
	case T_CreateTableAsStmt:
		create_table_as(gather, (const CreateTableAsStmt *)statement);
		return true;
	case T_IndexStmt:
		create_index(gather, (const IndexStmt *)statement);
		return true;
	case T_AlterTableStmt:
		walk_alter(gather, (const AlterTableStmt *)statement);
		return true;
	case T_DropStmt:
		drop(gather, (const DropStmt *)statement);
		return true;
	case T_RenameStmt:
		rename_object(gather, (const RenameStmt *)statement);
		return true;
	case T_ReindexStmt:
		reindex(gather, (const ReindexStmt *)statement);
		return true;
	case T_VacuumStmt:
		return vacuum(gather, (const VacuumStmt *)statement);
	case T_ClusterStmt:
		action = gather_action(gather, DDL_CLUSTER);
		if (action != NULL) {
			action->relation = walk_target(gather, ((const ClusterStmt *)statement)->relation);
			action->lock = LOCK_ACCESS_EXCLUSIVE;
			action->object = arena_text(arena, ((const ClusterStmt *)statement)->indexname);
		}
		return true;
	case T_RefreshMatViewStmt:
		action = gather_action(gather, DDL_REFRESH_MATERIALIZED_VIEW);
		if (action != NULL) {
			action->relation = walk_target(gather, ((const RefreshMatViewStmt *)statement)->relation);
			action->concurrently = ((const RefreshMatViewStmt *)statement)->concurrent;
			action->lock = action->concurrently ? LOCK_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
			action->no_data = ((const RefreshMatViewStmt *)statement)->skipData;
		}
		return true;
	case T_CreateTrigStmt:
		action = gather_action(gather, DDL_CREATE_TRIGGER);
		if (action != NULL) {
			const CreateTrigStmt *trigger = (const CreateTrigStmt *)statement;
			action->relation = walk_target(gather, trigger->relation);
			action->object = arena_text(arena, trigger->trigname);
			action->referenced = walk_target(gather, trigger->constrrel);
			action->method = "trigger";
			action->if_exists = trigger->replace;
			action->lock = LOCK_SHARE_ROW_EXCLUSIVE;
			action->referenced_lock = LOCK_ACCESS_SHARE;
			action->recurses = trigger->row;
		}
		return true;
	case T_CreateSchemaStmt:
		create_schema(gather, (const CreateSchemaStmt *)statement);
		return true;
	case T_AlterExtensionStmt:
		some_change(gather, NULL, ((const AlterExtensionStmt *)statement)->extname);
		return true;
	case T_CreateEnumStmt:
		action = gather_action(gather, DDL_OTHER);
		if (action != NULL) {
			action->object = arena_text(arena, nodes_last_name(((const CreateEnumStmt *)statement)->typeName));
			action->method = "create enum";
		}
		return true;
	case T_AlterEnumStmt:
		action = gather_action(gather, DDL_OTHER);
		if (action != NULL) {
			const AlterEnumStmt *alter = (const AlterEnumStmt *)statement;
			action->object = arena_text(arena, nodes_last_name(alter->typeName));
			action->method = alter->oldVal != NULL ? "rename value" : "add value";
		}
		return true;
	case T_CreatedbStmt:
	case T_DropdbStmt:
	case T_CreateTableSpaceStmt:
	case T_DropTableSpaceStmt:
		action = gather_action(gather, DDL_OTHER);
		if (action != NULL)
			action->method = "alone";
		return true;
	case T_AlterCollationStmt:
	case T_AlterDatabaseSetStmt:
	case T_AlterDatabaseStmt:
	case T_AlterEventTrigStmt:
	case T_AlterExtensionContentsStmt:
	case T_AlterFdwStmt:
	case T_AlterForeignServerStmt:
	case T_AlterFunctionStmt:
	case T_AlterOpFamilyStmt:
	case T_AlterOperatorStmt:
	case T_AlterOwnerStmt:
	case T_AlterRoleSetStmt:
	case T_AlterStatsStmt:
	case T_AlterTSConfigurationStmt:
	case T_AlterTSDictionaryStmt:
	case T_AlterTableMoveAllStmt:
	case T_AlterTableSpaceOptionsStmt:
	case T_AlterTypeStmt:
	case T_CompositeTypeStmt:
	case T_CreateAmStmt:
	case T_CreateCastStmt:
	case T_CreateConversionStmt:
	case T_CreateEventTrigStmt:
	case T_CreateFdwStmt:
	case T_CreateForeignServerStmt:
	case T_CreateOpClassStmt:
	case T_CreateOpFamilyStmt:
	case T_CreatePLangStmt:
	case T_CreateRangeStmt:
	case T_CreateTransformStmt:
	case T_DefineStmt:
	case T_DropOwnedStmt:
	case T_ImportForeignSchemaStmt:
	case T_ReassignOwnedStmt:
	case T_SecLabelStmt:
		some_change(gather, NULL, NULL);
		return true;
	default:
		/* Roles, grants, subscriptions, CHECKPOINT, SHOW …: no schema, and passwords among their literals. */
		return false;
	}
}

static void create_table(struct gather *gather, const CreateStmt *create)
{
	struct fact_action *action = gather_action(gather, DDL_CREATE_TABLE);
	int16_t table = walk_target(gather, create->relation);
	const List *lists[] = {create->tableElts, create->constraints};
	ListCell *cell;

	if (action == NULL)
		return;
	action->relation = table;
	action->if_exists = create->if_not_exists;
	action->temporary = nodes_is_temporary(create->relation);
	foreach (cell, create->inhRelations) {
		int16_t parent = walk_target(gather, lfirst(cell));
		if (create->partbound != NULL) {
			action->referenced = parent;
			action->referenced_lock = LOCK_ACCESS_EXCLUSIVE;
			walk_alter_bounds(gather, create->partbound, action);
		} else {
			struct fact_action *inherits = touch(gather, parent, LOCK_SHARE_UPDATE_EXCLUSIVE);
			if (inherits != NULL)
				inherits->method = "inherit";
		}
	}

	set_new_columns(gather, action, create->tableElts);
	bool temporary = action->temporary;
	for (size_t at = 0; at < ARRAY_LEN(lists); at++) {
		foreach (cell, lists[at]) {
			const Node *element = lfirst(cell);
			const List *constraints = NIL;
			ListCell *inner;

			if (IsA(element, Constraint) && ((const Constraint *)element)->contype == CONSTR_FOREIGN) {
				action = gather_action(gather, DDL_ADD_FOREIGN_KEY);
				if (action == NULL)
					return;
				action->relation = table;
				action->temporary = temporary;
				walk_constraint(gather, (const Constraint *)element, action);
			}
			if (IsA(element, TableLikeClause))
				touch(gather, walk_target(gather, ((const TableLikeClause *)element)->relation),
				      LOCK_ACCESS_SHARE);
			if (IsA(element, ColumnDef))
				constraints = ((const ColumnDef *)element)->constraints;
			foreach (inner, constraints) {
				const Constraint *constraint = lfirst(inner);
				if (constraint->contype != CONSTR_FOREIGN)
					continue;
				action = gather_action(gather, DDL_ADD_FOREIGN_KEY);
				if (action == NULL)
					return;
				action->relation = table;
				action->temporary = temporary;
				action->column = arena_text(gather->arena, ((const ColumnDef *)element)->colname);
				walk_constraint(gather, constraint, action);
				set_columns(gather, action, &action->column, 1);
			}
		}
	}
}

/* One more table that is only locked. */
static struct fact_action *touch(struct gather *gather, int16_t relation, enum lock_mode lock)
{
	struct fact_action *action = gather_action(gather, DDL_OTHER);

	if (action == NULL)
		return NULL;
	action->relation = relation;
	action->lock = lock;
	return action;
}

static void set_new_columns(struct gather *gather, struct fact_action *action, const List *elements)
{
	const int count = list_length(elements) < LIMIT_FACTS_NEW_COLUMNS ? list_length(elements) : LIMIT_FACTS_NEW_COLUMNS;
	struct fact_column *columns = arena_alloc(gather->arena, ((size_t)count + 1) * sizeof(*columns));
	ListCell *cell;

	action->new_columns = columns;
	foreach (cell, elements) {
		const ColumnDef *column = lfirst(cell);
		if (!IsA(column, ColumnDef) || action->new_column_count == count)
			continue;
		struct fact_column *new = &columns[action->new_column_count++];
		*new = (struct fact_column){.name = arena_text(gather->arena, column->colname)};
		if (column->typeName != NULL)
			new->type = nodes_type(column->typeName, gather->arena);
	}
}

static void create_table_as(struct gather *gather, const CreateTableAsStmt *create)
{
	struct fact_action *action = gather_action(gather, DDL_CREATE_TABLE_AS);

	if (action != NULL) {
		action->relation = walk_target(gather, create->into->rel);
		action->if_exists = create->if_not_exists;
		action->temporary = nodes_is_temporary(create->into->rel);
		action->no_data = create->into->skipData;
	}
	/* EXECUTE may stand in the query's place: its query is not here. */
	if (IsA(create->query, ExecuteStmt))
		walk_session_execute(gather, (const ExecuteStmt *)create->query);
	walk_query(gather, create->query, gather->facts->level_count > 0 ? 0 : -1, 0);
	if (action != NULL && IsA(create->query, SelectStmt))
		walk_assign_created(gather, action->relation, create->into->colNames, (const SelectStmt *)create->query);
}

/* CREATE SCHEMA may hold CREATE TABLE and so on, which are about the new schema. */
static void create_schema(struct gather *gather, const CreateSchemaStmt *create)
{
	ListCell *cell;

	struct fact_action *action = gather_action(gather, DDL_OTHER);
	if (action != NULL) {
		action->object = arena_text(gather->arena, create->schemaname);
		action->method = "create schema";
		action->if_exists = create->if_not_exists;
	}
	foreach (cell, create->schemaElts)
		if (!IsA(lfirst(cell), CreateSchemaStmt))
			walk_ddl(gather, lfirst(cell));
	gather->facts->kind = STATEMENT_DDL;
	for (uint16_t at = 0; at < gather->facts->relation_count; at++)
		if (gather->relations[at].schema == NULL)
			gather->relations[at].schema = arena_text(gather->arena, create->schemaname);
}

static void create_index(struct gather *gather, const IndexStmt *index)
{
	struct fact_action *action = gather_action(gather, DDL_CREATE_INDEX);

	if (action == NULL)
		return;
	action->relation = walk_target(gather, index->relation);
	action->object = arena_text(gather->arena, index->idxname);
	action->method = arena_text(gather->arena, index->accessMethod != NULL ? index->accessMethod : "btree");
	action->unique = index->unique;
	action->concurrently = index->concurrent;
	action->if_exists = index->if_not_exists;
	action->only = !index->relation->inh;
	action->lock = index->concurrent ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_SHARE;
	action->has_predicate = index->whereClause != NULL;
	action->has_options = index->indexIncludingParams != NIL || index->options != NIL || index->tableSpace != NULL;
	walk_ddl_elements(gather, action, index->indexParams);
	set_opclasses(gather, action, index->indexParams);
}

static void set_opclasses(struct gather *gather, struct fact_action *action, const List *elements)
{
	const char **opclasses = arena_alloc(gather->arena, (action->column_count + 1) * sizeof(*opclasses));

	action->opclasses = opclasses;
	for (int at = 0; at < list_length(elements) && at < action->column_count; at++) {
		const IndexElem *element = list_nth(elements, at);

		if (element->opclass != NIL)
			opclasses[at] = arena_text(gather->arena, nodes_last_name(element->opclass));
		action->has_options |= element->name == NULL || element->collation != NIL ||
		                       element->opclassopts != NIL || element->ordering != SORTBY_DEFAULT ||
		                       element->nulls_ordering != SORTBY_NULLS_DEFAULT;
	}
}

/* The last but `skip` names of a list are a relation: [catalog.][schema.]name. */
static int16_t named_relation(struct gather *gather, const List *names, int skip)
{
	int last = list_length(names) - 1 - skip;

	if (last < 0)
		return -1;
	return walk_target(gather, &(RangeVar){
	                               .type = T_RangeVar,
	                               .schemaname = last > 0 ? strVal(list_nth(names, last - 1)) : NULL,
	                               .relname = strVal(list_nth(names, last)),
	                           });
}

static void drop(struct gather *gather, const DropStmt *drop)
{
	ListCell *cell;

	foreach (cell, drop->objects) {
		const Node *object = lfirst(cell);
		struct fact_action *action = gather_action(gather, DDL_DROP_OTHER);

		if (action == NULL)
			return;
		action->cascade = drop->behavior == DROP_CASCADE;
		action->if_exists = drop->missing_ok;
		action->concurrently = drop->concurrent;
		action->lock = drop->concurrent ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE;
		switch (drop->removeType) {
		case OBJECT_TABLE:
			action->form = DDL_DROP_TABLE;
			action->relation = named_relation(gather, (const List *)object, 0);
			break;
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_SEQUENCE:
			if (drop->removeType == OBJECT_VIEW)
				action->method = "view";
			else if (drop->removeType == OBJECT_MATVIEW)
				action->method = "materialized view";
			else if (drop->removeType == OBJECT_SEQUENCE)
				action->method = "sequence";
			action->relation = named_relation(gather, (const List *)object, 0);
			break;
		case OBJECT_INDEX:
			action->form = DDL_DROP_INDEX;
			set_object(gather, action, (const List *)object);
			break;
		case OBJECT_TRIGGER:
		case OBJECT_RULE:
		case OBJECT_POLICY:
			action->relation = named_relation(gather, (const List *)object, 1);
			action->method = drop->removeType == OBJECT_TRIGGER ? "trigger"
			                 : drop->removeType == OBJECT_RULE  ? "rule"
			                                                    : "policy";
			action->object = arena_text(gather->arena, nodes_last_name((const List *)object));
			break;
		case OBJECT_OPCLASS:
		case OBJECT_OPFAMILY:
			action->lock = LOCK_NONE;
			/* The first of these names is the access method's. */
			action->object = arena_text(gather->arena, nodes_last_name((const List *)object));
			break;
		default:
			action->lock = LOCK_NONE;
			if (drop->removeType == OBJECT_TYPE || drop->removeType == OBJECT_DOMAIN)
				action->method = "type";
			else if (drop->removeType == OBJECT_SCHEMA)
				action->method = "schema";
			else if (drop->removeType == OBJECT_STATISTIC_EXT)
				action->method = "statistics";
			else if (drop->removeType == OBJECT_EXTENSION)
				action->method = "extension";
			else if (IsA(object, ObjectWithArgs) && ((const ObjectWithArgs *)object)->objargs == NIL)
				action->method = "function";
			if (IsA(object, List) && IsA(llast((const List *)object), String))
				set_object(gather, action, (const List *)object);
			else if (IsA(object, String))
				action->object = arena_text(gather->arena, strVal(object));
			else if (IsA(object, TypeName))
				set_object(gather, action, ((const TypeName *)object)->names);
			else if (IsA(object, ObjectWithArgs))
				set_object(gather, action, ((const ObjectWithArgs *)object)->objname);
			break;
		}
	}
}

static void rename_object(struct gather *gather, const RenameStmt *rename)
{
	struct fact_action *action = gather_action(gather, DDL_RENAME);

	if (action == NULL)
		return;
	action->if_exists = rename->missing_ok;
	action->cascade = rename->behavior == DROP_CASCADE;
	action->new_name = arena_text(gather->arena, rename->newname);
	action->lock = LOCK_ACCESS_EXCLUSIVE;
	switch (rename->renameType) {
	case OBJECT_TABLE:
	case OBJECT_FOREIGN_TABLE:
	case OBJECT_MATVIEW:
	case OBJECT_VIEW:
	case OBJECT_SEQUENCE:
		action->relation = walk_target(gather, rename->relation);
		break;
	case OBJECT_COLUMN:
		action->relation = walk_target(gather, rename->relation);
		action->column = arena_text(gather->arena, rename->subname);
		action->recurses = rename->relation != NULL && rename->relation->inh;
		action->only = rename->relation != NULL && !rename->relation->inh;
		break;
	case OBJECT_TABCONSTRAINT:
	case OBJECT_TRIGGER:
	case OBJECT_RULE:
	case OBJECT_POLICY:
		if (rename->renameType != OBJECT_TABCONSTRAINT)
			action->method = rename->renameType == OBJECT_TRIGGER ? "trigger" : "rule";
		if (rename->renameType == OBJECT_POLICY)
			action->method = "policy";
		action->relation = walk_target(gather, rename->relation);
		action->object = arena_text(gather->arena, rename->subname);
		break;
	case OBJECT_INDEX:
		action->lock = LOCK_SHARE_UPDATE_EXCLUSIVE;
		action->object_schema = arena_text(gather->arena, rename->relation->schemaname);
		action->object = arena_text(gather->arena, rename->relation->relname);
		break;
	default:
		action->form = DDL_OTHER;
		action->lock = LOCK_NONE;
		action->object = arena_text(gather->arena, rename->subname);
		if (rename->renameType == OBJECT_SCHEMA)
			action->method = "schema";
		break;
	}
}

static void reindex(struct gather *gather, const ReindexStmt *reindex)
{
	static const char *const kinds[] = {
	    [REINDEX_OBJECT_INDEX] = "index",       [REINDEX_OBJECT_TABLE] = "table",
	    [REINDEX_OBJECT_SCHEMA] = "schema",     [REINDEX_OBJECT_SYSTEM] = "system",
	    [REINDEX_OBJECT_DATABASE] = "database",
	};
	struct fact_action *action = gather_action(gather, DDL_REINDEX);

	if (action == NULL)
		return;
	action->reindex_kind = kinds[reindex->kind];
	action->concurrently = has_option(reindex->params, "concurrently");
	action->lock = action->concurrently ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_SHARE;
	if (reindex->kind == REINDEX_OBJECT_TABLE) {
		action->relation = walk_target(gather, reindex->relation);
	} else if (reindex->relation != NULL) {
		action->object_schema = arena_text(gather->arena, reindex->relation->schemaname);
		action->object = arena_text(gather->arena, reindex->relation->relname);
	} else {
		action->object = arena_text(gather->arena, reindex->name);
	}
}

static bool vacuum(struct gather *gather, const VacuumStmt *vacuum)
{
	bool full = vacuum->is_vacuumcmd && has_option(vacuum->options, "full");
	ListCell *cell;

	if (!full) {
		gather->facts->kind = STATEMENT_ANALYZE;
		gather->facts->name = vacuum->is_vacuumcmd ? "vacuum" : NULL;
		gather->facts->lock = LOCK_SHARE_UPDATE_EXCLUSIVE;
		foreach (cell, vacuum->rels)
			walk_target(gather, ((const VacuumRelation *)lfirst(cell))->relation);
		return true;
	}
	if (vacuum->rels == NIL)
		gather_action(gather, DDL_VACUUM_FULL);
	foreach (cell, vacuum->rels) {
		struct fact_action *action = gather_action(gather, DDL_VACUUM_FULL);
		if (action == NULL)
			break;
		action->relation = walk_target(gather, ((const VacuumRelation *)lfirst(cell))->relation);
		action->lock = LOCK_ACCESS_EXCLUSIVE;
	}
	return true;
}

static void some_change(struct gather *gather, const RangeVar *relation, const char *object)
{
	struct fact_action *action = gather_action(gather, DDL_OTHER);

	if (action == NULL)
		return;
	action->relation = walk_target(gather, relation);
	action->object = arena_text(gather->arena, object);
}

static void set_object(struct gather *gather, struct fact_action *action, const List *names)
{
	action->object_schema = arena_text(gather->arena, nodes_schema_name(names));
	action->object = arena_text(gather->arena, nodes_last_name(names));
}

static void set_columns(struct gather *gather, struct fact_action *action, const char *const *columns, uint16_t count)
{
	if (count == 0)
		return;

	const char **kept = arena_alloc(gather->arena, count * sizeof(*kept));
	memcpy(kept, columns, count * sizeof(*kept));
	action->columns = kept;
	action->column_count = count;
}

void walk_ddl_names(struct gather *gather, struct fact_action *action, const List *names)
{
	const char *columns[LIMIT_FACTS_COLUMNS];
	uint16_t count = 0;
	ListCell *cell;

	foreach (cell, names) {
		if (count == LIMIT_FACTS_COLUMNS) {
			gather->facts->truncated = true;
			break;
		}
		columns[count++] = arena_text(gather->arena, strVal(lfirst(cell)));
	}
	set_columns(gather, action, columns, count);
}

void walk_ddl_elements(struct gather *gather, struct fact_action *action, const List *elements)
{
	const char *columns[LIMIT_FACTS_COLUMNS];
	uint16_t count = 0;
	ListCell *cell;

	foreach (cell, elements) {
		const IndexElem *element = lfirst(cell);
		const char *text = element->name;

		if (count == LIMIT_FACTS_COLUMNS) {
			gather->facts->truncated = true;
			break;
		}
		if (text == NULL)
			text = expression_masked_of(element->expr, gather->arena).text;
		columns[count++] = arena_text(gather->arena, text != NULL ? text : "");
	}
	set_columns(gather, action, columns, count);
}

/* An option that is on: `FULL`, `FULL true`, but not `FULL false`. */
static bool has_option(const List *options, const char *name)
{
	ListCell *cell;
	bool on = false;

	foreach (cell, options) {
		const DefElem *option = lfirst(cell);
		if (strcmp(option->defname, name) == 0)
			on = nodes_option_is_on(option);
	}
	return on;
}
