#include "inspect/indexes.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

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

static const struct facts *where(const char *condition)
{
	char sql[500];
	snprintf(sql, sizeof(sql), "SELECT 1 FROM product WHERE %s", condition);
	return judge_parse(&judge, sql);
}

static enum indexes_answer answer(const char *condition)
{
	const struct facts *facts = where(condition);
	return indexes_for(product, facts, &facts->predicates[0], NULL).answer;
}

enum { PREDICATES = 14, INDEXES = 10 };

/* -- one index, one predicate ------------------------------------------------------------------------- */

/* The table of what PostgreSQL 15 does outside collation C: '1' served, 't' no trigram in it, 'x' served on the other
 * expression, '.' not. */
static void matrix(void **state)
{
	static const char *const predicates[PREDICATES] = {
	    "name = 'abc'",
	    "UPPER(name::text) = UPPER('abc')",
	    "name BETWEEN 'a' AND 'b'",
	    "name IS NULL",
	    "name LIKE 'abc%'",
	    "UPPER(name) LIKE UPPER('abc%')",
	    "name LIKE '%abc%'",
	    "UPPER(name) LIKE UPPER('%abc%')",
	    "name LIKE '%ab%'",
	    "name LIKE 'ab%'",
	    "name ILIKE '%abc%'",
	    "name ~ '^abc'",
	    "name ~* 'abc'",
	    "name LIKE 'abc'",
	};
	static const struct {
		const char *method, *key;
		const char *answers; /* by predicate */
	} indexes[INDEXES] = {
	    {"btree", "name text_ops", "1x11.........1"},
	    {"btree", "name varchar_pattern_ops", "1x.11x...1.1.1"},
	    {"btree", "upper(name) text_ops", "x1xx.........x"},
	    {"btree", "upper(name) text_pattern_ops", "x1.xx1...x.x.x"},
	    {"gin", "name gin_trgm_ops", "1x..1x1xt11111"},
	    {"gin", "upper(name) gin_trgm_ops", "x1..x1x1.xxxxx"},
	    {"gist", "name gist_trgm_ops", "1x.11x1xt11111"},
	    {"hash", "name text_ops", "1x...........1"},
	    {"spgist", "name text_ops", "1x1.1x...1.1.1"},
	    {"brin", "name text_minmax_ops", ".............."},
	};
	for (size_t i = 0; i < INDEXES; i++) {
		tear_down(state);
		set_up(state);
		judge_index(&judge, product, "tried", indexes[i].method, indexes[i].key, NULL);
		for (size_t p = 0; p < PREDICATES; p++) {
			char expected = indexes[i].answers[p];
			char found = "1tx."[answer(predicates[p])];
			if (found != expected)
				fail_msg("%s (%s), %s: %c where %c was expected", indexes[i].method, indexes[i].key,
				         predicates[p], found, expected);
		}
	}
}

/* In collation C, the column's or the index's own, a plain B-tree serves a prefix; an index in C does not serve =. */
static void collation_c(void **state)
{
	(void)state;
	judge_index(&judge, product, "latin", "btree", "latin text_ops", NULL);
	struct catalog_index *index = judge_index(&judge, product, "note", "btree", "note text_ops", NULL);
	struct catalog_index_key *key = (struct catalog_index_key *)index->keys;
	key->collation = "C";
	key->collation_is_c = true;
	assert_int_equal(answer("latin LIKE 'abc%'"), INDEXES_SERVED);
	assert_int_equal(answer("latin = 'abc'"), INDEXES_SERVED);
	assert_int_equal(answer("note LIKE 'abc%'"), INDEXES_SERVED);
	assert_int_equal(answer("note LIKE 'abc'"), INDEXES_SERVED);
	assert_int_equal(answer("note = 'abc'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("note > 'abc'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("note COLLATE \"C\" = 'abc'"), INDEXES_SERVED);
	assert_int_equal(answer("latin = 'abc' COLLATE \"POSIX\""), INDEXES_NOT_SERVED);
}

/* Another collation than the index's keeps trigrams and = from it. */
static void other_collation(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "gin", "name gin_trgm_ops", NULL);
	assert_int_equal(answer("name LIKE '%abc%'"), INDEXES_SERVED);
	assert_int_equal(answer("name COLLATE \"POSIX\" LIKE '%abc%'"), INDEXES_NOT_SERVED);
}

/* citext has operators of its own for =, and its text is what trigrams are of. */
static void citext(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "gin", "mail gin_trgm_ops", NULL);
	assert_int_equal(answer("mail = 'abc'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("mail::text LIKE '%abc%'"), INDEXES_SERVED);
	assert_int_equal(answer("mail::citext LIKE '%abc%'"), INDEXES_OTHER_EXPRESSION);
	judge_index(&judge, product, "j", "btree", "mail citext_ops", NULL);
	assert_int_equal(answer("mail = 'abc'"), INDEXES_SERVED);
}

static void nondeterministic(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "gin", "vague gin_trgm_ops", NULL);
	judge_index(&judge, product, "j", "btree", "vague text_ops", NULL);
	assert_int_equal(answer("vague LIKE '%abc%'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("vague ~ '^abc'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("vague = 'abc'"), INDEXES_SERVED);
}

/* An index that is not valid, or not yet ready, or holds other rows, serves nothing. */
static void unusable(void **state)
{
	(void)state;
	struct catalog_index *index = judge_index(&judge, product, "i", "gin", "name gin_trgm_ops", NULL);
	assert_int_equal(answer("name LIKE '%abc%'"), INDEXES_SERVED);
	index->valid = false;
	assert_int_equal(answer("name LIKE '%abc%'"), INDEXES_NOT_SERVED);
	index->valid = true;
	index->ready = false;
	assert_int_equal(answer("name LIKE '%abc%'"), INDEXES_NOT_SERVED);
	index->ready = true;
	index->predicate = "deleted is null";
	assert_int_equal(answer("name LIKE '%abc%'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("name LIKE '%abc%' AND deleted IS NULL"), INDEXES_SERVED);
}

/* A later key of a B-tree is reached when all keys before it are compared for equality; GIN has no order. */
static void several_keys(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "btree", "owner int4_ops;qty int4_ops;name varchar_pattern_ops", NULL);
	judge_index(&judge, product, "j", "gin", "owner int4_ops;note gin_trgm_ops", NULL);
	assert_int_equal(answer("name LIKE 'abc%'"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("name LIKE 'abc%' AND owner = 1"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("name LIKE 'abc%' AND owner = 1 AND qty > 1"), INDEXES_NOT_SERVED);
	assert_int_equal(answer("name LIKE 'abc%' AND owner = 1 AND qty IN (1, 2)"), INDEXES_SERVED);
	assert_int_equal(answer("note LIKE '%abc%'"), INDEXES_SERVED);
}

/* The best index counts, whatever the order they are in; it is the one that is named. */
static void best_of_several(void **state)
{
	(void)state;
	judge_index(&judge, product, "other", "gin", "upper(name) gin_trgm_ops", NULL);
	judge_index(&judge, product, "plain", "btree", "name text_ops", NULL);
	struct catalog_index *best = judge_index(&judge, product, "best", "gin", "name gin_trgm_ops", NULL);
	judge_index(&judge, product, "lower", "gin", "lower(name) gin_trgm_ops", NULL);
	const struct facts *facts = where("name LIKE '%abc%'");
	struct indexes_match match = indexes_for(product, facts, &facts->predicates[0], NULL);
	assert_int_equal(match.answer, INDEXES_SERVED);
	assert_string_equal(match.index->name, best->name);
	facts = where("name LIKE '%ab%'");
	match = indexes_for(product, facts, &facts->predicates[0], NULL);
	assert_int_equal(match.answer, INDEXES_NO_TRIGRAM);
	assert_string_equal(match.index->name, "best");
}

/* A column's name inside another one's, or inside a function's, is not the column. */
static void names_inside_names(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "gin", "upper(surname) gin_trgm_ops", NULL);
	judge_index(&judge, product, "j", "gin", "name_of(note) gin_trgm_ops", NULL);
	assert_int_equal(answer("UPPER(name) LIKE '%abc%'"), INDEXES_NOT_SERVED);
	judge_index(&judge, product, "k", "gin", "unaccent(name) gin_trgm_ops", NULL);
	assert_int_equal(answer("UPPER(name) LIKE '%abc%'"), INDEXES_OTHER_EXPRESSION);
}

/* A bound value's shape counts in place of the statement's. */
static void shape_given(void **state)
{
	(void)state;
	judge_index(&judge, product, "i", "gin", "name gin_trgm_ops", NULL);
	judge_index(&judge, product, "j", "btree", "note text_pattern_ops", NULL);
	const struct facts *facts = where("name LIKE $1");
	struct pattern_shape two = shape_like("%ab%", 4), three = shape_like("%abc%", 5);
	assert_int_equal(indexes_for(product, facts, &facts->predicates[0], &two).answer, INDEXES_NO_TRIGRAM);
	assert_int_equal(indexes_for(product, facts, &facts->predicates[0], &three).answer, INDEXES_SERVED);
	/* Not known: whatever may serve it is taken to. */
	assert_int_equal(answer("name LIKE $1"), INDEXES_SERVED);
	assert_int_equal(answer("note LIKE $1"), INDEXES_SERVED);
	assert_int_equal(answer("note ILIKE $1"), INDEXES_NOT_SERVED);
}

/* -- rows left ---------------------------------------------------------------------------------------- */

static void expect_left(const char *condition, double rows)
{
	const struct facts *facts = where(condition);
	double left = indexes_rows_left(product, facts, &facts->predicates[0]);
	if (left < rows * 0.99 || left > rows * 1.01)
		fail_msg("%s: %g where %g was expected", condition, left, rows);
}

/* The first predicate is the one that is left out. Of 2,000,000 rows, owner has 1,000 values, qty is unknown: 200. */
static void rows_left(void **state)
{
	(void)state;
	struct catalog_column *note = judge_column(product, "note");
	note->has_statistics = true;
	note->distinct = -0.5;
	note->null_fraction = 0.25;
	judge_index(&judge, product, "owner", "btree", "owner int4_ops;qty int4_ops", NULL);
	judge_index(&judge, product, "qty", "btree", "qty int4_ops", NULL);
	judge_index(&judge, product, "note", "btree", "note text_ops", NULL);
	judge_index(&judge, product, "name", "gin", "name gin_trgm_ops", NULL);
	judge_index(&judge, product, "mail", "btree", "mail citext_ops", "flag")->unique = true;
	expect_left("code LIKE '%a%'", 2000000);
	expect_left("id = 1", 2000000);
	expect_left("code LIKE '%a%' AND id = 1", 1);
	expect_left("code LIKE '%a%' AND owner = 1", 2000);
	expect_left("code LIKE '%a%' AND owner = 1 AND qty = 1", 10);
	expect_left("code LIKE '%a%' AND owner IN (1, 2)", 50000);
	expect_left("code LIKE '%a%' AND qty = 1", 10000);
	expect_left("code LIKE '%a%' AND note = 'a'", 2);
	expect_left("code LIKE '%a%' AND note IS NULL", 500000);
	expect_left("code LIKE '%a%' AND name LIKE '%abc%'", 200);
	expect_left("code LIKE '%a%' AND name LIKE '%ab%'", 2000000);
	expect_left("code LIKE '%a%' AND amount = 1", 2000000);
	expect_left("code LIKE '%a%' AND owner > 1", 2000000);
	expect_left("code LIKE '%a%' AND owner <> 1", 2000000);
	expect_left("code LIKE '%a%' AND owner = qty", 2000000);
	expect_left("code LIKE '%a%' AND owner = (SELECT 1)", 2000000);
	expect_left("(code LIKE '%a%' OR owner = 1)", 2000000);
	expect_left("code LIKE '%a%' AND mail = 'x'", 2000000);
	expect_left("code LIKE '%a%' AND mail = 'x' AND flag", 10000);
}

/* Of a table that was never analysed a million rows are assumed. */
static void rows_left_unknown(void **state)
{
	(void)state;
	product->rows = -1;
	expect_left("code LIKE '%a%'", INDEXES_ROWS_ASSUMED);
	expect_left("code LIKE '%a%' AND id = 1", 1);
}

static void rows_joined(void **state)
{
	(void)state;
	judge_index(&judge, product, "owner", "btree", "owner int4_ops", NULL);
	const struct facts *facts = where("code LIKE '%a%'");
	assert_true(indexes_rows_joined(product, facts, 0, "id") == 1);
	assert_true(indexes_rows_joined(product, facts, 0, "owner") == 2000);
	assert_true(indexes_rows_joined(product, facts, 0, "qty") == JUDGE_LARGE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(matrix),       CASE(collation_c),      CASE(other_collation),
	    CASE(citext),       CASE(nondeterministic), CASE(unusable),
	    CASE(several_keys), CASE(best_of_several),  CASE(names_inside_names),
	    CASE(shape_given),  CASE(rows_left),        CASE(rows_left_unknown),
	    CASE(rows_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
