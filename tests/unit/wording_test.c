#include "report/wording.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ---------------------------------------------------------------------------------------- */

static char text[WORDING_BYTES];
static char empty[] = "";

static struct review_finding finding(void)
{
	struct review_finding made = {.database = "shop", .rule = "r", .fingerprint = "f", .table = ""};
	for (int at = 0; at < REVIEW_TEXTS; at++)
		made.texts[at] = empty;
	return made;
}

static const char *span(const char *first, const char *last)
{
	struct review_totals totals = {0};
	snprintf(totals.first_ts, sizeof(totals.first_ts), "%s", first);
	snprintf(totals.last_ts, sizeof(totals.last_ts), "%s", last);
	wording_span(&totals, text);
	return text;
}

static const char *reason(const char *event, const char *why, uint64_t count)
{
	const struct review_reason made = {.event = event, .reason = why, .count = count};
	wording_reason(&made, text);
	return text;
}

static void add(struct review *review, const char *line)
{
	assert_int_equal(review_add(review, line, strlen(line)), REVIEW_TAKEN);
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void spans(void **state)
{
	/* The day is said once where it is one; a time of another form is told as it stands, cut to its room. */
	(void)state;
	assert_string_equal(span("2026-11-22T19:21:32.123Z", "2026-11-22T19:25:11.000Z"),
	                    "2026-11-22 19:21:32 to 19:25:11 UTC");
	assert_string_equal(span("2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00.000Z"),
	                    "2026-11-22 23:59:59 to 2026-11-23 00:00:00 UTC");
	assert_string_equal(span("yesterday", "yesterday, towards evening"), "yesterday to yesterday, towa UTC");
	assert_string_equal(span("2026-11-22T19:21", "2026-11-22 19:21:32.1"),
	                    "2026-11-22T19:2 to 2026-11-22 19:2 UTC");
	assert_string_equal(span("2026-11-22", "2026-11-22T19:21:32Z"), "2026-11-22 to 19:21:32 UTC");
	assert_string_equal(span("now", "now"), "now to now UTC");
}

static void counts(void **state)
{
	/* One is one, none and many are several. */
	(void)state;
	struct review_totals totals = {.statements = 1, .errors = 1, .rejected = 1, .rows = 1, .findings = 1};
	wording_counts(&totals, text);
	assert_string_equal(text, "1 statement, 1 error, 1 rejected");
	wording_kinds(&totals, text);
	assert_string_equal(text, "1 kind of statement, 1 finding");
	totals = (struct review_totals){.statements = 1200000, .rejected = 3, .rows = 2};
	wording_counts(&totals, text);
	assert_string_equal(text, "1.2M statements, 0 errors, 3 rejected");
	wording_kinds(&totals, text);
	assert_string_equal(text, "2 kinds of statement, 0 findings");
}

static void objects(void **state)
{
	/* Table and column, as far as there are any. */
	(void)state;
	char column[] = "name";
	struct review_finding made = finding();
	wording_object(&made, text);
	assert_string_equal(text, "");
	made.table = "shop_product";
	wording_object(&made, text);
	assert_string_equal(text, "shop_product");
	made.texts[REVIEW_COLUMN] = column;
	wording_object(&made, text);
	assert_string_equal(text, "shop_product.name");
	made.table = "";
	wording_object(&made, text);
	assert_string_equal(text, "name");
}

static void calls(void **state)
{
	/* The statement's calls where it ran, the sights of the finding where it never did, a rejected one for one. */
	(void)state;
	uint32_t count;
	struct review *review = review_new();
	add(review,
	    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"fingerprint\",\"level\":\"info\",\"database\":\"shop\","
	    "\"fingerprint\":\"0000000000000001\",\"query\":\"SELECT $1\",\"calls\":412,\"total_ms\":5}");
	add(review,
	    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"finding\",\"level\":\"error\",\"database\":\"shop\","
	    "\"rule\":\"ran\",\"fingerprint\":\"0000000000000001\",\"count\":7}");
	add(review,
	    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"finding\",\"level\":\"warning\",\"database\":\"shop\","
	    "\"rule\":\"rejected\",\"fingerprint\":\"0000000000000002\",\"count\":1}");
	const struct review_finding **findings = review_findings(review, &count);
	assert_int_equal(count, 2);
	for (uint32_t at = 0; at < count; at++) {
		wording_calls(review, findings[at], text);
		assert_string_equal(text, strcmp(findings[at]->rule, "ran") == 0 ? "412 calls" : "1 call");
	}
	free(findings);
	review_free(review);
}

static void origins(void **state)
{
	/* What says most of where it comes from goes before what says less; nothing known is nothing said. */
	(void)state;
	static char route[] = "/search/", controller[] = "search", application[] = "django", user[] = "alice";
	struct review_finding made = finding();
	wording_origin(&made, text);
	assert_string_equal(text, "");
	made.texts[REVIEW_USER] = user;
	wording_origin(&made, text);
	assert_string_equal(text, "user alice");
	made.texts[REVIEW_APPLICATION] = application;
	wording_origin(&made, text);
	assert_string_equal(text, "django, user alice");
	made.texts[REVIEW_USER] = empty;
	wording_origin(&made, text);
	assert_string_equal(text, "django");
	made.texts[REVIEW_CONTROLLER] = controller;
	wording_origin(&made, text);
	assert_string_equal(text, "search");
	made.texts[REVIEW_ROUTE] = route;
	wording_origin(&made, text);
	assert_string_equal(text, "/search/");
}

static void reasons(void **state)
{
	/* What could not be judged is a sentence, of one or of several; of other events the name, and how often. */
	(void)state;
	assert_string_equal(reason("unparsed", "too long", 1), "1 kind of statement passed on unjudged: too long");
	assert_string_equal(reason("unparsed", "too long", 2), "2 kinds of statement passed on unjudged: too long");
	assert_string_equal(reason("blind", "bad length", 1), "1 session could not be followed: bad length");
	assert_string_equal(reason("blind", "bad length", 1500), "1.5k sessions could not be followed: bad length");
	assert_string_equal(reason("warning", "", 1), "warning (1 time): no reason given");
	assert_string_equal(reason("error", "x", 3), "error (3 times): x");
}

static void long_texts_are_cut(void **state)
{
	/* Whatever a log says, the words fit their room. */
	(void)state;
	static char endless[4096];
	char *tight = malloc(WORDING_BYTES);
	assert_non_null(tight);
	memset(endless, 'x', sizeof(endless) - 1);
	struct review_finding made = finding();
	made.table = endless;
	made.texts[REVIEW_COLUMN] = made.texts[REVIEW_APPLICATION] = made.texts[REVIEW_USER] = endless;
	wording_object(&made, tight);
	assert_int_equal(strlen(tight), WORDING_BYTES - 1);
	wording_origin(&made, tight);
	assert_int_equal(strlen(tight), WORDING_BYTES - 1);
	wording_reason(&(struct review_reason){.event = endless, .reason = endless, .count = UINT64_MAX}, tight);
	assert_int_equal(strlen(tight), WORDING_BYTES - 1);
	const struct review_totals most = {.statements = UINT64_MAX,
	                                   .errors = UINT64_MAX,
	                                   .rejected = UINT64_MAX,
	                                   .rows = UINT32_MAX,
	                                   .findings = UINT32_MAX};
	wording_counts(&most, tight);
	assert_true(strlen(tight) < WORDING_BYTES);
	wording_kinds(&most, tight);
	assert_string_equal(tight, "4294967295 kinds of statement, 4294967295 findings");
	free(tight);
}

static void microseconds(void **state)
{
	/* Rounded to the nearest; what is no duration is none. */
	(void)state;
	assert_int_equal(wording_us(1), 1000);
	assert_int_equal(wording_us(0.0004), 0);
	assert_int_equal(wording_us(0.0005), 1);
	assert_int_equal(wording_us(0.38), 380);
	assert_int_equal(wording_us(0), 0);
	assert_int_equal(wording_us(-5), 0);
	assert_int_equal(wording_us(1e300), 0);
	assert_int_equal(wording_us(NAN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spans),
	    cmocka_unit_test(counts),
	    cmocka_unit_test(objects),
	    cmocka_unit_test(calls),
	    cmocka_unit_test(origins),
	    cmocka_unit_test(reasons),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(microseconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
