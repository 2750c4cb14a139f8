#include "inspect/tree/walk.h"

#include "inspect/tree/clauses.h"
#include "inspect/tree/expression.h"
#include "inspect/tree/predicate.h"
#include "inspect/tree/walk_assign.h"
#include "inspect/tree/walk_ddl.h"
#include "inspect/tree/walk_lock.h"
#include "inspect/tree/walk_output.h"
#include "inspect/tree/walk_secret.h"
#include "inspect/tree/walk_session.h"
#include "inspect/tree/walk_sort.h"
#include "inspect/tree/walk_use.h"
#include "inspect/tree/walk_with.h"

#include <string.h>

enum { DEEP_OFFSET = 10000 };

/* The expressions of one level on the look-out for sub-selects and aggregates. */
struct visitor {
	struct gather *gather;
	uint16_t level;
	int depth;
};

static void walk_raw(const void *raw_statement, bool literals, struct arena *arena, struct facts *facts);
static void walk_inner(struct gather *gather, const Node *statement);
static bool walk_utility(struct gather *gather, const Node *statement);
static void walk_targets(struct gather *gather, const List *relations);
static void walk_select(struct gather *gather, const SelectStmt *select, uint16_t level, int depth);
static void walk_arms(struct gather *gather, const SelectStmt *select, uint16_t level, int depth);
static void walk_arm(struct gather *gather, const SelectStmt *arm, uint16_t level, int depth);
static void walk_leaf(struct gather *gather, const SelectStmt *select, uint16_t level, int depth);
static void walk_insert(struct gather *gather, const InsertStmt *insert, uint16_t level, int depth);
static void walk_update(struct gather *gather, const UpdateStmt *update, uint16_t level, int depth);
static void walk_delete(struct gather *gather, const DeleteStmt *delete, uint16_t level, int depth);
static void walk_merge(struct gather *gather, const MergeStmt *merge, uint16_t level, int depth);
static int16_t add_relation(struct gather *gather, const RangeVar *relation, uint16_t level, bool is_target);
static int16_t add_target(struct gather *gather, const RangeVar *relation, uint16_t level);
static void walk_from(struct gather *gather, const List *items, uint16_t level, int depth);
static void walk_from_item(struct gather *gather, const Node *item, uint16_t level, int depth);
static void walk_join(struct gather *gather, const JoinExpr *join, uint16_t level, int depth);
static void walk_where(struct gather *gather, const Node *where, uint16_t level, int depth);
static void walk_expression(struct gather *gather, const void *expression, uint16_t level, int depth);
static bool too_deep(struct gather *gather, int depth);

void walk_statement(const void *raw_statement, struct arena *arena, struct facts *facts)
{
	walk_raw(raw_statement, false, arena, facts);
}

void walk_statement_literally(const void *raw_statement, struct arena *arena, struct facts *facts)
{
	walk_raw(raw_statement, true, arena, facts);
}

static void walk_raw(const void *raw_statement, bool literals, struct arena *arena, struct facts *facts)
{
	const Node *statement = ((const RawStmt *)raw_statement)->stmt;
	struct gather gather;

	gather_init(&gather, arena, facts);
	gather.literals = literals;
	if (statement != NULL)
		walk_inner(&gather, statement);
	/* How often a WITH query is named is known behind it. */
	if (gather.with_count > 0) {
		gather_again(&gather);
		walk_inner(&gather, statement);
	}
	gather_finish(&gather);
}

static void walk_inner(struct gather *gather, const Node *statement)
{
	struct facts *facts = gather->facts;
	const Node *inner = NULL;

	/* PREPARE holds no other statement of that kind, but EXPLAIN holds DECLARE, which holds a query. */
	if (walk_session(gather, statement, &inner)) {
		if (inner == NULL)
			return;

		struct facts outer = *facts;
		walk_inner(gather, inner);
		facts->kind = outer.kind;
		facts->name = outer.name;
		facts->value = outer.value;
		facts->local = outer.local;
		facts->hold = outer.hold;
		facts->analyze = outer.analyze;
		facts->parameter_types = outer.parameter_types;
		facts->parameter_type_count = outer.parameter_type_count;
		/* Explained but not run, it creates nothing. */
		if (outer.kind == STATEMENT_EXPLAIN && !outer.analyze)
			facts->action_count = 0;
		return;
	}
	switch (nodeTag(statement)) {
	case T_SelectStmt:
		facts->kind = STATEMENT_SELECT;
		break;
	case T_InsertStmt:
		facts->kind = STATEMENT_INSERT;
		break;
	case T_UpdateStmt:
		facts->kind = STATEMENT_UPDATE;
		break;
	case T_DeleteStmt:
		facts->kind = STATEMENT_DELETE;
		break;
	case T_MergeStmt:
		facts->kind = STATEMENT_MERGE;
		break;
	default:
		walk_secret(gather, statement);
		if (!walk_utility(gather, statement) && !walk_ddl(gather, statement))
			facts->kind = STATEMENT_OTHER;
		return;
	}
	walk_query(gather, statement, -1, 0);
	if (IsA(statement, SelectStmt) && facts->action_count > 0)
		walk_assign_created(gather, gather->actions[0].relation, NIL, (const SelectStmt *)statement);
}

/* Statements that name relations and are neither queries nor schema changes. */
static bool walk_utility(struct gather *gather, const Node *statement)
{
	struct facts *facts = gather->facts;

	switch (nodeTag(statement)) {
	case T_CopyStmt: {
		const CopyStmt *copy = (const CopyStmt *)statement;
		facts->kind = STATEMENT_COPY;
		if (copy->query != NULL) {
			walk_query(gather, copy->query, -1, 0);
		} else if (copy->relation != NULL) {
			int16_t level = gather_level(gather, -1);
			int16_t table = add_relation(gather, copy->relation, (uint16_t)level, copy->is_from);
			walk_use_columns(gather, table, (uint16_t)level, copy->attlist);
		}
		return true;
	}
	case T_LockStmt:
		facts->kind = STATEMENT_LOCK;
		facts->nowait = ((const LockStmt *)statement)->nowait;
		facts->lock = walk_lock_mode(((const LockStmt *)statement)->mode);
		walk_targets(gather, ((const LockStmt *)statement)->relations);
		return true;
	case T_TruncateStmt:
		facts->kind = STATEMENT_TRUNCATE;
		facts->lock = LOCK_ACCESS_EXCLUSIVE;
		facts->cascade = ((const TruncateStmt *)statement)->behavior == DROP_CASCADE;
		facts->restart = ((const TruncateStmt *)statement)->restart_seqs;
		walk_targets(gather, ((const TruncateStmt *)statement)->relations);
		return true;
	case T_DoStmt:
		facts->kind = STATEMENT_DO;
		return true;
	case T_CallStmt:
		facts->kind = STATEMENT_CALL;
		return true;
	default:
		return false;
	}
}

int16_t walk_target(struct gather *gather, const RangeVar *relation)
{
	if (relation == NULL)
		return -1;
	if (gather->facts->level_count == 0)
		gather_level(gather, -1);

	const int16_t at = add_relation(gather, relation, 0, true);
	/* An action says ONLY itself; of a name that the grammar puts together the node does not tell. */
	if (at >= 0)
		gather->relations[at].only = false;
	return at;
}

static void walk_targets(struct gather *gather, const List *relations)
{
	ListCell *cell;

	gather_level(gather, -1);
	foreach (cell, relations)
		add_relation(gather, lfirst(cell), 0, true);
}

/* False where it is no query. */
static bool with_of(const Node *query, const WithClause **with)
{
	switch (nodeTag(query)) {
	case T_SelectStmt:
		*with = ((const SelectStmt *)query)->withClause;
		return true;
	case T_InsertStmt:
		*with = ((const InsertStmt *)query)->withClause;
		return true;
	case T_UpdateStmt:
		*with = ((const UpdateStmt *)query)->withClause;
		return true;
	case T_DeleteStmt:
		*with = ((const DeleteStmt *)query)->withClause;
		return true;
	case T_MergeStmt:
		*with = ((const MergeStmt *)query)->withClause;
		return true;
	default:
		return false;
	}
}

/* Each has a level of its own, in which its WITH queries can be seen. */
void walk_query(struct gather *gather, const Node *query, int16_t parent, int depth)
{
	const WithClause *with = NULL;

	if (query == NULL || too_deep(gather, depth) || !with_of(query, &with))
		return;

	const int16_t at = gather_level(gather, parent);
	const uint16_t ctes = gather->cte_count, level = (uint16_t)at;
	if (at < 0)
		return;
	gather_query(gather, query, level);
	walk_with(gather, with, level, depth + 1);
	switch (nodeTag(query)) {
	case T_SelectStmt:
		walk_select(gather, (const SelectStmt *)query, level, depth + 1);
		break;
	case T_InsertStmt:
		walk_insert(gather, (const InsertStmt *)query, level, depth + 1);
		break;
	case T_UpdateStmt:
		walk_update(gather, (const UpdateStmt *)query, level, depth + 1);
		break;
	case T_DeleteStmt:
		walk_delete(gather, (const DeleteStmt *)query, level, depth + 1);
		break;
	case T_MergeStmt:
		walk_merge(gather, (const MergeStmt *)query, level, depth + 1);
		break;
	default:
		break;
	}
	gather->cte_count = ctes;
}

/* As the statement's key tells numbers behind OFFSET apart (literal.c). */
static bool is_deep(const Node *offset)
{
	const A_Const *constant = (const A_Const *)offset;

	if (offset == NULL || !IsA(offset, A_Const) || constant->isnull)
		return false;
	if (nodeTag(&constant->val) == T_Integer)
		return constant->val.ival.ival > DEEP_OFFSET;
	/* A whole number past int4 comes as a float. */
	return nodeTag(&constant->val) == T_Float &&
	       strspn(constant->val.fval.fval, "0123456789") == strlen(constant->val.fval.fval);
}

static void walk_select(struct gather *gather, const SelectStmt *select, uint16_t level, int depth)
{
	if (select->op != SETOP_NONE)
		walk_arms(gather, select, level, depth);
	else
		walk_leaf(gather, select, level, depth);

	struct fact_level *facts = &gather->levels[level];
	facts->has_limit = select->limitCount != NULL && !nodes_is_null_constant(select->limitCount);
	facts->has_offset = select->limitOffset != NULL && !nodes_is_null_constant(select->limitOffset);
	facts->deep_offset = is_deep(select->limitOffset);
	facts->has_locking = select->lockingClause != NIL;
	ListCell *cell;
	foreach (cell, select->lockingClause)
		if (((const LockingClause *)lfirst(cell))->strength >= LCS_FORNOKEYUPDATE)
			gather->facts->for_update = true;

	walk_sort_list(gather, select->sortClause, select->op == SETOP_NONE ? select->targetList : NIL, level);
	foreach (cell, select->sortClause)
		walk_expression(gather, lfirst(cell), level, depth);
	walk_expression(gather, select->limitCount, level, depth);
	walk_expression(gather, select->limitOffset, level, depth);
	walk_output(gather, select, level);
}

/* a UNION b UNION c is a tree that leans to the left: its arms become siblings. */
static void walk_arms(struct gather *gather, const SelectStmt *select, uint16_t level, int depth)
{
	const SelectStmt *left = select->larg;

	if (left == NULL || too_deep(gather, depth))
		return;
	if (left->op != SETOP_NONE && left->withClause == NULL && left->sortClause == NIL && left->limitCount == NULL &&
	    left->limitOffset == NULL && left->lockingClause == NIL)
		walk_arms(gather, left, level, depth + 1);
	else
		walk_arm(gather, left, level, depth);
	walk_arm(gather, select->rarg, level, depth);
}

static void walk_arm(struct gather *gather, const SelectStmt *arm, uint16_t level, int depth)
{
	uint16_t at = gather->facts->level_count;

	walk_query(gather, (const Node *)arm, (int16_t)level, depth + 1);
	if (gather->facts->level_count > at) {
		gather->levels[at].is_arm = true;
		gather->levels[level].arms++;
	}
}

static bool is_only_count(const List *targets)
{
	if (list_length(targets) != 1)
		return false;
	const FuncCall *call = (const FuncCall *)((const ResTarget *)linitial(targets))->val;
	if (call == NULL || !IsA(call, FuncCall) || !call->agg_star || call->agg_filter != NULL || call->over != NULL)
		return false;
	const char *name = nodes_function_name(call);
	return name != NULL && strcmp(name, "count") == 0;
}

static void walk_leaf(struct gather *gather, const SelectStmt *select, uint16_t level, int depth)
{
	struct fact_level *facts = &gather->levels[level];

	facts->has_where = select->whereClause != NULL;
	facts->has_group = select->groupClause != NIL;
	facts->has_distinct = select->distinctClause != NIL;
	facts->only_count = is_only_count(select->targetList);

	walk_from(gather, select->fromClause, level, depth);
	walk_where(gather, select->whereClause, level, depth);
	predicate_gather_having(gather, select, level);
	/* DISTINCT ON sorts by its expressions when nothing else does. */
	if (select->sortClause == NIL && select->distinctClause != NIL && linitial(select->distinctClause) != NULL)
		walk_sort_distinct_on(gather, select, level);

	walk_sort_implied(gather, select, level);
	if (level == 0 && gather->facts->kind == STATEMENT_SELECT) {
		ListCell *cell;
		foreach (cell, select->targetList) {
			const Node *value = ((const ResTarget *)lfirst(cell))->val;
			if (value != NULL && IsA(value, FuncCall))
				walk_session_set_config(gather, (const FuncCall *)value);
		}
	}
	walk_expression(gather, select->targetList, level, depth);
	walk_expression(gather, select->havingClause, level, depth);
	walk_expression(gather, select->groupClause, level, depth);
	walk_expression(gather, select->windowClause, level, depth);
	walk_expression(gather, select->valuesLists, level, depth);
	if (select->distinctClause != NIL && linitial(select->distinctClause) != NULL)
		walk_expression(gather, select->distinctClause, level, depth);
	if (select->intoClause != NULL && gather->facts->kind == STATEMENT_SELECT) {
		/* SELECT … INTO is CREATE TABLE AS; of a UNION, the first arm says it. */
		struct fact_action *action = gather_action(gather, DDL_CREATE_TABLE_AS);
		gather->facts->kind = STATEMENT_DDL;
		if (action != NULL) {
			action->relation = add_relation(gather, select->intoClause->rel, level, true);
			action->temporary = nodes_is_temporary(select->intoClause->rel);
		}
	}
}

static void walk_insert(struct gather *gather, const InsertStmt *insert, uint16_t level, int depth)
{

	const SelectStmt *source = (const SelectStmt *)insert->selectStmt;
	bool values = source != NULL && IsA(source, SelectStmt) && source->valuesLists != NIL;

	/* The target's columns are not visible to the source: it is walked before they are. */
	if (values) {
		walk_with(gather, source->withClause, level, depth);
		walk_expression(gather, source->valuesLists, level, depth);
	} else {
		walk_query(gather, insert->selectStmt, (int16_t)level, depth + 1);
	}
	int16_t target = add_target(gather, insert->relation, level);
	if (target >= 0)
		gather->relations[target].is_inserted = true;
	walk_assign_insert(gather, target, insert->cols, source);
	if (source != NULL || insert->cols != NIL)
		walk_use_columns(gather, target, level, insert->cols);
	/* ON CONFLICT … WHERE looks at one row that is found already: no condition to judge, only sub-selects. */
	if (insert->onConflictClause != NULL) {
		walk_assign_update(gather, target, insert->onConflictClause->targetList, NIL);
		walk_use_conflict(gather, target, level, insert->onConflictClause);
		walk_expression(gather, insert->onConflictClause->targetList, level, depth);
		walk_expression(gather, insert->onConflictClause->whereClause, level, depth);
	}
	walk_expression(gather, insert->returningList, level, depth);
}

static void walk_update(struct gather *gather, const UpdateStmt *update, uint16_t level, int depth)
{

	int16_t target = add_target(gather, update->relation, level);
	walk_from(gather, update->fromClause, level, depth);
	walk_assign_update(gather, target, update->targetList, update->fromClause);
	walk_use_columns(gather, target, level, update->targetList);
	gather->levels[level].has_where = update->whereClause != NULL;
	walk_where(gather, update->whereClause, level, depth);
	walk_expression(gather, update->targetList, level, depth);
	walk_expression(gather, update->returningList, level, depth);
}

static void walk_delete(struct gather *gather, const DeleteStmt *delete, uint16_t level, int depth)
{

	add_target(gather, delete->relation, level);
	walk_from(gather, delete->usingClause, level, depth);
	gather->levels[level].has_where = delete->whereClause != NULL;
	walk_where(gather, delete->whereClause, level, depth);
	walk_expression(gather, delete->returningList, level, depth);
}

static void walk_merge(struct gather *gather, const MergeStmt *merge, uint16_t level, int depth)
{

	int16_t target = add_target(gather, merge->relation, level);
	walk_from_item(gather, merge->sourceRelation, level, depth);
	gather->levels[level].has_where = true;

	/* Like an outer join: each source row is kept, so the condition filters the target alone. */
	struct predicate_place place = predicate_place(level, target >= 0);
	place.from = target;
	place.to = (int16_t)(target + 1);
	predicate_gather(gather, merge->joinCondition, place);
	walk_expression(gather, merge->joinCondition, level, depth);
	ListCell *cell;
	foreach (cell, merge->mergeWhenClauses) {
		const MergeWhenClause *when = lfirst(cell);
		if (when->commandType == CMD_UPDATE)
			walk_assign_update(gather, target, when->targetList, merge->sourceRelation);
		else if (when->commandType == CMD_INSERT)
			walk_assign_merge(gather, target, when->targetList, when->values,
			                  merge->sourceRelation);
		if (when->targetList != NIL || when->values != NIL)
			walk_use_columns(gather, target, level, when->targetList);
		walk_expression(gather, when->condition, level, depth);
		walk_expression(gather, when->targetList, level, depth);
		walk_expression(gather, when->values, level, depth);
	}
}

static int16_t add_relation(struct gather *gather, const RangeVar *relation, uint16_t level, bool is_target)
{
	const struct gather_cte *cte =
	    !is_target && relation->schemaname == NULL ? gather_cte(gather, relation->relname) : NULL;

	if (cte != NULL)
		walk_with_named(gather, cte);
	return gather_relation(gather, &(struct fact_relation){
	                                   .schema = relation->schemaname,
	                                   .name = relation->relname,
	                                   .alias = relation->alias != NULL ? relation->alias->aliasname : NULL,
	                                   .is_target = is_target,
	                                   .is_cte = cte != NULL,
	                                   .only = !relation->inh,
	                                   .level = level,
	                               });
}

static const char *visible_name(const RangeVar *relation)
{
	return relation->alias != NULL ? relation->alias->aliasname : relation->relname;
}

/* What an INSERT, UPDATE, DELETE or MERGE writes to: one more item of its level. */
static int16_t add_target(struct gather *gather, const RangeVar *relation, uint16_t level)
{
	int16_t target = add_relation(gather, relation, level, true);

	gather_range(gather, visible_name(relation), target, level, true);
	return target;
}

static void walk_from(struct gather *gather, const List *items, uint16_t level, int depth)
{
	ListCell *cell;

	foreach (cell, items)
		walk_from_item(gather, lfirst(cell), level, depth);
}

static void walk_from_item(struct gather *gather, const Node *item, uint16_t level, int depth)
{
	if (item == NULL || too_deep(gather, depth))
		return;
	switch (nodeTag(item)) {
	case T_RangeVar: {
		const RangeVar *relation = (const RangeVar *)item;
		if (walk_with_in_place(gather, relation, level, depth))
			break;
		int16_t at = add_relation(gather, relation, level, false);
		/* FROM t AS a (x, y): the columns' names are not the table's. */
		if (relation->alias != NULL && relation->alias->colnames != NIL)
			at = -1;
		gather_range(gather, visible_name(relation), at, level, true);
		break;
	}
	case T_JoinExpr:
		walk_join(gather, (const JoinExpr *)item, level, depth + 1);
		break;
	case T_RangeSubselect: {
		const RangeSubselect *sub = (const RangeSubselect *)item;
		gather->levels[level].has_others = true;
		struct fact_relation as = {
		    .name = "", .alias = sub->alias != NULL ? sub->alias->aliasname : NULL, .level = level};
		walk_with_query(gather, sub->subquery, &as, sub->alias != NULL ? sub->alias->colnames : NIL, depth);
		break;
	}
	case T_RangeFunction: {
		const RangeFunction *function = (const RangeFunction *)item;
		gather->levels[level].has_others = true;
		walk_expression(gather, function->functions, level, depth);
		gather_range(gather, function->alias != NULL ? function->alias->aliasname : NULL, -1, level, true);
		break;
	}
	case T_RangeTableSample:
		gather->levels[level].has_others = true;
		walk_from_item(gather, ((const RangeTableSample *)item)->relation, level, depth + 1);
		break;
	case T_RangeTableFunc: {
		const RangeTableFunc *function = (const RangeTableFunc *)item;
		gather->levels[level].has_others = true;
		walk_expression(gather, function->docexpr, level, depth);
		gather_range(gather, function->alias != NULL ? function->alias->aliasname : NULL, -1, level, true);
		break;
	}
	default:
		gather->levels[level].has_others = true;
		gather_range(gather, NULL, -1, level, true);
		break;
	}
}

static void walk_join(struct gather *gather, const JoinExpr *join, uint16_t level, int depth)
{
	struct predicate_place place = predicate_place(level, true);
	int16_t left = (int16_t)gather->facts->relation_count;

	walk_from_item(gather, join->larg, level, depth);
	int16_t right = (int16_t)gather->facts->relation_count;
	walk_from_item(gather, join->rarg, level, depth);
	int16_t end = (int16_t)gather->facts->relation_count;

	place.join_from = left;
	place.join_to = end;
	switch (join->jointype) {
	case JOIN_INNER:
		break;
	case JOIN_LEFT:
		place.from = right;
		place.to = end;
		break;
	case JOIN_RIGHT:
		place.from = left;
		place.to = right;
		break;
	default:
		place.conjunct = false;
		break;
	}
	if (join->isNatural || join->jointype == JOIN_FULL)
		gather->levels[level].has_others = true;
	if (join->alias != NULL)
		gather_range(gather, join->alias->aliasname, -1, level, false);
	predicate_gather(gather, join->quals, place);
	walk_use_joined(gather, level, join->usingClause);
	walk_expression(gather, join->quals, level, depth);
	if (join->jointype == JOIN_FULL)
		return;
	const struct clauses_scope scope = {
	    .gather = gather, .level = level, .literals = gather->literals, .arena = gather->arena};
	ListCell *cell;
	struct fact_condition using = {
	    .level = level,
	    .from = place.from < 0 ? 0 : place.from,
	    .to = place.to,
	    .join_from = left,
	    .join_to = end,
	};
	if (join->isNatural) {
		using.clause = clauses_using(&scope, NULL, left, right, end);
		using.text = "natural join";
		gather_condition(gather, &using);
	}
	foreach (cell, join->usingClause) {
		const char *name = strVal(lfirst(cell));
		using.clause = clauses_using(&scope, name, left, right, end);
		using.text = arena_printf(gather->arena, "%s = %s", name, name);
		gather_condition(gather, &using);
	}
}

static void walk_where(struct gather *gather, const Node *where, uint16_t level, int depth)
{
	predicate_gather(gather, where, predicate_place(level, true));
	walk_expression(gather, where, level, depth);
}

static void visit(void *context, const Node *node)
{
	struct visitor *visitor = context;

	if (too_deep(visitor->gather, visitor->depth))
		return;
	if (IsA(node, SubLink))
		walk_query(visitor->gather, ((const SubLink *)node)->subselect, (int16_t)visitor->level,
		           visitor->depth + 1);
	else if (IsA(node, ColumnRef))
		walk_use_reference(visitor->gather, (const ColumnRef *)node, visitor->level);
	else if (IsA(node, FuncCall) && nodes_is_aggregate((const FuncCall *)node))
		visitor->gather->levels[visitor->level].has_aggregate = true;
	else if (IsA(node, FuncCall))
		walk_secret_call(visitor->gather, (const FuncCall *)node);
	visitor->depth++;
	nodes_children(node, visit, visitor);
	visitor->depth--;
}

static void walk_expression(struct gather *gather, const void *expression, uint16_t level, int depth)
{
	struct visitor visitor = {.gather = gather, .level = level, .depth = depth};

	if (expression != NULL)
		visit(&visitor, expression);
}

static bool too_deep(struct gather *gather, int depth)
{
	if (depth <= LIMIT_WALK_DEPTH)
		return false;
	gather->facts->truncated = true;
	return true;
}
