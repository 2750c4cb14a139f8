#include "report/rule_page.h"

#include "inspect/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *written, *complained;
static size_t written_len, complained_len;

/* -- helpers -------------------------------------------------------------------------------------- */

static int explain(const char *name)
{
	free(written);
	free(complained);
	FILE *out = open_memstream(&written, &written_len), *complaints = open_memstream(&complained, &complained_len);
	assert_true(out && complaints);
	int status = rule_page_explain(out, complaints, name);
	fclose(out);
	fclose(complaints);
	return status;
}

static void print_table(bool markdown)
{
	free(written);
	FILE *out = open_memstream(&written, &written_len);
	assert_non_null(out);
	rule_page_table(out, markdown);
	fclose(out);
}

static int tear_down(void **state)
{
	(void)state;
	free(written);
	free(complained);
	written = complained = NULL;
	return 0;
}

/* -- cases ---------------------------------------------------------------------------------------- */

/* Each rule has every section of its page, and they are of its own: long enough to say something, code that is no
 * longer than a line can be, and no two rules that say the same. */
static void every_section(void **state)
{
	(void)state;
	static const char *const heads[] = {"\nWHY\n", "\nEXAMPLE\n", "\nSAFE\n", "\nHOW IT DECIDES\n",
	                                    "\nHOW TO SILENCE IT\n"};
	for (size_t i = 0; i < rules_count(); i++) {
		const struct rule *rule = rules_at(i);
		if (!rule->why || !rule->example || !rule->safe || !rule->decides)
			fail_msg("%s has no why, example, safe or decides", rule->code);
		const char *sections[] = {rule->why, rule->example, rule->safe, rule->decides};
		for (size_t s = 0; s < ARRAY_LEN(sections); s++) {
			if (strlen(sections[s]) < 15 || sections[s][strlen(sections[s]) - 1] == '\n')
				fail_msg("%s: too short, or ends with a line's end: %s", rule->code, sections[s]);
		}
		if (!strstr(rule->safe, "Django"))
			fail_msg("%s: what is safe is not said in Django's words", rule->code);
		for (size_t other = 0; other < i; other++) {
			assert_string_not_equal(rules_at(other)->why, rule->why);
			assert_string_not_equal(rules_at(other)->example, rule->example);
		}
		assert_int_equal(explain(rule->code), 0);
		assert_string_equal(complained, "");
		assert_non_null(strstr(written, rule->slug));
		assert_non_null(strstr(written, rule->title));
		const char *at = written;
		for (size_t h = 0; h < ARRAY_LEN(heads); h++) {
			at = strstr(at, heads[h]);
			if (!at)
				fail_msg("%s: its page lacks %s", rule->code, heads[h]);
		}
		char silence[128];
		snprintf(silence, sizeof(silence), "    [rules]\n    %s = off\n", rule->slug);
		assert_non_null(strstr(at, silence));
	}
}

/* A rule is found by its code and by its name, in any case; its own thresholds are on its page. */
static void by_either_name(void **state)
{
	(void)state;
	assert_int_equal(explain("q101"), 0);
	char *by_code = strdup(written);
	assert_int_equal(explain("Leading-Wildcard-Unindexed"), 0);
	assert_string_equal(by_code, written);
	free(by_code);
	assert_non_null(
	    strstr(written, "severity  error on a large table, warning on a medium one, silent on a small one\n"));
	assert_non_null(strstr(written, "action    logged; rejected with mode = enforce and enforce_from = error\n"));
	assert_non_null(strstr(written, "    [rule:leading-wildcard-unindexed]\n    large_table_rows = 1000000\n"));
	assert_int_equal(explain("M211"), 0);
	assert_non_null(strstr(written, "severity  block on a large table, silent on others\n"));
	assert_non_null(strstr(written, "action    logged; rejected with mode = enforce\n"));
}

/* What is no rule is an error that names the nearest one, and nothing is printed; control characters are not repeated.
 */
static void unknown(void **state)
{
	(void)state;
	assert_int_equal(explain("leading-wildcard-unindxed"), 2);
	assert_string_equal(written, "");
	assert_string_equal(complained,
	                    "pgproctor: explain: there is no rule \"leading-wildcard-unindxed\"; did you mean "
	                    "\"leading-wildcard-unindexed\"?\n");
	assert_int_equal(explain("xyz\x1b[2J"), 2);
	assert_string_equal(complained, "pgproctor: explain: there is no rule \"xyz?[2J\"; pgproctor check --rules has "
	                                "them all\n");
	assert_int_equal(explain(""), 2);
	assert_string_equal(written, "");
}

/* Prose is broken at the margin, between words; code is not. */
static void margins(void **state)
{
	(void)state;
	for (size_t i = 0; i < rules_count(); i++) {
		assert_int_equal(explain(rules_at(i)->code), 0);
		const char *why = strstr(written, "\nWHY\n") + 5, *end = strstr(why, "\nEXAMPLE\n");
		for (const char *line = why; line < end; line += strcspn(line, "\n") + 1) {
			size_t columns = 0;
			for (const char *byte = line; *byte != '\n'; byte++)
				columns += ((unsigned char)*byte & 0xC0) != 0x80;
			assert_true(columns <= 88);
			assert_true(strncmp(line, "    ", 4) == 0 && line[4] != ' ' && line[4] != '\n');
		}
	}
}

/* One line for each rule, by code, the queries' first; the two forms say the same. */
static void tables(void **state)
{
	(void)state;
	print_table(true);
	assert_non_null(
	    strstr(written, "| `leading-wildcard-unindexed` | Q101 | error | warning | — | a pattern with"));
	assert_non_null(strstr(written, "| `set-not-null-scans` | M211 | **block** | — | — | SET NOT NULL"));
	size_t lines = 0;
	for (const char *at = written; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, rules_count() + 2);
	assert_true(strstr(written, "| Q103 |") < strstr(written, "| Q104 |"));
	assert_true(strstr(written, "| Q106 |") < strstr(written, "| M202 |"));
	assert_true(strstr(written, "| M211 |") < strstr(written, "| M223 |"));
	print_table(false);
	assert_int_equal(strncmp(written, "CODE  RULE", 10), 0);
	assert_non_null(
	    strstr(written, "\nQ101  leading-wildcard-unindexed        error    warning  -        a pattern"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(every_section, tear_down), cmocka_unit_test_teardown(by_either_name, tear_down),
	    cmocka_unit_test_teardown(unknown, tear_down),       cmocka_unit_test_teardown(margins, tear_down),
	    cmocka_unit_test_teardown(tables, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
