#include "inspect/change/effect_part.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *big, *whole, *part;
static const struct catalog_part of_big[] = {
    {.kind = CATALOG_TRIGGER, .name = "stamp", .schema = "public", .function = "stamped", .for_rows = true},
    {.kind = CATALOG_RULE, .name = "keep"},
    {.kind = CATALOG_POLICY, .name = "own"},
    {.kind = CATALOG_STATISTICS, .schema = "public", .name = "kinds"},
    {.kind = CATALOG_PUBLICATION, .name = "pub"},
    {.kind = CATALOG_SEQUENCE, .schema = "public", .name = "big_id_seq", .column = 1, .used = true},
};
static const struct catalog_part of_whole[] = {
    {.kind = CATALOG_TRIGGER, .name = "each", .schema = "public", .function = "stamped", .for_rows = true},
    {.kind = CATALOG_TRIGGER, .name = "once", .schema = "public", .function = "counted"},
    {.kind = CATALOG_SEQUENCE, .schema = "public", .name = "whole_id_seq", .column = 1, .identity = true},
};
static const struct catalog_part of_part[] = {
    {.kind = CATALOG_TRIGGER, .name = "each", .schema = "public", .function = "stamped", .for_rows = true,
     .inherited = true},
};

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	big = judge_table(&judge, "public", "big", JUDGE_LARGE);
	judge_table(&judge, "public", "other", JUDGE_SMALL);
	whole = judge_table(&judge, "public", "whole", JUDGE_LARGE);
	part = judge_table(&judge, "public", "part", JUDGE_LARGE);
	whole->kind = CATALOG_PARTITIONED_TABLE;
	part->is_partition = true;
	const struct catalog_relation **list = arena_alloc(catalog_arena(judge.catalog), sizeof(*list));
	list[0] = part;
	whole->partitions = list;
	whole->partition_count = 1;
	big->parts = of_big;
	big->part_count = ARRAY_LEN(of_big);
	whole->parts = of_whole;
	whole->part_count = ARRAY_LEN(of_whole);
	part->parts = of_part;
	part->part_count = ARRAY_LEN(of_part);
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

/* IF EXISTS of nothing locks nothing; what is there takes its table. */
static void named(void **state)
{
	(void)state;
	expect("DROP TRIGGER stamp ON big", "big ACCESS EXCLUSIVE");
	expect("DROP TRIGGER IF EXISTS none ON big", " none");
	expect("DROP RULE keep ON big", "big ACCESS EXCLUSIVE");
	expect("DROP RULE IF EXISTS none ON big", " none");
	expect("DROP POLICY IF EXISTS own ON big", "big ACCESS EXCLUSIVE");
	expect("DROP POLICY IF EXISTS none ON big", " none");
	expect("CREATE TRIGGER stamp BEFORE INSERT ON big EXECUTE FUNCTION f()",
	       "refused: a trigger of that name is there already");
	expect("CREATE OR REPLACE TRIGGER stamp BEFORE INSERT ON big EXECUTE FUNCTION f()", "big SHARE ROW EXCLUSIVE");
}

/* Partitions have row triggers, and no others, of their parent. */
static void triggers_of_partitions(void **state)
{
	(void)state;
	expect("DROP TRIGGER each ON whole", "whole ACCESS EXCLUSIVE; part ACCESS EXCLUSIVE");
	expect("DROP TRIGGER once ON whole", "whole ACCESS EXCLUSIVE");
	expect("DROP TRIGGER each ON part", "refused: the trigger is the partitioned table's");
	expect("ALTER TRIGGER once ON whole RENAME TO twice", "whole ACCESS EXCLUSIVE; part ACCESS EXCLUSIVE");
	expect("ALTER TABLE whole DISABLE TRIGGER each", "whole SHARE ROW EXCLUSIVE; part SHARE ROW EXCLUSIVE");
	expect("ALTER TABLE whole DISABLE TRIGGER once", "whole SHARE ROW EXCLUSIVE");
	expect("ALTER TABLE whole DISABLE TRIGGER USER", "whole SHARE ROW EXCLUSIVE; part SHARE ROW EXCLUSIVE");
}

/* Statistics and publications lead to their tables. */
static void members(void **state)
{
	(void)state;
	expect("DROP STATISTICS kinds", "big SHARE UPDATE EXCLUSIVE");
	expect("DROP STATISTICS IF EXISTS none", " none");
	expect("ALTER PUBLICATION pub SET TABLE other", "other SHARE UPDATE EXCLUSIVE; big SHARE UPDATE EXCLUSIVE");
	expect("ALTER PUBLICATION pub ADD TABLE big", "refused: the publication has the table already");
	expect("ALTER PUBLICATION pub ADD TABLE other", "other SHARE UPDATE EXCLUSIVE");
}

/* What triggers call stays, unless they go with it. */
static void functions(void **state)
{
	(void)state;
	expect("DROP FUNCTION stamped()", "refused: a trigger calls it");
	expect("DROP FUNCTION counted() CASCADE", "whole ACCESS EXCLUSIVE");
	expect("DROP FUNCTION stamped(int)", " none");
}

/* A column's sequence follows its table. */
static void sequences(void **state)
{
	(void)state;
	expect("DROP SEQUENCE big_id_seq", "refused: a column's default calls it");
	expect("DROP SEQUENCE big_id_seq CASCADE", "big_id_seq ACCESS EXCLUSIVE; big ACCESS EXCLUSIVE");
	expect("DROP SEQUENCE whole_id_seq CASCADE", "refused: it is an identity column's");
	expect("ALTER SEQUENCE big_id_seq SET SCHEMA x", "refused: it goes where the table goes that owns it");
	expect("ALTER SEQUENCE big_id_seq OWNED BY NONE", "big_id_seq SHARE ROW EXCLUSIVE");
	expect("ALTER TABLE big OWNER TO x", "big ACCESS EXCLUSIVE; big_id_seq ACCESS EXCLUSIVE");
	expect("TRUNCATE big RESTART IDENTITY", "big ACCESS EXCLUSIVE; big_id_seq ACCESS EXCLUSIVE");
	expect("TRUNCATE big", "big ACCESS EXCLUSIVE");
}

/* One that no column owns stands by itself; what IF EXISTS does not find is left alone. */
static void free_sequences(void **state)
{
	struct catalog_relation *alone = judge_table(&judge, "public", "invoice_no", 1);
	static struct catalog_dependent called = {.kind = CATALOG_DEPENDENT_DEFAULT};
	(void)state;
	alone->kind = CATALOG_SEQUENCE_ALONE;
	expect("DROP SEQUENCE invoice_no", "invoice_no ACCESS EXCLUSIVE");
	expect("DROP SEQUENCE IF EXISTS nothing", " none");
	expect("ALTER SEQUENCE IF EXISTS nothing RESTART", " none");
	expect("ALTER SEQUENCE IF EXISTS invoice_no RESTART", "invoice_no SHARE ROW EXCLUSIVE");
	expect("ALTER SEQUENCE IF EXISTS big_id_seq RESTART", "big_id_seq SHARE ROW EXCLUSIVE");
	expect("CREATE SEQUENCE invoice_no", "refused: a relation of that name is there already");
	expect("CREATE SEQUENCE big_id_seq", "refused: a relation of that name is there already");
	called.relation = big;
	alone->dependents = &called;
	alone->dependent_count = 1;
	expect("DROP SEQUENCE invoice_no", "refused: a column's default calls it");
	expect("DROP SEQUENCE invoice_no CASCADE", "invoice_no ACCESS EXCLUSIVE; big ACCESS EXCLUSIVE");
	expect("DROP SEQUENCE other", "refused: it is another kind of relation");
}

/* A default that counts takes the sequence while the table is rewritten. */
static void counted(void **state)
{
	struct catalog_relation *alone = judge_table(&judge, "public", "invoice_no", 1);
	(void)state;
	alone->kind = CATALOG_SEQUENCE_ALONE;
	catalog_add_function(judge.catalog, "pg_catalog", "nextval", 1, 1, CATALOG_VOLATILE, false);
	expect("ALTER TABLE big ADD COLUMN z int DEFAULT nextval('invoice_no')",
	       "big ACCESS EXCLUSIVE rewrite scan dangerous; invoice_no ROW EXCLUSIVE");
	expect("ALTER TABLE big ADD COLUMN z int DEFAULT nextval('public.Invoice_No'::regclass)",
	       "big ACCESS EXCLUSIVE rewrite scan dangerous; invoice_no ROW EXCLUSIVE");
	expect("ALTER TABLE big ADD COLUMN z int DEFAULT nextval('\"Invoice_No\"')",
	       "big ACCESS EXCLUSIVE rewrite scan dangerous");
}

/* An extension goes only with what needs it. */
static void extensions(void **state)
{
	static const struct catalog_part needs[] = {
	    {.kind = CATALOG_EXTENSION, .name = "pg_trgm", .index = "other_trgm"},
	};
	struct catalog_relation *other = judge_table(&judge, "public", "searched", JUDGE_SMALL);
	(void)state;
	other->parts = needs;
	other->part_count = ARRAY_LEN(needs);
	expect("DROP EXTENSION pg_trgm", "refused: a column, an index or a view needs it");
	expect("DROP EXTENSION pg_trgm CASCADE", "searched ACCESS EXCLUSIVE; other_trgm ACCESS EXCLUSIVE");
	expect("DROP EXTENSION hstore", " none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(named, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(triggers_of_partitions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(members, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(functions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(sequences, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(free_sequences, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(extensions, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
