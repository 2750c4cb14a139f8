#include "inspect/tree/origin.h"

#include <stdlib.h>
#include <string.h>

/* What is looked for: by name, or by place where that is NULL. */
struct wanted {
	const char *alias; /* NULL: of any item */
	const char *name;
	int place;
	origin_fn *found;
	void *context;
};

static void in_from(const struct origin *origin, const struct wanted *wanted, int depth);
static void in_item(const struct origin *origin, const Node *item, const struct wanted *wanted, int depth);
static void in_query(const struct origin *origin, const SelectStmt *query, const List *names,
                     const struct wanted *wanted, int depth);
static const SelectStmt *query_of(const struct origin *origin, const Node *item, const List **names, const char **called);
static void in_unnest(const struct origin *origin, const RangeFunction *item, const struct wanted *wanted);
static const CommonTableExpr *cte_named(const struct origin *origin, const char *name);
static int place_among(const List *names, const char *name);
static int place_of(const SelectStmt *query, const char *name);
static bool is_star(const Node *value);

void origin_column(const struct origin *origin, const ColumnRef *column, origin_fn *found, void *context)
{
	const int fields = list_length(column->fields);
	struct wanted wanted = {.found = found, .context = context};

	if (fields < 1 || fields > 2 || !IsA(llast(column->fields), String))
		return;
	wanted.name = strVal(llast(column->fields));
	wanted.alias = fields == 2 ? strVal(linitial(column->fields)) : NULL;
	in_from(origin, &wanted, 0);
}

void origin_place(const struct origin *origin, int place, origin_fn *found, void *context)
{
	const struct wanted wanted = {.place = place, .found = found, .context = context};

	in_from(origin, &wanted, 0);
}

static void in_from(const struct origin *origin, const struct wanted *wanted, int depth)
{
	const List *items = origin->from;
	ListCell *cell;

	if (items == NIL)
		return;
	if (!IsA(items, List)) {
		in_item(origin, origin->from, wanted, depth);
		return;
	}
	if (wanted->name == NULL && list_length(items) != 1)
		return;
	foreach (cell, items)
		in_item(origin, lfirst(cell), wanted, depth);
}

static void in_item(const struct origin *origin, const Node *item, const struct wanted *wanted, int depth)
{
	const List *names;
	const char *called;

	if (item == NULL || depth > LIMIT_WALK_DEPTH || (*origin->steps)++ >= LIMIT_ORIGIN_STEPS)
		return;
	if (IsA(item, JoinExpr)) {
		if (wanted->name != NULL) {
			in_item(origin, ((const JoinExpr *)item)->larg, wanted, depth + 1);
			in_item(origin, ((const JoinExpr *)item)->rarg, wanted, depth + 1);
		}
		return;
	}
	if (IsA(item, RangeFunction)) {
		in_unnest(origin, (const RangeFunction *)item, wanted);
		return;
	}
	const SelectStmt *query = query_of(origin, item, &names, &called);
	if (query == NULL || (wanted->alias != NULL && (called == NULL || strcmp(called, wanted->alias) != 0)))
		return;
	in_query(origin, query, names, wanted, depth + 1);
}

const SelectStmt *origin_query(const struct origin *origin, const List **names)
{
	const List *items = origin->from;
	const char *called;

	if (items == NIL || !IsA(items, List) || list_length(items) != 1 || (*origin->steps)++ >= LIMIT_ORIGIN_STEPS)
		return NULL;
	return query_of(origin, linitial(items), names, &called);
}

/* NULL where it is none. `names` are what its first columns are called from outside. */
static const SelectStmt *query_of(const struct origin *origin, const Node *item, const List **names, const char **called)
{
	const Alias *alias = NULL;
	const SelectStmt *query = NULL;

	*names = NIL;
	*called = NULL;
	if (IsA(item, RangeSubselect)) {
		alias = ((const RangeSubselect *)item)->alias;
		query = (const SelectStmt *)((const RangeSubselect *)item)->subquery;
	} else if (IsA(item, RangeVar)) {
		const RangeVar *named = (const RangeVar *)item;
		const CommonTableExpr *cte = named->schemaname == NULL ? cte_named(origin, named->relname) : NULL;
		if (cte == NULL)
			return NULL;
		alias = named->alias;
		*called = named->relname;
		*names = cte->aliascolnames;
		query = (const SelectStmt *)cte->ctequery;
	}
	if (alias != NULL) {
		*called = alias->aliasname;
		*names = alias->colnames != NIL ? alias->colnames : *names;
	}
	return query != NULL && IsA(query, SelectStmt) ? query : NULL;
}

/* `names` are what its first columns are called. */
static void in_query(const struct origin *origin, const SelectStmt *query, const List *names,
                     const struct wanted *wanted, int depth)
{
	struct wanted here = *wanted;
	ListCell *cell;

	if (depth > LIMIT_WALK_DEPTH || (*origin->steps)++ >= LIMIT_ORIGIN_STEPS)
		return;
	if (wanted->name != NULL) {
		here.place = place_among(names, wanted->name);
		if (here.place < 0)
			here.place = place_of(query, wanted->name);
		here.name = here.alias = NULL;
	}
	if (here.place < 0)
		return;
	if (query->op != SETOP_NONE) {
		in_query(origin, query->larg, NIL, &here, depth + 1);
		in_query(origin, query->rarg, NIL, &here, depth + 1);
		return;
	}
	const struct origin inner = {
	    .gather = origin->gather,
	    .from = query->fromClause,
	    .with = query->withClause != NULL ? query->withClause : origin->with,
	    .steps = origin->steps,
	};
	foreach (cell, query->valuesLists) {
		const List *row = lfirst(cell);
		if (here.place < list_length(row))
			here.found(here.context, &inner, list_nth(row, here.place));
	}
	if (list_length(query->targetList) == 1 && is_star(((const ResTarget *)linitial(query->targetList))->val)) {
		in_from(&inner, &here, depth + 1);
		return;
	}
	for (int at = 0; at <= here.place && at < list_length(query->targetList); at++) {
		const Node *value = ((const ResTarget *)list_nth(query->targetList, at))->val;
		if (is_star(value))
			return;
		if (at == here.place)
			here.found(here.context, &inner, value);
	}
}

/* unnest(ARRAY[…]) AS u, which is its column's name as well, or u (name). */
static void in_unnest(const struct origin *origin, const RangeFunction *item, const struct wanted *wanted)
{
	const Alias *alias = item->alias;
	ListCell *cell;

	if (list_length(item->functions) != 1 || alias == NULL)
		return;
	const Node *function = linitial((const List *)linitial(item->functions));
	const char *name = alias->colnames != NIL ? strVal(linitial(alias->colnames)) : alias->aliasname;
	if (!IsA(function, FuncCall) || list_length(((const FuncCall *)function)->args) != 1 ||
	    strcmp(nodes_last_name(((const FuncCall *)function)->funcname), "unnest") != 0 ||
	    (wanted->alias != NULL && strcmp(alias->aliasname, wanted->alias) != 0) ||
	    (wanted->name != NULL && strcmp(name, wanted->name) != 0) || (wanted->name == NULL && wanted->place != 0))
		return;
	const Node *array = linitial(((const FuncCall *)function)->args);
	while (IsA(array, TypeCast))
		array = ((const TypeCast *)array)->arg;
	if (!IsA(array, A_ArrayExpr))
		return;
	foreach (cell, ((const A_ArrayExpr *)array)->elements)
		wanted->found(wanted->context, origin, lfirst(cell));
}

static const CommonTableExpr *cte_named(const struct origin *origin, const char *name)
{
	ListCell *cell;

	if (origin->with != NULL) {
		foreach (cell, origin->with->ctes) {
			if (strcmp(((const CommonTableExpr *)lfirst(cell))->ctename, name) == 0)
				return lfirst(cell);
		}
	}
	for (uint16_t at = origin->gather != NULL ? origin->gather->cte_count : 0; at-- > 0;) {
		if (strcmp(origin->gather->ctes[at].name, name) == 0)
			return origin->gather->ctes[at].node;
	}
	return NULL;
}

static int place_among(const List *names, const char *name)
{
	ListCell *cell;
	int at = 0;

	foreach (cell, names) {
		if (strcmp(strVal(lfirst(cell)), name) == 0)
			return at;
		at++;
	}
	return -1;
}

/* As the query itself calls its columns: column1 … of VALUES. */
static int place_of(const SelectStmt *query, const char *name)
{
	ListCell *cell;
	int at = 0;

	while (query->op != SETOP_NONE)
		query = query->larg;
	if (query->valuesLists != NIL)
		return strncmp(name, "column", strlen("column")) == 0 ? (int)strtol(name + strlen("column"), NULL, 10) - 1
		                                                          : -1;
	foreach (cell, query->targetList) {
		const ResTarget *target = lfirst(cell);
		if (is_star(target->val))
			return -1;
		if (strcmp(nodes_output_name(target), name) == 0)
			return at;
		at++;
	}
	return -1;
}

static bool is_star(const Node *value)
{
	return value != NULL && IsA(value, ColumnRef) && IsA(llast(((const ColumnRef *)value)->fields), A_Star);
}
