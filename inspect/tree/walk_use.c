#include "inspect/tree/walk_use.h"

static const char *name_of(const Node *node);

void walk_use_reference(struct gather *gather, const ColumnRef *reference, uint16_t level)
{
	int count = list_length(reference->fields);
	const Node *last = llast(reference->fields);
	const char *qualifier = count > 1 ? name_of(list_nth(reference->fields, count - 2)) : NULL;
	const char *column = IsA(last, A_Star) ? NULL : name_of(last);

	if (column == NULL && !IsA(last, A_Star))
		return;
	if (qualifier != NULL) {
		int16_t relation =
		    gather_resolve(gather, nodes_column_schema(reference->fields), qualifier, level);
		if (relation >= 0)
			gather_use(gather, relation, level, column);
		return;
	}
	/* A table's name alone is its whole row. */
	int16_t whole = column != NULL ? gather_resolve(gather, NULL, column, level) : -1;
	if (whole >= 0)
		gather_use(gather, whole, level, NULL);
	gather_use(gather, gather_resolve(gather, NULL, NULL, level), level, column);
}

void walk_use_columns(struct gather *gather, int16_t relation, uint16_t level, const List *names)
{
	ListCell *cell;

	if (relation < 0)
		return;
	if (names == NIL)
		gather_use(gather, relation, level, NULL);
	foreach (cell, names) {
		const char *name = name_of(lfirst(cell));
		if (name != NULL)
			gather_use(gather, relation, level, name);
	}
}

void walk_use_conflict(struct gather *gather, int16_t target, uint16_t level, const OnConflictClause *conflict)
{
	if (conflict->targetList != NIL)
		walk_use_columns(gather, target, level, conflict->targetList);
	if (conflict->infer != NULL && conflict->infer->indexElems != NIL)
		walk_use_columns(gather, target, level, conflict->infer->indexElems);
}

void walk_use_joined(struct gather *gather, uint16_t level, const List *names)
{
	ListCell *cell;

	foreach (cell, names)
		gather_use(gather, -1, level, strVal(lfirst(cell)));
}

/* NULL for an expression of an index. */
static const char *name_of(const Node *node)
{
	switch (nodeTag(node)) {
	case T_String:
		return strVal(node);
	case T_ResTarget:
		return ((const ResTarget *)node)->name;
	case T_IndexElem:
		return ((const IndexElem *)node)->name;
	default:
		return NULL;
	}
}
