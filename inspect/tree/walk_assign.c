#include "inspect/tree/walk_assign.h"

#include "inspect/tree/predicate.h"
#include "inspect/text/secret.h"
#include "inspect/tree/stored.h"

#include <stdio.h>
#include <string.h>

/* Of a * that names no columns: how many are looked at. */
enum { STAR_COLUMNS = 32 };

/* Where values go. */
struct column {
	int16_t relation;
	const char *name; /* NULL: by its place */
	uint16_t place;
	bool secret; /* it is one's, or may be */
	const struct origin *origin; /* of columns in the values */
};

/* The columns of a table that a query fills and names. */
struct created {
	int16_t target;
	const List *names;       /* of the first of them */
	const SelectStmt *first; /* it names the others */
	uint32_t *steps;
};

static const SelectStmt *first_arm(const SelectStmt *source);
static void assign_created(struct gather *gather, const struct created *created, const SelectStmt *source,
                           const WithClause *with, int depth);
static bool is_star(const Node *value);
static void assign_rows(struct gather *gather, const struct column *column, const List *rows, int at);
static void assign_select(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source,
                          int depth);
static int column_count(const List *columns, const List *values);
static struct column column_at(int16_t target, const List *columns, int at, const struct origin *origin);
static struct column column_named(int16_t target, const char *name, const struct origin *origin);
static void assign(struct gather *gather, const struct column *column, const Node *value);
static void gather_stored(struct gather *gather, const struct column *column, const Node *value,
                          const struct stored *stored);
static const Node *part_of(const MultiAssignRef *part);

void walk_assign_insert(struct gather *gather, int16_t target, const List *columns, const SelectStmt *source)
{
	const bool select = source != NULL && IsA(source, SelectStmt);
	const List *rows = select ? source->valuesLists : NIL;

	if (select && rows == NIL) {
		assign_select(gather, target, columns, source, 0);
		return;
	}
	for (int at = 0; at < column_count(columns, rows != NIL ? linitial(rows) : NIL); at++) {
		struct column column = column_at(target, columns, at, NULL);
		assign_rows(gather, &column, rows, at);
	}
}

void walk_assign_update(struct gather *gather, int16_t target, const List *targets, const void *from)
{
	uint32_t steps = 0;
	const struct origin origin = {.gather = gather, .from = from, .steps = &steps};
	ListCell *cell;

	foreach (cell, targets) {
		const ResTarget *set = lfirst(cell);
		struct column column = column_named(target, set->name, &origin);
		assign(gather, &column, set->val);
	}
}

void walk_assign_merge(struct gather *gather, int16_t target, const List *columns, const List *values,
                       const void *from)
{
	uint32_t steps = 0;
	const struct origin origin = {.gather = gather, .from = from, .steps = &steps};

	for (int at = 0; at < column_count(columns, values); at++) {
		struct column column = column_at(target, columns, at, &origin);
		assign(gather, &column, at < list_length(values) ? list_nth(values, at) : NULL);
	}
}

void walk_assign_created(struct gather *gather, int16_t target, const List *names, const SelectStmt *source)
{
	uint32_t steps = 0;
	const struct created created = {.target = target, .names = names, .first = first_arm(source), .steps = &steps};

	assign_created(gather, &created, source, source->withClause, 0);
}

static const SelectStmt *first_arm(const SelectStmt *source)
{
	while (source->op != SETOP_NONE)
		source = source->larg;
	return source;
}

static const char *created_name(const struct created *created, int at, char *number, size_t size)
{
	if (at < list_length(created->names))
		return strVal(list_nth(created->names, at));
	if (created->first->valuesLists != NIL) {
		snprintf(number, size, "column%d", at + 1);
		return number;
	}
	if (at >= list_length(created->first->targetList))
		return "";
	return nodes_output_name(list_nth(created->first->targetList, at));
}

static void assign_created(struct gather *gather, const struct created *created, const SelectStmt *source,
                           const WithClause *with, int depth)
{
	const struct origin origin = {.gather = gather, .from = source->fromClause, .with = with, .steps = created->steps};
	const List *rows = source->valuesLists, *targets = rows != NIL ? linitial(rows) : source->targetList;
	char number[32];

	if (depth > LIMIT_WALK_DEPTH)
		return;
	if (source->op != SETOP_NONE) {
		assign_created(gather, created, source->larg, source->larg->withClause ? source->larg->withClause : with, depth + 1);
		assign_created(gather, created, source->rarg, source->rarg->withClause ? source->rarg->withClause : with, depth + 1);
		return;
	}
	if (rows == NIL && list_length(targets) == 1 && is_star(((const ResTarget *)linitial(targets))->val)) {
		struct created inner = *created;
		const List *names;
		const SelectStmt *query = origin_query(&origin, &names);
		if (query == NULL)
			return;
		inner.first = first_arm(query);
		inner.names = created->names != NIL ? created->names : names;
		assign_created(gather, &inner, query, query->withClause != NULL ? query->withClause : with, depth + 1);
		return;
	}
	for (int at = 0; at < list_length(targets); at++) {
		const ResTarget *target = list_nth(targets, at);
		/* How many columns a star is, is not known. */
		if (rows == NIL && is_star(target->val))
			return;
		struct column column = column_named(created->target, created_name(created, at, number, sizeof(number)), &origin);
		if (column.secret && rows != NIL)
			assign_rows(gather, &column, rows, at);
		else if (column.secret)
			assign(gather, &column, target->val);
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
	uint32_t steps = 0;
	const struct origin origin = {
	    .gather = gather, .from = source->fromClause, .with = source->withClause, .steps = &steps};
	const bool star = list_length(source->targetList) == 1 &&
	                  is_star(((const ResTarget *)linitial(source->targetList))->val);
	bool known = true;

	if (source->op != SETOP_NONE && depth < LIMIT_WALK_DEPTH) {
		assign_select(gather, target, columns, source->larg, depth + 1);
		assign_select(gather, target, columns, source->rarg, depth + 1);
		return;
	}
	if (source->valuesLists != NIL) { /* an arm of a UNION */
		walk_assign_insert(gather, target, columns, source);
		return;
	}
	for (int at = 0; star && at < (columns != NIL ? list_length(columns) : STAR_COLUMNS); at++) {
		struct column column = column_at(target, columns, at, &origin);
		struct stored stored = {.secret = column.secret, .origin = &origin};
		stored_add_place(&stored, at);
		if (columns != NIL || stored.values != 0 || stored.parameter_count > 0)
			gather_stored(gather, &column, NULL, &stored);
	}
	for (int at = 0; !star && at < column_count(columns, source->targetList); at++) {
		struct column column = column_at(target, columns, at, &origin);
		const Node *value = NULL;
		if (at < list_length(source->targetList))
			value = ((const ResTarget *)list_nth(source->targetList, at))->val;
		known = known && !is_star(value);
		if (!known && columns == NIL)
			return;
		assign(gather, &column, known ? value : NULL);
	}
}

/* One column of an INSERT: the `at`-th of each row. */
static void assign_rows(struct gather *gather, const struct column *column, const List *rows, int at)
{
	struct stored stored = {.secret = column->secret};
	const Node *first = NULL;
	ListCell *cell;

	foreach (cell, rows) {
		const List *row = lfirst(cell);
		if (at >= list_length(row))
			continue;
		const Node *value = list_nth(row, at);
		uint16_t parameters = stored.parameter_count;
		stored_add(&stored, value);
		if (first == NULL)
			first = value;
		else if (!column->secret)
			stored.parameter_count = parameters;
	}
	gather_stored(gather, column, first, &stored);
}

static int column_count(const List *columns, const List *values)
{
	return columns != NIL ? list_length(columns) : list_length(values);
}

static struct column column_at(int16_t target, const List *columns, int at, const struct origin *origin)
{
	if (columns != NIL)
		return column_named(target, ((const ResTarget *)list_nth(columns, at))->name, origin);
	return (struct column){.relation = target, .place = (uint16_t)(at + 1), .secret = true, .origin = origin};
}

static struct column column_named(int16_t target, const char *name, const struct origin *origin)
{
	return (struct column){.relation = target,
	                       .name = name,
	                       .secret = secret_of(name, strlen(name)) != SECRET_NONE,
	                       .origin = origin};
}

static void assign(struct gather *gather, const struct column *column, const Node *value)
{
	struct stored stored = {.secret = column->secret, .origin = column->origin};

	if (value != NULL && IsA(value, MultiAssignRef))
		value = part_of((const MultiAssignRef *)value);
	stored_add(&stored, value);
	gather_stored(gather, column, value, &stored);
}

static void gather_stored(struct gather *gather, const struct column *column, const Node *value,
                          const struct stored *stored)
{
	struct fact_assignment assignment = {
	    .relation = column->relation,
	    .column = column->name,
	    .place = column->place,
	    .values = stored->values,
	};

	assignment.operand = predicate_operand(value, &assignment.parameter);
	gather_assignment(gather, &assignment);
	for (uint16_t at = 0; at < stored->parameter_count; at++) {
		if (assignment.operand == OPERAND_PARAMETER && stored->parameters[at] == assignment.parameter)
			continue;
		gather_assignment(gather, &(struct fact_assignment){
		                              .relation = column->relation,
		                              .column = column->name,
		                              .place = column->place,
		                              .operand = OPERAND_PARAMETER,
		                              .parameter = stored->parameters[at],
		                          });
	}
	if (stored->hashed && column->name != NULL && secret_of(column->name, strlen(column->name)) == SECRET_PASSWORD)
		gather_secret(gather, FACT_SECRET_HASHED, column->name);
}

/* Of SET (a, b) = (…, …), and = (SELECT …, …). */
static const Node *part_of(const MultiAssignRef *part)
{
	const List *values = NIL;

	if (IsA(part->source, RowExpr))
		values = ((const RowExpr *)part->source)->args;
	else if (IsA(part->source, SubLink)) {
		const SelectStmt *select = (const SelectStmt *)((const SubLink *)part->source)->subselect;
		if (select == NULL || !IsA(select, SelectStmt) || select->op != SETOP_NONE)
			return NULL;
		if (select->valuesLists != NIL) {
			values = linitial(select->valuesLists);
		} else {
			for (int at = 0; at < part->colno && at < list_length(select->targetList); at++) {
				const Node *value = ((const ResTarget *)list_nth(select->targetList, at))->val;
				if (is_star(value))
					return NULL;
				if (at + 1 == part->colno)
					return value;
			}
		}
	}
	return part->colno <= list_length(values) ? list_nth(values, part->colno - 1) : NULL;
}
