#include "inspect/session/time_zone.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Only what never was anything else, whatever it is called. */
static void names(void **state)
{
	static const char *const utc[] = {"UTC", "Etc/UTC", "GMT", "etc/gmt+0", "Zulu", "<+00>-00"};
	static const char *const other[] = {"", "Etc/", "UTC+1", "Europe/London", "Etc/GMT+1", "UTCX", "UT"};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(utc); at++)
		assert_true(time_zone_is_utc(utc[at], strlen(utc[at])));
	for (size_t at = 0; at < ARRAY_LEN(other); at++)
		assert_false(time_zone_is_utc(other[at], strlen(other[at])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
