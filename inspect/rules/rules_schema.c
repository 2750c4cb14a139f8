#include "inspect/rules/rules_schema.h"

#include "inspect/rules/change.h"
#include "inspect/change/effect.h"
#include "inspect/rules/remedy.h"
#include "inspect/change/retype.h"
#include "inspect/change/rewrite.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void required_column(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void hidden_rebuild(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void nullable_key(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void exclusion(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void storage_property(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void unindexed_key(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "add-required-column",
        .code = "M207",
        .title = "a new column that is NOT NULL and has no default: it fails as soon as there is a row",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_DDL,
        .check = required_column,
        .why = "The rows that are there would hold NULL in it, so the server refuses the statement.",
        .example = "ALTER TABLE shop_product ADD COLUMN weight integer NOT NULL;",
        .safe = "ALTER TABLE shop_product ADD COLUMN weight integer NOT NULL DEFAULT 0;\n"
                "\n"
                "# Django: default=… or db_default=…, or null=True first",
        .decides = "ADD COLUMN with NOT NULL and without DEFAULT, identity, serial or a generation "
                   "expression. Silent on an empty table.",
    },
    {
        .slug = "alter-type-rebuilds-index",
        .code = "M210",
        .title =
            "a column's new type leaves the table as it is, but an index is rebuilt or a CHECK verified under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = hidden_rebuild,
        .why = "Widening a varchar costs nothing, unless the column occurs in an index's expression or predicate, in a "
               "CHECK, or its operator class or collation changes with the type: then the index is built anew, or the "
               "whole table read, while nobody can read or write it. A trigram index on UPPER(name) is such an index.",
        .example = "CREATE INDEX product_name_trgm ON shop_product USING gin (upper(name) gin_trgm_ops);\n"
                   "ALTER TABLE shop_product ALTER COLUMN name TYPE varchar(200);   -- was varchar(100)",
        .safe = "DROP INDEX CONCURRENTLY product_name_trgm;\n"
                "ALTER TABLE shop_product ALTER COLUMN name TYPE varchar(200);\n"
                "CREATE INDEX CONCURRENTLY product_name_trgm ON shop_product USING gin (upper(name) gin_trgm_ops);\n"
                "\n"
                "# Django: the same as RemoveIndexConcurrently, AlterField and AddIndexConcurrently in three "
                "migrations, the first and the last with atomic = False",
        .decides = "ALTER COLUMN … TYPE that rewrites nothing (otherwise it is M209), while PostgreSQL can't take over "
                   "an index on the column, or a valid CHECK names it. An index of plain columns whose operator class "
                   "and collation stay is taken over.",
    },
    {
        .slug = "pk-using-index-nullable",
        .code = "M216",
        .title = "a primary key out of an index whose column may be NULL: the whole table is read under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = nullable_key,
        .why = "A primary key makes its columns NOT NULL. Where they are not so already, every row is verified while "
               "nobody can read or write the table.",
        .example = "ALTER TABLE shop_product ADD PRIMARY KEY USING INDEX shop_product_code;",
        .safe = "ALTER TABLE shop_product ADD CONSTRAINT code_there CHECK (code IS NOT NULL) NOT VALID;\n"
                "ALTER TABLE shop_product VALIDATE CONSTRAINT code_there;   -- in a transaction of its own\n"
                "ALTER TABLE shop_product ADD PRIMARY KEY USING INDEX shop_product_code;\n"
                "\n"
                "# Django: RunSQL, each in a migration of its own",
        .decides = "ADD PRIMARY KEY USING INDEX of an index that is known, with a column that is neither NOT NULL nor "
                   "proved so by a valid CHECK.",
    },
    {
        .slug = "add-exclusion-builds-index",
        .code = "M217",
        .title = "an exclusion constraint: its index is built under lock, and there is no concurrent way",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = exclusion,
        .why = "The index of an exclusion constraint is built while nobody can read or write the table; it can't be "
               "built CONCURRENTLY and attached as for a unique constraint.",
        .example = "ALTER TABLE shop_booking ADD EXCLUDE USING gist (room WITH =, during WITH &&);",
        .safe = "-- a new table with the constraint, filled in batches and swapped for the old one by RENAME\n"
                "CREATE TABLE shop_booking_new (LIKE shop_booking INCLUDING ALL, EXCLUDE USING gist (room WITH =, "
                "during WITH &&));\n"
                "\n"
                "# Django: RunSQL in SeparateDatabaseAndState around ExclusionConstraint",
        .decides = "ADD … EXCLUDE on a table that was there before the transaction.",
    },
    {
        .slug = "storage-property-rewrites",
        .code = "M224",
        .title = "SET LOGGED, UNLOGGED, ACCESS METHOD or TABLESPACE: the whole table is written anew",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = storage_property,
        .why = "Each copies the whole table, and most of them its indexes, while nobody can read or write it.",
        .example = "ALTER TABLE shop_product SET TABLESPACE fast;",
        .safe = "-- pg_repack --tablespace fast --table shop_product lets others read and write meanwhile\n"
                "\n"
                "# Django: nothing of its own; RunSQL in a maintenance window",
        .decides = "The change is compared with what the table is already: silent when nothing changes, and for a "
                   "partitioned table, which has no storage.",
    },
    {
        .slug = "fk-without-index",
        .code = "M240",
        .title = "a foreign key whose columns no index begins with: each DELETE of what it refers to reads the table",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = unindexed_key,
        .why = "PostgreSQL makes no index for a foreign key. A DELETE or a change of the key in the referenced table "
               "looks for rows that refer to it, and reads the whole table for each.",
        .example = "ALTER TABLE shop_line ADD FOREIGN KEY (product_id) REFERENCES shop_product (id) NOT VALID;",
        .safe = "CREATE INDEX CONCURRENTLY shop_line_product_id ON shop_line (product_id);\n"
                "\n"
                "# Django makes it, unless db_index=False",
        .decides = "ADD FOREIGN KEY on a table that was there before, when no valid index without a predicate begins "
                   "with its columns in any order.",
    },
};

const struct rule_group rules_schema = {.rules = rows, .count = ARRAY_LEN(rows)};

/* -- indexes -------------------------------------------------------------------------------------- */

static void exclusion(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_EXCLUSION, &at, &change);) {
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(
		        arena,
		        "nobody can read or write %s while the whole table is read and the constraint's index is built",
		        change.table),
		    .hint = "There is no concurrent way: fill a new table that has the constraint, and swap the two.",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void nullable_key(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_PRIMARY_KEY, &at, &change);) {
		const struct fact_action *action = change.action;
		const char *column = NULL;
		for (uint16_t i = 0; action->using_index && i < change.relation->index_count; i++) {
			const struct catalog_index *index = &change.relation->indexes[i];
			if (!action->index || strcmp(index->name, action->index) != 0)
				continue;
			for (uint16_t key = 0; key < index->key_count; key++) {
				const char *name = index->keys[key].column;
				if (!column && name && !rewrite_proves_not_null(change.relation, name))
					column = name;
			}
		}
		if (!column)
			continue;
		const char *quoted = identifier_quoted(arena, column);
		const char *check = identifier_quoted(arena, remedy_name(arena, change.relation, column, "notnull"));
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column,
		    .message = arena_printf(arena,
		                            "the whole of %s is read while nobody else can read or write it: a primary "
		                            "key makes %s NOT NULL, and no valid CHECK proves it",
		                            change.table, quoted),
		    .hint =
		        "Prove it first by a CHECK that is added NOT VALID and validated in a transaction of its own.",
		    .fix_sql = arena_printf(arena,
		                            "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n"
		                            "ALTER TABLE %s VALIDATE CONSTRAINT %s;   -- then the primary key",
		                            change.table, check, quoted, change.table, check),
		    .fix_django = "the two as RunSQL, each in a migration of its own",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void unindexed_key(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_FOREIGN_KEY, &at, &change);) {
		const struct fact_action *action = change.action;
		bool indexed = action->column_count == 0;
		for (uint16_t i = 0; i < change.relation->index_count && !indexed; i++) {
			const struct catalog_index *index = &change.relation->indexes[i];
			indexed = index->valid && !index->predicate && index->key_count >= action->column_count;
			for (uint16_t key = 0; indexed && key < action->column_count; key++) {
				bool named = false;
				for (uint16_t c = 0; c < action->column_count; c++)
					named |= index->keys[key].column &&
					         strcmp(index->keys[key].column, action->columns[c]) == 0;
				indexed = named;
			}
		}
		if (indexed)
			continue;
		const char *columns = change_columns(arena, action), *fields = "";
		const char *name = remedy_name(arena, change.relation, action->columns[0], "idx");
		for (uint16_t i = 0; i < action->column_count; i++)
			fields = arena_printf(arena, "%s%s\"%s\"", fields, i > 0 ? ", " : "", remedy_field(arena, action->columns[i]));
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->columns[0],
		    .message =
		        arena_printf(arena,
		                     "no index of %s begins with %s: each DELETE of a row that it refers to reads "
		                     "the whole table",
		                     change.table, columns),
		    .hint = "Index the foreign key's columns, as Django does unless db_index=False.",
		    .fix_sql = remedy_create_index(
		        arena, input->catalog, change.relation,
		        &(struct remedy_index){
		            .name = name,
		            .expression = columns,
		        }),
		    .fix_django = remedy_add_index(arena, input->catalog, change.relation, false,
		                                   arena_printf(arena, "Index(fields=[%s], name=\"%s\")", fields, name)),
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

/* -- columns -------------------------------------------------------------------------------------- */

static void required_column(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ADD_COLUMN, &at, &change);) {
		const struct fact_action *action = change.action;
		bool filled = action->has_identity || action->has_generated ||
		              (action->has_default && !action->default_is_null) ||
		              rewrite_column_type(input, action, arena) != NULL;
		if (!action->has_not_null || filled || change.relation->rows == 0 ||
		    change_adds_nothing(input, &change))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column,
		    .message = arena_printf(arena, "it fails: %s has rows, and %s would be NULL in them", change.table,
		                            change.column),
		    .hint = "Give it a default; a constant one costs nothing.",
		    .fix_sql = arena_printf(arena, "ALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT …;", change.table,
		                            change.column, action->type.name ? action->type.name : "…"),
		    .fix_django = "default=…  # or db_default=… (Django 5.0)",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void hidden_rebuild(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_ALTER_TYPE, &at, &change);) {
		const struct fact_action *action = change.action;
		const struct catalog_column *column = catalog_column(change.relation, action->column);
		if (!column || retype_rewrites(input->catalog, column, &action->type, action->using_kind,
		                               rewrite_time_zone_utc(input)))
			continue;
		const struct catalog_index *rebuilt = NULL;
		const struct catalog_constraint *verified = NULL;
		for (uint16_t i = 0; i < change.relation->index_count && !rebuilt; i++) {
			const struct catalog_index *index = &change.relation->indexes[i];
			if (rewrite_index_names(index, column->name) &&
			    rewrite_rebuilds_index(input->catalog, index, column, action))
				rebuilt = index;
		}
		for (uint16_t i = 0; i < change.relation->constraint_count && !verified; i++) {
			const struct catalog_constraint *check = &change.relation->constraints[i];
			for (uint16_t c = 0; check->kind == CATALOG_CHECK && check->valid && c < check->column_count;
			     c++)
				verified = strcmp(check->columns[c], column->name) == 0 ? check : verified;
		}
		if (!rebuilt && !verified)
			continue;
		const char *name = identifier_quoted(arena, rebuilt ? rebuilt->name : verified->name);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column,
		    .message = arena_printf(
		        arena, "the rows of %s stay as they are, but %s %s while nobody can read or write it",
		        change.table, name, rebuilt ? "is built anew" : "is verified for each of them"),
		    .hint = rebuilt
		                ? "Drop that index CONCURRENTLY before, and build it CONCURRENTLY after."
		                : "Drop that CHECK before, add it NOT VALID after, and validate it in a transaction of "
		                  "its own.",
		    .fix_sql = rebuilt ? arena_printf(arena,
		                                      "DROP INDEX CONCURRENTLY %s;\n"
		                                      "-- the change of type\n"
		                                      "-- then, with CONCURRENTLY: %s;",
		                                      name, rebuilt->definition)
		                       : arena_printf(arena,
		                                      "ALTER TABLE %s DROP CONSTRAINT %s;\n"
		                                      "-- the change of type\n"
		                                      "ALTER TABLE %s ADD CONSTRAINT %s CHECK (…) NOT VALID;\n"
		                                      "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
		                                      change.table, name, change.table, name, change.table, name),
		    .fix_django = rebuilt
		                      ? "RemoveIndexConcurrently, AlterField, AddIndexConcurrently, in three migrations"
		                      : "RemoveConstraint, AlterField, AddConstraintNotValid, ValidateConstraint",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void storage_property(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_SET_STORAGE_PROPERTY, &at, &change);) {
		struct effects *effects = arena_alloc(arena, sizeof(*effects));
		bool rewrites = false;
		effect_of(input, arena, effects);
		for (uint16_t i = 0; i < effects->count; i++)
			rewrites |= effects->list[i].table == change.relation && effects->list[i].rewrite;
		if (!rewrites)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "the whole of %s is written anew while nobody can read or write it",
		                            change.table),
		    .hint = "pg_repack moves a table while others read and write it; else keep it for a maintenance "
		            "window.",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}
