#include "inspect/change/effect_key.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *child, *parent;
static struct catalog_constraint key = {.name = "child_owner_fk", .kind = CATALOG_FOREIGN_KEY, .valid = true};

static int set_up(void **state)
{
	static const char *const owner[] = {"owner"}, *const id[] = {"id"};
	(void)state;
	judge_init(&judge);
	child = judge_table(&judge, "public", "child", JUDGE_LARGE);
	parent = judge_table(&judge, "public", "parent", JUDGE_LARGE);
	parent->rows = 4000000;
	parent->bytes = 4000000 * 40ll;
	key.columns = owner;
	key.referenced_columns = id;
	key.column_count = 1;
	key.referenced = parent;
	key.valid = true;
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

/* Validating joins the two tables, and so reads both; NOT VALID reads none. */
static void joined(void **state)
{
	(void)state;
	child->rows = 3000000;
	expect("ALTER TABLE child ADD FOREIGN KEY (owner) REFERENCES parent",
	       "child SHARE ROW EXCLUSIVE scan dangerous; parent SHARE ROW EXCLUSIVE scan dangerous");
	expect("ALTER TABLE child ADD COLUMN p int DEFAULT 1 REFERENCES parent",
	       "child ACCESS EXCLUSIVE scan dangerous; parent SHARE ROW EXCLUSIVE scan dangerous");
	expect("ALTER TABLE child ADD FOREIGN KEY (owner) REFERENCES parent NOT VALID",
	       "child SHARE ROW EXCLUSIVE; parent SHARE ROW EXCLUSIVE");
	expect("ALTER TABLE child ADD COLUMN p int REFERENCES parent",
	       "child ACCESS EXCLUSIVE; parent SHARE ROW EXCLUSIVE");
	key.valid = false;
	child->constraints = &key;
	child->constraint_count = 1;
	expect("ALTER TABLE child VALIDATE CONSTRAINT child_owner_fk",
	       "child SHARE UPDATE EXCLUSIVE scan; parent ROW SHARE scan");
}

/* Its index is less to read where rows are wide, and a few rows are looked up; where all are NULL there is nothing to
 * look up. */
static void not_read(void **state)
{
	(void)state;
	const char *alone = "child SHARE ROW EXCLUSIVE scan dangerous; parent SHARE ROW EXCLUSIVE";
	const char *sql = "ALTER TABLE child ADD FOREIGN KEY (owner) REFERENCES parent";
	child->rows = 3000000;
	parent->bytes = 4000000 * 400ll;
	expect(sql, alone);
	parent->bytes = 4000000 * 40ll;
	parent->rows = 100 * child->rows;
	parent->bytes = (int64_t)parent->rows * 40;
	expect(sql, alone);
	parent->rows = child->rows;
	judge_column(child, "owner")->has_statistics = true;
	judge_column(child, "owner")->null_fraction = 1;
	expect(sql, alone);
}

/* A key refers to columns that are unique together, as many as its own, and of a type that = compares with. */
static void refused(void **state)
{
	(void)state;
	expect("ALTER TABLE child ADD FOREIGN KEY (note) REFERENCES parent",
	       "refused: no = compares the column with what it refers to");
	expect("ALTER TABLE child ADD COLUMN p uuid REFERENCES parent (id)",
	       "refused: no = compares the column with what it refers to");
	expect("ALTER TABLE child ADD FOREIGN KEY (qty, owner) REFERENCES parent",
	       "refused: no unique constraint has the columns that it refers to");
	expect("ALTER TABLE child ADD COLUMN p int REFERENCES parent (qty)",
	       "refused: no unique constraint has the columns that it refers to");
	expect("ALTER TABLE child ADD COLUMN p int8 REFERENCES parent NOT NULL",
	       "child ACCESS EXCLUSIVE; parent SHARE ROW EXCLUSIVE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(joined, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(not_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
