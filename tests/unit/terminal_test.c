#include "report/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------- */

/* The review of these lines, as text; the caller's. */
static char *print(const char *const *lines, bool unicode, bool colour, unsigned width)
{
	struct review *review = review_new();
	for (; *lines != NULL; lines++)
		(void)review_add(review, *lines, strlen(*lines));
	char *text = NULL;
	size_t len;
	struct page page = {.file = open_memstream(&text, &len), .unicode = unicode, .colour = colour, .width = width};
	assert_non_null(page.file);
	terminal_print(&page, review);
	fclose(page.file);
	review_free(review);
	return text;
}

static void assert_printed(const char *const *lines, const char *expected)
{
	char *text = print(lines, true, false, 100);
	assert_string_equal(text, expected);
	free(text);
}

static const char *const SHOP[] = {
    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"started\",\"level\":\"info\"}",
    "{\"ts\":\"2026-11-22T19:22:32.123Z\",\"event\":\"fingerprint\",\"database\":\"shop\",\"fingerprint\":"
    "\"8f1c0e5ad9b0c2aa\","
    "\"query\":\"SELECT a FROM shop_product\\n WHERE UPPER(name) LIKE "
    "UPPER($1)\",\"calls\":400,\"errors\":1,\"total_ms\":360000,"
    "\"max_ms\":2100,\"histogram\":\"240:100 276:300\"}",
    "{\"ts\":\"2026-11-22T19:22:32.123Z\",\"event\":\"fingerprint\",\"database\":\"shop\",\"fingerprint\":"
    "\"0000000000000001\","
    "\"query\":\"SELECT $1\",\"calls\":1,\"errors\":0,\"total_ms\":0.017,\"max_ms\":0.017,\"histogram\":\"17:1\"}",
    "{\"ts\":\"2026-11-22T19:22:32.123Z\",\"event\":\"finding\",\"rule\":\"leading-wildcard-unindexed\",\"severity\":"
    "\"warning\","
    "\"action\":\"logged\",\"fingerprint\":\"8f1c0e5ad9b0c2aa\",\"query\":\"SELECT a FROM "
    "shop_product\",\"table\":\"shop_product\","
    "\"column\":\"name\",\"table_rows\":1200000,\"message\":\"each call reads the whole table because nothing that is "
    "there "
    "serves this very expression and operator\",\"fix_sql\":\"CREATE EXTENSION pg_trgm;\\nCREATE INDEX CONCURRENTLY "
    "x;\","
    "\"fix_django\":\"GinIndex()\",\"count\":400,\"database\":\"shop\",\"route\":\"/search/\"}",
    "{\"ts\":\"2026-11-22T19:22:33.123Z\",\"event\":\"finding\",\"rule\":\"index-build-blocks-writes\",\"severity\":"
    "\"block\","
    "\"action\":\"rejected\",\"fingerprint\":\"2222222222222222\",\"query\":\"CREATE INDEX x ON shop_product (name)\","
    "\"table\":\"shop_product\",\"table_rows\":1200000,\"hint\":\"Use "
    "AddIndexConcurrently.\",\"count\":1,\"database\":\"shop\","
    "\"user\":\"web\",\"application\":\"manage.py\"}",
    "{\"ts\":\"2026-11-22T19:22:34.123Z\",\"event\":\"unparsed\",\"reason\":\"too deep\"}",
    "garbage",
    NULL,
};

/* -- cases --------------------------------------------------------------------------------------- */

/* The whole review, as it stands on a terminal. */
static void the_review(void **state)
{
	(void)state;
	assert_printed(
	    SHOP, "pgproctor review   2026-11-22 19:21:32 to 19:22:34 UTC\n"
	          "401 statements, 1 error, 0 rejected   6.0 min in the database   2 kinds of statement, 2 findings\n"
	          "\n"
	          "Where the time goes\n"
	          "   #     total  share   calls      mean       p95       max  64 µs         4 s  fingerprint\n"
	          "   1   6.0 min  100 %     400    900 ms     1.4 s     2.1 s               ▃ █   8f1c0e5ad9b0c2aa  1 "
	          "error\n"
	          "      SELECT a FROM shop_product WHERE UPPER(name) LIKE UPPER($1)\n"
	          "   2     17 µs    0 %       1     17 µs     17 µs     17 µs  █                  0000000000000001\n"
	          "      SELECT $1\n"
	          "\n"
	          "What was found\n"
	          "BLOCK index-build-blocks-writes  rejected  shop_product  1.2M rows  1 call  manage.py, user web  "
	          "2222222222222222\n"
	          "      CREATE INDEX x ON shop_product (name)\n"
	          "      hint    Use AddIndexConcurrently.\n"
	          "\n"
	          "WARN  leading-wildcard-unindexed  shop_product.name  1.2M rows  400 calls  p95 1.4 s  /search/  "
	          "8f1c0e5ad9b0c2aa\n"
	          "      SELECT a FROM shop_product\n"
	          "      why     each call reads the whole table because nothing that is there serves this very\n"
	          "              expression and operator\n"
	          "      fix     CREATE EXTENSION pg_trgm;\n"
	          "              CREATE INDEX CONCURRENTLY x;\n"
	          "      django  GinIndex()\n"
	          "\n"
	          "What was rejected\n"
	          "    1  index-build-blocks-writes  shop_product  manage.py, user web  2222222222222222\n"
	          "       CREATE INDEX x ON shop_product (name)\n"
	          "\n"
	          "What could not be judged\n"
	          "  1 kind of statement passed on unjudged: too deep\n"
	          "  1 of 7 lines read are not pgproctor's JSON and were skipped\n");
}

/* A log without traffic says so, and has no empty sections. */
static void nothing_happened(void **state)
{
	(void)state;
	static const char *const lines[] = {"{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"started\"}", NULL};
	assert_printed(lines,
	               "pgproctor review   2026-11-22 19:21:32 to 19:21:32 UTC\n"
	               "0 statements, 0 errors, 0 rejected   0 µs in the database   0 kinds of statement, 0 findings\n"
	               "\n"
	               "Where the time goes\n"
	               "  no statement ran to its end\n"
	               "\n"
	               "What was found\n"
	               "  nothing\n");
}

/* Without Unicode every byte is ASCII, and without colour there is no escape; with it there is. */
static void plain_terminals(void **state)
{
	(void)state;
	char *text = print(SHOP, false, false, 100);
	for (const char *at = text; *at != '\0'; at++)
		assert_true((unsigned char)*at < 0x80 && *at != '\033');
	free(text);
	text = print(SHOP, true, true, 100);
	assert_non_null(strstr(text, "\033[1;31mBLOCK index-build-blocks-writes\033[0m"));
	free(text);
}

/* Queries end at the terminal's edge, whatever its width. */
static void widths(void **state)
{
	(void)state;
	char line[4096];
	char query[2000];
	memset(query, 'q', sizeof(query) - 1);
	query[sizeof(query) - 1] = '\0';
	snprintf(line, sizeof(line),
	         "{\"ts\":\"t\",\"event\":\"fingerprint\",\"fingerprint\":\"1\",\"query\":\"%s\",\"calls\":1}", query);
	const char *const lines[] = {line, NULL};
	for (unsigned width = 40; width < 240; width += 7) {
		char *text = print(lines, false, false, width);
		const char *row = strstr(text, "qqq");
		assert_non_null(row);
		assert_int_equal(6 + strcspn(row, "\n"), width);
		free(text);
	}
}

/* More kinds of statement than are listed are summed up. */
static void many_statements(void **state)
{
	(void)state;
	static char texts[30][160];
	const char *lines[31] = {NULL};
	for (int at = 0; at < 30; at++) {
		snprintf(texts[at], sizeof(texts[at]),
		         "{\"ts\":\"t\",\"event\":\"fingerprint\",\"fingerprint\":\"%d\",\"query\":\"q\",\"calls\":1,"
		         "\"total_ms\":10}",
		         at + 1);
		lines[at] = texts[at];
	}
	char *text = print(lines, true, false, 100);
	assert_non_null(strstr(text, "  15    "));
	assert_null(strstr(text, "  16    "));
	assert_non_null(strstr(text, "and 15 more kinds of statement, together 50.0 % of the time"));
	free(text);
}

/* What a log claims to be a table, a rule or a route can't move the cursor or forge a line. */
static void hostile_log(void **state)
{
	(void)state;
	static const char *const lines[] = {"{\"ts\":\"t\\u001b[2J\\n\",\"event\":\"finding\",\"rule\":\"r\\u001b]0;"
	                                    "x\\u0007\",\"table\":\"a\\nb\",\"route\":\"/\\r\\n\\u009bx\","
	                                    "\"query\":\"q\\u001b[31m\",\"message\":\"m\\u001b[0m\",\"fix_sql\":"
	                                    "\"f\\u001b\",\"fingerprint\":\"\\u001b\",\"action\":\"rejected\"}",
	                                    "{\"ts\":\"t\",\"event\":\"unparsed\",\"reason\":\"\\u001b[2J\"}", NULL};
	char *text = print(lines, true, false, 100);
	for (const char *at = text; *at != '\0'; at++)
		assert_true((unsigned char)*at >= 0x20 || *at == '\n');
	assert_null(strstr(text, "\xc2\x9b"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_review), cmocka_unit_test(nothing_happened), cmocka_unit_test(plain_terminals),
	    cmocka_unit_test(widths),     cmocka_unit_test(many_statements),  cmocka_unit_test(hostile_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
