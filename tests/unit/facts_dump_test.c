#include "inspect/tree/facts_dump.h"

#include "config/check.h"
#include "inspect/tree/clause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture: facts with one of each thing in them -------------------------------------------------- */

static struct facts facts;
static struct fact_level level;
static struct fact_relation relation;
static struct fact_predicate predicate, pattern, bound, joined;
static struct fact_predicate predicates[4];
static struct fact_sort sort;
static struct fact_action action;
static struct fact_assignment assignment;
static struct fact_call call;
static struct fact_condition condition;
static struct fact_output output;
static struct fact_use use;
static struct clause clause;
static const char *columns[2], *opclasses[2];

static void make(void)
{
	facts = (struct facts){.kind = STATEMENT_SELECT};
	level = (struct fact_level){.parent = -1};
	relation = (struct fact_relation){.name = "t"};
	predicate = (struct fact_predicate){.operator_name = "", .expression = "a", .operand = OPERAND_LITERAL};
	pattern = predicate;
	pattern.shape.known = true;
	bound = predicate;
	bound.operand = OPERAND_PARAMETER;
	joined = predicate;
	joined.operand = OPERAND_COLUMN;
	sort = (struct fact_sort){.expression = "a"};
	clause = (struct clause){.kind = CLAUSE_COLUMN, .name = "a"};
	condition = (struct fact_condition){.text = "a", .clause = &clause};
	output = (struct fact_output){.clause = &clause};
	use = (struct fact_use){.column = "a"};
	call = (struct fact_call){.name = "f"};
	columns[0] = "a";
	columns[1] = "b";
	opclasses[0] = opclasses[1] = NULL;
	action = (struct fact_action){.form = DDL_CREATE_INDEX,
	                              .relation = -1,
	                              .referenced = -1,
	                              .type = {.name = "ty", .modifiers = {-1, -1}},
	                              .columns = columns,
	                              .opclasses = opclasses,
	                              .column_count = 2,
	                              .calls = &call,
	                              .call_count = 1};
	assignment = (struct fact_assignment){.column = "a", .operand = OPERAND_PARAMETER};
}

static const char *dump_by(void dump(const struct facts *, char *, size_t))
{
	static char text[4096];

	predicates[0] = predicate;
	predicates[1] = pattern;
	predicates[2] = bound;
	predicates[3] = joined;
	level.outputs = &output;
	level.output_count = 1;
	facts.levels = &level;
	facts.relations = &relation;
	facts.predicates = predicates;
	facts.conditions = &condition;
	facts.sorts = &sort;
	facts.actions = &action;
	facts.assignments = &assignment;
	facts.uses = &use;
	facts.level_count = facts.relation_count = facts.sort_count = facts.action_count = facts.assignment_count = 1;
	facts.condition_count = facts.use_count = 1;
	facts.predicate_count = ARRAY_LEN(predicates);
	dump(&facts, text, sizeof(text));
	return text;
}

/* As the variables above have it. */
static const char *dump(void)
{
	return dump_by(facts_dump);
}

/* -- cases ------------------------------------------------------------------------------------------ */

#define SHOWS_BY(how, change)                                                                                          \
	do {                                                                                                           \
		char before[4096];                                                                                     \
		make();                                                                                                \
		snprintf(before, sizeof(before), "%s", dump_by(how));                                                  \
		change;                                                                                                \
		if (strcmp(before, dump_by(how)) == 0)                                                                 \
			fail_msg("%s is not in the text", #change);                                                    \
	} while (0)
#define SHOWS(change) SHOWS_BY(facts_dump, change)
#define SHOWS_FULLY(change) SHOWS_BY(facts_dump_fully, change)

static void no_facts(void **state)
{
	/* What is at its default has no word of its own. */
	(void)state;
	static const struct facts none;
	char text[64];
	facts_dump(&none, text, sizeof(text));
	assert_string_equal(text, "other\n");
}

static void a_line_each(void **state)
{
	/* Each thing has one line, in the order of the query's parts. */
	(void)state;
	make();
	assert_string_equal(dump(), "select\n"
	                            "level 0\n"
	                            "relation 0 t\n"
	                            "where 0:[a] equal  literal\n"
	                            "where 0:[a] equal  literal shape=( )\n"
	                            "where 0:[a] equal  parameter $0\n"
	                            "where 0:[a] equal  column 0:\n"
	                            "sort 0:[a]\n"
	                            "create_index [a][b] type=ty call=f/0\n"
	                            "set a parameter $0\n");
}

static void every_field_of_a_query(void **state)
{
	/* Facts that differ in any one field have different texts. */
	(void)state;
	SHOWS(facts.kind = STATEMENT_DELETE);
	SHOWS(facts.name = "x");
	SHOWS(facts.value = "x");
	SHOWS(facts.local = true);
	SHOWS(facts.hold = true);
	SHOWS(facts.analyze = true);
	SHOWS(facts.for_update = true);
	SHOWS(facts.truncated = true);
	SHOWS(level.parent = 0);
	SHOWS(level.has_where = true);
	SHOWS(level.has_limit = true);
	SHOWS(level.has_offset = true);
	SHOWS(level.has_group = true);
	SHOWS(level.has_distinct = true);
	SHOWS(level.has_locking = true);
	SHOWS(level.has_aggregate = true);
	SHOWS(level.only_count = true);
	SHOWS(level.has_others = true);
	SHOWS(relation.schema = "s");
	SHOWS(relation.name = "u");
	SHOWS(relation.alias = "x");
	SHOWS(relation.is_target = true);
	SHOWS(relation.is_inserted = true);
	SHOWS(relation.only = true);
	SHOWS(relation.is_cte = true);
	SHOWS(relation.level = 1);
	SHOWS(sort.relation = -1);
	SHOWS(sort.level = 1);
	SHOWS(sort.expression = "b");
	SHOWS(sort.column = "b");
	SHOWS(sort.descending = true);
	SHOWS(sort.nulls_first = true);
	SHOWS(assignment.column = "b");
	SHOWS(assignment.operand = OPERAND_LITERAL);
	SHOWS(assignment.parameter = 2);
}

static void every_field_of_a_predicate(void **state)
{
	/* Likewise; a parameter's, a column's and a pattern's own fields where there is one. */
	(void)state;
	SHOWS(predicate.relation = -1);
	SHOWS(predicate.level = 1);
	SHOWS(predicate.operator= PREDICATE_RANGE);
	SHOWS(predicate.operator_name = "=");
	SHOWS(predicate.expression = "b");
	SHOWS(predicate.column = "a");
	SHOWS(predicate.bare = true);
	SHOWS(predicate.cast = true);
	SHOWS(predicate.negated = true);
	SHOWS(predicate.conjunct = true);
	SHOWS(predicate.collation = "C");
	SHOWS(predicate.operand = OPERAND_OTHER);
	SHOWS(predicate.operand_type = "int8");
	SHOWS(predicate.items = 2);
	SHOWS(predicate.shape.known = true);
	SHOWS(pattern.shape.leading_wildcard = true);
	SHOWS(pattern.shape.has_wildcard = true);
	SHOWS(pattern.shape.only_wildcards = true);
	SHOWS(pattern.shape.has_trigram = true);
	SHOWS(pattern.shape.has_prefix = true);
	SHOWS(bound.parameter = 2);
	SHOWS(bound.parameter_prefixed = true);
	SHOWS(bound.parameter_suffixed = true);
	SHOWS(joined.operand_relation = 1);
	SHOWS(joined.operand_relation = -1);
	SHOWS(joined.operand_expression = "b");
}

static void every_field_of_an_action(void **state)
{
	/* Likewise. */
	(void)state;
	SHOWS(action.form = DDL_OTHER);
	SHOWS(action.relation = 0);
	SHOWS(action.object_schema = "s");
	SHOWS(action.object = "i");
	SHOWS(action.column = "a");
	SHOWS(action.column_count = 1);
	SHOWS(columns[1] = "c");
	SHOWS(opclasses[1] = "gin_trgm_ops");
	SHOWS(action.has_options = true);
	SHOWS(action.method = "gin");
	SHOWS(action.reindex_kind = "table");
	SHOWS(action.type.schema = "s");
	SHOWS(action.type.name = "tz");
	SHOWS(action.type.modifiers[0] = 0);
	SHOWS(action.type.modifiers[1] = 0);
	SHOWS(action.type.array = true);
	SHOWS(action.using_kind = USING_BARE_CAST);
	SHOWS(action.using_kind = USING_EXPRESSION);
	SHOWS(action.call_count = 0);
	SHOWS(call.schema = "s");
	SHOWS(call.name = "g");
	SHOWS(call.arguments = 1);
	SHOWS(action.index = "i");
	SHOWS(action.referenced = 0);
	SHOWS(action.concurrently = true);
	SHOWS(action.only = true);
	SHOWS(action.if_exists = true);
	SHOWS(action.unique = true);
	SHOWS(action.not_valid = true);
	SHOWS(action.using_index = true);
	SHOWS(action.has_default = true);
	SHOWS(action.default_is_null = true);
	SHOWS(action.default_is_call = true);
	SHOWS(action.has_check = true);
	SHOWS(action.has_unique = true);
	SHOWS(action.has_primary = true);
	SHOWS(action.has_references = true);
	SHOWS(action.has_not_null = true);
	SHOWS(action.has_generated = true);
	SHOWS(action.has_identity = true);
	SHOWS(action.has_collation = true);
	SHOWS(action.has_predicate = true);
	SHOWS(action.cascade = true);
	SHOWS(action.temporary = true);
}

static void every_other_field(void **state)
{
	/* What only the full text has; all of the other one is in it. */
	(void)state;
	static const struct fact_type type = {.name = "int4"};
	static const char *const bounds[] = {"1"};
	struct clause other = {.kind = CLAUSE_COLUMN, .name = "b"};
	SHOWS_FULLY(facts.kind = STATEMENT_DELETE);
	SHOWS_FULLY(facts.lock = LOCK_SHARE);
	SHOWS_FULLY(facts.cascade = true);
	SHOWS_FULLY(facts.uses_truncated = true);
	SHOWS_FULLY((facts.parameter_types = &type, facts.parameter_type_count = 1));
	SHOWS_FULLY(level.reach = REACH_NONE);
	SHOWS_FULLY(level.arms = 2);
	SHOWS_FULLY(level.is_arm = true);
	SHOWS_FULLY(level.is_barrier = true);
	SHOWS_FULLY(output.name = "a");
	SHOWS_FULLY(output.relation = 1);
	SHOWS_FULLY(output.closed = true);
	SHOWS_FULLY(output.clause = &other);
	SHOWS_FULLY(condition.text = "b");
	SHOWS_FULLY(condition.level = 1);
	SHOWS_FULLY(condition.from = 1);
	SHOWS_FULLY(condition.to = 1);
	SHOWS_FULLY(condition.clause = &other);
	SHOWS_FULLY(sort.clause = &other);
	SHOWS_FULLY(action.lock = LOCK_SHARE);
	SHOWS_FULLY(action.referenced_lock = LOCK_SHARE);
	SHOWS_FULLY(action.recurses = true);
	SHOWS_FULLY(action.no_data = true);
	SHOWS_FULLY(action.is_default = true);
	SHOWS_FULLY(action.collation = "C");
	SHOWS_FULLY(action.expression = "a > 0");
	SHOWS_FULLY(action.bound_from = "1");
	SHOWS_FULLY(action.bound_to = "2");
	SHOWS_FULLY((action.bounds = bounds, action.bound_count = 1));
	SHOWS_FULLY(assignment.relation = 1);
	SHOWS_FULLY(use.relation = 1);
	SHOWS_FULLY(use.level = 1);
	SHOWS_FULLY(use.column = NULL);
	SHOWS_FULLY(clause.level = 1);
	SHOWS_FULLY(clause.relation = 1);
	SHOWS_FULLY((clause.from = 1, clause.to = 2));
}

static void every_name_is_one_things(void **state)
{
	/* No two kinds, forms, operators or operands share a name, and the last of each has one. */
	(void)state;
	char seen[64][512];
#define DIFFER(field, last)                                                                                            \
	for (int at = 0; at <= (int)(last); at++) {                                                                    \
		make();                                                                                                \
		field = at;                                                                                            \
		snprintf(seen[at], sizeof(seen[at]), "%s", dump());                                                    \
		assert_null(strstr(seen[at], "(null)"));                                                               \
		for (int other = 0; other < at; other++)                                                               \
			assert_string_not_equal(seen[other], seen[at]);                                                \
	}
	DIFFER(facts.kind, STATEMENT_CALL)
	DIFFER(action.form, DDL_DROP_OTHER)
	DIFFER(predicate.operator, PREDICATE_OTHER)
	DIFFER(predicate.operand, OPERAND_NONE)
#undef DIFFER
}

static void any_room_is_enough(void **state)
{
	/* What doesn't fit is cut off, at whatever byte, and nothing is written past the end. */
	(void)state;
	make();
	facts.name = "a name";
	const char *whole = dump();
	for (size_t size = 1; size <= strlen(whole) + 1; size++) {
		char *tight = malloc(size);
		assert_non_null(tight);
		facts_dump(&facts, tight, size);
		assert_int_equal(strlen(tight), size - 1);
		assert_memory_equal(tight, whole, size - 1);
		free(tight);
	}
	char untouched = 'x';
	facts_dump(&facts, &untouched, 0);
	assert_int_equal(untouched, 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_facts),
	    cmocka_unit_test(a_line_each),
	    cmocka_unit_test(every_field_of_a_query),
	    cmocka_unit_test(every_field_of_a_predicate),
	    cmocka_unit_test(every_field_of_an_action),
	    cmocka_unit_test(every_other_field),
	    cmocka_unit_test(every_name_is_one_things),
	    cmocka_unit_test(any_room_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
