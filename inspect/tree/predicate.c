#include "inspect/tree/predicate.h"

#include "inspect/tree/clauses.h"
#include "inspect/tree/expression.h"
#include "inspect/tree/operand.h"

#include <string.h>

/* Of an aggregate or a sub-select. */
struct finder {
	bool found;
	int depth;
};

static void gather_at(struct gather *gather, const Node *condition, struct predicate_place place, int depth);
static void gather_conditions(struct gather *gather, const Node *condition, struct predicate_place place, int depth);
static void gather_operator(struct gather *gather, const A_Expr *expr, struct predicate_place place, int depth);
static void gather_rows(struct gather *gather, const A_Expr *expr, struct predicate_place place);
static void gather_test(struct gather *gather, const Node *condition, struct predicate_place place, int depth);
static void gather_cases(struct gather *gather, const Node *node, struct predicate_place place, int depth);
static void emit(struct gather *gather, struct fact_predicate *predicate, const Node *left, const Node *right,
                 struct predicate_place place);
static enum predicate_operator classify(const char *name, bool *negated);
static const char *commuted(const char *name);

struct predicate_place predicate_place(uint16_t level, bool conjunct)
{
	return (struct predicate_place){.level = level, .conjunct = conjunct, .from = -1, .to = INT16_MAX};
}

void predicate_gather(struct gather *gather, const Node *condition, struct predicate_place place)
{
	if (condition == NULL)
		return;
	gather_at(gather, condition, place, 0);
	if (place.conjunct)
		gather_conditions(gather, condition, place, 0);
}

static void find_aggregate(void *context, const Node *node)
{
	struct finder *finder = context;

	/* (SELECT …) is a value that is there before; one that names the row is told apart when its columns are. */
	if (finder->found || finder->depth > LIMIT_WALK_DEPTH ||
	    (IsA(node, SubLink) && ((const SubLink *)node)->subLinkType != EXPR_SUBLINK) ||
	    (IsA(node, FuncCall) && nodes_is_aggregate((const FuncCall *)node))) {
		finder->found = true;
		return;
	}
	finder->depth++;
	nodes_children(node, find_aggregate, finder);
	finder->depth--;
}

static void gather_having(struct gather *gather, const Node *condition, struct predicate_place place, int depth)
{
	struct finder finder = {0};

	if (depth > LIMIT_WALK_DEPTH) {
		gather->facts->truncated = true;
		return;
	}
	if (IsA(condition, BoolExpr) && ((const BoolExpr *)condition)->boolop == AND_EXPR) {
		ListCell *cell;
		foreach (cell, ((const BoolExpr *)condition)->args)
			gather_having(gather, lfirst(cell), place, depth + 1);
		return;
	}
	find_aggregate(&finder, condition);
	if (!finder.found)
		gather_conditions(gather, condition, place, depth);
}

void predicate_gather_having(struct gather *gather, const SelectStmt *select, uint16_t level)
{
	ListCell *cell;

	predicate_gather(gather, select->havingClause, predicate_place(level, false));
	if (select->havingClause == NULL)
		return;
	foreach (cell, select->groupClause)
		if (IsA(lfirst(cell), GroupingSet))
			return;
	gather_having(gather, select->havingClause, predicate_place(level, true), 0);
}

/* Part by part, so that each can be told apart; a BETWEEN is one. */
static void gather_conditions(struct gather *gather, const Node *condition, struct predicate_place place, int depth)
{
	if (depth > LIMIT_WALK_DEPTH) {
		gather->facts->truncated = true;
		return;
	}
	if (IsA(condition, BoolExpr) && ((const BoolExpr *)condition)->boolop == AND_EXPR) {
		ListCell *cell;
		foreach (cell, ((const BoolExpr *)condition)->args)
			gather_conditions(gather, lfirst(cell), place, depth + 1);
		return;
	}

	const struct clauses_scope scope = {
	    .gather = gather, .level = place.level, .literals = gather->literals, .arena = gather->arena};
	const struct fact_condition made = {
	    .clause = clauses_of(&scope, condition),
	    .text = expression_masked_of(condition, gather->arena).text,
	    .level = place.level,
	    .from = place.from < 0 ? 0 : place.from,
	    .to = place.to,
	    .join_from = place.join_from,
	    .join_to = place.join_to,
	};
	gather_condition(gather, &made);
}

enum operand_kind predicate_operand(const Node *value, uint16_t *parameter)
{
	struct operand operand = {0};

	*parameter = 0;
	if (value == NULL)
		return OPERAND_OTHER;
	operand_fold(&operand, value);

	enum operand_kind kind = operand_kind_of(&operand);
	if (kind == OPERAND_PARAMETER)
		*parameter = operand.parameter;
	return kind;
}

struct owners {
	const struct gather *gather;
	uint16_t level;
	bool found, several;
	int16_t relation;
	int depth;
};

static void find_owner(void *context, const Node *node)
{
	struct owners *owners = context;

	if (owners->several || owners->depth > LIMIT_WALK_DEPTH) {
		owners->several = true;
		return;
	}
	if (IsA(node, ColumnRef)) {
		const List *fields = ((const ColumnRef *)node)->fields;
		int16_t relation = gather_resolve(owners->gather, nodes_column_schema(fields),
		                                  nodes_schema_name(fields), owners->level);
		if (owners->found && relation != owners->relation)
			owners->several = true;
		owners->found = true;
		owners->relation = relation;
		return;
	}
	owners->depth++;
	nodes_children(node, find_owner, owners);
	owners->depth--;
}

int16_t predicate_relation(const struct gather *gather, const Node *expression, uint16_t level)
{
	struct owners owners = {.gather = gather, .level = level, .relation = -1};

	find_owner(&owners, expression);
	return owners.several ? -1 : owners.relation;
}

static void gather_at(struct gather *gather, const Node *condition, struct predicate_place place, int depth)
{
	if (condition == NULL)
		return;
	if (depth > LIMIT_WALK_DEPTH) {
		gather->facts->truncated = true;
		return;
	}
	if (IsA(condition, A_Expr)) {
		gather_operator(gather, (const A_Expr *)condition, place, depth);
		return;
	}
	if (!IsA(condition, BoolExpr)) {
		gather_test(gather, condition, place, depth);
		return;
	}

	const BoolExpr *junction = (const BoolExpr *)condition;
	if (junction->boolop != AND_EXPR)
		place.conjunct = false;
	if (junction->boolop == NOT_EXPR)
		place.negated = !place.negated;
	ListCell *cell;
	foreach (cell, junction->args)
		gather_at(gather, lfirst(cell), place, depth + 1);
}

static void gather_operator(struct gather *gather, const A_Expr *expr, struct predicate_place place, int depth)
{
	struct fact_predicate predicate = {.operator_name = nodes_last_name(expr->name)};
	bool negated = false;

	predicate.operator= classify(predicate.operator_name, &negated);
	switch (expr->kind) {
	case AEXPR_OP:
		if (expr->lexpr != NULL && IsA(expr->lexpr, RowExpr) && IsA(expr->rexpr, RowExpr) &&
		    predicate.operator== PREDICATE_EQUAL) {
			gather_rows(gather, expr, place);
			return;
		}
		break;
	case AEXPR_OP_ANY:
	case AEXPR_OP_ALL:
		predicate.items = 2;
		/* What is no list of constants that are alike stands in the text as it is. */
		if (IsA(expr->rexpr, A_ArrayExpr) &&
		    list_length(((const A_ArrayExpr *)expr->rexpr)->elements) > LIMIT_LIST_MEMBERS)
			gather->facts->long_list = true;
		/* <> ALL is NOT IN, and ANY of anything else is a list of values; the rest no index is used for. */
		if ((expr->kind == AEXPR_OP_ALL) != (predicate.operator== PREDICATE_NOT_EQUAL))
			predicate.operator= PREDICATE_OTHER;
		break;
	case AEXPR_IN:
		predicate.items = IsA(expr->rexpr, List) && list_length((const List *)expr->rexpr) == 1 ? 1 : 2;
		if (IsA(expr->rexpr, List) && list_length((const List *)expr->rexpr) > LIMIT_LIST_MEMBERS)
			gather->facts->long_list = true;
		break;
	case AEXPR_SIMILAR:
		predicate.operator= PREDICATE_SIMILAR;
		negated = predicate.operator_name[0] == '!';
		break;
	case AEXPR_NOT_BETWEEN:
	case AEXPR_NOT_BETWEEN_SYM:
		negated = true; /* fall through */
	case AEXPR_BETWEEN:
	case AEXPR_BETWEEN_SYM:
		predicate.operator= PREDICATE_RANGE;
		predicate.operator_name = "between";
		break;
	case AEXPR_DISTINCT:
	case AEXPR_NOT_DISTINCT:
		predicate.operator= PREDICATE_OTHER;
		predicate.operator_name = expr->kind == AEXPR_DISTINCT ? "is distinct from" : "is not distinct from";
		break;
	default:
		break;
	}
	gather_cases(gather, expr->lexpr, place, depth);
	gather_cases(gather, expr->rexpr, place, depth);
	if (expr->lexpr == NULL || expr->rexpr == NULL)
		return;

	place.negated = place.negated != negated;

	const Node *left = expr->lexpr, *right = expr->rexpr;
	const char *other_name = expr->kind == AEXPR_OP ? commuted(predicate.operator_name) : NULL;
	if (other_name != NULL && !operand_has_column(left) && operand_has_column(right)) {
		left = expr->rexpr;
		right = expr->lexpr;
		predicate.operator_name = other_name;
	}
	emit(gather, &predicate, left, right, place);
}

/* (a, b) = (1, 2) is a = 1 AND b = 2. */
static void gather_rows(struct gather *gather, const A_Expr *expr, struct predicate_place place)
{
	const List *left = ((const RowExpr *)expr->lexpr)->args, *right = ((const RowExpr *)expr->rexpr)->args;

	if (place.negated)
		place.conjunct = false;
	for (int at = 0; at < list_length(left) && at < list_length(right); at++) {
		struct fact_predicate predicate = {.operator= PREDICATE_EQUAL, .operator_name = "="};
		bool turned = !operand_has_column(list_nth(left, at));

		emit(gather, &predicate, list_nth(turned ? right : left, at), list_nth(turned ? left : right, at),
		     place);
	}
}

/* What is true or false without an operator. */
static void gather_test(struct gather *gather, const Node *condition, struct predicate_place place, int depth)
{
	struct fact_predicate predicate = {.operator= PREDICATE_OTHER, .operator_name = ""};
	const Node *left = condition, *right = NULL;

	switch (nodeTag(condition)) {
	case T_NullTest: {
		const NullTest *test = (const NullTest *)condition;
		left = (const Node *)test->arg;
		predicate.operator= test->nulltesttype == IS_NULL ? PREDICATE_IS_NULL : PREDICATE_IS_NOT_NULL;
		predicate.operator_name = test->nulltesttype == IS_NULL ? "is null" : "is not null";
		break;
	}
	case T_BooleanTest: {
		/* Not the same as the bare column to an index: WHERE flag IS TRUE is not served by one on (flag). */
		static const char *const names[] = {
		    [IS_TRUE] = "is true",           [IS_NOT_TRUE] = "is not true", [IS_FALSE] = "is false",
		    [IS_NOT_FALSE] = "is not false", [IS_UNKNOWN] = "is unknown",   [IS_NOT_UNKNOWN] = "is not unknown",
		};
		const BooleanTest *test = (const BooleanTest *)condition;
		left = (const Node *)test->arg;
		predicate.operator_name = names[test->booltesttype];
		gather_cases(gather, left, place, depth);
		break;
	}
	case T_SubLink: {
		const SubLink *link = (const SubLink *)condition;
		if (link->testexpr == NULL)
			return; /* EXISTS */
		left = link->testexpr;
		right = condition;
		predicate.operator_name = link->operName == NIL ? "=" : nodes_last_name(link->operName);
		if (link->subLinkType == ANY_SUBLINK && strcmp(predicate.operator_name, "=") == 0)
			predicate.operator= PREDICATE_EQUAL;
		break;
	}
	case T_ColumnRef:
		predicate.operator= PREDICATE_BOOLEAN;
		break;
	case T_CaseExpr:
		gather_cases(gather, condition, place, depth);
		return;
	case T_TypeCast:
		if (nodeTag(((const TypeCast *)condition)->arg) == T_A_Const)
			return; /* WHERE true */
		break;
	case T_FuncCall:
	case T_CoalesceExpr:
	case T_CollateClause:
	case T_A_Indirection:
		break;
	default:
		return;
	}
	emit(gather, &predicate, left, right, place);
}

/* The conditions of a CASE on either side of a comparison. */
static void gather_cases(struct gather *gather, const Node *node, struct predicate_place place, int depth)
{
	if (node == NULL || !IsA(node, CaseExpr) || ((const CaseExpr *)node)->arg != NULL)
		return;

	place.conjunct = false;
	ListCell *cell;
	foreach (cell, ((const CaseExpr *)node)->args)
		gather_at(gather, (const Node *)((const CaseWhen *)lfirst(cell))->expr, place, depth + 1);
}

static enum clause_reading reading_of(enum predicate_operator operator)
{
	switch (operator) {
	case PREDICATE_LIKE:
	case PREDICATE_ILIKE:
		return READING_LIKE;
	case PREDICATE_REGEX:
	case PREDICATE_IREGEX:
		return READING_REGEX;
	case PREDICATE_SIMILAR:
		return READING_SIMILAR;
	default:
		return READING_NONE;
	}
}

static void emit(struct gather *gather, struct fact_predicate *predicate, const Node *left, const Node *right,
                 struct predicate_place place)
{
	struct operand operand = {.reading = reading_of(predicate->operator)};

	if (right != NULL)
		operand_fold(&operand, right);
	if (!operand_has_column(left) && !operand.column && !operand.subquery)
		return; /* 1 = 1 */

	struct expression expression = expression_masked_of(left, gather->arena);
	predicate->relation = predicate_relation(gather, left, place.level);
	predicate->level = place.level;
	predicate->operator_name = arena_text(gather->arena, predicate->operator_name);
	predicate->expression = expression.text != NULL ? expression.text : "";
	predicate->column = expression.column;
	predicate->bare = expression.bare;
	predicate->cast = expression.cast;
	predicate->collation =
	    expression.collation != NULL ? expression.collation : arena_text(gather->arena, operand.collation);
	predicate->negated = place.negated;
	predicate->conjunct =
	    place.conjunct && (place.from < 0 || (predicate->relation >= place.from && predicate->relation < place.to));
	predicate->operand = right == NULL ? OPERAND_NONE : operand_kind_of(&operand);
	/* x IN (SELECT …): the column in the SubLink is the left side's. */
	if (right != NULL && IsA(right, SubLink))
		predicate->operand = OPERAND_SUBQUERY;
	predicate->operand_type = arena_text(gather->arena, operand.type);
	predicate->operand_relation = -1;
	if (predicate->operand == OPERAND_COLUMN) {
		predicate->operand_relation = predicate_relation(gather, right, place.level);
		predicate->operand_expression = expression_masked_of(right, gather->arena).text;
	}
	if (predicate->operand == OPERAND_PARAMETER) {
		predicate->parameter = operand.parameter;
		predicate->parameter_prefixed = operand.prefixed;
		predicate->parameter_suffixed = operand.suffixed;
	}
	if ((predicate->operand == OPERAND_LITERAL || predicate->operand == OPERAND_PARAMETER) &&
	    operand.constants > 0 && !operand.unknown && operand.reading != READING_NONE)
		predicate->shape = operand.shape;
	gather_predicate(gather, predicate);
}

static enum predicate_operator classify(const char *name, bool *negated)
{
	static const struct {
		const char *name;
		enum predicate_operator operator;
	} operators[] = {
	    {"=", PREDICATE_EQUAL}, {"<>", PREDICATE_NOT_EQUAL}, {"<", PREDICATE_RANGE}, {"<=", PREDICATE_RANGE},
	    {">", PREDICATE_RANGE}, {">=", PREDICATE_RANGE},     {"~~", PREDICATE_LIKE}, {"~~*", PREDICATE_ILIKE},
	    {"~", PREDICATE_REGEX}, {"~*", PREDICATE_IREGEX},
	};

	*negated = name[0] == '!' && name[1] == '~';
	if (*negated)
		name++;
	for (size_t at = 0; at < ARRAY_LEN(operators); at++)
		if (strcmp(name, operators[at].name) == 0)
			return operators[at].operator;
	*negated = false;
	return PREDICATE_OTHER;
}

/* pg_operator.oprcom of the operators that indexes know, pg_trgm's included; NULL when there is none. */
static const char *commuted(const char *name)
{
	static const char *const pairs[][2] = {
	    {"=", "="}, {"<>", "<>"}, {"<", ">"},     {"<=", ">="},   {"@>", "<@"}, {"&&", "&&"},
	    {"%", "%"}, {"<%", "%>"}, {"<<%", "%>>"}, {"<->", "<->"}, {"<<", ">>"}, {"@@", "@@"},
	};

	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		if (strcmp(name, pairs[at][0]) == 0)
			return pairs[at][1];
		if (strcmp(name, pairs[at][1]) == 0)
			return pairs[at][0];
	}
	return NULL;
}
