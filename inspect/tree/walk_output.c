#include "inspect/tree/walk_output.h"

#include "inspect/tree/clauses.h"

#include <string.h>

enum { OUTPUTS_MAX = 1000 };

/* What an expression has in it, sub-selects apart. */
struct content {
	bool aggregate, window, volatile_call, several_rows, subquery;
	int depth;
};

static enum fact_reach reach_of(const struct gather *gather, const SelectStmt *select, uint16_t level);
static void put_out(struct gather *gather, const SelectStmt *select, uint16_t level);
static bool is_closed(const SelectStmt *select, const ResTarget *target);
static bool is_named(const List *list, const ResTarget *target);
static struct content content_of(const void *expression);
static void look(void *context, const Node *node);

void walk_output(struct gather *gather, const SelectStmt *select, uint16_t level)
{
	struct fact_level *facts = &gather->levels[level];

	if (facts->parent < 0)
		return;
	facts->reach = reach_of(gather, select, level);
	if (select->op == SETOP_NONE)
		put_out(gather, select, level);
}

bool walk_output_is_volatile(const SelectStmt *select)
{
	return content_of(select->targetList).volatile_call || content_of(select->whereClause).volatile_call ||
	       content_of(select->havingClause).volatile_call;
}

/* is_simple_subquery and is_simple_union_all (prepjointree.c), subquery_is_pushdown_safe (allpaths.c). */
static enum fact_reach reach_of_operation(const SelectStmt *select, int depth)
{
	if (select == NULL || select->op == SETOP_NONE)
		return REACH_MERGED;
	if (depth > LIMIT_WALK_DEPTH || select->op == SETOP_EXCEPT)
		return REACH_NONE;

	enum fact_reach left = reach_of_operation(select->larg, depth + 1);
	enum fact_reach right = reach_of_operation(select->rarg, depth + 1);
	enum fact_reach own = select->op == SETOP_UNION && select->all ? REACH_MERGED : REACH_PUSHED;
	enum fact_reach arms = left > right ? left : right;
	return own > arms ? own : arms;
}

static enum fact_reach reach_of(const struct gather *gather, const SelectStmt *select, uint16_t level)
{
	const struct fact_level *facts = &gather->levels[level];
	ListCell *cell;

	/* LIMIT ALL, too. */
	if (select->limitCount != NULL || select->limitOffset != NULL)
		return REACH_NONE;
	foreach (cell, select->groupClause)
		if (IsA(lfirst(cell), GroupingSet))
			return REACH_NONE;

	struct content content = content_of(select->targetList);
	bool simple = select->sortClause == NIL && select->groupClause == NIL && select->havingClause == NULL &&
	              select->distinctClause == NIL && select->lockingClause == NIL && select->withClause == NULL &&
	              select->valuesLists == NIL && !facts->has_aggregate && !content.window &&
	              !content.volatile_call && !content.several_rows;
	enum fact_reach own = simple ? REACH_MERGED : REACH_PUSHED, operation = reach_of_operation(select, 0);
	return own > operation ? own : operation;
}

static void put_out(struct gather *gather, const SelectStmt *select, uint16_t level)
{
	const struct clauses_scope scope = {
	    .gather = gather, .level = level, .literals = gather->literals, .arena = gather->arena};
	const int count = list_length(select->targetList);
	ListCell *cell;

	if (count == 0 || count > OUTPUTS_MAX)
		return;

	struct fact_output *outputs = arena_alloc(gather->arena, (size_t)count * sizeof(*outputs));
	uint16_t at = 0;
	foreach (cell, select->targetList) {
		const ResTarget *target = lfirst(cell);
		const Node *value = target->val;
		struct fact_output *output = &outputs[at++];
		if (value == NULL)
			return;
		output->relation = -1;
		output->closed = is_closed(select, target);
		if (!IsA(value, ColumnRef) || !IsA(llast(((const ColumnRef *)value)->fields), A_Star)) {
			output->name = arena_text(gather->arena, nodes_output_name(target));
			output->clause = clauses_of(&scope, value);
			continue;
		}
		const List *fields = ((const ColumnRef *)value)->fields;
		if (nodes_schema_name(fields) == NULL)
			continue;
		output->relation = gather_resolve(gather, nodes_column_schema(fields), nodes_schema_name(fields), level);
		if (output->relation < 0)
			return;
	}
	gather->levels[level].outputs = outputs;
	gather->levels[level].output_count = at;
}

/* Of a query with DISTINCT ON or a window a condition is pushed down only when it leaves out whole groups
 * (check_output_expressions). */
static bool is_closed(const SelectStmt *select, const ResTarget *target)
{
	struct content content = content_of(target->val);
	ListCell *cell;

	if (content.aggregate || content.window || content.volatile_call || content.several_rows || content.subquery)
		return true;
	if (select->distinctClause != NIL && linitial(select->distinctClause) != NULL &&
	    !is_named(select->distinctClause, target))
		return true;
	foreach (cell, select->targetList) {
		const FuncCall *call = (const FuncCall *)((const ResTarget *)lfirst(cell))->val;
		if (!content_of(call).window)
			continue;
		/* A window function inside an expression, or a window by name, is not looked into. */
		if (!IsA(call, FuncCall) || call->over == NULL || call->over->name != NULL ||
		    call->over->refname != NULL || !is_named(call->over->partitionClause, target))
			return true;
	}
	return false;
}

static bool is_named(const List *list, const ResTarget *target)
{
	ListCell *cell;

	if (!IsA(target->val, ColumnRef) || !IsA(llast(((const ColumnRef *)target->val)->fields), String))
		return false;
	const char *name = strVal(llast(((const ColumnRef *)target->val)->fields));
	foreach (cell, list) {
		const ColumnRef *column = lfirst(cell);
		if (IsA(column, ColumnRef) && IsA(llast(column->fields), String) &&
		    strcmp(strVal(llast(column->fields)), name) == 0)
			return true;
	}
	return false;
}

static struct content content_of(const void *expression)
{
	struct content content = {0};

	if (expression != NULL)
		look(&content, expression);
	return content;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t at = 0; name != NULL && at < count; at++)
		if (strcmp(name, names[at]) == 0)
			return true;
	return false;
}

static void look(void *context, const Node *node)
{
	static const char *const volatile_calls[] = {
	    "random",  "nextval", "setval",   "currval",  "lastval",          "clock_timestamp",  "timeofday",
	    "setseed", "pg_sleep", "txid_current", "gen_random_uuid", "uuid_generate_v4", "uuid_generate_v1",
	};
	static const char *const several_rows[] = {
	    "unnest",
	    "generate_series",
	    "generate_subscripts",
	    "regexp_matches",
	    "regexp_split_to_table",
	    "string_to_table",
	    "json_array_elements",
	    "jsonb_array_elements",
	    "json_array_elements_text",
	    "jsonb_array_elements_text",
	    "json_object_keys",
	    "jsonb_object_keys",
	    "json_each",
	    "jsonb_each",
	    "jsonb_path_query",
	};
	struct content *content = context;

	if (content->depth > LIMIT_WALK_DEPTH)
		return;
	if (IsA(node, SubLink)) {
		content->subquery = true;
	} else if (IsA(node, FuncCall)) {
		const FuncCall *call = (const FuncCall *)node;
		const char *name = nodes_last_name(call->funcname);
		content->window |= call->over != NULL;
		content->aggregate |= call->over == NULL && nodes_is_aggregate(call);
		content->volatile_call |= is_one_of(name, volatile_calls, ARRAY_LEN(volatile_calls));
		content->several_rows |= is_one_of(name, several_rows, ARRAY_LEN(several_rows));
	}
	content->depth++;
	nodes_children(node, look, content);
	content->depth--;
}
