#include "inspect/human.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Counts: exact below a thousand, then with a unit; rounding never yields "1000k" or "10.0". */
static void counts(void **state)
{
	(void)state;
	static const struct {
		double count;
		const char *text;
	} cases[] = {{0, "0"},        {1, "1"},         {999, "999"},     {999.6, "1.0k"},
	             {1000, "1.0k"},  {1234, "1.2k"},   {9949, "9.9k"},   {9950, "10k"},
	             {12345, "12k"},  {999499, "999k"}, {999500, "1.0M"}, {1200000, "1.2M"},
	             {3.4e9, "3.4G"}, {5e12, "5.0T"},   {-1, "?"},        {1e300, "1000000000T"}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		char text[HUMAN_BYTES];
		assert_string_equal(human_count(cases[at].count, text), cases[at].text);
	}
}

/* Durations from a microsecond to years. */
static void durations(void **state)
{
	(void)state;
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {{0, "0 µs"},           {17, "17 µs"},         {99, "99 µs"},
	             {100, "0.1 ms"},       {400, "0.4 ms"},       {12000, "12 ms"},
	             {999499, "999 ms"},    {999500, "1.0 s"},     {1300000, "1.3 s"},
	             {59000000, "59 s"},    {119000000, "119 s"},  {150000000, "2.5 min"},
	             {7199000000, "2.0 h"}, {86400000000, "24 h"}, {UINT64_MAX, "5124095576 h"}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		char text[HUMAN_BYTES];
		if (cases[at].us == UINT64_MAX)
			assert_true(strlen(human_duration(cases[at].us, text)) < HUMAN_BYTES - 1);
		else
			assert_string_equal(human_duration(cases[at].us, text), cases[at].text);
	}
}

/* Sizes go by 1024. */
static void sizes(void **state)
{
	(void)state;
	static const struct {
		double bytes;
		const char *text;
	} cases[] = {{0, "0 B"},       {1023, "1023 B"},    {1024, "1.0 kB"},
	             {1536, "1.5 kB"}, {1048576, "1.0 MB"}, {3.5 * (1 << 30), "3.5 GB"},
	             {-5, "0 B"}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		char text[HUMAN_BYTES];
		assert_string_equal(human_bytes(cases[at].bytes, text), cases[at].text);
	}
}

/* A long query loses its select list and nothing else; a short one, a short list, a list in a sub-select, and words in
 * quotes stay. */
static void queries(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		size_t bytes;
		const char *shown;
	} cases[] = {
	    {"SELECT \"t\".\"id\", \"t\".\"name\", \"t\".\"stock\" FROM \"t\" WHERE a = $1", 40,
	     "SELECT … FROM \"t\" WHERE a = $1"},
	    {"SELECT \"t\".\"id\", \"t\".\"name\", \"t\".\"stock\" FROM \"t\" WHERE a = $1", 400, NULL},
	    {"SELECT id FROM t WHERE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = $1", 20, NULL},
	    {"UPDATE t SET aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = $1", 20, NULL},
	    {"SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaa, (SELECT 1 FROM u), \"x from y\" FROM t", 20, "SELECT … FROM t"},
	    {"DECLARE c CURSOR FOR SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaa, b from t", 20,
	     "DECLARE c CURSOR FOR SELECT … from t"},
	    {"SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20, NULL},
	    {"", 0, NULL},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		char text[HUMAN_QUERY_BYTES];
		const char *shown = human_query(cases[at].query, cases[at].bytes, text);
		assert_string_equal(shown, cases[at].shown ? cases[at].shown : cases[at].query);
	}
}

/* What does not fit is cut where a character begins, wherever that falls. */
static void long_queries(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		char query[4096];
		size_t len = (size_t)snprintf(query, sizeof query, "SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM %.*s",
		                              (int)shift, "xyz");
		while (len < sizeof query - 4) {
			memcpy(query + len, "é", 2);
			len += 2;
		}
		query[len] = '\0';
		char text[HUMAN_QUERY_BYTES];
		const char *shown = human_query(query, 100, text);
		size_t shown_len = strlen(shown);
		assert_true(shown_len < HUMAN_QUERY_BYTES && shown_len > HUMAN_QUERY_BYTES - 4);
		assert_memory_equal(shown + shown_len - 2, "é", 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(durations),
	                                   cmocka_unit_test(sizes), cmocka_unit_test(queries),
	                                   cmocka_unit_test(long_queries)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
