#include "inspect/tree/walk_object.h"

#include "config/check.h"
#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct expectation {
	const char *sql;
	const char *relation; /* NULL: none is locked */
	enum lock_mode lock;
	enum ddl_form form;
};

static void check(const struct expectation *expected)
{
	struct arena arena;
	int count;
	arena_init(&arena);
	const struct facts *facts = tree_facts(expected->sql, &arena, &count);
	assert_int_equal(facts->kind, STATEMENT_DDL);
	assert_int_equal(facts->action_count, 1);
	const struct fact_action *action = &facts->actions[0];
	assert_int_equal(action->lock, expected->lock);
	assert_int_equal(action->form, expected->form);
	if (expected->relation == NULL) {
		assert_int_equal(action->relation, -1);
	} else {
		assert_true(action->relation >= 0);
		assert_string_equal(facts->relations[action->relation].name, expected->relation);
	}
	arena_fini(&arena);
}

/* Each names the table it locks and how; what names none locks none. */
static void tables_by_the_way(void **state)
{
	static const struct expectation cases[] = {
	    {"COMMENT ON TABLE s.t IS 'x'", "t", LOCK_SHARE_UPDATE_EXCLUSIVE, DDL_OTHER},
	    {"COMMENT ON COLUMN s.t.c IS 'x'", "t", LOCK_SHARE_UPDATE_EXCLUSIVE, DDL_OTHER},
	    {"COMMENT ON FUNCTION f() IS 'x'", NULL, LOCK_NONE, DDL_OTHER},
	    {"COMMENT ON INDEX i IS 'x'", NULL, LOCK_SHARE_UPDATE_EXCLUSIVE, DDL_ALTER_INDEX},
	    {"CREATE POLICY p ON t USING (true)", "t", LOCK_ACCESS_EXCLUSIVE, DDL_OTHER},
	    {"ALTER POLICY p ON t TO public", "t", LOCK_ACCESS_EXCLUSIVE, DDL_OTHER},
	    {"CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING", "t", LOCK_ACCESS_EXCLUSIVE, DDL_OTHER},
	    {"CREATE STATISTICS s ON a, b FROM t", "t", LOCK_SHARE_UPDATE_EXCLUSIVE, DDL_OTHER},
	    {"CREATE PUBLICATION p FOR TABLE t", "t", LOCK_SHARE_UPDATE_EXCLUSIVE, DDL_OTHER},
	    {"CREATE PUBLICATION p FOR ALL TABLES", NULL, LOCK_NONE, DDL_OTHER},
	    {"ALTER SEQUENCE q RESTART", "q", LOCK_SHARE_ROW_EXCLUSIVE, DDL_SEQUENCE},
	    {"CREATE SEQUENCE q", "q", LOCK_NONE, DDL_SEQUENCE},
	    {"ALTER DOMAIN d ADD CHECK (VALUE > 0)", NULL, LOCK_SHARE, DDL_DOMAIN_CONSTRAINT},
	    {"ALTER DOMAIN d ADD CHECK (VALUE > 0) NOT VALID", NULL, LOCK_NONE, DDL_OTHER},
	    {"ALTER DOMAIN d SET NOT NULL", NULL, LOCK_SHARE, DDL_DOMAIN_CONSTRAINT},
	    {"ALTER DOMAIN d VALIDATE CONSTRAINT c", NULL, LOCK_SHARE, DDL_DOMAIN_CONSTRAINT},
	    {"ALTER DOMAIN d DROP NOT NULL", NULL, LOCK_NONE, DDL_OTHER},
	    {"ALTER TABLE t SET SCHEMA s", "t", LOCK_ACCESS_EXCLUSIVE, DDL_ALTER_TABLE_OTHER},
	    {"CREATE VIEW v AS SELECT 1", "v", LOCK_ACCESS_EXCLUSIVE, DDL_CREATE_VIEW},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		check(&cases[at]);
}

/* OWNED BY names the table of a column; NONE names none. */
static void owned_sequences(void **state)
{
	struct arena arena;
	int count;
	(void)state;
	arena_init(&arena);
	const struct facts *facts = tree_facts("CREATE SEQUENCE q OWNED BY s.t.c", &arena, &count);
	assert_int_equal(facts->actions[0].referenced_lock, LOCK_ACCESS_SHARE);
	const struct fact_relation *owner = &facts->relations[facts->actions[0].referenced];
	assert_string_equal(owner->schema, "s");
	assert_string_equal(owner->name, "t");
	facts = tree_facts("ALTER SEQUENCE q OWNED BY NONE", &arena, &count);
	assert_int_equal(facts->actions[0].referenced, -1);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables_by_the_way),
	    cmocka_unit_test(owned_sequences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
