#include "inspect/text/identifier.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* As PostgreSQL's quote_ident. */
static void identifiers(void **state)
{
	struct arena arena;
	(void)state;
	arena_init(&arena);
	static const char *const pairs[][2] = {
	    {"name", "name"},       {"_x9", "_x9"},         {"Name", "\"Name\""},   {"9x", "\"9x\""},
	    {"a b", "\"a b\""},     {"a\"b", "\"a\"\"b\""}, {"order", "\"order\""}, {"user", "\"user\""},
	    {"int", "\"int\""},     {"left", "\"left\""},   {"orders", "orders"},   {"index", "index"},
	    {"größe", "\"größe\""}, {"", "\"\""},           {"a$", "\"a$\""},       {"end", "\"end\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_string_equal(identifier_quoted(&arena, pairs[i][0]), pairs[i][1]);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identifiers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
