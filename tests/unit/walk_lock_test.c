#include "inspect/tree/walk_lock.h"

#include "tests/unit/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static enum lock_mode lock_of(const char *subcommand)
{
	char sql[512];
	snprintf(sql, sizeof(sql), "ALTER TABLE t %s", subcommand);
	tree_open();
	const RawStmt *statement = linitial((const List *)tree_parse(sql));
	enum lock_mode lock = walk_lock_alter(linitial(((const AlterTableStmt *)statement->stmt)->cmds));
	tree_close();
	return lock;
}

/* Most subcommands keep readers out. */
static void the_strongest(void **state)
{
	static const char *const subcommands[] = {
	    "ADD COLUMN c int",
	    "DROP COLUMN c",
	    "ALTER c TYPE text",
	    "ALTER c SET DEFAULT 1",
	    "ALTER c SET NOT NULL",
	    "ALTER c SET STORAGE EXTERNAL",
	    "ADD CHECK (c > 0) NOT VALID",
	    "ADD UNIQUE (c)",
	    "ADD CONSTRAINT p PRIMARY KEY USING INDEX i",
	    "DROP CONSTRAINT p",
	    "SET LOGGED",
	    "SET TABLESPACE x",
	    "OWNER TO r",
	    "ENABLE ROW LEVEL SECURITY",
	    "ENABLE RULE r",
	    "REPLICA IDENTITY FULL",
	    "INHERIT p",
	    "DETACH PARTITION p",
	    "SET (user_catalog_table = true)",
	    "SET (fillfactor = 70, user_catalog_table = true)",
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(subcommands); at++)
		assert_int_equal(lock_of(subcommands[at]), LOCK_ACCESS_EXCLUSIVE);
}

/* A foreign key and triggers let others read, what concerns the planner or vacuum alone lets them write, too. */
static void the_weaker_ones(void **state)
{
	static const char *const weak[] = {
	    "ALTER c SET STATISTICS 5",
	    "ALTER c SET (n_distinct = 5)",
	    "ALTER c RESET (n_distinct)",
	    "CLUSTER ON i",
	    "SET WITHOUT CLUSTER",
	    "VALIDATE CONSTRAINT c",
	    "ATTACH PARTITION p DEFAULT",
	    "DETACH PARTITION p CONCURRENTLY",
	    "DETACH PARTITION p FINALIZE",
	    "SET (fillfactor = 70)",
	    "SET (autovacuum_enabled = false, parallel_workers = 2)",
	    "RESET (toast_tuple_target)",
	    "SET (toast.autovacuum_enabled = false)",
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(weak); at++)
		assert_int_equal(lock_of(weak[at]), LOCK_SHARE_UPDATE_EXCLUSIVE);
	assert_int_equal(lock_of("ADD FOREIGN KEY (c) REFERENCES r"), LOCK_SHARE_ROW_EXCLUSIVE);
	assert_int_equal(lock_of("ADD FOREIGN KEY (c) REFERENCES r NOT VALID"), LOCK_SHARE_ROW_EXCLUSIVE);
	assert_int_equal(lock_of("DISABLE TRIGGER ALL"), LOCK_SHARE_ROW_EXCLUSIVE);
}

/* LOCK TABLE's modes are numbers in the tree. */
static void modes_of_lock_table(void **state)
{
	(void)state;
	tree_open();
	const RawStmt *statement = linitial((const List *)tree_parse("LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE"));
	assert_int_equal(walk_lock_mode(((const LockStmt *)statement->stmt)->mode), LOCK_SHARE_ROW_EXCLUSIVE);
	statement = linitial((const List *)tree_parse("LOCK TABLE t"));
	assert_int_equal(walk_lock_mode(((const LockStmt *)statement->stmt)->mode), LOCK_ACCESS_EXCLUSIVE);
	tree_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_strongest),
	    cmocka_unit_test(the_weaker_ones),
	    cmocka_unit_test(modes_of_lock_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
