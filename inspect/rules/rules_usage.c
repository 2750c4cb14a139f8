#include "inspect/rules/rules_usage.h"

#include "inspect/access/search.h"
#include "inspect/access/selectivity.h"

#include <string.h>

/* What stands in a statement, so far. */
struct list {
	const struct context *input;
	struct searches *searches;
	struct arena *arena;
	struct column_use *usages;
	uint16_t count;
};

static void add_search(struct list *list, const struct search *search);
static void add_test(struct list *list, const struct access_condition *condition);
static void add_order(struct list *list, const struct access_order *order);
static void add(struct list *list, int16_t relation, const struct access_condition *except, struct column_use usage);
static bool is_searched(const struct searches *searches, const struct access_condition *condition);
static const struct catalog_column *column_of(const struct catalog_relation *table, const struct term *term);
static double distinct_of(const struct catalog_relation *table, const struct catalog_column *column);
static const char *index_of(const struct matching_hit *hit);

static const struct rule rows[] = {
    {
        .slug = "index-audit",
        .code = "D509",
        .title = "what is filtered, joined and sorted by, and the index for it: a section of the report",
        .severity = SEVERITY_INFO,
        .any_size = true,
        .scope = RULE_BEYOND,
        .why = "A finding is about one statement. Which indexes a table needs is decided by all that is asked of it: the "
               "column that ten kinds of statement filter by, the order that no index has, the index that nothing "
               "uses but every INSERT pays for.",
        .example = "SELECT * FROM shop_order WHERE customer_id = 7 AND state = 'open' ORDER BY created DESC LIMIT 20;",
        .safe = "pgproctor report pgproctor.log   -- \"Index audit\": a line for customer_id, state and created, with "
                "calls, time,\n"
                "                                 -- the index that serves it, and how many values the column has\n"
                "\n"
                "# Django: Meta.indexes = [Index(fields=[\"customer\", \"-created\"])]",
        .decides = "No finding, but lines in the log: when a statement is judged for the first time, and again each day "
                   "and when its index changes, an `access` event for each comparison, join and order on a table of "
                   "the catalog, with the index that could serve it, n_distinct and selectivity from pg_stats; and an "
                   "`indexes` event for each such table, with those that no constraint needs. `pgproctor report` adds "
                   "them up with the calls and the time of their statements. Where the other conditions of a statement "
                   "leave few rows, it says so. At most 4,000 of such lines a day.",
    },
};

const struct rule_group rules_usage = {rows, ARRAY_LEN(rows)};

const struct column_use *rules_usage_list(const struct context *input, struct arena *arena, uint16_t *count)
{
	struct list list = {.input = input, .arena = arena};
	*count = 0;
	if (rules_setting(&rows[0], input)->action == ACTION_OFF || input->catalog == NULL)
		return NULL;
	list.searches = search_all(input);
	if (list.searches->access == NULL)
		return NULL;
	list.usages = arena_alloc(arena, LIMIT_USAGES * sizeof(*list.usages));
	for (uint16_t at = 0; at < list.searches->count; at++)
		add_search(&list, &list.searches->list[at]);
	for (uint16_t at = 0; at < list.searches->access->condition_count; at++)
		add_test(&list, &list.searches->access->conditions[at]);
	for (uint16_t at = 0; at < list.searches->access->order_count; at++)
		add_order(&list, &list.searches->access->orders[at]);
	*count = list.count;
	return list.usages;
}

const char *rules_usage_kind_name(enum usage_kind kind)
{
	static const char *const names[] = {"filter", "join", "sort"};
	CHECK((unsigned)kind < ARRAY_LEN(names));
	return names[kind];
}

bool rules_usage_is_optional(const struct catalog_relation *table, const struct catalog_index *index)
{
	if (index->unique || index->primary || !index->valid)
		return false;
	/* An exclusion constraint's has its name. */
	for (uint16_t at = 0; at < table->constraint_count; at++) {
		if (strcmp(table->constraints[at].name, index->name) == 0)
			return false;
	}
	return true;
}

static void add_search(struct list *list, const struct search *search)
{
	const bool equal = strcmp(search->operator->name, "=") == 0;
	const bool plain = search->operand->kind == TERM_COLUMN;
	const bool join = search->value->has_column && term_relation(search->value) != search->relation;
	struct column_use usage = {
	    .expression = plain && search->known != NULL ? search->known->name
	                                                 : spelling_shown(&list->searches->spelling, search->operand),
	    .kind = join ? USAGE_JOIN : USAGE_FILTER,
	    .operator = search->operator->name,
	    .index = index_of(&search->hit),
	    .distinct = plain ? distinct_of(search->table, search->known) : -1,
	    .share = -1,
	};
	if (search->column == NULL)
		return;
	if (plain && equal && usage.distinct >= 1)
		usage.share = selectivity_share(search);
	add(list, search->relation, search->condition, usage);
	/* A join is searched from the other side as well, if that is the smaller one. */
	const struct term *other = term_strip(search->value);
	const int16_t relation = term_relation(other);
	if (!join || relation < 0 || relation == search->relation || search_only_column(other) == NULL)
		return;
	const struct catalog_relation *table = list->searches->input.relations[relation];
	const struct matching *matching = table != NULL ? access_matching(list->searches->access, relation) : NULL;
	if (matching == NULL)
		return;
	const struct matching_hit hit =
	    matching_arm(matching, list->searches->access->indexes[relation],
	                 list->searches->access->index_counts[relation], search->term);
	const struct catalog_column *column = other->kind == TERM_COLUMN ? column_of(table, other) : NULL;
	const double distinct = distinct_of(table, column);
	add(list, relation, search->condition,
	    (struct column_use){
	        .expression = column != NULL ? column->name : spelling_shown(&list->searches->spelling, other),
	        .kind = USAGE_JOIN,
	        .operator = search->operator->name,
	        .index = index_of(&hit),
	        .distinct = distinct,
	        .share = equal && distinct >= 1 ? (1 - column->null_fraction) / distinct : -1,
	    });
}

/* IS NULL, a bare boolean: what compares nothing. */
static void add_test(struct list *list, const struct access_condition *condition)
{
	const struct term *column = search_only_column(condition->term);
	if (condition->relation < 0 || column == NULL || is_searched(list->searches, condition))
		return;
	const struct catalog_relation *table = list->searches->input.relations[condition->relation];
	const struct catalog_column *known = table != NULL ? column_of(table, column) : NULL;
	if (known == NULL)
		return;
	add(list, condition->relation, condition,
	    (struct column_use){
	        .expression = known->name,
	        .kind = USAGE_FILTER,
	        .index = index_of(&condition->hit),
	        .distinct = distinct_of(table, known),
	        .share = -1,
	    });
}

static void add_order(struct list *list, const struct access_order *order)
{
	const struct fact_sort *sorts = &list->input->facts->sorts[order->first];
	if (order->relation < 0 || order->single)
		return;
	const char *text = "";
	for (uint16_t at = 0; at < order->count; at++) {
		if (sorts[at].expression == NULL || sorts[at].expression[0] == '\0')
			return;
		text = arena_printf(list->arena, "%s%s%s%s", text, at > 0 ? ", " : "", sorts[at].expression,
		                    sorts[at].descending ? " desc" : "");
	}
	add(list, order->relation, NULL,
	    (struct column_use){
	        .expression = text,
	        .kind = USAGE_SORT,
	        .index = index_of(&order->hit),
	        .distinct = -1,
	        .share = -1,
	    });
}

/* The same again, as by another appearance of the table, is told once. */
static void add(struct list *list, int16_t relation, const struct access_condition *except, struct column_use usage)
{
	usage.table = list->searches->input.relations[relation];
	if (usage.table == NULL || usage.table->system || usage.table->temporary || list->count == LIMIT_USAGES)
		return;
	for (uint16_t at = 0; at < list->count; at++) {
		const struct column_use *other = &list->usages[at];
		if (other->table == usage.table && other->kind == usage.kind && other->operator == usage.operator &&
		    strcmp(other->expression, usage.expression) == 0 &&
		    (other->index == usage.index ||
		     (other->index != NULL && usage.index != NULL && strcmp(other->index, usage.index) == 0)))
			return;
	}
	usage.relation = strcmp(usage.table->schema, "public") == 0
	                     ? usage.table->name
	                     : arena_printf(list->arena, "%s.%s", usage.table->schema, usage.table->name);
	usage.expression = arena_text(list->arena, usage.expression);
	if (usage.index == NULL)
		usage.few = selectivity_restricted(&rules_setting(&rows[0], list->input)->sizes, list->input, relation,
		                                   except, SELECTIVITY_UNKNOWN_IS_MUCH);
	list->usages[list->count++] = usage;
}

static bool is_searched(const struct searches *searches, const struct access_condition *condition)
{
	for (uint16_t at = 0; at < searches->count; at++) {
		if (searches->list[at].condition == condition)
			return true;
	}
	return false;
}

static const struct catalog_column *column_of(const struct catalog_relation *table, const struct term *term)
{
	for (uint16_t at = 0; at < table->column_count; at++) {
		if (table->columns[at].number == term->column)
			return &table->columns[at];
	}
	return NULL;
}

static double distinct_of(const struct catalog_relation *table, const struct catalog_column *column)
{
	if (column == NULL || !column->has_statistics || column->distinct == 0)
		return -1;
	if (column->distinct > 0)
		return column->distinct;
	return table->rows < 0 ? -1 : -column->distinct * table->rows;
}

static const char *index_of(const struct matching_hit *hit)
{
	return hit->quality != MATCHING_NONE && hit->index != NULL ? hit->index->name : NULL;
}
