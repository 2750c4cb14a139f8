#include "proxy/feed/feed.h"

#include "tests/unit/feed_shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------- */

static const struct catalog_relation *relation_of(const char *schema, const char *name)
{
	const struct catalog_relation *relation = catalog_find(feed_shop.catalog, schema, name, NULL, NULL);
	if (relation == NULL)
		fail_msg("%s.%s is not there", schema, name);
	return relation;
}

/* What the planner expects of a sequential scan of that table alone. */
static double planned_rows(const char *table)
{
	char sql[160];
	snprintf(sql, sizeof(sql), "EXPLAIN SELECT * FROM ONLY %s", table);
	PGresult *result = PQexec(feed_shop.connection, sql);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	const char *rows = strstr(PQgetvalue(result, 0, 0), "rows=");
	assert_non_null(rows);
	double planned = strtod(rows + strlen("rows="), NULL);
	PQclear(result);
	return planned;
}

static enum catalog_volatility volatility_of(const char *name, uint16_t arguments, bool *inlinable)
{
	return catalog_volatility_of(feed_shop.catalog, NULL, name, arguments, inlinable);
}

/* -- relations and columns ----------------------------------------------------------------------- */

static void knows_every_kind_of_relation(void **state)
{
	/* Tables, parents, views, materialized and system ones are there by their exact names; what is temporary,
	 * dropped or no relation of that kind is not. */
	(void)state;
	assert_int_equal(relation_of("public", "product")->kind, CATALOG_TABLE);
	assert_int_equal(relation_of("archive", "seen")->kind, CATALOG_VIEW);
	assert_int_equal(relation_of("archive", "kept")->kind, CATALOG_MATERIALIZED_VIEW);
	assert_int_equal(relation_of("public", "event")->kind, CATALOG_PARTITIONED_TABLE);
	assert_string_equal(relation_of("Odd \"One\"", "Item")->columns[0].name, "select");
	assert_int_equal(relation_of("public", "nothing")->column_count, 0);
	assert_true(relation_of("pg_catalog", "pg_class")->system);
	assert_int_equal(relation_of("pg_catalog", "pg_class")->column_count, 0);
	assert_true(relation_of("information_schema", "tables")->system);
	assert_false(relation_of("public", "product")->system);
	for (uint32_t at = 0; at < catalog_relation_count(feed_shop.catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(feed_shop.catalog, at);
		assert_string_not_equal(relation->name, "passing");
		assert_string_not_equal(relation->schema, "pg_toast");
		assert_false(relation->temporary);
		assert_ptr_equal(catalog_find_oid(feed_shop.catalog, relation->oid), relation);
	}
	/* Sequences and indexes are no relations here. */
	assert_null(catalog_find(feed_shop.catalog, "public", "category_id_seq", NULL, NULL));
	assert_null(catalog_find(feed_shop.catalog, "public", "product_pkey", NULL, NULL));
	assert_string_equal(catalog_database(feed_shop.catalog), "shop");
}

static void knows_columns(void **state)
{
	/* Names, types with modifier, NOT NULL and collations, without dropped columns. */
	(void)state;
	const struct catalog_relation *product = relation_of("public", "product");
	assert_int_equal(product->column_count, 10);
	const struct catalog_column *id = catalog_column(product, "id");
	assert_int_equal(id->number, 1);
	assert_string_equal(id->type, "int8");
	assert_string_equal(id->type_schema, "pg_catalog");
	assert_int_equal(id->type_oid, 20);
	assert_int_equal(id->type_modifier, -1);
	assert_true(id->not_null);
	assert_null(id->collation);
	assert_false(id->collation_is_c);
	const struct catalog_column *name = catalog_column(product, "name");
	assert_string_equal(name->type, "varchar");
	assert_int_equal(name->type_modifier, 54);
	assert_true(name->not_null);
	assert_string_equal(name->collation, "default");
	assert_false(name->collation_is_c);
	assert_false(name->collation_nondeterministic);
	const struct catalog_column *price = catalog_column(product, "Price");
	assert_string_equal(price->type, "numeric");
	assert_int_equal(price->type_modifier, (10 << 16) + 2 + 4);
	assert_false(price->not_null);
	assert_null(catalog_column(product, "price"));
	assert_null(catalog_column(product, "gone"));
	assert_int_equal(catalog_column(product, "code")->number, 5);
	assert_true(catalog_column(product, "code")->collation_is_c);
	assert_string_equal(catalog_column(product, "code")->collation, "C");
	assert_true(catalog_column(product, "label")->collation_nondeterministic);
	assert_false(catalog_column(product, "label")->collation_is_c);
	assert_string_equal(catalog_column(product, "stock")->type, "positive");
	assert_string_equal(catalog_column(product, "stock")->type_schema, "public");
	assert_string_equal(catalog_column(product, "tags")->type, "_varchar");
	assert_int_equal(catalog_column(product, "tags")->type_modifier, 14);
}

static void resolves_the_databases_collation(void **state)
{
	/* "default" is C where the database is, whatever the columns say. */
	(void)state;
	PGconn *connection = private_postgres_connect(&feed_shop.postgres, "in_c");
	private_postgres_run(connection, "CREATE TABLE t (a text, b text COLLATE \"und-x-icu\", c int)");
	private_postgres_run(connection, "CREATE INDEX t_a ON t (a, b)");
	struct catalog *in_c = feed_shop_load(connection);
	assert_non_null(in_c);
	const struct catalog_relation *t = catalog_find(in_c, "public", "t", NULL, NULL);
	assert_true(catalog_column(t, "a")->collation_is_c);
	assert_string_equal(catalog_column(t, "a")->collation, "default");
	assert_false(catalog_column(t, "b")->collation_is_c);
	assert_false(catalog_column(t, "c")->collation_is_c);
	assert_true(t->indexes[0].keys[0].collation_is_c);
	assert_false(t->indexes[0].keys[1].collation_is_c);
	catalog_unref(in_c);
	PQfinish(connection);
}

static void knows_statistics(void **state)
{
	/* As ANALYZE left them; a column of a table that it never saw has none. */
	(void)state;
	const struct catalog_relation *measured = relation_of("public", "measured");
	const struct catalog_column *id = catalog_column(measured, "id");
	assert_true(id->has_statistics);
	assert_true(id->distinct == -1);
	assert_true(id->null_fraction == 0);
	const struct catalog_column *few = catalog_column(measured, "few");
	assert_true(few->has_statistics);
	assert_true(few->distinct == 4);
	double null_fraction = catalog_column(measured, "half")->null_fraction;
	assert_true(null_fraction > 0.49 && null_fraction < 0.51);
	assert_false(catalog_column(relation_of("public", "guessed"), "id")->has_statistics);
}

/* -- rows and sizes ------------------------------------------------------------------------------ */

static void estimates_rows_as_the_planner_does(void **state)
{
	/* Counted, grown since it was counted, and never counted: the figure is the one that EXPLAIN shows. */
	(void)state;
	static const struct {
		const char *schema, *name, *sql;
		bool analyzed;
	} tables[] = {
	    {"public", "measured", "measured", true},          {"public", "grown", "grown", true},
	    {"public", "guessed", "guessed", false},           {"archive", "kept", "archive.kept", true},
	    {"public", "event_2020", "event_2020", false},     {"public", "event_2021_a", "event_2021_a", false},
	    {"public", "event_2021_b", "event_2021_b", false},
	};
	for (size_t at = 0; at < ARRAY_LEN(tables); at++) {
		const struct catalog_relation *relation = relation_of(tables[at].schema, tables[at].name);
		const double planned = planned_rows(tables[at].sql);
		if (relation->rows != planned)
			fail_msg("%s: %.0f rows, the planner says %.0f", tables[at].name, relation->rows, planned);
		if (relation->analyzed != tables[at].analyzed)
			fail_msg("%s: analyzed is %d", tables[at].name, relation->analyzed);
		assert_true(relation->bytes > 0);
		assert_int_equal(relation->bytes % 8192, 0);
	}
	assert_true(relation_of("public", "grown")->rows > 40000);
}

static void knows_empty_from_unknown(void **state)
{
	/* An empty table has no rows, counted or not; a view's are unknown. */
	(void)state;
	assert_true(relation_of("public", "product")->rows == 0);
	assert_int_equal(relation_of("public", "product")->bytes, 0);
	assert_false(relation_of("public", "product")->analyzed);
	assert_true(relation_of("public", "counted_empty")->rows == 0);
	assert_true(relation_of("public", "counted_empty")->analyzed);
	assert_true(relation_of("archive", "seen")->rows < 0);
	assert_true(relation_of("archive", "seen")->bytes < 0);
}

static void sums_partition_trees(void **state)
{
	/* A parent that nobody has analyzed is as large as its leaves; the tree is linked from the root down, and a
	 * table that another inherits from is not a parent in this sense. */
	(void)state;
	const struct catalog_relation *event = relation_of("public", "event");
	const struct catalog_relation *middle = relation_of("public", "event_2021");
	const struct catalog_relation *a = relation_of("public", "event_2021_a");
	const struct catalog_relation *b = relation_of("public", "event_2021_b");
	const struct catalog_relation *leaf = relation_of("public", "event_2020");
	assert_int_equal(event->partition_count, 2);
	assert_ptr_equal(event->partitions[0], leaf);
	assert_ptr_equal(event->partitions[1], middle);
	assert_int_equal(middle->partition_count, 2);
	assert_ptr_equal(middle->partitions[0], a);
	assert_ptr_equal(middle->partitions[1], b);
	assert_false(event->is_partition);
	assert_true(middle->is_partition);
	assert_true(a->is_partition);
	assert_true(middle->rows == a->rows + b->rows);
	assert_true(event->rows == leaf->rows + middle->rows);
	assert_true(event->rows > 10000);
	assert_int_equal(event->bytes, leaf->bytes + a->bytes + b->bytes);
	assert_false(event->analyzed);
	/* Inheritance is no partitioning: the children are known, and not summed. */
	assert_int_equal(relation_of("public", "parent")->partition_count, 1);
	assert_false(relation_of("public", "heir")->is_partition);
}

/* -- indexes ------------------------------------------------------------------------------------- */

static void knows_index_keys(void **state)
{
	/* Expression, operator class, direction and NULLS of each key; a plain column by its name. */
	(void)state;
	const struct catalog_relation *product;
	const struct catalog_index *upper = feed_shop_index("product_upper", &product);
	assert_string_equal(product->name, "product");
	assert_string_equal(upper->schema, "public");
	assert_string_equal(upper->method, "btree");
	assert_true(upper->valid);
	assert_true(upper->ready);
	assert_false(upper->unique);
	assert_false(upper->primary);
	assert_null(upper->predicate);
	assert_int_equal(upper->key_count, 2);
	assert_string_equal(upper->keys[0].expression, "upper(name)");
	assert_null(upper->keys[0].column);
	assert_string_equal(upper->keys[0].opclass, "text_pattern_ops");
	assert_string_equal(upper->keys[0].collation, "default");
	assert_true(upper->keys[0].descending);
	assert_false(upper->keys[0].nulls_first);
	assert_string_equal(upper->keys[1].expression, "id");
	assert_string_equal(upper->keys[1].column, "id");
	assert_string_equal(upper->keys[1].opclass, "int8_ops");
	assert_null(upper->keys[1].collation);
	assert_true(upper->keys[1].descending);
	assert_true(upper->keys[1].nulls_first);
	assert_non_null(strstr(upper->definition, "CREATE INDEX product_upper ON public.product USING btree"));

	const struct catalog_index *trigram = feed_shop_index("product_trgm", NULL);
	assert_string_equal(trigram->method, "gin");
	assert_string_equal(trigram->keys[0].opclass, "gin_trgm_ops");
	assert_string_equal(trigram->keys[0].column, "name");
	assert_false(trigram->keys[0].descending);
}

static void defines_indexes_for_people(void **state)
{
	/* Whether made here or by the server's deparser, the definition is what the server itself would say. */
	(void)state;
	unsigned compared = 0;
	for (uint32_t at = 0; at < catalog_relation_count(feed_shop.catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(feed_shop.catalog, at);
		for (uint16_t i = 0; i < relation->index_count; i++) {
			char sql[80];
			snprintf(sql, sizeof(sql), "SELECT replace(pg_get_indexdef(%u), ' ONLY ', ' ')",
			         (unsigned)relation->indexes[i].oid);
			PGresult *result = PQexec(feed_shop.connection, sql);
			assert_string_equal(relation->indexes[i].definition, PQgetvalue(result, 0, 0));
			PQclear(result);
			compared++;
		}
	}
	assert_true(compared > 12);
}

static void knows_partial_and_covering_indexes(void **state)
{
	/* INCLUDE columns are no keys; the predicate is canonical, and not fooled by a WHERE in a literal. */
	(void)state;
	const struct catalog_index *some = feed_shop_index("product_some", NULL);
	assert_int_equal(some->key_count, 1);
	assert_string_equal(some->keys[0].expression, "Price");
	assert_string_equal(some->keys[0].column, "Price");
	assert_non_null(some->predicate);
	assert_non_null(strstr(some->predicate, "active"));
	assert_non_null(strstr(some->predicate, "' WHERE '"));
	assert_null(strstr(some->predicate, "INCLUDE"));
}

static void knows_unique_invalid_and_collated_indexes(void **state)
{
	/* Flags are the index's own, and a key's collation need not be its column's. */
	(void)state;
	const struct catalog_index *c = feed_shop_index("product_c", NULL);
	assert_true(c->unique);
	assert_false(c->primary);
	assert_int_equal(c->key_count, 3);
	assert_string_equal(c->keys[0].collation, "C");
	assert_true(c->keys[0].collation_is_c);
	assert_true(c->keys[1].collation_is_c);
	assert_string_equal(c->keys[2].collation, "nocase");
	assert_false(c->keys[2].collation_is_c);
	assert_false(feed_shop_index("product_broken", NULL)->valid);
	assert_true(feed_shop_index("product_broken", NULL)->ready);
	assert_true(feed_shop_index("product_pkey", NULL)->primary);
	assert_true(feed_shop_index("product_pkey", NULL)->unique);
	const struct catalog_relation *table;
	assert_string_equal(feed_shop_index("kept_n", &table)->schema, "archive");
	assert_string_equal(table->name, "kept");
	assert_string_equal(feed_shop_index("event_at", &table)->keys[0].column, "at");
	assert_string_equal(table->name, "event");
	assert_int_equal(relation_of("public", "event_2020")->index_count, 1);
}

/* -- constraints --------------------------------------------------------------------------------- */

static void knows_constraints(void **state)
{
	/* Every kind, with its columns in their order, and NOT VALID told from valid. */
	(void)state;
	const struct catalog_relation *product = relation_of("public", "product");
	const struct catalog_constraint *key = feed_shop_constraint(product, "product_pkey");
	assert_int_equal(key->kind, CATALOG_PRIMARY_KEY);
	assert_int_equal(key->column_count, 1);
	assert_string_equal(key->columns[0], "id");
	assert_true(key->valid);
	assert_null(key->expression);
	assert_null(key->referenced);
	const struct catalog_constraint *unique = feed_shop_constraint(product, "product_code");
	assert_int_equal(unique->kind, CATALOG_UNIQUE);
	assert_int_equal(unique->column_count, 2);
	assert_string_equal(unique->columns[0], "code");
	assert_string_equal(unique->columns[1], "name");
	const struct catalog_constraint *foreign = feed_shop_constraint(product, "product_category_id_fkey");
	assert_int_equal(foreign->kind, CATALOG_FOREIGN_KEY);
	assert_ptr_equal(foreign->referenced, relation_of("public", "category"));
	assert_string_equal(foreign->columns[0], "category_id");
	assert_true(foreign->valid);
	const struct catalog_constraint *self = feed_shop_constraint(product, "product_self");
	assert_ptr_equal(self->referenced, product);
	assert_false(self->valid);
	const struct catalog_constraint *apart = feed_shop_constraint(product, "product_apart");
	assert_int_equal(apart->kind, CATALOG_EXCLUSION);
	assert_int_equal(apart->column_count, 0);
}

static void knows_what_checks_imply(void **state)
{
	/* The columns that a CHECK lets no NULL into, and none where a NULL passes. */
	(void)state;
	const struct catalog_relation *product = relation_of("public", "product");
	const struct catalog_constraint *price = feed_shop_constraint(product, "price_there");
	assert_int_equal(price->kind, CATALOG_CHECK);
	assert_true(price->valid);
	assert_non_null(price->expression);
	assert_int_equal(price->not_null_count, 1);
	assert_string_equal(price->not_null_columns[0], "Price");
	assert_string_equal(price->columns[0], "Price");
	const struct catalog_constraint *stock = feed_shop_constraint(product, "stock_there");
	assert_false(stock->valid);
	assert_int_equal(stock->not_null_count, 1);
	assert_string_equal(stock->not_null_columns[0], "stock");
	assert_int_equal(feed_shop_constraint(product, "code_either")->not_null_count, 0);
	assert_int_equal(feed_shop_constraint(product, "code_either")->column_count, 2);
	assert_int_equal(feed_shop_constraint(product, "active_and")->not_null_count, 0);
}

/* -- functions, domains, settings ---------------------------------------------------------------- */

static void knows_functions(void **state)
{
	/* Built-in ones and the schema's own, with defaults and VARIADIC; no procedures. */
	(void)state;
	assert_int_equal(volatility_of("upper", 1, NULL), CATALOG_IMMUTABLE);
	assert_int_equal(volatility_of("now", 0, NULL), CATALOG_STABLE);
	assert_int_equal(volatility_of("clock_timestamp", 0, NULL), CATALOG_VOLATILE);
	assert_int_equal(volatility_of("gen_random_uuid", 0, NULL), CATALOG_VOLATILE);
	assert_int_equal(volatility_of("volatile_plpgsql", 0, NULL), CATALOG_VOLATILE);
	assert_int_equal(volatility_of("volatile_plpgsql", 1, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(volatility_of("stable_sql", 0, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(volatility_of("stable_sql", 1, NULL), CATALOG_STABLE);
	assert_int_equal(volatility_of("stable_sql", 3, NULL), CATALOG_STABLE);
	assert_int_equal(volatility_of("stable_sql", 4, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(volatility_of("variadic_sum", 1, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(volatility_of("variadic_sum", 40, NULL), CATALOG_IMMUTABLE);
	assert_int_equal(volatility_of("proceeds", 0, NULL), CATALOG_NO_FUNCTION);
}

static void knows_what_inlines_to_nothing_volatile(void **state)
{
	/* A volatile SQL function of one expression without anything volatile in it vanishes; any other stays. */
	(void)state;
	bool inlinable = false;
	assert_int_equal(volatility_of("inlines", 0, &inlinable), CATALOG_VOLATILE);
	assert_true(inlinable);
	static const char *const others[] = {
	    "volatile_plpgsql", "inlines_random", "inlines_quoted", "reads_table", "defines",
	    "configured",       "several",        "two_steps",      "random",
	};
	for (size_t at = 0; at < ARRAY_LEN(others); at++) {
		assert_int_equal(volatility_of(others[at], 0, &inlinable), CATALOG_VOLATILE);
		if (inlinable)
			fail_msg("%s is taken to inline", others[at]);
	}
}

static void knows_domains(void **state)
{
	/* Constrained by itself or by what it is built on; the base is the type at the bottom. */
	(void)state;
	assert_false(catalog_find_domain(feed_shop.catalog, "public", "plain")->constrained);
	assert_string_equal(catalog_find_domain(feed_shop.catalog, "public", "plain")->base_type, "varchar");
	assert_true(catalog_find_domain(feed_shop.catalog, "public", "positive")->constrained);
	assert_true(catalog_find_domain(feed_shop.catalog, "public", "present")->constrained);
	assert_true(catalog_find_domain(feed_shop.catalog, "public", "still_positive")->constrained);
	assert_string_equal(catalog_find_domain(feed_shop.catalog, "public", "still_positive")->base_type, "int4");
	assert_true(catalog_find_domain(feed_shop.catalog, "archive", "plain")->constrained);
	assert_string_equal(catalog_find_domain(feed_shop.catalog, "archive", "plain")->base_type, "text");
	assert_null(catalog_find_domain(feed_shop.catalog, NULL, "text"));
	assert_null(catalog_find_domain(feed_shop.catalog, NULL, "nocase"));
}

static void knows_search_paths(void **state)
{
	/* A role's for this database goes before its own for all, another database's is nobody's here, and the
	 * database's is everybody else's. */
	(void)state;
	assert_string_equal(catalog_search_path(feed_shop.catalog, "clerk"), "\"Odd \"\"One\"\"\", public");
	assert_string_equal(catalog_search_path(feed_shop.catalog, "guest"), "public, archive");
	assert_string_equal(catalog_search_path(feed_shop.catalog, "whoever"), "public, archive");
	assert_non_null(catalog_find(feed_shop.catalog, NULL, "Item", NULL, "clerk"));
	assert_null(catalog_find(feed_shop.catalog, NULL, "Item", NULL, "guest"));
	assert_string_equal(catalog_find(feed_shop.catalog, NULL, "kept", NULL, "guest")->schema, "archive");
}

static void knows_the_servers_search_path(void **state)
{
	/* Where neither role nor database says anything the server's own setting counts. */
	(void)state;
	PGconn *connection = private_postgres_connect(&feed_shop.postgres, "in_c");
	struct catalog *before = feed_shop_load(connection);
	assert_string_equal(catalog_search_path(before, "whoever"), "\"$user\", public");
	assert_string_equal(catalog_search_path(before, "clerk"), "archive");
	catalog_unref(before);
	private_postgres_run(connection, "ALTER SYSTEM SET search_path = public, far");
	private_postgres_run(connection, "SELECT pg_reload_conf()");
	PQfinish(connection);
	const char *path = "";
	struct catalog *after = NULL;
	/* The server's processes hear of it a moment later. */
	for (int64_t until_ms = feed_shop_now_ms() + 10000;
	     strcmp(path, "public, far") != 0 && feed_shop_now_ms() < until_ms;) {
		catalog_unref(after);
		connection = private_postgres_connect(&feed_shop.postgres, "in_c");
		after = feed_shop_load(connection);
		path = catalog_search_path(after, "whoever");
		PQfinish(connection);
	}
	assert_string_equal(path, "public, far");
	assert_string_equal(catalog_search_path(after, "clerk"), "archive");
	catalog_unref(after);
	private_postgres_run(feed_shop.connection, "ALTER SYSTEM RESET search_path");
	private_postgres_run(feed_shop.connection, "SELECT pg_reload_conf()");
}

static void knows_extensions(void **state)
{
	/* Those that are installed here, and not those that could be. */
	(void)state;
	assert_true(catalog_has_extension(feed_shop.catalog, "pg_trgm"));
	assert_true(catalog_has_extension(feed_shop.catalog, "plpgsql"));
	assert_false(catalog_has_extension(feed_shop.catalog, "citext"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_every_kind_of_relation),
	    cmocka_unit_test(knows_columns),
	    cmocka_unit_test(resolves_the_databases_collation),
	    cmocka_unit_test(knows_statistics),
	    cmocka_unit_test(estimates_rows_as_the_planner_does),
	    cmocka_unit_test(knows_empty_from_unknown),
	    cmocka_unit_test(sums_partition_trees),
	    cmocka_unit_test(knows_index_keys),
	    cmocka_unit_test(defines_indexes_for_people),
	    cmocka_unit_test(knows_partial_and_covering_indexes),
	    cmocka_unit_test(knows_unique_invalid_and_collated_indexes),
	    cmocka_unit_test(knows_constraints),
	    cmocka_unit_test(knows_what_checks_imply),
	    cmocka_unit_test(knows_functions),
	    cmocka_unit_test(knows_what_inlines_to_nothing_volatile),
	    cmocka_unit_test(knows_domains),
	    cmocka_unit_test(knows_search_paths),
	    cmocka_unit_test(knows_the_servers_search_path),
	    cmocka_unit_test(knows_extensions),
	};
	return cmocka_run_group_tests(tests, feed_shop_set_up, feed_shop_tear_down);
}
