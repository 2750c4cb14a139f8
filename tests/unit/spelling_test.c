#include "inspect/access/spelling.h"

#include "inspect/access/search.h"
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
	judge_column((struct catalog_relation *)judge_table(&judge, "public", "odd", JUDGE_LARGE), "note")->name = "No te";
	judge_seal(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* How the left side of a comparison is shown, and as a key. */
static void spells(const char *table, const char *expression, const char *shown, const char *key)
{
	char sql[300];
	bool missing;
	struct searches *searches = NULL;
	snprintf(sql, sizeof(sql), "SELECT 1 FROM %s WHERE %s = 'x'", table, expression);
	const struct context input = {
	    .facts = judge_parse(&judge, sql),
	    .catalog = judge.catalog,
	    .session = &judge.session,
	    .settings = &judge.rules,
	    .catalog_missing = &missing,
	    .searches = &searches,
	};
	search_all(&input);
	assert_int_equal(searches->count, 1);
	const struct term *operand = searches->list[0].operand;
	assert_string_equal(spelling_shown(&searches->spelling, operand), shown);
	const char *made = spelling_key(&searches->spelling, operand);
	if (key == NULL)
		assert_null(made);
	else
		assert_string_equal(made, key);
	search_free(searches);
}

/* Columns, calls, casts and operators come out as they could go in again. */
static void forms(void **state)
{
	(void)state;
	spells("product", "name", "\"name\"", "name");
	spells("product", "product.name::text", "\"name\"", "name");
	spells("product", "UPPER(name::text)", "UPPER(\"name\")", "upper(name)");
	spells("product", "lower(mail)", "LOWER(\"mail\")", "lower(mail)");
	spells("product", "qty::text", "\"qty\"::text", "(qty::text)");
	spells("product", "upper(qty::text)", "UPPER(\"qty\"::text)", "upper(qty::text)");
	spells("product", "host(ip)", "host(\"ip\")", "host(ip)");
	spells("product", "(name || note)", "\"name\" || \"note\"", "(name || note)");
	spells("product", "(name || (note || code))", "\"name\" || (\"note\" || \"code\"::text)",
	       "(name || (note || code::text))");
	spells("product", "name COLLATE \"C\"", "\"name\"", "name");
	spells("product", "upper(name COLLATE \"C\")", "UPPER(\"name\" COLLATE \"C\")", "upper(name COLLATE \"C\")");
	spells("product", "COALESCE(name, note)", "COALESCE(\"name\", \"note\")", "(COALESCE(name, note))");
	spells("odd", "upper(\"No te\")", "UPPER(\"No te\")", "upper(\"No te\")");
}

/* No index can hold what depends on a setting, and no fix may show a literal. */
static void no_key(void **state)
{
	(void)state;
	spells("product", "ts::text", "\"ts\"::text", NULL);
	spells("product", "upper(deleted::text)", "UPPER(\"deleted\"::text)", NULL);
	spells("product", "replace(name, 'canary', '')", "replace(\"name\", …, …)", NULL);
	spells("product", "(data ->> 'canary')", "\"data\" ->> …", NULL);
	spells("product", "(name || $1)", "\"name\" || …", NULL);
	spells("product", "(CASE WHEN flag THEN name ELSE note END)", "…", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(forms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_key, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
