#include "inspect/rules/rules_advice.h"

#include "inspect/rules/change.h"
#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void enum_change(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void poor_type(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void hygiene(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void nulls_beside_unique(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "enum-change",
        .code = "M232",
        .title = "an enum's value is renamed, or added inside a transaction",
        .severity = SEVERITY_INFO,
        .any_size = true,
        .scope = RULE_DDL,
        .check = enum_change,
        .why =
            "A renamed value breaks every process that still compares with the old one. A value that is added inside "
            "a transaction can't be used before its COMMIT (55P04), and no value can ever be dropped.",
        .example = "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';",
        .safe = "ALTER TYPE mood ADD VALUE 'fine';   -- by itself; then let both be read, and write the new one\n"
                "\n"
                "# Django: TextChoices on a CharField, with a CheckConstraint where the database shall know them",
        .decides = "ALTER TYPE … RENAME VALUE anywhere, ADD VALUE while a transaction is open that has not made the type itself.",
    },
    {
        .slug = "best-practice-types",
        .code = "M241",
        .title =
            "a column's type that is regretted later: char(n), timestamp without time zone, money, a float for money",
        .severity = SEVERITY_INFO,
        .any_size = true,
        .scope = RULE_DDL,
        .check = poor_type,
        .why = "char(n) pads with blanks that comparisons then ignore. A timestamp without time zone is another moment "
               "in another session. money depends on lc_monetary, and a float doesn't add up to the cent. To change it "
               "once there are rows rewrites the table.",
        .example = "ALTER TABLE shop_order ADD COLUMN paid timestamp;",
        .safe = "ALTER TABLE shop_order ADD COLUMN paid timestamptz;\n"
                "\n"
                "# Django: DateTimeField with USE_TZ, DecimalField, CharField",
        .decides =
            "CREATE TABLE, ADD COLUMN and ALTER COLUMN … TYPE, by the type as it is written: char(n) of more than one character, "
            "timestamp, money, and real or double precision for a column that is named like an amount of money. "
            "varchar(n) is none of these: to widen it costs nothing. json is D502's. Silent for temporary tables.",
    },
    {
        .slug = "hygiene",
        .code = "M242",
        .title = "BEGIN inside a transaction, or a new name that is longer than 63 bytes",
        .severity = SEVERITY_INFO,
        .any_size = true,
        .scope = RULE_ANY,
        .check = hygiene,
        .why =
            "There are no nested transactions. A second BEGIN does nothing, so the first COMMIT or ROLLBACK after it "
            "ends the outer transaction, and what follows runs outside of any.\n"
            "A name of more than 63 bytes is cut there, with a notice that nobody reads: the catalog has another name than "
            "the migration, and two long names that begin alike are one.",
        .example = "BEGIN;\nBEGIN;\nCOMMIT;   -- ends both",
        .safe = "BEGIN;\nSAVEPOINT inner_part;\nRELEASE inner_part;\nCOMMIT;\n"
                "\n"
                "# Django: transaction.atomic() inside transaction.atomic() does it; no BEGIN by cursor.execute() or "
                "RunSQL",
        .decides = "BEGIN or START TRANSACTION while a transaction is open; and a schema change that makes or renames something "
                   "and has a name of more than 63 bytes in it.",
    },
    {
        .slug = "drop-not-null",
        .code = "M244",
        .title = "DROP NOT NULL of a unique column: rows with NULL may come as often as they like",
        .severity = SEVERITY_INFO,
        .scope = RULE_DDL,
        .check = nulls_beside_unique,
        .why =
            "NULL is equal to nothing, so a unique index lets in any number of rows with NULL in one of its columns. "
            "What relied on one row for each value, get_or_create() among it, finds several.",
        .example = "ALTER TABLE shop_product ALTER COLUMN sku DROP NOT NULL;   -- sku is UNIQUE",
        .safe = "ALTER TABLE shop_product ALTER COLUMN sku SET DEFAULT '';   -- or NULLS NOT DISTINCT (PostgreSQL 15)\n"
                "\n"
                "# Django: UniqueConstraint(fields=[\"sku\"], name=…, nulls_distinct=False) (5.0)",
        .decides =
            "DROP NOT NULL of a column that is a key of a valid unique index without a predicate, on a large table.",
    },
};

const struct rule_group rules_advice = {.rules = rows, .count = ARRAY_LEN(rows)};

/* The values of a type that the same transaction has made can be used at once. */
static bool is_made_here(const struct context *input, const char *type)
{
	if (type && session_past_find(input->session->past, SESSION_PAST_ENUM, 0, type))
		return true;
	for (uint16_t at = 0; type && at < input->earlier_count; at++) {
		const struct facts *earlier = &input->earlier[at];
		for (uint16_t i = 0; i < earlier->action_count; i++) {
			const struct fact_action *action = &earlier->actions[i];
			if (action->object && action->method && strcmp(action->method, "create enum") == 0 &&
			    strcmp(action->object, type) == 0)
				return true;
		}
	}
	return false;
}

static void enum_change(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		const char *change = action->form == DDL_OTHER && action->method ? action->method : "";
		bool renames = strcmp(change, "rename value") == 0;
		if (!renames && (strcmp(change, "add value") != 0 || !input->session->open || is_made_here(input, action->object)))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_SYNTAX,
		    .message = arena_printf(arena,
		                            renames ? "what still compares with the old value of %s fails from then on"
		                                    : "the new value of %s can't be used before COMMIT",
		                            identifier_quoted(arena, action->object ? action->object : "the type")),
		    .hint = renames ? "Add the new value, let both be read, and write only the new one."
		                    : "Add it in a transaction of its own.",
		    .fix_django = renames ? "" : "RunSQL in a migration of its own",
		};
		rules_add(verdict, rule, input, NULL, &finding);
	}
}

/* Why that type, and what instead; NULL: nothing is wrong with it. */
static const char *wrong_with(const char *column, const struct fact_type *is, const char **instead, const char **django)
{
	static const char *const amounts[] = {"price", "amount", "cost", "total", "balance", "fee", "salary"};
	const char *type = is->name;
	if (!type || is->array || (is->schema && strcmp(is->schema, "pg_catalog") != 0))
		return NULL;
	if (strcmp(type, "bpchar") == 0 && is->modifiers[0] > 1) {
		*instead = "varchar or text";
		*django = "CharField";
		return "char(n) pads what is shorter with blanks";
	}
	if (strcmp(type, "timestamp") == 0) {
		*instead = "timestamptz";
		*django = "DateTimeField, with USE_TZ = True";
		return "a timestamp without time zone is another moment in another session";
	}
	if (strcmp(type, "money") == 0) {
		*instead = "numeric";
		*django = "DecimalField";
		return "money depends on the session's lc_monetary";
	}
	for (size_t i = 0; (strcmp(type, "float4") == 0 || strcmp(type, "float8") == 0) && i < ARRAY_LEN(amounts);
	     i++) {
		*instead = "numeric";
		*django = "DecimalField";
		if (strstr(column, amounts[i]))
			return "floating point numbers don't add up to the cent";
	}
	return NULL;
}

static void tell_type(const struct rule *rule, const struct context *input, const struct catalog_relation *relation, const char *table,
                      const char *column, const struct fact_type *type, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const char *instead = NULL, *django = NULL;
	const char *wrong = wrong_with(column, type, &instead, &django);
	if (!wrong)
		return;
	struct finding finding = {
	    .evidence = EVIDENCE_SYNTAX,
	    .table = table,
	    .column = column,
	    .message = arena_printf(arena, "%s, and to change it later rewrites the table", wrong),
	    .hint = arena_printf(arena, "Take %s.", instead),
	    .fix_django = django,
	};
	rules_add(verdict, rule, input, relation, &finding);
}

static void poor_type(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	static const enum ddl_form forms[] = {DDL_ADD_COLUMN, DDL_ALTER_TYPE};
	struct arena *arena = &verdict->arena;
	struct change change;
	for (size_t form = 0; form < ARRAY_LEN(forms); form++) {
		for (uint16_t at = 0; change_next(input, arena, forms[form], &at, &change);) {
			if (!change_adds_nothing(input, &change))
				tell_type(rule, input, change.relation, NULL, change.action->column, &change.action->type, verdict);
		}
	}
	for (uint16_t at = 0; at < input->facts->action_count; at++) {
		const struct fact_action *action = &input->facts->actions[at];
		if (action->temporary || action->relation < 0 || (action->if_exists && context_named(input, action->relation)))
			continue;
		const struct fact_relation *table = &input->facts->relations[action->relation];
		const char *name = table->schema ? arena_printf(arena, "%s.%s", table->schema, table->name) : table->name;
		for (uint16_t i = 0; i < action->new_column_count; i++)
			tell_type(rule, input, NULL, name, action->new_columns[i].name, &action->new_columns[i].type, verdict);
	}
}

static bool makes_name(const struct facts *facts)
{
	for (uint16_t at = 0; at < facts->action_count; at++) {
		switch (facts->actions[at].form) {
		case DDL_DROP_COLUMN:
		case DDL_DROP_CONSTRAINT:
		case DDL_DROP_INDEX:
		case DDL_DROP_OTHER:
		case DDL_DROP_TABLE:
		case DDL_VALIDATE_CONSTRAINT:
			break;
		default:
			return true;
		}
	}
	return false;
}

static void hygiene(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	if (input->facts->long_name && makes_name(input->facts)) {
		struct finding cut = {
		    .evidence = EVIDENCE_SYNTAX,
		    .message = arena_printf(&verdict->arena, "a name is longer than 63 bytes, and the server cuts it off: %s",
		                            identifier_quoted(&verdict->arena, input->facts->long_name)),
		    .hint = "Give it a shorter one: two that begin alike are the same to the server.",
		};
		rules_add(verdict, rule, input, NULL, &cut);
	}
	if (input->facts->kind != STATEMENT_BEGIN || input->session->transaction != 'T')
		return;
	struct finding finding = {
	    .evidence = EVIDENCE_SYNTAX,
	    .message = "a transaction is open already: this does nothing, and the next COMMIT ends all of it",
	    .hint = "SAVEPOINT begins what can be undone by itself.",
	    .fix_sql = "SAVEPOINT inner_part;",
	    .fix_django = "transaction.atomic()  # once more, in place of BEGIN by cursor.execute()",
	};
	rules_add(verdict, rule, input, NULL, &finding);
}

static void nulls_beside_unique(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct change change;
	for (uint16_t at = 0; change_next(input, arena, DDL_DROP_NOT_NULL, &at, &change);) {
		const struct catalog_column *column = catalog_column(change.relation, change.action->column);
		const struct catalog_index *unique = NULL;
		for (uint16_t i = 0; column && column->not_null && i < change.relation->index_count; i++) {
			const struct catalog_index *index = &change.relation->indexes[i];
			for (uint16_t key = 0; key < index->key_count && index->unique && index->valid; key++) {
				const char *name = index->keys[key].column;
				if (!index->predicate && !index->primary && name && strcmp(name, column->name) == 0)
					unique = index;
			}
		}
		if (!unique)
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = change.action->column,
		    .message =
		        arena_printf(arena,
		                     "%s is unique by %s, which lets in any number of rows with NULL: what relied on "
		                     "one row for each value may find several",
		                     change.column, identifier_quoted(arena, unique->name)),
		    .hint = "Keep NOT NULL with an empty value, or make the index anew with NULLS NOT DISTINCT.",
		    .fix_django = "UniqueConstraint(…, nulls_distinct=False)  # Django 5.0",
		};
		rules_add(verdict, rule, input, change.relation, &finding);
	}
}
