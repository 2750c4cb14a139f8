#include "inspect/access/clues.h"

#include "tests/unit/dictionary_file.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct dictionary *dictionary;
static char heard[1024];

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	dictionary = dictionary_file();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dictionary_unref(dictionary);
	judge_fini(&judge);
	return 0;
}

/* "item.name text!" for what is sure, "item.name text" for a guess, "item.name" for nothing. */
static void hear(void *context, int16_t relation, const char *column, uint32_t type, enum clue clue)
{
	const struct facts *facts = context;
	const struct dictionary_type *known = clue != CLUE_NONE ? dictionary_type(dictionary, type) : NULL;
	size_t len = strlen(heard);
	snprintf(heard + len, sizeof(heard) - len, "%s%s.%s%s%s%s", len > 0 ? ", " : "",
	         facts->relations[relation].name, column, known != NULL ? " " : "", known != NULL ? known->name : "",
	         clue == CLUE_SURE ? "!" : "");
}

static void expect(const char *sql, const char *wanted)
{
	const struct facts *facts = judge_parse(&judge, sql);
	heard[0] = '\0';
	clues_find(facts, dictionary, hear, (void *)facts);
	assert_string_equal(heard, wanted);
}

/* An operator that only one type has says it, and a constant what it looks like. */
static void by_operator(void **state)
{
	(void)state;
	expect("SELECT 1 FROM item WHERE name LIKE '%a%'", "item.name text!");
	expect("SELECT 1 FROM item WHERE UPPER(name::text) LIKE UPPER('%a%')", "item.name text");
	expect("SELECT 1 FROM item WHERE name ~* 'a'", "item.name text!");
	expect("SELECT 1 FROM item WHERE data @> '{}'", "item.data jsonb!");
	expect("SELECT 1 FROM item WHERE data ->> 'a' = 'b'", "item.data jsonb!");
	expect("SELECT 1 FROM item WHERE data ? 'a'", "item.data jsonb!");
	expect("SELECT 1 FROM item WHERE tags @> ARRAY['a']", "item.tags _text!");
	expect("SELECT 1 FROM item WHERE tags && ARRAY['a']::varchar(5)[]", "item.tags _varchar!");
	expect("SELECT 1 FROM item WHERE 'a' = ANY (tags)", "item.tags _text");
	expect("SELECT 1 FROM item WHERE words @@ to_tsquery('a')", "item.words tsvector!");
}

/* What any type may stand in is a guess, or nothing. */
static void by_value(void **state)
{
	(void)state;
	expect("SELECT 1 FROM item WHERE qty = 5", "item.qty int8");
	expect("SELECT 1 FROM item WHERE qty IN (5, 6)", "item.qty int8");
	expect("SELECT 1 FROM item WHERE price > 5.5", "item.price numeric");
	expect("SELECT 1 FROM item WHERE code = 'a'", "item.code text");
	expect("SELECT 1 FROM item WHERE at > '2026-01-01'::date", "item.at date!");
	expect("SELECT 1 FROM item WHERE flag AND NOT other", "item.flag bool!, item.other bool!");
	expect("SELECT 1 FROM item WHERE gone IS NULL ORDER BY at", "item.gone, item.at");
	expect("SELECT 1 FROM item WHERE span && '[1,2]'", "item.span");
}

/* Whose column it is has to be plain. */
static void by_table(void **state)
{
	(void)state;
	expect("SELECT 1 FROM item i JOIN shop s ON s.id = i.shop_id WHERE i.name LIKE '%a%' AND other LIKE '%b%'",
	       "shop.id, item.shop_id, item.name text!");
	expect("SELECT 1 FROM item WHERE EXISTS (SELECT 1 FROM shop s WHERE s.name LIKE '%a%')", "shop.name text!");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(by_operator, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(by_value, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(by_table, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
