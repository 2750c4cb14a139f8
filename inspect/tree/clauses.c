#include "inspect/tree/clauses.h"

#include "inspect/tree/expression.h"
#include "inspect/tree/operand.h"

#include <nodes/primnodes.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 200 };

struct maker {
	const struct clauses_scope *scope;
	int depth;
};

/* The columns that stand in something that is not followed. */
struct collector {
	const struct clauses_scope *scope;
	const struct clause *found[ITEMS_MAX];
	uint16_t count;
	int depth;
	bool inner; /* within a sub-select: only qualified names that its FROM doesn't define count */
};

static const struct clause *make(struct maker *maker, const Node *node);
static const struct clause *make_node(struct maker *maker, const Node *node);
static struct clause *new_clause(struct maker *maker, enum clause_kind kind);
static void set_items(struct maker *maker, struct clause *clause, const struct clause *const *items, uint16_t count);
static struct clause *with_list(struct maker *maker, enum clause_kind kind, const Node *first, const List *list);
static const struct clause *make_column(struct maker *maker, const ColumnRef *column);
static const struct clause *make_constant(struct maker *maker, const A_Const *constant);
static const struct clause *make_cast(struct maker *maker, const TypeCast *cast);
static const struct clause *make_call(struct maker *maker, const FuncCall *call);
static const struct clause *make_operator(struct maker *maker, const A_Expr *expr);
static const struct clause *make_between(struct maker *maker, const A_Expr *expr);
static const struct clause *make_binary(struct maker *maker, const char *name, const Node *left, const Node *right);
static const struct clause *make_subscript(struct maker *maker, const A_Indirection *node);
static const struct clause *make_case(struct maker *maker, const CaseExpr *expr);
static const struct clause *make_sublink(struct maker *maker, const SubLink *link);
static const struct clause *make_keyword(struct maker *maker, const SQLValueFunction *function);
static const struct clause *make_opaque(struct maker *maker, const Node *node);
static const struct clause_pattern *pattern_of(struct maker *maker, const char *name, enum A_Expr_Kind kind,
                                               const Node *right);
static void collect(void *context, const Node *node);
static void collect_select(struct collector *collector, const SelectStmt *select);

const struct clause *clauses_of(const struct clauses_scope *scope, const Node *node)
{
	struct maker maker = {.scope = scope};
	return node == NULL ? NULL : make(&maker, node);
}

const struct clause *clauses_using(const struct clauses_scope *scope, const char *name, int16_t left, int16_t right,
                                   int16_t end)
{
	struct maker maker = {.scope = scope};
	struct clause *sides[2];
	for (int at = 0; at < 2; at++) {
		sides[at] = new_clause(&maker, CLAUSE_COLUMN);
		sides[at]->name = arena_text(scope->arena, name);
		sides[at]->relation = -1;
		sides[at]->level = scope->level;
		sides[at]->from = at == 0 ? left : right;
		sides[at]->to = at == 0 ? right : end;
	}
	struct clause *equal = new_clause(&maker, name != NULL ? CLAUSE_OPERATOR : CLAUSE_NATURAL);
	equal->name = "=";
	const struct clause *items[] = {sides[0], sides[1]};
	set_items(&maker, equal, items, 2);
	return equal;
}

static const struct clause *make(struct maker *maker, const Node *node)
{
	if (node == NULL)
		return NULL;
	if (maker->depth > LIMIT_WALK_DEPTH)
		return new_clause(maker, CLAUSE_OPAQUE);
	maker->depth++;
	const struct clause *clause = make_node(maker, node);
	maker->depth--;
	return clause;
}

static const struct clause *make_node(struct maker *maker, const Node *node)
{
	struct clause *clause;
	switch (nodeTag(node)) {
	case T_ColumnRef:
		return make_column(maker, (const ColumnRef *)node);
	case T_A_Const:
		return make_constant(maker, (const A_Const *)node);
	case T_ParamRef:
		clause = new_clause(maker, CLAUSE_PARAMETER);
		clause->number = (uint16_t)((const ParamRef *)node)->number;
		return clause;
	case T_TypeCast:
		return make_cast(maker, (const TypeCast *)node);
	case T_CollateClause:
		clause = with_list(maker, CLAUSE_COLLATE, ((const CollateClause *)node)->arg, NIL);
		clause->name =
		    arena_text(maker->scope->arena, nodes_last_name(((const CollateClause *)node)->collname));
		return clause;
	case T_FuncCall:
		return make_call(maker, (const FuncCall *)node);
	case T_A_Expr:
		return make_operator(maker, (const A_Expr *)node);
	case T_BoolExpr: {
		static const enum clause_kind kinds[] = {
		    [AND_EXPR] = CLAUSE_AND, [OR_EXPR] = CLAUSE_OR, [NOT_EXPR] = CLAUSE_NOT};
		const BoolExpr *junction = (const BoolExpr *)node;
		return with_list(maker, kinds[junction->boolop], NULL, junction->args);
	}
	case T_NullTest:
		clause = with_list(maker, CLAUSE_NULL_TEST, (const Node *)((const NullTest *)node)->arg, NIL);
		clause->flag = ((const NullTest *)node)->nulltesttype == IS_NOT_NULL;
		return clause;
	case T_BooleanTest: {
		static const enum clause_test tests[] = {
		    [IS_TRUE] = TEST_TRUE,           [IS_NOT_TRUE] = TEST_NOT_TRUE, [IS_FALSE] = TEST_FALSE,
		    [IS_NOT_FALSE] = TEST_NOT_FALSE, [IS_UNKNOWN] = TEST_UNKNOWN,   [IS_NOT_UNKNOWN] = TEST_NOT_UNKNOWN,
		};
		const BooleanTest *test = (const BooleanTest *)node;
		clause = with_list(maker, CLAUSE_BOOLEAN_TEST, (const Node *)test->arg, NIL);
		clause->variant = tests[test->booltesttype];
		return clause;
	}
	case T_CoalesceExpr:
		return with_list(maker, CLAUSE_COALESCE, NULL, ((const CoalesceExpr *)node)->args);
	case T_MinMaxExpr:
		clause = with_list(maker, CLAUSE_EXTREME, NULL, ((const MinMaxExpr *)node)->args);
		clause->flag = ((const MinMaxExpr *)node)->op == IS_LEAST;
		return clause;
	case T_A_ArrayExpr:
		return with_list(maker, CLAUSE_ARRAY, NULL, ((const A_ArrayExpr *)node)->elements);
	case T_RowExpr:
		return with_list(maker, CLAUSE_ROW, NULL, ((const RowExpr *)node)->args);
	case T_A_Indirection:
		return make_subscript(maker, (const A_Indirection *)node);
	case T_CaseExpr:
		return make_case(maker, (const CaseExpr *)node);
	case T_SubLink:
		return make_sublink(maker, (const SubLink *)node);
	case T_SQLValueFunction:
		return make_keyword(maker, (const SQLValueFunction *)node);
	default:
		return make_opaque(maker, node);
	}
}

static struct clause *new_clause(struct maker *maker, enum clause_kind kind)
{
	struct clause *clause = arena_alloc(maker->scope->arena, sizeof(*clause));
	clause->kind = kind;
	clause->from = clause->to = -1;
	return clause;
}

static void set_items(struct maker *maker, struct clause *clause, const struct clause *const *items, uint16_t count)
{
	const struct clause **copy = arena_alloc(maker->scope->arena, count * sizeof(*copy));
	memcpy(copy, items, count * sizeof(*copy));
	clause->items = copy;
	clause->count = count;
}

static struct clause *with_list(struct maker *maker, enum clause_kind kind, const Node *first, const List *list)
{
	struct clause *clause = new_clause(maker, kind);
	int count = list_length(list) + (first != NULL);
	if (count > ITEMS_MAX)
		count = ITEMS_MAX;
	const struct clause **items = arena_alloc(maker->scope->arena, (size_t)(count + 1) * sizeof(*items));
	int at = 0;
	if (first != NULL)
		items[at++] = make(maker, first);
	ListCell *cell;
	foreach (cell, list)
		if (at < count)
			items[at++] = make(maker, lfirst(cell));
	clause->items = items;
	clause->count = (uint16_t)count;
	return clause;
}

static const struct clause *make_column(struct maker *maker, const ColumnRef *column)
{
	const Node *last = llast(column->fields);
	if (!IsA(last, String))
		return new_clause(maker, CLAUSE_OPAQUE);
	struct clause *clause = new_clause(maker, CLAUSE_COLUMN);
	clause->name = arena_text(maker->scope->arena, strVal(last));
	clause->schema = arena_text(maker->scope->arena, nodes_schema_name(column->fields));
	clause->level = maker->scope->level;
	clause->relation = -1;
	if (maker->scope->gather != NULL)
		clause->relation = gather_resolve(maker->scope->gather, nodes_column_schema(column->fields),
		                                  clause->schema, clause->level);
	return clause;
}

static const struct clause *make_constant(struct maker *maker, const A_Const *constant)
{
	struct clause *clause = new_clause(maker, CLAUSE_CONSTANT);
	char number[32];
	const char *text = nodes_constant_text(constant, number, sizeof(number));
	if (constant->isnull) {
		clause->variant = LITERAL_NULL;
		return clause;
	}
	switch (nodeTag(&constant->val)) {
	case T_Boolean:
		clause->variant = LITERAL_BOOLEAN;
		clause->text = constant->val.boolval.boolval ? "t" : "f";
		return clause;
	case T_Integer:
		clause->variant = LITERAL_INTEGER;
		break;
	case T_Float:
		/* Whole numbers past int4 come as floats, too (make_const, parse_node.c). */
		clause->variant = LITERAL_DECIMAL;
		if (text != NULL && strspn(text, "0123456789") == strlen(text)) {
			errno = 0;
			if (strtoll(text, NULL, 10) > 0 && errno == 0) {
				clause->variant = LITERAL_INTEGER;
				clause->number = 8;
			}
		}
		break;
	case T_BitString:
		clause->variant = LITERAL_BITS;
		break;
	default:
		clause->variant = LITERAL_STRING;
		break;
	}
	if (maker->scope->literals)
		clause->text = arena_text(maker->scope->arena, text);
	return clause;
}

static const struct clause *make_cast(struct maker *maker, const TypeCast *cast)
{
	struct clause *clause = with_list(maker, CLAUSE_CAST, cast->arg, NIL);
	struct fact_type *type = arena_alloc(maker->scope->arena, sizeof(*type));
	*type = nodes_type(cast->typeName, maker->scope->arena);
	clause->type = type;
	clause->schema = type->schema;
	clause->name = type->name;
	return clause;
}

/* The literals of a structural place (expression.h) are in the statement's key and may be seen. */
static const struct clause *make_structural(struct maker *maker, const Node *node)
{
	struct clauses_scope open = *maker->scope;
	struct maker inner = {.scope = &open, .depth = maker->depth};
	open.literals = true;
	return make(&inner, node);
}

static const List *spread_arguments(struct maker *maker, const List *arguments, List *to)
{
	const List *last = ((const A_ArrayExpr *)llast(arguments))->elements;
	const int plain = list_length(arguments) - 1, count = plain + list_length(last);
	to->elements = arena_alloc(maker->scope->arena, ((size_t)count + 1) * sizeof(*to->elements));
	to->length = to->max_length = count;
	for (int at = 0; at < count; at++)
		to->elements[at].ptr_value = list_nth(at < plain ? arguments : last, at < plain ? at : at - plain);
	return to;
}

static const struct clause *make_call(struct maker *maker, const FuncCall *call)
{
	if (call->agg_star || call->agg_order != NIL || call->agg_filter != NULL || call->over != NULL ||
	    (call->func_variadic && !IsA(llast(call->args), A_ArrayExpr)) || call->agg_distinct || call->agg_within_group) {
		struct clause *opaque = (struct clause *)make_opaque(maker, (const Node *)call);
		if (call->args == NIL)
			opaque->name = arena_text(maker->scope->arena, nodes_last_name(call->funcname));
		return opaque;
	}
	/* f(a, VARIADIC ARRAY[b, c]), as the server writes f(a, b, c). */
	List spread = {.type = T_List};
	const List *arguments = call->args;
	if (call->func_variadic)
		arguments = spread_arguments(maker, call->args, &spread);
	struct clause *clause = with_list(maker, CLAUSE_CALL, NULL, arguments);
	clause->name = arena_text(maker->scope->arena, nodes_last_name(call->funcname));
	clause->schema = arena_text(maker->scope->arena, nodes_schema_name(call->funcname));
	if (!maker->scope->literals && clause->count > 1 && expression_structural_function(clause->name)) {
		const struct clause **items = (const struct clause **)clause->items;
		items[0] = make_structural(maker, linitial(call->args));
	}
	return clause;
}

static bool is_json_path(const char *name)
{
	return strcmp(name, "->") == 0 || strcmp(name, "->>") == 0 || strcmp(name, "#>") == 0 ||
	       strcmp(name, "#>>") == 0;
}

static const struct clause *make_operator(struct maker *maker, const A_Expr *expr)
{
	struct clause *clause;
	const char *name = nodes_last_name(expr->name);
	switch (expr->kind) {
	case AEXPR_OP:
	case AEXPR_LIKE:
	case AEXPR_ILIKE:
	case AEXPR_SIMILAR:
		break;
	case AEXPR_OP_ANY:
	case AEXPR_OP_ALL:
		clause = with_list(maker, CLAUSE_ARRAY_OPERATOR, expr->lexpr, NIL);
		const struct clause *sides[] = {clause->items[0], make(maker, expr->rexpr)};
		set_items(maker, clause, sides, 2);
		clause->name = arena_text(maker->scope->arena, name);
		clause->flag = expr->kind == AEXPR_OP_ALL;
		clause->pattern = pattern_of(maker, name, expr->kind, expr->rexpr);
		return clause;
	case AEXPR_DISTINCT:
	case AEXPR_NOT_DISTINCT:
	case AEXPR_NULLIF: {
		const struct clause *both[] = {make(maker, expr->lexpr), make(maker, expr->rexpr)};
		clause = new_clause(maker, expr->kind == AEXPR_NULLIF ? CLAUSE_NULLIF : CLAUSE_DISTINCT);
		clause->flag = expr->kind == AEXPR_NOT_DISTINCT;
		set_items(maker, clause, both, 2);
		return clause;
	}
	case AEXPR_IN:
		if (!IsA(expr->rexpr, List))
			return make_opaque(maker, (const Node *)expr);
		clause = with_list(maker, CLAUSE_IN, expr->lexpr, (const List *)expr->rexpr);
		clause->flag = strcmp(name, "<>") == 0;
		return clause;
	case AEXPR_BETWEEN:
	case AEXPR_NOT_BETWEEN:
	case AEXPR_BETWEEN_SYM:
	case AEXPR_NOT_BETWEEN_SYM:
		return make_between(maker, expr);
	default:
		return make_opaque(maker, (const Node *)expr);
	}
	if (expr->lexpr == NULL) {
		/* doNegate (gram.y) has made a negative number of a constant already, but not of every one. */
		clause = with_list(maker, CLAUSE_OPERATOR, expr->rexpr, NIL);
		clause->name = arena_text(maker->scope->arena, name);
		return clause;
	}
	clause = with_list(maker, CLAUSE_OPERATOR, expr->lexpr, NIL);
	const struct clause *both[] = {
	    clause->items[0],
	    is_json_path(name) ? make_structural(maker, expr->rexpr) : make(maker, expr->rexpr),
	};
	set_items(maker, clause, both, 2);
	clause->name = arena_text(maker->scope->arena, name);
	clause->pattern = pattern_of(maker, name, expr->kind, expr->rexpr);
	return clause;
}

static const struct clause *make_binary(struct maker *maker, const char *name, const Node *left, const Node *right)
{
	struct clause *clause = new_clause(maker, CLAUSE_OPERATOR);
	const struct clause *both[] = {make(maker, left), make(maker, right)};
	set_items(maker, clause, both, 2);
	clause->name = name;
	return clause;
}

/* transformAExprBetween (parse_expr.c). */
static const struct clause *make_between(struct maker *maker, const A_Expr *expr)
{
	const List *bounds = (const List *)expr->rexpr;
	if (!IsA(bounds, List) || list_length(bounds) != 2)
		return make_opaque(maker, (const Node *)expr);
	bool negated = expr->kind == AEXPR_NOT_BETWEEN || expr->kind == AEXPR_NOT_BETWEEN_SYM;
	bool symmetric = expr->kind == AEXPR_BETWEEN_SYM || expr->kind == AEXPR_NOT_BETWEEN_SYM;
	const struct clause *halves[2];
	for (int at = 0; at < (symmetric ? 2 : 1); at++) {
		const Node *low = list_nth(bounds, at), *high = list_nth(bounds, 1 - at);
		const struct clause *both[] = {make_binary(maker, negated ? "<" : ">=", expr->lexpr, low),
		                               make_binary(maker, negated ? ">" : "<=", expr->lexpr, high)};
		struct clause *half = new_clause(maker, negated ? CLAUSE_OR : CLAUSE_AND);
		set_items(maker, half, both, 2);
		halves[at] = half;
	}
	if (!symmetric)
		return halves[0];
	struct clause *whole = new_clause(maker, negated ? CLAUSE_AND : CLAUSE_OR);
	set_items(maker, whole, halves, 2);
	return whole;
}

static const struct clause *make_subscript(struct maker *maker, const A_Indirection *node)
{
	const struct clause *items[8];
	uint16_t count = 0;
	bool slice = false;
	items[count++] = make(maker, node->arg);
	ListCell *cell;
	foreach (cell, node->indirection) {
		const A_Indices *indices = lfirst(cell);
		if (!IsA(indices, A_Indices) || count + 2 > (int)ARRAY_LEN(items))
			return make_opaque(maker, (const Node *)node);
		slice = slice || indices->is_slice;
		if (indices->lidx != NULL)
			items[count++] = make_structural(maker, indices->lidx);
		if (indices->uidx != NULL)
			items[count++] = make_structural(maker, indices->uidx);
	}
	struct clause *clause = new_clause(maker, CLAUSE_SUBSCRIPT);
	clause->flag = slice;
	set_items(maker, clause, items, count);
	return clause;
}

static const struct clause *make_case(struct maker *maker, const CaseExpr *expr)
{
	const struct clause *items[ITEMS_MAX];
	uint16_t count = 0;
	items[count++] = make(maker, (const Node *)expr->arg);
	ListCell *cell;
	foreach (cell, expr->args) {
		const CaseWhen *when = lfirst(cell);
		if (count + 3 > ITEMS_MAX)
			return make_opaque(maker, (const Node *)expr);
		items[count++] = make(maker, (const Node *)when->expr);
		items[count++] = make(maker, (const Node *)when->result);
	}
	items[count++] = make(maker, (const Node *)expr->defresult);
	struct clause *clause = new_clause(maker, CLAUSE_CASE);
	set_items(maker, clause, items, count);
	return clause;
}

static const struct clause *make_sublink(struct maker *maker, const SubLink *link)
{
	struct collector collector = {.scope = maker->scope, .inner = true};
	struct clause *clause = new_clause(maker, CLAUSE_SUBLINK);
	bool equal = link->operName == NIL || strcmp(nodes_last_name(link->operName), "=") == 0;
	collector.found[collector.count++] = make(maker, link->testexpr);
	if (link->subselect != NULL && IsA(link->subselect, SelectStmt))
		collect_select(&collector, (const SelectStmt *)link->subselect);
	set_items(maker, clause, collector.found, collector.count);
	if (maker->scope->gather != NULL && link->subselect != NULL)
		gather_link(maker->scope->gather, link->subselect, &clause->query);
	clause->variant = link->subLinkType == EXISTS_SUBLINK         ? SUBLINK_EXISTS
	                  : link->subLinkType == ANY_SUBLINK && equal ? SUBLINK_ANY
	                  : link->subLinkType == EXPR_SUBLINK         ? SUBLINK_VALUE
	                                                              : SUBLINK_OTHER;
	return clause;
}

static const struct clause *make_keyword(struct maker *maker, const SQLValueFunction *function)
{
	static const char *const types[] = {
	    [SVFOP_CURRENT_DATE] = "date",
	    [SVFOP_CURRENT_TIME] = "timetz",
	    [SVFOP_CURRENT_TIME_N] = "timetz",
	    [SVFOP_CURRENT_TIMESTAMP] = "timestamptz",
	    [SVFOP_CURRENT_TIMESTAMP_N] = "timestamptz",
	    [SVFOP_LOCALTIME] = "time",
	    [SVFOP_LOCALTIME_N] = "time",
	    [SVFOP_LOCALTIMESTAMP] = "timestamp",
	    [SVFOP_LOCALTIMESTAMP_N] = "timestamp",
	    [SVFOP_CURRENT_ROLE] = "name",
	    [SVFOP_CURRENT_USER] = "name",
	    [SVFOP_USER] = "name",
	    [SVFOP_SESSION_USER] = "name",
	    [SVFOP_CURRENT_CATALOG] = "name",
	    [SVFOP_CURRENT_SCHEMA] = "name",
	};
	struct clause *clause = new_clause(maker, CLAUSE_KEYWORD);
	clause->variant = (uint8_t)function->op;
	clause->name = types[function->op];
	return clause;
}

static const struct clause *make_opaque(struct maker *maker, const Node *node)
{
	struct collector collector = {.scope = maker->scope};
	struct clause *clause = new_clause(maker, CLAUSE_OPAQUE);
	nodes_children(node, collect, &collector);
	set_items(maker, clause, collector.found, collector.count);
	return clause;
}

static void collect(void *context, const Node *node)
{
	struct collector *collector = context;
	if (collector->depth > LIMIT_WALK_DEPTH || collector->count == ITEMS_MAX)
		return;
	if (IsA(node, ColumnRef)) {
		struct maker maker = {.scope = collector->scope};
		const struct clause *column = make_column(&maker, (const ColumnRef *)node);
		bool counts = !collector->inner || (column->schema != NULL && column->relation >= 0);
		if (counts)
			collector->found[collector->count++] = column;
		return;
	}
	collector->depth++;
	if (IsA(node, SubLink) && IsA(((const SubLink *)node)->subselect, SelectStmt))
		collect_select(collector, (const SelectStmt *)((const SubLink *)node)->subselect);
	nodes_children(node, collect, collector);
	collector->depth--;
}

/* Whether a name is one of the sub-select's own: its references are none to our level. */
static bool defines(const Node *item, const char *name, int depth)
{
	const Alias *alias = NULL;
	if (item == NULL || depth > LIMIT_WALK_DEPTH)
		return false;
	if (IsA(item, JoinExpr))
		return defines(((const JoinExpr *)item)->larg, name, depth + 1) ||
		       defines(((const JoinExpr *)item)->rarg, name, depth + 1);
	if (IsA(item, RangeVar)) {
		const RangeVar *relation = (const RangeVar *)item;
		return strcmp(relation->alias != NULL ? relation->alias->aliasname : relation->relname, name) == 0;
	}
	if (IsA(item, RangeSubselect))
		alias = ((const RangeSubselect *)item)->alias;
	else if (IsA(item, RangeFunction))
		alias = ((const RangeFunction *)item)->alias;
	return alias != NULL && strcmp(alias->aliasname, name) == 0;
}

static void collect_from(struct collector *collector, const Node *item, int depth)
{
	if (item == NULL || depth > LIMIT_WALK_DEPTH)
		return;
	if (IsA(item, JoinExpr)) {
		const JoinExpr *join = (const JoinExpr *)item;
		collect_from(collector, join->larg, depth + 1);
		collect_from(collector, join->rarg, depth + 1);
		if (join->quals != NULL)
			collect(collector, join->quals);
	} else if (IsA(item, RangeSubselect) && IsA(((const RangeSubselect *)item)->subquery, SelectStmt)) {
		collect_select(collector, (const SelectStmt *)((const RangeSubselect *)item)->subquery);
	}
}

static void collect_select(struct collector *collector, const SelectStmt *select)
{
	ListCell *cell;
	if (collector->depth > LIMIT_WALK_DEPTH)
		return;
	collector->depth++;
	uint16_t before = collector->count;
	if (select->op != SETOP_NONE) {
		collect_select(collector, select->larg);
		collect_select(collector, select->rarg);
	} else {
		foreach (cell, select->targetList)
			collect(collector, lfirst(cell));
		foreach (cell, select->fromClause)
			collect_from(collector, lfirst(cell), 0);
		if (select->whereClause != NULL)
			collect(collector, select->whereClause);
		if (select->havingClause != NULL)
			collect(collector, select->havingClause);
		uint16_t kept = before;
		for (uint16_t at = before; at < collector->count; at++) {
			bool own = false;
			foreach (cell, select->fromClause)
				own = own || defines(lfirst(cell), collector->found[at]->schema, 0);
			if (!own)
				collector->found[kept++] = collector->found[at];
		}
		collector->count = kept;
	}
	collector->depth--;
}

static const struct clause_pattern *pattern_of(struct maker *maker, const char *name, enum A_Expr_Kind kind,
                                               const Node *right)
{
	static const struct {
		const char *name;
		enum clause_reading reading;
	} readings[] = {
	    {"~~", READING_LIKE},   {"~~*", READING_LIKE},  {"!~~", READING_LIKE},
	    {"!~~*", READING_LIKE}, {"~", READING_REGEX},   {"~*", READING_REGEX},
	    {"!~", READING_REGEX},  {"!~*", READING_REGEX}, {"^@", READING_LIKE},
	};
	struct operand operand = {.reading = READING_NONE};
	for (size_t at = 0; at < ARRAY_LEN(readings); at++) {
		if (strcmp(name, readings[at].name) == 0)
			operand.reading = readings[at].reading;
	}
	if (operand.reading == READING_NONE)
		return NULL;
	if (kind == AEXPR_SIMILAR)
		operand.reading = READING_SIMILAR;
	operand_fold(&operand, right);
	struct clause_pattern *pattern = arena_alloc(maker->scope->arena, sizeof(*pattern));
	pattern->reading = operand.reading;
	pattern->operand = operand_kind_of(&operand);
	if (pattern->operand == OPERAND_PARAMETER) {
		pattern->parameter = operand.parameter;
		pattern->prefixed = operand.prefixed;
		pattern->suffixed = operand.suffixed;
	}
	if ((pattern->operand == OPERAND_LITERAL || pattern->operand == OPERAND_PARAMETER) && operand.constants > 0 &&
	    !operand.unknown)
		pattern->shape = operand.shape;
	return pattern;
}
