#include "inspect/access/matching.h"

#include "inspect/access/typing.h"
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

static enum matching_quality quality(const char *condition)
{
	const struct catalog_relation *only = product;
	const struct typing typing = {
	    .dictionary = catalog_dictionary(judge.catalog), .relations = &only, .arena = &judge.arena};
	const struct clause *clause = parse_clause(condition, &judge.arena);
	assert_non_null(clause);
	const struct term *term = term_canonical(typing_of(&typing, clause), typing.dictionary, &judge.arena);
	struct matching matching = {
	    .dictionary = typing.dictionary,
	    .relation = product,
	    .conditions = term->kind == TERM_AND ? term->items : &term,
	    .condition_count = term->kind == TERM_AND ? term->count : 1,
	    .arena = &judge.arena,
	};
	uint16_t count;
	const struct matching_index *indexes = matching_indexes(&matching, &count);
	return matching_condition(&matching, indexes, count, term).quality;
}

/* How good an index is for a condition: one by one, as a column of PostgreSQL's plans for one index alone. */
static void qualities(void **state)
{
	static const struct {
		const char *method, *keys, *predicate, *condition;
		enum matching_quality quality;
	} cases[] = {
	    {"btree", "qty int4_ops", NULL, "qty = 5", MATCHING_GOOD},
	    {"btree", "qty int4_ops", NULL, "qty = 5.0", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "5 < qty", MATCHING_GOOD},
	    {"btree", "qty int4_ops", NULL, "qty + 1 = 5", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "qty <> 5", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "qty = random()::int", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "qty = owner", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "qty IN (1, 2)", MATCHING_GOOD},
	    {"btree", "qty int4_ops", NULL, "qty NOT IN (1, 2)", MATCHING_NONE},
	    {"btree", "qty int4_ops", NULL, "(qty, id) > (1, 2)", MATCHING_GOOD},
	    {"btree", "owner int4_ops;qty int4_ops", NULL, "qty = 5", MATCHING_LATER},
	    {"btree", "owner int4_ops;qty int4_ops", NULL, "owner = 1 AND qty = 5", MATCHING_GOOD},
	    {"hash", "qty int4_ops", NULL, "qty = 5", MATCHING_GOOD},
	    {"hash", "qty int4_ops", NULL, "qty > 5", MATCHING_NONE},
	    {"hash", "qty int4_ops", NULL, "qty IS NULL", MATCHING_NONE},
	    {"brin", "qty int4_minmax_ops", NULL, "qty = 5", MATCHING_LOSSY},
	    {"brin", "qty int4_minmax_ops", NULL, "qty IS NULL", MATCHING_LOSSY},
	    {"gin", "name gin_trgm_ops", NULL, "name LIKE '%abc%'", MATCHING_GOOD},
	    {"gin", "name gin_trgm_ops", NULL, "name LIKE '%ab%'", MATCHING_WHOLE},
	    {"gin", "name gin_trgm_ops", NULL, "name NOT LIKE '%abc%'", MATCHING_NONE},
	    {"gin", "name gin_trgm_ops", NULL, "upper(name) LIKE '%ABC%'", MATCHING_NONE},
	    {"gin", "upper(name) gin_trgm_ops", NULL, "UPPER(name::text) LIKE UPPER('%abc%')", MATCHING_GOOD},
	    {"btree", "name text_ops", NULL, "name LIKE 'abc%'", MATCHING_NONE},
	    {"btree", "name varchar_pattern_ops", NULL, "name LIKE 'abc%'", MATCHING_GOOD},
	    {"btree", "name varchar_pattern_ops", NULL, "name LIKE '%abc'", MATCHING_NONE},
	    {"btree", "name varchar_pattern_ops", NULL, "name LIKE $1", MATCHING_NONE},
	    {"btree", "name varchar_pattern_ops", NULL, "name ILIKE '12%'", MATCHING_GOOD},
	    {"btree", "name text_ops", NULL, "name LIKE 'abc'", MATCHING_GOOD},
	    {"btree", "name text_ops", NULL, "name ~ '^abc$'", MATCHING_GOOD},
	    {"btree", "latin text_ops", NULL, "latin LIKE 'abc%'", MATCHING_GOOD},
	    {"btree", "latin text_ops", NULL, "latin = 'x' COLLATE \"POSIX\"", MATCHING_NONE},
	    {"btree", "vague text_ops", NULL, "vague = 'x'", MATCHING_GOOD},
	    {"btree", "vague text_ops", NULL, "vague LIKE 'x'", MATCHING_NONE},
	    {"spgist", "note text_ops", NULL, "note LIKE 'abc%'", MATCHING_GOOD},
	    {"spgist", "note text_ops", NULL, "note ^@ 'abc'", MATCHING_GOOD},
	    {"btree", "mail citext_ops", NULL, "mail = 'x'", MATCHING_GOOD},
	    {"btree", "mail citext_ops", NULL, "mail = 'x'::text", MATCHING_NONE},
	    {"gin", "data jsonb_ops", NULL, "data ? 'k'", MATCHING_GOOD},
	    {"gin", "data jsonb_path_ops", NULL, "data ? 'k'", MATCHING_NONE},
	    {"gin", "data jsonb_path_ops", NULL, "data @> '{}'", MATCHING_GOOD},
	    {"gin", "data jsonb_ops", NULL, "data <@ '{}'", MATCHING_NONE},
	    {"gin", "data jsonb_ops", NULL, "data -> 'k' = '1'", MATCHING_NONE},
	    {"btree", "(data ->> 'k') text_ops", NULL, "data ->> 'k' = 'x'", MATCHING_GOOD},
	    {"btree", "(data ->> 'k') text_ops", NULL, "data ->> 'l' = 'x'", MATCHING_NONE},
	    {"gin", "tags array_ops", NULL, "tags @> ARRAY['a']::varchar[]", MATCHING_GOOD},
	    {"gin", "tags array_ops", NULL, "'a' = ANY (tags)", MATCHING_NONE},
	    {"btree", "flag bool_ops", NULL, "flag", MATCHING_GOOD},
	    {"btree", "flag bool_ops", NULL, "NOT flag", MATCHING_GOOD},
	    {"btree", "flag bool_ops", NULL, "flag IS TRUE", MATCHING_GOOD},
	    {"btree", "flag bool_ops", NULL, "flag IS NOT TRUE", MATCHING_NONE},
	    {"btree", "ip inet_ops", NULL, "ip <<= '10.0.0.0/8'", MATCHING_GOOD},
	    {"btree", "ip inet_ops", NULL, "ip >>= '10.0.0.0/8'", MATCHING_NONE},
	    {"gist", "ip inet_ops", NULL, "ip >>= '10.0.0.1'", MATCHING_GOOD},
	    {"btree", "qty int4_ops", "flag", "qty = 5", MATCHING_NONE},
	    {"btree", "qty int4_ops", "flag", "flag", MATCHING_PARTIAL},
	    {"btree", "qty int4_ops", "name = 'x'", "qty = 5 AND name = 'x'", MATCHING_GOOD},
	};
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		tear_down(state);
		set_up(state);
		judge_index(&judge, product, "tried", cases[at].method, cases[at].keys, cases[at].predicate);
		judge_seal(&judge);
		enum matching_quality found = quality(cases[at].condition);
		if (found != cases[at].quality)
			fail_msg("%s (%s), %s: %d, not %d", cases[at].method, cases[at].keys, cases[at].condition,
			         found, cases[at].quality);
	}
}

/* An index that is not valid serves nothing; one arm of an OR without an index is one too many. */
static void unusable(void **state)
{
	(void)state;
	struct catalog_index *index = judge_index(&judge, product, "tried", "btree", "qty int4_ops", NULL);
	judge_seal(&judge);
	assert_int_equal(quality("qty = 5 OR id = 3"), MATCHING_GOOD);
	assert_int_equal(quality("qty = 5 OR owner = 3"), MATCHING_NONE);
	assert_int_equal(quality("(qty = 5 AND owner = 3) OR id = 3"), MATCHING_GOOD);
	index->valid = false;
	assert_int_equal(quality("qty = 5"), MATCHING_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(qualities, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unusable, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
