#include "inspect/rules/rules_drop.h"

#include "inspect/change/change.h"
#include "inspect/rules/remedy.h"

#include <string.h>

static void drop_index(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void drop_or_rename(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void drop_cascade(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

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
};

const struct rule_group rules_drop = {.rules = rows, .count = ARRAY_LEN(rows)};

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
