#include "inspect/tree/stored.h"

#include <string.h>

/* Pieces put together by ||; `values` is 0 when one of them is no constant. */
struct joint {
	uint32_t values;
	bool weak, hashed; /* one of them is a weak hash, or made of a constant */
};

/* A column's values on their way into `stored`. */
struct found {
	struct stored *stored;
	int depth;
};

static void add(struct stored *stored, const Node *value, int depth);
static void add_found(void *context, const struct origin *inner, const Node *value);
static void add_call(struct stored *stored, const FuncCall *call, int depth);
static void add_number(struct stored *stored, const A_Const *constant);
static void join(struct joint *joint, const struct stored *stored, const Node *piece, int depth);
static void add_joint(struct stored *stored, const struct joint *joint);
static void add_query(struct stored *stored, const Node *query, int depth);
static bool is_among(const char *name, const char *const *of);

void stored_add(struct stored *stored, const Node *value)
{
	add(stored, value, 0);
}

void stored_add_place(struct stored *stored, int place)
{
	if (stored->origin != NULL)
		origin_place(stored->origin, place, add_found, &(struct found){.stored = stored});
}

static void add_found(void *context, const struct origin *inner, const Node *value)
{
	struct found *found = context;
	const struct origin *outer = found->stored->origin;

	found->stored->origin = inner;
	add(found->stored, value, found->depth);
	found->stored->origin = outer;
}

static void add(struct stored *stored, const Node *value, int depth)
{
	const char *text;
	ListCell *cell;

	if (value == NULL || depth++ > LIMIT_WALK_DEPTH)
		return;
	switch (nodeTag(value)) {
	case T_A_Const:
		/* The literal's class in the statement's key says as much, see literal.c. */
		text = nodes_string_constant(value);
		if (text != NULL)
			stored->values |= value_bit(stored->secret ? value_of(text, strlen(text))
			                                           : value_json(text, strlen(text)));
		else if (stored->secret)
			add_number(stored, (const A_Const *)value);
		break;
	case T_ColumnRef:
		if (stored->origin != NULL)
			origin_column(stored->origin, (const ColumnRef *)value, add_found,
			              &(struct found){.stored = stored, .depth = depth});
		break;
	case T_ParamRef: {
		int number = ((const ParamRef *)value)->number;
		if (number > 0 && number <= LIMIT_BOUND_PARAMETERS &&
		    stored->parameter_count < LIMIT_BOUND_PARAMETERS)
			stored->parameters[stored->parameter_count++] = (uint16_t)number;
		break;
	}
	case T_TypeCast:
		add(stored, ((const TypeCast *)value)->arg, depth);
		break;
	case T_CollateClause:
		add(stored, ((const CollateClause *)value)->arg, depth);
		break;
	case T_CoalesceExpr:
		foreach (cell, ((const CoalesceExpr *)value)->args)
			add(stored, lfirst(cell), depth);
		break;
	case T_CaseExpr:
		foreach (cell, ((const CaseExpr *)value)->args)
			add(stored, (const Node *)((const CaseWhen *)lfirst(cell))->result, depth);
		add(stored, (const Node *)((const CaseExpr *)value)->defresult, depth);
		break;
	case T_A_Expr: {
		const A_Expr *expr = (const A_Expr *)value;
		if (expr->kind == AEXPR_NULLIF)
			add(stored, expr->lexpr, depth);
		else if (expr->kind == AEXPR_OP && expr->lexpr != NULL &&
		         strcmp(nodes_last_name(expr->name), "||") == 0) {
			struct joint joint = {.values = value_bit(VALUE_EMPTY)};
			join(&joint, stored, expr->lexpr, depth);
			join(&joint, stored, expr->rexpr, depth);
			add_joint(stored, &joint);
		}
		break;
	}
	case T_FuncCall:
		add_call(stored, (const FuncCall *)value, depth);
		break;
	case T_SubLink:
		if (((const SubLink *)value)->subLinkType == EXPR_SUBLINK)
			add_query(stored, ((const SubLink *)value)->subselect, depth);
		break;
	default:
		break;
	}
}

/* Of numbers only cards count, and those are longer than an Integer. */
static void add_number(struct stored *stored, const A_Const *constant)
{
	char number[32];
	const char *text = !constant->isnull && nodeTag(&constant->val) == T_Float
	                       ? nodes_constant_text(constant, number, sizeof(number))
	                       : NULL;

	if (text != NULL && strspn(text, "0123456789") == strlen(text) && value_of(text, strlen(text)) == VALUE_CARD)
		stored->values |= value_bit(VALUE_CARD);
}

static void add_call(struct stored *stored, const FuncCall *call, int depth)
{
	/* A text out of the first argument that is as much of a secret. */
	static const char *const alike[] = {"upper", "lower", "initcap", "btrim", "ltrim", "rtrim", NULL};
	/* Fast ones: PostgreSQL's own, and pgcrypto's. */
	static const char *const hashes[] = {"md5", "sha224", "sha256", "sha384", "sha512", "digest", NULL};
	const char *name = call->funcname != NIL ? nodes_last_name(call->funcname) : NULL;
	struct stored argument = {.secret = stored->secret, .origin = stored->origin};

	if (name == NULL || call->args == NIL)
		return;
	if (is_among(name, alike)) {
		add(stored, linitial(call->args), depth);
	} else if (strcmp(name, "concat") == 0) {
		struct joint joint = {.values = value_bit(VALUE_EMPTY)};
		ListCell *cell;
		foreach (cell, call->args)
			join(&joint, stored, lfirst(cell), depth);
		add_joint(stored, &joint);
	} else if (strcmp(name, "encode") == 0) {
		/* Of a hash's bytes; of others nothing is known. */
		add(&argument, linitial(call->args), depth);
		stored->values |= argument.values & value_bit(VALUE_WEAK_HASH);
		stored->hashed |= argument.hashed;
	} else if (is_among(name, hashes) && stored->secret) {
		add(&argument, linitial(call->args), depth);
		if (argument.values != 0 || argument.parameter_count > 0)
			stored->values |= value_bit(VALUE_WEAK_HASH);
		stored->hashed |= argument.values != 0;
	}
}

/* Of two texts, one behind the other: what is known of either says nothing of both, unless one is empty, or neither is
 * anything, or an access key has something behind it. */
static void join(struct joint *joint, const struct stored *stored, const Node *piece, int depth)
{
	const uint32_t plain = value_bit(VALUE_PLAIN), empty = value_bit(VALUE_EMPTY);
	struct stored part = {.secret = stored->secret, .origin = stored->origin};

	add(&part, piece, depth);
	joint->hashed |= part.hashed;
	joint->weak |= (part.values & value_bit(VALUE_WEAK_HASH)) != 0;
	if (joint->values == empty)
		joint->values = part.values;
	else if (part.values == 0 || part.parameter_count > 0 ||
	         (part.values != empty && joint->values != value_bit(VALUE_CREDENTIAL) &&
	          (joint->values != plain || part.values != plain)))
		joint->values = 0;
}

static void add_joint(struct stored *stored, const struct joint *joint)
{
	stored->hashed |= joint->hashed;
	stored->values |= joint->weak ? value_bit(VALUE_WEAK_HASH) : joint->values;
}

/* (SELECT 'constant'), of one column. */
static void add_query(struct stored *stored, const Node *query, int depth)
{
	const SelectStmt *select = (const SelectStmt *)query;

	if (query == NULL || !IsA(query, SelectStmt) || select->op != SETOP_NONE)
		return;
	if (select->valuesLists != NIL)
		add(stored, linitial((const List *)linitial(select->valuesLists)), depth);
	else if (select->targetList != NIL)
		add(stored, ((const ResTarget *)linitial(select->targetList))->val, depth);
}

static bool is_among(const char *name, const char *const *of)
{
	for (; *of; of++) {
		if (strcmp(name, *of) == 0)
			return true;
	}
	return false;
}
