#include "inspect/rules/rules_drop.h"

#include "inspect/rules/change.h"
#include "inspect/rules/remedy.h"

#include "inspect/human.h"
#include "inspect/rules/traffic.h"
#include "inspect/text/identifier.h"

#include <string.h>

/* What is dropped or gets another name. */
struct loss {
	const struct catalog_relation *relation;
	const struct catalog_column *column; /* NULL: the relation itself */
	bool rename;
	const char *schema; /* it moves there, which is not on the search_path; else NULL */
};

static void drop_index(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void drop_or_rename(const struct rule *rule, const struct context *input, struct verdict *verdict);
static bool leaves_path(const struct context *input, const struct fact_action *action);
static void lose_schema(const struct rule *rule, const struct context *input, const struct fact_action *action,
                        struct verdict *verdict);
static void lose_used(const struct rule *rule, const struct context *input, const struct loss *loss,
                      const struct traffic_sight *sight, struct verdict *verdict);
static void lose_unseen(const struct rule *rule, const struct context *input, const struct loss *loss,
                        const struct traffic_sight *sight, double hours, struct verdict *verdict);
static const char *lost_name(struct arena *arena, const struct loss *loss);
static const char *lost_django(struct arena *arena, const struct loss *loss);
static void drop_cascade(const struct rule *rule, const struct context *input, struct verdict *verdict);

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
        .slug = "drop-or-rename",
        .code = "M220",
        .title = "a table or column is dropped or renamed: what still uses it fails; block when "
                 "the last day's traffic did",
        .severity = SEVERITY_WARN,
        .severity_worst = SEVERITY_BLOCK,
        .scope = RULE_DDL,
        .thresholds = {{"hours", 24}},
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
            "DROP and RENAME of a table, view, column or schema, and SET SCHEMA to one that is not on the search_path, and what the traffic of the last 24 hours (hours) used. "
            "Used by any other session: block, whatever the table's size; a view on it counts where the view "
            "goes with it. Not used while all of that time was watched: a remark, for large tables. Not seen, but "
            "watched for less time, or by `pgproctor check` without --traffic: a warning, for large tables.\n"
            "Watching begins when pgproctor has read the database's catalog after its start; nothing is kept from "
            "before. Each column that a statement names counts, and with a star or an INSERT that names none "
            "each of the table. Reading the catalog does not, and neither does a schema change. What functions and "
            "DO blocks use is not seen. Where something ran that could not be read, nothing counts as "
            "unused for as long. Silent on medium and small tables that nothing used, and where IF EXISTS finds "
            "nothing.",
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
                   "of another table that is not dropped as well, that depends on it. Silent when nothing does, or nothing that the session has not dropped before.",
    },
};

const struct rule_group rules_drop = {.rules = rows, .count = ARRAY_LEN(rows)};

static void drop_index(const struct rule *rule, const struct context *input, struct verdict *verdict)
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
		const char *path = context_search_path(input);
		if ((!action->object_schema && !path) ||
		    !catalog_find_index(input->catalog, action->object_schema, action->object, path,
		                        input->session->user, &relation) ||
		    relation->temporary || relation->system ||
		    session_state_created(input->session, relation->schema, relation->name))
			continue;
		bool partitioned = relation->kind == CATALOG_PARTITIONED_TABLE;
		const char *index = identifier_quoted(arena, action->object);
		if (action->object_schema)
			index = arena_printf(arena, "%s.%s", identifier_quoted(arena, action->object_schema), index);
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

static void drop_or_rename(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		bool rename = action->form == DDL_RENAME;
		bool drop = action->form == DDL_DROP_TABLE || action->form == DDL_DROP_COLUMN ||
		            action->form == DDL_DROP_OTHER;
		if (action->object && action->method && strcmp(action->method, "schema") == 0)
			lose_schema(rule, input, action, verdict);
		const char *schema = leaves_path(input, action) ? action->new_name : NULL;
		/* Of a constraint, a trigger … */
		if ((!rename && !drop && !schema) || action->object)
			continue;
		struct loss loss = {
		    .relation = context_named(input, action->relation), .rename = rename || schema, .schema = schema};
		if (!loss.relation)
			continue;
		loss.column = action->column ? catalog_column(loss.relation, action->column) : NULL;
		if (action->column && !loss.column)
			continue;
		const double hours = rules_threshold(rule, input, "hours");
		struct traffic_sight sight =
		    traffic_seen(input, loss.relation, loss.column, !rename, hours * 3600e3);
		if (sight.use)
			lose_used(rule, input, &loss, &sight, verdict);
		else
			lose_unseen(rule, input, &loss, &sight, hours, verdict);
	}
}

/* SET SCHEMA, to where a name without a schema is not looked for. */
static bool leaves_path(const struct context *input, const struct fact_action *action)
{
	if (!input->catalog || !action->new_name || !action->method || strcmp(action->method, "set schema") != 0)
		return false;
	const char *path = context_search_path(input);
	if (!path)
		return false;
	size_t len = strlen(action->new_name);
	for (const char *at = path; (at = strstr(at, action->new_name)) != NULL; at += len) {
		bool begins = at == path || strchr(", \"", at[-1]);
		if (begins && (at[len] == '\0' || strchr(", \"", at[len])))
			return false;
	}
	return true;
}

/* All that is in it: told of what was used last. */
static void lose_schema(const struct rule *rule, const struct context *input, const struct fact_action *action,
                        struct verdict *verdict)
{
	struct loss loss = {.rename = action->form != DDL_DROP_OTHER};
	struct traffic_sight newest = {0};
	if (!input->catalog || !input->traffic)
		return;
	for (uint32_t at = 0; at < catalog_relation_count(input->catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(input->catalog, at);
		if (strcmp(relation->schema, action->object) != 0)
			continue;
		struct traffic_sight sight = traffic_seen(input, relation, NULL, !loss.rename,
		                                          rules_threshold(rule, input, "hours") * 3600e3);
		if (!sight.use || (newest.use && newest.use->at_ms >= sight.use->at_ms))
			continue;
		loss.relation = relation;
		newest = sight;
	}
	if (newest.use)
		lose_used(rule, input, &loss, &newest, verdict);
}

static void lose_used(const struct rule *rule, const struct context *input, const struct loss *loss,
                      const struct traffic_sight *sight, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct finding finding = {
	    .evidence = EVIDENCE_TRAFFIC,
	    .column = loss->column ? loss->column->name : NULL,
	    .message = arena_printf(arena, "%s was used%s: what goes on using it fails from then on", lost_name(arena, loss),
	                            traffic_words(arena, input, sight)),
	    .hint = loss->schema ? "Put the new schema on the search_path of all who use it, then move the table."
	            : loss->rename
	                ? "Keep the old name in the database, or go through a release that knows both."
	                : "Two releases: the first no longer names it; when its last old process is gone and nothing "
	                  "has used it for long enough, the second drops it.",
	    .fix_django = lost_django(arena, loss),
	};
	rules_add_worst(verdict, rule, input, loss->relation, &finding);
}

static void lose_unseen(const struct rule *rule, const struct context *input, const struct loss *loss,
                        const struct traffic_sight *sight, double hours, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	char window[HUMAN_BYTES], watched[HUMAN_BYTES];
	const char *what = lost_name(arena, loss);
	struct finding finding = {
	    .column = loss->column ? loss->column->name : NULL,
	    .fix_django = lost_django(arena, loss),
	};
	/* Views were never told of for their size. */
	if (loss->relation->kind == CATALOG_VIEW || loss->relation->kind == CATALOG_FOREIGN_TABLE)
		return;
	human_duration((uint64_t)(hours * 3600e6), window);
	human_duration((uint64_t)sight->watched_ms * 1000, watched);
	if (traffic_unused(input, sight, hours * 3600e3)) {
		finding.evidence = EVIDENCE_TRAFFIC;
		finding.message = arena_printf(arena, "nothing has used %s for %s at least; what runs less often "
		                                      "and still does fails from then on",
		                               what, window);
		finding.hint = "Functions are not looked into: what they use is not known.";
		rules_add_info(verdict, rule, input, loss->relation, &finding);
		return;
	}
	const char *unseen = "Whether traffic still uses it is not known here.";
	if (input->traffic && sight->unclear)
		unseen = arena_printf(arena,
		                      "No use was seen, in traffic watched for %s; but something ran that could not be "
		                      "read wholly.",
		                      watched);
	else if (input->traffic)
		unseen = arena_printf(arena, "No use was seen, in traffic watched for %s only, of %s.", watched, window);
	finding.evidence = EVIDENCE_CATALOG;
	finding.message = arena_printf(
	    arena, "what still uses %s fails from then on, until its last process is replaced", what);
	finding.hint =
	    arena_printf(arena, "%s %s",
	                 loss->schema ? "Put the new schema on the search_path of all who use it, then move the table."
	                 : loss->rename ? "Keep the old name in the database, or go through a release that knows both."
	                              : "First release what no longer names it, then drop it.",
	                 unseen);
	rules_add(verdict, rule, input, loss->relation, &finding);
}

static const char *lost_name(struct arena *arena, const struct loss *loss)
{
	const char *table = remedy_table(arena, loss->relation);
	if (!loss->column)
		return table;
	return arena_printf(arena, "%s of %s", identifier_quoted(arena, loss->column->name), table);
}

static const char *lost_django(struct arena *arena, const struct loss *loss)
{
	const char *name = loss->column ? loss->column->name : loss->relation->name;
	if (loss->schema)
		return arena_printf(arena, "\"OPTIONS\": {\"options\": \"-c search_path=%s,%s\"}  # in DATABASES",
		                    loss->relation->schema, loss->schema);
	if (loss->rename)
		return arena_printf(arena, "%s=\"%s\"  # keeps the name", loss->column ? "db_column" : "db_table", name);
	if (loss->relation->kind == CATALOG_VIEW)
		return "RunSQL in the release after the one whose models no longer name it";
	return "SeparateDatabaseAndState: the state now, the database in the next release";
}

/* Is it named by another action of the same statement, or has the session dropped it already? */
static bool is_dropped(const struct context *input, const struct fact_action *action,
                       const struct catalog_relation *relation)
{
	if (session_past_find(input->session->past, SESSION_PAST_DROPPED, relation->oid, NULL))
		return true;
	for (uint16_t i = 0; i < input->facts->action_count; i++) {
		const struct fact_action *other = &input->facts->actions[i];
		if (other != action && other->form != DDL_DROP_COLUMN && other->relation >= 0 &&
		    strcmp(input->facts->relations[other->relation].name, relation->name) == 0)
			return true;
	}
	return false;
}

static void drop_cascade(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		bool drops = action->form == DDL_DROP_TABLE || action->form == DDL_DROP_COLUMN ||
		             (action->form == DDL_DROP_OTHER && !action->object);
		if (!action->cascade || !drops || action->relation < 0 || !input->catalog)
			continue;
		const struct catalog_relation *relation = context_relation(input, action->relation);
		const struct catalog_relation *gone = NULL;
		const char *key = NULL;
		for (uint32_t i = 0; relation && i < relation->dependent_count && !gone; i++) {
			const struct catalog_dependent *dependent = &relation->dependents[i];
			const struct catalog_column *column =
			    action->column ? catalog_column(relation, action->column) : NULL;
			bool touched = !action->column || (column && column->number == dependent->column);
			if (touched && dependent->kind == CATALOG_DEPENDENT_VIEW && dependent->relation != relation &&
			    !is_dropped(input, action, dependent->relation))
				gone = dependent->relation;
		}
		for (uint32_t r = 0; relation && !gone && r < catalog_relation_count(input->catalog); r++) {
			const struct catalog_relation *other = catalog_relation_at(input->catalog, r);
			for (uint16_t c = 0; other != relation && c < other->constraint_count && !key; c++) {
				const struct catalog_constraint *constraint = &other->constraints[c];
				bool named = !action->column;
				for (uint16_t i = 0; i < constraint->column_count && constraint->referenced_columns;
				     i++)
					named |= action->column &&
					         strcmp(constraint->referenced_columns[i], action->column) == 0;
				bool dropped = session_past_find(input->session->past, SESSION_PAST_KEY_DROPPED, other->oid,
				                                 constraint->name) != NULL;
				if (constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced == relation &&
				    named && !dropped && !is_dropped(input, action, other)) {
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
		                           identifier_quoted(arena, key), remedy_table(arena, gone))
		            : arena_printf(arena, "CASCADE drops the view %s as well", remedy_table(arena, gone)),
		    .hint = "Drop it by its name, on purpose, or make it anew without what is dropped.",
		    .fix_sql = key ? arena_printf(arena, "ALTER TABLE %s DROP CONSTRAINT %s;",
		                                  remedy_table(arena, gone), identifier_quoted(arena, key))
		                   : arena_printf(arena, "DROP %sVIEW %s;",
		                                  gone->kind == CATALOG_MATERIALIZED_VIEW ? "MATERIALIZED " : "",
		                                  remedy_table(arena, gone)),
		    .fix_django = key ? "RemoveField of what refers to it, before"
		                      : "RunSQL for the view, before the field or model is removed",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}
