#include "report/index_audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct review *review;

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

static void add(const char *event, int second, const char *format, ...) PRINTF_LIKE(3, 4);
static void add(const char *event, int second, const char *format, ...)
{
	char line[1000];
	int len = snprintf(line, sizeof(line), "{\"ts\":\"2026-11-22T19:21:%02d.000Z\",\"event\":\"%s\",\"database\":\"shop\",",
	                   second, event);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line + len, sizeof(line) - (size_t)len, format, arguments);
	va_end(arguments);
	len = (int)strlen(line);
	snprintf(line + len, sizeof(line) - (size_t)len, "}");
	assert_int_equal(review_add(review, line, strlen(line)), REVIEW_TAKEN);
}

static void ran(const char *fingerprint, int calls, int total_ms)
{
	add("fingerprint", 50, "\"fingerprint\":\"%s\",\"query\":\"SELECT $1\",\"calls\":%d,\"total_ms\":%d", fingerprint,
	    calls, total_ms);
}

/* `more`: further fields, each with a comma before it. */
static void asks(const char *fingerprint, const char *expression, const char *used, const char *operator, const char *more)
{
	add("access", 1,
	    "\"fingerprint\":\"%s\",\"relation\":\"orders\",\"expression\":\"%s\",\"used\":\"%s\",\"operator\":\"%s\","
	    "\"table_rows\":2000000%s",
	    fingerprint, expression, used, operator, more);
}

/* Each row as "object used calls ms: advice". */
static void expect(const char *expected)
{
	char found[2000] = "", object[WORDING_BYTES], advice[WORDING_BYTES];
	uint32_t count;
	struct index_audit_row *rows = index_audit_rows(review, &count);
	for (uint32_t at = 0; at < count; at++) {
		index_audit_object(&rows[at], object);
		index_audit_advice(&rows[at], advice);
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s | %s | %d calls, %.0f ms | %s\n", object,
		         rows[at].used, (int)rows[at].calls, rows[at].total_ms, advice);
	}
	free(rows);
	assert_string_equal(found, expected);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* A column is one row, however many statements ask for it; each statement counts once, and what lacks an index is first. */
static void adds_up(void **state)
{
	(void)state;
	ran("a1", 10, 100);
	ran("b2", 5, 900);
	ran("c3", 1, 3);
	asks("a1", "owner", "filter", "=", ",\"index\":\"orders_owner\"");
	asks("a1", "owner", "join", "=", ",\"index\":\"orders_owner\"");
	asks("b2", "owner", "filter", "<", ",\"index\":\"orders_owner\"");
	asks("b2", "state", "filter", "=", "");
	asks("c3", "note", "filter", "=", "");
	asks("c3", "note", "filter", "~~", "");
	asks("gone", "total", "filter", "=", ""); /* told, but its figures are not in this log */
	expect("orders.state | filter = | 5 calls, 900 ms | no index: it needs one\n"
	       "orders.note | filter =, ~~ | 1 calls, 3 ms | no index serves this operator: see what was found\n"
	       "orders.total | filter = | 0 calls, 0 ms | no index: it needs one\n"
	       "orders.owner | filter <, =; join = | 15 calls, 1000 ms | orders_owner\n");
}

/* What is said of one that lacks an index: why none is missed, or what it takes. */
static void advice(void **state)
{
	(void)state;
	asks("a1", "kind", "filter", "=", ",\"few_rows_left\":true");
	asks("a1", "state", "filter", "=", ",\"n_distinct\":4,\"selectivity_percent\":25");
	asks("a1", "state desc", "sort", "", "");
	asks("a1", "owner", "filter", "=", ",\"index\":\"orders_owner\"");
	asks("b2", "owner", "filter", "=", "");
	asks("c3", "owner", "filter", "=", ",\"index\":\"other\"");
	add("access", 1, "\"fingerprint\":\"a1\",\"relation\":\"tiny\",\"expression\":\"x\",\"used\":\"filter\",\"table_rows\":90");
	expect("orders.owner | filter = | 0 calls, 0 ms | orders_owner, other; not for 1 of 3 kinds of statement\n"
	       "orders.state | filter = | 0 calls, 0 ms | no index, and one on it alone is of little use: too few values; "
	       "combine it, or make it partial\n"
	       "orders: state desc | sort | 0 calls, 0 ms | no index has this order: one would begin with what is compared "
	       "by =\n"
	       "tiny.x | filter | 0 calls, 0 ms | no index is missed: a small table\n"
	       "orders.kind | filter = | 0 calls, 0 ms | no index, and none is missed: other conditions leave few rows\n");
}

/* An index that was built since counts, in whatever order the logs are read; and so does one that is gone. */
static void later_lines(void **state)
{
	(void)state;
	add("access", 9, "\"fingerprint\":\"a1\",\"relation\":\"orders\",\"expression\":\"x\",\"used\":\"filter\",\"operator\":\"=\","
	                 "\"index\":\"orders_x\"");
	add("access", 3, "\"fingerprint\":\"a1\",\"relation\":\"orders\",\"expression\":\"x\",\"used\":\"filter\",\"operator\":\"=\"");
	expect("orders.x | filter = | 0 calls, 0 ms | orders_x\n");
	add("access", 10, "\"fingerprint\":\"a1\",\"relation\":\"orders\",\"expression\":\"x\",\"used\":\"filter\",\"operator\":\"=\"");
	expect("orders.x | filter = | 0 calls, 0 ms | no index: it needs one\n");
}

/* Those that no statement needs; an index of the same name elsewhere is another one. */
static void spares(void **state)
{
	(void)state;
	uint32_t count;
	add("indexes", 1, "\"relation\":\"orders\",\"indexes\":[\"a\",\"b\",\"gone\"]");
	add("indexes", 2, "\"relation\":\"orders\",\"indexes\":[\"a\",\"b\"]");
	add("indexes", 0, "\"relation\":\"orders\",\"indexes\":[\"older\"]");
	add("indexes", 2, "\"relation\":\"item\",\"indexes\":[\"b\"]");
	add("indexes", 2, "\"relation\":\"odd\",\"indexes\":[7]");
	asks("a1", "x", "filter", "=", ",\"index\":\"b\"");
	struct index_audit_spare *found = index_audit_spares(review, &count);
	char text[200] = "";
	for (uint32_t at = 0; at < count; at++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s.%s ", found[at].relation, found[at].index);
	free(found);
	assert_string_equal(text, "odd. item.b orders.a ");
}

/* Shares as a person reads them. */
static void shares(void **state)
{
	(void)state;
	char words[WORDING_BYTES];
	static const struct {
		double percent;
		const char *words;
	} cases[] = {{-1, ""}, {0.0001, "< 0.01 %"}, {0.5, "0.50 %"}, {25.4, "25 %"}, {100, "100 %"}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		index_audit_share(&(struct index_audit_row){.share_percent = cases[at].percent}, words);
		assert_string_equal(words, cases[at].words);
	}
}

/* A column's uses are more than fit: cut, not overrun. */
static void long_uses(void **state)
{
	(void)state;
	for (int at = 0; at < 60; at++) {
		char operator[16];
		snprintf(operator, sizeof(operator), "<<%d>>", at + 10);
		asks("a1", "x", "filter", operator, "");
	}
	uint32_t count;
	struct index_audit_row *rows = index_audit_rows(review, &count);
	assert_int_equal(count, 1);
	assert_int_equal(strlen(rows[0].used), INDEX_AUDIT_USED_BYTES - 1);
	free(rows);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(adds_up), CASE(advice), CASE(later_lines),
	                                   CASE(spares),  CASE(shares), CASE(long_uses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
