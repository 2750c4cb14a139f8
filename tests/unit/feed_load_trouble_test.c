#include "proxy/feed/feed.h"

#include "tests/unit/feed_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- locks ----------------------------------------------------------------------------------------- */

/* In less than a second at one of some tries: the machine may have other things to do, but a lock that is waited for costs
 * its time-out each time. */
static struct catalog *load_without_waiting(void)
{
	for (int tries = 0; tries < 5; tries++) {
		int64_t started_ms = feed_shop_now_ms();
		struct catalog *catalog = feed_shop_load(feed_shop.connection);
		int64_t took_ms = feed_shop_now_ms() - started_ms;
		assert_non_null(catalog);
		if (took_ms < 1000)
			return catalog;
		catalog_unref(catalog);
	}
	fail_msg("it waits for a lock");
	return NULL;
}

static void a_locked_table_costs_nothing_but_its_size(void **state)
{
	/* While a migration holds ACCESS EXCLUSIVE on two tables, one of them being counted, the rest comes within a
	 * second, and of the locked ones all that can be known without opening them. */
	(void)state;
	PGconn *migration = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(migration, "BEGIN; LOCK TABLE guessed, grown IN ACCESS EXCLUSIVE MODE;"
	                                "CREATE TABLE made_in_migration (id int);"
	                                "ALTER TABLE product ADD COLUMN not_yet int");
	struct catalog *during = load_without_waiting();
	const struct catalog_relation *grown = catalog_find(during, "public", "grown", NULL, NULL);
	assert_true(grown->rows >= 5000);
	assert_true(grown->bytes > 0);
	assert_true(grown->analyzed);
	/* Nobody has counted this one: it is what it was, or what the statistics have counted since. */
	const struct catalog_relation *guessed = catalog_find(during, "public", "guessed", NULL, NULL);
	const struct catalog_relation *as_it_was = catalog_find(feed_shop.catalog, "public", "guessed", NULL, NULL);
	assert_true(as_it_was->rows > 0);
	assert_true(guessed->rows == 20000 || guessed->rows == as_it_was->rows);
	assert_true(guessed->bytes == as_it_was->bytes);
	assert_false(guessed->analyzed);
	assert_int_equal(guessed->column_count, 7);
	const struct catalog_relation *measured = catalog_find(during, "public", "measured", NULL, NULL);
	assert_true(measured->rows == 10000);
	assert_true(measured->bytes > 0);
	/* What is not committed is not there. */
	assert_null(catalog_find(during, "public", "made_in_migration", NULL, NULL));
	assert_null(catalog_column(catalog_find(during, "public", "product", NULL, NULL), "not_yet"));
	catalog_unref(during);
	PQfinish(migration);
}

static void a_new_table_that_is_locked_holds_what_was_counted(void **state)
{
	/* A migration's second step finds the table that its first step has made: empty, and no size unknown. Where
	 * nobody counts, or nothing was read before, who knows. */
	(void)state;
	PGconn *migration = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(migration, "CREATE TABLE empty (id int); CREATE TABLE full_ (id int);"
	                                "CREATE INDEX ON empty (id) WHERE id > 5;"
	                                "INSERT INTO full_ SELECT generate_series(1, 3000)");
	for (bool counted = false; !counted;) {
		PGresult *rows = PQexec(migration, "SELECT pg_stat_get_live_tuples('full_'::regclass)");
		counted = strcmp(PQgetvalue(rows, 0, 0), "3000") == 0;
		PQclear(rows);
	}
	private_postgres_run(migration, "BEGIN; LOCK TABLE empty, full_ IN ACCESS EXCLUSIVE MODE");
	struct catalog *during = load_without_waiting();
	char error[256];
	struct catalog *first = feed_load(feed_shop.connection, "shop", NULL, error, sizeof(error));
	assert_non_null(first);
	private_postgres_run(feed_shop.connection, "SET track_counts = off");
	struct catalog *uncounted = feed_shop_load(feed_shop.connection);
	assert_non_null(uncounted);
	private_postgres_run(feed_shop.connection, "RESET track_counts");
	private_postgres_run(migration, "ROLLBACK; DROP TABLE empty, full_");

	assert_true(catalog_find(during, "public", "empty", NULL, NULL)->rows == 0);
	assert_true(catalog_find(during, "public", "empty", NULL, NULL)->vague);
	assert_true(catalog_find(during, "public", "full_", NULL, NULL)->rows == 3000);
	assert_true(catalog_find(first, "public", "empty", NULL, NULL)->rows < 0);
	assert_true(catalog_find(first, "public", "full_", NULL, NULL)->rows == 3000);
	assert_true(catalog_find(uncounted, "public", "empty", NULL, NULL)->rows < 0);
	catalog_unref(during);
	catalog_unref(first);
	catalog_unref(uncounted);
	PQfinish(migration);
}

static void expressions_of_a_locked_table_are_the_last_known(void **state)
{
	/* The deparser would wait for the lock too: what the last catalog said of the indexes is taken over, and the
	 * rest is as new; without a last one the table is vague, so that no rule judges by half its indexes. */
	(void)state;
	PGconn *migration = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(migration, "BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE");
	struct catalog *during = load_without_waiting();
	char error[256];
	struct catalog *first = feed_load(feed_shop.connection, "shop", NULL, error, sizeof(error));
	assert_non_null(first);

	const struct catalog_relation *product;
	const struct catalog_index *upper = catalog_find_index(during, "public", "product_upper", NULL, NULL, &product);
	assert_string_equal(upper->keys[0].expression, feed_shop_index("product_upper", NULL)->keys[0].expression);
	assert_string_equal(upper->definition, feed_shop_index("product_upper", NULL)->definition);
	const struct catalog_index *some = catalog_find_index(during, "public", "product_some", NULL, NULL, NULL);
	assert_string_equal(some->predicate, feed_shop_index("product_some", NULL)->predicate);
	assert_int_equal(feed_shop_constraint(product, "price_there")->not_null_count, 1);
	assert_string_equal(feed_shop_constraint(product, "price_there")->not_null_columns[0], "Price");

	upper = catalog_find_index(first, "public", "product_upper", NULL, NULL, &product);
	assert_string_equal(upper->keys[0].expression, "");
	assert_string_equal(upper->keys[1].expression, "id");
	assert_non_null(catalog_find_index(first, "public", "product_some", NULL, NULL, NULL)->predicate);
	assert_true(product->vague);
	assert_false(catalog_find(during, "public", "product", NULL, NULL)->vague);
	assert_int_equal(feed_shop_constraint(product, "price_there")->not_null_count, 0);
	/* A table without expressions is not worse off for it. */
	assert_true(catalog_find(first, "public", "measured", NULL, NULL)->rows == 10000);
	catalog_unref(during);
	catalog_unref(first);
	PQfinish(migration);
}

static void a_waiting_lock_is_not_joined(void **state)
{
	/* A migration that waits behind a reader would hold up everybody who comes after it, and us with them. */
	(void)state;
	PGconn *reader = private_postgres_connect(&feed_shop.postgres, "shop");
	PGconn *migration = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(reader, "BEGIN; SELECT count(*) FROM measured");
	assert_int_equal(PQsendQuery(migration, "ALTER TABLE measured ADD COLUMN late int"), 1);
	for (bool waits = false; !waits;) {
		PGresult *result = PQexec(feed_shop.connection, "SELECT count(*) FROM pg_locks WHERE NOT granted");
		waits = strcmp(PQgetvalue(result, 0, 0), "0") != 0;
		PQclear(result);
	}
	struct catalog *during = load_without_waiting();
	const struct catalog_relation *measured = catalog_find(during, "public", "measured", NULL, NULL);
	assert_true(measured->rows == 10000);
	assert_true(measured->bytes > 0);
	catalog_unref(during);
	PQfinish(reader);
	PGresult *result = PQgetResult(migration);
	assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
	PQclear(result);
	PQfinish(migration);
}

static void leaves_nothing_behind(void **state)
{
	/* After a load the connection is idle, holds no lock, and has the settings that it had. */
	(void)state;
	private_postgres_run(feed_shop.connection, "SET search_path = archive; SET lock_timeout = '7s'");
	struct catalog *again = feed_shop_load(feed_shop.connection);
	assert_non_null(again);
	catalog_unref(again);
	assert_int_equal(PQtransactionStatus(feed_shop.connection), PQTRANS_IDLE);
	PGresult *result =
	    PQexec(feed_shop.connection, "SELECT current_setting('search_path'), current_setting('lock_timeout'),"
	                                 " (SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
	                                 "  WHERE c.relname IN ('product', 'measured', 'guessed'))");
	assert_string_equal(PQgetvalue(result, 0, 0), "archive");
	assert_string_equal(PQgetvalue(result, 0, 1), "7s");
	assert_string_equal(PQgetvalue(result, 0, 2), "0");
	PQclear(result);
	private_postgres_run(feed_shop.connection, "RESET search_path; RESET lock_timeout");
}

/* -- failure --------------------------------------------------------------------------------------- */

static void says_why_it_failed(void **state)
{
	/* A role that may not read the catalog, and a connection that is gone: no catalog, and one line that says so.
	 */
	(void)state;
	char error[256];
	PGconn *connection = private_postgres_connect(&feed_shop.postgres, "in_c");
	private_postgres_run(connection, "REVOKE SELECT ON pg_proc FROM public; SET SESSION AUTHORIZATION clerk");
	assert_null(feed_load(connection, "in_c", NULL, error, sizeof(error)));
	assert_string_equal(error, "permission denied for table pg_proc (42501)");
	assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
	private_postgres_run(connection, "RESET SESSION AUTHORIZATION; GRANT SELECT ON pg_proc TO public");
	struct catalog *in_c = feed_shop_load(connection);
	assert_non_null(in_c);
	catalog_unref(in_c);

	PGconn *killer = private_postgres_connect(&feed_shop.postgres, "postgres");
	char sql[64];
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(connection));
	private_postgres_run(killer, sql);
	assert_null(feed_load(connection, "in_c", NULL, error, sizeof(error)));
	assert_true(strlen(error) > 0);
	assert_null(strchr(error, '\n'));
	assert_int_equal(PQstatus(connection), CONNECTION_BAD);
	PQfinish(connection);
	PQfinish(killer);
}

static void a_poor_role_still_reads_most(void **state)
{
	/* A role without any right to the tables gets all but the statistics of their columns. */
	(void)state;
	PGconn *connection = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(connection, "SET SESSION AUTHORIZATION guest");
	struct catalog *poor = feed_shop_load(connection);
	assert_non_null(poor);
	const struct catalog_relation *measured = catalog_find(poor, "public", "measured", NULL, NULL);
	assert_true(measured->rows == 10000);
	assert_false(catalog_column(measured, "id")->has_statistics);
	assert_non_null(catalog_find_index(poor, "public", "product_upper", NULL, NULL, NULL));
	catalog_unref(poor);
	PQfinish(connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_locked_table_costs_nothing_but_its_size),
	    cmocka_unit_test(a_new_table_that_is_locked_holds_what_was_counted),
	    cmocka_unit_test(expressions_of_a_locked_table_are_the_last_known),
	    cmocka_unit_test(leaves_nothing_behind),
	    cmocka_unit_test(says_why_it_failed),
	    cmocka_unit_test(a_poor_role_still_reads_most),
	    cmocka_unit_test(a_waiting_lock_is_not_joined),
	};
	return cmocka_run_group_tests(tests, feed_shop_set_up, feed_shop_tear_down);
}
