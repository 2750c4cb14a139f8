#include "inspect/withdrawn.h"

#include "inspect/rules/rules.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A catalog of one large table, with a json column or without. */
static struct catalog *of_one(uint32_t oid, bool json)
{
	struct judge judge;
	judge_init(&judge);
	struct catalog_relation *product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	product->oid = oid;
	if (json)
		judge_column(product, "data")->type = "json";
	struct catalog *catalog = catalog_ref(judge.catalog);
	judge_fini(&judge); /* seals it */
	return catalog;
}

static uint64_t counted(const struct rule_settings *rules, const struct catalog *before, const struct catalog *after)
{
	uint64_t counts[LIMIT_RULES] = {0}, sum = 0;
	withdrawn_audits(counts, rules, before, after);
	for (size_t rule = 0; rule < LIMIT_RULES; rule++)
		sum += counts[rule];
	assert_int_equal(sum, counts[rules_index(rules_find("D502"))]);
	return sum;
}

/* What a table's audit has found and finds no longer; a table that is gone finds nothing. */
static void audits(void **state)
{
	struct catalog *json = of_one(4711, true), *jsonb = of_one(4711, false), *gone = of_one(4712, false);
	struct judge judge;
	(void)state;
	judge_init(&judge);
	assert_int_equal(counted(&judge.rules, json, json), 0);
	assert_int_equal(counted(&judge.rules, jsonb, json), 0);
	assert_int_equal(counted(&judge.rules, json, jsonb), 1);
	assert_int_equal(counted(&judge.rules, json, gone), 1);
	judge_fini(&judge);
	catalog_unref(json);
	catalog_unref(jsonb);
	catalog_unref(gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(audits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
