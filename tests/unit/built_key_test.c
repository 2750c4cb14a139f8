#include "inspect/access/built_key.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *table;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	table = judge_table(&judge, "public", "item", JUDGE_LARGE);
	judge_seal(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static bool read_key(const char *method, const char *text, const char *opclass, struct catalog_index_key *key)
{
	return built_key_read(catalog_dictionary(judge.catalog), table, method, text, opclass, key, &judge.arena);
}

/* A column's operator class is its type's default, an expression's that of what comes out; a named one is taken. */
static void classes(void **state)
{
	struct catalog_index_key key;
	(void)state;
	assert_true(read_key("btree", "qty", NULL, &key));
	assert_string_equal(key.column, "qty");
	assert_string_equal(key.opclass, "int4_ops");
	assert_int_equal(key.collation_oid, 0);
	assert_true(read_key("btree", "upper(name)", NULL, &key));
	assert_null(key.column);
	assert_non_null(key.clause);
	assert_string_equal(key.opclass, "text_ops");
	assert_string_equal(key.collation, "default");
	assert_true(read_key("gin", "name", "gin_trgm_ops", &key));
	assert_string_equal(key.opclass, "gin_trgm_ops");
	assert_true(read_key("gin", "data", NULL, &key));
	assert_string_equal(key.opclass, "jsonb_ops");
}

/* What can't be told isn't: a hidden constant, a class nobody knows, a type without a default. */
static void unknown(void **state)
{
	struct catalog_index_key key;
	(void)state;
	assert_false(read_key("btree", "data -> ?", NULL, &key));
	assert_false(read_key("btree", "name", "no_such_ops", &key));
	assert_false(read_key("gin", "name", NULL, &key));
	assert_false(read_key("btree", "no_such(name)", NULL, &key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(classes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
