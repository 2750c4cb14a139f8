#include "inspect/tree/nodes.h"

#include <string.h>

static void visit_list(const List *list, nodes_visit_fn *visit, void *context);
static void visit_one(const void *node, nodes_visit_fn *visit, void *context);

void nodes_children(const Node *node, nodes_visit_fn *visit, void *context)
{
	switch (nodeTag(node)) {
	case T_List:
		visit_list((const List *)node, visit, context);
		break;
	case T_A_Expr:
		visit_one(((const A_Expr *)node)->lexpr, visit, context);
		visit_one(((const A_Expr *)node)->rexpr, visit, context);
		break;
	case T_BoolExpr:
		visit_list(((const BoolExpr *)node)->args, visit, context);
		break;
	case T_NullTest:
		visit_one(((const NullTest *)node)->arg, visit, context);
		break;
	case T_BooleanTest:
		visit_one(((const BooleanTest *)node)->arg, visit, context);
		break;
	case T_FuncCall: {
		const FuncCall *call = (const FuncCall *)node;
		visit_list(call->args, visit, context);
		visit_list(call->agg_order, visit, context);
		visit_one(call->agg_filter, visit, context);
		visit_one(call->over, visit, context);
		break;
	}
	case T_WindowDef: {
		const WindowDef *window = (const WindowDef *)node;
		visit_list(window->partitionClause, visit, context);
		visit_list(window->orderClause, visit, context);
		visit_one(window->startOffset, visit, context);
		visit_one(window->endOffset, visit, context);
		break;
	}
	case T_TypeCast:
		visit_one(((const TypeCast *)node)->arg, visit, context);
		break;
	case T_CollateClause:
		visit_one(((const CollateClause *)node)->arg, visit, context);
		break;
	case T_CaseExpr:
		visit_one(((const CaseExpr *)node)->arg, visit, context);
		visit_list(((const CaseExpr *)node)->args, visit, context);
		visit_one(((const CaseExpr *)node)->defresult, visit, context);
		break;
	case T_CaseWhen:
		visit_one(((const CaseWhen *)node)->expr, visit, context);
		visit_one(((const CaseWhen *)node)->result, visit, context);
		break;
	case T_CoalesceExpr:
		visit_list(((const CoalesceExpr *)node)->args, visit, context);
		break;
	case T_MinMaxExpr:
		visit_list(((const MinMaxExpr *)node)->args, visit, context);
		break;
	case T_A_ArrayExpr:
		visit_list(((const A_ArrayExpr *)node)->elements, visit, context);
		break;
	case T_RowExpr:
		visit_list(((const RowExpr *)node)->args, visit, context);
		break;
	case T_A_Indirection:
		visit_one(((const A_Indirection *)node)->arg, visit, context);
		visit_list(((const A_Indirection *)node)->indirection, visit, context);
		break;
	case T_A_Indices:
		visit_one(((const A_Indices *)node)->lidx, visit, context);
		visit_one(((const A_Indices *)node)->uidx, visit, context);
		break;
	case T_ResTarget:
		visit_one(((const ResTarget *)node)->val, visit, context);
		visit_list(((const ResTarget *)node)->indirection, visit, context);
		break;
	case T_MultiAssignRef:
		/* Each column of (a, b) = (…) refers to the same source: visited once. */
		if (((const MultiAssignRef *)node)->colno == 1)
			visit_one(((const MultiAssignRef *)node)->source, visit, context);
		break;
	case T_SortBy:
		visit_one(((const SortBy *)node)->node, visit, context);
		break;
	case T_NamedArgExpr:
		visit_one(((const NamedArgExpr *)node)->arg, visit, context);
		break;
	case T_GroupingFunc:
		visit_list(((const GroupingFunc *)node)->args, visit, context);
		break;
	case T_GroupingSet:
		visit_list(((const GroupingSet *)node)->content, visit, context);
		break;
	case T_XmlExpr:
		visit_list(((const XmlExpr *)node)->named_args, visit, context);
		visit_list(((const XmlExpr *)node)->args, visit, context);
		break;
	case T_XmlSerialize:
		visit_one(((const XmlSerialize *)node)->expr, visit, context);
		break;
	case T_SubLink:
		visit_one(((const SubLink *)node)->testexpr, visit, context);
		break;
	default:
		break;
	}
}

const char *nodes_last_name(const List *names)
{
	return names == NIL ? "" : strVal(llast(names));
}

/* As FigureColname (parse_target.c) has it where a name says something. */
const char *nodes_output_name(const ResTarget *target)
{
	const Node *value = target->val;

	if (target->name != NULL)
		return target->name;
	while (value != NULL && IsA(value, TypeCast) && !IsA(((const TypeCast *)value)->arg, A_Const))
		value = ((const TypeCast *)value)->arg;
	if (value != NULL && IsA(value, ColumnRef) && IsA(llast(((const ColumnRef *)value)->fields), String))
		return strVal(llast(((const ColumnRef *)value)->fields));
	if (value != NULL && IsA(value, FuncCall))
		return nodes_last_name(((const FuncCall *)value)->funcname);
	return "?column?";
}

const char *nodes_schema_name(const List *names)
{
	int len = list_length(names);

	return len < 2 ? NULL : strVal(list_nth(names, len - 2));
}

const char *nodes_column_schema(const List *fields)
{
	int len = list_length(fields);

	return len < 3 ? NULL : strVal(list_nth(fields, len - 3));
}

const char *nodes_constant_text(const A_Const *constant, char *number, size_t number_size)
{
	if (constant->isnull)
		return NULL;
	switch (nodeTag(&constant->val)) {
	case T_Integer:
		snprintf(number, number_size, "%d", constant->val.ival.ival);
		return number;
	case T_Float:
		return constant->val.fval.fval;
	case T_String:
		return constant->val.sval.sval;
	case T_BitString:
		return constant->val.bsval.bsval;
	default:
		return NULL;
	}
}

bool nodes_is_null_constant(const Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = ((const TypeCast *)node)->arg;
	return node != NULL && IsA(node, A_Const) && ((const A_Const *)node)->isnull;
}

const char *nodes_string_constant(const Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = ((const TypeCast *)node)->arg;
	if (node == NULL || !IsA(node, A_Const))
		return NULL;

	const A_Const *constant = (const A_Const *)node;
	return !constant->isnull && nodeTag(&constant->val) == T_String ? constant->val.sval.sval : NULL;
}

struct fact_type nodes_type(const TypeName *type, struct arena *arena)
{
	struct fact_type out = {.modifiers = {-1, -1}};

	if (type == NULL || type->names == NIL)
		return out;
	out.schema = arena_text(arena, nodes_schema_name(type->names));
	out.name = arena_text(arena, nodes_last_name(type->names));
	out.array = type->arrayBounds != NIL;

	int at = 0;
	ListCell *cell;
	foreach (cell, type->typmods) {
		const Node *modifier = lfirst(cell);
		if (at == 2)
			break;
		if (IsA(modifier, A_Const) && !((const A_Const *)modifier)->isnull &&
		    nodeTag(&((const A_Const *)modifier)->val) == T_Integer)
			out.modifiers[at] = ((const A_Const *)modifier)->val.ival.ival;
		at++;
	}
	return out;
}

static bool is_builtin(const TypeName *type)
{
	const char *schema = type->names == NIL ? NULL : nodes_schema_name(type->names);

	return type->names != NIL && !type->setof && !type->pct_type &&
	       (schema == NULL || strcmp(schema, "pg_catalog") == 0);
}

bool nodes_type_is_text(const TypeName *type)
{
	if (!is_builtin(type) || type->typmods != NIL)
		return false;

	const char *name = nodes_last_name(type->names);
	return strcmp(name, "text") == 0 || strcmp(name, "varchar") == 0;
}

bool nodes_type_is_number(const TypeName *type)
{
	static const char *const numbers[] = {"int2", "int4", "int8", "numeric", "float4", "float8"};

	if (!is_builtin(type) || type->typmods != NIL || type->arrayBounds != NIL)
		return false;
	for (size_t at = 0; at < ARRAY_LEN(numbers); at++)
		if (strcmp(nodes_last_name(type->names), numbers[at]) == 0)
			return true;
	return false;
}

const char *nodes_function_name(const FuncCall *call)
{
	const char *schema = nodes_schema_name(call->funcname);

	return schema == NULL || strcmp(schema, "pg_catalog") == 0 ? nodes_last_name(call->funcname) : NULL;
}

bool nodes_is_aggregate(const FuncCall *call)
{
	/* The aggregates of PostgreSQL 15 to 17 (manual, 9.21), those for statistics by their prefix. */
	static const char *const names[] = {
	    "count",
	    "sum",
	    "avg",
	    "min",
	    "max",
	    "array_agg",
	    "string_agg",
	    "bool_and",
	    "bool_or",
	    "every",
	    "bit_and",
	    "bit_or",
	    "bit_xor",
	    "json_agg",
	    "jsonb_agg",
	    "range_agg",
	    "xmlagg",
	    "mode",
	    "corr",
	    "any_value",
	    "json_object_agg",
	    "variance",
	    "var_pop",
	    "var_samp",
	    "stddev",
	    "stddev_pop",
	    "stddev_samp",
	    "covar_pop",
	    "covar_samp",
	    "jsonb_object_agg",
	    "json_agg_strict",
	    "jsonb_agg_strict",
	    "json_object_agg_strict",
	    "json_object_agg_unique",
	    "json_object_agg_unique_strict",
	    "jsonb_object_agg_strict",
	    "jsonb_object_agg_unique",
	    "jsonb_object_agg_unique_strict",
	    "percentile_cont",
	    "percentile_disc",
	    "range_intersect_agg",
	};

	if (call->over != NULL)
		return false;
	if (call->agg_star || call->agg_distinct || call->agg_order != NIL || call->agg_filter != NULL ||
	    call->agg_within_group)
		return true;

	const char *name = nodes_function_name(call);
	if (name == NULL)
		return false;
	for (size_t at = 0; at < ARRAY_LEN(names); at++)
		if (strcmp(name, names[at]) == 0)
			return true;
	return strncmp(name, "regr_", 5) == 0;
}

bool nodes_is_temporary(const RangeVar *relation)
{
	/* RELPERSISTENCE_TEMP (catalog/pg_class.h). */
	return relation->relpersistence == 't' ||
	       (relation->schemaname != NULL && strcmp(relation->schemaname, "pg_temp") == 0);
}

bool nodes_option_is_on(const DefElem *option)
{
	const Node *value = option->arg;

	if (value == NULL)
		return true;
	switch (nodeTag(value)) {
	case T_Integer:
		return ((const Integer *)value)->ival != 0;
	case T_Boolean:
		return ((const Boolean *)value)->boolval;
	case T_String:
		return strcasecmp(strVal(value), "true") == 0 || strcasecmp(strVal(value), "on") == 0;
	default:
		return true;
	}
}

static void visit_list(const List *list, nodes_visit_fn *visit, void *context)
{
	ListCell *cell;

	foreach (cell, list)
		visit_one(lfirst(cell), visit, context);
}

static void visit_one(const void *node, nodes_visit_fn *visit, void *context)
{
	if (node != NULL)
		visit(context, node);
}
