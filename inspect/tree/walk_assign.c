#include "inspect/tree/walk_assign.h"

#include "inspect/tree/predicate.h"
#include "inspect/text/secret.h"

#include <string.h>

static void assign_rows(struct gather *gather, int16_t target, const char *column, const List *rows, int at);
static void assign_select(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source,
                          int depth);
static struct fact_assignment assignment_of(int16_t target, const char *column, const Node *value);
static uint32_t values_of(const char *column, const Node *value);

void walk_assign_insert(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source)
{
	const bool select = source != NULL && IsA(source, SelectStmt);
	const List *rows = select ? source->valuesLists : NIL;
	ListCell *cell;
	int at = 0;

	if (select && rows == NIL) {
		assign_select(gather, target, columns, source, 0);
		return;
	}
	foreach (cell, columns)
		assign_rows(gather, target, ((const ResTarget *)lfirst(cell))->name, rows, at++);
}

void walk_assign_update(struct gather *gather, int16_t target, const List *targets)
{
	ListCell *cell;

	foreach (cell, targets) {
		const ResTarget *column = lfirst(cell);
		struct fact_assignment assignment = assignment_of(target, column->name, column->val);
		gather_assignment(gather, &assignment);
	}
}

void walk_assign_merge(struct gather *gather, int16_t target, const List *columns, const List *values)
{
	ListCell *cell;
	int at = 0;

	foreach (cell, columns) {
		struct fact_assignment assignment =
		    assignment_of(target, ((const ResTarget *)lfirst(cell))->name,
		                  at < list_length(values) ? list_nth(values, at) : NULL);
		gather_assignment(gather, &assignment);
		at++;
	}
}

static bool is_star(const Node *value)
{
	return value != NULL && IsA(value, ColumnRef) && IsA(llast(((const ColumnRef *)value)->fields), A_Star);
}

/* Columns go by their places, so far as no star stands before them. */
static void assign_select(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source,
                          int depth)
{
	ListCell *cell;
	int at = 0;
	bool known = true;

	if (source != NULL && source->op != SETOP_NONE && depth < LIMIT_WALK_DEPTH) {
		assign_select(gather, target, columns, source->larg, depth + 1);
		assign_select(gather, target, columns, source->rarg, depth + 1);
		return;
	}
	foreach (cell, columns) {
		const Node *value = NULL;
		if (source != NULL && at < list_length(source->targetList))
			value = ((const ResTarget *)list_nth(source->targetList, at))->val;
		known = known && !is_star(value);
		struct fact_assignment assignment =
		    assignment_of(target, ((const ResTarget *)lfirst(cell))->name, known ? value : NULL);
		gather_assignment(gather, &assignment);
		at++;
	}
}

/* One column of an INSERT: the `at`-th of each row. */
static void assign_rows(struct gather *gather, int16_t target, const char *column, const List *rows, int at)
{
	const List *row = rows != NIL ? linitial(rows) : NIL;
	struct fact_assignment first = assignment_of(target, column, at < list_length(row) ? list_nth(row, at) : NULL);
	bool secret = secret_of(column, strlen(column)) != SECRET_NONE;
	ListCell *cell;

	for_each_from(cell, rows, 1)
	{
		row = lfirst(cell);
		if (at < list_length(row))
			first.values |= values_of(column, list_nth(row, at));
	}
	gather_assignment(gather, &first);
	for_each_from(cell, rows, 1)
	{
		row = lfirst(cell);
		struct fact_assignment other = {.operand = OPERAND_NONE};
		if (secret && at < list_length(row))
			other = assignment_of(target, column, list_nth(row, at));
		if (other.operand == OPERAND_PARAMETER)
			gather_assignment(gather, &other);
	}
}

static struct fact_assignment assignment_of(int16_t target, const char *column, const Node *value)
{
	struct fact_assignment assignment = {.relation = target, .column = column};

	if (value != NULL && IsA(value, MultiAssignRef)) {
		const MultiAssignRef *part = (const MultiAssignRef *)value;
		value = part->source;
		if (IsA(value, RowExpr) && part->colno <= list_length(((const RowExpr *)value)->args))
			value = list_nth(((const RowExpr *)value)->args, part->colno - 1);
	}
	assignment.operand = predicate_operand(value, &assignment.parameter);
	assignment.values = values_of(column, value);
	return assignment;
}

/* The literal's class in the statement's key says as much, see literal.c. */
static uint32_t values_of(const char *column, const Node *value)
{
	const char *text = value != NULL ? nodes_string_constant(value) : NULL;

	if (text == NULL)
		return 0;
	if (secret_of(column, strlen(column)) != SECRET_NONE)
		return value_bit(value_of(text, strlen(text)));
	return value_bit(value_json(text, strlen(text)));
}
