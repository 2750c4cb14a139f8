#include "inspect/change/effect_partition.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *whole, *part, *rest, *ref;
static struct catalog_constraint key = {.name = "whole_owner_fk", .kind = CATALOG_FOREIGN_KEY, .valid = true};

static int set_up(void **state)
{
	static const char *const owner[] = {"owner"}, *const id[] = {"id"};
	(void)state;
	judge_init(&judge);
	ref = judge_table(&judge, "public", "ref", JUDGE_SMALL);
	whole = judge_table(&judge, "public", "whole", JUDGE_LARGE);
	part = judge_table(&judge, "public", "part", JUDGE_LARGE);
	rest = judge_table(&judge, "public", "rest", JUDGE_LARGE);
	judge_table(&judge, "public", "spare", JUDGE_LARGE);
	whole->kind = CATALOG_PARTITIONED_TABLE;
	part->is_partition = rest->is_partition = rest->is_default_partition = true;
	const struct catalog_relation **list = arena_alloc(catalog_arena(judge.catalog), 2 * sizeof(*list));
	list[0] = part;
	list[1] = rest;
	whole->partitions = list;
	whole->partition_count = 2;
	key.columns = owner;
	key.referenced_columns = id;
	key.column_count = 1;
	key.referenced = ref;
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

/* A new partition: the DEFAULT one is read, and there is one of those alone. */
static void made(void **state)
{
	(void)state;
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES IN (1)",
	       "whole ACCESS EXCLUSIVE; rest ACCESS EXCLUSIVE scan dangerous");
	expect("CREATE TABLE p PARTITION OF whole DEFAULT", "refused: there is a DEFAULT partition already");
	expect("CREATE TABLE p PARTITION OF spare FOR VALUES IN (1)", "refused: it is no partitioned table");
}

/* Bounds that another partition has, or that are none, are refused. */
static void bounds(void **state)
{
	(void)state;
	whole->partition_column = "id";
	part->partition_bound = "FOR VALUES IN (1, 2)";
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES IN (2, 3)",
	       "refused: the bounds overlap with those of another partition");
	expect("ALTER TABLE whole ATTACH PARTITION spare FOR VALUES IN (2)",
	       "refused: the bounds overlap with those of another partition");
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES IN (3)",
	       "whole ACCESS EXCLUSIVE; rest ACCESS EXCLUSIVE scan dangerous");
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES FROM (3) TO (3)", "refused: no row is within these bounds");
}

/* What the partitioned table refers to is locked when a partition comes or goes. */
static void foreign_keys(void **state)
{
	(void)state;
	whole->constraints = &key;
	whole->constraint_count = 1;
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES IN (1)",
	       "whole ACCESS EXCLUSIVE; ref SHARE ROW EXCLUSIVE; rest ACCESS EXCLUSIVE scan dangerous");
	expect("ALTER TABLE whole DETACH PARTITION part",
	       "part ACCESS EXCLUSIVE; whole ACCESS EXCLUSIVE; ref SHARE ROW EXCLUSIVE; rest ACCESS EXCLUSIVE");
}

/* Only a table of the same columns that belongs to none can be attached. */
static void attached(void **state)
{
	(void)state;
	expect("ALTER TABLE whole ATTACH PARTITION spare FOR VALUES IN (1)",
	       "spare ACCESS EXCLUSIVE scan dangerous; whole SHARE UPDATE EXCLUSIVE; rest ACCESS EXCLUSIVE scan dangerous");
	expect("ALTER TABLE whole ATTACH PARTITION part FOR VALUES IN (1)", "refused: it is a partition already");
	expect("ALTER TABLE spare ATTACH PARTITION ref FOR VALUES IN (1)", "refused: it is no partitioned table");
	expect("ALTER TABLE whole ATTACH PARTITION spare DEFAULT", "refused: there is a DEFAULT partition already");
	judge_column(ref, "qty")->name = "quantity";
	expect("ALTER TABLE whole ATTACH PARTITION ref FOR VALUES IN (1)", "refused: it has not the same columns");
}

/* FINALIZE is for what DETACH … CONCURRENTLY has left. */
static void finalized(void **state)
{
	(void)state;
	expect("ALTER TABLE whole DETACH PARTITION part FINALIZE", "refused: no detaching of it was left unfinished");
	part->is_detaching = true;
	expect("ALTER TABLE whole DETACH PARTITION part FINALIZE",
	       "part ACCESS EXCLUSIVE; whole SHARE UPDATE EXCLUSIVE");
}

/* What refers to the partitioned table: locked when a partition comes, read when one goes, with what is left of it. */
static void referring(void **state)
{
	(void)state;
	struct catalog_constraint to_whole = key, to_part = key, both[2];
	to_whole.referenced = whole;
	to_part.referenced = part;
	both[0] = to_whole;
	both[1] = to_part;
	ref->constraints = both;
	ref->constraint_count = 2;
	expect("CREATE TABLE p PARTITION OF whole FOR VALUES IN (1)",
	       "whole ACCESS EXCLUSIVE; ref SHARE ROW EXCLUSIVE; rest ACCESS EXCLUSIVE scan dangerous");
	expect("ALTER TABLE whole DETACH PARTITION part",
	       "part ACCESS EXCLUSIVE scan dangerous; whole ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE scan; "
	       "rest ACCESS EXCLUSIVE");
	/* Partitions of its own go along. */
	const struct catalog_relation *spare = catalog_find(judge.catalog, "public", "spare", NULL, NULL);
	part->kind = CATALOG_PARTITIONED_TABLE;
	part->partitions = &spare;
	part->partition_count = 1;
	ref->constraint_count = 0;
	expect("ALTER TABLE whole DETACH PARTITION part",
	       "part ACCESS EXCLUSIVE; whole ACCESS EXCLUSIVE; spare ACCESS EXCLUSIVE; rest ACCESS EXCLUSIVE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(made, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bounds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(attached, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(finalized, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(referring, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
