#include "inspect/access/access.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* The events of a statement, "1 predicate index" each, with a semicolon between. */
static const char *events(const char *sql)
{
	static char text[2000];
	size_t len = 0;
	uint16_t count;
	const struct access_event *list = access_events(judge_access(&judge, sql), &count);
	text[0] = '\0';
	for (uint16_t at = 0; at < count; at++)
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%s%d %s %s", at > 0 ? "; " : "", list[at].served,
		                     list[at].predicate, list[at].index != NULL ? list[at].index : "-");
	return text;
}

/* One event for each condition and order, and the index that serves it. */
static void conditions(void **state)
{
	(void)state;
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	assert_string_equal(events("SELECT * FROM product WHERE qty = 5 AND name = 'x' ORDER BY qty DESC"),
	                    "1 qty = ? by_qty; 0 name = ? -; 1 order by qty desc by_qty");
	assert_string_equal(events("SELECT * FROM product WHERE qty = 5 OR name = 'x'"),
	                    "0 (qty = ?) or (name = ?) -");
	assert_string_equal(events("SELECT * FROM product WHERE qty = 5 OR id = 7"), "1 (qty = ?) or (id = ?) by_qty");
	assert_string_equal(events("SELECT * FROM product"), "");
	assert_string_equal(events("SELECT * FROM product WHERE true"), "");
	assert_string_equal(events("UPDATE product SET qty = 1 WHERE qty = 5"), "1 qty = ? by_qty");
	assert_string_equal(events("DELETE FROM product WHERE qty = 5"), "1 qty = ? by_qty");
	assert_string_equal(events("EXPLAIN SELECT * FROM product WHERE qty = 5"), "1 qty = ? by_qty");
	assert_string_equal(events("DECLARE c CURSOR FOR SELECT * FROM product WHERE qty = 5"), "1 qty = ? by_qty");
	assert_string_equal(events("COPY (SELECT * FROM product WHERE qty = 5) TO STDOUT"), "1 qty = ? by_qty");
	assert_string_equal(events("CREATE TABLE x AS SELECT * FROM product WHERE qty = 5"), "1 qty = ? by_qty");
	assert_string_equal(events("PREPARE q (numeric) AS SELECT * FROM product WHERE qty = $1"), "0 qty = $1 -");
	assert_string_equal(events("PREPARE q (int) AS SELECT * FROM product WHERE qty = $1"), "1 qty = $1 by_qty");
}

/* Whose column a name is, in joins, sub-selects, unions and WITH. */
static void scopes(void **state)
{
	(void)state;
	struct catalog_relation *item = judge_table(&judge, "public", "item", JUDGE_LARGE);
	judge_index(&judge, item, "item_owner", "btree", "owner int4_ops", NULL);
	assert_string_equal(events("SELECT * FROM product p JOIN item i ON i.owner = p.id WHERE p.name = 'x'"),
	                    "1 owner = id product_pkey; 0 name = ? -");
	assert_string_equal(events("SELECT * FROM product p JOIN item i USING (owner)"), "1 owner = owner item_owner");
	assert_string_equal(events("SELECT * FROM product WHERE id IN (SELECT owner FROM item WHERE owner = 3)"),
	                    "1 id in (select) product_pkey; 1 owner = ? item_owner; 1 id in (select) item_owner");
	assert_string_equal(events("SELECT * FROM product WHERE id = 1 UNION SELECT * FROM item WHERE owner = 3"),
	                    "1 id = ? product_pkey; 1 owner = ? item_owner");
	assert_string_equal(events("WITH c AS (SELECT * FROM item WHERE owner = 3) SELECT * FROM c WHERE owner = 5"),
	                    "1 owner = ? item_owner; 1 owner = ? item_owner");
	assert_string_equal(events("WITH c AS MATERIALIZED (SELECT * FROM item) SELECT * FROM c WHERE owner = 5"), "");
	assert_string_equal(events("SELECT * FROM product p, LATERAL (SELECT * FROM item i WHERE i.owner = p.id) AS s"),
	                    "1 owner = id item_owner");
	assert_string_equal(
	    events("SELECT * FROM (SELECT * FROM item WHERE qty = 1) s WHERE s.owner = 3 ORDER BY owner"),
	    "0 qty = ? -; 1 owner = ? item_owner; 1 order by owner item_owner");
	assert_string_equal(events("SELECT * FROM (SELECT * FROM item LIMIT 5) s WHERE s.owner = 3"), "");
	assert_string_equal(events("SELECT * FROM (SELECT qty AS owner FROM item) s WHERE s.owner = 3"),
	                    "0 owner = ? -");
	assert_string_equal(events("SELECT * FROM (SELECT owner FROM item UNION SELECT 1) s WHERE s.owner = 3"),
	                    "1 owner = ? item_owner");
	assert_string_equal(events("SELECT * FROM (SELECT owner FROM item EXCEPT SELECT 1) s WHERE s.owner = 3"), "");
	assert_string_equal(events("SELECT * FROM (SELECT owner FROM item UNION ALL SELECT qty FROM item) s WHERE owner = 3"),
	                    "1 owner = ? item_owner; 0 owner = ? -");
	assert_string_equal(events("SELECT owner FROM item GROUP BY owner HAVING owner = 3 AND count(*) > 1"),
	                    "1 owner = ? item_owner");
	assert_string_equal(events("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id AND p.id = 5"),
	                    "1 owner = id item_owner");
}

/* x IN (SELECT y …) looks for x among the sub-select's rows, where both can be one query; the same row by row, what is no
 * join, and what is asked of a limited or grouped sub-select do not. */
static void memberships(void **state)
{
	(void)state;
	struct catalog_relation *item = judge_table(&judge, "public", "item", JUDGE_LARGE);
	judge_index(&judge, item, "item_owner", "btree", "owner int4_ops", NULL);
	assert_string_equal(events("SELECT * FROM product WHERE qty IN (SELECT owner FROM item WHERE name = 'x')"),
	                    "0 qty in (select) -; 0 name = ? -; 1 qty in (select) item_owner");
	assert_string_equal(events("SELECT * FROM product WHERE qty IN (SELECT qty FROM item)"),
	                    "0 qty in (select) -; 0 qty in (select) -");
	assert_string_equal(events("SELECT * FROM product WHERE qty NOT IN (SELECT owner FROM item)"),
	                    "0 not qty in (select) -");
	assert_string_equal(events("SELECT * FROM product WHERE qty IN (SELECT owner FROM item LIMIT 3)"),
	                    "0 qty in (select) -");
	assert_string_equal(events("SELECT * FROM product WHERE qty IN (SELECT owner FROM item GROUP BY owner)"),
	                    "0 qty in (select) -");
	assert_string_equal(events("SELECT * FROM product WHERE qty = 1 OR qty IN (SELECT owner FROM item)"),
	                    "0 (qty = ?) or qty in (select) -");
	assert_string_equal(
	    events("SELECT * FROM product p WHERE qty IN (SELECT owner FROM item i WHERE i.id = p.id)"),
	                    "0 qty in (select) -; 1 id = id item_pkey");
	assert_string_equal(events("SELECT * FROM product WHERE qty IN (SELECT 5 FROM item)"), "0 qty in (select) -");
}

/* What an outer join fills up is asked afterwards, unless the condition leaves out the rows that it fills up. */
static void outer_joins(void **state)
{
	(void)state;
	struct catalog_relation *item = judge_table(&judge, "public", "item", JUDGE_LARGE);
	judge_index(&judge, item, "item_owner", "btree", "owner int4_ops", NULL);
	judge_index(&judge, item, "item_qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, product, "by_qty", "btree", "qty int4_ops", NULL);
	assert_string_equal(
	    events("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id WHERE i.qty IS NULL"),
	                    "1 owner = id item_owner; 0 qty is null -");
	assert_string_equal(events("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id WHERE i.qty = 5"),
	                    "1 owner = id product_pkey; 1 qty = ? item_qty");
	assert_string_equal(
	    events("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id WHERE p.qty IS NULL"),
	                    "1 owner = id item_owner; 1 qty is null by_qty");
	assert_string_equal(events("SELECT * FROM product p LEFT JOIN item i ON i.owner = p.id AND i.qty IS NULL"),
	                    "1 owner = id item_owner; 1 qty is null item_qty");
	assert_string_equal(
	    events("SELECT * FROM item i RIGHT JOIN product p ON i.owner = p.id WHERE i.qty IS NULL"),
	                    "1 owner = id item_owner; 0 qty is null -");
	assert_string_equal(events("SELECT * FROM product p JOIN item i ON i.owner = p.id WHERE i.qty IS NULL"),
	                    "1 owner = id product_pkey; 1 qty is null item_qty");
}

/* An order by all of it, behind keys that are compared for equality, either way round; not by a part of it. */
static void orders(void **state)
{
	(void)state;
	judge_index(&judge, product, "pair", "btree", "qty int4_ops;owner int4_ops", NULL);
	assert_string_equal(events("SELECT * FROM product ORDER BY qty, owner"), "1 order by qty, owner pair");
	assert_string_equal(events("SELECT * FROM product ORDER BY qty DESC, owner DESC"),
	                    "1 order by qty desc, owner desc pair");
	assert_string_equal(events("SELECT * FROM product ORDER BY qty, owner DESC"), "0 order by qty, owner desc -");
	assert_string_equal(events("SELECT * FROM product ORDER BY qty, owner, id"), "0 order by qty, owner, id -");
	assert_string_equal(events("SELECT * FROM product WHERE qty = 5 ORDER BY owner"),
	                    "1 qty = ? pair; 1 order by owner pair");
	assert_string_equal(events("SELECT * FROM product ORDER BY qty NULLS FIRST, owner"),
	                    "0 order by qty nulls first, owner -");
	assert_string_equal(events("SELECT max(qty) FROM product"), "1 max(qty) pair");
	assert_string_equal(events("SELECT max(owner) FROM product"), "1 max(owner) pair");
	assert_string_equal(events("SELECT max(amount) FROM product"), "0 max(amount) -");
	assert_string_equal(events("SELECT DISTINCT qty FROM product"), "1 distinct qty pair");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(conditions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(scopes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(memberships, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(outer_joins, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(orders, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
