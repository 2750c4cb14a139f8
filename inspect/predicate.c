#include "inspect/predicate.h"

#include "inspect/expression.h"

#include <string.h>

/* How a pattern is read. */
enum reading { READING_NONE, READING_LIKE, READING_REGEX, READING_SIMILAR };

/* What an operand is made of, piece by piece from left to right. */
struct operand {
	enum reading reading;
	bool column, subquery, other;
	uint16_t parameters, constants, pieces;
	uint16_t parameter;
	bool prefixed, suffixed;
	bool opaque; /* within a function whose result is not known, but is no wildcard: replace(…, '%', '\%') */
	bool cased;  /* within upper() or lower() */
	bool unknown;
	bool started; /* a piece that is not empty has been seen */
	struct pattern_shape shape;
	const char *type;
	const char *collation;
};

static void gather_at(struct gather *gather, const Node *condition, struct predicate_place place, int depth);
static void gather_operator(struct gather *gather, const A_Expr *expr, struct predicate_place place, int depth);
static void gather_rows(struct gather *gather, const A_Expr *expr, struct predicate_place place);
static void gather_test(struct gather *gather, const Node *condition, struct predicate_place place, int depth);
static void gather_cases(struct gather *gather, const Node *node, struct predicate_place place, int depth);
static void emit(struct gather *gather, struct fact_predicate *predicate, const Node *left, const Node *right,
                 struct predicate_place place);
static enum predicate_operator classify(const char *name, bool *negated);
static const char *commuted(const char *name);
static bool has_column(const Node *node);
static void fold(struct operand *operand, const Node *node, int depth);
static void fold_call(struct operand *operand, const FuncCall *call, int depth);
static void fold_constant(struct operand *operand, const A_Const *constant);
static void fold_escape(struct operand *operand, const FuncCall *call, int depth);
static void fold_unknown(struct operand *operand, const Node *node);
static enum operand_kind kind_of(const struct operand *operand);

struct predicate_place predicate_place(uint16_t level, bool conjunct)
{
	return (struct predicate_place){.level = level, .conjunct = conjunct, .from = -1, .to = INT16_MAX};
}

void predicate_gather(struct gather *gather, const Node *condition, struct predicate_place place)
{
	if (condition != NULL)
		gather_at(gather, condition, place, 0);
}

enum operand_kind predicate_operand(const Node *value, uint16_t *parameter)
{
	struct operand operand = {0};

	*parameter = 0;
	if (value == NULL)
		return OPERAND_OTHER;
	fold(&operand, value, 0);

	enum operand_kind kind = kind_of(&operand);
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
		int16_t relation = gather_resolve(owners->gather, nodes_schema_name(fields), owners->level);
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
		/* <> ALL is NOT IN, and ANY of anything else is a list of values; the rest no index is used for. */
		if ((expr->kind == AEXPR_OP_ALL) != (predicate.operator== PREDICATE_NOT_EQUAL))
			predicate.operator= PREDICATE_OTHER;
		break;
	case AEXPR_IN:
		predicate.items = IsA(expr->rexpr, List) && list_length((const List *)expr->rexpr) == 1 ? 1 : 2;
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
	if (other_name != NULL && !has_column(left) && has_column(right)) {
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
		bool turned = !has_column(list_nth(left, at));

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

static enum reading reading_of(enum predicate_operator operator)
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
		fold(&operand, right, 0);
	if (!has_column(left) && !operand.column && !operand.subquery)
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
	predicate->operand = right == NULL ? OPERAND_NONE : kind_of(&operand);
	/* x IN (SELECT …): the column in the SubLink is the left side's. */
	if (right != NULL && IsA(right, SubLink))
		predicate->operand = OPERAND_SUBQUERY;
	predicate->operand_type = arena_text(gather->arena, operand.type);
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

struct search {
	bool column, subquery;
	int depth;
};

static void search_node(void *context, const Node *node)
{
	struct search *search = context;

	if (search->depth > LIMIT_WALK_DEPTH)
		return;
	if (IsA(node, ColumnRef))
		search->column = true;
	if (IsA(node, SubLink))
		search->subquery = true;
	search->depth++;
	nodes_children(node, search_node, search);
	search->depth--;
}

static bool has_column(const Node *node)
{
	struct search search = {0};

	search_node(&search, node);
	return search.column;
}

static bool is_empty(const struct pattern_shape *shape)
{
	return shape->known && shape->only_wildcards && !shape->has_wildcard;
}

/* A piece's shape joins those before it. Nothing but the pieces' own shapes may count, since nothing else of them
 * is in the statement's key; so a trigram is said to be possible wherever one piece alone may have one. */
static void add_piece(struct operand *operand, const struct pattern_shape *shape)
{
	bool first = !operand->started;

	if (is_empty(shape))
		return;
	operand->started = true;
	if (first) {
		operand->shape = *shape;
		return;
	}
	operand->shape.known = operand->shape.known && shape->known;
	operand->shape.has_wildcard |= shape->has_wildcard;
	operand->shape.only_wildcards &= shape->only_wildcards;
	operand->shape.has_trigram |= shape->has_trigram;
}

static void fold(struct operand *operand, const Node *node, int depth)
{
	if (node == NULL || depth > LIMIT_WALK_DEPTH) {
		operand->other = true;
		return;
	}
	depth++;
	switch (nodeTag(node)) {
	case T_A_Const:
		fold_constant(operand, (const A_Const *)node);
		break;
	case T_ParamRef:
		if (operand->parameters++ == 0)
			operand->parameter = (uint16_t)((const ParamRef *)node)->number;
		operand->prefixed = operand->started;
		operand->suffixed = false;
		/* What the constants after it say of the pattern's beginning doesn't count any more. */
		if (!operand->started)
			operand->shape = (struct pattern_shape){.known = true, .only_wildcards = true};
		operand->started = true;
		break;
	case T_TypeCast: {
		const TypeCast *cast = (const TypeCast *)node;
		if (operand->type == NULL && operand->pieces == 0 && cast->typeName->names != NIL)
			operand->type = nodes_last_name(cast->typeName->names);
		fold(operand, cast->arg, depth);
		break;
	}
	case T_CollateClause:
		if (operand->collation == NULL)
			operand->collation = nodes_last_name(((const CollateClause *)node)->collname);
		fold(operand, ((const CollateClause *)node)->arg, depth);
		break;
	case T_FuncCall:
		fold_call(operand, (const FuncCall *)node, depth);
		break;
	case T_A_Expr: {
		const A_Expr *expr = (const A_Expr *)node;
		const char *name = nodes_last_name(expr->name);
		if (expr->kind == AEXPR_OP && expr->lexpr != NULL && strcmp(name, "||") == 0) {
			fold(operand, expr->lexpr, depth);
			fold(operand, expr->rexpr, depth);
		} else if (expr->kind == AEXPR_OP && expr->lexpr == NULL && IsA(expr->rexpr, A_Const) &&
		           (strcmp(name, "-") == 0 || strcmp(name, "+") == 0)) {
			fold(operand, expr->rexpr, depth);
		} else {
			fold_unknown(operand, node);
		}
		break;
	}
	case T_A_ArrayExpr:
		operand->unknown = true;
		node = (const Node *)((const A_ArrayExpr *)node)->elements;
		if (node == NULL) {
			operand->constants++;
			break;
		}
		/* fall through */
	case T_List: {
		/* One value out of several: of a pattern, nothing is known. */
		struct operand item = {.reading = READING_NONE};
		ListCell *cell;
		foreach (cell, (const List *)node) {
			uint16_t parameters = item.parameters;
			item.pieces = 0;
			fold(&item, lfirst(cell), depth);
			if (item.parameters > parameters + 1)
				item.other = true;
		}
		operand->unknown = true;
		operand->column |= item.column;
		operand->subquery |= item.subquery;
		operand->other |= item.other;
		operand->constants += item.constants;
		if (item.parameters > 0) {
			operand->parameters++;
			operand->parameter = item.parameter;
		}
		if (operand->type == NULL)
			operand->type = item.type;
		break;
	}
	default:
		fold_unknown(operand, node);
		break;
	}
	operand->pieces++;
}

static void fold_call(struct operand *operand, const FuncCall *call, int depth)
{
	/* Of one text another, as long as the first argument is a constant. replace() is how Django escapes what
	 * it puts between wildcards. */
	static const char *const functions[] = {"replace", "unaccent", "trim", "btrim", "ltrim", "rtrim"};
	const char *name = nodes_function_name(call);
	int arguments = list_length(call->args);

	if (name == NULL)
		name = "";
	if (arguments == 1 && (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0)) {
		bool cased = operand->cased;
		operand->cased = true;
		fold(operand, linitial(call->args), depth);
		operand->cased = cased;
		return;
	}
	if (strcmp(name, "like_escape") == 0 || strcmp(name, "similar_to_escape") == 0 ||
	    strcmp(name, "similar_escape") == 0) {
		fold_escape(operand, call, depth);
		return;
	}
	if (strcmp(name, "concat") == 0 && !call->func_variadic && arguments > 0) {
		ListCell *cell;
		foreach (cell, call->args)
			fold(operand, lfirst(cell), depth);
		return;
	}
	for (size_t at = 0; at < ARRAY_LEN(functions); at++) {
		if (strcmp(name, functions[at]) != 0 || arguments == 0)
			continue;
		struct search search = {0};
		for (int argument = 1; argument < arguments; argument++)
			search_node(&search, list_nth(call->args, argument));
		operand->column |= search.column;
		operand->subquery |= search.subquery;

		bool opaque = operand->opaque;
		operand->opaque = true;
		fold(operand, linitial(call->args), depth);
		operand->opaque = opaque;
		return;
	}
	fold_unknown(operand, (const Node *)call);
}

static void fold_constant(struct operand *operand, const A_Const *constant)
{
	char number[32];
	const char *text = nodes_constant_text(constant, number, sizeof(number));
	struct pattern_shape shape = {0};

	operand->constants++;
	if (text == NULL) {
		operand->unknown = true;
		return;
	}
	if (operand->opaque)
		shape = (struct pattern_shape){.known = true, .has_trigram = true};
	else if (operand->reading == READING_LIKE)
		shape = shape_like(text, strlen(text));
	else if (operand->reading == READING_REGEX && !operand->cased)
		shape = shape_regex(text, strlen(text));
	else if (operand->reading == READING_SIMILAR && !operand->cased)
		shape = shape_similar(text, strlen(text));
	if (operand->reading != READING_NONE && !shape.known)
		operand->unknown = true;
	if (operand->parameters > 0 && !is_empty(&shape))
		operand->suffixed = true;
	add_piece(operand, &shape);
}

/* LIKE … ESCAPE, SIMILAR TO: only with the usual escape does the pattern mean what shape.h takes it for. */
static void fold_escape(struct operand *operand, const FuncCall *call, int depth)
{
	if (list_length(call->args) == 2) {
		const char *escape = nodes_string_constant(lsecond(call->args));
		if (escape == NULL || strcmp(escape, "\\") != 0)
			operand->unknown = true;
	}
	if (call->args != NIL)
		fold(operand, linitial(call->args), depth);
}

static void fold_unknown(struct operand *operand, const Node *node)
{
	struct search search = {0};

	search_node(&search, node);
	operand->column |= search.column;
	operand->subquery |= search.subquery;
	operand->other = true;
}

static enum operand_kind kind_of(const struct operand *operand)
{
	if (operand->column)
		return OPERAND_COLUMN;
	if (operand->subquery)
		return OPERAND_SUBQUERY;
	if (operand->other || operand->parameters > 1)
		return OPERAND_OTHER;
	if (operand->parameters == 1)
		return OPERAND_PARAMETER;
	return operand->constants > 0 ? OPERAND_LITERAL : OPERAND_OTHER;
}
