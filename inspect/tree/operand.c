#include "inspect/tree/operand.h"

#include "config/limits.h"

#include <string.h>

/* Whether columns and sub-selects stand anywhere in an expression. */
struct search {
	bool column, subquery;
	int depth;
};

static void fold(struct operand *operand, const Node *node, int depth);
static void fold_call(struct operand *operand, const FuncCall *call, int depth);
static void fold_constant(struct operand *operand, const A_Const *constant);
static void fold_escape(struct operand *operand, const FuncCall *call, int depth);
static void fold_unknown(struct operand *operand, const Node *node);
static void search_node(void *context, const Node *node);

void operand_fold(struct operand *operand, const Node *node)
{
	fold(operand, node, 0);
}

enum operand_kind operand_kind_of(const struct operand *operand)
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

bool operand_has_column(const Node *node)
{
	struct search search = {0};

	search_node(&search, node);
	return search.column;
}

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
			uint32_t parameters = item.parameters;
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

/* LIKE … ESCAPE, SIMILAR TO. With another escape than the usual one the pattern begins as shape.h takes it to, but what
 * else is a wildcard of it can't be told: nothing but the shape is in the statement's key. */
static void fold_escape(struct operand *operand, const FuncCall *call, int depth)
{
	const char *escape = list_length(call->args) == 2 ? nodes_string_constant(lsecond(call->args)) : "\\";
	const bool usual = escape != NULL && strcmp(escape, "\\") == 0;

	if (escape == NULL || escape[0] == '%' || escape[0] == '_' || (!usual && operand->reading != READING_LIKE))
		operand->unknown = true;
	if (call->args != NIL)
		fold(operand, linitial(call->args), depth);
	if (!usual) {
		operand->shape.has_trigram = true;
		operand->shape.only_wildcards = false;
	}
}

static void fold_unknown(struct operand *operand, const Node *node)
{
	struct search search = {0};

	search_node(&search, node);
	operand->column |= search.column;
	operand->subquery |= search.subquery;
	operand->other = true;
}
