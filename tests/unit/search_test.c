#include "inspect/access/search.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "item", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* Each search as "table column operator", "|" before what is only an arm, the index behind it; ", " between. */
static const char *searched(const char *sql, bool with_catalog)
{
	static char text[1000];
	bool missing = false;
	struct searches *searches = NULL;
	size_t len = 0;
	judge_seal(&judge);
	const struct context input = {
	    .facts = judge_parse(&judge, sql),
	    .catalog = with_catalog ? judge.catalog : NULL,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &missing,
	    .searches = &searches,
	};
	struct searches *made = search_all(&input);
	assert_ptr_equal(made, searches);
	assert_ptr_equal(made, search_all(&input));
	text[0] = '\0';
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s %s %s%s%s", at > 0 ? ", " : "",
		                        search->arm ? "|" : "", search->table->name,
		                        search->known ? search->known->name : "-", search->operator->name,
		                        search->hit.index ? " " : "", search->hit.index ? search->hit.index->name : "");
	}
	search_free(searches);
	return text;
}

static void expect(const char *where, const char *wanted)
{
	char sql[400];
	snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", where);
	const char *found = searched(sql, true);
	if (strcmp(found, wanted) != 0)
		fail_msg("%s: %s, not %s", where, found, wanted);
}

/* A comparison each, however they are joined, turned so that the column is left. */
static void comparisons(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, product, "few", "btree", "owner int4_ops", "note = 'x'");
	expect("qty = 5 AND 7 < amount", "product qty = by_qty, product amount >");
	expect("qty = 5 OR name LIKE 'x'", "|product qty = by_qty, |product name ~~");
	expect("qty BETWEEN 1 AND 2", "product qty >= by_qty, product qty <= by_qty");
	expect("NOT (name LIKE 'x' OR qty = 5)", "product name !~~, product qty <>");
	expect("qty IN (1, 2)", "product qty = by_qty");
	expect("'a' = ANY (tags)", "product tags =");
	expect("'{}' <@ data", "product data @>");
	expect("qty + amount = 5", "product - =");
	expect("CASE WHEN name LIKE 'x' THEN 1 ELSE 0 END = 1", "|product name ~~, product name =");
	expect("flag AND deleted IS NULL", "");
	expect("1 = 1", "");
	/* A partial index may owe its predicate to the arm itself. */
	expect("(owner = 5 AND note = 'x') OR qty = 7",
	       "|product owner =, |product note = few, |product qty = by_qty");
}

/* Of a table that nobody knows, without a catalog or a condition there is nothing to tell. */
static void nothing(void **state)
{
	(void)state;
	assert_string_equal(searched("SELECT 1 FROM nobody WHERE a = 5", true), "");
	assert_string_equal(searched("SELECT 1 FROM product WHERE qty = 5", false), "");
	assert_string_equal(searched("SELECT 1 FROM product", true), "");
	assert_string_equal(searched("SELECT 1", true), "");
	/* What the ON of an outer join says of the side that is kept restricts nothing of it. */
	assert_string_equal(searched("SELECT 1 FROM product p LEFT JOIN item i ON p.qty = 5 AND i.qty = 6", true),
	                    "item qty =");
}

/* Which statements a pattern's parameter may change the verdict of. */
static void wanted_patterns(void **state)
{
	(void)state;
	assert_true(search_wants_patterns(judge_parse(&judge, "SELECT 1 FROM t WHERE a LIKE $1"), &(struct shape_wants){0}));
	assert_true(search_wants_patterns(judge_parse(&judge, "SELECT 1 FROM t WHERE b = 1 OR NOT (a ~ $1)"), &(struct shape_wants){0}));
	assert_true(search_wants_patterns(judge_parse(&judge, "SELECT 1 FROM t WHERE upper(a) LIKE upper('%' || $1)"), &(struct shape_wants){0}));
	assert_false(search_wants_patterns(judge_parse(&judge, "SELECT 1 FROM t WHERE a = $1 AND b LIKE 'x'"), &(struct shape_wants){0}));
	assert_false(search_wants_patterns(judge_parse(&judge, "SELECT a LIKE $1 FROM t"), &(struct shape_wants){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(comparisons, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wanted_patterns, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
