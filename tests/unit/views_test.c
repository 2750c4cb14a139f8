#include "inspect/rules/views.h"

#include "inspect/tree/clause.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static uint32_t next_oid;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	next_oid = 900000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static struct catalog_view *view(const char *name, const char *definition)
{
	struct arena *arena = catalog_arena(judge.catalog);
	struct catalog_view *made = arena_alloc(arena, sizeof(*made));
	made->definition = definition;
	made->facts = parse_view(definition, arena);
	catalog_add_relation(judge.catalog, &(struct catalog_relation){.oid = next_oid++,
	                                                               .schema = "public",
	                                                               .name = arena_text(arena, name),
	                                                               .kind = CATALOG_VIEW,
	                                                               .rows = -1,
	                                                               .bytes = -1,
	                                                               .view = made});
	return made;
}

static const struct facts *opened(const char *sql)
{
	bool missing;
	const struct context input = {.facts = judge_parse(&judge, sql),
	                              .catalog = judge.catalog,
	                              .session = &judge.session,
	                              .settings = &judge.rules,
	                              .catalog_missing = &missing};
	judge_seal(&judge);
	return views_open(&input, &judge.arena);
}

/* A statement without a view keeps its facts, and so does a schema change. */
static void nothing(void **state)
{
	(void)state;
	view("v", "SELECT product.id FROM public.product;");
	const char *const statements[] = {"SELECT * FROM product WHERE id = 5", "DROP VIEW v", "COMMIT",
	                                  "CREATE TABLE x AS SELECT * FROM v"};
	for (size_t at = 0; at < sizeof(statements) / sizeof(*statements); at++) {
		const struct facts *facts = opened(statements[at]);
		assert_ptr_equal(facts, judge.facts);
	}
}

/* The view's relations, levels and conditions stand behind the statement's own, which stay as they were. */
static void opens(void **state)
{
	(void)state;
	view("v", " SELECT product.owner AS boss\n   FROM public.product\n  WHERE product.qty > 3;");
	const struct facts *facts = opened("SELECT * FROM v, product p WHERE v.boss = 5");
	assert_int_equal(facts->relation_count, 3);
	assert_int_equal(judge.facts->relation_count, 2);
	assert_string_equal(facts->relations[2].name, "product");
	assert_int_equal(facts->relations[0].query, facts->relations[2].level);
	assert_int_equal(judge.facts->relations[0].query, 0);
	assert_int_equal(facts->condition_count, 2);
	const struct fact_condition *condition = &facts->conditions[1];
	assert_int_equal(condition->level, facts->relations[2].level);
	assert_int_equal(condition->clause->items[0]->relation, 2);
	const struct fact_level *level = &facts->levels[facts->relations[0].query];
	assert_int_equal(level->output_count, 1);
	assert_int_equal(level->outputs[0].clause->relation, 2);
	FOUND("SELECT * FROM v JOIN product p ON p.id = v.boss WHERE p.name LIKE '%lamp%'", "Q101");
}

/* One over the other, down to the table; a circle and too many end at the ceilings. */
static void nested(void **state)
{
	(void)state;
	char name[16], definition[64];
	view("v0", "SELECT product.name AS n FROM public.product;");
	for (int at = 1; at <= 12; at++) {
		snprintf(name, sizeof(name), "v%d", at);
		snprintf(definition, sizeof(definition), "SELECT v%d.n FROM public.v%d;", at - 1, at - 1);
		view(name, arena_text(catalog_arena(judge.catalog), definition));
	}
	view("circle", "SELECT circle.n FROM public.circle, public.circle c;");
	assert_int_equal(opened("SELECT * FROM v5 WHERE n LIKE '%lamp%'")->relation_count, 7);
	assert_true(opened("SELECT * FROM v12")->truncated);
	const struct facts *facts = opened("SELECT * FROM circle");
	assert_true(facts->truncated && facts->relation_count <= LIMIT_FACTS_RELATIONS);
	FOUND("SELECT * FROM v5 WHERE n LIKE '%lamp%'", "Q101");
	SILENT("SELECT * FROM v12 WHERE n LIKE '%lamp%'", "Q101");
}

/* What a view orders by is its table's order, and what reads all of a view reads all of its table. */
static void reads_all(void **state)
{
	(void)state;
	view("plain", "SELECT product.id, product.name FROM public.product;");
	view("over", "SELECT plain.id FROM public.plain;");
	view("few", "SELECT product.id FROM public.product WHERE (product.qty = 5);");
	view("twice", "SELECT product.id FROM public.product UNION ALL SELECT product.id FROM public.product;");
	view("newest", "SELECT product.id, product.tstz FROM public.product ORDER BY product.tstz DESC LIMIT 20;");
	view("all_sorted", "SELECT product.id, product.tstz FROM public.product ORDER BY product.tstz DESC;");
	FOUND("SELECT count(*) FROM plain", "Q113");
	FOUND("SELECT count(*) FROM over", "Q113");
	SILENT("SELECT count(*) FROM plain WHERE id = 5", "Q113");
	SILENT("SELECT count(*) FROM few", "Q113");
	SILENT("SELECT count(*) FROM twice", "Q113");
	SILENT("SELECT count(*) FROM newest", "Q113");
	FOUND("SELECT * FROM newest", "Q110");
	SILENT("SELECT * FROM all_sorted", "Q110");
	const struct facts *facts = opened("SELECT * FROM newest ORDER BY id");
	assert_int_equal(facts->sort_count, 2);
	assert_int_equal(facts->sorts[1].relation, 1);
	assert_int_equal(facts->sorts[1].level, facts->relations[1].level);
}

/* What is written through a view that can be updated is its table's, under the table's names. */
static void writes(void **state)
{
	(void)state;
	view("v", "SELECT product.id, product.note AS remark, product.qty + 1 AS more FROM public.product;");
	view("w", "SELECT v.remark AS said FROM public.v WHERE (v.id > 5);");
	view("grouped", "SELECT product.qty, count(*) AS n FROM public.product GROUP BY product.qty;");
	view("sorted", "SELECT product.id, product.note FROM public.product ORDER BY product.id;");
	view("picked", "SELECT product.id FROM public.product WHERE (EXISTS ( SELECT 1 FROM public.product p WHERE (p.id = product.owner)));");
	view("ranked", "SELECT product.id, rank() OVER (ORDER BY product.qty) AS rank FROM public.product;");
	view("two", "SELECT product.id FROM public.product, public.product p;");
	view("diverted", "SELECT product.id, product.note FROM public.product;")->is_diverted = true;
	const struct facts *facts = opened("UPDATE w SET said = 'x'");
	const struct fact_assignment *assignment = &facts->assignments[0];
	assert_string_equal(assignment->column, "note");
	assert_string_equal(facts->relations[assignment->relation].name, "product");
	assert_true(facts->relations[assignment->relation].is_target);
	assert_int_equal(facts->relations[assignment->relation].level, 0);
	assert_false(facts->relations[0].is_target);
	assert_true(facts->levels[0].has_where);
	assert_false(judge.facts->levels[0].has_where);
	assert_int_equal(opened("UPDATE grouped SET n = 5")->assignments[0].relation, 0);
	assert_int_equal(opened("UPDATE v SET more = 5")->assignments[0].relation, 0);
	assert_int_equal(opened("INSERT INTO w (said) VALUES ('x')")->condition_count, 0);
	FOUND("UPDATE v SET remark = 'x'", "M238");
	FOUND("DELETE FROM v", "M238");
	SILENT("DELETE FROM diverted", "M238");
	FOUND("DELETE FROM sorted", "M238");
	SILENT("DELETE FROM picked", "M238");
	SILENT("DELETE FROM ranked", "M238");
	SILENT("DELETE FROM two", "M238");
	facts = opened("DELETE FROM picked WHERE id = 5");
	assert_int_equal(facts->relations[1].level, 0);
	assert_true(facts->relations[1].is_target);
	assert_int_equal(facts->levels[facts->relations[2].level].parent, 0);
	SILENT("UPDATE v SET remark = 'x' WHERE id = 5", "M238");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(opens, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nested, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reads_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(writes, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
