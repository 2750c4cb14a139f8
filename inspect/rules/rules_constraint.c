#include "inspect/rules/rules_constraint.h"

#include "inspect/rules/change.h"
#include "inspect/rules/remedy.h"
#include "inspect/change/rewrite.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void add_check(const struct rule *rule, const struct context *input, const struct change *change,
                      struct verdict *verdict);
static void add_foreign_key(const struct rule *rule, const struct context *input, const struct change *change,
                            struct verdict *verdict);
static void lock_referenced_of_new(const struct rule *rule, const struct context *input,
                                   const struct fact_action *create, struct verdict *verdict);
static void lock_referenced_of_dropped(const struct rule *rule, const struct context *input,
                                       const struct fact_action *action, struct verdict *verdict);
static const char *foreign_key_fix(struct arena *arena, const struct change *change, const char *name, const char *to);
static const char *built_fix(struct arena *arena, const struct change *change, const char *name, const char *kind);
static void add_built_constraint(const struct rule *rule, const struct context *input, const struct change *change,
                                 bool primary, struct verdict *verdict);
static void add_unique_index(const struct rule *rule, const struct context *input, const struct change *change,
                             struct verdict *verdict);
static void set_not_null(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void check_add_check(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void check_add_foreign_key(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void add_unique(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void add_primary_key(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "set-not-null-scans",
        .code = "M211",
        .title = "SET NOT NULL without a valid CHECK that proves it: the whole table is read under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = set_not_null,
        .why = "The server reads the whole table under ACCESS EXCLUSIVE to see that no value is NULL. "
               "Where a valid CHECK proves that already, it reads nothing.",
        .example = "ALTER TABLE shop_product ALTER COLUMN price SET NOT NULL;",
        .safe = "ALTER TABLE shop_product ADD CONSTRAINT price_notnull CHECK (price IS NOT NULL) NOT "
                "VALID;\n"
                "ALTER TABLE shop_product VALIDATE CONSTRAINT price_notnull;   -- in a transaction of "
                "its own; writes go on\n"
                "ALTER TABLE shop_product ALTER COLUMN price SET NOT NULL;\n"
                "ALTER TABLE shop_product DROP CONSTRAINT price_notnull;\n"
                "\n"
                "# Django: AddConstraintNotValid, in the next migration ValidateConstraint, then "
                "AlterField",
        .decides = "It looks for a valid CHECK that has c IS NOT NULL, alone or joined to others by AND. "
                   "Silent on small tables, on tables made in the same transaction, on temporary ones, and "
                   "where IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "add-check-validates",
        .code = "M212",
        .title = "a CHECK that is validated at once: the whole table is read under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = check_add_check,
        .why = "A new CHECK is held against every row under ACCESS EXCLUSIVE. NOT VALID checks new rows "
               "only, at once, and VALIDATE goes over the old ones later while reads and writes go on.",
        .example = "ALTER TABLE shop_product ADD CONSTRAINT price_positive CHECK (price > 0);",
        .safe = "ALTER TABLE shop_product ADD CONSTRAINT price_positive CHECK (price > 0) NOT VALID;\n"
                "ALTER TABLE shop_product VALIDATE CONSTRAINT price_positive;   -- in a transaction of "
                "its own\n"
                "\n"
                "# Django:\n"
                "AddConstraintNotValid(\"product\", CheckConstraint(…)), and ValidateConstraint in the "
                "next migration",
        .decides = "ADD CONSTRAINT … CHECK without NOT VALID, and a CHECK within ADD COLUMN: that reads all "
                   "rows although each value is NULL. Silent on small tables, on tables made in the same "
                   "transaction, on temporary ones, and where IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "add-fk-validates",
        .code = "M213",
        .title = "a foreign key that is validated at once: the whole table is read under lock on both tables",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = check_add_foreign_key,
        .why = "Each row is looked up in the other table while writes on both of them wait.",
        .example = "ALTER TABLE shop_order ADD CONSTRAINT order_buyer FOREIGN KEY (buyer_id) REFERENCES "
                   "shop_buyer (id);",
        .safe = "ALTER TABLE shop_order ADD CONSTRAINT order_buyer FOREIGN KEY (buyer_id) REFERENCES "
                "shop_buyer (id) NOT VALID;\n"
                "ALTER TABLE shop_order VALIDATE CONSTRAINT order_buyer;   -- in a transaction of its "
                "own\n"
                "\n"
                "# Django: ForeignKey(…, db_constraint=False), then the two statements by RunSQL in "
                "SeparateDatabaseAndState",
        .decides = "FOREIGN KEY without NOT VALID on a table that is large. A new nullable column without a "
                   "default has nothing to look up. As info: a foreign key within CREATE TABLE inside a "
                   "transaction, which locks the large table that it refers to against writes until the "
                   "end, and the drop of a foreign key, its column or its table, which locks that against "
                   "reads as well. Silent on small tables, on tables made in the same "
                   "transaction, on temporary ones, and where IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "add-unique-builds-index",
        .code = "M214",
        .title = "a unique constraint or index: it is built under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = add_unique,
        .why = "A unique constraint builds its index under ACCESS EXCLUSIVE, a unique index without "
               "CONCURRENTLY under SHARE: the whole table is read and sorted meanwhile.",
        .example = "ALTER TABLE shop_product ADD CONSTRAINT product_sku UNIQUE (sku);",
        .safe = "CREATE UNIQUE INDEX CONCURRENTLY product_sku ON shop_product (sku);   -- outside a "
                "transaction\n"
                "ALTER TABLE shop_product ADD CONSTRAINT product_sku UNIQUE USING INDEX product_sku;\n"
                "\n"
                "# Django: the two by RunSQL in SeparateDatabaseAndState, with AddConstraint as the state",
        .decides = "UNIQUE without USING INDEX, CREATE UNIQUE INDEX without CONCURRENTLY, and UNIQUE within "
                   "ADD COLUMN. Silent on small tables, on tables made in the same transaction, on "
                   "temporary ones, and where IF NOT EXISTS finds what it names.",
    },
    {
        .slug = "add-pk-builds-index",
        .code = "M215",
        .title = "a primary key: its index is built under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = add_primary_key,
        .why = "The index is built, and each column read to see that it is never NULL, while nobody "
               "else can read or write the table.",
        .example = "ALTER TABLE shop_log ADD PRIMARY KEY (id);",
        .safe = "CREATE UNIQUE INDEX CONCURRENTLY shop_log_pkey ON shop_log (id);   -- outside a "
                "transaction\n"
                "-- make the columns NOT NULL first, by way of a CHECK (rule M211)\n"
                "ALTER TABLE shop_log ADD CONSTRAINT shop_log_pkey PRIMARY KEY USING INDEX "
                "shop_log_pkey;\n"
                "\n"
                "# Django: RunSQL in SeparateDatabaseAndState",
        .decides = "PRIMARY KEY without USING INDEX, on its own or within ADD COLUMN. Silent on small "
                   "tables, on tables made in the same transaction, on temporary ones, and where IF NOT "
                   "EXISTS finds what it names.",
    },
};

const struct rule_group rules_constraint = {rows, ARRAY_LEN(rows)};

static void set_not_null(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_SET_NOT_NULL, &at, &change);) {
		if (rewrite_proves_not_null(change.relation, change.action->column))
			continue;
		const char *check = change_constraint_name(arena, &change, "notnull");
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column,
		    .message =
		        arena_printf(arena,
		                     "the whole of %s is read while nobody else can read or write it: no valid CHECK "
		                     "proves that %s is never NULL",
		                     change.table, change.column),
		    .hint =
		        "Prove it first by a CHECK that is added NOT VALID and validated in a transaction of its own.",
		    .fix_sql = arena_printf(arena,
		                            "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n"
		                            "ALTER TABLE %s VALIDATE CONSTRAINT %s;\n"
		                            "ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\n"
		                            "ALTER TABLE %s DROP CONSTRAINT %s;",
		                            change.table, check, change.column, change.table, check, change.table,
		                            change.column, change.table, check),
		    .fix_django =
		        arena_printf(arena,
		                     "AddConstraintNotValid(\"%s\", CheckConstraint(condition=Q(%s__isnull=False), name=\"%s\"))  "
		                     "# in the next migration ValidateConstraint, then AlterField, then RemoveConstraint; check= "
		                     "before Django 5.1",
		                     remedy_model(arena, change.relation), remedy_field(arena, change.action->column),
		                     remedy_name(arena, change.relation, change.action->column, "notnull")),
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void check_add_check(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct change change;
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_CHECK, &at, &change);) {
		if (!change.action->not_valid)
			add_check(rule, input, &change, verdict);
	}
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_COLUMN, &at, &change);) {
		if (change.action->has_check && !change_adds_nothing(input, &change))
			add_check(rule, input, &change, verdict);
	}
}

static void add_check(const struct rule *rule, const struct context *input, const struct change *change,
                      struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	bool inlined = change->action->form == DDL_ADD_COLUMN;
	const char *name = change_constraint_name(arena, change, "check");
	const char *not_valid = inlined ? change_check_apart(arena, change, &name) : change_not_valid(arena, change);
	if (!not_valid)
		not_valid =
		    arena_printf(arena, "ALTER TABLE %s ADD CONSTRAINT %s CHECK (…) NOT VALID;", change->table, name);
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = change->action->column,
	    .message =
	        arena_printf(arena, "the whole of %s is read while nobody else can read or write it%s", change->table,
	                     inlined ? ": the new column's CHECK is verified for each row, though it is the same "
	                               "in all of them"
	                             : ": the CHECK is verified for each row"),
	    .hint =
	        inlined
	            ? "Add the column first, then its CHECK as NOT VALID, and validate that in a transaction of its "
	              "own."
	            : "Add it as NOT VALID, and validate it in a transaction of its own: that lets others write.",
	    .fix_sql = arena_printf(arena, "%s\nALTER TABLE %s VALIDATE CONSTRAINT %s;", not_valid, change->table, name),
	    .fix_django = arena_printf(arena,
	                               "AddConstraintNotValid(\"%s\", CheckConstraint(…))  # in the next migration "
	                               "ValidateConstraint",
	                               remedy_model(arena, change->relation)),
	};
	rules_add(verdict, rule, input, change->relation, &finding);
}

static void check_add_foreign_key(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct change change;
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_FOREIGN_KEY, &at, &change);) {
		if (!change.action->not_valid)
			add_foreign_key(rule, input, &change, verdict);
	}
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_COLUMN, &at, &change);) {
		const struct fact_action *action = change.action;
		/* A column that is NULL in every row refers to nothing: PostgreSQL skips the check. */
		bool filled =
		    (action->has_default && !action->default_is_null) || action->has_generated || action->has_identity;
		if (action->has_references && filled && !change_adds_nothing(input, &change))
			add_foreign_key(rule, input, &change, verdict);
	}
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->form == DDL_CREATE_TABLE && input->session->transaction == 'T')
			lock_referenced_of_new(rule, input, action, verdict);
		else if (action->form == DDL_DROP_TABLE || action->form == DDL_DROP_COLUMN ||
		         action->form == DDL_DROP_CONSTRAINT)
			lock_referenced_of_dropped(rule, input, action, verdict);
	}
}

/* The lock of a new table's foreign key is short by itself, but stays until the transaction ends. */
static void lock_referenced_of_new(const struct rule *rule, const struct context *input,
                                   const struct fact_action *create, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		const struct catalog_relation *referenced;
		if (action->form != DDL_ADD_FOREIGN_KEY || action->relation != create->relation || create->if_exists ||
		    action->temporary || !(referenced = context_relation(input, action->referenced)))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena,
		                            "writes on %s, which the new table refers to, wait until this transaction ends",
		                            remedy_table(arena, referenced)),
		    .hint = "COMMIT soon after it, with lock_timeout set, or add the foreign key in a transaction of its "
		            "own: on an empty table that takes no time.",
		    .fix_sql = "SET LOCAL lock_timeout = '2s';",
		    .fix_django = "few operations in that migration",
		};
		rules_add_info(verdict, rule, input, referenced, &finding);
	}
}

/* A foreign key's triggers go from both tables. */
static void lock_referenced_of_dropped(const struct rule *rule, const struct context *input,
                                       const struct fact_action *action, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct catalog_relation *table = context_relation(input, action->relation);
	for (uint16_t i = 0; table && i < table->constraint_count; i++) {
		const struct catalog_constraint *key = &table->constraints[i];
		bool dropped = action->form == DDL_DROP_TABLE;
		if (key->kind != CATALOG_FOREIGN_KEY || !key->referenced || key->referenced == table)
			continue;
		if (action->form == DDL_DROP_CONSTRAINT)
			dropped = action->object && strcmp(key->name, action->object) == 0;
		for (uint16_t c = 0; c < key->column_count && action->form == DDL_DROP_COLUMN; c++)
			dropped |= action->column && strcmp(key->columns[c], action->column) == 0;
		if (!dropped)
			continue;
		const char *to = remedy_table(arena, key->referenced), *name = identifier_quoted(arena, key->name);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena,
		                            "with the foreign key %s, nobody can read or write %s either until this "
		                            "transaction ends",
		                            name, to),
		    .hint = "Drop the foreign key in a transaction of its own, with lock_timeout set.",
		    .fix_sql =
		        arena_printf(arena,
		                     "BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE %s DROP CONSTRAINT %s;\nCOMMIT;",
		                     remedy_table(arena, table), name),
		    .fix_django = "first AlterField to db_constraint=False, in a migration of its own",
		};
		rules_add_info(verdict, rule, input, key->referenced, &finding);
	}
}

static void add_foreign_key(const struct rule *rule, const struct context *input, const struct change *change,
                            struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct catalog_relation *referenced = context_relation(input, change->action->referenced);
	const char *name = change_constraint_name(arena, change, "fkey");
	const char *to = referenced ? remedy_table(arena, referenced) : "the referenced table";
	bool inlined = change->action->form == DDL_ADD_COLUMN;
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = inlined                             ? change->action->column
	              : change->action->column_count == 1 ? change->action->columns[0]
	                                                  : NULL,
	    .message = arena_printf(arena, "writes on %s and on %s wait while each row of %s is looked up",
	                            change->table, to, change->table),
	    .hint = "Add the foreign key as NOT VALID, and validate it in a transaction of its own: that lets others "
	            "write.",
	    .fix_sql = foreign_key_fix(arena, change, name, referenced ? to : "…"),
	    .fix_django = "SeparateDatabaseAndState: the ForeignKey in state_operations, these two as RunSQL in "
	                  "database_operations, the second in a migration of its own",
	};
	if (rules_size(rule, input, change->relation) == TABLE_LARGE || !referenced ||
	    rules_size(rule, input, referenced) != TABLE_LARGE) {
		rules_add(verdict, rule, input, change->relation, &finding);
		return;
	}
	/* Few rows to look up, but the lock on the table that everybody writes to has to be waited for. */
	finding.message = arena_printf(arena,
	                               "%s is locked against writes until the rows of %s are looked up and the "
	                               "transaction ends",
	                               to, change->table);
	rules_add_lowered(verdict, rule, input, referenced, &finding);
}

/* A partitioned table takes no NOT VALID foreign key, but makes its own of those that its partitions have. */
static const char *foreign_key_fix(struct arena *arena, const struct change *change, const char *name, const char *to)
{
	const struct fact_action *action = change->action;
	bool inlined = action->form == DDL_ADD_COLUMN;
	const char *key = arena_printf(arena, "FOREIGN KEY (%s) REFERENCES %s%s%s",
	                               inlined ? change->column : change_columns(arena, action), to,
	                               change_key_end(arena, action), change_timing(action));
	const char *before = inlined ? "-- after the plain ADD COLUMN:\n" : "";
	if (change->relation->kind != CATALOG_PARTITIONED_TABLE)
		return arena_printf(arena,
		                    "%sALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;\n"
		                    "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
		                    before, change->table, name, key, change->table, name);
	return arena_printf(arena,
	                    "%s-- for each partition p of it, each statement in a transaction of its own:\n"
	                    "-- ALTER TABLE p ADD CONSTRAINT %s %s NOT VALID; ALTER TABLE p VALIDATE CONSTRAINT %s;\n"
	                    "ALTER TABLE %s ADD CONSTRAINT %s %s;",
	                    before, name, key, name, change->table, name, key);
}

static void add_unique(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct change change;
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_UNIQUE, &at, &change);) {
		if (!change.action->using_index && !change_adds_nothing(input, &change))
			add_built_constraint(rule, input, &change, false, verdict);
	}
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_COLUMN, &at, &change);) {
		if (change.action->has_unique && !change_adds_nothing(input, &change))
			add_built_constraint(rule, input, &change, false, verdict);
	}
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_CREATE_INDEX, &at, &change);) {
		if (change.action->unique && !change.action->concurrently && !change_adds_nothing(input, &change))
			add_unique_index(rule, input, &change, verdict);
	}
}

static void add_primary_key(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct change change;
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_PRIMARY_KEY, &at, &change);) {
		if (!change.action->using_index && !change_adds_nothing(input, &change))
			add_built_constraint(rule, input, &change, true, verdict);
	}
	for (uint16_t at = 0; change_next(input, &verdict->arena, DDL_ADD_COLUMN, &at, &change);) {
		if (change.action->has_primary && !change_adds_nothing(input, &change))
			add_built_constraint(rule, input, &change, true, verdict);
	}
}

static void add_built_constraint(const struct rule *rule, const struct context *input, const struct change *change,
                                 bool primary, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	bool inlined = change->action->form == DDL_ADD_COLUMN;
	const char *name = change_constraint_name(arena, change, primary ? "pkey" : "key");
	const char *kind = primary ? "PRIMARY KEY" : "UNIQUE";
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = inlined                             ? change->action->column
	              : change->action->column_count == 1 ? change->action->columns[0]
	                                                  : NULL,
	    .message = arena_printf(arena,
	                            "nobody can read or write %s while the whole table is read and the index of the %s "
	                            "constraint is built",
	                            change->table, kind),
	    .hint = primary
	                ? "Build the unique index CONCURRENTLY, and make the constraint out of it; its columns must be "
	                  "NOT NULL before."
	                : "Build the unique index CONCURRENTLY, and make the constraint out of it.",
	    .fix_sql = built_fix(arena, change, name, kind),
	    .fix_django =
	        "SeparateDatabaseAndState: the field or constraint in state_operations, these two as RunSQL in "
	        "database_operations, in a migration with atomic = False",
	};
	rules_add(verdict, rule, input, change->relation, &finding);
}

static const char *built_fix(struct arena *arena, const struct change *change, const char *name, const char *kind)
{
	const struct fact_action *action = change->action;
	bool inlined = action->form == DDL_ADD_COLUMN;
	const char *before = inlined ? "-- after the plain ADD COLUMN:\n" : "";
	const char *nulls = action->constraint && action->constraint->nulls_not_distinct ? " NULLS NOT DISTINCT" : "";
	const char *columns = arena_printf(arena, "(%s)%s", inlined ? change->column : change_columns(arena, action),
	                                   change_key_end(arena, action));
	/* An index says it behind its columns, a constraint before them. */
	const char *keys = arena_printf(arena, "%s%s", columns, nulls);
	if (change->relation->kind == CATALOG_PARTITIONED_TABLE)
		return arena_printf(arena,
		                    "%sALTER TABLE ONLY %s ADD CONSTRAINT %s %s%s %s%s;\n"
		                    "-- for each partition p of it:\n"
		                    "-- CREATE UNIQUE INDEX CONCURRENTLY p_key ON p %s;\n"
		                    "-- ALTER TABLE p ADD CONSTRAINT p_key %s USING INDEX p_key%s;\n"
		                    "-- ALTER INDEX %s ATTACH PARTITION p_key;",
		                    before, change->table, name, kind, nulls, columns, change_timing(action), keys,
		                    kind, change_timing(action), name);
	return arena_printf(arena,
	                    "%sCREATE UNIQUE INDEX CONCURRENTLY %s ON %s %s;\n"
	                    "ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s%s;",
	                    before, name, change->table, keys, change->table, name, kind, name,
	                    change_timing(action));
}

static void add_unique_index(const struct rule *rule, const struct context *input, const struct change *change,
                             struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	bool partitioned = change->relation->kind == CATALOG_PARTITIONED_TABLE;
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = change->action->column_count == 1 ? change->action->columns[0] : NULL,
	    .message =
	        arena_printf(arena,
	                     "every INSERT, UPDATE and DELETE on %s waits while the whole of it is read and the unique "
	                     "index is built",
	                     change->table),
	    .hint = partitioned ? "A partitioned table refuses CONCURRENTLY: create the index ON ONLY it, build it "
	                          "CONCURRENTLY on each partition, then attach those."
	                        : "Build it with CREATE UNIQUE INDEX CONCURRENTLY, outside a transaction.",
	    .fix_sql = change_concurrent_index(arena, change),
	    .fix_django = "SeparateDatabaseAndState: AddConstraint in state_operations, this as RunSQL in "
	                  "database_operations, in a migration with atomic = False",
	};
	rules_add(verdict, rule, input, change->relation, &finding);
}
