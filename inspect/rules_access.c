#include "inspect/rules_access.h"

#include "inspect/access.h"
#include "inspect/remedy.h"

#include <string.h>

/* What is wrong with a condition that no index serves. */
enum complaint { COMPLAINT_NONE, COMPLAINT_WRAPPED, COMPLAINT_UNINDEXED, COMPLAINT_TYPES, COMPLAINT_ARRAY };

static void wrapped(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void unindexed(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void types(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void sorted(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void by_chance(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void not_in(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void deep_offset(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void across(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void column_pattern(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void arrays(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "non-sargable-column",
        .code = "Q107",
        .title = "a condition on what is made of a column, and an index on the column alone",
        .severity = SEVERITY_WARN,
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
                   "and keys of documents have rules of their own. Silent where another condition is served, in joins, "
                   "and on small tables.",
    },
    {
        .slug = "filter-unindexed",
        .code = "Q108",
        .title = "a value is searched that few rows have, and no index has the column",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .scope = RULE_READS,
        .check = unindexed,
        .why = "To find a few rows the whole table is read, by each call.",
        .example = "SELECT … FROM shop_order WHERE customer_reference = 'A-17';",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_reference_idx ON shop_order (customer_reference);\n\n"
                "# Django, in a migration with atomic = False:\n"
                "AddIndexConcurrently(\"order\", Index(fields=[\"customer_reference\"], "
                "name=\"shop_order_reference_idx\"))",
        .decides = "= and IN on a column that is a key of no index, when pg_stats.n_distinct promises less than a "
                   "tenth of the rows. Silent without statistics, where another condition is served, in joins, and on "
                   "small tables.",
    },
    {
        .slug = "operand-type-kills-index",
        .code = "Q109",
        .title = "a comparison with another type or collation, for which the column is converted",
        .severity = SEVERITY_WARN,
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
                   "is served, and on small tables.",
    },
    {
        .slug = "sort-limit-unindexed",
        .code = "Q110",
        .title = "the first rows of an order that no index has",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = sorted,
        .why = "For twenty rows all of them are read and compared, each time a page is shown.",
        .example = "SELECT … FROM shop_order ORDER BY total DESC LIMIT 20;",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_total_idx ON shop_order (total);   -- read backwards for DESC\n\n"
                "# Django: Index(fields=[\"customer\", \"-created\"], …) for filter(customer=…).order_by(\"-created\")",
        .decides = "ORDER BY plain columns of one large table with a LIMIT, where no valid B-tree gives the order or "
                   "begins with its first column, columns that conditions leave one value of aside. Silent where a "
                   "condition is served, with joins, groups and aggregates, and on small tables.",
    },
    {
        .slug = "order-by-random",
        .code = "Q111",
        .title = "rows by chance out of a large table",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = by_chance,
        .why = "ORDER BY random() draws a number for each row and sorts them all.",
        .example = "SELECT … FROM shop_product ORDER BY random() LIMIT 1;   -- order_by(\"?\")",
        .safe = "SELECT … FROM shop_product WHERE id >= $1 ORDER BY id LIMIT 1;   -- $1 drawn between the ends\n"
                "# Django: Product.objects.filter(pk__gte=randrange(lowest, highest + 1)).order_by(\"pk\").first()",
        .decides = "random() as the first thing to sort by, where the level reads one large table. Silent where a "
                   "condition is served, and on small tables.",
    },
    {
        .slug = "deep-offset",
        .code = "Q112",
        .title = "a page far behind the first, by OFFSET",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = deep_offset,
        .why = "All rows before the page are found, sorted and thrown away, for this page and again for the next.",
        .example = "SELECT … FROM shop_product ORDER BY id LIMIT 20 OFFSET 100000;",
        .safe = "SELECT … FROM shop_product WHERE id > $1 ORDER BY id LIMIT 20;   -- $1: the last one shown\n\n"
                "# Django:\n"
                "Product.objects.filter(id__gt=last).order_by(\"id\")[:20]",
        .decides =
            "A constant OFFSET of more than 10,000 on one large table. A parameter is not looked at. Silent where "
            "a condition is served, and on small tables.",
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
    {
        .slug = "or-across-columns",
        .code = "Q122",
        .title = "an OR of which one arm has no index",
        .severity = SEVERITY_INFO,
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
            "that none does. Silent where another condition is served, and on small tables.",
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
            "condition is served, and on small tables.",
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
            "another condition is served, and on small tables.",
    },
};

const struct rule_group rules_access = {rows, ARRAY_LEN(rows)};

/* -- what there is ---------------------------------------------------------------------------------- */

struct view {
	struct arena arena; /* everything is there */
	struct access_input input;
	struct access *access;
};

static void open_view(struct view *view, const struct rule_input *input)
{
	const struct facts *facts = input->facts;
	*view = (struct view){0};
	arena_init(&view->arena);
	if (facts->condition_count + facts->sort_count == 0)
		return;
	const struct catalog_relation **relations =
	    arena_alloc(&view->arena, (facts->relation_count + 1u) * sizeof(*relations));
	bool any = false;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		relations[at] = rules_relation(input, (int16_t)at);
		any = any || relations[at] != NULL;
	}
	if (!any)
		return;
	view->input = (struct access_input){
	    .facts = facts, .catalog = input->catalog, .relations = relations, .generous = true, .arena = &view->arena};
	view->access = access_make(&view->input);
}

/* Does another condition, one of a join included, lead to the rows by an index? */
static bool restricted(const struct view *view, int16_t relation, const struct access_condition *except)
{
	struct access *access = view->access;
	const struct matching *matching = access_matching(access, relation);
	for (uint16_t at = 0; matching != NULL && at < access->condition_count; at++) {
		const struct access_condition *other = &access->conditions[at];
		if (other == except || !term_mentions(other->term, relation))
			continue;
		/* Whatever is not followed may be a join. */
		if (matching_condition(matching, access->indexes[relation], access->index_counts[relation], other->term)
		        .quality >= MATCHING_LATER)
			return true;
	}
	return false;
}

static bool is_comparison(const char *name)
{
	bool range = name[0] == '<' || name[0] == '>';
	return strcmp(name, "=") == 0 || (range && (name[1] == '\0' || strcmp(name + 1, "=") == 0));
}

/* The one column in a term; NULL when there is none or several. */
static const struct term *only_column(const struct term *term)
{
	const struct term *found = NULL;
	if (term == NULL || term->kind == TERM_OPAQUE)
		return NULL;
	if (term->kind == TERM_COLUMN)
		return term;
	for (uint16_t at = 0; at < term->count; at++) {
		if (term->items[at] == NULL || !term->items[at]->has_column)
			continue;
		const struct term *one = only_column(term->items[at]);
		if (one == NULL || (found != NULL && term_equal(found, one) != TERM_YES))
			return NULL;
		found = one;
	}
	return found;
}

enum { INDEX_NONE, INDEX_KEY, INDEX_FIRST };
/* Whether an index, valid or not, has the column for a key; INDEX_FIRST: a whole B-tree begins with it. */
static int index_on(const struct view *view, const struct term *column, const struct catalog_index **index)
{
	const struct catalog_relation *relation = view->input.relations[column->relation];
	int found = INDEX_NONE;
	for (uint16_t at = 0; at < relation->index_count; at++) {
		const struct catalog_index *one = &relation->indexes[at];
		for (uint16_t k = 0; k < one->key_count; k++) {
			const struct catalog_column *key =
			    one->keys[k].column != NULL ? catalog_column(relation, one->keys[k].column) : NULL;
			if (key == NULL || key->number != column->column)
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

static const char *column_name(const struct view *view, const struct term *column)
{
	const struct catalog_relation *relation = view->input.relations[column->relation];
	for (uint16_t at = 0; at < relation->column_count; at++) {
		if (relation->columns[at].number == column->column)
			return relation->columns[at].name;
	}
	return "";
}

static char category_of(const struct view *view, uint32_t type)
{
	const struct dictionary_type *known =
	    dictionary_type(view->access->dictionary, dictionary_base(view->access->dictionary, type));
	return known != NULL ? known->category : 'X';
}

static bool is_named(const struct view *view, const struct term *call, const char *name)
{
	const struct dictionary_function *function =
	    call->kind == TERM_CALL ? dictionary_function(view->access->dictionary, call->oid) : NULL;
	return function != NULL && strcmp(function->name, name) == 0;
}

/* What is made of a column by a cast alone. */
static bool is_cast(const struct view *view, const struct term *operand)
{
	if (operand->kind == TERM_CONVERT)
		return term_strip(operand->items[0])->kind == TERM_COLUMN;
	if (operand->kind != TERM_CALL || operand->count != 1 || term_strip(operand->items[0])->kind != TERM_COLUMN)
		return false;
	const struct dictionary_cast *cast =
	    dictionary_cast(view->access->dictionary, operand->items[0]->type, operand->type);
	return cast != NULL && cast->function == operand->oid;
}

static enum complaint complaint_of(const struct view *view, const struct access_condition *condition,
                                   const struct term **column, const struct catalog_index **index)
{
	const struct term *term = condition->term;
	const int16_t relation = condition->relation;
	if (relation < 0 || condition->hit.quality != MATCHING_NONE || term->variant == CLAUSE_SUBLINK ||
	    term->count != 2 || (term->kind != TERM_OPERATOR && term->kind != TERM_ARRAY_OPERATOR) || term->flag)
		return COMPLAINT_NONE;
	const struct dictionary_operator *operator= dictionary_operator(view->access->dictionary, term->oid);
	const int side = term_mentions(term->items[0], relation) ? 0 : 1;
	const struct term *operand = term_strip(term->items[side]), *value = term->items[1 - side];
	if (operator== NULL || value->has_column || value->is_volatile || operand->is_volatile)
		return COMPLAINT_NONE;
	*column = only_column(operand);
	if (*column == NULL || (*column)->relation != relation)
		return COMPLAINT_NONE;
	const char category = category_of(view, (*column)->type);
	if (category == 'A') {
		bool contains = strcmp(operator->name, "@>") == 0 || strcmp(operator->name, "<@") == 0 ||
		                strcmp(operator->name, "&&") == 0;
		bool any = term->kind == TERM_ARRAY_OPERATOR && side == 1 && strcmp(operator->name, "=") == 0;
		/* varchar's arrays are compared as text's, element by element. */
		if (any && operand->kind == TERM_CONVERT)
			operand = term_strip(operand->items[0]);
		return operand->kind == TERM_COLUMN && (any || contains) ? COMPLAINT_ARRAY : COMPLAINT_NONE;
	}
	if (!is_comparison(operator->name) || (term->kind == TERM_ARRAY_OPERATOR && side == 1))
		return COMPLAINT_NONE;
	const int indexed = index_on(view, *column, index);
	if (operand->kind == TERM_COLUMN) {
		if (indexed == INDEX_FIRST)
			return COMPLAINT_TYPES;
		bool equal = strcmp(operator->name, "=") == 0;
		return indexed == INDEX_NONE && equal ? COMPLAINT_UNINDEXED : COMPLAINT_NONE;
	}
	if (indexed != INDEX_FIRST)
		return COMPLAINT_NONE;
	if (is_cast(view, operand) && category != 'D')
		return COMPLAINT_TYPES;
	/* Documents have keys, and upper() an index of its own: other rules'. */
	const uint32_t type = dictionary_base(view->access->dictionary, (*column)->type);
	if (type == TYPE_JSONB || type == TYPE_JSON || is_named(view, operand, "upper") ||
	    is_named(view, operand, "lower"))
		return COMPLAINT_NONE;
	return COMPLAINT_WRAPPED;
}

/* The share of the rows that one value has, or some of a list; 1 where nobody has counted. */
static double share_of(const struct view *view, const struct access_condition *condition, const struct term *column)
{
	const struct catalog_relation *relation = view->input.relations[condition->relation];
	const struct catalog_column *known = catalog_column(relation, column_name(view, column));
	if (known == NULL || !known->has_statistics || known->distinct == 0)
		return 1;
	double distinct = known->distinct > 0 ? known->distinct : -known->distinct * relation->rows;
	const double values = condition->term->kind == TERM_ARRAY_OPERATOR ? 25 : 1;
	return distinct < 1 ? 1 : values * (1 - known->null_fraction) / distinct;
}

/* -- conditions ------------------------------------------------------------------------------------- */

/* What a message needs. */
struct subject {
	const struct rule_input *input;
	const struct access_condition *condition;
	const char *column;
	const struct catalog_relation *relation;
	const struct catalog_index *index; /* that begins with the column; or NULL */
	struct arena *arena;
};

typedef void describe_fn(const struct subject *subject, struct finding *finding);

static void report(const struct rule *rule, const struct rule_input *input, struct verdict *verdict,
                   enum complaint complaint, describe_fn *describe)
{
	struct view view;
	open_view(&view, input);
	for (uint16_t at = 0; view.access != NULL && at < view.access->condition_count; at++) {
		const struct access_condition *condition = &view.access->conditions[at];
		const struct term *column;
		const struct catalog_index *index = NULL;
		if (complaint_of(&view, condition, &column, &index) != complaint ||
		    restricted(&view, condition->relation, condition))
			continue;
		if (complaint == COMPLAINT_UNINDEXED && share_of(&view, condition, column) >= 0.1)
			continue;
		const struct catalog_relation *relation = view.input.relations[condition->relation];
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = column_name(&view, column)};
		const struct subject subject = {input, condition, finding.column, relation, index, &verdict->arena};
		describe(&subject, &finding);
		rules_add(verdict, rule, input, relation, &finding);
	}
	arena_fini(&view.arena);
}

static void describe_wrapped(const struct subject *s, struct finding *finding)
{
	finding->message = arena_printf(
	    s->arena, "each call reads the whole table: %s is on \"%s\", and what is compared is made of it row by row",
	    s->index->name, s->column);
	finding->hint = "Compare the column itself, with a range where need be, or index the expression.";
}

static void wrapped(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_WRAPPED, describe_wrapped);
}

static void describe_types(const struct subject *s, struct finding *finding)
{
	const struct catalog_column *known = catalog_column(s->relation, s->column);
	finding->message = arena_printf(s->arena,
	                                "each call reads the whole table: %s knows no comparison of \"%s\", a %s, with "
	                                "that type or collation",
	                                s->index->name, s->column, known->type);
	finding->hint = "Cast the value to the column's type, not the column to the value's.";
}

static void types(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_TYPES, describe_types);
}

static void propose(const struct rule_input *input, const char *column, const struct catalog_relation *relation,
                    const char *method, struct arena *arena, struct finding *finding)
{
	const struct remedy_index wanted = {
	    .name = remedy_name(arena, relation, column, method != NULL ? "gin" : "idx"),
	    .method = method,
	    .expression = remedy_identifier(arena, column),
	};
	finding->fix_sql = remedy_create_index(arena, input->catalog, relation, &wanted);
	finding->fix_django = remedy_add_index(arena, input->catalog, relation, false,
	                                       arena_printf(arena, "%sIndex(fields=[\"%s\"], name=\"%s\")",
	                                                    method != NULL ? "Gin" : "", column, wanted.name));
}

static void describe_unindexed(const struct subject *s, struct finding *finding)
{
	finding->message =
	    arena_printf(s->arena, "each call reads the whole table for a few rows: no index has \"%s\"", s->column);
	propose(s->input, s->column, s->relation, NULL, s->arena, finding);
}

static void unindexed(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_UNINDEXED, describe_unindexed);
}

static void describe_array(const struct subject *s, struct finding *finding)
{
	if (s->condition->term->kind == TERM_ARRAY_OPERATOR) {
		finding->message = arena_printf(
		    s->arena, "each call reads the whole table: no index serves a value = ANY (\"%s\")", s->column);
		finding->hint = "Ask for \"column @> ARRAY[value]\", and have a GIN index on the column.";
		return;
	}
	finding->message =
	    arena_printf(s->arena, "each call reads the whole table: no GIN index knows what is in \"%s\"", s->column);
	propose(s->input, s->column, s->relation, "gin", s->arena, finding);
}

static void arrays(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	report(rule, input, verdict, COMPLAINT_ARRAY, describe_array);
}

static void across(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct view view;
	open_view(&view, input);
	for (uint16_t at = 0; view.access != NULL && at < view.access->condition_count; at++) {
		struct access *access = view.access;
		const struct access_condition *condition = &access->conditions[at];
		const struct term *term = condition->term;
		if (term->kind != TERM_OR || condition->relation < 0 || condition->hit.quality != MATCHING_NONE ||
		    restricted(&view, condition->relation, condition))
			continue;
		const struct matching *matching = access_matching(access, condition->relation);
		bool served = false, pattern = false;
		for (uint16_t arm = 0; arm < term->count; arm++) {
			struct matching_hit hit =
			    matching_condition(matching, access->indexes[condition->relation],
			                       access->index_counts[condition->relation], term->items[arm]);
			served = served || hit.quality >= MATCHING_LATER;
			/* Of patterns there is more to say, and other rules do. */
			pattern = pattern || (hit.quality == MATCHING_NONE && term->items[arm]->pattern != NULL);
		}
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message =
		        "each call reads the whole table: one arm of the OR has no index, so that those of the others "
		        "are of no use",
		    .hint = "Index each arm, or ask for them one by one with UNION.",
		};
		if (served && !pattern)
			rules_add(verdict, rule, input, view.input.relations[condition->relation], &finding);
	}
	arena_fini(&view.arena);
}

static void column_pattern(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct view view;
	open_view(&view, input);
	for (uint16_t at = 0; view.access != NULL && at < view.access->condition_count; at++) {
		const struct access_condition *condition = &view.access->conditions[at];
		const struct clause_pattern *pattern = condition->term->pattern;
		if (pattern == NULL || pattern->operand != OPERAND_COLUMN || condition->relation < 0 ||
		    condition->hit.quality != MATCHING_NONE || restricted(&view, condition->relation, condition))
			continue;
		const struct term *column = only_column(condition->term->items[0]);
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column =
		        column != NULL && column->relation == condition->relation ? column_name(&view, column) : NULL,
		    .message =
		        "each call reads the whole table: the pattern is made from a column, another one for each row",
		    .hint = "Keep the answer in a column of its own, or ask with a constant pattern.",
		};
		rules_add(verdict, rule, input, view.input.relations[condition->relation], &finding);
	}
	arena_fini(&view.arena);
}

static void not_in(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
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
			const struct catalog_relation *relation = rules_relation(input, (int16_t)r);
			if (relation == NULL)
				continue;
			const uint16_t level = facts->relations[r].level;
			if (level == condition->level && outer == NULL)
				outer = relation;
			else if (facts->levels[level].parent == (int16_t)condition->level)
				worth = worth || rules_size(rule, input, relation) != RULE_SMALL;
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

/* -- orders ----------------------------------------------------------------------------------------- */

/* The one table that a level reads; -1 when it reads several. */
static int16_t only_relation(const struct facts *facts, uint16_t level)
{
	int16_t only = -1;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (facts->relations[at].level != level)
			continue;
		if (only >= 0)
			return -1;
		only = (int16_t)at;
	}
	return only;
}

/* An index that begins with the first of the columns leaves little to sort. */
static bool begins_well(const struct view *view, const struct access_order *order)
{
	struct access *access = view->access;
	const struct fact_sort *first = &view->input.facts->sorts[order->first];
	const struct matching *matching = access_matching(access, order->relation);
	const struct catalog_column *column =
	    first->column != NULL ? catalog_column(view->input.relations[order->relation], first->column) : NULL;
	for (uint16_t at = 0; column != NULL && at < access->index_counts[order->relation]; at++) {
		const struct matching_index *index = &access->indexes[order->relation][at];
		const struct term *key = index->keys[0];
		if (index->holds != TERM_NO && strcmp(index->index->method, "btree") == 0 && key != NULL &&
		    key->kind == TERM_COLUMN && key->column == column->number &&
		    (index->index->keys[0].descending == first->descending) ==
		        (index->index->keys[0].nulls_first == first->nulls_first))
			return true;
	}
	return matching == NULL;
}

static void sorted(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct view view;
	const struct facts *facts = input->facts;
	open_view(&view, input);
	for (uint16_t at = 0; view.access != NULL && at < view.access->order_count; at++) {
		const struct access_order *order = &view.access->orders[at];
		const struct fact_sort *first = &facts->sorts[order->first];
		const struct fact_level *level = &facts->levels[first->level];
		if (first->order != ORDER_BY || order->hit.quality != MATCHING_NONE || order->single ||
		    order->relation < 0 || view.input.relations[order->relation] == NULL ||
		    only_relation(facts, first->level) != order->relation || !level->has_limit || level->has_group ||
		    level->has_aggregate || level->has_distinct)
			continue;
		const struct catalog_relation *relation = view.input.relations[order->relation];
		bool plain = true;
		for (uint16_t i = 0; i < order->count; i++) {
			const struct fact_sort *sort = &facts->sorts[order->first + i];
			plain = plain && sort->clause != NULL && sort->clause->kind == CLAUSE_COLUMN &&
			        catalog_column(relation, sort->clause->name) != NULL;
		}
		if (!plain || begins_well(&view, order) || restricted(&view, order->relation, NULL))
			continue;
		struct arena *arena = &verdict->arena;
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = first->clause->name};
		finding.message =
		    arena_printf(arena, "each page reads and sorts the whole table: no index has the order by \"%s\"%s",
		                 finding.column, order->count > 1 ? " and what follows it" : "");
		if (order->count == 1)
			propose(input, finding.column, relation, NULL, arena, &finding);
		rules_add(verdict, rule, input, relation, &finding);
	}
	arena_fini(&view.arena);
}

static void by_chance(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct view view;
	const struct facts *facts = input->facts;
	open_view(&view, input);
	for (uint16_t at = 0; view.access != NULL && at < view.access->order_count; at++) {
		const struct access_order *order = &view.access->orders[at];
		const struct fact_sort *first = &facts->sorts[order->first];
		const int16_t only = only_relation(facts, first->level);
		if (first->order != ORDER_BY || strcmp(first->expression, "random()") != 0 || only < 0 ||
		    view.input.relations[only] == NULL || restricted(&view, only, NULL))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = "each call draws a number for every row of the table and sorts them all",
		    .hint = "Draw a key between the least and the greatest, or use TABLESAMPLE.",
		};
		rules_add(verdict, rule, input, view.input.relations[only], &finding);
	}
	arena_fini(&view.arena);
}

static void deep_offset(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct view view;
	const struct facts *facts = input->facts;
	for (uint16_t level = 0; level < facts->level_count; level++) {
		const int16_t only = facts->levels[level].deep_offset ? only_relation(facts, level) : -1;
		const struct catalog_relation *relation = only >= 0 ? rules_relation(input, only) : NULL;
		if (relation == NULL)
			continue;
		open_view(&view, input);
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = "more than 10,000 rows are found and thrown away before the first one that is wanted",
		    .hint = "Go on from the last row that was shown: WHERE id > … ORDER BY id LIMIT ….",
		};
		if (view.access == NULL || !restricted(&view, only, NULL))
			rules_add(verdict, rule, input, relation, &finding);
		arena_fini(&view.arena);
	}
}
