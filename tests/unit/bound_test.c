#include "inspect/change/bound.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct catalog_column columns[] = {{.name = "id", .not_null = true}, {.name = "day", .type = "date"}};
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

static bool is_empty(const char *column, const char *bounds)
{
	char sql[512];
	struct judge judge;
	judge_init(&judge);
	snprintf(sql, sizeof(sql), "CREATE TABLE n PARTITION OF t FOR VALUES %s", bounds);
	table.partition_column = column;
	bool result = bound_is_empty(&table, &judge_parse(&judge, sql)->actions[0]);
	judge_fini(&judge);
	return result;
}

/* Bounds that no row fits: what the server refuses, and the last that it does not. */
static void empty(void **state)
{
	(void)state;
	assert_true(is_empty("id", "FROM (5) TO (5)"));
	assert_false(is_empty("id", "FROM (5) TO (6)"));
	assert_false(is_empty("id", "FROM (MINVALUE) TO (MAXVALUE)"));
	assert_true(is_empty("day", "FROM ('2024-01-02') TO ('2024-01-01')"));
	assert_false(is_empty("day", "FROM ('2024-01-02') TO ('10000-01-01')"));
	assert_true(is_empty("id", "WITH (MODULUS 2, REMAINDER 2)"));
	assert_false(is_empty("id", "WITH (MODULUS 2, REMAINDER 1)"));
	assert_false(is_empty(NULL, "FROM (5) TO (5)"));
}

static bool overlaps(const char *type, const char *there, const char *bounds, bool utc)
{
	char sql[512];
	struct judge judge;
	struct catalog_relation other = {.partition_bound = there};
	const char *was = columns[0].type;
	judge_init(&judge);
	snprintf(sql, sizeof(sql), "CREATE TABLE n PARTITION OF t FOR VALUES %s", bounds);
	columns[0].type = type;
	table.partition_column = "id";
	bool result = bound_overlaps(&table, &other, &judge_parse(&judge, sql)->actions[0], utc);
	columns[0].type = was;
	judge_fini(&judge);
	return result;
}

/* As the server tells the other's bounds; the upper one belongs to neither. */
static void overlapping_ranges(void **state)
{
	static const char there[] = "FOR VALUES FROM (10) TO (20)";
	(void)state;
	assert_true(overlaps("int4", there, "FROM (19) TO (30)", true));
	assert_false(overlaps("int4", there, "FROM (20) TO (30)", true));
	assert_true(overlaps("int4", there, "FROM (MINVALUE) TO (11)", true));
	assert_false(overlaps("int4", there, "FROM (MINVALUE) TO (10)", true));
	assert_true(overlaps("int4", "FOR VALUES FROM (10) TO (MAXVALUE)", "FROM ('5') TO ('11')", true));
	/* Of two columns the first does not decide. */
	assert_false(overlaps("int4", "FOR VALUES FROM (10, 1) TO (20, 1)", "FROM (12) TO (13)", true));
	assert_false(overlaps("int4", "DEFAULT", "FROM (12) TO (13)", true));
	assert_false(overlaps("int4", NULL, "FROM (12) TO (13)", true));
	/* An enum's order is not that of its bytes. */
	assert_false(overlaps("mood", "FOR VALUES FROM ('bad') TO ('mad')", "FROM ('dad') TO ('sad')", true));
	/* These are neighbours, but the same double. */
	assert_false(overlaps("int8", "FOR VALUES IN ('9007199254740992')", "IN (9007199254740993)", true));
}

/* A time is where it is in the world; without a zone it is where the session is, which may not be known. */
static void overlapping_times(void **state)
{
	static const char there[] = "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')";
	(void)state;
	assert_true(overlaps("timestamptz", there, "FROM ('2024-01-31') TO ('2024-03-01')", true));
	assert_false(overlaps("timestamptz", there, "FROM ('2024-02-01') TO ('2024-03-01')", true));
	assert_false(overlaps("timestamptz", there, "FROM ('2024-01-31 23:00') TO ('2024-03-01')", false));
	assert_true(overlaps("timestamptz", there, "FROM ('2024-01-15') TO ('2024-03-01')", false));
	assert_true(overlaps("timestamptz", there, "FROM ('2024-02-01 00:30+01') TO ('2024-03-01 00:00+01')", false));
	assert_false(overlaps("timestamp", "FOR VALUES FROM ('2024-01-01 00:00:00') TO ('2024-02-01 00:00:00')",
	                      "FROM ('2024-02-01 00:30+01') TO ('2024-03-01')", true));
}

/* Lists share a value, NULL too; hashes a remainder, or their moduli don't divide each other. */
static void overlapping_values(void **state)
{
	static const char hash[] = "FOR VALUES WITH (modulus 4, remainder 1)";
	(void)state;
	assert_true(overlaps("int4", "FOR VALUES IN (1, 2)", "IN (2, 3)", true));
	assert_false(overlaps("int4", "FOR VALUES IN (1, 2)", "IN (3, 4)", true));
	assert_true(overlaps("int4", "FOR VALUES IN (1, NULL)", "IN (NULL)", true));
	assert_false(overlaps("int4", "FOR VALUES IN (1)", "IN (NULL)", true));
	assert_true(overlaps("text", "FOR VALUES IN ('eu, us', 'as')", "IN ('as')", true));
	assert_false(overlaps("text", "FOR VALUES IN ('eu, us')", "IN ('us')", true));
	assert_true(overlaps("int4", hash, "WITH (MODULUS 4, REMAINDER 1)", true));
	assert_false(overlaps("int4", hash, "WITH (MODULUS 4, REMAINDER 2)", true));
	assert_true(overlaps("int4", hash, "WITH (MODULUS 8, REMAINDER 5)", true));
	assert_false(overlaps("int4", hash, "WITH (MODULUS 8, REMAINDER 6)", true));
	assert_true(overlaps("int4", hash, "WITH (MODULUS 6, REMAINDER 0)", true));
}

static bool excluded(const char *check, const char *bounds)
{
	char sql[512];
	struct judge judge;
	judge_init(&judge);
	snprintf(sql, sizeof(sql), "CREATE TABLE n PARTITION OF t FOR VALUES %s", bounds);
	checks[0] = (struct catalog_constraint){.kind = CATALOG_CHECK, .valid = true, .expression = check};
	table.constraint_count = 1;
	bool result = bound_excluded(&table, "id", &judge_parse(&judge, sql)->actions[0]);
	judge_fini(&judge);
	return result;
}

/* A CHECK that keeps a DEFAULT partition's rows out of new bounds, and the nearest that does not. */
static void kept_out(void **state)
{
	(void)state;
	columns[0].type = "int4";
	assert_true(excluded("id < 10", "FROM (10) TO (20)"));
	assert_false(excluded("id <= 10", "FROM (10) TO (20)"));
	assert_true(excluded("id >= 20", "FROM (10) TO (20)"));
	assert_false(excluded("id > 18", "FROM (10) TO (20)"));
	assert_true(excluded("(id < 10) or (id >= 20)", "FROM (10) TO (20)"));
	assert_false(excluded("(id < 10) or (qty = 1)", "FROM (10) TO (20)"));
	assert_true(excluded("(qty = 1) and (id < 10)", "FROM (10) TO (20)"));
	assert_true(excluded("id <> 3", "IN (3)"));
	assert_false(excluded("id <> 3", "IN (3, 4)"));
	assert_false(excluded("id < 10", "WITH (MODULUS 4, REMAINDER 1)"));
	checks[0].valid = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(nulls),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(no_proof),
	    cmocka_unit_test(empty),
	    cmocka_unit_test(overlapping_ranges),
	    cmocka_unit_test(overlapping_times),
	    cmocka_unit_test(overlapping_values),
	    cmocka_unit_test(kept_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
