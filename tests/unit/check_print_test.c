#include "proxy/check/check_print.h"

#include "inspect/rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char *text;
static size_t text_len;
static struct check_print print;
static const char source[] = "CREATE INDEX i ON\tbig (a);";
static struct check_print_place place;
static struct finding finding;

static void begin(enum check_print_format format)
{
	FILE *out = open_memstream(&text, &text_len);
	assert_non_null(out);
	check_print_begin(&print, out, format);
	place = (struct check_print_place){
	    .file = "a,b.sql",
	    .line = 3,
	    .column = 19,
	    .source = source,
	    .source_len = sizeof(source) - 1,
	    .marked = 3,
	    .fingerprint = 0xABC,
	    .query = "CREATE INDEX i ON big (a)",
	};
	finding = (struct finding){
	    .rule = rules_find("M202"),
	    .severity = SEVERITY_BLOCK,
	    .action = ACTION_LOG,
	    .evidence = EVIDENCE_CATALOG,
	    .table = "big",
	    .column = "a",
	    .table_rows = 2000000,
	    .message = "writes wait: \"all\" of them",
	    .hint = "build it CONCURRENTLY",
	    .fix_sql = "one;\ntwo;",
	    .fix_django = "",
	};
}

static void expect(const char *piece)
{
	if (strstr(text, piece) == NULL)
		fail_msg("\"%s\" is not in:\n%s", piece, text);
}

static void end(void)
{
	check_print_end(&print);
	fclose(print.out);
}

/* Like a compiler: the place, the severity, the line with a mark below the word, and the rest in rows. */
static void for_people(void **state)
{
	(void)state;
	begin(CHECK_PRINT_TEXT);
	check_print_finding(&print, &place, &finding);
	print.statements = 1;
	end();
	expect("a,b.sql:3:19: block: writes wait: \"all\" of them [index-build-blocks-writes, M202]\n");
	expect("    3 | CREATE INDEX i ON\tbig (a);\n      |                  \t^~~\n");
	expect("= table   big has ");
	expect("= fix     one;\n                two;\n");
	expect("1 statement, 1 finding: 1 block\n");
	assert_null(strstr(text, "django"));
	free(text);
}

/* The line of a secret is not shown, only where it is. */
static void no_secret(void **state)
{
	(void)state;
	begin(CHECK_PRINT_TEXT);
	finding.rule = rules_find("S401");
	place.source = "UPDATE t SET password = 'hunter2';";
	place.source_len = strlen(place.source);
	check_print_finding(&print, &place, &finding);
	end();
	expect("a,b.sql:3:19: block: ");
	expect("[plaintext-password, S401]\n");
	assert_null(strstr(text, "hunter2"));
	free(text);
}

/* One object a line; `column` is the table's, `position` the place's. */
static void for_machines(void **state)
{
	(void)state;
	begin(CHECK_PRINT_JSON);
	check_print_finding(&print, &place, &finding);
	struct effect effect = {.relation = "big", .lock = LOCK_SHARE, .scan = true, .dangerous = true};
	check_print_lock(&print, &place, &effect, NULL);
	check_print_unparsed(&print, &place, "its syntax is unknown");
	check_print_note(&print, NULL, "something");
	end();
	expect("\"event\":\"finding\",\"level\":\"error\",\"file\":\"a,b.sql\",\"line\":3,\"position\":19,"
	       "\"rule\":\"index-build-blocks-writes\",\"code\":\"M202\",\"severity\":\"block\"");
	expect("\"column\":\"a\",\"table_rows\":2000000");
	expect("\"event\":\"lock\"");
	expect("\"relation\":\"big\",\"lock\":\"SHARE\",\"rewrite\":false,\"scan\":true,\"dangerous\":true,"
	       "\"waits_for\":[\"INSERT\",\"UPDATE\",\"DELETE\",");
	expect("\"event\":\"unparsed\"");
	expect("\"event\":\"note\"");
	assert_int_equal(print.unparsed, 1);
	free(text);
}

/* The annotations: what would end a property is escaped. */
static void for_github(void **state)
{
	(void)state;
	begin(CHECK_PRINT_GITHUB);
	check_print_finding(&print, &place, &finding);
	end();
	assert_string_equal(text, "::error file=a%2Cb.sql,line=3,col=19,title=index-build-blocks-writes::writes wait: "
	                          "\"all\" of them%0Abuild it CONCURRENTLY%0Aone;%0Atwo;\n");
	free(text);
}

/* One array, empty when there is nothing. */
static void for_gitlab(void **state)
{
	(void)state;
	begin(CHECK_PRINT_GITLAB);
	end();
	assert_string_equal(text, "[]\n");
	free(text);
	begin(CHECK_PRINT_GITLAB);
	check_print_finding(&print, &place, &finding);
	check_print_finding(&print, &place, &finding);
	end();
	expect(
	    "[\n {\"description\":\"writes wait: \\\"all\\\" of them\",\"check_name\":\"index-build-blocks-writes\"");
	expect("\"severity\":\"blocker\",\"location\":{\"path\":\"a,b.sql\",\"lines\":{\"begin\":3}}},\n {");
	expect("}}}\n]\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_people), cmocka_unit_test(no_secret),  cmocka_unit_test(for_machines),
	    cmocka_unit_test(for_github), cmocka_unit_test(for_gitlab),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
