#include "inspect/access/output.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_seal(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* Of the last relation of a statement the column of that name: the kind of term, and for one of a table its number;
 * NULL when there is none. `arms`: of how many. */
static const struct term *column(const char *sql, const char *name, uint16_t arm, uint16_t *arms)
{
	const struct facts *facts = judge_parse(&judge, sql);
	static const struct catalog_relation *relations[8];
	for (uint16_t at = 0; at < facts->relation_count; at++)
		relations[at] = facts->relations[at].is_cte
		                    ? NULL
		                    : catalog_find(judge.catalog, NULL, facts->relations[at].name, NULL, "anna");
	static struct typing typing;
	typing = (struct typing){.dictionary = catalog_dictionary(judge.catalog),
	                         .facts = facts,
	                         .relations = relations,
	                         .arm = arm,
	                         .arms = arms,
	                         .arena = &judge.arena};
	struct typer typer = {.in = &typing, .dictionary = typing.dictionary, .arena = &judge.arena};
	return output_column(&typer, (int16_t)(facts->relation_count - 1), name);
}

static int16_t number_of(const char *sql, const char *name)
{
	const struct term *term = column(sql, name, 0, NULL);
	return term == NULL ? -1 : term->kind == TERM_COLUMN ? term->column : 0;
}

/* By name, by the place that an alias gives it, through * and through several queries. */
static void columns(void **state)
{
	(void)state;
	const int16_t owner = number_of("SELECT * FROM (SELECT owner FROM product) s", "owner");
	assert_true(owner > 0);
	assert_int_equal(number_of("SELECT * FROM (SELECT * FROM product) s", "owner"), owner);
	assert_int_equal(number_of("SELECT * FROM (SELECT p.* FROM product p) s", "owner"), owner);
	assert_int_equal(number_of("SELECT * FROM (SELECT qty AS x, owner AS y FROM product) s", "y"), owner);
	assert_int_equal(number_of("SELECT * FROM (SELECT qty, owner FROM product) s (x, y)", "y"), owner);
	assert_int_equal(number_of("SELECT * FROM (SELECT owner, p.* FROM product p) s (x)", "x"), owner);
	assert_int_equal(number_of("SELECT * FROM (SELECT z FROM (SELECT * FROM product) q (x, y, z)) s", "z"),
	                 number_of("SELECT * FROM (SELECT note FROM product) s", "note"));
	assert_int_equal(number_of("WITH c AS (SELECT * FROM product) SELECT * FROM c", "owner"), owner);
	assert_int_equal(number_of("WITH c (x) AS (SELECT owner FROM product) SELECT * FROM c", "x"), owner);
}

/* Not one's own, not known, or closed. */
static void nothing(void **state)
{
	(void)state;
	assert_int_equal(number_of("SELECT * FROM (SELECT owner FROM product) s", "qty"), -1);
	assert_int_equal(number_of("SELECT * FROM (SELECT * FROM elsewhere) s", "qty"), -1);
	assert_int_equal(number_of("SELECT * FROM (SELECT * FROM elsewhere, product) s", "qty"), -1);
	assert_int_equal(number_of("SELECT * FROM (VALUES (1)) s", "column1"), -1);
	assert_int_equal(number_of("SELECT * FROM (SELECT max(owner) FROM product) s", "max"), 0);
	assert_int_equal(number_of("SELECT * FROM (SELECT owner + 1 AS x FROM product) s", "x"), 0);
}

/* A set operation has one for each arm, of one type. */
static void arms(void **state)
{
	(void)state;
	const char *sql = "SELECT * FROM (SELECT owner FROM product UNION ALL SELECT qty FROM product) s";
	uint16_t arms = 1;
	const struct term *first = column(sql, "owner", 0, &arms), *second;
	assert_int_equal(arms, 2);
	const int16_t number = first->column;
	second = column(sql, "owner", 1, &arms);
	assert_int_equal(second->relation, 1);
	assert_true(second->column != number);
	assert_null(column(sql, "qty", 0, &arms));
	assert_null(column("SELECT * FROM (SELECT owner FROM product UNION ALL SELECT note FROM product) s", "owner", 0,
	                   &arms));
	assert_null(column("SELECT * FROM (SELECT owner FROM product UNION ALL SELECT x FROM elsewhere) s", "owner", 0,
	                   &arms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(arms, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
