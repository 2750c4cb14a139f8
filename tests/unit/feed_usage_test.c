#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/feed/feed_usage.h"

#include "proxy/feed/feed.h"
#include "tests/unit/private_postgres.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* -- fixture: a server with two tables -------------------------------------------------------------------- */

static struct private_postgres postgres;
static PGconn *server;

static int start_server(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	server = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(server, "CREATE TABLE product (id serial PRIMARY KEY, price numeric(10, 2), delta int, name text,"
	                             "  status text, none int, ratio float8);"
	                             "CREATE INDEX product_status ON product (status);"
	                             "CREATE INDEX product_price ON product (price);"
	                             "INSERT INTO product (price, delta, name, status, ratio)"
	                             "  SELECT g % 700, g - 500, 'x' || g, CASE WHEN g % 20 = 0 THEN 'rare' ELSE 'done' END,"
	                             "  'NaN' FROM generate_series(1, 1000) g;"
	                             "CREATE TABLE small (id smallint GENERATED ALWAYS AS IDENTITY, big bigserial);"
	                             "INSERT INTO small DEFAULT VALUES;"
	                             "ALTER SEQUENCE small_id_seq RESTART 20000;"
	                             "INSERT INTO small DEFAULT VALUES;"
	                             "CREATE TABLE narrow (id bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 400), down int);"
	                             "SELECT setval('narrow_id_seq', 300);"
	                             "CREATE SEQUENCE down INCREMENT -1 OWNED BY narrow.down; SELECT nextval('down');"
	                             "CREATE TABLE flags AS SELECT g % 100 = 0 AS rare, true AS always, false AS never,"
	                             " NULL::bool AS nothing FROM generate_series(1, 1000) AS g;"
	                             "CREATE TABLE lists (tags text, padded varchar(100), names text, words text);"
	                             "INSERT INTO lists SELECT 'a' || g || ',b' || g, ',a,b' || g % 7 || ',', 'Last, First' || g,"
	                             "  CASE WHEN g % 2 = 0 THEN 'a,b' || g ELSE 'plain' || g END FROM generate_series(1, 500) g;"
	                             "CREATE ROLE guest LOGIN");
	private_postgres_run(server, "ANALYZE; CREATE TABLE heap (id int)");
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	PQfinish(server);
	private_postgres_stop(&postgres);
	return 0;
}

static struct catalog *load(PGconn *connection, const struct catalog *before)
{
	char error[256];
	struct catalog *catalog = feed_load(connection, "postgres", before, error, sizeof(error));
	if (catalog == NULL)
		fail_msg("%s", error);
	return catalog;
}

static const struct catalog_relation *table_of(const struct catalog *catalog, const char *name)
{
	const struct catalog_relation *relation = catalog_find(catalog, "public", name, NULL, NULL);
	assert_non_null(relation);
	return relation;
}

static const struct catalog_column *column_of(const struct catalog *catalog, const char *table, const char *name)
{
	const struct catalog_column *column = catalog_column(table_of(catalog, table), name);
	assert_non_null(column);
	return column;
}

static const struct catalog_index *index_of(const struct catalog *catalog, const char *name)
{
	const struct catalog_relation *relation;
	const struct catalog_index *index = catalog_find_index(catalog, "public", name, NULL, NULL, &relation);
	assert_non_null(index);
	return index;
}

/* -- cases ------------------------------------------------------------------------------------------------ */

/* What pg_stats says of values: how common the most common one is, and whether any is below zero. */
static void values(void **state)
{
	(void)state;
	struct catalog *catalog = load(server, NULL);
	assert_true(column_of(catalog, "product", "status")->common_share > 0.9);
	assert_true(column_of(catalog, "product", "name")->common_share == 0);
	const double status = column_of(catalog, "product", "status")->common_share;
	assert_true(column_of(catalog, "product", "status")->typical_share >= status * status);
	assert_true(column_of(catalog, "product", "status")->typical_share <= status);
	/* Unique: one row has the value of any. */
	assert_true(fabs(column_of(catalog, "product", "id")->typical_share * table_of(catalog, "product")->rows - 1) < 0.01);
	assert_false(column_of(catalog, "product", "status")->has_true_share);
	assert_true(fabs(column_of(catalog, "flags", "rare")->true_share - 0.01) < 1e-6);
	assert_true(column_of(catalog, "flags", "always")->true_share == 1);
	assert_true(column_of(catalog, "flags", "never")->has_true_share);
	assert_true(column_of(catalog, "flags", "never")->true_share == 0);
	assert_false(column_of(catalog, "flags", "nothing")->has_true_share);
	assert_true(column_of(catalog, "flags", "nothing")->typical_share == 0);
	assert_true(column_of(catalog, "product", "price")->never_negative);
	assert_true(column_of(catalog, "product", "id")->never_negative);
	assert_false(column_of(catalog, "product", "delta")->never_negative);
	assert_false(column_of(catalog, "product", "name")->never_negative);
	/* Nothing is known of nothing, and NaN is no number to compare. */
	assert_true(column_of(catalog, "lists", "tags")->list_share == 1);
	assert_true(column_of(catalog, "lists", "padded")->list_share == 1);
	assert_true(column_of(catalog, "lists", "names")->list_share == 0);
	assert_true(column_of(catalog, "lists", "words")->list_share < 0.6);
	assert_true(column_of(catalog, "product", "name")->list_share == 0);
	assert_false(column_of(catalog, "product", "none")->never_negative);
	assert_false(column_of(catalog, "product", "ratio")->never_negative);
	catalog_unref(catalog);
}

/* A sequence counts for the column that owns it, by the column's type. */
static void sequences(void **state)
{
	(void)state;
	struct catalog *catalog = load(server, NULL);
	const double used = column_of(catalog, "small", "id")->sequence_used;
	assert_true(used > 0.61 && used < 0.62);
	assert_true(column_of(catalog, "small", "big")->sequence_used < 1e-9);
	assert_true(column_of(catalog, "product", "id")->sequence_used < 1e-6);
	assert_true(column_of(catalog, "product", "price")->sequence_used == 0);
	/* The sequence's own end, where that comes first. */
	assert_true(fabs(column_of(catalog, "narrow", "id")->sequence_used - 0.75) < 1e-9);
	assert_true(column_of(catalog, "narrow", "down")->sequence_used == 0);
	catalog_unref(catalog);
}

/* The first reading of a sequence is remembered, until the sequence is set back. */
static void sequence_pace(void **state)
{
	(void)state;
	struct catalog *first = load(server, NULL);
	struct catalog_column *id = (struct catalog_column *)column_of(first, "narrow", "id");
	assert_true(id->sequence_first == id->sequence_used);
	assert_true(fabs(id->sequence_since - (double)time(NULL)) < 60);
	id->sequence_since = 1000;
	private_postgres_run(server, "SELECT setval('narrow_id_seq', 320)");
	struct catalog *second = load(server, first);
	assert_true(column_of(second, "narrow", "id")->sequence_used == 0.8);
	assert_true(column_of(second, "narrow", "id")->sequence_first == 0.75);
	assert_true(column_of(second, "narrow", "id")->sequence_since == 1000);
	private_postgres_run(server, "SELECT setval('narrow_id_seq', 4)");
	struct catalog *third = load(server, second);
	assert_true(column_of(third, "narrow", "id")->sequence_first == 0.01);
	assert_true(column_of(third, "narrow", "id")->sequence_since > 1000);
	private_postgres_run(server, "SELECT setval('narrow_id_seq', 300)");
	catalog_unref(first);
	catalog_unref(second);
	catalog_unref(third);
}

/* What may not be read, or is locked, stays unknown and keeps nothing else from being read. */
static void out_of_reach(void **state)
{
	(void)state;
	PGconn *guest = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(guest, "SET ROLE guest");
	struct catalog *catalog = load(guest, NULL);
	assert_true(column_of(catalog, "small", "id")->sequence_used == 0);
	catalog_unref(catalog);
	PQfinish(guest);

	PGconn *holder = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(holder, "BEGIN; LOCK TABLE small; ALTER SEQUENCE small_id_seq RESTART 5");
	catalog = load(server, NULL);
	assert_true(column_of(catalog, "small", "id")->sequence_used == 0);
	assert_true(column_of(catalog, "product", "status")->common_share > 0.9);
	catalog_unref(catalog);
	PQfinish(holder);
}

/* The statistics system's own figures: changes since ANALYZE, and scans. */
static void counters(void **state)
{
	(void)state;
	private_postgres_run(server, "SET enable_seqscan = off");
	private_postgres_run(server, "SELECT count(*) FROM product WHERE price = 5");
	private_postgres_run(server, "INSERT INTO heap SELECT generate_series(1, 300)");
	private_postgres_run(server, "SELECT pg_stat_force_next_flush()");
	private_postgres_run(server, "RESET enable_seqscan");
	struct catalog *catalog = load(server, NULL);
	assert_true(table_of(catalog, "heap")->modified == 300);
	/* What was written just before the ANALYZE may be counted after it. */
	assert_true(table_of(catalog, "product")->modified == 0);
	assert_true(index_of(catalog, "product_price")->unused_days == 0);
	assert_true(index_of(catalog, "product_status")->unused_days > 0);
	catalog_unref(catalog);
}

/* An index is known since the first catalog that had it. */
static void known_since(void **state)
{
	(void)state;
	struct catalog *first = load(server, NULL);
	const double now = (double)time(NULL);
	assert_true(now - index_of(first, "product_price")->known_since < 60);
	((struct catalog_index *)index_of(first, "product_price"))->known_since = 1000;
	private_postgres_run(server, "CREATE INDEX product_new ON product (none)");
	struct catalog *second = load(server, first);
	assert_true(index_of(second, "product_price")->known_since == 1000);
	assert_true(index_of(second, "product_new")->known_since >= now);
	private_postgres_run(server, "DROP INDEX product_new");
	catalog_unref(first);
	catalog_unref(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values),   cmocka_unit_test(sequences),   cmocka_unit_test(out_of_reach),
	    cmocka_unit_test(counters), cmocka_unit_test(sequence_pace), cmocka_unit_test(known_since),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
