#include "inspect/rules_ddl.h"

#include "inspect/change.h"
#include "inspect/remedy.h"
#include "inspect/retype.h"

#include <string.h>
#include <strings.h>

/* -- indexes -------------------------------------------------------------------------------------- */

static const struct catalog_relation *reindexed(const struct rule_input *input, const struct fact_action *action);
static const struct catalog_relation *largest(const struct rule_input *input, const char *schema);

void rules_ddl_index_build(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_CREATE_INDEX, &at, &change);) {
		if (change.action->concurrently || change.action->unique || change_adds_nothing(input, &change))
			continue;
		bool partitioned = change.relation->kind == CATALOG_PARTITIONED_TABLE;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column_count == 1 ? change.action->columns[0] : NULL,
		    .message = arena_printf(
		        arena,
		        "every INSERT, UPDATE and DELETE on %s waits while the whole %s read and the index "
		        "is built",
		        change.table, partitioned ? "of its partitions are" : "table is"),
		    .hint = partitioned
		                ? "A partitioned table refuses CONCURRENTLY: create the index ON ONLY it, build it "
		                  "CONCURRENTLY on each partition, then attach those."
		                : "Build it with CREATE INDEX CONCURRENTLY, outside a transaction.",
		    .fix_sql = change_concurrent_index(arena, &change),
		    .fix_django = partitioned ? NULL : change_django_index(arena, &change),
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

void rules_ddl_reindex(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->form != DDL_REINDEX || action->concurrently)
			continue;
		const struct catalog_relation *relation = reindexed(input, action);
		if (!relation)
			continue;
		const char *kind = action->reindex_kind;
		bool one_table = strcmp(kind, "table") == 0 || strcmp(kind, "index") == 0;
		const char *what = strcmp(kind, "table") == 0 ? remedy_table(arena, relation)
		                   : action->object           ? remedy_identifier(arena, action->object)
		                                              : "";
		if (strcmp(kind, "index") == 0 && action->object_schema)
			what = arena_printf(arena, "%s.%s", remedy_identifier(arena, action->object_schema), what);
		char upper[16] = {0};
		for (size_t i = 0; i < sizeof(upper) - 1 && kind[i]; i++)
			upper[i] = (char)(kind[i] >= 'a' && kind[i] <= 'z' ? kind[i] - 'a' + 'A' : kind[i]);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        arena_printf(arena,
		                     "writes on %s wait while its indexes are built anew, and so does every query that "
		                     "is planned with them%s",
		                     remedy_table(arena, relation),
		                     one_table ? "" : "; it is the largest of the tables that this names"),
		    .hint = "REINDEX … CONCURRENTLY builds beside the old index, outside a transaction.",
		    .fix_sql = arena_printf(arena, "REINDEX %s CONCURRENTLY %s;", upper, what),
		    .fix_django = "RunSQL, in a migration with atomic = False",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static const struct catalog_relation *reindexed(const struct rule_input *input, const struct fact_action *action)
{
	const char *kind = action->reindex_kind ? action->reindex_kind : "";
	if (strcmp(kind, "table") == 0)
		return rules_relation(input, action->relation);
	if (strcmp(kind, "schema") == 0 && action->object)
		return largest(input, action->object);
	if (strcmp(kind, "database") == 0)
		return largest(input, NULL);
	if (strcmp(kind, "index") != 0 || !action->object)
		return NULL; /* REINDEX SYSTEM does without the users' tables */
	if (!input->catalog) {
		*input->catalog_missing = true;
		return NULL;
	}
	const char *path = rules_search_path(input);
	const struct catalog_relation *relation = NULL;
	if (!action->object_schema && !path)
		return NULL;
	if (!catalog_find_index(input->catalog, action->object_schema, action->object, path, input->session->user,
	                        &relation))
		return NULL;
	bool own = relation->temporary || relation->system ||
	           session_state_created(input->session, relation->schema, relation->name);
	return own ? NULL : relation;
}

/* The table that takes longest of all in a schema, or (NULL) in the database. */
static const struct catalog_relation *largest(const struct rule_input *input, const char *schema)
{
	const struct catalog_relation *largest = NULL;
	if (!input->catalog) {
		*input->catalog_missing = true;
		return NULL;
	}
	for (uint32_t i = 0; i < catalog_relation_count(input->catalog); i++) {
		const struct catalog_relation *relation = catalog_relation_at(input->catalog, i);
		bool has_rows = relation->kind == CATALOG_TABLE || relation->kind == CATALOG_MATERIALIZED_VIEW;
		if (!has_rows || relation->system || relation->temporary ||
		    (schema && strcmp(relation->schema, schema) != 0))
			continue;
		if (!largest || relation->bytes > largest->bytes ||
		    (relation->bytes == largest->bytes && relation->rows > largest->rows))
			largest = relation;
	}
	return largest;
}

/* -- new columns ---------------------------------------------------------------------------------- */

static const struct fact_call *volatile_call(const struct rule_input *input, const struct fact_action *action);
static const char *rewriting_type(const struct rule_input *input, const struct fact_action *action,
                                  struct arena *arena);

void rules_ddl_volatile_default(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_COLUMN, &at, &change);) {
		const struct fact_action *action = change.action;
		if (!action->has_default || action->has_generated || change_adds_nothing(input, &change))
			continue;
		const struct fact_call *call = volatile_call(input, action);
		if (!call)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column,
		    .message = arena_printf(
		        arena,
		        "the whole of %s is rewritten while nobody can read or write it: %s() is volatile, "
		        "so each row needs a value of its own",
		        change.table, call->name),
		    .hint = "Add the column without a default, set the default for new rows, then fill the old ones in "
		            "batches.",
		    .fix_sql =
		        arena_printf(arena,
		                     "ALTER TABLE %s ADD COLUMN %s %s;\n"
		                     "ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s(%s);\n"
		                     "-- then UPDATE … WHERE %s IS NULL, some thousand rows at a time",
		                     change.table, change.column, action->type.name, change.table, change.column,
		                     remedy_identifier(arena, call->name), call->arguments ? "…" : "", change.column),
		    .fix_django =
		        "AddField(…, null=True); RunPython in batches in a migration with atomic = False; then the "
		        "default",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static const struct fact_call *volatile_call(const struct rule_input *input, const struct fact_action *action)
{
	for (uint16_t i = 0; i < action->call_count; i++) {
		const struct fact_call *call = &action->calls[i];
		bool inlinable = false;
		enum catalog_volatility volatility =
		    catalog_volatility_of(input->catalog, call->schema, call->name, call->arguments, &inlinable);
		if (volatility == CATALOG_VOLATILE && !inlinable)
			return call;
	}
	return NULL;
}

void rules_ddl_rewrite_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_COLUMN, &at, &change);) {
		if (change_adds_nothing(input, &change))
			continue;
		const char *what = rewriting_type(input, change.action, arena);
		if (!what)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column,
		    .message = arena_printf(arena, "the whole of %s is rewritten while nobody can read or write it: %s",
		                            change.table, what),
		    .hint = "Add a plain column, keep it filled by a trigger, fill the old rows in batches, then make "
		            "it what "
		            "it shall be.",
		    .fix_django =
		        "an AddField of a plain nullable field, a RunPython in batches, then the field as it shall "
		        "be, each in a migration of its own",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

/* NULL when a column of that type costs nothing. */
static const char *rewriting_type(const struct rule_input *input, const struct fact_action *action, struct arena *arena)
{
	static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"};
	if (action->has_generated)
		return "a stored generated column is computed for each row";
	if (action->has_identity)
		return "an identity column takes a number from its sequence for each row";
	if (!action->type.name || action->type.array)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
		if (!action->type.schema && strcmp(action->type.name, serials[i]) == 0)
			return arena_printf(arena, "%s takes a number from its sequence for each row",
			                    action->type.name);
	}
	const struct catalog_domain *domain =
	    catalog_find_domain(input->catalog, action->type.schema, action->type.name);
	if (domain && domain->constrained)
		return arena_printf(arena,
		                    "the domain %s has a constraint that each row is checked against, even a NULL",
		                    domain->name);
	return NULL;
}

/* -- changed columns ------------------------------------------------------------------------------ */

static bool is_time_zone_utc(const struct rule_input *input);
static const char *type_name(struct arena *arena, const struct fact_type *type);
static bool is_text(const char *type);

void rules_ddl_alter_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ALTER_TYPE, &at, &change);) {
		const struct fact_action *action = change.action;
		const struct catalog_column *column = catalog_column(change.relation, action->column);
		if (!column || !retype_rewrites(input->catalog, column, &action->type, action->using_kind,
		                                is_time_zone_utc(input)))
			continue;
		const char *to = type_name(arena, &action->type);
		const char *because = action->using_kind == USING_EXPRESSION
		                          ? "USING computes each value anew"
		                          : arena_printf(arena, "%s and %s are not stored alike", column->type, to);
		if (action->using_kind != USING_EXPRESSION && !action->type.array &&
		    (strcmp(column->type, action->type.name) == 0 ||
		     (is_text(column->type) && is_text(action->type.name))))
			because = "a value may not fit the new type's modifier";
		else if (strncmp(column->type, "timestamp", 9) == 0 &&
		         strncmp(action->type.name, "timestamp", 9) == 0 && action->using_kind != USING_EXPRESSION &&
		         !is_time_zone_utc(input))
			because = "the session's time zone is not UTC, so each value changes";
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column,
		    .message =
		        arena_printf(arena,
		                     "the whole of %s and its indexes are rewritten while nobody can read or write it: "
		                     "%s",
		                     change.table, because),
		    .hint = "Add a column of the new type, write to both, fill it in batches, then swap them.",
		    .fix_sql = arena_printf(
		        arena,
		        "ALTER TABLE %s ADD COLUMN %s %s;\n"
		        "-- a trigger that keeps it filled; UPDATE in batches; then swap the two by RENAME",
		        change.table, remedy_identifier(arena, arena_printf(arena, "%s_new", action->column)), to),
		    .fix_django =
		        "AddField of the new type, RunPython in batches with atomic = False, then RenameField",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

/* The session's, unless an earlier statement of this message sets it: its ParameterStatus is yet to come. */
static bool is_time_zone_utc(const struct rule_input *input)
{
	bool utc = input->session->time_zone_utc;
	for (uint16_t i = 0; i < input->earlier_count; i++) {
		const struct facts *earlier = &input->earlier[i];
		bool sets = earlier->kind == STATEMENT_SET || earlier->kind == STATEMENT_SELECT;
		if (sets && earlier->name && strcasecmp(earlier->name, "timezone") == 0)
			utc = earlier->value && session_state_is_utc(earlier->value, strlen(earlier->value));
	}
	return utc;
}

static const char *type_name(struct arena *arena, const struct fact_type *type)
{
	const char *name = type->name;
	if (type->modifiers[1] >= 0)
		name = arena_printf(arena, "%s(%d,%d)", name, type->modifiers[0], type->modifiers[1]);
	else if (type->modifiers[0] >= 0)
		name = arena_printf(arena, "%s(%d)", name, type->modifiers[0]);
	return arena_printf(arena, "%s%s", name, type->array ? "[]" : "");
}

static bool is_text(const char *type)
{
	return strcmp(type, "text") == 0 || strcmp(type, "varchar") == 0 || strcmp(type, "citext") == 0;
}

/* -- VACUUM FULL ---------------------------------------------------------------------------------- */

void rules_ddl_vacuum_full(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->form != DDL_VACUUM_FULL && action->form != DDL_CLUSTER)
			continue;
		bool named = action->relation >= 0;
		const struct catalog_relation *relation =
		    named ? rules_relation(input, action->relation) : largest(input, NULL);
		if (!relation)
			continue;
		const char *table = remedy_table(arena, relation);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        arena_printf(arena, "the whole of %s is written anew while nobody can read or write it%s",
		                     table, named ? "" : "; it is the largest of the tables that this goes over"),
		    .hint = "Let autovacuum reuse the space, or give it back with pg_repack, which lets others read "
		            "and write.",
		    .fix_sql = arena_printf(arena, "VACUUM (ANALYZE) %s;", table),
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}
