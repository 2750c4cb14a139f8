#include "inspect/text/comment.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct comment_tags tags;

static bool read_tags(const char *sql)
{
	/* In memory of just its length, so that the sanitizer sees a read beyond it. */
	size_t len = strlen(sql);
	char *copy = malloc(len ? len : 1);
	bool found;

	memcpy(copy, sql, len);
	found = comment_read(copy, len, &tags);
	free(copy);
	return found;
}

/* The specification's own example, which lacks a quote, and what sqlcommenter for Django sends. */
static void tags_at_the_end_are_read(void **state)
{
	(void)state;
	assert_true(read_tags("SELECT * FROM FOO /*action='%2Fparam*d',controller='index,'framework='spring',"
	                      "traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01',"
	                      "tracestate='congo%3Dt61rcWkgMzE%2Crojo%3D00f067aa0ba902b7'*/"));
	assert_string_equal(tags.controller, "index,");
	assert_true(
	    read_tags("SELECT 1 /*app_name='shop',controller='store%3Aitem',db_driver='django.db.backends.postgresql',"
	              "route='%5Eitems/%28%3FP%3Cid%3E%5Cd%2B%29/%24',traceparent='00-ab-cd-01'*/ ; \n"));
	assert_string_equal(tags.application, "shop");
	assert_string_equal(tags.controller, "store:item");
	assert_string_equal(tags.route, "^items/(?P<id>\\d+)/$");
	assert_string_equal(tags.traceparent, "00-ab-cd-01");
}

/* A comment before the statement will do as well, and spaces between the tags. */
static void tags_at_the_start_are_read(void **state)
{
	(void)state;
	assert_true(read_tags(" \n/* route='a' , controller='b' */ SELECT 1"));
	assert_string_equal(tags.route, "a");
	assert_string_equal(tags.controller, "b");
	assert_true(read_tags("/*route='a'*/ SELECT 1 /* no tags here */"));
	assert_string_equal(tags.route, "a");
}

/* What is no such comment gives nothing and leaves every field empty. */
static void other_comments_give_nothing(void **state)
{
	static const char *const texts[] = {"",
	                                    "SELECT 1",
	                                    "/**/",
	                                    "/*/",
	                                    "*/",
	                                    "SELECT 1 */",
	                                    "SELECT 1 /* hello */",
	                                    "SELECT 1 /*other='x'*/",
	                                    "SELECT 1 /*route=x*/",
	                                    "SELECT 1 /*route='x*/",
	                                    "SELECT 1 /*='x'*/",
	                                    "SELECT 1 /*route=''*/",
	                                    "/*route='x'",
	                                    "SELECT '/*route=''x''*/' FROM t",
	                                    "SELECT /*route='x'*/ 1"};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		if (read_tags(texts[at]))
			fail_msg("found in %s", texts[at]);
		assert_string_equal(tags.route, "");
		assert_string_equal(tags.controller, "");
	}
}

/* Escapes are undone, control characters and broken characters dropped, long values cut between characters. */
static void values_are_made_safe(void **state)
{
	char sql[1000] = "SELECT 1 /*route='";
	size_t len = strlen(sql);

	(void)state;
	assert_true(read_tags("SELECT 1 /*route='it\\'s%0A%1b[31m%zz%4'*/"));
	assert_string_equal(tags.route, "it's[31m%zz%4");
	assert_true(read_tags("SELECT 1 /*route='a%C3%A9%C3%ff%E2%80%AEb'*/"));
	assert_string_equal(tags.route, "aéb");
	for (int at = 0; at < 100; at++, len += 2)
		memcpy(sql + len, "é", 2);
	memcpy(sql + len, "'*/", 4);
	assert_true(read_tags(sql));
	assert_int_equal(strlen(tags.route), sizeof(tags.route) - 2);
	assert_memory_equal(tags.route + sizeof(tags.route) - 4, "é", 2);
}

/* A comment cut at any byte is read or not, but never beyond its end. */
static void any_cut_is_survived(void **state)
{
	static const char sql[] = "/*route='a%20\\'b'*/ SELECT 1 /*controller='x%3A',route='y'*/";
	char cut[sizeof(sql)];

	(void)state;
	for (size_t len = 0; len < sizeof(sql); len++) {
		memcpy(cut, sql, len);
		cut[len] = '\0';
		(void)read_tags(cut);
		memcpy(cut, sql + len, sizeof(sql) - len);
		(void)read_tags(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_at_the_end_are_read),    cmocka_unit_test(tags_at_the_start_are_read),
	    cmocka_unit_test(other_comments_give_nothing), cmocka_unit_test(values_are_made_safe),
	    cmocka_unit_test(any_cut_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
