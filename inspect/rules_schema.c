#include "inspect/rules_schema.h"

#include "inspect/change.h"
#include "inspect/effect.h"
#include "inspect/remedy.h"
#include "inspect/retype.h"
#include "inspect/rewrite.h"

#include <string.h>

static void drop_index(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void required_column(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void hidden_rebuild(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void nullable_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void exclusion(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void validate_at_once(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void in_transaction(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void drop_or_rename(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void drop_cascade(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void storage_property(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void unindexed_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "drop-index-blocks",
        .code = "M203",
        .title = "DROP INDEX without CONCURRENTLY: reads and writes of the table wait for its lock",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = drop_index,
        .why = "DROP INDEX takes ACCESS EXCLUSIVE on the table as well. It is short, but it waits for every running "
               "query on the table, and everything that comes after waits behind it.",
        .example = "DROP INDEX shop_product_price;",
        .safe = "DROP INDEX CONCURRENTLY shop_product_price;   -- outside a transaction\n"
                "\n"
                "# Django, in a migration with atomic = False:\n"
                "RemoveIndexConcurrently(\"product\", \"shop_product_price\")",
        .decides = "By the size of the table that the index belongs to. Silent on medium and small tables, and for "
                   "an index that does not exist.",
    },
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
        .slug = "not-valid-validated-at-once",
        .code = "M218",
        .title = "a constraint added NOT VALID and validated in the same go: the lock of the first is kept",
        .severity = SEVERITY_ERROR,
        .scope = RULE_DDL,
        .check = validate_at_once,
        .why = "NOT VALID is there so that the table is read without the strong lock that adding takes. In one "
               "transaction that lock is still held while VALIDATE reads the table.",
        .example = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, VALIDATE CONSTRAINT c;",
        .safe = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\n"
                "-- COMMIT\n"
                "ALTER TABLE t VALIDATE CONSTRAINT c;\n"
                "\n"
                "# Django: AddConstraintNotValid and ValidateConstraint in two migrations",
        .decides = "ADD CONSTRAINT … NOT VALID and VALIDATE CONSTRAINT of the same name on the same table, in one "
                   "statement or in one message.",
    },
    {
        .slug = "concurrently-in-transaction",
        .code = "M219",
        .title = "CONCURRENTLY inside a transaction: the server refuses it",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_DDL,
        .check = in_transaction,
        .why = "What runs CONCURRENTLY needs several transactions of its own, so the server refuses it inside one "
               "(25001).",
        .example = "BEGIN;\nCREATE INDEX CONCURRENTLY shop_product_price ON shop_product (price);",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_price ON shop_product (price);   -- no BEGIN before it\n"
                "\n"
                "# Django: atomic = False in the migration",
        .decides = "CREATE, DROP and REINDEX … CONCURRENTLY and DETACH PARTITION … CONCURRENTLY while a transaction is "
                   "open.",
    },
    {
        .slug = "drop-or-rename",
        .code = "M220",
        .title = "a table or column is dropped or renamed: what still uses it fails",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = drop_or_rename,
        .why = "Application processes that were started before go on naming it; Django names every column of a model "
               "in each SELECT and INSERT. They fail until the last of them is replaced.",
        .example = "ALTER TABLE shop_product DROP COLUMN colour CASCADE;",
        .safe = "-- first a release that no longer names it, then, when the last old process is gone:\n"
                "ALTER TABLE shop_product DROP COLUMN colour;\n"
                "\n"
                "# Django: SeparateDatabaseAndState with RemoveField as the state alone, the database's part in the "
                "next release; to rename: db_column= or db_table= keep the old name",
        .decides =
            "DROP TABLE, DROP COLUMN, RENAME of a table or column, by the size of the table. Silent on medium and "
            "small tables, and where IF EXISTS finds nothing.",
    },
    {
        .slug = "drop-cascade",
        .code = "M222",
        .title = "CASCADE drops views or foreign keys outside of what is named",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_DDL,
        .check = drop_cascade,
        .why =
            "CASCADE drops silently what depends on the table or column. Django writes it with every DROP, so a view "
            "that somebody needs is gone without a word.",
        .example = "CREATE VIEW prices AS SELECT price FROM shop_product;\n"
                   "ALTER TABLE shop_product DROP COLUMN price CASCADE;",
        .safe = "DROP VIEW prices;   -- on purpose, or made anew without the column\n"
                "ALTER TABLE shop_product DROP COLUMN price;\n"
                "\n"
                "# Django: RunSQL for the view before RemoveField",
        .decides = "DROP TABLE, DROP COLUMN and DROP VIEW with CASCADE while the catalog has a view, or a foreign key "
                   "of another table that is not dropped as well, that depends on it. Silent when nothing does.",
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

static void drop_index(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		const struct catalog_relation *relation = NULL;
		if (action->form != DDL_DROP_INDEX || action->concurrently || !action->object)
			continue;
		if (!input->catalog) {
			*input->catalog_missing = true;
			return;
		}
		const char *path = rules_search_path(input);
		if ((!action->object_schema && !path) ||
		    !catalog_find_index(input->catalog, action->object_schema, action->object, path,
		                        input->session->user, &relation) ||
		    relation->temporary || relation->system ||
		    session_state_created(input->session, relation->schema, relation->name))
			continue;
		bool partitioned = relation->kind == CATALOG_PARTITIONED_TABLE;
		const char *index = remedy_identifier(arena, action->object);
		if (action->object_schema)
			index = arena_printf(arena, "%s.%s", remedy_identifier(arena, action->object_schema), index);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        arena_printf(arena, "it waits for every running query on %s, and every new one waits behind it",
		                     remedy_table(arena, relation)),
		    .hint = partitioned ? "A partitioned table refuses CONCURRENTLY: set a lock_timeout, and try again."
		                        : "DROP INDEX CONCURRENTLY lets others read and write, outside a transaction.",
		    .fix_sql = partitioned ? NULL : arena_printf(arena, "DROP INDEX CONCURRENTLY %s;", index),
		    .fix_django = partitioned
		                      ? NULL
		                      : arena_printf(arena,
		                                     "RemoveIndexConcurrently(\"%s\", \"%s\")  # in a migration with "
		                                     "atomic = False",
		                                     remedy_model(arena, relation), action->object),
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void exclusion(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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

static void nullable_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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
		const char *quoted = remedy_identifier(arena, column);
		const char *check = remedy_identifier(arena, remedy_name(arena, change.relation, column, "notnull"));
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

static void unindexed_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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
		const char *columns = change_columns(arena, action);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->columns[0],
		    .message =
		        arena_printf(arena,
		                     "no index of %s begins with %s: each DELETE of a row that it refers to reads "
		                     "the whole table",
		                     change.table, columns),
		    .hint = "Index the foreign key's columns.",
		    .fix_sql = arena_printf(
		        arena, "CREATE INDEX CONCURRENTLY %s ON %s (%s);",
		        remedy_identifier(arena, remedy_name(arena, change.relation, action->columns[0], "idx")),
		        change.table, columns),
		    .fix_django = "ForeignKey without db_index=False makes it; on a table that is in use, "
		                  "AddIndexConcurrently",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

/* -- columns -------------------------------------------------------------------------------------- */

static void required_column(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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
		    .fix_django = "default=… or db_default=…",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void hidden_rebuild(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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
		const char *name = remedy_identifier(arena, rebuilt ? rebuilt->name : verified->name);
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

static void storage_property(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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

/* -- transactions --------------------------------------------------------------------------------- */

static bool adds_not_valid(const struct facts *facts, uint16_t before, const struct fact_relation *table,
                           const char *constraint)
{
	for (uint16_t i = 0; i < before; i++) {
		const struct fact_action *action = &facts->actions[i];
		if (!action->not_valid || !action->object || action->relation < 0 ||
		    strcmp(action->object, constraint) != 0)
			continue;
		const struct fact_relation *other = &facts->relations[action->relation];
		bool same_schema = (!table->schema && !other->schema) ||
		                   (table->schema && other->schema && strcmp(table->schema, other->schema) == 0);
		if (same_schema && strcmp(table->name, other->name) == 0)
			return true;
	}
	return false;
}

static void validate_at_once(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_VALIDATE_CONSTRAINT, &at, &change);) {
		const struct fact_action *action = change.action;
		if (!action->object)
			continue;
		const struct fact_relation *table = &input->facts->relations[action->relation];
		bool found = adds_not_valid(input->facts, (uint16_t)(at - 1), table, action->object);
		for (uint16_t i = 0; i < input->earlier_count; i++) {
			const struct facts *earlier = &input->earlier[i];
			if (earlier->kind == STATEMENT_COMMIT || earlier->kind == STATEMENT_ROLLBACK)
				found = false;
			else
				found |= adds_not_valid(earlier, earlier->action_count, table, action->object);
		}
		if (!found)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_SYNTAX,
		    .message = arena_printf(
		        arena,
		        "%s is read under the lock that adding %s took: NOT VALID saves nothing in one transaction",
		        change.table, remedy_identifier(arena, action->object)),
		    .hint = "COMMIT between the two.",
		    .fix_sql = arena_printf(arena, "COMMIT;\nALTER TABLE %s VALIDATE CONSTRAINT %s;", change.table,
		                            remedy_identifier(arena, action->object)),
		    .fix_django = "ValidateConstraint in a migration of its own",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void in_transaction(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	for (uint16_t at = 0; at < input->facts->action_count && input->session->transaction == 'T'; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		bool alone = action->form == DDL_CREATE_INDEX || action->form == DDL_DROP_INDEX ||
		             action->form == DDL_REINDEX || action->form == DDL_DETACH_PARTITION;
		if (!action->concurrently || !alone)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_SYNTAX,
		    .message = "it fails: what runs CONCURRENTLY can't run inside a transaction",
		    .hint = "Run it by itself, without BEGIN.",
		    .fix_django = "atomic = False in the migration",
		};
		rules_add(verdict, rule, input, rules_relation(input, action->relation), &finding);
	}
}

/* -- dropping ------------------------------------------------------------------------------------- */

static void drop_or_rename(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	static const enum ddl_form forms[] = {DDL_DROP_TABLE, DDL_DROP_COLUMN, DDL_RENAME};
	struct arena *arena = &verdict->arena;
	struct change change;
	for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
		for (uint16_t at = 0; change_next(input, arena, forms[f], &at, &change);) {
			const struct fact_action *action = change.action;
			/* Of a constraint, a trigger … */
			if ((forms[f] == DDL_RENAME && action->object) ||
			    (action->column && !catalog_column(change.relation, action->column)))
				continue;
			bool rename = forms[f] == DDL_RENAME;
			const char *what = action->column ? arena_printf(arena, "%s of %s", change.column, change.table)
			                                  : change.table;
			struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .column = action->column,
			    .message = arena_printf(
			        arena, "what still uses %s fails from then on, until its last process is replaced",
			        what),
			    .hint = rename
			                ? "Keep the old name in the database, or go through a release that knows both."
			                : "First release what no longer names it, then drop it.",
			    .fix_django =
			        rename ? (action->column ? "db_column=\"…\" keeps the name"
			                                 : "db_table = \"…\" keeps the name")
			               : "SeparateDatabaseAndState: the state now, the database in the next release",
			};
			rules_add(verdict, rule, input, change.relation, &finding);
		}
	}
}

/* Is it named by another action of the same statement? */
static bool is_dropped(const struct rule_input *input, const struct fact_action *action,
                       const struct catalog_relation *relation)
{
	for (uint16_t i = 0; i < input->facts->action_count; i++) {
		const struct fact_action *other = &input->facts->actions[i];
		if (other != action && other->form != DDL_DROP_COLUMN && other->relation >= 0 &&
		    strcmp(input->facts->relations[other->relation].name, relation->name) == 0)
			return true;
	}
	return false;
}

static void drop_cascade(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		bool drops = action->form == DDL_DROP_TABLE || action->form == DDL_DROP_COLUMN ||
		             (action->form == DDL_DROP_OTHER && !action->object);
		if (!action->cascade || !drops || action->relation < 0 || !input->catalog)
			continue;
		const struct catalog_relation *relation = rules_relation(input, action->relation);
		const struct catalog_relation *gone = NULL;
		const char *key = NULL;
		for (uint32_t i = 0; relation && i < relation->dependent_count && !gone; i++) {
			const struct catalog_dependent *dependent = &relation->dependents[i];
			const struct catalog_column *column =
			    action->column ? catalog_column(relation, action->column) : NULL;
			bool touched = !action->column || (column && column->number == dependent->column);
			if (touched && dependent->kind == CATALOG_DEPENDENT_VIEW && dependent->relation != relation)
				gone = dependent->relation;
		}
		gone = gone && is_dropped(input, action, gone) ? NULL : gone;
		for (uint32_t r = 0; relation && !gone && r < catalog_relation_count(input->catalog); r++) {
			const struct catalog_relation *other = catalog_relation_at(input->catalog, r);
			for (uint16_t c = 0; other != relation && c < other->constraint_count && !key; c++) {
				const struct catalog_constraint *constraint = &other->constraints[c];
				bool named = !action->column;
				for (uint16_t i = 0; i < constraint->column_count && constraint->referenced_columns;
				     i++)
					named |= action->column &&
					         strcmp(constraint->referenced_columns[i], action->column) == 0;
				if (constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced == relation &&
				    named && !is_dropped(input, action, other)) {
					key = constraint->name;
					gone = other;
				}
			}
		}
		if (!gone)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column,
		    .message =
		        key ? arena_printf(arena, "CASCADE drops the foreign key %s of %s as well",
		                           remedy_identifier(arena, key), remedy_table(arena, gone))
		            : arena_printf(arena, "CASCADE drops the view %s as well", remedy_table(arena, gone)),
		    .hint = "Drop it by its name, on purpose, or make it anew without what is dropped.",
		    .fix_sql = key ? arena_printf(arena, "ALTER TABLE %s DROP CONSTRAINT %s;",
		                                  remedy_table(arena, gone), remedy_identifier(arena, key))
		                   : arena_printf(arena, "DROP %sVIEW %s;",
		                                  gone->kind == CATALOG_MATERIALIZED_VIEW ? "MATERIALIZED " : "",
		                                  remedy_table(arena, gone)),
		    .fix_django = key ? "RemoveField of what refers to it, before"
		                      : "RunSQL for the view, before the field or model is removed",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}
