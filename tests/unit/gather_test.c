#include "inspect/tree/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------------- */

static struct arena arena;
static struct facts facts;
static struct gather gather;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	memset(&facts, 0xff, sizeof(facts));
	memset(&gather, 0xff, sizeof(gather)); /* as the stack may be */
	gather_init(&gather, &arena, &facts);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void nothing(void **state)
{
	/* A statement in which nothing was found has empty facts, whatever was there before. */
	(void)state;
	static const struct facts none;
	gather_finish(&gather);
	assert_memory_equal(&facts, &none, sizeof(none));
}

static void facts_outlive_the_gathering(void **state)
{
	/* What was collected is in the facts, in order, and points neither to the gathering nor to the caller's text.
	 */
	(void)state;
	char schema[] = "s", name[] = "t", alias[] = "x", column[] = "c";
	assert_int_equal(gather_level(&gather, -1), 0);
	assert_int_equal(gather_level(&gather, 0), 1);
	assert_int_equal(
	    gather_relation(&gather, &(struct fact_relation){.schema = schema, .name = name, .alias = alias}), 0);
	assert_int_equal(gather_relation(&gather, &(struct fact_relation){.name = name, .level = 1}), 1);
	assert_int_equal(gather_predicate(&gather, &(struct fact_predicate){.expression = "p", .relation = 1}), 0);
	assert_int_equal(gather_sort(&gather, &(struct fact_sort){.expression = "q", .descending = true}), 0);
	gather_assignment(&gather, &(struct fact_assignment){.column = column, .parameter = 3});
	gather_action(&gather, DDL_RENAME)->relation = 1;
	gather_finish(&gather);
	memset(&gather, 0xff, sizeof(gather));
	schema[0] = name[0] = alias[0] = column[0] = '!';

	assert_int_equal(facts.level_count, 2);
	assert_int_equal(facts.levels[0].parent, -1);
	assert_int_equal(facts.levels[1].parent, 0);
	assert_int_equal(facts.relation_count, 2);
	assert_string_equal(facts.relations[0].schema, "s");
	assert_string_equal(facts.relations[0].name, "t");
	assert_string_equal(facts.relations[0].alias, "x");
	assert_null(facts.relations[1].schema);
	assert_null(facts.relations[1].alias);
	assert_int_equal(facts.relations[1].level, 1);
	assert_int_equal(facts.predicate_count, 1);
	assert_string_equal(facts.predicates[0].expression, "p");
	assert_int_equal(facts.predicates[0].relation, 1);
	assert_int_equal(facts.sort_count, 1);
	assert_true(facts.sorts[0].descending);
	assert_int_equal(facts.assignment_count, 1);
	assert_string_equal(facts.assignments[0].column, "c");
	assert_int_equal(facts.assignments[0].parameter, 3);
	assert_int_equal(facts.action_count, 1);
	assert_int_equal(facts.actions[0].form, DDL_RENAME);
	assert_int_equal(facts.actions[0].relation, 1);
	assert_false(facts.truncated);
}

static void a_new_action_names_nothing(void **state)
{
	/* 0 would be the first relation, and a modifier of 0. */
	(void)state;
	const struct fact_action *action = gather_action(&gather, DDL_ADD_COLUMN);
	assert_int_equal(action->relation, -1);
	assert_int_equal(action->referenced, -1);
	assert_int_equal(action->type.modifiers[0], -1);
	assert_int_equal(action->type.modifiers[1], -1);
	assert_null(action->object);
	assert_null(action->calls);
}

static int16_t add_level(void)
{
	return gather_level(&gather, -1);
}

static int16_t add_relation(void)
{
	return gather_relation(&gather, &(struct fact_relation){.name = "t"});
}

static int16_t add_predicate(void)
{
	return gather_predicate(&gather, &(struct fact_predicate){.expression = ""});
}

static int16_t add_sort(void)
{
	return gather_sort(&gather, &(struct fact_sort){.expression = ""});
}

static int16_t add_action(void)
{
	return gather_action(&gather, DDL_OTHER) != NULL ? (int16_t)(facts.action_count - 1) : -1;
}

static int16_t add_assignment(void)
{
	uint16_t before = facts.assignment_count;
	gather_assignment(&gather, &(struct fact_assignment){.column = "c"});
	return facts.assignment_count > before ? (int16_t)before : -1;
}

static int16_t add_range(void)
{
	uint16_t before = gather.range_count;
	gather_range(&gather, "r", 0, 0, false);
	return gather.range_count > before ? (int16_t)before : -1;
}

static int16_t add_cte(void)
{
	uint16_t before = gather.cte_count;
	gather_cte_push(&gather, "c", NULL);
	return gather.cte_count > before ? (int16_t)before : -1;
}

static void ceilings(void **state)
{
	/* Up to its ceiling each kind is counted on; one more is refused, and the facts say that there is more. */
	(void)state;
	static const struct {
		int16_t (*add)(void);
		int ceiling;
	} kinds[] = {
	    {add_level, LIMIT_FACTS_LEVELS},         {add_relation, LIMIT_FACTS_RELATIONS},
	    {add_predicate, LIMIT_FACTS_PREDICATES}, {add_sort, LIMIT_FACTS_SORTS},
	    {add_action, LIMIT_FACTS_ACTIONS},       {add_assignment, LIMIT_FACTS_ASSIGNMENTS},
	    {add_range, 2 * LIMIT_FACTS_RELATIONS},  {add_cte, LIMIT_FACTS_RELATIONS},
	};
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		gather_init(&gather, &arena, &facts);
		for (int at = 0; at < kinds[kind].ceiling; at++)
			assert_int_equal(kinds[kind].add(), at);
		assert_false(facts.truncated);
		assert_int_equal(kinds[kind].add(), -1);
		assert_true(facts.truncated);
		gather_finish(&gather);
	}
}

static void qualified_columns(void **state)
{
	/* A qualifier is looked for in the column's own level and then outwards, never in a level beside or below. */
	(void)state;
	gather_level(&gather, -1);
	gather_level(&gather, 0);
	gather_level(&gather, 0);
	gather_range(&gather, "a", 0, 0, true);
	gather_range(&gather, "b", 1, 0, true);
	gather_range(&gather, "b", 2, 1, true);
	gather_range(&gather, "c", 3, 2, true);
	gather_range(&gather, NULL, 4, 1, true);
	assert_int_equal(gather_resolve(&gather, NULL, "a", 0), 0);
	assert_int_equal(gather_resolve(&gather, NULL, "a", 1), 0);
	assert_int_equal(gather_resolve(&gather, NULL, "b", 0), 1);
	assert_int_equal(gather_resolve(&gather, NULL, "b", 1), 2);
	assert_int_equal(gather_resolve(&gather, NULL, "b", 2), 1);
	assert_int_equal(gather_resolve(&gather, NULL, "c", 0), -1);
	assert_int_equal(gather_resolve(&gather, NULL, "c", 1), -1);
	assert_int_equal(gather_resolve(&gather, NULL, "B", 0), -1);
	assert_int_equal(gather_resolve(&gather, NULL, "", 1), -1);
}

/* one.t.c is of one.t, or of the t without a schema, never of two.t. */
static void a_schema_tells_tables_of_one_name_apart(void **state)
{
	(void)state;
	gather_level(&gather, -1);
	for (int at = 0; at < 3; at++) {
		static const char *const schemas[] = {"two", "one", NULL};
		struct fact_relation relation = {.schema = schemas[at], .name = "t"};
		gather_range(&gather, "t", gather_relation(&gather, &relation), 0, true);
	}
	assert_int_equal(gather_resolve(&gather, "one", "t", 0), 1);
	assert_int_equal(gather_resolve(&gather, "two", "t", 0), 0);
	assert_int_equal(gather_resolve(&gather, "three", "t", 0), 2);
	assert_int_equal(gather_resolve(&gather, "one", "u", 0), -1);
}

static void a_sub_select_hides_what_it_shadows(void **state)
{
	/* A name that stands for no table hides the table of that name outside. */
	(void)state;
	gather_level(&gather, -1);
	gather_level(&gather, 0);
	gather_range(&gather, "a", 0, 0, true);
	gather_range(&gather, "a", -1, 1, true);
	assert_int_equal(gather_resolve(&gather, NULL, "a", 0), 0);
	assert_int_equal(gather_resolve(&gather, NULL, "a", 1), -1);
}

static void unqualified_columns(void **state)
{
	/* They are the one FROM item's of their level, and nobody's with none or two; names that are no item of FROM
	 * don't count. */
	(void)state;
	gather_level(&gather, -1);
	assert_int_equal(gather_resolve(&gather, NULL, NULL, 0), -1);
	gather_range(&gather, "a", 3, 0, true);
	assert_int_equal(gather_resolve(&gather, NULL, NULL, 0), 3);
	gather_range(&gather, "excluded", 4, 0, false);
	assert_int_equal(gather_resolve(&gather, NULL, NULL, 0), 3);
	assert_int_equal(gather_resolve(&gather, NULL, "excluded", 0), 4);
	gather_level(&gather, 0);
	assert_int_equal(gather_resolve(&gather, NULL, NULL, 1), -1);
	gather_range(&gather, "b", 5, 0, true);
	assert_int_equal(gather_resolve(&gather, NULL, NULL, 0), -1);
}

static void with_queries(void **state)
{
	/* A WITH query is known from where it is pushed to where the stack is taken back, by its exact name. */
	(void)state;
	assert_null(gather_cte(&gather, "w"));
	gather_cte_push(&gather, "w", NULL);
	uint16_t outside = gather.cte_count;
	gather_cte_push(&gather, "v", NULL);
	assert_non_null(gather_cte(&gather, "w"));
	assert_non_null(gather_cte(&gather, "v"));
	assert_null(gather_cte(&gather, "W"));
	gather.cte_count = outside;
	assert_non_null(gather_cte(&gather, "w"));
	assert_null(gather_cte(&gather, "v"));
}

/* How often a WITH query is named outlives the first walk; a name within it sees what stood before. */
static void uses(void **state)
{
	(void)state;
	int node, other;
	gather_cte_push(&gather, "w", &node);
	gather_cte_push(&gather, "v", &other);
	assert_ptr_equal(gather_cte(&gather, "v")->node, &other);
	assert_int_equal(gather_cte(&gather, "v")->visible, 1);
	gather_with(&gather, &node)->count++;
	gather_again(&gather);
	assert_true(gather.counted);
	assert_null(gather_cte(&gather, "w"));
	assert_int_equal(gather_with(&gather, &node)->count, 1);
	assert_int_equal(gather_with(&gather, &other)->count, 0);
	static int many[LIMIT_FACTS_RELATIONS];
	for (size_t at = 0; at + 2 < ARRAY_LEN(many); at++)
		assert_non_null(gather_with(&gather, &many[at]));
	assert_null(gather_with(&gather, &many[ARRAY_LEN(many) - 1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(uses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(facts_outlive_the_gathering, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_new_action_names_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ceilings, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(qualified_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_schema_tells_tables_of_one_name_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_sub_select_hides_what_it_shadows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unqualified_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(with_queries, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
