#include "report/review.h"

#include "inspect/rules/rules.h"
#include "proxy/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ----------------------------------------------------------------------- */

static const int64_t WALL_MS = 1795375292123; /* 2026-11-22T19:21:32.123Z */
static const struct rule RULE = {.slug = "some-rule", .code = "Q1"};
static struct review *review;
static struct logline line;

static int set_up(void **state)
{
	(void)state;
	review = review_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	review_free(review);
	return 0;
}

static enum review_line add(const char *text)
{
	/* Exactly as many bytes as there are, so that a sanitizer sees who reads beyond. */
	size_t len = strlen(text);
	char *tight = malloc(len > 0 ? len : 1);
	assert_non_null(tight);
	memcpy(tight, text, len);
	enum review_line result = review_add(review, tight, len);
	free(tight);
	return result;
}

static void add_row(int64_t wall_ms, const struct stats_row *row)
{
	logline_fingerprint(&line, SETTINGS_FORMAT_JSON, wall_ms, row);
	assert_int_equal(review_add(review, line.text, line.len), REVIEW_TAKEN);
}

static void add_finding(int64_t wall_ms, bool counted, uint64_t count, enum action action, const char *message)
{
	struct stats_finding finding = {.database = "shop",
	                                .user = "web",
	                                .rule = &RULE,
	                                .fingerprint = 7,
	                                .query = (char *)"SELECT $1",
	                                .table = (char *)"product",
	                                .severity = SEVERITY_WARN,
	                                .action = action,
	                                .evidence = EVIDENCE_CATALOG,
	                                .message = (char *)message,
	                                .table_rows = 5000,
	                                .count = count,
	                                .counted = counted};
	logline_finding(&line, SETTINGS_FORMAT_JSON, wall_ms, &finding, NULL);
	assert_int_equal(review_add(review, line.text, line.len), REVIEW_TAKEN);
}

static const struct review_finding *only_finding(void)
{
	uint32_t count;
	const struct review_finding **findings = review_findings(review, &count);
	assert_int_equal(count, 1);
	const struct review_finding *finding = findings[0];
	free(findings);
	return finding;
}

/* -- cases --------------------------------------------------------------------------------------- */

/* What the log writes is what the review reads, and intervals add up to the figures of the whole. */
static void intervals_add_up(void **state)
{
	(void)state;
	struct stats_row all = {.database = "shop", .fingerprint = 7, .query = (char *)"SELECT $1"};
	for (int interval = 0; interval < 5; interval++) {
		struct stats_row row = {
		    .database = "shop", .fingerprint = 7, .query = (char *)"SELECT $1", .rejected = 1};
		for (uint64_t at = 0; at < 100; at++) {
			uint64_t took = (at * at + 3) * (1 + (uint64_t)interval * 7);
			histogram_record(&row.latency, took);
			histogram_record(&all.latency, took);
			row.calls++;
			row.rows += 2;
			row.total_us += took;
			all.total_us += took;
		}
		row.errors = 3;
		add_row(WALL_MS + interval * 60000, &row);
	}
	uint32_t count;
	const struct review_row **rows = review_rows(review, &count);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0]->fingerprint, "0000000000000007");
	assert_string_equal(rows[0]->query, "SELECT $1");
	assert_int_equal(rows[0]->calls, 500);
	assert_int_equal(rows[0]->errors, 15);
	assert_int_equal(rows[0]->rows, 1000);
	assert_int_equal(rows[0]->rejected, 5);
	assert_true(rows[0]->total_ms > (double)all.total_us / 1000 - 0.01);
	assert_true(rows[0]->total_ms < (double)all.total_us / 1000 + 0.01);
	assert_int_equal(rows[0]->latency.max_us, all.latency.max_us);
	assert_int_equal(histogram_quantile_us(&rows[0]->latency, 0.95), histogram_quantile_us(&all.latency, 0.95));
	free(rows);
	struct review_totals totals = review_totals(review);
	assert_int_equal(totals.statements, 500); /* no `stats` line: the rows' own */
	assert_string_equal(totals.first_ts, "2026-11-22T19:21:32.123Z");
	assert_string_equal(totals.last_ts, "2026-11-22T19:25:32.123Z");
}

/* Databases, fingerprints and, without a fingerprint, texts are kept apart. */
static void rows_are_kept_apart(void **state)
{
	(void)state;
	struct stats_row row = {.database = "shop", .fingerprint = 7, .query = (char *)"a", .calls = 1};
	add_row(WALL_MS, &row);
	snprintf(row.database, sizeof(row.database), "blog");
	add_row(WALL_MS, &row);
	row.fingerprint = 0;
	add_row(WALL_MS, &row);
	row.query = (char *)"b";
	add_row(WALL_MS, &row);
	add_row(WALL_MS, &row);
	assert_int_equal(review_totals(review).rows, 4);
}

/* A first sight is counted again by its interval, so only the intervals count. */
static void first_sight_is_not_counted_twice(void **state)
{
	(void)state;
	add_finding(WALL_MS, false, 1, ACTION_LOG, "old");
	add_finding(WALL_MS + 1000, true, 412, ACTION_LOG, "new");
	add_finding(WALL_MS + 2000, true, 10, ACTION_REJECT, "newest");
	const struct review_finding *finding = only_finding();
	assert_int_equal(review_count(finding), 422);
	assert_true(finding->rejected);
	assert_string_equal(finding->texts[REVIEW_MESSAGE], "newest");
	assert_string_equal(finding->texts[REVIEW_CODE], "Q1");
	assert_string_equal(finding->texts[REVIEW_USER], "web");
	assert_string_equal(finding->texts[REVIEW_FIX_SQL], "");
	assert_int_equal(finding->severity, REVIEW_WARNING);
	assert_true(finding->table_rows == 5000);
	assert_string_equal(finding->first_ts, "2026-11-22T19:21:32.123Z");
	assert_string_equal(finding->last_ts, "2026-11-22T19:21:34.123Z");
	assert_null(review_row_of(review, finding));
	struct stats_row row = {.database = "shop", .fingerprint = 7, .query = (char *)"SELECT $1", .calls = 3};
	add_row(WALL_MS, &row);
	assert_int_equal(review_row_of(review, finding)->calls, 3);
}

/* A later line's reason takes the older one's remedy with it, even when it has none; a line without any leaves both. */
static void reason_and_remedy_go_together(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"a\",\"code\":\"Q1\",\"message\":\"no index\","
	    "\"fix_sql\":\"CREATE\",\"fix_django\":\"Add\",\"count\":1}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"a\",\"message\":\"a broken index\","
	    "\"fix_sql\":\"REINDEX\",\"count\":1}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"a\",\"count\":1}",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(add(lines[i]), REVIEW_TAKEN);
	assert_string_equal(only_finding()->texts[REVIEW_CODE], "Q1");
	assert_string_equal(only_finding()->texts[REVIEW_MESSAGE], "a broken index");
	assert_string_equal(only_finding()->texts[REVIEW_FIX_SQL], "REINDEX");
	assert_string_equal(only_finding()->texts[REVIEW_FIX_DJANGO], "");
}

/* A log that ends before the first interval has first sights only, and they count. */
static void first_sight_alone_counts(void **state)
{
	(void)state;
	add_finding(WALL_MS, false, 1, ACTION_LOG, "x");
	assert_int_equal(review_count(only_finding()), 1);
	assert_false(only_finding()->rejected);
}

/* The worst findings come first, then those seen most. */
static void findings_in_order(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"a\",\"severity\":\"info\",\"count\":1000}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"b\",\"severity\":\"warning\",\"count\":5}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"c\",\"severity\":\"warning\",\"count\":50}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"d\",\"severity\":\"block\",\"count\":1}",
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"e\",\"severity\":\"error\",\"count\":1}",
	};
	for (size_t at = 0; at < ARRAY_LEN(lines); at++)
		assert_int_equal(add(lines[at]), REVIEW_TAKEN);
	uint32_t count;
	const struct review_finding **findings = review_findings(review, &count);
	assert_int_equal(count, 5);
	char order[6] = "";
	for (uint32_t at = 0; at < count; at++)
		order[at] = findings[at]->rule[0];
	assert_string_equal(order, "decba");
	free(findings);
}

/* Totals are those of the `stats` lines; losses, what was not parsed and what went wrong are told with their number. */
static void totals_and_reasons(void **state)
{
	(void)state;
	add("{\"ts\":\"t\",\"event\":\"stats\",\"statements\":10,\"errors\":2,\"rejected\":1,\"opaque\":3,\"blind_"
	    "sessions\":1}");
	add("{\"ts\":\"t\",\"event\":\"stats\",\"statements\":5,\"errors\":0,\"rejected\":0}");
	add("{\"ts\":\"t\",\"event\":\"lost_lines\",\"level\":\"warning\",\"count\":7}");
	add("{\"ts\":\"t\",\"event\":\"unparsed\",\"reason\":\"too deep\"}");
	add("{\"ts\":\"t\",\"event\":\"unparsed\",\"reason\":\"too deep\"}");
	add("{\"ts\":\"t\",\"event\":\"blind\",\"reason\":\"lost step\"}");
	add("{\"ts\":\"t\",\"event\":\"catalog\",\"level\":\"warning\",\"message\":\"no access\"}");
	add("{\"ts\":\"t\",\"event\":\"catalog\",\"level\":\"info\",\"message\":\"read\"}");
	struct review_totals totals = review_totals(review);
	assert_int_equal(totals.statements, 15);
	assert_int_equal(totals.errors, 2);
	assert_int_equal(totals.rejected, 1);
	assert_int_equal(totals.opaque, 3);
	assert_int_equal(totals.lost_lines, 7);
	uint32_t count;
	const struct review_reason **reasons = review_reasons(review, &count);
	assert_int_equal(count, 3);
	assert_string_equal(reasons[0]->reason, "too deep");
	assert_int_equal(reasons[0]->count, 2);
	assert_string_equal(reasons[1]->event, "blind");
	assert_string_equal(reasons[2]->reason, "no access");
	free(reasons);
}

/* Lines that are not ours are skipped and counted: no JSON, no object, no event, no time, two objects, cut, too deep.
 */
static void foreign_lines(void **state)
{
	(void)state;
	static const char *const lines[] = {"x",
	                                    "2026-11-22 19:21:32.123 INFO  started  listen=x",
	                                    "[]",
	                                    "1",
	                                    "null",
	                                    "\"x\"",
	                                    "{}",
	                                    "{\"ts\":\"t\"}",
	                                    "{\"event\":\"stats\"}",
	                                    "{\"event\":1,\"ts\":\"t\"}",
	                                    "{\"event\":\"stats\",\"ts\":\"t\"",
	                                    "{\"event\":\"stats\",\"ts\":\"t\"}{}",
	                                    "{\"event\":\"stats\",\"ts\":\"t\"} x",
	                                    "{\"a\":[[[[[[[[[[[1]]]]]]]]]]],\"event\":\"stats\",\"ts\":\"t\"}",
	                                    "\xff\xfe"};
	for (size_t at = 0; at < ARRAY_LEN(lines); at++)
		if (add(lines[at]) != REVIEW_NOT_OURS)
			fail_msg("taken: %s", lines[at]);
	review_skip(review);
	assert_int_equal(add(""), REVIEW_OTHER_EVENT);
	assert_int_equal(add(" \r\n"), REVIEW_OTHER_EVENT);
	struct review_totals totals = review_totals(review);
	assert_int_equal(totals.skipped, ARRAY_LEN(lines) + 1);
	assert_int_equal(totals.lines, ARRAY_LEN(lines) + 1);
	assert_string_equal(totals.first_ts, "");
	assert_int_equal(add("{\"event\":\"whatever\",\"ts\":\"t\"}"), REVIEW_OTHER_EVENT);
}

/* Fields of the wrong type, missing or absurd ones count as nothing; a broken histogram is noticed. */
static void wrong_fields(void **state)
{
	(void)state;
	assert_int_equal(add("{\"ts\":\"t\",\"event\":\"fingerprint\",\"fingerprint\":7,\"calls\":\"x\",\"total_ms\":-"
	                     "5,\"rows\":1e300,"
	                     "\"histogram\":\"nonsense\",\"max_ms\":1e300}"),
	                 REVIEW_TAKEN);
	assert_int_equal(add("{\"ts\":\"t\",\"event\":\"fingerprint\",\"calls\":null,\"errors\":[1],\"total_ms\":{}}"),
	                 REVIEW_TAKEN);
	assert_int_equal(add("{\"ts\":\"t\",\"event\":\"finding\",\"rule\":5,\"count\":-1,\"table_rows\":\"many\","
	                     "\"first\":\"no\"}"),
	                 REVIEW_TAKEN);
	struct review_totals totals = review_totals(review);
	assert_int_equal(totals.rows, 1);
	assert_int_equal(totals.dropped, 1);
	assert_int_equal(totals.statements, 0);
	assert_true(totals.total_ms == 0);
	assert_true(only_finding()->table_rows < 0);
	assert_int_equal(review_count(only_finding()), 0);
}

/* A line may be cut anywhere: no cut makes more than a skipped line of it. */
static void every_cut(void **state)
{
	(void)state;
	add_finding(WALL_MS, false, 1, ACTION_LOG, "a \"quoted\" é message");
	struct logline whole = line;
	for (size_t len = 1; len < whole.len - 1; len++) {
		char *tight = malloc(len);
		assert_non_null(tight);
		memcpy(tight, whole.text, len);
		assert_int_equal(review_add(review, tight, len), REVIEW_NOT_OURS);
		free(tight);
	}
	assert_int_equal(review_count(only_finding()), 1);
}

/* The ceilings hold, and what is beyond is counted. */
static void ceilings(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < LIMIT_REVIEW_REASONS + 10; at++) {
		char text[128];
		snprintf(text, sizeof(text), "{\"ts\":\"t\",\"event\":\"unparsed\",\"reason\":\"%llu\"}",
		         (unsigned long long)at);
		add(text);
	}
	uint32_t count;
	free(review_reasons(review, &count));
	assert_int_equal(count, LIMIT_REVIEW_REASONS);
	assert_int_equal(review_totals(review).dropped, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(intervals_add_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rows_are_kept_apart, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(first_sight_is_not_counted_twice, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reason_and_remedy_go_together, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(first_sight_alone_counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(findings_in_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(totals_and_reasons, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wrong_fields, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_cut, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ceilings, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
