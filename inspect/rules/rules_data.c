#include "inspect/rules/rules_data.h"

#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"

#include <math.h>
#include <string.h>
#include <time.h>

static void json_columns(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                         struct verdict *verdict);
static void may_be_negative(const struct rule *rule, const struct context *input,
                            const struct catalog_relation *relation, struct verdict *verdict);
static void numbers_end(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                        struct verdict *verdict);
static void stale(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                  struct verdict *verdict);
static void needless_indexes(const struct rule *rule, const struct context *input,
                             const struct catalog_relation *relation, struct verdict *verdict);
static bool is_unused(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                      const struct catalog_index *index);
static void duplicate_indexes(const struct rule *rule, const struct context *input,
                              const struct catalog_relation *relation, struct verdict *verdict);
static void no_primary_key(const struct rule *rule, const struct context *input,
                           const struct catalog_relation *relation, struct verdict *verdict);
static void few_values(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                       struct verdict *verdict);
static bool is_needless(const struct catalog_index *index, const struct catalog_index *beside);
static bool same_key(const struct catalog_index_key *one, const struct catalog_index_key *other);
static bool same_text(const char *one, const char *other);

static void invalid_index(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                          struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "invalid-index-left",
        .code = "M239",
        .title = "an index that a failed CREATE INDEX CONCURRENTLY has left: no query uses it, every write keeps it",
        .severity = SEVERITY_WARN,
        .scope = RULE_BEYOND,
        .audit = invalid_index,
        .why = "CREATE INDEX CONCURRENTLY that fails, or is cancelled, leaves its index behind. It costs what an index "
               "costs with each write, IF NOT EXISTS takes it for the one that is wanted, and no query is any quicker.",
        .example =
            "CREATE UNIQUE INDEX CONCURRENTLY order_number ON shop_order (number);   -- fails: there are two of one",
        .safe = "DROP INDEX CONCURRENTLY order_number;\n"
                "CREATE UNIQUE INDEX CONCURRENTLY order_number ON shop_order (number);\n"
                "\n"
                "# Django: RunSQL in a migration with atomic = False, then AddIndexConcurrently once more",
        .decides = "Read from the catalog, for large tables, once for each table: pg_index.indisvalid, while nobody "
                   "holds SHARE UPDATE EXCLUSIVE on the table as whoever builds does. Silent for an index on a "
                   "partitioned table.",
    },
    {
        .slug = "json-in-text",
        .code = "D501",
        .title = "JSON documents that are kept in a text column",
        .severity = SEVERITY_WARN,
        .any_size = true,
        .scope = RULE_BEYOND,
        .thresholds = {{"writes", 20}, {"share", 90}},
        .why = "Nothing can be asked of a document in a text column but by reading every row: no index "
               "looks inside, LIKE matches spelling and not meaning, and nothing keeps what is no JSON "
               "out.",
        .example = "INSERT INTO shop_order (number, extra) VALUES (1, '{\"gift\": true}');   -- extra is "
                   "text",
        .safe = "ALTER TABLE shop_order ADD COLUMN extra_doc jsonb;\n"
                "-- write to both, UPDATE in batches, then CREATE INDEX CONCURRENTLY … USING gin "
                "(extra_doc);\n"
                "-- ALTER COLUMN … TYPE jsonb would rewrite the table while nobody can read it\n"
                "\n"
                "# Django: a JSONField beside it, a RunPython in batches with atomic = False, then a "
                "GinIndex",
        .decides = "It counts the texts that INSERT and UPDATE store in text and varchar columns, in the "
                   "statement or bound, and speaks once for a column when at least `writes` of them were "
                   "JSON objects or arrays and these are at least `share` percent of all since the first; "
                   "empty ones ({} and []) count for neither. By their first and last bytes, so that a text "
                   "in brackets is none. Django's own tables (django_*) are left out: the admin's "
                   "change_message is JSON by design. For a column that is named like a log's (payload, "
                   "event, raw, history, request, response …), which is seldom searched, it is only an info.",
    },
    {
        .slug = "json-not-jsonb",
        .code = "D502",
        .title = "a column of type json, which no index can look into",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .audit = json_columns,
        .why = "json keeps the text as it came: each look into it parses it again, there is no equality "
               "and no GIN index.",
        .example = "ALTER TABLE shop_order ADD COLUMN extra json;",
        .safe = "ALTER TABLE shop_order ADD COLUMN extra_doc jsonb;   -- write to both, fill it in "
                "batches, swap\n"
                "\n"
                "# Django: JSONField makes jsonb; a json column comes from elsewhere",
        .decides = "Read from the catalog, for large tables, once for each table. Where the order of keys "
                   "or the spelling has to survive, json is right.",
    },
    {
        .slug = "missing-nonneg-check",
        .code = "D504",
        .title = "a stock, price or amount that was never below zero, and nothing that keeps it there",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .audit = may_be_negative,
        .why = "Two buyers at once, or one wrong sign, and the stock is -2. What the application checks before it "
               "writes may have changed when it writes; a CHECK is asked last, by the server.",
        .example = "UPDATE shop_product SET stock = stock - 6 WHERE id = 1;   -- twice, with 10 there",
        .safe = "ALTER TABLE shop_product ADD CONSTRAINT stock_nonneg CHECK (stock >= 0) NOT VALID;\n"
                "ALTER TABLE shop_product VALIDATE CONSTRAINT stock_nonneg;   -- in a transaction of its own\n"
                "\n"
                "# Django (check= before 5.1):\n"
                "CheckConstraint(condition=Q(stock__gte=0), name=\"stock_nonneg\")",
        .decides = "Read from the catalog, for large tables, once for each table: a whole or decimal number named stock, "
                   "qty, quantity, balance, price, amount or count, alone or as a word of its name, of which pg_stats has "
                   "seen no value below zero and which stands in no CHECK. Silent without statistics, and for names of "
                   "what may well be negative (refund, delta, change, adjustment, difference, discount, correction).",
    },
    {
        .slug = "int4-pk-exhaustion",
        .code = "D505",
        .title = "a sequence that has used up more than half of its column's numbers, or will have all within a year",
        .severity = SEVERITY_WARN,
        .any_size = true,
        .scope = RULE_BEYOND,
        .thresholds = {{"share", 50}, {"days", 365}, {"watched_hours", 24}},
        .audit = numbers_end,
        .why = "An integer ends at 2,147,483,647. Then every INSERT fails, at once and for everybody, and the way out, "
               "a column of another type, rewrites the table while it is locked.",
        .example = "CREATE TABLE shop_event (id serial PRIMARY KEY, what text);",
        .safe = "ALTER TABLE shop_event ADD COLUMN id_new bigint;\n"
                "-- a trigger keeps it equal to id, UPDATE in batches, a unique index CONCURRENTLY, then swap the two\n"
                "\n"
                "# Django: DEFAULT_AUTO_FIELD = \"django.db.models.BigAutoField\" for what is yet to be made",
        .decides = "Read from the catalog, once for each table of any size: columns with a sequence of their own (serial, "
                   "identity), when pg_sequence_last_value is more than `share` percent of the column's largest number, or "
                   "of the sequence's if that is smaller; or when, going on as since pgproctor first read it, it is there "
                   "in less than `days` days. That is not told before `watched_hours` hours have passed, since one import "
                   "is no pace. Deleted rows count, since their numbers do not come back. Silent where the role may not "
                   "read the sequence, and for sequences that cycle or run downwards.",
    },
    {
        .slug = "duplicate-or-unused-index",
        .code = "D506",
        .title = "an index that another one makes needless, or that nothing scans",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .thresholds = {{"days", 30}},
        .audit = needless_indexes,
        .why = "Each index is written with every INSERT and most UPDATEs, and takes memory from those "
               "that are used.",
        .example = "CREATE INDEX order_buyer ON shop_order (buyer_id);   -- beside (buyer_id, created)",
        .safe = "DROP INDEX CONCURRENTLY order_buyer;\n"
                "\n"
                "# Django: db_index=False on the field, or the Index out of Meta.indexes; "
                "RemoveIndexConcurrently",
        .decides = "Read from the catalog, for large tables, once for each table: two valid indexes of one "
                   "method with the same keys, operator classes, collations, directions and condition; or a "
                   "btree whose keys are the first keys of another. An index that is unique or has INCLUDE "
                   "columns is never called needless, and Django's _like index has another operator class "
                   "than the plain one. And one that has not been scanned for `days` days, both by "
                   "the server's count and since pgproctor first saw it, unless it is unique or begins with a foreign "
                   "key's column, which deletes of the other table need. What a replica scans is not counted.",
    },
    {
        .slug = "no-primary-key",
        .code = "D507",
        .title = "a large table without a primary key",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .audit = no_primary_key,
        .why = "Without one a row cannot be named: logical replication and tools that rewrite tables "
               "refuse it, and rows that came twice cannot be told apart.",
        .example = "CREATE TABLE shop_event (at timestamptz, what text);",
        .safe = "ALTER TABLE shop_event ADD COLUMN id bigint;   -- fill it in batches, then\n"
                "CREATE UNIQUE INDEX CONCURRENTLY shop_event_pkey ON shop_event (id);\n"
                "ALTER TABLE shop_event ADD CONSTRAINT shop_event_pkey PRIMARY KEY USING INDEX "
                "shop_event_pkey;\n"
                "\n"
                "# Django: each model has one; a table without comes from elsewhere",
        .decides = "Read from the catalog, for large tables, once for each table; partitions are not "
                   "counted apart from their parent.",
    },
    {
        .slug = "low-cardinality-index",
        .code = "D508",
        .title = "a full index on a column of two values, or of one that nearly all rows have",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .thresholds = {{"share", 90}},
        .audit = few_values,
        .why = "Where each value is half of the table or all of it, reading the table is cheaper than "
               "the index, so the planner leaves it alone, and every write pays for it all the same.",
        .example = "CREATE INDEX order_paid ON shop_order (paid);   -- a boolean",
        .safe = "CREATE INDEX CONCURRENTLY order_unpaid ON shop_order (created) WHERE NOT paid;   -- the "
                "few that are searched for\n"
                "DROP INDEX CONCURRENTLY order_paid;\n"
                "\n"
                "# Django:\n"
                "Index(fields=[\"created\"], condition=Q(paid=False), name=\"order_unpaid\")",
        .decides = "Read from the catalog, for large tables, once for each table: a btree that is neither "
                   "unique nor partial, with one key, a column that is boolean or has one or two values by "
                   "pg_stats, or of which more than `share` percent have the same value. A foreign key's column is left "
                   "out, and one that is NULL in most rows.",
    },
    {
        .slug = "stale-statistics",
        .code = "Q129",
        .title = "a large table that was never analysed, or not since much of it changed",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .thresholds = {{"share", 10}},
        .audit = stale,
        .why = "The planner chooses by what ANALYZE has counted. After a restore or a large import that is nothing, or "
               "what was true before; it takes a table of millions for an empty one, and so do these rules.",
        .example = "COPY shop_product FROM …;   -- and no ANALYZE",
        .safe = "ANALYZE shop_product;\n"
                "\n"
                "# Django: nothing; autovacuum does it within minutes where it is on",
        .decides = "Read from the catalog, for large tables, once for each table: pg_class.reltuples is -1, or more than "
                   "`share` percent of its rows have changed since the last ANALYZE and that is more than "
                   "ten minutes ago. What the rules Q101 to Q130 find on such a "
                   "table is one severity lower, and says so.",
    },
};

const struct rule_group rules_data = {rows, ARRAY_LEN(rows)};

static void json_columns(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                         struct verdict *verdict)
{
	for (uint16_t i = 0; i < relation->column_count; i++) {
		const struct catalog_column *column = &relation->columns[i];
		if (strcmp(column->type, "json") != 0)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message = arena_printf(&verdict->arena,
		                            "%s is json: each look into it parses the whole text, and no "
		                            "index can serve one",
		                            column->name),
		    .hint = "Add a jsonb column beside it, fill it in batches, and swap the two.",
		    .fix_django = "JSONField, in place of what has made a json column",
		};
		rules_add(verdict, rule, input, relation, &finding);
		return;
	}
}

static bool is_of_foreign_key(const struct catalog_relation *relation, const char *column)
{
	for (uint16_t at = 0; at < relation->constraint_count; at++) {
		const struct catalog_constraint *constraint = &relation->constraints[at];
		for (uint16_t i = 0; constraint->kind == CATALOG_FOREIGN_KEY && i < constraint->column_count; i++) {
			if (strcmp(constraint->columns[i], column) == 0)
				return true;
		}
	}
	return false;
}

/* -- numbers -------------------------------------------------------------------------------------- */

/* Is it a word of the name, with '_' between words? */
static bool has_word(const char *name, const char *word)
{
	const size_t len = strlen(word);
	for (const char *at = name; (at = strstr(at, word)); at += len) {
		if ((at == name || at[-1] == '_') && (at[len] == '\0' || at[len] == '_'))
			return true;
	}
	return false;
}

static bool is_quantity(const char *name)
{
	static const char *const quantities[] = {"stock", "qty", "quantity", "balance", "price", "amount", "count"};
	static const char *const signs[] = {"refund",     "delta",      "change",   "adjust",
	                                    "difference", "correction", "discount", "diff"};
	for (size_t at = 0; at < ARRAY_LEN(signs); at++) {
		if (strstr(name, signs[at]))
			return false;
	}
	for (size_t at = 0; at < ARRAY_LEN(quantities); at++) {
		if (has_word(name, quantities[at]))
			return true;
	}
	return false;
}

static bool is_checked(const struct catalog_relation *relation, const char *column)
{
	for (uint16_t at = 0; at < relation->constraint_count; at++) {
		const struct catalog_constraint *check = &relation->constraints[at];
		/* One that can't be read may well be about it. */
		if (check->kind == CATALOG_CHECK && (!check->expression || strstr(check->expression, column)))
			return true;
	}
	return false;
}

static void may_be_negative(const struct rule *rule, const struct context *input,
                            const struct catalog_relation *relation, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < relation->column_count; at++) {
		const struct catalog_column *column = &relation->columns[at];
		if (!column->never_negative || column->generated || !is_quantity(column->name) ||
		    strstr(relation->name, "refund") || is_checked(relation, column->name))
			continue;
		const char *name = remedy_name(arena, relation, column->name, "nonneg");
		const char *table = remedy_table(arena, relation), *quoted = identifier_quoted(arena, column->name);
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message = arena_printf(arena,
		                            "no %s is below zero as far as pg_stats has seen, and no CHECK keeps it so",
		                            column->name),
		    .hint = "Add a CHECK, NOT VALID first, unless it may well be negative.",
		    .fix_sql = arena_printf(arena,
		                            "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s >= 0) NOT VALID; ALTER TABLE %s "
		                            "VALIDATE CONSTRAINT %s;",
		                            table, identifier_quoted(arena, name), quoted, table, identifier_quoted(arena, name)),
		    .fix_django = arena_printf(arena, "CheckConstraint(condition=Q(%s__gte=0), name=\"%s\")  # check= before Django 5.1",
		                               remedy_field(arena, column->name), name),
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

/* In how many days the last number is given, going on as since it was first read; INFINITY: that can't be told. */
static double days_left(const struct rule *rule, const struct context *input, const struct catalog_column *column)
{
	const double days = ((double)time(NULL) - column->sequence_since) / 86400;
	const double given = column->sequence_used - column->sequence_first;
	if (column->sequence_since <= 0 || days * 24 < rules_threshold(rule, input, "watched_hours") || days <= 0 ||
	    given <= 0)
		return INFINITY;
	return (1 - column->sequence_used) / (given / days);
}

static void numbers_end(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                        struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < relation->column_count; at++) {
		const struct catalog_column *column = &relation->columns[at];
		if (column->sequence_used <= 0)
			continue;
		const double days = days_left(rule, input, column);
		const bool ends = days < rules_threshold(rule, input, "days");
		if (column->sequence_used * 100 <= rules_threshold(rule, input, "share") && !ends)
			continue;
		/* A bigint's own numbers have no end, but its sequence may have been given one. */
		const bool wide = strcmp(column->type, "int8") == 0;
		const char *name = identifier_quoted(arena, arena_printf(arena, "%s_new", column->name));
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message = arena_printf(arena, "%.0f %% of the numbers that %s can have are used up%s: with the last one every "
		                                   "INSERT fails",
		                            column->sequence_used * 100, column->name,
		                            ends ? arena_printf(arena, ", and in about %.0f days all of them, at the pace of the "
		                                                       "last %.0f",
		                                                days, fmax(1, ((double)time(NULL) - column->sequence_since) / 86400))
		                                 : ""),
		    .hint = wide ? "The column has room, its sequence has a MAXVALUE or a narrower type: ALTER SEQUENCE … AS bigint."
		                 : "Move to bigint by a column beside it: the type's own change rewrites the table under lock.",
		    .fix_sql = wide ? NULL
		                    : arena_printf(arena, "ALTER TABLE %s ADD COLUMN %s bigint;   -- kept equal by a trigger, filled "
		                                          "in batches, then swapped",
		                                   remedy_table(arena, relation), name),
		    .fix_django = wide ? NULL : "BigAutoField, by SeparateDatabaseAndState around the swap",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void stale(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                  struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	if (!rules_stale(input, relation))
		return;
	const struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .message = !relation->analyzed
	                   ? "it was never analysed: the planner guesses how many rows it has and what they hold"
	                   : arena_printf(arena, "%.0f %% of its rows have changed since it was last analysed",
	                                  100 * relation->modified / relation->rows),
	    .hint = "Analyse it, and see why autovacuum does not.",
	    .fix_sql = arena_printf(arena, "ANALYZE %s;", remedy_table(arena, relation)),
	};
	rules_add(verdict, rule, input, relation, &finding);
}

/* -- indexes -------------------------------------------------------------------------------------- */

static void needless_indexes(const struct rule *rule, const struct context *input,
                             const struct catalog_relation *relation, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	duplicate_indexes(rule, input, relation, verdict);
	for (uint16_t at = 0; at < relation->index_count; at++) {
		const struct catalog_index *index = &relation->indexes[at];
		if (!is_unused(rule, input, relation, index))
			continue;
		const bool in_public = strcmp(index->schema, "public") == 0;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = index->key_count == 1 ? index->keys[0].column : NULL,
		    .message = arena_printf(arena, "%s has not been scanned for %.0f days, and every write pays for it",
		                            index->name, index->unused_days),
		    .hint = "Drop it, after a look at pg_stat_user_indexes on every replica.",
		    .fix_sql = arena_printf(arena, "DROP INDEX CONCURRENTLY %s%s%s;",
		                            in_public ? "" : identifier_quoted(arena, index->schema),
		                            in_public ? "" : ".", identifier_quoted(arena, index->name)),
		    .fix_django = "RemoveIndexConcurrently, or db_index=False on the field",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

/* Both by the server's count and since this process has first seen it: a new index has no scans either. */
static bool is_unused(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                      const struct catalog_index *index)
{
	const double days = rules_threshold(rule, input, "days");
	const char *first = index->key_count > 0 ? index->keys[0].column : NULL;
	return index->valid && !index->unique && !index->primary && index->unused_days > 0 &&
	       index->unused_days >= days && (double)time(NULL) - index->known_since >= days * 86400 &&
	       !(first && is_of_foreign_key(relation, first));
}

static void duplicate_indexes(const struct rule *rule, const struct context *input,
                              const struct catalog_relation *relation, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct catalog_index *needless = NULL, *instead = NULL;
	unsigned more = 0;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		for (uint16_t j = 0; j < relation->index_count; j++) {
			const struct catalog_index *index = &relation->indexes[i], *beside = &relation->indexes[j];
			/* Of two that are alike the later one goes. */
			if (i == j || !is_needless(index, beside) || (i < j && is_needless(beside, index)))
				continue;
			more += needless != NULL;
			instead = needless ? instead : beside;
			needless = needless ? needless : index;
			break;
		}
	}
	if (!needless)
		return;
	const char *others = more > 0 ? arena_printf(arena, " (and %u more of this table)", more) : "";
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = needless->key_count == 1 ? needless->keys[0].column : NULL,
	    .message =
	        arena_printf(arena, "%s serves nothing that %s does not serve as well, and every write pays for it%s",
	                     needless->name, instead->name, others),
	    .hint = "Drop it, after a look at pg_stat_user_indexes on every replica.",
	    .fix_sql = arena_printf(
	        arena, "DROP INDEX CONCURRENTLY %s%s%s;",
	        strcmp(needless->schema, "public") == 0 ? "" : identifier_quoted(arena, needless->schema),
	        strcmp(needless->schema, "public") == 0 ? "" : ".", identifier_quoted(arena, needless->name)),
	    .fix_django = "RemoveIndexConcurrently, or db_index=False on the field",
	};
	rules_add(verdict, rule, input, relation, &finding);
}

static bool is_needless(const struct catalog_index *index, const struct catalog_index *beside)
{
	bool btree = strcmp(index->method, "btree") == 0;
	if (!index->valid || !beside->valid || index->unique || index->primary ||
	    strcmp(index->method, beside->method) != 0 || !same_text(index->predicate, beside->predicate) ||
	    (index->definition && strstr(index->definition, " INCLUDE (")))
		return false;
	if (index->key_count > beside->key_count || (index->key_count < beside->key_count && !btree))
		return false;
	for (uint16_t k = 0; k < index->key_count; k++) {
		if (!same_key(&index->keys[k], &beside->keys[k]))
			return false;
	}
	return true;
}

static bool same_key(const struct catalog_index_key *one, const struct catalog_index_key *other)
{
	return one->expression && same_text(one->expression, other->expression) &&
	       same_text(one->opclass, other->opclass) && same_text(one->collation, other->collation) &&
	       one->descending == other->descending && one->nulls_first == other->nulls_first;
}

static bool same_text(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

static void invalid_index(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                          struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	/* That of a partitioned table is not valid until each partition has its own. */
	if (relation->kind == CATALOG_PARTITIONED_TABLE)
		return;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];
		if (index->valid || index->building)
			continue;
		const char *name = identifier_quoted(arena, index->name);
		if (strcmp(index->schema, "public") != 0)
			name = arena_printf(arena, "%s.%s", identifier_quoted(arena, index->schema), name);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        arena_printf(arena,
		                     "the index %s is not valid: its building CONCURRENTLY has failed. No query uses "
		                     "it, and every write keeps it",
		                     name),
		    .hint = "Drop it, and build it again.",
		    .fix_sql = arena_printf(arena, "DROP INDEX CONCURRENTLY %s;", name),
		    .fix_django = "RunSQL in a migration with atomic = False, then AddIndexConcurrently once more",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void no_primary_key(const struct rule *rule, const struct context *input,
                           const struct catalog_relation *relation, struct verdict *verdict)
{
	if (relation->kind == CATALOG_MATERIALIZED_VIEW)
		return;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		if (relation->indexes[i].primary)
			return;
	}
	struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .message = "it has no primary key: no row of it can be named, and logical replication refuses it",
	    .hint = "Add one by way of a unique index that is built CONCURRENTLY.",
	};
	rules_add(verdict, rule, input, relation, &finding);
}

static void few_values(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                       struct verdict *verdict)
{
	/* From here on the planner takes the table itself, more or less. */
	const double worthless_share = 0.2;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];
		if (!index->valid || index->unique || index->predicate || index->key_count != 1 ||
		    strcmp(index->method, "btree") != 0 || !index->keys[0].column)
			continue;
		const struct catalog_column *column = catalog_column(relation, index->keys[0].column);
		if (!column || is_of_foreign_key(relation, column->name))
			continue;
		const bool counted = column->has_statistics && column->distinct > 0 && column->distinct <= 2;
		/* Of a column that is mostly NULL it finds the few rows that are not. */
		bool few = (counted && (1 - column->null_fraction) / column->distinct > worthless_share) ||
		           strcmp(column->type, "bool") == 0;
		bool single = counted && column->distinct == 1 && column->null_fraction == 0;
		bool uneven = column->common_share * 100 > rules_threshold(rule, input, "share");
		if (!few && !uneven)
			continue;
		const char *message =
		    single ? arena_printf(&verdict->arena,
		                          "%s indexes a column that has one value in all rows: it tells no row from another, "
		                          "and every write pays for it",
		                          index->name)
		    : few ? arena_printf(&verdict->arena,
		                       "%s indexes a column of two values: where each is much of the table the planner "
		                       "reads the table, and every write pays for the index",
		                       index->name)
		        : arena_printf(&verdict->arena,
		                       "%s indexes a column of which %.0f %% are the same value: for that one the planner "
		                       "reads the table, and every write pays for the index",
		                       index->name, column->common_share * 100);
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message = message,
		    .hint = single ? "Drop it, unless rows of other values are about to come."
		                   : "Index the few rows that are searched for, by a partial index on what they are sorted by.",
		    .fix_django = single ? "db_index=False on the field"
		                         : "Index(fields=[…], condition=Q(…), name=\"…\")  # and db_index=False on the field",
		};
		rules_add(verdict, rule, input, relation, &finding);
		return;
	}
}
