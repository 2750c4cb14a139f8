#include "inspect/tree/expression.h"

#include "inspect/tree/nodes.h"

#include "config/limits.h"

#include <stdarg.h>
#include <string.h>

enum { COLUMNS_REMEMBERED = 8 };

/* Where a node stands decides whether an operator expression is put in brackets. */
enum place {
	PLACE_ALONE, /* the whole expression, or a function's argument */
	PLACE_INSIDE,
};

struct writer {
	char text[LIMIT_EXPRESSION_BYTES];
	size_t len;
	bool failed;
	bool masked;
	const ColumnRef *seen[COLUMNS_REMEMBERED];
	struct expression *out;
};

static struct expression make(const void *node, struct arena *arena, bool masked);
static const Node *strip(const Node *node, const char **collation);
static void write_node(struct writer *w, const Node *node, enum place place, int depth);
static void write_column(struct writer *w, const ColumnRef *column);
static void write_constant(struct writer *w, const A_Const *constant);
static void write_structural(struct writer *w, const Node *node, int depth);
static void write_path(struct writer *w, const Node *node, int depth);
static void write_cast(struct writer *w, const TypeCast *cast, enum place place, int depth);
static void write_operator(struct writer *w, const A_Expr *expr, enum place place, int depth);
static void write_in(struct writer *w, const A_Expr *expr, int depth);
static void write_between(struct writer *w, const A_Expr *expr, int depth);
static void write_call(struct writer *w, const FuncCall *call, int depth);
static void write_junction(struct writer *w, const BoolExpr *junction, bool first, int depth);
static void write_sublink(struct writer *w, const SubLink *link, int depth);
static void write_arguments(struct writer *w, const List *list, int depth);
static void write_elements(struct writer *w, const List *list, int depth);
static void write_literals(struct writer *w, const List *list, int depth);
static void write_keyword(struct writer *w, const SQLValueFunction *function);
static void write_case(struct writer *w, const CaseExpr *expr, int depth);
static void write_indirection(struct writer *w, const A_Indirection *node, int depth);
static void put(struct writer *w, const char *text);
static void putf(struct writer *w, const char *format, ...) PRINTF_LIKE(2, 3);

struct expression expression_of(const void *node, struct arena *arena)
{
	return make(node, arena, false);
}

struct expression expression_masked_of(const void *node, struct arena *arena)
{
	return make(node, arena, true);
}

bool expression_structural_function(const char *name)
{
	static const char *const names[] = {
	    "extract",    "date_bin",        "date_part",        "date_trunc",           "timezone",   "to_tsvector",
	    "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery", "set_config",
	};

	for (size_t at = 0; at < ARRAY_LEN(names); at++)
		if (strcmp(name, names[at]) == 0)
			return true;
	return false;
}

static struct expression make(const void *node, struct arena *arena, bool masked)
{
	struct expression out = {0};
	struct writer w = {.masked = masked, .out = &out};

	if (node == NULL)
		return out;

	const Node *inner = strip(node, &out.collation);
	out.collation = arena_text(arena, out.collation);
	out.bare = IsA(inner, ColumnRef);
	write_node(&w, inner, PLACE_ALONE, 0);
	if (out.columns == 1) {
		out.column = arena_text(arena, out.column);
		out.qualifier = arena_text(arena, out.qualifier);
	} else {
		out.column = NULL;
		out.qualifier = NULL;
	}
	out.bare = out.bare && out.column != NULL;
	out.text = w.failed ? NULL : arena_copy(arena, w.text, w.len);
	return out;
}

/* Without the outermost casts to text and COLLATE. */
static const Node *strip(const Node *node, const char **collation)
{
	for (;;) {
		if (IsA(node, CollateClause) && ((const CollateClause *)node)->arg != NULL) {
			if (*collation == NULL)
				*collation = nodes_last_name(((const CollateClause *)node)->collname);
			node = ((const CollateClause *)node)->arg;
		} else if (IsA(node, TypeCast) && nodes_type_is_text(((const TypeCast *)node)->typeName)) {
			node = ((const TypeCast *)node)->arg;
		} else {
			return node;
		}
	}
}

static void write_node(struct writer *w, const Node *node, enum place place, int depth)
{
	if (node == NULL || depth > LIMIT_WALK_DEPTH || w->failed) {
		w->failed = true;
		return;
	}
	depth++;
	switch (nodeTag(node)) {
	case T_ColumnRef:
		write_column(w, (const ColumnRef *)node);
		break;
	case T_A_Const:
		write_constant(w, (const A_Const *)node);
		break;
	case T_ParamRef:
		putf(w, "$%d", ((const ParamRef *)node)->number);
		break;
	case T_TypeCast:
		write_cast(w, (const TypeCast *)node, place, depth);
		break;
	case T_A_Expr:
		write_operator(w, (const A_Expr *)node, place, depth);
		break;
	case T_FuncCall:
		write_call(w, (const FuncCall *)node, depth);
		break;
	case T_BoolExpr:
		put(w, place == PLACE_INSIDE ? "(" : "");
		write_junction(w, (const BoolExpr *)node, true, depth);
		put(w, place == PLACE_INSIDE ? ")" : "");
		break;
	case T_NullTest:
		put(w, place == PLACE_INSIDE ? "(" : "");
		write_node(w, (const Node *)((const NullTest *)node)->arg, PLACE_INSIDE, depth);
		put(w, ((const NullTest *)node)->nulltesttype == IS_NULL ? " is null" : " is not null");
		put(w, place == PLACE_INSIDE ? ")" : "");
		break;
	case T_BooleanTest: {
		static const char *const tests[] = {
		    [IS_TRUE] = " is true",       [IS_NOT_TRUE] = " is not true",
		    [IS_FALSE] = " is false",     [IS_NOT_FALSE] = " is not false",
		    [IS_UNKNOWN] = " is unknown", [IS_NOT_UNKNOWN] = " is not unknown",
		};
		put(w, place == PLACE_INSIDE ? "(" : "");
		write_node(w, (const Node *)((const BooleanTest *)node)->arg, PLACE_INSIDE, depth);
		put(w, tests[((const BooleanTest *)node)->booltesttype]);
		put(w, place == PLACE_INSIDE ? ")" : "");
		break;
	}
	case T_CoalesceExpr:
		put(w, "coalesce");
		write_arguments(w, ((const CoalesceExpr *)node)->args, depth);
		break;
	case T_MinMaxExpr:
		put(w, ((const MinMaxExpr *)node)->op == IS_GREATEST ? "greatest" : "least");
		write_arguments(w, ((const MinMaxExpr *)node)->args, depth);
		break;
	case T_CaseExpr:
		write_case(w, (const CaseExpr *)node, depth);
		break;
	case T_SQLValueFunction:
		write_keyword(w, (const SQLValueFunction *)node);
		break;
	case T_CollateClause:
		put(w, place == PLACE_INSIDE ? "(" : "");
		write_node(w, ((const CollateClause *)node)->arg, PLACE_INSIDE, depth);
		putf(w, " collate \"%s\"", nodes_last_name(((const CollateClause *)node)->collname));
		put(w, place == PLACE_INSIDE ? ")" : "");
		break;
	case T_A_ArrayExpr:
		put(w, "array[");
		write_literals(w, ((const A_ArrayExpr *)node)->elements, depth);
		put(w, "]");
		break;
	case T_RowExpr:
		put(w, "row(");
		write_literals(w, ((const RowExpr *)node)->args, depth);
		put(w, ")");
		break;
	case T_A_Indirection:
		write_indirection(w, (const A_Indirection *)node, depth);
		break;
	case T_SubLink:
		write_sublink(w, (const SubLink *)node, depth);
		break;
	case T_NamedArgExpr:
		putf(w, "%s => ", ((const NamedArgExpr *)node)->name);
		write_node(w, (const Node *)((const NamedArgExpr *)node)->arg, PLACE_ALONE, depth);
		break;
	default:
		w->failed = true;
		break;
	}
}

static bool same_column(const ColumnRef *a, const ColumnRef *b)
{
	if (list_length(a->fields) != list_length(b->fields))
		return false;
	for (int at = 0; at < list_length(a->fields); at++) {
		const Node *left = list_nth(a->fields, at), *right = list_nth(b->fields, at);
		if (nodeTag(left) != nodeTag(right))
			return false;
		if (IsA(left, String) && strcmp(strVal(left), strVal(right)) != 0)
			return false;
	}
	return true;
}

static void write_column(struct writer *w, const ColumnRef *column)
{
	const Node *last = llast(column->fields);
	const char *name = IsA(last, String) ? strVal(last) : "*";
	unsigned known = w->out->columns < COLUMNS_REMEMBERED ? w->out->columns : COLUMNS_REMEMBERED;
	bool seen = false;

	for (unsigned at = 0; at < known && !seen; at++)
		seen = w->seen[at] != NULL && same_column(w->seen[at], column);
	if (!seen) {
		if (w->out->columns < COLUMNS_REMEMBERED)
			w->seen[w->out->columns] = column;
		w->out->columns++;
		w->out->column = name;
		w->out->qualifier = nodes_schema_name(column->fields);
		/* A whole row is as many columns as it likes. */
		if (!IsA(last, String))
			w->out->columns++;
	}
	put(w, name);
}

static void write_constant(struct writer *w, const A_Const *constant)
{
	char number[32];
	const char *text = nodes_constant_text(constant, number, sizeof(number));

	if (constant->isnull) {
		put(w, "null");
	} else if (text == NULL) {
		put(w, constant->val.boolval.boolval ? "true" : "false");
	} else if (w->masked) {
		put(w, "?");
	} else if (nodeTag(&constant->val) == T_String || nodeTag(&constant->val) == T_BitString) {
		put(w, "'");
		for (; *text != '\0' && !w->failed; text++)
			putf(w, *text == '\'' ? "'%c" : "%c", *text);
		put(w, "'");
	} else {
		put(w, text);
	}
}

static void write_structural(struct writer *w, const Node *node, int depth)
{
	bool masked = w->masked;

	w->masked = false;
	write_node(w, node, PLACE_INSIDE, depth);
	w->masked = masked;
}

/* ARRAY['a', 'b'] and '{a,b}' are the same path once planned; written as the latter where no element needs quoting. */
static void write_path(struct writer *w, const Node *node, int depth)
{
	const char *unused = NULL;
	const Node *inner = strip(node, &unused);

	if (!IsA(inner, A_ArrayExpr)) {
		write_structural(w, node, depth);
		return;
	}

	ListCell *cell;
	foreach (cell, ((const A_ArrayExpr *)inner)->elements) {
		const char *text = nodes_string_constant(lfirst(cell));
		if (text == NULL || *text == '\0' || strpbrk(text, "{},\"\\' \t\n\r\v\f") != NULL ||
		    strcasecmp(text, "null") == 0) {
			write_structural(w, node, depth);
			return;
		}
	}
	put(w, "'{");
	foreach (cell, ((const A_ArrayExpr *)inner)->elements) {
		put(w, cell == list_head(((const A_ArrayExpr *)inner)->elements) ? "" : ",");
		put(w, nodes_string_constant(lfirst(cell)));
	}
	put(w, "}'");
}

static bool looks_like_number(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789.+-eE") == strlen(text);
}

static void write_cast(struct writer *w, const TypeCast *cast, enum place place, int depth)
{
	const Node *arg = cast->arg;
	const TypeName *type = cast->typeName;
	const char *type_name = type->names == NIL ? "" : nodes_last_name(type->names);

	if (nodes_type_is_text(type) || nodes_is_null_constant(arg)) {
		write_node(w, arg, place, depth);
		return;
	}
	if (IsA(arg, A_Const)) {
		const A_Const *constant = (const A_Const *)arg;
		NodeTag tag = constant->isnull ? T_Invalid : nodeTag(&constant->val);

		if ((tag == T_Boolean && strcmp(type_name, "bool") == 0) ||
		    (tag == T_String && strcmp(type_name, "regconfig") == 0) ||
		    ((tag == T_Integer || tag == T_Float) && nodes_type_is_number(type))) {
			write_constant(w, constant);
			return;
		}
		/* The server prints a negative or wide constant as '-1'::integer. Where literals are hidden the cast
		 * goes whatever they are, since nothing but their shape may show. */
		if (tag == T_String && nodes_type_is_number(type) &&
		    (w->masked || looks_like_number(constant->val.sval.sval))) {
			put(w, w->masked ? "?" : constant->val.sval.sval);
			return;
		}
	}

	unsigned columns = w->out->columns;
	write_node(w, arg, PLACE_INSIDE, depth);
	if (w->out->columns > columns)
		w->out->cast = true;

	const char *schema = type->names == NIL ? NULL : nodes_schema_name(type->names);
	put(w, "::");
	if (schema != NULL && strcmp(schema, "pg_catalog") != 0)
		putf(w, "%s.", schema);
	put(w, type_name);
	if (type->typmods != NIL) {
		put(w, "(");
		ListCell *cell;
		foreach (cell, type->typmods) {
			put(w, cell == list_head(type->typmods) ? "" : ",");
			write_structural(w, lfirst(cell), depth);
		}
		put(w, ")");
	}
	if (type->arrayBounds != NIL)
		put(w, "[]");
}

static bool is_json_path(const char *name)
{
	return strcmp(name, "->") == 0 || strcmp(name, "->>") == 0 || strcmp(name, "#>") == 0 ||
	       strcmp(name, "#>>") == 0;
}

static void write_operator(struct writer *w, const A_Expr *expr, enum place place, int depth)
{
	const char *name = nodes_last_name(expr->name);

	if (expr->kind == AEXPR_NULLIF) {
		put(w, "nullif(");
		write_node(w, expr->lexpr, PLACE_ALONE, depth);
		put(w, ", ");
		write_node(w, expr->rexpr, PLACE_ALONE, depth);
		put(w, ")");
		return;
	}
	put(w, place == PLACE_INSIDE ? "(" : "");
	switch (expr->kind) {
	case AEXPR_IN:
		write_in(w, expr, depth);
		break;
	case AEXPR_BETWEEN:
	case AEXPR_NOT_BETWEEN:
		write_between(w, expr, depth);
		break;
	case AEXPR_BETWEEN_SYM:
	case AEXPR_NOT_BETWEEN_SYM:
		write_node(w, expr->lexpr, PLACE_INSIDE, depth);
		put(w, expr->kind == AEXPR_BETWEEN_SYM ? " between symmetric (" : " not between symmetric (");
		write_literals(w, (const List *)expr->rexpr, depth);
		put(w, ")");
		break;
	case AEXPR_OP_ANY:
	case AEXPR_OP_ALL:
		write_node(w, expr->lexpr, PLACE_INSIDE, depth);
		putf(w, " %s %s (", name, expr->kind == AEXPR_OP_ANY ? "any" : "all");
		write_node(w, expr->rexpr, PLACE_ALONE, depth);
		put(w, ")");
		break;
	case AEXPR_DISTINCT:
	case AEXPR_NOT_DISTINCT:
		write_node(w, expr->lexpr, PLACE_INSIDE, depth);
		put(w, expr->kind == AEXPR_DISTINCT ? " is distinct from " : " is not distinct from ");
		write_node(w, expr->rexpr, PLACE_INSIDE, depth);
		break;
	default:
		if (expr->lexpr != NULL) {
			write_node(w, expr->lexpr, PLACE_INSIDE, depth);
			put(w, " ");
		}
		putf(w, "%s ", name);
		if (expr->lexpr != NULL && is_json_path(name))
			write_path(w, expr->rexpr, depth);
		else
			write_node(w, expr->rexpr, PLACE_INSIDE, depth);
		break;
	}
	put(w, place == PLACE_INSIDE ? ")" : "");
}

/* transformAExprIn (parse_expr.c): one element is a comparison, several are one with an array. */
static void write_in(struct writer *w, const A_Expr *expr, int depth)
{
	const List *items = (const List *)expr->rexpr;
	const char *name = nodes_last_name(expr->name);

	if (!IsA(items, List)) {
		w->failed = true;
		return;
	}
	write_node(w, expr->lexpr, PLACE_INSIDE, depth);
	if (list_length(items) == 1) {
		putf(w, " %s ", name);
		write_node(w, linitial(items), PLACE_INSIDE, depth);
		return;
	}
	putf(w, " %s %s (array[", name, strcmp(name, "=") == 0 ? "any" : "all");
	write_literals(w, items, depth);
	put(w, "])");
}

/* transformAExprBetween (parse_expr.c). */
static void write_between(struct writer *w, const A_Expr *expr, int depth)
{
	const List *bounds = (const List *)expr->rexpr;
	bool negated = expr->kind == AEXPR_NOT_BETWEEN;

	if (!IsA(bounds, List) || list_length(bounds) != 2) {
		w->failed = true;
		return;
	}
	put(w, "(");
	write_node(w, expr->lexpr, PLACE_INSIDE, depth);
	put(w, negated ? " < " : " >= ");
	write_node(w, linitial(bounds), PLACE_INSIDE, depth);
	put(w, negated ? ") or (" : ") and (");
	write_node(w, expr->lexpr, PLACE_INSIDE, depth);
	put(w, negated ? " > " : " <= ");
	write_node(w, lsecond(bounds), PLACE_INSIDE, depth);
	put(w, ")");
}

static void write_call(struct writer *w, const FuncCall *call, int depth)
{
	const char *schema = nodes_schema_name(call->funcname);
	const char *name = nodes_last_name(call->funcname);
	bool plain = schema == NULL || strcmp(schema, "pg_catalog") == 0;

	if (!plain)
		putf(w, "%s.", schema);
	putf(w, "%s(", name);
	if (call->agg_distinct)
		put(w, "distinct ");
	if (call->agg_star)
		put(w, "*");

	/* One argument alone is the text or the time, not the configuration or the zone. */
	bool structural = plain && list_length(call->args) > 1 && expression_structural_function(name);
	ListCell *cell;
	foreach (cell, call->args) {
		bool first = cell == list_head(call->args);
		put(w, first ? "" : ", ");
		/* The server prints f(a, VARIADIC ARRAY['b', 'c']) where f(a, 'b', 'c') was written. */
		if (call->func_variadic && lnext(call->args, cell) == NULL) {
			const char *unused = NULL;
			const Node *rest = strip(lfirst(cell), &unused);
			if (IsA(rest, A_ArrayExpr)) {
				write_elements(w, ((const A_ArrayExpr *)rest)->elements, depth);
				break;
			}
			put(w, "variadic ");
		}
		if (first && structural)
			write_structural(w, lfirst(cell), depth);
		else
			write_node(w, lfirst(cell), PLACE_ALONE, depth);
	}
	put(w, ")");
	/* No index holds an aggregate or a window: it is enough that the text differs from a plain call's. */
	if (call->agg_order != NIL || call->agg_filter != NULL || call->over != NULL) {
		put(w, " over (…)");
		w->out->columns += 2;
	}
}

/* AND within AND is flat, as the server stores it; so is a BETWEEN within AND. */
static void write_junction(struct writer *w, const BoolExpr *junction, bool first, int depth)
{
	if (depth > LIMIT_WALK_DEPTH || w->failed) {
		w->failed = true;
		return;
	}
	if (junction->boolop == NOT_EXPR) {
		put(w, "not ");
		write_node(w, linitial(junction->args), PLACE_INSIDE, depth);
		return;
	}

	ListCell *cell;
	foreach (cell, junction->args) {
		const Node *arg = lfirst(cell);
		bool head = first && cell == list_head(junction->args);

		if (IsA(arg, BoolExpr) && ((const BoolExpr *)arg)->boolop == junction->boolop) {
			write_junction(w, (const BoolExpr *)arg, head, depth + 1);
			continue;
		}
		if (!head)
			put(w, junction->boolop == AND_EXPR ? " and " : " or ");
		if (IsA(arg, A_Expr) &&
		    ((const A_Expr *)arg)->kind == (junction->boolop == AND_EXPR ? AEXPR_BETWEEN : AEXPR_NOT_BETWEEN))
			write_between(w, (const A_Expr *)arg, depth);
		else
			write_node(w, arg, PLACE_INSIDE, depth);
	}
}

static void write_sublink(struct writer *w, const SubLink *link, int depth)
{
	w->out->subquery = true;
	if (link->testexpr != NULL) {
		write_node(w, link->testexpr, PLACE_INSIDE, depth);
		put(w, " in ");
	}
	put(w, link->subLinkType == EXISTS_SUBLINK ? "exists (select)" : "(select)");
}

static void write_arguments(struct writer *w, const List *list, int depth)
{
	put(w, "(");
	write_elements(w, list, depth);
	put(w, ")");
}

static void write_elements(struct writer *w, const List *list, int depth)
{
	ListCell *cell;

	foreach (cell, list) {
		put(w, cell == list_head(list) ? "" : ", ");
		write_node(w, lfirst(cell), PLACE_ALONE, depth);
	}
}

static bool is_literal(const Node *node)
{
	while (IsA(node, TypeCast))
		node = ((const TypeCast *)node)->arg;
	return IsA(node, A_Const) || IsA(node, ParamRef);
}

/* The elements of a list. Where literals are hidden so is their number beyond "several": it is not in the
 * statement's key. */
static void write_literals(struct writer *w, const List *list, int depth)
{
	ListCell *cell;
	bool literals = w->masked && list_length(list) > 1;

	if (list != NIL && !IsA(list, List)) {
		w->failed = true;
		return;
	}
	foreach (cell, list)
		literals = literals && is_literal(lfirst(cell));
	if (literals) {
		put(w, "?, …");
		return;
	}
	write_elements(w, list, depth);
}

static void write_keyword(struct writer *w, const SQLValueFunction *function)
{
	static const char *const names[] = {
	    [SVFOP_CURRENT_DATE] = "current_date",
	    [SVFOP_CURRENT_TIME] = "current_time",
	    [SVFOP_CURRENT_TIME_N] = "current_time",
	    [SVFOP_CURRENT_TIMESTAMP] = "current_timestamp",
	    [SVFOP_CURRENT_TIMESTAMP_N] = "current_timestamp",
	    [SVFOP_LOCALTIME] = "localtime",
	    [SVFOP_LOCALTIME_N] = "localtime",
	    [SVFOP_LOCALTIMESTAMP] = "localtimestamp",
	    [SVFOP_LOCALTIMESTAMP_N] = "localtimestamp",
	    [SVFOP_CURRENT_ROLE] = "current_role",
	    [SVFOP_CURRENT_USER] = "current_user",
	    [SVFOP_USER] = "user",
	    [SVFOP_SESSION_USER] = "session_user",
	    [SVFOP_CURRENT_CATALOG] = "current_catalog",
	    [SVFOP_CURRENT_SCHEMA] = "current_schema",
	};

	put(w, names[function->op]);
	if (function->typmod >= 0)
		putf(w, "(%d)", function->typmod);
}

static void write_case(struct writer *w, const CaseExpr *expr, int depth)
{
	put(w, "case");
	if (expr->arg != NULL) {
		put(w, " ");
		write_node(w, (const Node *)expr->arg, PLACE_INSIDE, depth);
	}

	ListCell *cell;
	foreach (cell, expr->args) {
		const CaseWhen *when = lfirst(cell);
		put(w, " when ");
		write_node(w, (const Node *)when->expr, PLACE_ALONE, depth);
		put(w, " then ");
		write_node(w, (const Node *)when->result, PLACE_ALONE, depth);
	}
	/* The server prints an ELSE NULL where none was written. */
	put(w, " else ");
	if (expr->defresult != NULL)
		write_node(w, (const Node *)expr->defresult, PLACE_ALONE, depth);
	else
		put(w, "null");
	put(w, " end");
}

static void write_indirection(struct writer *w, const A_Indirection *node, int depth)
{
	ListCell *cell;

	write_node(w, node->arg, PLACE_INSIDE, depth);
	foreach (cell, node->indirection) {
		const Node *step = lfirst(cell);

		if (IsA(step, String)) {
			putf(w, ".%s", strVal(step));
		} else if (IsA(step, A_Indices)) {
			const A_Indices *indices = (const A_Indices *)step;
			put(w, "[");
			if (indices->is_slice && indices->lidx != NULL)
				write_structural(w, indices->lidx, depth);
			put(w, indices->is_slice ? ":" : "");
			if (indices->uidx != NULL)
				write_structural(w, indices->uidx, depth);
			put(w, "]");
		} else {
			put(w, ".*");
			w->out->columns += 2;
		}
	}
}

static void put(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	if (w->failed || len > sizeof(w->text) - w->len) {
		w->failed = true;
		return;
	}
	memcpy(w->text + w->len, text, len);
	w->len += len;
}

static void putf(struct writer *w, const char *format, ...)
{
	va_list arguments;

	if (w->failed)
		return;
	va_start(arguments, format);
	int len = vsnprintf(w->text + w->len, sizeof(w->text) - w->len, format, arguments);
	va_end(arguments);
	if (len < 0 || (size_t)len >= sizeof(w->text) - w->len)
		w->failed = true;
	else
		w->len += (size_t)len;
}
