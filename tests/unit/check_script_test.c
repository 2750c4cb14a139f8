#include "proxy/check/check_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* The pieces of a text as "LINE:COLUMN text" joined by '|'; a command of psql is in brackets. */
static const char *pieces(const char *text)
{
	static char out[4096];
	struct check_script script;
	struct check_script_piece piece;
	size_t len = 0;

	out[0] = '\0';
	check_script_init(&script, text, strlen(text));
	for (;;) {
		check_script_next(&script, true, &piece);
		if (piece.kind == CHECK_SCRIPT_END)
			return out;
		bool command = piece.kind == CHECK_SCRIPT_COMMAND;
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%u:%u %s%.*s%s", len > 0 ? "|" : "",
		                        (unsigned)piece.line, (unsigned)piece.column, command ? "[" : "",
		                        (int)piece.len, piece.text, command ? "]" : "");
		assert_true(len < sizeof(out));
	}
}

/* A semicolon ends a statement, but not in quotes, comments, dollar quotes or brackets; places count from 1. */
static void statements(void **state)
{
	(void)state;
	assert_string_equal(pieces(""), "");
	assert_string_equal(pieces(" ;; -- nothing\n"), "");
	assert_string_equal(pieces("SELECT 1"), "1:1 SELECT 1");
	assert_string_equal(pieces("SELECT 1;\n  SELECT 2 ;"), "1:1 SELECT 1|2:3 SELECT 2");
	assert_string_equal(pieces("SELECT ';' ; SELECT $a$;$a$;/* ; */ SELECT \";\""),
	                    "1:1 SELECT ';'|1:14 SELECT $a$;$a$|1:37 SELECT \";\"");
	assert_string_equal(pieces("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3"),
	                    "1:1 CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)|1:58 SELECT 3");
	assert_string_equal(pieces("\xEF\xBB\xBFSELECT 1;"), "1:1 SELECT 1");
}

/* The body of a function may hold statements of its own; a table's column called "end" or a plain BEGIN opens none. */
static void bodies(void **state)
{
	(void)state;
	assert_string_equal(
	    pieces("CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 "
	           "END; SELECT 1; END; SELECT 2"),
	    "1:1 CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 "
	    "END; SELECT 1; END|1:105 SELECT 2");
	assert_string_equal(pieces("BEGIN; SELECT 1; END; SELECT 2"), "1:1 BEGIN|1:8 SELECT 1|1:18 END|1:23 SELECT 2");
}

/* Rows behind COPY … FROM STDIN are no SQL; those of COPY … TO and from a file don't follow. */
static void rows(void **state)
{
	(void)state;
	assert_string_equal(pieces("COPY t (a) FROM stdin;\n1;2\n'\n\\.\nSELECT 1;"),
	                    "1:1 COPY t (a) FROM stdin|5:1 SELECT 1");
	assert_string_equal(pieces("COPY t FROM STDIN WITH (FORMAT csv);\r\n1\r\n\\.\r\nSELECT 1;"),
	                    "1:1 COPY t FROM STDIN WITH (FORMAT csv)|4:1 SELECT 1");
	assert_string_equal(pieces("COPY t FROM stdin;\nnever ends"), "1:1 COPY t FROM stdin");
	assert_string_equal(pieces("COPY t TO stdout;\nSELECT 1;"), "1:1 COPY t TO stdout|2:1 SELECT 1");
}

/* A backslash command ends with its line, and a statement before it; one inside a string is none. */
static void commands(void **state)
{
	(void)state;
	assert_string_equal(pieces("\\set x 1\nSELECT 1;"), "1:1 [\\set x 1]|2:1 SELECT 1");
	assert_string_equal(pieces("SELECT 1 \\gset\nSELECT 2;"), "1:1 SELECT 1|1:10 [\\gset]|2:1 SELECT 2");
	assert_string_equal(pieces("SELECT E'\\n';"), "1:1 SELECT E'\\n'");
}

/* What does not end is one last statement, however the text is cut, and nothing behind the text is read. */
static void cut_anywhere(void **state)
{
	static const char text[] =
	    "SELECT 'a;b'; COPY t FROM stdin;\n1\n\\.\nCREATE FUNCTION f() AS $x$ ; $x$; \\i y\n";
	(void)state;
	assert_string_equal(pieces("SELECT 'a; SELECT 2;"), "1:1 SELECT 'a; SELECT 2;");
	for (size_t len = 0; len < sizeof(text); len++) {
		struct bytes guarded = guard_copy(text, len);
		struct check_script script;
		struct check_script_piece piece;
		size_t count = 0;
		check_script_init(&script, (const char *)guarded.data, len);
		do {
			check_script_next(&script, true, &piece);
			assert_true(++count < 16);
		} while (piece.kind != CHECK_SCRIPT_END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statements), cmocka_unit_test(bodies),       cmocka_unit_test(rows),
	    cmocka_unit_test(commands),   cmocka_unit_test(cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
