#include "inspect/rules/rules_ddl.h"

#include "inspect/rules/change.h"
#include "inspect/rules/remedy.h"
#include "inspect/change/retype.h"
#include "inspect/change/rewrite.h"
#include "inspect/text/identifier.h"

#include <string.h>
#include <strings.h>

static void index_build(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void reindex(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void volatile_default(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void rewrite_type(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void alter_type(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void vacuum_full(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "index-build-blocks-writes",
        .code = "M202",
        .title = "CREATE INDEX without CONCURRENTLY: writes wait until it is built",
        .severity = SEVERITY_BLOCK,
        .severity_medium = SEVERITY_WARN,
        .on_medium = true,
        .scope = RULE_DDL,
        .check = index_build,
        .why = "CREATE INDEX takes a SHARE lock and keeps it while the whole table is read and sorted. "
               "Reads go on; every INSERT, UPDATE and DELETE waits, and with them, soon, every worker "
               "of the application.",
        .example = "CREATE INDEX shop_product_price ON shop_product (price);",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_price ON shop_product (price);   -- outside a "
                "transaction\n"
                "\n"
                "# Django, in a migration with atomic = False:\n"
                "AddIndexConcurrently(\"product\", Index(fields=[\"price\"], "
                "name=\"shop_product_price\"))\n"
                "# for db_index=True: SeparateDatabaseAndState with AlterField as the state and that as "
                "the database's part",
        .decides = "Any CREATE INDEX without CONCURRENTLY that is not unique (that one is M214). Silent on "
                   "small tables, on tables made in the same transaction, on temporary ones, and where IF "
                   "NOT EXISTS finds what it names. Of partitioned tables M228 speaks.",
    },
    {
        .slug = "reindex-blocks",
        .code = "M204",
        .title = "REINDEX without CONCURRENTLY: writes, and queries that plan with the index, wait until it is built",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = reindex,
        .why = "REINDEX takes SHARE on the table, so writes wait, and ACCESS EXCLUSIVE on the index: "
               "the planner locks every index of a table, so every query on it waits as well.",
        .example = "REINDEX TABLE shop_product;",
        .safe = "REINDEX TABLE CONCURRENTLY shop_product;   -- outside a transaction\n"
                "\n"
                "# Django: RunSQL in a migration with atomic = False",
        .decides = "Judged by the table, the index's table, or the largest table of the schema or database "
                   "that it names. REINDEX SYSTEM leaves the users' tables alone. Silent on small tables, "
                   "on tables made in the same transaction, on temporary ones, and where IF NOT EXISTS "
                   "finds what it names.",
    },
    {
        .slug = "add-column-volatile-default",
        .code = "M205",
        .title = "a new column with a volatile default: the whole table is rewritten",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = volatile_default,
        .why = "A constant default costs nothing: PostgreSQL keeps it beside the table. A volatile one "
               "has another value for each row, so the whole table is rewritten while nobody can read "
               "or write it.",
        .example = "ALTER TABLE shop_product ADD COLUMN token uuid DEFAULT gen_random_uuid();",
        .safe = "ALTER TABLE shop_product ADD COLUMN token uuid;\n"
                "ALTER TABLE shop_product ALTER COLUMN token SET DEFAULT gen_random_uuid();\n"
                "-- then UPDATE … WHERE token IS NULL, some thousand rows at a time\n"
                "\n"
                "# Django: AddField(…, null=True); a RunPython in batches in a migration with atomic = "
                "False; then the default",
        .decides = "Each function in the default is looked up in pg_proc by schema, name and number of "
                   "arguments. now(), CURRENT_TIMESTAMP and statement_timestamp() are stable and rewrite "
                   "nothing; nor does a volatile function in SQL that the server inlines. A callable in "
                   "Django's default= arrives as one constant: fast, and the same for all old rows. Silent "
                   "on small tables, on tables made in the same transaction, on temporary ones, and where "
                   "IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "add-column-rewrite-type",
        .code = "M206",
        .title = "a new serial, identity, generated or constrained-domain column: the whole table is rewritten",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = rewrite_type,
        .why = "Each row gets a value of its own, from a sequence or computed, or has to be checked "
               "against the domain: the whole table is rewritten while nobody can read or write it.",
        .example = "ALTER TABLE shop_product ADD COLUMN number bigserial;",
        .safe = "ALTER TABLE shop_product ADD COLUMN number bigint;\n"
                "-- a trigger that fills it, UPDATE in batches, then the sequence as its default\n"
                "\n"
                "# Django: a plain nullable field, RunPython in batches, then the field as it shall be, "
                "each in its own migration",
        .decides = "serial types, GENERATED … AS IDENTITY, GENERATED … STORED, and a domain with a CHECK or "
                   "NOT NULL, even for a column without a default. Silent on small tables, on tables made "
                   "in the same transaction, on temporary ones, and where IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "alter-type-rewrites",
        .code = "M209",
        .title = "a column's new type: the whole table is rewritten",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = alter_type,
        .why = "Where the old and the new type are not stored alike, the table and all its indexes are "
               "written anew while nobody can read or write it.",
        .example = "ALTER TABLE shop_product ALTER COLUMN id TYPE bigint;",
        .safe = "ALTER TABLE shop_product ADD COLUMN id_new bigint;\n"
                "-- a trigger that keeps it filled, UPDATE in batches, then swap the two by RENAME in "
                "one short transaction\n"
                "\n"
                "# Django: AddField of the new type, RunPython in batches with atomic = False, then "
                "RenameField",
        .decides = "It compares the column's type in the catalog with the new one. Free are: a longer or "
                   "unlimited varchar, text and varchar without a limit, numeric of the same scale and more "
                   "digits, cidr to inet, text to citext, COLLATE alone, timestamp to timestamptz and back "
                   "while the session's time zone is UTC; and USING that is no more than the cast. Silent "
                   "on small tables, on tables made in the same transaction, on temporary ones, and where "
                   "IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "vacuum-full-cluster",
        .code = "M223",
        .title = "VACUUM FULL or CLUSTER: the whole table is rewritten, and nobody can read it",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = vacuum_full,
        .why = "Both write the table anew under ACCESS EXCLUSIVE: until that is done nobody can even "
               "read it.",
        .example = "VACUUM FULL shop_product;",
        .safe = "VACUUM shop_product;   -- makes room for new rows, and blocks nobody\n"
                "-- pg_repack gives the room back to the system while the table is in use\n"
                "\n"
                "# Django: no migration",
        .decides = "The table that it names, or the largest of the database where it names none. Silent on "
                   "small tables, on tables made in the same transaction, on temporary ones, and where IF "
                   "NOT EXISTS finds what it names.",
    },
};

const struct rule_group rules_ddl = {rows, ARRAY_LEN(rows)};

/* -- indexes -------------------------------------------------------------------------------------- */

static const struct catalog_relation *reindexed(const struct context *input, const struct fact_action *action);
static const struct catalog_relation *largest(const struct context *input, const char *schema);

static void index_build(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_CREATE_INDEX, &at, &change);) {
		if (change.action->concurrently || change.action->unique || change_adds_nothing(input, &change) ||
		    change.relation->kind == CATALOG_PARTITIONED_TABLE)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column_count == 1 ? change.action->columns[0] : NULL,
		    .message = arena_printf(
		        arena,
		        "every INSERT, UPDATE and DELETE on %s waits while the whole table is read and the index "
		        "is built",
		        change.table),
		    .hint = "Build it with CREATE INDEX CONCURRENTLY, outside a transaction.",
		    .fix_sql = change_concurrent_index(arena, &change),
		    .fix_django = change_django_index(arena, &change),
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void reindex(const struct rule *rule, const struct context *input, struct verdict *verdict)
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
		                   : action->object           ? identifier_quoted(arena, action->object)
		                                              : "";
		if (strcmp(kind, "index") == 0 && action->object_schema)
			what = arena_printf(arena, "%s.%s", identifier_quoted(arena, action->object_schema), what);
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

static const struct catalog_relation *reindexed(const struct context *input, const struct fact_action *action)
{
	const char *kind = action->reindex_kind ? action->reindex_kind : "";
	if (strcmp(kind, "table") == 0)
		return context_relation(input, action->relation);
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
	const char *path = context_search_path(input);
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
static const struct catalog_relation *largest(const struct context *input, const char *schema)
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

static const char *default_text(struct arena *arena, const struct fact_action *action);
static const char *rewrite_fix(const struct context *input, struct arena *arena, const struct change *change);
static const char *type_name(struct arena *arena, const struct fact_type *type);

static void volatile_default(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_COLUMN, &at, &change);) {
		const struct fact_action *action = change.action;
		if (!action->has_default || action->has_generated || change_adds_nothing(input, &change))
			continue;
		const struct fact_call *call = rewrite_volatile_call(input, action);
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
		    .fix_sql = arena_printf(arena,
		                            "ALTER TABLE %s ADD COLUMN %s %s;\n"
		                            "ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;\n"
		                            "-- then UPDATE … WHERE %s IS NULL, some thousand rows at a time",
		                            change.table, change.column, type_name(arena, &action->type), change.table,
		                            change.column, default_text(arena, action), change.column),
		    .fix_django =
		        "AddField(…, null=True)  # then RunPython in batches in a migration with atomic = False, then the "
		        "default",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

/* The statement's own default; "…" for what the facts don't hold or must not show. */
static const char *default_text(struct arena *arena, const struct fact_action *action)
{
	if (!action->default_is_call || action->call_count == 0)
		return "…";
	const struct fact_call *call = &action->calls[0];
	const char *schema = call->schema ? arena_printf(arena, "%s.", identifier_quoted(arena, call->schema)) : "";
	return arena_printf(arena, "%s%s(%s)", schema, identifier_quoted(arena, call->name),
	                    call->arguments ? "…" : "");
}

static void rewrite_type(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_COLUMN, &at, &change);) {
		if (change_adds_nothing(input, &change))
			continue;
		const char *what = rewrite_column_type(input, change.action, arena);
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
		    .fix_sql = rewrite_fix(input, arena, &change),
		    .fix_django =
		        "an AddField of a plain nullable field, a RunPython in batches, then the field as it shall "
		        "be, each in a migration of its own",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static const char *rewrite_fix(const struct context *input, struct arena *arena, const struct change *change)
{
	static const struct {
		const char *serial, *plain;
	} serials[] = {
	    {"serial", "integer"},  {"bigserial", "bigint"}, {"smallserial", "smallint"},
	    {"serial4", "integer"}, {"serial8", "bigint"},   {"serial2", "smallint"},
	};
	const struct fact_action *action = change->action;
	const char *table = change->table, *column = change->column, *type = type_name(arena, &action->type);
	const struct catalog_domain *domain =
	    catalog_find_domain(input->catalog, action->type.schema, action->type.name);
	if (action->has_generated)
		return arena_printf(arena,
		                    "ALTER TABLE %s ADD COLUMN %s %s;\n"
		                    "-- a BEFORE INSERT OR UPDATE trigger that computes it; then UPDATE, some thousand "
		                    "rows at a time",
		                    table, column, type);
	if (domain && domain->constrained && !action->has_identity) {
		const char *check = change_constraint_name(arena, change, "check");
		return arena_printf(
		    arena,
		    "ALTER TABLE %s ADD COLUMN %s %s;\n"
		    "ALTER TABLE %s ADD CONSTRAINT %s CHECK (…) NOT VALID; -- what the domain asks for\n"
		    "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
		    table, column, domain->base_type, table, check, table, check);
	}
	for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
		if (strcmp(action->type.name, serials[i].serial) == 0)
			type = serials[i].plain;
	}
	const char *sequence = identifier_quoted(arena, remedy_name(arena, change->relation, action->column, "seq"));
	if (strcmp(change->relation->schema, "public") != 0)
		sequence = arena_printf(arena, "%s.%s", identifier_quoted(arena, change->relation->schema), sequence);
	return arena_printf(arena,
	                    "ALTER TABLE %s ADD COLUMN %s %s;\n"
	                    "CREATE SEQUENCE %s OWNED BY %s.%s;\n"
	                    "ALTER TABLE %s ALTER COLUMN %s SET DEFAULT nextval('%s');\n"
	                    "-- then UPDATE … SET %s = DEFAULT WHERE %s IS NULL, some thousand rows at a time%s",
	                    table, column, type, sequence, table, column, table, column,
	                    strchr(sequence, '\'') ? "…" : sequence, column, column,
	                    action->has_identity
	                        ? "\n-- then NOT NULL by way of a CHECK … NOT VALID, and ADD GENERATED … "
	                          "AS IDENTITY in place of the default"
	                        : "");
}

/* -- changed columns ------------------------------------------------------------------------------ */

static bool is_text(const char *type);

static void alter_type(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ALTER_TYPE, &at, &change);) {
		const struct fact_action *action = change.action;
		const struct catalog_column *column = catalog_column(change.relation, action->column);
		if (!column || !retype_rewrites(input->catalog, column, &action->type, action->using_kind,
		                                rewrite_time_zone_utc(input)))
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
		         !rewrite_time_zone_utc(input))
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
		        change.table, identifier_quoted(arena, arena_printf(arena, "%s_new", action->column)), to),
		    .fix_django =
		        "AddField of the new type, RunPython in batches with atomic = False, then RenameField",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static const char *type_name(struct arena *arena, const struct fact_type *type)
{
	bool own = type->schema && strcmp(type->schema, "pg_catalog") != 0;
	/* A keyword that stands where a type does is one. */
	bool plain = strspn(type->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(type->name);
	const char *name = plain ? type->name : identifier_quoted(arena, type->name);
	if (own)
		name = arena_printf(arena, "%s.%s", identifier_quoted(arena, type->schema), name);
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

static void vacuum_full(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->form != DDL_VACUUM_FULL && action->form != DDL_CLUSTER)
			continue;
		bool named = action->relation >= 0;
		const struct catalog_relation *relation =
		    named ? context_relation(input, action->relation) : largest(input, NULL);
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
