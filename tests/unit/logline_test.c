#include "proxy/logline.h"

#include "inspect/rules/rules.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

/* -- fixture and helpers ----------------------------------------------------------------------- */

static const int64_t WALL_MS = 1795375292123; /* 2026-11-22T19:21:32.123Z */
static struct logline line;

static const struct rule RULE = {.slug = "leading-wildcard-unindexed", .code = "Q101", .severity = SEVERITY_WARN};

static struct stats_finding finding_of_design(void)
{
	return (struct stats_finding){
	    .database = "shop",
	    .user = "web",
	    .application = "gunicorn",
	    .route = "/search/",
	    .fingerprint = 0x8f1c0e5ad9b0c2aa,
	    .query =
	        (char *)"SELECT a\n  FROM \"shop_product\" WHERE UPPER(\"shop_product\".\"name\"::text) LIKE UPPER($1)",
	    .rule = &RULE,
	    .severity = SEVERITY_WARN,
	    .action = ACTION_LOG,
	    .evidence = EVIDENCE_CATALOG,
	    .table = (char *)"shop_product",
	    .column = (char *)"name",
	    .message = (char *)"each call reads the whole table",
	    .hint = (char *)"Add an index",
	    .fix_sql = (char *)"CREATE EXTENSION pg_trgm;\nCREATE INDEX CONCURRENTLY x;",
	    .fix_django = (char *)"GinIndex()",
	    .table_rows = 1200000,
	    .count = 1,
	};
}

static const char *text(void)
{
	static char copy[LIMIT_LOG_LINE_BYTES + 1];
	memcpy(copy, line.text, line.len);
	copy[line.len] = '\0';
	return copy;
}

static struct json_object *parse(void)
{
	assert_true(line.len <= LIMIT_LOG_LINE_BYTES);
	assert_int_equal(line.text[line.len - 1], '\n');
	assert_null(memchr(line.text, '\n', line.len - 1));
	struct json_tokener *tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *object = json_tokener_parse_ex(tokener, line.text, (int)line.len);
	if (object == NULL)
		fail_msg("no JSON: %.*s", (int)line.len, line.text);
	json_tokener_free(tokener);
	return object;
}

static const char *field(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;
	return json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : NULL;
}

static void begin_json(void)
{
	logline_begin(&line, SETTINGS_FORMAT_JSON, WALL_MS, LOG_LEVEL_INFO, "x");
}

static void assert_json_text(const char *value, size_t len, const char *expected)
{
	begin_json();
	logline_text_n(&line, "v", value, len);
	logline_end(&line);
	char whole[512];
	snprintf(whole, sizeof(whole),
	         "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"x\",\"level\":\"info\",\"v\":\"%s\"}\n", expected);
	assert_string_equal(text(), whole);
	json_object_put(parse());
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Time, event and level come first, the rest in the order of the calls; every type has its own form. */
static void json_fields(void **state)
{
	(void)state;
	logline_begin(&line, SETTINGS_FORMAT_JSON, WALL_MS, LOG_LEVEL_WARNING, "slow");
	logline_text(&line, "query", "SELECT $1");
	logline_int(&line, "rows", -3);
	logline_real(&line, "took_ms", 1234.5678);
	logline_bool(&line, "cut_off", false);
	logline_hex(&line, "fingerprint", 0xabc);
	logline_text(&line, "absent", NULL);
	logline_text(&line, "empty", "");
	logline_end(&line);
	assert_string_equal(text(), "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"slow\",\"level\":\"warning\","
	                            "\"query\":\"SELECT $1\",\"rows\":-3,\"took_ms\":1234.568,\"cut_off\":false,"
	                            "\"fingerprint\":\"0000000000000abc\"}\n");
	json_object_put(parse());
}

/* Numbers have at most three decimals and never an exponent; what is none is null. */
static void reals(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0"},
	             {-0.0, "0"},
	             {-0.0001, "0"},
	             {1, "1"},
	             {0.5, "0.5"},
	             {0.0005, "0.001"},
	             {1e15, "1000000000000000"},
	             {100, "100"},
	             {-2.25, "-2.25"},
	             {(double)INFINITY, "null"},
	             {(double)NAN, "null"}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		begin_json();
		logline_real(&line, "v", cases[at].value);
		logline_end(&line);
		struct json_object *object = parse();
		const char *start = strstr(text(), "\"v\":") + 4;
		assert_int_equal(strncmp(start, cases[at].text, strlen(cases[at].text)), 0);
		assert_int_equal(start[strlen(cases[at].text)], '}');
		json_object_put(object);
	}
	begin_json();
	logline_real(&line, "v", 1.7976931348623157e308);
	logline_end(&line);
	assert_null(strchr(strstr(text(), "\"v\":") + 4, 'e'));
	json_object_put(parse());
}

/* Quotes, control characters and what reorders text are escaped; what is no UTF-8 becomes U+FFFD. */
static void json_escapes(void **state)
{
	(void)state;
	assert_json_text("a\"b\\c", 5, "a\\\"b\\\\c");
	assert_json_text("\n\r\t\b\f", 5, "\\n\\r\\t\\b\\f");
	assert_json_text("\0\x01\x1b\x7f", 4, "\\u0000\\u0001\\u001b\\u007f");
	assert_json_text("\xc2\x9b", 2, "\\u009b");
	assert_json_text("\xe2\x80\xa8\xe2\x80\xae", 6, "\\u2028\\u202e");
	assert_json_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_json_text("\xff", 1, "\xef\xbf\xbd");
	assert_json_text("\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
	assert_json_text("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
	assert_json_text("\xf4\x90\x80\x80x", 5, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	assert_json_text("a\xe2\x82", 3, "a\xef\xbf\xbd\xef\xbf\xbd"); /* cut off */
}

/* Every byte pair makes valid JSON and valid UTF-8, in both formats one line. */
static void any_bytes(void **state)
{
	(void)state;
	for (int first = 0; first < 256; first++) {
		begin_json();
		for (int second = 0; second < 256; second += 3) {
			char pair[3] = {(char)first, (char)second, (char)(second ^ 0x80)};
			logline_text_n(&line, "v", pair, sizeof(pair));
		}
		logline_end(&line);
		json_object_put(parse());
	}
}

/* However long the values are: the line ends in time, is valid JSON, says that it is cut, and cuts no character. */
static void long_values(void **state)
{
	(void)state;
	static const char *const fills[] = {"x", "\"", "\x01", "\xf0\x9f\x98\x80", "\xff"};
	static char value[3 * LIMIT_LOG_LINE_BYTES];
	for (size_t fill = 0; fill < ARRAY_LEN(fills); fill++) {
		size_t unit = strlen(fills[fill]);
		for (size_t before = 0; before < 40; before++) {
			for (size_t at = 0; at + unit <= sizeof(value); at += unit)
				memcpy(value + at, fills[fill], unit);
			begin_json();
			logline_text_n(&line, "p", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", before);
			logline_text_n(&line, "v", value, sizeof(value) / unit * unit);
			logline_int(&line, "after", 123456);
			logline_text(&line, "more", "text");
			logline_end(&line);
			struct json_object *object = parse();
			assert_string_equal(field(object, "cut"), "true");
			const char *got = field(object, "v");
			assert_string_equal(got + strlen(got) - strlen("…"), "…");
			assert_true(line.len > LIMIT_LOG_LINE_BYTES - 64);
			json_object_put(object);
		}
	}
}

/* A value that just fits is not cut; one byte more is. */
static void exact_fit(void **state)
{
	(void)state;
	static char value[LIMIT_LOG_LINE_BYTES];
	memset(value, 'x', sizeof(value));
	size_t fits = 0;
	for (size_t len = LIMIT_LOG_LINE_BYTES - 200; len < LIMIT_LOG_LINE_BYTES; len++) {
		begin_json();
		logline_text_n(&line, "v", value, len);
		logline_end(&line);
		struct json_object *object = parse();
		bool cut = field(object, "cut") != NULL;
		if (!cut) {
			assert_int_equal(strlen(field(object, "v")), len);
			assert_int_equal(fits, 0);
		} else if (fits == 0) {
			fits = len - 1;
		}
		json_object_put(object);
	}
	assert_true(fits > 0);
}

/* Thousands of fields that no longer fit are left out, whole. */
static void many_fields(void **state)
{
	(void)state;
	begin_json();
	for (int at = 0; at < 5000; at++) {
		logline_int(&line, "number", at);
		logline_bool(&line, "truth", true);
		logline_hex(&line, "hex", 1);
		logline_text(&line, "text", "abc");
	}
	logline_end(&line);
	struct json_object *object = parse();
	assert_string_equal(field(object, "cut"), "true");
	json_object_put(object);
}

/* The text format reads as a person expects, and quotes only what needs it. */
static void text_line(void **state)
{
	(void)state;
	logline_begin(&line, SETTINGS_FORMAT_TEXT, WALL_MS, LOG_LEVEL_INFO, "started");
	logline_text(&line, "listen", "127.0.0.1:6433");
	logline_int(&line, "pid", 7);
	logline_text(&line, "application", "my \"app\"");
	logline_text(&line, "odd", "a\nb\x1b[2J");
	logline_hex(&line, "fingerprint", 1);
	logline_end(&line);
	assert_string_equal(text(),
	                    "2026-11-22 19:21:32.123 INFO  started  listen=127.0.0.1:6433 pid=7 application=\"my "
	                    "\\\"app\\\"\" odd=a\\nb\\u001b[2J fingerprint=0000000000000001\n");
	logline_begin(&line, SETTINGS_FORMAT_TEXT, WALL_MS, LOG_LEVEL_ERROR, "error");
	logline_text(&line, "message", "the server is away");
	logline_int(&line, "port", 5432);
	logline_end(&line);
	assert_string_equal(text(), "2026-11-22 19:21:32.123 ERROR error    the server is away port=5432\n");
}

/* A first sight tells the whole story, each further line of a fix below its first. */
static void finding_text(void **state)
{
	(void)state;
	struct stats_finding finding = finding_of_design();
	logline_finding(&line, SETTINGS_FORMAT_TEXT, WALL_MS, &finding, NULL);
	assert_string_equal(
	    text(), "2026-11-22 19:21:32.123 WARN  leading-wildcard-unindexed  shop_product.name  1.2M rows  "
	            "/search/  8f1c0e5ad9b0c2aa\n"
	            "      SELECT a FROM \"shop_product\" WHERE UPPER(\"shop_product\".\"name\"::text) LIKE UPPER($1)\n"
	            "      why     each call reads the whole table\n"
	            "      fix     CREATE EXTENSION pg_trgm;\n"
	            "              CREATE INDEX CONCURRENTLY x;\n"
	            "      django  GinIndex()\n");
}

/* At the end of an interval it is one line, with the figures of the statement. */
static void finding_text_of_interval(void **state)
{
	(void)state;
	struct stats_finding finding = finding_of_design();
	struct stats_row row = {.calls = 412};
	histogram_record(&row.latency, 1300000);
	finding.counted = true;
	finding.action = ACTION_REJECT;
	finding.severity = SEVERITY_BLOCK;
	logline_finding(&line, SETTINGS_FORMAT_TEXT, WALL_MS, &finding, &row);
	assert_string_equal(
	    text(), "2026-11-22 19:21:32.123 BLOCK  leading-wildcard-unindexed  rejected  shop_product.name  1.2M "
	            "rows  412 calls  p95 1.3 s  /search/  8f1c0e5ad9b0c2aa\n");
}

/* Without a fix there is the hint; without a table, a route or a size nothing stands in their place. */
static void finding_text_bare(void **state)
{
	(void)state;
	struct stats_finding finding = finding_of_design();
	finding.table = finding.column = finding.fix_sql = finding.fix_django = NULL;
	finding.route[0] = '\0';
	finding.query = (char *)"  x \n";
	logline_finding(&line, SETTINGS_FORMAT_TEXT, WALL_MS, &finding, NULL);
	assert_string_equal(text(), "2026-11-22 19:21:32.123 WARN  leading-wildcard-unindexed  8f1c0e5ad9b0c2aa\n"
	                            "      x\n"
	                            "      why     each call reads the whole table\n"
	                            "      hint    Add an index\n");
}

/* The JSON finding has the fields of the design, in their order; only a first sight says so. */
static void finding_json(void **state)
{
	(void)state;
	static const char *const order[] = {
	    "ts",         "event", "level",  "rule",       "code",     "severity",    "action", "fingerprint",
	    "query",      "table", "column", "table_rows", "evidence", "message",     "hint",   "fix_sql",
	    "fix_django", "count", "first",  "database",   "user",     "application", "route"};
	struct stats_finding finding = finding_of_design();
	logline_finding(&line, SETTINGS_FORMAT_JSON, WALL_MS, &finding, NULL);
	struct json_object *object = parse();
	size_t at = 0;
	json_object_object_foreach(object, key, value)
	{
		(void)value;
		assert_true(at < ARRAY_LEN(order));
		assert_string_equal(key, order[at++]);
	}
	assert_int_equal(at, ARRAY_LEN(order));
	assert_string_equal(field(object, "table_rows"), "1200000");
	assert_string_equal(field(object, "severity"), "warning");
	assert_string_equal(field(object, "action"), "logged");
	assert_string_equal(field(object, "evidence"), "catalog");
	assert_string_equal(field(object, "first"), "true");
	json_object_put(object);

	struct stats_row row = {.calls = 412};
	histogram_record(&row.latency, 1300000);
	finding.counted = true;
	finding.table_rows = -1;
	finding.count = 400;
	logline_finding(&line, SETTINGS_FORMAT_JSON, WALL_MS, &finding, &row);
	object = parse();
	assert_null(field(object, "first"));
	assert_null(field(object, "table_rows"));
	assert_string_equal(field(object, "count"), "400");
	assert_string_equal(field(object, "calls"), "412");
	assert_string_equal(field(object, "p95_ms"), "1300");
	json_object_put(object);
}

/* A finding whose texts are all as long as can be still has its count and its database. */
static void finding_too_long(void **state)
{
	(void)state;
	static char huge[LIMIT_LOG_LINE_BYTES];
	memset(huge, '"', sizeof(huge) - 1);
	struct stats_finding finding = finding_of_design();
	finding.query = finding.message = finding.hint = finding.fix_sql = finding.fix_django = huge;
	logline_finding(&line, SETTINGS_FORMAT_JSON, WALL_MS, &finding, NULL);
	struct json_object *object = parse();
	assert_string_equal(field(object, "count"), "1");
	assert_string_equal(field(object, "database"), "shop");
	assert_string_equal(field(object, "route"), "/search/");
	assert_string_equal(field(object, "cut"), "true");
	json_object_put(object);
	logline_finding(&line, SETTINGS_FORMAT_TEXT, WALL_MS, &finding, NULL);
	assert_true(line.len <= LIMIT_LOG_LINE_BYTES);
	assert_int_equal(line.text[line.len - 1], '\n');
}

/* The figures of a statement, and those fields that only appear when there is something to tell. */
static void fingerprint_json(void **state)
{
	(void)state;
	struct stats_row row = {.database = "shop",
	                        .fingerprint = 0xabc,
	                        .query = (char *)"SELECT $1",
	                        .calls = 4,
	                        .errors = 0,
	                        .rows = 9,
	                        .total_us = 10000};
	for (int at = 0; at < 4; at++)
		histogram_record(&row.latency, 2500);
	logline_fingerprint(&line, SETTINGS_FORMAT_JSON, WALL_MS, &row);
	assert_string_equal(
	    text(),
	    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"fingerprint\",\"level\":\"info\",\"database\":\"shop\","
	    "\"fingerprint\":\"0000000000000abc\",\"query\":\"SELECT $1\",\"calls\":4,\"errors\":0,\"rows\":9,"
	    "\"total_ms\":10,\"mean_ms\":2.5,\"p50_ms\":2.5,\"p95_ms\":2.5,\"p99_ms\":2.5,\"max_ms\":2.5,"
	    "\"histogram\":\"131:4\"}\n");
	row.errors = row.errors_by_class[STATS_ERROR_INTEGRITY] = 1;
	row.rejected = 2;
	row.first_byte_us = 8000;
	row.bytes = 77;
	logline_fingerprint(&line, SETTINGS_FORMAT_JSON, WALL_MS, &row);
	struct json_object *object = parse();
	assert_string_equal(field(object, "errors_integrity"), "1");
	assert_null(field(object, "errors_data"));
	assert_string_equal(field(object, "rejected"), "2");
	assert_string_equal(field(object, "first_byte_ms"), "2");
	assert_string_equal(field(object, "bytes"), "77");
	json_object_put(object);
}

/* A full histogram beside a long query: whole entries only, and the line says that some are missing. */
static void fingerprint_too_long(void **state)
{
	(void)state;
	static char huge[LIMIT_LOG_LINE_BYTES];
	memset(huge, '"', sizeof(huge) - 1);
	struct stats_row row = {.database = "shop", .query = huge, .calls = 1};
	for (size_t at = 0; at < HISTOGRAM_BUCKETS; at++)
		row.latency.counts[at] = UINT32_MAX;
	row.latency.total = 1;
	logline_fingerprint(&line, SETTINGS_FORMAT_JSON, WALL_MS, &row);
	struct json_object *object = parse();
	struct histogram back = {0};
	assert_true(histogram_read(&back, field(object, "histogram")) > 100);
	assert_string_equal(field(object, "cut"), "true");
	json_object_put(object);
	/* The worst that a day brings, six digits in each bucket, fits beside an ordinary query. */
	for (size_t at = 0; at < HISTOGRAM_BUCKETS; at++)
		row.latency.counts[at] = 999999;
	huge[500] = '\0';
	logline_fingerprint(&line, SETTINGS_FORMAT_JSON, WALL_MS, &row);
	assert_false(line.cut);
}

/* The rows of an interval stand below each other, whatever the numbers are. */
static void fingerprint_text_is_aligned(void **state)
{
	(void)state;
	struct stats_row rows[3] = {
	    {.fingerprint = 1, .query = (char *)"SELECT 1", .calls = 1, .total_us = 10},
	    {.fingerprint = 2, .query = (char *)"SELECT 2", .calls = 123456, .total_us = 98765432100},
	    {.fingerprint = 3, .query = (char *)"SELECT 3", .calls = 999, .total_us = 5000},
	};
	size_t column = 0;
	for (size_t at = 0; at < 3; at++) {
		histogram_record(&rows[at].latency, rows[at].total_us);
		logline_fingerprint(&line, SETTINGS_FORMAT_TEXT, WALL_MS, &rows[at]);
		const char *start = text(), *query = strstr(start, "SELECT");
		assert_non_null(query);
		size_t characters = 0;
		for (const char *byte = start; byte < query; byte++)
			characters += ((unsigned char)*byte & 0xC0) != 0x80;
		if (at == 0)
			column = characters;
		assert_int_equal(characters, column);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_fields),          cmocka_unit_test(reals),
	    cmocka_unit_test(json_escapes),         cmocka_unit_test(any_bytes),
	    cmocka_unit_test(long_values),          cmocka_unit_test(exact_fit),
	    cmocka_unit_test(many_fields),          cmocka_unit_test(text_line),
	    cmocka_unit_test(finding_text),         cmocka_unit_test(finding_text_of_interval),
	    cmocka_unit_test(finding_text_bare),    cmocka_unit_test(finding_json),
	    cmocka_unit_test(finding_too_long),     cmocka_unit_test(fingerprint_json),
	    cmocka_unit_test(fingerprint_too_long), cmocka_unit_test(fingerprint_text_is_aligned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
