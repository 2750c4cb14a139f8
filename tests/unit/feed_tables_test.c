#include "proxy/feed/feed_tables.h"

#include "inspect/tree/facts.h"

#include "tests/unit/private_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture: a catalog with one table, as far as it is known before anything is opened --------------- */

static struct private_postgres postgres;
static PGconn *server;
static uint32_t product_oid, upper_oid, view_oid, plain_oid;

static struct catalog *catalog;
static struct feed_texts texts;
static struct feed_result result;
static char error[256];
static struct feed_table product;

static uint32_t oid_of(const char *name)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT '%s'::regclass::oid", name);
	PGresult *rows = PQexec(server, sql);
	uint32_t oid = (uint32_t)strtoul(PQgetvalue(rows, 0, 0), NULL, 10);
	PQclear(rows);
	assert_true(oid > 0);
	return oid;
}

static int start_server(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	server = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(server, "CREATE TABLE product (id int, name text, price int,"
	                             "  CONSTRAINT price_there CHECK (price IS NOT NULL AND price > 0));"
	                             "CREATE INDEX product_upper ON product (id, upper(name)) WHERE price > 9;"
	                             "CREATE VIEW seen WITH (security_barrier) AS SELECT id, name FROM product;"
	                             "CREATE VIEW plain WITH (security_barrier = off) AS SELECT name AS n FROM product;"
	                             "CREATE RULE r AS ON DELETE TO plain DO INSTEAD NOTHING;"
	                             "INSERT INTO product SELECT g, 'x', g FROM generate_series(1, 1000) g");
	product_oid = oid_of("product");
	upper_oid = oid_of("product_upper");
	view_oid = oid_of("seen");
	plain_oid = oid_of("plain");
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	PQfinish(server);
	private_postgres_stop(&postgres);
	return 0;
}

static struct feed_table table_of(uint32_t oid, enum catalog_relkind kind)
{
	const struct catalog_relation relation = {
	    .oid = oid, .schema = "public", .name = "t", .kind = kind, .rows = -1, .bytes = -1};
	return (struct feed_table){.relation = catalog_add_relation(catalog, &relation), .estimate = {.bytes = -1, .live_is_all = true}};
}

static struct feed_table product_before_opening(void)
{
	struct arena *arena = catalog_arena(catalog);
	struct feed_table table = table_of(product_oid, CATALOG_TABLE);
	struct catalog_index_key *keys = arena_alloc(arena, 2 * sizeof(*keys));
	keys[0] = (struct catalog_index_key){.expression = "id", .column = "id", .opclass = "int4_ops"};
	keys[1] = (struct catalog_index_key){.expression = "", .opclass = "text_ops"};
	table.indexes = arena_alloc(arena, sizeof(*table.indexes));
	*table.indexes = (struct catalog_index){.oid = upper_oid,
	                                        .schema = "public",
	                                        .name = "product_upper",
	                                        .method = "btree",
	                                        .keys = keys,
	                                        .key_count = 2,
	                                        .predicate = "",
	                                        .definition = ""};
	table.constraints = arena_alloc(arena, sizeof(*table.constraints));
	*table.constraints = (struct catalog_constraint){.name = "price_there", .kind = CATALOG_CHECK, .valid = true};
	table.relation->indexes = table.indexes;
	table.relation->constraints = table.constraints;
	table.relation->index_count = table.relation->constraint_count = 1;
	table.has_expressions = true;
	return table;
}

static int set_up(void **state)
{
	(void)state;
	catalog = catalog_new("postgres");
	feed_texts_init(&texts, catalog_arena(catalog));
	result = (struct feed_result){
	    .connection = private_postgres_connect(&postgres, "postgres"), .error = error, .error_size = sizeof(error)};
	product = product_before_opening();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_result_free(&result);
	PQfinish(result.connection);
	feed_texts_fini(&texts);
	catalog_unref(catalog);
	return 0;
}

static bool open_list(struct feed_table *list, uint32_t count, const struct catalog *before)
{
	struct feed_tables tables = {.list = list, .count = count};
	return feed_tables_open(&tables, &result, &texts, before);
}

/* -- cases ------------------------------------------------------------------------------------------ */

static void found_by_oid(void **state)
{
	/* Each is found, at either end and in between; what lies before, between and behind them is not. */
	(void)state;
	static const uint32_t oids[] = {10, 20, 30, 4000000000u};
	struct feed_table list[ARRAY_LEN(oids)];
	for (size_t at = 0; at < ARRAY_LEN(oids); at++)
		list[at] = table_of(oids[at], CATALOG_TABLE);
	for (uint32_t count = 0; count <= ARRAY_LEN(oids); count++) {
		const struct feed_tables tables = {.list = list, .count = count};
		for (uint32_t at = 0; at < ARRAY_LEN(oids); at++)
			assert_ptr_equal(feed_tables_find(&tables, oids[at]), at < count ? &list[at] : NULL);
		assert_null(feed_tables_find(&tables, 0));
		assert_null(feed_tables_find(&tables, 15));
		assert_null(feed_tables_find(&tables, UINT32_MAX));
	}
}

static void opened_tables_say_all(void **state)
{
	/* The size, and the texts of indexes and CHECKs in the form that statements are compared by. */
	(void)state;
	assert_true(open_list(&product, 1, NULL));
	assert_true(product.opened);
	assert_true(product.estimate.bytes >= 8192);
	assert_false(product.relation->vague);
	const struct catalog_index *upper = &product.indexes[0];
	assert_string_equal(upper->keys[0].expression, "id");
	assert_string_equal(upper->keys[1].expression, "upper(name)");
	assert_string_equal(upper->predicate, "price > 9");
	assert_string_equal(
	    upper->definition,
	    "CREATE INDEX product_upper ON public.product USING btree (id, upper(name)) WHERE (price > 9)");
	assert_non_null(strstr(product.constraints[0].expression, "price > 0"));
	assert_int_equal(product.constraints[0].not_null_count, 1);
	assert_string_equal(product.constraints[0].not_null_columns[0], "price");
}

static void nothing_to_open(void **state)
{
	/* The system's tables are of no interest: they are not asked for, nor is anything when there is nothing else. */
	(void)state;
	struct feed_table system = table_of(oid_of("pg_class"), CATALOG_TABLE);
	system.relation->system = true;
	assert_true(open_list(&system, 1, NULL));
	assert_false(system.opened);
	struct feed_tables none = {.list = NULL, .count = 0};
	struct feed_result nobody = {.error = error, .error_size = sizeof(error)};
	assert_true(feed_tables_open(&none, &nobody, &texts, NULL));
	/* With the table beside them it is the only one. */
	struct feed_table both[] = {system, product};
	assert_true(open_list(both, 2, NULL));
	assert_false(both[0].opened);
	assert_true(both[0].estimate.bytes < 0);
	assert_true(both[1].opened);
}

static void views_have_queries(void **state)
{
	/* A view's text, schemas and all, and what keeps others' conditions and writes out of it. Somebody who holds what it
	 * names leaves it as it was known. */
	(void)state;
	struct feed_table list[] = {table_of(view_oid, CATALOG_VIEW), table_of(plain_oid, CATALOG_VIEW)};
	assert_true(open_list(list, 2, NULL));
	const struct catalog_view *seen = list[0].relation->view, *plain = list[1].relation->view;
	assert_non_null(strstr(seen->definition, "FROM public.product"));
	assert_true(seen->is_barrier && !seen->is_diverted);
	assert_true(!plain->is_barrier && plain->is_diverted);
	assert_string_equal(plain->facts->levels[1].outputs[0].name, "n");
	assert_true(list[0].estimate.bytes < 0);
	catalog_seal(catalog);
	struct catalog *before = catalog;
	feed_texts_fini(&texts);
	catalog = catalog_new("postgres");
	feed_texts_init(&texts, catalog_arena(catalog));

	private_postgres_run(server, "BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE");
	struct feed_table first = table_of(view_oid, CATALOG_VIEW), again = table_of(view_oid, CATALOG_VIEW);
	assert_true(open_list(&first, 1, NULL));
	assert_true(open_list(&again, 1, before));
	private_postgres_run(server, "ROLLBACK");
	catalog_unref(before);
	assert_null(first.relation->view);
	assert_true(again.relation->view->is_barrier);
	assert_string_equal(again.relation->view->facts->relations[0].name, "product");
}

static void dropped_tables(void **state)
{
	/* A table that is gone by now costs its own figures and nobody else's; an index or CHECK that we don't know of
	 * is passed over. */
	(void)state;
	struct feed_table list[] = {table_of(1, CATALOG_TABLE), product};
	list[1].indexes[0].oid = 1;
	list[1].constraints[0].name = "another";
	assert_true(open_list(list, 2, NULL));
	assert_false(list[0].opened);
	assert_true(list[0].estimate.bytes < 0);
	assert_true(list[1].opened);
	assert_true(list[1].estimate.bytes >= 8192);
	assert_string_equal(list[1].indexes[0].keys[1].expression, "");
	assert_null(list[1].constraints[0].expression);
}

static void more_than_one_batch(void **state)
{
	/* However many tables there are, the last one is opened like the first. */
	(void)state;
	enum { COUNT = 2500 };
	struct feed_table *list = calloc(COUNT, sizeof(*list));
	assert_non_null(list);
	for (uint32_t at = 0; at < COUNT - 1; at++)
		list[at] = table_of(at + 1, CATALOG_TABLE);
	list[COUNT - 1] = product;
	assert_true(open_list(list, COUNT, NULL));
	assert_true(list[COUNT - 1].opened);
	assert_string_equal(list[COUNT - 1].indexes[0].keys[1].expression, "upper(name)");
	free(list);
}

static void held_tables(void **state)
{
	/* A table that somebody holds keeps what is known of it, gets its size from the last catalog, and its texts if
	 * that has the same index; else nobody knows what its indexes serve. */
	(void)state;
	struct feed_table known = product;
	assert_true(open_list(&known, 1, NULL));
	known.relation->rows = 1000;
	known.relation->bytes = 8192;
	catalog_seal(catalog);
	struct catalog *before = catalog;
	feed_texts_fini(&texts);
	catalog = catalog_new("postgres");
	feed_texts_init(&texts, catalog_arena(catalog));

	private_postgres_run(server, "BEGIN; LOCK TABLE product IN ACCESS EXCLUSIVE MODE");
	struct feed_table first = product_before_opening(), again = product_before_opening(),
	                  rebuilt = product_before_opening();
	rebuilt.indexes[0].oid++;
	assert_true(open_list(&first, 1, NULL));
	assert_true(open_list(&again, 1, before));
	assert_true(open_list(&rebuilt, 1, before));
	private_postgres_run(server, "ROLLBACK");
	catalog_unref(before);

	assert_false(first.opened);
	assert_true(first.relation->vague);
	assert_true(first.estimate.live_is_all);
	assert_string_equal(first.indexes[0].keys[1].expression, "");
	assert_int_equal(first.constraints[0].not_null_count, 0);
	assert_false(again.opened);
	assert_false(again.relation->vague);
	assert_false(again.estimate.live_is_all);
	assert_true(again.estimate.bytes < 0);
	assert_true(again.estimate.last_rows == 1000);
	assert_int_equal(again.estimate.last_bytes, 8192);
	assert_string_equal(again.indexes[0].keys[0].expression, "id");
	assert_string_equal(again.indexes[0].keys[1].expression, "upper(name)");
	assert_string_equal(again.indexes[0].predicate, "price > 9");
	assert_string_equal(again.constraints[0].not_null_columns[0], "price");
	assert_true(rebuilt.relation->vague);
	assert_true(rebuilt.estimate.last_rows == 1000);
	assert_string_equal(rebuilt.indexes[0].keys[1].expression, "");
}

static void lost_connection(void **state)
{
	/* The loss is told, with the reason. */
	(void)state;
	char sql[64];
	error[0] = '\0';
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", PQbackendPID(result.connection));
	private_postgres_run(server, sql);
	assert_false(open_list(&product, 1, NULL));
	assert_string_not_equal(error, "");
	assert_false(product.opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(found_by_oid, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(opened_tables_say_all, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_to_open, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(views_have_queries, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dropped_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(more_than_one_batch, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(held_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lost_connection, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
