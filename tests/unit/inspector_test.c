#include "inspect/inspector.h"

#include "config/limits.h"
#include "inspect/catalog/dictionary.h"
#include "tests/unit/inspected.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* -- recognition -------------------------------------------------------------------------------------- */

/* The second time a statement comes, with other values, it is the same one and nothing is parsed. */
static void the_second_time_costs_no_parse(void **state)
{
	struct statement *first = inspected_recognise("SELECT name FROM product WHERE id = 1");
	struct statement *second = inspected_recognise("SELECT name FROM product WHERE id = 2");
	struct inspector_figures figures = inspector_figures(inspected.inspector);

	(void)state;
	assert_ptr_equal(first, second);
	assert_int_equal(first->references, 3);
	assert_string_equal(first->query, "SELECT name FROM product WHERE id = $1");
	assert_int_equal(first->statement_count, 1);
	assert_int_not_equal(first->fingerprint, 0);
	assert_int_equal(figures.parsed, 1);
	assert_int_equal(figures.hits, 1);
	assert_int_equal(figures.misses, 1);
	assert_int_equal(figures.statements, 1);
	assert_true(figures.parse_ns > 0);
	assert_true(figures.bytes > 0);
	cache_unref(first);
	cache_unref(second);
}

static const char *typed(const char *sql, uint32_t type)
{
	const struct inspector_types types = {&type, 1};
	struct statement *statement =
	    inspector_recognise_typed(inspected.inspector, &inspected.judge.session, sql, strlen(sql), &types);
	const struct verdict *verdict = inspected_judge(statement);
	const char *code = verdict->count > 0 ? verdict->findings[0].rule->code : "";

	cache_unref(statement);
	return code;
}

/* What a parameter is declared to be decides, for each type anew; and what is left to the server takes the column's. */
static void declared_types_decide(void **state)
{
	static const char by_id[] = "SELECT name FROM product WHERE id = $1";

	(void)state;
	inspector_put_catalog(inspected.inspector, inspected_catalog(JUDGE_LARGE));
	for (int times = 0; times < 2; times++) {
		assert_string_equal(typed(by_id, TYPE_INT2), "");
		assert_string_equal(typed(by_id, TYPE_INT8), "");
		assert_string_equal(typed(by_id, TYPE_NUMERIC), "Q109");
		assert_string_equal(typed(by_id, TYPE_FLOAT8), "Q109");
		assert_string_equal(typed(by_id, 0), "");
		assert_string_equal(typed(by_id, UINT32_MAX), "");
	}
	assert_int_equal(inspector_figures(inspected.inspector).statements, 6);
}

/* A long text that is not known can be read elsewhere; short ones, known ones and those that can't be read are not
 * worth it. What was read elsewhere is not parsed again, and serves the texts like it, too. */
static void long_texts_are_read_elsewhere(void **state)
{
	static char sql[2 * LIMIT_PARSE_BYTES_AT_ONCE];
	const struct session_state *session = &inspected.judge.session;
	struct inspector_reading *reading;
	struct statement *statement, *again;
	size_t len = 0;

	(void)state;
	assert_null(inspector_begin(inspected.inspector, session, "SELECT 1", 8, NULL));
	while (len < LIMIT_PARSE_BYTES_AT_ONCE)
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, "%sname = 'a' || column_%zu",
		                        len ? " AND " : "SELECT 1 FROM product WHERE ", len);
	reading = inspector_begin(inspected.inspector, session, sql, len, NULL);
	assert_non_null(reading);
	inspector_read(reading);
	inspector_end(inspected.inspector, reading);
	statement = inspector_recognise(inspected.inspector, session, sql, len);
	assert_int_equal(statement->statement_count, 1);
	assert_int_equal(inspector_figures(inspected.inspector).parsed, 1);
	/* With other literals it is known by now. */
	strstr(sql, "'a'")[1] = 'b';
	assert_null(inspector_begin(inspected.inspector, session, sql, len, NULL));
	again = inspector_recognise(inspected.inspector, session, sql, len);
	assert_ptr_equal(again, statement);
	assert_int_equal(inspector_figures(inspected.inspector).parsed, 1);
	assert_int_equal(inspector_figures(inspected.inspector).hits, 1);
	cache_unref(statement);
	cache_unref(again);
	/* A quote too many: no parser is asked. */
	sql[len - 1] = '\'';
	assert_null(inspector_begin(inspected.inspector, session, sql, len, NULL));
	/* One that nobody asks for after all. */
	sql[len - 1] = 'x';
	reading = inspector_begin(inspected.inspector, session, sql, len, NULL);
	assert_non_null(reading);
	inspector_read(reading);
	inspector_end(inspected.inspector, reading);
}

/* Another search_path may make it another statement. */
static void the_scope_tells_statements_apart(void **state)
{
	struct statement *first = inspected_recognise("SELECT name FROM product"), *second;

	(void)state;
	inspected.judge.session.scope++;
	second = inspected_recognise("SELECT name FROM product");
	assert_ptr_not_equal(first, second);
	assert_true(first->fingerprint == second->fingerprint);
	cache_unref(first);
	cache_unref(second);
}

struct opaque_case {
	const char *sql;
	enum opaque_reason reason;
};

/* What cannot be read is a statement too, judged as nothing, with a text that tells the reason and no SQL. */
static void what_cannot_be_read_is_opaque(void **state)
{
	static const struct opaque_case cases[] = {
	    {"SELEC 'secret'", OPAQUE_SYNTAX},
	    {"SELECT 'secret", OPAQUE_UNTERMINATED},
	    {"SELECT /* secret", OPAQUE_UNTERMINATED},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct statement *statement = inspected_recognise(cases[at].sql);

		assert_int_equal(statement->opaque, cases[at].reason);
		assert_int_equal(statement->fingerprint, 0);
		assert_int_equal(statement->statement_count, 0);
		assert_null(strstr(statement->query, "secret"));
		assert_true(strlen(statement->query) > 0);
		assert_int_equal(inspected_judge(statement)->count, 0);
		cache_unref(statement);
	}
	assert_int_equal(inspector_figures(inspected.inspector).opaque, ARRAY_LEN(cases));
}

/* Too deep and too long are told apart; so is what was never looked at. */
static void ceilings_make_it_opaque(void **state)
{
	size_t len = 4 * LIMIT_PARSE_OPERATORS;
	char *sql = malloc(len);
	struct statement *statement;

	(void)state;
	memset(sql, '(', len);
	statement = inspector_recognise(inspected.inspector, &inspected.judge.session, sql, len);
	assert_int_equal(statement->opaque, OPAQUE_TOO_DEEP);
	cache_unref(statement);
	for (size_t at = 0; at < len; at++)
		sql[at] = at % 2 ? '+' : '1';
	statement = inspector_recognise(inspected.inspector, &inspected.judge.session, sql, len);
	assert_int_equal(statement->opaque, OPAQUE_TOO_LONG);
	cache_unref(statement);
	free(sql);
	statement = inspector_oversize(inspected.inspector);
	assert_int_equal(statement->opaque, OPAQUE_OVERSIZE);
	assert_int_equal(inspected_judge(statement)->count, 0);
	cache_unref(statement);
}

/* An empty text is none of these: it is understood, and there is nothing in it. */
static void an_empty_text_is_understood(void **state)
{
	struct statement *statement = inspected_recognise(" ; -- nothing");

	(void)state;
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	assert_int_equal(statement->statement_count, 0);
	assert_string_equal(statement->query, "");
	assert_int_equal(inspected_judge(statement)->count, 0);
	cache_unref(statement);
}

/* A backslash before a quote is read as the session reads it. */
static void backslashes_follow_the_session(void **state)
{
	struct statement *statement;

	(void)state;
	inspected.judge.session.standard_conforming_strings = false;
	statement = inspected_recognise("SELECT name FROM product WHERE name = 'it\\'s'");
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
	inspected.judge.session.standard_conforming_strings = true;
	statement = inspected_recognise("SELECT name FROM product WHERE name = 'it\\'s'");
	assert_int_equal(statement->opaque, OPAQUE_UNTERMINATED);
	cache_unref(statement);
}

static void encode(const char *client_encoding)
{
	session_state_parameter(&inspected.judge.session, "client_encoding", 15, client_encoding,
	                        strlen(client_encoding));
}

/* A text is read in its encoding: "\x95\x5c" is one character in SJIS, and "\x5c" no backslash. What is no text in it
 * isn't read at all. */
static void texts_are_read_in_their_encoding(void **state)
{
	static const char sql[] = "SELECT name FROM product WHERE name = E'\x95\x5c' -- ' ";
	struct statement *statement;

	(void)state;
	encode("SJIS");
	statement = inspected_recognise(sql);
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
	encode("LATIN1");
	statement = inspected_recognise(sql); /* there the quote is quoted */
	assert_int_equal(statement->statement_count, 1);
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
	statement = inspected_recognise("SELECT \"caf\xe9\" FROM product");
	assert_non_null(strstr(statement->query, "café"));
	cache_unref(statement);
	encode("SJIS");
	statement = inspected_recognise("SELECT '\x95'");
	assert_int_equal(statement->opaque, OPAQUE_ENCODING);
	assert_int_equal(inspected_judge(statement)->count, 0);
	cache_unref(statement);
	statement = inspected_recognise("SELECT name FROM product WHERE name = 'a'");
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
	encode("UTF8");
	statement = inspected_recognise("SELECT name FROM product WHERE name = 'é'");
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
}

/* The name in the text is the one in the catalog, whatever bytes it came in. */
static void names_are_compared_in_utf8(void **state)
{
	struct statement *statement;
	struct judge other;

	(void)state;
	judge_init(&other);
	judge_table(&other, "public", "größe", 5e6);
	inspector_put_catalog(inspected.inspector, catalog_ref(other.catalog));
	judge_fini(&other);
	encode("WIN1252");
	statement = inspected_recognise("CREATE INDEX i ON \"gr\xf6\xdf"
	                      "e\" (name)");
	assert_int_equal(inspected_judge(statement)->count, 1);
	cache_unref(statement);
	encode("UTF8");
	statement = inspected_recognise("CREATE INDEX i ON \"gr\xf6\xdf"
	                      "e\" (name)");
	assert_int_equal(inspected_judge(statement)->count, 0);
	cache_unref(statement);
}

/* A parameter is looked at in UTF-8 too. */
static void parameters_are_read_in_their_encoding(void **state)
{
	const char *text = "\x83\x5c%";
	size_t len = 3;

	(void)state;
	assert_true(inspector_text(inspected.inspector, &inspected.judge.session, &text, &len));
	assert_int_equal(len, 3);
	encode("SJIS");
	assert_true(inspector_text(inspected.inspector, &inspected.judge.session, &text, &len));
	assert_int_equal(len, strlen("ソ%"));
	assert_memory_equal(text, "ソ%", len);
	text = "\x83%";
	len = 2;
	assert_false(inspector_text(inspected.inspector, &inspected.judge.session, &text, &len));
}

/* -- several readings --------------------------------------------------------------------------------- */

/* Harmful where the backslash quotes, and where it doesn't. */
static const char harmful_off[] = "SELECT 'a\\', '; CREATE INDEX i ON product (name); --'";
static const char harmful_on[] = "SELECT 'a\\'; CREATE INDEX i ON product (name); --'";

static uint16_t readings_with(const struct statement *statement, enum statement_kind kind)
{
	uint16_t count = 0;

	for (uint16_t at = 0; at < statement->reading_count; at++) {
		for (uint16_t i = 0; i < statement->readings[at]->statement_count; i++)
			count += statement->readings[at]->facts[i].kind == kind;
	}
	return count;
}

/* Settled, there is one reading, the current one; unsettled, both, and the current one comes first. */
static void unsettled_texts_have_all_readings(void **state)
{
	static const char *const texts[] = {harmful_off, harmful_on};
	struct session_state *session = &inspected.judge.session;

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		for (int conforming = 0; conforming < 2; conforming++) {
			struct statement *one, *both;

			session->standard_conforming_strings = conforming == 1;
			session->unsettled = false;
			one = inspected_recognise(texts[at]);
			assert_int_equal(one->reading_count, 0);
			session->unsettled = true;
			both = inspected_recognise(texts[at]);
			assert_int_equal(both->reading_count, 2);
			assert_ptr_equal(both->readings[0], one);
			assert_ptr_equal(both->facts, one->facts);
			assert_int_equal(readings_with(both, STATEMENT_DDL), 1);
			assert_true(both->has_ddl);
			cache_unref(both);
			cache_unref(one);
		}
	}
}

/* Without a backslash, or anything outside ASCII, there is nothing to read in two ways. */
static void most_texts_have_one_reading(void **state)
{
	static const char *const texts[] = {"SELECT 'a'; DROP TABLE product", "SELECT 'это'", "",
	                                    "SELECT 'it''s', E'x'"};

	(void)state;
	inspected.judge.session.unsettled = true;
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		struct statement *statement = inspected_recognise(texts[at]);

		assert_int_equal(statement->reading_count, 0);
		cache_unref(statement);
	}
}

/* What can't be parsed in the other way has one reading; what can't be parsed in the current one has that and the
 * other. */
static void readings_without_a_statement(void **state)
{
	struct session_state *session = &inspected.judge.session;
	struct statement *statement;

	(void)state;
	session->unsettled = true;
	statement = inspected_recognise("SELECT 'a\\'");
	assert_int_equal(statement->reading_count, 0);
	assert_int_equal(statement->opaque, OPAQUE_NONE);
	cache_unref(statement);
	session->standard_conforming_strings = false;
	statement = inspected_recognise("SELECT 'a\\'");
	assert_int_equal(statement->reading_count, 2);
	assert_int_equal(statement->opaque, OPAQUE_UNTERMINATED);
	assert_int_equal(statement->readings[1]->opaque, OPAQUE_NONE);
	cache_unref(statement);
}

/* A client_encoding that may change makes readings too, with each that hides ASCII, from either side. */
static void readings_by_encoding(void **state)
{
	/* In SJIS and its like the first character is \x83\x5c, and the quote behind it ends the string. */
	static const char sql[] = "SELECT E'\x83\\', '; CREATE INDEX i ON product (name); --'";
	static const char *const encodings[] = {"UTF8", "LATIN1", "SJIS", "BIG5", "EUC_JP"};

	(void)state;
	inspected.judge.session.unsettled = true;
	for (size_t at = 0; at < ARRAY_LEN(encodings); at++) {
		struct statement *statement;

		encode(encodings[at]);
		statement = inspected_recognise(sql);
		assert_true(readings_with(statement, STATEMENT_DDL) > 0);
		cache_unref(statement);
	}
	/* What is no text in the current one may be one in another. */
	encode("SJIS");
	struct statement *half = inspected_recognise("SELECT '\x83'; CREATE INDEX i ON product (name)");
	assert_int_equal(half->opaque, OPAQUE_ENCODING);
	assert_true(readings_with(half, STATEMENT_DDL) > 0);
	cache_unref(half);
	encode("UTF8");
	inspected.judge.session.unsettled = false;
	struct statement *settled = inspected_recognise(sql);
	assert_int_equal(settled->reading_count, 0);
	cache_unref(settled);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, inspected_set_up, inspected_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(the_second_time_costs_no_parse),
	    CASE(declared_types_decide),
	    CASE(long_texts_are_read_elsewhere),
	    CASE(the_scope_tells_statements_apart),
	    CASE(what_cannot_be_read_is_opaque),
	    CASE(ceilings_make_it_opaque),
	    CASE(an_empty_text_is_understood),
	    CASE(backslashes_follow_the_session),
	    CASE(texts_are_read_in_their_encoding),
	    CASE(names_are_compared_in_utf8),
	    CASE(parameters_are_read_in_their_encoding),
	    CASE(unsettled_texts_have_all_readings),
	    CASE(most_texts_have_one_reading),
	    CASE(readings_without_a_statement),
	    CASE(readings_by_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
