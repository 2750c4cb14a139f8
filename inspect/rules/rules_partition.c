#include "inspect/rules/rules_partition.h"

#include "inspect/human.h"
#include "inspect/rules/change.h"
#include "inspect/rules/progress.h"
#include "inspect/change/effect.h"
#include "inspect/catalog/dictionary.h"
#include "inspect/rules/remedy.h"
#include "inspect/rules/traffic.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void truncate_large(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void attach(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void detach(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void beside_default(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void partitioned_index(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void refresh(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void trigger(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void domain(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void lock_table(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void all_rows(const struct rule *rule, const struct context *input, struct verdict *verdict);
static const char *numbered_by(struct arena *arena, const struct catalog_relation *relation);
static double share_by_null(const struct facts *facts, int16_t at, const struct catalog_relation *relation);
static struct effects *effects_of(const struct context *input, struct arena *arena);

static const struct rule rows[] = {
    {
        .slug = "truncate",
        .code = "M221",
        .title = "TRUNCATE of a large table, and of all that refer to it with CASCADE",
        .severity = SEVERITY_ERROR,
        .scope = RULE_ANY,
        .check = truncate_large,
        .why = "TRUNCATE takes ACCESS EXCLUSIVE on each table, and with CASCADE on every table that refers to one of "
               "them by a foreign key, and empties those as well.",
        .example = "TRUNCATE shop_product CASCADE;",
        .safe = "DELETE FROM shop_product WHERE id BETWEEN 1 AND 10000;   -- in batches, each with its COMMIT\n"
                "\n"
                "# Django: filter(id__range=…).delete() in batches",
        .decides = "By the size of each table that is emptied, also of those that the catalog's foreign keys lead to.",
    },
    {
        .slug = "attach-partition-scans",
        .code = "M225",
        .title = "ATTACH PARTITION reads the new partition, or the DEFAULT one, under lock",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = attach,
        .why = "Every row of the new partition is verified against its bounds while nobody can read or write it, "
               "unless a valid CHECK says the same. And every row of the DEFAULT partition, that it does not belong "
               "into the new one.",
        .example = "ALTER TABLE event ATTACH PARTITION event_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');",
        .safe = "ALTER TABLE event_2024 ADD CONSTRAINT bounds CHECK (at >= '2024-01-01' AND at < '2025-01-01') NOT "
                "VALID;\n"
                "ALTER TABLE event_2024 VALIDATE CONSTRAINT bounds;   -- then ATTACH, then drop it\n"
                "\n"
                "# Django: RunSQL",
        .decides = "By the size of the partition that is attached, when no valid CHECK on the key column implies its "
                   "bounds, and by that of the DEFAULT partition.",
    },
    {
        .slug = "detach-partition-blocks",
        .code = "M226",
        .title = "DETACH PARTITION without CONCURRENTLY: nobody can read or write the whole partitioned table",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = detach,
        .why =
            "It takes ACCESS EXCLUSIVE on the partitioned table, waits for every query on it, and lets new ones wait "
            "behind.",
        .example = "ALTER TABLE event DETACH PARTITION event_2020;",
        .safe = "ALTER TABLE event DETACH PARTITION event_2020 CONCURRENTLY;   -- outside a transaction\n"
                "\n"
                "# Django: RunSQL in a migration with atomic = False",
        .decides =
            "By the size of the partitioned table. Silent with a DEFAULT partition, where there is no other way.",
    },
    {
        .slug = "create-partition-beside-default",
        .code = "M227",
        .title = "a new partition beside a large DEFAULT one, which is read under lock",
        .severity = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .check = beside_default,
        .why =
            "Every row of the DEFAULT partition is read, to see that none belongs into the new one, while nobody can "
            "read or write the partitioned table.",
        .example = "CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
        .safe = "ALTER TABLE event_default ADD CONSTRAINT not_2025 CHECK (at < '2025-01-01' OR at >= '2026-01-01') NOT "
                "VALID;\n"
                "ALTER TABLE event_default VALIDATE CONSTRAINT not_2025;   -- then the partition\n"
                "\n"
                "# Django: RunSQL",
        .decides = "CREATE TABLE … PARTITION OF a table that has a DEFAULT partition, by that one's size.",
    },
    {
        .slug = "partitioned-index",
        .code = "M228",
        .title = "CREATE INDEX on a partitioned table: writes to all partitions wait until the last one is built",
        .severity = SEVERITY_BLOCK,
        .severity_medium = SEVERITY_WARN,
        .on_medium = true,
        .scope = RULE_DDL,
        .check = partitioned_index,
        .why = "It takes SHARE on the table and on every partition, one after the other, and keeps all of them to the end: "
               "writes anywhere in it wait while all rows are read. A partitioned table refuses CONCURRENTLY.",
        .example = "CREATE INDEX event_user ON event (user_id);",
        .safe = "CREATE INDEX event_user ON ONLY event (user_id);   -- not valid yet, and instantly there\n"
                "CREATE INDEX CONCURRENTLY event_2024_user ON event_2024 (user_id);   -- for each partition\n"
                "ALTER INDEX event_user ATTACH PARTITION event_2024_user;   -- with the last one it is valid\n"
                "\n"
                "# Django: RunSQL with atomic = False, the Index in its state_operations",
        .decides = "CREATE INDEX on a partitioned table without ONLY, by the rows of all its partitions; one level lower with "
                   "CONCURRENTLY, which fails. Silent where each partition has such an index already, which is then "
                   "attached and not built; for a new table; and where IF NOT EXISTS finds what it names. A UNIQUE one is "
                   "M214's.",
    },
    {
        .slug = "refresh-blocks-reads",
        .code = "M229",
        .title = "REFRESH MATERIALIZED VIEW without CONCURRENTLY: nobody can read it meanwhile",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .thresholds = {{"hours", 24}},
        .check = refresh,
        .why = "The view is computed and written anew under ACCESS EXCLUSIVE; every query on it waits for the end.",
        .example = "REFRESH MATERIALIZED VIEW sales_by_day;",
        .safe = "CREATE UNIQUE INDEX CONCURRENTLY sales_by_day_key ON sales_by_day (day);\n"
                "REFRESH MATERIALIZED VIEW CONCURRENTLY sales_by_day;\n"
                "\n"
                "# Django: RunSQL",
        .decides = "By the size of the materialised view. Says by what it was used last, itself or a view on it, if the "
                   "traffic of the last 24 hours (hours) has; a remark where all of that time was watched and nothing "
                   "did. What the session that refreshes it has read itself does not count. Names the unique index that "
                   "CONCURRENTLY needs when there is none.",
    },
    {
        .slug = "trigger-or-rule-on-large-table",
        .code = "M230",
        .title = "a trigger, rule or policy made or dropped on a large table: a short lock, but behind every query",
        .severity = SEVERITY_INFO,
        .scope = RULE_DDL,
        .check = trigger,
        .why =
            "CREATE TRIGGER waits for every writer of the table, DROP TRIGGER, rules and policies for readers as well; "
            "what comes after waits behind it.",
        .example = "DROP TRIGGER shop_product_audit ON shop_product;",
        .safe = "SET lock_timeout = '2s';   -- and try again\n"
                "DROP TRIGGER shop_product_audit ON shop_product;\n"
                "\n"
                "# Django: RunSQL",
        .decides = "CREATE TRIGGER by the size of its table, and DROP TRIGGER, RULE and POLICY. Silent where a "
                   "lock_timeout is set.",
    },
    {
        .slug = "domain-constraint-scans",
        .code = "M231",
        .title = "a domain's new constraint is verified in every table that uses the domain, under lock",
        .severity = SEVERITY_WARN,
        .scope = RULE_DDL,
        .check = domain,
        .why = "Every table with a column of the domain is locked against writes and read from end to end.",
        .example = "ALTER DOMAIN price ADD CONSTRAINT price_positive CHECK (VALUE > 0);",
        .safe = "ALTER DOMAIN price ADD CONSTRAINT price_positive CHECK (VALUE > 0) NOT VALID;\n"
                "-- VALIDATE CONSTRAINT reads under the same lock: at a quiet hour\n"
                "\n"
                "# Django: RunSQL",
        .decides =
            "ALTER DOMAIN … ADD CONSTRAINT, VALIDATE CONSTRAINT and SET NOT NULL, by the size of each table that "
            "has a column of the domain.",
    },
    {
        .slug = "lock-table",
        .code = "M233",
        .title = "LOCK TABLE in a mode that writes wait for",
        .severity = SEVERITY_WARN,
        .scope = RULE_ANY,
        .check = lock_table,
        .why = "Every INSERT, UPDATE and DELETE on the table waits until the transaction ends, and in ACCESS EXCLUSIVE "
               "mode, which is the default, every SELECT as well.",
        .example = "LOCK TABLE shop_product;",
        .safe = "SELECT … FROM shop_product WHERE id = 1 FOR UPDATE;   -- the rows that are meant\n"
                "\n"
                "# Django: select_for_update(), or pg_advisory_xact_lock()",
        .decides = "LOCK TABLE in SHARE mode or a stronger one, by the size of the table.",
    },
    {
        .slug = "backfill-in-one-statement",
        .code = "M238",
        .title = "an UPDATE or DELETE of all or very many rows of a large table in one statement",
        .severity = SEVERITY_ERROR,
        .scope = RULE_ANY,
        .thresholds = {{"rows", 100000}},
        .check = all_rows,
        .why = "All rows are locked until the one transaction ends, dead rows double the table, replicas lag, and "
               "nothing of it is kept when it fails near the end.",
        .example = "UPDATE shop_product SET active = true;",
        .safe = "UPDATE shop_product SET active = true WHERE id BETWEEN 1 AND 10000;   -- and so on, each with its "
                "COMMIT\n"
                "\n"
                "# Django: RunPython over ranges of ids in a migration with atomic = False",
        .decides = "UPDATE and DELETE without WHERE, by the size of the table; and with nothing but IS NULL or IS NOT "
                   "NULL on one column, when by pg_stats.null_frac that is more than `rows` rows.",
    },
};

const struct rule_group rules_partition = {.rules = rows, .count = ARRAY_LEN(rows)};

/* -- whole tables --------------------------------------------------------------------------------- */

static void truncate_large(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	if (input->facts->kind != STATEMENT_TRUNCATE)
		return;
	if (!input->catalog)
		*input->catalog_missing = true;
	const struct effects *effects = effects_of(input, arena);
	for (uint16_t i = 0; i < effects->count && !effects->refused; i++) {
		const struct catalog_relation *relation = effects->list[i].table;
		if (!relation || relation->system || relation->is_partition)
			continue;
		bool named = false;
		for (uint16_t r = 0; r < input->facts->relation_count; r++)
			named |= context_relation(input, (int16_t)r) == relation;
		const char *table = remedy_table(arena, relation);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "all rows of %s are gone at once%s", table,
		                            named ? "" : ", because it refers to a table that is emptied by CASCADE"),
		    .hint = "DELETE in batches lets others read and write, and keeps what refers to them from being "
		            "emptied.",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void lock_table(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct facts *facts = input->facts;
	if (facts->kind != STATEMENT_LOCK || !lock_conflicts(facts->lock, LOCK_ROW_EXCLUSIVE))
		return;
	bool readers = lock_conflicts(facts->lock, LOCK_ACCESS_SHARE);
	for (uint16_t i = 0; i < facts->relation_count; i++) {
		const struct catalog_relation *relation = context_relation(input, (int16_t)i);
		if (!relation)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "%s on %s waits until this transaction ends",
		                            readers ? "every statement" : "every INSERT, UPDATE and DELETE",
		                            remedy_table(arena, relation)),
		    .hint = "Lock the rows that are meant by SELECT … FOR UPDATE, or an advisory lock of your own.",
		    .fix_django = "select_for_update()",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void all_rows(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct facts *facts = input->facts;
	bool update = facts->kind == STATEMENT_UPDATE;
	if ((!update && facts->kind != STATEMENT_DELETE) || facts->level_count == 0)
		return;
	for (uint16_t i = 0; i < facts->relation_count; i++) {
		const struct catalog_relation *relation =
		    facts->relations[i].is_target && facts->relations[i].level == 0
		        ? context_relation(input, (int16_t)i)
		        : NULL;
		if (!relation)
			continue;
		double share = facts->levels[0].has_where ? share_by_null(facts, (int16_t)i, relation) : 1;
		bool many = relation->rows * share > rules_threshold(rule, input, "rows");
		if (facts->levels[0].has_where && !many)
			continue;
		const char *table = remedy_table(arena, relation);
		const char *which = facts->levels[0].has_where ? "very many" : "all";
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "%s rows of %s are %s in one transaction, and locked until it ends",
		                            which, table, update ? "written" : "deleted"),
		    .hint = "Go through it in batches, with a COMMIT after each.",
		    .fix_sql = arena_printf(arena, "%s %s%s WHERE %s BETWEEN … AND …;   -- and COMMIT, and so on",
		                            update ? "UPDATE" : "DELETE FROM", table, update ? " SET …" : "",
		                            numbered_by(arena, relation)),
		    .fix_django = "batches of ids, in a migration with atomic = False",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

/* The share of the rows that a WHERE of nothing but IS NULL or IS NOT NULL leaves; 0 for any other, and where nobody
 * has counted. */
/* The column that its batches are made by. */
static const char *numbered_by(struct arena *arena, const struct catalog_relation *relation)
{
	for (uint16_t at = 0; at < relation->index_count; at++) {
		const struct catalog_index *index = &relation->indexes[at];
		if (index->primary && index->key_count > 0 && index->keys[0].column)
			return identifier_quoted(arena, index->keys[0].column);
	}
	return "id";
}

static double share_by_null(const struct facts *facts, int16_t at, const struct catalog_relation *relation)
{
	const struct fact_predicate *only = facts->predicates;
	if (facts->predicate_count != 1 || facts->condition_count != 1 || only->relation != at || !only->conjunct ||
	    !only->bare)
		return 0;
	const struct catalog_column *column = catalog_column(relation, only->column);
	if (!column || !column->has_statistics)
		return 0;
	if (only->operator== PREDICATE_IS_NULL)
		return column->null_fraction;
	return only->operator== PREDICATE_IS_NOT_NULL ? 1 - column->null_fraction : 0;
}

/* -- partitions ----------------------------------------------------------------------------------- */

static void attach(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->form != DDL_ATTACH_PARTITION || !context_relation(input, action->relation))
			continue;
		const struct effects *effects = effects_of(input, arena);
		for (uint16_t i = 0; i < effects->count; i++) {
			const struct catalog_relation *relation = effects->list[i].table;
			if (!relation || !effects->list[i].scan || relation->kind == CATALOG_PARTITIONED_TABLE)
				continue;
			const char *table = remedy_table(arena, relation);
			bool is_default = relation->is_default_partition;
			struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .message = arena_printf(
			        arena, "the whole of %s is read while nobody else can read or write it: %s", table,
			        is_default ? "no row in it may belong into the new partition"
			                   : "no valid CHECK says that its rows keep to the bounds"),
			    .hint = "A CHECK that says the same, added NOT VALID and validated before, spares it.",
			    .fix_sql = arena_printf(arena,
			                            "ALTER TABLE %s ADD CONSTRAINT bounds CHECK (…) NOT VALID;\n"
			                            "ALTER TABLE %s VALIDATE CONSTRAINT bounds;   -- then ATTACH",
			                            table, table),
			};
			rules_add(verdict, rule, input, relation, &finding);
		}
	}
}

static void detach(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_DETACH_PARTITION, &at, &change);) {
		bool has_default = false;
		for (uint32_t i = 0; i < change.relation->partition_count; i++)
			has_default |= change.relation->partitions[i]->is_default_partition;
		if (change.action->concurrently || has_default)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "it waits for every query on %s, and every new one waits behind it",
		                            change.table),
		    .hint = "DETACH PARTITION … CONCURRENTLY lets others read and write, outside a transaction.",
		    .fix_sql = arena_printf(arena, "ALTER TABLE %s DETACH PARTITION … CONCURRENTLY;", change.table),
		    .fix_django = "RunSQL, in a migration with atomic = False",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void beside_default(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		const struct catalog_relation *parent =
		    action->form == DDL_CREATE_TABLE ? context_relation(input, action->referenced) : NULL;
		if (!parent || action->is_default)
			continue;
		for (uint32_t i = 0; i < parent->partition_count; i++) {
			const struct catalog_relation *other = parent->partitions[i];
			if (!other->is_default_partition)
				continue;
			const char *table = remedy_table(arena, other);
			struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .message = arena_printf(
			        arena, "the whole DEFAULT partition %s is read while nobody can read or write %s",
			        table, remedy_table(arena, parent)),
			    .hint = "A CHECK on the DEFAULT partition that excludes the new bounds, validated before, "
			            "spares it.",
			    .fix_sql =
			        arena_printf(arena,
			                     "ALTER TABLE %s ADD CONSTRAINT elsewhere CHECK (…) NOT VALID;\n"
			                     "ALTER TABLE %s VALIDATE CONSTRAINT elsewhere;   -- then the partition",
			                     table, table),
			};
			rules_add(verdict, rule, input, other, &finding);
		}
	}
}

/* -- views, triggers, domains --------------------------------------------------------------------- */

/* CompareIndexInfo (index.c), of plain columns: what is equal is attached (DefineIndex, indexcmds.c). */
static bool is_like(const struct context *input, const struct catalog_relation *table, const struct catalog_index *index,
                    const struct fact_action *action)
{
	bool like = index->valid && !index->inherited && !index->predicate && !action->has_predicate && !action->has_options &&
	            index->unique == action->unique && index->included_count == 0 && index->key_count == action->column_count &&
	            strcmp(index->method, action->method) == 0;
	for (uint16_t at = 0; like && at < action->column_count; at++) {
		const struct catalog_index_key *key = &index->keys[at];
		const struct catalog_column *column = catalog_column(table, action->columns[at]);
		const struct dictionary_class *class =
		    column ? dictionary_class_default(catalog_dictionary(input->catalog), index->method, column->type_oid) : NULL;
		const bool same_class = action->opclasses && action->opclasses[at]
		                            ? key->opclass && strcmp(key->opclass, action->opclasses[at]) == 0
		                            : class && class->family == key->family;
		like = column && key->column && strcmp(key->column, column->name) == 0 && same_class && !key->descending &&
		       !key->nulls_first && key->collation_oid == column->collation_oid;
	}
	return like;
}

/* Has each of its partitions the index already? */
static bool is_there(const struct context *input, const struct catalog_relation *table, const struct fact_action *action,
                     int depth)
{
	if (depth > LIMIT_WALK_DEPTH || !catalog_dictionary(input->catalog))
		return false;
	for (uint32_t i = 0; i < table->partition_count; i++) {
		const struct catalog_relation *part = table->partitions[i];
		bool found = part->kind == CATALOG_PARTITIONED_TABLE && is_there(input, part, action, depth + 1);
		for (uint16_t at = 0; !found && at < part->index_count; at++)
			found = is_like(input, part, &part->indexes[at], action);
		if (!found)
			return false;
	}
	return true;
}

static void partitioned_index(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_CREATE_INDEX, &at, &change);) {
		const struct fact_action *action = change.action;
		const bool fails = action->concurrently;
		if (change.relation->kind != CATALOG_PARTITIONED_TABLE || action->only || (action->unique && !fails) ||
		    change_adds_nothing(input, &change) || (!fails && is_there(input, change.relation, action, 0)))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = action->column_count == 1 ? action->columns[0] : NULL,
		    .message = arena_printf(arena,
		                            fails ? "it fails: %s is partitioned, and takes no index CONCURRENTLY"
		                                  : "every INSERT, UPDATE and DELETE on %s waits while the whole of its partitions "
		                                    "are read and the index is built",
		                            change.table),
		    .hint = "Create the index ON ONLY it, build it CONCURRENTLY on each partition, then attach those.",
		    .fix_sql = fails ? NULL : change_concurrent_index(arena, &change),
		};
		if (fails)
			rules_add_lowered(verdict, rule, input, change.relation, &finding);
		else
			rules_add(verdict, rule, input, change.relation, &finding);
	}
}

static void refresh(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	char window[HUMAN_BYTES];
	for (uint16_t at = 0; change_next(input, arena, DDL_REFRESH_MATERIALIZED_VIEW, &at, &change);) {
		bool unique = false;
		for (uint16_t i = 0; i < change.relation->index_count; i++)
			unique |= change.relation->indexes[i].unique && !change.relation->indexes[i].predicate;
		if (change.action->concurrently || change.action->no_data)
			continue;
		const double window_ms = rules_threshold(rule, input, "hours") * 3600e3;
		const struct traffic_sight sight = traffic_seen(input, change.relation, NULL, true, window_ms);
		const bool unused = traffic_unused(input, &sight, window_ms);
		const char *use = "";
		if (sight.use)
			use = arena_printf(arena, "; it was used%s", traffic_words(arena, input, &sight));
		else if (unused)
			use = arena_printf(arena, "; nothing has used it for %s at least", human_duration((uint64_t)window_ms * 1000, window));
		struct finding finding = {
		    .evidence = sight.use || unused ? EVIDENCE_TRAFFIC : EVIDENCE_CATALOG,
		    .message = arena_printf(arena, "nobody can read %s until it is computed and written anew%s", change.table, use),
		    .hint = unique ? "REFRESH … CONCURRENTLY lets others read it."
		                   : "With a unique index on it, REFRESH … CONCURRENTLY lets others read it.",
		    .fix_sql = arena_printf(
		        arena, "%sREFRESH MATERIALIZED VIEW CONCURRENTLY %s;",
		        unique ? "" : arena_printf(arena, "CREATE UNIQUE INDEX CONCURRENTLY ON %s (…);\n", change.table),
		        change.table),
		};
		(unused ? rules_add_info : rules_add)(verdict, rule, input, change.relation, &finding);
	}
}

static void trigger(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	static const enum ddl_form forms[] = {DDL_CREATE_TRIGGER, DDL_DROP_OTHER};
	struct arena *arena = &verdict->arena;
	struct change change;
	if (progress_lock_timeout(input) > 0)
		return;
	for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
		for (uint16_t at = 0; change_next(input, arena, forms[f], &at, &change);) {
			/* DROP MATERIALIZED VIEW names no object of a table. */
			if (!change.action->object)
				continue;
			bool readers = lock_conflicts(change.action->lock, LOCK_ACCESS_SHARE);
			struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .message =
			        arena_printf(arena, "it waits for every %s on %s, and every new one waits behind it",
			                     readers ? "query" : "writing transaction", change.table),
			    .hint = "Set a lock_timeout, and try again.",
			    .fix_sql = "SET lock_timeout = '2s';",
			};
			rules_add(verdict, rule, input, change.relation, &finding);
		}
	}
}

static void domain(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	bool any = false;
	for (uint16_t at = 0; at < input->facts->action_count; at++)
		any |= input->facts->actions[at].form == DDL_DOMAIN_CONSTRAINT;
	if (!any)
		return;
	if (!input->catalog) {
		*input->catalog_missing = true;
		return;
	}
	const struct effects *effects = effects_of(input, arena);
	for (uint16_t i = 0; i < effects->count; i++) {
		const struct catalog_relation *relation = effects->list[i].table;
		if (!relation || !effects->list[i].scan)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        arena_printf(arena, "%s, which has a column of the domain, is read while writes on it wait",
		                     remedy_table(arena, relation)),
		    .hint = "Add the constraint NOT VALID: it then holds for what is written from now on.",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static struct effects *effects_of(const struct context *input, struct arena *arena)
{
	struct effects *effects = arena_alloc(arena, sizeof(*effects));
	effect_of(input, arena, effects);
	return effects;
}
