#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "inspect/text/encoding.h"
#include "tests/unit/private_postgres.h"

#include <string.h>

/* -- fixture: a server, which says what each of its encodings holds ----------------------------------------- */

static struct private_postgres postgres;
static PGconn *connection;
static struct encoding_reader *reader;

static int set_up(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	connection = private_postgres_connect(&postgres, "postgres");
	private_postgres_run(connection, "SET client_min_messages = error; SET bytea_output = hex;"
	                                 "CREATE FUNCTION pg_temp.try(bytes bytea, encoding name) RETURNS text "
	                                 "LANGUAGE plpgsql AS $$ BEGIN RETURN convert_from(bytes, encoding); "
	                                 "EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$");
	reader = encoding_reader_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	encoding_reader_free(reader);
	PQfinish(connection);
	private_postgres_stop(&postgres);
	return 0;
}

static bool reads(const char *encoding, const char *text, size_t len, const char **utf8, size_t *utf8_len)
{
	const struct encoding *found = encoding_named(encoding, strlen(encoding));
	assert_non_null(found);
	return encoding_read(reader, found, text, len, utf8, utf8_len);
}

static void expect(const char *encoding, const char *text, const char *utf8)
{
	const char *got;
	size_t len;
	if (!reads(encoding, text, strlen(text), &got, &len))
		fail_msg("%s: no such text: %s", encoding, utf8);
	assert_int_equal(len, strlen(utf8));
	assert_memory_equal(got, utf8, len);
}

static void expect_none(const char *encoding, const char *text)
{
	const char *got;
	size_t len;
	assert_false(reads(encoding, text, strlen(text), &got, &len));
}

/* Where the characters end is what matters: each that is not ASCII becomes a dot. */
static void skeleton(const char *utf8, size_t len, char *out)
{
	for (size_t at = 0; at < len; at++) {
		uint8_t byte = (uint8_t)utf8[at];
		if (byte < 0x80)
			*out++ = (char)byte;
		else if (byte >= 0xc0)
			*out++ = '.';
	}
	*out = '\0';
}

/* -- cases ------------------------------------------------------------------------------------------------------- */

static const char *const all[] = {
    "SJIS",    "SHIFT_JIS_2004", "BIG5",    "GBK",        "UHC",        "GB18030",    "JOHAB",      "EUC_CN",
    "EUC_JP",  "EUC_JIS_2004",   "EUC_KR",  "EUC_TW",     "LATIN1",     "LATIN2",     "LATIN3",     "LATIN4",
    "LATIN5",  "LATIN6",         "LATIN7",  "LATIN8",     "LATIN9",     "LATIN10",    "WIN866",     "WIN874",
    "WIN1250", "WIN1251",        "WIN1252", "WIN1253",    "WIN1254",    "WIN1255",    "WIN1256",    "WIN1257",
    "WIN1258", "KOI8R",          "KOI8U",   "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "UTF8",
};

static void test_as_the_server(void **state)
{
	/* Every pair of bytes that the server takes, with ASCII around it, is cut by us as the server cuts it; and
	 * nearly always it is the same character. What we refuse the server refuses. */
	(void)state;
	static const char query[] =
	    "SELECT encode(t, 'hex'), u FROM (SELECT t, pg_temp.try(t, $1::name) AS u FROM ("
	    "SELECT '\\x2741'::bytea || set_byte('\\x00', 0, a) || set_byte('\\x00', 0, b) || '\\x5c27'::bytea AS t "
	    "FROM generate_series(128, 255) a, generate_series(1, 255, $2) b) s) r";
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		/* In those of one byte there is little to see in the second. */
		bool single = strchr("LWKI", all[i][0]) != NULL;
		const char *values[] = {all[i], single ? "13" : "1"};
		PGresult *result = PQexecParams(connection, query, 2, NULL, values, NULL, NULL, 0);
		assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
		int taken = 0, other = 0;
		for (int row = 0; row < PQntuples(result); row++) {
			const char *hex = PQgetvalue(result, row, 0);
			char text[8], ours[64], theirs[64];
			for (size_t at = 0; at < 6; at++) {
				unsigned byte;
				assert_int_equal(sscanf(hex + 2 * at, "%2x", &byte), 1);
				text[at] = (char)byte;
			}
			const char *got;
			size_t len;
			bool read = reads(all[i], text, 6, &got, &len);
			if (PQgetisnull(result, row, 1))
				continue;
			if (!read)
				fail_msg("%s: %s is refused here", all[i], hex);
			taken++;
			const char *wanted = PQgetvalue(result, row, 1);
			skeleton(got, len, ours);
			skeleton(wanted, strlen(wanted), theirs);
			if (strcmp(ours, theirs) != 0)
				fail_msg("%s: %s is %s to the server, %s to us", all[i], hex, theirs, ours);
			other += len != strlen(wanted) || memcmp(got, wanted, len) != 0;
		}
		PQclear(result);
		if (taken < 100 || other * 50 > taken)
			fail_msg("%s: %d of %d are other characters", all[i], other, taken);
	}
}

static void test_hidden_ascii(void **state)
{
	/* A backslash, a bar, a brace and a letter as a character's last byte are no such thing; a quote never is one.
	 */
	(void)state;
	expect("SJIS", "'\x83\x5c'", "'ソ'");
	expect("SJIS", "'\x83\x7c\x83\x7b'", "'ポボ'");
	expect("BIG5", "'\xa5\x5c'", "'功'");
	expect("GBK", "'\x81\x5c\x81\x7c'", "'乗亅'");
	expect("UHC", "'\x81\x41'", "'갂'");
	expect("GB18030", "'\x81\x30\x81\x30\\'", "'\xc2\x80\\'");
	expect("SJIS", "\xb1'\\", "ｱ'\\"); /* a whole character in one byte */
	expect_none("SJIS", "'\x83'");
	expect_none("BIG5", "'\xa5'");
	expect_none("GBK", "'\x81' x");
	expect_none("UHC", "'\x81;");
	expect_none("GB18030", "'\x81'");
	expect_none("GB18030", "'\x81\x30'");
	expect_none("GB18030", "'\x81\x30\x81'0'");
	expect_none("EUC_JP", "'\xa4'");
	expect_none("EUC_KR", "\xb0\x41");
	expect_none("JOHAB", "\x88\x41");
}

static void test_becomes_ascii(void **state)
{
	/* The one conversion that makes a backslash, which then quotes. */
	(void)state;
	expect("SHIFT_JIS_2004", "E'\x81\x5f''\x81\xb0", "E'\\''~");
	expect("SHIFT_JIS_2004", "\x82\xf5\x81\x5f\x82\xf6", "か゚\\き゚");
	expect("SJIS", "\x81\x5f", "＼");
}

static void test_cut_off(void **state)
{
	/* A text that ends inside of a character is none, and nothing past its end is read. */
	(void)state;
	const struct {
		const char *encoding;
		const char bytes[5];
	} cases[] = {{"SJIS", "\x83\x5c"},
	             {"BIG5", "\xa5\x5c"},
	             {"GB18030", "\x81\x30\x81\x30"},
	             {"EUC_TW", "\x8e\xa2\xa1\xa1"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t whole = strlen(cases[i].bytes), len;
		for (size_t cut = 1; cut <= whole; cut++) {
			char *text = malloc(cut);
			const char *got;
			assert_non_null(text);
			memcpy(text, cases[i].bytes, cut);
			assert_int_equal(reads(cases[i].encoding, text, cut, &got, &len), cut == whole);
			free(text);
		}
	}
}

static void test_unknown_characters(void **state)
{
	/* What iconv doesn't know keeps its place; of MULE_INTERNAL it knows nothing. */
	(void)state;
	expect("UHC", "a\xc9\xa1'", "a\xef\xbf\xbd'");
	expect("WIN1252", "\xe9\x81'", "é\xef\xbf\xbd'");
	expect("MULE_INTERNAL", "\x81'", "\xef\xbf\xbd'");
}

static void test_room(void **state)
{
	/* The longest that a text can become: three bytes for each. A short one after it is as good. */
	(void)state;
	size_t len = 200000, got_len;
	char *text = malloc(len);
	const char *got;
	assert_non_null(text);
	memset(text, 0xa1, len);
	assert_true(reads("WIN874", text, len, &got, &got_len));
	assert_int_equal(got_len, 3 * len);
	for (size_t at = 0; at < len; at += 2)
		memcpy(text + at, "\x82\xf5", 2);
	assert_true(reads("SHIFT_JIS_2004", text, len, &got, &got_len));
	assert_int_equal(got_len, 3 * len);
	free(text);
	expect("WIN874", "\xa1", "ก");
	expect("LATIN1", "", "");
}

static void test_names(void **state)
{
	/* Case and punctuation don't count, as in the server; what is no encoding is none. */
	(void)state;
	assert_ptr_equal(encoding_named("utf-8", 5), encoding_utf8());
	assert_ptr_equal(encoding_named("Unicode", 7), encoding_utf8());
	assert_ptr_equal(encoding_named("'UTF8'", 6), encoding_utf8());
	assert_ptr_equal(encoding_named("Shift_JIS", 9), encoding_named("SJIS", 4));
	assert_ptr_equal(encoding_named("iso8859-1", 9), encoding_named("LATIN1", 6));
	assert_null(encoding_named("SJ", 2));
	assert_null(encoding_named("", 0));
	assert_null(encoding_named("a-name-that-is-longer-than-any-encoding-has", 43));
	assert_true(encoding_is_plain(encoding_named("SQL_ASCII", 9)));
	assert_true(encoding_is_sql_ascii(encoding_named("SQL_ASCII", 9)));
	assert_false(encoding_is_plain(encoding_named("LATIN1", 6)));
}

static void test_hiding(void **state)
{
	/* All are handed out to be tried, and six of them hide ASCII. */
	(void)state;
	size_t count = 0, hiding = 0;
	while (encoding_at(count))
		hiding += encoding_hides_ascii(encoding_at(count++));
	assert_int_equal(count, ENCODING_COUNT);
	assert_int_equal(hiding, 6);
	assert_false(encoding_hides_ascii(encoding_utf8()));
	assert_false(encoding_hides_ascii(encoding_named("EUC_JP", 6)));
	/* JOHAB could, but the server takes only what doesn't. */
	assert_false(encoding_hides_ascii(encoding_named("JOHAB", 5)));
}

static void test_matters(void **state)
{
	/* Only a byte above 127 before one that may end its character makes a difference. */
	(void)state;
	assert_false(encoding_matters("SELECT 'a\\'", 11));
	assert_false(encoding_matters("'\xd0\xb6\xd0\xb6'", 6));
	assert_false(encoding_matters("\xd0", 1));
	assert_false(encoding_matters("", 0));
	assert_true(encoding_matters("'\x83\\'", 4));
	assert_true(encoding_matters("\xc3\xa9t", 3));
	assert_true(encoding_matters("\x81\x30", 2));
}

static void assert_written(const char *encoding, const char *utf8, size_t size,
                           const char *expected)
{
	char *to = malloc(size);
	encoding_write(reader, encoding_named(encoding, strlen(encoding)), utf8, to, size);
	assert_string_equal(to, expected);
	free(to);
}

static void test_written(void **state)
{
	/* What a client of that encoding reads; a question mark for what it has none for, and never half a character. */
	(void)state;
	assert_written("UTF8", "gr\xc3\xb6\xc3\x9f" "e", 64, "gr\xc3\xb6\xc3\x9f" "e");
	assert_written("LATIN1", "gr\xc3\xb6\xc3\x9f" "e", 64, "gr\xf6\xdf" "e");
	assert_written("LATIN1", "\xe8\xa1\xa8 a\xf0\x9f\x90\x98", 64, "? a?");
	assert_written("SJIS", "\xe8\xa1\xa8\\", 64, "\x95\x5c\\");
	assert_written("GB18030", "\xc3\xb6", 64, "\x81\x30\x8b\x32");
	assert_written("MULE_INTERNAL", "a\xc3\xb6", 64, "a?");
	assert_written("SQL_ASCII", "\xc3\xb6", 64, "\xc3\xb6");
	assert_written("GB18030", "a\xc3\xb6", 5, "a");
	assert_written("GB18030", "a\xc3\xb6", 6, "a\x81\x30\x8b\x32");
	assert_written("UTF8", "a\xc3\xb6", 3, "a");
	assert_written("UTF8", "", 1, "");
	/* Not UTF-8, and its end. */
	assert_written("LATIN1", "\xff\xc3", 64, "??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_the_server),
	    cmocka_unit_test(test_hidden_ascii),
	    cmocka_unit_test(test_becomes_ascii),
	    cmocka_unit_test(test_cut_off),
	    cmocka_unit_test(test_unknown_characters),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_hiding),
	    cmocka_unit_test(test_matters),
	    cmocka_unit_test(test_written),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
