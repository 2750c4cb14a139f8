#include "inspect/rules/rules_shape.h"

#include "inspect/tree/clause.h"
#include "inspect/rules/remedy.h"

#include <string.h>

static void count_large(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void unbounded(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void long_list(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void cartesian(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void nondeterministic(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "count-large",
        .code = "Q113",
        .title = "all rows of a large table are counted",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .scope = RULE_READS,
        .check = count_large,
        .why = "PostgreSQL keeps no count: each call goes through the whole table, or the whole of an index. "
               "Django's Paginator and the admin ask for it with every page.",
        .example = "SELECT COUNT(*) AS \"__count\" FROM shop_product;",
        .safe = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'shop_product'::regclass;   -- about\n"
                "\n"
                "# Django: a Paginator whose count asks for that, and in the admin\n"
                "show_full_result_count = False",
        .decides = "A query of nothing but count(*) over one table, without WHERE, GROUP BY and LIMIT, by the size of "
                   "the table. With a WHERE it is for other rules to say what that reads.",
    },
    {
        .slug = "unbounded-select",
        .code = "Q120",
        .title = "a SELECT that answers with all rows of a large table",
        .severity = SEVERITY_WARN,
        .severity_medium = SEVERITY_INFO,
        .on_medium = true,
        .scope = RULE_READS,
        .thresholds = {{"rows", 100000}},
        .check = unbounded,
        .why = "Server, network and client each hold or handle every row, and the client's memory grows with the "
               "table: a page that works today ends the process next year.",
        .example = "SELECT id, name FROM shop_product;",
        .safe = "SELECT id, name FROM shop_product ORDER BY id LIMIT 100;\n"
                "-- or DECLARE … CURSOR FOR SELECT …, then FETCH; or COPY (SELECT …) TO STDOUT\n"
                "\n"
                "# Django:\n"
                "for product in Product.objects.iterator(chunk_size=2000): …",
        .decides = "A SELECT from one table without WHERE, LIMIT, GROUP BY, DISTINCT and aggregates, when the table has "
                   "more than `rows` rows. Cursors (DECLARE, and so Django's iterator()) and COPY are silent. That a "
                   "driver fetches the rows of one portal bit by bit is not seen.",
    },
    {
        .slug = "huge-in-list",
        .code = "Q121",
        .title = "a list of more than 1,000 values, written into the statement",
        .severity = SEVERITY_INFO,
        .any_size = true,
        .scope = RULE_READS,
        .check = long_list,
        .why = "Each value is parsed, planned and compared as a node of its own: with thousands that takes longer than to "
               "find the rows, and the text is sent, and logged by the server, anew each time. Django's "
               "prefetch_related writes such a list for a page of many objects.",
        .example = "SELECT id, name FROM shop_product WHERE id IN (1, 2, 3, …);   -- 5,000 of them",
        .safe = "SELECT id, name FROM shop_product WHERE id = ANY ($1);   -- one array, one node\n"
                "SELECT p.id, p.name FROM unnest($1::int[]) AS wanted (id) JOIN shop_product p USING (id);\n"
                "\n"
                "# Django: in pieces\n"
                "for start in range(0, len(ids), 500):\n"
                "    Product.objects.filter(id__in=ids[start:start + 500])",
        .decides = "IN and NOT IN with more than 1,000 constants of one kind after the other, and = ANY (ARRAY[…]) with "
                   "more than 1,000 elements; on tables of any size. An array in one value, = ANY ($1) or ANY ('{…}'), "
                   "is silent, and so are the rows of INSERT … VALUES.",
    },
    {
        .slug = "cartesian-join",
        .code = "Q125",
        .title = "tables that nothing connects: each row of one is joined with each row of the other",
        .severity = SEVERITY_ERROR,
        .scope = RULE_READS,
        .thresholds = {{"rows", 10}},
        .check = cartesian,
        .why = "Without a condition between them the server makes every pair of rows: a million and a thousand give a "
               "thousand million. A DISTINCT or a sum over it hides that, not what it costs.",
        .example = "SELECT count(*) FROM shop_order, shop_customer;",
        .safe = "SELECT count(*) FROM shop_order JOIN shop_customer ON shop_customer.id = shop_order.customer_id;\n"
                "\n"
                "# Django: joins follow relations; where extra(tables=…) or raw() name a table, add what connects it",
        .decides = "SELECT, UPDATE … FROM and DELETE … USING that name two tables in one FROM which no condition "
                   "connects, not even by way of a third or of an outer query, and which no condition of their own "
                   "restricts: one of them large, the other with more than `rows` rows. Silent where a sub-select, a "
                   "function, VALUES, TABLESAMPLE or a NATURAL or FULL JOIN is in that FROM, and with a LIMIT that "
                   "needs no sort.",
    },
    {
        .slug = "nondeterministic-like",
        .code = "Q130",
        .title = "a pattern on a column whose collation allows none",
        .severity = SEVERITY_ERROR,
        .any_size = true,
        .scope = RULE_READS,
        .check = nondeterministic,
        .why = "Under a nondeterministic collation texts that differ may be equal, so that a pattern has no meaning: the "
               "server refuses LIKE, ILIKE and regular expressions with 0A000, since 18 all but LIKE.",
        .example = "SELECT … FROM shop_customer WHERE name LIKE 'ann%';   -- name is COLLATE \"case_insensitive\"",
        .safe = "SELECT … FROM shop_customer WHERE name COLLATE \"und-x-icu\" LIKE 'ann%';\n"
                "\n"
                "# Django:\n"
                "Customer.objects.annotate(plain=Collate(\"name\", \"und-x-icu\")).filter(plain__startswith=\"ann\")",
        .decides = "LIKE, ILIKE, SIMILAR TO, ~ and ~* whose left side is made of one column with such a collation, on "
                   "tables of any size. Silent where the statement names a collation, and for LIKE from PostgreSQL 18 "
                   "on.",
    },
};

const struct rule_group rules_shape = {rows, ARRAY_LEN(rows)};

/* -- one level -------------------------------------------------------------------------------------- */

/* The one table that a level reads all of, by way of a view too; NULL for several, and for a view that leaves some out. */
static const struct catalog_relation *only_table(const struct context *input, uint16_t level)
{
	const struct facts *facts = input->facts;
	int16_t only = -1;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (facts->relations[at].level != level)
			continue;
		if (only >= 0 || facts->relations[at].is_target)
			return NULL;
		only = (int16_t)at;
	}
	if (only < 0 || facts->levels[level].has_others)
		return NULL;
	const uint16_t query = facts->relations[only].query;
	if (query == 0)
		return context_relation(input, only);
	const struct fact_level *view = &facts->levels[query];
	return query > level && view->reach == REACH_MERGED && view->arms == 0 && !view->has_where ? only_table(input, query)
	                                                                                           : NULL;
}

static void count_large(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	for (uint16_t at = 0; at < facts->level_count; at++) {
		const struct fact_level *level = &facts->levels[at];
		if (!level->only_count || level->has_where || level->has_group || level->has_limit)
			continue;
		const struct catalog_relation *relation = only_table(input, at);
		if (!relation)
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .message = "each call reads the whole table, or the whole of an index, to count its rows",
		    .hint = "Show no total, or the estimate in pg_class.reltuples.",
		    .fix_sql = arena_printf(&verdict->arena,
		                            "SELECT reltuples::bigint FROM pg_class WHERE oid = '%s'::regclass;   -- about",
		                            remedy_table(&verdict->arena, relation)),
		    .fix_django = "a Paginator with a count of its own; in the admin show_full_result_count = False",
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

static void unbounded(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct fact_level *level = &input->facts->levels[0];
	if (input->facts->kind != STATEMENT_SELECT || level->has_where || level->has_limit || level->has_group ||
	    level->has_aggregate || level->has_distinct)
		return;
	const struct catalog_relation *relation = only_table(input, 0);
	if (!relation || relation->rows <= rules_threshold(rule, input, "rows"))
		return;
	const struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .message = "each call answers with all rows of the table, and the client takes them all at once",
	    .hint = "Ask for a page by LIMIT, or read through a cursor.",
	    .fix_django = ".iterator(chunk_size=2000)  # or a slice",
	};
	rules_add(verdict, rule, input, relation, &finding);
}

static void nondeterministic(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	for (uint16_t at = 0; at < facts->predicate_count; at++) {
		const struct fact_predicate *predicate = &facts->predicates[at];
		if (predicate->operator< PREDICATE_LIKE || predicate->operator> PREDICATE_SIMILAR || !predicate->column ||
		    predicate->collation || predicate->relation < 0)
			continue;
		const struct catalog_relation *relation = context_relation(input, predicate->relation);
		const struct catalog_column *column = relation ? catalog_column(relation, predicate->column) : NULL;
		if (!column || !column->collation_nondeterministic ||
		    (predicate->operator== PREDICATE_LIKE && catalog_version(input->catalog) >= 180000))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column->name,
		    .message = arena_printf(&verdict->arena,
		                            "the server refuses it with 0A000: the collation \"%s\" of %s is "
		                            "nondeterministic, under which no pattern means anything",
		                            column->collation, column->name),
		    .hint = "Name a deterministic collation in the condition: … COLLATE \"und-x-icu\" LIKE ….",
		    .fix_django = arena_printf(&verdict->arena, "Collate(\"%s\", \"und-x-icu\")", remedy_field(&verdict->arena, column->name)),
		};
		rules_add(verdict, rule, input, relation, &finding);
	}
}

/* -- tables that nothing connects ------------------------------------------------------------------- */

/* The statement's relations as sets: whom a condition mentions together is in one. */
struct groups {
	int16_t of[LIMIT_FACTS_RELATIONS];     /* by relation: one of its set */
	bool restricted[LIMIT_FACTS_RELATIONS]; /* by relation: a condition of its own */
	bool unknown;                           /* a condition has a column whose table can't be told */
};

static int16_t group_of(const struct groups *groups, int16_t relation)
{
	while (groups->of[relation] != relation)
		relation = groups->of[relation];
	return relation;
}

/* Joins to `*first` whatever the clause mentions, and counts how many relations that are. */
static void connect(struct groups *groups, const struct clause *clause, int16_t *first, bool *several, int depth)
{
	if (!clause)
		return;
	if (depth > LIMIT_WALK_DEPTH || (clause->kind == CLAUSE_COLUMN && clause->relation < 0)) {
		groups->unknown = true;
		return;
	}
	if (clause->kind == CLAUSE_COLUMN && *first < 0) {
		*first = clause->relation;
	} else if (clause->kind == CLAUSE_COLUMN && clause->relation != *first) {
		*several = true;
		groups->of[group_of(groups, clause->relation)] = group_of(groups, *first);
	}
	for (uint16_t at = 0; at < clause->count; at++)
		connect(groups, clause->items[at], first, several, depth + 1);
}

static void group(struct groups *groups, const struct facts *facts)
{
	memset(groups, 0, sizeof(*groups));
	for (uint16_t at = 0; at < facts->relation_count; at++)
		groups->of[at] = (int16_t)at;
	for (uint16_t at = 0; at < facts->condition_count; at++) {
		int16_t first = -1;
		bool several = false;
		connect(groups, facts->conditions[at].clause, &first, &several, 0);
		if (first >= 0 && !several)
			groups->restricted[first] = true;
	}
}

/* Of a set's tables in that level the largest; NULL when it is restricted, or when one of them isn't known. */
static const struct catalog_relation *largest(const struct context *input, const struct groups *groups, int16_t set,
                                              uint16_t level)
{
	const struct facts *facts = input->facts;
	const struct catalog_relation *found = NULL;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		if (group_of(groups, (int16_t)at) != set)
			continue;
		const struct catalog_relation *relation =
		    facts->relations[at].level == level ? context_relation(input, (int16_t)at) : NULL;
		if (!relation || groups->restricted[at])
			return NULL;
		if (!found || relation->rows > found->rows)
			found = relation;
	}
	return found;
}

static bool is_query(const struct facts *facts)
{
	switch (facts->kind) {
	case STATEMENT_SELECT:
	case STATEMENT_INSERT:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
	case STATEMENT_COPY:
	case STATEMENT_PREPARE:
	case STATEMENT_DECLARE:
	case STATEMENT_EXPLAIN:
		return facts->action_count == 0;
	default:
		return false;
	}
}

/* With a LIMIT, and nothing that wants all rows before the first. */
static bool stops_early(const struct facts *facts, uint16_t level)
{
	const struct fact_level *fact = &facts->levels[level];
	bool sorted = false;
	for (uint16_t at = 0; at < facts->sort_count; at++)
		sorted |= facts->sorts[at].level == level && facts->sorts[at].order == ORDER_BY;
	return fact->has_limit && !fact->has_aggregate && !fact->has_group && !fact->has_distinct && !sorted;
}

/* Which of several lists is the long one is not in the facts; then no column is named. */
static void long_list(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	const struct fact_predicate *list = NULL;
	uint16_t count = 0;
	if (!facts->long_list)
		return;
	for (uint16_t at = 0; at < facts->predicate_count; at++) {
		if (facts->predicates[at].items > 1) {
			list = &facts->predicates[at];
			count++;
		}
	}
	if (count != 1 || list->relation < 0)
		list = NULL;
	const struct finding finding = {
	    .evidence = EVIDENCE_SYNTAX,
	    .column = list != NULL ? list->column : NULL,
	    .message = "more than 1,000 values are written into the statement: each is parsed and planned on its own, with "
	               "each call",
	    .hint = "Give them as one array, = ANY ($1), or ask in pieces of some hundred.",
	};
	rules_add(verdict, rule, input, list != NULL ? context_relation(input, list->relation) : NULL, &finding);
}

static void cartesian(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct facts *facts = input->facts;
	if (facts->relation_count < 2 || facts->truncated || !is_query(facts))
		return;
	struct groups groups;
	group(&groups, facts);
	for (uint16_t a = 0; a < facts->relation_count && !groups.unknown; a++) {
		const uint16_t level = facts->relations[a].level;
		const struct fact_level *fact = &facts->levels[level];
		if (group_of(&groups, (int16_t)a) != a || fact->has_others || stops_early(facts, level))
			continue;
		for (uint16_t b = (uint16_t)(a + 1); b < facts->relation_count; b++) {
			if (facts->relations[b].level != level || group_of(&groups, (int16_t)b) != b)
				continue;
			const struct catalog_relation *one = largest(input, &groups, (int16_t)a, level),
			                              *other = largest(input, &groups, (int16_t)b, level);
			if (!one || !other)
				continue;
			const struct catalog_relation *large = one->rows >= other->rows ? one : other;
			const struct catalog_relation *small = large == one ? other : one;
			if (small->rows <= rules_threshold(rule, input, "rows"))
				continue;
			const struct finding finding = {
			    .evidence = EVIDENCE_CATALOG,
			    .message = arena_printf(&verdict->arena,
			                            "each row of %s is joined with each row of %s: no condition connects them",
			                            remedy_table(&verdict->arena, large),
			                            remedy_table(&verdict->arena, small)),
			    .hint = "Add the condition that connects them, by JOIN … ON.",
			};
			rules_add(verdict, rule, input, large, &finding);
		}
	}
}
