#include "inspect/change/bound.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct catalog_column columns[] = {{.name = "id", .not_null = true}, {.name = "day"}};
static struct catalog_constraint checks[2];
static struct catalog_relation table = {.columns = columns, .column_count = 2, .constraints = checks};

static bool implied(const char *check, const char *column, const char *bounds)
{
	char sql[512];
	struct judge judge;
	judge_init(&judge);
	snprintf(sql, sizeof(sql), "ALTER TABLE p ATTACH PARTITION t FOR VALUES %s", bounds);
	checks[0] = (struct catalog_constraint){.kind = CATALOG_CHECK, .valid = true, .expression = check};
	table.constraint_count = 1;
	const struct facts *facts = judge_parse(&judge, sql);
	bool result = bound_implied(&table, column, &facts->actions[0]);
	judge_fini(&judge);
	return result;
}

/* A range is implied from both sides, or where it has none; the upper bound itself is outside. */
static void ranges(void **state)
{
	static const char range[] = "FROM (0) TO (5000)";
	(void)state;
	assert_true(implied("(id >= 0) and (id < 5000)", "id", range));
	assert_true(implied("(id > 5) and (id <= 4999) and (qty > 7)", "id", range));
	assert_false(implied("(id >= 0) and (id <= 5000)", "id", range));
	assert_false(implied("(id >= -1) and (id < 5000)", "id", range));
	assert_false(implied("id >= 0", "id", range));
	assert_true(implied("id >= 0", "id", "FROM (0) TO (MAXVALUE)"));
	assert_true(implied("id < 5000", "id", "FROM (MINVALUE) TO (5000)"));
	assert_false(implied("((id >= 0) and (id < 5000)) or (qty = 1)", "id", range));
	assert_false(implied("(idle >= 0) and (idle < 5000)", "id", range));
}

/* A column that may be NULL is not proved by a comparison, which lets a NULL pass. */
static void nulls(void **state)
{
	static const char *const there[] = {"day"};
	static const char dates[] = "FROM ('2024-01-01') TO ('2025-01-01')";
	static const char check[] = "(day >= '2024-01-01'::date) and (day < '2024-07-01'::date)";
	(void)state;
	assert_false(implied(check, "day", dates));
	columns[1].not_null = true;
	assert_true(implied(check, "day", dates));
	assert_false(implied("(day >= '2023-01-01'::date) and (day < '2024-07-01'::date)", "day", dates));
	columns[1].not_null = false;
	checks[0].not_null_columns = there;
}

/* A list is implied by one that holds no other value. */
static void lists(void **state)
{
	(void)state;
	assert_true(implied("id = any (array[2, 1])", "id", "IN (1, 2, 3)"));
	assert_true(implied("id = 3", "id", "IN (1, 2, 3)"));
	assert_false(implied("id = any (array[2, 4])", "id", "IN (1, 2, 3)"));
	assert_false(implied("id > 0", "id", "IN (1, 2, 3)"));
}

/* What is not valid proves nothing, and neither do hashes. */
static void no_proof(void **state)
{
	(void)state;
	assert_false(implied("id = 3", "id", "WITH (MODULUS 1, REMAINDER 0)"));
	assert_false(implied("id = 3", NULL, "IN (3)"));
	assert_false(implied("id = 3", "nothing", "IN (3)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(nulls),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(no_proof),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
