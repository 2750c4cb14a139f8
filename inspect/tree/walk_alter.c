#include "inspect/tree/walk_alter.h"

#include "inspect/tree/expression.h"
#include "inspect/tree/walk_constraint.h"
#include "inspect/tree/walk_ddl.h"
#include "inspect/tree/walk_lock.h"

#include <string.h>
#include <strings.h>

static void alter_other(struct gather *gather, const AlterTableStmt *alter);
static bool recurses(const AlterTableCmd *command);
static void subcommand(struct gather *gather, const AlterTableCmd *command, struct fact_action *action);
static bool moves_values(const AlterTableCmd *command);
static void add_column(struct gather *gather, const ColumnDef *column, struct fact_action *action);
static void alter_type(struct gather *gather, const AlterTableCmd *command, struct fact_action *action);
static void set_partition(struct gather *gather, const PartitionCmd *partition, struct fact_action *action);
static void set_default(struct gather *gather, const Node *expression, struct fact_action *action);

void walk_alter(struct gather *gather, const AlterTableStmt *alter)
{
	ListCell *cell;

	if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_FOREIGN_TABLE &&
	    alter->objtype != OBJECT_MATVIEW) {
		alter_other(gather, alter);
		return;
	}

	int16_t table = walk_target(gather, alter->relation);
	foreach (cell, alter->cmds) {
		struct fact_action *action = gather_action(gather, DDL_ALTER_TABLE_OTHER);
		if (action == NULL)
			return;
		action->relation = table;
		action->only = !alter->relation->inh;
		action->if_exists = alter->missing_ok;
		action->lock = walk_lock_alter(lfirst(cell));
		action->recurses = recurses(lfirst(cell));
		subcommand(gather, lfirst(cell), action);
	}
}

/* Of an index, a view, a sequence, a composite type. */
static void alter_other(struct gather *gather, const AlterTableStmt *alter)
{
	bool index = alter->objtype == OBJECT_INDEX;
	struct fact_action *action = gather_action(gather, index ? DDL_ALTER_INDEX : DDL_OTHER);
	ListCell *cell;

	if (action == NULL)
		return;
	if (alter->objtype == OBJECT_SEQUENCE)
		action->form = DDL_SEQUENCE;
	if (!index)
		action->relation = walk_target(gather, alter->relation);
	foreach (cell, alter->cmds) {
		action->lock = lock_stronger(action->lock, walk_lock_alter(lfirst(cell)));
		if (alter->objtype == OBJECT_SEQUENCE &&
		    ((const AlterTableCmd *)lfirst(cell))->subtype == AT_ChangeOwner)
			action->method = "sequence moves";
	}
	action->object_schema = arena_text(gather->arena, alter->relation->schemaname);
	action->object = arena_text(gather->arena, alter->relation->relname);
	action->if_exists = alter->missing_ok;
}

/* Which of them ATPrepCmd (commands/tablecmds.c) prepares for the children as well. */
static bool recurses(const AlterTableCmd *command)
{
	switch (command->subtype) {
	case AT_AddColumn:
	case AT_DropColumn:
	case AT_AlterColumnType:
	case AT_ColumnDefault:
	case AT_SetNotNull:
	case AT_DropNotNull:
	case AT_DropExpression:
	case AT_SetStatistics:
	case AT_SetStorage:
	case AT_DropConstraint:
	case AT_AlterConstraint:
	case AT_ValidateConstraint:
	case AT_EnableTrig:
	case AT_EnableAlwaysTrig:
	case AT_EnableReplicaTrig:
	case AT_EnableTrigAll:
	case AT_EnableTrigUser:
	case AT_DisableTrig:
	case AT_DisableTrigAll:
	case AT_DisableTrigUser:
		return true;
	case AT_AddConstraint:
		return !((const Constraint *)command->def)->is_no_inherit;
	default:
		return false;
	}
}

static void subcommand(struct gather *gather, const AlterTableCmd *command, struct fact_action *action)
{
	struct arena *arena = gather->arena;
	const char *name = arena_text(arena, command->name);

	action->cascade = command->behavior == DROP_CASCADE;
	action->if_exists |= command->missing_ok;
	switch (command->subtype) {
	case AT_AddColumn:
		action->form = DDL_ADD_COLUMN;
		add_column(gather, (const ColumnDef *)command->def, action);
		break;
	case AT_DropColumn:
		action->form = DDL_DROP_COLUMN;
		action->column = name;
		break;
	case AT_AlterColumnType:
		action->form = DDL_ALTER_TYPE;
		action->column = name;
		alter_type(gather, command, action);
		break;
	case AT_ColumnDefault:
		action->form = command->def == NULL ? DDL_DROP_DEFAULT : DDL_SET_DEFAULT;
		action->column = name;
		set_default(gather, command->def, action);
		break;
	case AT_SetNotNull:
		action->form = DDL_SET_NOT_NULL;
		action->column = name;
		break;
	case AT_DropNotNull:
		action->form = DDL_DROP_NOT_NULL;
		action->column = name;
		break;
	case AT_AddConstraint:
		walk_constraint(gather, (const Constraint *)command->def, action);
		break;
	case AT_ValidateConstraint:
		action->form = DDL_VALIDATE_CONSTRAINT;
		action->object = name;
		break;
	case AT_DropConstraint:
		action->form = DDL_DROP_CONSTRAINT;
		action->object = name;
		break;
	case AT_AlterConstraint:
		action->method = "alter constraint";
		if (command->def != NULL && IsA(command->def, Constraint))
			action->object = arena_text(arena, ((const Constraint *)command->def)->conname);
		break;
	case AT_SetLogged:
		action->form = DDL_SET_STORAGE_PROPERTY;
		action->method = "logged";
		break;
	case AT_SetUnLogged:
		action->form = DDL_SET_STORAGE_PROPERTY;
		action->method = "unlogged";
		break;
	case AT_SetAccessMethod:
		action->form = DDL_SET_STORAGE_PROPERTY;
		action->method = "access method";
		action->object = name;
		break;
	case AT_SetTableSpace:
		action->form = DDL_SET_STORAGE_PROPERTY;
		action->method = "tablespace";
		action->object = name;
		break;
	case AT_AttachPartition:
		action->form = DDL_ATTACH_PARTITION;
		set_partition(gather, (const PartitionCmd *)command->def, action);
		break;
	case AT_DetachPartition:
		action->form = DDL_DETACH_PARTITION;
		set_partition(gather, (const PartitionCmd *)command->def, action);
		break;
	case AT_DetachPartitionFinalize:
		action->method = "finalize";
		set_partition(gather, (const PartitionCmd *)command->def, action);
		break;
	case AT_AddInherit:
	case AT_DropInherit:
		if (command->def != NULL && IsA(command->def, RangeVar))
			action->referenced = walk_target(gather, (const RangeVar *)command->def);
		action->method = command->subtype == AT_AddInherit ? "inherit" : "no inherit";
		action->referenced_lock =
		    command->subtype == AT_AddInherit ? LOCK_SHARE_UPDATE_EXCLUSIVE : LOCK_ACCESS_SHARE;
		break;
	case AT_AddIdentity:
		action->column = name;
		action->has_identity = true;
		break;
	case AT_EnableTrig:
	case AT_EnableAlwaysTrig:
	case AT_EnableReplicaTrig:
	case AT_DisableTrig:
		action->method = "trigger";
		action->object = name;
		break;
	case AT_EnableTrigAll:
	case AT_DisableTrigAll:
		action->method = "all triggers";
		break;
	case AT_EnableTrigUser:
	case AT_DisableTrigUser:
		action->method = "user triggers";
		break;
	case AT_ChangeOwner:
		action->method = "owner";
		break;
	case AT_ClusterOn:
		action->method = "cluster on";
		action->object = name;
		break;
	case AT_SetRelOptions:
		action->method = "set options";
		break;
	case AT_ReplicaIdentity:
		action->method = "replica identity";
		if (command->def != NULL && IsA(command->def, ReplicaIdentityStmt))
			action->object = arena_text(arena, ((const ReplicaIdentityStmt *)command->def)->name);
		break;
	case AT_SetStatistics:
	case AT_SetOptions:
	case AT_ResetOptions:
	case AT_SetStorage:
	case AT_SetCompression:
	case AT_DropExpression:
	case AT_SetIdentity:
	case AT_DropIdentity:
	case AT_AlterColumnGenericOptions:
		action->column = name;
		if (command->subtype == AT_DropExpression)
			action->method = "drop expression";
		else if (moves_values(command))
			action->method = "set storage";
		else if (command->subtype == AT_SetIdentity)
			action->method = "set identity";
		else if (command->subtype == AT_DropIdentity)
			action->method = "drop identity";
		break;
	default:
		/* A trigger, a rule, an index to cluster on; NULL for what is without a name. */
		action->object = name;
		break;
	}
}

/* SET STORAGE and COMPRESSION, but for what all types have. */
static bool moves_values(const AlterTableCmd *command)
{
	const char *word = command->def != NULL && IsA(command->def, String) ? strVal(command->def) : "";

	if (command->subtype == AT_SetStorage)
		return strcasecmp(word, "plain") != 0;
	return command->subtype == AT_SetCompression && strcasecmp(word, "default") != 0;
}

static void add_column(struct gather *gather, const ColumnDef *column, struct fact_action *action)
{
	ListCell *cell;

	if (column == NULL)
		return;
	action->column = arena_text(gather->arena, column->colname);
	action->type = nodes_type(column->typeName, gather->arena);
	action->has_collation = column->collClause != NULL;
	if (action->has_collation)
		action->collation = arena_text(gather->arena, nodes_last_name(column->collClause->collname));
	walk_constraint_inline(gather, column->constraints, action);
	foreach (cell, column->constraints) {
		const Constraint *constraint = lfirst(cell);

		switch (constraint->contype) {
		case CONSTR_NOTNULL:
			action->has_not_null = true;
			break;
		case CONSTR_DEFAULT:
			set_default(gather, constraint->raw_expr, action);
			break;
		case CONSTR_GENERATED:
			set_default(gather, constraint->raw_expr, action);
			action->has_default = false;
			action->default_is_null = false;
			action->default_is_call = false;
			action->default_has_column = false;
			action->has_generated = true;
			break;
		case CONSTR_IDENTITY:
			action->has_identity = true;
			break;
		case CONSTR_CHECK:
			action->has_check = true;
			break;
		case CONSTR_UNIQUE:
			action->has_unique = true;
			break;
		case CONSTR_PRIMARY:
			action->has_primary = true;
			break;
		case CONSTR_FOREIGN:
			action->has_references = true;
			action->referenced = walk_target(gather, constraint->pktable);
			action->referenced_lock = LOCK_SHARE_ROW_EXCLUSIVE;
			break;
		default:
			break;
		}
	}
}

static bool same_type(const struct fact_type *a, const struct fact_type *b)
{
	bool a_plain = a->schema == NULL || strcmp(a->schema, "pg_catalog") == 0;
	bool b_plain = b->schema == NULL || strcmp(b->schema, "pg_catalog") == 0;

	if (a->name == NULL || b->name == NULL || strcmp(a->name, b->name) != 0 || a->array != b->array ||
	    a->modifiers[0] != b->modifiers[0] || a->modifiers[1] != b->modifiers[1])
		return false;
	return a_plain && b_plain ? true : a->schema != NULL && b->schema != NULL && strcmp(a->schema, b->schema) == 0;
}

static void alter_type(struct gather *gather, const AlterTableCmd *command, struct fact_action *action)
{
	const ColumnDef *column = (const ColumnDef *)command->def;

	if (column == NULL)
		return;
	action->type = nodes_type(column->typeName, gather->arena);
	action->has_collation = column->collClause != NULL;
	if (action->has_collation)
		action->collation = arena_text(gather->arena, nodes_last_name(column->collClause->collname));

	/* The grammar puts USING where a column's default is. */
	const Node *using = column->raw_default;
	if (using == NULL)
		return;
	action->using_kind = USING_EXPRESSION;
	if (IsA(using, TypeCast)) {
		struct fact_type cast = nodes_type(((const TypeCast *)using)->typeName, gather->arena);
		if (!same_type(&cast, &action->type))
			return;
		using = ((const TypeCast *)using)->arg;
	}
	if (!IsA(using, ColumnRef))
		return;

	const Node *last = llast(((const ColumnRef *)using)->fields);
	if (IsA(last, String) && command->name != NULL && strcmp(strVal(last), command->name) == 0)
		action->using_kind = USING_BARE_CAST;
}

static void set_partition(struct gather *gather, const PartitionCmd *partition, struct fact_action *action)
{
	if (partition == NULL)
		return;
	action->referenced = walk_target(gather, partition->name);
	action->concurrently = partition->concurrent;
	action->referenced_lock = LOCK_ACCESS_EXCLUSIVE;
	if (partition->bound != NULL)
		walk_alter_bounds(gather, partition->bound, action);
}

/* Of several keys the first does not decide. */
void walk_alter_bounds(struct gather *gather, const PartitionBoundSpec *bound, struct fact_action *action)
{
	struct arena *arena = gather->arena;
	int count = list_length(bound->listdatums);

	action->is_default = bound->is_default;
	if (bound->strategy == PARTITION_STRATEGY_HASH) {
		action->modulus = bound->modulus;
		action->remainder = bound->remainder;
	}
	if (list_length(bound->lowerdatums) == 1 && list_length(bound->upperdatums) == 1) {
		action->bound_from = expression_of(linitial(bound->lowerdatums), arena).text;
		action->bound_to = expression_of(linitial(bound->upperdatums), arena).text;
	}
	if (count == 0 || count > LIMIT_FACTS_BOUNDS)
		return;
	const char **values = arena_alloc(arena, (size_t)count * sizeof(*values));
	for (int at = 0; at < count; at++) {
		values[at] = expression_of(list_nth(bound->listdatums, at), arena).text;
		if (values[at] == NULL)
			return;
	}
	action->bounds = values;
	action->bound_count = (uint16_t)count;
}

struct calls {
	struct gather *gather;
	struct fact_call calls[LIMIT_FACTS_CALLS];
	uint16_t count;
	bool query;
	bool column;
	int depth;
	int idle; /* > 0: within what the planner leaves out */
};

enum truth { TRUTH_OPEN, TRUTH_TRUE, TRUTH_FALSE, TRUTH_NULL };

static enum truth truth_of(const Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = ((const TypeCast *)node)->arg;
	if (node == NULL || !IsA(node, A_Const))
		return TRUTH_OPEN;
	const A_Const *constant = (const A_Const *)node;
	if (constant->isnull)
		return TRUTH_NULL;
	if (nodeTag(&constant->val) != T_Boolean)
		return TRUTH_OPEN;
	return constant->val.boolval.boolval ? TRUTH_TRUE : TRUTH_FALSE;
}

static void find_calls(void *context, const Node *node);

static void find_in(struct calls *calls, const Node *node, bool idle)
{
	if (node == NULL)
		return;
	calls->idle += idle;
	find_calls(calls, node);
	calls->idle -= idle;
}

/* CASE, COALESCE, AND and OR of which a constant decides; the rest of them is never called. False for other nodes. */
static bool find_in_decided(struct calls *calls, const Node *node)
{
	ListCell *cell;
	bool decided = false;

	if (IsA(node, CaseExpr) && ((const CaseExpr *)node)->arg == NULL) {
		foreach (cell, ((const CaseExpr *)node)->args) {
			const CaseWhen *when = lfirst(cell);
			const enum truth truth = truth_of((const Node *)when->expr);
			find_in(calls, (const Node *)when->expr, decided);
			find_in(calls, (const Node *)when->result, decided || truth == TRUTH_FALSE || truth == TRUTH_NULL);
			decided |= truth == TRUTH_TRUE;
		}
		find_in(calls, (const Node *)((const CaseExpr *)node)->defresult, decided);
		return true;
	}
	if (IsA(node, CoalesceExpr)) {
		foreach (cell, ((const CoalesceExpr *)node)->args) {
			const Node *argument = lfirst(cell);
			find_in(calls, argument, decided);
			while (IsA(argument, TypeCast))
				argument = ((const TypeCast *)argument)->arg;
			decided |= IsA(argument, A_Const) && !((const A_Const *)argument)->isnull;
		}
		return true;
	}
	if (IsA(node, BoolExpr) && ((const BoolExpr *)node)->boolop != NOT_EXPR) {
		const enum truth wins = ((const BoolExpr *)node)->boolop == OR_EXPR ? TRUTH_TRUE : TRUTH_FALSE;
		foreach (cell, ((const BoolExpr *)node)->args)
			decided |= truth_of(lfirst(cell)) == wins;
		foreach (cell, ((const BoolExpr *)node)->args)
			find_in(calls, lfirst(cell), decided);
		return true;
	}
	return false;
}

static const char *sequence_of(struct gather *gather, const FuncCall *call)
{
	const char *name = nodes_last_name(call->funcname);
	const Node *argument = call->args != NIL ? linitial(call->args) : NULL;

	if (name == NULL || strcmp(name, "nextval") != 0)
		return NULL;
	while (argument != NULL && IsA(argument, TypeCast))
		argument = ((const TypeCast *)argument)->arg;
	if (argument == NULL || !IsA(argument, A_Const) || ((const A_Const *)argument)->isnull ||
	    nodeTag(&((const A_Const *)argument)->val) != T_String)
		return NULL;
	return arena_text(gather->arena, ((const A_Const *)argument)->val.sval.sval);
}

static void find_calls(void *context, const Node *node)
{
	struct calls *calls = context;

	if (calls->depth > LIMIT_WALK_DEPTH) {
		calls->gather->facts->truncated = true;
		return;
	}
	calls->query |= IsA(node, SubLink);
	calls->column |= IsA(node, ColumnRef);
	if (IsA(node, FuncCall) && calls->idle == 0) {
		const FuncCall *call = (const FuncCall *)node;
		if (calls->count < LIMIT_FACTS_CALLS) {
			calls->calls[calls->count++] = (struct fact_call){
			    .schema = arena_text(calls->gather->arena, nodes_schema_name(call->funcname)),
			    .name = arena_text(calls->gather->arena, nodes_last_name(call->funcname)),
			    .sequence = sequence_of(calls->gather, call),
			    .arguments = (uint16_t)list_length(call->args),
			};
		} else {
			calls->gather->facts->truncated = true;
		}
	}
	calls->depth++;
	if (!find_in_decided(calls, node))
		nodes_children(node, find_calls, calls);
	calls->depth--;
}

static void set_default(struct gather *gather, const Node *expression, struct fact_action *action)
{
	struct calls calls = {.gather = gather};

	if (expression == NULL)
		return;
	action->has_default = true;
	action->default_is_null = nodes_is_null_constant(expression);
	action->default_is_call = IsA(expression, FuncCall);
	find_calls(&calls, expression);
	action->default_has_query = calls.query;
	action->default_has_column = calls.column;
	if (calls.count == 0)
		return;

	struct fact_call *kept = arena_alloc(gather->arena, calls.count * sizeof(*kept));
	memcpy(kept, calls.calls, calls.count * sizeof(*kept));
	action->calls = kept;
	action->call_count = calls.count;
}
