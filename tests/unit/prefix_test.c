#include "inspect/text/prefix.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* -: none, p: some, x: exact; for ~, then for ~*. What PostgreSQL 15's plans show for an index with collation "C", and,
 * as only equality is then left, for one with another. */
static void regexes_begin_as_the_server_has_it(void **state)
{
	static const struct {
		const char *text, *kinds;
	} all[] = {
	    {"", "--"},          {"abc", "--"},        {"^", "--"},          {"^$", "xx"},          {"^abc", "p-"},
	    {"^abc$", "x-"},     {"^(abc)", "p-"},     {"^(abc|abd)", "p-"}, {"^(a|b)c", "--"},     {"^[a]bc", "p-"},
	    {"^[ab]c", "--"},    {"^[a-a]b", "p-"},    {"^[^a]b", "--"},     {"^[]]b", "pp"},       {"^[\\]]b", "pp"},
	    {"^[a\\-]b", "--"},  {"^[[.a.]]b", "p-"},  {"^[[:alpha:]]b", "--"}, {"^ab?c", "p-"},    {"^a?b", "--"},
	    {"^a*", "--"},       {"^a+b", "p-"},       {"^a{2}b", "p-"},     {"^a{0}b", "p-"},      {"^a{1,2}b", "--"},
	    {"^a{1,}b", "p-"},   {"^ab{0}$", "x-"},    {"^(abc)?", "--"},    {"^(abc)+", "p-"},     {"^()abc", "p-"},
	    {"^(|a)b", "--"},    {"^()$", "xx"},       {"^(ab)(cd)$", "x-"}, {"\\Aabc", "p-"},      {"^ab\\Z", "x-"},
	    {"^a\\Zb", "--"},    {"^\\mabc", "p-"},    {"\\mabc", "--"},     {"^ab\\M", "p-"},      {"^\\d+", "--"},
	    {"^a\\d", "p-"},     {"^\\.com", "pp"},    {"^\\ta", "pp"},      {"^\\u0061b", "p-"},   {"^\\141b", "p-"},
	    {"^(a)\\1", "p-"},   {"(^abc)", "p-"},     {"((^)ab)", "p-"},    {"^^abc", "p-"},       {"^a^b", "--"},
	    {"^ab$c", "--"},     {"^ab$$", "x-"},      {"^abc|^abd", "--"},  {"^a|", "--"},         {"(^ab|^ac)", "--"},
	    {"***=^abc", "--"},  {"***:^ab", "p-"},    {"(?i)^abc", "--"},   {"(?c)^abc", "pp"},    {"(?n)^abc", "--"},
	    {"(?x)^a b", "p-"},  {"(?q)^abc", "--"},   {"^(?:abc)d", "p-"},  {"^(?=a)abc", "p-"},   {"^abc(?=d)", "p-"},
	    {"^(?<=a)b", "--"},  {"^(?#note)abc", "p-"}, {"^éa", "p-"},      {"^€a", "--"},         {"^12", "pp"},
	    {"^1a", "pp"},       {"^%", "pp"},         {"^a.b", "p-"},       {"^.a", "--"},         {"^abc\\s*$", "p-"},
	    /* What the server refuses. */
	    {"^(", "--"},        {"^[", "--"},         {"^*a", "--"},        {"^a{", "--"},         {"^\\", "--"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++) {
		const size_t len = strlen(all[at].text);
		const char found[] = {"-px"[prefix_of_regex(all[at].text, len, false)],
		                      "-px"[prefix_of_regex(all[at].text, len, true)], '\0'};
		if (strcmp(found, all[at].kinds) != 0)
			fail_msg("%s is %s", all[at].text, found);
	}
}

static void similar_begins_as_the_server_has_it(void **state)
{
	static const struct {
		const char *text;
		char kind;
	} all[] = {
	    {"abc", 'x'},     {"abc%", 'p'},  {"%abc", '-'},   {"_bc", '-'},    {"a_c", 'p'},     {"abc(d|e)%", 'p'},
	    {"(abc)%", 'p'},  {"a|b", '-'},   {"abc|abd", 'p'}, {"[a]bc", 'x'}, {"[ab]c", '-'},   {"a*", '-'},
	    {"a+b", 'p'},     {"a{2}", 'x'},  {"a.b", 'x'},    {"^ab", 'x'},    {"$a", 'x'},      {"\\%ab", 'x'},
	    {"(ab)?c", '-'},  {"a\\|b", 'x'}, {"(a%)b", 'p'},  {"a%|b", '-'},   {"", 'x'},        {"{", '-'},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++)
		if ("-px"[prefix_of_similar(all[at].text, strlen(all[at].text))] != all[at].kind)
			fail_msg("%s", all[at].text);
}

/* No more of a long one is looked at than its beginning, and nothing past its end. */
static void any_length_is_taken(void **state)
{
	static const char *const texts[] = {
	    "^a(b[c]{1,2}\\x61|d)[[=e=]]*(?:f)$", "^[^a-[:alpha:]]", "^[a[.-.]-\\u00e9]+?", "***:(?ic)^\\cA{12,345}?", "(?#note)^\xc3\xa9",
	};
	char longer[2000];

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		for (size_t len = 0; len <= strlen(texts[at]); len++) {
			const char *copy = (const char *)guard_copy(texts[at], len).data;
			(void)prefix_of_regex(copy, len, len % 2 == 0);
			(void)prefix_of_similar(copy, len);
		}
	}
	memset(longer, 'a', sizeof(longer));
	longer[0] = '^';
	assert_int_equal(prefix_of_regex(longer, sizeof(longer), false), PREFIX_SOME);
	longer[sizeof(longer) - 1] = '|';
	assert_int_equal(prefix_of_regex(longer, sizeof(longer), false), PREFIX_NONE);
	assert_int_equal(prefix_of_regex("^((((((((((((((ab))))))))))))))", 31, false), PREFIX_SOME);
	assert_int_equal(prefix_of_regex("^((((((((((((((((ab))))))))))))))))", 35, false), PREFIX_NONE);
	memset(longer + 1, '(', sizeof(longer) - 1);
	assert_int_equal(prefix_of_regex(longer, sizeof(longer), false), PREFIX_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(regexes_begin_as_the_server_has_it),
	    cmocka_unit_test(similar_begins_as_the_server_has_it),
	    cmocka_unit_test(any_length_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
