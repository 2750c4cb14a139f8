#include "inspect/catalog/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture ------------------------------------------------------------------------------------- */

static struct catalog_relation *add(struct catalog *catalog, uint32_t oid, const char *schema, const char *name,
                                    enum catalog_relkind kind)
{
	const struct catalog_relation relation = {
	    .oid = oid, .schema = schema, .name = name, .kind = kind, .rows = -1, .bytes = -1};
	return catalog_add_relation(catalog, &relation);
}

static uint32_t oid_of(const struct catalog *catalog, const char *schema, const char *name, const char *search_path,
                       const char *user)
{
	const struct catalog_relation *relation = catalog_find(catalog, schema, name, search_path, user);
	return relation != NULL ? relation->oid : 0;
}

/* The same table name in four schemas, one of them a user's and one in need of quotes. */
static struct catalog *four_items(void)
{
	struct catalog *catalog = catalog_new("shop");
	add(catalog, 11, "public", "item", CATALOG_TABLE);
	add(catalog, 12, "anna", "item", CATALOG_TABLE);
	add(catalog, 13, "Odd \"One\"", "item", CATALOG_VIEW);
	add(catalog, 14, "archive", "item", CATALOG_MATERIALIZED_VIEW);
	add(catalog, 15, "pg_catalog", "pg_class", CATALOG_TABLE);
	add(catalog, 16, "archive", "pg_class", CATALOG_TABLE);
	add(catalog, 17, "public", "other", CATALOG_TABLE);
	catalog_seal(catalog);
	return catalog;
}

/* -- relations ----------------------------------------------------------------------------------- */

static void finds_by_schema_and_name(void **state)
{
	/* A qualified name is that schema's relation, whatever the search_path says. */
	(void)state;
	struct catalog *catalog = four_items();
	assert_int_equal(oid_of(catalog, "public", "item", "anna", "anna"), 11);
	assert_int_equal(oid_of(catalog, "archive", "item", NULL, NULL), 14);
	assert_int_equal(oid_of(catalog, "Odd \"One\"", "item", NULL, NULL), 13);
	assert_int_equal(oid_of(catalog, "anna", "other", "public", "anna"), 0);
	assert_int_equal(oid_of(catalog, "nowhere", "item", "public", "anna"), 0);
	assert_int_equal(oid_of(catalog, "public", "Item", NULL, NULL), 0);
	assert_string_equal(catalog_database(catalog), "shop");
	catalog_unref(catalog);
}

static void finds_along_the_search_path(void **state)
{
	/* The first schema of the list that has the name wins, entries read as PostgreSQL reads identifiers. */
	(void)state;
	struct catalog *catalog = four_items();
	assert_int_equal(oid_of(catalog, NULL, "item", "public", "anna"), 11);
	assert_int_equal(oid_of(catalog, NULL, "item", "archive, public", "anna"), 14);
	assert_int_equal(oid_of(catalog, NULL, "item", "ARCHIVE,public", "anna"), 14);
	assert_int_equal(oid_of(catalog, NULL, "item", "\"ARCHIVE\",public", "anna"), 11);
	assert_int_equal(oid_of(catalog, NULL, "item", "  \"Odd \"\"One\"\"\" , public", "anna"), 13);
	assert_int_equal(oid_of(catalog, NULL, "item", "missing, gone, archive", "anna"), 14);
	assert_int_equal(oid_of(catalog, NULL, "item", "missing", "anna"), 0);
	assert_int_equal(oid_of(catalog, NULL, "other", "anna, archive, public", "anna"), 17);
	catalog_unref(catalog);
}

static void knows_the_user(void **state)
{
	/* "$user" stands for the session's user, and for nothing when there is no such schema. */
	(void)state;
	struct catalog *catalog = four_items();
	assert_int_equal(oid_of(catalog, NULL, "item", "\"$user\", public", "anna"), 12);
	assert_int_equal(oid_of(catalog, NULL, "item", "\"$user\", public", "bert"), 11);
	assert_int_equal(oid_of(catalog, NULL, "item", "\"$user\", public", NULL), 11);
	assert_int_equal(oid_of(catalog, NULL, "item", "\"$user\"", "bert"), 0);
	assert_int_equal(oid_of(catalog, NULL, "item", "\"$USER\", public", "anna"), 11);
	/* No search_path given: the default, where the user comes first. */
	assert_int_equal(oid_of(catalog, NULL, "item", NULL, "anna"), 12);
	assert_int_equal(oid_of(catalog, NULL, "item", "", "anna"), 12);
	catalog_unref(catalog);
}

static void looks_in_pg_catalog_first(void **state)
{
	/* pg_catalog comes before the list, or in its place where the list names it. */
	(void)state;
	struct catalog *catalog = four_items();
	assert_int_equal(oid_of(catalog, NULL, "pg_class", "archive, public", "anna"), 15);
	assert_int_equal(oid_of(catalog, NULL, "pg_class", "archive, pg_catalog", "anna"), 16);
	assert_int_equal(oid_of(catalog, NULL, "pg_class", "pg_catalog, archive", "anna"), 15);
	catalog_unref(catalog);
}

static void survives_malformed_search_paths(void **state)
{
	/* A list that PostgreSQL would refuse ends where it goes wrong, and never reads on past its end. */
	(void)state;
	struct catalog *catalog = four_items();
	static const char *const wrong[] = {"\"archive",       "\"", ",", ",archive", "archive archive",
	                                    "\"a\"x, archive", " "};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(oid_of(catalog, NULL, "item", wrong[i], "anna"), 0);
	assert_int_equal(oid_of(catalog, NULL, "item", "public, \"archive", "anna"), 11);
	char long_name[300];
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(oid_of(catalog, NULL, "item", long_name, "anna"), 0);
	catalog_unref(catalog);
}

static void finds_by_oid_and_walks(void **state)
{
	/* Every relation is found by its oid and met once when walking over all. */
	(void)state;
	struct catalog *catalog = four_items();
	assert_int_equal(catalog_relation_count(catalog), 7);
	uint32_t sum = 0;
	for (uint32_t at = 0; at < catalog_relation_count(catalog); at++) {
		const struct catalog_relation *relation = catalog_relation_at(catalog, at);
		assert_ptr_equal(catalog_find_oid(catalog, relation->oid), relation);
		sum += relation->oid;
	}
	assert_int_equal(sum, 11 + 12 + 13 + 14 + 15 + 16 + 17);
	assert_null(catalog_find_oid(catalog, 10));
	assert_null(catalog_find_oid(catalog, 18));
	assert_null(catalog_find_oid(catalog, 0));
	catalog_unref(catalog);
}

static void finds_among_many(void **state)
{
	/* Twenty thousand relations, added in no order, are all found again and nothing else is. */
	(void)state;
	enum { MANY = 20000 };
	struct catalog *catalog = catalog_new("large");
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t number = (i * 7919u) % MANY;
		add(catalog, 100000 + number, number % 2 == 0 ? "even" : "odd",
		    arena_printf(catalog_arena(catalog), "t%u", (unsigned)number), CATALOG_TABLE);
	}
	catalog_seal(catalog);
	for (uint32_t number = 0; number < MANY; number++) {
		char name[16];
		snprintf(name, sizeof(name), "t%u", (unsigned)number);
		assert_int_equal(oid_of(catalog, NULL, name, "odd, even", NULL), 100000 + number);
		assert_int_equal(oid_of(catalog, number % 2 == 0 ? "odd" : "even", name, NULL, NULL), 0);
		assert_string_equal(catalog_find_oid(catalog, 100000 + number)->name, name);
	}
	catalog_unref(catalog);
}

static void empty_catalog_answers(void **state)
{
	/* A database with nothing in it is no special case for anybody who asks. */
	(void)state;
	struct catalog *catalog = catalog_new("empty");
	catalog_seal(catalog);
	assert_null(catalog_find(catalog, NULL, "item", NULL, "anna"));
	assert_null(catalog_find(catalog, "public", "item", NULL, NULL));
	assert_null(catalog_find_oid(catalog, 1));
	assert_null(catalog_find_index(catalog, NULL, "item_pkey", NULL, NULL, NULL));
	assert_null(catalog_find_domain(catalog, NULL, "d"));
	assert_int_equal(catalog_volatility_of(catalog, NULL, "now", 0, NULL), CATALOG_NO_FUNCTION);
	assert_false(catalog_has_extension(catalog, "pg_trgm"));
	assert_string_equal(catalog_search_path(catalog, "anna"), "\"$user\", public");
	assert_int_equal(catalog_relation_count(catalog), 0);
	catalog_unref(catalog);
	catalog_unref(NULL);
}

static void finds_columns(void **state)
{
	/* A column is found by its exact name only. */
	(void)state;
	static const struct catalog_column columns[] = {{.name = "id", .number = 1}, {.name = "Name", .number = 2}};
	const struct catalog_relation relation = {
	    .schema = "public", .name = "item", .columns = columns, .column_count = 2};
	assert_int_equal(catalog_column(&relation, "id")->number, 1);
	assert_int_equal(catalog_column(&relation, "Name")->number, 2);
	assert_null(catalog_column(&relation, "name"));
	assert_null(catalog_column(&relation, ""));
	assert_int_equal(catalog_column_at(&relation, 2)->number, 2);
	assert_null(catalog_column_at(&relation, 0));
	assert_null(catalog_column_at(&relation, 3));
}

/* -- indexes ------------------------------------------------------------------------------------- */

static void finds_indexes_with_their_table(void **state)
{
	/* An index is found by its own schema and name, along the path too, and gives its table away. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	static const struct catalog_index indexes[] = {{.oid = 21, .schema = "public", .name = "item_pkey"},
	                                               {.oid = 22, .schema = "public", .name = "item_name"}};
	static const struct catalog_index archived[] = {{.oid = 23, .schema = "archive", .name = "item_pkey"}};
	struct catalog_relation *item = add(catalog, 11, "public", "item", CATALOG_TABLE);
	item->indexes = indexes;
	item->index_count = 2;
	struct catalog_relation *old = add(catalog, 12, "archive", "item", CATALOG_TABLE);
	old->indexes = archived;
	old->index_count = 1;
	catalog_seal(catalog);

	const struct catalog_relation *table = NULL;
	assert_int_equal(catalog_find_index(catalog, NULL, "item_name", NULL, "anna", &table)->oid, 22);
	assert_ptr_equal(table, item);
	assert_int_equal(catalog_find_index(catalog, NULL, "item_pkey", "archive, public", "anna", &table)->oid, 23);
	assert_ptr_equal(table, old);
	assert_int_equal(catalog_find_index(catalog, "public", "item_pkey", "archive", "anna", NULL)->oid, 21);
	assert_null(catalog_find_index(catalog, NULL, "item_name", "archive", "anna", &table));
	assert_null(table);
	/* Tables and indexes don't answer to each other's names. */
	assert_null(catalog_find_index(catalog, NULL, "item", NULL, "anna", NULL));
	assert_null(catalog_find(catalog, NULL, "item_pkey", NULL, "anna"));
	catalog_unref(catalog);
}

/* -- sums ---------------------------------------------------------------------------------------- */

static void adopt(struct catalog *catalog, struct catalog_relation *parent, struct catalog_relation **children,
                  uint32_t count)
{
	const struct catalog_relation **copy = arena_alloc(catalog_arena(catalog), count * sizeof(*copy));
	for (uint32_t i = 0; i < count; i++) {
		copy[i] = children[i];
		children[i]->is_partition = true;
	}
	parent->partitions = copy;
	parent->partition_count = count;
}

static void sums_partitions(void **state)
{
	/* A partitioned table is as large as its leaves, over every level, in whatever order they were added. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	struct catalog_relation *leaf = add(catalog, 1, "public", "event_2020", CATALOG_TABLE);
	leaf->rows = 100;
	leaf->bytes = 8192;
	leaf->analyzed = true;
	struct catalog_relation *middle = add(catalog, 2, "public", "event_2021", CATALOG_PARTITIONED_TABLE);
	struct catalog_relation *root = add(catalog, 3, "public", "event", CATALOG_PARTITIONED_TABLE);
	/* What ANALYZE once said of the parent is older than what its leaves say now. */
	root->rows = 5;
	struct catalog_relation *deep = add(catalog, 4, "public", "event_2021_01", CATALOG_TABLE);
	deep->rows = 23;
	deep->bytes = 16384;
	deep->analyzed = true;
	struct catalog_relation *foreign = add(catalog, 5, "public", "event_2021_02", CATALOG_FOREIGN_TABLE);
	foreign->rows = 1000;
	foreign->analyzed = true;
	adopt(catalog, root, (struct catalog_relation *[]){leaf, middle}, 2);
	adopt(catalog, middle, (struct catalog_relation *[]){deep, foreign}, 2);
	catalog_seal(catalog);
	assert_true(root->rows == 1123);
	assert_int_equal(root->bytes, 24576);
	assert_true(root->analyzed);
	assert_true(middle->rows == 1023);
	assert_int_equal(middle->bytes, 16384);
	assert_true(leaf->rows == 100);
	catalog_unref(catalog);
}

static void sums_what_is_known(void **state)
{
	/* One leaf of unknown size hides neither the others nor that the sum is a guess; none known is unknown; no
	 * partitions are no rows. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	struct catalog_relation *known = add(catalog, 1, "public", "a1", CATALOG_TABLE);
	known->rows = 100;
	known->bytes = 8192;
	known->analyzed = true;
	struct catalog_relation *unknown = add(catalog, 2, "public", "a2", CATALOG_TABLE);
	struct catalog_relation *root = add(catalog, 3, "public", "a", CATALOG_PARTITIONED_TABLE);
	struct catalog_relation *lonely = add(catalog, 4, "public", "b1", CATALOG_TABLE);
	struct catalog_relation *dark = add(catalog, 5, "public", "b", CATALOG_PARTITIONED_TABLE);
	struct catalog_relation *bare = add(catalog, 6, "public", "c", CATALOG_PARTITIONED_TABLE);
	adopt(catalog, root, (struct catalog_relation *[]){known, unknown}, 2);
	adopt(catalog, dark, (struct catalog_relation *[]){lonely}, 1);
	catalog_seal(catalog);
	assert_true(root->rows == 100);
	assert_int_equal(root->bytes, 8192);
	assert_false(root->analyzed);
	assert_true(dark->rows < 0);
	assert_true(dark->bytes < 0);
	assert_true(bare->rows == 0);
	assert_int_equal(bare->bytes, 0);
	catalog_unref(catalog);
}

static void plain_inheritance_is_not_summed(void **state)
{
	/* An ordinary table keeps its own figures even when others inherit from it. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	struct catalog_relation *parent = add(catalog, 1, "public", "parent", CATALOG_TABLE);
	parent->rows = 7;
	struct catalog_relation *child = add(catalog, 2, "public", "child", CATALOG_TABLE);
	child->rows = 1000;
	adopt(catalog, parent, (struct catalog_relation *[]){child}, 1);
	catalog_seal(catalog);
	assert_true(parent->rows == 7);
	catalog_unref(catalog);
}

/* -- functions ----------------------------------------------------------------------------------- */

static void takes_the_worst_volatility(void **state)
{
	/* Of the functions that take that many arguments the least promising counts, defaults and VARIADIC included. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	catalog_add_function(catalog, "pg_catalog", "upper", 1, 1, CATALOG_IMMUTABLE, false);
	catalog_add_function(catalog, "pg_catalog", "now", 0, 0, CATALOG_STABLE, false);
	catalog_add_function(catalog, "public", "pick", 1, 3, CATALOG_IMMUTABLE, false);
	catalog_add_function(catalog, "public", "pick", 3, 3, CATALOG_VOLATILE, false);
	catalog_add_function(catalog, "archive", "pick", 1, 1, CATALOG_STABLE, false);
	catalog_add_function(catalog, "public", "join_all", 1, 65535, CATALOG_VOLATILE, true);
	catalog_seal(catalog);
	bool inlinable = true;
	assert_int_equal(catalog_volatility_of(catalog, NULL, "upper", 1, &inlinable), CATALOG_IMMUTABLE);
	assert_false(inlinable);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "upper", 2, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "now", 0, NULL), CATALOG_STABLE);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "pick", 1, NULL), CATALOG_STABLE);
	assert_int_equal(catalog_volatility_of(catalog, "public", "pick", 1, NULL), CATALOG_IMMUTABLE);
	assert_int_equal(catalog_volatility_of(catalog, "public", "pick", 2, NULL), CATALOG_IMMUTABLE);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "pick", 3, NULL), CATALOG_VOLATILE);
	assert_int_equal(catalog_volatility_of(catalog, "archive", "pick", 3, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "join_all", 0, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "join_all", 400, NULL), CATALOG_VOLATILE);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "uppe", 1, NULL), CATALOG_NO_FUNCTION);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "zzz", 1, NULL), CATALOG_NO_FUNCTION);
	catalog_unref(catalog);
}

static void tells_whether_all_volatile_ones_inline(void **state)
{
	/* One volatile function that does not inline spoils it; those that aren't volatile have no say. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	catalog_add_function(catalog, "public", "both", 1, 1, CATALOG_VOLATILE, true);
	catalog_add_function(catalog, "public", "both", 2, 2, CATALOG_VOLATILE, false);
	catalog_add_function(catalog, "public", "both", 1, 2, CATALOG_IMMUTABLE, false);
	catalog_seal(catalog);
	bool inlinable = false;
	assert_int_equal(catalog_volatility_of(catalog, NULL, "both", 1, &inlinable), CATALOG_VOLATILE);
	assert_true(inlinable);
	assert_int_equal(catalog_volatility_of(catalog, NULL, "both", 2, &inlinable), CATALOG_VOLATILE);
	assert_false(inlinable);
	catalog_unref(catalog);
}

/* -- domains, search paths, extensions ----------------------------------------------------------- */

static void finds_domains(void **state)
{
	/* A domain is found in its schema, along the default path, or anywhere, where a constrained one goes first. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	catalog_add_domain(catalog, &(struct catalog_domain){"public", "email", "text", true});
	catalog_add_domain(catalog, &(struct catalog_domain){"archive", "email", "varchar", false});
	catalog_add_domain(catalog, &(struct catalog_domain){"a", "code", "text", false});
	catalog_add_domain(catalog, &(struct catalog_domain){"b", "code", "int4", true});
	catalog_add_domain(catalog, &(struct catalog_domain){"b", "free", "int4", false});
	catalog_seal(catalog);
	assert_string_equal(catalog_find_domain(catalog, "archive", "email")->base_type, "varchar");
	assert_string_equal(catalog_find_domain(catalog, NULL, "email")->base_type, "text");
	assert_string_equal(catalog_find_domain(catalog, NULL, "code")->base_type, "int4");
	assert_string_equal(catalog_find_domain(catalog, NULL, "free")->base_type, "int4");
	assert_null(catalog_find_domain(catalog, "public", "code"));
	assert_null(catalog_find_domain(catalog, NULL, "text"));
	catalog_unref(catalog);
}

static void knows_search_paths_by_role(void **state)
{
	/* A role's own search_path goes before everybody's, and decides look-ups that name none. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	add(catalog, 1, "public", "item", CATALOG_TABLE);
	add(catalog, 2, "archive", "item", CATALOG_TABLE);
	catalog_add_setting(catalog, "clerk", "search_path", "archive");
	catalog_add_setting(catalog, NULL, "search_path", "public, archive");
	catalog_seal(catalog);
	assert_string_equal(catalog_search_path(catalog, "clerk"), "archive");
	assert_string_equal(catalog_search_path(catalog, "anna"), "public, archive");
	assert_string_equal(catalog_search_path(catalog, NULL), "public, archive");
	assert_int_equal(oid_of(catalog, NULL, "item", NULL, "clerk"), 2);
	assert_int_equal(oid_of(catalog, NULL, "item", NULL, "anna"), 1);
	assert_int_equal(oid_of(catalog, NULL, "item", "public", "clerk"), 1);
	catalog_unref(catalog);
}

static void knows_extensions(void **state)
{
	/* Only an extension that is there counts, by its exact name. */
	(void)state;
	struct catalog *catalog = catalog_new("shop");
	catalog_add_extension(catalog, "plpgsql");
	catalog_add_extension(catalog, "pg_trgm");
	catalog_seal(catalog);
	assert_true(catalog_has_extension(catalog, "pg_trgm"));
	assert_false(catalog_has_extension(catalog, "pg_trg"));
	assert_false(catalog_has_extension(catalog, "citext"));
	catalog_unref(catalog);
}

/* -- life ---------------------------------------------------------------------------------------- */

static void generations_differ(void **state)
{
	/* No two catalogs share a generation, none has that of "no catalog", and a reference keeps one alive. */
	(void)state;
	struct catalog *first = catalog_new("shop"), *second = catalog_new("shop");
	catalog_seal(first);
	catalog_seal(second);
	assert_true(catalog_generation(first) != 0);
	assert_true(catalog_generation(first) != catalog_generation(second));
	struct catalog *held = catalog_ref(first);
	catalog_unref(first);
	assert_string_equal(catalog_database(held), "shop");
	catalog_unref(held);
	catalog_unref(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_by_schema_and_name),
	    cmocka_unit_test(finds_along_the_search_path),
	    cmocka_unit_test(knows_the_user),
	    cmocka_unit_test(looks_in_pg_catalog_first),
	    cmocka_unit_test(survives_malformed_search_paths),
	    cmocka_unit_test(finds_by_oid_and_walks),
	    cmocka_unit_test(finds_among_many),
	    cmocka_unit_test(empty_catalog_answers),
	    cmocka_unit_test(finds_columns),
	    cmocka_unit_test(finds_indexes_with_their_table),
	    cmocka_unit_test(sums_partitions),
	    cmocka_unit_test(sums_what_is_known),
	    cmocka_unit_test(plain_inheritance_is_not_summed),
	    cmocka_unit_test(takes_the_worst_volatility),
	    cmocka_unit_test(tells_whether_all_volatile_ones_inline),
	    cmocka_unit_test(finds_domains),
	    cmocka_unit_test(knows_search_paths_by_role),
	    cmocka_unit_test(knows_extensions),
	    cmocka_unit_test(generations_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
