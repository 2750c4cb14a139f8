#include "inspect/rules/rules_sort.h"

#include "inspect/rules/remedy.h"
#include "inspect/access/selectivity.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void sorted(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void by_chance(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void deep_offset(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "sort-limit-unindexed",
        .code = "Q110",
        .title = "the first rows of an order that no index has",
        .severity = SEVERITY_WARN,
        .wants_catalog = true,
        .scope = RULE_READS,
        .check = sorted,
        .why = "For twenty rows all of them are read and compared, each time a page is shown.",
        .example = "SELECT … FROM shop_order ORDER BY total DESC LIMIT 20;",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_total_idx ON shop_order (total);   -- read backwards for DESC\n\n"
                "# Django: Index(fields=[\"customer\", \"-created\"], …) for filter(customer=…).order_by(\"-created\")",
        .decides = "ORDER BY plain columns of one large table with a LIMIT, where no valid B-tree gives the order or "
                   "begins with its first column, columns that conditions leave one value of aside. Silent where the "
                   "conditions leave few rows by an index, where another rule speaks of how they are searched, with "
                   "joins, groups and aggregates, and on small tables.",
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
        .decides = "random() as the first thing to sort by, where the level reads one large table. Silent where the "
                   "conditions leave few rows by an index, and on small tables.",
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
            "the conditions leave few rows by an index, and on small tables.",
    },
};

const struct rule_group rules_sort = {rows, ARRAY_LEN(rows)};

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
static bool begins_well(const struct searches *searches, const struct access_order *order)
{
	struct access *access = searches->access;
	const struct fact_sort *first = &searches->input.facts->sorts[order->first];
	const struct matching *matching = access_matching(access, order->relation);
	const struct catalog_column *column =
	    first->column != NULL ? catalog_column(searches->input.relations[order->relation], first->column) : NULL;
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

/* Do other rules speak of how the same rows are searched? What they say is the cause, and a sort of what is found then
 * may be a small one. */
static bool is_told(const struct context *input, const struct verdict *verdict, const char *table)
{
	for (uint8_t at = input->first_finding; at < verdict->count; at++) {
		const struct finding *finding = &verdict->findings[at];
		if (finding->rule->code[0] == 'Q' && finding->rule->severity >= SEVERITY_WARN &&
		    strcmp(finding->table, table) == 0)
			return true;
	}
	return false;
}

/* The columns in the order that is asked for, each as PostgreSQL and as Django has it; NULL for what Django has no
 * words for. */
static const char *keys_of(const struct access_order *order, const struct fact_sort *sorts, struct arena *arena,
                           const char **fields)
{
	const char *keys = "";
	*fields = "";
	for (uint16_t at = 0; at < order->count; at++) {
		const struct fact_sort *sort = &sorts[order->first + at];
		const char *comma = at > 0 ? ", " : "";
		const bool usual = sort->nulls_first == sort->descending;
		/* Alone, a column can be read from either end. */
		const bool descending = sort->descending && (order->count > 1 || !usual);
		keys = arena_printf(arena, "%s%s%s%s%s", keys, comma, identifier_quoted(arena, sort->clause->name),
		                    descending ? " DESC" : "",
		                    usual               ? ""
		                    : sort->nulls_first ? " NULLS FIRST"
		                                        : " NULLS LAST");
		if (!usual || *fields == NULL)
			*fields = NULL;
		else
			*fields = arena_printf(arena, "%s%s\"%s%s\"", *fields, comma, descending ? "-" : "",
			                       remedy_field(arena, sort->clause->name));
	}
	return keys;
}

static void propose(const struct context *input, const struct catalog_relation *relation,
                    const struct access_order *order, struct arena *arena, struct finding *finding)
{
	const char *fields;
	const struct remedy_index wanted = {
	    .name = remedy_name(arena, relation, finding->column, "idx"),
	    .expression = keys_of(order, input->facts->sorts, arena, &fields),
	};
	finding->hint = "Build an index in that order, in a migration of its own.";
	finding->fix_sql = remedy_create_index(arena, input->catalog, relation, &wanted);
	if (fields != NULL)
		finding->fix_django =
		    remedy_add_index(arena, input->catalog, relation, false,
		                     arena_printf(arena, "Index(fields=[%s], name=\"%s\")", fields, wanted.name));
}

static bool is_plain(const struct access_order *order, const struct fact_sort *sorts,
                     const struct catalog_relation *relation)
{
	for (uint16_t at = 0; at < order->count; at++) {
		const struct clause *clause = sorts[order->first + at].clause;
		if (clause == NULL || clause->kind != CLAUSE_COLUMN || catalog_column(relation, clause->name) == NULL)
			return false;
	}
	return true;
}

static void sorted(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct searches *searches = search_all(input);
	const struct facts *facts = input->facts;
	for (uint16_t at = 0; searches->access != NULL && at < searches->access->order_count; at++) {
		const struct access_order *order = &searches->access->orders[at];
		const struct fact_sort *first = &facts->sorts[order->first];
		const struct fact_level *level = &facts->levels[first->level];
		if (first->order != ORDER_BY || order->hit.quality != MATCHING_NONE || order->single ||
		    order->relation < 0 || searches->input.relations[order->relation] == NULL ||
		    only_relation(facts, first->level) != order->relation || !level->has_limit || level->has_group ||
		    level->has_aggregate || level->has_distinct)
			continue;
		const struct catalog_relation *relation = searches->input.relations[order->relation];
		struct arena *arena = &verdict->arena;
		if (!is_plain(order, facts->sorts, relation) || begins_well(searches, order) ||
		    is_told(input, verdict, rules_table_name(arena, relation)) ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, order->relation, NULL,
		                           SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = first->clause->name};
		finding.message = arena_printf(
		    arena, "each page reads the whole table and sorts %s: no index has the order by \"%s\"%s",
		    level->has_where ? "what it wants of it" : "it", finding.column,
		    order->count > 1 ? " and what follows it" : "");
		propose(input, relation, order, arena, &finding);
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void by_chance(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct searches *searches = search_all(input);
	const struct facts *facts = input->facts;
	for (uint16_t at = 0; searches->access != NULL && at < searches->access->order_count; at++) {
		const struct access_order *order = &searches->access->orders[at];
		const struct fact_sort *first = &facts->sorts[order->first];
		const int16_t only = only_relation(facts, first->level);
		if (first->order != ORDER_BY || strcmp(first->expression, "random()") != 0 || only < 0 ||
		    searches->input.relations[only] == NULL ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, only, NULL,
		                           SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = "each call draws a number for every row of the table and sorts them all",
		    .hint = "Draw a key between the least and the greatest, or use TABLESAMPLE.",
		};
		rules_add(verdict, rule, input, searches->input.relations[only], &finding);
	}
}

static void deep_offset(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	for (uint16_t level = 0; level < facts->level_count; level++) {
		const int16_t only = facts->levels[level].deep_offset ? only_relation(facts, level) : -1;
		const struct catalog_relation *relation = only >= 0 ? context_relation(input, only) : NULL;
		if (relation == NULL)
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = "more than 10,000 rows are found and thrown away before the first one that is wanted",
		    .hint = "Go on from the last row that was shown: WHERE id > … ORDER BY id LIMIT ….",
		};
		if (!selectivity_restricted(&rules_setting(rule, input)->sizes, input, only, NULL,
		                            SELECTIVITY_UNKNOWN_IS_LITTLE))
			rules_add(verdict, rule, input, relation, &finding);
	}
}
