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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(durations),
	                                   cmocka_unit_test(sizes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
