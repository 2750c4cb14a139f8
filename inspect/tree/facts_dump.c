#include "inspect/tree/facts_dump.h"

#include "config/check.h"
#include "inspect/tree/clause_dump.h"

#include <stdarg.h>
#include <string.h>

struct dump {
	char *to;
	size_t size, len;
};

static void dump_relation(struct dump *dump, const struct fact_relation *relation);
static void dump_level(struct dump *dump, const struct fact_level *level);
static void dump_predicate(struct dump *dump, const struct fact_predicate *predicate);
static void dump_shape(struct dump *dump, const struct pattern_shape *shape);
static void dump_argument(struct dump *dump, const struct bound_shape *argument);
static void dump_sort(struct dump *dump, const struct fact_sort *sort);
static void dump_reach(struct dump *dump, const struct fact_level *level);
static void dump_locks(struct dump *dump, const struct fact_action *action);
static void dump_clause(struct dump *dump, const struct clause *clause);
static void dump_action(struct dump *dump, const struct fact_action *action);
static void list(struct dump *dump, const char *name, const char *const *names, uint16_t count);
static void dump_constraint(struct dump *dump, const struct fact_constraint *constraint);
static void put(struct dump *dump, const char *format, ...) PRINTF_LIKE(2, 3);
static void flag(struct dump *dump, bool on, const char *name);
static void text(struct dump *dump, const char *name, const char *value);

static const char *const kinds[] = {
    [STATEMENT_OTHER] = "other",
    [STATEMENT_SELECT] = "select",
    [STATEMENT_INSERT] = "insert",
    [STATEMENT_UPDATE] = "update",
    [STATEMENT_DELETE] = "delete",
    [STATEMENT_MERGE] = "merge",
    [STATEMENT_COPY] = "copy",
    [STATEMENT_DDL] = "ddl",
    [STATEMENT_BEGIN] = "begin",
    [STATEMENT_COMMIT] = "commit",
    [STATEMENT_ROLLBACK] = "rollback",
    [STATEMENT_SAVEPOINT] = "savepoint",
    [STATEMENT_RELEASE] = "release",
    [STATEMENT_ROLLBACK_TO] = "rollback_to",
    [STATEMENT_SET] = "set",
    [STATEMENT_RESET] = "reset",
    [STATEMENT_PREPARE] = "prepare",
    [STATEMENT_EXECUTE] = "execute",
    [STATEMENT_DEALLOCATE] = "deallocate",
    [STATEMENT_DECLARE] = "declare",
    [STATEMENT_FETCH] = "fetch",
    [STATEMENT_CLOSE] = "close",
    [STATEMENT_DISCARD] = "discard",
    [STATEMENT_EXPLAIN] = "explain",
    [STATEMENT_ANALYZE] = "analyze",
    [STATEMENT_LISTEN] = "listen",
    [STATEMENT_LOCK] = "lock",
    [STATEMENT_TRUNCATE] = "truncate",
    [STATEMENT_DO] = "do",
    [STATEMENT_CALL] = "call",
};

static const char *const operators[] = {
    [PREDICATE_EQUAL] = "equal",
    [PREDICATE_NOT_EQUAL] = "not_equal",
    [PREDICATE_RANGE] = "range",
    [PREDICATE_IS_NULL] = "is_null",
    [PREDICATE_IS_NOT_NULL] = "is_not_null",
    [PREDICATE_LIKE] = "like",
    [PREDICATE_ILIKE] = "ilike",
    [PREDICATE_REGEX] = "regex",
    [PREDICATE_IREGEX] = "iregex",
    [PREDICATE_SIMILAR] = "similar",
    [PREDICATE_BOOLEAN] = "boolean",
    [PREDICATE_OTHER] = "other",
};

static const char *const operands[] = {
    [OPERAND_LITERAL] = "literal",   [OPERAND_PARAMETER] = "parameter", [OPERAND_COLUMN] = "column",
    [OPERAND_SUBQUERY] = "subquery", [OPERAND_OTHER] = "other",         [OPERAND_NONE] = "none",
};

static const char *const forms[] = {
    [DDL_OTHER] = "other",
    [DDL_CREATE_TABLE] = "create_table",
    [DDL_CREATE_TABLE_AS] = "create_table_as",
    [DDL_CREATE_INDEX] = "create_index",
    [DDL_DROP_INDEX] = "drop_index",
    [DDL_REINDEX] = "reindex",
    [DDL_ADD_COLUMN] = "add_column",
    [DDL_DROP_COLUMN] = "drop_column",
    [DDL_ALTER_TYPE] = "alter_type",
    [DDL_SET_DEFAULT] = "set_default",
    [DDL_DROP_DEFAULT] = "drop_default",
    [DDL_SET_NOT_NULL] = "set_not_null",
    [DDL_DROP_NOT_NULL] = "drop_not_null",
    [DDL_ADD_CHECK] = "add_check",
    [DDL_ADD_FOREIGN_KEY] = "add_foreign_key",
    [DDL_ADD_UNIQUE] = "add_unique",
    [DDL_ADD_PRIMARY_KEY] = "add_primary_key",
    [DDL_ADD_EXCLUSION] = "add_exclusion",
    [DDL_VALIDATE_CONSTRAINT] = "validate_constraint",
    [DDL_DROP_CONSTRAINT] = "drop_constraint",
    [DDL_RENAME] = "rename",
    [DDL_DROP_TABLE] = "drop_table",
    [DDL_VACUUM_FULL] = "vacuum_full",
    [DDL_CLUSTER] = "cluster",
    [DDL_SET_STORAGE_PROPERTY] = "set_storage_property",
    [DDL_ATTACH_PARTITION] = "attach_partition",
    [DDL_DETACH_PARTITION] = "detach_partition",
    [DDL_REFRESH_MATERIALIZED_VIEW] = "refresh_materialized_view",
    [DDL_ALTER_TABLE_OTHER] = "alter_table_other",
    [DDL_CREATE_TRIGGER] = "create_trigger",
    [DDL_DROP_OTHER] = "drop_other",
    [DDL_ALTER_INDEX] = "alter_index",
    [DDL_SEQUENCE] = "sequence",
    [DDL_DOMAIN_CONSTRAINT] = "domain_constraint",
    [DDL_CREATE_VIEW] = "create_view",
};

void facts_dump(const struct facts *facts, char *to, size_t size)
{
	struct dump dump = {.to = to, .size = size};

	if (size == 0)
		return;
	to[0] = '\0';
	put(&dump, "%s", kinds[facts->kind]);
	text(&dump, "name", facts->name);
	text(&dump, "value", facts->value);
	text(&dump, "executes", facts->executes);
	for (uint16_t at = 0; at < facts->argument_count; at++)
		dump_argument(&dump, &facts->arguments[at]);
	flag(&dump, facts->local, "local");
	flag(&dump, facts->hold, "hold");
	flag(&dump, facts->analyze, "analyze");
	flag(&dump, facts->for_update, "for_update");
	flag(&dump, facts->nowait, "nowait");
	flag(&dump, facts->long_list, "long_list");
	text(&dump, "long_name", facts->long_name);
	flag(&dump, facts->truncated, "truncated");
	put(&dump, "\n");
	for (uint16_t at = 0; at < facts->level_count; at++) {
		put(&dump, "level %u", at);
		dump_level(&dump, &facts->levels[at]);
	}
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		put(&dump, "relation %u", at);
		dump_relation(&dump, &facts->relations[at]);
	}
	for (uint16_t at = 0; at < facts->predicate_count; at++)
		dump_predicate(&dump, &facts->predicates[at]);
	for (uint16_t at = 0; at < facts->sort_count; at++)
		dump_sort(&dump, &facts->sorts[at]);
	for (uint16_t at = 0; at < facts->action_count; at++)
		dump_action(&dump, &facts->actions[at]);
	for (uint16_t at = 0; at < facts->assignment_count; at++) {
		const struct fact_assignment *assignment = &facts->assignments[at];
		if (assignment->column)
			put(&dump, "set %s %s", assignment->column, operands[assignment->operand]);
		else
			put(&dump, "set #%u %s", assignment->place, operands[assignment->operand]);
		if (assignment->operand == OPERAND_PARAMETER)
			put(&dump, " $%u", assignment->parameter);
		for (unsigned kind = 0; kind < VALUE_KINDS; kind++) {
			if (assignment->values & value_bit(kind))
				put(&dump, " %s", value_name(kind));
		}
		put(&dump, "\n");
	}
	for (uint16_t at = 0; at < facts->secret_count; at++)
		put(&dump, "secret %u %s\n", facts->secrets[at].kind, facts->secrets[at].object);
}

void facts_dump_fully(const struct facts *facts, char *to, size_t size)
{
	struct dump dump = {.to = to, .size = size};

	facts_dump(facts, to, size);
	if (size == 0)
		return;
	dump.len = strlen(to);
	put(&dump, "lock=%s", lock_name(facts->lock));
	flag(&dump, facts->cascade, "cascade");
	flag(&dump, facts->restart, "restart");
	flag(&dump, facts->uses_truncated, "uses_truncated");
	for (uint16_t at = 0; at < facts->parameter_type_count; at++)
		put(&dump, " %s(%d,%d)%s", facts->parameter_types[at].name, facts->parameter_types[at].modifiers[0],
		    facts->parameter_types[at].modifiers[1], facts->parameter_types[at].array ? "[]" : "");
	put(&dump, "\n");
	for (uint16_t at = 0; at < facts->level_count; at++)
		dump_reach(&dump, &facts->levels[at]);
	for (uint16_t at = 0; at < facts->condition_count; at++) {
		const struct fact_condition *condition = &facts->conditions[at];
		put(&dump, "condition %s level=%u %d..%d", condition->text ? condition->text : "", condition->level,
		    condition->from, condition->to);
		if (condition->join_to != 0)
			put(&dump, " of %d..%d", condition->join_from, condition->join_to);
		dump_clause(&dump, condition->clause);
	}
	for (uint16_t at = 0; at < facts->sort_count; at++) {
		put(&dump, "sort");
		dump_clause(&dump, facts->sorts[at].clause);
	}
	for (uint16_t at = 0; at < facts->action_count; at++)
		dump_locks(&dump, &facts->actions[at]);
	for (uint16_t at = 0; at < facts->assignment_count; at++)
		put(&dump, "set of %d\n", facts->assignments[at].relation);
	for (uint16_t at = 0; at < facts->use_count; at++) {
		const struct fact_use *use = &facts->uses[at];
		put(&dump, "use %d level=%u %s\n", use->relation, use->level, use->column ? use->column : "*");
	}
}

static void dump_reach(struct dump *dump, const struct fact_level *level)
{
	put(dump, "level reach=%d arms=%u", level->reach, level->arms);
	flag(dump, level->is_barrier, "barrier");
	flag(dump, level->is_arm, "arm");
	put(dump, "\n");
	for (uint16_t at = 0; at < level->output_count; at++) {
		const struct fact_output *output = &level->outputs[at];
		put(dump, "output %s %d", output->name ? output->name : "*", output->relation);
		flag(dump, output->closed, "closed");
		dump_clause(dump, output->clause);
	}
}

static void dump_locks(struct dump *dump, const struct fact_action *action)
{
	put(dump, "locks %s, %s", lock_name(action->lock), lock_name(action->referenced_lock));
	flag(dump, action->recurses, "recurses");
	flag(dump, action->no_data, "no_data");
	flag(dump, action->is_default, "default");
	text(dump, "collate", action->collation);
	text(dump, "check", action->expression);
	text(dump, "from", action->bound_from);
	text(dump, "to", action->bound_to);
	list(dump, "in", action->bounds, action->bound_count);
	if (action->modulus > 0)
		put(dump, " modulus=%d remainder=%d", action->modulus, action->remainder);
	put(dump, "\n");
}

/* To the line's end. */
static void dump_clause(struct dump *dump, const struct clause *clause)
{
	put(dump, " ");
	dump->len += clause_dump(clause, dump->to + dump->len, dump->size - dump->len);
	put(dump, "\n");
}

static void dump_level(struct dump *dump, const struct fact_level *level)
{
	if (level->parent >= 0)
		put(dump, " in %d", level->parent);
	flag(dump, level->has_where, "where");
	flag(dump, level->has_limit, "limit");
	flag(dump, level->has_offset, "offset");
	flag(dump, level->deep_offset, "deep");
	flag(dump, level->has_group, "group");
	flag(dump, level->has_distinct, "distinct");
	flag(dump, level->has_locking, "locking");
	flag(dump, level->has_aggregate, "aggregate");
	flag(dump, level->only_count, "only_count");
	flag(dump, level->has_others, "others");
	put(dump, "\n");
}

static void dump_relation(struct dump *dump, const struct fact_relation *relation)
{
	put(dump, " ");
	if (relation->schema != NULL)
		put(dump, "%s.", relation->schema);
	put(dump, "%s", relation->name[0] != '\0' ? relation->name : "(select)");
	text(dump, "alias", relation->alias);
	if (relation->query != 0)
		put(dump, " query=%u", relation->query);
	for (uint16_t at = 0; at < relation->column_count; at++)
		put(dump, " as %s", relation->columns[at]);
	flag(dump, relation->is_target, "target");
	flag(dump, relation->is_inserted, "inserted");
	flag(dump, relation->only, "only");
	flag(dump, relation->is_cte, "cte");
	if (relation->level > 0)
		put(dump, " level=%u", relation->level);
	put(dump, "\n");
}

static void dump_predicate(struct dump *dump, const struct fact_predicate *predicate)
{
	put(dump, "where ");
	if (predicate->relation >= 0)
		put(dump, "%d:", predicate->relation);
	put(dump, "[%s] %s %s", predicate->expression, operators[predicate->operator], predicate->operator_name);
	text(dump, "column", predicate->column);
	flag(dump, predicate->bare, "bare");
	flag(dump, predicate->cast, "cast");
	flag(dump, predicate->negated, "negated");
	flag(dump, predicate->conjunct, "and");
	text(dump, "collate", predicate->collation);
	if (predicate->level > 0)
		put(dump, " level=%u", predicate->level);
	put(dump, " %s", operands[predicate->operand]);
	if (predicate->operand == OPERAND_PARAMETER)
		put(dump, " %s$%u%s", predicate->parameter_prefixed ? ".." : "", predicate->parameter,
		    predicate->parameter_suffixed ? ".." : "");
	if (predicate->operand == OPERAND_COLUMN && predicate->operand_relation >= 0)
		put(dump, " %d:", predicate->operand_relation);
	if (predicate->operand == OPERAND_COLUMN && predicate->operand_expression != NULL)
		put(dump, "[%s]", predicate->operand_expression);
	text(dump, "type", predicate->operand_type);
	if (predicate->items > 0)
		put(dump, " items=%u", predicate->items);
	if (predicate->shape.known) {
		put(dump, " shape=(");
		dump_shape(dump, &predicate->shape);
		put(dump, " )");
	}
	put(dump, "\n");
}

static void dump_shape(struct dump *dump, const struct pattern_shape *shape)
{
	flag(dump, shape->leading_wildcard, "leading");
	flag(dump, shape->has_wildcard, "wild");
	flag(dump, shape->only_wildcards, "only");
	flag(dump, shape->has_trigram, "trigram");
	flag(dump, shape->has_prefix, "prefix");
	flag(dump, shape->asks_item, "item");
}

static void dump_argument(struct dump *dump, const struct bound_shape *argument)
{
	put(dump, " argument=(");
	if (argument->known) {
		put(dump, " %s like", value_name(argument->value));
		dump_shape(dump, &argument->like);
		put(dump, " regex");
		dump_shape(dump, &argument->regex);
		put(dump, " similar");
		dump_shape(dump, &argument->similar);
	}
	put(dump, " )");
}

static void dump_sort(struct dump *dump, const struct fact_sort *sort)
{
	put(dump, "sort ");
	if (sort->relation >= 0)
		put(dump, "%d:", sort->relation);
	put(dump, "[%s]", sort->expression);
	text(dump, "column", sort->column);
	flag(dump, sort->descending, "desc");
	flag(dump, sort->nulls_first, "nulls_first");
	flag(dump, sort->order == ORDER_DISTINCT, "distinct");
	flag(dump, sort->order == ORDER_EXTREME, "extreme");
	if (sort->level > 0)
		put(dump, " level=%u", sort->level);
	put(dump, "\n");
}

static const char *opclass(const struct fact_action *action, uint16_t at)
{
	return action->opclasses != NULL ? action->opclasses[at] : NULL;
}

static void list(struct dump *dump, const char *name, const char *const *names, uint16_t count)
{
	for (uint16_t at = 0; at < count; at++)
		put(dump, "%s%s%s%s", at == 0 ? " " : "", at == 0 ? name : ",", at == 0 ? "=" : "", names[at]);
}

static void dump_constraint(struct dump *dump, const struct fact_constraint *constraint)
{
	list(dump, "refers", constraint->referenced_columns, constraint->referenced_column_count);
	list(dump, "sets", constraint->set_columns, constraint->set_column_count);
	list(dump, "includes", constraint->included, constraint->included_count);
	if (constraint->on_delete != '\0' && constraint->on_delete != 'a')
		put(dump, " on_delete=%c", constraint->on_delete);
	if (constraint->on_update != '\0' && constraint->on_update != 'a')
		put(dump, " on_update=%c", constraint->on_update);
	flag(dump, constraint->match_full, "match_full");
	flag(dump, constraint->nulls_not_distinct, "nulls_not_distinct");
	flag(dump, constraint->deferrable, "deferrable");
	flag(dump, constraint->deferred, "deferred");
}

static void dump_type(struct dump *dump, const struct fact_type *type)
{
	if (type->name == NULL)
		return;
	if (type->schema != NULL)
		put(dump, "%s.", type->schema);
	put(dump, "%s", type->name);
	if (type->modifiers[0] >= 0)
		put(dump, "(%d", type->modifiers[0]);
	if (type->modifiers[1] >= 0)
		put(dump, ",%d", type->modifiers[1]);
	put(dump, "%s%s", type->modifiers[0] >= 0 ? ")" : "", type->array ? "[]" : "");
}

static void dump_action(struct dump *dump, const struct fact_action *action)
{
	static const char *const usings[] = {
	    [USING_NONE] = NULL,
	    [USING_BARE_CAST] = "bare_cast",
	    [USING_EXPRESSION] = "expression",
	};

	put(dump, "%s", forms[action->form]);
	if (action->relation >= 0)
		put(dump, " on=%d", action->relation);
	text(dump, "schema", action->object_schema);
	text(dump, "object", action->object);
	text(dump, "column", action->column);
	text(dump, "to", action->new_name);
	for (uint16_t at = 0; at < action->column_count; at++)
		put(dump, "%s[%s%s%s]", at == 0 ? " " : "", action->columns[at], opclass(action, at) ? " " : "",
		    opclass(action, at) ? opclass(action, at) : "");
	text(dump, "method", action->method);
	text(dump, "kind", action->reindex_kind);
	if (action->type.name != NULL) {
		put(dump, " type=");
		dump_type(dump, &action->type);
	}
	for (uint16_t at = 0; at < action->new_column_count; at++) {
		put(dump, "%s{%s ", at == 0 ? " " : "", action->new_columns[at].name);
		dump_type(dump, &action->new_columns[at].type);
		put(dump, "}");
	}
	text(dump, "using", usings[action->using_kind]);
	for (uint16_t at = 0; at < action->call_count; at++) {
		const struct fact_call *call = &action->calls[at];
		put(dump, " call=%s%s%s/%u", call->schema != NULL ? call->schema : "", call->schema != NULL ? "." : "",
		    call->name, call->arguments);
	}
	text(dump, "index", action->index);
	if (action->constraint != NULL)
		dump_constraint(dump, action->constraint);
	if (action->referenced >= 0)
		put(dump, " referenced=%d", action->referenced);
	flag(dump, action->concurrently, "concurrently");
	flag(dump, action->only, "only");
	flag(dump, action->if_exists, "if_exists");
	flag(dump, action->unique, "unique");
	flag(dump, action->not_valid, "not_valid");
	flag(dump, action->using_index, "using_index");
	flag(dump, action->has_default, "default");
	flag(dump, action->default_is_null, "default_null");
	flag(dump, action->default_is_call, "default_call");
	flag(dump, action->default_has_query, "default_query");
	flag(dump, action->default_has_column, "default_column");
	flag(dump, action->has_check, "check");
	flag(dump, action->has_unique, "has_unique");
	flag(dump, action->has_primary, "primary");
	flag(dump, action->has_references, "references");
	flag(dump, action->has_not_null, "not_null");
	flag(dump, action->has_generated, "generated");
	flag(dump, action->has_identity, "identity");
	flag(dump, action->has_collation, "collation");
	flag(dump, action->has_predicate, "partial");
	flag(dump, action->has_options, "options");
	flag(dump, action->cascade, "cascade");
	flag(dump, action->temporary, "temporary");
	put(dump, "\n");
}

static void flag(struct dump *dump, bool on, const char *name)
{
	if (on)
		put(dump, " %s", name);
}

static void text(struct dump *dump, const char *name, const char *value)
{
	if (value != NULL)
		put(dump, " %s=%s", name, value);
}

static void put(struct dump *dump, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(dump->to + dump->len, dump->size - dump->len, format, arguments);
	va_end(arguments);
	if (len < 0)
		return;
	dump->len += (size_t)len < dump->size - dump->len ? (size_t)len : dump->size - dump->len - 1;
}
