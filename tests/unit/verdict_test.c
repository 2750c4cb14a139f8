#include "inspect/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The words that the log and other programs read stay what they are. */
static void names(void **state)
{
	(void)state;
	assert_string_equal(verdict_severity_name(SEVERITY_INFO), "info");
	assert_string_equal(verdict_severity_name(SEVERITY_WARN), "warning");
	assert_string_equal(verdict_severity_name(SEVERITY_ERROR), "error");
	assert_string_equal(verdict_severity_name(SEVERITY_BLOCK), "block");
	assert_string_equal(verdict_action_name(ACTION_LOG), "logged");
	assert_string_equal(verdict_action_name(ACTION_REJECT), "rejected");
	assert_string_equal(verdict_evidence_name(EVIDENCE_SYNTAX), "syntax");
	assert_string_equal(verdict_evidence_name(EVIDENCE_CATALOG), "catalog");
	assert_string_equal(verdict_evidence_name(EVIDENCE_PLANNER), "planner");
	assert_string_equal(verdict_evidence_name(EVIDENCE_TRAFFIC), "traffic");
}

/* An empty verdict rejects nothing, also one that was used before; its texts are freed with it. */
static void empty(void **state)
{
	(void)state;
	struct verdict verdict;
	verdict_init(&verdict);
	assert_int_equal(verdict.count, 0);
	assert_int_equal(verdict.rejected_by, -1);
	assert_false(verdict.catalog_missing);
	arena_printf(&verdict.arena, "%s", "a text");
	verdict.count = 3;
	verdict.rejected_by = 2;
	verdict_fini(&verdict);
	assert_int_equal(verdict.rejected_by, -1);
	verdict_init(&verdict);
	assert_int_equal(verdict.count, 0);
	verdict_fini(&verdict);
}

/* What rejects is worse than anything that doesn't, anything worse than nothing. */
static void severity(void **state)
{
	(void)state;
	struct verdict verdict;
	verdict_init(&verdict);
	assert_int_equal(verdict_severity(&verdict), -1);
	verdict_next(&verdict)->severity = SEVERITY_INFO;
	assert_int_equal(verdict_severity(&verdict), SEVERITY_INFO);
	verdict_next(&verdict)->severity = SEVERITY_BLOCK;
	verdict_next(&verdict)->severity = SEVERITY_WARN;
	assert_int_equal(verdict_severity(&verdict), SEVERITY_BLOCK);
	verdict.rejected_by = 0;
	assert_true(verdict_severity(&verdict) > SEVERITY_BLOCK);
	verdict_fini(&verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(empty),
	    cmocka_unit_test(severity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
