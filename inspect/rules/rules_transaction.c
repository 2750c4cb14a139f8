#include "inspect/rules/rules_transaction.h"

#include "inspect/rules/change.h"
#include "inspect/rules/progress.h"
#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void lock_timeout(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void dropped_default(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void validate_at_once(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void in_transaction(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void long_behind_lock(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void several_tables(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void separate_alters(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "no-lock-timeout",
        .code = "M201",
        .title = "a strong lock on a table is waited for without lock_timeout: all that comes after waits as well",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_ANY,
        .check = lock_timeout,
        .why =
            "A lock that is waited for stands in the queue before every later query on the table. One long SELECT, or "
            "one idle transaction, then stops the whole application for as long as it lasts, however short the "
            "change itself is.",
        .example = "BEGIN;\nALTER TABLE shop_product ADD COLUMN colour text;   -- lock_timeout is 0",
        .safe = "BEGIN;\n"
                "SET LOCAL lock_timeout = '2s';\n"
                "ALTER TABLE shop_product ADD COLUMN colour text;   -- and once more, if it fails with 55P03\n"
                "COMMIT;\n"
                "\n"
                "# Django: in the DATABASES that migrations run with\n"
                "\"OPTIONS\": {\"options\": \"-c lock_timeout=2s\"}",
        .decides = "Any statement that takes SHARE or a stronger lock on a table that was there before, while "
                   "lock_timeout is 0 as the session has it: by SET, SET LOCAL and set_config(), what ROLLBACK takes "
                   "back, the start-up packet, ALTER ROLE and ALTER DATABASE, the server. Told once in a transaction. "
                   "Silent when the setting is not known, with NOWAIT, for an empty table, and where the transaction "
                   "has written every row already, so that writers wait anyway.",
    },
    {
        .slug = "dropped-default-breaks-old-code",
        .code = "M208",
        .title = "a NOT NULL column whose default is dropped as soon as it is there: INSERTs of running processes fail",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .scope = RULE_DDL,
        .check = dropped_default,
        .why = "Application processes that were started before don't know the column and leave it out of their "
               "INSERTs. Without a default each of these fails with 23502, until the last of them is replaced.",
        .example = "BEGIN;\nALTER TABLE shop_product ADD COLUMN qty integer DEFAULT 0 NOT NULL;\n"
                   "ALTER TABLE shop_product ALTER COLUMN qty DROP DEFAULT;\nCOMMIT;",
        .safe = "ALTER TABLE shop_product ADD COLUMN qty integer DEFAULT 0 NOT NULL;   -- and keep the default\n"
                "\n"
                "# Django 5.0 and newer:\n"
                "AddField(\"product\", \"qty\", models.IntegerField(default=0, db_default=0))",
        .decides = "DROP DEFAULT of a column that the same transaction has added NOT NULL with a default, as Django's "
                   "AddField(default=…) does. Silent on small tables.",
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
                   "statement or in one transaction.",
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
        .slug = "statement-after-access-exclusive",
        .code = "M234",
        .title = "a long statement in a transaction that holds ACCESS EXCLUSIVE on a table already",
        .severity = SEVERITY_ERROR,
        .scope = RULE_ANY,
        .check = long_behind_lock,
        .why = "Locks are held until COMMIT. What was changed in a moment stays locked for as long as everything after "
               "it takes: nobody can read or write that table until the transaction is over. Django puts all "
               "operations of a migration into one.",
        .example = "BEGIN;\n"
                   "ALTER TABLE shop_product ADD COLUMN code varchar(20);\n"
                   "CREATE INDEX shop_product_code ON shop_product (code);   -- reads the whole table",
        .safe = "ALTER TABLE shop_product ADD COLUMN code varchar(20);   -- a transaction of its own\n"
                "CREATE INDEX CONCURRENTLY shop_product_code ON shop_product (code);\n"
                "\n"
                "# Django: one operation in each migration, the long one with atomic = False",
        .decides = "A statement that reads, writes or builds over all of a large table, after one that took ACCESS "
                   "EXCLUSIVE on a table that was there before; or a change that reads a table whose rows the "
                   "transaction has all written. Told once in a transaction. Silent for what only touches the catalog.",
    },
    {
        .slug = "multi-table-ddl-transaction",
        .code = "M235",
        .title = "one transaction takes ACCESS EXCLUSIVE on several tables, one after the other",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .scope = RULE_DDL,
        .check = several_tables,
        .why = "The application takes its locks in an order of its own. When it has the second table and waits for the "
               "first, while this has the first and waits for the second, one of the two fails with 40P01; and until "
               "then nobody gets at the first.",
        .example = "BEGIN;\nALTER TABLE shop_product ADD COLUMN a int;\nALTER TABLE shop_order ADD COLUMN b int;",
        .safe = "ALTER TABLE shop_product ADD COLUMN a int;   -- each in a transaction of its own\n"
                "ALTER TABLE shop_order ADD COLUMN b int;\n"
                "\n"
                "# Django: a migration for each table",
        .decides = "A schema change that takes ACCESS EXCLUSIVE on a second table that was there before, in one "
                   "transaction. Told once in it. Silent when one of the two is small, and for what a statement locks "
                   "beside its own table.",
    },
    {
        .slug = "combine-alters",
        .code = "M245",
        .title = "two ALTER TABLE of one transaction that each read the whole table, where one would read it once",
        .severity = SEVERITY_INFO,
        .scope = RULE_DDL,
        .check = separate_alters,
        .why =
            "ALTER TABLE verifies all its subcommands in one pass over the table. Two statements make two, under the "
            "same lock.",
        .example = "BEGIN;\n"
                   "ALTER TABLE t ALTER COLUMN a SET NOT NULL;\n"
                   "ALTER TABLE t ADD CHECK (a > 0);",
        .safe = "ALTER TABLE t ALTER COLUMN a SET NOT NULL, ADD CHECK (a > 0);\n"
                "\n"
                "# Django: RunSQL in SeparateDatabaseAndState",
        .decides = "SET NOT NULL, ADD CHECK, ADD COLUMN or ALTER COLUMN … TYPE that reads or writes all of a large "
                   "table, after another one did in the same transaction.",
    },
};

const struct rule_group rules_transaction = {.rules = rows, .count = ARRAY_LEN(rows)};

/* -- waiting for a lock --------------------------------------------------------------------------- */

static const struct effect *most_waited_for(const struct context *input, const struct effects *effects);

static void lock_timeout(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct facts *facts = input->facts;
	bool locks = facts->action_count > 0 || facts->kind == STATEMENT_LOCK || facts->kind == STATEMENT_TRUNCATE;
	if (!locks || facts->nowait || progress_lock_timeout(input) != 0)
		return;
	for (uint16_t at = 0; at < facts->action_count; at++) {
		if (facts->actions[at].concurrently)
			return; /* it waits for transactions to end, which lock_timeout would make a failure of */
	}
	for (uint32_t at = 0; input->session->past && at < input->session->past->count; at++) {
		const struct session_past_entry *entry = &input->session->past->entries[at];
		if (entry->kind == SESSION_PAST_LOCK && entry->untimed)
			return; /* told already */
	}
	struct effects *effects = arena_alloc(arena, sizeof(*effects));
	effect_of(input, arena, effects);
	const struct effect *effect = most_waited_for(input, effects);
	if (!effect)
		return;
	const char *set = input->session->open ? "SET LOCAL" : "SET";
	struct finding finding = {
	    .table = effect->relation,
	    .evidence = EVIDENCE_CATALOG,
	    .message = arena_printf(
	        arena, "lock_timeout is 0: while this waits for its %s lock, every %s %s waits behind it",
	        lock_name(effect->lock), lock_conflicts(effect->lock, LOCK_ACCESS_SHARE) ? "query on" : "write to",
	        remedy_table(arena, effect->table)),
	    .hint = "Let it give up after a moment, and try again.",
	    .fix_sql = arena_printf(arena, "%s lock_timeout = '2s';", set),
	    .fix_django = "\"OPTIONS\": {\"options\": \"-c lock_timeout=2s\"}  # in DATABASES, for migrations",
	};
	rules_add(verdict, rule, input, effect->table, &finding);
}

/* The largest of the tables that it takes a strong lock on; NULL when nobody would notice. */
static const struct effect *most_waited_for(const struct context *input, const struct effects *effects)
{
	const struct effect *largest = NULL;
	for (uint16_t at = 0; at < effects->count && !effects->refused; at++) {
		const struct effect *effect = &effects->list[at];
		const struct catalog_relation *table = effect->table;
		if (!table || effect->lock < LOCK_SHARE || table->system || table->temporary || table->rows == 0)
			continue;
		if (table->kind == CATALOG_VIEW || table->kind == CATALOG_FOREIGN_TABLE)
			continue;
		/* Readers get by, and writers wait for its rows anyway. */
		if (!lock_conflicts(effect->lock, LOCK_ACCESS_SHARE) &&
		    session_past_find(input->session->past, SESSION_PAST_ALL_ROWS, table->oid, NULL))
			continue;
		if (!largest || table->rows > largest->table->rows)
			largest = effect;
	}
	return largest;
}

/* -- holding one ---------------------------------------------------------------------------------- */

static void long_behind_lock(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct session_past *past = input->session->past;
	const struct session_past_entry *held = NULL;
	if (!past || session_past_find(past, SESSION_PAST_LONG, 0, NULL))
		return;
	for (uint32_t at = 0; at < past->count && !held; at++) {
		if (past->entries[at].kind == SESSION_PAST_LOCK && past->entries[at].lock == LOCK_ACCESS_EXCLUSIVE)
			held = &past->entries[at];
	}
	struct effects *effects = arena_alloc(arena, sizeof(*effects));
	*effects = (struct effects){.count = 0};
	if (effect_applies(input->facts))
		effect_of(input, arena, effects);
	const struct catalog_relation *table = progress_long(input, effects);
	bool written =
	    table && input->facts->action_count > 0 && session_past_find(past, SESSION_PAST_ALL_ROWS, table->oid, NULL);
	if (!table || (!held && !written))
		return;
	const struct catalog_relation *locked = held ? catalog_find_oid(input->catalog, held->relation) : table;
	const char *name = locked ? remedy_table(arena, locked) : "what was changed before";
	const char *message =
	    held ? arena_printf(arena,
	                        "nobody can read or write %s, locked by an earlier statement of this transaction, "
	                        "until this has gone over all of %s and COMMIT has come",
	                        name, locked == table ? "it" : remedy_table(arena, table))
	         : arena_printf(arena,
	                        "every row of %s was written in this transaction, so all other writers wait until "
	                        "this has gone over it once more and COMMIT has come",
	                        name);
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .message = message,
	    .hint = "COMMIT before it, and do it in a transaction of its own.",
	    .fix_sql = "COMMIT;  -- then this, by itself",
	    .fix_django = "one operation in each migration; the long one with atomic = False",
	};
	rules_add(verdict, rule, input, table, &finding);
}

static void several_tables(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct session_past *past = input->session->past;
	const struct session_past_entry *other = NULL;
	if (!past)
		return;
	struct effects *effects = arena_alloc(arena, sizeof(*effects));
	effect_of(input, arena, effects);
	const struct catalog_relation *table = effects->count > 0 ? effects->list[0].table : NULL;
	if (!table || effects->refused || effects->list[0].lock != LOCK_ACCESS_EXCLUSIVE || table->rows == 0)
		return;
	for (uint32_t at = 0; at < past->count; at++) {
		const struct session_past_entry *entry = &past->entries[at];
		if (entry->kind != SESSION_PAST_LOCK || entry->lock != LOCK_ACCESS_EXCLUSIVE)
			continue;
		if (entry->relation == table->oid)
			return;
		if (!entry->own || entry->small)
			continue;
		if (other && other->relation != entry->relation)
			return; /* told at the second */
		other = entry;
	}
	const struct catalog_relation *first = other ? catalog_find_oid(input->catalog, other->relation) : NULL;
	if (!other)
		return;
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .message =
	        arena_printf(arena,
	                     "%s is locked ACCESS EXCLUSIVE while this waits for %s: whoever takes the two the other "
	                     "way round ends in a deadlock",
	                     first ? remedy_table(arena, first) : "another table", remedy_table(arena, table)),
	    .hint = "Change each table in a transaction of its own.",
	    .fix_sql = "COMMIT;  -- then this, by itself",
	    .fix_django = "a migration for each table",
	};
	rules_add(verdict, rule, input, table, &finding);
}

/* -- what was done before ------------------------------------------------------------------------- */

static void dropped_default(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_DROP_DEFAULT, &at, &change);) {
		if (!session_past_find(input->session->past, SESSION_PAST_COLUMN, change.relation->oid,
		                       change.action->column))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column,
		    .message = arena_printf(
		        arena,
		        "processes that don't know %s yet fail at each INSERT into %s: it is NOT NULL, and "
		        "its default is gone",
		        change.column, change.table),
		    .hint = "Keep the default until the last of them is replaced.",
		    .fix_sql = "-- leave this statement out",
		    .fix_django = "default=…, db_default=…  # Django 5.0: keeps it",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void separate_alters(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	static const enum ddl_form forms[] = {DDL_SET_NOT_NULL, DDL_ADD_CHECK, DDL_ALTER_TYPE, DDL_ADD_COLUMN};
	struct arena *arena = &verdict->arena;
	struct change change;
	struct effects *effects = NULL;
	for (size_t form = 0; form < ARRAY_LEN(forms) && input->session->past; form++) {
		for (uint16_t at = 0; change_next(input, arena, forms[form], &at, &change);) {
			if (!session_past_find(input->session->past, SESSION_PAST_ALTER_SCAN, change.relation->oid,
			                       NULL))
				continue;
			if (!effects) {
				effects = arena_alloc(arena, sizeof(*effects));
				effect_of(input, arena, effects);
			}
			bool scans = false;
			for (uint16_t i = 0; i < effects->count; i++)
				scans |= effects->list[i].table == change.relation &&
				         (effects->list[i].scan || effects->list[i].rewrite);
			if (!scans)
				continue;
			struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .message = arena_printf(
			        arena,
			        "%s is read from end to end once more, as by an earlier ALTER TABLE of this "
			        "transaction: one with both parts reads it once",
			        change.table),
			    .hint = "Write the two as one ALTER TABLE, with a comma between.",
			    .fix_django = "RunSQL with the one statement, in SeparateDatabaseAndState",
			};
			rules_add(verdict, rule, input, change.relation, &finding);
			return;
		}
	}
}

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

static void validate_at_once(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_VALIDATE_CONSTRAINT, &at, &change);) {
		const struct fact_action *action = change.action;
		if (!action->object)
			continue;
		const struct fact_relation *table = &input->facts->relations[action->relation];
		bool found = adds_not_valid(input->facts, (uint16_t)(at - 1), table, action->object) ||
		             session_past_find(input->session->past, SESSION_PAST_NOT_VALID, change.relation->oid,
		                               action->object);
		if (!found)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_SYNTAX,
		    .message = arena_printf(
		        arena,
		        "%s is read under the lock that adding %s took: NOT VALID saves nothing in one transaction",
		        change.table, identifier_quoted(arena, action->object)),
		    .hint = "COMMIT between the two.",
		    .fix_sql = arena_printf(arena, "COMMIT;\nALTER TABLE %s VALIDATE CONSTRAINT %s;", change.table,
		                            identifier_quoted(arena, action->object)),
		    .fix_django = "ValidateConstraint in a migration of its own",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void in_transaction(const struct rule *rule, const struct context *input, struct verdict *verdict)
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
		    .fix_django = "atomic = False  # in the migration",
		};
		rules_add(verdict, rule, input, context_relation(input, action->relation), &finding);
	}
}
