#include "inspect/tree/walk_session.h"

#include "inspect/tree/clauses.h"

#include <string.h>

static bool walk_transaction(struct gather *gather, const TransactionStmt *transaction);
static void walk_set(struct gather *gather, const VariableSetStmt *set);
static const char *set_value(struct arena *arena, const char *name, const List *values);

static void declare_parameters(struct facts *facts, const List *types, struct arena *arena);

bool walk_session(struct gather *gather, const Node *statement, const Node **inner)
{
	struct facts *facts = gather->facts;
	struct arena *arena = gather->arena;
	ListCell *cell;

	*inner = NULL;
	switch (nodeTag(statement)) {
	case T_TransactionStmt:
		return walk_transaction(gather, (const TransactionStmt *)statement);
	case T_VariableSetStmt:
		walk_set(gather, (const VariableSetStmt *)statement);
		return true;
	case T_PrepareStmt:
		facts->kind = STATEMENT_PREPARE;
		facts->name = arena_text(arena, ((const PrepareStmt *)statement)->name);
		declare_parameters(facts, ((const PrepareStmt *)statement)->argtypes, arena);
		*inner = ((const PrepareStmt *)statement)->query;
		return true;
	case T_ExecuteStmt:
		facts->kind = STATEMENT_EXECUTE;
		walk_session_execute(gather, (const ExecuteStmt *)statement);
		facts->name = facts->executes;
		return true;
	case T_DeallocateStmt:
		facts->kind = STATEMENT_DEALLOCATE;
		facts->name = arena_text(arena, ((const DeallocateStmt *)statement)->name);
		return true;
	case T_DeclareCursorStmt: {
		const DeclareCursorStmt *declare = (const DeclareCursorStmt *)statement;
		facts->kind = STATEMENT_DECLARE;
		facts->name = arena_text(arena, declare->portalname);
		facts->hold = (declare->options & CURSOR_OPT_HOLD) != 0;
		*inner = declare->query;
		return true;
	}
	case T_FetchStmt:
		facts->kind = STATEMENT_FETCH;
		facts->name = arena_text(arena, ((const FetchStmt *)statement)->portalname);
		return true;
	case T_ClosePortalStmt:
		facts->kind = STATEMENT_CLOSE;
		facts->name = arena_text(arena, ((const ClosePortalStmt *)statement)->portalname);
		return true;
	case T_DiscardStmt: {
		static const char *const names[] = {
		    [DISCARD_ALL] = "all",
		    [DISCARD_PLANS] = "plans",
		    [DISCARD_SEQUENCES] = "sequences",
		    [DISCARD_TEMP] = "temp",
		};
		facts->kind = STATEMENT_DISCARD;
		facts->name = names[((const DiscardStmt *)statement)->target];
		return true;
	}
	case T_ExplainStmt:
		facts->kind = STATEMENT_EXPLAIN;
		foreach (cell, ((const ExplainStmt *)statement)->options) {
			const DefElem *option = lfirst(cell);
			if (strcmp(option->defname, "analyze") == 0)
				facts->analyze = nodes_option_is_on(option);
		}
		*inner = ((const ExplainStmt *)statement)->query;
		return true;
	case T_ListenStmt:
	case T_UnlistenStmt:
	case T_NotifyStmt:
		facts->kind = STATEMENT_LISTEN;
		return true;
	default:
		return false;
	}
}

void walk_session_execute(struct gather *gather, const ExecuteStmt *execute)
{
	struct facts *facts = gather->facts;
	size_t count = (size_t)list_length(execute->params);
	if (count > LIMIT_BOUND_PARAMETERS)
		count = LIMIT_BOUND_PARAMETERS;
	struct bound_shape *arguments = arena_alloc(gather->arena, (count + 1) * sizeof(*arguments));
	ListCell *cell;

	facts->executes = arena_text(gather->arena, execute->name);
	facts->arguments = arguments;
	const struct clauses_scope scope = {.gather = gather, .literals = true, .arena = gather->arena};
	const struct clause **values = arena_alloc(gather->arena, (count + 1) * sizeof(*values));
	if (gather->literals)
		facts->values = values;
	foreach (cell, execute->params) {
		const Node *value = lfirst(cell);
		char number[32];

		if (facts->argument_count == count)
			break;
		if (gather->literals)
			values[facts->argument_count] = clauses_of(&scope, value);
		while (IsA(value, TypeCast))
			value = ((const TypeCast *)value)->arg;
		const char *text =
		    IsA(value, A_Const) ? nodes_constant_text((const A_Const *)value, number, sizeof(number)) : NULL;
		arguments[facts->argument_count++] =
		    text == NULL ? (struct bound_shape){0} : shape_bound(text, strlen(text));
	}
}

void walk_session_set_config(struct gather *gather, const FuncCall *call)
{
	static const char *const known[] = {
	    "search_path",
	    "timezone",
	    "role",
	    "lock_timeout",
	    "statement_timeout",
	    "plan_cache_mode",
	    "session_authorization",
	    "standard_conforming_strings",
	};
	const char *function = nodes_function_name(call);
	struct facts *facts = gather->facts;

	if (function == NULL || strcmp(function, "set_config") != 0 || list_length(call->args) != 3)
		return;

	const char *name = nodes_string_constant(linitial(call->args));
	if (name == NULL)
		return;
	for (size_t at = 0; at < ARRAY_LEN(known); at++) {
		/* Of several, search_path counts: it decides what the other names mean. */
		if (strcasecmp(name, known[at]) != 0 || (facts->name != NULL && at != 0))
			continue;
		const Node *local = lthird(call->args);
		while (IsA(local, TypeCast))
			local = ((const TypeCast *)local)->arg;
		facts->name = known[at];
		facts->local = IsA(local, A_Const) && !((const A_Const *)local)->isnull &&
		               nodeTag(&((const A_Const *)local)->val) == T_Boolean &&
		               ((const A_Const *)local)->val.boolval.boolval;
	}
}

static bool walk_transaction(struct gather *gather, const TransactionStmt *transaction)
{
	static const enum statement_kind kinds[] = {
	    [TRANS_STMT_BEGIN] = STATEMENT_BEGIN,
	    [TRANS_STMT_START] = STATEMENT_BEGIN,
	    [TRANS_STMT_COMMIT] = STATEMENT_COMMIT,
	    [TRANS_STMT_ROLLBACK] = STATEMENT_ROLLBACK,
	    [TRANS_STMT_SAVEPOINT] = STATEMENT_SAVEPOINT,
	    [TRANS_STMT_RELEASE] = STATEMENT_RELEASE,
	    [TRANS_STMT_ROLLBACK_TO] = STATEMENT_ROLLBACK_TO,
	    [TRANS_STMT_PREPARE] = STATEMENT_COMMIT,
	    /* These two end somebody else's transaction. */
	    [TRANS_STMT_COMMIT_PREPARED] = STATEMENT_OTHER,
	    [TRANS_STMT_ROLLBACK_PREPARED] = STATEMENT_OTHER,
	};

	gather->facts->kind = kinds[transaction->kind];
	gather->facts->name = arena_text(gather->arena, transaction->savepoint_name);
	return true;
}

static void walk_set(struct gather *gather, const VariableSetStmt *set)
{
	struct facts *facts = gather->facts;

	bool resets = set->kind == VAR_RESET || set->kind == VAR_RESET_ALL || set->kind == VAR_SET_DEFAULT;

	facts->kind = resets ? STATEMENT_RESET : STATEMENT_SET;
	facts->name = arena_text(gather->arena, set->name);
	facts->local = set->is_local;
	if (set->kind == VAR_SET_VALUE)
		facts->value = set_value(gather->arena, set->name, set->args);
}

static bool is_plain_identifier(const char *text)
{
	if (*text != '_' && (*text < 'a' || *text > 'z'))
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

/* As flatten_set_variable_args (guc.c) does: joined by commas, and quoted where the elements are identifiers. */
static const char *set_value(struct arena *arena, const char *name, const List *values)
{
	bool quote = strcmp(name, "search_path") == 0 || strcmp(name, "temp_tablespaces") == 0;
	const char *joined = NULL;
	ListCell *cell;

	foreach (cell, values) {
		const Node *value = lfirst(cell);
		char number[32];

		if (!IsA(value, A_Const))
			return NULL;
		const char *text = nodes_constant_text((const A_Const *)value, number, sizeof(number));
		if (text == NULL)
			return NULL;
		if (quote && !is_plain_identifier(text)) {
			char *quoted = arena_alloc(arena, 2 * strlen(text) + 3), *to = quoted;
			*to++ = '"';
			for (; *text != '\0'; text++) {
				if (*text == '"')
					*to++ = '"';
				*to++ = *text;
			}
			*to = '"';
			text = quoted;
		}
		joined = joined == NULL ? arena_text(arena, text) : arena_printf(arena, "%s, %s", joined, text);
	}
	return joined;
}

static void declare_parameters(struct facts *facts, const List *types, struct arena *arena)
{
	struct fact_type *list = arena_alloc(arena, (size_t)(list_length(types) + 1) * sizeof(*list));
	ListCell *cell;

	facts->parameter_types = list;
	foreach (cell, types)
		list[facts->parameter_type_count++] = nodes_type(lfirst(cell), arena);
}
