#include "inspect/rules/rules_plan.h"

#include "inspect/access/search.h"
#include "inspect/access/selectivity.h"
#include "inspect/tree/clause.h"

#include <string.h>

static void values(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void patterns(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void ignored(const struct rule *rule, const struct context *input, struct verdict *verdict);
static bool wants_texts(const struct facts *facts, struct shape_wants *wants);

static const struct rule rows[] = {
    {
        .slug = "partial-index-vs-parameter",
        .code = "Q123",
        .title = "a partial or expression index that a plan made for all parameter values can't use",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = values,
        .wants = wants_texts,
        .why = "An index on the failed orders serves status = 'failed', and status = $1 when the plan is made for the value "
               "'failed'. A plan that is made once for all values must not use it: the next value may be another.",
        .example = "SET plan_cache_mode = force_generic_plan;   -- with btree (customer_id) WHERE status = 'failed'\n"
                   "PREPARE failed (text) AS SELECT … FROM shop_order WHERE customer_id = 7 AND status = $1;\n"
                   "EXECUTE failed ('failed');",
        .safe = "PREPARE failed AS SELECT … FROM shop_order WHERE customer_id = 7 AND status = 'failed';\n"
                "SET plan_cache_mode = force_custom_plan;   -- or so: planned anew each time\n"
                "\n"
                "# Django: server_side_binding off, which it is by default, or prepare_threshold = None; "
                "Value(\"failed\") is still a parameter",
        .decides = "It compares what an index could serve for the values that are bound with what it could for any, on a "
                   "large table, when plan_cache_mode is force_generic_plan, by SET, the start-up packet, the role or the "
                   "database. Where it is auto the server plans for the values five times; then for all, if that was no "
                   "dearer on average: so it speaks when a name's first five values were all such that the index was of no "
                   "use, and this one is. Silent for statements that are parsed anew each time, as Django's are, where "
                   "other conditions leave few rows, and where the value is literally there.",
    },
    {
        .slug = "generic-plan-like",
        .code = "Q124",
        .title = "a prefix that is a parameter, in a plan made for all its values: no index range can be made of it",
        .severity = SEVERITY_INFO,
        .scope = RULE_READS,
        .check = patterns,
        .wants = search_wants_patterns,
        .why = "For LIKE 'ab%' a B-tree is entered at 'ab'. A plan that is made for all values of LIKE $1 can't, as the next "
               "one may be '%b': it reads the table.",
        .example = "CREATE INDEX product_sku ON shop_product (sku text_pattern_ops);\n"
                   "SET plan_cache_mode = force_generic_plan;\n"
                   "PREPARE by_sku (text) AS SELECT … FROM shop_product WHERE sku LIKE $1;\n"
                   "EXECUTE by_sku ('ab%');",
        .safe = "SET plan_cache_mode = force_custom_plan;\n"
                "CREATE INDEX CONCURRENTLY product_sku_trgm ON shop_product USING gin (sku gin_trgm_ops);   -- or this: it "
                "takes its pattern when it runs\n"
                "\n"
                "# Django: prepare_threshold = None (the default), and plan_cache_mode left alone",
        .decides = "LIKE, ~ and their like with a prefix that is bound to a parameter, on a large table, with an index that "
                   "serves it for that value alone, when plan_cache_mode is force_generic_plan; under auto when a name's "
                   "first five patterns had no prefix, as otherwise planning for the value was the cheaper and goes on. "
                   "Silent where a trigram index serves it, and where other conditions leave few rows.",
    },
    {
        .slug = "index-ignored-by-estimate",
        .code = "Q128",
        .title = "an index that could serve a condition, but nearly all rows meet it: the table is read instead",
        .severity = SEVERITY_INFO,
        .wants_catalog = true,
        .scope = RULE_READS,
        .thresholds = {{"share", 90}},
        .check = ignored,
        .why = "An index on deleted_at does not make WHERE deleted_at IS NULL faster while hardly anything is deleted: to read "
               "nearly all rows one by one through an index takes longer than to read the table, so the planner does that. "
               "Every write keeps the index all the same.",
        .example = "SELECT id, total FROM shop_order WHERE deleted_at IS NULL;   -- with btree (deleted_at)",
        .safe = "-- an index on what tells the wanted rows apart, of those rows alone\n"
                "CREATE INDEX CONCURRENTLY shop_order_alive ON shop_order (created) WHERE deleted_at IS NULL;\n"
                "SELECT id, total FROM shop_order WHERE deleted_at IS NULL AND created > '2026-11-01';\n"
                "\n"
                "# Django: Index(fields=[\"created\"], condition=Q(deleted_at=None), …)",
        .decides = "IS [NOT] NULL and a boolean by itself, which by pg_stats more than `share` percent of a large table's rows "
                   "meet, in a SELECT of that table alone, when the index of the column is not a partial one. Other values "
                   "are in no statement's key. Silent with a LIMIT, an aggregate or any other condition, "
                   "and where the index holds all columns that are asked for and can be read instead.",
    },
};

const struct rule_group rules_plan = {rows, ARRAY_LEN(rows)};

static bool add_parameters(const struct clause *clause, struct shape_wants *wants, int depth)
{
	bool any = false;
	if (!clause || depth > LIMIT_WALK_DEPTH)
		return false;
	if (clause->kind == CLAUSE_PARAMETER) {
		shape_wants_add(wants, clause->number, SHAPE_WANT_TEXT);
		return true;
	}
	for (uint16_t at = 0; at < clause->count; at++)
		any |= add_parameters(clause->items[at], wants, depth + 1);
	return any;
}

static bool has_parameters(const struct facts *facts, struct shape_wants *wants)
{
	bool any = false;
	for (uint16_t at = 0; at < facts->condition_count; at++)
		any |= add_parameters(facts->conditions[at].clause, wants, 0);
	return any;
}

/* A pattern that an index may be entered by, where another one of that parameter's may not. */
static bool may_enter(const struct context *input, const struct clause *clause, int depth)
{
	const struct pattern_values values = {input->bound, input->bound_count};
	struct pattern_shape shape;
	if (!clause || depth > LIMIT_WALK_DEPTH)
		return false;
	if (clause->pattern && clause->pattern->operand == OPERAND_PARAMETER &&
	    (strcmp(clause->name, "^@") == 0 || !pattern_shape_of(clause->pattern, values, &shape) ||
	     shape.has_prefix || !shape.has_wildcard))
		return true;
	for (uint16_t at = 0; at < clause->count; at++) {
		if (may_enter(input, clause->items[at], depth + 1))
			return true;
	}
	return false;
}

/* Can there be a difference between a plan for these values and one for all? To find it their texts are compared with
 * indexes, and the verdict is then good for no other texts. */
static bool may_differ(const struct context *input)
{
	for (uint16_t at = 0; at < input->facts->relation_count; at++) {
		const struct catalog_relation *table = context_relation(input, (int16_t)at);
		for (uint16_t i = 0; table && i < table->index_count; i++) {
			const struct catalog_index *index = &table->indexes[i];
			bool plain = !index->predicate;
			for (uint16_t key = 0; key < index->key_count; key++)
				plain &= index->keys[key].column != NULL;
			if (!plain)
				return true;
		}
	}
	for (uint16_t at = 0; at < input->facts->condition_count; at++) {
		if (may_enter(input, input->facts->conditions[at].clause, 0))
			return true;
	}
	return false;
}

/* They count only where plans differ, which the catalog tells. */
static bool wants_texts(const struct facts *facts, struct shape_wants *wants)
{
	(void)has_parameters(facts, wants);
	return false;
}

static bool is_pattern(const struct search *search)
{
	return search->term->pattern && search->term->pattern->operand == OPERAND_PARAMETER;
}

/* An index serves it for the values that are bound, and none for all of them. */
static bool loses(const struct search *custom, const struct search *generic)
{
	const struct catalog_index *index = custom->hit.index;
	if (!index || generic->hit.quality >= custom->hit.quality || generic->hit.quality == MATCHING_GOOD ||
	    (custom->hit.quality != MATCHING_GOOD && custom->hit.quality != MATCHING_PARTIAL))
		return false;
	return is_pattern(custom) || index->predicate || !index->keys[custom->hit.key].column;
}

struct plans_compared {
	struct searches *custom, *generic;
	struct context with; /* as the second sees it */
};

static bool open_plans(struct plans_compared *plans, const struct context *input)
{
	const bool asked = !input->bound || input->session->counts_plans || context_generic(input);
	struct shape_wants wants = {0};
	if (!input->catalog || !asked || !has_parameters(input->facts, &wants) || (input->bound && !may_differ(input)))
		return false;
	plans->custom = search_planned(input, false);
	plans->generic = search_planned(input, true);
	plans->with = *input;
	plans->with.searches = &plans->generic;
	return true;
}

static void close_plans(struct plans_compared *plans)
{
	search_free(plans->custom);
	search_free(plans->generic);
}

static bool matters(const struct rule *rule, struct plans_compared *plans, uint16_t at)
{
	const struct search *custom = &plans->custom->list[at], *generic = &plans->generic->list[at];
	const struct table_sizes *sizes = &rules_setting(rule, &plans->with)->sizes;
	return custom->condition->fact == generic->condition->fact && !custom->arm && loses(custom, generic) &&
	       context_size_by(sizes, custom->table) == TABLE_LARGE &&
	       !selectivity_restricted(sizes, &plans->with, generic->relation, generic->condition,
	                               SELECTIVITY_UNKNOWN_IS_LITTLE);
}

/* d ->> $1: with the value there it may be what an index is on. */
static bool may_be_indexed(const struct rule *rule, const struct plans_compared *plans, uint16_t at)
{
	const struct search *search = &plans->custom->list[at];
	const struct access *access = plans->custom->access;
	if (search->arm || search->column == NULL || !search->operand->has_parameter ||
	    rules_size(rule, &plans->with, search->table) != TABLE_LARGE)
		return false;
	for (uint16_t i = 0; i < access->index_counts[search->relation]; i++) {
		const struct matching_index *index = &access->indexes[search->relation][i];
		for (uint16_t key = 0; key < index->index->key_count; key++) {
			const struct term *column = search_only_column(index->keys[key]);
			if (!index->index->keys[key].column && column && term_equal(column, search->column) == TERM_YES)
				return true;
		}
	}
	return false;
}

static void values(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct plans_compared plans;
	if (!open_plans(&plans, input))
		return;
	verdict->texts_matter |= input->bound != NULL;
	for (uint16_t at = 0; at < plans.custom->count && at < plans.generic->count; at++) {
		const struct search *search = &plans.custom->list[at];
		if (!input->bound)
			verdict->plan_matters |= may_be_indexed(rule, &plans, at);
		if (is_pattern(search) || !matters(rule, &plans, at))
			continue;
		/* Before Bind nobody knows whether the value is one that the index is for. */
		verdict->plan_matters |= !input->bound;
		verdict->plan_serves |= input->bound != NULL;
		if (!input->bound || !context_generic(input))
			continue;
		const char *index = search->hit.index->name;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search->known ? search->known->name : NULL,
		    .message =
		        arena_printf(arena,
		                     "%s serves this value, but the plan is made for all values, which %s does not: each call reads "
		                     "the table",
		                     index, index),
		    .hint = "Let it be planned for its values, write the value into the statement, or index without the condition.",
		    .fix_sql = "SET plan_cache_mode = force_custom_plan;",
		    .fix_django = "\"OPTIONS\": {\"server_side_binding\": False, \"prepare_threshold\": None}",
		};
		rules_add(verdict, rule, input, search->table, &finding);
		break;
	}
	close_plans(&plans);
}

/* As if each pattern had a prefix. */
static bool would_lose(const struct rule *rule, const struct context *input)
{
	static const struct pattern_shape shape = {.known = true, .has_wildcard = true, .has_trigram = true, .has_prefix = true};
	struct bound_shape bound[LIMIT_BOUND_PARAMETERS];
	struct context supposed = *input;
	struct plans_compared plans;
	bool lost = false;
	for (size_t at = 0; at < ARRAY_LEN(bound); at++)
		bound[at] = (struct bound_shape){.known = true, .like = shape, .regex = shape, .similar = shape};
	struct session_state session = *input->session;
	struct shape_wants wants = {0};
	session.counts_plans = true;
	supposed.session = &session;
	supposed.bound = bound;
	supposed.bound_count = ARRAY_LEN(bound);
	if (!search_wants_patterns(input->facts, &wants) || !open_plans(&plans, &supposed))
		return false;
	for (uint16_t at = 0; at < plans.custom->count && at < plans.generic->count; at++)
		lost |= is_pattern(&plans.custom->list[at]) && matters(rule, &plans, at);
	close_plans(&plans);
	return lost;
}

static void patterns(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct plans_compared plans;
	struct shape_wants wants = {0};
	if (!input->bound) {
		verdict->plan_matters |= would_lose(rule, input);
		return;
	}
	if (!search_wants_patterns(input->facts, &wants) || !open_plans(&plans, input))
		return;
	verdict->texts_matter = true;
	for (uint16_t at = 0; at < plans.custom->count && at < plans.generic->count; at++) {
		const struct search *search = &plans.custom->list[at];
		if (!is_pattern(search) || !matters(rule, &plans, at))
			continue;
		verdict->plan_serves = true;
		if (!context_generic(input))
			continue;
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search->known ? search->known->name : NULL,
		    .message = arena_printf(arena,
		                            "%s serves this prefix, but the plan is made for all patterns, of which some have none: "
		                            "each call reads the table",
		                            search->hit.index->name),
		    .hint = "Let it be planned for its values, or index the column with gin_trgm_ops.",
		    .fix_sql = "SET plan_cache_mode = force_custom_plan;",
		    .fix_django = "\"OPTIONS\": {\"prepare_threshold\": None}  # and plan_cache_mode left alone",
		};
		rules_add(verdict, rule, input, search->table, &finding);
	}
	close_plans(&plans);
}

/* -- nearly all rows ------------------------------------------------------------------------------------ */

static bool holds(const struct catalog_index *index, const char *column)
{
	bool found = false;
	for (uint16_t at = 0; at < index->key_count && column && !found; at++)
		found = index->keys[at].column && strcmp(index->keys[at].column, column) == 0;
	for (uint16_t at = 0; at < index->included_count && column && !found; at++)
		found = strcmp(index->included[at], column) == 0;
	return found;
}

/* Can all that the statement names be had from the index alone? */
static bool covers(const struct facts *facts, const struct catalog_index *index)
{
	bool all = true;
	for (uint16_t at = 0; at < facts->use_count; at++)
		all &= holds(index, facts->uses[at].column);
	return all;
}

/* The only table of a SELECT, whose rows are all wanted. */
static bool reads_alone(const struct facts *facts, int16_t relation)
{
	const struct fact_level *level = &facts->levels[0];
	return (facts->kind == STATEMENT_SELECT || facts->kind == STATEMENT_PREPARE) && facts->relation_count == 1 &&
	       relation == 0 && facts->level_count == 1 && !level->has_others && !level->has_limit && !level->has_aggregate &&
	       !level->has_group && !level->has_distinct && !facts->uses_truncated;
}

static bool share_of(const struct catalog_relation *table, const struct term *term, double *share)
{
	const struct term *column = term->kind == TERM_NULL_TEST ? term_strip(term->items[0]) : NULL;
	if (!column)
		return (term->kind == TERM_COLUMN || term->kind == TERM_NOT || term->kind == TERM_BOOLEAN_TEST) &&
		       selectivity_of_flag(table, term, share);
	for (uint16_t at = 0; at < table->column_count; at++) {
		const struct catalog_column *known = &table->columns[at];
		if (column->kind != TERM_COLUMN || known->number != column->column || !known->has_statistics)
			continue;
		*share = term->flag ? 1 - known->null_fraction : known->null_fraction;
		return true;
	}
	return false;
}

static void ignored(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct access *access = search_all(input)->access;
	/* Beside another condition that one's index is what matters. */
	if (!access || access->condition_count != 1)
		return;
	const struct access_condition *condition = &access->conditions[0];
	const struct catalog_index *index = condition->hit.index;
	double share;
	if (condition->hit.quality != MATCHING_GOOD || !index || index->predicate || !search_only_column(condition->term) ||
	    !reads_alone(input->facts, condition->relation) || covers(input->facts, index))
		return;
	const struct catalog_relation *table = access->input->relations[condition->relation];
	if (!share_of(table, condition->term, &share) || share * 100 < rules_threshold(rule, input, "share"))
		return;
	const struct finding finding = {
	    .evidence = EVIDENCE_CATALOG,
	    .column = index->keys[condition->hit.key].column,
	    .message = arena_printf(arena, "each call reads the whole table: %.0f %% of the rows are so, and %s is of no use for them",
	                            share * 100, index->name),
	    .hint = "Index what tells the wanted rows apart, with this condition as the index's; or have none on it.",
	};
	rules_add(verdict, rule, input, table, &finding);
}
