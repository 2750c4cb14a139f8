#include "inspect/rules/rules_partition.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *event, *rest, *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	judge_column(product, "qty")->has_statistics = judge_column(product, "owner")->has_statistics = true;
	judge_column(product, "qty")->null_fraction = 0.5;
	judge_column(product, "owner")->null_fraction = 0.05;
	event = judge_table(&judge, "public", "event", JUDGE_LARGE);
	rest = judge_table(&judge, "public", "event_rest", JUDGE_LARGE);
	event->kind = CATALOG_PARTITIONED_TABLE;
	rest->is_partition = true;
	const struct catalog_relation **list = arena_alloc(catalog_arena(judge.catalog), sizeof(*list));
	list[0] = rest;
	event->partitions = list;
	event->partition_count = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *codes)
{
	judge_expect(&judge, sql, codes);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* M228: by all partitions; what they have already is attached and not built. */
static void indexes(void **state)
{
	(void)state;
	static const struct catalog_relation *few, *none;
	struct catalog_relation *little = judge_table(&judge, "public", "little", 0), *empty = judge_table(&judge, "public", "empty", 0);
	few = judge_table(&judge, "public", "little_2024", JUDGE_SMALL);
	little->kind = empty->kind = CATALOG_PARTITIONED_TABLE;
	little->partitions = &few;
	little->partition_count = 1;
	empty->partitions = &none;
	expect("CREATE INDEX ON event (qty)", "M228");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	expect("CREATE INDEX CONCURRENTLY ON event (qty)", "M228");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	assert_non_null(strstr(judge.verdict.findings[0].message, "it fails"));
	expect("CREATE INDEX ON ONLY event (qty)", "");
	expect("CREATE INDEX CONCURRENTLY ON event_rest (qty)", "");
	expect("CREATE INDEX ON event_rest (qty)", "M202");
	expect("CREATE INDEX ON little (qty)", "");
	expect("CREATE INDEX ON empty (qty)", "");
	expect("CREATE UNIQUE INDEX ON event (qty)", "M214");
}

static void indexes_that_are_there(void **state)
{
	(void)state;
	judge_index(&judge, rest, "rest_qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, rest, "rest_name", "btree", "name varchar_pattern_ops", NULL);
	expect("CREATE INDEX ON event (qty)", "");
	expect("CREATE INDEX ON event (qty DESC)", "M228");
	expect("CREATE INDEX ON event (qty) WHERE owner = 5", "M228");
	expect("CREATE INDEX ON event (qty, owner)", "M228");
	expect("CREATE INDEX ON event USING hash (qty)", "M228");
	expect("CREATE INDEX ON event (owner)", "M228");
	expect("CREATE INDEX ON event (name)", "M228");
	expect("CREATE INDEX ON event (name varchar_pattern_ops)", "");
}

/* M221, M233, M238: by the size of the table alone. */
static void whole_tables(void **state)
{
	(void)state;
	expect("TRUNCATE product", "M221");
	expect("TRUNCATE small", "");
	expect("LOCK TABLE product", "M233");
	expect("LOCK TABLE product IN SHARE MODE", "M233");
	expect("LOCK TABLE product IN ROW EXCLUSIVE MODE", "");
	expect("LOCK TABLE small", "");
	expect("UPDATE product SET qty = 0", "M238");
	expect("DELETE FROM product", "M238");
	expect("UPDATE product SET qty = 0 WHERE id = 1", "");
	expect("UPDATE small SET qty = 0", "");
}

/* M238: a WHERE that, by what pg_stats says, leaves very many rows is none. */
static void backfills(void **state)
{
	(void)state;
	expect("UPDATE product SET qty = 0 WHERE qty IS NULL", "M238");
	expect("DELETE FROM product WHERE qty IS NULL", "M238");
	expect("UPDATE product SET qty = 0 WHERE product.qty IS NOT NULL", "M238");
	/* A hundred thousand are not more than that; nobody has counted; there is more to the condition. */
	expect("UPDATE product SET owner = 0 WHERE owner IS NULL", "");
	expect("UPDATE product SET note = '' WHERE note IS NULL", "");
	expect("UPDATE product SET qty = 0 WHERE qty IS NULL AND id < 10000", "");
	expect("UPDATE product SET qty = 0 WHERE qty IS NULL OR id = 1", "Q122");
	expect("UPDATE product SET qty = 0 WHERE NOT (qty IS NULL)", "");
	expect("UPDATE product SET qty = 0 FROM small WHERE small.qty IS NULL", "");
	expect("UPDATE small SET qty = 0 WHERE qty IS NULL", "");
}

/* M225: what is attached is read, and so is the DEFAULT partition. */
static void attached(void **state)
{
	(void)state;
	expect("ALTER TABLE event ATTACH PARTITION product FOR VALUES FROM (1) TO (2)", "M225");
	expect("ALTER TABLE event ATTACH PARTITION small FOR VALUES FROM (1) TO (2)", "");
}

static void attached_beside_default(void **state)
{
	(void)state;
	rest->is_default_partition = true;
	expect("ALTER TABLE event ATTACH PARTITION small FOR VALUES FROM (1) TO (2)", "M225");
	assert_string_equal(judge.verdict.findings[0].table, "event_rest");
}

/* M226: unless CONCURRENTLY, or where that is refused. */
static void detached(void **state)
{
	(void)state;
	expect("ALTER TABLE event DETACH PARTITION event_rest", "M226");
	expect("ALTER TABLE event DETACH PARTITION event_rest CONCURRENTLY", "");
}

/* M227: only beside a DEFAULT partition. */
static void created(void **state)
{
	(void)state;
	expect("CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2)", "");
}

static void created_beside_default(void **state)
{
	(void)state;
	rest->is_default_partition = true;
	expect("CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2)", "M227");
	expect("ALTER TABLE event DETACH PARTITION event_rest", "");
}

/* M229: reads wait, unless CONCURRENTLY. */
static void refreshed(void **state)
{
	(void)state;
	judge_table(&judge, "public", "sales", JUDGE_LARGE)->kind = CATALOG_MATERIALIZED_VIEW;
	judge_table(&judge, "public", "few", JUDGE_SMALL)->kind = CATALOG_MATERIALIZED_VIEW;
	expect("REFRESH MATERIALIZED VIEW sales", "M229");
	expect("REFRESH MATERIALIZED VIEW CONCURRENTLY sales", "");
	expect("REFRESH MATERIALIZED VIEW few", "");
}

/* M230. */
static void triggers(void **state)
{
	(void)state;
	expect("CREATE TRIGGER t AFTER UPDATE ON product FOR EACH ROW EXECUTE FUNCTION f()", "M230");
	expect("DROP TRIGGER t ON product", "M230");
	expect("DROP TRIGGER t ON small", "");
}

/* A lock_timeout is all that there is to do about them. */
static void triggers_that_give_up(void **state)
{
	(void)state;
	catalog_add_setting(judge.catalog, NULL, "lock_timeout", "2s");
	expect("CREATE TRIGGER t AFTER UPDATE ON product FOR EACH ROW EXECUTE FUNCTION f()", "");
	expect("DROP TRIGGER t ON product", "");
}

/* M231: the tables that have a column of the domain. */
static void domains(void **state)
{
	(void)state;
	judge_column(product, "qty")->type = "quantity";
	catalog_add_domain(judge.catalog,
	                   &(struct catalog_domain){.schema = "public", .name = "quantity", .base_type = "int4"});
	expect("ALTER DOMAIN quantity ADD CHECK (VALUE > 0)", "M231");
	expect("ALTER DOMAIN quantity ADD CHECK (VALUE > 0) NOT VALID", "");
	expect("ALTER DOMAIN other ADD CHECK (VALUE > 0)", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(indexes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(indexes_that_are_there, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whole_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(backfills, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(attached, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(attached_beside_default, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(detached, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(created, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(created_beside_default, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refreshed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(triggers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(triggers_that_give_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(domains, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
