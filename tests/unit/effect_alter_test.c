#include "inspect/change/effect_alter.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *big, *ref, *view;
static struct catalog_constraint key = {.name = "big_owner_fk", .kind = CATALOG_FOREIGN_KEY, .valid = true};

static int set_up(void **state)
{
	static const char *const owner[] = {"owner"}, *const id[] = {"id"};
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	ref = judge_table(&judge, "public", "ref", JUDGE_SMALL);
	view = judge_table(&judge, "public", "big_names", JUDGE_SMALL);
	view->kind = CATALOG_VIEW;
	big->persistence = 'p';
	key.columns = owner;
	key.referenced_columns = id;
	key.column_count = 1;
	key.referenced = ref;
	catalog_add_function(judge.catalog, "pg_catalog", "now", 0, 0, CATALOG_STABLE, false);
	catalog_add_function(judge.catalog, "pg_catalog", "random", 0, 0, CATALOG_VOLATILE, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void depend(const char *column)
{
	struct catalog_dependent *dependent = arena_alloc(catalog_arena(judge.catalog), sizeof(*dependent));
	*dependent = (struct catalog_dependent){
	    .kind = CATALOG_DEPENDENT_VIEW, .relation = view, .column = judge_column(big, column)->number};
	big->dependents = dependent;
	big->dependent_count = 1;
}

static void expect(const char *change, const char *what)
{
	char sql[512];
	snprintf(sql, sizeof(sql), "ALTER TABLE big %s", change);
	judge_expect_effect(&judge, sql, what);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* A new column costs nothing unless its rows differ or have to be verified. */
static void new_columns(void **state)
{
	(void)state;
	expect("ADD COLUMN c int", "big ACCESS EXCLUSIVE");
	expect("ADD COLUMN c timestamptz DEFAULT now() NOT NULL", "big ACCESS EXCLUSIVE");
	expect("ADD COLUMN c float8 DEFAULT random()", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("ADD COLUMN c int GENERATED ALWAYS AS IDENTITY", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("ADD COLUMN c int CHECK (c > 0)", "big ACCESS EXCLUSIVE scan dangerous");
	expect("ADD COLUMN c int REFERENCES ref", "big ACCESS EXCLUSIVE; ref SHARE ROW EXCLUSIVE");
	expect("ADD COLUMN c int DEFAULT 1 REFERENCES ref", "big ACCESS EXCLUSIVE scan dangerous; ref SHARE ROW EXCLUSIVE scan");
	expect("ADD COLUMN IF NOT EXISTS qty int UNIQUE", "big ACCESS EXCLUSIVE");
}

/* A change of type rewrites, or leaves the rows and rebuilds an index, or does neither. */
static void new_types(void **state)
{
	(void)state;
	judge_index(&judge, big, "big_name", "btree", "name text_ops", NULL);
	expect("ALTER qty TYPE bigint", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("ALTER note TYPE varchar", "big ACCESS EXCLUSIVE");
	expect("ALTER name TYPE varchar(100)", "big ACCESS EXCLUSIVE; big_name ACCESS EXCLUSIVE");
	expect("ALTER name TYPE citext", "big ACCESS EXCLUSIVE scan dangerous; big_name ACCESS EXCLUSIVE");
}

/* NOT NULL is verified unless it is known; the strongest of several subcommands is taken. */
static void verified(void **state)
{
	(void)state;
	judge_check(&judge, big, "qty_there", "qty", true);
	expect("ALTER qty SET NOT NULL", "big ACCESS EXCLUSIVE");
	expect("ALTER owner SET NOT NULL", "big ACCESS EXCLUSIVE scan dangerous");
	expect("ADD CHECK (qty > 0)", "big ACCESS EXCLUSIVE scan dangerous");
	expect("ADD CHECK (qty > 0) NOT VALID", "big ACCESS EXCLUSIVE");
	expect("VALIDATE CONSTRAINT qty_there", "big SHARE UPDATE EXCLUSIVE");
	expect("ADD FOREIGN KEY (owner) REFERENCES ref", "big SHARE ROW EXCLUSIVE scan dangerous; ref SHARE ROW EXCLUSIVE scan");
	expect("ADD FOREIGN KEY (owner) REFERENCES ref NOT VALID", "big SHARE ROW EXCLUSIVE; ref SHARE ROW EXCLUSIVE");
	expect("ALTER qty SET STATISTICS 5, DROP COLUMN note", "big ACCESS EXCLUSIVE");
	expect("SET (fillfactor = 70)", "big SHARE UPDATE EXCLUSIVE");
}

/* A primary key out of an index reads the table when a column of it may be NULL. */
static void keys_out_of_indexes(void **state)
{
	(void)state;
	judge_index(&judge, big, "u_id", "btree", "id int4_ops", NULL)->unique = true;
	judge_index(&judge, big, "u_qty", "btree", "qty int4_ops", NULL)->unique = true;
	expect("ADD CONSTRAINT k PRIMARY KEY USING INDEX u_id", "big ACCESS EXCLUSIVE; u_id SHARE UPDATE EXCLUSIVE");
	expect("ADD PRIMARY KEY USING INDEX u_qty", "big ACCESS EXCLUSIVE scan dangerous");
	expect("ADD UNIQUE USING INDEX u_qty", "big ACCESS EXCLUSIVE");
	expect("ADD UNIQUE (qty)", "big ACCESS EXCLUSIVE scan dangerous");
}

/* With a foreign key goes the lock on what it refers to. */
static void foreign_keys(void **state)
{
	(void)state;
	big->constraints = &key;
	big->constraint_count = 1;
	expect("DROP CONSTRAINT big_owner_fk", "big ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE");
	expect("DROP COLUMN owner", "big ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE");
	expect("ALTER owner TYPE bigint", "big ACCESS EXCLUSIVE rewrite scan dangerous; ref ACCESS EXCLUSIVE scan");
	expect("DROP COLUMN qty", "big ACCESS EXCLUSIVE");
}

/* A view that needs the column makes the server refuse, unless it may go as well. */
static void dependents(void **state)
{
	(void)state;
	depend("name");
	expect("ALTER name TYPE text", "refused: a view, policy, trigger or generated column depends on the column");
	expect("DROP COLUMN name", "refused: a view or another object depends on it");
	expect("DROP COLUMN name CASCADE", "big ACCESS EXCLUSIVE; big_names ACCESS EXCLUSIVE");
	expect("DROP COLUMN note", "big ACCESS EXCLUSIVE");
	expect("DROP COLUMN IF EXISTS nothing", "big ACCESS EXCLUSIVE");
}

/* What is so already is not written anew. */
static void properties(void **state)
{
	(void)state;
	expect("SET LOGGED", "big ACCESS EXCLUSIVE");
	expect("SET UNLOGGED", "big ACCESS EXCLUSIVE rewrite scan dangerous");
	expect("SET TABLESPACE pg_default", "big ACCESS EXCLUSIVE");
	expect("SET TABLESPACE fast", "big ACCESS EXCLUSIVE rewrite scan dangerous");
}

/* Of a default that a constant decides the rest is never called. */
static void decided(void **state)
{
	(void)state;
	static const char plain[] = "big ACCESS EXCLUSIVE", anew[] = "big ACCESS EXCLUSIVE rewrite scan dangerous";
	expect("ADD COLUMN c float8 DEFAULT CASE WHEN true THEN 1 ELSE random() END", plain);
	expect("ADD COLUMN c float8 DEFAULT CASE WHEN false THEN random() ELSE 1 END", plain);
	expect("ADD COLUMN c float8 DEFAULT CASE WHEN true THEN random() ELSE 1 END", anew);
	expect("ADD COLUMN c float8 DEFAULT CASE WHEN now() > '2020-01-01' THEN random() ELSE 1 END", anew);
	expect("ADD COLUMN c float8 DEFAULT coalesce(1, random())", plain);
	expect("ADD COLUMN c float8 DEFAULT coalesce(NULL, random())", anew);
	expect("ADD COLUMN c bool DEFAULT (true OR random() > 0)", plain);
	expect("ADD COLUMN c bool DEFAULT (false OR random() > 0)", anew);
	expect("ADD COLUMN c bool DEFAULT (false AND random() > 0)", plain);
	expect("ADD COLUMN c bool DEFAULT (true AND random() > 0)", anew);
}

/* What IF EXISTS does not find is looked for in the named table alone; views have no columns to add. */
static void nothing_to_drop(void **state)
{
	(void)state;
	const struct catalog_relation *children = ref;
	big->partitions = &children;
	big->partition_count = 1;
	expect("DROP COLUMN IF EXISTS nothing", "big ACCESS EXCLUSIVE");
	expect("DROP COLUMN IF EXISTS note", "big ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE");
	expect("ADD COLUMN c int GENERATED ALWAYS AS IDENTITY", "refused: what inherits from it takes no identity column");
	judge_expect_effect(&judge, "ALTER TABLE big_names ADD COLUMN c int", "refused: it is no table");
}

/* A replica identity's index has to find each row. */
static void replica_identity(void **state)
{
	(void)state;
	const char *why = "refused: a replica identity's index is unique, whole, and of NOT NULL columns";
	struct catalog_index *index = judge_index(&judge, big, "big_qty", "btree", "qty int4_ops", NULL);
	expect("REPLICA IDENTITY USING INDEX big_qty", why);
	index->unique = true;
	expect("REPLICA IDENTITY USING INDEX big_qty", why);
	judge_column(big, "qty")->not_null = true;
	expect("REPLICA IDENTITY USING INDEX big_qty", "big ACCESS EXCLUSIVE");
	index->predicate = "qty > 0";
	expect("REPLICA IDENTITY USING INDEX big_qty", why);
}



int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(new_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(new_types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(verified, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(keys_out_of_indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_keys, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dependents, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(properties, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(decided, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_to_drop, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(replica_identity, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
