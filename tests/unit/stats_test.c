#include "inspect/stats.h"

#include "inspect/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ----------------------------------------------------------------------- */

static struct stats stats, other_stats;
static const struct rule RULE_A = {.slug = "a"}, RULE_B = {.slug = "b"};

static int set_up(void **state)
{
	(void)state;
	stats_init(&stats);
	stats_init(&other_stats);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stats_fini(&stats);
	stats_fini(&other_stats);
	return 0;
}

static void record(struct stats *into, const char *database, uint64_t fingerprint, const char *query, uint64_t took_us)
{
	struct stats_call call = {.database = database,
	                          .fingerprint = fingerprint,
	                          .query = query,
	                          .took_us = took_us,
	                          .first_byte_us = took_us / 2,
	                          .rows = 2,
	                          .bytes = 10,
	                          .sqlstate = ""};
	stats_record(into, &call);
}

static void find(struct stats *into, const struct rule *rule, uint64_t fingerprint, const char *table, uint64_t count)
{
	struct stats_finding seen = {.database = "shop",
	                             .rule = rule,
	                             .fingerprint = fingerprint,
	                             .table = (char *)table,
	                             .action = ACTION_LOG,
	                             .message = (char *)"why",
	                             .count = count};
	stats_find(into, &seen);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Calls of one statement add up in one row; other databases and statements have their own. */
static void rows_are_kept_apart(void **state)
{
	(void)state;
	record(&stats, "shop", 1, "SELECT $1", 100);
	record(&stats, "shop", 1, "SELECT $1", 300);
	record(&stats, "blog", 1, "SELECT $1", 1000);
	record(&stats, "shop", 2, "SELECT $1, $2", 10);
	assert_int_equal(stats.row_count, 3);
	assert_int_equal(stats.statements, 4);
	const struct stats_row *row = stats_row_of(&stats, "shop", 1);
	assert_int_equal(row->calls, 2);
	assert_int_equal(row->total_us, 400);
	assert_int_equal(row->first_byte_us, 200);
	assert_int_equal(row->rows, 4);
	assert_int_equal(row->bytes, 20);
	assert_int_equal(row->latency.total, 2);
	assert_int_equal(row->latency.max_us, 300);
	assert_string_equal(row->query, "SELECT $1");
	assert_null(stats_row_of(&stats, "shop", 3));
	assert_null(stats_row_of(&other_stats, "shop", 1));
}

/* Statements without a fingerprint are told apart by their text. */
static void opaque_statements(void **state)
{
	(void)state;
	record(&stats, "shop", 0, "(too deep)", 1);
	record(&stats, "shop", 0, "(syntax)", 1);
	record(&stats, "shop", 0, "(syntax)", 1);
	assert_int_equal(stats.row_count, 2);
	assert_null(stats_row_of(&stats, "shop", 0));
}

/* Errors count by their class, and rejected calls beside them. */
static void errors(void **state)
{
	(void)state;
	static const struct {
		const char *sqlstate;
		enum stats_error_class class;
	} cases[] = {{"23505", STATS_ERROR_INTEGRITY},
	             {"42601", STATS_ERROR_SYNTAX_ACCESS},
	             {"42501", STATS_ERROR_SYNTAX_ACCESS},
	             {"25P02", STATS_ERROR_TRANSACTION},
	             {"40001", STATS_ERROR_TRANSACTION},
	             {"22P02", STATS_ERROR_DATA},
	             {"57014", STATS_ERROR_OPERATOR},
	             {"08006", STATS_ERROR_CONNECTION},
	             {"XX000", STATS_ERROR_OTHER},
	             {"2", STATS_ERROR_OTHER},
	             {"", STATS_ERROR_OTHER}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		assert_int_equal(stats_error_class(cases[at].sqlstate), cases[at].class);
	for (unsigned at = 0; at < STATS_ERROR_CLASSES; at++)
		for (unsigned before = 0; before < at; before++)
			assert_string_not_equal(stats_error_class_name(at), stats_error_class_name(before));
	struct stats_call call = {.database = "shop", .fingerprint = 1, .query = "q", .sqlstate = "23505"};
	stats_record(&stats, &call);
	call.sqlstate = "42501";
	call.rejected = true;
	stats_record(&stats, &call);
	call.sqlstate = "";
	call.rejected = false;
	stats_record(&stats, &call);
	const struct stats_row *row = stats_row_of(&stats, "shop", 1);
	assert_int_equal(row->calls, 3);
	assert_int_equal(row->errors, 2);
	assert_int_equal(row->rejected, 1);
	assert_int_equal(row->errors_by_class[STATS_ERROR_INTEGRITY], 1);
	assert_int_equal(row->errors_by_class[STATS_ERROR_SYNTAX_ACCESS], 1);
	assert_int_equal(stats.errors, 2);
	assert_int_equal(stats.rejected, 1);
}

/* Past the ceiling new statements share a row, nothing is lost, and known ones keep theirs. */
static void rows_are_bounded(void **state)
{
	(void)state;
	for (uint64_t at = 1; at <= LIMIT_STATS_FINGERPRINTS + 100; at++)
		record(&stats, "shop", at, "q", 10);
	record(&stats, "shop", 1, "q", 10);
	assert_int_equal(stats.row_count, LIMIT_STATS_FINGERPRINTS);
	assert_int_equal(stats.other->calls, 100);
	assert_int_equal(stats.other->fingerprint, 0);
	assert_string_equal(stats.other->query, "other");
	assert_int_equal(stats.other_statements, 100);
	assert_int_equal(stats.statements, LIMIT_STATS_FINGERPRINTS + 101);
	assert_int_equal(stats_row_of(&stats, "shop", 1)->calls, 2);
	uint32_t count;
	struct stats_row **rows = stats_by_total(&stats, &count);
	assert_int_equal(count, LIMIT_STATS_FINGERPRINTS + 1);
	assert_ptr_equal(rows[0], stats.other); /* its 100 calls took longest */
	free(rows);
}

/* Merging two tables is the same as recording everything in one. */
static void merge_is_the_sum(void **state)
{
	(void)state;
	static struct stats all;
	stats_init(&all);
	uint64_t seed = 1;
	for (int at = 0; at < 20000; at++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		struct stats_call call = {.database = (seed >> 20) % 2 ? "shop" : "blog",
		                          .fingerprint = 1 + (seed >> 33) % 3000,
		                          .query = "q",
		                          .took_us = (seed >> 40) % 100000,
		                          .rows = seed % 5,
		                          .sqlstate = (seed >> 21) % 7 == 0 ? "23505" : "",
		                          .rejected = (seed >> 25) % 11 == 0};
		stats_record((seed >> 50) % 2 ? &stats : &other_stats, &call);
		stats_record(&all, &call);
	}
	other_stats.opaque = 3;
	other_stats.bytes_in = 7;
	stats_merge(&stats, &other_stats);
	assert_int_equal(stats.statements, all.statements);
	assert_int_equal(stats.errors, all.errors);
	assert_int_equal(stats.rejected, all.rejected);
	assert_int_equal(stats.opaque, 3);
	assert_int_equal(stats.bytes_in, 7);
	uint64_t calls = 0;
	uint32_t count;
	struct stats_row **rows = stats_by_total(&stats, &count);
	for (uint32_t at = 0; at < count; at++)
		calls += rows[at]->calls;
	free(rows);
	assert_int_equal(calls, all.statements);
	if (all.other == NULL) {
		for (uint64_t at = 1; at <= 3000; at++) {
			const struct stats_row *left = stats_row_of(&stats, "shop", at),
			                       *right = stats_row_of(&all, "shop", at);
			assert_int_equal(left == NULL, right == NULL);
			if (left != NULL) {
				assert_int_equal(left->total_us, right->total_us);
				assert_memory_equal(&left->latency, &right->latency, sizeof(left->latency));
			}
		}
	}
	stats_fini(&all);
}

/* The row `other` and what does not fit merge too, without losing a call. */
static void merge_of_full_tables(void **state)
{
	(void)state;
	for (uint64_t at = 1; at <= LIMIT_STATS_FINGERPRINTS + 5; at++) {
		record(&stats, "shop", at, "q", 10);
		record(&other_stats, "blog", at, "q", 10);
	}
	stats_merge(&stats, &other_stats);
	assert_int_equal(stats.row_count, LIMIT_STATS_FINGERPRINTS);
	assert_int_equal(stats.other->calls, 5 + LIMIT_STATS_FINGERPRINTS + 5);
	assert_int_equal(stats.other_statements, stats.other->calls);
}

/* Most time first, and the same order every time. */
static void ordered_by_total(void **state)
{
	(void)state;
	record(&stats, "shop", 1, "q", 5);
	record(&stats, "shop", 2, "q", 500);
	record(&stats, "shop", 3, "q", 50);
	record(&stats, "blog", 3, "q", 50);
	uint32_t count;
	struct stats_row **rows = stats_by_total(&stats, &count);
	assert_int_equal(count, 4);
	assert_int_equal(rows[0]->fingerprint, 2);
	assert_string_equal(rows[1]->database, "blog");
	assert_string_equal(rows[2]->database, "shop");
	assert_int_equal(rows[3]->fingerprint, 1);
	free(rows);
	rows = stats_by_total(&other_stats, &count);
	assert_int_equal(count, 0);
	free(rows);
}

/* A finding is one per database, rule, statement and table; its count adds up, its texts are copies. */
static void findings(void **state)
{
	(void)state;
	char table[] = "product";
	find(&stats, &RULE_A, 1, table, 1);
	memset(table, 'x', sizeof(table) - 1);
	find(&stats, &RULE_A, 1, "product", 2);
	find(&stats, &RULE_B, 1, "product", 1);
	find(&stats, &RULE_A, 2, "product", 1);
	find(&stats, &RULE_A, 1, NULL, 1);
	assert_int_equal(stats.finding_count, 4);
	uint32_t count, seen = 0;
	struct stats_finding **all = stats_findings(&stats, &count);
	assert_int_equal(count, 4);
	for (uint32_t at = 0; at < count; at++) {
		assert_true(all[at]->counted);
		assert_string_equal(all[at]->message, "why");
		if (all[at]->rule == &RULE_A && all[at]->fingerprint == 1 && strcmp(all[at]->table, "product") == 0)
			seen = (uint32_t)all[at]->count;
	}
	assert_int_equal(seen, 3);
	free(all);
	find(&other_stats, &RULE_A, 1, "product", 10);
	stats_merge(&stats, &other_stats);
	assert_int_equal(stats.finding_count, 4);
}

/* That a finding rejected once must not hide behind the calls that were only logged. */
static void rejection_is_remembered(void **state)
{
	(void)state;
	struct stats_finding seen = {.database = "shop", .rule = &RULE_A, .action = ACTION_LOG, .count = 1};
	stats_find(&stats, &seen);
	seen.action = ACTION_REJECT;
	stats_find(&stats, &seen);
	seen.action = ACTION_LOG;
	stats_find(&stats, &seen);
	uint32_t count;
	struct stats_finding **all = stats_findings(&stats, &count);
	assert_int_equal(count, 1);
	assert_int_equal(all[0]->action, ACTION_REJECT);
	free(all);
}

/* Findings past the ceiling are dropped and counted; known ones go on counting. */
static void findings_are_bounded(void **state)
{
	(void)state;
	for (uint64_t at = 1; at <= LIMIT_STATS_FINDINGS + 3; at++)
		find(&stats, &RULE_A, at, "t", 2);
	find(&stats, &RULE_A, 1, "t", 2);
	assert_int_equal(stats.finding_count, LIMIT_STATS_FINDINGS);
	assert_int_equal(stats.findings_dropped, 6);
}

/* After a reset it is as new. */
static void reset(void **state)
{
	(void)state;
	struct stats empty;
	stats_init(&empty);
	record(&stats, "shop", 1, "q", 1);
	find(&stats, &RULE_A, 1, "t", 1);
	stats.bytes_out = 5;
	stats_reset(&stats);
	assert_memory_equal(&stats, &empty, sizeof(empty));
	record(&stats, "shop", 1, "q", 1);
	assert_int_equal(stats_row_of(&stats, "shop", 1)->calls, 1);
}

static uint64_t sight(const char *database, const struct rule *rule, uint64_t fingerprint, const char *table,
                      const char *column)
{
	struct stats_finding seen = {
	    .rule = rule, .fingerprint = fingerprint, .table = (char *)table, .column = (char *)column};
	snprintf(seen.database, sizeof(seen.database), "%s", database);
	return stats_sight(&seen);
}

/* A sight is new once, for each database, rule, statement, table and column. */
static void sights(void **state)
{
	(void)state;
	struct stats_sights seen;
	stats_sights_init(&seen);
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "t", "c")));
	assert_false(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "t", "c")));
	assert_true(stats_sights_add(&seen, sight("blog", &RULE_A, 1, "t", "c")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_B, 1, "t", "c")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 2, "t", "c")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "u", "c")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "t", "d")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 1, NULL, NULL)));
	assert_false(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "", "")));
	assert_false(stats_sights_add(&seen, sight("shop", &RULE_A, 1, "t", "c")));
	assert_true(stats_sights_add(&seen, stats_sight_of(1)));
	assert_true(stats_sights_add(&seen, stats_sight_of(2)));
	assert_false(stats_sights_add(&seen, stats_sight_of(1)));
	stats_sights_fini(&seen);
}

/* Findings on two columns are two, in one statement too; what many statements show together is one, whichever of them
 * came last. */
static void columns_and_traffic(void **state)
{
	(void)state;
	struct stats_finding seen = {
	    .database = "shop", .rule = &RULE_A, .fingerprint = 1, .table = (char *)"t", .count = 1};
	seen.column = (char *)"c";
	stats_find(&stats, &seen);
	seen.column = (char *)"d";
	stats_find(&stats, &seen);
	stats_find(&stats, &seen);
	assert_int_equal(stats.finding_count, 2);
	seen.evidence = EVIDENCE_TRAFFIC;
	seen.rule = &RULE_B;
	stats_find(&stats, &seen);
	seen.fingerprint = 2;
	stats_find(&stats, &seen);
	assert_int_equal(stats.finding_count, 3);
}

/* When the set is full it starts over: what was known may be told again, never is something kept silent. */
static void sights_are_bounded(void **state)
{
	(void)state;
	struct stats_sights seen;
	stats_sights_init(&seen);
	for (uint64_t at = 0; at < 3 * LIMIT_STATS_FINDINGS; at++)
		assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, at, "t", "c")));
	assert_false(stats_sights_add(&seen, sight("shop", &RULE_A, 3 * LIMIT_STATS_FINDINGS - 1, "t", "c")));
	assert_true(stats_sights_add(&seen, sight("shop", &RULE_A, 0, "t", "c")));
	stats_sights_fini(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rows_are_kept_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(opaque_statements, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(errors, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rows_are_bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(merge_is_the_sum, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(merge_of_full_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ordered_by_total, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(findings, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rejection_is_remembered, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(findings_are_bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reset, set_up, tear_down),
	    cmocka_unit_test(sights),
	    cmocka_unit_test_setup_teardown(columns_and_traffic, set_up, tear_down),
	    cmocka_unit_test(sights_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
