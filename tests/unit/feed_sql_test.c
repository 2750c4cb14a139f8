#include "proxy/feed/feed_sql.h"

#include "config/check.h"
#include "tests/unit/private_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------------- */

static struct private_postgres postgres;
static PGconn *connection;

/* What a user may have made to confuse us stands in front of the search_path. */
static const char schema[] =
    "CREATE TABLE product (id bigint PRIMARY KEY, name text NOT NULL, price int CHECK (price > 0));"
    "CREATE INDEX product_upper ON product (id, upper(name)) WHERE price IS NOT NULL;"
    "CREATE TABLE plain (b int, a int, PRIMARY KEY (a, b));"
    "CREATE TABLE child (of bigint REFERENCES product);"
    "CREATE VIEW seen AS SELECT id FROM product;"
    "CREATE TABLE event (at date) PARTITION BY RANGE (at);"
    "CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');"
    "CREATE SEQUENCE numbers OWNED BY product.id;"
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    "CREATE SCHEMA trap;"
    "CREATE TABLE trap.pg_extension (extname text); INSERT INTO trap.pg_extension VALUES ('trap');"
    "CREATE FUNCTION trap.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'trap'$$;"
    "CREATE FUNCTION trap.pg_get_indexdef(oid) RETURNS text LANGUAGE sql AS $$SELECT 'trap'$$;"
    "SET search_path = trap, pg_catalog, public; SET quote_all_identifiers = on; SET standard_conforming_strings = off";

static const struct {
	const char *sql;
	int columns;
} reads[] = {
    {feed_sql_facts, 3},       {feed_sql_relations, 18},   {feed_sql_columns, 20},   {feed_sql_indexes, 14},
    {feed_sql_index_keys, 14}, {feed_sql_constraints, 8},  {feed_sql_dependents, 4}, {feed_sql_functions, 6},
    {feed_sql_domains, 6},     {feed_sql_settings, 3}, {feed_sql_extensions, 1}, {feed_sql_parts, 10},
};

static int set_up(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	connection = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(connection, schema);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	PQfinish(connection);
	private_postgres_stop(&postgres);
	return 0;
}

static PGresult *rows_of(const char *sql)
{
	PGresult *rows = PQexec(connection, sql);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		fail_msg("%s%s", PQresultErrorMessage(rows), sql);
	return rows;
}

static char *value_of(const char *sql)
{
	PGresult *rows = rows_of(sql);
	char *value = strdup(PQgetvalue(rows, 0, 0));
	PQclear(rows);
	return value;
}

static void assert_value(const char *sql, const char *expected)
{
	char *value = value_of(sql);
	assert_string_equal(value, expected);
	free(value);
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void a_transaction_that_changes_nothing(void **state)
{
	/* It reads one state of the catalog, can't write, and leaves the session as it was. */
	(void)state;
	private_postgres_run(connection, feed_sql_begin);
	assert_value("SHOW transaction_isolation", "repeatable read");
	assert_value("SELECT current_schemas(true)", "{pg_catalog}");
	assert_value("SHOW standard_conforming_strings", "on");
	PGresult *refused = PQexec(connection, "CREATE TABLE public.written (id int)");
	assert_string_equal(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "25006");
	PQclear(refused);
	private_postgres_run(connection, "ROLLBACK");
	assert_value("SELECT current_schemas(true)", "{trap,pg_catalog,public}");
	assert_value("SHOW standard_conforming_strings", "off");
	assert_value("SHOW lock_timeout", "0");
	assert_value("SHOW enable_nestloop", "on");
}

static void everything_under_a_migration(void **state)
{
	/* While somebody holds every table of the schema, all that describes them is read, without waiting and without
	 * a lock on any of them. */
	(void)state;
	PGconn *migration = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(migration,
	                     "BEGIN; LOCK TABLE product, plain, child, event, event_1 IN ACCESS EXCLUSIVE MODE");
	private_postgres_run(connection, feed_sql_begin);
	for (size_t at = 0; at < ARRAY_LEN(reads); at++) {
		PGresult *rows = rows_of(reads[at].sql);
		assert_int_equal(PQnfields(rows), reads[at].columns);
		assert_true(PQntuples(rows) > 0);
		PQclear(rows);
		assert_value("SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
		             " WHERE l.pid = pg_backend_pid() AND c.relnamespace <> 'pg_catalog'::regnamespace",
		             "0");
	}
	private_postgres_run(connection, "COMMIT");
	PQfinish(migration);
}

static void what_users_made_is_not_asked(void **state)
{
	/* Tables and functions that have the names of the catalog's don't answer in its place. */
	(void)state;
	private_postgres_run(connection, feed_sql_begin);
	PGresult *rows = rows_of(feed_sql_extensions);
	for (int at = 0; at < PQntuples(rows); at++)
		assert_string_not_equal(PQgetvalue(rows, at, 0), "trap");
	PQclear(rows);
	rows = rows_of(feed_sql_facts);
	assert_string_equal(PQgetvalue(rows, 0, 0), "8192");
	assert_string_equal(PQgetvalue(rows, 0, 2), "t");
	PQclear(rows);
	private_postgres_run(connection, "COMMIT");
}

/* Whether a column of numbers never goes down as long as the columns before it stay. */
static void assert_ordered(const char *sql, const int *by, size_t count)
{
	PGresult *rows = rows_of(sql);
	assert_true(PQntuples(rows) > 2);
	for (int at = 1; at < PQntuples(rows); at++) {
		for (size_t column = 0; column < count; column++) {
			unsigned long before = strtoul(PQgetvalue(rows, at - 1, by[column]), NULL, 10);
			unsigned long here = strtoul(PQgetvalue(rows, at, by[column]), NULL, 10);
			if (here != before) {
				assert_true(here > before);
				break;
			}
		}
	}
	PQclear(rows);
}

static void rows_come_in_order(void **state)
{
	/* Who reads them looks for each relation once and takes what follows. */
	(void)state;
	private_postgres_run(connection, feed_sql_begin);
	assert_ordered(feed_sql_relations, (const int[]){0}, 1);
	assert_ordered(feed_sql_columns, (const int[]){0, 1}, 2);
	assert_ordered(feed_sql_indexes, (const int[]){0, 1}, 2);
	assert_ordered(feed_sql_constraints, (const int[]){0}, 1);
	/* A key's position is where it comes: (a, b), and not by number or name of the columns. */
	PGresult *rows = rows_of(feed_sql_index_keys);
	char *oid = value_of("SELECT 'public.plain_pkey'::regclass::oid");
	int found = 0;
	for (int at = 0; at < PQntuples(rows); at++) {
		if (strcmp(PQgetvalue(rows, at, 0), oid) != 0)
			continue;
		assert_string_equal(PQgetvalue(rows, at, 2), found == 0 ? "a" : "b");
		found++;
	}
	assert_int_equal(found, 2);
	free(oid);
	PQclear(rows);
	private_postgres_run(connection, "COMMIT");
}

/* What the last three parts say of these tables: rows of kind and text, "s 0|i CREATE …". */
static const char *opened(const char *tables)
{
	static char text[4096];
	char sql[8192];
	char *oids = value_of(tables);
	snprintf(sql, sizeof(sql), "%s%d%s%s%s", feed_sql_open_begin, 100, feed_sql_open_wanted, oids,
	         feed_sql_open_end);
	free(oids);
	text[0] = '\0';
	assert_int_equal(PQsendQuery(connection, sql), 1);
	for (PGresult *rows; (rows = PQgetResult(connection)) != NULL; PQclear(rows)) {
		if (PQresultStatus(rows) == PGRES_FATAL_ERROR)
			fail_msg("%s", PQresultErrorMessage(rows));
		for (int at = 0; at < PQntuples(rows); at++) {
			size_t len = strlen(text);
			snprintf(text + len, sizeof(text) - len, "%s %s %s|", PQgetvalue(rows, at, 1),
			         PQgetvalue(rows, at, 3), PQgetvalue(rows, at, 4));
		}
	}
	return text;
}

static void opening(void **state)
{
	/* Of a table its size, and what can only be told by opening it: indexes that are more than columns, the keys of
	 * these that are expressions, and CHECKs. */
	(void)state;
	const char *text = opened("SELECT 'public.product'::regclass::oid");
	assert_non_null(strstr(text, "s  0|"));
	assert_non_null(strstr(text,
	                       "i  CREATE INDEX product_upper ON public.product USING btree (id, upper(name)) WHERE "
	                       "(price IS NOT NULL)|"));
	assert_non_null(strstr(text, "k 2 upper(name)|"));
	assert_non_null(strstr(text, "c product_price_check CHECK ((price > 0))|"));
	assert_null(strstr(text, "product_pkey"));
	assert_null(strstr(text, "k 1"));
	assert_string_equal(opened("SELECT 'public.plain'::regclass::oid"), "s  0|");
	assert_string_equal(opened("SELECT 1"), "");
}

static void opening_waits_for_nobody(void **state)
{
	/* A table that somebody holds is left out, and the others are opened all the same. */
	(void)state;
	PGconn *migration = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(migration, "BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE");
	assert_string_equal(opened("SELECT 'public.product'::regclass::oid || ',' || 'public.plain'::regclass::oid"),
	                    "s  0|");
	PQfinish(migration);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_transaction_that_changes_nothing),
	    cmocka_unit_test(everything_under_a_migration),
	    cmocka_unit_test(what_users_made_is_not_asked),
	    cmocka_unit_test(rows_come_in_order),
	    cmocka_unit_test(opening),
	    cmocka_unit_test(opening_waits_for_nobody),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
