#include "inspect/tree/walk_object.h"

#include "inspect/tree/walk_ddl.h"

static struct fact_action *some_change(struct gather *gather, const RangeVar *relation, const char *object,
                                       enum lock_mode lock);
static void set_schema(struct gather *gather, const AlterObjectSchemaStmt *alter);
static void sequence(struct gather *gather, const RangeVar *sequence, const List *options, enum lock_mode lock,
                     bool if_exists);
static void create_domain(struct gather *gather, const CreateDomainStmt *create);
static void create_function(struct gather *gather, const CreateFunctionStmt *create);
static void alter_domain(struct gather *gather, const AlterDomainStmt *alter);
static void comment(struct gather *gather, const CommentStmt *comment);
static void lock_written(struct gather *gather, const List *statements);
static void publish(struct gather *gather, const char *name, const char *method, const List *objects);
static int16_t named_relation(struct gather *gather, const List *names, int skip);

bool walk_object(struct gather *gather, const Node *statement)
{
	struct fact_action *action;

	switch (nodeTag(statement)) {
	case T_ViewStmt:
		action = some_change(gather, ((const ViewStmt *)statement)->view, NULL, LOCK_ACCESS_EXCLUSIVE);
		if (action != NULL)
			action->form = DDL_CREATE_VIEW;
		if (action != NULL)
			action->if_exists = ((const ViewStmt *)statement)->replace;
		walk_query(gather, ((const ViewStmt *)statement)->query, 0, 0);
		return true;
	case T_RuleStmt:
		some_change(gather, ((const RuleStmt *)statement)->relation, ((const RuleStmt *)statement)->rulename,
		            LOCK_ACCESS_EXCLUSIVE);
		lock_written(gather, ((const RuleStmt *)statement)->actions);
		return true;
	case T_CreatePolicyStmt:
		some_change(gather, ((const CreatePolicyStmt *)statement)->table,
		            ((const CreatePolicyStmt *)statement)->policy_name, LOCK_ACCESS_EXCLUSIVE);
		return true;
	case T_AlterPolicyStmt:
		some_change(gather, ((const AlterPolicyStmt *)statement)->table,
		            ((const AlterPolicyStmt *)statement)->policy_name, LOCK_ACCESS_EXCLUSIVE);
		return true;
	case T_AlterObjectSchemaStmt:
		set_schema(gather, (const AlterObjectSchemaStmt *)statement);
		return true;
	case T_AlterObjectDependsStmt:
		some_change(gather, ((const AlterObjectDependsStmt *)statement)->relation, NULL,
		            ((const AlterObjectDependsStmt *)statement)->objectType == OBJECT_TRIGGER
		                ? LOCK_ACCESS_SHARE
		                : LOCK_ACCESS_EXCLUSIVE);
		return true;
	case T_CreateSeqStmt:
		sequence(gather, ((const CreateSeqStmt *)statement)->sequence,
		         ((const CreateSeqStmt *)statement)->options, LOCK_NONE,
		         ((const CreateSeqStmt *)statement)->if_not_exists);
		return true;
	case T_AlterSeqStmt:
		sequence(gather, ((const AlterSeqStmt *)statement)->sequence,
		         ((const AlterSeqStmt *)statement)->options, LOCK_SHARE_ROW_EXCLUSIVE,
		         ((const AlterSeqStmt *)statement)->missing_ok);
		return true;
	case T_CreateDomainStmt:
		create_domain(gather, (const CreateDomainStmt *)statement);
		return true;
	case T_CreateFunctionStmt:
		create_function(gather, (const CreateFunctionStmt *)statement);
		return true;
	case T_CreateExtensionStmt:
		action = some_change(gather, NULL, ((const CreateExtensionStmt *)statement)->extname, LOCK_NONE);
		if (action != NULL) {
			action->method = "create extension";
			action->if_exists = ((const CreateExtensionStmt *)statement)->if_not_exists;
		}
		return true;
	case T_AlterDomainStmt:
		alter_domain(gather, (const AlterDomainStmt *)statement);
		return true;
	case T_CreateStatsStmt: {
		const CreateStatsStmt *create = (const CreateStatsStmt *)statement;
		ListCell *cell;
		foreach (cell, create->relations)
			if (IsA(lfirst(cell), RangeVar))
				some_change(gather, lfirst(cell), NULL, LOCK_SHARE_UPDATE_EXCLUSIVE);
		return true;
	}
	case T_CreatePublicationStmt:
		publish(gather, ((const CreatePublicationStmt *)statement)->pubname, "publish",
		        ((const CreatePublicationStmt *)statement)->pubobjects);
		return true;
	case T_AlterPublicationStmt: {
		static const char *const methods[] = {
		    [AP_AddObjects] = "publish",
		    [AP_DropObjects] = "unpublish",
		    [AP_SetObjects] = "publish instead",
		};
		const AlterPublicationStmt *alter = (const AlterPublicationStmt *)statement;
		publish(gather, alter->pubname, methods[alter->action], alter->pubobjects);
		return true;
	}
	case T_CommentStmt:
		comment(gather, (const CommentStmt *)statement);
		return true;
	default:
		return false;
	}
}

static struct fact_action *some_change(struct gather *gather, const RangeVar *relation, const char *object,
                                       enum lock_mode lock)
{
	struct fact_action *action = gather_action(gather, DDL_OTHER);

	if (action == NULL)
		return NULL;
	action->relation = walk_target(gather, relation);
	action->object = arena_text(gather->arena, object);
	action->lock = action->relation >= 0 ? lock : LOCK_NONE;
	return action;
}

static void set_schema(struct gather *gather, const AlterObjectSchemaStmt *alter)
{
	struct fact_action *action = some_change(gather, alter->relation, NULL, LOCK_ACCESS_EXCLUSIVE);

	if (action == NULL)
		return;
	action->if_exists = alter->missing_ok;
	if (alter->objectType == OBJECT_SEQUENCE) {
		action->form = DDL_SEQUENCE;
		action->method = "sequence moves";
	}
	if (alter->objectType == OBJECT_VIEW) {
		action->method = "set schema";
		action->new_name = arena_text(gather->arena, alter->newschema);
	}
	if (alter->objectType == OBJECT_TABLE || alter->objectType == OBJECT_FOREIGN_TABLE ||
	    alter->objectType == OBJECT_MATVIEW) {
		action->form = DDL_ALTER_TABLE_OTHER;
		action->method = "set schema";
		action->new_name = arena_text(gather->arena, alter->newschema);
	}
}

static void sequence(struct gather *gather, const RangeVar *sequence, const List *options, enum lock_mode lock,
                     bool if_exists)
{
	struct fact_action *action = some_change(gather, sequence, sequence->relname, lock);
	ListCell *cell;

	if (action == NULL)
		return;
	action->form = DDL_SEQUENCE;
	action->if_exists = if_exists;
	action->temporary = nodes_is_temporary(sequence);
	foreach (cell, options) {
		const DefElem *option = lfirst(cell);
		/* OWNED BY [schema.]table.column, or NONE. */
		if (strcmp(option->defname, "owned_by") == 0 && option->arg != NULL && IsA(option->arg, List) &&
		    list_length((const List *)option->arg) > 1) {
			action->referenced = named_relation(gather, (const List *)option->arg, 1);
			action->referenced_lock = LOCK_ACCESS_SHARE;
		} else if (strcmp(option->defname, "owned_by") == 0 && lock != LOCK_NONE) {
			action->method = "sequence freed";
		}
	}
}

static void create_domain(struct gather *gather, const CreateDomainStmt *create)
{
	struct fact_action *action = some_change(gather, NULL, nodes_last_name(create->domainname), LOCK_NONE);
	ListCell *cell;

	foreach (cell, create->constraints) {
		const enum ConstrType type = ((const Constraint *)lfirst(cell))->contype;
		if (action != NULL && (type == CONSTR_CHECK || type == CONSTR_NOTNULL))
			action->method = "create constrained";
	}
}

/* Volatile unless it says otherwise. */
static void create_function(struct gather *gather, const CreateFunctionStmt *create)
{
	struct fact_action *action = some_change(gather, NULL, nodes_last_name(create->funcname), LOCK_NONE);
	ListCell *cell;

	if (action == NULL || create->is_procedure)
		return;
	action->method = "create volatile";
	foreach (cell, create->options) {
		const DefElem *option = lfirst(cell);
		if (strcmp(option->defname, "volatility") == 0 && option->arg != NULL && IsA(option->arg, String) &&
		    strcmp(strVal(option->arg), "volatile") != 0)
			action->method = NULL;
	}
}

/* PostgreSQL verifies what it adds with each table that has a column of the domain. */
static void alter_domain(struct gather *gather, const AlterDomainStmt *alter)
{
	struct fact_action *action = some_change(gather, NULL, nodes_last_name(alter->typeName), LOCK_NONE);

	if (action == NULL)
		return;
	action->object_schema = arena_text(gather->arena, nodes_schema_name(alter->typeName));
	switch (alter->subtype) {
	case 'C': /* ADD CONSTRAINT */
		if (alter->def != NULL && IsA(alter->def, Constraint))
			action->not_valid = ((const Constraint *)alter->def)->skip_validation;
		action->form = action->not_valid ? DDL_OTHER : DDL_DOMAIN_CONSTRAINT;
		break;
	case 'V': /* VALIDATE CONSTRAINT */
	case 'O': /* SET NOT NULL */
		action->form = DDL_DOMAIN_CONSTRAINT;
		break;
	default:
		break;
	}
	if (action->form == DDL_DOMAIN_CONSTRAINT)
		action->lock = LOCK_SHARE;
}

static void comment(struct gather *gather, const CommentStmt *comment)
{
	int skip;
	struct fact_action *action = gather_action(gather, DDL_OTHER);

	if (action == NULL)
		return;
	switch (comment->objtype) {
	case OBJECT_TABLE:
	case OBJECT_VIEW:
	case OBJECT_MATVIEW:
	case OBJECT_FOREIGN_TABLE:
	case OBJECT_SEQUENCE:
	case OBJECT_INDEX:
		skip = 0;
		break;
	case OBJECT_COLUMN:
	case OBJECT_TABCONSTRAINT:
	case OBJECT_TRIGGER:
	case OBJECT_RULE:
	case OBJECT_POLICY:
		skip = 1;
		break;
	default:
		return;
	}
	if (comment->object == NULL || !IsA(comment->object, List))
		return;
	if (comment->objtype == OBJECT_INDEX) {
		action->form = DDL_ALTER_INDEX;
		action->object_schema = arena_text(gather->arena, nodes_schema_name((const List *)comment->object));
		action->object = arena_text(gather->arena, nodes_last_name((const List *)comment->object));
	} else {
		action->relation = named_relation(gather, (const List *)comment->object, skip);
	}
	/* What is not a relation itself is only looked up in one. */
	bool part = skip == 1 && comment->objtype != OBJECT_COLUMN;
	action->lock = part ? LOCK_ACCESS_SHARE : LOCK_SHARE_UPDATE_EXCLUSIVE;
}

/* What a rule writes to when it fires is locked when it is made. */
static void lock_written(struct gather *gather, const List *statements)
{
	ListCell *cell;

	foreach (cell, statements) {
		const Node *statement = lfirst(cell);
		const RangeVar *target = NULL;
		if (IsA(statement, InsertStmt))
			target = ((const InsertStmt *)statement)->relation;
		else if (IsA(statement, UpdateStmt))
			target = ((const UpdateStmt *)statement)->relation;
		else if (IsA(statement, DeleteStmt))
			target = ((const DeleteStmt *)statement)->relation;
		if (target != NULL)
			some_change(gather, target, NULL, LOCK_ROW_EXCLUSIVE);
	}
}

static void publish(struct gather *gather, const char *name, const char *method, const List *objects)
{
	ListCell *cell;

	if (objects == NIL)
		some_change(gather, NULL, NULL, LOCK_NONE);
	foreach (cell, objects) {
		const PublicationObjSpec *object = lfirst(cell);
		const PublicationTable *table = object->pubtable;
		struct fact_action *action =
		    some_change(gather, table != NULL ? table->relation : NULL, name, LOCK_SHARE_UPDATE_EXCLUSIVE);
		if (action == NULL || table == NULL)
			continue;
		action->method = method;
		action->only = !table->relation->inh;
	}
}

/* All but the last `skip` names of a list are a relation's: [catalog.][schema.]name. */
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
