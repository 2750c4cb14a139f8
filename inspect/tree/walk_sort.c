#include "inspect/tree/walk_sort.h"

#include "inspect/tree/clauses.h"
#include "inspect/tree/expression.h"
#include "inspect/tree/predicate.h"

#include <string.h>

static void add(struct gather *gather, const Node *expression, const SortBy *by, enum fact_order order, uint16_t level);
static const Node *target_of(const Node *expression, const List *targets);

void walk_sort_list(struct gather *gather, const List *sorts, const List *targets, uint16_t level)
{
	ListCell *cell;

	foreach (cell, sorts) {
		const SortBy *by = lfirst(cell);
		add(gather, target_of(by->node, targets), by, ORDER_BY, level);
	}
}

static void add(struct gather *gather, const Node *expression, const SortBy *by, enum fact_order order, uint16_t level)
{
	struct fact_sort sort = {.level = level};

	if (expression == NULL)
		return;
	if (by != NULL) {
		sort.descending = by->sortby_dir == SORTBY_DESC ||
		                  (by->sortby_dir == SORTBY_USING && strcmp(nodes_last_name(by->useOp), ">") == 0);
		sort.nulls_first =
		    by->sortby_nulls == SORTBY_NULLS_DEFAULT ? sort.descending : by->sortby_nulls == SORTBY_NULLS_FIRST;
	}

	struct expression text = expression_masked_of(expression, gather->arena);
	sort.relation = predicate_relation(gather, expression, level);
	sort.expression = text.text != NULL ? text.text : "";
	sort.column = text.column;
	const struct clauses_scope scope = {
	    .gather = gather, .level = level, .literals = gather->literals, .arena = gather->arena};
	sort.clause = clauses_of(&scope, expression);
	sort.order = order;
	gather_sort(gather, &sort);
}

/* DISTINCT of columns and a lone min() or max() can be had from an index in order, or from one that holds them. */
void walk_sort_implied(struct gather *gather, const SelectStmt *select, uint16_t level)
{
	ListCell *cell;

	if (select->groupClause != NIL || select->havingClause != NULL || select->sortClause != NIL)
		return;
	if (select->distinctClause != NIL && linitial(select->distinctClause) == NULL) {
		foreach (cell, select->targetList)
			if (!IsA(((const ResTarget *)lfirst(cell))->val, ColumnRef))
				return;
		foreach (cell, select->targetList)
			add(gather, ((const ResTarget *)lfirst(cell))->val, NULL, ORDER_DISTINCT, level);
		return;
	}
	if (list_length(select->targetList) != 1 || select->distinctClause != NIL)
		return;
	const Node *value = ((const ResTarget *)linitial(select->targetList))->val;
	if (value == NULL || !IsA(value, FuncCall) || list_length(((const FuncCall *)value)->args) != 1)
		return;
	const char *name = nodes_function_name((const FuncCall *)value);
	const SortBy by = {.sortby_dir = SORTBY_DESC};
	if (name != NULL && strcmp(name, "max") == 0)
		add(gather, linitial(((const FuncCall *)value)->args), &by, ORDER_EXTREME, level);
	else if (name != NULL && strcmp(name, "min") == 0)
		add(gather, linitial(((const FuncCall *)value)->args), NULL, ORDER_EXTREME, level);
}

/* ORDER BY 2 and ORDER BY total mean the second output column and the one of that name (findTargetlistEntrySQL92 in
 * parse_clause.c); an ordinal counts only where it is a column. */
static const Node *target_of(const Node *expression, const List *targets)
{
	if (IsA(expression, ColumnRef) && list_length(((const ColumnRef *)expression)->fields) == 1) {
		const Node *field = linitial(((const ColumnRef *)expression)->fields);
		ListCell *cell;
		foreach (cell, targets) {
			const ResTarget *target = lfirst(cell);
			if (target->name != NULL && IsA(field, String) && strcmp(target->name, strVal(field)) == 0)
				return target->val;
		}
		return expression;
	}
	if (!IsA(expression, A_Const))
		return expression;

	const A_Const *constant = (const A_Const *)expression;
	if (constant->isnull || nodeTag(&constant->val) != T_Integer)
		return NULL;

	int ordinal = constant->val.ival.ival;
	if (ordinal < 1 || ordinal > list_length(targets))
		return NULL;
	/* SELECT *, x ORDER BY 2: who knows which one that is. */
	for (int at = 0; at < ordinal; at++) {
		const Node *value = ((const ResTarget *)list_nth(targets, at))->val;
		if (value == NULL || (IsA(value, ColumnRef) && IsA(llast(((const ColumnRef *)value)->fields), A_Star)))
			return NULL;
	}
	const Node *value = ((const ResTarget *)list_nth(targets, ordinal - 1))->val;
	return IsA(value, ColumnRef) ? value : NULL;
}

void walk_sort_distinct_on(struct gather *gather, const SelectStmt *select, uint16_t level)
{
	ListCell *cell;

	foreach (cell, select->distinctClause)
		add(gather, target_of(lfirst(cell), select->targetList), NULL, ORDER_BY, level);
}
