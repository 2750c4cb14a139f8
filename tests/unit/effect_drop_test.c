#include "inspect/change/effect_drop.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *animal, *dog, *ref;
static struct catalog_constraint key = {.name = "dog_owner_fk", .kind = CATALOG_FOREIGN_KEY, .valid = true};

static int set_up(void **state)
{
	static const char *const owner[] = {"owner"}, *const id[] = {"id"};
	(void)state;
	judge_init(&judge);
	ref = judge_table(&judge, "public", "ref", JUDGE_SMALL);
	animal = judge_table(&judge, "public", "animal", JUDGE_LARGE);
	dog = judge_table(&judge, "public", "dog", JUDGE_LARGE);
	const struct catalog_relation **list = arena_alloc(catalog_arena(judge.catalog), sizeof(*list));
	list[0] = dog;
	animal->partitions = list;
	animal->partition_count = 1;
	key.columns = owner;
	key.referenced_columns = id;
	key.column_count = 1;
	key.referenced = ref;
	key.inherited = false;
	dog->constraints = &key;
	dog->constraint_count = 1;
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

/* What inherits from a table has to go with it. */
static void children(void **state)
{
	(void)state;
	expect("DROP TABLE animal", "refused: another table inherits from it");
	expect("DROP TABLE dog, animal", "dog ACCESS EXCLUSIVE; dog_pkey ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE; animal ACCESS EXCLUSIVE; animal_pkey ACCESS EXCLUSIVE");
}

/* A foreign key takes along what it refers to, unless it is the partitioned table's. */
static void foreign_keys(void **state)
{
	(void)state;
	expect("DROP TABLE dog", "dog ACCESS EXCLUSIVE; dog_pkey ACCESS EXCLUSIVE; ref ACCESS EXCLUSIVE");
	key.inherited = true;
	expect("DROP TABLE dog", "dog ACCESS EXCLUSIVE; dog_pkey ACCESS EXCLUSIVE");
	expect("DROP TABLE ref", "refused: a foreign key of another table depends on it");
	expect("DROP TABLE ref CASCADE", "ref ACCESS EXCLUSIVE; ref_pkey ACCESS EXCLUSIVE; dog ACCESS EXCLUSIVE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(children, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(foreign_keys, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
