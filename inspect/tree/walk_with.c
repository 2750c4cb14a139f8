#include "inspect/tree/walk_with.h"

#include "inspect/tree/walk_ddl.h"
#include "inspect/tree/walk_output.h"

#include <string.h>

static bool is_read_in_place(struct gather *gather, const CommonTableExpr *cte);
static const char *const *names_of(struct gather *gather, const List *names);

void walk_with(struct gather *gather, const WithClause *with, uint16_t level, int depth)
{
	ListCell *cell;
	uint16_t first = gather->cte_count;

	if (with == NULL)
		return;
	if (with->recursive)
		foreach (cell, with->ctes)
			gather_cte_push(gather, ((const CommonTableExpr *)lfirst(cell))->ctename, lfirst(cell));
	for (uint16_t at = first; at < gather->cte_count; at++)
		gather->ctes[at].visible = gather->cte_count;
	foreach (cell, with->ctes) {
		const CommonTableExpr *cte = lfirst(cell);
		struct gather_with *use = gather_with(gather, cte);
		if (!is_read_in_place(gather, cte)) {
			if (use != NULL)
				use->open = true;
			walk_query(gather, cte->ctequery, (int16_t)level, depth + 1);
			if (use != NULL)
				use->open = false;
		}
		if (!with->recursive)
			gather_cte_push(gather, cte->ctename, cte);
	}
}

void walk_with_query(struct gather *gather, const Node *query, struct fact_relation *as, const List *columns,
                     int depth)
{
	const uint16_t inner = gather->facts->level_count;

	walk_query(gather, query, (int16_t)as->level, depth + 1);
	as->is_cte = true;
	as->query = gather->facts->level_count > inner ? inner : 0;
	if (columns != NIL) {
		as->columns = names_of(gather, columns);
		as->column_count = (uint16_t)list_length(columns);
	}
	const char *visible = as->alias != NULL ? as->alias : as->name[0] != '\0' ? as->name : NULL;
	gather_range(gather, visible, gather_relation(gather, as), as->level, true);
}

bool walk_with_in_place(struct gather *gather, const RangeVar *relation, uint16_t level, int depth)
{
	const struct gather_cte *found = relation->schemaname == NULL ? gather_cte(gather, relation->relname) : NULL;
	const CommonTableExpr *cte = found != NULL ? found->node : NULL;

	if (cte == NULL || !is_read_in_place(gather, cte))
		return false;

	struct fact_relation as = {
	    .name = relation->relname,
	    .alias = relation->alias != NULL ? relation->alias->aliasname : NULL,
	    .level = level,
	};
	const List *columns = relation->alias != NULL && relation->alias->colnames != NIL ? relation->alias->colnames
	                                                                                   : cte->aliascolnames;
	/* It sees what was to be seen where it stands; what its own WITH puts over the stack is put back. */
	struct gather_cte stack[ARRAY_LEN(gather->ctes)];
	const uint16_t count = gather->cte_count, visible = found->visible;
	memcpy(stack, gather->ctes, sizeof(stack));
	gather->cte_count = visible;
	walk_with_query(gather, cte->ctequery, &as, columns, depth);
	memcpy(gather->ctes, stack, sizeof(stack));
	gather->cte_count = count;
	return true;
}

void walk_with_named(struct gather *gather, const struct gather_cte *cte)
{
	struct gather_with *use = gather_with(gather, cte->node);

	if (use == NULL || gather->counted)
		return;
	use->count++;
	use->recursive |= use->open;
}

/* As SS_process_ctes (subselect.c) has it; of functions those count that everybody knows to be volatile. */
static bool is_read_in_place(struct gather *gather, const CommonTableExpr *cte)
{
	const struct gather_with *use = gather_with(gather, cte);
	const SelectStmt *select = (const SelectStmt *)cte->ctequery;

	return gather->counted && use != NULL && use->count > 0 && !use->recursive && IsA(select, SelectStmt) &&
	       select->lockingClause == NIL && !walk_output_is_volatile(select) &&
	       (cte->ctematerialized == CTEMaterializeNever ||
	        (cte->ctematerialized == CTEMaterializeDefault && use->count == 1));
}

static const char *const *names_of(struct gather *gather, const List *names)
{
	const char **copy = arena_alloc(gather->arena, ((size_t)list_length(names) + 1) * sizeof(*copy));
	ListCell *cell;
	int at = 0;

	foreach (cell, names)
		copy[at++] = arena_text(gather->arena, strVal(lfirst(cell)));
	return copy;
}
