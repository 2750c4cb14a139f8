#include "inspect/text/constants.h"
#include "config/check.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Each text ends where the scan must stop, marked by '|'; the mark is not part of it. */
static const char *cut(const char *marked, char *text)
{
	const char *mark = strchr(marked, '|');

	memcpy(text, marked, (size_t)(mark - marked));
	memcpy(text + (mark - marked), mark + 1, strlen(mark));
	return text + (mark - marked);
}

/* Rows of constants are passed over, up to the first that is anything else. */
static void rows_are_skipped(void **state)
{
	static const char *const all[] = {
	    "|",
	    "| RETURNING id",
	    ", (1)|",
	    ", (1), (2)| ON CONFLICT",
	    ",(1,'a'),( -2.5 , NULL )\n,\t('it''s'::text,true)|",
	    ", (DEFAULT, False, 'x'::TimestampTZ)|",
	    ", ('')| , (1",
	    ", (1)|, (now())",
	    ", (1)|, (+1)",
	    ", (1)|, (-1::int4)",
	    ", (1)|, ('a'::own)",
	    ", (1)|, ('a'::text::date)",
	    ", (1)|, (1e5)",
	    ", (1)|, (1..2)",
	    ", (1)|, (.5)",
	    ", (1)|, (E'a')",
	    ", (1)|, ('a'\n'b')",
	    ", (1)|, ('a' -- why\n)",
	    ", (1)|, (1 /* why */)",
	    ", (1)|, ()",
	    ", (1)|, (1,)",
	    ", (1)|, (1 2)",
	    ", (1)|, (nulls)",
	    ", (1)|, ('a",
	    ", (1)|, (",
	    ", (1)|,",
	    "|; (1)",
	};
	/* The columns have held plain text and documents. */
	struct constants_rows rows = {.seen = {0}};
	char text[200];

	(void)state;
	for (size_t at = 0; at < CONSTANTS_COLUMNS_MAX; at++)
		rows.seen[at] = value_bit(VALUE_PLAIN) | value_bit(VALUE_JSON);
	for (size_t at = 0; at < ARRAY_LEN(all); at++) {
		const char *stop = cut(all[at], text);

		if (constants_skip_rows(text, text + strlen(text), &rows) != stop)
			fail_msg("%s: stopped at %s", all[at], constants_skip_rows(text, text + strlen(text), &rows));
	}
}

/* A text of a kind that is new to its column ends the run: the facts say which kinds there are. */
static void new_kinds_end_the_run(void **state)
{
	struct constants_rows rows = {.seen = {value_bit(VALUE_PLAIN), 0, value_bit(VALUE_JSON)}};
	char text[200];
	const char *stop = cut(", ('a', 1, '{\"b\": 1}'), (NULL, NULL, NULL)|, (1, 'a', 1)", text);

	(void)state;
	assert_ptr_equal(constants_skip_rows(text, text + strlen(text), &rows), stop);
	stop = cut(", ('', 1, 1)|, ('{\"b\": 1}', 1, 1)", text);
	assert_ptr_equal(constants_skip_rows(text, text + strlen(text), &rows), stop);
	stop = cut(", ('', 1, '{\"a\": 1}')|, ('', 1, 'a')", text);
	assert_ptr_equal(constants_skip_rows(text, text + strlen(text), &rows), stop);
	/* Among secrets all kinds count. */
	rows.secret = true;
	stop = cut(", ('horse battery')|, ('')", text);
	assert_ptr_equal(constants_skip_rows(text, text + strlen(text), &rows), stop);
}

/* Members are passed over when they are like the first: the same kind, the same cast. */
static void members_are_skipped(void **state)
{
	static const struct {
		const char *key;
		size_t key_len;
		const char *text;
	} all[] = {
	    {"i\1", 2, ", 1,2 , 999999999|)"},
	    {"i\1", 2, ", 1|, 9999999999)"},
	    {"i\1", 2, ", 1|, 2.5)"},
	    {"i\1", 2, ", 1|, 'a')"},
	    {"i\1", 2, ", 1|, -1)"},
	    {"i\1", 2, ", 1|, 2 + 3)"},
	    {"i\1", 2, ", 1|, 2"},
	    {"i\1", 2, "|)"},
	    {"s\xFF\xFF", 3, ", 'a', '%', 'it''s'|)"},
	    {"s\xFF\xFF", 3, ", 'a'|, 'b'::uuid)"},
	    {"s\xFF\xFF", 3, ", 'a'|, 'b'\n'c')"},
	    {"s\xFF\xFF", 3, ", 'a'|, E'b')"},
	    {"s\xFF\xFFtwuuid", 10, ", 'a'::uuid, 'b'::uuid|, 'c')"},
	    {"s\xFF\xFFtwuuid", 10, ", 'a'::uuid|, 'c'::uuids)"},
	};
	char text[200];

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++) {
		const char *stop = cut(all[at].text, text), *comma;
		struct constants_member member;
		uint32_t count, commas = 0;

		assert_true(constants_member_of(all[at].key, all[at].key_len, &member));
		if (constants_skip_members(text, text + strlen(text), &member, &comma, &count) != stop)
			fail_msg("%s: stopped elsewhere", all[at].text);
		assert_int_equal(count > 0, comma != NULL);
		for (const char *in = text; in < stop; in++)
			commas += *in == ',';
		assert_true(count <= commas);
		assert_int_equal(comma != NULL, stop != text);
		assert_true(!comma || *comma == ',');
	}
}

/* Other members have no short description. */
static void other_members_are_refused(void **state)
{
	static const struct {
		const char *key;
		size_t len;
	} all[] = {
	    {"", 0},
	    {"i\2", 2},
	    {"i\1t", 3},
	    {"d\0", 2},
	    {"s\1\1", 3},
	    {"s\xFF\xFFt", 4},
	    {"s\xFF\xFFtwuuid\0tw", 11},
	    {"s\xFF\xFFtwa_type_with_a_rather_long_name", 38},
	};
	struct constants_member member;

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++)
		assert_false(constants_member_of(all[at].key, all[at].len, &member));
}

/* Words and types count in any case, and only whole. */
static void words_and_types_are_known(void **state)
{
	(void)state;
	assert_true(constants_is_word("NULL", 4));
	assert_true(constants_is_word("dEfault", 7));
	assert_false(constants_is_word("nul", 3));
	assert_false(constants_is_word("truer", 5));
	assert_true(constants_is_type("TIMESTAMPTZ", 11));
	assert_false(constants_is_type("timestampt", 10));
	assert_false(constants_is_type("regclass", 8));
}

/* A doubled quote does not end a string. */
static void strings_end_at_their_quote(void **state)
{
	static const char text[] = "'it''s' 'open";
	bool plain;

	(void)state;
	assert_ptr_equal(constants_string_end(text, text + 7, &plain), text + 7);
	assert_false(plain);
	assert_ptr_equal(constants_string_end(text + 8, text + strlen(text), &plain), NULL);
}

/* Digits end at the first byte that is none, whichever it is and wherever it stands. */
static void digits_end_at_any_other_byte(void **state)
{
	char text[24];

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < sizeof(text); at++) {
			bool digit = byte >= '0' && byte <= '9';

			for (size_t fill = 0; fill < sizeof(text); fill++)
				text[fill] = (char)('0' + (fill * 7 + byte) % 10);
			text[at] = (char)byte;
			assert_ptr_equal(constants_digits_end(text, text + sizeof(text)),
			                 digit ? text + sizeof(text) : text + at);
		}
	}
	assert_ptr_equal(constants_digits_end(text, text), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_skipped),
	    cmocka_unit_test(new_kinds_end_the_run),
	    cmocka_unit_test(members_are_skipped),
	    cmocka_unit_test(other_members_are_refused),
	    cmocka_unit_test(words_and_types_are_known),
	    cmocka_unit_test(strings_end_at_their_quote),
	    cmocka_unit_test(digits_end_at_any_other_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
