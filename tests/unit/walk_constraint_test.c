#include "inspect/tree/facts.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static const struct fact_constraint *constraint_of(const char *sql)
{
	return judge_parse(&judge, sql)->actions[0].constraint;
}

/* All that a foreign key says after its own columns. */
static void foreign_key(void **state)
{
	(void)state;
	const struct fact_constraint *key =
	    constraint_of("ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES u (c, d) MATCH FULL ON DELETE SET NULL (b) ON "
	                  "UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED");
	assert_int_equal(key->referenced_column_count, 2);
	assert_string_equal(key->referenced_columns[1], "d");
	assert_int_equal(key->set_column_count, 1);
	assert_string_equal(key->set_columns[0], "b");
	assert_int_equal(key->on_delete, 'n');
	assert_int_equal(key->on_update, 'c');
	assert_true(key->match_full && key->deferrable && key->deferred);
	key = constraint_of("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u");
	assert_int_equal(key->referenced_column_count, 0);
	assert_int_equal(key->on_delete, 'a');
	assert_false(key->match_full || key->deferrable || key->deferred);
}

static void unique_key(void **state)
{
	(void)state;
	const struct fact_constraint *key =
	    constraint_of("ALTER TABLE t ADD UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b, c) DEFERRABLE");
	assert_int_equal(key->included_count, 2);
	assert_string_equal(key->included[1], "c");
	assert_true(key->nulls_not_distinct && key->deferrable);
	assert_false(key->deferred);
	assert_null(constraint_of("ALTER TABLE t ADD CHECK (a > 0)"));
}

/* Among a column's own constraints, DEFERRABLE is about the one before it. */
static void inlined(void **state)
{
	(void)state;
	const struct fact_constraint *key = constraint_of(
	    "ALTER TABLE t ADD COLUMN c int NOT NULL REFERENCES u (d) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED");
	assert_string_equal(key->referenced_columns[0], "d");
	assert_int_equal(key->on_delete, 'c');
	assert_true(key->deferrable && key->deferred);
	key = constraint_of("ALTER TABLE t ADD COLUMN c int UNIQUE DEFERRABLE REFERENCES u (d)");
	assert_string_equal(key->referenced_columns[0], "d");
	assert_false(key->deferrable);
	assert_true(constraint_of("ALTER TABLE t ADD COLUMN c int UNIQUE DEFERRABLE")->deferrable);
	assert_null(constraint_of("ALTER TABLE t ADD COLUMN c int DEFAULT 1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(foreign_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unique_key, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(inlined, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
