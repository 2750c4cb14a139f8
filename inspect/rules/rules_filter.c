#include "inspect/rules/rules_filter.h"

#include "inspect/rules/lookup.h"
#include "inspect/rules/remedy.h"
#include "inspect/access/selectivity.h"
#include "inspect/text/identifier.h"

#include <string.h>

/* What is wrong with a condition that no index serves. */
enum complaint { COMPLAINT_NONE, COMPLAINT_WRAPPED, COMPLAINT_UNINDEXED, COMPLAINT_TYPES, COMPLAINT_ARRAY };

static void wrapped(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void unindexed(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void types(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void arrays(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void across(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void column_pattern(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void not_in(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "non-sargable-column",
        .code = "Q107",
        .title = "a condition on what is made of a column, and an index on the column alone",
        .severity = SEVERITY_WARN,
        .wants_catalog = true,
        .scope = RULE_READS,
        .check = wrapped,
        .why = "An index on a column knows its values, not what a function or an operator makes of them: each "
               "call computes it for every row of the table.",
        .example = "SELECT … FROM shop_order WHERE (created AT TIME ZONE 'UTC')::date = '2026-01-05';   -- "
                   "created__date=…",
        .safe = "SELECT … FROM shop_order WHERE created >= '2026-01-05' AND created < '2026-01-06';\n\n"
                "# Django:\n"
                "Order.objects.filter(created__gte=day, created__lt=day + timedelta(days=1))",
        .decides = "A comparison (=, <, <=, >, >=, IN) of an expression with one column of a large table, where a "
                   "valid B-tree begins with that column and none has the expression. upper(), lower() "
                   "and keys of documents have rules of their own. Silent where another condition, or a join, leaves few "
                   "rows by an index, and on small tables.",
    },
    {
        .slug = "filter-unindexed",
        .code = "Q108",
        .title = "a value is searched that few rows have, and no index has the column",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .wants_catalog = true,
        .scope = RULE_READS,
        .check = unindexed,
        .why = "To find a few rows the whole table is read, by each call.",
        .example = "SELECT … FROM shop_order WHERE customer_reference = 'A-17';",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_reference_idx ON shop_order (customer_reference);\n\n"
                "# Django, in a migration with atomic = False:\n"
                "AddIndexConcurrently(\"order\", Index(fields=[\"customer_reference\"], "
                "name=\"shop_order_reference_idx\"))",
        .decides = "= and IN on a column that is a key of no index, when pg_stats.n_distinct promises less than a "
                   "tenth of the rows; and a boolean by itself (failed, NOT done) that by pg_stats less than a tenth of "
                   "them have: for it the fix is an index of these rows alone. Silent without statistics, where another "
                   "condition, or a join, leaves few rows by an index, and on small tables.",
    },
    {
        .slug = "operand-type-kills-index",
        .code = "Q109",
        .title = "a comparison with another type or collation, for which the column is converted",
        .severity = SEVERITY_WARN,
        .wants_catalog = true,
        .scope = RULE_READS,
        .check = types,
        .why = "An integer compared with a numeric, or a uuid as text, is converted first, row by row: the index "
               "holds what is not asked for.",
        .example = "SELECT … FROM shop_product WHERE id = 5.0;   -- or a Decimal as parameter",
        .safe = "SELECT … FROM shop_product WHERE id = 5;\n\n"
                "# Django: pass what the field holds, an int for an IntegerField\n"
                "Product.objects.filter(id=int(value))",
        .decides = "A comparison of a column with a value, where a valid index begins with the column but its operator "
                   "family does not know the two types, or sorts by another collation. smallint, integer and bigint "
                   "know each other, and a literal without a type takes the column's. Silent where another condition "
                   "leaves few rows by an index, and on small tables.",
    },
    {
        .slug = "array-no-gin",
        .code = "Q118",
        .title = "a search in arrays, and no GIN index on the column",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = arrays,
        .why = "What arrays hold only GIN knows, and only for @>, && and <@: value = ANY (column) reads every row "
               "whatever indexes there are.",
        .example = "SELECT … FROM shop_product WHERE 'new' = ANY (tags);",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_tags_gin ON shop_product USING gin (tags);\n"
                "SELECT … FROM shop_product WHERE tags @> ARRAY['new'];\n\n"
                "# Django:\n"
                "GinIndex(fields=[\"tags\"], name=\"shop_product_tags_gin\")\n"
                "Product.objects.filter(tags__contains=[\"new\"])",
        .decides =
            "@>, && and <@ on an array column that no valid index serves, and a value = ANY of one. Silent where "
            "another condition leaves few rows by an index, and on small tables.",
    },
    {
        .slug = "or-across-columns",
        .code = "Q122",
        .title = "an OR of which one arm has no index",
        .severity = SEVERITY_INFO,
        .wants_catalog = true,
        .scope = RULE_READS,
        .check = across,
        .why =
            "A row may meet the arm that no index knows, so that the whole table is read and the indexes of the other "
            "arms are of no use.",
        .example = "SELECT … FROM shop_order WHERE id = 5 OR note = 'urgent';",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_note_idx ON shop_order (note);   -- for each arm one\n\n"
                "# Django: qs.filter(id=5).union(qs.filter(note=\"urgent\"))",
        .decides =
            "An OR that is and-ed to what is read of a large table, with arms that an index serves and at least one "
            "that none does, or that asks another table. Silent where another condition leaves few rows by an index, and on small tables.",
    },
    {
        .slug = "column-pattern-like",
        .code = "Q126",
        .title = "a pattern that each row makes for itself",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = column_pattern,
        .why =
            "What to look for must be known before an index is entered: a pattern out of a column is another one for "
            "each row, so that every row is read and matched.",
        .example = "SELECT … FROM shop_product WHERE name LIKE '%' || brand || '%';   -- name__contains=F(\"brand\")",
        .safe = "-- Django: a BooleanField brand_in_name, set when a product is saved and indexed where it is true",
        .decides =
            "LIKE, ILIKE or a regular expression whose pattern names a column of a large table. Silent where another "
            "condition leaves few rows by an index, and on small tables.",
    },
    {
        .slug = "not-in-subquery",
        .code = "Q114",
        .title = "NOT IN with a sub-select",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = not_in,
        .why = "It is no join: the sub-select's rows are hashed as long as they fit into work_mem, and searched from "
               "one end to the other for each row when they don't. One NULL among them empties the result.",
        .example = "SELECT … FROM shop_product WHERE NOT (id IN (SELECT product_id FROM shop_item));",
        .safe = "SELECT … FROM shop_product p WHERE NOT EXISTS (SELECT FROM shop_item i WHERE i.product_id = p.id);\n\n"
                "# Django:\n"
                "Product.objects.filter(~Exists(Item.objects.filter(product=OuterRef(\"pk\"))))",
        .decides = "NOT (x IN (SELECT …)) and-ed to what is read of a large table, when the sub-select reads a table "
                   "that is not small.",
    },
};

const struct rule_group rules_filter = {rows, ARRAY_LEN(rows)};

/* -- what is wrong ------------------------------------------------------------------------------------ */

static bool is_comparison(const char *name)
{
	bool range = name[0] == '<' || name[0] == '>';
	return strcmp(name, "=") == 0 || (range && (name[1] == '\0' || strcmp(name + 1, "=") == 0));
}

enum { INDEX_NONE, INDEX_KEY, INDEX_FIRST };
/* Whether an index, valid or not, has the column for a key; INDEX_FIRST: a whole B-tree begins with it. */
static int index_on(const struct search *search, const struct catalog_index **index)
{
	int found = INDEX_NONE;
	for (uint16_t at = 0; at < search->table->index_count; at++) {
		const struct catalog_index *one = &search->table->indexes[at];
		for (uint16_t k = 0; k < one->key_count; k++) {
			if (one->keys[k].column == NULL || strcmp(one->keys[k].column, search->known->name) != 0)
				continue;
			/* Words of a text are no help with the whole of it. */
			if (one->keys[k].opclass != NULL && strstr(one->keys[k].opclass, "_trgm_ops") != NULL && one->valid)
				continue;
			bool first = k == 0 && one->valid && one->ready && one->predicate == NULL &&
			             strcmp(one->method, "btree") == 0;
			found = first ? INDEX_FIRST : found == INDEX_NONE ? INDEX_KEY : found;
			if (first)
				*index = one;
		}
	}
	return found;
}

static char category_of(const struct dictionary *dictionary, uint32_t type)
{
	const struct dictionary_type *known = dictionary_type(dictionary, dictionary_base(dictionary, type));
	return known != NULL ? known->category : 'X';
}

static bool is_named(const struct dictionary *dictionary, const struct term *call, const char *name)
{
	const struct dictionary_function *function =
	    call->kind == TERM_CALL ? dictionary_function(dictionary, call->oid) : NULL;
	return function != NULL && strcmp(function->name, name) == 0;
}

/* What is made of a column by a cast alone. */
static bool is_cast(const struct dictionary *dictionary, const struct term *operand)
{
	if (operand->kind == TERM_CONVERT)
		return term_strip(operand->items[0])->kind == TERM_COLUMN;
	if (operand->kind != TERM_CALL || operand->count != 1 || term_strip(operand->items[0])->kind != TERM_COLUMN)
		return false;
	const struct dictionary_cast *cast = dictionary_cast(dictionary, operand->items[0]->type, operand->type);
	return cast != NULL && cast->function == operand->oid;
}

static enum complaint complaint_of(const struct searches *searches, const struct search *search,
                                   const struct catalog_index **index)
{
	const struct dictionary *dictionary = searches->access->dictionary;
	const struct term *term = search->term, *operand = search->operand;
	const char *operator= search->operator->name;
	if (search->arm || search->hit.quality != MATCHING_NONE || term->variant == CLAUSE_SUBLINK || term->flag ||
	    search->value->has_column || search->value->is_volatile || operand->is_volatile || search->known == NULL)
		return COMPLAINT_NONE;
	const bool any = term->kind == TERM_ARRAY_OPERATOR && term->items[1] != search->value;
	const char category = category_of(dictionary, search->column->type);
	if (category == 'A') {
		bool contains =
		    strcmp(operator, "@>") == 0 || strcmp(operator, "<@") == 0 || strcmp(operator, "&&") == 0;
		/* varchar's arrays are compared as text's, element by element. */
		if (any && operand->kind == TERM_CONVERT)
			operand = term_strip(operand->items[0]);
		bool holds = contains || (any && strcmp(operator, "=") == 0);
		return operand->kind == TERM_COLUMN && holds ? COMPLAINT_ARRAY : COMPLAINT_NONE;
	}
	if (!is_comparison(operator) || any)
		return COMPLAINT_NONE;
	const int indexed = index_on(search, index);
	if (operand->kind == TERM_COLUMN) {
		if (indexed == INDEX_FIRST)
			return COMPLAINT_TYPES;
		bool equal = strcmp(operator, "=") == 0;
		return indexed == INDEX_NONE && equal ? COMPLAINT_UNINDEXED : COMPLAINT_NONE;
	}
	if (indexed != INDEX_FIRST)
		return COMPLAINT_NONE;
	if (is_cast(dictionary, operand) && category != 'D')
		return COMPLAINT_TYPES;
	/* Documents have keys, and upper() an index of its own: other rules'. */
	const uint32_t type = dictionary_base(dictionary, search->column->type);
	if (type == TYPE_JSONB || type == TYPE_JSON || is_named(dictionary, operand, "upper") ||
	    is_named(dictionary, operand, "lower"))
		return COMPLAINT_NONE;
	return COMPLAINT_WRAPPED;
}

/* -- conditions ------------------------------------------------------------------------------------- */

/* What a message needs. */
struct subject {
	const struct context *input;
	const struct search *search;
	const char *column;
	const struct catalog_index *index; /* that begins with the column; or NULL */
	struct arena *arena;
};

typedef void describe_fn(const struct subject *subject, struct finding *finding);

static void report(const struct rule *rule, const struct context *input, struct verdict *verdict,
                   enum complaint complaint, describe_fn *describe)
{
	const struct searches *searches = search_all(input);
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		const struct catalog_index *index = NULL;
		if (complaint_of(searches, search, &index) != complaint ||
		    (complaint == COMPLAINT_UNINDEXED && selectivity_share(search) >= 0.1) ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                           search->condition, SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = search->known->name};
		const struct subject subject = {input, search, finding.column, index, &verdict->arena};
		describe(&subject, &finding);
		rules_add(verdict, rule, input, search->table, &finding);
	}
}

static void describe_wrapped(const struct subject *s, struct finding *finding)
{
	finding->message = arena_printf(
	    s->arena, "each call reads the whole table: %s is on \"%s\", and what is compared is made of it row by row",
	    s->index->name, s->column);
	finding->hint = "Compare the column itself, with a range where need be, or index the expression.";
}

static void wrapped(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_WRAPPED, describe_wrapped);
}

static void describe_types(const struct subject *s, struct finding *finding)
{
	finding->message = arena_printf(s->arena,
	                                "each call reads the whole table: %s knows no comparison of \"%s\", a %s, with "
	                                "that type or collation",
	                                s->index->name, s->column, s->search->known->type);
	finding->hint = "Cast the value to the column's type, not the column to the value's.";
}

static void types(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_TYPES, describe_types);
}

static void propose(const struct subject *s, const char *method, struct finding *finding)
{
	const struct catalog_relation *table = s->search->table;
	const struct remedy_index wanted = {
	    .name = remedy_name(s->arena, table, s->column, method != NULL ? "gin" : "idx"),
	    .method = method,
	    .expression = identifier_quoted(s->arena, s->column),
	};
	finding->fix_sql = remedy_create_index(s->arena, s->input->catalog, table, &wanted);
	finding->fix_django = remedy_add_index(s->arena, s->input->catalog, table, false,
	                                       arena_printf(s->arena, "%sIndex(fields=[\"%s\"], name=\"%s\")",
	                                                    method != NULL ? "Gin" : "", remedy_field(s->arena, s->column), wanted.name));
}

static void describe_unindexed(const struct subject *s, struct finding *finding)
{
	finding->message =
	    arena_printf(s->arena, "each call reads the whole table for a few rows: no index has \"%s\"", s->column);
	propose(s, NULL, finding);
}

/* An index of the few rows, by what finds one of them again. */
static void propose_partial(const struct context *input, const struct catalog_relation *table, const struct term *term,
                            struct arena *arena, struct finding *finding)
{
	const char *key = finding->column, *flag = identifier_quoted(arena, finding->column);
	static const char *const tests[] = {"%s", "%s IS NOT TRUE", "NOT %s", "%s IS NOT FALSE", "%s IS NULL", "%s IS NOT NULL"};
	const bool test = term->kind == TERM_BOOLEAN_TEST;
	const char *form = test ? tests[term->variant] : term->kind == TERM_NOT ? "NOT %s" : "%s";
	for (uint16_t at = 0; at < table->index_count; at++) {
		if (table->indexes[at].primary && table->indexes[at].keys[0].column != NULL)
			key = table->indexes[at].keys[0].column;
	}
	const char *end = strstr(form, "%s") + 2;
	const struct remedy_index wanted = {
	    .name = remedy_name(arena, table, finding->column, "idx"),
	    .expression = identifier_quoted(arena, key),
	    .predicate = arena_printf(arena, "%.*s%s%s", (int)(end - 2 - form), form, flag, end),
	};
	finding->hint = "Index these rows alone: such an index is small, and the other rows' writes leave it alone.";
	finding->fix_sql = remedy_create_index(arena, input->catalog, table, &wanted);
	if (!test || term->variant == TEST_TRUE || term->variant == TEST_FALSE)
		finding->fix_django = remedy_add_index(
		    arena, input->catalog, table, false,
		    arena_printf(arena, "Index(fields=[\"%s\"], condition=Q(%s=%s), name=\"%s\")", remedy_field(arena, key), remedy_field(arena, finding->column),
		                 term->kind == TERM_NOT || (test && term->variant == TEST_FALSE) ? "False" : "True",
		                 wanted.name));
}

/* WHERE failed, WHERE NOT done: a boolean by itself. */
static void flags(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct access *access = search_all(input)->access;
	for (uint16_t at = 0; access != NULL && at < access->condition_count; at++) {
		const struct access_condition *condition = &access->conditions[at];
		const struct catalog_relation *table =
		    condition->relation >= 0 ? access->input->relations[condition->relation] : NULL;
		const struct term *term = condition->term, *flag = search_only_column(term);
		const bool plain = term->kind == TERM_COLUMN || term->kind == TERM_NOT || term->kind == TERM_BOOLEAN_TEST;
		struct search search = {.table = table};
		const struct catalog_index *index;
		double share;
		if (table == NULL || !plain || flag == NULL || condition->hit.quality != MATCHING_NONE ||
		    !selectivity_of_flag(table, term, &share) || share >= 0.1)
			continue;
		for (uint16_t c = 0; c < table->column_count; c++) {
			if (table->columns[c].number == flag->column)
				search.known = &table->columns[c];
		}
		if (index_on(&search, &index) != INDEX_NONE ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, condition->relation, condition,
		                           SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = search.known->name};
		finding.message = arena_printf(&verdict->arena,
		                               "each call reads the whole table for a few rows: no index has \"%s\"", finding.column);
		propose_partial(input, table, term, &verdict->arena, &finding);
		rules_add(verdict, rule, input, table, &finding);
	}
}

static void unindexed(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_UNINDEXED, describe_unindexed);
	flags(rule, input, verdict);
}

static void describe_array(const struct subject *s, struct finding *finding)
{
	if (s->search->term->kind == TERM_ARRAY_OPERATOR) {
		finding->message = arena_printf(
		    s->arena, "each call reads the whole table: no index serves a value = ANY (\"%s\")", s->column);
		finding->hint = "Ask for \"column @> ARRAY[value]\", and have a GIN index on the column.";
		return;
	}
	finding->message =
	    arena_printf(s->arena, "each call reads the whole table: no GIN index knows what is in \"%s\"", s->column);
	propose(s, "gin", finding);
}

static void arrays(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_ARRAY, describe_array);
}

static void across(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct access *access = search_all(input)->access;
	for (uint16_t at = 0; access != NULL && at < access->condition_count; at++) {
		const struct access_condition *condition = &access->conditions[at];
		const struct term *term = condition->term;
		if (term->kind != TERM_OR || condition->relation < 0 || condition->hit.quality != MATCHING_NONE ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, condition->relation, condition,
		                           SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		const struct matching *matching = access_matching(access, condition->relation);
		bool served = false, pattern = false;
		const struct term *strange = search_strange_arm(condition, condition->relation);
		for (uint16_t arm = 0; arm < term->count; arm++) {
			struct matching_hit hit =
			    matching_arm(matching, access->indexes[condition->relation],
			                 access->index_counts[condition->relation], term->items[arm]);
			served = served || hit.quality >= MATCHING_LATER;
			/* Of patterns there is more to say, and other rules do. */
			pattern = pattern || (hit.quality == MATCHING_NONE && term->items[arm]->pattern != NULL &&
			                      term_relation(term->items[arm]) == condition->relation);
		}
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        "each call reads the whole table: one arm of the OR has no index, so that those of the others "
		        "are of no use",
		    .hint = "Index each arm, or ask for them one by one with UNION.",
		};
		if (strange)
			lookup_describe_across(input, access->input->relations[condition->relation], strange, &verdict->arena, &finding);
		if (served && !pattern)
			rules_add(verdict, rule, input, access->input->relations[condition->relation], &finding);
	}
}

static void column_pattern(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct searches *searches = search_all(input);
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		const struct clause_pattern *pattern = search->term->pattern;
		if (search->arm || pattern == NULL || pattern->operand != OPERAND_COLUMN ||
		    search->hit.quality != MATCHING_NONE ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                           search->condition, SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search->known != NULL ? search->known->name : NULL,
		    .message =
		        "each call reads the whole table: the pattern is made from a column, another one for each row",
		    .hint = "Keep the answer in a column of its own, or ask with a constant pattern.",
		};
		rules_add(verdict, rule, input, search->table, &finding);
	}
}

static void not_in(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	for (uint16_t at = 0; at < facts->condition_count; at++) {
		const struct fact_condition *condition = &facts->conditions[at];
		const struct clause *clause = condition->clause;
		if (clause == NULL || clause->kind != CLAUSE_NOT || clause->items[0] == NULL ||
		    clause->items[0]->kind != CLAUSE_SUBLINK || clause->items[0]->variant != SUBLINK_ANY)
			continue;
		const struct catalog_relation *outer = NULL;
		bool worth = false;
		for (uint16_t r = 0; r < facts->relation_count; r++) {
			const struct catalog_relation *relation = context_relation(input, (int16_t)r);
			if (relation == NULL)
				continue;
			const uint16_t level = facts->relations[r].level;
			if (level == condition->level && outer == NULL)
				outer = relation;
			else if (facts->levels[level].parent == (int16_t)condition->level)
				worth = worth || rules_size(rule, input, relation) != TABLE_SMALL;
		}
		if (outer == NULL || !worth)
			continue;
		const struct clause *value = clause->items[0]->items[0];
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = value != NULL && value->kind == CLAUSE_COLUMN ? value->name : NULL,
		    .message =
		        "NOT IN with a sub-select is no join: it is searched anew for each row once it no longer "
		        "fits into work_mem, and one NULL in it empties the result",
		    .hint = "Ask for NOT EXISTS; in Django filter(~Exists(…)) instead of exclude(…__in=…).",
		};
		rules_add(verdict, rule, input, outer, &finding);
	}
}
