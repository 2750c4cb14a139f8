#include "inspect/rules_data.h"

#include "inspect/remedy.h"

#include <string.h>

static void json_columns(const struct rule *rule, const struct rule_input *input,
                         const struct catalog_relation *relation, struct verdict *verdict);
static void duplicate_indexes(const struct rule *rule, const struct rule_input *input,
                              const struct catalog_relation *relation, struct verdict *verdict);
static void no_primary_key(const struct rule *rule, const struct rule_input *input,
                           const struct catalog_relation *relation, struct verdict *verdict);
static void few_values(const struct rule *rule, const struct rule_input *input, const struct catalog_relation *relation,
                       struct verdict *verdict);
static bool is_needless(const struct catalog_index *index, const struct catalog_index *beside);
static bool same_key(const struct catalog_index_key *one, const struct catalog_index_key *other);
static bool same_text(const char *one, const char *other);

static const struct rule rows[] = {
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
        .slug = "duplicate-index",
        .code = "D506",
        .title = "an index that another one makes needless",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
        .audit = duplicate_indexes,
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
                   "than the plain one. How often an index is used the catalog does not say.",
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
        .title = "a full index on a column of two values",
        .severity = SEVERITY_INFO,
        .scope = RULE_BEYOND,
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
                   "pg_stats. Which value is rare the catalog does not say.",
    },
};

const struct rule_group rules_data = {rows, ARRAY_LEN(rows)};

static void json_columns(const struct rule *rule, const struct rule_input *input,
                         const struct catalog_relation *relation, struct verdict *verdict)
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

static void duplicate_indexes(const struct rule *rule, const struct rule_input *input,
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
	        strcmp(needless->schema, "public") == 0 ? "" : remedy_identifier(arena, needless->schema),
	        strcmp(needless->schema, "public") == 0 ? "" : ".", remedy_identifier(arena, needless->name)),
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

static void no_primary_key(const struct rule *rule, const struct rule_input *input,
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

static void few_values(const struct rule *rule, const struct rule_input *input, const struct catalog_relation *relation,
                       struct verdict *verdict)
{
	for (uint16_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];
		if (!index->valid || index->unique || index->predicate || index->key_count != 1 ||
		    strcmp(index->method, "btree") != 0 || !index->keys[0].column)
			continue;
		const struct catalog_column *column = catalog_column(relation, index->keys[0].column);
		bool few = column && column->has_statistics && column->distinct > 0 && column->distinct <= 2;
		if (!column || !(few || strcmp(column->type, "bool") == 0))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message =
		        arena_printf(&verdict->arena,
		                     "%s indexes a column of two values: where each is much of the table the planner "
		                     "reads the table, and every write pays for the index",
		                     index->name),
		    .hint = "Index the few rows that are searched for, by a partial index on what they are sorted by.",
		    .fix_django = "Index(fields=[…], condition=Q(…), name=\"…\"), and db_index=False on the field",
		};
		rules_add(verdict, rule, input, relation, &finding);
		return;
	}
}
