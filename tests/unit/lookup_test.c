#include "inspect/rules/lookup.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* SELECT … FROM product WHERE `condition` yields those codes. */
static void expect(const char *condition, const char *codes)
{
	judge_expect_where(&judge, condition, codes);
}

static void expect_bound(const char *condition, const char *value, const char *codes)
{
	char sql[1000];
	snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", condition);
	const char *found = judge_bound(&judge, sql, &value, 1);
	if (strcmp(found, codes) != 0)
		fail_msg("%s with %s: \"%s\" where \"%s\" was expected", condition, value ? value : "(unknown)", found,
		         codes);
}

static void index_on(const char *name, const char *method, const char *keys)
{
	judge_index(&judge, product, name, method, keys, NULL);
}

/* -- parameters --------------------------------------------------------------------------------------- */

/* Before Bind nothing is said of a pattern that may be anything; after it, the same as of a literal. A value in binary
 * stays unknown, and so does one that is not there. */
static void bound(void **state)
{
	(void)state;
	index_on("product_note_trgm", "gin", "note gin_trgm_ops");
	expect("name LIKE $1", "");
	expect("UPPER(name::text) LIKE UPPER($1)", "");
	expect("note LIKE $1", "");
	expect_bound("UPPER(name::text) LIKE UPPER($1)", NULL, "");
	expect_bound("UPPER(name::text) LIKE UPPER($2)", "%lamp%", "");
	expect_bound("UPPER(name::text) LIKE UPPER($1)", "%lamp%", "Q101");
	expect_bound("name LIKE $1", "lamp%", "Q104");
	expect_bound("name LIKE $1", "%", "");
	expect_bound("name ~ $1", "lamp", "Q106");
	expect_bound("name SIMILAR TO $1", "%lamp%", "Q106");
	expect_bound("note LIKE $1", "%ab%", "Q102");
	expect_bound("note LIKE $1", "%abc%", "");
	expect_bound("note LIKE $1", "ab%", "");
}

/* With a constant wildcard before it the beginning is known at once; whether there is a trigram never. */
static void bound_inside(void **state)
{
	(void)state;
	index_on("product_note_trgm", "gin", "note gin_trgm_ops");
	expect("name LIKE '%' || $1 || '%'", "Q101");
	expect_bound("name LIKE '%' || $1 || '%'", "lamp", "Q101");
	expect_bound("name LIKE '%' || $1", "", "");
	expect("note LIKE '%' || $1 || '%'", "");
	expect_bound("note LIKE '%' || $1 || '%'", "a", "");
	expect("name LIKE $1 || '%'", "");
	expect_bound("name LIKE $1 || '%'", "lamp", "Q104");
	expect_bound("name LIKE $1 || '%'", "%lamp", "Q101");
	expect("name LIKE 'lamp' || $1", "Q104");
}

/* A json key that is a parameter: which expression that is, is not known. */
static void parameter_in_expression(void **state)
{
	(void)state;
	expect("(data ->> $1) LIKE '%lamp%'", "");
	expect("UPPER((data ->> 'k')::text) LIKE UPPER('%lamp%')", "Q101");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(bound), CASE(bound_inside), CASE(parameter_in_expression),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
