#include "inspect/rules/remedy.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	arena = &judge.arena;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void tables(void **state)
{
	(void)state;
	assert_string_equal(remedy_table(arena, judge_table(&judge, "public", "shop_order", 1)), "shop_order");
	assert_string_equal(remedy_table(arena, judge_table(&judge, "public", "order", 1)), "\"order\"");
	assert_string_equal(remedy_table(arena, judge_table(&judge, "My", "t", 1)), "\"My\".t");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "shop_orderitem", 1)), "orderitem");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "orders", 1)), "orders");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "celery_beat_task", 1)), "task");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "django_admin_log", 1)), "logentry");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "django_content_type", 1)), "contenttype");
	static const struct catalog_constraint keys[] = {{.kind = CATALOG_FOREIGN_KEY}, {.kind = CATALOG_FOREIGN_KEY}};
	struct catalog_relation *between = judge_table(&judge, "public", "auth_user_groups", 1);
	between->constraints = keys;
	between->constraint_count = ARRAY_LEN(keys);
	assert_string_equal(remedy_model(arena, between), "groups");
	between->column_count = 3;
	assert_string_equal(remedy_model(arena, between), "user_groups");
	assert_string_equal(remedy_model(arena, judge_table(&judge, "public", "orders_", 1)), "orders");
}

/* A field's name is the column's, unless Python or Django would refuse it. */
static void fields(void **state)
{
	static const char *const cases[][2] = {
	    {"name", "name"},       {"userName", "userName"}, {"größe", "größe"},         {"Ti tle", "ti_tle"},
	    {"class", "class_field"}, {"pk", "pk_field"},       {"2nd", "number_2nd"},      {"a__b", "a_b"},
	    {"name_", "name"},      {"_x", "_x"},             {"%", "field"},             {"total (EUR)", "total_eur"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		assert_string_equal(remedy_field(arena, cases[at][0]), cases[at][1]);
	struct catalog_relation *table = judge_table(&judge, "public", "Shop product", 1);
	assert_string_equal(remedy_model(arena, table), "shop_product");
	judge_column(table, "note")->name = "Ti tle";
	assert_string_equal(remedy_add_index(arena, judge.catalog, table, false, "Index(fields=[\"ti_tle\"], name=\"i\")"),
	                    "AddIndexConcurrently(\"shop_product\", Index(fields=[\"ti_tle\"], name=\"i\"))  # in a migration "
	                    "with atomic = False; ti_tle is the field with db_column=\"Ti tle\"");
}

static void expressions(void **state)
{
	(void)state;
	assert_string_equal(remedy_expression(arena, "name"), "\"name\"");
	assert_string_equal(remedy_expression(arena, "upper(name)"), "UPPER(\"name\")");
	assert_string_equal(remedy_expression(arena, "lower(name)"), "LOWER(\"name\")");
	assert_string_equal(remedy_expression(arena, "upper(data ->> 'k')"), "upper(data ->> 'k')");
	assert_string_equal(remedy_expression(arena, "coalesce(a, b)"), "coalesce(a, b)");
}

/* A name fits Django's 30 characters and PostgreSQL's 63 bytes, is not cut inside a character, differs for different
 * columns, and is free. */
static void names(void **state)
{
	(void)state;
	struct catalog_relation *product = judge_table(&judge, "public", "shop_product", 1);
	assert_string_equal(remedy_name(arena, product, "name", "upper_trgm"), "shop_product_name_upper_trgm");
	const char *long_one = remedy_name(arena, product, "description_of_it", "upper_trgm");
	const char *other = remedy_name(arena, product, "description_of_us", "upper_trgm");
	assert_true(strlen(long_one) <= 30);
	assert_string_not_equal(long_one, other);
	assert_non_null(strstr(long_one, "_upper_trgm"));
	assert_int_equal(strncmp(long_one, "shop_", 5), 0);
	judge_index(&judge, product, "shop_product_name_trgm", "btree", "name text_ops", NULL);
	const char *free_one = remedy_name(arena, product, "name", "trgm");
	assert_string_not_equal(free_one, "shop_product_name_trgm");
	assert_true(strlen(free_one) <= 30);
	struct catalog_relation *wide = judge_table(&judge, "public", "ääääääääääääääääääääääää", 1);
	const char *cut = remedy_name(arena, wide, "öööööööööööö", "trgm");
	assert_true(strlen(cut) <= 30);
	for (const char *at = cut; *at; at++) {
		bool starts = ((unsigned char)*at & 0xc0) == 0xc0;
		assert_true(!starts || ((unsigned char)at[1] & 0xc0) == 0x80);
	}
}

static void create_index(void **state)
{
	(void)state;
	struct catalog_relation *product = judge_table(&judge, "public", "product", 1);
	struct remedy_index index = {.name = "Mine", .expression = "name"};
	assert_string_equal(remedy_create_index(arena, judge.catalog, product, &index),
	                    "CREATE INDEX CONCURRENTLY \"Mine\" ON product (name);");
	index = (struct remedy_index){.name = "i",
	                              .method = "gin",
	                              .expression = "name",
	                              .opclass = "gin_trgm_ops",
	                              .trigram = true,
	                              .unique = true};
	assert_string_equal(remedy_create_index(arena, judge.catalog, product, &index),
	                    "CREATE UNIQUE INDEX CONCURRENTLY i ON product USING gin (name gin_trgm_ops);");
	struct catalog *bare = catalog_new("bare");
	catalog_seal(bare);
	assert_string_equal(remedy_create_index(arena, bare, product, &index),
	                    "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n"
	                    "CREATE UNIQUE INDEX CONCURRENTLY i ON product USING gin (name gin_trgm_ops);");
	catalog_unref(bare);
	product->kind = CATALOG_PARTITIONED_TABLE;
	index = (struct remedy_index){.name = "i", .expression = "name"};
	const char *sql = remedy_create_index(arena, judge.catalog, product, &index);
	assert_int_equal(strncmp(sql, "CREATE INDEX i ON ONLY product (name);\n", 39), 0);
	assert_string_equal(remedy_add_index(arena, judge.catalog, product, false, "Index()"), "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(tables),
	    CASE(fields),
	    CASE(expressions),
	    CASE(names),
	    CASE(create_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
