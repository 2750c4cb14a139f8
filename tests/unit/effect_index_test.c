#include "inspect/change/effect_index.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *big, *parent;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	judge_index(&judge, big, "big_qty", "btree", "qty int4_ops", NULL);
	parent = judge_table(&judge, "public", "parent", JUDGE_LARGE);
	parent->kind = CATALOG_PARTITIONED_TABLE;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *what)
{
	judge_expect_effect(&judge, sql, what);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* A name is taken by a table as well as by an index; IF NOT EXISTS makes nothing of it. */
static void names_taken(void **state)
{
	(void)state;
	expect("CREATE INDEX big_qty ON big (owner)", "refused");
	expect("CREATE INDEX small ON big (owner)", "refused");
	expect("CREATE INDEX IF NOT EXISTS big_qty ON big (owner)", "big SHARE");
	expect("CREATE INDEX fresh ON big (owner)", "big SHARE scan dangerous");
}

/* IF EXISTS of what there is not locks nothing. */
static void nothing_there(void **state)
{
	(void)state;
	expect("DROP INDEX IF EXISTS nothing", " none");
	expect("ALTER INDEX IF EXISTS nothing RENAME TO x", " none");
	expect("ALTER INDEX nothing RENAME TO x", "nothing SHARE UPDATE EXCLUSIVE");
}

/* Each partition of a partitioned table is a transaction of its own. */
static void reindex_in_transaction(void **state)
{
	(void)state;
	judge.session.transaction = 'T';
	expect("REINDEX TABLE parent", "refused");
	expect("REINDEX TABLE CONCURRENTLY big", "refused");
	expect("REINDEX INDEX big_qty", "big SHARE scan dangerous; big_qty ACCESS EXCLUSIVE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names_taken, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_there, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reindex_in_transaction, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
