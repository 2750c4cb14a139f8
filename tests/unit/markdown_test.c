#include "report/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------- */

static char *print(const char *const *lines)
{
	struct review *review = review_new();
	for (; *lines != NULL; lines++)
		(void)review_add(review, *lines, strlen(*lines));
	char *text = NULL;
	size_t len;
	struct page page = {.file = open_memstream(&text, &len), .unicode = true, .width = 120};
	assert_non_null(page.file);
	markdown_print(&page, review);
	fclose(page.file);
	review_free(review);
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* The whole review as a document. */
static void the_review(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "{\"ts\":\"2026-11-22T19:21:32.123Z\",\"event\":\"fingerprint\",\"fingerprint\":\"1111111111111111\","
	    "\"query\":\"SELECT a || $1\","
	    "\"calls\":2,\"errors\":0,\"total_ms\":3,\"max_ms\":2,\"histogram\":\"110:2\"}",
	    "{\"ts\":\"2026-11-22T19:21:33.123Z\",\"event\":\"finding\",\"rule\":\"index-build-blocks-writes\","
	    "\"severity\":\"block\","
	    "\"action\":\"rejected\",\"fingerprint\":\"2222222222222222\",\"query\":\"CREATE INDEX "
	    "x\",\"table\":\"shop_product\","
	    "\"table_rows\":1200000,\"message\":\"Writes wait.\",\"hint\":\"Use "
	    "AddIndexConcurrently.\",\"fix_sql\":\"CREATE INDEX CONCURRENTLY x;\","
	    "\"fix_django\":\"AddIndexConcurrently()\",\"count\":1,\"user\":\"web\"}",
	    "x", NULL};
	char *text = print(lines);
	assert_string_equal(
	    text,
	    "# pgproctor review\n"
	    "\n"
	    "2026-11-22 19:21:32 to 19:21:33 UTC. 2 statements, 0 errors, 0 rejected, 3.0 ms in the database; "
	    "1 kind of statement, 1 finding.\n"
	    "\n"
	    "## Where the time goes\n"
	    "\n"
	    "| # | total | share | calls | errors | mean | p95 | max | 64 µs to 4 s | statement | fingerprint |\n"
	    "|--:|--:|--:|--:|--:|--:|--:|--:|---|---|---|\n"
	    "| 1 | 3.0 ms | 100 % | 2 | 0 | 1.5 ms | 1.0 ms | 2.0 ms | `[    █            ]` | `SELECT a \\|\\| $1` | "
	    "`1111111111111111` |\n"
	    "\n"
	    "## What was found\n"
	    "\n"
	    "### BLOCK: index-build-blocks-writes on `shop_product`\n"
	    "\n"
	    "Rejected. 1 call, the table has 1.2M rows, from `user web`, fingerprint `2222222222222222`.\n"
	    "\n"
	    "`CREATE INDEX x`\n"
	    "\n"
	    "Writes wait.\n"
	    "\n"
	    "Use AddIndexConcurrently.\n"
	    "\n"
	    "```sql\n"
	    "CREATE INDEX CONCURRENTLY x;\n"
	    "```\n"
	    "\n"
	    "```python\n"
	    "AddIndexConcurrently()\n"
	    "```\n"
	    "\n"
	    "## What was rejected\n"
	    "\n"
	    "| times | rule | object | from | statement |\n"
	    "|--:|---|---|---|---|\n"
	    "| 1 | `index-build-blocks-writes` | `shop_product` | `user web` | `CREATE INDEX x` |\n"
	    "\n"
	    "## What could not be judged\n"
	    "\n"
	    "- 1 of 3 lines read are not pgproctor's JSON and were skipped\n");
	free(text);
}

/* Text from the log becomes no markup: fences are longer than the backticks in them, prose is escaped, cells hold. */
static void hostile_log(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "{\"ts\":\"t\",\"event\":\"finding\",\"rule\":\"<b>[x](http://"
	    "y)\",\"severity\":\"block\",\"action\":\"rejected\",\"fingerprint\":\"`|\","
	    "\"query\":\"a ``` b | c\\n\\n# heading\",\"table\":\"`t`\",\"message\":\"<script> *a* `b` \\n# c\","
	    "\"fix_sql\":\"x\\n```\\n# out\\n````\\ny\",\"count\":1}",
	    "{\"ts\":\"t\",\"event\":\"access\",\"fingerprint\":\"1\",\"relation\":\"`t\",\"expression\":\"a | b\",\"used\":"
	    "\"|\",\"index\":\"*x* | <b>\",\"table_rows\":7,\"n_distinct\":2,\"selectivity_percent\":50}",
	    "{\"ts\":\"t\",\"event\":\"indexes\",\"relation\":\"<t>\",\"indexes\":[\"`i`\"]}",
	    NULL};
	char *text = print(lines);
	assert_contains(text, "### BLOCK: \\<b\\>\\[x\\](http://y) on `` `t` ``\n");
	assert_contains(text, "\n````a ``` b | c # heading````\n");
	assert_contains(text, "\n\\<script\\> \\*a\\* \\`b\\`  \\# c\n");
	assert_contains(text, "\n`````sql\nx\n```\n# out\n````\ny\n`````\n");
	assert_contains(text, "| 1 | `<b>[x](http://y)` | `` `t` `` |  | ````a ``` b \\| c # heading```` |\n");
	assert_contains(text, "| 0 | 0 µs | 7 | 2 | 50 % | `` `t.a \\| b `` | `\\|` | \\*x\\* \\| \\<b\\> |\n");
	assert_contains(text, "- `` `i` `` on `<t>`\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_review), cmocka_unit_test(hostile_log)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
